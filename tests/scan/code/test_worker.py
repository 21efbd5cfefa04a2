"""What a worker answers, and the limits that it gives itself."""

from __future__ import annotations

import io
import resource
import signal
import subprocess
import sys

import msgspec
import pytest

from headway.scan.code import worker
from headway.scan.code.worker import (
    EMPTY,
    Answer,
    Hello,
    Spot,
    Task,
    Worker,
    digest_of,
    frame,
    limit,
    read_frame,
    serve,
)
from headway.scan.findings import Confidence, Severity

KEY = bytes(32)
SENDS = b'import requests\nrequests.get(base + "/rest/api/3/myself?jwt=" + token)\n'


def look(source: bytes, *, key: str = "a.py", language: str = "python", **more: object) -> Answer:
    """The answer to a task that wants findings."""
    project = more.pop("project", {})
    task = Task(1, language, source, key.encode(), key.encode(), project, **more)  # type: ignore[arg-type]
    return Worker(KEY).answer(task)


def test_a_finding() -> None:
    (told,) = look(SENDS).told
    finding = told.finding
    assert (finding.rule, finding.severity) == ("sends-token-in-url", Severity.HIGH)
    assert (finding.place.line, finding.place.path, told.comment) == (2, "", 0)
    assert finding.sample.startswith('requests.get(base + "/rest/api/3/myself?jwt=')
    assert finding.confidence is Confidence.HIGH


@pytest.mark.parametrize(
    ("key", "source", "confidence"),
    [
        ("tests/a.py", SENDS, Confidence.LOW),
        ("a.spec.js", SENDS, Confidence.LOW),
        ("a.py", b'get("https://h/?token=" + t)', Confidence.MEDIUM),
    ],
)
def test_how_sure_it_is(key: str, source: bytes, confidence: Confidence) -> None:
    (told,) = look(source, key=key).told
    assert told.finding.confidence is confidence


@pytest.mark.parametrize(
    ("source", "comment"),
    [
        (b'get("?jwt=" + t)  # headway: ignore', 1),
        (b'get("?jwt=" + t)  # headway: ignore[sends-token-in-url]', 1),
        (b'get("?jwt=" + t)  # headway: ignore[logs-token-in-url]', 0),
        (b'# headway: ignore[sends-token-in-url, other]\nget("?jwt=" + t)', 1),
        (b'x = "headway: ignore"\nget("?jwt=" + t)', 0),
        (b'get("?jwt=" + t)', 0),
    ],
)
def test_the_comment_that_lets_a_finding_pass(source: bytes, comment: int) -> None:
    assert [told.comment for told in look(source).told] == [comment]


def test_constants_and_imports_are_asked_for_before() -> None:
    answer = Worker(KEY).answer(Task(7, "python", b'from a.b import c\nPARAM = "jwt"\n'))
    assert answer.number == 7
    assert answer.constants["PARAM"] == "jwt"
    assert {"a/b", "b/c"} <= set(answer.stems)
    assert Worker(KEY).answer(Task(7, "python", b"x = 1")).constants == {}


def test_a_constant_of_another_file() -> None:
    source = b"from names import PARAM\nget(url, params={PARAM: t})"
    project = {"names.py": {"PARAM": "jwt"}}
    answer = look(source, project=project)
    assert [told.finding.place.line for told in answer.told] == [2]
    assert answer.imported == digest_of({"PARAM": "jwt"}) != EMPTY
    assert look(source).told == ()


def test_what_is_known_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(SENDS)
    assert before.spots == (Spot("sends-token-in-url", 2, 21, 2, 46, "jwt", to_host=True),)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(worker, "look", never)
    assert look(SENDS, known={EMPTY: before.spots}).told == before.told
    assert look(b"x", known={EMPTY: before.spots}).told[0].finding.sample == ""


def test_a_name_that_is_none_of_the_table_is_not_to_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = worker.look
    monkeypatch.setattr(worker, "look", lambda *a: [s._replace(name="eyJ") for s in real(*a)])
    assert look(SENDS).spots is None


@pytest.mark.parametrize(
    ("error", "why"),
    [(RecursionError, "is nested too deeply"), (MemoryError, "takes too much memory")],
)
def test_what_a_parser_raises_is_told(
    error: type[Exception], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(worker, "look", fails)
    assert look(SENDS).why == why


def test_brackets_without_end() -> None:
    assert look(b"[" * 5_000 + b"jwt" + b"]" * 5_000, language="javascript").why == (
        "is nested too deeply"
    )


# ---- the process ----------------------------------------------------------------------------


def test_messages_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[object] = []
    monkeypatch.setattr(resource, "setrlimit", lambda *given: limits.append(given))
    monkeypatch.setattr(signal, "setitimer", lambda *given: limits.append(given))
    given = io.BytesIO(
        frame(Hello(KEY, 1 << 30, 5.0)) + frame([Task(3, "python", SENDS, project={})])
    )
    out = io.BytesIO()
    serve(given, out)
    out.seek(0)
    assert read_frame(out) == msgspec.msgpack.encode(True)
    (answer,) = msgspec.msgpack.decode(read_frame(out) or b"", type=list[Answer])
    assert (answer.number, len(answer.told)) == (3, 1)
    assert read_frame(out) is None
    assert (signal.ITIMER_PROF, 5.0) in limits
    assert any(what == resource.RLIMIT_AS for what, _ in limits)  # type: ignore[misc]


def test_no_message_at_all() -> None:
    serve(io.BytesIO(), out := io.BytesIO())
    assert out.getvalue() == b""
    assert read_frame(io.BytesIO(b"\0\0\0\7abc")) is None


def test_a_system_that_limits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuses)
    monkeypatch.setattr(resource, "getrlimit", lambda what: (10, 10))
    limit(Hello(KEY))


def test_a_process_writes_no_file_and_takes_no_more_than_its_share() -> None:
    hello = frame(Hello(KEY, 1 << 30, 5.0))
    program = (
        "import sys, resource; from headway.scan.code.worker import serve\n"
        "serve(sys.stdin.buffer, sys.stdout.buffer)\n"
        "sys.stderr.write(f'{resource.getrlimit(resource.RLIMIT_AS)} "
        "{resource.getrlimit(resource.RLIMIT_FSIZE)} {resource.getrlimit(resource.RLIMIT_CORE)}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=hello, capture_output=True, check=True, timeout=60
    )
    assert done.stderr == b"(1073741824, 1073741824) (0, 0) (0, 0)"
