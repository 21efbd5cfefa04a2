"""Which policy the commands of ``headway gateway`` go by."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.cli.gateway.policy import DEFAULT, VARIABLE, named

POLICY = 'name = "{}"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
COMMANDS = [
    ["check"],
    ["explain", "--client", "C", "--at", "2022-02-01", "GET", "https://api.example/rest?jwt=x"],
    ["pause", "jwt", "--who", "ann", "--why", "a bug"],
    ["resume", "jwt"],
    ["config", "nginx", "--upstream", "127.0.0.1:9000"],
    ["plan", "--records", "usage.jsonl"],
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "usage.jsonl").write_text('{"format":"headway-usage","version":1}\n')
    return tmp_path


def test_a_name_an_environment_or_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("gateway", "other", "third"):
        (folder / f"{name}.toml").write_text(POLICY.format(name))
    assert run(["gateway", "check"]) == 0
    monkeypatch.setenv(VARIABLE, "other.toml")
    assert run(["gateway", "check"]) == 0
    assert run(["gateway", "check", "third.toml"]) == 0
    told = [line.split()[1] for line in capsys.readouterr().out.splitlines()[::2]]
    assert told == ["gateway:", "other:", "third:"]


@pytest.mark.parametrize("typed", COMMANDS, ids=lambda typed: typed[0])
def test_every_command_finds_it(
    typed: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gateway", *typed]) == 2
    said = "there is no gateway.toml here; give --policy or set HEADWAY_GATEWAY_POLICY"
    assert said in capsys.readouterr().err
    DEFAULT.write_text(POLICY.format("api"))
    assert run(["gateway", *typed]) == (1 if typed[0] == "resume" else 0)


def test_one_that_was_named_and_is_not_there_is_not_another() -> None:
    assert named(Path("elsewhere.toml")) == Path("elsewhere.toml")
