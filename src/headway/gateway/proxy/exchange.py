"""One request: decided, sent on, and its answer brought back, piece by piece.

The body goes to upstream in a task of its own while the answer is awaited: an
upstream may answer before it has read everything.  Whatever ends the client's
side (it left, its body is malformed) cancels the rest.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, cast

import h11

from headway.gateway.decision import Ask, Decision, Headers, Outcome
from headway.gateway.middleware import Decides
from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.client import Client, ClientGone
from headway.gateway.proxy.forwarding import Forwarder, returned
from headway.gateway.proxy.head import Incoming
from headway.gateway.proxy.settings import ProxySettings
from headway.gateway.proxy.tunnel import agrees, tunnel
from headway.gateway.proxy.upstreams import Link, Upstreams
from headway.gateway.service import Current
from headway.gateway.tally import Tally
from headway.redact import redact_url

__all__ = ["DOOR", "Endpoint", "Exchange", "Proxy"]

Endpoint: TypeAlias = Callable[[Ask], Awaitable[Decision | None]]
"""What answers some requests in upstream's place, by a decision's status, headers and body."""

DOOR = "run"
"""What counts of decisions call it."""

_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))  # RFC 9110 section 9.2.2
_FAULTS = ("upstream-broken", "upstream-malformed", "upstream-slow")
LEFT = 499  # what the log says of a client that left, as that of nginx does
_INFORMED_MAX = 16  # informational answers to one request
_log = logging.getLogger("headway.gateway.proxy")


class _Decides(Decides, Protocol):
    """A gateway, one that reloads, or one that knows tickets."""

    def current(self) -> Current:
        """The gateway that counts at this moment."""


class Proxy:
    """What all connections share."""

    def __init__(
        self,
        gateway: _Decides,
        upstreams: Upstreams,
        settings: ProxySettings,
        *,
        scheme: str = "http",
        endpoints: Sequence[Endpoint] = (),
        tally: Tally | None = None,
    ) -> None:
        self.tally = Tally() if tally is None else tally
        self.gateway, self.upstreams, self.settings = gateway, upstreams, settings
        self.endpoints = tuple(endpoints)
        self.forwarder = Forwarder(settings.forwarding, scheme)
        self.stopping = False

    def moved(self) -> set[str]:
        """The headers to which tokens move."""
        return {location.header for location in self.gateway.policy.locations}


class _Stale(Exception):
    """A connection that was used before ended without a word: the request may go out again."""


class Exchange:
    """One *incoming* request of *client*, whose connection comes from *peer*."""

    def __init__(
        self, proxy: Proxy, client: Client, incoming: Incoming, peer: str, subject: str | None
    ) -> None:
        self._proxy, self._client, self._incoming = proxy, client, incoming
        self._peer, self._subject = peer, subject
        self._times = proxy.settings.timeouts
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        self._reason: Exception | None = None  # why everything has to end
        self._pump: asyncio.Task[None] | None = None
        self._ending = False  # it is over, one way or another
        self._informed = 0
        self._began = time.perf_counter()
        self._decision: Decision | None = None
        self._upstream = "-"
        self.failed = ""  # the id of what went wrong, for the log

    async def run(self) -> None:
        """Carry it out.  Raises Unserved where there is no answer yet, and ClientGone."""
        try:
            await self._run()
        except asyncio.CancelledError:
            if self._reason is None:
                raise
            self._task.uncancel()
            raise self._reason from None
        finally:
            self._client.watch(None)

    def stop(self, reason: Exception) -> None:
        """End it for *reason*, which :meth:`run` raises."""
        if self._reason is None and not self._ending:
            self._reason = reason
            self._task.cancel()

    def _gone(self) -> None:
        self.stop(ClientGone())

    async def _run(self) -> None:
        incoming = self._incoming
        if not incoming.has_body:
            self._client.watch(self._gone)
        ask = Ask(
            method=incoming.method,
            target=incoming.target,
            headers=incoming.headers,
            peer=self._proxy.forwarder.client(incoming, self._peer),
            subject=self._subject,
        )
        # (1) what becomes of it?
        decision = self._decision = await self._decided(ask)
        # (2) is it answered here?
        if decision.outcome in (Outcome.REFUSE, Outcome.ANSWER):
            await self._client.answer(
                decision.status,
                decision.answer_headers,
                decision.body,
                close=self._proxy.stopping,
            )
            return
        # (3) there and back
        try:
            await self._carried(decision, fresh=False)
        except _Stale:
            await self._carried(decision, fresh=True)

    async def _decided(self, ask: Ask) -> Decision:
        """The gateway's own answer where it has one, else its decision."""
        try:
            for endpoint in self._proxy.endpoints:
                own = await endpoint(ask)
                if own is not None:
                    return own
            decision = await self._proxy.gateway.adecide(ask)
        except Exception as failure:  # noqa: BLE001 - whatever it is, nobody gets in by it
            decision = self._failing(ask, type(failure).__name__)
        self._proxy.tally.decided(DOOR, decision.outcome.value, decision.id)
        return decision

    def _failing(self, ask: Ask, failure: str) -> Decision:
        """What becomes of a request that nothing could be decided of: no, or as the policy says."""
        try:
            opened = self._proxy.gateway.current().failed(ask)
        except Exception as again:  # noqa: BLE001 - the same
            opened, failure = None, type(again).__name__
        _log.error("a decision failed: %s%s", failure, "" if opened is None else "; it failed open")
        if opened is None:
            raise Unserved("decision-failed") from None
        return opened

    # ---- there ------------------------------------------------------------------------------

    async def _carried(self, decision: Decision, *, fresh: bool) -> None:
        upstreams = self._proxy.upstreams
        link = await upstreams.lease(fresh=fresh)
        self._upstream = link.upstream.authority
        try:
            await self._sent(link, decision)
            await self._returned(link, decision)
            await self._end_pump()
        except BaseException as error:
            why = error.id if isinstance(error, Unserved) else ""
            stale = why == "upstream-broken" and self._is_stale(link)
            upstreams.dropped(link, failed=why in _FAULTS and not stale)
            await self._end_pump()
            if stale:
                raise _Stale() from None
            raise
        upstreams.done(link)

    async def _sent(self, link: Link, decision: Decision) -> None:
        """Send the head; a body follows in a task of its own."""
        incoming, authority = self._incoming, link.upstream.authority
        headers = self._proxy.forwarder.headers(incoming, decision, self._peer, authority)
        if incoming.websocket:
            headers += [("connection", "upgrade"), ("upgrade", "websocket")]
        elif incoming.has_body and not incoming.all("content-length"):
            headers.append(("transfer-encoding", "chunked"))
        event = h11.Request(
            method=incoming.method,
            target=decision.target,
            headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers],
        )
        pieces = [link.wire.send(event) or b""]
        if not incoming.has_body:
            pieces.append(link.wire.send(h11.EndOfMessage()) or b"")
        try:
            await link.stream.write(pieces, self._times.answer)
        except OSError:
            raise Unserved("upstream-broken") from None
        if incoming.has_body:
            self._pump = asyncio.create_task(self._pumped(link))

    async def _pumped(self, link: Link) -> None:
        """Bring the body to upstream, as fast as it takes it."""
        try:
            while (piece := await self._client.piece()) is not None:
                data = link.wire.send_with_data_passthrough(h11.Data(data=piece))
                await link.stream.write(data or [], self._times.answer)
            await link.stream.write([link.wire.send(h11.EndOfMessage()) or b""], self._times.answer)
        except (Unserved, ClientGone) as reason:
            self.stop(reason)
        except (OSError, h11.LocalProtocolError):
            pass  # upstream takes no more; what it answers says why
        else:
            self._client.watch(self._gone)

    async def _end_pump(self) -> None:
        self._ending, pump, self._pump = True, self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait([pump])

    def _is_stale(self, link: Link) -> bool:
        """Whether a connection that had rested was closed before it heard of the request."""
        silent = link.wire.trailing_data[0] == b"" and self._informed == 0
        again = self._incoming.method in _REPEATABLE and not self._incoming.has_body
        return link.used and again and silent and self._client.status == 0

    # ---- and back ---------------------------------------------------------------------------

    async def _event(self, link: Link) -> h11.Event:
        """What upstream says next; what is ready for the client goes out before anybody waits."""
        wire, ended = link.wire, False
        while True:
            try:
                event = wire.next_event()
                if event is not h11.NEED_DATA:
                    break
                await self._client.flush()
                data = await link.stream.read(self._times.answer)
                ended = not data
                wire.receive_data(data)
            except TimeoutError:
                if self._pump is not None and not self._pump.done():
                    continue  # the client is still sending, and has its own time
                raise Unserved("upstream-slow") from None
            except OSError:
                raise Unserved("upstream-broken") from None
            except h11.RemoteProtocolError:
                raise Unserved("upstream-broken" if ended else "upstream-malformed") from None
        if isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed):
            return event
        raise Unserved("upstream-broken")

    async def _returned(self, link: Link, decision: Decision) -> None:
        """Bring the answer back."""
        client = self._client
        # (1) what comes before the answer
        while isinstance(event := await self._event(link), h11.InformationalResponse):
            told = _told(event)
            if event.status_code == 101:
                await self._tunnelled(link, told, decision)
                return
            await self._inform(event.status_code, told, decision)
        # (2) its head
        if not isinstance(event, h11.Response):
            raise Unserved("upstream-malformed")
        told = _told(event)
        names = {name.lower() for name, _ in told}
        if {"content-length", "transfer-encoding"} <= names:
            raise Unserved("upstream-malformed")
        client.begin(event.status_code, returned(decision, told), close=self._proxy.stopping)
        # (3) its body; trailers are not passed on
        while isinstance(piece := await self._event(link), h11.Data):
            await client.go_on(piece.data)
        await client.finish()

    async def _inform(self, status: int, told: Headers, decision: Decision) -> None:
        self._informed += 1
        if self._informed > _INFORMED_MAX:
            raise Unserved("upstream-malformed")
        if self._incoming.version == "1.0" or (
            status == 100 and not self._incoming.awaits_continue
        ):
            return
        await self._client.inform(status, () if status == 100 else returned(decision, told))

    async def _tunnelled(self, link: Link, told: Headers, decision: Decision) -> None:
        """Carry a WebSocket, where upstream has agreed to one as it should."""
        if not agrees(self._incoming.all("sec-websocket-key")[0], told):
            raise Unserved("upstream-malformed")
        client = self._client
        client.watch(None)
        headers = (*returned(decision, told), ("Upgrade", "websocket"), ("Connection", "Upgrade"))
        client.status = 101
        await client.inform(101, headers)
        try:
            await client.write([bytes(link.wire.trailing_data[0])])
            await link.stream.write([client.switched()], self._times.answer)
        except OSError:
            raise Unserved("upstream-broken") from None
        client.sent = await tunnel(client.stream, link.stream, self._times.tunnel)

    # ---- the log ----------------------------------------------------------------------------

    def note(self) -> None:
        """One line; of the URL, the path, without what looks like a token."""
        if not _log.isEnabledFor(logging.INFO):
            return
        decision = self._decision
        _log.info(
            "%s %s %s %d %d %.0fms %s %s %s",
            self._peer,
            self._incoming.method,
            redact_url(self._incoming.target.partition("?")[0]),
            self._client.status or LEFT,
            self._client.sent,
            (time.perf_counter() - self._began) * 1000,
            decision.outcome if decision else "-",
            self.failed or (decision.id if decision else "") or "-",
            self._upstream,
        )


def _told(event: h11.InformationalResponse | h11.Response) -> Headers:
    lines = event.headers.raw_items()
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in lines)
