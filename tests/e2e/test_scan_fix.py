"""``--fix`` on programs that run: the site refuses their token, and takes it once they are mended.

Each is a small client of a real library, written as it was before 1 February 2022.  It asks the
local site, which stands after that day: 401 before, 200 after, and the token crossed in the header.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from pathlib import Path
from typing import ClassVar

import jsonschema
import pytest
from atlassian_jwt import encode_token

from e2e.served import Served, served_site
from headway.descriptor import read_descriptor
from headway.model import Secret

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "old-app", "the shared secret of an old app, long enough"
DESCRIPTOR = b"""{"key": "old-app", "name": "Old app", "baseUrl": "http://127.0.0.1:9999",
 "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"},
 "scopes": ["READ", "WRITE"]}"""
AFTER = 1643846400.0  # 2022-02-03
SECONDS = 60
HEAD = '''\
"""A program of an old app."""

import os
import sys

from atlassian_jwt import encode_token

PATH = "/rest/api/3/issue/DEMO-1"


def token_for(path):
    return encode_token(
        "GET", path, os.environ["CLIENT_KEY"], os.environ["SHARED_SECRET"], 180,
        payload_kwargs={"iss": os.environ["APP_KEY"]},
    )


'''
TAIL = """

if __name__ == "__main__":
    print(ask(sys.argv[1]))
"""
PROGRAMS = {
    "requests-joined": """\
import requests


def ask(base):
    token = token_for(PATH)
    return requests.get(base + PATH + "?jwt=" + token, timeout=30).status_code
""",
    "requests-params": """\
import requests


def ask(base):
    path = PATH + "?fields=summary&expand=names"
    query = {"fields": "summary", "jwt": token_for(path), "expand": "names"}
    headers = {"Accept": "application/json"}
    return requests.get(base + PATH, params=query, headers=headers, timeout=30).status_code
""",
    "requests-session-subscript": """\
import requests


def ask(base):
    params = {"expand": "names"}
    with requests.Session() as session:
        params["jwt"] = token_for(PATH + "?expand=names")
        answer = session.request("GET", base + PATH, params=params, timeout=30)
    return answer.status_code
""",
    "requests-session-params": """\
import requests


def ask(base):
    session = requests.Session()
    session.params = {"jwt": token_for(PATH)}
    return session.get(base + PATH, timeout=30).status_code
""",
    "requests-object": """\
import requests


def ask(base):
    asked = requests.Request("GET", base + PATH, params={"jwt": token_for(PATH)})
    return requests.Session().send(asked.prepare(), timeout=30).status_code
""",
    "httpx-interpolated": """\
import httpx


def ask(base):
    path = f"{PATH}?fields=summary&expand=names"
    url = f"{base}{PATH}?fields=summary&jwt={token_for(path)}&expand=names"
    return httpx.get(url, timeout=30).status_code
""",
    "httpx-client": """\
import httpx


def ask(base):
    with httpx.Client(base_url=base) as client:
        return client.get(PATH, params=dict(jwt=token_for(PATH)), timeout=30).status_code
""",
    "httpx-async": """\
import asyncio

import httpx


async def fetch(base, token):
    async with httpx.AsyncClient(headers={"Accept": "*/*"}) as client:
        answer = await client.get("%s%s?jwt=%s" % (base, PATH, token), timeout=30)
        return answer.status_code


def ask(base):
    return asyncio.run(fetch(base, token_for(PATH)))
""",
    "aiohttp-params": """\
import asyncio

import aiohttp


async def fetch(base, token):
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}{PATH}", params={"jwt": token}) as answer:
            return answer.status


def ask(base):
    return asyncio.run(fetch(base, token_for(PATH)))
""",
    "urllib-urlopen": """\
from urllib.error import HTTPError
from urllib.request import urlopen


def ask(base):
    try:
        with urlopen("{}{}?jwt={}".format(base, PATH, token_for(PATH)), timeout=30) as answer:
            return answer.status
    except HTTPError as error:
        return error.code
""",
    "urllib-request-encoded": """\
import urllib.error
import urllib.parse
import urllib.request


def ask(base):
    query = urllib.parse.urlencode({"expand": "names", "jwt": token_for(PATH + "?expand=names")})
    asked = urllib.request.Request(base + PATH + "?" + query, headers={"Accept": "*/*"})
    try:
        return urllib.request.urlopen(asked, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code
""",
}


@pytest.fixture(scope="module")
def host() -> Iterator[Served]:
    with served_site(at=AFTER, tls_port=None, media_port=0) as running:
        apps = running.site.jira.apps
        apps.save(apps.prepare(read_descriptor(DESCRIPTOR)), Secret(SECRET))
        yield running


def run(host: Served, program: Path) -> str:
    """What *program* prints."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONWARNINGS": "ignore",
        "APP_KEY": KEY, "CLIENT_KEY": host.site.jira.apps.client_key, "SHARED_SECRET": SECRET,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(program), host.site.base_url],
        env=environment, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def scan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``headway scan code`` on a folder, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from headway.cli import main; main()", "scan", "code", ".",
         *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "HEADWAY_SCAN_KEY": "ab" * 32},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, cwd=folder,
    )  # fmt: skip


def test_all_programs_are_mended_at_once_and_once(host: Served, tmp_path: Path) -> None:
    for name, code in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(HEAD + code + TAIL)
    before = {name: run(host, tmp_path / f"{name}.py") for name in PROGRAMS}
    assert before == dict.fromkeys(PROGRAMS, "401")
    shown = scan(tmp_path, "--fix")
    assert shown.returncode == 1
    assert shown.stdout.count("\n+++ b/") == len(PROGRAMS)
    assert {name: run(host, tmp_path / f"{name}.py") for name in PROGRAMS} == before
    done = scan(tmp_path, "--fix", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown.stdout, "what is written is what was shown"
    after = {name: run(host, tmp_path / f"{name}.py") for name in PROGRAMS}
    assert after == dict.fromkeys(PROGRAMS, "200")
    calls = [each for each in host.site.traffic.all() if each.status == 200]
    assert {(call.location, call.verdict) for call in calls} == {("header", "accepted")}
    mended = {path.name: path.read_text() for path in tmp_path.glob("*.py")}
    again = scan(tmp_path, "--fix", "--yes")
    assert (again.returncode, again.stdout) == (0, "")
    assert {path.name: path.read_text() for path in tmp_path.glob("*.py")} == mended


SCRIPT = """\
// A program of an old app.
async function ask(base, token) {
  const url = `${base}/rest/api/3/issue/DEMO-1?jwt=${token}`;
  const answer = await fetch(url);
  return answer.status;
}

ask(process.argv[2], process.env.TOKEN).then((status) => console.log(status));
"""


@pytest.mark.node
def test_a_suggested_patch_mends_a_script(host: Served, tmp_path: Path) -> None:
    """It is applied by git, as a person would."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is missing")
    (tmp_path / "ask.mjs").write_text(SCRIPT)

    def asked() -> str:
        key = host.site.jira.apps.client_key
        path = "/rest/api/3/issue/DEMO-1"
        token = encode_token("GET", path, key, SECRET, 180, payload_kwargs={"iss": KEY})
        done = subprocess.run(
            [str(node), "ask.mjs", host.site.base_url], env={"TOKEN": token}, cwd=tmp_path,
            capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert asked() == "401"
    done = scan(tmp_path, "--patch", "fix.patch")
    assert done.returncode == 1, done.stderr
    applied = subprocess.run(["git", "apply", "fix.patch"], cwd=tmp_path, capture_output=True)
    assert applied.returncode == 0, applied.stderr
    assert asked() == "200"


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, mended."""
    folder = tmp_path_factory.mktemp("mended")
    for name, code in PROGRAMS.items():
        (folder / f"{name}.py").write_text(HEAD + code + TAIL)
    assert scan(folder, "--fix", "--yes").returncode == 0
    return folder


class Redirecting(BaseHTTPRequestHandler):
    """Sends everybody on to another host, and remembers who came with what."""

    seen: ClassVar[list[tuple[str, str | None]]] = []
    to: ClassVar[str] = ""

    def do_GET(self) -> None:
        host = self.headers["Host"].partition(":")[0]
        Redirecting.seen.append((host, self.headers.get("Authorization")))
        self.send_response(302 if host == "127.0.0.1" else 204)
        self.send_header("Location", Redirecting.to)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_no_header_goes_along_to_another_host(name: str, mended: Path) -> None:
    """A download from the host ends at another one, which must not get the token."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)
    Redirecting.seen.clear()
    Redirecting.to = f"http://localhost:{server.server_port}/media"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        environment = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONWARNINGS": "ignore",
            "APP_KEY": KEY, "CLIENT_KEY": "client", "SHARED_SECRET": SECRET,
        }  # fmt: skip
        subprocess.run(
            [sys.executable, str(mended / f"{name}.py"), f"http://127.0.0.1:{server.server_port}"],
            env=environment, capture_output=True, timeout=SECONDS, check=True,
        )  # fmt: skip
    finally:
        server.shutdown()
        thread.join(SECONDS)
        server.server_close()
    first, *others = Redirecting.seen
    assert first[0] == "127.0.0.1"
    assert str(first[1]).startswith("JWT ")
    assert [each[1] for each in others] in ([], [None])
    assert bool(others) is not name.startswith("httpx"), "httpx follows only where it is told to"


SCHEMA = (
    Path(__file__).parent
    / "sarif/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
)


def test_sarif_with_fixes_is_valid_and_mends(tmp_path: Path) -> None:
    """By the standard's schema; and a viewer that applies the replacements gets the mended file."""
    if not SCHEMA.exists():
        pytest.skip("the npm packages of tests/e2e/sarif are missing")
    (tmp_path / "ask.mjs").write_text(SCRIPT)
    (tmp_path / "ask.py").write_text(HEAD + PROGRAMS["urllib-urlopen"] + TAIL)
    done = scan(tmp_path, "--format", "sarif")
    document = json.loads(done.stdout)
    schema = json.loads(SCHEMA.read_text())
    checker = jsonschema.validators.validator_for(schema)
    assert [each.message for each in checker(schema).iter_errors(document)] == []
    results = document["runs"][0]["results"]
    assert len(results) == 2
    for result in results:
        ((change,),) = ([*fix["artifactChanges"]] for fix in result["fixes"])
        path = tmp_path / change["artifactLocation"]["uri"]
        lines = path.read_text().splitlines(keepends=True)
        starts = [0, *accumulate(map(len, lines))]
        text = path.read_text()
        for each in reversed(change["replacements"]):
            region = each["deletedRegion"]
            start = starts[region["startLine"] - 1] + region["startColumn"] - 1
            end = starts[region["endLine"] - 1] + region["endColumn"] - 1
            text = text[:start] + each["insertedContent"]["text"] + text[end:]
        path.write_text(text)
    assert scan(tmp_path).returncode == 0
