"""Each type of module, in its place on the site's pages, in a real browser."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Error, Frame, Locator, Page

from headway.descriptor import MODULE_TYPES, Shown
from headway.host.storage_format import with_macro_ids
from headway.host.testing import Site
from host.bridge.whole import JIRA, WIKI, App, whole

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
    frame.wait_for_function("window.AP && AP.context", polling=50)
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


# ---- Confluence -----------------------------------------------------------------------------

MACROS = """<p>Before</p>
<ac:structured-macro ac:name="macro" ac:schema-version="1"><ac:parameter ac:name="colour">red
</ac:parameter><ac:plain-text-body><![CDATA[the body]]></ac:plain-text-body></ac:structured-macro>
<ac:structured-macro ac:name="static-macro" ac:schema-version="1" />"""


@pytest.fixture(scope="module")
def wiki(running: tuple[Site, App, App]) -> tuple[App, str, str]:
    """The app, the space's key, and the id of a page with both kinds of macro."""
    world = running[0].running.site.world
    space = world.spaces.spaces()[0]
    author = world.people.user("admin").account_id
    made = world.wiki.add_page(space.id, "With macros", with_macro_ids(MACROS), author)
    return running[2], space.key, str(made.id)


def test_macros(admin: Page, site: Site, wiki: tuple[App, str, str]) -> None:
    """dynamicContentMacros in a frame, staticContentMacros as cleaned text of the page itself."""
    app, _, page_id = wiki
    admin.goto(f"{site.origin}/wiki/pages/viewpage.action?pageId={page_id}")
    frame = shows(module(admin, "macro"), "macro")
    values = query(app, "macro")
    assert (values["page"], values["colour"].strip()) == (page_id, "red")
    call = "() => new Promise((done) => AP.confluence.getMacroBody(done))"
    assert frame.evaluate(call) == "the body"
    data = frame.evaluate("() => new Promise((done) => AP.confluence.getMacroData(done))")
    assert data["colour"].strip() == "red"
    nested = frame.evaluate("() => AP.context.getContext()")
    assert nested["confluence"]["content"]["id"] == page_id
    assert admin.get_by_text("From the app").count() == 1
    assert "alert(1)" not in admin.content()
    target, authorization = next(one for one in reversed(app.asked) if "/static?" in one[0])
    assert "jwt=" not in target
    assert authorization.startswith("JWT ")


def test_a_macros_page_asks_for_the_apps_own_properties(
    admin: Page, site: Site, wiki: tuple[App, str, str]
) -> None:
    _, _, page_id = wiki
    admin.goto(f"{site.origin}/wiki/pages/viewpage.action?pageId={page_id}")
    frame = shows(module(admin, "macro"), "macro")
    answer = frame.evaluate(
        "(url) => AP.request(url).then(({xhr}) => xhr.status)", f"/rest/api/content/{page_id}"
    )
    assert answer == 200


def test_a_pages_byline_and_its_pane(admin: Page, site: Site, wiki: tuple[App, str, str]) -> None:
    """contentBylineItems, contextPane."""
    app, key, page_id = wiki
    admin.goto(f"{site.origin}/wiki/pages/viewpage.action?pageId={page_id}")
    admin.get_by_role("button", name="The byline").click()
    shows(admin.locator(".hw-inline"), "byline")
    assert query(app, "byline")["page"] == page_id
    shows(module(admin, "pane"), "pane")
    assert query(app, "pane")["space"] == key


@pytest.mark.parametrize("kind", ["space", "tools"])
def test_pages_of_a_space(admin: Page, site: Site, wiki: tuple[App, str, str], kind: str) -> None:
    """spacePages, spaceToolsTabs."""
    app, key, _ = wiki
    admin.goto(f"{site.origin}/wiki/spaces/{key}")
    admin.get_by_role("link", name=f"The {kind}").first.click()
    shows(module(admin, kind), kind)
    assert query(app, kind)["space"] == key


def test_general_pages_of_a_confluence(admin: Page, site: Site, wiki: tuple[App, str, str]) -> None:
    admin.goto(f"{site.origin}/wiki/spaces")
    assert admin.get_by_role("link", name="The general").count() == 0  # it is Jira's
    admin.locator("nav.hw-nav").get_by_role("link", name="The wiki-page").click()
    frame = shows(module(admin, "wiki-page"), "wiki-page")
    assert query(wiki[0], "wiki-page")["cp"] == "/wiki"
    assert frame.evaluate("() => AP.context.getToken()").count(".") == 2


def test_every_type_is_tested_here() -> None:
    """The lists of the apps' modules are the list of the types that are shown."""
    shown = {name for name, row in MODULE_TYPES.items() if row.shown is not Shown.CALL}
    assert set(JIRA) | set(WIKI) == shown


# ---- what an app must not do ----------------------------------------------------------------


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


def test_a_stranger_sees_what_is_public(site: Site, app: App, chromium: Browser) -> None:
    """A token without a subject; the app's calls through the bridge are nobody's."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{site.url}/browse/PUB-1")
    frame = shows(module(page, "panel"), "panel")
    values = query(app, "panel")
    assert (values["issue"], values.get("me", "")) == ("PUB-1", "")
    claims = json.loads(urlsafe_b64decode(values["jwt"].split(".")[1] + "=="))
    assert "sub" not in claims
    told = frame.evaluate("() => AP.context.getToken()")
    assert "sub" not in json.loads(urlsafe_b64decode(told.split(".")[1] + "=="))
    user = "() => new Promise((done) => AP.user.getCurrentUser(done))"
    assert not frame.evaluate(user).get("atlassianAccountId")
    ask = (
        """(path) => AP.request(path).then((answer) => answer.xhr.status, (no) => no.xhr.status)"""
    )
    assert frame.evaluate(ask, "/rest/api/3/issue/PUB-1") == 200
    assert frame.evaluate(ask, "/rest/api/3/issue/DEMO-1") == 401
    assert frame.evaluate(ask, "/rest/api/3/myself") == 401
    context.close()
