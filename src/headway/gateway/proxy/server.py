"""All connections: taken, bounded, served, and ended in peace."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import cast

from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.client import Client, ClientGone
from headway.gateway.proxy.exchange import DOOR, Exchange, Proxy
from headway.gateway.proxy.stream import Stream, accepting
from headway.gateway.proxy.tls import subject_of

__all__ = ["serving_proxy"]

_log = logging.getLogger("headway.gateway.proxy")


class _Server:
    """The connections of *proxy*."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._limits, self._times = proxy.settings.limits, proxy.settings.timeouts
        self._open: dict[asyncio.Task[None], bool] = {}  # and whether a request is at work

    async def serve(self, stream: Stream) -> None:
        """One connection, from its first byte to its last; raises nothing."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        client = Client(stream, self._limits, self._times)
        full = len(self._open) >= self._limits.connections
        self._open[task] = False
        try:
            if full or self._proxy.stopping:
                raise Unserved("connections-full")
            await self._requests(task, client, stream)
        except Unserved as unserved:
            await self._refused(client, unserved)
            peer = (stream.info("peername") or ("-",))[0]
            _log.info("%s - - %d %d - - %s -", peer, client.status, client.sent, unserved.id)
        except ClientGone:
            stream.abort()
        except asyncio.CancelledError:
            stream.abort()
        except Exception as failure:  # noqa: BLE001 - one connection, and not all of them
            _log.error("a connection failed: %s", type(failure).__name__)
            stream.abort()
        finally:
            stream.close()
            del self._open[task]

    async def _requests(self, task: asyncio.Task[None], client: Client, stream: Stream) -> None:
        peer = (stream.info("peername") or ("",))[0]
        subject = subject_of(stream.info("ssl_object"))
        first = True
        while head := await client.next_head(first=first):
            self._open[task] = True
            incoming = client.read(head, self._proxy.moved())
            exchange = Exchange(self._proxy, client, incoming, peer, subject)
            try:
                await exchange.run()
            except Unserved as unserved:
                exchange.failed = unserved.id
                await self._refused(client, unserved)
                return
            finally:
                exchange.note()
            self._open[task] = first = False
            if self._proxy.stopping or not client.may_go_on():
                break
            if client.has_more:
                await asyncio.sleep(0)  # who sends a thousand requests at once waits like others
        await client.end()

    async def _refused(self, client: Client, unserved: Unserved) -> None:
        """Answer where nothing was answered; else what was begun can only be broken off."""
        self._proxy.tally.failed(DOOR, unserved.id)
        if client.status:
            client.stream.abort()
            return
        with contextlib.suppress(ClientGone):
            await client.refuse(unserved)
            await client.stream.linger()

    async def stop(self) -> None:
        """End what rests at once, and what is at work once it is done or its time is over."""
        self._proxy.stopping = True
        for task, works in list(self._open.items()):
            if not works:
                task.cancel()
        if self._open:
            _, late = await asyncio.wait(list(self._open), timeout=self._times.grace)
            for task in late:
                task.cancel()
            if late:
                _log.warning("%d requests were ended before they were done", len(late))
                await asyncio.wait(late)


@contextlib.asynccontextmanager
async def serving_proxy(
    proxy: Proxy, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve *proxy* on *sockets* while the block runs; with *tls* it speaks https.

    At the end no connection is taken any more, and what has begun has the
    settings' time to come to its end.
    """
    server = _Server(proxy)
    loop = asyncio.get_running_loop()
    handshake = proxy.settings.timeouts.head if tls is not None else None
    taken = [
        await loop.create_server(
            accepting(server.serve), sock=each, ssl=tls, ssl_handshake_timeout=handshake
        )
        for each in sockets
    ]
    watch = asyncio.create_task(proxy.upstreams.watch())
    try:
        yield
    finally:
        for each in taken:
            each.close()
        watch.cancel()
        await server.stop()
        await asyncio.gather(watch, return_exceptions=True)
        proxy.upstreams.close()
