"""The tenants of ``atlassian-connect-express``: kept by the framework itself, then taken over.

A site installs the framework's app, whose own store writes the database.  Then
``headway store import`` reads it, and an app of ours knows the site by what it
took over: its tokens verify, and the site accepts ours.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.dynamodb import dynamodb
from e2e.served import Served, served_site
from headway.keys import Sealer
from headway.model import Direction, Kind, RequestFacts, Secret
from headway.policy import ATLASSIAN_2022
from headway.ports import drive
from headway.sign import context_token, request_token
from headway.store.engine import open_engine
from headway.store.installations import Installations
from headway.store.migrations import upgrade
from headway.verify import Accept, Expected, verify

pytestmark = pytest.mark.node

ACE = Path(__file__).resolve().parent / "ace"
KEY = "headway-test-ace-app"
START_SECONDS = 60.0
STORE_KEY = bytes(range(32))


@pytest.fixture(scope="module")
def host() -> Iterator[Served]:
    with served_site() as running:
        yield running


@contextmanager
def ace(host: Served, folder: Path, store: dict[str, Any]) -> Iterator[str]:
    """The framework's app on *store*, which is closed in the end."""
    log = folder / "ace.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "NODE_ENV": "production",
        "AC_LOCAL_BASE_URL": address,
        "CONNECT_KEYS_CDN_URL": f"{host.site.base_url}/install-keys",
        "ACE_STORE": json.dumps({**store, "logging": False}),
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [shutil.which("node") or "node", "app.js"],
            cwd=ACE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            until = time.monotonic() + START_SECONDS
            while b"ready" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield address
        finally:
            process.stdin.close()
            process.wait(20)


def headway(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """``headway store`` as a process of its own; *given* is its standard input."""
    key = {"HEADWAY_STORE_KEY": base64.b64encode(STORE_KEY).decode()}
    return subprocess.run(
        [sys.executable, "-c", "from headway.cli import main; main()", "store", *words],
        input=given,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | key,
        capture_output=True,
        text=True,
        check=False,
    )


DYNAMODB = {
    "adapter": "dynamodb",
    "region": "eu-west-1",
    "credentials": {"accessKeyId": "nobody", "secretAccessKey": "nothing"},
}


@pytest.fixture(params=["sqlite", "postgres", "dynamodb"])
def kept(
    request: pytest.FixtureRequest, host: Served, tmp_path: Path
) -> Iterator[tuple[str, Secret]]:
    """A source that the framework has written, and the secret that the site then had."""
    if request.param == "dynamodb":
        with dynamodb() as (address, tables):
            for _, secret in _kept(host, tmp_path, {**DYNAMODB, "endpoint": address}, ""):
                dump = tmp_path / "AddonSettings.json"
                dump.touch(0o600)
                dump.write_text(json.dumps({"Items": tables.items["AddonSettings"]}))
                yield str(dump), secret
        return
    if request.param == "sqlite":
        source = str(tmp_path / "ace.db")
        store = {"adapter": "sequelize", "dialect": "sqlite", "storage": source}
    else:
        source = request.getfixturevalue("postgresql").new_database()
        store = {"adapter": "sequelize", "dialect": "postgres", "url": source}
    yield from _kept(host, tmp_path, store, source)


def _kept(
    host: Served, tmp_path: Path, store: dict[str, Any], source: str
) -> Iterator[tuple[str, Secret]]:
    with ace(host, tmp_path, store) as url:
        host.do(lambda: host.site.jira.installer.install(f"{url}/atlassian-connect.json"))
        secret = host.site.jira.apps.secret(KEY)
        header = {"Authorization": f"JWT {context_of(host)}"}
        seen = httpx.get(f"{url}/context", headers=header, trust_env=False)
        assert seen.status_code == 200, seen.text
        yield source, secret
        host.do(lambda: host.site.jira.installer.uninstall(KEY))


def context_of(host: Served) -> str:
    """A token as the site would give it to a page of the app."""
    app = host.site.jira.apps.get(KEY)
    secret = host.site.jira.apps.secret(KEY)
    assert app is not None
    return context_token(secret, issuer=app.client_key, subject="ada", context={}, now=time.time())


def test_a_site_that_the_framework_knew_is_known_here(
    host: Served, kept: tuple[str, Secret], tmp_path: Path
) -> None:
    source, secret = kept
    store = str(tmp_path / "ours" / "headway.db")
    engine = open_engine(store)
    upgrade(engine)

    def take(*more: str) -> dict[str, Any]:
        words = ("import", "--from", "ace", "-", "--development", "--store", store, "--json")
        done = headway(*words, *more, given=f"{source}\n")
        assert done.returncode == 0, done.stderr
        assert secret.reveal().decode() not in done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    told = take()
    assert told["counts"] == {"taken": 1}
    assert told["tenants"][0]["app_key"] == KEY
    assert told["tenants"][0]["client_key"] == host.site.jira.apps.get(KEY).client_key
    ours = Installations(engine, Sealer.of([STORE_KEY]), app_key=KEY)
    assert ours.list() == ()
    take("--apply")
    (site,) = ours.list()
    assert (site.shared_secret, site.base_url) == (secret, host.site.jira.base_url)
    # its tokens verify here
    facts = RequestFacts(
        method="GET",
        raw_path="/me",
        authorization=(f"JWT {context_of(host)}",),
    )
    verified = drive(
        verify(
            facts,
            accept=Accept(Direction.BROWSER_TO_APP, frozenset({Kind.CONTEXT})),
            expected=Expected(app_key=KEY, audience=("https://app.example",)),
            now=time.time(),
            policy=ATLASSIAN_2022,
        ),
        ours,
    )
    assert verified.installation == site
    # and the site accepts ours
    path = "/rest/api/3/myself"
    token = request_token(
        site.shared_secret, issuer=KEY, method="GET", raw_path=path, now=time.time()
    )
    answer = httpx.get(
        f"{site.base_url}{path}", headers={"Authorization": f"JWT {token}"}, trust_env=False
    )
    assert answer.status_code == 200
    assert take("--apply")["counts"] == {"skipped": 1}
    engine.dispose()
