"""All commands: how they fail, and with which exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

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


def test_only_the_group_that_is_named_is_loaded() -> None:
    assert [each.name for each in commands.app_for(["scan", "logs"]).registered_groups] == ["scan"]
    every = commands.app_for(["--help"])
    assert [each.name for each in every.registered_groups] == [*commands.GROUPS]
    assert len(every.registered_commands) == 2


def test_a_site_is_moved_by_commands_of_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def module(name: str) -> SimpleNamespace:
        asked.append(name)
        return SimpleNamespace(app=typer.Typer())

    monkeypatch.setattr(commands, "import_module", module)
    found = {name: commands._group.__wrapped__(name) for name in ("host", "token")}
    assert asked == ["headway.cli.host", "headway.cli.token"]
    assert [each.name for each in found["host"].registered_commands] == ["export", "import"]
    assert found["token"].registered_commands == []


# ---- as a shell runs it ---------------------------------------------------------------------

COMMAND = [sys.executable, "-c", "from headway.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhbi1hcHAifQ.c2lnbmF0dXJlLW9mLTE2LWJ5dGVz"


@pytest.mark.parametrize(
    "typed",
    [
        [TOKEN],
        ["token", TOKEN],
        ["token", "decode", "x", TOKEN],
        ["token", "decode", f"--{TOKEN}"],
        ["token", "sign", "--issuer", "a", "--kind", TOKEN],
        ["token", "verify", "--kind", "lifecycle", "--key-file", TOKEN, TOKEN],
        ["token", "qsh", TOKEN, "/a"],
        ["up", TOKEN],
        ["up", "--port", TOKEN],
        ["up", "--at", TOKEN],
        ["up", "--policy", TOKEN],
        ["up", "--app", f"http://127.0.0.1/{TOKEN}?jwt={TOKEN}", "--port", "x"],
    ],
    ids=str,
)
def test_a_token_in_the_wrong_place_is_not_repeated(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed) in (1, 2)
    out, err = capsys.readouterr()
    assert "eyJ" not in out + err
    assert out == ""
    assert err != ""


def test_a_mistake_is_one_line_that_names_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "decoed"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("headway: No such command 'decoed'")
    assert err.endswith("; see headway token --help\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("typed", [[], ["token"]], ids=["headway", "headway token"])
def test_nothing_typed_shows_the_help(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(typed) == 2
    out, err = capsys.readouterr()
    assert "Usage" in out
    assert err == ""


def test_an_input_that_ends_at_the_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("headway.cli.token._has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", ended)
    monkeypatch.delenv("HEADWAY_SECRET", raising=False)
    assert run(["token", "sign", "--issuer", "a"]) == 2
    assert "the input ended" in capsys.readouterr().err


def test_ctrl_c_has_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("headway.cli.token._token", interrupted)
    assert run(["token", "decode"]) == 130


@pytest.mark.parametrize(("words", "offered"), [("headway ", "token"), ("headway token ", "qsh")])
def test_the_shell_completes(words: str, offered: str) -> None:
    asked = {"_HEADWAY_COMPLETE": "complete_bash", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split()))
    done = subprocess.run(
        COMMAND, env=ENVIRONMENT | asked, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert offered in done.stdout.split()


def test_completion_is_asked_of_run_too(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    for name, value in {"_HEADWAY_COMPLETE": "complete_bash", "COMP_WORDS": "headway u"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run([]) == 0
    assert capsys.readouterr().out.split() == ["up"]


@pytest.mark.parametrize("typed", [["qsh", "GET", "/a"], ["qsh", "--lines"]], ids=str)
def test_nobody_reads_the_answer(typed: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, "token", *typed],
            env=ENVIRONMENT,
            input=b"{}\n" * 10_000,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("typed", [["qsh", "GET", "/a"], ["qsh", "--lines"]], ids=str)
def test_a_full_disk_is_one_line_and_no_finding(typed: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "token", *typed],
            env=ENVIRONMENT,
            input=b'{"method":"GET","path":"/a"}\n' * 10_000,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"headway: not written: no space left on device\n"
