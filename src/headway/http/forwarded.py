"""Who really asked, behind proxies: forwarding headers count from named peers only.

Anybody can send ``X-Forwarded-For``.  So a header is believed where the peer
that handed the request over is one of ours, and then only as far as ours
wrote it: from its right end up to the first address that is nobody of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from headway.errors import ConfigurationError

__all__ = ["HEADERS", "Forwarded"]

HEADERS = ("x-forwarded-for", "forwarded")
"""What proxies write; one of them is believed, never both (RFC 7239 section 7.4)."""

_LENGTH_MAX = 2048  # characters: beyond it nobody's proxies wrote the header
_HOPS_MAX = 32
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forwarded:
    """The *peers* (addresses or networks) that are proxies of ours, and the *header* they write.

    Raises ConfigurationError for what is no network, or for another header.

    >>> proxies = Forwarded(["10.0.0.0/8"])
    >>> proxies.client("10.0.0.1", {"x-forwarded-for": "6.6.6.6, 203.0.113.9"}.get)
    '203.0.113.9'
    >>> proxies.client("198.51.100.7", {"x-forwarded-for": "203.0.113.9"}.get)
    '198.51.100.7'
    """

    def __init__(self, peers: Sequence[str], header: str = HEADERS[0]) -> None:
        if header.lower() not in HEADERS:
            raise ConfigurationError(f"forwarded: the header is one of {', '.join(HEADERS)}")
        self._header = header.lower()
        try:
            self._peers = tuple(ipaddress.ip_network(peer) for peer in peers)
        except ValueError as error:
            raise ConfigurationError(f"forwarded: {error}") from None

    def client(self, peer: str, header: Callable[[str], str | None]) -> str:
        """The address that asked: *peer*, or whom our proxies name; *header* gives a value or "".

        What can not be read ends the way back there: then the last of our
        proxies is the answer.
        """
        found = peer
        if not self._ours(_address(peer)):
            return found
        for name in self._names(header(self._header) or ""):
            address = _address(name)
            if address is None:
                return found
            found = str(address)
            if not self._ours(address):
                return found
        return found

    def _ours(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._peers)

    def _names(self, value: str) -> Iterable[str]:
        """What the proxies wrote, the nearest one first."""
        if len(value) > _LENGTH_MAX:
            return []
        parts = value.split(",")[-_HOPS_MAX:][::-1]
        return parts if self._header == HEADERS[0] else map(_for, parts)


def _for(element: str) -> str:
    """The ``for`` of one element of ``Forwarded`` (RFC 7239 section 4); "" where it has none."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _address(text: str) -> Address | None:
    """An address, with or without a port and the brackets of IPv6; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
