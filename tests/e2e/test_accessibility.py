"""Every page as people meet it: light and dark, wide and narrow, by keyboard, without a script.

The accessibility checker is axe-core, which nobody here wrote.  Which pages
there are is asked of the site's own table, so that a new one is not forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.routing import Route

from e2e.browsing import CHROMIUM, QUIET
from e2e.running import ROOT, Up, headway_up
from headway.host.pages import routes
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.testing import Site as HostSite
from host.bridge.whole import app_of

pytestmark = [pytest.mark.browser, pytest.mark.node]

AXE = ROOT / "tests" / "e2e" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
SERIOUS = frozenset({"serious", "critical"})

NO_PAGES = {"/status", "/inspector/log", "/inspector/events"}
"""What the table has for scripts."""

OF_APPS = {"/post-functions/new", "/post-functions/{id}"}
"""What only apps with other modules than the demo's bring, and a test of its own looks at."""

NOT_HERE = {"/browse/{key}/open/{app}/{module}/{action}", "/wiki/plugins/servlet/ac/{app}/{module}"}
"""The same, without one: a redirect, and a page of an app."""

FIXED = (
    "/",
    "/?jql=project+%3D+%28",
    "/?jql=summary+~+nowhere",
    "/create",
    "/browse/DEMO-1",
    "/browse/DEMO-2",
    "/browse/DEMO-3",
    "/browse/DEMO-4",
    "/projects/DEMO",
    "/projects/DEMO/settings",
    "/create-project",
    "/wiki/spaces/DEMO/settings",
    "/dashboard",
    "/admin",
    "/admin/users",
    "/admin/groups",
    "/apps",
    "/outbox",
    "/post-functions",
    "/providers",
    "/inspector",
    "/nowhere",
    "/wiki",
    "/wiki/",
    "/wiki/spaces",
    "/wiki/spaces/DEMO",
    "/wiki/spaces/DEMO/overview",
    "/wiki/spaces/DEMO/pages/create",
)

RULES = """() => axe.run(document, {resultTypes: ["violations"], iframes: false}).then(
  (found) => found.violations.map((rule) => ({
    id: rule.id, impact: rule.impact, where: rule.nodes.map((node) => node.html.slice(0, 200)),
  })))"""


class Seen:
    """What went wrong in a browser, and what it asked for."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._console(page, message))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, page: Page, message: Any) -> None:
        # A page that is an error itself is one for the browser too.
        own_status = message.location.get("url") == page.url and "status of 4" in message.text
        if message.type in ("error", "warning") and not own_status:
            self.errors.append(f"{page.url}: {message.text}")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)  # an app's address has a token: it is not repeated
        if parts.scheme != "data" and parts.hostname not in ("localhost", "127.0.0.1"):
            self.foreign.append(parts.hostname or parts.scheme)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with headway_up(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@contextmanager
def a_page(chromium: Browser, up: Up, user: str = "", **options: Any) -> Iterator[Page]:
    """A page in a fresh profile, of somebody who is logged in or of a stranger."""
    context = chromium.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(20_000)
    if user:
        page.goto(f"{up.site}/login")
        page.fill("#name", user)
        page.fill("#password", up.users[user])
        page.click("form button.primary")
    yield page
    context.close()


def paths(page: Page, up: Up) -> list[str]:
    """Every page's address; those with ids in them are found where the site links to them."""
    found = [*FIXED, page.locator(".hw-account a").get_attribute("href") or ""]
    page.goto(f"{up.site}/wiki/spaces/DEMO")
    links = page.locator("main a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    of_space = [link for link in links if re.search(r"/pages/\d+|/blog/", link or "")]
    assert of_space
    page_id = next(match[1] for link in of_space if (match := re.search(r"/pages/(\d+)", link)))
    found += [*of_space, f"/wiki/spaces/DEMO/pages/edit-v2/{page_id}"]
    found += [f"/wiki/spaces/DEMO/pages/{page_id}", f"/wiki/pages/viewpage.action?pageId={page_id}"]
    page.goto(f"{up.site}/")
    nav = page.locator(".hw-nav a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    return list(dict.fromkeys([*found, *nav]))


def findings(page: Page) -> list[str]:
    """What the checker finds serious or worse."""
    page.evaluate(AXE.read_text("utf-8"))
    return [
        f"{rule['id']} ({rule['impact']}): {rule['where']}"
        for rule in page.evaluate(RULES)
        if rule["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_every_page_in_every_look(chromium: Browser, up: Up, scheme: str, width: int) -> None:
    """Nothing serious, nothing wider than the screen, no error, no network but the site's."""
    size = {"width": width, "height": 900}
    seen, found = Seen(), []
    with a_page(chromium, up, "admin", viewport=size, color_scheme=scheme) as page:
        every = paths(page, up)
        seen.watch(page)
        for path in every:
            page.goto(f"{up.site}{path}")
            for details in page.locator("details").all():
                details.evaluate("it => { it.open = true; }")
            if path.startswith("/browse/"):
                page.locator(".hw-module-frame").first.wait_for(state="attached")
            found += [f"{path}: {finding}" for finding in findings(page)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path}: wider than {width}")
    assert found == []
    assert seen.errors == []
    assert seen.foreign == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_every_page_of_a_stranger(chromium: Browser, up: Up, scheme: str, width: int) -> None:
    size = {"width": width, "height": 900}
    seen, found = Seen(), []
    with a_page(chromium, up, viewport=size, color_scheme=scheme) as page:
        seen.watch(page)
        for path in ("/", "/login", "/browse/PUB-1", "/projects/PUB", "/wiki/spaces/OPEN", "/x"):
            page.goto(f"{up.site}{path}")
            found += [f"{path}: {finding}" for finding in findings(page)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path}: wider than {width}")
    assert found == []
    assert seen.errors == []
    assert seen.foreign == []


def test_no_page_of_the_table_was_left_out(chromium: Browser, up: Up) -> None:
    table = [
        route
        for route in routes(Site(Settings()))
        if isinstance(route, Route) and "GET" in (route.methods or ())
    ]
    with a_page(chromium, up, "admin") as page:
        visited = {urlsplit(path).path for path in [*paths(page, up), "/login"]}
    missing = {route.path for route in table if not any(map(route.path_regex.fullmatch, visited))}
    assert missing == NO_PAGES | NOT_HERE | OF_APPS


PAGES = {page: {"url": f"/{page}"} for page in ("create", "edit", "view")}
FUNCTIONS = [
    {"key": "own", "name": {"value": "Own pages"}, "triggered": {"url": "/t"}, **PAGES},
    {"key": "text", "name": {"value": "No pages"}, "triggered": {"url": "/t"}},
]


def test_what_an_app_has_set_up(chromium: Browser) -> None:
    """The pages of post functions, in every look."""
    found, seen = [], Seen()
    with HostSite(sockets=True) as site, app_of({"jiraWorkflowPostFunctions": FUNCTIONS}) as app:
        app.script = f"{site.url}/atlassian-connect/all.js"
        site.install(f"{app.url}/atlassian-connect.json")
        functions = site.running.site.post_functions
        rules = [functions.add(31, "my-app", key, "so far").id for key in ("own", "text")]
        new = [f"new?transition=31&function=my-app+{key}" for key in ("own", "text")]
        for scheme, width in LOOKS:
            size = {"width": width, "height": 900}
            context = chromium.new_context(viewport=size, color_scheme=scheme)
            page = context.new_page()
            site.login(page, "admin")
            seen.watch(page)
            for path in ("", *(f"/{name}" for name in (*rules, *new))):
                page.goto(f"{site.origin}/post-functions{path}")
                for details in page.locator("details").all():
                    details.evaluate("it => { it.open = true; }")
                found += [f"{path} {scheme} {width}: {finding}" for finding in findings(page)]
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    found.append(f"{path}: wider than {width}")
            context.close()
    assert found == []
    assert seen.errors == []
    assert seen.foreign == []


# ---- by keyboard ----------------------------------------------------------------------------

TABS_MAX = 150


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until *selector* has the focus, and see that the focus can be seen."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", selector
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_by_keyboard_alone(chromium: Browser, up: Up) -> None:
    """Log in, find an issue, comment on it, log out; nobody touches a mouse."""
    with a_page(chromium, up) as page:
        page.goto(f"{up.site}/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        tab_to(page, ".hw-account a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/login**")
        assert page.evaluate("document.activeElement.id") == "name"
        page.keyboard.type("user")
        page.keyboard.press("Tab")
        page.keyboard.type(up.users["user"])
        page.keyboard.press("Enter")
        page.wait_for_url(f"{up.site}/")
        tab_to(page, "a[href='/browse/DEMO-5']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/browse/DEMO-5")
        tab_to(page, "#body")
        page.keyboard.type("Typed, not clicked")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/browse/DEMO-5#comments")
        page.locator(".hw-comments", has_text="Typed, not clicked").wait_for()
        page.goto(f"{up.site}/browse/DEMO-5")
        tab_to(page, ".hw-account form button")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{up.site}/")
        page.locator(".hw-account a", has_text="Log in").wait_for()


# ---- colours --------------------------------------------------------------------------------


def test_colours_are_chosen_and_remembered(chromium: Browser, up: Up) -> None:
    seen = Seen()
    paper = "getComputedStyle(document.body).backgroundColor"
    with a_page(chromium, up, color_scheme="light") as page:
        seen.watch(page)
        page.goto(f"{up.site}/")
        light = page.evaluate(paper)
        button = page.locator("button.hw-theme")
        assert button.get_attribute("aria-label") == "Colours: system"
        button.click()
        assert page.evaluate(paper) == light
        button.click()
        dark = page.evaluate(paper)
        assert dark != light
        page.goto(f"{up.site}/browse/PUB-1")
        assert page.evaluate(paper) == dark
        assert page.locator("button.hw-theme").get_attribute("aria-label") == "Colours: dark"
        page.locator("button.hw-theme").click()
        page.reload()
        assert page.evaluate(paper) == light
    assert seen.errors == []


# ---- files ----------------------------------------------------------------------------------

DROP = """([form, name, size]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(size)], name, {type: "text/plain"}));
  const how = {dataTransfer: transfer, bubbles: true, cancelable: true};
  for (const kind of ["dragenter", "dragover", "drop"]) {
    form.dispatchEvent(new DragEvent(kind, how));
  }
}"""


def test_a_file_is_dropped_and_taken_away(chromium: Browser, up: Up) -> None:
    seen = Seen()
    with a_page(chromium, up, "user") as page:
        seen.watch(page)
        page.goto(f"{up.site}/browse/DEMO-6")
        form = page.locator("form.hw-drop").element_handle()
        with page.expect_navigation():
            page.evaluate(DROP, [form, "dropped.txt", 300_000])
        page.get_by_role("link", name="dropped.txt").wait_for()
        page.on("dialog", lambda dialog: dialog.accept())
        with page.expect_navigation():
            page.get_by_role("button", name="Delete dropped.txt").click()
        assert page.get_by_role("link", name="dropped.txt").count() == 0
        form = page.locator("form.hw-drop").element_handle()
        page.evaluate(DROP, [form, "huge.bin", 11 * 1024 * 1024])
        assert page.locator(".hw-drop-state").inner_text() == "That is too much at once."
    assert seen.errors == []


def test_a_refused_file_says_why(chromium: Browser, up: Up) -> None:
    """Somebody else logged out meanwhile: the script tells what the site said."""
    with a_page(chromium, up, "user") as page:
        page.goto(f"{up.site}/browse/DEMO-6")
        page.context.clear_cookies()
        form = page.locator("form.hw-drop").element_handle()
        page.evaluate(DROP, [form, "late.txt", 10])
        page.wait_for_function("() => document.querySelector('.hw-drop-state').textContent !== ''")
        page.wait_for_function(
            "() => document.querySelector('.hw-drop-state').textContent.includes('logged in')"
        )
        assert page.locator("form.hw-drop progress").is_hidden()


# ---- without a script -----------------------------------------------------------------------


def test_without_a_script(chromium: Browser, up: Up, tmp_path: Path) -> None:
    """Reading, and writing too; what only a script can do is not there."""
    file = tmp_path / "plain.txt"
    file.write_text("sent by a form")
    with a_page(chromium, up, "user", java_script_enabled=False) as page:
        page.goto(f"{up.site}/?jql=project+%3D+DEMO")
        assert page.locator(".hw-theme").is_hidden()
        with page.expect_navigation():
            page.click("text=Answer webhooks within ten seconds")
        page.fill("#body", "No script at all")
        with page.expect_navigation():
            page.click("button:has-text('Comment')")
        assert "No script at all" in page.inner_text(".hw-comments")
        page.set_input_files("#files", str(file))
        with page.expect_navigation():
            page.click("form.hw-drop button")
        assert page.get_by_role("link", name="plain.txt").count() == 1
        with page.expect_navigation():
            page.click("form[action$='/transition'] button:has-text('Done')")
        assert page.locator(".hw-toolbar .hw-badge").first.inner_text() == "Done"
        page.goto(f"{up.site}/wiki/spaces/OPEN")
        assert "Open handbook" in page.inner_text("main")


# ---- clickjacking ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/apps", "/admin/users", "/login", "/wiki/spaces"])
def test_no_page_can_be_framed(chromium: Browser, up: Up, path: str) -> None:
    with a_page(chromium, up, "admin") as page:
        page.goto(f"data:text/html,<iframe src='{up.site}{path}'></iframe>")
        page.wait_for_timeout(300)
        frame = page.frames[1]
        assert frame.url.startswith("chrome-error://") or "Headway" not in frame.content()
