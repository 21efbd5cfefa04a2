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
import requests
from atlassian_jwt import encode_token

from e2e.served import Served, served_site
from headway.descriptor import read_descriptor
from headway.gateway.usage.store import open_usage
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
def relaying(folder: Path, *arguments: str, **environment: str) -> Iterator[Relaying]:
    log, out = folder / "relay.log", folder / "relay.out"
    command = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "relay"]
    with log.open("wb") as stream, out.open("wb") as told:
        process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT / "src")},
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


# ---- other clients --------------------------------------------------------------------------


def signed(host: Served, base: str, method: str, path: str) -> str:
    """An address as an old program writes it."""
    client_key = host.site.jira.apps.client_key
    token = encode_token(method, path, client_key, SECRET, 180, payload_kwargs={"iss": KEY})
    return f"{base}{path}{'&' if '?' in path else '?'}jwt={token}"


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_by_the_environment_alone(
    host: Served, addresses: dict[str, str], relay: Relaying, scheme: str
) -> None:
    asked = ("curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}")
    url = signed(host, addresses[scheme], "GET", ASKED)
    before = program(*asked, "--cacert", str(host.running.authority), url, host=host)
    assert before.stdout.endswith("\n401"), before.stderr
    done = program(*asked, url, environment=relay.told, host=host)
    assert done.stdout.endswith("\n200"), done.stderr + relay.lines()
    # what is not named is refused, and another authority than the told one is not trusted
    other = program(*asked, "http://other.localhost/", environment=relay.told, host=host)
    assert other.stdout.endswith("\n403")
    if scheme == "https":
        untrusted = {"https_proxy": relay.told["https_proxy"]}
        assert program(*asked, url, environment=untrusted, host=host).returncode == 60


@pytest.mark.skipif(
    not (shutil.which("javac") and shutil.which("keytool")), reason="no Java on this machine"
)
def test_java_with_the_truststore_that_is_told(
    host: Served, addresses: dict[str, str], relay: Relaying, tmp_path: Path
) -> None:
    """The printed line makes it; its properties name the proxy."""
    store = tmp_path / "relay.p12"
    subprocess.run(
        ["keytool", "-importcert", "-noprompt", "-alias", "headway", "-file",
         relay.told["NODE_EXTRA_CA_CERTS"], "-keystore", store, "-storetype", "PKCS12",
         "-storepass", "changeit"],
        check=True, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    _, _, port = relay.told["https_proxy"].rpartition(":")
    url = signed(host, addresses["https"], "GET", ASKED)
    done = program(
        "java", f"-Djavax.net.ssl.trustStore={store}",
        "-Djavax.net.ssl.trustStorePassword=changeit", "-Dhttps.proxyHost=127.0.0.1",
        f"-Dhttps.proxyPort={port}", "-Dhttp.nonProxyHosts=", str(HERE / "RelayClient.java"), url,
        host=host,
    )  # fmt: skip
    assert done.stdout.startswith("200 "), done.stderr + relay.lines()


# ---- what it must not break -----------------------------------------------------------------

HARD = [
    "/rest/api/3/issue/DEMO-1?fields=summary&fields=status&expand=",
    "/rest/api/3/issue/DEMO-1?fields=a+b&x=%2B%20%7e%2a",
    "/rest/api/3/issue/DEMO-1?x=%C3%A4%E2%82%AC&fields=*all",
    "/rest/api/3/issue/DEMO-1?b=2&a=1&A=3&a=0",
    "/rest/api/3/issue/DEMO-1",
]


@pytest.mark.parametrize("path", HARD)
def test_the_hash_stays_valid_whatever_the_query(
    host: Served, addresses: dict[str, str], relay: Relaying, path: str
) -> None:
    """As the same request with its token in the header from the start."""
    client_key = host.site.jira.apps.client_key
    token = encode_token("GET", path, client_key, SECRET, 180, payload_kwargs={"iss": KEY})
    header = {"Authorization": f"JWT {token}"}
    with requests.Session() as session:
        session.trust_env = False
        direct = session.get(addresses["http"] + path, headers=header, timeout=30)
        url = signed(host, addresses["http"], "GET", path)
        session.proxies = {"http": relay.told["http_proxy"]}
        moved = session.get(url, timeout=30)
    assert (direct.status_code, moved.status_code) == (200, 200), moved.text
    assert moved.json() == direct.json()


def test_a_write_goes_through_once(
    host: Served, addresses: dict[str, str], relay: Relaying
) -> None:
    path = "/rest/api/2/issue/DEMO-1/comment"
    done = program(*PYTHON, addresses["https"], "POST", path, environment=relay.told, host=host)
    assert done.stdout.startswith("201 "), done.stderr + done.stdout + relay.lines()
    with requests.Session() as session:
        session.trust_env = False
        url = signed(host, relay.bases[addresses["http"]], "GET", path)
        found = session.get(url, timeout=30).json()
    written = [each["body"] for each in found["comments"]]
    assert written.count("by an old program") == 1


def test_its_log_and_its_records_hold_no_token(
    host: Served, addresses: dict[str, str], tmp_path: Path
) -> None:
    counted = tmp_path / "usage.db"
    with relaying(tmp_path, addresses["http"], "--usage", str(counted)) as running:
        url = signed(host, addresses["http"], "GET", ASKED)
        with requests.Session() as session:
            session.trust_env, session.proxies = False, {"http": running.told["http_proxy"]}
            assert session.get(url, timeout=30).status_code == 200
    assert f"GET {addresses['http']}{ASKED.partition('?')[0]} 200 moved jwt" in running.lines()
    token = url.partition("jwt=")[2]
    for written in [running.log, *tmp_path.glob("usage.db*")]:
        data = written.read_bytes()
        assert not any(part.encode() in data for part in token.split("."))
    store = open_usage(counted)
    [record] = store.records()
    store.close()
    assert (record.location, record.count) == ("jwt", 1)


def test_a_password_keeps_others_out(
    host: Served, addresses: dict[str, str], tmp_path: Path
) -> None:
    password = "a password of the relay"
    assert host.running.authority is not None
    with relaying(
        tmp_path, addresses["https"], "--upstream-ca", str(host.running.authority),
        HEADWAY_RELAY_PASSWORD=password,
    ) as running:  # fmt: skip
        told = dict(running.told)
        proxy = told["https_proxy"]
        assert password not in "".join(told.values())
        url = signed(host, addresses["https"], "GET", ASKED)
        asked = ("curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{http_connect}", url)
        without = proxy.replace("relay:$HEADWAY_RELAY_PASSWORD@", "")
        told["https_proxy"] = without
        assert program(*asked, environment=told, host=host).stdout == "407"
        # as a shell would have it; requests and Node take it from the address, too
        secret = proxy.replace("$HEADWAY_RELAY_PASSWORD", "a%20password%20of%20the%20relay")
        told["https_proxy"] = told["HTTPS_PROXY"] = secret
        for way in WAYS.values():
            done = program(*way, addresses["https"], "GET", ASKED, environment=told, host=host)
            assert done.stdout.startswith("200 "), done.stderr + running.lines()
    assert password not in running.lines()


def test_a_download_follows_its_redirect_by_the_relay(
    host: Served, addresses: dict[str, str], tmp_path: Path
) -> None:
    """The media host is another site: named, it is reached; what it is told is its own."""
    media = host.site.media_url
    with requests.Session() as session:
        session.trust_env = False
        with relaying(tmp_path, addresses["http"], media) as running:
            session.proxies = {"http": running.told["http_proxy"]}
            where = "/rest/api/3/issue/DEMO-1/attachments"
            file = {"file": ("a.bin", bytes(range(256)) * 5000)}
            made = session.post(
                signed(host, addresses["http"], "POST", where), files=file, timeout=60,
                headers={"X-Atlassian-Token": "no-check"},
            )  # fmt: skip
            assert made.status_code == 200, made.text
            content = f"/rest/api/3/attachment/content/{made.json()[0]['id']}"
            got = session.get(signed(host, addresses["http"], "GET", content), timeout=60)
    assert [each.status_code for each in got.history] == [303]
    assert got.content == file["file"][1]
    assert f"GET {media}/" in running.lines()
    token = got.url.rpartition("=")[2]
    assert token not in running.lines()
