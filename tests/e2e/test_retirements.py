"""Two retirements that happened, replayed over two years, and judged by a calendar of their own.

The dates below are the published ones, written a second time; what a client is
answered is worked out from them by comparing moments, and by nothing of ours.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Outcome, Use
from headway.gateway.policy_file import load_policy

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
CLIENTS, DAYS = 60, 731


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Client(NamedTuple):
    """Uses the location until it moves to the header, and from then on the header."""

    token: str
    moves: datetime
    minute: int  # of the day at which its first request comes; the second comes 11 hours later


def clients(seed: int, first: datetime) -> list[Client]:
    """Some move early, some late, and some never."""
    draw = random.Random(seed)
    return [
        Client(
            f"token-{number}",
            first + timedelta(days=draw.choice([60, 400, 600, 700, 5000]) + draw.random() * 30),
            draw.randrange(24 * 60),
        )
        for number in range(CLIENTS)
    ]


class Clock:
    """Seconds since 1970, as the replay says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def replayed(
    file: str, parameter: str, first: datetime, seed: int
) -> Iterator[tuple[Client, datetime, Decision]]:
    """Every decision about every request of two years, in the order of the days."""
    clock, uses = Clock(), list[Use]()
    policy = load_policy(EXAMPLES / file)
    gateway = Gateway(policy, clock=clock, usage=uses.append, hash_key=bytes(32))
    header, scheme = policy.locations[0].header, policy.locations[0].scheme
    everybody = clients(seed, first)
    for day in range(DAYS):
        for client in everybody:
            for minutes in (client.minute, client.minute + 660):
                moment = first + timedelta(days=day, minutes=minutes)
                clock.now = moment.timestamp()
                moved = moment >= client.moves
                ask = Ask(
                    method="GET",
                    target="/user" if moved else f"/user?{parameter}={client.token}&page=2",
                    headers=((header, f"{scheme} {client.token}"),) if moved else (),
                )
                yield client, moment, gateway.decide(ask)


# ---- GitHub, 2019 to 2021 -------------------------------------------------------------------

GITHUB = {
    "05": (at("2021-05-05T14:00"), at("2021-05-06T02:00")),  # 12 hours
    "06": (at("2021-06-09T14:00"), at("2021-06-10T14:00")),  # 24
    "08": (at("2021-08-11T14:00"), at("2021-08-13T14:00")),  # 48
    "off": (at("2021-09-08T14:00"), at("2999-01-01T00:00")),
}
ANNOUNCED, WARNED = at("2019-11-05T00:00"), at("2020-02-03T00:00")


def github_refuses(client: Client, moment: datetime) -> str | None:
    """In which of the windows the request is refused, by the calendar."""
    if moment >= client.moves:
        return None
    return next((name for name, (start, end) in GITHUB.items() if start <= moment < end), None)


def test_github_who_breaks_when_by_the_calendar() -> None:
    begun = time.process_time()
    first = at("2019-11-01T00:00")
    refused: Counter[str] = Counter()
    broken: dict[str, set[str]] = {name: set() for name in GITHUB}
    for client, moment, decision in replayed("github-2021.toml", "access_token", first, seed=1):
        window, said = github_refuses(client, moment), dict(decision.answer_headers)
        if window is None:
            assert decision.outcome is Outcome.PASS, (client, moment)
            assert decision.target == ("/user" if moment >= client.moves else "/user?page=2")
            used = moment < client.moves
            assert ("Deprecation" in said) is (used and moment >= ANNOUNCED)
            phase = "warned" if moment >= WARNED else "announced"
            assert said.get("Headway-Phase") == (phase if "Deprecation" in said else None)
            continue
        assert (decision.outcome, decision.status) == (Outcome.REFUSE, 401), (client, moment)
        body = json.loads(decision.body)
        assert body["off_at"] == "2021-09-08T14:00:00+00:00"
        if window == "off":
            assert (body["phase"], body.get("until")) == ("off", None)
        else:  # what a user of 2021 could not tell from the 401
            assert (body["phase"], body["until"]) == ("brownout", GITHUB[window][1].isoformat())
        refused[window] += 1
        broken[window].add(client.token)
    assert dict(refused) == {"05": 42, "06": 78, "08": 124, "off": 2846}
    left = {name: len(who) for name, who in broken.items()}
    assert left == {"05": 39, "06": 39, "08": 31, "off": 31}
    assert broken["off"] <= broken["08"] <= broken["06"]  # nobody came back
    assert time.process_time() - begun < 60


# ---- Jira and Confluence, 2022 --------------------------------------------------------------


def test_atlassian_2022_who_breaks_when_by_the_calendar() -> None:
    """Known is one day.  Before it nothing is said, because nothing that was said is known."""
    first, off = at("2021-02-01T00:00"), at("2022-02-01T00:00")
    anonymous: Counter[str] = Counter()
    for client, moment, decision in replayed("atlassian-2022.toml", "jwt", first, seed=2):
        said = {name.lower() for name, _ in decision.answer_headers}
        if moment >= client.moves or moment < off:
            assert decision.outcome is Outcome.PASS
            assert not said - {"vary", "cache-control"}
            continue
        # not inspected: it goes on without, and a public resource still answers
        assert (decision.outcome, decision.target) == (Outcome.ANONYMOUS, "/user?page=2")
        assert decision.set_headers == ()
        assert {"sunset", "headway-refusal", "headway-hint"} <= said
        anonymous[client.token] += 1
    assert (len(anonymous), anonymous.total()) == (47, 24_698)
    assert anonymous.most_common(1)[0][1] == 733  # twice a day, to the end
