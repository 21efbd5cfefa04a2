"""The outbox: apps that answer, fail, are silent, or are not there; loops that end; a kill."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest

from headway.host.events.deliveries import Lane, Message
from headway.host.events.outbox import RETRIED, SAID_MAX
from host.small_app import SmallApp, running
from host.small_stage import Stage

HOOK = {"event": "jira:issue_updated", "url": "/hook"}


def heard(app: SmallApp) -> list[str]:
    return [got.json["issue"]["fields"]["summary"] for got in app.got]


def test_what_happened_is_delivered_once_a_loop_runs(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    stage.edit("One")
    stage.edit("Two")
    assert stage.told() == [("pending", []), ("pending", [])]
    assert app.got == []
    stage.settle()
    assert heard(app) == ["One", "Two"]
    assert stage.told() == [("delivered", [204]), ("delivered", [204])]


def test_a_change_inside_a_loop_waits_for_nobody(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)

    async def edit() -> None:
        stage.edit("One")
        assert app.got == []
        await stage.site.settled()

    asyncio.run(edit())
    assert heard(app) == ["One"]


def test_a_loop_that_nobody_waits_for_delivers_too(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)

    async def edit() -> None:
        stage.edit("One")
        while stage.told() != [("delivered", [204])]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    asyncio.run(edit())
    assert heard(app) == ["One"]


@pytest.mark.parametrize("status", [*sorted(RETRIED), 500, 503])
def test_what_an_app_did_not_take_is_tried_again(stage: Stage, app: SmallApp, status: int) -> None:
    stage.listen(app, HOOK)
    app.status["hook"] = status
    stage.edit()
    stage.settle()
    assert stage.told() == [("pending", [status])]
    stage.later(359)
    assert len(app.got) == 1
    del app.status["hook"]
    stage.later(2)
    assert stage.told() == [("delivered", [status, 204])]
    first, second = app.got
    name = "x-atlassian-webhook-identifier"
    assert first.headers[name] == second.headers[name]
    assert "x-atlassian-webhook-retry" not in first.headers
    assert second.headers["x-atlassian-webhook-retry"] == "1"
    assert second.body == first.body


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410])
def test_what_an_app_refused_is_not(stage: Stage, app: SmallApp, status: int) -> None:
    stage.listen(app, HOOK)
    app.status["hook"], app.headers["Location"] = status, f"{app.url}/elsewhere"
    stage.edit()
    stage.settle()
    stage.later(86_400)
    assert stage.told() == [("failed", [status])]
    assert [got.target for got in app.got] == ["/hook"]  # a redirect is not followed


def test_after_the_last_retry_it_has_failed(app: SmallApp) -> None:
    stage = Stage(webhook_retries=2)
    stage.listen(app, HOOK)
    app.status["hook"] = 500
    stage.edit()
    stage.settle()
    for seconds in (361, 361, 3600):
        stage.later(seconds)
    assert stage.told() == [("failed", [500, 500, 500])]
    retries = [got.headers.get("x-atlassian-webhook-retry") for got in app.got]
    assert retries == [None, "1", "2"]
    asyncio.run(stage.site.close())


def test_each_try_is_signed_anew_by_the_real_clock(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    app.status["hook"] = 503
    stage.site.clock.set(1_600_000_000.0)
    stage.edit()
    stage.settle()
    stage.site.clock._real = lambda: time.time() + 5
    stage.later(361)
    first, second = (got.token for got in app.got)
    assert first != second
    (crossing, _) = [c for c in stage.site.traffic.all() if c.direction == "host->app event"]
    assert abs(crossing.claims["iat"] - time.time()) < 60
    text = repr(stage.site.outbox.deliveries.newest())
    assert first not in text
    assert second not in text


def test_an_app_that_is_not_there_is_tried_again(stage: Stage) -> None:
    with running() as app:
        stage.listen(app, HOOK)
        port = int(app.url.rpartition(":")[2])
    stage.edit()
    stage.settle()
    ((_, tries),) = stage.site.outbox.deliveries.newest()
    assert [made.status for made in tries] == [None]
    assert "can not be reached" in tries[0].said
    with socket.create_server(("127.0.0.1", port)):
        pass
    stage.later(361)
    assert stage.told() == [("pending", [None, None])]


def test_one_slow_app_does_not_delay_the_others(app: SmallApp) -> None:
    stage = Stage(callback_seconds=0.4, webhook_retries=0)
    with running() as silent:
        silent.silent.add("hook")
        stage.listen(silent, HOOK, key="a-silent-app")
        stage.listen(app, HOOK)

        async def edit() -> float:
            for summary in ("One", "Two"):
                stage.edit(summary)
            start = time.monotonic()
            while len(app.got) < 2:  # noqa: ASYNC110 - the app is a thread
                await asyncio.sleep(0.005)
            took = time.monotonic() - start
            await stage.site.settled()
            return took

        assert asyncio.run(edit()) < 0.4
    failed = [tries for state, tries in stage.told() if state == "failed"]
    assert failed == [[None], [None]]
    asyncio.run(stage.site.close())


def test_what_an_app_says_is_shown_bounded_and_without_tokens(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    app.status["hook"] = 400
    app.body = b'{"token": "hunter2hunter2"} <b>no</b> ' + b"x" * 1000
    stage.edit()
    stage.settle()
    ((_, (made,)),) = stage.site.outbox.deliveries.newest()
    assert made.said.startswith('{"token": "REDACTED"} <b>no</b> xxx')
    assert len(made.said) == SAID_MAX


def test_an_app_that_is_gone_is_not_told(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    stage.edit()
    stage.site.jira.apps.remove("my-app")
    stage.settle()
    assert stage.told() == [("failed", [None])]
    assert app.got == []


def test_an_address_that_breaks_is_not_tried_again(stage: Stage, app: SmallApp) -> None:
    made = stage.listen(app, HOOK)
    lane = Lane("jira", made.key)
    stage.site.outbox.add([Message(lane, "webhook", "e", f"{app.url}//x")], b"")
    stage.settle()
    ((_, (tried,)),) = stage.site.outbox.deliveries.newest()
    assert tried.said == "not sent: the path is not in its normal form"
    assert stage.told() == [("failed", [None])]
    stage.site.outbox.add([], b"nobody is told")
    assert len(stage.told()) == 1


def test_it_is_sent_again_when_somebody_says_so(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    stage.edit()
    stage.settle()
    (told,) = stage.site.outbox.deliveries.newest()
    assert stage.site.outbox.send_again(told.delivery.id)
    assert not stage.site.outbox.send_again("none")
    stage.settle()
    assert stage.told() == [("delivered", [204, 204])]
    first, second = (got.headers["x-atlassian-webhook-identifier"] for got in app.got)
    assert first == second


# ---- loops and threads ----------------------------------------------------------------------


class Elsewhere:
    """The site attended by a loop in another thread."""

    def __init__(self, stage: Stage) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.stage = stage
        self.loop.call_soon_threadsafe(stage.site.outbox.attend)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        closed = asyncio.run_coroutine_threadsafe(self.stage.site.outbox.close(), self.loop)
        closed.result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


def eventually(app: SmallApp, count: int) -> None:
    until = time.monotonic() + 5
    while len(app.got) < count and time.monotonic() < until:
        time.sleep(0.01)
    assert len(app.got) == count


def test_a_change_in_a_thread_without_a_loop_is_delivered(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    with Elsewhere(stage):
        stage.edit()
        eventually(app, 1)


def test_a_change_in_another_loop_is_delivered_by_the_one_that_attends(
    stage: Stage, app: SmallApp
) -> None:
    stage.listen(app, HOOK)
    with Elsewhere(stage) as there:
        stage.site.outbox.wake()
        time.sleep(0.05)

        async def edit() -> None:
            stage.edit()
            assert stage.site.outbox._loop is there.loop
            await stage.site.settled()

        asyncio.run(edit())
        assert len(app.got) == 1


def test_a_moved_date_wakes_the_loop_that_attends(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, HOOK)
    app.status["hook"] = 503
    with Elsewhere(stage):
        stage.edit()
        eventually(app, 1)
        while stage.told() != [("pending", [503])]:
            time.sleep(0.01)
        del app.status["hook"]
        stage.site.clock.set(stage.site.clock.at() + 361)
        eventually(app, 2)


def test_a_retry_is_due_when_its_time_has_come(app: SmallApp) -> None:
    stage = Stage(webhook_retry_seconds=0.05)
    stage.listen(app, HOOK)
    app.status["hook"] = 503
    with Elsewhere(stage):
        stage.edit()
        eventually(app, 6)
    asyncio.run(stage.site.close())


def test_closing_from_another_loop_ends_it(stage: Stage, app: SmallApp) -> None:
    with Elsewhere(stage):
        time.sleep(0.05)
        task = stage.site.outbox._task
        asyncio.run(stage.site.outbox.close())
        until = time.monotonic() + 5
        while task and not task.done() and time.monotonic() < until:
            time.sleep(0.01)
        assert task is not None
        assert task.cancelled()


def test_a_lane_that_breaks_is_seen_by_whoever_waits(
    stage: Stage, app: SmallApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.listen(app, HOOK)
    stage.edit()

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(stage.site.outbox.deliveries, "tried", broken)
    with pytest.raises(RuntimeError, match="the disk is full"):
        stage.settle()


# ---- the end of a process -------------------------------------------------------------------


def test_what_was_pending_goes_out_at_the_next_start(tmp_path: Path, app: SmallApp) -> None:
    first = Stage(data=tmp_path / "site", callback_seconds=5.0)
    first.listen(app, HOOK)
    app.silent.add("hook")

    async def edit() -> None:
        first.edit("Kept")
        while not app.got:  # noqa: ASYNC110 - the app is a thread
            await asyncio.sleep(0.01)
        await first.site.close()  # the app has not answered

    asyncio.run(edit())
    app.silent.clear()
    app.leave.set()
    second = Stage(data=tmp_path / "site")
    assert second.told() == [("pending", [])]
    second.settle()
    assert second.told() == [("delivered", [204])]
    assert heard(app) == ["Kept", "Kept"]
    first_try, second_try = (got.headers["x-atlassian-webhook-identifier"] for got in app.got)
    assert first_try == second_try
    asyncio.run(second.site.close())


WRITER = """
import sys
from host.small_stage import Stage
stage = Stage(data=__import__("pathlib").Path(sys.argv[1]))
class Known:
    descriptor = __import__("json").loads(sys.argv[2])
stage.listen(Known, {"event": "jira:issue_updated", "url": "/hook", "excludeBody": False})
for number in range(10_000):
    stage.edit(str(number))
    print(number, flush=True)
"""


def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(
    tmp_path: Path, app: SmallApp
) -> None:
    folder, tests = tmp_path / "site", Path(__file__).parents[2]
    arguments = [sys.executable, "-c", WRITER, str(folder), json.dumps(app.descriptor)]
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent / 'src'}:{tests}"}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, env=environment, cwd=tests
    ) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
        rest = process.stdout.read().split("\n")
    acknowledged += [int(line) for line in rest[:-1]]
    after = Stage(data=folder)
    after.settle()
    told = [int(summary) for summary in heard(app)]
    assert told[: len(acknowledged)] == acknowledged
    assert len(told) - len(acknowledged) <= 1  # written, and killed before it could say so
    asyncio.run(after.site.close())
