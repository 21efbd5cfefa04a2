"""Who calls a site, as the app or as a user, and what all callers of an app share.

``HostCalls`` is made once an app: its settings, its connections, its access
tokens.  A ``Caller`` is one identity on one site; it costs nothing to make.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from headway.app.asks import Steps
from headway.app.authorization import (
    AccessTokens,
    UserAccess,
    authorization_server,
    default_server,
    user_access,
)
from headway.app.calls import (
    ANSWER_MAX,
    TIMEOUT,
    Options,
    Outgoing,
    Retries,
    Timing,
    call,
    outgoing,
    seconds_to_wait,
)
from headway.app.drivers import Connections
from headway.app.failures import host_error
from headway.app.host_auth import Signer, has_body, origin_and_target
from headway.app.instruments import HostCall
from headway.app.redirects import MEDIA_HOSTS, media_hosts
from headway.app.wanted import Wanted, a, each, hold, number, or_none
from headway.errors import ConfigurationError, ForeignOrigin
from headway.model import Installation
from headway.ports import Clock
from headway.qsh import canonical_request

__all__ = ["CallSettings", "Caller", "HostCalls", "calls_of"]


AUTHORIZATION_SERVER = "HEADWAY_AUTHORIZATION_SERVER"


def _counts(value: Any) -> bool:
    return number(value) and 0 < value < math.inf


def _waits(value: Any) -> bool:
    return isinstance(value, httpx.Timeout) or _counts(value)


_SETTINGS = {
    "timeout": Wanted("seconds, more than 0, or httpx.Timeout(...)", _waits),
    "retries": Wanted("Retries(...)", a(Retries)),
    "answer_max": Wanted("a number of bytes, more than 0", _counts),
    "media_hosts": Wanted("a list of names, or of suffixes with a dot before them", each(str)),
    "authorization_server": or_none("the name of an environment, or an address", a(str)),
    "proxy": or_none("an address", a(str)),
}


class CallSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an app calls its sites.

    ``timeout`` is httpx's, or seconds for each wait; ``answer_max`` bounds the
    bytes of an answer that is read as a whole.  ``media_hosts`` are names, or
    suffixes with a dot before them, to which downloads may be redirected.
    ``authorization_server`` is an environment of
    :data:`~headway.app.authorization.SERVERS`, or in development an address.
    ``proxy`` is the address of a proxy for every call; none is taken from the
    environment.
    """

    timeout: float | httpx.Timeout = TIMEOUT
    retries: Retries = Retries()
    answer_max: int = ANSWER_MAX
    media_hosts: tuple[str, ...] = MEDIA_HOSTS
    authorization_server: str | None = None
    proxy: str | None = None

    def __post_init__(self) -> None:
        """Raise ConfigurationError for what is of another type."""
        hold(_SETTINGS, msgspec.structs.asdict(self), "calls: ")

    def __repr__(self) -> str:  # the proxy's address may hold a password
        return "<settings of calls>"


def calls_of(settings: CallSettings | None, environ: Mapping[str, str]) -> CallSettings:
    """*settings*, with the authorization server of the environment where they name none.

    >>> calls_of(None, {"HEADWAY_AUTHORIZATION_SERVER": "staging"}).authorization_server
    'staging'
    """
    found = settings or CallSettings()
    named = found.authorization_server or environ.get(AUTHORIZATION_SERVER) or None
    return msgspec.structs.replace(found, authorization_server=named)


class HostCalls:
    """What all clients of an app share; close it with the app.

    *transport* is httpx's, for tests; *told* hears of each request to a site.
    Raises ConfigurationError for settings that can not work.
    """

    def __init__(
        self,
        settings: CallSettings | None = None,
        *,
        development: bool = False,
        clock: Clock = time.time,
        transport: Any = None,
        timing: Timing | None = None,
        told: Callable[[HostCall], None] | None = None,
    ) -> None:
        settings = settings or CallSettings()
        self.settings = settings
        self.development = development
        self.timing = timing or Timing(clock=clock)
        self.media = media_hosts(settings.media_hosts)
        self._server: str | None = None
        if (named := settings.authorization_server) is not None:
            self._server = authorization_server(named, development=development)
        self.connections = Connections(
            development=development,
            proxy=_proxy(settings.proxy),
            transport=transport,
            told=told,
        )
        self.tokens = AccessTokens()

    def server(self, base_url: str) -> str:
        """The authorization server for the site at *base_url*."""
        return self._server or default_server(base_url, development=self.development)

    async def aclose(self) -> None:
        """Close the connections of the running event loop, and those of threads."""
        await self.connections.aclose()

    def close(self) -> None:
        """Close the connections of threads."""
        self.connections.close()


def _proxy(address: str | None) -> str | None:
    if address is not None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https", "socks5", "socks5h") or not parts.hostname:
            raise ConfigurationError("proxy: an address such as http://proxy.example:3128")
    return address


class Caller:
    """One identity on one site: the app's own, or with *access* a user's."""

    def __init__(
        self, installation: Installation, shared: HostCalls, access: UserAccess | None = None
    ) -> None:
        self.installation = installation
        self.shared = shared
        self._access = access

    def as_user(self, account_id: str, scopes: Iterable[str]) -> Caller:
        """The same site as this user."""
        server = self.shared.server(self.installation.base_url)
        access = user_access(self.installation, account_id, scopes, server)
        return Caller(self.installation, self.shared, access)

    @cached_property
    def signer(self) -> Signer:
        """Makes the app's own credentials."""
        return Signer(self.installation, self.shared.timing.clock)

    def address(self, path: str) -> httpx.URL:
        """The address of *path* (with its query) below the site's base URL.

        Raises a leaf of :class:`~headway.errors.MalformedRequest` for a path
        that software reads in different ways (dots, ``//``, a backslash), and
        :class:`~headway.errors.ForeignOrigin` for anything but a path.
        """
        if not path.startswith("/"):
            raise ForeignOrigin("a path below the site's base URL begins with '/'")
        raw_path, _, raw_query = path.partition("?")
        canonical_request("GET", raw_path, raw_query)
        return httpx.URL(self.installation.base_url + path)

    def outgoing(self, method: str, path: str, options: Options) -> Outgoing:
        """The call that this says; see :class:`~headway.app.calls.Options`."""
        if "timeout" not in options:
            options = {**options, "timeout": self.shared.settings.timeout}
        return outgoing(method, self.address(path), options, self.headers)

    @property
    def headers(self) -> Mapping[str, str]:
        """What each call says of itself."""
        agent = f"headway ({self.installation.app_key})"
        return {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}

    def call(self, out: Outgoing) -> Steps[httpx.Response]:
        """Make the call; raises a leaf of :class:`~headway.app.failures.CallFailed`."""
        shared, credentials = self.shared, Credentials(self)
        while True:
            answer = yield from call(
                msgspec.structs.replace(out, check=False),
                credentials.write,
                shared.settings.retries,
                shared.timing,
                shared.settings.answer_max,
            )
            if answer.status_code == 401 and not out.streamed and credentials.renew():
                continue
            if out.check and answer.status_code >= 400:
                raise self.failure(out, answer)
            return answer

    def failure(self, out: Outgoing, answer: httpx.Response) -> Exception:
        """The error that *answer* is."""
        path = out.url.raw_path.decode("ascii")
        wished = seconds_to_wait(answer.headers, self.shared.timing.clock())
        return host_error(
            out.method, path, answer.status_code, answer.headers, answer.content, wished
        )

    def __repr__(self) -> str:
        who = "the app" if self._access is None else f"user {self._access.account_id}"
        return f"<calls {self.signer.origin} as {who}>"


class Credentials:
    """The credentials of one call; a user's token that the host does not take is renewed once."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._used: str | None = None
        self._renewed = False

    def write(self, request: httpx.Request) -> Steps[None]:
        """Write them into the header, after checking that the request is for this site."""
        caller, access = self._caller, self._caller._access
        origin, target = origin_and_target(request.url)
        about = {"has_body": has_body(request)}
        if access is None:
            header = caller.signer.header(request.method, origin, target, **about)
        else:
            caller.signer.check(request.method, origin, target, **about)
            shared = caller.shared
            token = yield from shared.tokens.token(access, caller.installation, shared.timing)
            self._used, header = token, f"Bearer {token}"
        request.headers["Authorization"] = header

    def renew(self) -> bool:
        """After a 401: whether there may be better ones.  The old ones are forgotten."""
        access = self._caller._access
        if access is None or self._used is None or self._renewed:
            return False
        self._caller.shared.tokens.forget(access, self._used)
        self._renewed = True
        return True

    def __repr__(self) -> str:
        return "<credentials>"
