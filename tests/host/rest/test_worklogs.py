from __future__ import annotations

from typing import Any

import pytest

from host.rest.conftest import Asker
from host.small_site import SmallSite

WORK = "issue/DEMO-1/worklog"


def estimate(ask: Asker) -> Any:
    return ask("GET", "issue/DEMO-1?fields=timetracking")["fields"]["timetracking"]


def test_work_comes_changes_and_goes(ask: Asker) -> None:
    ask("PUT", "issue/DEMO-1", {"fields": {"timetracking": {"originalEstimate": "1d"}}}, 204)
    body = {"timeSpent": "2h", "started": "2022-02-01T00:00:00.000+0000", "comment": "done"}
    made = ask("POST", WORK, body, 201)
    assert (made["timeSpentSeconds"], made["comment"]) == (7200, "done")
    assert made["started"] == "2022-02-01T00:00:00.000+0000"
    assert (estimate(ask)["timeSpent"], estimate(ask)["remainingEstimate"]) == ("2h", "6h")
    one = f"{WORK}/{made['id']}"
    assert ask("PUT", one, {"timeSpentSeconds": 3600})["timeSpent"] == "1h"
    assert estimate(ask)["remainingEstimate"] == "7h"
    assert ask("PUT", one, {"comment": "new"})["comment"] == "new"
    ask("GET", one)
    ask("DELETE", one, status=204)
    assert "timeSpent" not in estimate(ask)
    ask("GET", one, status=404)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", "7h"),
        ("adjustEstimate=auto", "7h"),
        ("adjustEstimate=leave", "1d"),
        ("adjustEstimate=new&newEstimate=3h", "3h"),
        ("adjustEstimate=manual&reduceBy=2h", "6h"),
        ("adjustEstimate=manual&reduceBy=2w", "0m"),
    ],
)
def test_what_is_left(ask: Asker, query: str, left: str) -> None:
    ask("PUT", "issue/DEMO-1", {"fields": {"timetracking": {"remainingEstimate": "1d"}}}, 204)
    made = ask("POST", f"{WORK}?{query}", {"timeSpent": "1h"}, 201)
    assert estimate(ask)["remainingEstimate"] == left
    ask("DELETE", f"{WORK}/{made['id']}?adjustEstimate=manual&increaseBy=1h", status=204)


@pytest.mark.parametrize(
    "query", ["adjustEstimate=x", "adjustEstimate=new", "adjustEstimate=manual&reduceBy=x"]
)
def test_an_adjustment_that_is_none(ask: Asker, query: str) -> None:
    ask("POST", f"{WORK}?{query}", {"timeSpent": "1h"}, 400)
    assert ask("GET", WORK)["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"timeSpent": "x"}, {"timeSpent": "99999w"}, {"timeSpentSeconds": 1}),
        *({"timeSpentSeconds": "60"}, {"timeSpentSeconds": True}),
        {"timeSpent": "1h", "started": "yesterday"},
        {"timeSpent": "1h", "comment": 1},
        {"timeSpent": "1h", "comment": "x" * 32_768},
    ],
)
def test_work_that_is_none(ask: Asker, body: Any) -> None:
    ask("POST", WORK, body, 400)
    assert ask("GET", WORK)["total"] == 0


def test_some_of_the_work(ask: Asker) -> None:
    for hour in range(4):
        started = f"2022-02-01T0{hour}:00:00.000+0000"
        ask("POST", WORK, {"timeSpent": "1h", "started": started}, 201)
    assert ask("GET", f"{WORK}?startAt=3&maxResults=5")["worklogs"][0]["started"][11:13] == "03"
    milliseconds = 1_643_677_200_000  # one o'clock
    assert ask("GET", f"{WORK}?startedAfter={milliseconds}")["total"] == 3
    assert ask("GET", f"{WORK}?startedBefore={milliseconds}")["total"] == 1


def test_whose_work_it_is(ask: Asker, site: SmallSite) -> None:
    theirs = ask("POST", WORK, {"timeSpent": "1h"}, 201, "admin")["id"]
    own = ask("POST", WORK, {"timeSpent": "1h"}, 201, "user")["id"]
    ask("PUT", f"{WORK}/{theirs}", {"timeSpent": "2h"}, 403, "user")
    ask("DELETE", f"{WORK}/{theirs}", status=403, who="user")
    ask("PUT", f"{WORK}/{own}", {"timeSpent": "2h"}, 200, "user")
    ask("DELETE", f"{WORK}/{own}", status=204, who="user")
    ask("GET", f"issue/DEMO-2/worklog/{theirs}", status=404)
    ask("POST", "issue/PUB-1/worklog", {"timeSpent": "1h"}, 401, "nobody")
