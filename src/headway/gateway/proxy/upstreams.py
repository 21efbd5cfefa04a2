"""Where requests go: several upstreams, of which the ones that are well get them.

An upstream is *out* for some seconds after failures in a row (no connection, no
answer, nothing that is HTTP), as long as another one is not: the last one is
always tried.  It is *down* where it is asked for its health and does not answer
well; then it gets nothing until it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from urllib.parse import urlsplit

import h11

from headway.errors import ConfigurationError
from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.settings import Balance, ProxySettings, is_host
from headway.gateway.proxy.stream import Stream, connect
from headway.ports import Clock

__all__ = ["Link", "Upstream", "Upstreams"]

IDLE_SECONDS = 4.0
"""How long a connection rests and is used again: less than the five seconds of uvicorn and Node."""

_log = logging.getLogger("headway.gateway.proxy")


class Link:
    """A connection to *upstream*, for one request after another."""

    def __init__(self, upstream: Upstream, stream: Stream, head_max: int) -> None:
        self.upstream, self.stream = upstream, stream
        self.wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=head_max)
        self.used = False  # it has carried a request before
        self.since = 0.0


class Upstream:
    """One upstream, by its *url*: scheme, host and port, and nothing else.

    Raises ConfigurationError for any other URL.

    >>> Upstream("http://127.0.0.1:9000").authority
    '127.0.0.1:9000'
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ConfigurationError("upstream: the port is no number up to 65535") from None
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not is_host(parts.netloc):
            raise ConfigurationError("upstream: write http://host:port or https://host:port")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ConfigurationError(
                "upstream: has no path, the request's own goes on byte for byte"
            )
        self.authority = parts.netloc
        self.host, self.port = host, port or (443 if parts.scheme == "https" else 80)
        self.tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self.active = 0
        self.idle: deque[Link] = deque()
        self.fails = 0
        self.out_until = 0.0
        self.is_down = False
        self._strikes = 0

    def asked(self, well: bool) -> bool:
        """Take note of an answer about its health; True where that changes anything."""
        before = self.is_down
        self._strikes = 0 if well else self._strikes + 1
        self.is_down = self._strikes >= 2 or (self.is_down and not well)
        return before is not self.is_down

    def __repr__(self) -> str:
        return f"<upstream {self.authority}>"


class Upstreams:
    """Gives a connection to one of *upstreams* (at least one), and takes it back."""

    def __init__(
        self, upstreams: Sequence[Upstream], settings: ProxySettings, clock: Clock = time.monotonic
    ) -> None:
        if not upstreams:
            raise ConfigurationError("upstream: there is none")
        self.all = tuple(upstreams)
        self._settings, self._clock = settings, clock
        self._turn = count()
        self._freed = asyncio.Event()

    # ---- choosing ---------------------------------------------------------------------------

    def order(self) -> list[Upstream]:
        """Which upstreams may be asked, the best one first; raises Unserved where none may."""
        now, turn = self._clock(), next(self._turn)
        up = [each for each in self.all if not each.is_down]
        if not up:
            raise Unserved("upstream-unavailable")
        well = [each for each in up if each.out_until <= now]
        known = well or [min(up, key=lambda each: each.out_until)]
        start = turn % len(known)
        known = known[start:] + known[:start]
        if self._settings.balance is Balance.LEAST_BUSY:
            known.sort(key=lambda each: each.active)
        return known

    async def lease(self, *, fresh: bool = False) -> Link:
        """A connection to the best upstream that takes one; *fresh* is one never used before.

        Nothing of a request has gone out yet, so the next upstream is tried
        where one takes no connection.  Raises Unserved.
        """
        most = self._settings.limits.upstream_connections
        until = self._clock() + self._settings.timeouts.queue
        while True:
            # (1) who is well, and has room?
            order = self.order()
            failure = Unserved("upstream-busy")
            for upstream in order:
                if upstream.active >= most:
                    continue
                # (2) a connection that rests, or a new one
                try:
                    return await self._linked(upstream, fresh)
                except Unserved as unserved:
                    failure = unserved
            # (3) all are busy: wait until one is not; anything else is an answer
            left = until - self._clock()
            if failure.id != "upstream-busy" or left <= 0:
                raise failure
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._freed.wait()

    async def _linked(self, upstream: Upstream, fresh: bool) -> Link:
        link = None if fresh else self._resting(upstream)
        upstream.active += 1
        if link is not None:
            return link
        try:
            seconds = self._settings.timeouts.connect
            stream = await connect(upstream.host, upstream.port, seconds, upstream.tls)
        except TimeoutError:
            self._lost(upstream)
            raise Unserved("upstream-slow") from None
        except OSError:
            self._lost(upstream)
            raise Unserved("upstream-unreachable") from None
        except BaseException:
            self._free(upstream)
            raise
        return Link(upstream, stream, self._settings.limits.head)

    def _resting(self, upstream: Upstream) -> Link | None:
        now = self._clock()
        while upstream.idle:
            link = upstream.idle.pop()
            if now - link.since <= IDLE_SECONDS and not link.stream.has_spoken:
                return link
            link.stream.close()
        return None

    # ---- taking back ------------------------------------------------------------------------

    def done(self, link: Link) -> None:
        """The request on *link* went well; the connection is kept where it can be."""
        upstream = link.upstream
        upstream.fails, upstream.out_until = 0, 0.0
        self._free(upstream)
        wire = link.wire
        clean = wire.our_state is h11.DONE and wire.their_state is h11.DONE
        if not clean or wire.trailing_data != (b"", False):
            link.stream.close()
            return
        wire.start_next_cycle()
        link.used, link.since = True, self._clock()
        link.stream.rest()
        upstream.idle.append(link)
        while upstream.idle and self._clock() - upstream.idle[0].since > IDLE_SECONDS:
            upstream.idle.popleft().stream.close()

    def dropped(self, link: Link, *, failed: bool) -> None:
        """The request on *link* did not come to its end; *failed* where upstream is at fault."""
        link.stream.abort()
        if failed:
            self._lost(link.upstream)
        else:
            self._free(link.upstream)

    def _free(self, upstream: Upstream) -> None:
        upstream.active -= 1
        self._freed.set()

    def _lost(self, upstream: Upstream) -> None:
        self._free(upstream)
        upstream.fails += 1
        if upstream.fails >= self._settings.fails:
            if upstream.out_until <= self._clock():
                _log.warning("upstream %s: out after failures in a row", upstream.authority)
            upstream.out_until = self._clock() + self._settings.out_seconds

    def close(self) -> None:
        """Close what rests."""
        for upstream in self.all:
            while upstream.idle:
                upstream.idle.pop().stream.close()

    # ---- health -----------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ask each upstream for its health, for ever; does nothing where that is not set."""
        while self._settings.health_path:
            await asyncio.gather(*(self._look(each) for each in self.all))
            await asyncio.sleep(self._settings.health_every)

    async def _look(self, upstream: Upstream) -> None:
        try:
            status = await self._asked(upstream)
        except (OSError, h11.ProtocolError):
            status = 0
        if upstream.asked(200 <= status < 400):
            word = "down" if upstream.is_down else "up again"
            _log.warning("upstream %s: %s (health: %s)", upstream.authority, word, status or "-")

    async def _asked(self, upstream: Upstream) -> int:
        seconds = self._settings.timeouts.connect
        stream = await connect(upstream.host, upstream.port, seconds, upstream.tls)
        try:
            wire = h11.Connection(h11.CLIENT)
            headers = [("Host", upstream.authority), ("Connection", "close")]
            target = self._settings.health_path
            asked = wire.send(h11.Request(method="GET", target=target, headers=headers)) or b""
            await stream.write([asked + (wire.send(h11.EndOfMessage()) or b"")], seconds)
            while True:
                event = wire.next_event()
                if event is h11.NEED_DATA:
                    wire.receive_data(await stream.read(seconds))
                elif isinstance(event, h11.Response):
                    return event.status_code
        finally:
            stream.abort()
