"""A client of others reads its own record, through a real proxy process, by a token of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import atlassian_jwt
import pytest
from proxied import Upstream, asked

from headway.cli.commands import run

SECRET = "0123456789abcdef0123456789abcdef"
POLICY = """\
name = "api"
[verify]
by = "connect"
installations = "apps.json"
client_key = "site"
[usage]
store = "usage.db"
batch_seconds = 0.1
own_path = "/usage"
own_per_minute = 1000
[metadata]
resource = "https://api.example"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-01-01
off = 2099-02-01
"""


def signed(app: str, path: str) -> str:
    return str(atlassian_jwt.encode_token("GET", path, "site", SECRET, payload_kwargs={"iss": app}))


def started(folder: Path, upstream: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "run"]
    process = subprocess.Popen(
        [*command, "--policy", str(folder / "gateway.toml"), "--port", "0", "--upstream", upstream],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, line.partition(" -> ")[0].partition("://")[2]


def test_a_client_reads_its_own_record_and_nobody_elses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "gateway.toml").write_text(POLICY)
    apps = [{"key": key, "clientKey": "site", "sharedSecret": SECRET} for key in ("one", "two")]
    (tmp_path / "apps.json").write_text(json.dumps(apps))
    (tmp_path / "apps.json").chmod(0o600)
    upstream = Upstream()
    process, address = started(tmp_path, f"http://{upstream.address}")
    try:
        # (1) two clients send their tokens in the URL
        for app, times in (("one", 3), ("two", 5)):
            for _ in range(times):
                path = "/rest/1?a=%2F"
                sent = asked(address, f"{path}&jwt={signed(app, path)}")
                assert sent.status == 200
        assert {got.target for got in upstream.got} == {"/rest/1?a=%2F"}

        # (2) each reads its own, and nothing of it reaches upstream
        def record(app: str) -> Any:
            answer = asked(address, "/usage", f"Authorization: JWT {signed(app, '/usage')}")
            assert answer.status == 200, answer
            return json.loads(answer.body)

        until = time.monotonic() + 30
        while not record("two")["locations"] or record("two")["locations"][0]["count"] < 5:
            assert time.monotonic() < until
            time.sleep(0.05)
        one = record("one")
        assert (one["client"], one["locations"][0]["count"]) == ("one", 3)
        assert one["locations"][0]["off_at"] == "2099-02-01T00:00:00Z"
        assert "two" not in json.dumps(one)
        # (3) a token for another path, in the URL, or of nobody opens nothing
        for target, *headers in (
            ("/usage", f"Authorization: JWT {signed('one', '/rest')}"),
            (f"/usage?jwt={signed('one', '/usage')}",),
            ("/usage", f"Authorization: JWT {signed('three', '/usage')}"),
            ("/usage",),
        ):
            refused = asked(address, target, *headers)
            assert refused.status == 401
            assert b"count" not in refused.body
        # (4) metadata stand beside it
        told = asked(address, "/.well-known/oauth-protected-resource")
        assert json.loads(told.body)["resource"] == "https://api.example"
        assert len(upstream.got) == 8
    finally:
        process.terminate()
        assert process.wait(30) == 0
        assert process.stdout is not None
        process.stdout.close()
        upstream.close()
    # (5) and the operator sees both
    assert run(["gateway", "usage", "--store", str(tmp_path / "usage.db"), "--format", "json"]) == 0
    clients = json.loads(capsys.readouterr().out)["clients"]
    assert {each["client"]: each["count"] for each in clients if each["verified"]} == {
        "one": 3,
        "two": 5,
    }
