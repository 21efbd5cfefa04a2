"""Debian's Firefox keeps a token in its profile: the scan finds each place, and changes none."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from headway.scan.findings import Fingerprints
from headway.scan.history import scan_history
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from scan.corpus import base64url

FIREFOX = shutil.which("firefox-esr")
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="firefox-esr is missing")

WAIT = 60.0
PREFERENCES = {
    "marionette.port": 0,
    "browser.sessionstore.interval": 500,
    "browser.startup.page": 0,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "network.proxy.type": 1,  # nothing but this machine can be reached
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}


def token(word: str) -> str:
    claims = base64url(json.dumps({"iss": word}).encode())
    return f"eyJhbGciOiJIUzI1NiJ9.{claims}.{base64url(word.encode() * 8)}"


class Marionette:
    """Firefox's own remote protocol: lengths, a colon, and JSON."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT)
        self._stream = self._socket.makefile("rb")
        self._count = 0
        self._told()

    def _told(self) -> Any:
        length = b""
        while (char := self._stream.read(1)) != b":":
            assert char, "Firefox has gone"
            length += char
        return json.loads(self._stream.read(int(length)))

    def ask(self, command: str, **parameters: object) -> Any:
        self._count += 1
        text = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(str(len(text)).encode() + b":" + text)
        _, _, error, value = self._told()
        assert error is None, error
        return value

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@contextmanager
def firefox(profile: Path) -> Iterator[tuple[Marionette, subprocess.Popen[bytes]]]:
    """A browser that runs; stopped by its pid where it was not before."""
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    environment = {**os.environ, "HOME": str(profile.parent), "MOZ_CRASHREPORTER_DISABLE": "1"}
    command = [str(FIREFOX), "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    with (profile.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    try:
        port = profile / "MarionetteActivePort"
        until = time.monotonic() + WAIT
        while not port.exists() or not port.read_text():
            assert process.poll() is None, (profile.parent / "log").read_text("utf-8", "replace")
            assert time.monotonic() < until
            time.sleep(0.05)
        with closing(Marionette(int(port.read_text()))) as asked:
            asked.ask("WebDriver:NewSession")
            yield asked, process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(WAIT)


@pytest.fixture
def page() -> Iterator[str]:
    """A page that may be kept, compressed, with a link that has a token of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = f"<title>a</title><a href='/next?jwt={token('in the body')}'>next</a>"
            body = gzip.compress(text.encode())
            self.send_response(200)
            for name, value in (("Content-Type", "text/html"), ("Content-Encoding", "gzip"),
                                ("Cache-Control", "max-age=9999"),
                                ("Content-Length", str(len(body)))):  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """It has nothing to say."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def found_in(profile: Path) -> tuple[set[tuple[str, str]], Summary]:
    """Where which token was found, by the name of its file and by who issued it."""
    report = Collecting()
    summary = scan_history([str(profile)], Telling(report, Fingerprints(bytes(32))))
    places = set()
    for finding in report.findings:
        path = Path(finding.place.path)
        name = "cache2" if "cache2" in path.parts else path.name
        places.add((name, finding.issuer or ""))
        assert token("in the address") not in str(finding)
    return places, summary


def state(profile: Path) -> dict[str, tuple[str, int]]:
    """Content and moment of each file."""
    return {
        str(each): (hashlib.sha256(each.read_bytes()).hexdigest(), each.stat().st_mtime_ns)
        for each in sorted(profile.rglob("*"))
        if each.is_file() and not each.is_symlink()
    }


def test_a_token_is_found_where_firefox_keeps_it(tmp_path: Path, page: str) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    address, body = "in the address", "in the body"
    running = {("places.sqlite", address), ("places.sqlite-wal", address),
               ("recovery.jsonlz4", address), ("cache2", address), ("cache2", body)}  # fmt: skip
    with firefox(profile) as (browser, process):
        browser.ask("WebDriver:Navigate", url=f"{page}/panel?xdm_e=x&jwt={token(address)}")

        # (1) while it runs, its databases are locked and their logs full: nothing waits for it
        until = time.monotonic() + WAIT
        while not running <= (places := found_in(profile)[0]):
            assert time.monotonic() < until, running - places
            time.sleep(0.2)
        assert {issuer for _, issuer in places} - {""} == {address, body}  # "": half is written

        # (2) the browser did not notice
        browser.ask("WebDriver:Navigate", url=f"{page}/later?jwt={token('later')}")
        browser.ask("Marionette:Quit", flags=["eAttemptQuit"])
        assert process.wait(WAIT) == 0

    # (3) once it has stopped: the session is kept elsewhere, and the scan changes no byte
    before = state(profile)
    places, summary = found_in(profile)
    assert state(profile) == before
    assert {("places.sqlite", address), ("places.sqlite", "later"), ("cache2", address),
            ("cache2", "later"), ("cache2", body), ("sessionstore.jsonlz4", "later"),
            } <= places  # fmt: skip
    assert {issuer for _, issuer in places} == {address, body, "later"}
    assert summary.unread == []
