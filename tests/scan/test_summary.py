"""Figures: bounded, merged, and what the exit code says."""

from __future__ import annotations

import pytest

from headway.scan.findings import Confidence, Finding, Place, Severity, Unread
from headway.scan.summary import KINDS_MAX, OTHER, UNREAD_MAX, Summary, day_of


def finding(**context: str) -> Finding:
    """One of the rule ``token-in-url``."""
    return Finding(
        rule="token-in-url",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        place=Place(path="a.log", within="url"),
        message="m",
        issuer="site-1",
        context=context,
    )


def test_what_it_counts() -> None:
    summary = Summary()
    summary.add(finding(client="c", method="GET"))
    summary.add(finding(client="c", day="2026-01-01"))
    data = summary.as_data()
    assert data["by"] == {
        "client": {"c": 2}, "route": {}, "day": {"2026-01-01": 1}, "agent": {},
        "issuer": {"site-1": 2}, "within": {"url": 2}, "path": {"a.log": 2},
    }  # fmt: skip
    assert (data["findings"], data["rules"]) == (2, {"token-in-url": 2})


def test_what_is_too_much_to_be_told_apart_is_other() -> None:
    summary = Summary()
    for number in range(KINDS_MAX + 50):
        summary.count("token-in-url", client=str(number))
    assert len(summary.by["client"]) == KINDS_MAX + 1
    assert summary.by["client"][OTHER] == 50
    merged = Summary()
    merged.merge(summary)
    merged.merge(summary)
    assert merged.by["client"].total() == 2 * (KINDS_MAX + 50)


def test_merging_keeps_everything() -> None:
    one, two = Summary(), Summary()
    one.count("token-in-url")
    one.files, one.bytes, one.suppressed = 1, 10, 2
    for number in range(UNREAD_MAX + 3):
        two.could_not_read(Unread(str(number), "is a link"))
    one.merge(two)
    assert (one.files, one.bytes, one.suppressed, one.total) == (1, 10, 2, 1)
    assert (len(one.unread), one.unread_more) == (UNREAD_MAX, 3)


def test_exit_codes() -> None:
    clean, found, blind = Summary(), Summary(), Summary()
    found.count("token-in-url")
    found.could_not_read(Unread("x", "is a pipe"))
    blind.could_not_read(Unread("x", "is a pipe"))
    assert [each.exit_code for each in (clean, found, blind)] == [0, 1, 2]


@pytest.mark.parametrize("at", [None, 1e300, float("nan"), -1e18])
def test_a_day_that_is_none(at: float | None) -> None:
    assert day_of(at) == ""


def test_a_day() -> None:
    assert day_of(1_643_673_600) == "2022-02-01"
