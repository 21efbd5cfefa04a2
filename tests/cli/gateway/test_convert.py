"""Old access logs become a file of records, which plan and usage read."""

from __future__ import annotations

import gzip
import io
import json
import stat
import sys
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from key_server import KeyServer

from headway import sign
from headway.cli.commands import run
from headway.gateway.usage.record import read_lines
from headway.model import Secret

SECRET = "0123456789abcdef0123"
POLICY = """\
name = "api"
[verify]
by = "connect"
installations = "apps.json"
client_key = "site"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
off = 2022-03-01
"""
DAY = 1_643_673_600


def logged(issuer: str, day: int = 0, status: int = 200) -> str:
    at = DAY + day * 86400
    token = sign.request_token(
        Secret(SECRET), issuer=issuer, method="GET", raw_path="/rest", raw_query="", now=at
    )
    time = f"[{1 + day:02}/Feb/2022:00:00:00 +0000]"
    return f'h - - {time} "GET /rest?jwt={token} HTTP/1.1" {status} 5 "-" "curl/8"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HEADWAY_USAGE", raising=False)
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)
    Path("gateway.toml").write_text(POLICY)
    entry = {"key": "known", "clientKey": "site", "sharedSecret": SECRET}
    Path("apps.json").write_text(json.dumps([entry]))
    Path("apps.json").chmod(0o600)
    return tmp_path


VERIFY = ["a.log", "--policy", "jwks.toml", "--verify"]
JWKS = '[verify]\nby = "jwks"\n[[verify.issuer]]\nissuer = "a"\nkeys = "%s"\naudience = ["api"]\n'


def verifying(table: str) -> str:
    head, tail = POLICY.partition("[verify]")[0], POLICY.partition("[[location]]")[2]
    return f"{head}{table}[[location]]{tail}"


def convert(*words: str) -> int:
    return run(["gateway", "convert", *words])


def test_a_plan_of_old_logs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.log").write_text(logged("known") + "rubbish\n" + logged("other", 1))
    with gzip.open("b.log.gz", "wt") as file:
        file.write(logged("known", 2) + logged("known", 2, 401) + 'h - - x "GET / HTTP/1.1" 1\n')
    assert convert("a.log", "b.log.gz", "--output", "u.jsonl", "--verify") == 0
    told = capsys.readouterr().out
    assert "6 lines, 2022-02-01 to 2022-02-03: 3 uses" in told
    assert "had been refused: 1 request" in told
    assert "not read: 2 lines, the first is line 2" in told
    assert stat.S_IMODE(Path("u.jsonl").stat().st_mode) == 0o600
    with Path("u.jsonl").open("rb") as lines:
        header, records = read_lines(lines)
        found = [(each.client, each.verified, each.day, each.count) for each in records]
    assert header.days == ("2022-02-01", "2022-02-02", "2022-02-03")
    assert sorted(found) == [
        ("known", True, "2022-02-01", 1),
        ("known", True, "2022-02-03", 1),
        ("other", False, "2022-02-02", 1),
    ]
    assert run(["gateway", "plan", "--records", "u.jsonl", "--at", "2022-02-04"]) == 0
    assert "known, other" in capsys.readouterr().out


def test_the_input_and_json(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"at": DAY, "m": "GET", "uri": "/x"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(told).encode())))
    fields = ["--format", "json", "--fields", "time=at,method=m,target=uri"]
    assert convert("-", "--output", "u.jsonl", *fields) == 0
    assert "1 line, 2022-02-01 to 2022-02-01: 0 uses" in capsys.readouterr().out
    assert len(Path("u.jsonl").read_bytes().splitlines()) == 1  # a day on which somebody looked


def test_batches_and_lines_without_end(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["headway.cli.gateway.convert"]  # not the command of that name
    monkeypatch.setattr(module, "WRITE_EVERY", 2)
    long = "x" * (2 * module.LINE_MAX + 5)
    Path("a.log").write_text("".join(logged("known") for _ in range(5)) + long + "\n" + long)
    assert convert("a.log", "--output", "u.jsonl") == 0
    assert "7 lines, 2022-02-01 to 2022-02-01: 5 uses" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.log"], "none.log: No such file"),
        (["bad.gz"], "bad.gz: is no whole file of gzip"),
        (["cut.gz"], "cut.gz: is no whole file of gzip"),
        (["gateway.toml"], "no line of 10 lines could be read"),
        (["a.log", "--fields", "time=x"], "--fields: goes with --format json"),
        (["a.log", "--format", "json", "--fields", "x=y"], "'x' is none of"),
        (["a.log", "--policy", "none.toml", "--verify"], "--verify: takes key sets, and"),
        (["a.log", "--policy", "far.toml", "--verify"], "--verify: takes key sets, and"),
        (["a.log", "--keys", "a=k.json"], "--keys: goes with --verify"),
        ([*VERIFY, "--keys", "b=k.json"], "--keys b=k.json: is no ISSUER=FILE"),
        ([*VERIFY, "--keys", "a=none.json"], "none.json: No such file"),
        ([*VERIFY, "--keys", "a=a.log"], "a.log: "),
        (VERIFY, "save a set and name it by --keys"),
        (["a.log", "--output", "no/u.jsonl"], "no/u.jsonl: No such file"),
        (["a.log", "--output", "a.log"], "a.log: is there already"),
    ],
    ids=range(15),
)
def test_what_can_not_be_converted(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    Path("a.log").write_text(logged("known"))
    Path("bad.gz").write_bytes(b"x" * 50)
    Path("cut.gz").write_bytes(gzip.compress(logged("known").encode() * 50)[:-20])
    Path("jwks.toml").write_text(verifying(JWKS % "http://127.0.0.1:9/k"))
    Path("none.toml").write_text(verifying(""))
    far = '[verify]\nby = "connect"\nstore = "postgresql://h/d"\nclient_key = "c"\n'
    Path("far.toml").write_text(verifying(far))
    more = [] if "--output" in words else ["--output", "u.jsonl"]
    assert convert(*words, *more) == 2
    assert says in capsys.readouterr().err
    assert not Path("u.jsonl").exists()


def test_tokens_of_an_issuer_are_proved_by_its_keys_of_then_or_of_now(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    lines = []
    for kid, key in (("old", old), ("new", new), ("nobodys", new)):
        claims = {"iss": "a", "aud": "api", "exp": DAY + 60, "client_id": f"app-{kid}"}
        token = pyjwt.encode(claims, key, "ES256", headers={"kid": kid})
        lines.append(f'h - - [01/Feb/2022:00:00:00 +0000] "GET /?jwt={token} HTTP/1.1" 200 5\n')
    Path("a.log").write_text("".join(lines))

    def key_set(**keys: Any) -> bytes:
        told = [
            {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}
            for kid, key in keys.items()
        ]
        return json.dumps({"keys": [{**each, "key_ops": ["verify"]} for each in told]}).encode()

    def proved(*more: str) -> dict[str, bool]:
        Path("u.jsonl").unlink(missing_ok=True)
        assert convert(*VERIFY, *more, "--output", "u.jsonl") == 0, capsys.readouterr().err
        with Path("u.jsonl").open("rb") as file:
            return {each.client: each.verified for each in read_lines(file)[1]}

    server = KeyServer()
    try:
        server.page("/k", 200, key_set(new=new))
        Path("jwks.toml").write_text(verifying(JWKS % f"{server.address}/k"))
        assert proved() == {"app-old": False, "app-new": True, "app-nobodys": False}
        assert server.asked == ["/k"]  # once, however many tokens there are
        Path("then.json").write_bytes(key_set(old=old))
        Path("later.json").write_bytes(key_set(new=new))
        saved = ["--keys", "a=then.json"]
        assert proved(*saved) == {"app-old": True, "app-new": False, "app-nobodys": False}
        both = [*saved, "--keys", "a=later.json"]
        assert proved(*both) == {"app-old": True, "app-new": True, "app-nobodys": False}
        assert server.asked == ["/k"]
    finally:
        server.close()
