"""Calls to a product through Forge's API, with an access token that came with an invocation.

The clients are those of every other call (:mod:`headway.app.client`): the same
verbs, retries, pages, files and errors, below another address and with another
header.  Source: "Calling Atlassian app APIs" of Forge Remote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, Self

import httpx

from headway.app.caller import Caller, HostCalls
from headway.app.client import HostClient, SyncHostClient
from headway.app.forge import Invocation
from headway.app.forge_tokens import AccessTokenMissing, Acting, BearerSigner, ForgeTokens
from headway.keys import new_secret
from headway.model import Installation, Product, Secret

__all__ = ["ForgeClient", "Invoked", "SyncForgeClient", "SyncInvoked"]


_MADE_FOR = "a token of Forge acts as whom it was made for: ask for client('user')"


class _ForgeCaller(Caller):
    """One token's identity at one API address."""

    def __init__(self, place: Installation, shared: HostCalls, signer: BearerSigner) -> None:
        super().__init__(place, shared)
        self.signer = signer

    def address(self, path: str) -> httpx.URL:
        """As for every caller; Confluence's own links begin with ``/wiki``, and may."""
        wiki = self.installation.product is Product.CONFLUENCE and path.startswith("/wiki/")
        return super().address(path.removeprefix("/wiki") if wiki else path)

    def __repr__(self) -> str:
        return f"<calls {self.signer!r}>"


class ForgeClient(HostClient):
    """Calls a product as an invocation's token allows; ``context.forge.client(...)`` makes it."""

    def __init__(self, place: Installation, signer: BearerSigner, calls: HostCalls) -> None:
        super().__init__(place, calls=calls)
        self._caller = _ForgeCaller(place, calls, signer)

    def as_user(self, account_id: str, scopes: Iterable[str] = ()) -> NoReturn:
        """Nobody else: a token of Forge acts as whom it was made for."""
        raise AccessTokenMissing(_MADE_FOR)


class SyncForgeClient(SyncHostClient):
    """The same for code that waits."""

    def __init__(self, place: Installation, signer: BearerSigner, calls: HostCalls) -> None:
        super().__init__(place, calls=calls)
        self._caller = _ForgeCaller(place, calls, signer)

    def as_user(self, account_id: str, scopes: Iterable[str] = ()) -> NoReturn:
        """Nobody else: a token of Forge acts as whom it was made for."""
        raise AccessTokenMissing(_MADE_FOR)


class _Invoked(Invocation, frozen=True, kw_only=True):
    """An invocation with what it may call."""

    tokens: ForgeTokens
    calls: HostCalls

    @classmethod
    def of(cls, invocation: Invocation, tokens: ForgeTokens, calls: HostCalls) -> Self:
        """*invocation* with its *tokens*; *calls* is what the app's clients share."""
        told = {name: getattr(invocation, name) for name in Invocation.__struct_fields__}
        return cls(**told, tokens=tokens, calls=calls)

    def _place(self, product: Product | str | None) -> Installation:
        """Where the calls go, as an installation: no secret of it signs anything.

        Paths are those of Connect: Confluence's API lies under ``/wiki``.
        """
        wanted = self.product if product is None else Product(product)
        if wanted not in self.api_base_urls:
            raise AccessTokenMissing(f"this invocation names no API address of {wanted}")
        below = "/wiki" if wanted is Product.CONFLUENCE else ""
        return Installation(
            app_key=self.app_id,
            client_key=self.installation_id,
            base_url=self.api_base_urls[wanted] + below,
            product=wanted,
            shared_secret=Secret(new_secret()),
        )

    def _signed(
        self, acting: Acting | str, product: Product | str | None
    ) -> tuple[Installation, BearerSigner, HostCalls]:
        place = self._place(product)
        return place, BearerSigner(place.base_url, self.tokens, Acting(acting)), self.calls


class Invoked(_Invoked, frozen=True, kw_only=True):
    """``context.forge`` of an ``async def`` handler: the invocation, and what it may call."""

    def client(
        self, acting: Acting | str = Acting.SYSTEM, product: Product | str | None = None
    ) -> ForgeClient:
        """Calls the product that invoked (or *product*) as the app, or as the ``"user"``.

        Good until the request is over.  Raises
        :class:`~headway.app.forge_tokens.AccessTokenMissing` where no such token
        came, and ValueError for another word.
        """
        return ForgeClient(*self._signed(acting, product))


class SyncInvoked(_Invoked, frozen=True, kw_only=True):
    """``context.forge`` of a plain handler."""

    def client(
        self, acting: Acting | str = Acting.SYSTEM, product: Product | str | None = None
    ) -> SyncForgeClient:
        """Calls the product; see :meth:`Invoked.client`."""
        return SyncForgeClient(*self._signed(acting, product))
