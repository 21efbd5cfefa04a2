"""A post function is set up on the app's own page, in a real browser and on a whole site."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Page

from headway.host.testing import Site
from host.bridge.whole import App, app_of

pytestmark = pytest.mark.browser

FUNCTION = {
    "key": "notify",
    "name": {"value": "Notify"},
    "triggered": {"url": "/triggered?of={issue.key}"},
    "create": {"url": "/create?id={postFunction.id}"},
    "edit": {"url": "/edit?config={postFunction.config}"},
    "view": {"url": "/view?config={postFunction.config}"},
}
ON_SAVE = """(given) => { window.given = given;
  AP.jira.WorkflowConfiguration.onSaveValidation(() => given.valid);
  AP.jira.WorkflowConfiguration.onSave(() => given.value); }"""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Site, App]]:
    with Site(sockets=True) as site, app_of({"jiraWorkflowPostFunctions": [FUNCTION]}) as app:
        app.script = f"{site.url}/atlassian-connect/all.js"
        site.install(f"{app.url}/atlassian-connect.json")
        yield site, app


@pytest.fixture
def site(running: tuple[Site, App]) -> Site:
    return running[0]


@pytest.fixture
def app(running: tuple[Site, App]) -> App:
    return running[1]


@pytest.fixture
def admin(site: Site, chromium: Browser) -> Iterator[Page]:
    for rule in site.running.site.post_functions.all():
        site.running.site.post_functions.remove(rule.id)
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(15_000)
    site.login(page, "admin")
    yield page
    context.close()


def framed(page: Page, path: str) -> Frame:
    handle = page.locator(".hw-module iframe").first.element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_function("window.AP && AP.jira", polling=50)
    assert frame.inner_text("#it") == path
    return frame


def subject(token: str) -> str:
    """Whom a token is made for; that it is good is shown elsewhere."""
    return str(json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))["sub"])


def set_up(page: Page, site: Site) -> Frame:
    page.goto(f"{site.origin}/post-functions")
    page.select_option("#transition", label="Done (to Done)")
    page.get_by_role("button", name="Set up").click()
    return framed(page, "/create")


def rules(site: Site) -> list[str]:
    return [rule.configuration for rule in site.running.site.post_functions.all()]


def test_what_the_apps_page_saves_reaches_the_call(admin: Page, site: Site, app: App) -> None:
    # (1) put it on: the page is the app's, with a token for this administrator
    frame = set_up(admin, site)
    query = parse_qs(urlsplit(app.target("create")).query)
    person = site.running.site.world.people.user("admin")
    assert person is not None
    assert subject(query["jwt"][0]) == person.account_id
    assert frame.evaluate("() => new Promise((d) => AP.jira.getWorkflowConfiguration(d))") == ""
    frame.evaluate(ON_SAVE, {"valid": True, "value": '{"to": "ann & bob"}'})
    admin.get_by_role("button", name="Add").click()
    admin.wait_for_url("**/post-functions")
    assert rules(site) == ['{"to": "ann & bob"}']
    (rule,) = site.running.site.post_functions.all()
    assert query["id"] == [rule.id]
    # (2) look at it
    admin.get_by_text("What it is set to").click()
    framed(admin, "/view")
    assert parse_qs(urlsplit(app.target("view")).query)["config"] == ['{"to": "ann & bob"}']
    # (3) change it
    admin.get_by_role("link", name="Change Notify").click()
    frame = framed(admin, "/edit")
    assert parse_qs(urlsplit(app.target("edit")).query)["config"] == ['{"to": "ann & bob"}']
    so_far = frame.evaluate("() => new Promise((d) => AP.jira.getWorkflowConfiguration(d))")
    assert so_far == '{"to": "ann & bob"}'
    frame.evaluate(ON_SAVE, {"valid": True, "value": "carl"})
    admin.get_by_role("button", name="Save").click()
    admin.wait_for_url("**/post-functions")
    # (4) an issue takes the step
    admin.goto(f"{site.origin}/browse/DEMO-1")
    admin.get_by_role("button", name="Done", exact=True).click()
    admin.wait_for_load_state()
    site.settle()
    path, body = app.told[-1]
    assert path == "/triggered?of=DEMO-1"
    assert body["configuration"] == {"value": "carl"}
    assert body["transition"]["to_status"] == "Done"


def test_the_app_says_that_it_is_not_valid_yet(admin: Page, site: Site) -> None:
    frame = set_up(admin, site)
    frame.evaluate(ON_SAVE, {"valid": False, "value": "x"})
    admin.get_by_role("button", name="Add").click()
    admin.get_by_role("alert").filter(has_text="does not take this configuration").wait_for()
    assert rules(site) == []
    frame.evaluate("() => { given.valid = true; }")
    admin.get_by_role("button", name="Add").click()
    admin.wait_for_url("**/post-functions")
    assert rules(site) == ["x"]


def test_an_app_sends_no_form_by_itself(admin: Page, site: Site) -> None:
    """Only the administrator does: an app that was not asked is not heard."""
    frame = set_up(admin, site)
    frame.evaluate(ON_SAVE, {"valid": True, "value": "mine"})
    frame.evaluate("() => { AP.jira.WorkflowConfiguration.trigger(); }")
    frame.evaluate("() => new Promise((done) => AP.user.getLocale(done))")
    assert admin.url.startswith(f"{site.origin}/post-functions/new")
    assert rules(site) == []


def test_a_page_that_says_nothing_changes_nothing(admin: Page, site: Site) -> None:
    made = site.running.site.post_functions.add(31, "my-app", "notify", "so far")
    admin.goto(f"{site.origin}/post-functions/{made.id}")
    framed(admin, "/edit")
    admin.get_by_role("button", name="Save").click()
    admin.wait_for_url("**/post-functions")
    assert rules(site) == ["so far"]
