"""headway gateway usage, gate, export and import."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.cli.gateway.usage import cell, table
from headway.gateway.usage.record import Record, write_lines
from headway.gateway.usage.store import open_usage
from uses import DAY, NOW, record

AT = ["--at", "2022-02-01T12:00:00Z"]
WATCHED = ["2022-01-30", "2022-01-31", "2022-02-01"]
HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "%0A::stop-commands::", '"x",y']


def written(tmp_path: Path, *records: Record) -> str:
    file = tmp_path / "usage.jsonl"
    file.write_bytes(b"".join(write_lines(records, WATCHED)))
    return str(file)


def test_who_is_left_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(
        tmp_path,
        record("gone", at=NOW - 40 * DAY, count=4),
        record("gone", at=NOW - 3 * DAY),
        record("acme", count=7),
        record("a" * 100, verified=False),
    )
    assert run(["gateway", "usage", "--records", file, *AT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["location", "client", "proof", "30"]
    assert lines[1].split()[:5] == ["jwt", "acme", "verified", "7", "0"]
    assert lines[2].split()[1] == "a" * 59 + "…"
    assert "came back 2022-01-29" in lines[3]
    assert " left " in lines[1]
    assert "2022-01-31  1                 1                8" in lines[-1]


def test_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path)
    assert run(["gateway", "usage", "--records", file, *AT]) == 0
    assert capsys.readouterr().out == "nobody used a location\n"


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, record("acme", count=7), record("b", location="key"))
    run(["gateway", "usage", "--records", file, "--format", "json", "--location", "jwt"])
    told = json.loads(capsys.readouterr().out)
    (client,) = told["clients"]
    assert (client["client"], client["count"], client["outcomes"]) == ("acme", 7, {"pass": 7})
    assert [week["requests"] for week in told["weeks"]] == [7]


def test_hostile_texts_are_no_formulas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T28: what a client calls itself is data in a spreadsheet and in a terminal."""
    file = written(tmp_path, *(record(name, agent=name, sample=name) for name in HOSTILE))
    run(["gateway", "usage", "--records", file, "--format", "csv", *AT])
    out = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["client"].lstrip("'") for row in rows} == set(HOSTILE)
    for row in rows:
        assert not any(
            (value or "").lstrip().startswith(tuple("=+-@\t\r")) for value in row.values()
        )
    assert cell("a\r\n\x1b") == "a" + "\N{REPLACEMENT CHARACTER}" * 3
    assert cell("\t=1").startswith("'")
    assert "\x1b" not in table(["a"], [["\x1b[2J"]])


def test_the_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["gateway", "gate", "--location", "jwt", *AT, "--records"]
    file = written(tmp_path, record("acme", at=NOW - 2 * DAY), record("x", verified=False))
    assert run([*asked, file, "--days", "3"]) == 1
    out = capsys.readouterr().out
    assert "left: acme, 1 request, last at 2022-01-30T00:00:00Z" in out
    assert "not proved who they are: 1 client" in out
    assert "jwt is in use, or nobody knows: 2022-01-30 to 2022-02-01" in out
    assert run([*asked, file, "--days", "2"]) == 0
    assert "jwt can go: 2022-01-31 to 2022-02-01" in capsys.readouterr().out
    assert run([*asked, file, "--days", "2", "--claimed"]) == 1
    capsys.readouterr()
    assert run([*asked, file, "--days", "4"]) == 1
    assert "nobody counted on 1 day, the first of them 2022-01-29" in capsys.readouterr().out
    assert run([*asked, file, "--days", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["open"] is True
    assert run([*asked, str(tmp_path / "none")]) == 2


def test_a_name_that_is_misspelled_is_no_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gateway.toml").write_text(
        'name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    )
    file = written(tmp_path, record("acme", at=NOW - 40 * DAY))
    for command in ("usage", "gate"):
        assert run(["gateway", command, "--location", "jvt", "--records", file, *AT]) == 2
        assert "there is no location 'jvt'; there are jwt" in capsys.readouterr().err
    assert run(["gateway", "usage", "--location", "jwt", "--records", file, *AT]) == 0
    assert " gone " in capsys.readouterr().out


def test_where_nobody_is_verified_all_clients_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    policy = 'name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    file = written(tmp_path, record("x", verified=False))
    asked = ["gateway", "gate", "--location", "jwt", "--days", "2", "--records", file, *AT]
    assert run(asked) == 0
    Path("gateway.toml").write_text(policy)
    assert run(asked) == 1
    assert "left: x" in capsys.readouterr().out
    verify = '[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "k"\n'
    Path("gateway.toml").write_text(policy + verify)
    assert run(asked) == 0


def test_dates_of_csv_are_dates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["gateway", "usage", "--format", "csv", "--records", written(tmp_path, record()), *AT])
        == 0
    )
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["first"], row["last"]) == ("2022-02-01T00:00:00Z",) * 2


def test_export_and_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, copy = str(tmp_path / "data" / "usage.db"), str(tmp_path / "copy" / "usage.db")
    store = open_usage(place)
    store.add([record(count=3), record("b", sample="/a")], batch="1", days=WATCHED)
    store.close()
    file = tmp_path / "out.jsonl"
    assert run(["gateway", "export", str(file), "--store", place]) == 0
    assert capsys.readouterr().out == "2 records\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run(["gateway", "export", str(file), "--store", place]) == 2
    assert "File exists" in capsys.readouterr().err
    for said in ("2 records\n", "the store has this file already\n"):
        assert run(["gateway", "import", str(file), "--store", copy]) == 0
        assert capsys.readouterr().out == said
    old, new = open_usage(place), open_usage(copy)
    assert list(new.records()) == list(old.records())
    assert new.days() == old.days()
    old.close()
    new.close()


def test_a_file_with_a_mistake_adds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"".join(write_lines([record()], WATCHED)) + b"{}\n")
    place = tmp_path / "data" / "usage.db"
    assert run(["gateway", "import", str(file), "--store", str(place)]) == 2
    assert "in.jsonl:3: Object missing required field" in capsys.readouterr().err
    assert not place.exists()
    file.write_bytes(b"".join(write_lines([])))
    assert run(["gateway", "import", str(file), "--store", str(place)]) == 0
    assert capsys.readouterr().out == "there is nothing in it\n"
