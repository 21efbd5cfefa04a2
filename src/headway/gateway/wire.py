"""HTTP/1.1 on one connection, between whoever asks and whoever answers.

h11 reads and writes the messages.  What h11 lets through and somebody else may
read in another way is refused before it sees it: a bare line feed, a folded
line, two lengths, a length beside an encoding (RFC 9112 sections 2.2, 5.2, 6.3).
What goes on is written anew, so no byte of the framing is passed on.

Bodies are never held: the next piece is read once the last one is sent.
"""

from __future__ import annotations

import contextlib
import math
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import TypeAlias

import anyio
import h11
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from headway.gateway.proxy.answers import ANSWERS, Unserved
from headway.gateway.proxy.forwarding import HOP_BY_HOP
from headway.gateway.proxy.head import check_bytes
from headway.gateway.proxy.tunnel import agrees
from headway.gateway.sockets import has_left

__all__ = [
    "HEAD_MAX",
    "Ambiguous",
    "Headers",
    "Unanswered",
    "Why",
    "Wire",
    "abandon",
    "end_to_end",
    "exchange",
    "is_websocket",
    "splice",
]

HEAD_MAX = 65_536
"""How many bytes a message may have before its body."""

PIECE = 65_536
STALL_SECONDS = 300.0  # a server may think for so long, and a stream be silent
_LINGER_SECONDS, _LINGER_BYTES = 2.0, 1 << 20  # for the rest of a body whose answer is there
_WATCH_SECONDS = 1.0  # between two looks whether the client is still there
_BEFORE_MAX = 16  # informational answers to one request
_SPLICED_SECONDS = 30.0  # how long one direction of a tunnel outlives the other

Headers: TypeAlias = list[tuple[bytes, bytes]]
"""Raw names, as they were written, and raw values."""


class Ambiguous(Exception):
    """A message that two readers may read in two ways, or none; *args[0]* says what is wrong."""


class Why(StrEnum):
    """Why there is no answer."""

    GONE = "gone"  # before it said anything
    SLOW = "slow"
    MALFORMED = "malformed"


class Unanswered(Exception):
    """The other side did not answer: *why*, and in words what was wrong with what it said."""

    def __init__(self, why: Why, words: str = "") -> None:
        super().__init__(why, words)
        self.why, self.words = why, words


class Wire:
    """The messages of one connection, in the role of a server or of a client.

    *role* is ``h11.SERVER`` or ``h11.CLIENT``.  Nothing is waited for longer than
    *seconds*: then there is a TimeoutError.  Each message has a parser of its
    own; what came too early waits outside of it, so that every head is looked at.
    """

    def __init__(
        self,
        stream: ByteStream,
        role: type[h11.SERVER | h11.CLIENT],
        *,
        seconds: float = STALL_SECONDS,
    ) -> None:
        self.stream = stream
        self.seconds = seconds
        self._role = role
        self._http = h11.Connection(role, max_incomplete_event_size=HEAD_MAX + PIECE)
        self._waiting = b""  # read, and not given to the parser
        self._ended = False

    async def receive(self) -> h11.Event:
        """The next event of a message (h11: Events).

        Raises :class:`Ambiguous` for what is no message of HTTP/1.1, and what the
        stream raises.
        """
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    data = await self._more()
                    if data is None:
                        return h11.ConnectionClosed()
                    self._http.receive_data(data)
                elif isinstance(event, h11.Event):
                    return event
                else:  # paused: a switch of protocols, or the next message
                    raise Ambiguous("more than the message")
        except h11.RemoteProtocolError as error:
            raise Ambiguous(_words(error)) from None

    async def send(self, *events: h11.Event) -> None:
        """Write *events* at once; raises h11.LocalProtocolError where they do not fit."""
        data = b"".join(self._http.send(event) or b"" for event in events)
        if data:
            with anyio.fail_after(self.seconds):
                await self.stream.send(data)

    def again(self) -> bool:
        """Make ready for the next message; False where the connection ends with this one."""
        http = self._http
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
            return False
        early, closed = http.trailing_data
        self._waiting = early + self._waiting
        self._ended = self._ended or closed
        self._http = h11.Connection(self._role, max_incomplete_event_size=HEAD_MAX + PIECE)
        return True

    async def leave(self) -> None:
        """Close: gently what is whole, and so that it shows where something is missing.

        Who is still writing has some seconds to read what was said: a reset
        would throw it away.
        """
        with (
            anyio.move_on_after(_LINGER_SECONDS, shield=True),
            contextlib.suppress(*_GONE, OSError),
        ):
            if not self.is_whole:
                _reset_at_close(self.stream)
            elif self._http.their_state is h11.SEND_BODY:
                await self._linger()
            else:
                await self.stream.aclose()  # in TLS with a word of it
        await abandon(self.stream)

    async def _linger(self) -> None:
        if not isinstance(self.stream, TLSStream):  # there it can not be said
            await self.stream.send_eof()
        left = _LINGER_BYTES
        while left > 0 and (data := await self._read()):
            left -= len(data)

    @property
    def early(self) -> bytes:
        """What the other side sent beyond what was read as HTTP."""
        return self._http.trailing_data[0] + self._waiting

    @property
    def is_read(self) -> bool:
        """Whether all of the other side's message was read."""
        begun = (h11.IDLE, h11.SEND_BODY, h11.SEND_RESPONSE, h11.ERROR)
        return self._http.their_state not in begun

    @property
    def is_whole(self) -> bool:
        """Whether what was said here is no half of anything."""
        return self._http.our_state not in (h11.SEND_BODY, h11.ERROR)

    @property
    def is_answered(self) -> bool:
        """Whether an answer has begun here; then there can be no other."""
        return self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came beyond the message."""
        return not self.early and not self._ended

    @property
    def their_version(self) -> bytes:
        """``1.0`` or ``1.1``: in what the other side speaks; ``1.1`` before it spoke."""
        return self._http.their_http_version or b"1.1"

    async def _more(self) -> bytes | None:
        """What the parser needs; None where the connection ended between two messages."""
        idle = h11.IDLE if self._role is h11.SERVER else h11.SEND_RESPONSE
        if self._http.their_state is idle:
            return await self._head()
        data, self._waiting = self._waiting, b""
        return data or await self._read()

    async def _head(self) -> bytes | None:
        """The next head, whole and looked at; None where the connection ends before it."""
        searched = 0
        while (end := self._waiting.find(b"\r\n\r\n", searched)) < 0:
            cut = self._waiting.startswith(b"\n", searched)  # a line's end stays whole
            checked_lines(self._waiting[max(0, searched - cut) :])
            if len(self._waiting) > HEAD_MAX:
                raise Ambiguous(f"a head of more than {HEAD_MAX} bytes")
            searched = max(0, len(self._waiting) - 3)
            data = await self._read()
            if not data:
                if self._waiting:
                    raise Ambiguous("half a head")
                return None
            self._waiting += data
        head, self._waiting = self._waiting[: end + 4], self._waiting[end + 4 :]
        checked_head(head)
        return head

    async def _read(self) -> bytes:
        try:
            with anyio.fail_after(self.seconds):
                return await self.stream.receive(PIECE)
        except anyio.EndOfStream:
            self._ended = True
            return b""


async def abandon(stream: ByteStream) -> None:
    """Close *stream* here and now, whatever the other side says to that."""
    with anyio.CancelScope(shield=True), contextlib.suppress(*_GONE, OSError):
        await anyio.aclose_forcefully(stream)


def _reset_at_close(stream: ByteStream) -> None:
    """Let the other side see that this was not all (SO_LINGER of nothing: a reset)."""
    opened = stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 - no query set
    if opened is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _words(error: h11.RemoteProtocolError) -> str:
    """What h11 says, without what was sent."""
    return re.sub(r"(?s)[:(].*|\bb?['\"].*", "", str(error)).strip() or "no HTTP/1.1"


# ---- heads ----------------------------------------------------------------------------------

_VERSIONS = (b"HTTP/1.0", b"HTTP/1.1")


def checked_lines(data: bytes) -> None:
    r"""Raise :class:`Ambiguous` for a line of *data* that the built-in proxy would not take either.

    >>> checked_lines(b"GET / HTTP/1.1\nHost: a")
    Traceback (most recent call last):
    headway.gateway.wire.Ambiguous: a line does not end in CR LF
    """
    try:
        check_bytes(data)
    except Unserved as refused:
        raise Ambiguous(ANSWERS[refused.id].title) from None


def checked_head(head: bytes) -> None:
    r"""Raise :class:`Ambiguous` for a *head* of which it is not certain where its body ends.

    >>> checked_head(b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    Traceback (most recent call last):
    headway.gateway.wire.Ambiguous: a length beside an encoding
    """
    if len(head) > HEAD_MAX:
        raise Ambiguous(f"a head of more than {HEAD_MAX} bytes")
    checked_lines(head)
    first, *lines = head[:-4].split(b"\r\n")
    fields = [line.partition(b":")[::2] for line in lines]
    names = [name.lower() for name, _ in fields]
    lengths = [value.strip(b" \t") for name, value in fields if name.lower() == b"content-length"]
    encoded = names.count(b"transfer-encoding")
    if len(lengths) > 1 or encoded > 1 or not all(map(bytes.isdigit, lengths)):
        raise Ambiguous("two lengths, or none that is a number")
    if lengths and encoded:
        raise Ambiguous("a length beside an encoding")
    version = first[:9].strip() if first.startswith(b"HTTP/") else first[-9:].strip()
    if version not in _VERSIONS:
        raise Ambiguous("no version of HTTP that is spoken here")
    if encoded and version == b"HTTP/1.0":
        raise Ambiguous("an encoding that the version does not have")


_HOP_BY_HOP = frozenset(name.encode("ascii") for name in HOP_BY_HOP)
_NOT_NOMINATED = frozenset(
    {
        *(b"authorization", b"content-length", b"content-type", b"cookie", b"host", b"expect"),
        *(b"cache-control", b"set-cookie", b"vary", b"location"),
    }
)


def end_to_end(headers: Iterable[tuple[bytes, bytes]], *, also: Iterable[bytes] = ()) -> Headers:
    """*headers* without those of this connection; the framing of a body stays.

    Raises :class:`Ambiguous` where ``Connection`` names a header that the other
    side must get: one that decides, or one of *also* (lower case).

    >>> end_to_end([(b"A", b"1"), (b"X", b"2"), (b"Connection", b"x, close")])
    [(b'A', b'1')]
    """
    lines = list(headers)
    named = {
        part.strip().lower()
        for name, value in lines
        if name.lower() == b"connection"
        for part in value.split(b",")
    }
    if named & (_NOT_NOMINATED | set(also)):
        raise Ambiguous("a Connection that takes a header away which counts")
    gone = named | _HOP_BY_HOP
    kept = [(name, value) for name, value in lines if name.lower() not in gone]
    if any(name.lower() == b"transfer-encoding" for name, _ in lines):
        kept.append((b"Transfer-Encoding", b"chunked"))
    return kept


def is_websocket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether *headers* ask for, or agree to, a WebSocket (RFC 6455 section 4).

    >>> is_websocket([(b"Upgrade", b"h2c"), (b"Connection", b"Upgrade")])
    False
    """
    told = [(name.lower(), value.lower()) for name, value in headers]
    upgrades = [value.strip() for name, value in told if name == b"upgrade"]
    tokens = [p.strip() for n, v in told if n == b"connection" for p in v.split(b",")]
    return upgrades == [b"websocket"] and b"upgrade" in tokens


# ---- one request and its answer -------------------------------------------------------------

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError)
_FAILURES = (Ambiguous, Unanswered, TimeoutError, h11.LocalProtocolError, *_GONE)


async def exchange(
    client: Wire,
    upstream: Wire,
    request: h11.Request,
    answered: Callable[[h11.Response | h11.InformationalResponse], Awaitable[Headers]],
) -> bool:
    """Send *request* upstream, and pass both bodies on; True where the protocol was switched.

    A client that ends its half of the connection has left: nobody waits for its answer.

    *answered* gives the headers of an answer for the client.  Raises
    :class:`Unanswered` where upstream does not answer, :class:`Ambiguous` and
    TimeoutError for the client's body, and h11's and anyio's own where a
    connection breaks.
    """
    switched, failures, watching = False, list[Exception](), anyio.CancelScope()
    whole = client.is_read
    try:
        await upstream.send(request, *([h11.EndOfMessage()] if whole else []))
    except _GONE:
        raise Unanswered(Why.GONE) from None
    async with anyio.create_task_group() as tasks:

        async def body() -> None:
            try:
                await _send_body(client, upstream)
            except _FAILURES as failure:
                failures.append(failure)
                tasks.cancel_scope.cancel()

        async def watch() -> None:
            with watching:
                while True:  # the loop tells of what can be read, not of this
                    await anyio.sleep(_WATCH_SECONDS)
                    if has_left(client.stream):
                        break
                failures.append(anyio.BrokenResourceError())
                tasks.cancel_scope.cancel()

        if not whole:
            tasks.start_soon(body)
        tasks.start_soon(watch)
        try:
            switched = await _pass_answer(client, upstream, request, answered)
        except _FAILURES as failure:
            failures.append(failure)
            tasks.cancel_scope.cancel()
        else:
            watching.cancel()
            # Nobody needs the rest of the body now; a client may still be writing it.
            tasks.cancel_scope.deadline = anyio.current_time() + _LINGER_SECONDS
            return switched
    raise failures[0]


async def _send_body(client: Wire, upstream: Wire) -> None:
    """Pass the request's body on; trailers stay behind."""
    while True:
        event = await client.receive()
        try:
            if isinstance(event, h11.EndOfMessage):
                await upstream.send(h11.EndOfMessage())
                return
            await upstream.send(event)
        except _GONE:
            return  # it may have answered all the same


async def _pass_answer(
    client: Wire,
    upstream: Wire,
    request: h11.Request,
    answered: Callable[[h11.Response | h11.InformationalResponse], Awaitable[Headers]],
) -> bool:
    begun, before = False, 0
    while True:
        event = await _received(upstream, begun=begun)
        if isinstance(event, h11.InformationalResponse):
            begun, before = True, before + 1
            if before > _BEFORE_MAX:
                raise Unanswered(Why.MALFORMED, "no answer behind all that comes before one")
            if event.status_code == 101 and not _agreed(request, event):
                raise Unanswered(Why.MALFORMED, "a switch of protocols that nobody asked for")
            if event.status_code == 101 or client.their_version != b"1.0":
                await client.send(_with(event, await answered(event)))
            if event.status_code == 101:
                return True
        elif isinstance(event, h11.Response):
            begun = True
            await client.send(_with(event, await answered(event)))
        elif isinstance(event, h11.EndOfMessage):
            await client.send(h11.EndOfMessage())
            return False
        else:
            await client.send(event)


async def _received(upstream: Wire, *, begun: bool) -> h11.Event:
    try:
        event = await upstream.receive()
    except Ambiguous as error:
        raise Unanswered(Why.MALFORMED, str(error)) from None
    except TimeoutError:
        raise Unanswered(Why.SLOW) from None
    except _GONE:
        if begun:
            raise
        raise Unanswered(Why.GONE) from None
    if isinstance(event, h11.ConnectionClosed):
        raise Unanswered(Why.GONE)
    return event


def _with(
    event: h11.Response | h11.InformationalResponse, headers: Headers
) -> h11.Response | h11.InformationalResponse:
    return type(event)(status_code=event.status_code, headers=headers, reason=event.reason)


def _agreed(request: h11.Request, event: h11.InformationalResponse) -> bool:
    """Whether a 101 is the answer to the WebSocket that *request* asked for."""
    key = next((v for n, v in request.headers if n == b"sec-websocket-key"), b"")
    told = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers)
    return is_websocket(request.headers) and agrees(key.decode("latin-1"), told)


# ---- tunnels --------------------------------------------------------------------------------


async def splice(
    one: ByteStream, other: ByteStream, *, first: bytes = b"", back: bytes = b""
) -> None:
    """Pass bytes both ways until both sides have ended.

    *first* goes to *other* before anything else, and *back* to *one*.  Once one
    side has ended, the other has half a minute for its last words; in TLS, which
    knows no half of an end, none.
    """
    async with anyio.create_task_group() as tasks:
        limit = tasks.cancel_scope

        async def copied(source: ByteStream, target: ByteStream, begin: bytes) -> None:
            try:
                if begin:
                    await target.send(begin)
                async for data in source:
                    await target.send(data)
                if isinstance(target, TLSStream):  # where an end ends both directions
                    limit.cancel()
                else:
                    await target.send_eof()
            except _GONE:
                limit.cancel()  # nothing more can be said that anybody hears
            if math.isinf(limit.deadline):
                limit.deadline = anyio.current_time() + _SPLICED_SECONDS

        tasks.start_soon(copied, one, other, first)
        tasks.start_soon(copied, other, one, back)
