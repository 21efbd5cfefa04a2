"""The mock site, running, and a real browser in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ElementHandle, Frame, Page, sync_playwright

from host.bridge.world import STATIC, World, module, page_of, running

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def running_world() -> Iterator[World]:
    """Site and apps, for all tests of this folder."""
    if not (STATIC / "vendor" / "iframe.js").is_file():
        pytest.skip("the bridge's vendor files are missing: run 'make setup'")
    with running() as world:
        yield world


@pytest.fixture
def world(running_world: World) -> World:
    """Site and apps, with nothing asked yet."""
    running_world.reset()
    return running_world


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window; its driver's loop must not outlive the module."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in its own profile; an error in one of the site's scripts fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(5_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def opened(world: World, page: Page) -> Callable[..., list[Frame]]:
    """Open a page with these modules; answer with their frames when each has its bridge."""

    def open_page(*modules: str) -> list[Frame]:
        wanted = modules or (module("app.one"),)
        world.pages["/page"] = page_of("".join(wanted))
        page.goto(f"{world.site}/page")
        page.locator(".hw-module-frame").nth(len(wanted) - 1).wait_for(state="attached")
        return [bridged(place) for place in page.locator(".hw-module-frame").element_handles()]

    return open_page


def bridged(place: ElementHandle) -> Frame:
    """The frame of an iframe element, once its client script runs."""
    frame = place.content_frame()
    assert frame is not None
    frame.wait_for_function("window.AP && AP.context", polling=50)
    return frame
