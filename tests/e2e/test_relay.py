"""Programs that still send the old way, to a site that takes it no more: by the relay they work."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.served import Served, served_site
from headway.descriptor import read_descriptor
from headway.model import Secret

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEY, SECRET = "old-app", "the shared secret of an old app, long enough"
DESCRIPTOR = b"""{"key": "old-app", "name": "Old app", "baseUrl": "http://127.0.0.1:9999",
 "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"},
 "scopes": ["READ", "WRITE"]}"""
AFTER = 1643846400.0  # 2022-02-03: the old way is off
ASKED = "/rest/api/3/issue/DEMO-1?fields=summary%2Cstatus&expand=names"
SECONDS = 60


@pytest.fixture(scope="module")
def host() -> Iterator[Served]:
    with served_site(at=AFTER, tls_port=0, media_port=0) as running:
        apps = running.site.jira.apps
        apps.save(apps.prepare(read_descriptor(DESCRIPTOR)), Secret(SECRET))
        yield running


@pytest.fixture(scope="module")
def addresses(host: Served) -> dict[str, str]:
    tls = host.site.tls_url
    assert tls is not None
    return {"http": host.site.base_url, "https": tls}


@dataclass
class Relaying:
    """A relay that runs: what it told, and what it wrote."""

    told: dict[str, str]
    bases: dict[str, str]
    log: Path

    def lines(self) -> str:
        return self.log.read_text()


@contextmanager
def relaying(folder: Path, *arguments: str) -> Iterator[Relaying]:
    log, out = folder / "relay.log", folder / "relay.out"
    command = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "relay"]
    with log.open("wb") as stream, out.open("wb") as told:
        process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=told, stderr=stream,
        )  # fmt: skip
        try:
            until = time.monotonic() + SECONDS
            while "# ready" not in out.read_text() and process.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.05)
            text = out.read_text()
            assert "# ready" in text, log.read_text()
            exports = dict(re.findall(r'^export (\w+)="?([^"\n]+)"?$', text, re.M))
            bases = dict(re.findall(r"^# (https?://\S+) is (http://\S+)$", text, re.M))
            yield Relaying(exports, bases, log)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0, log.read_text()


@pytest.fixture(scope="module")
def relay(
    host: Served, addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relaying]:
    folder = tmp_path_factory.mktemp("relay")
    assert host.running.authority is not None
    sites = list(addresses.values())
    with relaying(
        folder, *sites, "--base-url-for", sites[0], "--base-url-for", sites[1],
        "--upstream-ca", str(host.running.authority), "--usage", str(folder / "usage.db"),
    ) as running:  # fmt: skip
        yield running


def program(
    *command: str, environment: dict[str, str] | None = None, host: Served
) -> subprocess.CompletedProcess[str]:
    """A program in an environment that knows nothing but what it is told."""
    client_key = host.site.jira.apps.client_key
    known = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    app = {"APP_KEY": KEY, "CLIENT_KEY": client_key, "SHARED_SECRET": SECRET}
    return subprocess.run(
        command, env={**known, **app, **(environment or {})}, capture_output=True, text=True,
        timeout=SECONDS, cwd=HERE / "ace", check=False,
    )  # fmt: skip


PYTHON = (sys.executable, "-W", "error", str(HERE / "relay_client.py"))
NODE = (shutil.which("node") or "node", "relay_client.js")
WAYS = {
    "python": PYTHON,
    "node-request": (*NODE, "request"),
}
BEFORE_TRUST = {"REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}


@pytest.mark.node
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("way", WAYS)
def test_refused_without_the_relay_and_served_with_it(
    host: Served, addresses: dict[str, str], relay: Relaying, way: str, scheme: str
) -> None:
    """The hash stays valid: what was signed is what the site gets."""
    asked = (*WAYS[way], addresses[scheme], "GET", ASKED)
    trust = dict.fromkeys(BEFORE_TRUST, str(host.running.authority))
    before = program(*asked, environment=trust, host=host)
    assert before.stdout.startswith("401 "), before.stderr
    after = program(*asked, environment=relay.told, host=host)
    assert after.stdout.startswith("200 "), after.stderr + relay.lines()
    assert '"key":"DEMO-1"' in after.stdout.replace(" ", "")


@pytest.mark.node
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("way", ["python", "node-fetch"])
def test_another_base_url_is_all_that_a_program_needs(
    host: Served, addresses: dict[str, str], relay: Relaying, way: str, scheme: str
) -> None:
    how = WAYS["python"] if way == "python" else (*NODE, "fetch")
    done = program(*how, relay.bases[addresses[scheme]], "GET", ASKED, host=host)
    assert done.stdout.startswith("200 "), done.stderr + relay.lines()
