"""Usage records of old logs: of every format, by any number of processes, and planned from."""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from headway import sign
from headway.cli import past_usage
from headway.cli.commands import run
from headway.cli.past_usage import PastUsage, write_usage
from headway.errors import ConfigurationError
from headway.gateway.parameters import parts_of, sieve
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.access_logs import Converter, Line
from headway.gateway.usage.record import Record, read_lines
from headway.model import Secret
from headway.scan.blocks import FIELDS, Needles
from headway.scan.progress import Progress
from headway.scan.requests import needles_of
from headway.scan.stores import objects
from headway.scan.stores.objects import Store
from scan.corpus import read

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
off = 2026-03-01
"""
FORMATS = [each for each in read("logs/formats.toml")["format"] if "method" in each]
AT = 1_767_225_604


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWAY_USAGE", raising=False)
    monkeypatch.delenv("HEADWAY_GATEWAY_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)
    Path("gateway.toml").write_text(POLICY)


def token(issuer: str, at: int = AT) -> str:
    """A request token of an app, as it was sent."""
    return sign.request_token(
        Secret("0123456789abcdef0123"), issuer=issuer, method="GET", raw_path="/x", raw_query="",
        now=at,
    )  # fmt: skip


def line(issuer: str, day: int = 1, name: str = "jwt", path: str = "/x", agent: str = "c/1") -> str:
    """A line of nginx's, in January."""
    at = datetime(2026, 1, day, tzinfo=UTC)
    when, sent = at.strftime("%d/%b/%Y:%H:%M:%S +0000"), token(issuer, int(at.timestamp()))
    return f'h - - [{when}] "GET {path}?a=1&{name}={sent} HTTP/1.1" 200 1 "-" "{agent}"\n'


def records(*named: str, **options: Any) -> tuple[tuple[str, ...], list[Record]]:
    """The days and the records of logs."""
    out = Path("records.jsonl")
    out.unlink(missing_ok=True)
    write_usage(named, out, PastUsage(policy=Path("gateway.toml"), **{"jobs": 1, **options}))
    assert oct(out.stat().st_mode) == "0o100600"
    assert b"eyJ" not in out.read_bytes()
    with out.open("rb") as lines:
        header, found = read_lines(lines)
        return header.days, list(found)


# ---- formats --------------------------------------------------------------------------------


@pytest.mark.parametrize("example", FORMATS, ids=lambda example: example["name"])
def test_each_format_gives_the_record_that_the_gateway_would_have_written(
    example: dict[str, Any],
) -> None:
    sent = token("acme")
    text = example["line"].replace("{T:cut}", sent[:60]).replace("{T}", sent)
    header = "\n".join(each for each in example.get("header", "").splitlines() if each)
    other = example["line"].replace("jwt={T", "page={T").replace("{CONTEXT}", "").replace("{T", "1")
    text = text.replace("{CONTEXT}", "").replace("{OTHER}", "")
    Path("a.log").write_text(f"{header}\n{text}\n{other}\n".lstrip())
    if example.get("status") == 401 or example["name"] == "nginx-error":
        days, found = records("a.log")
        assert found == [], "nobody would miss it, or it stands in the access log too"
        return
    days, (found,) = records("a.log")
    assert (found.client, found.verified) == ("acme", False) or example.get("kind") == "truncated"
    assert (found.location, found.method, found.count) == ("jwt", example["method"], 1)
    assert found.day == days[0]
    assert found.hours[found.first % 86400 // 3600] == 1
    assert found.route == example["path"].replace("A-1", "*").replace("/2/", "/*/")
    if "agent" in example:
        assert found.agent == example["agent"].partition("/")[0]


def test_a_plan_of_the_logs_of_seven_proxies(capsys: pytest.CaptureFixture[str]) -> None:
    """Formats of all sorts in one folder, and from it who would break, and how many requests."""
    wanted = ("nginx-combined", "envoy", "haproxy", "caddy", "traefik", "alb", "iis")
    Path("logs").mkdir()
    for example in FORMATS:
        if example["name"] not in wanted:
            continue
        lines = [example["header"].strip()] if "header" in example else []
        for day in range(1, 29):
            for app in ("left", "gone") if day <= 10 else ("left",):
                text = example["line"].replace("{T}", token(app)).replace("{CONTEXT}", "")
                text = text.replace("01/Jan/2026", f"{day:02}/Jan/2026")
                text = text.replace("2026-01-01", f"2026-01-{day:02}")
                lines.append(text.replace("1767225604.5", str(AT + (day - 1) * 86400)))
        Path("logs", example["name"]).write_text("\n".join(lines) + "\n")
    assert run(["scan", "logs", "logs", "--usage", "u.jsonl"]) == 0
    told = capsys.readouterr().out
    assert "268 lines, 2026-01-01 to 2026-01-28: 266 uses" in told
    assert run(
        ["gateway", "plan", "--records", "u.jsonl", "--at", "2026-01-29", "--json"]
    ) == 0  # fmt: skip
    (off,) = json.loads(capsys.readouterr().out)["plans"]["gateway.toml"]
    assert (off["kind"], off["start"][:10], off["share"]) == ("off", "2026-03-01", 1.0)
    # 7 proxies on 28 days, and on 10: a week of four
    assert {each["client"]: each["requests"] for each in off["clients"]} == {"left": 49, "gone": 18}
    assert off["requests"] in (66, 67)
    assert (
        run(["gateway", "usage", "--records", "u.jsonl", "--at", "2026-01-29", "--days", "7"]) == 0
    )
    shown = capsys.readouterr().out
    assert "left" in shown
    assert "gone" in shown


# ---- exactness ------------------------------------------------------------------------------


def test_what_the_gateway_would_find_has_a_needle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spellings of names, plain and escaped, in parts and wholly, once and twice."""
    chance = random.Random(1)
    for names in (["jwt"], ["access_token", "jwt"], ["t"], ["my-key", "API.Token"]):
        holds, needles = sieve(names), Needles((*needles_of(parts_of(names)), FIELDS))
        held = 0
        for _ in range(4_000):
            name = "".join(_spelled(each, chance) for each in chance.choice(names))
            query = f"a=%20b&{name}=x" if chance.random() < 0.5 else f"a;{name}=x"
            if holds(query):
                held += 1
                assert needles.places(f'"GET /x?{query} HTTP/1.1"'.encode()), query
        assert held > 2_000


def _spelled(letter: str, chance: random.Random) -> str:
    letter = chance.choice([letter.lower(), letter.upper()])
    code = chance.choice([f"{ord(letter):02x}", f"{ord(letter):02X}"])
    digits = "".join(f"%{ord(each):02x}" if chance.random() < 0.2 else each for each in code)
    forms = [letter] * 3 + [f"%{code}", f"%25{code}", f"%2525{code}", f"%u00{code}", f"%U00{code}"]
    return chance.choice([*forms, f"%{digits}"])


def test_the_same_as_if_every_line_had_been_read() -> None:
    """The records of a log, and those of a gateway that is asked about each of its lines."""
    chance, lines = random.Random(2), []
    for number in range(3_000):
        name = chance.choice(["jwt", "JWT", "%6Awt", "jwt[]", "page", "xjwt"])
        path = chance.choice(["/x", "/y/7", "/z?b=1&c"])
        lines.append(line(f"app-{number % 7}", 1 + number // 200, name, path))
    Path("a.log").write_text("".join(lines))
    days, found = records("a.log")
    counted: dict[tuple[str, ...], int] = {}

    def count(use: Any, at: float) -> None:
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        key = (day, use.client, use.outcome, use.route)
        counted[key] = counted.get(key, 0) + 1

    converter = Converter(read_policy(POLICY.encode()), count, hash_key=bytes(32))
    for each in lines:
        at = datetime.strptime(each.split("[")[1].split("]")[0], "%d/%b/%Y:%H:%M:%S %z")
        converter.take(Line(at.timestamp(), "GET", each.split(" ")[6], "h", "c/1", "", 200))
    by_hand = {key: each for key, each in counted.items() if not key[1].startswith("token:")}
    mine = {(r.day, r.client, r.outcome, r.route): r.count for r in found}
    assert {k: v for k, v in mine.items() if not k[1].startswith("token:")} == by_hand
    assert sum(mine.values()) == sum(counted.values())
    assert len(days) == 15


# ---- processes, and bounds ------------------------------------------------------------------


def test_several_processes_write_what_one_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(past_usage, "RANGE", 40_000)
    text = "".join(line(f"app-{number % 5}", 1 + number // 100) for number in range(600))
    bad = 'h - - [x] "GET /?jwt=1 HTTP/1.1" 200\n'
    Path("a.log").write_text(text + bad + line("last", 8))
    Path("b.log.gz").write_bytes(gzip.compress(text.encode()))
    Path("c.log").write_text(
        "#Fields: date time cs-method cs-uri-stem\n" + "2026-01-20 00:00:00 GET /x\n" * 9_000
    )
    key = {"store": "names.db"}
    one = records("a.log", "b.log.gz", "c.log", **key)
    told = capsys.readouterr().out
    assert "10,203 lines, 2026-01-01 to 2026-01-20: 1,201 uses" in told
    assert "1 line, the first is a.log:601" in told
    progress = Progress()
    Path("many.jsonl").unlink(missing_ok=True)
    options = PastUsage(policy=Path("gateway.toml"), jobs=2, **key)
    write_usage(["a.log", "b.log.gz", "c.log"], Path("many.jsonl"), options, progress)
    assert progress.done == sum(
        Path(each).stat().st_size for each in ("a.log", "b.log.gz", "c.log")
    )
    assert Path("many.jsonl").read_bytes() == Path("records.jsonl").read_bytes()
    assert capsys.readouterr().out == told
    assert len(one[1]) > 20


def test_what_is_told_apart_has_the_bounds_of_the_policy() -> None:
    Path("gateway.toml").write_text(POLICY + "[usage.limits]\nclaimed = 10\nper_client = 4\n")
    lines = [line(f"app-{number}") for number in range(60)]
    lines += [line("app-0", path=f"/{'abcdefghij'[number % 10]}") for number in range(40)]
    Path("a.log").write_text("".join(lines))
    _, found = records("a.log")
    assert sum(each.count for each in found) == 100, "none goes uncounted"
    assert len(found) <= 10 + 1 + 2
    assert {each.client for each in found} >= {"app-0", "(other)"}


def test_records_wait_in_no_more_memory_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_usage, "WAITING_MAX", 3)
    Path("a.log").write_text("".join(line(f"app-{number % 9}") for number in range(90)))
    _, found = records("a.log")
    assert sorted(each.count for each in found) == [10] * 9


class Files:
    """An object in memory, which may be another than was listed."""

    def __init__(self, content: bytes) -> None:
        self.content, self.tag = content, "1"

    def find(self, path: str, *, prefix: str, detail: bool) -> dict[str, Any]:
        return {"bucket/a.gz": self.info("bucket/a.gz")}

    def info(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": len(self.content), "etag": self.tag, "type": "file"}

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        self.tag = "2" if b"changes" in self.content else self.tag
        return self.content[start:end]


def test_objects_of_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    text = line("acme") + line("b", day=2)
    Path("a.log").write_text(text)
    for content in (gzip.compress(text.encode()), text.encode()):
        store = Store("s3", Files(content))
        monkeypatch.setattr(objects, "store_of", lambda scheme, store=store: store)
        assert records("s3://bucket/a*") == records("a.log")
        assert len(records("s3://bucket/a*", "a.log")[1]) == len(records("a.log", "a.log")[1])
    store = Store("s3", Files(text.encode() + b"changes\n"))
    monkeypatch.setattr(objects, "store_of", lambda scheme: store)
    Path("records.jsonl").unlink()
    with pytest.raises(ConfigurationError, match=r"a\.gz: changed while it was looked at"):
        records("s3://bucket/a*")
    with pytest.raises(ConfigurationError, match="fits no object; records are made of all"):
        records("s3://bucket/none*")


def test_small_files_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_usage, "FILES_AT_ONCE", 3)
    Path("logs").mkdir()
    for number in range(8):
        Path("logs", f"{number}.log").write_text(line(f"app-{number}"))
    groups = list(past_usage._grouped(past_usage._spans(["logs"])))
    assert [len(group) for group in groups] == [3, 3, 2]
    assert len(records("logs")[1]) == 8
    assert past_usage._size(past_usage._Span("none")) == 0


def test_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line("acme").encode())))
    assert [each.client for each in records("-")[1]] == ["acme"]


# ---- what can not be done -------------------------------------------------------------------


def test_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.log").write_text(line("acme"))
    Path("cut.gz").write_bytes(gzip.compress(line("b").encode() * 50)[:-20])
    Path("text").write_text("hello\n")
    Path("logs").mkdir()
    Path("logs", "link").symlink_to("../a.log")
    for named, why in [
        (["a.log", "cut.gz"], "cut.gz: ends before its end"),
        (["a.log", "none"], "none: no such file or directory; records are made of all"),
        (["logs", "a.log"], "link: is a link; records are made of all that is named"),
        (["http://user:hunter2@host/a"], "^http:// is not read"),
        (["text"], "no line of 1 line could be read as a request"),
    ]:
        with pytest.raises(ConfigurationError, match=why):
            records(*named)
        assert not Path("records.jsonl").exists()
    monkeypatch.setattr("headway.scan.readers.opened", _refuses)
    with pytest.raises(ConfigurationError, match=r"a\.log: Permission denied"):
        records("a.log")


def _refuses(path: str) -> None:
    raise PermissionError(13, "Permission denied")


def test_the_new_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.log").write_text(line("acme"))
    options = PastUsage(policy=Path("gateway.toml"), jobs=1)
    with pytest.raises(ConfigurationError, match="is there already"):
        write_usage(["a.log"], Path("a.log"), options)
    with pytest.raises(ConfigurationError, match="no/u: No such file"):
        write_usage(["a.log"], Path("no/u"), options)
    Path("u").symlink_to("away")
    with pytest.raises(ConfigurationError, match="u: File exists"):
        write_usage(["a.log"], Path("u"), options)


def test_a_process_that_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_usage, "RANGE", 1_000)
    monkeypatch.setattr(past_usage, "ProcessPoolExecutor", _Killed)
    Path("a.log").write_text(line("acme") * 50)
    with pytest.raises(ConfigurationError, match="nothing is written"):
        records("a.log", jobs=2)
    assert not Path("records.jsonl").exists()


class _Killed:
    """A pool of which a process is killed."""

    def __init__(self, *told: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *told: object) -> None:
        pass

    def submit(self, *told: object) -> None:
        raise BrokenProcessPool("killed")

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures


def test_in_a_process_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_usage, "_counting", None)
    with pytest.raises(RuntimeError):
        past_usage._count([])
    past_usage._begin(PastUsage(policy=Path("gateway.toml")), bytes(32))
    Path("a.log").write_text(line("acme"))
    counted = past_usage._count([past_usage._Span("a.log")])
    assert [each.client for each in counted.records] == ["acme"]
