"""The command: its exit code reaches the shell, and a missing extra is one clear line."""

import errno
import sys
from pathlib import Path

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


def ended(monkeypatch: pytest.MonkeyPatch, out: Path, failure: OSError) -> object:
    """With which code a command ends that can not write; nothing more reaches *out*."""

    def run(_: object) -> int:
        raise failure

    monkeypatch.setattr("headway.cli.commands.run", run)
    with out.open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with pytest.raises(SystemExit) as left:
            main()
        file.write("what is left")
    assert out.read_text() == ""
    return left.value.code


def test_a_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "a.csv")
    assert ended(monkeypatch, tmp_path / "out", full) == 2
    assert capsys.readouterr().err == "headway: a.csv: not written: no space left on device\n"
    assert ended(monkeypatch, tmp_path / "out", OSError(errno.EIO, "Input/output error")) == 2
    assert capsys.readouterr().err == "headway: not written: input/output error\n"


def test_a_reader_that_has_enough_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert ended(monkeypatch, tmp_path / "out", BrokenPipeError()) == 1
    assert capsys.readouterr().err == ""


def test_another_error_is_not_taken_for_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("headway.cli.commands.run", run)
    with pytest.raises(PermissionError):
        main()
