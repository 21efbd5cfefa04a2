"""``headway gateway run`` as a process, in front of servers that nobody here wrote."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import sync_playwright
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from e2e.browsing import CHROMIUM, QUIET

ROOT = Path(__file__).resolve().parents[2]
EXPRESS = ROOT / "tests" / "e2e" / "ace" / "node_modules" / "express"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
POLICY = """
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-01-01
[tickets]
store = "tickets.db"
"""
MB = 1_000_000
COMMANDS = {
    "uvicorn": [sys.executable, str(ROOT / "tests/e2e/upstream.py"), "uvicorn"],
    "plain": [sys.executable, str(ROOT / "tests/e2e/upstream.py"), "plain"],
    "express": ["node", str(ROOT / "tests/e2e/upstream.js"), str(EXPRESS)],
}


class Pair(NamedTuple):
    """The proxy and what stands behind it."""

    proxy: subprocess.Popen[str]
    upstream: subprocess.Popen[str]
    address: str


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environ
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextmanager
def standing_before(kind: str, folder: Path, *more: str) -> Iterator[Pair]:
    (folder / "gateway.toml").write_text(POLICY)
    program = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "run"]
    with started(COMMANDS[kind]) as upstream:
        assert upstream.stdout is not None
        port = upstream.stdout.readline().strip()
        options = ["--policy", str(folder / "gateway.toml"), "--port", "0", *more]
        with started([*program, *options, "--upstream", f"http://127.0.0.1:{port}"]) as proxy:
            assert proxy.stdout is not None
            line = proxy.stdout.readline()
            yield Pair(proxy, upstream, line.partition("://")[2].partition(" ")[0])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with standing_before("uvicorn", tmp_path_factory.mktemp("run")) as both:
        yield both


def got(pair: Pair, target: str, **told: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection(pair.address, timeout=60)
    try:
        connection.request(told.pop("method", "GET"), target, **told)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return dict(json.loads(body))
    finally:
        connection.close()


def peak(process: subprocess.Popen[str]) -> int:
    """The most memory that the process ever had, in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.parametrize(
    "kind", ["uvicorn", "plain", pytest.param("express", marks=pytest.mark.node)]
)
def test_a_token_moves_on_the_way_to(kind: str, tmp_path: Path) -> None:
    with standing_before(kind, tmp_path) as both:
        told = got(both, f"/rest/a%20b;c?b=%2Fz&jwt={TOKEN}&a=1+2&&c", headers={"X-A": "ü"})
        assert told["target"] == "/rest/a%20b;c?b=%2Fz&a=1+2&&c"
        assert told["headers"]["authorization"] == f"JWT {TOKEN}"
        assert told["headers"]["x-forwarded-for"] == "127.0.0.1"
        for target in ("//a//b", "/a/../b", "/%2e%2e/%2F", "/a?b?c=%25", "/?", "/*'()!~"):
            expected = {  # what these two make of it by themselves
                ("/?", "uvicorn"): "/",
                ("//a//b", "plain"): "/a//b",
            }.get((target, kind), target)
            assert got(both, target)["target"] == expected


def test_bodies_stream_with_memory_that_stays_flat(pair: Pair) -> None:
    _stream(pair, 150 * MB)


@pytest.mark.soak
def test_bodies_of_gigabytes_stream_with_memory_that_stays_flat(pair: Pair) -> None:
    _stream(pair, 5_000 * MB)


def _stream(pair: Pair, size: int) -> None:
    assert got(pair, "/")["size"] == 0
    before = peak(pair.proxy)
    connection = http.client.HTTPConnection(pair.address, timeout=60)
    connection.request("GET", f"/big?{size}")
    answer = connection.getresponse()
    seen = 0
    while piece := answer.read(1 << 20):
        seen += len(piece)
    connection.close()
    assert seen == size
    pieces = (b"y" * MB for _ in range(min(size, 900 * MB) // MB))
    told = got(pair, "/", method="PUT", body=pieces, encode_chunked=True,
               headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert told["size"] == min(size, 900 * MB)
    assert peak(pair.proxy) - before < 20 * MB


def test_an_event_arrives_when_it_is_said(pair: Pair) -> None:
    connection = http.client.HTTPConnection(pair.address, timeout=30)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.readline() == b"data: first\n"  # and the stream has no end
    connection.close()


def test_a_websocket_opens_by_a_ticket_and_once(pair: Pair) -> None:
    connection = http.client.HTTPConnection(pair.address, timeout=30)
    connection.request(
        "POST", "/headway/ticket?for=%2Fchat%3Fa%3D1", headers={"Authorization": f"JWT {TOKEN}"}
    )
    url = json.loads(connection.getresponse().read())["url"]
    connection.close()
    with connect(f"ws://{pair.address}{url}") as socket:
        assert socket.recv(30) == f"JWT {TOKEN}"
        socket.send("hello")
        assert socket.recv(30) == "hello"
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{pair.address}{url}")
    assert refused.value.response.status_code == 401


ASKS_BY_TICKETS = """async (token) => {
  const trade = async (target) => {
    const told = await fetch("/headway/ticket?for=" + encodeURIComponent(target), {
      method: "POST", headers: { Authorization: "JWT " + token },
    });
    return (await told.json()).url;
  };
  const shown = (url) => new Promise((done) => {
    const image = new Image();
    image.onload = () => done(image.width);
    image.onerror = () => done("nothing");
    image.src = url;
  });
  const pixel = await trade("/pixel?a=1&b=%2F");
  const event = async (url) => new Promise((done) => {
    const events = new EventSource(url);
    events.onmessage = (message) => { events.close(); done(message.data); };
    events.onerror = () => done("nothing");
  });
  const said = async (url) => new Promise((done) => {
    const socket = new WebSocket("ws://" + location.host + url);
    socket.onmessage = (message) => { socket.close(); done(message.data); };
    socket.onerror = () => done("nothing");
  });
  const [events, chat] = [await trade("/events"), await trade("/chat")];
  return [
    await shown("/pixel"), await shown(pixel),
    await event(events), await event(events), await said(chat), await said(chat),
  ];
}"""


@pytest.mark.browser
def test_a_browser_opens_what_sends_no_header_by_tickets(pair: Pair) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            page = browser.new_page()
            page.goto(f"http://{pair.address}/page")
            seen = page.evaluate(ASKS_BY_TICKETS, TOKEN)
        finally:
            browser.close()
    assert seen == ["nothing", 1, "first", "nothing", f"JWT {TOKEN}", "nothing"]


def test_upstream_is_killed_in_the_middle(tmp_path: Path) -> None:
    with standing_before("uvicorn", tmp_path) as both:
        connection = http.client.HTTPConnection(both.address, timeout=30)
        connection.request("GET", f"/big?{1_000 * MB}")
        answer = connection.getresponse()
        assert len(answer.read(MB)) == MB
        both.upstream.kill()
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()  # all of it, or it says so
        connection.close()
        both.upstream.wait(30)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            connection = http.client.HTTPConnection(both.address, timeout=30)
            connection.request("GET", "/")
            answer = connection.getresponse()
            told = json.loads(answer.read())
            connection.close()
            if told["id"] == "upstream-unreachable":
                assert answer.status == 502
                return
        raise AssertionError(told)
