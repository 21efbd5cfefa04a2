from __future__ import annotations

import asyncio

from app.check.apps import Leaky, Played, played
from headway.app.check.actor import CannotCheck, Seen
from headway.app.check.outcome import Check, Level, Outcome, Result, passed
from headway.app.check.stage import Stage, judged, outcome_of, refused


def test_an_app_must_refuse_and_not_fall_over() -> None:
    results = {
        status: judged(Seen(status, [], b"", None)).result for status in (204, 401, 302, 500, 503)
    }
    assert results == {
        204: Result.FAILED,
        401: Result.PASSED,
        302: Result.PASSED,
        500: Result.FAILED,
        503: Result.PASSED,
    }
    assert judged(Seen(500, [], b"", None), why=" for x").saw == "fell over, status 500 for x"


def test_a_message_is_changed_and_sent() -> None:
    async def run() -> tuple[Result, Result]:
        app = Leaky()
        async with Played(app, played()) as stage:
            ask = refused(
                lambda stage: stage.actor.opening(stage.tenant),
                lambda message, stage: message.but(path="/closed"),
            )
            assert isinstance(stage, Stage)
            open_ = (await ask(stage)).result
            app.closed = {"/closed"}
            return open_, (await ask(stage)).result

    assert asyncio.run(run()) == (Result.FAILED, Result.PASSED)


def test_an_app_that_gives_no_answer_has_failed_the_check() -> None:
    async def answers(stage: Stage) -> Outcome:
        return passed("yes")

    async def silent(stage: Stage) -> Outcome:
        raise CannotCheck("GET /page: the app gave no answer (ReadTimeout)")

    async def run() -> list[Outcome]:
        async with Played(Leaky(), played()) as stage:
            checks = [Check(f.__name__, Level.MUST, "", "", f) for f in (answers, silent)]
            return [await outcome_of(check, stage) for check in checks]

    first, second = asyncio.run(run())
    assert first == passed("yes")
    assert (second.result, second.saw.endswith("(ReadTimeout)")) == (Result.FAILED, True)
