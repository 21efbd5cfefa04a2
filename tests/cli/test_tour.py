"""The tour: its verdict, and what it prints."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from headway.cli import tour
from headway.cli.tour import Check, Result, show
from headway.host.traffic import Crossing, Traffic

GOOD, BAD = (
    Check("a", ok=True, expected="1", found="1"),
    Check("b", ok=False, expected="1", found="2"),
)
CROSSING = Crossing(
    time=0,
    at=0,
    direction="app->host",
    method="GET",
    path="/x?a=1",
    verdict="refused",
    refusal="r",
    status=401,
)


def test_all_must_be_well_and_something_must_be_checked() -> None:
    assert Result([GOOD], [], "").ok
    assert not Result([GOOD, BAD], [], "").ok
    assert not Result([], [], "").ok


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result([GOOD, BAD], [CROSSING], ""), as_json=False)
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert "expected 1, found 2" in out
    assert "1 as it should be, 1 not" in out
    show(Result([GOOD], [CROSSING], "d"), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["disclaimer"], len(told["crossings"])) == (True, "d", 1)


def test_a_scene_that_breaks_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async def _broken_scene(_: object) -> None:
        raise ValueError

    async def _good_scene(played: tour._Tour) -> None:
        played.sure("it goes on", found=True)

    monkeypatch.setattr(tour, "SCENES", (_broken_scene, _good_scene))
    site = SimpleNamespace(traffic=Traffic(), policy=SimpleNamespace(disclaimer=""))
    demo = SimpleNamespace(connect=SimpleNamespace(base_url="http://127.0.0.1:1"))
    result = asyncio.run(tour.play(site, demo))  # type: ignore[arg-type]
    assert [check.ok for check in result.checks] == [False, True]
    assert "broken scene" in result.checks[0].what
