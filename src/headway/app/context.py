"""For whom a handler runs: what the request's token proved, typed.

An ``async def`` handler is called with a :class:`Context`, a plain one with a
:class:`SyncContext`: the same values, with calls that wait in the way of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import parse_qs

import msgspec

from headway import sign
from headway.app.background import result_of
from headway.app.client import HostClient, SyncHostClient
from headway.app.forge import Invocation, read_invocation
from headway.app.forge import module_of as forge_module
from headway.app.forge_calls import Invoked, SyncInvoked
from headway.app.forge_tokens import ForgeTokens
from headway.app.links import link_to
from headway.errors import ConfigurationError, HeadwayError
from headway.model import Installation, Kind, TokenText, Verified

if TYPE_CHECKING:
    from headway.app.connect import Connect

__all__ = [
    "Content",
    "Context",
    "Issue",
    "Licence",
    "ModuleContext",
    "NoInstallation",
    "NoInvocation",
    "Project",
    "Proved",
    "Space",
    "SyncContext",
    "installation_of",
]

T = TypeVar("T", bound=msgspec.Struct)


class Licence(StrEnum):
    """What ``lic`` in a signed address says ("Context parameters")."""

    NONE = "none"
    ACTIVE = "active"


# ---- the module context ---------------------------------------------------------------------


class Issue(msgspec.Struct, frozen=True):
    """A Jira issue, as a token names it."""

    id: str | None = None
    key: str | None = None


class Project(msgspec.Struct, frozen=True):
    """A Jira project, as a token names it."""

    id: str | None = None
    key: str | None = None


class Space(msgspec.Struct, frozen=True):
    """A Confluence space, as a token names it."""

    id: str | None = None
    key: str | None = None


class Content(msgspec.Struct, frozen=True):
    """A Confluence page, blog post or the like, as a token names it."""

    id: str | None = None
    type: str | None = None
    version: str | None = None


class ModuleContext(Mapping[str, Any]):
    """The context claim: what a module was shown in, proved by the token.

    What a token does not name is None.  Beyond the typed names it is a mapping
    of the claim's own members, which follow the host product.

    >>> shown = ModuleContext({"jira": {"issue": {"key": "A-1", "id": 7}}})
    >>> shown.issue, shown.space, shown["jira"]["issue"]["id"]
    (Issue(id='7', key='A-1'), None, 7)
    """

    __slots__ = ("_claim",)

    def __init__(self, claim: Mapping[str, Any] | None = None) -> None:
        self._claim: Mapping[str, Any] = claim or {}

    @property
    def issue(self) -> Issue | None:
        """The Jira issue."""
        return self._thing("jira", "issue", Issue)

    @property
    def project(self) -> Project | None:
        """The Jira project."""
        return self._thing("jira", "project", Project)

    @property
    def space(self) -> Space | None:
        """The Confluence space."""
        return self._thing("confluence", "space", Space)

    @property
    def content(self) -> Content | None:
        """The Confluence page, blog post, ..."""
        return self._thing("confluence", "content", Content)

    def _thing(self, product: str, name: str, kind: type[T]) -> T | None:
        """Hosts write an id as a number or a text, and more than is typed here."""
        of_product = self._claim.get(product)
        found = of_product.get(name) if isinstance(of_product, Mapping) else None
        if not isinstance(found, Mapping):
            return None
        told = {
            field: str(found[field])
            for field in kind.__struct_fields__
            if isinstance(found.get(field), str | int)
        }
        return kind(**told)

    def __getitem__(self, name: str) -> Any:
        return self._claim[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claim)

    def __len__(self) -> int:
        return len(self._claim)

    def __repr__(self) -> str:
        return f"<module context of {', '.join(self._claim) or 'nothing'}>"


class NoInstallation(HeadwayError):
    """A handler asked for the Connect installation of a pure Forge app."""


class NoInvocation(HeadwayError):
    """A handler asked what Forge said, of a request that is not Forge's."""


_NO_TOKENS = ForgeTokens()
_INVOCATION = Kind.INVOCATION  # looking up a member costs as much as a call

# ---- the context of a handler ---------------------------------------------------------------


class Proved:
    """What both kinds of context have: values, and nothing that waits.

    ``account_id`` is the user's, or None where there is none.  ``signed_query``
    is the query that the host signed, empty where it signed none.  *tokens*
    came with a Forge invocation.
    """

    def __init__(
        self,
        connect: Connect,
        verified: Verified,
        installation: Installation | None,
        signed_query: str = "",
        tokens: ForgeTokens | None = None,
    ) -> None:
        self._connect = connect
        self.verified = verified
        self._installation = installation
        claims = verified.claims
        self.account_id = claims.sub if verified.kind is not _INVOCATION else claims.principal
        self._signed_query = signed_query
        self._tokens = _NO_TOKENS if tokens is None else tokens

    @property
    def _invoked(self) -> bool:
        return self.verified.kind is _INVOCATION

    @property
    def installation(self) -> Installation:
        """The installation; raises :class:`NoInstallation` where Forge invoked without one."""
        if self._installation is None:
            raise NoInstallation(
                "this Forge invocation has no Connect installation: ask 'connected' first"
            )
        return self._installation

    @property
    def connected(self) -> bool:
        """Whether there is an installation: always, but for pure Forge apps."""
        return self._installation is not None

    @cached_property
    def invocation(self) -> Invocation | None:
        """What Forge's token says; None where the request is no invocation of Forge."""
        settings = self._connect.forge
        if not self._invoked or settings is None:
            return None
        return read_invocation(
            self.verified.claims, settings, development=self._connect.development
        )

    def _forge(self) -> Invocation:
        if self.invocation is None:
            raise NoInvocation("context.forge is for routes that Forge invokes")
        return self.invocation

    @cached_property
    def module(self) -> ModuleContext:
        """What the module was shown in; often empty in a page's first request."""
        claim = self.verified.claims.context
        return ModuleContext(forge_module(claim or {}) if self._invoked else claim)

    @property
    def client_script(self) -> str:
        """The address of the host's client script."""
        return self._connect.client_script

    @cached_property
    def _signed(self) -> Mapping[str, list[str]]:
        return parse_qs(self._signed_query, keep_blank_values=True)

    def _one(self, name: str) -> str | None:
        """A parameter of the signed address that stands in it exactly once."""
        values = self._signed.get(name, [])
        return values[0] if len(values) == 1 and values[0] else None

    @property
    def licence(self) -> Licence | None:
        """The app's licence on this site, as the signed address says; None where it says nothing.

        A context token is bound to no address and says nothing.  An invocation
        of Forge says it in its token.
        """
        if self.invocation is not None and self.invocation.licensed is not None:
            return Licence.ACTIVE if self.invocation.licensed else Licence.NONE
        told = self._one("lic") or ""
        return Licence(told) if told in ("none", "active") else None

    @property
    def locale(self) -> str | None:
        """The user's locale, where a host still sends it (``loc``; Forge: ``context.locale``)."""
        told = (self.verified.claims.context or {}).get("locale") if self._invoked else None
        return told if isinstance(told, str) else self._one("loc")

    @property
    def timezone(self) -> str | None:
        """The user's time zone, where a host still sends it (``tz``)."""
        return self._one("tz")

    def session_token(self) -> TokenText:
        """A token of the app's own, for its page to call the app with; 15 minutes.

        Send it to the page in a body, never in an address.
        """
        return sign.session_token(
            self.installation.shared_secret,
            app_key=self.installation.app_key,
            client_key=self.installation.client_key,
            subject=self.account_id,
            context=dict(self.module),
            now=self._connect.clock(),
        )

    def token_url(self, path: str, /, **query: Any) -> TokenText:
        """A link to a route of the app's own, for what can send no header.

        To a ``ticket_route`` it carries a ticket; to a route with
        ``query=True`` a session token, which everything on the way sees for 15
        minutes.  *query* are its parameters.  It may wait for the store: one
        short write.  Raises ConfigurationError for a route that takes no
        links, and a refusal of status 503 where the store is full or does not
        answer; a handler that lets it through is answered with that.
        """
        return link_to(self._connect, self, path, query)

    def close(self) -> None:
        """Forget what only this request may use: for adapters, when the answer is out."""
        self._tokens.drop()

    def __repr__(self) -> str:
        site = self._installation.client_key if self._installation else "no Connect site"
        return f"<context of {self.account_id or 'nobody'} on {site}>"


class Context(Proved):
    """The context of an ``async def`` handler."""

    @cached_property
    def client(self) -> HostClient:
        """Calls the site as the app; ``client.as_user(...)`` as a user."""
        return self._connect.client(self.installation)

    @cached_property
    def forge(self) -> Invoked:
        """What Forge invoked the app with, and what it may call; raises :class:`NoInvocation`."""
        return Invoked.of(self._forge(), self._tokens, self._connect.calls)

    async def is_administrator(self) -> bool:
        """Whether the user administers the site; asked of the host, and kept for a minute.

        Raises :class:`~headway.refusals.AdministratorUnknown` where the host
        does not say.
        """
        administers = self._connect.administrators.administers
        return await administers(self.installation, self.account_id)

    async def atoken_url(self, path: str, /, **query: Any) -> TokenText:
        """:meth:`token_url`, while the event loop goes on: the store is asked in a thread."""
        return await asyncio.to_thread(self.token_url, path, **query)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The end of the request; the adapter enters and leaves."""
        self.close()


class SyncContext(Proved):
    """The context of a plain handler, which runs where it may wait."""

    @cached_property
    def client(self) -> SyncHostClient:
        """Calls the site as the app; ``client.as_user(...)`` as a user."""
        return self._connect.sync_client(self.installation)

    @cached_property
    def forge(self) -> SyncInvoked:
        """What Forge invoked the app with, and what it may call; raises :class:`NoInvocation`."""
        return SyncInvoked.of(self._forge(), self._tokens, self._connect.calls)

    def is_administrator(self) -> bool:
        """Whether the user administers the site; as :meth:`Context.is_administrator` has it."""
        administers = self._connect.administrators.administers
        return result_of(administers(self.installation, self.account_id))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The end of the request; the adapter enters and leaves."""
        self.close()


def installation_of(verified: Verified) -> Installation:
    """The installation that a tenant's token proved; raises ConfigurationError without one."""
    if verified.installation is None:
        raise ConfigurationError("the store answers with keys and without their installation")
    return verified.installation
