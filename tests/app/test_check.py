"""The whole run: an app in this process, and one that is started for it."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import httpx
import pytest

from app.check.apps import BASE, Leaky, careful, played
from headway.app.check import CHECKS, CannotCheck, check, check_app
from headway.errors import ConfigurationError

REPO = Path(__file__).resolve().parents[2]


def test_ids_are_told_once() -> None:
    ids = [each.id for each in CHECKS]
    assert len(ids) == len(set(ids)) > 80


def test_an_app_in_this_process() -> None:
    site = played()
    app = careful(site)
    run = check(BASE, site, call="/me", transport=httpx.ASGITransport(app))
    report = asyncio.run(run)
    assert report.app_key == "careful"
    assert report.failures(strict=True) == []
    assert len(report.rows) == len(CHECKS)


def test_a_leaky_one() -> None:
    report = asyncio.run(check(BASE, played(), transport=httpx.ASGITransport(Leaky())))
    assert len(report.failures()) > 40


def test_the_page_lists_every_check() -> None:
    page = (REPO / "docs" / "app-check.md").read_text()
    for each in CHECKS:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{each.id}` "))
        assert row == f"| `{each.id}` | {each.level} | {each.says} | {each.source} |"
    assert page.partition("## The checks")[2].count("\n| `") == len(CHECKS)


def test_an_app_is_started_and_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    program = tmp_path / "app.py"
    program.write_text(
        "import sys, uvicorn\n"
        f"sys.path[:0] = [{str(REPO / 'examples')!r}]\n"
        "import hello\n"
        f"uvicorn.run(hello.app, port={url.rpartition(':')[2]}, access_log=False,"
        " proxy_headers=False, lifespan='off')\n"
    )
    pid = tmp_path / "pid"
    script = f"echo $$ > {pid}; cd {tmp_path}; BASE_URL={url} exec {sys.executable} {program}"
    report = check_app(url, command=["sh", "-c", script], call="/me")
    assert report.failures(strict=True) == []
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_what_can_not_be_started() -> None:
    with pytest.raises(CannotCheck, match="can not be started"):
        check_app(BASE, command=["/nowhere/at/all"])
    with pytest.raises(CannotCheck, match="has ended"):
        check_app("http://127.0.0.1:9", command=["false"])


def test_a_call_is_a_path() -> None:
    with pytest.raises(ConfigurationError, match="call: me is no path below the base URL"):
        check_app(BASE, call="me")
    with pytest.raises(ConfigurationError, match="call: me is no path"):
        asyncio.run(check(BASE, played(), call="me"))


def test_an_app_that_will_not_stop_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.app.check.STOP_SECONDS", 0.1)
    stubborn = ["sh", "-c", "trap '' TERM; while true; do sleep 0.05; done"]
    with pytest.raises(CannotCheck, match="nothing listens there"):
        check_app("http://127.0.0.1:9", command=stubborn, wait=0.3)
