"""``headway scan`` as a group of commands."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest

from headway.cli.commands import run


def test_help_names_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--help"]) == 0
    assert "logs" in capsys.readouterr().out


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "dishes"]) == 2
    assert "dishes" in capsys.readouterr().err


def test_t25_a_core_dump_would_hold_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_: list[Any] = []
    monkeypatch.setattr("resource.setrlimit", lambda what, limits: set_.append((what, limits[0])))
    (tmp_path / "a.log").write_text("nothing")
    assert run(["scan", "logs", str(tmp_path), "--jobs", "1"]) == 0
    assert (resource.RLIMIT_CORE, 0) in set_
