"""A WebSocket: once both sides have agreed on it, bytes go both ways and nobody reads them."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from headway.gateway.decision import Headers
from headway.gateway.proxy.stream import Stream

__all__ = ["agrees", "tunnel"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_LAST_SECONDS = 5.0  # for the other direction, once one has ended


def agrees(key: str, headers: Headers) -> bool:
    """Whether *headers* of a 101 agree to a WebSocket for *key* (RFC 6455 section 4.2.2).

    >>> agrees("dGhlIHNhbXBsZSBub25jZQ==", (("upgrade", "websocket"), ("connection", "Upgrade"),
    ...     ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")))
    True
    """
    told: dict[str, list[str]] = {}
    for name, value in headers:
        told.setdefault(name.lower(), []).append(value.strip())
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    connection = {part.strip().lower() for part in ",".join(told.get("connection", [])).split(",")}
    return (
        [value.lower() for value in told.get("upgrade", [])] == ["websocket"]
        and "upgrade" in connection
        and told.get("sec-websocket-accept") == [base64.b64encode(digest).decode()]
    )


async def tunnel(client: Stream, upstream: Stream, seconds: float) -> int:
    """Carry bytes both ways until a side ends, or nothing moves for *seconds*; how many back.

    Both connections are closed in the end.
    """
    clock = asyncio.get_running_loop().time
    moved = clock()
    back = 0

    async def carry(source: Stream, sink: Stream) -> None:
        nonlocal moved, back
        while True:
            try:
                data = await source.read(max(moved + seconds - clock(), 0.001))
            except TimeoutError:
                if clock() - moved < seconds:
                    continue  # the other direction is at work
                return
            if not data:
                sink.end()
                return
            moved = clock()
            await sink.write([data], seconds)
            back += len(data) if sink is client else 0

    ways = [
        asyncio.create_task(carry(client, upstream)),
        asyncio.create_task(carry(upstream, client)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(ways, timeout=_LAST_SECONDS)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        client.close()
        upstream.close()
    return back
