"""Old access logs become a file of records, which plan and usage read."""

from __future__ import annotations

import gzip
import io
import json
import stat
from pathlib import Path

import pytest

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


def convert(*words: str) -> int:
    return run(["gateway", "convert", *words])


def test_a_plan_of_old_logs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.log").write_text(logged("known") + "rubbish ?jwt=\n" + logged("other", 1))
    with gzip.open("b.log.gz", "wt") as file:
        file.write(
            logged("known", 2) + logged("known", 2, 401) + 'h - - x "GET /?jwt HTTP/1.1" 1\n'
        )
    assert convert("a.log", "b.log.gz", "--output", "u.jsonl", "--verify") == 0
    told = capsys.readouterr().out
    assert "6 lines, 2022-02-01 to 2022-02-03: 3 uses" in told
    assert "had been refused: 1 request" in told
    assert "not read, though a name stands there: 2 lines, the first is a.log:2" in told
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
    fields = ["--fields", "time=at,method=m,target=uri"]
    assert convert("-", "--output", "u.jsonl", *fields) == 0
    assert "1 line, 2022-02-01 to 2022-02-01: 0 uses" in capsys.readouterr().out
    assert len(Path("u.jsonl").read_bytes().splitlines()) == 1  # a day on which somebody looked


def test_lines_without_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 600_000
    Path("a.log").write_text("".join(logged("known") for _ in range(5)) + long + "\n" + long)
    assert convert("a.log", "--output", "u.jsonl") == 0
    assert "7 lines, 2022-02-01 to 2022-02-01: 5 uses" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.log"], "none.log: no such file or directory; records are made of all"),
        (["bad.gz"], "no line of 1 line could be read"),
        (["cut.gz"], "cut.gz: ends before its end"),
        (["gateway.toml"], "no line of 10 lines could be read"),
        (["a.log", "--fields", "time=x"], "no line of 1 line could be read"),
        (["a.log", "--fields", "x=y"], "'x' is none of"),
        (["a.log", "--keys", "a=k.json"], "--keys: goes with --verify"),
        (["a.log", "--output", "no/u.jsonl"], "no/u.jsonl: No such file"),
        (["a.log", "--output", "a.log"], "a.log: is there already"),
    ],
    ids=range(9),
)
def test_what_can_not_be_converted(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    Path("a.log").write_text(logged("known"))
    Path("bad.gz").write_bytes(b"x" * 50)
    Path("cut.gz").write_bytes(gzip.compress(logged("known").encode() * 50)[:-20])
    more = [] if "--output" in words else ["--output", "u.jsonl"]
    assert convert(*words, *more) == 2
    assert says in capsys.readouterr().err
    assert not Path("u.jsonl").exists()
