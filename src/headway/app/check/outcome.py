"""What a check is, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from headway.app.check.stage import Stage

__all__ = ["Check", "Level", "Outcome", "Report", "Result", "failed", "passed", "skipped"]


class Level(StrEnum):
    """How much a failure weighs: who breaks a *must* can be broken into."""

    MUST = "must"
    SHOULD = "should"


class Result(StrEnum):
    """What came of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Outcome(msgspec.Struct, frozen=True):
    """A result, and what was seen."""

    result: Result
    saw: str


def passed(saw: str) -> Outcome:
    """The app did as it should."""
    return Outcome(Result.PASSED, saw)


def failed(saw: str) -> Outcome:
    """The app did not."""
    return Outcome(Result.FAILED, saw)


def skipped(why: str) -> Outcome:
    """There was nothing to check."""
    return Outcome(Result.SKIPPED, why)


class Check(msgspec.Struct, frozen=True):
    """One question to an app: ``says`` what should be, ``source`` who says so."""

    id: str
    level: Level
    says: str
    source: str
    run: Callable[[Stage], Awaitable[Outcome]]


class Report(msgspec.Struct, frozen=True):
    """Every check with its outcome, in the order in which they ran."""

    app_key: str
    rows: Sequence[tuple[Check, Outcome]]

    def failures(self, *, strict: bool = False) -> list[tuple[Check, Outcome]]:
        """What failed: of the musts, or with *strict* of all."""
        return [
            (check, outcome)
            for check, outcome in self.rows
            if outcome.result is Result.FAILED and (strict or check.level is Level.MUST)
        ]

    def to_json(self) -> dict[str, object]:
        """The report as plain data."""
        return {
            "app": self.app_key,
            "checks": [
                {
                    "id": check.id,
                    "level": check.level.value,
                    "says": check.says,
                    "source": check.source,
                    "result": outcome.result.value,
                    "saw": outcome.saw,
                }
                for check, outcome in self.rows
            ],
        }
