"""What a judge says: each leak once, and how sure it is."""

from __future__ import annotations

from headway.scan.findings import Confidence
from headway.scan.proxy.edits import Source
from headway.scan.proxy.leaks import Leak, Leaks, confidence_of
from headway.scan.proxy.traffic import Verdict, What


def test_each_leak_once() -> None:
    leaks, source = Leaks(), Source("a", "x")
    one = Leak(What.QUERY, source, 0, 1, "why")
    for each in (one, one._replace(why="other"), one._replace(what=What.REFERER)):
        leaks.add(each)
    assert [(each.what, each.why) for each in leaks] == [("query", "why"), ("referer", "why")]


def test_how_sure_it_is() -> None:
    verdict = Verdict(What.QUERY)
    assert confidence_of(verdict) is Confidence.HIGH
    assert confidence_of(verdict, always=False) is Confidence.MEDIUM
    assert confidence_of(verdict._replace(sure=False)) is Confidence.MEDIUM
    assert confidence_of(verdict._replace(seen=False)) is Confidence.LOW
