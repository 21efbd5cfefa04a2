"""A project of ``headway new``, started as its Makefile does it, on a site with sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from e2e.running import ROOT
from headway.app.check import check_app
from headway.cli.commands import run
from headway.cli.new import Framework, ProductName, write_project
from headway.host.testing import Site
from headway.http.server import listen
from headway.model import Product

START_SECONDS = 60.0


def free_port() -> int:
    (opened,) = listen(0, ("127.0.0.1",))
    with opened:
        return int(opened.getsockname()[1])


@contextmanager
def started(folder: Path, site: Site) -> Iterator[str]:
    """The app as a process of its own; stopped by its pid."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "PORT": str(port),
        "BASE_URL": url,
        "HEADWAY_DEVELOPMENT": "1",
        "HEADWAY_INSTALL_KEYS": f"{site.origin}/install-keys",
        "HEADWAY_CLIENT_SCRIPT": f"{site.origin}/atlassian-connect/all.js",
    }
    with (folder / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                httpx.get(f"{url}/atlassian-connect.json", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("framework", Framework)
def test_a_new_app_runs_and_is_installed(
    framework: Framework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_project(Path("my-app"), framework, ProductName.JIRA, headway=ROOT).absolute()
    with Site(sockets=True) as site, started(folder, site) as url:
        assert run(["descriptor", "check", f"{url}/atlassian-connect.json"]) == 0
        app = site.install(f"{url}/atlassian-connect.json")
        address = app.url("panel", issue_key="DEMO-1")
        page = app.open("panel", issue_key="DEMO-1")
        assert "<strong>DEMO-1</strong>" in page.text
        assert f"{site.origin}/atlassian-connect/all.js" in page.text
        token = app.context_token("panel", issue_key="DEMO-1")
        answer = app.client.get("/who", headers={"Authorization": f"JWT {token}"})
        assert answer.json() == {"name": "My App"}
        site.traffic.none(direction="app->host", location="query")
    log = (folder / "app.log").read_text("utf-8")
    assert "Traceback" not in log
    assert "WARNING" not in log
    assert token not in log
    assert address.partition("jwt=")[2] not in log
    assert {path.name for path in (folder / "data").iterdir()} >= {"app.db"}


def test_the_makefile_tests_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_project(Path("my-app"), Framework.FLASK, ProductName.CONFLUENCE, headway=ROOT)
    made = folder / ".venv"
    (made / "bin").mkdir(parents=True)
    for name, how in {
        "python": "",
        "headway": "-c 'from headway.cli import main; main()' ",
    }.items():
        script = made / "bin" / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/src exec {sys.executable} {how}"$@"\n')
        script.chmod(0o755)
    (made / "made").touch()
    for target, says in {"test": "7 passed", "check": "install-accepted"}.items():
        done = subprocess.run(
            ["make", target, f"PORT={free_port()}"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert says in done.stdout
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    "product",
    [ProductName.JIRA, pytest.param(ProductName.CONFLUENCE, marks=pytest.mark.soak)],
)
@pytest.mark.parametrize("framework", Framework)
def test_a_new_app_lets_nothing_pass(
    framework: Framework, product: ProductName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``headway app check`` looks for, over every project that can be made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.chdir(write_project(Path("my-app"), framework, product, headway=ROOT))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("STORE", ":memory:")
    monkeypatch.setenv("BASE_URL", url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    command = [sys.executable, "app.py"]
    report = check_app(url, command=command, product=Product(product), call="/who")
    found = {check.id: outcome.saw for check, outcome in report.failures(strict=True)}
    if framework in (Framework.WSGI, Framework.DJANGO):
        # the standard library's server may hang up on a body that it does not read
        found.pop("install-huge", None)
    assert found == {}
