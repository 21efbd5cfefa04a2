"""Who may look at the dashboard, and who may change something.

Whoever sits at the machine may look without a password, where that is allowed:
the connection comes from loopback, and nothing in the request says that somebody
forwarded it.  A proxy on the same machine makes everybody in the world come from
loopback, so what any proxy would have written is enough to ask for the password.
A change always needs it.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request

from headway.errors import ConfigurationError
from headway.http.sessions import cookie_value, csrf_of, digest_of, new_value, set_cookie
from headway.ports import Clock

__all__ = ["COOKIE", "Access", "Session", "TooManyAttempts", "is_at_the_machine", "new_password"]

COOKIE = "__Host-headway-dashboard"
"""Browsers take it over https and, though it is http, from localhost (RFC 6265bis 4.1.3.2)."""

SESSION_SECONDS = 3600
SESSIONS_MAX = 50
PASSWORD_MIN, PASSWORD_MAX = 12, 200  # characters
PASSWORD_BYTES = 18

FORWARDED = frozenset(
    {
        "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip",
        "client-ip", "fastly-client-ip", "fly-client-ip", "x-rewrite-url", "x-request-id",
        "proxy-connection", "max-forwards",
    }
)  # fmt: skip
"""Headers that browsers do not send and proxies do."""

FORWARDED_BEGINS = ("x-forwarded", "x-original", "x-envoy-", "x-amzn-", "x-azure-", "cf-")
"""How others of them begin."""

TRIES, TRY_EVERY = 5, 10.0
"""So many wrong passwords from one address at once, and then one in so many seconds."""

ALL_TRIES, ALL_EVERY = 30, 1.0
"""The same for all addresses together."""

PEERS_MAX = 1000


class TooManyAttempts(Exception):
    """Wrong passwords came too often; *args[0]* is how many seconds to wait."""


class Session(msgspec.Struct, frozen=True):
    """Somebody who knew the password."""

    csrf: str

    def __repr__(self) -> str:
        return "<session>"


def new_password() -> str:
    """A random password, to be told once."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def is_at_the_machine(request: Request) -> bool:
    """Whether *request* comes from this machine, and nothing says that it was forwarded.

    HTTP/1.0 is what some proxies speak that write no header; browsers do not.
    """
    peer = request.client.host if request.client else ""
    return (
        _is_loopback(peer)
        and request.scope.get("http_version") != "1.0"
        and not _is_forwarded(request.headers)
    )


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def _is_forwarded(headers: Headers) -> bool:
    return any(name in FORWARDED or name.startswith(FORWARDED_BEGINS) for name in headers)


class _Tries:
    """A bucket of attempts that fills again."""

    def __init__(self, most: int, every: float, now: float) -> None:
        self._most, self._every = most, every
        self._left, self._at = float(most), now

    def wait(self, now: float) -> float:
        """How long until there is one more; 0 where there is one."""
        self._left = min(float(self._most), self._left + max(0.0, now - self._at) / self._every)
        self._at = now
        return max(0.0, (1 - self._left) * self._every)

    def spend(self) -> None:
        self._left -= 1


class Access:
    """The password, its sessions, and how often somebody may guess.

    *password* has at least 12 characters.  *everybody_logs_in* asks for it
    before anything is shown, also at the machine itself.  *ticks* is a clock
    that never goes back, in seconds.  Raises ConfigurationError for a password
    that is too short.

    >>> access = Access("a long enough password")
    >>> access.log_in("127.0.0.1", "a guess") is None
    True
    """

    def __init__(
        self, password: str, *, everybody_logs_in: bool = False, ticks: Clock = time.monotonic
    ) -> None:
        if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
            raise ConfigurationError(
                f"the dashboard's password: has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
            )
        self._key = secrets.token_bytes(32)
        self._password = self._mac(password)
        self._everybody = everybody_logs_in
        self._ticks = ticks
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._all = _Tries(ALL_TRIES, ALL_EVERY, ticks())
        self._of_peer: OrderedDict[str, _Tries] = OrderedDict()

    def may_look(self, request: Request) -> bool:
        """Whether *request* may see anything but the login."""
        if self.session(request) is not None:
            return True
        return not self._everybody and is_at_the_machine(request)

    def session(self, request: Request) -> Session | None:
        """The session of the request's cookie, while it runs."""
        value = cookie_value(request.headers.getlist("cookie"), COOKIE)
        if value is None or self._ticks() >= self._until.get(digest_of(value), float("-inf")):
            return None
        return Session(csrf_of(value))

    def log_in(self, peer: str, password: str) -> str | None:
        """A new session's cookie, or None where *password* is another.

        Raises TooManyAttempts; then the password was not looked at.
        """
        # (1) may this address, and may anybody, try now?
        now, tries = self._ticks(), self._tries(peer)
        wait = max(tries.wait(now), self._all.wait(now))
        if wait > 0:
            raise TooManyAttempts(wait)
        # (2) is it the password?  what is compared has one length, whatever was sent
        if not hmac.compare_digest(self._mac(password[: PASSWORD_MAX + 1]), self._password):
            tries.spend()
            self._all.spend()
            return None
        # (3) a session, in the place of the oldest where there are many
        value = new_value()
        self._until[digest_of(value)] = now + SESSION_SECONDS
        while len(self._until) > SESSIONS_MAX:
            self._until.popitem(last=False)
        return value

    def log_out(self, request: Request) -> None:
        """End the session of the request's cookie."""
        value = cookie_value(request.headers.getlist("cookie"), COOKIE)
        self._until.pop(digest_of(value or ""), None)

    def set_cookie(self, value: str = "") -> str:
        """The ``Set-Cookie`` header for *value*, or for none."""
        return set_cookie(COOKIE, value, age=SESSION_SECONDS, secure=True)

    def _mac(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode("utf-8", "surrogatepass"), "sha256")

    def _tries(self, peer: str) -> _Tries:
        found = self._of_peer.get(peer)
        if found is None:
            found = self._of_peer[peer] = _Tries(TRIES, TRY_EVERY, self._ticks())
            if len(self._of_peer) > PEERS_MAX:
                self._of_peer.popitem(last=False)
        return found
