"""``site.login(page, user)`` in real Chromium: no form, no password."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import sync_playwright

from headway.host.testing import Site

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


def test_a_page_is_logged_in_and_can_change_something() -> None:
    with Site(sockets=True) as site, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(f"{site.url}/browse/DEMO-1")
        assert "/login" in page.url
        site.login(page, "user")
        page.goto(f"{site.url}/browse/DEMO-1")
        assert "Watch a token travel" in page.inner_text("h1")
        page.click("summary:has-text('Edit')")
        page.fill("#summary", "From the browser")
        page.click("form button:has-text('Save')")
        page.wait_for_load_state()
        assert site.issue("DEMO-1").summary == "From the browser"
        browser.close()
