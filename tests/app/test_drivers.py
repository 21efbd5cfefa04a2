from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import time
import traceback

import httpx
import pytest

from app.sites import BEARER_LIKE, server, until
from headway.app.asks import Access, Give, Later, Next, Opened, Send, Wait, Work
from headway.app.drivers import AsyncDriver, Connections, SyncDriver
from headway.app.failures import HostUnreachable

URL = "https://x.atlassian.net/rest"


def request(url=URL, **more):
    return httpx.Request("GET", url, **more)


def transport(answer=None):
    return httpx.MockTransport(answer or (lambda r: httpx.Response(200, content=b"here")))


def whole(asked, guarded=False):
    opened = yield Send(asked, guarded)
    assert isinstance(opened, Opened)
    parts = []
    while (chunk := (yield Next(opened))) is not None:
        parts.append(chunk)
    return opened.status, b"".join(parts)


class Threads:
    """The sync driver and the async one, driven alike."""

    def run(self, steps, connections=None, **more):
        connections = connections or Connections(**{"transport": transport(), **more})
        with SyncDriver(connections) as driver:
            return driver.run(steps)

    def stream(self, steps):
        with SyncDriver(Connections(transport=transport())) as driver:
            return list(driver.stream(steps))


class Loop:
    def run(self, steps, connections=None, **more):
        async def go():
            held = connections or Connections(**{"transport": transport(), **more})
            async with AsyncDriver(held) as driver:
                return await driver.run(steps)

        return asyncio.run(go())

    def stream(self, steps):
        async def go():
            async with AsyncDriver(Connections(transport=transport())) as driver:
                return [value async for value in driver.stream(steps)]

        return asyncio.run(go())


@pytest.fixture(params=[Threads, Loop], ids=["threads", "loop"])
def way(request):
    return request.param()


def test_each_question_has_its_answer(way):
    def steps():
        yield Wait(0.001)
        found = yield from whole(request())
        worked = yield Work(lambda: "worked")
        return found, worked

    assert way.run(steps()) == ((200, b"here"), "worked")


def test_what_is_given_comes_one_after_the_other(way):
    def steps():
        yield Give(1)
        _, content = yield from whole(request())
        yield Give(content)

    assert way.stream(steps()) == [1, b"here"]
    assert way.stream(iter_nothing()) == []


def iter_nothing():
    return
    yield


def test_an_error_of_the_transport_has_no_address(way):
    def broken(asked):
        raise httpx.ReadTimeout(f"at {BEARER_LIKE}", request=asked)

    with pytest.raises(HostUnreachable, match="ReadTimeout") as caught:
        way.run(whole(request(f"{URL}?{BEARER_LIKE}")), transport=transport(broken))
    assert caught.value.__context__ is None
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "/headway/" in frame.filename]
    assert BEARER_LIKE not in "".join(str(frame.locals) for frame in ours)


def test_steps_may_live_with_an_error(way):
    def broken(asked):
        raise httpx.ConnectError("no")

    def steps():
        try:
            yield Send(request())
        except HostUnreachable:
            yield Give("lived")

    def result():
        try:
            yield Send(request())
        except HostUnreachable:
            return "lived"

    assert way.run(result(), transport=transport(broken)) == "lived"


def test_errors_of_the_steps_are_the_callers(way):
    def steps():
        yield Wait(0)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        way.run(steps())


def test_nothing_is_logged_meanwhile(way, caplog):
    caplog.set_level(logging.DEBUG)
    with server() as site:
        site.page(f"/file?{BEARER_LIKE}", 302, b"", Location=f"/?{BEARER_LIKE}")
        steps = whole(request(f"{site.address}/file?{BEARER_LIKE}"))
        connections = Connections()
        assert way.run(steps, connections)[0] == 302
        connections.close()
    assert BEARER_LIKE not in caplog.text
    logging.getLogger("httpx").info("others may log")
    assert "others may log" in caplog.text


def test_connections_are_kept_and_closed():
    with server() as site:
        site.page("/a", 200, b"x")
        connections = Connections(development=True)
        for guarded in (False, True):
            for _ in range(2):
                with SyncDriver(connections) as driver:
                    driver.run(whole(request(f"{site.address}/a"), guarded))
        pools = connections.threads()
        assert len(pools.site._pool.connections) == 1
        assert len(pools.guarded.connections) == 1
        connections.close()
        connections.close()
        assert pools.site._pool.connections == pools.guarded.connections == []


def test_a_loop_closes_its_connections_itself():
    with server() as site:
        site.page("/a", 200, b"x")
        connections = Connections(development=True)
        kept = []

        async def call(close):
            for guarded in (False, True):
                async with AsyncDriver(connections) as driver:
                    await driver.run(whole(request(f"{site.address}/a"), guarded))
            pools = await connections.here()
            kept.append(pools)
            assert len(pools.site._pool.connections) == len(pools.guarded.connections) == 1
            if close:
                await connections.aclose()
                await connections.aclose()

        asyncio.run(call(close=False))
        asyncio.run(call(close=True))
        assert kept[0] is not kept[1]
        for pools in kept:
            assert pools.site._pool.connections == pools.guarded.connections == []
        gc.collect()


def test_guarded_connections_go_to_no_private_address(way):
    with server() as site:
        site.page("/a", 200, b"x")
        connections = Connections()
        with pytest.raises(HostUnreachable, match="AddressRefused"):
            way.run(whole(request(f"{site.address}/a"), guarded=True), connections)
        assert site.asked == []
        connections.close()


def test_a_proxy_takes_the_place_of_the_guard(way):
    with server() as proxy:
        proxy.page("http://media.example/file", 200, b"through the proxy")
        connections = Connections(proxy=proxy.address)
        steps = whole(request("http://media.example/file"), guarded=True)
        assert way.run(steps, connections) == (200, b"through the proxy")
        connections.close()


def test_the_environment_says_nothing(way, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with server() as site:
        site.page("/a", 200, b"x")
        connections = Connections(development=True)
        assert way.run(whole(request(f"{site.address}/a")), connections) == (200, b"x")
        assert way.run(whole(request(f"{site.address}/a"), True), connections) == (200, b"x")
        connections.close()


def test_a_body_has_to_fit_the_client():
    async def parts():
        yield b"x"

    with pytest.raises(TypeError, match="async client"):
        Threads().run(whole(httpx.Request("POST", URL, content=parts())))
    with pytest.raises(TypeError, match="an async one"):
        Loop().run(whole(httpx.Request("POST", URL, content=iter([b"x"]))))


def test_work_goes_on_meanwhile_one_at_a_time(way):
    done = []

    def work(name, seconds=0.02):
        def do():
            time.sleep(seconds)
            done.append(name)

        return do

    def steps():
        yield Later(work("a"))
        yield Later(work("b", 0))
        yield Work(work("c", 0))
        return list(done)

    assert way.run(steps()) == ["a", "b", "c"]


def test_what_waits_may_be_done_later_in_a_thread_that_ends():
    """A file is written while the next bytes come."""
    names = []

    def steps():
        yield Later(lambda: names.append(threading.current_thread().name))
        yield Work(lambda: names.append(threading.current_thread().name))

    Threads().run(steps())
    assert names[0].startswith("headway-later")
    assert names[1] == threading.current_thread().name
    assert not any(thread.name.startswith("headway-later") for thread in threading.enumerate())


def test_work_that_fails_is_heard_of_at_the_next_question(way):
    def fail():
        raise OSError("the disk is full")

    def steps():
        yield Later(fail)
        yield Work(lambda: None)

    with pytest.raises(OSError, match="full"):
        way.run(steps())

    def leave():
        yield Later(fail)

    with contextlib.suppress(OSError):
        way.run(leave())
    gc.collect()


# ---- one fetches for all --------------------------------------------------------------------


def fetching(started, result, seconds=0.05, gate=None):
    def fetch():
        started.append(1)
        yield Wait(seconds)
        if gate is not None:
            yield Work(lambda: gate.wait(10))
        if isinstance(result, Exception):
            raise result
        return result

    def steps():
        return (yield Access("key", fetch))

    return steps


def test_many_tasks_make_one_fetch():
    started, gate = [], threading.Event()
    steps = fetching(started, "token", gate=gate)

    async def one(connections):
        async with AsyncDriver(connections) as driver:
            return await driver.run(steps())

    async def many():
        connections = Connections(transport=transport())
        tasks = [asyncio.ensure_future(one(connections)) for _ in range(5)]
        await until(lambda: started)
        tasks[0].cancel()  # who began it goes away
        gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        return found[1:], await one(connections)

    assert asyncio.run(many()) == (["token"] * 4, "token")
    assert len(started) == 2  # what is kept, is kept elsewhere


def test_many_threads_make_one_fetch():
    started, found = [], []
    steps = fetching(started, "token", seconds=0.5)  # the others have to come meanwhile
    connections = Connections(transport=transport())
    together = threading.Barrier(4)

    def one():
        together.wait()
        with SyncDriver(connections) as driver:
            found.append(driver.run(steps()))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["token"] * 4
    assert len(started) == 1


def test_who_waits_for_a_fetch_that_fails_hears_why(way):
    steps = fetching([], HostUnreachable("no"))
    connections = Connections(transport=transport())
    for _ in range(2):
        with pytest.raises(HostUnreachable, match="no"):
            way.run(steps(), connections)


def test_a_fetch_that_nobody_waits_for_any_more_says_nothing():
    async def leave():
        connections = Connections(transport=transport())
        driver = AsyncDriver(connections)
        task = asyncio.ensure_future(driver.run(fetching([], ValueError("unseen"))()))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.1)

    asyncio.run(leave())

    async def end_early():
        driver = AsyncDriver(Connections(transport=transport()))
        task = asyncio.ensure_future(driver.run(fetching([], "x")()))
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(end_early())
    gc.collect()


def test_an_answer_is_closed_when_another_comes_and_at_the_end(way):
    closed = []

    class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self):
            return iter([b"x", b"y"])

        async def __aiter__(self):
            for part in (b"x", b"y"):
                yield part

        def close(self):
            closed.append(1)

        async def aclose(self):
            closed.append(1)

    def steps():
        first = yield Send(request())
        yield Next(first)
        yield Send(request())
        assert closed == [1]

    way.run(steps(), transport=transport(lambda r: httpx.Response(200, stream=Stream())))
    assert closed == [1, 1]


def test_who_watches_hears_of_requests_and_not_of_where_files_lie(way):
    heard = []

    def answer(asked):
        if asked.url.path == "/broken":
            raise httpx.ConnectError("no")
        return httpx.Response(204)

    def steps():
        yield Send(request(f"{URL}?jql=private"))
        yield Send(request(f"{URL}/file?{BEARER_LIKE}"), True)
        yield Send(httpx.Request("GET", "https://x.atlassian.net/broken"))

    connections = Connections(transport=transport(answer), told=heard.append)
    with pytest.raises(HostUnreachable):
        way.run(steps(), connections)
    told = [(call.method, call.origin, call.path, call.status) for call in heard]
    assert told == [
        ("GET", "https://x.atlassian.net", "/rest", 204),
        ("GET", "https://x.atlassian.net", "/broken", None),
    ]
    assert all(0 <= call.seconds < 5 for call in heard)


def test_time_passes():
    before = time.monotonic()

    def steps():
        yield Wait(0.02)

    Threads().run(steps())
    Loop().run(steps())
    assert time.monotonic() - before >= 0.04
