"""The report for people."""

from __future__ import annotations

import io

import msgspec
import pytest

from headway.scan.findings import Finding, Fix, Place, Unread
from headway.scan.report.text import TextReport
from headway.scan.summary import Summary
from headway.scan.tokens import TokenKind
from scan.test_summary import finding


def written(*findings: Finding, by: tuple[str, ...] = (), **options: object) -> str:
    """What a report of *findings* says."""
    out, summary = io.StringIO(), Summary()
    report = TextReport(out, now=1_000.0, by=by, **options)  # type: ignore[arg-type]
    report.begin()
    for each in findings:
        summary.add(each)
        report.add(each)
    summary.could_not_read(Unread("x\x1b", "is a pipe"))
    summary.unread_more, summary.files, summary.suppressed = 3, 2, 4
    report.end(summary)
    return out.getvalue()


def test_what_it_says() -> None:
    shown = msgspec.structs.replace(
        finding(client="c", day="2026-01-01"),
        kind=TokenKind.JWT,
        until=2_000.0,
        sample="GET /x?jwt=REDACTED",
        fix=Fix(patch="-a\n+b", replacements=()),
        place=Place(path="a\x1b.log", line=2, column=5),
    )
    text = written(shown, by=("client",))
    for part in (
        "high   a\\x1b.log:2:5", "jwt, from site-1, STILL VALID until 1970-01-01 00:33 UTC",
        "GET /x?jwt=REDACTED", "       +b", "by client:\n       1  c", "What to do:",
        "not read: x\\x1b: is a pipe", "not read: 3 more", "4 held back", "1 finding in 2 files",
    ):  # fmt: skip
        assert part in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("until", "said"), [(500.0, "ended 1970-01-01 00:08 UTC"), (1e300, "no calendar")]
)
def test_whether_a_token_still_counts(until: float, said: str) -> None:
    assert said in written(msgspec.structs.replace(finding(), until=until))


def test_only_some_are_shown_unless_all_are_wanted() -> None:
    assert "and 1 more" in written(finding(), finding(), shown=1)
    assert "more; --all" not in written(finding(), finding(), shown=None)


def test_colours_where_they_are_wanted() -> None:
    assert "\x1b[31mhigh  \x1b[0m" in written(finding(), colour=True)


def test_a_clean_scan_says_so() -> None:
    out = io.StringIO()
    TextReport(out, now=0.0).end(Summary())
    assert out.getvalue() == "0 findings in 0 files, 0 bytes.\n"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(999, "999 bytes"), (2_500, "2 kB"), (3_000_000, "3 MB"), (10**13, "10000 GB")],
)
def test_sizes(size: int, shown: str) -> None:
    out, summary = io.StringIO(), Summary()
    summary.bytes = size
    TextReport(out, now=0.0).end(summary)
    assert out.getvalue().endswith(f"{shown}.\n")
