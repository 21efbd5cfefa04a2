"""The client's side of a connection: heads, pieces of bodies, and what is written back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus

import h11

from headway.gateway.decision import Headers
from headway.gateway.proxy.answers import Unserved, answer_of
from headway.gateway.proxy.head import END, Incoming, check_bytes, read_head
from headway.gateway.proxy.settings import Limits, Timeouts
from headway.gateway.proxy.stream import Stream

__all__ = ["Client", "ClientGone"]

_LINE_BESIDES = 64  # characters of a request line that are not its target


class ClientGone(Exception):
    """The client left, or takes nothing any more: nobody is there to be answered."""


class Client:
    """One client on *stream*, and the request that it sends at the moment."""

    def __init__(self, stream: Stream, limits: Limits, timeouts: Timeouts) -> None:
        self.stream = stream
        self._limits, self._timeouts = limits, timeouts
        self._pending = bytearray()  # what came after the last request
        self._wire = h11.Connection(h11.SERVER)
        self._method = ""
        self._tail = b""  # the last bytes of the body that were read
        self._is_chunked = False
        self._ended = False  # the body
        self._taken = 0  # bytes of the body
        self.status = 0  # of the answer that has begun
        self.sent = 0  # bytes of its body
        self.closing = False  # the answer says that the connection ends
        self._held: list[bytes] = []  # a head that leaves together with what follows

    # ---- a request --------------------------------------------------------------------------

    async def next_head(self, *, first: bool) -> bytes:
        """The bytes of the next head; nothing where the client has no more to ask.

        Raises Unserved for what is no head, too large or too slow.
        """
        self._wire, self._method, self.status = h11.Connection(h11.SERVER), "", 0
        clock = asyncio.get_running_loop().time
        pending, until = self._pending, clock() + self._timeouts.head
        if not pending:
            try:
                wait = self._timeouts.head if first else self._timeouts.idle
                pending += await self.stream.read(wait)
            except OSError:
                return b""
            until = clock() + self._timeouts.head
        seen = 0  # what was looked at: one byte at a time costs no more than all at once
        while (end := pending.find(END, max(0, seen - len(END)))) < 0:
            if not pending:
                return b""
            self._check_growing(pending, seen)
            seen = len(pending)
            try:
                data = await self.stream.read(max(until - clock(), 0.001))
            except TimeoutError:
                raise Unserved("request-slow") from None
            except OSError:
                return b""
            if not data:
                return b""  # it left in the middle of a head
            pending += data
        end += len(END)
        head = bytes(pending[:end])
        if end > self._limits.head:
            self._check_growing(pending[:end], end)
        del pending[:end]
        return head

    def _check_growing(self, pending: bytearray, seen: int) -> None:
        most = self._limits.target + _LINE_BESIDES
        if len(pending) > most and pending.find(b"\r\n", 0, most) < 0:
            raise Unserved("target-too-long")
        if len(pending) > self._limits.head:
            raise Unserved("head-too-large")
        check_bytes(pending[max(0, seen - 2) :])

    def read(self, head: bytes, moved: Collection[str]) -> Incoming:
        """The request of *head*; raises Unserved."""
        wire = self._wire
        self.sent, self._taken, self._ended = 0, 0, False
        incoming = read_head(head, wire, self._limits, moved)
        self._method = incoming.method
        self._is_chunked = bool(incoming.all("transfer-encoding"))
        rest, self._tail = bytes(self._pending), END
        self._pending.clear()
        if rest:
            self._feed(rest)
        if not incoming.has_body:
            wire.next_event()  # the end of the message
        return incoming

    def _feed(self, data: bytes) -> None:
        self._tail = self._tail[-len(END) :] + data
        self._wire.receive_data(data)

    async def piece(self) -> bytes | None:
        """The next piece of the body, None at its end; trailers are not looked at.

        It is all that has arrived: a chunk of one byte costs upstream no message of
        its own.  Raises Unserved for what is malformed, too large or too slow, and
        ClientGone.
        """
        pieces: list[bytes] = []
        while not self._ended:
            try:
                event = self._wire.next_event()
            except h11.RemoteProtocolError:
                raise Unserved("body-malformed") from None
            if isinstance(event, h11.Data):
                pieces.append(event.data)
            elif event is not h11.NEED_DATA:
                self._check_end()
                self._ended = True
            elif pieces:
                break
            else:
                await self._more()
        self._taken += sum(map(len, pieces))
        if self._taken > self._limits.body:
            raise Unserved("body-too-large")
        return b"".join(pieces) if pieces else None

    async def _more(self) -> None:
        try:
            data = await self.stream.read(self._timeouts.body)
        except TimeoutError:
            raise Unserved("request-slow") from None
        except OSError:
            raise ClientGone() from None
        if not data:
            raise ClientGone()
        self._feed(data)

    def _check_end(self) -> None:
        """Chunks and trailers end in an empty line; h11 takes one that is a bare LF, too."""
        left = len(self._wire.trailing_data[0])
        ended = self._tail[: len(self._tail) - left]
        if self._is_chunked and not ended.endswith(END):
            raise Unserved("body-malformed")

    # ---- an answer --------------------------------------------------------------------------

    async def inform(self, status: int, headers: Headers) -> None:
        """Send an informational answer; the final one is still to come."""
        event = h11.InformationalResponse(
            status_code=status, headers=_raw(headers), reason=_reason(status)
        )
        await self.write([self._wire.send(event) or b""])

    def begin(self, status: int, headers: Headers, *, close: bool = False) -> None:
        """The head of the answer, which leaves with its first piece, or at :meth:`flush`."""
        self.status = status
        self.closing = close or self.owes_body
        lines = _raw(headers)
        if self.closing:
            lines.append((b"Connection", b"close"))
        event = h11.Response(status_code=status, headers=lines, reason=_reason(status))
        self._held.append(self._wire.send(event) or b"")

    async def flush(self) -> None:
        """Send what is held back, before anything else is waited for."""
        if self._held:
            await self.write([])

    async def go_on(self, data: bytes) -> None:
        """Send a piece of the answer's body."""
        self.sent += len(data)
        await self.write(self._wire.send_with_data_passthrough(h11.Data(data=data)) or [])

    async def finish(self) -> None:
        """Send the end of the answer."""
        end = self._wire.send(h11.EndOfMessage())
        await self.write([end] if end else [])

    async def answer(
        self, status: int, headers: Headers, body: bytes, *, close: bool = False
    ) -> None:
        """Answer with *body*, whole."""
        length = ("Content-Length", str(len(body)))
        self.begin(status, (*headers, length), close=close)
        if self._method != "HEAD":
            await self.go_on(body)
        await self.finish()

    async def refuse(self, unserved: Unserved) -> None:
        """Answer that the request is not served, and be done with the connection."""
        await self.answer(*answer_of(unserved), close=True)

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Write, no faster than the client reads; raises ClientGone."""
        if self._held:
            pieces, self._held = [*self._held, *pieces], []
        if not pieces:
            return
        try:
            await self.stream.write(pieces, self._timeouts.body)
        except OSError:
            raise ClientGone() from None

    # ---- what comes after -------------------------------------------------------------------

    @property
    def has_more(self) -> bool:
        """Whether another request, or a part of it, is here already."""
        return bool(self._pending)

    @property
    def owes_body(self) -> bool:
        """Whether there is more of the request that nobody read."""
        return self._wire.their_state is h11.SEND_BODY

    def may_go_on(self) -> bool:
        """Whether another request may follow on the connection; keeps what came of it."""
        wire = self._wire
        if self.closing or wire.our_state is not h11.DONE or wire.their_state is not h11.DONE:
            return False
        self._pending += wire.trailing_data[0]
        return True

    async def end(self) -> None:
        """Close, so that the client can read what it was answered."""
        if self.owes_body or self._wire.trailing_data[0]:
            await self.stream.linger()
        else:
            self.stream.close()

    def switched(self) -> bytes:
        """What the client said after a handshake that was answered by 101."""
        return bytes(self._wire.trailing_data[0])

    def watch(self, tell: Callable[[], None] | None) -> None:
        """Let *tell* know when the client leaves."""
        self.stream.when_ended(tell)


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
