"""Processes that parse: real ones, and what becomes of those that end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.scan.code import pool
from headway.scan.code.pool import Here, Pool, WorkersFailed
from headway.scan.code.worker import Answer, Hello, Task

KEY = bytes(32)
SENDS = b'get(base + "?jwt=" + token)'


def tasks(*sources: bytes, language: str = "python") -> list[Task]:
    """A task for each of *sources*."""
    return [Task(n, language, source, project={}) for n, source in enumerate(sources)]


def answered(given: list[Task], jobs: int = 2, hello: Hello | None = None) -> dict[int, Answer]:
    """The answers of *jobs* processes, by the numbers of the tasks."""
    with Pool(jobs, hello or Hello(KEY)) as workers:
        return {answer.number: answer for answer in workers.answers(given)}


def test_as_many_answers_as_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "BUNDLE_TASKS", 7)
    given = tasks(*[SENDS, b"x = 1"] * 50)
    found = answered(given)
    assert {number: len(answer.told) for number, answer in found.items()} == {
        number: 1 - number % 2 for number in range(100)
    }
    assert found == {answer.number: answer for answer in Here(KEY).answers(given)}


def test_no_task_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pool(1, Hello(KEY)) as workers:
        assert list(workers.answers([])) == []
        assert list(workers.answers(tasks(SENDS)))
        assert list(workers.answers(tasks(SENDS)))  # by the same one


@pytest.fixture
def _ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Workers that end as the text that they are given says."""
    program = tmp_path / "ending.py"
    program.write_text(
        "import os, sys, time\n"
        "from headway.scan.code import worker\n"
        "def look(source, *_):\n"
        "    for word, end in (\n"
        "        ('abort', lambda: os.abort()), ('leave', lambda: os._exit(3)),\n"
        "        ('sleep', lambda: time.sleep(600)), ('spin', spin),\n"
        "        ('grow', lambda: 'x' * 2**40),\n"
        "    ):\n"
        "        if f'jwt {word}' in source:\n"
        "            end()\n"
        "    return []\n"
        "def spin():\n"
        "    while True:\n"
        "        pass\n"
        "worker.look = look\n"
        "worker.serve(sys.stdin.buffer, sys.stdout.buffer)\n"
    )
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, str(program)))


@pytest.mark.usefixtures("_ends")
@pytest.mark.parametrize(
    ("word", "why"),
    [
        (b"abort", "takes too much memory"),
        (b"leave", "ends the parser"),
        (b"spin", "takes too long to be read"),
        (b"grow", "takes too much memory"),
    ],
)
def test_one_text_that_ends_a_worker_costs_no_other(word: bytes, why: str) -> None:
    found = answered(
        tasks(b"jwt", b"jwt " + word, b"jwt", b"jwt"), jobs=1, hello=Hello(KEY, 1 << 30, 1.0)
    )
    assert [found[n].why for n in range(4)] == ["", why, "", ""]


@pytest.mark.usefixtures("_ends")
def test_a_worker_that_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 1.0)
    found = answered(tasks(b"jwt sleep", b"jwt"))
    assert [found[n].why for n in range(2)] == ["takes too long to be read", ""]


@pytest.mark.usefixtures("_ends")
def test_a_worker_that_is_ended_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pool(1, Hello(KEY)) as workers:
        list(workers.answers(tasks(b"jwt")))
        (process,) = workers._workers
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait(timeout=60)
        found = {a.number: a.why for a in workers.answers(tasks(b"jwt", b"jwt"))}
        assert found == {0: "", 1: ""}


@pytest.mark.parametrize("program", ["import sys; sys.exit(4)", "import nothing_of_that_name"])
def test_a_process_that_does_not_start(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", program))
    with pytest.raises(WorkersFailed, match="could not be started"):
        answered(tasks(SENDS))


def test_the_folder_that_is_scanned_brings_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T8: a checkout with modules named as ours, and as the standard library's."""
    for name in ("headway.py", "msgspec.py", "resource.py", "re.py", "sitecustomize.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    assert len(answered(tasks(SENDS))[0].told) == 1
    assert not (tmp_path / "marker").exists()


def test_where_modules_are_looked_for_is_no_matter_of_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "own", "/somewhere"]))
    assert pool._environment()["PYTHONPATH"] == f"{tmp_path}/own{os.pathsep}/somewhere"


def test_nothing_is_left_when_reading_tasks_fails() -> None:
    def broken() -> Iterator[Task]:
        yield from tasks(*[b"x" * pool.BUNDLE_BYTES] * 2)
        raise KeyError

    with Pool(2, Hello(KEY)) as workers:
        with pytest.raises(KeyError):
            list(workers.answers(broken()))
        pids = [each._process.pid for each in workers._workers]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_large_message_comes_in_parts() -> None:
    many = b"\n".join([SENDS] * 5_000)
    answer = answered(tasks(many))[0]
    assert (answer.why, len(answer.told)) == ("", 5_000)
