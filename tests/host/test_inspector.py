"""The inspector: for administrators, live, and without the tokens; and the site's clock."""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from asking import request
from msgspec import structs

from headway.host import inspector
from headway.host.inspector import routes, stages
from headway.host.settings import POLICIES
from headway.host.traffic import Crossing
from headway.model import Direction, Location
from headway.policy import REHEARSAL, Phase, Schedule
from host.person import Person


@pytest.fixture
def person() -> Person:
    person = Person()
    person.log_in()
    return person


def crossing(path: str) -> Crossing:
    return Crossing(
        time=1.0,
        at=2.0,
        policy="mine",
        direction="app->host",
        method="GET",
        path=path,
        verdict="accepted",
    )


def test_it_is_for_administrators() -> None:
    person = Person()
    for path in ("/inspector", "/inspector/log", "/inspector/events"):
        assert person.get(path, headers={"Accept": "text/html"}).status_code == 303
    person.log_in("user")
    for path in ("/inspector", "/inspector/log", "/inspector/events"):
        assert person.get(path).status_code == 403
    assert person.post("/clock", date="2022-02-01").status_code == 403


def test_the_log_holds_what_crossed(person: Person) -> None:
    person.site.traffic.add(crossing("/rest/x"))
    rows = person.get("/inspector/log").json()["crossings"]
    assert [row["path"] for row in rows] == ["/rest/x"]


def test_the_date_and_the_policy_move(person: Person) -> None:
    assert person.post("/clock", date="2022-02-01T12:00").status_code == 303
    assert person.site.clock.at() == pytest.approx(1643716800, abs=60)
    assert person.post("/clock", policy="rehearsal").status_code == 303
    page = person.get("/inspector")
    assert person.site.policy.disclaimer in html.unescape(page.text)
    assert page.headers["headway-disclaimer"] == person.site.policy.disclaimer
    assert person.post("/clock", reset="yes").status_code == 303
    assert person.site.clock.at() == pytest.approx(person.site.clock.now())


@pytest.mark.parametrize(
    "fields", [{"date": "tomorrow"}, {"policy": "none"}, {"date": "9999-01-01"}]
)
def test_rubbish_moves_nothing_and_is_explained(person: Person, fields: dict[str, str]) -> None:
    before = person.site.policy.name
    answer = person.post("/clock", **fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert person.site.policy.name == before
    assert person.site.clock.at() == pytest.approx(person.site.clock.now())


def test_the_stages_to_try_come_from_the_policy() -> None:
    for policy in POLICIES.values():
        phases = [stage.phase for stage in stages(policy)]
        assert phases[-1] is Phase.OFF
    assert Phase.BROWNOUT in [stage.phase for stage in stages(POLICIES["rehearsal"])]


def test_events_stream_what_was_and_what_comes(person: Person) -> None:
    """The stream never ends by itself, so it is read by hand and left."""
    person.site.traffic.add(crossing("/one"))

    async def scene() -> list[str]:
        chunks: list[str] = []
        done = asyncio.Event()
        headers = [
            (b"host", b"localhost:2990"),
            (b"cookie", person.cookie.encode()),
            (b"last-event-id", b"rubbish"),
        ]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/inspector/events",
            "raw_path": b"/inspector/events",
            "query_string": b"",
            "headers": headers,
            "http_version": "1.1",
            "scheme": "http",
        }

        async def receive() -> dict[str, str]:
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            chunks.append(str(message.get("body", b"")))
            if "/one" in chunks[-1]:
                person.site.traffic.add(crossing("/two"))
            if "/two" in chunks[-1]:
                done.set()

        await asyncio.wait_for(person._app(scope, receive, send), 20)
        return chunks

    text = "".join(asyncio.run(scene()))
    assert "/one" in text
    assert "/two" in text


def test_its_routes_are_few(person: Person) -> None:
    assert len(routes(person.site)) == 4


def test_a_policy_without_dates_has_no_stages() -> None:
    policy = POLICIES["rehearsal"]
    for schedule in (None, Schedule()):
        assert stages(policy.with_schedule(Direction.APP_TO_HOST, Location.QUERY, schedule)) == []


def test_the_clock_needs_the_pages_token_and_keeps_what_is_not_named(person: Person) -> None:
    person.post("/clock", date="2022-02-01")
    person.post("/clock", policy="rehearsal", date="")
    assert person.site.clock.at() == pytest.approx(1643673600, abs=60)
    person.csrf = "another"
    assert person.post("/clock", reset="yes").status_code == 403
    assert person.site.clock.at() == pytest.approx(1643673600, abs=60)


async def stream(person: Person, last: str = "") -> AsyncIterator[str]:
    """What the page's EventSource would read."""
    events = next(route for route in routes(person.site) if "events" in route.path)
    sent = request("GET", events.path, {"Cookie": person.cookie, "Last-Event-ID": last})
    async for text in (await events.endpoint(sent)).body_iterator:
        yield text


def rows(person: Person, count: int, last: str = "") -> list[dict[str, Any]]:
    """The first rows of the stream."""

    async def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with aclosing(stream(person, last)) as texts:
            async for text in texts:
                if text.startswith("id: "):
                    found.append(json.loads(text.partition("data: ")[2]))
                if len(found) == count:
                    break
        return found

    return asyncio.run(read())


def test_the_stream_goes_on_after_the_last_event_that_was_seen(person: Person) -> None:
    for number in range(3):
        person.site.traffic.add(crossing(f"/{number}"))
    assert rows(person, 1, last="2")[0]["id"] == 3
    for foreign in ("99", "-1", "9" * 30, "\u00b2"):  # 99: of an earlier process
        assert rows(person, 1, last=foreign)[0]["id"] == 1


def test_a_row_says_in_words_what_to_know(person: Person) -> None:
    explained = {"ours": "GET&/a&", "theirs": None, "cause": "unknown", "advice": "Log it."}
    claimed = structs.replace(crossing("/"), claims={"iss": "a"}, at=1.0)
    made = (
        structs.replace(crossing("/"), at=1643673600.0, seen_by="app", notes=("token-empty",)),
        structs.replace(claimed, verdict="refused", explain=explained),
        structs.replace(claimed, verdict="sent"),
    )
    for each in made:
        person.site.traffic.add(each)
    first, second, third = rows(person, 3)
    moved = "the site's date was 2022-02-01 00:00"
    assert first["notes"] == ["token-empty", moved, "seen by the app"]
    assert first["claims"] is None
    assert second["notes"] == ["the claims are not verified"]
    assert second["explain"]["cause"] == "unknown. Log it."
    assert third["notes"] == []


def test_a_crossing_keeps_the_policy_it_crossed_under(person: Person) -> None:
    """The policy in force *now* says nothing about it: neither its name nor its disclaimer."""
    old = {"Authorization": "JWT rubbish", "Accept": "application/json"}
    for policy in ("rehearsal", "atlassian-2022"):
        person.post("/clock", policy=policy)
        assert person.get("/rest/api/3/myself", headers=old).status_code == 400
    told = [(row["policy"], row["disclaimer"]) for row in rows(person, 2)]
    assert told == [("rehearsal", REHEARSAL.disclaimer), ("atlassian-2022", "")]
    log = person.get("/inspector/log").json()["crossings"]
    assert [(row["policy"], row["disclaimer"]) for row in log] == told


def test_the_stream_gives_signs_of_life_and_ends_with_the_session(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspector, "PING_SECONDS", 0.01)

    async def read() -> list[str]:
        texts: list[str] = []
        async for text in stream(person):
            texts.append(text)
            if len(texts) == 2:
                person.site.identity.log_out(request("GET", "/", {"Cookie": person.cookie}))
        return texts

    assert asyncio.run(read()) == [": the tokens that crossed\n\n", ": nothing new\n\n"]
