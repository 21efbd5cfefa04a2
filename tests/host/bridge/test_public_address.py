"""An app that loads its client script from the public address, unchanged, without a network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from headway.host.client_script import NAME
from headway.host.testing import Site
from host.bridge.conftest import CHROMIUM, QUIET, bridged
from host.bridge.whole import App, whole

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Site, App]]:
    with whole(client_script_port=0) as (site, app, _):
        app.script = f"https://{NAME}/all.js"
        yield site, app


def opened(site: Site, page: Page) -> list[str]:
    """The issue with the app's panel; every address that was asked for on the way."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    site.login(page, "admin")
    page.goto(f"{site.url}/browse/DEMO-1")
    page.locator('.hw-module[data-module-key="panel"] iframe').wait_for()
    return urls


def test_chromium_finds_it_here(running: tuple[Site, App]) -> None:
    site, _ = running
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    options = site.running.chromium_options
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *options])
        page = browser.new_page()
        page.set_default_timeout(15_000)
        urls = opened(site, page)
        place = page.locator('.hw-module[data-module-key="panel"] iframe').element_handle()
        assert place is not None
        frame = bridged(place)
        assert frame.evaluate("() => AP.context.getToken()").count(".") == 2
        # its styles come from where it came from
        frame.evaluate("() => { AP.theming.initializeTheming(); }")
        styled = """() => getComputedStyle(document.documentElement)
          .getPropertyValue("--ds-text") !== ''"""
        frame.wait_for_function(styled, polling=50)  # no frame is drawn that is not in view
        assert f"https://{NAME}/all.js" in urls
        assert any(url.startswith(f"https://{NAME}/themes/") for url in urls)
        browser.close()


def test_without_the_options_it_is_not_there(running: tuple[Site, App]) -> None:
    """So that the test above can fail: nothing else on this machine answers for the name."""
    site, _ = running
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as driver:
        nowhere = f"--host-resolver-rules=MAP {NAME} ~NOTFOUND"
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, nowhere])
        page = browser.new_page()
        opened(site, page)
        place = page.locator('.hw-module[data-module-key="panel"] iframe').element_handle()
        assert place is not None
        frame = place.content_frame()
        assert frame is not None
        frame.wait_for_selector("#it")
        assert frame.evaluate("() => typeof window.AP") == "undefined"
        browser.close()
