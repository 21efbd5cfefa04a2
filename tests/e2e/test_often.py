"""The panel opened often in one profile: what is left behind once in ten runs is not missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.browsing import Watched, chromium, left_behind, log_in, panel_of
from e2e.running import headway_up

SOAK = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.mark.browser
@pytest.mark.parametrize("times", [5, pytest.param(1000, marks=SOAK)])
def test_no_opening_of_a_panel_leaves_its_token(tmp_path: Path, times: int) -> None:
    watched, profile = Watched(), tmp_path / "profile"
    tokens: set[str] = set()
    with headway_up(tmp_path) as up, chromium(profile) as browser:
        browser.on("request", lambda request: watched.requests.append(request))
        page = browser.pages[0]
        log_in(page, up, "/browse/DEMO-1")
        for _ in range(times):
            watched.requests.clear()
            page.goto(f"{up.site}/browse/DEMO-1")
            panel_of(page)
            assert any("jwt=" in request.url for request in watched.requests), "with a token"
            tokens |= watched.tokens()
        browser.close()
        assert left_behind(profile, tokens) == {}
