"""Each type of module, in its place on the site's pages, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Error, Frame, Locator, Page

from headway.host.testing import Site
from host.bridge.whole import JIRA, App, whole

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Site, App, App]]:
    with whole() as running:
        yield running


@pytest.fixture
def site(running: tuple[Site, App, App]) -> Site:
    return running[0]


@pytest.fixture
def app(running: tuple[Site, App, App]) -> App:
    return running[1]


@pytest.fixture(scope="module")
def admin(running: tuple[Site, App, App], chromium: Browser) -> Iterator[Page]:
    """The administrator's page; an error in one of the site's scripts fails its tests."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(15_000)
    running[0].login(page, "admin")
    yield page
    context.close()


def frame_in(place: Locator) -> Frame:
    """The frame of a module, once its client script has its bridge."""
    handle = place.locator("iframe.hw-module-frame").element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_function("window.AP && AP.context")
    return frame


def shows(place: Locator, key: str) -> Frame:
    frame = frame_in(place)
    assert frame.inner_text("#it") == f"/{key}"
    return frame


def query(app: App, key: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(app.target(key)).query).items()}


def module(page: Page, key: str) -> Locator:
    return page.locator(f'.hw-module[data-module-key="{key}"]')


ISSUE = "/browse/DEMO-1"


def test_web_panels(admin: Page, site: Site, app: App) -> None:
    admin.goto(f"{site.url}{ISSUE}")
    frame = shows(module(admin, "panel"), "panel")
    values = query(app, "panel")
    assert (values["issue"], values["title"]) == ("DEMO-1", "Watch a token travel")
    assert values["me"] == site.running.site.world.people.user("admin").account_id
    assert values["jwt"].count(".") == 2
    assert values["xdm_e"] == site.url
    nested = frame.evaluate("() => AP.context.getContext()")
    assert nested["jira"]["issue"]["key"] == "DEMO-1"
    assert frame.evaluate("() => AP.context.getToken()").count(".") == 2


def test_conditions_also_those_that_the_app_is_asked(admin: Page, site: Site, app: App) -> None:
    admin.goto(f"{site.url}{ISSUE}")
    assert module(admin, "hidden").count() == 0
    shows(module(admin, "asked"), "asked")
    target, authorization = next(one for one in reversed(app.asked) if one[0].startswith("/shown"))
    assert "issue=DEMO-1" in target
    assert "jwt=" not in target
    assert authorization.startswith("JWT ")
    app.shown = False
    try:
        admin.goto(f"{site.url}/browse/DEMO-2")
        assert module(admin, "panel").count() == 1
        assert module(admin, "asked").count() == 0
    finally:
        app.shown = True


@pytest.mark.parametrize("key", ["contents", "glance", "context", "tab"])
def test_parts_of_an_issue_that_are_opened(admin: Page, site: Site, app: App, key: str) -> None:
    """jiraIssueContents, jiraIssueGlances, jiraIssueContexts, jiraIssueTabPanels."""
    admin.goto(f"{site.url}{ISSUE}")
    place = module(admin, key)
    assert place.locator("iframe").count() == 0  # nobody has looked at it yet
    admin.locator("details", has=place).locator("summary").click()
    shows(place, key)
    assert query(app, key)["issue"] == "DEMO-1"


def test_web_items_and_sections(admin: Page, site: Site, app: App) -> None:
    admin.goto(f"{site.url}{ISSUE}")
    links = admin.locator("nav.hw-nav")
    assert links.get_by_role("link", name="The item").count() == 1
    elsewhere = links.get_by_role("link", name="The elsewhere")
    assert (elsewhere.get_attribute("href") or "").startswith("https://example.com/")
    assert elsewhere.get_attribute("rel") == "noopener noreferrer"
    actions = admin.get_by_role("group", name="Apps")
    assert actions.get_by_role("link", name="The product").get_attribute("href") == (
        "/browse/DEMO-1?x"
    )
    assert "A section" in actions.inner_text()
    # a dialog
    actions.get_by_role("button", name="The dialog").click()
    dialog = admin.get_by_role("dialog")
    frame = shows(dialog, "dialog")
    assert admin.evaluate("document.querySelector('dialog').offsetWidth") < 450
    frame.evaluate("() => { AP.dialog.close(); }")
    dialog.wait_for(state="detached")
    # a dialog by the key of its module
    actions.get_by_role("button", name="The named").click()
    shows(dialog, "box").evaluate("() => { AP.dialog.close(); }")
    assert query(app, "box")["issue"] == "DEMO-1"
    dialog.wait_for(state="detached")
    # an inline dialog
    actions.get_by_role("button", name="The inline").click()
    shows(admin.locator(".hw-inline"), "inline").evaluate("() => { AP.inlineDialog.hide(); }")
    admin.locator(".hw-inline").wait_for(state="detached")
    # a page
    links.get_by_role("link", name="The item").click()
    admin.wait_for_url("**/my-app/item")
    shows(module(admin, "item"), "item")


def test_dialogs_of_the_apps_own_making(admin: Page, site: Site, app: App) -> None:
    admin.goto(f"{site.url}{ISSUE}")
    frame = shows(module(admin, "panel"), "panel")
    frame.evaluate("() => { AP.dialog.create({key: 'box', chrome: true, header: 'Box'}); }")
    dialog = admin.get_by_role("dialog")
    shows(dialog, "box")
    assert query(app, "box")["issue"] == "DEMO-1"
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")


def test_general_pages(admin: Page, site: Site, app: App) -> None:
    admin.goto(site.url)
    admin.locator("nav.hw-nav").get_by_role("link", name="The general").click()
    frame = shows(module(admin, "general"), "general")
    assert "project=&own=&" in app.target("general")
    context = {"addonKey": "my-app", "moduleKey": "general", "customData": {"own": "a b"}}
    frame.evaluate(
        "(c) => { AP.navigator.go('addonModule', {...c, projectKey: 'DEMO'}); }", context
    )
    admin.wait_for_url("**ac.own=*")
    shows(module(admin, "general"), "general")
    values = query(app, "general")
    assert (values["project"], values["own"]) == ("DEMO", "a b")


def test_admin_pages(admin: Page, site: Site) -> None:
    admin.goto(f"{site.url}/admin")
    admin.get_by_role("link", name="The administration").click()
    shows(module(admin, "administration"), "administration")


@pytest.mark.parametrize("key", ["configuration", "started"])
def test_the_two_pages_that_an_app_has_one_of(admin: Page, site: Site, key: str) -> None:
    """configurePage and postInstallPage, from the list of apps."""
    admin.goto(f"{site.url}/apps")
    admin.get_by_role("link", name=f"The {key}").first.click()
    shows(module(admin, key), key)


def test_project_pages(admin: Page, site: Site, app: App) -> None:
    admin.goto(f"{site.url}/projects/DEMO")
    admin.get_by_role("link", name="The project").click()
    shows(module(admin, "project"), "project")
    project = site.running.site.world.tracker.project("DEMO")
    assert query(app, "project")["id"] == str(project.id)


def test_tabs_of_a_projects_settings(admin: Page, site: Site) -> None:
    admin.goto(f"{site.url}/projects/DEMO/settings")
    admin.get_by_role("link", name="The settings").click()
    shows(module(admin, "settings"), "settings")


def test_dashboard_items(admin: Page, site: Site, app: App) -> None:
    admin.goto(f"{site.url}/dashboard")
    place = module(admin, "item-on-dashboard")
    frame = frame_in(place)
    assert query(app, "item")["on"] == "10000"
    assert query(app, "item")["id"].isdigit()
    frame.evaluate("() => { AP.jira.setDashboardItemTitle('Another title'); }")
    admin.get_by_role("heading", name="Another title").wait_for()


def test_profile_tabs(admin: Page, site: Site, app: App) -> None:
    account_id = site.running.site.world.people.user("user").account_id
    admin.goto(f"{site.url}/people/{account_id}")
    admin.locator("summary", has_text="The profile").click()
    shows(module(admin, "profile"), "profile")
    assert query(app, "profile")["of"] == account_id


def test_every_type_of_jira_is_tested_here() -> None:
    """The list of the app's modules is the list of the types that are shown."""
    from headway.host.descriptor import MODULE_TYPES, Shown
    from headway.model import Product

    shown = {
        name
        for name, row in MODULE_TYPES.items()
        if Product.JIRA in row.products and row.shown is not Shown.CALL
    }
    assert set(JIRA) == shown


def test_a_frame_can_not_even_go_where_no_app_of_the_page_is(
    admin: Page, site: Site, running: tuple[Site, App, App]
) -> None:
    """What it could go to has lost the bridge (test_bridge); the page's policy stops it before."""
    admin.goto(f"{site.url}{ISSUE}")
    frame = shows(module(admin, "panel"), "panel")
    with pytest.raises(Error, match="ERR_BLOCKED_BY_CSP"):
        frame.goto(f"{running[2].url}/other")


DEPUTY = [
    "/rest/plugins/1.0/",
    "/rest/plugins/1.0/?token=x",
    "/svc/module-url",
    "/svc/context-token",
    "/inspector/log",
    "/inspector",
    "/apps",
    "/control/",
    "/logout",
    "/admin",
]


def test_an_administrators_session_is_nothing_that_an_app_can_borrow(
    admin: Page, site: Site
) -> None:
    """The bridge refuses before anything is sent; the guard refuses what came without it."""
    admin.goto(f"{site.url}{ISSUE}")
    frame = shows(module(admin, "panel"), "panel")
    for path in DEPUTY:
        for method in ("GET", "POST"):
            status = frame.evaluate(
                "(options) => AP.request(options).then(() => 'let through', ({xhr}) => xhr.status)",
                {"url": path, "type": method, "data": "{}", "contentType": "application/json"},
            )
            assert (path, method, status) == (path, method, 403)
    behind = (
        """async (path) => (await fetch(path, {headers: {"AP-Client-Key": "my-app"}})).status"""
    )
    for path in DEPUTY:
        assert (path, admin.evaluate(behind, path)) == (path, 403)
    # what is not in the table of scopes is no app's, nor what its scopes do not cover
    ask = "(o) => AP.request(o).then(() => 'let through', ({xhr}) => xhr.status)"
    assert frame.evaluate(ask, {"url": "/rest/api/3/nothing-like-it"}) in (403, 404, 501)
    write = {"url": "/rest/api/3/issue", "type": "POST", "data": "{}"}
    assert frame.evaluate(ask, {**write, "contentType": "application/json"}) == 403
