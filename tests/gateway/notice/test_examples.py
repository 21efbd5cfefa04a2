"""The examples are run as they are printed, against a server that writes down what it is sent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headway.errors import ConfigurationError
from headway.gateway.notice.examples import examples
from headway.gateway.rules import RetiredLocation

ODD = "/rest/it's?a=1&b=$(id)`"
RUN = {
    "sh": ["sh", "-c"],
    "python": [sys.executable, "-c"],
    "js": ["node", "--input-type=module", "-e"],
}


class Upstream(ThreadingHTTPServer):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str | None, str | None]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Upstream)
        told = (self.path, self.headers["Authorization"], self.headers["X-Api-Key"])
        self.server.got.append(told)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing is written of it."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.node
@pytest.mark.parametrize("scheme", ["JWT", ""], ids=["scheme", "bare"])
def test_each_example_sends_the_header(upstream: Upstream, scheme: str) -> None:
    header = "authorization" if scheme else "x-api-key"
    location = RetiredLocation(name="t", parameters=("t",), header=header, scheme=scheme)
    sent = "/rest/it's?a=1&b=2"
    found = examples(location, upstream.address + sent)
    assert [each.language for each in found] == list(RUN)
    environ = {**os.environ, "TOKEN": "a.b.c", "NO_PROXY": "*"}
    for each in found:
        if each.language == "sh" and shutil.which("curl") is None:
            continue
        subprocess.run(
            [*RUN[each.language], each.text],
            env=environ, check=True, timeout=60, capture_output=True,
        )  # fmt: skip
    shown = ("JWT a.b.c", None) if scheme else (None, "a.b.c")
    assert set(upstream.got) == {(sent.replace("'", "%27"), *shown), (sent, *shown)} or set(
        upstream.got
    ) == {(sent, *shown)}
    assert len(upstream.got) >= 2


@pytest.mark.parametrize("address", ["api", "javascript:1", "https://a/ b", 'https://a/"', ODD])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigurationError, match="the address of the examples"):
        examples(RetiredLocation(name="t", parameters=("t",)), address)


def test_nothing_in_an_address_is_run_by_a_shell() -> None:
    location = RetiredLocation(name="t", parameters=("t",))
    shell = examples(location, "https://api.example/$(id)?a=1&b='c'")[0].text
    assert shell.endswith("""'https://api.example/$(id)?a=1&b='"'"'c'"'"''""")
