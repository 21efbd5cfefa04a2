"""What an operator can set of the proxy: bounds, seconds, and what upstream is told of a client."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from headway.errors import ConfigurationError

__all__ = ["Balance", "Forwarding", "Limits", "ProxySettings", "Style", "Timeouts"]

HOST_KEPT, HOST_UPSTREAM = "keep", "upstream"
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_PSEUDONYM = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of anything is taken; all are bytes, but for the counts."""

    head: int = 65_536
    """A request line and its headers."""
    headers: int = 100
    target: int = 16_384
    """Path and query of the request line."""
    body: int = 1 << 30
    connections: int = 1_000
    """Of clients, at once."""
    upstream_connections: int = 256
    """To one upstream, at once."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"the limit {name}: is at least 1")


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until nobody waits any longer."""

    head: float = 10.0
    """From the first byte of a request until its head is there; and of a TLS handshake."""
    idle: float = 30.0
    """Of a client's connection between two requests."""
    body: float = 30.0
    """Between two pieces of a client's body, and until a client has taken a piece of an answer."""
    connect: float = 5.0
    queue: float = 5.0
    """Until an upstream has a connection free."""
    answer: float = 60.0
    """Until upstream's answer begins, and between two pieces of it."""
    tunnel: float = 600.0
    """Without a byte in either direction of a WebSocket."""
    grace: float = 10.0
    """For what has begun, once the proxy is told to stop."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"the time-out {name}: is more than 0 seconds")


class Style(StrEnum):
    """In which headers upstream is told who asked."""

    X_FORWARDED = "x-forwarded"  # X-Forwarded-For, -Proto, -Host
    FORWARDED = "forwarded"  # RFC 7239
    NONE = "none"


class Balance(StrEnum):
    """Which of several upstreams is asked."""

    LEAST_BUSY = "least-busy"
    ROUND_ROBIN = "round-robin"


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """What upstream is told of a client.

    *host* is ``upstream`` (the name in the upstream's URL), ``keep`` (the
    client's) or a name.  *believed* are addresses or networks of proxies whose
    own forwarding headers count; of everybody else's nothing is kept.  *via*
    is the pseudonym in ``Via`` (RFC 9110 section 7.6.3), "" for none.
    """

    host: str = HOST_UPSTREAM
    style: Style = Style.X_FORWARDED
    believed: tuple[str, ...] = ()
    via: str = "headway"

    def __post_init__(self) -> None:
        if not is_host(self.host):
            raise ConfigurationError("host: is keep, upstream, or a name with or without a port")
        if self.via and not _PSEUDONYM.fullmatch(self.via):
            raise ConfigurationError("via: 1 to 64 of A-Z a-z 0-9 . _ -")


def is_host(text: str) -> bool:
    """Whether *text* is a name or an address, with or without a port, and nothing else.

    >>> is_host("api.example:8443"), is_host("[::1]"), is_host("user@api.example")
    (True, True, False)
    """
    return _HOST.fullmatch(text) is not None


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set.

    *health_path* is what each upstream is asked every *health_every* seconds;
    without it only requests tell whether one is well.  After *fails* failures in
    a row an upstream gets nothing for *out_seconds*, as long as another one is well.
    """

    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    forwarding: Forwarding = Forwarding()
    balance: Balance = Balance.LEAST_BUSY
    health_path: str = ""
    health_every: float = 5.0
    fails: int = 3
    out_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.health_path and not re.fullmatch(r"/[!-~]*", self.health_path):
            raise ConfigurationError("the health path: begins with / and has no space")
        if not (self.health_every > 0 and self.out_seconds > 0 and self.fails >= 1):
            raise ConfigurationError("health: seconds are more than 0, failures at least 1")
