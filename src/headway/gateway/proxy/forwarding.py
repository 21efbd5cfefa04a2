"""What goes on to upstream, and what comes back: headers, and who said them.

Of what a client says about who it is (``X-Forwarded-*``, ``Forwarded``,
``X-Real-IP``) and of what only a proxy says (``X-Original-*``) nothing goes on,
unless the client is a proxy that the settings name.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from headway.gateway.decision import Decision, Headers
from headway.gateway.middleware import answered
from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.head import Incoming
from headway.gateway.proxy.settings import HOST_KEPT, HOST_UPSTREAM, Forwarding, Style
from headway.gateway.service import Peers
from headway.http.forwarded import Forwarded

__all__ = ["HOP_BY_HOP", "Forwarder", "returned"]

HOP_BY_HOP = frozenset((
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
    "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
))  # fmt: skip
"""What belongs to one connection (RFC 9110 section 7.6.1, RFC 7540 section 3.2.1)."""

CLAIMS = frozenset(("forwarded", "x-client-ip", "true-client-ip", "x-cluster-client-ip"))
"""What only a proxy says of a client; so do the headers that :data:`_CLAIM` matches."""

_CLAIM = re.compile(r"(x.forwarded|x.original|headway)[^a-z0-9].*|x.real.ip|x.rewrite.url")
"""In any spelling that some software reads as one of these."""


class Forwarder:
    """Makes upstream's headers of a client's; *scheme* is what clients speak here.

    >>> from headway.gateway.decision import Outcome
    >>> incoming = Incoming(method="GET", target="/", host="api.example", version="1.1",
    ...     headers=(("host", "api.example"), ("x-forwarded-for", "6.6.6.6"), ("a", "1")))
    >>> decision = Decision(outcome=Outcome.PASS, target="/", set_headers=(("a", "2"),))
    >>> Forwarder(Forwarding(via=""), "https").headers(incoming, decision, "203.0.113.9", "up:80")
    ... # doctest: +NORMALIZE_WHITESPACE
    [('host', 'up:80'), ('a', '2'), ('x-forwarded-for', '203.0.113.9'),
     ('x-forwarded-proto', 'https'), ('x-forwarded-host', 'api.example')]
    """

    def __init__(self, settings: Forwarding, scheme: str) -> None:
        self._settings, self._scheme = settings, scheme
        believed = settings.believed
        self._believed: Peers | tuple[()] = Peers(believed) if believed else ()
        named = "forwarded" if settings.style is Style.FORWARDED else "x-forwarded-for"
        self._who = Forwarded(believed, named)
        self._named = named
        # A request that comes by again is told from one of another proxy of the same name.
        mark = secrets.token_hex(4)
        self._via = f"1.1 {settings.via}-{mark}" if settings.via else ""

    def client(self, incoming: Incoming, peer: str) -> str:
        """The address that asked: *peer*, or whom a proxy that is believed names."""
        if peer not in self._believed:
            return peer
        return self._who.client(peer, lambda name: ", ".join(incoming.all(name)))

    def headers(
        self, incoming: Incoming, decision: Decision, peer: str, authority: str
    ) -> list[tuple[str, str]]:
        """For the upstream at *authority*; raises Unserved where the request went in a circle."""
        gone = {*decision.remove_headers, *(name for name, _ in decision.set_headers)}
        gone |= incoming.nominated | HOP_BY_HOP | CLAIMS
        kept = [
            (name, value)
            for name, value in incoming.headers
            if name not in gone and name != "host" and not _CLAIM.fullmatch(name)
        ]
        told = [("host", self._host(incoming, authority)), *kept, *decision.set_headers]
        told += self._forwarded(incoming, peer)
        if self._via:
            via = [value for name, value in kept if name == "via"]
            if any(self._via in value for value in via):
                raise Unserved("upstream-loop")
            told = [line for line in told if line[0] != "via"]
            told.append(("via", ", ".join([*via, self._via])))
        return told

    def _host(self, incoming: Incoming, authority: str) -> str:
        named = {HOST_UPSTREAM: authority, HOST_KEPT: incoming.host}
        return named.get(self._settings.host, self._settings.host)

    def _forwarded(self, incoming: Incoming, peer: str) -> Iterable[tuple[str, str]]:
        style = self._settings.style
        if style is Style.NONE:
            return
        believed = peer in self._believed
        before = incoming.all(self._named) if believed else []
        if style is Style.FORWARDED:
            address = f'"[{peer}]"' if ":" in peer else peer
            own = f'for={address};host="{incoming.host}";proto={self._scheme}'
            yield "forwarded", ", ".join([*before, own])
            return
        yield "x-forwarded-for", ", ".join([*before, peer])
        for name, own in (("proto", self._scheme), ("host", incoming.host)):
            said = incoming.all(f"x-forwarded-{name}") if believed else []
            yield f"x-forwarded-{name}", said[0] if said else own


def returned(decision: Decision, told: Headers) -> Headers:
    """Upstream's headers as the client gets them: without this hop's, with the gateway's."""
    connection = [value for name, value in told if name.lower() == "connection"]
    nominated = {part.strip().lower() for value in connection for part in value.split(",")}
    gone = HOP_BY_HOP | (nominated - {"set-cookie", "content-length"})
    kept = tuple(
        (name, value)
        for name, value in told
        if name.lower() not in gone and not name.lower().startswith("headway-")
    )
    return answered(decision, kept)
