"""AP.jira, AP.confluence, the theme, messages, and the rest of the page, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Page

from host.bridge.world import World, module, page_of

pytestmark = pytest.mark.browser
Opened = Callable[..., list[Frame]]
WIKI = {"content.id": "7", "content.type": "page", "space.key": "DOC"}


def wiki(more: str = "", app: str = "app.one") -> str:
    return module(app, context=WIKI, more=f'data-product="confluence" {more}')


def called(frame: Frame, call: str) -> object:
    """What a call calls back with."""
    return frame.evaluate("(call) => new Promise((done) => eval(call)(done))", call)


# ---- Jira -----------------------------------------------------------------------------------


def test_a_dashboards_item(world: World, page: Page) -> None:
    item = '<section class="hw-dashboard-item"><h2 class="hw-item-title">Old</h2>'
    edit = '<button class="hw-item-edit">Configure</button>'
    world.pages["/page"] = page_of(f"{item}{edit}{module('app.one')}</section>{module('app.two')}")
    page.goto(f"{world.site}/page")
    page.locator("iframe").nth(1).wait_for()
    frames = [place.content_frame() for place in page.locator("iframe").element_handles()]
    inside, outside = (frame for frame in frames if frame is not None)
    for frame in (inside, outside):
        frame.wait_for_function("window.AP && AP.jira")
    inside.evaluate("() => { AP.jira.setDashboardItemTitle('<b>New</b>'); }")
    outside.evaluate("() => { AP.jira.setDashboardItemTitle('evil'); }")
    assert called(inside, "(done) => AP.jira.isDashboardItemEditable(done)") is True
    assert called(outside, "(done) => AP.jira.isDashboardItemEditable(done)") is False
    assert page.locator("h2").text_content() == "<b>New</b>"
    edits = "() => { window.edits = 0; AP.jira.DashboardItem.onDashboardItemEdit(() => edits++); }"
    for frame in (inside, outside):
        frame.evaluate(edits)
    page.get_by_role("button", name="Configure").click()
    inside.wait_for_function("window.edits === 1")
    assert outside.evaluate("() => edits") == 0
    assert called(inside, "(done) => AP.jira.isNativeApp(done)") is False


def test_a_workflows_configuration(world: World, page: Page) -> None:
    world.pages["/saved"] = "<h1>Saved</h1>"
    place = module("app.one", more='data-configuration="so far"')
    form = f'<form action="/saved" id="f"><input name="c" data-configuration-of="x">{place}'
    world.pages["/page"] = page_of(f"{form}<button>Save</button></form>")
    page.goto(f"{world.site}/page")
    handle = page.locator("iframe").element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_function("window.AP && AP.jira")
    assert called(frame, "(done) => AP.jira.getWorkflowConfiguration(done)") == "so far"
    frame.evaluate("""() => { window.valid = false;
      AP.jira.WorkflowConfiguration.onSaveValidation(() => valid);
      AP.jira.WorkflowConfiguration.onSave(() => "from now on"); }""")
    page.get_by_role("button", name="Save").click()
    frame.evaluate("() => AP.user.getLocale()")
    assert page.url == f"{world.site}/page"
    frame.evaluate("() => { valid = true; }")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"{world.site}/saved?c=from+now+on")


def test_an_issue_is_made_by_a_form_of_the_site(world: World, page: Page, opened: Opened) -> None:
    (frame,) = opened()
    frame.evaluate("""() => { window.made = null;
      AP.jira.openCreateIssueDialog((issues) => { made = issues; },
        {fields: {summary: "<b>Do it</b>"}}); }""")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_label("Project").input_value() == "DEMO"
    assert dialog.get_by_label("Summary").input_value() == "<b>Do it</b>"
    dialog.get_by_role("button", name="Create").click()
    frame.wait_for_function("window.made !== null")
    (issue,) = frame.evaluate("() => made")
    assert issue["key"] == "DEMO-9"
    assert issue["sent"]["fields"]["project"] == {"key": "DEMO"}
    (call,) = world.asked("/rest/api/2/issue")
    assert call.headers["ap-client-key"] == "app.one"
    frame.evaluate("""() => { window.made = null;
      AP.jira.openCreateIssueDialog((issues) => { made = issues; }, {pid: 10}); }""")
    page.get_by_role("button", name="Cancel").click()
    frame.wait_for_function("window.made !== null")
    assert frame.evaluate("() => made") == []


def test_the_page_of_an_issue_is_loaded_again(world: World, page: Page, opened: Opened) -> None:
    (frame,) = opened()
    page.evaluate("() => { window.before = true; }")
    with page.expect_navigation():
        frame.evaluate("() => { AP.jira.refreshIssuePage(); }")
    assert page.evaluate("() => window.before === undefined")


# ---- Confluence -----------------------------------------------------------------------------


def test_a_macros_data_and_its_editor(world: World, page: Page, opened: Opened) -> None:
    world.options = {"macro": {"id": "m1", "parameters": {"colour": "red"}, "body": "text"}}
    (frame,) = opened(wiki())
    page.evaluate("""() => { window.told = [];
      for (const name of ["hw-macro", "hw-macro-close"])
        addEventListener(name, ({detail}) => told.push([name, detail])); }""")
    assert called(frame, "(done) => AP.confluence.getMacroData(done)") == {"colour": "red"}
    assert called(frame, "(done) => AP.confluence.getMacroBody(done)") == "text"
    frame.evaluate("() => { AP.confluence.saveMacro({colour: 'blue', n: 5}, '<p>new</p>'); }")
    assert called(frame, "(done) => AP.confluence.getMacroData(done)") == {
        "colour": "blue",
        "n": "5",
    }
    frame.evaluate("() => { AP.confluence.saveMacro({}); AP.confluence.saveMacro('evil'); }")
    assert called(frame, "(done) => AP.confluence.getMacroBody(done)") == "<p>new</p>"
    frame.evaluate("() => { AP.confluence.closeMacroEditor(); return AP.user.getLocale(); }")
    told = page.evaluate("() => told")
    assert [name for name, _ in told] == ["hw-macro", "hw-macro", "hw-macro-close"]
    assert told[0][1] == {
        "appKey": "app.one",
        "moduleKey": "panel",
        "id": "m1",
        "parameters": {"colour": "blue", "n": "5"},
        "body": "<p>new</p>",
    }


def test_a_macro_without_data(opened: Opened) -> None:
    (frame,) = opened(wiki())
    assert called(frame, "(done) => AP.confluence.getMacroData(done)") == {}
    assert called(frame, "(done) => AP.confluence.getMacroBody(done)") == ""


def test_an_editor_in_a_dialog_closes_with_it(page: Page, opened: Opened) -> None:
    (frame,) = opened(wiki())
    frame.evaluate("() => { AP.dialog.create({key: 'editor'}); }")
    place = page.locator("dialog iframe").element_handle()
    assert place is not None
    inside = place.content_frame()
    assert inside is not None
    inside.wait_for_function("window.AP && AP.confluence")
    inside.evaluate("() => { AP.confluence.closeMacroEditor(); }")
    page.locator("dialog").wait_for(state="detached")


def test_properties_of_the_page_that_is_looked_at(world: World, opened: Opened) -> None:
    (frame,) = opened(wiki())
    assert called(frame, "(done) => AP.confluence.getContentProperty('known', done)") == {
        "key": "known",
        "value": 1,
    }
    assert called(frame, "(done) => AP.confluence.getContentProperty('none', done)") in ("", None)
    new = "{key: 'a', value: 1}"
    assert called(frame, f"(done) => AP.confluence.setContentProperty({new}, done)") == {
        "property": {"key": "a", "value": 1, "version": {"number": 1}}
    }
    again = "{key: 'a', value: 1, version: {number: 2}}"
    called(frame, f"(done) => AP.confluence.setContentProperty({again}, done)")
    methods = [(call.method, call.path) for call in world.asked("/wiki/rest/")][-2:]
    assert methods == [
        ("POST", "/wiki/rest/api/content/7/property"),
        ("PUT", "/wiki/rest/api/content/7/property/a"),
    ]
    refused = "{key: 'a', value: 'refused'}"
    answer = called(frame, f"(done) => AP.confluence.setContentProperty({refused}, done)")
    assert "no" in str(answer)
    frame.evaluate("""() => { window.seen = [];
      AP.events.on("contentProperty.update", (property) => seen.push(property.key)); }""")
    called(frame, "(done) => AP.confluence.syncPropertyFromServer('known', done)")
    frame.wait_for_function("window.seen.length === 1")


def test_without_a_page_there_are_no_properties(opened: Opened) -> None:
    (frame,) = opened()
    asked = "() => AP.confluence.getContentProperty('k').then(() => 'told', (error) => error)"
    assert frame.evaluate(asked) == "no page is looked at"


def test_requests_and_places_are_the_products(world: World, page: Page, opened: Opened) -> None:
    (frame,) = opened(wiki())
    for url in ("/rest/api/content/7/property/known", "/wiki/rest/api/content/7/property/known"):
        body = frame.evaluate("(url) => AP.request(url).then(({body}) => body)", url)
        assert json.loads(body)["key"] == "known"
    assert {call.path for call in world.asked("/wiki/rest/")} == {
        "/wiki/rest/api/content/7/property/known"
    }
    here = {"contentId": "7", "contentType": "page", "spaceKey": "DOC"}
    assert called(frame, "(done) => AP.navigator.getLocation(done)") == {
        "target": "contentview",
        "context": here,
    }
    nested = {"content": {"id": "7", "type": "page"}, "space": {"key": "DOC"}}
    assert frame.evaluate("() => AP.context.getContext()") == {"confluence": nested}


# ---- going somewhere ------------------------------------------------------------------------

PATHS = [
    ("jira", "issue", {"issueKey": "DEMO-2"}, "/browse/DEMO-2"),
    ("jira", "dashboard", {"dashboardId": "10000"}, "/dashboard"),
    ("jira", "projectSummary", {"projectKey": "DEMO"}, "/projects/DEMO"),
    ("jira", "projectAdminSummary", {"projectKey": "DEMO"}, "/projects/DEMO/settings"),
    (
        "jira",
        "projectAdminTabPanel",
        {"projectKey": "DEMO", "addonKey": "app.one", "adminPageKey": "app.one__tab"},
        "/plugins/servlet/ac/app.one/tab?project.key=DEMO",
    ),
    ("jira", "userProfile", {"userAccountId": "5b10"}, "/people/5b10"),
    (
        "jira",
        "addonmodule",
        {"addonKey": "app.one", "moduleKey": "page", "customData": {"a&b": "1&2"}},
        "/plugins/servlet/ac/app.one/page?ac.a%26b=1%262",
    ),
    ("jira", "site", {"relativeUrl": "/projects/DEMO?a=b"}, "/projects/DEMO?a=b"),
    (
        "confluence",
        "contentview",
        {"contentId": "7"},
        "/wiki/pages/viewpage.action?pageId=7",
    ),
    ("confluence", "contentEdit", {"contentId": 7}, "/wiki/pages/editpage.action?pageId=7"),
    ("confluence", "spaceview", {"spaceKey": "DOC"}, "/wiki/spaces/DOC"),
    ("confluence", "spacetools", {"spaceKey": "DOC"}, "/wiki/spaces/DOC/tools"),
    ("confluence", "dashboard", {}, "/wiki/"),
    ("confluence", "userProfile", {"userAccountId": "5b10"}, "/people/5b10"),
    (
        "confluence",
        "addonModule",
        {"addonKey": "app.one", "moduleKey": "page", "spaceKey": "DOC"},
        "/wiki/plugins/servlet/ac/app.one/page?space.key=DOC",
    ),
    ("confluence", "site", {"relativeUrl": "wiki/x"}, "/wiki/x"),
]


def test_every_target(world: World, page: Page, opened: Opened) -> None:
    for product, target, context, path in PATHS:
        (frame,) = opened(wiki() if product == "confluence" else module("app.one"))
        world.pages[path.partition("?")[0]] = "<h1>There</h1>"
        frame.evaluate("([t, c]) => { AP.navigator.go(t, c); }", [target, context])
        page.wait_for_url(f"{world.site}{path}")


EVIL = [
    ("site", {"relativeUrl": "javascript:alert(1)"}),
    ("site", {"relativeUrl": "//evil.example/"}),
    ("site", {"relativeUrl": "https://evil.example/"}),
    ("site", {"relativeUrl": "/\\evil.example/"}),
    ("site", {"relativeUrl": "/\t/evil.example/"}),
    ("site", {"relativeUrl": "/svc/module-url"}),
    ("site", {"relativeUrl": "JavaScript:alert(1)"}),
    ("site", {"relativeUrl": "/x/../logout"}),
    ("site", {"relativeUrl": "/x/..//evil.example/"}),
    ("site", {"relativeUrl": ".//evil.example/"}),
    ("issue", {"issueKey": "javascript:alert(1)"}),
    ("issue", {"issueKey": "../logout"}),
    ("issue", None),
    ("addonModule", {"addonKey": "../..", "moduleKey": "x"}),
    ("addonModule", {"addonKey": "app.one", "moduleKey": "a/b"}),
    ("userProfile", {"userAccountId": "a/b"}),
    ("constructor", {}),
    ("javascript:alert(1)", {}),
    ({"a": 1}, {}),
]


def test_no_target_leads_away_or_runs_a_script(world: World, page: Page, opened: Opened) -> None:
    (frame,) = opened()
    for target, context in EVIL:
        frame.evaluate("([t, c]) => { AP.navigator.go(t, c); }", [target, context])
        frame.evaluate("() => AP.user.getLocale()")
        assert page.url == f"{world.site}/page", (target, context)


# ---- messages -------------------------------------------------------------------------------


def test_messages_are_text_and_can_be_closed(page: Page, opened: Opened) -> None:
    one, two = opened(module("app.one"), module("app.two"))
    for kind, tone in (
        ("generic", "info"),
        ("error", "error"),
        ("warning", "warning"),
        ("success", "success"),
        ("info", "info"),
        ("hint", "info"),
    ):
        one.evaluate("(kind) => { AP.messages[kind](kind, '<b>body</b>'); }", kind)
        box = page.locator(".hw-messages .hw-flag", has_text=kind).first
        assert box.get_attribute("data-type") == tone
        assert box.locator(".hw-flag-body").text_content() == "<b>body</b>"
        assert box.locator(".hw-flag-from").text_content() == "app.one"
    assert page.locator(".hw-messages .hw-flag").count() == 5
    one.evaluate("""() => { window.heard = 0; window.message = AP.messages.info("mine", "x");
      AP.messages.onClose(message, () => heard++); }""")
    mine = page.locator(".hw-messages .hw-flag", has_text="mine")
    mine.wait_for()
    id_ = one.evaluate("() => message._id")
    two.evaluate("(_id) => { AP.messages.clear({_id}); return AP.user.getLocale(); }", id_)
    assert mine.count() == 1
    one.evaluate("() => { AP.messages.clear(message); }")
    mine.wait_for(state="detached")
    one.wait_for_function("window.heard === 1")
    one.evaluate("() => { AP.messages.info('gone soon', '', {fadeout: true, delay: 50}); }")
    page.get_by_text("gone soon").wait_for(state="detached")
    one.evaluate("() => { AP.messages.info('stays', '', {closeable: false}); }")
    stays = page.locator(".hw-messages .hw-flag", has_text="stays")
    stays.wait_for()
    assert stays.get_by_role("button").count() == 0


# ---- the page and the theme -----------------------------------------------------------------


def test_the_title_the_place_and_the_keyboard(world: World, page: Page, opened: Opened) -> None:
    world.options = {"isFullPage": True, "height": "2000px"}
    world.pages["/page"] = ""
    (frame,) = opened()
    frame.evaluate("() => { AP.page.setTitle('<b>Mine</b>'); }")
    page.wait_for_function("() => document.title === '<b>Mine</b>'")
    before = called(frame, "(done) => AP.scrollPosition.getPosition(done)")
    assert isinstance(before, dict)
    assert before["width"] == 1280
    frame.evaluate("() => { AP.scrollPosition.setVerticalPosition(300); }")
    page.wait_for_function("() => window.scrollY > 0")
    after = called(frame, "(done) => AP.scrollPosition.getPosition(done)")
    assert isinstance(after, dict)
    assert after["scrollY"] == 300
    frame.evaluate("() => { AP.host.focus(); }")
    assert called(frame, "(done) => AP.host.getSelectedText(done)") == ""


def test_a_panel_changes_neither_title_nor_place(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    frame.evaluate("() => { AP.page.setTitle('evil'); AP.scrollPosition.setVerticalPosition(9); }")
    assert called(frame, "(done) => AP.scrollPosition.getPosition(done)") in ("", None)
    assert page.title() == "Site"


def test_the_theme_follows_the_reader_without_another_host(
    world: World, page: Page, opened: Opened
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    (frame,) = opened()
    page.emulate_media(color_scheme="dark")
    frame.evaluate("() => { AP.theming.initializeTheming(); }")
    frame.wait_for_function("document.documentElement.dataset.colorMode === 'dark'")
    page.emulate_media(color_scheme="light")
    frame.wait_for_function("document.documentElement.dataset.colorMode === 'light'")
    page.evaluate("""() => {
      document.documentElement.dataset.theme = "dark";
      document.dispatchEvent(new Event("hw-theme"));
    }""")
    frame.wait_for_function("document.documentElement.dataset.colorMode === 'dark'")
    frame.wait_for_function("""() => getComputedStyle(document.documentElement)
      .getPropertyValue("--ds-text") !== ''""")
    hosts = {url.split("/")[2].split(":")[0] for url in requests}
    assert hosts <= {"localhost", "127.0.0.1"}


# ---- requests with bytes --------------------------------------------------------------------


def test_bytes_come_back_as_they_are(opened: Opened) -> None:
    (frame,) = opened()
    got = frame.evaluate("""() => AP.request("/rest/api/2/bytes", {binaryAttachment: true})
      .then(({body}) => [body instanceof ArrayBuffer, Array.from(new Uint8Array(body))])""")
    assert got == [True, [0x89, 0x50, 0x4E, 0x47, 0, 0xFF]]


def test_a_file_is_sent_as_a_form(world: World, opened: Opened) -> None:
    (frame,) = opened()
    frame.evaluate("""() => AP.request({url: "/rest/api/2/echo", type: "POST",
      contentType: "multipart/form-data",
      data: {comment: "c", file: new File(["hello"], "a.txt", {type: "text/plain"})}})""")
    (call,) = world.asked("/rest/api/2/echo")
    assert call.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert call.headers["x-atlassian-token"] == "no-check"
    assert call.headers["ap-client-key"] == "app.one"
    assert 'name="file"; filename="a.txt"' in call.body
    assert "hello" in call.body


def test_a_form_that_is_none(world: World, opened: Opened) -> None:
    (frame,) = opened()
    status = frame.evaluate("""() => AP.request({url: "/rest/api/2/echo", type: "POST",
      contentType: "multipart/form-data", data: "x"}).catch(({xhr}) => xhr.status)""")
    assert status == 403
