from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.commands import run

FILE = 'name = "api"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\noff = 2022-02-01\n'


def test_pause_and_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gw.toml"
    path.write_text(FILE)
    words = ("--who", "ann", "--why", "a bug")
    assert run(["gateway", "pause", "--policy", str(path), "jwt", *words]) == 0
    assert run(["gateway", "pause", "--policy", str(path), "jwt", *words]) == 1
    told = capsys.readouterr()
    assert told.out == "jwt is paused\n"
    assert "paused already, by ann" in told.err
    assert run(["gateway", "check", str(path)]) == 0
    assert "jwt is paused" in capsys.readouterr().out
    assert run(["gateway", "resume", "--policy", str(path), "jwt"]) == 0
    assert run(["gateway", "resume", "--policy", str(path), "other"]) == 2
    assert run(["gateway", "pause", "--policy", str(path), "jwt", "--who", "ann"]) == 2


def test_a_file_that_is_read_only_prints_the_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gw.toml"
    path.write_text(FILE)
    path.chmod(0o444)
    assert (
        run(["gateway", "pause", "--policy", str(path), "jwt", "--who", "ann", "--why", "a bug"])
        == 1
    )
    told = capsys.readouterr()
    assert "can not be written here" in told.err
    assert "[location.paused]\n" in told.out
    assert 'who = "ann"\nwhy = "a bug"\n' in told.out
    assert path.read_text() == FILE
