"""``headway scan`` as a group of commands."""

from __future__ import annotations

import pytest

from headway.cli.commands import run


def test_help_names_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "--help"]) == 0
    assert "logs" in capsys.readouterr().out


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "dishes"]) == 2
    assert "dishes" in capsys.readouterr().err
