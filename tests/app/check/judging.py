"""Run every check of a module on an app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from app.check.apps import Played
from headway.app.check.outcome import Check, Outcome
from headway.app.check.played import PlayedSite
from headway.app.check.stage import outcome_of


def outcomes(
    checks: Sequence[Check], app: Any, site: PlayedSite, *, call: str | None = "/me",
    first: Callable[[Any], Any] | None = None,
) -> dict[str, Outcome]:  # fmt: skip
    async def run() -> dict[str, Outcome]:
        async with Played(app, site, call=call) as stage:
            if first is not None:
                await first(stage)
            return {check.id: await outcome_of(check, stage) for check in checks}

    return asyncio.run(run())


def by_result(found: dict[str, Outcome], result: str) -> set[str]:
    return {name for name, outcome in found.items() if outcome.result.value == result}
