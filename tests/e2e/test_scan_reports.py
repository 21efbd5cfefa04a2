"""The scan's reports, read by what nobody here wrote: SARIF's schema, a reader of JUnit, csv.

Every command that scans is asked, of input whose names and contents try to be
something else: commands of a terminal, of a workflow, of a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest

from headway.cli.commands import run
from scan.corpus import secrets_in, tokens
from scan.test_documents import har

SCHEMA = (
    Path(__file__).parent
    / "sarif/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
)
TOKEN = tokens()["T"]
NAMES = (
    "plain", "a\n::error::x", "=cmd|' &C calc'!A0", "+1", "-2", "@SUM(A1)", "\x1b[2J\x1b]0;x\x07",
    "](javascript:x)", "%0A::stop-commands::x", "<b>&\"'", "a,b:c", "\u202egnp", "\u2028", "0\t=1",
)  # fmt: skip
FORMS = ("text", "json", "jsonl", "sarif", "github", "junit", "csv")


def _code(root: Path) -> None:
    text = f"get(f'https://h/?jwt={{token}}&x={TOKEN}') # ::error::\x1b[2J\n"
    _files(root, ".py", text.encode())


def _logs(root: Path) -> None:
    line = (
        f'=1+1 - - [01/Nov/2026:00:00:00 +0000] "GET /a?jwt={TOKEN} HTTP/1.1" 200 1 '
        '"-" "=cmd|\' /C calc\'!A0%0A::stop-commands::x\x1b[2J"\n'
    )
    _files(root, ".log", line.encode())


def _har(root: Path) -> None:
    _files(root, ".har", json.dumps(har()).encode())


def _history(root: Path) -> None:
    for number, name in enumerate(NAMES):
        folder = root / f"{name}{number}"
        folder.mkdir()
        with closing(sqlite3.connect(folder / "History")) as database:
            database.execute('CREATE TABLE "=urls\n::error::" (url)')
            database.execute(
                'INSERT INTO "=urls\n::error::" VALUES (?)', (f"https://h/?jwt={TOKEN}",)
            )
            database.commit()


def _files(root: Path, ending: str, data: bytes) -> None:
    for name in (*NAMES, os.fsdecode(b"n\xff")):
        (root / (name + ending)).write_bytes(data)
    os.mkfifo(root / f"pipe\x1b[2J\n{ending}")
    (root / f"binary{ending}").write_bytes(b"\0" * 10)


def _proxy(root: Path) -> None:
    for name in NAMES:
        (root / f"{name}.conf").write_text(
            "events {}\nhttp {\n"
            "  log_format x '=cmd|A0 $request \x1b[2J ::error:: $http_referer';\n"
            "  server { access_log /var/log/x.log x; }\n}\n"
        )


KINDS: dict[str, Callable[[Path], None]] = {
    "code": _code, "logs": _logs, "har": _har, "trace": _har, "history": _history,
    "proxy": _proxy,
}  # fmt: skip


def _named(command: str) -> list[str]:
    """What *command* is given: this folder, or what is in it."""
    if command not in ("history", "proxy"):
        return ["."]
    return sorted(f"./{each}" for each in Path().iterdir() if not each.name.startswith("fine"))


COMMANDS = pytest.mark.parametrize("command", KINDS)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path / "root")


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str, str], str]:
    """What a command says in a form; no token is in it, and something was found."""

    def written(command: str, form: str) -> str:
        if not any(Path().iterdir()):
            KINDS[command](Path())
        capsys.readouterr()
        assert run(["scan", command, *_named(command), "--format", form]) == 1
        said = capsys.readouterr().out
        assert secrets_in(said.encode("utf-8")) == []
        return said

    return written


@COMMANDS
def test_sarif_is_valid_by_its_schema(command: str, report: Callable[[str, str], str]) -> None:
    if not SCHEMA.exists():
        pytest.skip("the npm packages of tests/e2e/sarif are missing")
    text = report(command, "sarif")
    assert text.replace("\n", "").isprintable()
    document = json.loads(text)
    schema = json.loads(SCHEMA.read_text())
    checker = jsonschema.validators.validator_for(schema)
    checker.check_schema(schema)
    assert [each.message for each in checker(schema).iter_errors(document)] == []
    document["runs"][0]["results"][0]["level"] = "dreadful"
    assert list(checker(schema).iter_errors(document))
    (found,) = document["runs"]
    assert len(found["results"]) >= len(NAMES)
    for result in found["results"]:
        assert found["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert all(part.isprintable() for part in _strings(result))


def _strings(value: Any) -> list[str]:
    """The texts in *value*, without those that are to be put into a file."""
    if isinstance(value, dict):
        return [
            part
            for name, each in value.items()
            if name != "insertedContent"
            for part in _strings(each)
        ]
    if isinstance(value, list):
        return [part for each in value for part in _strings(each)]
    return [value] if isinstance(value, str) else []


@COMMANDS
def test_junit_is_read_by_a_reader_of_it(command: str, report: Callable[[str, str], str]) -> None:
    text = report(command, "junit")
    suites = junitparser.JUnitXml.fromstring(text.encode())
    cases = [case for suite in suites for case in suite]
    failed = [
        case for case in cases if any(isinstance(r, junitparser.Failure) for r in case.result)
    ]
    broken = [case for case in cases if any(isinstance(r, junitparser.Error) for r in case.result)]
    assert len(failed) >= len(NAMES)
    assert len(failed) + len(broken) == len(cases)
    assert all(case.name and case.classname for case in cases)


@COMMANDS
def test_annotations_are_one_command_each_of_ours(
    command: str, report: Callable[[str, str], str]
) -> None:
    lines = report(command, "github").split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert line.startswith(("::error file=", "::warning file=", "::notice file=",
                                "::warning title=not read::"))  # fmt: skip
        properties = line[2:].partition("::")[0].partition(" ")[2]
        names = [each.partition("=")[0] for each in properties.split(",")]
        assert set(names) <= {"file", "line", "endLine", "col", "title"}
        assert len(set(names)) == len(names)
        assert line.isprintable()


@COMMANDS
def test_no_cell_of_csv_is_a_formula(command: str, report: Callable[[str, str], str]) -> None:
    rows = list(csv.reader(io.StringIO(report(command, "csv"))))
    assert len(rows) > len(NAMES)
    for row in rows:
        assert len(row) == len(rows[0])
        assert not [cell for cell in row if cell[:1] in tuple("=+-@\t\r\n")]
        assert all(cell.isprintable() for cell in row)


@COMMANDS
def test_json_says_what_json_lines_say(command: str, report: Callable[[str, str], str]) -> None:
    document = json.loads(report(command, "json"))
    *lines, last = map(json.loads, report(command, "jsonl").splitlines())
    assert document["findings"] == lines
    assert last["summary"]["findings"] == len(lines)


@COMMANDS
def test_a_terminal_gets_nothing_that_it_obeys(
    command: str, report: Callable[[str, str], str]
) -> None:
    assert all(line.isprintable() for line in report(command, "text").split("\n"))


FINE = {
    "code": ("fine.py", "x = 1\n"),
    "logs": ("fine.log", "nothing\n"),
    "har": ("fine.har", '{"log": {"entries": []}}'),
    "trace": ("fine.json", "{}"),
    "history": ("fine/Preferences", "{}"),
    "proxy": (
        "fine.conf",
        "error_log x crit;\nevents {}\nhttp {\n  server { access_log off; }\n}\n",
    ),
}
"""Of each command: a file in which there is nothing to find."""

# ---- exit codes -----------------------------------------------------------------------------


@COMMANDS
@pytest.mark.parametrize("form", FORMS)
def test_exit_codes(command: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, text = FINE[command]
    place = Path(name)
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    place = place.parent if command == "history" else place
    options = ["--format", form]
    assert run(["scan", command, str(place), *options]) == 0
    assert run(["scan", command, "nothing-of-that-name", *options]) == 2
    assert run(["scan", command, str(place), "--format", "painted"]) == 2
    assert run(["scan", command, str(place), *options, "--baseline", "nothing"]) == 2
    assert run(["scan", command, str(place), *options, "--no-such-option"]) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err + told.out
    KINDS[command](Path())
    assert run(["scan", command, *_named(command), *options]) == 1
