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
