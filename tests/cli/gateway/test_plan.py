"""headway gateway plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.gateway.usage.record import write_lines
from uses import DAY, NOW, record

AT = ["--at", "2022-02-01"]
POLICY = """\
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
off = {off}
[[location.brownout]]
start = 2022-02-10T06:00:00Z
end = 2022-02-10T18:00:00Z
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "a.toml").write_text(POLICY.format(off="2022-03-01"))
    (tmp_path / "b.toml").write_text('name = "b"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]')
    records = [
        record(
            f"c{number}",
            at=NOW - day * DAY,
            count=24,
            hours=(1,) * 24,
            verified=number > 0,
            from_browser=6 * (number == 3),
        )
        for number in range(5)
        for day in range(1, 29)
    ]
    (tmp_path / "u.jsonl").write_bytes(b"".join(write_lines(records)))
    return [str(tmp_path / name) for name in ("a.toml", "b.toml", "u.jsonl")]


def test_each_window_says_who_how_many_and_what_share(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    policy, _, records = files
    assert run(["gateway", "plan", "--policy", policy, "--records", records, *AT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:7] == [
        *("jwt", "brownout", "2022-02-10T06:00:00Z", "2022-02-10T18:00:00Z"),
        *("4", "1", "60"),
    ]
    assert lines[2].endswith("100.0%  1         c0, c1, c2 and 2 more")
    assert "for ever (first week)" in lines[3]


def test_two_policies(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    policy, other, records = files
    told = ["gateway", "plan", "--policy", policy, "--records", records, "--against", other, *AT]
    assert run(told) == 0
    out = capsys.readouterr().out
    assert "no window is to come" in out
    assert f"only {policy} breaks: c0, c1, c2, c3, c4" in out
    assert f"only {other} breaks: nobody" in out
    assert run([*told, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [window["requests"] for window in answer["plans"][policy]] == [60, 840]
    assert answer["alone"][other] == []


def test_the_day_with_fewer(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    policy, _, records = files
    verify = '[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "k"\n'
    Path(policy).write_text(POLICY.format(off="2022-03-01") + verify)
    told = [
        "gateway",
        "plan",
        "--policy",
        policy,
        "--records",
        records,
        *AT,
        "--location",
        "jwt",
        "--fewer",
    ]
    assert run([*told, "5"]) == 0
    assert "jwt: 4 clients in the last week, fewer than 5 already" in capsys.readouterr().out
    run([*told, "3"])
    assert "nothing shows when there will be fewer than 3" in capsys.readouterr().out
    run([*told, "5", "--claimed"])
    assert "5 clients in the last week; nothing shows" in capsys.readouterr().out
    Path(policy).write_text(POLICY.format(off="2022-03-01"))  # verifies nobody: all count
    run([*told, "5"])
    assert "5 clients in the last week; nothing shows" in capsys.readouterr().out


def test_figures_that_say_nothing_are_doubted(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["gateway", "plan", "--policy", files[0], *AT]
    assert run([*told, "--records", files[2]]) == 0
    assert "somebody counted" not in capsys.readouterr().out
    few = tmp_path / "few.jsonl"
    few.write_bytes(b"".join(write_lines([record("a", at=NOW - DAY)], ["2022-01-30"])))
    run([*told, "--records", str(few)])
    assert "jwt: somebody counted on 2 of the 28 days before" in capsys.readouterr().out
    few.write_bytes(b"".join(write_lines([record("a", at=NOW - DAY, location="other")])))
    run([*told, "--records", str(few)])
    assert "jwt: no request was counted on the 28 days before" in capsys.readouterr().out
    run([*told, "--records", str(few), "--json"])
    assert len(json.loads(capsys.readouterr().out)["doubts"]) == 2


def test_a_day_by_the_trend(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaving = [
        record(f"c{n}", at=NOW - (7 * week + 1) * DAY)
        for week in range(8)
        for n in range(4 << week)
    ]
    file = tmp_path / "leaving.jsonl"
    file.write_bytes(b"".join(write_lines(leaving)))
    run(["gateway", "plan", "--policy", files[0], "--records", str(file), *AT, "--fewer", "2"])
    assert "at this rate fewer than 2 from 2022-02-11" in capsys.readouterr().out


def test_a_location_that_there_is_not(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["gateway", "plan", "--policy", files[0], "--records", files[2], "--location", "x"])
        == 2
    )
    assert "there is no location 'x'" in capsys.readouterr().err
