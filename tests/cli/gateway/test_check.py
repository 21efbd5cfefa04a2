from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.commands import run

FILE = """\
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
announced = 2021-09-01
off = 2999-02-01
[[route]]
path = "/embed/*"
reason = "frames\\u001b[2J"
[[client]]
client = "ahead"
phase = "off"
reason = "asked for it"
"""


def test_a_good_file_says_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gw.toml").write_text(FILE)
    assert run(["gateway", "check", str(tmp_path / "gw.toml")]) == 0
    out = capsys.readouterr().out
    assert "line 2: location jwt: jwt is announced; next change at 2999-02-01T00:00:00Z" in out
    assert "line 7: route /embed/*: open, because frames" in out
    assert "line 10: client ahead: off, asked for it" in out
    assert "\x1b" not in out
    assert run(["gateway", "check", "--quiet", str(tmp_path / "gw.toml")]) == 0
    assert capsys.readouterr().out == ""


def test_what_a_gateway_does_itself_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = (
        '[usage]\nstore = "u.db"\nkeep_days = 90\nown_path = "/usage"\n'
        '[metadata]\nresource = "https://api.example/v2"\n'
        '[tickets]\nstore = "t.db"\n'
        '[[location]]\nname = "key"\nparameters = ["key"]\n[location.verify]\n'
        'by = "connect"\nstore = "s.db"\nclient_key = "k"\n'
    )
    (tmp_path / "gw.toml").write_text(FILE + more)
    assert run(["gateway", "check", str(tmp_path / "gw.toml")]) == 0
    out = capsys.readouterr().out
    assert "clients proved by none and connect" in out
    assert "    line 25: clients proved by connect" in out
    assert "uses are counted in u.db, and kept for 90 days" in out
    assert "a client reads its own record at /usage" in out
    assert "tickets at /headway/ticket, for 30 s, kept in t.db" in out
    assert "of https://api.example/v2 at /.well-known/oauth-protected-resource/v2\n" in out
    (tmp_path / "gw.toml").write_text('mode = "observe"\n' + FILE + more)
    run(["gateway", "check", str(tmp_path / "gw.toml")])
    assert "/v2, but not while it observes" in capsys.readouterr().out


SCHEDULE = """\
name = "api"
rehearsal = "2d"
[[location]]
name = "jwt"
parameters = ["jwt"]
announced = 2021-09-01
warned = 2021-11-01
off = 2022-02-01
salt = "s"
[[location.brownout]]
first = 2022-01-06T22:00:00Z
every = "1w"
lasts = ["12h", "24h"]
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "9-17"
share = 0.125
[[location.extension]]
client = "slow"
until = 2022-03-01
owner = "ann"
reason = "their release"
[location.paused]
since = 2022-01-10
who = "bob"
why = "a bug"
"""


def test_a_rule_is_printed_as_the_windows_that_come_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gw.toml").write_text(SCHEDULE)
    assert run(["gateway", "check", str(tmp_path / "gw.toml")]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "line 2: rehearsal: all happens 2 days before the dates say",
        "line 3: location jwt: jwt is paused; nothing is to come",
        "    line 6: announced 2021-09-01T00:00:00Z",
        "    line 7: warned 2021-11-01T00:00:00Z",
        "    line 8: off 2022-02-01T00:00:00Z",
        "    line 10: brownout 2022-01-07T09:00:00Z to 2022-01-07T10:00:00Z, 12.5% of the clients",
        "    line 10: brownout 2022-01-14T09:00:00Z to 2022-01-14T17:00:00Z, 12.5% of the clients",
        "    line 17: extension of slow until 2022-03-01T00:00:00Z: warned, ann, their release",
        "    line 22: paused since 2022-01-10T00:00:00Z by bob: a bug",
    ]


def test_nothing_to_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gw.toml").write_text(FILE.replace("2999", "2022"))
    run(["gateway", "check", str(tmp_path / "gw.toml")])
    assert "jwt is off; nothing is to come" in capsys.readouterr().out


def test_a_bad_file_names_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gw.toml"
    path.write_text(FILE.replace("2999-02-01", '"soon"'))
    assert run(["gateway", "check", str(path)]) == 2
    assert f"{path}:6: location[0].off: is no date" in capsys.readouterr().err
    assert run(["gateway", "check", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: No such file" in capsys.readouterr().err
