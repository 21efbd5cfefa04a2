"""The site by its https address in a real browser: an app of the http one works there, too."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from e2e.browsing import CHROMIUM, QUIET, panel_of
from e2e.running import Up, headway_up

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with headway_up(tmp_path_factory.mktemp("https"), "--tls-port", "0") as running:
        yield running


@pytest.fixture
def page(up: Up) -> Iterator[Page]:
    """A browser that takes every certificate: whether this one is good, others judge."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(20_000)
        yield context.new_page()
        browser.close()


def test_a_panel_works_by_either_address(page: Page, up: Up) -> None:
    assert up.tls is not None
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    for site in (up.tls, up.site):
        page.goto(f"{site}/browse/DEMO-1")
        if "/login" in page.url:  # one session for both: cookies ignore ports
            page.get_by_label("Name").fill("admin")
            page.get_by_label("Password").fill(up.users["admin"])
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{site}/browse/DEMO-1")
        frame = panel_of(page)
        frame.locator("button[data-way=header]").click()
        frame.locator("#answers[data-way=header]").wait_for()
        cells = frame.locator("#answers tbody tr td:nth-child(2)").all_text_contents()
        assert cells == ["200", "200"], console


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_curl_trusts_the_file_that_is_told(up: Up, tmp_path: Path) -> None:
    assert up.tls is not None
    authority = up.development["NODE_EXTRA_CA_CERTS"]
    asked = ["curl", "-sS", "--max-time", "10", f"{up.tls}/status"]
    good = subprocess.run([*asked, "--cacert", authority], capture_output=True, text=True)
    assert (good.returncode, good.stdout) == (0, '{"state":"RUNNING"}')
    assert subprocess.run(asked, capture_output=True).returncode == 60  # not trusted
    address = up.tls.replace("localhost", "127.0.0.1")
    other = subprocess.run([*asked[:-1], address, "--cacert", authority], capture_output=True)
    assert other.returncode == 60  # another name
