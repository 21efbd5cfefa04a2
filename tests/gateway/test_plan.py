"""Plans: figures by hand, then two published retirements replayed over two years of traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.plan import Window, compare, earliest, plan
from headway.gateway.policy_file import load_policy, read_policy
from headway.gateway.rules import GatewayPolicy
from headway.gateway.usage.counting import UsageCounter
from headway.gateway.usage.record import OTHER, Record
from headway.model import RequestFacts, TokenText
from headway.ports import KeySource, ReplayCache, Steps
from uses import DAY, NOW, Hands, record

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
HOUR = 3600


def policy(*more: str, off: str = "2022-03-01", top: str = "") -> GatewayPolicy:
    lines = ['name = "api"', top, "[[location]]", 'name = "jwt"', 'parameters = ["jwt"]']
    lines += ["announced = 2021-01-01", f"off = {off}" if off else "", 'salt = "s"', *more]
    return read_policy("\n".join(lines).encode())


def steady(client: str = "acme", per_hour: int = 1, days: int = 28, **more: Any) -> list[Record]:
    """The same number of requests in each hour of the *days* before NOW."""
    return [
        record(
            client,
            at=NOW - number * DAY,
            **{"count": 24 * per_hour, "hours": (per_hour,) * 24, **more},
        )
        for number in range(1, days + 1)
    ]


BROWNOUT = "[[location.brownout]]\nstart = {}\nend = {}".format
ONE = BROWNOUT("2022-02-10T06:00:00Z", "2022-02-10T18:30:00Z")


def test_who_how_many_and_what_share() -> None:
    records = [
        *steady("acme", 3),
        *steady("both", 1, also_header=24),
        *steady("half", 2, also_header=24, from_browser=1),
        *steady("claims", 1, verified=False),
    ]
    window, off = plan(policy(ONE), records, now=NOW)
    assert (window.kind, off.kind, off.end) == ("brownout", "off", None)
    told = [(c.client, c.verified, c.requests, c.from_browser) for c in window.clients]
    assert told == [
        ("acme", True, 38, 0),  # 12.5 hours at three
        ("claims", False, 12, 0),
        ("half", True, 12, 1),  # a part of what it sends
    ]
    assert window.browsers == 1
    assert window.verified == 2
    assert window.requests == 62
    assert window.share == pytest.approx(5 / 7)
    assert off.requests == 7 * 24 * 5  # the first week


def test_the_hour_and_the_weekday_count() -> None:
    noon = tuple(24 if hour == 12 else 0 for hour in range(24))
    mondays = [record(at=NOW - (1 + 7 * n) * DAY, count=24, hours=noon) for n in range(4)]
    others = steady("x", 1, days=28)
    on_monday = BROWNOUT("2022-02-07T12:00:00Z", "2022-02-07T12:30:00Z")
    on_tuesday = BROWNOUT("2022-02-08T12:00:00Z", "2022-02-08T13:00:00Z")
    first, second, _ = plan(policy(on_monday, on_tuesday), [*mondays, *others], now=NOW)
    assert {c.client: c.requests for c in first.clients} == {"acme": 12, "x": 1}
    assert {c.client: c.requests for c in second.clients} == {"x": 1}


def test_a_weekday_that_was_never_seen_is_like_all_days() -> None:
    (window, _) = plan(policy(ONE), steady("acme", 2, days=2), now=NOW)
    assert window.requests == 25


def test_records_without_hours_are_spread_over_the_day() -> None:
    (window, _) = plan(policy(ONE), steady("acme", 2, hours=()), now=NOW)
    assert window.requests == 25


def test_what_is_refused_for_its_token_or_old_breaks_nothing_more() -> None:
    records = [
        *steady("bad", outcome="token-expired"),
        *steady("like", outcome="token-lookalike"),
        *[record("old", at=NOW - 40 * DAY, count=9)],
        *[record("today", at=NOW)],
        *steady("key", location="key"),
    ]
    assert [window.clients for window in plan(policy(ONE), records, now=NOW)] == [(), ()]


def test_routes_and_clients_with_a_phase_of_their_own() -> None:
    route = '[[route]]\npath = "/embed/*"\nreason = "frames"'
    ahead = '[[client]]\nclient = "ahead"\nphase = "off"\nreason = "done"'
    records = [
        *steady("framed", route="/embed/view"),
        *steady("excepted", route="/gone/x", outcome="excepted"),
        *steady("ahead"),
    ]
    (off,) = plan(policy(route, ahead), records, now=NOW)
    # an exception that the policy no longer has is none
    assert [client.client for client in off.clients] == ["excepted"]
    # one that is only warned before the others breaks with them
    warned = ahead.replace('"off"', '"warned"')
    (off,) = plan(policy(route, warned), records, now=NOW)
    assert [client.client for client in off.clients] == ["ahead", "excepted"]


EXTENDED = """[[location.extension]]
client = "acme"
until = {}
owner = "o"
reason = "r"
""".format


def test_more_time_is_for_whoever_proves_who_it_is() -> None:
    verify = '[verify]\nby = "connect"\ninstallations = "/x.json"\nclient_key = "k"'
    both = [*steady("acme"), *steady("acme", verified=False)]
    late = EXTENDED("2022-03-02T12:00:00Z")
    proved = with_verify(policy(ONE, late), verify)
    brownout, off, end = plan(proved, both, now=NOW)
    assert [c.verified for c in brownout.clients] == [False]
    assert {c.verified: c.requests for c in off.clients} == {True: 132, False: 168}
    assert (end.kind, [c.verified for c in end.clients]) == ("extension", [True])
    believed = plan(policy(ONE, late), both, now=NOW)[0]  # by a hash of the token
    assert believed.clients == ()
    header = 'identity = { by = "header", header = "X-Client" }'
    named = plan(policy(ONE, late, top=header), both, now=NOW)[0]  # anybody can send a header
    assert [c.verified for c in named.clients] == [False]
    ends = policy(ONE, EXTENDED("2022-02-10T12:30:00Z"))
    assert plan(ends, steady("acme"), now=NOW)[0].requests == 6


def with_verify(one: GatewayPolicy, verify: str) -> GatewayPolicy:
    lines = 'name = "x"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n' + verify
    return msgspec.structs.replace(one, verify=read_policy(lines.encode()).verify)


def test_each_location_believes_by_its_own_verification() -> None:
    own = '[location.verify]\nby = "connect"\ninstallations = "/x.json"\nclient_key = "k"'
    late = EXTENDED("2022-04-01T00:00:00Z")
    claimed = steady("acme", verified=False)
    (_, off, _) = plan(policy(ONE, late, own), claimed, now=NOW)
    assert [client.client for client in off.clients] == ["acme"]  # proved nothing
    (_, off, end) = plan(policy(ONE, late), claimed, now=NOW)
    assert off.clients == ()
    assert [client.client for client in end.clients] == ["acme"]


def test_a_share_draws_the_cohort_that_the_gateway_draws() -> None:
    half = policy(ONE + "\nshare = 0.5")
    names = [f"c{number}" for number in range(40)]
    records = [each for name in names for each in steady(name, days=3)]
    window = plan(half, records, now=NOW)[0]
    schedule = half.locations[0].schedule
    at = datetime(2022, 2, 10, 7, tzinfo=UTC).timestamp()
    drawn = {name for name in names if schedule.phase(at, name) == "brownout"}
    assert {client.client for client in window.clients} == drawn
    assert 5 < len(drawn) < 35


def test_pause_past_windows_and_no_dates() -> None:
    paused = '[location.paused]\nsince = 2022-01-01\nwho = "me"\nwhy = "w"'
    assert plan(policy(ONE, paused), steady(), now=NOW) == ()
    assert plan(policy(off=""), steady(), now=NOW) == ()
    later = datetime(2022, 3, 2, tzinfo=UTC).timestamp()
    assert plan(policy(ONE), steady(), now=later) == ()


def test_of_a_window_that_runs_what_is_left_is_weighed() -> None:
    middle = datetime(2022, 2, 10, 12, 30, tzinfo=UTC).timestamp()
    later = msgspec.structs.replace
    moved = [
        later(each, day=(datetime.fromisoformat(each.day) + timedelta(days=9)).date().isoformat())
        for each in steady("acme", 2)
    ]
    window, _ = plan(policy(ONE), moved, now=middle)
    assert (window.requests, window.share) == (12, 1.0)  # six hours at two


def test_a_rehearsal_is_earlier() -> None:
    rehearsed = policy(ONE, top='rehearsal = "1w"')
    window = plan(rehearsed, steady(), now=NOW)[0]
    assert window.start == datetime(2022, 2, 3, 6, tzinfo=UTC)


def test_two_policies() -> None:
    mild = policy(EXTENDED("2023-01-01"), off="")
    records = [*steady("acme"), *steady("b")]
    both = compare(policy(ONE), mild, records, now=NOW)
    assert both.only_one == ("acme", "b")
    assert both.only_other == ()
    assert both.other == ()


# ---- when it is safe ------------------------------------------------------------------------


def leaving(weeks: int, of_week: Callable[[int], int]) -> list[Record]:
    """*of_week(n)* clients in the week n before NOW."""
    return [
        record(f"c{number}", at=NOW - (7 * week + 1) * DAY)
        for week in range(weeks)
        for number in range(of_week(week))
    ]


def test_the_day_with_fewer_clients() -> None:
    halving = leaving(8, lambda week: 2 ** (week + 2))  # 4 in the last week, 8 before
    found = earliest(halving, location="jwt", fewer=2, now=NOW)
    assert (found.left, found.basis) == (4, "trend")
    assert found.day == "2022-02-11"  # 4 to 1.5 at a half each week: 9.9 days
    assert earliest(halving, location="jwt", fewer=5, now=NOW).basis == "counted"
    assert earliest(halving, location="jwt", fewer=5, now=NOW).day == "2022-02-01"


@pytest.mark.parametrize(
    "records",
    [
        leaving(3, lambda week: 4),
        leaving(8, lambda week: 4),
        leaving(8, lambda week: 10 - week),
        leaving(12, lambda week: 1000 + (week > 10)),
    ],
    ids=["short", "level", "growing", "hardly"],
)
def test_no_day_is_promised_without_a_trend(records: list[Record]) -> None:
    found = earliest(records, location="jwt", fewer=2, now=NOW)
    assert (found.day, found.basis) == (None, "none")


def test_claimed_clients_do_not_move_the_day() -> None:
    flood = [record(f"x{n}", at=NOW - DAY, verified=False) for n in range(100)]
    flood += [record(OTHER, at=NOW - DAY), record("bad", at=NOW - DAY, outcome="token-expired")]
    assert earliest(flood, location="jwt", fewer=1, now=NOW).left == 0
    assert earliest(flood, location="jwt", fewer=1, now=NOW, claimed_too=True).left == 100


def test_who_the_dates_do_not_decide_about_does_not_move_the_day() -> None:
    def left(*more: str, **fields: object) -> int:
        records = [record("acme", at=NOW - DAY, count=2, **fields)]
        read = policy(ONE, *more)
        return earliest(records, location="jwt", fewer=1, now=NOW, policy=read).left

    assert left() == 1
    assert left(also_header=1) == 1
    assert left(also_header=2) == 0  # it has moved
    assert left('[[route]]\npath = "/rest/*"\nreason = "frames"') == 0
    assert left('[[client]]\nclient = "acme"\nphase = "off"\nreason = "done"') == 0
    assert left(EXTENDED("2022-03-02T12:00:00Z")) == 0
    assert left(EXTENDED("2022-01-02T12:00:00Z")) == 1
    other = earliest([record()], location="key", fewer=1, now=NOW, policy=policy(ONE))
    assert other.left == 0


# ---- two years of traffic -------------------------------------------------------------------


class Named:
    """Proves that a client is who its token says: these tests judge the dates."""

    def __init__(self) -> None:
        self.replay: ReplayCache | None = None
        self.keys: KeySource = self

    def find(self, need: object) -> None:
        raise AssertionError

    def claimed(self, token: str) -> str | None:
        return token

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        yield from ()
        return token


class Replay:
    """Each client sends a request every two hours, as long as it uses the location."""

    def __init__(
        self, file: str, parameter: str, first: datetime, days: int, clients: dict[str, Uses]
    ) -> None:
        self.policy = load_policy(EXAMPLES / file)
        self.refused: Counter[tuple[str, str]] = Counter()
        self.records: list[Record] = []
        clock, scheme = Hands(), self.policy.locations[0].scheme
        counter = UsageCounter(self, clock=clock)
        gateway = Gateway(
            self.policy, verifier=Named(), usage=counter, clock=clock, hash_key=bytes(32)
        )
        for day in range(days):
            moment = first + timedelta(days=day)
            active = [name for name, uses in clients.items() if uses(moment.date().isoformat())]
            for hour in range(0, 24, 2):
                clock.at = moment.timestamp() + hour * HOUR + 1800
                for name in active:
                    headers = (("authorization", f"{scheme} {name}"),) if name == "both" else ()
                    target = f"/user?{parameter}={name}"
                    decision = gateway.decide(Ask(method="GET", target=target, headers=headers))
                    if decision.outcome is not Outcome.PASS:
                        self.refused[name, self._phase(decision, clock.at)] += 1
            counter.flush()

    def add(self, records: list[Record], *, batch: str, days: tuple[str, ...]) -> bool:
        self.records += records
        return True

    def forget(self, before: str) -> int:
        return 0

    def _phase(self, decision: Decision, at: float) -> str:
        phase = decision.uses[0].phase
        day = datetime.fromtimestamp(at - 2 * HOUR, UTC).strftime("%m-%d")
        return f"brownout {day[:2]}" if phase == "brownout" else str(phase)

    def plan(self, at: datetime) -> tuple[Window, ...]:
        return plan(self.policy, self.records, now=at.timestamp())


Uses = Callable[[str], bool]


def until(day: str) -> Uses:
    return lambda today: today < day


@cache
def github() -> Replay:
    clients: dict[str, Uses] = {
        "early": until("2020-06-01"),
        "back": lambda day: day < "2020-06-01" or "2021-07-01" <= day < "2021-07-11",
        "first": until("2021-05-07"),  # the first brownout was what it heard of
        "second": until("2021-06-12"),
        "third": until("2021-08-15"),
        "never": lambda day: True,
        "both": lambda day: True,
        "github-actions": until("2021-10-06"),
    }
    first = datetime(2019, 11, 1, tzinfo=UTC)
    return Replay("github-2021.toml", "access_token", first, 731, clients)


def test_github_who_broke_when() -> None:
    broke = github().refused
    assert dict(broke) == {
        ("first", "brownout 05"): 6,
        ("second", "brownout 05"): 6,
        ("third", "brownout 05"): 6,
        ("never", "brownout 05"): 6,
        ("second", "brownout 06"): 12,
        ("third", "brownout 06"): 12,
        ("never", "brownout 06"): 12,
        ("third", "brownout 08"): 24,
        ("never", "brownout 08"): 24,
        # from 8 September 14:00 to the end of October
        ("never", "off"): 5 + 53 * 12,
    }


def test_github_what_was_foreseen() -> None:
    """A plan made on the day before each window says what then happens."""
    replay = github()
    ahead = replay.plan(datetime(2021, 4, 20, tzinfo=UTC))
    assert [(w.kind, w.requests, len(w.clients), round(w.share, 2)) for w in ahead] == [
        ("brownout", 24, 4, 0.67),
        ("brownout", 48, 4, 0.67),
        ("brownout", 96, 4, 0.67),
        ("off", 7 * 12 * 4, 4, 0.67),
        ("extension", 7 * 12, 1, 0.17),
    ]
    assert [c.client for c in ahead[-1].clients] == ["github-actions"]
    for day, month in ((5, 5), (9, 6), (11, 8)):
        foreseen = replay.plan(datetime(2021, month, day, tzinfo=UTC))[0]
        happened = {
            name: count
            for (name, window), count in replay.refused.items()
            if window == f"brownout {month:02}"
        }
        assert {client.client: client.requests for client in foreseen.clients} == happened


def test_github_the_plan_of_2020_and_the_one_that_was_carried_out() -> None:
    one, other = (load_policy(EXAMPLES / f"github-{year}.toml") for year in (2020, 2021))
    at = datetime(2020, 3, 1, tzinfo=UTC).timestamp()
    both = compare(one, other, github().records, now=at)
    assert [(w.kind, w.requests, len(w.clients)) for w in both.one] == [
        ("brownout", 7, 7),  # 07-10: one request of each
        ("brownout", 14, 7),
        ("brownout", 7, 7),
        ("brownout", 14, 7),
        ("off", 7 * 7 * 12, 7),
    ]
    assert [(w.kind, w.requests, len(w.clients)) for w in both.other] == [
        ("brownout", 36, 6),
        ("brownout", 72, 6),
        ("brownout", 144, 6),
        ("off", 6 * 7 * 12, 6),
        ("extension", 7 * 12, 1),
    ]
    assert (both.only_one, both.only_other) == ((), ())


def test_atlassian_2022_who_broke_when() -> None:
    clients: dict[str, Uses] = {
        "in-time": until("2022-01-15"),
        "late": until("2022-03-01"),
        "never": lambda day: True,
    }
    first = datetime(2021, 2, 1, tzinfo=UTC)
    replay = Replay("atlassian-2022.toml", "jwt", first, 730, clients)
    assert dict(replay.refused) == {("late", "off"): 28 * 12, ("never", "off"): 365 * 12}
    (off,) = replay.plan(datetime(2022, 1, 31, tzinfo=UTC))
    assert [c.client for c in off.clients] == ["late", "never", "in-time"]
    assert off.clients[2].requests < off.clients[0].requests  # it is leaving
    assert off.clients[0].requests == 7 * 12
