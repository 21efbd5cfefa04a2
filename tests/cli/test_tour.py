"""The tour: its verdict, and what it prints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from cli.started import started
from headway.cli import tour
from headway.cli.demo import Demo
from headway.cli.tour import Check, Result, show
from headway.host.site import Site
from headway.host.traffic import Crossing, Traffic

GOOD, BAD = (
    Check("a", ok=True, expected="1", found="1"),
    Check("b", ok=False, expected="1", found="2"),
)
CROSSING = Crossing(
    time=0,
    at=0,
    policy="atlassian-2022",
    direction="app->host",
    method="GET",
    path="/x?a=1",
    verdict="refused",
    refusal="r",
    status=401,
)


def test_all_must_be_well_and_something_must_be_checked() -> None:
    assert Result([GOOD], []).ok
    assert not Result([GOOD, BAD], []).ok
    assert not Result([], []).ok


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result([GOOD, BAD], [CROSSING]), as_json=False)
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert "expected 1, found 2" in out
    assert "1 as it should be, 1 not" in out
    show(Result([GOOD], [CROSSING]), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["disclaimers"], len(told["crossings"])) == (True, [], 1)


def test_each_line_under_invented_dates_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    invented = msgspec.structs.replace(CROSSING, policy="mine", disclaimer="Not the vendor's.")
    result = Result([GOOD], [CROSSING, invented, invented])
    show(result, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    marked = ["1970-01-01*" in line for line in lines if "app->host" in line]
    assert marked == [False, True, True]
    assert lines.count("* Not the vendor's.") == 1
    show(result, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["disclaimers"] == ["Not the vendor's."]
    assert [c["disclaimer"] for c in told["crossings"]] == ["", *["Not the vendor's."] * 2]


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


def test_what_others_wrote_is_no_mark_up(capsys: pytest.CaptureFixture[str]) -> None:
    odd = msgspec.structs.replace(CROSSING, path="http://x.example/[/bold]a?jwt=x", refusal="[red]")
    check = Check("[/a]", ok=True, expected="", found="")
    show(Result([check], [odd]), as_json=False)
    out = capsys.readouterr().out
    assert "GET /[/bold]a " in out
    assert "[red]" in out
    assert "[/a]" in out


def test_a_row_is_one_line_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    show(Result([GOOD], [CROSSING] * 3), as_json=False)
    assert sum("app->host" in line for line in capsys.readouterr().out.splitlines()) == 3


# ---- on a site ------------------------------------------------------------------------------


def played(spoil: Callable[[Site, Demo], object] | None = None) -> Result:
    async def scene() -> Result:
        async with started() as (site, demo):
            if spoil is not None:
                spoil(site, demo)
            return await tour.play(site, demo)

    return asyncio.run(scene())


def failed(result: Result) -> list[str]:
    assert not result.ok
    return [check.what for check in result.checks if not check.ok]


def test_the_tour_on_a_good_site() -> None:
    result = played()
    assert [check for check in result.checks if not check.ok] == []
    assert result.ok
    assert len(result.checks) > 30
    assert {"query", "header"} <= {crossing.location for crossing in result.crossings}
    assert "eyJ" not in repr(result)


def test_a_site_that_never_switches_off_fails_the_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    def lenient(site: Site, _: Demo) -> None:
        monkeypatch.setattr(site.clock, "at", lambda: 1_600_000_000.0)

    what = failed(played(lenient))
    assert "2022-02-01, atlassian-2022: token in the url" in what
    assert "2022-02-01, atlassian-2022: token in the header" not in what


def test_an_app_that_hears_nothing_fails_the_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "WAIT_TURNS", 2)

    def deaf(site: Site, _: Demo) -> None:
        site.world.listeners.clear()  # nobody is told

    assert failed(played(deaf)) == ["the app gets the webhook"]


def test_a_login_that_is_refused_is_a_verdict_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "WAIT_TURNS", 2)

    def locked(site: Site, _: Demo) -> None:
        site.identity.log_in = lambda *_: None  # type: ignore[method-assign]

    what = failed(played(locked))
    assert "logging in works" in what
    assert "the scene 'open the panel' ends" in what
    assert "the site refuses: token-expired" not in what
