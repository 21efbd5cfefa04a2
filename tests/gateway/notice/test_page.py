from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from noticed import POLICY, at, example, told

from headway.gateway.notice.blocks import html, markdown
from headway.gateway.notice.page import changelog, warning_html, warning_markdown
from headway.gateway.notice.retirement import Retirement, said
from headway.gateway.rules import GatewayPolicy, OffMeans, RetiredLocation
from headway.gateway.usage.report import clients_of
from headway.policy import Brownout, Extension, Pause, Schedule
from uses import record

ADDRESS = "https://api.example/rest"
EXAMPLES = ("curl -H", "requests.get", "await fetch")


def test_an_entry_says_all_that_is_needed() -> None:
    entry = markdown(changelog(told(), address=ADDRESS))
    assert entry.startswith(
        "## 2021-12-01: Deprecated: the token in `?jwt=` and `?access_token=`\n"
    )
    for words in (
        "1 February 2022, 00:00 UTC", "11 January 2022, 12:00 UTC", "Referer",
        "`Authorization: JWT <token>`", "https://docs.example/jwt", ADDRESS, *EXAMPLES,
    ):  # fmt: skip
        assert words in entry
    tokens = MarkdownIt("commonmark").parse(entry)
    assert [token.info for token in tokens if token.type == "fence"] == ["sh", "python", "js"]
    html5lib.HTMLParser(strict=True).parseFragment(html(changelog(told(), address=ADDRESS)))


@pytest.mark.parametrize(("now", "kind"), [("2021-12-01", "Deprecated"), ("2022-02-01", "Removed")])
def test_the_kind_of_change_follows_the_date(now: str, kind: str) -> None:
    assert markdown(changelog(told(now=now), address=ADDRESS)).startswith(f"## {now}: {kind}: ")


def test_a_pause_is_an_entry_and_no_date_is_warned_of() -> None:
    paused = POLICY + '[location.paused]\nsince = 2021-11-02\nwho = "ann"\nwhy = "w"\n'
    assert "Paused" in markdown(changelog(told(paused), address=ADDRESS))
    shown = warning_markdown(told(paused), address=ADDRESS)
    assert "put off" in shown
    assert "brownout" not in shown


def test_how_many_it_is_about() -> None:
    now = at("2021-12-01")
    records = [
        record("acme", at=now - 86400, count=1200, agent="python-requests"),
        record("other", at=now - 86400, count=30, agent="](javascript:x)"),
        record("claims", at=now - 86400, count=9000, verified=False, agent="spam"),
        record("gone", at=now - 90 * 86400, count=5),
        record("elsewhere", at=now - 86400, count=5, location="key"),
    ]
    entry = markdown(changelog(told(), address=ADDRESS, used=clients_of(records, now=now)))
    assert "In the last 30 days 2 clients sent 1,230 requests of this kind." in entry
    assert "`python-requests` and `](javascript:x)`." in entry
    assert "spam" not in entry
    alone = clients_of(records[2:3], now=now)
    assert "1 client sent 9,000 requests" in markdown(
        changelog(told(), address=ADDRESS, used=alone)
    )
    assert "In the last" not in markdown(changelog(told(), address=ADDRESS, used=()))
    silent = clients_of([record("acme", at=now - 86400, agent="")], now=now)
    one = markdown(changelog(told(), address=ADDRESS, used=silent))
    assert "1 client sent 1 request of this kind.\n" in one


def test_a_warning_is_a_quotation_in_markdown() -> None:
    shown = warning_markdown(told(), address=ADDRESS)
    assert all(line.startswith(">") for line in shown.splitlines())
    tokens = MarkdownIt("commonmark").parse(shown)
    assert [t.type for t in tokens if t.level == 0] == ["blockquote_open", "blockquote_close"]
    assert "1 September 2021" not in shown  # only what is to come
    for words in ("11 January 2022", *EXAMPLES):
        assert words in shown


def test_a_warning_is_an_aside_in_html() -> None:
    shown = warning_html(told(), address=ADDRESS)
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    (aside,) = [each for each in parser.parseFragment(shown) if each.tag == "aside"]
    assert aside.attrib == {"class": "deprecation", "role": "note"}
    assert [each.attrib["href"] for each in aside.iter("a")] == ["https://docs.example/jwt"]
    assert len(list(aside.iter("pre"))) == 3


def test_after_the_end_nothing_is_to_come() -> None:
    shown = warning_markdown(example("github-2021", "2022-01-01"), address=ADDRESS)
    assert "ended on 8 September 2021, 14:00 UTC" in shown
    assert "brownout" not in shown


# ---- any policy at any moment -----------------------------------------------------------------

BEGIN = datetime(2021, 1, 1, tzinfo=UTC)
minutes = st.integers(0, 500_000).map(lambda number: BEGIN + timedelta(minutes=number))


@st.composite
def retirements(draw: Any) -> Retirement:
    announced, warned, off = sorted(draw(st.tuples(minutes, minutes, minutes)))
    edges = sorted(draw(st.sets(st.integers(0, 99), max_size=8)))
    step = (off - announced) / 100
    brownouts = tuple(
        Brownout(announced + step * a, announced + step * b, draw(st.sampled_from([0.25, 1.0])))
        for a, b in zip(edges[::2], edges[1::2], strict=False)
        if step > timedelta(minutes=1)  # so that no two are told by the same words
    )
    more = Extension(client="slow", until=draw(minutes), owner="o", reason="r")
    paused = Pause(since=draw(minutes), who="w", why="y")
    schedule = Schedule(
        announced=draw(st.sampled_from([announced, None])) if not brownouts else announced,
        warned=draw(st.sampled_from([warned, None])),
        off=off,
        brownouts=brownouts,
        extensions=draw(st.sampled_from([(), (more,)])),
        paused=draw(st.sampled_from([None, None, paused])),
        salt="s",
    )
    location = RetiredLocation(
        name="t",
        parameters=("t",),
        schedule=schedule,
        off_means=draw(st.sampled_from(OffMeans)),
        link=draw(st.sampled_from([None, "https://docs.example"])),
    )
    policy = GatewayPolicy(
        name="api",
        locations=(location,),
        rehearsal=draw(st.sampled_from([timedelta(0), timedelta(days=2)])),
    )
    now = draw(minutes).timestamp()
    client = draw(st.sampled_from([None, "slow", "other"]))
    return Retirement(policy=policy, location=location, now=now, client=client)


@settings(max_examples=50)
@given(retirements())
def test_any_policy_is_told_at_any_moment(found: Retirement) -> None:
    blocks = changelog(found, address=ADDRESS)
    html5lib.HTMLParser(strict=True).parseFragment(html(blocks))
    html5lib.HTMLParser(strict=True).parseFragment(warning_html(found, address=ADDRESS))
    told_ = markdown(blocks)
    MarkdownIt("commonmark").parse(told_)
    warned = warning_markdown(found, address=ADDRESS)
    off = found.off
    assert off is not None
    # (1) the title has the day that holds, in the tense that is right
    if found.paused:
        assert "put off" in found.headline
    else:
        word = "ended" if found.ended else "end"
        assert found.headline == f"Tokens in the URL {word} on {said(off)}"
        assert found.ended == (off.timestamp() <= found.now)
    # (2) every date is told, and of those that have passed none is told as one to come
    for window in found.brownouts:
        assert said(window.end) in told_ or f"{window.end:%H:%M}" in told_
        passed = window.end.timestamp() <= found.now
        assert not (passed and said(window.start) in warned and window.start != off)
