"""The access tokens that come with a Forge invocation, and the calls that they sign.

``x-forge-oauth-system`` acts as the app, ``x-forge-oauth-user`` as the user who
looks at the page.  They prove nothing about the request that they come with:
they are looked at only once the invocation token is verified, they leave only
for the address that it names, and they are dropped with the request.  Source:
"Forge Remote essentials", "OAuth tokens must be treated as opaque".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NoReturn
from urllib.parse import urlsplit

from headway.app.host_auth import Signer
from headway.errors import (
    ForeignOrigin,
    HeadwayError,
    LocationNotAllowed,
    frameless,
)
from headway.http.answers import origin_of
from headway.model import TokenText
from headway.qsh import canonical_request, without_token
from headway.refusals import AccessTokenMalformed

__all__ = ["TOKEN_HEADERS", "AccessTokenMissing", "Acting", "BearerSigner", "ForgeTokens"]

TOKEN_BYTES_MAX = 16_384
_B64_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1


class Acting(StrEnum):
    """As whom the app calls.

    >>> Acting("user")
    <Acting.USER: 'user'>
    """

    SYSTEM = "system"
    USER = "user"


TOKEN_HEADERS = {Acting.SYSTEM: "x-forge-oauth-system", Acting.USER: "x-forge-oauth-user"}
"""The headers of the access tokens; no handler sees them."""


class AccessTokenMissing(HeadwayError):
    """The invocation came without the access token that a call needs, or its request is over."""


class ForgeTokens:
    """What came with one invocation; ``drop`` forgets it when the request is over.

    >>> ForgeTokens({Acting.SYSTEM: TokenText("eyJ")})
    <Forge tokens: system>
    """

    __slots__ = ("_tokens",)

    def __init__(self, tokens: dict[Acting, TokenText] | None = None) -> None:
        self._tokens = dict(tokens or {})

    @classmethod
    @frameless
    def read(cls, header: Callable[[str], str]) -> ForgeTokens:
        """The tokens of a request; *header* gives a header by its name, "" where there is none.

        Raises :class:`~headway.errors.AccessTokenMalformed`, also for a header
        that occurs twice.
        """
        tokens = {}
        for acting, name in TOKEN_HEADERS.items():
            text = header(name)
            if not text:
                continue
            if len(text) > TOKEN_BYTES_MAX or not _B64_TOKEN.fullmatch(text):
                raise AccessTokenMalformed(expected=f"one token in {name}")
            tokens[acting] = TokenText(text)
        return cls(tokens)

    def get(self, acting: Acting) -> TokenText:
        """The token of *acting*; raises :class:`AccessTokenMissing`."""
        if acting not in self._tokens:
            raise AccessTokenMissing(
                f"no {acting} token came with this invocation, or its request is over: "
                f"auth.app{acting.capitalize()}Token of the manifest's endpoint asks for one"
            )
        return self._tokens[acting]

    def drop(self) -> None:
        """Forget them; a client that is still held then fails."""
        self._tokens.clear()

    def __contains__(self, acting: object) -> bool:
        return acting in self._tokens

    def __repr__(self) -> str:
        return f"<Forge tokens: {', '.join(self._tokens) or 'none'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("access tokens are not pickled")


class BearerSigner(Signer):
    """Makes the ``Authorization`` header of calls below one API address, while tokens last.

    >>> tokens = ForgeTokens({Acting.SYSTEM: TokenText("eyJ")})
    >>> signer = BearerSigner("https://api.example/ex/jira/c1", tokens, Acting.SYSTEM)
    >>> signer.header("GET", "https://api.example", "/ex/jira/c1/rest", has_body=False)[:6]
    'Bearer'
    """

    def __init__(self, base_url: str, tokens: ForgeTokens, acting: Acting) -> None:
        tokens.get(acting)  # a token that is not there is told now, not at the first call
        self.origin = origin_of(base_url)
        self._base_path = urlsplit(base_url).path + "/"
        self._tokens = tokens
        self._acting = acting

    def check(self, method: str, origin: str, target: str, *, has_body: bool) -> None:
        """Raise where this request must not leave with the token.

        *target* is the path and query of the request line.  Raises
        :class:`~headway.errors.ForeignOrigin` for another origin or another
        site's address, :class:`~headway.errors.LocationNotAllowed` for a token
        in the query, and a leaf of :class:`~headway.errors.MalformedRequest`
        for a path that software reads in different ways.
        """
        path, _, query = target.partition("?")
        canonical_request(method, path)
        if origin != self.origin or not path.startswith(self._base_path):
            raise ForeignOrigin("an access token leaves only for its site's API address")
        if without_token(query) != query:
            raise LocationNotAllowed(expected="the header", found="a parameter jwt")

    def header(self, method: str, origin: str, target: str, *, has_body: bool) -> str:
        """The header's value, after :meth:`check`; raises :class:`AccessTokenMissing` too."""
        self.check(method, origin, target, has_body=has_body)
        return f"Bearer {self._tokens.get(self._acting)}"

    def __repr__(self) -> str:
        return f"<signs as {self._acting} for {self.origin}>"
