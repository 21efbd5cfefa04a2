"""Acting as a user: an assertion about the user -> an access token, kept until it is nearly over.

The grant is RFC 7523's; its claims are those of the vendor's published
libraries ("User impersonation for Connect apps").  The assertion goes to one
authorization server, fixed by setting, and to nobody else; the access token
goes into the header of requests to the installation's own origin.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec

from headway import sign
from headway.app.addresses import is_loopback, source_address
from headway.app.asks import Access, Steps
from headway.app.calls import Retries, Timing, call, outgoing
from headway.app.failures import HostUnreachable, ImpersonationFailed
from headway.errors import shown
from headway.http.answers import origin_of
from headway.model import Installation, TokenText
from headway.redact import redact

__all__ = [
    "SERVERS",
    "AccessTokens",
    "UserAccess",
    "authorization_server",
    "default_server",
    "user_access",
]

SERVERS: Mapping[str, str] = {
    "production": "https://oauth-2-authorization-server.services.atlassian.com",
    "staging": "https://oauth-2-authorization-server.stg.services.atlassian.com",
    "fedramp": "https://oauth-2-authorization-server.services.atlassian-us-gov-mod.com",
    "fedramp-staging": "https://oauth-2-authorization-server.stg.services.atlassian-us-gov-mod.com",
}
"""The authorization server of each of the host's environments."""

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address
MARGIN = 60.0  # seconds before its end from which a token is not used any more
KEPT = 10_000  # access tokens
ANSWER_MAX = 65_536  # bytes
ACCOUNT_ID = re.compile(r"[A-Za-z0-9:_-]{1,128}")
_SCOPE = re.compile(r"[A-Z_]{1,40}")


def authorization_server(name: str, *, development: bool) -> str:
    """The address for *name*: an environment of the table, or in development a URL.

    Raises ConfigurationError for anything else, and for http beyond this machine.

    >>> authorization_server("production", development=False)
    'https://oauth-2-authorization-server.services.atlassian.com'
    """
    return source_address("authorization_server", SERVERS, name, development=development)


class UserAccess(NamedTuple):
    """As whom, within which scopes, and of which installation: the name of an access token."""

    server: str
    app_key: str
    client_key: str
    base_url: str
    client_id: str
    account_id: str
    scopes: tuple[str, ...]


def user_access(
    installation: Installation, account_id: str, scopes: Iterable[str], server: str
) -> UserAccess:
    """What :meth:`AccessTokens.token` needs to know; *server* is an address.

    Raises ValueError for what is no account id or no scope, and
    ImpersonationFailed where the site never gave the app an ``oauthClientId``.
    """
    if not ACCOUNT_ID.fullmatch(account_id):
        raise ValueError("an account id has letters, digits, ':', '_' and '-'")
    wanted = tuple(sorted({scope.upper() for scope in scopes}))
    if wrong := [scope for scope in wanted if not _SCOPE.fullmatch(scope)]:
        raise ValueError(f"{shown(wrong[0])} is no scope")
    if installation.oauth_client_id is None:
        raise ImpersonationFailed(
            "the site gave the app no oauthClientId: "
            "declare the scope ACT_AS_USER, and have the app installed again"
        )
    return UserAccess(
        server,
        installation.app_key,
        installation.client_key,
        installation.base_url,
        installation.oauth_client_id,
        account_id,
        wanted,
    )


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=8192, pattern=r"\A[!-~]+\Z")]


class _Granted(msgspec.Struct):
    """RFC 6749 section 5.1."""

    access_token: _Text
    token_type: str
    expires_in: Annotated[float, msgspec.Meta(gt=0, le=86_400)]

    def __repr__(self) -> str:
        return "<a granted access token>"


class AccessTokens:
    """Access tokens that are still good, at most *size* of them; one for all clients of an app."""

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[UserAccess, tuple[float, TokenText]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def token(self, access: UserAccess, installation: Installation, timing: Timing) -> Steps[str]:
        """The text of a token for *access*; many who ask at once make one request.

        Raises :class:`~headway.app.failures.ImpersonationFailed`.
        """
        kept = self._find(access, timing.clock())
        if kept is not None:
            return kept
        text: str = yield Access(access, lambda: self._fetch(access, installation, timing))
        return text

    def forget(self, access: UserAccess, text: str) -> None:
        """The host did not take *text*: never use it again."""
        with self._lock:
            kept = self._kept.get(access)
            if kept is not None and kept[1] == text:
                del self._kept[access]

    def _find(self, access: UserAccess, now: float) -> TokenText | None:
        with self._lock:
            kept = self._kept.get(access)
            if kept is None:
                return None
            if now >= kept[0]:
                del self._kept[access]
                return None
            self._kept.move_to_end(access)
            return kept[1]

    def _fetch(
        self, access: UserAccess, installation: Installation, timing: Timing
    ) -> Steps[TokenText]:
        asked_at = timing.clock()
        granted = yield from _exchanged(access, installation, timing)
        text = TokenText(granted.access_token)
        with self._lock:
            self._kept[access] = (asked_at + granted.expires_in - MARGIN, text)
            self._kept.move_to_end(access)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return text


def _exchanged(access: UserAccess, installation: Installation, timing: Timing) -> Steps[_Granted]:
    # (1) the assertion: about this user, by this installation, for this server
    assertion = sign.assertion_token(
        installation.shared_secret,
        client_id=access.client_id,
        account_id=access.account_id,
        base_url=access.base_url,
        audience=access.server,
        now=timing.clock(),
    )
    form = {"grant_type": GRANT_TYPE, "assertion": assertion}
    if access.scopes:
        form["scope"] = " ".join(access.scopes)
    # (2) to the server alone: a redirect is an answer like any other.  Asking twice does no harm
    out = outgoing(
        "POST",
        httpx.URL(access.server + TOKEN_PATH),
        {"form": form, "check": False, "retry": True},
        {"Accept": "application/json", "Accept-Encoding": "identity"},
    )
    try:
        answer = yield from call(out, _unsigned, Retries(total=30.0), timing, ANSWER_MAX)
    except HostUnreachable as error:
        raise ImpersonationFailed(f"the authorization server: {error}") from None
    # (3) a token, or the server's reason
    if answer.status_code != httpx.codes.OK:
        raise _denied(answer)
    try:
        granted = msgspec.json.decode(answer.content, type=_Granted)
    except (msgspec.DecodeError, RecursionError):
        granted = None
    if granted is None or granted.token_type.lower() != "bearer":
        raise ImpersonationFailed("the authorization server gave no bearer token", 200)
    return granted


def _unsigned(_: httpx.Request) -> Steps[None]:
    return
    yield


class _Denied(msgspec.Struct):
    """RFC 6749 section 5.2."""

    error: str = ""
    error_description: str = ""


def _denied(answer: httpx.Response) -> ImpersonationFailed:
    try:
        told = msgspec.json.decode(answer.content, type=_Denied)
    except (msgspec.DecodeError, RecursionError):
        told = _Denied()
    code, description = (shown(redact(text[:500])) for text in (told.error, told.error_description))
    said = f": {code} {description}".rstrip() if code else ""
    why = f"the authorization server answered with status {answer.status_code}{said}"
    return ImpersonationFailed(why, answer.status_code, code or None)


def default_server(base_url: str, *, development: bool) -> str:
    """Where nothing is set: the vendor's; for a site on this machine, in development, the site."""
    if development and is_loopback(urlsplit(base_url).hostname):
        return origin_of(base_url)
    return SERVERS["production"]
