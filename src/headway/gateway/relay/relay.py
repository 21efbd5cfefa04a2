"""One connection to the relay: who may come in, what is moved, and the answer back.

Nothing of a request leaves before it is known where it goes and what becomes of
its token.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Protocol, TypeAlias

import anyio
import h11
import msgspec
from anyio.abc import ByteStream

from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.relay.authority import LocalAuthority
from headway.gateway.relay.dialing import is_public, reach
from headway.gateway.relay.doors import BaseUrl, Inside, Place, Proxy
from headway.gateway.relay.forwarding import Forwarding
from headway.gateway.relay.hello import NotTls, read_hello
from headway.gateway.relay.refusals import TURNED, Turned, turned_away
from headway.gateway.relay.sites import Site, is_address
from headway.gateway.rules import Mode
from headway.gateway.sockets import has_spoken
from headway.gateway.tally import Tally
from headway.gateway.wire import (
    Ambiguous,
    Headers,
    Unanswered,
    Why,
    Wire,
    abandon,
    exchange,
    splice,
)
from headway.redact import redact_url

__all__ = ["EVERYBODY", "Relay"]

EVERYBODY = "*"
"""In place of a name: a tunnel to any."""

DOOR = "relay"
"""What counts of decisions call it."""

HEAD_SECONDS = 60.0  # between two requests, and until the whole head of one is there
HANDSHAKE_SECONDS = 20.0
STALL_SECONDS = 300.0  # so long may a site think, a stream be silent, and a program hold its body
HTTPS = 443
_SAFE = (b"GET", b"HEAD", b"OPTIONS")  # RFC 9110 section 9.2.1: sent once more, where nobody heard
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)
Door: TypeAlias = Proxy | Inside | BaseUrl

_log = logging.getLogger("headway.gateway.relay")


class Counts(Protocol):
    """A :class:`~headway.gateway.decide.Gateway`, or one that reloads."""

    def current(self) -> Gateway:
        """The gateway that counts at this moment."""


class Relay:
    """Passes requests on to the sites of *proxy*, and moves tokens on the way by *gateway*.

    *dial* connects to a site.  *authority* has the certificates by which the
    relay is the end of tunnels to its sites; *tunnels* are names of others to
    which a tunnel goes by unread, at port 443.  What becomes of requests is counted
    in *tally*.
    """

    def __init__(
        self,
        proxy: Proxy,
        gateway: Counts,
        dial: Callable[[Site], Awaitable[ByteStream]],
        *,
        authority: LocalAuthority | None = None,
        tunnels: Collection[str] = (),
        tally: Tally | None = None,
    ) -> None:
        self._proxy, self._gateway, self._dial = proxy, gateway, dial
        self._authority, self._tunnels = authority, frozenset(tunnels)
        self._tally = Tally() if tally is None else tally
        self._known: tuple[Gateway, Forwarding] | None = None
        self.name = Forwarding(()).name
        """What ``Via`` says of it, whatever the policy is."""
        self._waiting: set[anyio.CancelScope] = set()
        self._stopping = False

    async def serve(self, stream: ByteStream, peer: str, door: BaseUrl | None = None) -> None:
        """Serve one connection of *peer* (an address) until it ends, as a proxy or at *door*."""
        await self._converse(stream, door or self._proxy, peer)

    def now(self) -> tuple[Gateway, Forwarding]:
        """The gateway that counts at this moment, and how requests go on under it."""
        gateway = self._gateway.current()
        if self._known is None or self._known[0] is not gateway:
            headers = {location.header for location in gateway.policy.locations}
            self._known = gateway, Forwarding(headers, name=self.name)
        return self._known

    def stop(self) -> None:
        """Wait for no further request; what has begun goes on."""
        self._stopping = True
        for waiting in self._waiting:
            waiting.cancel()

    async def _converse(self, stream: ByteStream, door: Door, peer: str) -> None:
        client = Wire(stream, h11.SERVER, seconds=STALL_SECONDS)
        kept = _Kept(self._dial)
        try:
            while not self._stopping and await self._one(client, door, peer, kept):
                pass
        finally:
            await kept.close()
            await client.leave()

    async def _next(self, client: Wire) -> h11.Request | None:
        """The next request's head; None where there is none, or none in time."""
        with anyio.move_on_after(HEAD_SECONDS) as waiting:
            self._waiting.add(waiting)
            try:
                event = await client.receive()
                return event if isinstance(event, h11.Request) else None
            finally:
                self._waiting.discard(waiting)
        return None

    async def _one(self, client: Wire, door: Door, peer: str, kept: _Kept) -> bool:
        """One request and its answer; whether there may be another."""
        asked: Ask | None = None
        try:
            request = await self._next(client)
            if request is None:
                return False
            asked = _ask(request, peer)
            if not _has_body(request):
                await client.receive()  # its end, which is there already
            if isinstance(door, Proxy):
                door.admit(asked)
                if asked.method == "CONNECT":
                    return await self._connect(client, door, asked)
            passing = _Passing(self, client, door, request, door.place(asked), asked)
            return await passing.through(kept)
        except Turned as turned:
            await self._turn(client, asked, turned)
        except Ambiguous as wrong:
            await self._turn(client, asked, Turned("request-ambiguous", str(wrong)))
        except Unanswered as failed:
            await self._turn(client, asked, Turned(f"upstream-{failed.why}", failed.words))
        except TimeoutError:
            await self._turn(client, asked, Turned("request-slow"))
        except (*_GONE, h11.LocalProtocolError, ssl.SSLError):
            _log.info("%s - ended", _method(asked))
        except Exception as failure:  # noqa: BLE001 - whatever it is, nothing goes on by it
            _log.error("a request failed: %s", type(failure).__name__)
            await self._turn(client, asked, Turned("decision-failed"))
        return False

    async def _turn(self, client: Wire, asked: Ask | None, turned: Turned) -> None:
        """Answer by ourselves, where there is no answer yet."""
        _log.info(
            "%s %s - %d %s",
            _method(asked),
            turned.words or "-",
            TURNED[turned.id].status,
            turned.id,
        )
        self._tally.failed(DOOR, turned.id)
        if not client.is_answered:
            await _say(client, *turned_away(turned))

    # ---- tunnels ----------------------------------------------------------------------------

    async def _connect(self, client: Wire, proxy: Proxy, asked: Ask) -> bool:
        # (1) where to?
        host, port = proxy.connect(asked)
        if not client.is_read or client.early:
            raise Turned("request-ambiguous", "more than CONNECT before its answer")
        site = proxy.sites.get((host, port))
        if site is None:
            await self._pass_unread(client, host, port)
            return False
        # (2) the relay itself is the other end
        await _agree(client)
        stream, name = client.stream, None
        if site.scheme == "https" and self._authority is not None:
            try:
                with anyio.fail_after(HANDSHAKE_SECONDS):
                    stream, name = await self._authority.terminate(client.stream, site.host)
            except (*_GONE, OSError):
                hint = f"does the program trust {self._authority.file}?"
                _log.warning("CONNECT %s - no handshake; %s", site, hint)
                return False
        # (3) what is said inside
        await self._converse(stream, Inside(site, name), asked.peer)
        return False

    async def _pass_unread(self, client: Wire, host: str, port: int) -> None:
        """A tunnel to somebody else: where that was asked for, in public, to the name it says."""
        # (1) is it allowed?
        named = host in self._tunnels or EVERYBODY in self._tunnels
        if not named or port != HTTPS or is_address(host):
            raise Turned("site-not-named", f"{host[:100]}:{port}")
        upstream = await reach(host, port, is_public)
        async with upstream:
            # (2) is the name of the handshake the same?  till then nothing is sent
            await _agree(client)
            try:
                with anyio.fail_after(HANDSHAKE_SECONDS):
                    name, hello = await read_hello(client.stream)
            except (NotTls, TimeoutError, *_GONE):
                name, hello = None, b""
            if name != host:
                _log.info("CONNECT %s:%d - closed name-mismatch", host[:100], port)
                return
            # (3) the rest is theirs
            _log.info("CONNECT %s:%d - tunnel unread", host[:100], port)
            await splice(client.stream, upstream, first=hello)


# ---- one request ----------------------------------------------------------------------------


class _Kept:
    """The connection to a site that the last request left open."""

    def __init__(self, dial: Callable[[Site], Awaitable[ByteStream]]) -> None:
        self._dial = dial
        self._site: Site | None = None
        self._wire: Wire | None = None

    def take(self, site: Site) -> Wire | None:
        """The one to *site*, if there is one that has said nothing since.

        What comes before a question is no answer to it.
        """
        if self._wire is None or self._site != site or has_spoken(self._wire.stream):
            return None
        return self._wire

    async def fresh(self, site: Site) -> Wire:
        """A new one, in place of the other; raises Turned."""
        await self.close()
        stream = await self._dial(site)
        self._wire, self._site = Wire(stream, h11.CLIENT, seconds=STALL_SECONDS), site
        return self._wire

    async def close(self) -> None:
        """Close what is open."""
        wire, self._wire, self._site = self._wire, None, None
        if wire is not None:
            await abandon(wire.stream)


class _Passing:
    """One request on its way to its site."""

    def __init__(
        self, relay: Relay, client: Wire, door: Door, request: h11.Request, place: Place, ask: Ask
    ) -> None:
        self._client, self._door, self._request, self._place = client, door, request, place
        self._gateway, self._forwarding = relay.now()
        self._tally = relay._tally
        self._ask = msgspec.structs.replace(ask, target=place.target)
        self._decision = Decision(outcome=Outcome.PASS, target=place.target)
        self._status = 0

    async def through(self, kept: _Kept) -> bool:
        """Decide, send, and pass the answer on; whether the client may ask again."""
        # (1) what becomes of the token?
        decision = self._decision = self._gateway.decide(self._ask)
        self._tally.decided(DOOR, decision.outcome.value, decision.id)
        if decision.outcome is Outcome.REFUSE:
            self._status = decision.status
            self._tell()
            await _say(self._client, decision.status, list(decision.answer_headers), decision.body)
            return False
        # (2) what goes on, and over which connection?
        request = self._forwarding.request(self._request, self._place, decision)
        wire, switched = await self._sent(request, kept)
        self._tell()
        # (3) what comes after the answer?
        if switched:
            early = wire.early
            await splice(self._client.stream, wire.stream, first=self._client.early, back=early)
            return False
        if not (wire.again() and wire.is_quiet):
            await kept.close()
        return self._client.again()

    async def _sent(self, request: h11.Request, kept: _Kept) -> tuple[Wire, bool]:
        """Over the open connection what may be sent twice; over a new one all else."""
        wire = kept.take(self._place.site)
        if wire is not None and self._client.is_read and request.method in _SAFE:
            try:
                return wire, await exchange(self._client, wire, request, self._answered)
            except Unanswered as failed:
                if failed.why is not Why.GONE:
                    raise
        wire = await kept.fresh(self._place.site)
        return wire, await exchange(self._client, wire, request, self._answered)

    async def _answered(self, event: h11.Response | h11.InformationalResponse) -> Headers:
        self._status = event.status_code
        try:
            return self._forwarding.answer(event, self._decision, self._place, self._door)
        except Ambiguous as wrong:
            raise Unanswered(Why.MALFORMED, str(wrong)) from None

    def _tell(self) -> None:
        """One line: method, site and path, status, what was moved; nobody's query stands in it."""
        _log.info(
            "%s %s%s %d %s",
            _method(self._ask),
            self._place.site,
            redact_url(self._ask.raw_path),
            self._status,
            self._moved(),
        )

    def _moved(self) -> str:
        if self._decision.outcome is Outcome.REFUSE:
            return f"refused {self._decision.id}"
        observed = self._gateway.policy.mode is Mode.OBSERVE
        names = [use.location for use in self._decision.uses if use.outcome == Outcome.PASS]
        if not names:
            return "as it came"
        return f"{'would move' if observed else 'moved'} {', '.join(dict.fromkeys(names))}"


def _ask(request: h11.Request, peer: str) -> Ask:
    headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers)
    return Ask(
        method=request.method.decode("ascii"),
        target=request.target.decode("ascii"),
        headers=headers,
        peer=peer,
    )


def _method(asked: Ask | None) -> str:
    return "-" if asked is None else asked.method[:20]


def _has_body(request: h11.Request) -> bool:
    told = dict(request.headers)
    return b"transfer-encoding" in told or told.get(b"content-length", b"0").strip(b"0") != b""


async def _agree(client: Wire) -> None:
    """Answer a ``CONNECT``; from then on the connection is a tunnel."""
    await client.send(h11.Response(status_code=200, reason=b"Connection established", headers=[]))


async def _say(client: Wire, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    """An answer of our own, after which the connection ends."""
    told = [*headers, ("Content-Length", str(len(body))), ("Connection", "close")]
    reason = HTTPStatus(status).phrase.encode()
    with contextlib.suppress(*_GONE, TimeoutError, h11.LocalProtocolError):
        await client.send(
            h11.Response(status_code=status, headers=told, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
