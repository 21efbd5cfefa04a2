"""What goes on to a site, and what comes back: the headers of a request and of its answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import h11

from headway.gateway.decision import Decision
from headway.gateway.middleware import answered
from headway.gateway.relay.doors import BaseUrl, Place
from headway.gateway.relay.refusals import Turned
from headway.gateway.wire import Ambiguous, Headers, end_to_end, is_websocket

__all__ = ["Forwarding"]

_UPGRADE = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]


class Forwarding:
    """Makes the headers; *counting* are those that ``Connection`` can not take away (lower case).

    Each relay has a *name* of its own in ``Via`` (RFC 9110 section 7.6.3): a request
    that comes by again is one that goes in a circle.

    >>> Forwarding([]).name.partition("-")[0]
    'headway'
    """

    def __init__(self, counting: Iterable[str], *, name: str = "") -> None:
        self._counting = [each.encode("ascii") for each in counting]
        self.name = name or f"headway-{secrets.token_hex(4)}"

    def request(self, request: h11.Request, place: Place, decision: Decision) -> h11.Request:
        """*request* as it goes to the site; raises Turned for a circle, and wire.Ambiguous."""
        raw = request.headers.raw_items()
        names = [name.lower() for name, _ in raw]
        if any(names.count(name) > 1 for name in (b"authorization", *self._counting)):
            raise Ambiguous("a header that stands once is there twice")
        kept = end_to_end(raw, also=self._counting)
        via = [value for name, value in kept if name.lower() == b"via"]
        if any(self.name.encode() in value for value in via):
            raise Turned("loop")
        gone = {b"host", b"via", *(name.encode("latin-1") for name in decision.remove_headers)}
        gone |= {name.encode("latin-1") for name, _ in decision.set_headers}
        headers = [(b"Host", place.site.authority.encode("ascii"))]
        headers += [(name, value) for name, value in kept if name.lower() not in gone]
        headers += [(n.title().encode(), v.encode("latin-1")) for n, v in decision.set_headers]
        headers.append((b"Via", b", ".join([*via, self._via(request)])))
        if is_websocket(raw):
            headers += _UPGRADE
        target = decision.target.encode("latin-1")
        return h11.Request(method=request.method, target=target, headers=headers)

    def answer(
        self,
        event: h11.Response | h11.InformationalResponse,
        decision: Decision,
        place: Place,
        door: object,
    ) -> Headers:
        """The headers of an answer for the client; raises wire.Ambiguous.

        An address in ``Location`` stays as the site wrote it, tokens too: who
        follows it comes by again.  Only at a base URL the site's own address
        becomes that URL.
        """
        headers = end_to_end(event.headers.raw_items())
        if event.status_code == 101:
            return [*headers, *_UPGRADE]
        if decision.answer_headers:
            texts = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in headers)
            told = answered(decision, texts)
            headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in told]
        if isinstance(door, BaseUrl):
            headers = [
                (name, _moved(value, place, door)) if name.lower() == b"location" else (name, value)
                for name, value in headers
            ]
        return [*headers, (b"Via", self._via(event))]

    def _via(self, event: h11.Request | h11.Response | h11.InformationalResponse) -> bytes:
        return event.http_version + b" " + self.name.encode()


def _moved(location: bytes, place: Place, door: BaseUrl) -> bytes:
    """*location* at the base URL, where it is an address of the site."""
    own = str(place.site).encode("ascii")
    rest = location[len(own) :]
    if location[: len(own)].lower() == own and rest[:1] in (b"", b"/", b"?", b"#"):
        return door.url.encode("ascii") + rest
    return location
