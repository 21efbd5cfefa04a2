from __future__ import annotations

from typing import Any

from headway.app.check.outcome import Check, Level, Outcome, Report, failed, passed, skipped


async def nothing(_: Any) -> Outcome:
    raise AssertionError("not run here")


def check(name: str, level: Level) -> Check:
    return Check(name, level, "it holds", "RFC 0", nothing)


REPORT = Report(
    "my-app",
    [
        (check("a", Level.MUST), passed("1")),
        (check("b", Level.MUST), failed("2")),
        (check("c", Level.SHOULD), failed("3")),
        (check("d", Level.MUST), skipped("4")),
    ],
)


def test_what_counts() -> None:
    assert [each.id for each, _ in REPORT.failures()] == ["b"]
    assert [each.id for each, _ in REPORT.failures(strict=True)] == ["b", "c"]


def test_plain_data() -> None:
    told: Any = REPORT.to_json()
    assert told["app"] == "my-app"
    assert told["checks"][2] == {
        "id": "c", "level": "should", "says": "it holds", "source": "RFC 0",
        "result": "failed", "saw": "3",
    }  # fmt: skip
