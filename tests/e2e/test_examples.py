"""Each framework's example on a real server: installed into the local site, opened, called back.

The servers write their access logs here, as they come: no token stands in them.
"""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import services

from e2e.running import ROOT
from headway.host.testing import Site

START_SECONDS = 60.0
LINES_MAX = {"hello_django": 29}  # of code; a Django project is settings, too
UVICORN = (sys.executable, "-m", "uvicorn", "--port", "{port}", "--no-proxy-headers")
GUNICORN = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}")
GUNICORN += ("--access-logfile", "-", "--threads", "2")
GRANIAN = (sys.executable, "-m", "granian", "--host", "127.0.0.1", "--port", "{port}")

WAITRESS = (sys.executable, "-m", "waitress", "--listen=127.0.0.1:{port}")


def _program(serve: str) -> tuple[str, ...]:
    """A program that serves ``hello_wsgi``, as one writes it."""
    address = "('127.0.0.1', {port})"
    return (sys.executable, "-c", f"from hello_wsgi import app; {serve.format(address=address)}")


SERVED = {
    "starlette-uvicorn": (*UVICORN, "hello:app"),
    "asgi-uvicorn": (*UVICORN, "hello_asgi:app"),
    "asgi-granian": (*GRANIAN, "--interface", "asgi", "--access-log", "hello_asgi:app"),
    "fastapi-uvicorn": (*UVICORN, "hello_fastapi:app"),
    "flask-gunicorn": (*GUNICORN, "hello_flask:app"),
    "django-gunicorn": (*GUNICORN, "hello_django:app"),
    "django-uvicorn": (*UVICORN, "hello_django:asgi"),
    "wsgi-gunicorn": (*GUNICORN, "hello_wsgi:app"),
    "wsgi-wsgiref": (sys.executable, str(ROOT / "examples" / "hello_wsgi.py")),
    "wsgi-waitress": (*WAITRESS, "hello_wsgi:app"),
    "flask-waitress": (*WAITRESS, "hello_flask:app"),
    "wsgi-cheroot": _program("from cheroot.wsgi import Server; Server({address}, app).start()"),
    "wsgi-werkzeug": _program(  # whose log is out of reach, see docs/app.md
        "import logging, werkzeug.serving as w; logging.getLogger('werkzeug').setLevel(40); "
        "w.run_simple(*{address}, app)"
    ),
}
WITHOUT_LOG = {"wsgi-waitress", "flask-waitress", "wsgi-cheroot", "wsgi-werkzeug"}
"""Servers that write no access log here."""

UNFIT = {
    "granian": (*GRANIAN, "--interface", "wsgi", "hello_wsgi:app"),
    "wsgiref": _program(
        "from wsgiref.simple_server import make_server as m; m(*{address}, app).serve_forever()"
    ),
}
"""Servers that give WSGI applications no raw target."""
NO_TARGET = "gives WSGI applications no raw request target"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(sockets=True) as site:
        yield site


@contextmanager
def serving(command: tuple[str, ...], site: Site, folder: Path) -> Iterator[str]:
    """Run an example's server, told what the README tells it; its log is in *folder*."""
    port = services.free_port()
    base_url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "examples")]),
        "PYTHONUNBUFFERED": "1",
        "BASE_URL": base_url,
        "PORT": str(port),
        "HEADWAY_DEVELOPMENT": "1",
        "HEADWAY_INSTALL_KEYS": f"{site.origin}/install-keys",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(port, process, folder / "log")
            yield base_url
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8", "replace"))


@pytest.mark.parametrize("served", SERVED)
def test_an_example_on_a_real_server(site: Site, tmp_path: Path, served: str) -> None:
    tmp_path.chmod(0o700)
    with serving(SERVED[served], site, tmp_path) as base_url:
        app = site.install(f"{base_url}/atlassian-connect.json")
        try:
            page = app.open("hello", issue_key="DEMO-1")
            assert (page.status_code, "getToken" in page.text) == (200, True)
            assert page.text.startswith("<!doctype html><script data-seal=")
            token = app.context_token("hello", issue_key="DEMO-1")
            me = app.client.get("/me?a=%C3%A9", headers={"Authorization": f"JWT {token}"})
            assert me.json()["displayName"] == "Hello"
            refused = app.client.get(f"/me?jwt={token}")
            assert refused.headers["headway-refusal"] == "location-not-allowed"
        finally:
            site.reset()
    written = (tmp_path / "log").read_text("utf-8", "replace")
    if served not in WITHOUT_LOG:
        assert "GET /hello" in written, "the server wrote its access log"
    assert "eyJ" not in written
    assert NO_TARGET not in written


@pytest.mark.parametrize("server", UNFIT)
def test_a_server_without_raw_targets_is_named_at_start(
    site: Site, tmp_path: Path, server: str
) -> None:
    tmp_path.chmod(0o700)
    with serving(UNFIT[server], site, tmp_path) as base_url:
        until = time.monotonic() + START_SECONDS
        while NO_TARGET not in (said := (tmp_path / "log").read_text("utf-8", "replace")):
            assert time.monotonic() < until, said
            time.sleep(0.05)
        assert f"{server} {NO_TARGET}" in said
        assert "serve the app by gunicorn or uWSGI or mod_wsgi or waitress" in said
        answer = httpx.get(f"{base_url}/atlassian-connect.json")
        assert (answer.status_code, "raw request target" in answer.text) == (500, True)


@pytest.mark.parametrize(
    "example", sorted((ROOT / "examples").glob("hello*.py")), ids=lambda p: p.stem
)
def test_an_example_is_short(example: Path) -> None:
    text = example.read_text("utf-8")
    described = [
        node.body[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node)
    ]
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) - len(described) <= LINES_MAX.get(example.stem, 20)
