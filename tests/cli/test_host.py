"""``headway host``: the site alone, with the same settings as every other entry."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from headway.cli import host
from headway.cli.commands import app_for, run
from headway.cli.host import standing
from headway.host.options import OPTIONS, environment
from headway.host.options import settings as read
from headway.host.running import Running
from headway.host.settings import Settings
from headway.host.site import Site
from headway.policy import ATLASSIAN_2022, REHEARSAL
from host import small_app


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it has said where it is, SIGTERM comes."""
    say = host.say

    def said(*arguments: Any, **options: Any) -> None:
        say(*arguments, **options)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(host, "say", said)


def parameters(*path: str) -> dict[str, Any]:
    command: Any = typer.main.get_command(app_for())
    for name in path:
        command = command.commands[name]
    return {parameter.name: parameter for parameter in command.params}


@pytest.mark.parametrize("command", [("up",), ("host", "run")], ids=" ".join)
def test_each_command_takes_every_setting(command: tuple[str, ...]) -> None:
    taken = parameters(*command)
    assert set(OPTIONS) <= set(taken)
    for option in OPTIONS.values():
        assert taken[option.name].opts == [option.flag]
        assert taken[option.name].envvar == option.variable


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_what_is_typed_is_what_the_environment_and_code_say(
    option: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One text for each type, given in each way: the settings are the same."""
    texts = {
        bool: "0" if option.default else "1",
        int: "7",
        float: "7",
        str: "text",
        "at": "2022-02-01",
    }
    text = texts.get(option.name, texts.get(option.kind, "/a/path"))
    seen = []
    command = typer.Typer()
    command.command()(host.with_settings(lambda settings: seen.append(settings) or 0))
    flag = f"--no-{option.flag[2:]}" if option.default else option.flag
    typed = [flag] if option.kind is bool else [option.flag, text]
    command(typed, standalone_mode=False)
    monkeypatch.setenv(option.variable, text)
    command([], standalone_mode=False)
    seen += [read({option.name: text}), read(environment(os.environ))]
    assert seen[0] != read({})
    assert [made == seen[0] for made in seen] == [True] * 4


def test_the_site_alone(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    with small_app.running() as running:
        assert run(["host", "run", "--port", "0", "--json", "--app", running.descriptor_url]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["apps"] == ["my-app"]
        assert running.callbacks() == ["installed", "enabled"]


def test_what_it_says(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["host", "run", "--port", "0", "--policy", "rehearsal"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Site        http://localhost:")
    assert "Try: " not in out
    assert REHEARSAL.disclaimer in out
    assert out.endswith("\nstopped\n")


def test_json_says_whose_dates_they_are(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    for policy in (ATLASSIAN_2022, REHEARSAL):
        assert run(["host", "run", "--port", "0", "--policy", policy.name, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["policy"], told["disclaimer"]) == (policy.name, policy.disclaimer)


def test_the_token_of_the_control_api_is_told_once(
    ends: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["host", "run", "--port", "0", "--control", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["control"]["url"] == f"{told['site']}/headway/control"
    assert len(told["control"]["token"]) == 43
    assert run(["host", "run", "--port", "0", "--control"]) == 0
    assert "/headway/control   token " in capsys.readouterr().out
    monkeypatch.setenv("HEADWAY_CONTROL_TOKEN", "a token that was given")
    assert run(["host", "run", "--port", "0", "--control"]) == 0
    out = capsys.readouterr().out
    assert "token the one that was given" in out
    assert "a token that was given" not in out


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--at", "tomorrow"], "headway: --at: A date is written as"),
        (["--address", "0.0.0.0"], "headway: address: 0.0.0.0 is reached by others"),
        (["--port", "70000"], "see headway host run --help"),
    ],
)
def test_what_can_not_be(typed: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["host", "run", *typed]) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert (out, err.count("\n")) == ("", 1)


def test_ctrl_c_before_it_stands_has_its_own_code() -> None:
    async def cancelled() -> int:
        raise asyncio.CancelledError

    assert host.until_stopped(cancelled()) == 130


# ---- installing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "product"), [("", "jira"), ("jira=", "jira"), ("confluence=", "confluence")]
)
def test_an_app_goes_into_the_product_that_is_named(
    prefix: str, product: str, ends: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_app.running() as running:
        wanted = f"{prefix}{running.descriptor_url}"
        assert run(["host", "run", "--port", "0", "--json", "--app", wanted]) == 0
        assert json.loads(capsys.readouterr().out)["apps"] == ["my-app"]
        assert running.last("/installed").json["productType"] == product


def test_a_product_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["host", "run", "--port", "0", "--app", "bitbucket=http://127.0.0.1:9/"]) == 2
    assert "the descriptor's address is no plain http or https one" in capsys.readouterr().err


def test_what_an_app_in_development_needs(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["host", "run", "--port", "0", "--tls-port", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    site, tls, word = told["site"], told["tls"], told["users"]["admin"]
    assert site.startswith("http://localhost:")
    assert tls.startswith("https://localhost:")
    needs = told["development"]
    assert needs["CONNECT_KEYS_CDN_URL"] == f"{site}/install-keys"
    assert needs["NODE_EXTRA_CA_CERTS"].endswith("/authority.pem")
    login = site.replace("://", f"://admin:{word}@")
    assert needs["config.json"] == {"development": {"hosts": [login, f"{login}/wiki"]}}
    assert needs["credentials.json"]["hosts"] == {
        tls: {"product": "jira", "username": "admin", "password": word},
        f"{tls}/": {"product": "confluence", "username": "admin", "password": word},
    }


def test_without_tls_there_is_one_file(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["host", "run", "--port", "0"]) == 0
    out = capsys.readouterr().out
    assert '"hosts": ["http://admin:' in out
    assert "credentials.json" not in out
    assert "WITHOUT TOKENS" not in out


def test_legacy_installs_are_said_loudly(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["host", "run", "--port", "0", "--tls-port", "0", "--unsigned-installs"]) == 0
    out = capsys.readouterr().out
    assert "WITHOUT TOKENS, as before 29 October 2021" in out
    assert '"credentials.json' not in out
    assert 'credentials.json     {"hosts": {"https://localhost:' in out


def test_nobodys_password_is_nowhere() -> None:
    running = Running(Settings())
    admin = running.site.world.people.user("admin")
    assert admin is not None
    running.site.world.people.set_active(admin.account_id, active=False)
    assert host.development(running) == {}
    asyncio.run(running.close())


# ---- the container ----------------------------------------------------------------------------

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "ci"


def test_what_the_container_runs(
    ends: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own command, with a certificate and a folder of this test in the place of its mounts."""
    (line,) = [
        line for line in (EXAMPLES / "Containerfile").read_text().splitlines() if "CMD" in line
    ]
    command = json.loads(line.removeprefix("CMD "))
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=site.test", "-keyout", key, "-out", cert],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    mounts = {
        "/run/tls/cert.pem": str(cert),
        "/run/tls/key.pem": str(key),
        "/run/seed.toml": str(EXAMPLES / "seed.toml"),
        "/data": str(tmp_path / "data"),
        "8443": "0",
        "8444": "0",
    }
    typed = [mounts.get(word, word) for word in command]
    assert typed[0] == "headway"
    assert run([*typed[1:], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["site"].startswith("https://site.test:")
    assert set(told["users"]) == {"operator", "tester"}
    assert "control" not in told
    assert run([*typed[1:], "--control"]) == 2
    assert "control API stays off" in capsys.readouterr().err


def test_what_each_user_is_stands_beside_their_password() -> None:
    site = Site(Settings())
    standings = {name: standing(site, name) for name in site.identity.first_passwords}
    assert standings == {
        "admin": "administers the site",
        "project-admin": "administers the project DEMO",
        "space-admin": "administers the space DEMO",
        "user": "",
        "gone": "deactivated: can not log in",
    }
