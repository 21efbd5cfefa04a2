"""``headway descriptor check``, as typed: what it reads, what it says, how it exits."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headway.cli import descriptor
from headway.cli.commands import run
from headway.descriptor.check import BYTES_MAX

GOOD: dict[str, Any] = {
    "key": "my-app",
    "name": "My app",
    "baseUrl": "https://app.example",
    "authentication": {"type": "jwt"},
    "lifecycle": {"installed": "/installed", "uninstalled": "/uninstalled"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "atlassian-connect.json"


def typed(file: Path, document: Any, *more: str) -> int:
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return run(["descriptor", "check", str(file), *more])


# ---- files ----------------------------------------------------------------------------------


def test_a_good_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(file, GOOD) == 0
    assert capsys.readouterr().out == "no errors, no warnings\n"


def test_errors_name_the_place_and_what_to_do(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = {"key": "p", "name": {"value": "P"}, "url": "//evil.example"}
    assert typed(file, {**GOOD, "modules": {"generalPages": [page]}, "odd": 1}) == 1
    out = capsys.readouterr().out
    assert "$.modules.generalPages[0].url: error: is not below baseUrl https://app.example" in out
    assert "    Write a path of the app, such as /panel." in out
    assert "$.odd: warning: " in out
    assert out.endswith("1 error, 1 warning\n")


def test_a_warning_is_no_error_unless_it_is_said(file: Path) -> None:
    assert typed(file, {**GOOD, "odd": 1}) == 0
    assert typed(file, {**GOOD, "odd": 1}, "--strict") == 1
    assert typed(file, GOOD, "--strict") == 0


def test_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(file, {**GOOD, "key": "a b"}, "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["level"], found["place"]) == ("error", "$.key")
    assert set(found) == {"level", "place", "problem", "hint"}
    assert typed(file, GOOD, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "findings": []}


def test_a_template_gets_its_base_url(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = {**GOOD, "baseUrl": "{{localBaseUrl}}"}
    assert typed(file, template) == 1
    assert "$.baseUrl: error" in capsys.readouterr().out
    assert typed(file, template, "--base-url", "https://app.example") == 0
    assert typed(file, template, "--base-url", "http://app.example") == 1
    for broken in (b"{", b"[]", b'{"a":' * 100_000):
        assert typed(file, broken, "--base-url", "https://app.example") == 1


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode()))
    monkeypatch.setattr("sys.stdin", data)
    assert run(["descriptor", "check", "-"]) == 0


def test_what_others_wrote_moves_no_terminal_and_shows_no_token(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXQ"
    assert typed(file, {**GOOD, "\x1b[2J\n": 1, token: 1}) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert token not in out
    assert out.count("\n") == 5


def test_no_more_is_read_than_a_site_reads(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(file, b" " * (BYTES_MAX * 3)) == 1
    assert f"over {BYTES_MAX} bytes" in capsys.readouterr().out


def test_what_can_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["descriptor", "check", " "]) == 2
    assert "which descriptor? name a file" in capsys.readouterr().err
    for path in (tmp_path / "none.json", tmp_path):
        assert run(["descriptor", "check", str(path)]) == 2
        err = capsys.readouterr().err
        assert str(path) in err
        assert err.count("\n") == 1


# ---- addresses ------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Handler.answers.clear()
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def served(server: str, body: bytes, status: int = 200, **headers: str) -> list[str]:
    Handler.answers["/d.json"] = (status, headers, body)
    return ["descriptor", "check", f"{server}/d.json"]


def test_an_address(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(served(server, json.dumps({**GOOD, "baseUrl": server}).encode())) == 0
    assert run(served(server, json.dumps(GOOD).encode())) == 1
    assert f"the descriptor was read from {server}" in capsys.readouterr().out


def test_a_redirect_is_not_followed(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    Handler.answers["/other"] = (200, {}, b"{}")
    assert run(served(server, b"", 302, Location=f"{server}/other")) == 2
    assert f"answers 302, a redirect to {server}; sites follow none" in capsys.readouterr().err
    assert Handler.asked == ["/d.json"]


def test_another_status(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(served(server, b"{}", 404)) == 2
    assert f"{server}/d.json: answers 404; check the path: " in capsys.readouterr().err


def test_a_page_is_no_descriptor(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    html = {"Content-Type": "text/html"}
    assert run(served(server, b"<!doctype html>", **html)) == 2
    assert "d.json: answers a page of HTML and no JSON; look whether" in capsys.readouterr().err
    assert run(served(server, json.dumps({**GOOD, "baseUrl": server}).encode(), **html)) == 0
    assert run(served(server, b"")) == 2
    assert "answers nothing, with an empty body" in capsys.readouterr().err
    assert run(served(server, b"{")) == 1  # a site would read it, and refuse it


def test_an_answer_without_end(server: str) -> None:
    assert run(served(server, b" " * (BYTES_MAX * 3))) == 1


def test_an_answer_that_takes_too_long(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = iter(range(0, 1000, 11))
    monkeypatch.setattr(descriptor.time, "monotonic", lambda: next(ticks))
    assert run(served(server, b"{}")) == 2
    assert "took over 10 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://app.example/d.json", "http is for this machine"),
        ("https://me:secret-password@app.example/d", "no user"),
        ("ftp://app.example/d", "http or https"),
        ("https://a b/", "the address: "),
        (
            "http://127.0.0.1:1/d.json?jwt=secret-password",
            "http://127.0.0.1:1/d.json: nothing listens there; start the app, or check the port",
        ),
    ],
    ids=range(5),
)
def test_what_is_not_asked(address: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["descriptor", "check", address]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "secret-password" not in err
    assert err.count("\n") == 1


def test_nothing_typed_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["descriptor"]) == 2
    assert "check" in capsys.readouterr().out
