"""All commands: how they fail, and with which exit code."""

from __future__ import annotations

import pytest

from headway.cli import commands
from headway.cli.commands import run
from headway.errors import ConfigurationError


def test_help_and_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "token" in capsys.readouterr().out
    assert run(["nonsense"]) == 2
    assert run(["token", "nonsense"]) == 2


def test_completion_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--show-completion", "bash"]) == 0
    assert "complete" in capsys.readouterr().out


def test_an_error_is_one_redacted_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ConfigurationError(
            "bad: https://x.example/?jwt=eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"
        )

    monkeypatch.setattr(
        commands.typer.main, "get_command", lambda _: type("C", (), {"main": broken})()
    )
    assert run(["up"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("headway: bad")
    assert "eyJ" not in err
