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


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("redis", "redis"),
        ("psycopg", "postgresql"),
        ("sqlalchemy.orm", "app,cli"),
        ("jinja2", "host"),
    ],
)
def test_the_extra_is_the_one_that_brings_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str, extra: str
) -> None:
    def run(_: object) -> int:
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr("headway.cli.commands.run", run)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert f"needs {module}; install" in (said := capsys.readouterr().err)
    assert f"pip install '.[{extra}]'" in said
