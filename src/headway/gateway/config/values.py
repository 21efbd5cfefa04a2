"""What a configuration is made of: few values, and none that a proxy would look into.

A proxy's file has its own signs that stand for something else: ``$`` in nginx
(which can not even be escaped), ``%[`` in HAProxy, ``{`` in Caddy, ``%`` in
Envoy.  A value with one of them is refused, wherever it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from headway.errors import ConfigurationError
from headway.gateway.metadata import own_paths
from headway.gateway.parameters import parts_of
from headway.gateway.rules import Failing, GatewayPolicy

__all__ = ["INTERPOLATION", "Values", "plain"]

INTERPOLATION: Mapping[str, str] = {
    "nginx": "$",
    "haproxy": "%$",
    "caddy": "{}",
    "envoy": "%{}$",
    "traefik": "{}$`",
}
"""By proxy: the signs that begin something else than themselves."""

_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f-\uffff\"'\\;#]")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}")
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SERVER = re.compile(r"[A-Za-z0-9*_](?:[A-Za-z0-9._-]{0,252})")


def plain(field: str, value: str, proxy: str) -> str:
    """*value* as it may stand in a file of *proxy*; raises ConfigurationError otherwise.

    >>> plain("name", "orders, the second", "nginx")
    'orders, the second'
    """
    for sign in INTERPOLATION[proxy]:
        if sign in value:
            raise ConfigurationError(f"{field}: {proxy} reads {sign!r} as more than itself")
    if _UNQUOTABLE.search(value):
        raise ConfigurationError(f"{field}: has a sign that ends a value of {proxy}")
    return value


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """All that goes into a configuration: addresses as ``host:port``, and the policy.

    *listen* is where the proxy listens, *upstream* what stands behind it,
    *service* where ``headway gateway serve`` listens; for Envoy by gRPC, and
    *http_service* is then where it answers what the gateway answers itself.
    """

    policy: GatewayPolicy
    listen: str
    upstream: str
    service: str
    http_service: str = "127.0.0.1:8500"
    server_name: str = "_"

    def __post_init__(self) -> None:
        for field in ("listen", "upstream", "service", "http_service"):
            value = getattr(self, field)
            if not _ADDRESS.fullmatch(value) or not 0 < int(value.rpartition(":")[2]) < 65536:
                raise ConfigurationError(f"{field.replace('_', ' ')}: is no host:port")
        if not _SERVER.fullmatch(self.server_name):
            raise ConfigurationError("server name: letters, digits, dots and hyphens")
        for header in self.headers:
            if not _HEADER.fullmatch(header):
                raise ConfigurationError(f"header: {header!r} has more than letters and hyphens")

    @property
    def fails_open(self) -> bool:
        """Whether what can hold no token goes on where the service is down."""
        return self.policy.failing is Failing.OPEN

    @property
    def parts(self) -> tuple[str, ...]:
        """What stands, case apart, in each query that holds a name of the policy unescaped."""
        return parts_of({name for each in self.policy.locations for name in each.names})

    @property
    def suspect(self) -> str:
        """An expression for a target, case apart, that may hold a token.

        It begins at the beginning of the target, is linear, and is alike to
        PCRE and RE2.  Without a match, nobody reads a name of the policy in it.
        """
        parts = "|".join(map(re.escape, self.parts))
        return rf"^[^?]*[?](.*({parts})|(.*[&;])?[^=&;%]*%)"

    @property
    def own_paths(self) -> tuple[str, ...]:
        """The paths that the gateway answers itself: a proxy hands them on to the service."""
        return own_paths(self.policy)

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that replace parameters, in lower case, each once."""
        return tuple(dict.fromkeys(each.header for each in self.policy.locations))
