from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from noticed import EXTENSION, POLICY, at, example, told

from headway.gateway.notice.blocks import Items, markdown
from headway.gateway.notice.retirement import Retirement, length, listed, said, span
from headway.model import Phase


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lines(found: Retirement, **more: object) -> list[str]:
    return markdown(found.dates(**more)).splitlines()  # type: ignore[arg-type]


# ---- moments --------------------------------------------------------------------------------


def test_moments_are_told_in_utc() -> None:
    zone = timedelta(hours=2)
    east = datetime.fromisoformat("2022-02-01T01:00:00+02:00")
    assert said(east) == "31 January 2022, 23:00 UTC"
    assert said(moment("2022-02-01T00:00:07")) == "1 February 2022, 00:00:07 UTC"
    assert span(east, east + zone) == (
        "31 January 2022, 23:00 UTC to 1 February 2022, 01:00 UTC (2 hours)"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3600, "1 hour"), (60, "1 minute"), (1, "1 second"), (48 * 3600, "48 hours"),
        (72 * 3600, "3 days"), (73 * 3600, "73 hours"), (5400, "1 hour 30 minutes"),
    ],
)  # fmt: skip
def test_lengths(seconds: int, words: str) -> None:
    assert length(timedelta(seconds=seconds)) == words


def test_lists() -> None:
    assert "".join(map(str, listed(["a"]))) == "a"
    assert "".join(map(str, listed(["a", "b"], "or"))) == "a or b"
    assert listed([]) == ()


# ---- what is said in each phase -------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "headline", "sentence"),
    [
        ("2021-10-01", "Tokens in the URL end on 1 February 2022, 00:00 UTC", "from then on"),
        ("2022-01-13T12:00:00", "Tokens in the URL end on 1 February 2022, 00:00 UTC", "counts un"),
        ("2022-02-01", "Tokens in the URL ended on 1 February 2022, 00:00 UTC", "has not counted"),
    ],
)
def test_tense_follows_the_date(now: str, headline: str, sentence: str) -> None:
    found = told(now=now)
    assert found.headline == headline
    summary = markdown([found.summary()])
    assert sentence in summary
    assert "**1 February 2022, 00:00 UTC**" in summary
    assert "`?jwt=` and `?access_token=`" in summary
    assert "`Authorization: JWT <token>`" in summary


def test_a_day_that_is_not_set_is_none() -> None:
    found = told('name="a"\n[[location]]\nname="k"\nparameters=["k"]\nheader="X-Key"\nscheme=""\n')
    assert found.headline == "Tokens in the URL are deprecated"
    assert "not decided yet" in markdown([found.summary()])
    assert "`X-Key: <token>`" in markdown([found.summary()])
    assert found.dates() == ()
    assert found.more() == ()


def test_a_pause_holds_no_date() -> None:
    paused = '[location.paused]\nsince = 2022-01-01\nwho = "ann"\nwhy = "secret reason"\n'
    found = told(POLICY + paused, "2022-02-05")
    assert (found.phase, found.paused, found.ended) == (Phase.PAUSED, True, False)
    assert found.headline == "The end of tokens in the URL is put off"
    assert "still counts" in markdown([found.summary()])
    assert lines(found)[0].startswith("While it is paused, nothing of this happens")
    assert "secret reason" not in markdown([found.summary(), *found.dates()])


def test_all_dates_in_their_order() -> None:
    found = lines(told())
    assert [line.partition("**:")[0] for line in found] == [
        "- **1 September 2021, 00:00 UTC",
        "- **1 November 2021, 00:00 UTC",
        "- **11 January 2022, 12:00 UTC to 12 January 2022, 00:00 UTC (12 hours)",
        "- **13 January 2022, 00:00 UTC to 14 January 2022, 00:00 UTC (24 hours)",
        "- **1 February 2022, 00:00 UTC",
    ]
    assert "`Deprecation`, `Sunset` and `Link`" in found[0]
    assert "for 50% of the clients." in found[2]
    assert "not looked at" in found[4]


def test_what_is_to_come_and_what_runs() -> None:
    def firsts(now: str) -> list[str]:
        return [line[4:14] for line in lines(told(now=now), coming=True)]

    assert firsts("2021-12-01") == ["11 January", "13 January", "1 February"]
    assert firsts("2022-01-13T23:00:00") == ["13 January", "1 February"]
    assert firsts("2022-01-14") == ["1 February"]
    assert firsts("2022-02-01") == []


def test_words_are_added_to_windows() -> None:
    asked: list[tuple[str, datetime]] = []

    def expected(kind: str, when: datetime) -> tuple[str, ...]:
        asked.append((kind, when))
        return (f" [{kind}]",)

    found = lines(told(), expected=expected)
    assert [kind for kind, _ in asked] == ["brownout", "brownout", "off"]
    assert asked[0][1] == moment("2022-01-12")
    assert found[2].endswith("\\[brownout\\]")


def test_a_refusal_is_said_to_be_one() -> None:
    text = POLICY.replace("off = ", 'off_means = "refuse"\noff = ')
    assert "is refused with `401`" in lines(told(text))[-1]


def test_headers_are_named_that_are_sent() -> None:
    bare = POLICY.replace('link = "https://docs.example/jwt"\n', "")
    assert "in `Deprecation` and `Sunset`." in lines(told(bare))[0]
    assert told('documentation = "https://docs.example"\n' + bare).link == "https://docs.example"


def test_a_sandbox_tells_its_own_dates() -> None:
    found = told('rehearsal = "14d"\n' + POLICY)
    assert found.headline.endswith("18 January 2022, 00:00 UTC")
    assert lines(found)[0] == "These dates are the sandbox's, 14 days before all others:"
    assert lines(found)[-1].startswith("- **18 January 2022")


# ---- one client -----------------------------------------------------------------------------


def test_a_client_is_told_the_brownouts_that_hit_it() -> None:
    schedule = told().location.schedule
    hit, spared = (
        next(n for n in map(str, range(99)) if (schedule.cohort(n) < 0.5) is inside)
        for inside in (True, False)
    )
    assert len(told(client=hit).brownouts) == 2
    assert "50% of the clients, you among them" in lines(told(client=hit))[2]
    assert [each.share for each in told(client=spared).brownouts] == [1.0]


def test_more_time_is_told_to_whom_it_is_given() -> None:
    text = POLICY + EXTENSION
    slow = told(text, client="slow")
    assert slow.headline.endswith("1 March 2022, 00:00 UTC")
    assert slow.brownouts == ()
    assert told(text, client="other").headline.endswith("1 February 2022, 00:00 UTC")
    after = Retirement(policy=slow.policy, location=slow.location, now=at("2022-02-05"))
    assert after.ended
    later = Retirement(
        policy=slow.policy, location=slow.location, now=at("2022-02-05"), client="slow"
    )
    assert (later.ended, later.phase) == (False, Phase.WARNED)


def test_a_client_that_is_further_is_told_so() -> None:
    rule = '[[client]]\nclient = "fast"\nphase = "off"\nreason = "asked"\n'
    fast = told(POLICY + rule, client="fast")
    assert fast.headline == "Tokens in the URL do not count any more"
    assert "does not count any more." in markdown([fast.summary()])
    assert all("the end" not in line for line in lines(fast))


# ---- the rest -------------------------------------------------------------------------------


def test_where_a_token_may_stay() -> None:
    routes = (
        '[[route]]\npath = "/embed/*"\nmethods = ["HEAD", "GET"]\nreason = "internal"\n'
        '[[route]]\npath = "/old"\nphase = "off"\nreason = "x"\n'
    )
    found = markdown(told(POLICY + routes).exceptions())
    assert "- `GET HEAD /embed/*`" in found
    assert "internal" not in found
    assert "/old" not in found
    assert told().exceptions() == ()


def test_connect_tokens_keep_their_hash() -> None:
    verify = '[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "site"\n'
    assert "`qsh`" in markdown([told(POLICY + verify).same_token()])
    assert "qsh" not in markdown([told().same_token()])
    assert "Referer" in markdown([told().reason()])


@pytest.mark.parametrize(
    ("name", "now", "headline", "count"),
    [
        ("github-2020", "2020-03-01", "end on 13 November 2020, 16:00 UTC", 7),
        ("github-2021", "2021-04-20", "end on 8 September 2021, 14:00 UTC", 6),
        ("atlassian-2022", "2022-03-01", "ended on 1 February 2022, 00:00 UTC", 1),
    ],
)
def test_real_retirements(name: str, now: str, headline: str, count: int) -> None:
    found = example(name, now)
    assert found.headline == f"Tokens in the URL {headline}"
    (dates,) = found.dates()
    assert isinstance(dates, Items)
    assert len(dates.items) == count
