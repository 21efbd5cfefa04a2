from __future__ import annotations

import json
from typing import Any

import pytest

from headway.app.check.outcome import Check, Level, Outcome, Report, failed, passed, skipped
from headway.cli.commands import run
from headway.model import Product

ASKED = "headway.app.check.check_app"


async def nothing(_: Any) -> Outcome:
    raise AssertionError("not run here")


def report(*levels: Level) -> Report:
    rows = [(Check("good", Level.MUST, "it holds", "RFC 1", nothing), passed("yes"))]
    rows += [(Check("gone", Level.MUST, "it holds", "RFC 2", nothing), skipped("no [red]page"))]
    rows += [
        (Check(f"bad-{level}", level, "it does not hold", "RFC 3", nothing), failed("status 204"))
        for level in levels
    ]
    return Report("my-app", rows)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    said: dict[str, Any] = {"report": report()}

    def check_app(url: str, **options: Any) -> Report:
        said.update(options, url=url)
        found: Report = said["report"]
        return found

    monkeypatch.setattr(ASKED, check_app)
    return said


@pytest.mark.parametrize(
    ("levels", "flags", "code"),
    [
        ((), [], 0),
        ((Level.SHOULD,), [], 0),
        ((Level.SHOULD,), ["--strict"], 1),
        ((Level.MUST,), [], 1),
    ],
)
def test_the_exit_code_says_what_counts(
    asked: dict[str, Any], levels: tuple[Level, ...], flags: list[str], code: int
) -> None:
    asked["report"] = report(*levels)
    assert run(["app", "check", "http://x", *flags]) == code


def test_the_table(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    asked["report"] = report(Level.MUST)
    run(["app", "check", "http://x"])
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["good", "must", "passed", "yes"] in lines
    assert ["gone", "must", "skipped", "no", "[red]page"] in lines
    assert "bad-must: it does not hold\n  seen: status 204\n  source: RFC 3\n" in out
    assert out.endswith("my-app: 1 failed\n")


def test_json(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    run(["app", "check", "http://x", "--json"])
    assert json.loads(capsys.readouterr().out) == report().to_json()


def test_what_is_asked(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    run(
        ["app", "check", "http://x", "--port", "0", "--product", "confluence", "--call", "/me",
         "--wait", "1", "--", "node", "app.js", "--flag"]
    )  # fmt: skip
    del asked["report"]
    asked.pop("told")("waiting for it")
    assert capsys.readouterr().err == "headway: waiting for it\n"
    assert asked == {
        "url": "http://x", "command": ["node", "app.js", "--flag"], "port": 0,
        "product": Product.CONFLUENCE, "call": "/me", "wait": 1.0,
    }  # fmt: skip


def test_what_can_not_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["app", "check", "http://127.0.0.1:9", "--port", "0", "--wait", "0"]) == 2
    assert capsys.readouterr().err == (
        "headway: http://127.0.0.1:9/atlassian-connect.json: nothing listens there; "
        "start the app, or check the port\n"
    )
    assert run(["app", "check", "https://app.example", "--port", "0"]) == 2
    assert "only to an app on this machine" in capsys.readouterr().err
    assert run(["app", "check", "nonsense", "--port", "0"]) == 2
    assert run(["app", "check", "http://x", "--product", "trello"]) == 2
