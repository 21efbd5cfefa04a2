"""A person, a real browser, the site and its demo app; and then a look for what was left behind.

One scenario in one profile: the last test reads every file of that profile, every
``Referer`` and all that the processes wrote, for any token that crossed.  The
demo app's pages are sealed, so no moment is left in which the browser's journal
could have one: ``tests/app/test_pages.py`` shows that, and what it would be otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Frame, Page

from e2e.browsing import TOKEN, Watched, chromium, frame_at, left_behind, log_in, panel_of
from e2e.running import Up, headway_up
from headway.policy import REHEARSAL

pytestmark = pytest.mark.browser

STAGES = (  # date, policy, (private, public) for the token in the URL, what the inspector says
    ("2021-12-01", "atlassian-2022", ("200", "200"), "accepted"),
    ("2021-12-01", "rehearsal", ("200", "200"), "warned"),
    ("2022-01-18T12:00", "rehearsal", ("401", "200"), "not inspected"),
    ("2022-02-01", "atlassian-2022", ("401", "200"), "not inspected"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    with headway_up(folder) as running:
        yield running


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def profile(folder: Path) -> Path:
    return folder / "profile"


@pytest.fixture(scope="module")
def browser(up: Up, profile: Path, watched: Watched) -> Iterator[BrowserContext]:
    with chromium(profile) as context:
        context.on("request", lambda request: watched.requests.append(request))
        yield context


@pytest.fixture(scope="module")
def page(browser: BrowserContext, watched: Watched) -> Page:
    page = browser.pages[0]
    page.on("console", lambda message: watched.console.append(message.text))
    page.on("pageerror", lambda error: watched.console.append(f"page error: {error}"))
    return page


def press(frame: Frame, way: str) -> tuple[str, str]:
    """Press one of the panel's buttons; what the private and the public issue answered."""
    frame.evaluate("delete document.getElementById('answers').dataset.way")
    frame.locator(f"button[data-way={way}]").click()
    frame.locator(f"#answers[data-way={way}]").wait_for()
    cells = frame.locator("#answers tbody tr td:nth-child(2)").all_text_contents()
    return cells[0], cells[1]


def inspector(page: Page, up: Up) -> list[dict[str, Any]]:
    """What the inspector knows, oldest first."""
    answer = page.request.get(f"{up.site}/inspector/log")
    assert answer.ok
    rows: list[dict[str, Any]] = answer.json()["crossings"]
    return rows


def test_log_in_and_open_the_issue(page: Page, up: Up) -> None:
    log_in(page, up, "/browse/DEMO-1")
    assert "Watch a token travel" in page.inner_text("h1")


def test_the_panel_is_shown_and_drops_its_token(page: Page, up: Up, watched: Watched) -> None:
    frame = panel_of(page)
    assert "jwt=" not in frame.evaluate("location.href")
    addresses = [request.url for request in watched.requests]
    assert any("/panel?" in url and "jwt=" in url for url in addresses), "it came with a token"
    assert frame.locator("button").count() >= 2


@pytest.mark.parametrize(("date", "policy", "answers", "verdict"), STAGES)
def test_both_buttons_on_four_dates(
    page: Page, up: Up, date: str, policy: str, answers: tuple[str, str], verdict: str
) -> None:
    page.goto(f"{up.site}/inspector")
    page.select_option("#policy", policy)
    with page.expect_navigation():
        page.locator("form", has=page.locator("#policy")).locator("button").click()
    page.fill("#date", date if "T" in date else f"{date}T00:00")
    with page.expect_navigation():
        page.locator("form", has=page.locator("#date")).locator("button").click()
    shown = page.locator("p.hw-disclaimer[role=note]")
    assert (shown.count() == 1) is (policy == "rehearsal")
    page.goto(f"{up.site}/browse/DEMO-1")
    frame = panel_of(page)
    assert press(frame, "header") == ("200", "200")
    assert press(frame, "url") == answers
    said = REHEARSAL.disclaimer if policy == "rehearsal" else ""
    assert frame.inner_text("#dates") == said
    calls = [row for row in inspector(page, up) if row["direction"] == "app->host"]
    new, old = calls[-3], calls[-1]
    assert (new["location"], new["verdict"], new["status"]) == ("header", "accepted", 200)
    assert (old["location"], old["verdict"]) == ("query", verdict)
    assert old["path"].startswith("/rest/api/3/issue/PUB-1")


def test_the_same_app_is_in_the_wiki(page: Page, up: Up) -> None:
    page.goto(f"{up.site}/wiki/spaces/DEMO")
    page.click("main a:has-text('A page with an app')")
    frame = frame_at(page, "/macro")
    assert "a private and a public space" in frame.inner_text("body")
    frame.locator("#note:has-text('by asking for the macro')").wait_for()
    assert press(frame, "header") == ("200", "200")
    assert press(frame, "url") == ("401", "200")
    assert "jwt=" not in frame.evaluate("location.href")
    with page.expect_download() as saved:
        frame.locator("button:has-text('through the app')").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"Press both buttons")


def test_the_inspector_shows_it_live(page: Page, browser: BrowserContext, up: Up) -> None:
    """A second window watches while the first one presses a button."""
    watcher = browser.new_page()
    watcher.goto(f"{up.site}/inspector")
    rows = watcher.locator("#hw-inspector tbody tr")
    rows.first.wait_for()
    before = rows.count()
    page.bring_to_front()  # a page in the background hardly runs
    page.goto(f"{up.site}/browse/DEMO-1")
    press(panel_of(page), "url")
    watcher.bring_to_front()
    watcher.wait_for_function(
        "count => document.querySelectorAll('#hw-inspector tbody tr').length > count", arg=before
    )
    text = watcher.inner_text("#hw-inspector")
    page.bring_to_front()
    assert "token-in-query" in text
    assert not TOKEN.search(text.encode())


def test_reload_and_back_inside_the_panel(page: Page, up: Up) -> None:
    page.goto(f"{up.site}/browse/DEMO-1")
    frame = panel_of(page)
    frame.evaluate("window.before = true; location.reload()")
    frame.wait_for_function("!window.before && document.querySelector('button[data-way]')")
    assert press(panel_of(page), "header") == ("200", "200")
    frame.evaluate("location.href = 'panel.css'")
    frame.wait_for_url("**/panel.css")
    page.evaluate("history.back()")
    frame.wait_for_function("document.querySelector('button[data-way]')")
    assert press(panel_of(page), "header") == ("200", "200")


def test_an_attachment_logged_in(page: Page, up: Up) -> None:
    page.goto(f"{up.site}/browse/DEMO-2")
    with page.expect_download() as download:
        page.get_by_role("link", name="notes.txt").click()
    assert b"history" in Path(download.value.path()).read_bytes()
    frame = panel_of(page)
    frame.locator("#files li", has_text="notes.txt").wait_for()
    with page.expect_download() as through:
        frame.locator("#files li", has_text="notes.txt").locator("button").click()
    assert through.value.suggested_filename == "notes.txt"
    assert b"history" in Path(through.value.path()).read_bytes()


def test_an_attachment_not_logged_in(page: Page, up: Up) -> None:
    page.goto(f"{up.site}/browse/DEMO-2")
    path = page.get_by_role("link", name="notes.txt").get_attribute("href")
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{up.site}{path}")
    assert urlsplit(page.url).path == "/login"
    page.fill("#name", "user")
    page.fill("#password", up.users["user"])
    with page.expect_download() as download:
        page.click("form button.primary")
    assert b"history" in Path(download.value.path()).read_bytes()


def test_an_edit_reaches_the_app(page: Page, up: Up) -> None:
    page.goto(f"{up.site}/browse/DEMO-1")
    page.click("summary:has-text('Edit')")
    page.fill("#summary", "Watch a token travel, again")
    page.click("form button:has-text('Save')")
    assert "again" in page.inner_text("h1")


@pytest.mark.parametrize("path", ["/", "/browse/DEMO-1", "/browse/DEMO-2", "/nowhere"])
def test_a_phone_shows_a_page_without_scrolling_sideways(page: Page, up: Up, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{up.site}{path}")
    page.wait_for_load_state("load")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for caption in page.locator("caption").all():
        box = caption.bounding_box()
        assert box is not None
        assert box["height"] < 60, "one line, or two"


def test_nothing_is_left_behind(
    browser: BrowserContext, page: Page, up: Up, profile: Path, watched: Watched
) -> None:
    """Last: the browser is closed, and every place is searched for every token that crossed."""
    tokens, headers = watched.tokens(), watched.headers()
    browser.close()
    assert len(tokens) > 10
    assert not [sent["referer"] for sent in headers if "jwt=" in sent.get("referer", "")]
    assert not [line for line in watched.console if TOKEN.search(line.encode())]
    assert not TOKEN.search(up.written().encode())
    assert left_behind(profile, tokens) == {}
