from __future__ import annotations

import asyncio
import contextlib

import pytest

from headway.gateway.proxy.stream import Stream, accepting, connect
from headway.http.server import listen


async def pair() -> tuple[Stream, Stream, asyncio.AbstractServer]:
    """Both ends of a connection."""
    ready: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def serve(stream: Stream) -> None:
        ready.set_result(stream)
        await done.wait()

    [opened] = listen(0, ["127.0.0.1"])
    port = opened.getsockname()[1]
    server = await asyncio.get_running_loop().create_server(accepting(serve), sock=opened)
    here = await connect("127.0.0.1", port, 30)
    there = await ready
    done.set()
    return here, there, server


def test_bytes_go_both_ways_and_ends_are_told() -> None:
    async def run() -> None:
        here, there, server = await pair()
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(server.close)
            there.rest()
            assert not there.has_spoken
            await here.write([b"a", b"b"], 30)
            assert await there.read(30) == b"ab"
            assert there.has_spoken
            assert here.info("peername")[0] == "127.0.0.1"
            told = asyncio.Event()
            there.when_ended(told.set)
            here.end()
            here.end()  # twice is once
            await asyncio.wait_for(told.wait(), 30)
            assert there.has_ended
            told.clear()
            there.when_ended(told.set)  # it has ended already
            assert told.is_set()
            there.when_ended(None)
            there.close()
            assert await here.read(30) == b""
            here.close()
            with pytest.raises(ConnectionResetError):
                await here.write([b"late"], 30)

    asyncio.run(run())


def test_nobody_waits_for_ever() -> None:
    async def run() -> None:
        here, there, server = await pair()
        with pytest.raises(TimeoutError):
            await here.read(0.01)
        with pytest.raises(TimeoutError):
            await here.write([b"x" * 1_000_000] * 50, 0.05)
        here.abort()
        here.abort()
        with contextlib.suppress(ConnectionResetError):
            while await there.read(30):
                pass
        there.close()
        server.close()

    asyncio.run(run())


@pytest.mark.parametrize("left", [0, 1 << 21])
def test_lingering_lets_the_peer_read_first(left: int) -> None:
    async def run() -> None:
        here, there, server = await pair()
        await there.write([b"answer"], 30)
        ends = asyncio.create_task(there.linger())
        with contextlib.suppress(OSError):
            await here.write([b"x" * left], 0.5)
        assert await here.read(30) == b"answer"
        here.close()
        await ends
        server.close()

    asyncio.run(run())


def test_lingering_ends() -> None:
    async def run() -> None:
        here, there, server = await pair()
        await there.linger()
        assert await here.read(30) == b""
        here.close()
        server.close()

    asyncio.run(run())
