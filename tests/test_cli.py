"""The command: its exit code reaches the shell, and a missing extra is one clear line."""

import sys

import pytest

from headway.cli import main


def test_the_exit_code_reaches_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["headway", "token", "qsh", "GET", "//a"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "headway.cli.commands", None)
    monkeypatch.delattr("headway.cli.commands", raising=False)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "headway" in capsys.readouterr().err
