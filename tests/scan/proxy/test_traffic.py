"""Sample requests, and what is said of a log that has them."""

from __future__ import annotations

import pytest

from headway.scan.proxy.traffic import SAMPLES, Line, Sample, Verdict, What, judge


def test_samples_have_their_tokens_once_and_only_where_they_say() -> None:
    for sample in SAMPLES:
        where = sample.referer if sample.what is What.REFERER else sample.target
        assert sample.token in where
        assert sample.path + "?" + sample.query == sample.target or sample.what is What.REFERER
    assert {sample.rare for sample in SAMPLES} == {
        "", "sent twice", "in a redirect", "as access_token", "as api_key"
    }  # fmt: skip


def test_parts_of_a_sample() -> None:
    sample = Sample(What.QUERY, "/a?x=1&JWT=T&c")
    assert (sample.path, sample.query) == ("/a", "x=1&JWT=T&c")
    assert [sample.parameter(name) for name in ("jwt", "x", "c", "none")] == ["T", "1", "", ""]


def test_lines_add_up() -> None:
    assert Line("a") + Line("b") == Line("ab")
    assert Line("a") + Line("b", sure=False) == Line("ab", sure=False)
    with pytest.raises(TypeError):
        _ = Line("a") + "b"  # type: ignore[operator]


def test_verdicts() -> None:
    def said(writes: object) -> list[Verdict]:
        return list(judge(writes))  # type: ignore[arg-type]

    assert said(lambda s: None) == []
    assert said(lambda s: Line(s.path)) == []
    assert said(lambda s: Line(s.target + s.referer)) == [
        Verdict(What.QUERY), Verdict(What.REFERER)
    ]  # fmt: skip
    assert said(lambda s: Line(s.target, sure=False)) == [Verdict(What.QUERY, sure=False)]
    assert said(lambda s: Line("", sure=False)) == [Verdict(What.QUERY, seen=False, sure=False)]
    [rare] = said(lambda s: Line(s.target if s.rare == "in a redirect" else ""))
    assert rare == Verdict(What.QUERY, ("in a redirect",))
