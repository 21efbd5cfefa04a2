"""Hostile apps, pages and files against the whole site, in Chromium where a browser decides.

What one module owns is shown by that module's tests; docs/security.md lists them.  A page that
attacks is served from another port of localhost: it gets the session's cookie along.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from headway.host.database import FILE
from headway.host.providers.provided import Entity
from headway.host.settings import Settings
from headway.host.site import Site as WholeSite
from headway.host.testing import Site
from headway.sign import request_token
from host.person import Person
from host.placed import install, module

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
MARK = "hostile-mark"
EVIL = f"</title><script>window.{MARK.replace('-', '_')}=1</script><img src=x onerror=x id={MARK}>"
SCRIPT = b"<script>document.documentElement.id='ran';fetch('/inspector/log')</script>"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.documentElement.id=1"></svg>'


# ---- an app that sends script in whatever it may write -------------------------------------


def evil(key: str, **more: Any) -> dict[str, Any]:
    named = {"name": {"value": EVIL}, "tooltip": {"value": EVIL}, "description": {"value": EVIL}}
    return {**module(key), **named, **more}


JIRA = {
    "webPanels": [evil("panel", location="atl.jira.view.issue.right.context")],
    "webItems": [evil("item", location="system.top.navigation.bar", context="page")],
    "webSections": [evil("section", location="jira.issue.tools")],
    "generalPages": [evil("page")],
    "adminPages": [evil("admin")],
    "jiraIssueTabPanels": [evil("tab")],
    "jiraIssueGlances": [
        evil(
            "glance",
            icon={"width": 1, "height": 1, "url": "/i.svg"},
            content={"type": "label", "label": {"value": EVIL}},
            target={"type": "web_panel", "url": "/glance"},
        )
    ],
    "jiraProjectPages": [evil("project", iconUrl="/i.svg")],
    "jiraProjectAdminTabPanels": [evil("settings", location="projectgroup4")],
    "jiraDashboardItems": [evil("dash", thumbnailUrl="/i.svg")],
    "jiraProfileTabPanels": [evil("profile")],
    "jiraWorkflowPostFunctions": [evil("function", triggered={"url": "/triggered"})],
    "webhooks": [{"event": "jira:issue_updated", "url": "/hook"}],
}


class Reader(Person):
    """Looks at pages, some of which have a name here."""

    places: dict[str, str]

    def read(self, place: str) -> httpx.Response:
        answer = self.get(self.places.get(place, place))
        while answer.status_code in (302, 303, 307):
            answer = self.get(answer.headers["location"])
        return answer


@pytest.fixture(scope="module")
def administrator() -> Reader:
    """An administrator before a site with that app, and with things named like it."""
    person = Reader(WholeSite(Settings()))
    site, world = person.site, person.site.world
    install(site.jira, JIRA)
    install(site.confluence, {"generalPages": [evil("page")], "spacePages": [evil("space")]})
    person.log_in()
    issue = world.tracker.add_issue("DEMO", EVIL, description=EVIL)
    author = world.people.users()[0].account_id
    world.tracker.add_comment(issue.id, author, EVIL)
    world.files.add_attachment("issue", issue.id, f"{EVIL}.html", "text/html", SCRIPT, author)
    data = {"displayName": EVIL, "url": "javascript:alert(1)", "state": EVIL, "type": EVIL}
    entity = Entity(
        app_key="my-app", kind="designs", key=[EVIL], sequence=1, data=data, properties={}
    )
    site.provided.put(entity, [issue.id])
    space = world.spaces.space("DEMO")
    assert space is not None
    body = f"<p title='{MARK}'>{EVIL.replace('<', '&lt;')}</p><script>1</script>"
    page = world.wiki.add_page(space.id, EVIL, body, author)
    person.places = {
        "page": f"/wiki/spaces/DEMO/pages/{page.id}",
        "issue": f"/browse/{issue.key}",
    }
    return person


PLACES = (
    *("issue", "page", "/", "/projects/DEMO", "/projects/DEMO/settings", "/dashboard", "/admin"),
    *("/apps", "/outbox", "/post-functions", "/providers", "/inspector", "/wiki/spaces"),
    *("/wiki/spaces/DEMO", "/admin/users", "/plugins/servlet/ac/my-app/page", "/create"),
    *("/?jql=summary~%22%3Cscript%3E%22", "/?jql=%3Cscript%3E", "/login?next=javascript:alert(1)"),
    *("/browse/%3Cscript%3E", "/nothing/%3Cscript%3E?a=%3Cscript%3E"),
)


@pytest.mark.parametrize("place", PLACES)
def test_what_others_wrote_is_text_on_every_page(administrator: Reader, place: str) -> None:
    answer = administrator.read(place)
    assert "<html" in answer.text
    assert f"<script>window.{MARK[:7]}" not in answer.text
    assert f"id={MARK}>" not in answer.text
    assert "<script>1" not in answer.text
    assert "<script>alert" not in answer.text
    assert 'href="javascript:' not in answer.text
    assert "jwt=eyJ" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_it_was_really_written_there(administrator: Reader) -> None:
    """The test above could pass for want of anything to show."""
    for place in ("issue", "/projects/DEMO", "/apps", "/dashboard", "page"):
        assert MARK in administrator.read(place).text, place


# ---- one app and another --------------------------------------------------------------------


MODULES: dict[str, Any] = {
    "jira": {
        "jiraBuildInfoProvider": {"key": "builds", "name": {"value": "Builds"}},
        "jiraWorkflowPostFunctions": [
            {"key": "f", "name": {"value": "F"}, "triggered": {"url": "/f"}}
        ],
    },
    "confluence": {},
}


class Caller:
    """An app that calls by its token, or by whatever it got hold of."""

    def __init__(self, person: Person, key: str, product: str = "jira") -> None:
        self.person, self.key = person, key
        tenant = next(t for t in person.site.tenants if t.product == product)
        self.app = install(tenant, MODULES[product], key, "READ", "WRITE", "DELETE")
        self.secret = tenant.apps.secret(key)

    def __call__(self, method: str, path: str, base: str = "", **options: Any) -> httpx.Response:
        raw_path, _, raw_query = path.partition("?")
        token = request_token(
            self.secret,
            issuer=self.key,
            method=method,
            raw_path=raw_path,
            raw_query=raw_query,
            base_path=base,
            now=self.person.site.clock.now(),
        )
        return ask(self.person, method, path, {"Authorization": f"JWT {token}"}, **options)


def ask(person: Person, method: str, path: str, headers: Any, **options: Any) -> httpx.Response:
    """As a client that is no browser."""
    cookie, person.cookie = person.cookie, ""
    headers = {"Accept": "application/json", "Origin": "http://localhost:2990", **headers}
    try:
        return person.ask(method, path, headers=headers, **options)
    finally:
        person.cookie = cookie


@pytest.fixture
def pair() -> tuple[Caller, Caller]:
    """Two apps of one site."""
    person = Person(WholeSite(Settings()))
    return Caller(person, "one"), Caller(person, "two")


def test_one_app_reaches_nothing_of_another(pair: tuple[Caller, Caller]) -> None:
    one, two = pair
    kept = "/rest/atlassian-connect/1/addons/one/properties/secret"
    writer = one.person.site.world.properties
    writer.put("app", "jira:one", "secret", "mine")
    assert one("GET", kept).json()["value"] == "mine"
    for method in ("GET", "PUT", "DELETE"):
        assert two(method, kept, json=1 if method == "PUT" else None).status_code in (403, 404)
    assert two("GET", kept.rpartition("/")[0]).status_code == 404
    assert one("GET", kept).json()["value"] == "mine"
    # by saying that it is the other
    forged = ask(one.person, "GET", kept, {"AP-Client-Key": "one"})
    assert forged.status_code == 401


DYNAMIC = "/rest/atlassian-connect/1/app/module/dynamic"
HOOK = {"events": ["jira:issue_created"], "jqlFilter": "project = DEMO"}
RULES = "/rest/api/3/workflow/rule/config"
BUILD = {
    "pipelineId": "p",
    "buildNumber": 1,
    "updateSequenceNumber": 1,
    "displayName": "Build",
    "url": "https://builds.example/1",
    "state": "successful",
    "lastUpdated": "2022-01-01T00:00:00Z",
    "issueKeys": ["DEMO-1"],
}


def test_what_an_app_added_is_its_own(pair: tuple[Caller, Caller]) -> None:
    """Modules, webhooks, post functions and submissions: neither read nor changed by another."""
    one, two = pair
    site = one.person.site
    # (1) modules, in Jira; the same key is another's
    page = {"key": "added", "name": {"value": "Added"}, "url": "/added"}
    assert one("POST", DYNAMIC, json={"generalPages": [page]}).status_code == 200
    assert two("GET", DYNAMIC).json() == {}
    assert two("DELETE", f"{DYNAMIC}?moduleKey=added").status_code == 204
    assert two("DELETE", DYNAMIC).status_code == 204
    assert one("GET", DYNAMIC).json() == {"generalPages": [page]}
    assert site.jira.apps.get("two").module("added") is None
    # (2) webhooks
    hook = {"url": f"{one.app.base_url}/hook", "webhooks": [HOOK]}
    made = one("POST", "/rest/api/3/webhook", json=hook).json()
    ids = [made["webhookRegistrationResult"][0]["createdWebhookId"]]
    assert two("GET", "/rest/api/3/webhook").json()["values"] == []
    two("PUT", "/rest/api/3/webhook/refresh", json={"webhookIds": ids})
    two("DELETE", "/rest/api/3/webhook", json={"webhookIds": ids})
    assert [each["id"] for each in one("GET", "/rest/api/3/webhook").json()["values"]] == ids
    # (3) post functions
    rule = site.post_functions.add(31, "one", "f", "mine")
    of_workflow = {"workflowId": {"name": "classic default workflow", "draft": False}}
    assert two("GET", f"{RULES}?types=postfunction").json()["values"] == []
    change = {"id": rule.id, "configuration": {"value": "stolen"}}
    two("PUT", RULES, json={"workflows": [{**of_workflow, "postFunctions": [change]}]})
    two(
        "PUT",
        f"{RULES}/delete",
        json={"workflows": [{**of_workflow, "workflowRuleIds": [rule.id]}]},
    )
    assert site.post_functions.all() == [rule]
    # (4) what it submitted
    assert one("POST", "/rest/builds/0.1/bulk", json={"builds": [BUILD]}).status_code == 202
    path = "/rest/builds/0.1/pipelines/p/builds/1"
    assert two("GET", path).status_code == 404
    two("DELETE", path)
    assert one("GET", path).status_code == 200


def test_no_query_finds_what_its_asker_may_not_see(pair: tuple[Caller, Caller]) -> None:
    """Neither by its results nor by how many there are: JQL, CQL, and filters of webhooks."""
    one, _ = pair
    site, world = one.person.site, one.person.site.world
    admin, issue = world.people.user("admin"), world.tracker.issue("DEMO-1")
    assert admin is not None
    assert issue is not None
    # (1) a comment that is for a group only
    only = {"type": "group", "value": "site-admins"}
    world.tracker.add_comment(issue.id, admin.account_id, "hushhush", visibility=only)
    jql = "comment ~ hushhush OR text ~ hushhush"
    assert one("POST", "/rest/api/3/search", json={"jql": jql}).json()["total"] == 0
    count = one("POST", "/rest/api/3/search/approximate-count", json={"jql": jql}).json()
    assert count == {"count": 0}
    asked = {"jqls": [jql], "issueIds": [issue.id]}
    assert (
        one("POST", "/rest/api/3/jql/match", json=asked).json()["matches"][0]["matchedIssues"] == []
    )
    hook = {"url": f"{one.app.base_url}/hook", "webhooks": [{**HOOK, "jqlFilter": 'text ~ "x"'}]}
    assert one("POST", "/rest/api/3/webhook", json=hook).status_code in (200, 400)
    assert not site.search.matches(jql, issue.id)
    own = {"Accept": "application/json"}
    for name, total in (("user", 0), ("admin", 1)):
        one.person.log_in(name)
        found = one.person.get("/rest/api/3/search", params={"jql": jql}, headers=own)
        assert found.json()["total"] == total
    # (2) a page that is for somebody only
    wiki = Caller(one.person, "wiki", "confluence")
    home = world.wiki.titled(1, "Demonstration Home")
    assert home is not None
    cql = "title = 'Demonstration Home'"
    path = f"/wiki/rest/api/search?cql={quote(cql)}"
    assert wiki("GET", path, "/wiki").json()["totalSize"] == 1
    world.marks.restrict(home, "read", frozenset({admin.account_id}))
    assert wiki("GET", path, "/wiki").json()["totalSize"] == 0
    assert (
        wiki("GET", f"/wiki/rest/api/content/search?cql={quote(cql)}", "/wiki").json()["size"] == 0
    )
    for name, total in (("user", 0), ("admin", 1)):
        one.person.log_in(name)
        assert one.person.get(path, headers=own).json()["totalSize"] == total


def test_a_token_of_one_product_is_none_of_the_other(pair: tuple[Caller, Caller]) -> None:
    one, _ = pair
    assert one("GET", "/rest/api/3/myself").status_code == 200
    assert one("GET", "/wiki/rest/api/space", "/wiki").status_code == 401
    for spelled in ("/%77iki/rest/api/space", "/wiki%2Frest/api/space"):
        assert one("GET", spelled).status_code in (400, 401, 404, 501)


def test_an_app_is_no_administrator_of_the_site(pair: tuple[Caller, Caller]) -> None:
    """Neither with its token nor by the header that its page's calls have."""
    one, _ = pair
    password = one.person.site.identity.first_passwords["admin"]
    basic = base64.b64encode(f"admin:{password}".encode()).decode()
    for path in ("/inspector", "/inspector/log", "/apps", "/admin/users", "/rest/plugins/1.0/"):
        assert one("GET", path).status_code in (401, 403)
        through = {"AP-Client-Key": "one", "Authorization": f"Basic {basic}"}
        assert ask(one.person, "GET", path, through).status_code == 403
    for path in (
        "/clock",
        "/apps/import",
        "/svc/module-url",
        "/svc/context-token",
        "/oauth2/token",
    ):
        answer = ask(
            one.person, "POST", path, {"AP-Client-Key": "one"}, data={"date": "2022-02-01"}
        )
        assert answer.status_code == 403
    assert ask(one.person, "GET", "/rest/plugins/1.0/", through).status_code == 403


def test_whoever_is_deactivated_is_out_at_once_with_all_that_they_hold() -> None:
    person = Person(WholeSite(Settings()))
    person.log_in("user")
    site = person.site
    uma = site.world.people.user("user")
    assert uma is not None
    mine = {"Accept": "application/json"}
    assert person.get("/rest/api/3/myself", headers=mine).status_code == 200
    site.world.people.set_active(uma.account_id, active=False)
    assert person.get("/rest/api/3/myself", headers=mine).status_code == 401
    assert person.get("/dashboard").status_code == 303
    site.world.people.set_active(uma.account_id, active=True)
    assert person.get("/rest/api/3/myself", headers=mine).status_code == 401  # an ended session


# ---- pages of others, in Chromium -----------------------------------------------------------


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(sockets=True, control=True, control_token_file=None) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["localhost", "127.0.0.1"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    """The origin of an empty page: of another port, and of another name."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://{request.param}:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(site: Site, chromium: Browser, elsewhere: str) -> Iterator[Page]:
    """A foreign page in the browser of an administrator, which sends their password along too."""
    password = site.running.site.identity.first_passwords["admin"]
    context = chromium.new_context(
        http_credentials={
            "username": "admin",
            "password": password,
            "origin": site.url,
            "send": "always",
        }
    )
    opened = context.new_page()
    site.login(opened, "admin")
    opened.goto(f"{site.url}/inspector")
    assert "Inspector" in opened.inner_text("h1")
    opened.goto(elsewhere)
    yield opened
    context.close()


CALLS = (
    *(("GET", path) for path in ("/inspector/log", "/rest/api/3/myself", "/rest/plugins/1.0/")),
    *(("POST", path) for path in ("/clock", "/apps", "/logout", "/svc/module-url", "/login")),
    *(("POST", path) for path in ("/headway/control/reset", "/rest/plugins/1.0/", "/oauth2/token")),
    *(("POST", path) for path in ("/rest/api/3/issue", "/browse/DEMO-1/attachments")),
    ("PUT", "/rest/api/3/issue/DEMO-1"),
    ("DELETE", "/rest/api/3/issue/DEMO-1"),
)


@pytest.mark.browser
def test_a_foreign_page_calls_nothing_and_reads_nothing(site: Site, page: Page) -> None:
    summary, date = site.issue("DEMO-1").summary, site.running.site.clock.at()
    seen: list[int] = []
    page.on("response", lambda answer: seen.append(answer.status))
    for method, path in CALLS:
        for mode in ("cors", "no-cors"):
            if mode == "no-cors" and method not in ("GET", "POST"):
                continue
            read = page.evaluate(
                """async ([url, method, mode]) => {
                  try {
                    const body = method === "POST" ? "date=2022-02-01&csrf=x" : undefined;
                    const headers = body && { "Content-Type": "text/plain" };
                    const sent = { method, mode, body, headers, credentials: "include" };
                    return await (await fetch(url, sent)).text();
                  } catch { return ""; }
                }""",
                [f"{site.url}{path}", method, mode],
            )
            assert read == "", (method, path, mode)
    assert seen
    assert set(seen) <= {401, 403}, seen
    assert site.issue("DEMO-1").summary == summary
    assert abs(site.running.site.clock.at() - date) < 3600


@pytest.mark.browser
def test_a_foreign_page_sends_no_form(site: Site, page: Page, elsewhere: str) -> None:
    for path in ("/clock", "/apps", "/logout", "/rest/plugins/1.0/?token=x", "/login"):
        page.goto(elsewhere)
        with page.expect_navigation() as arrived:
            page.evaluate(
                """(url) => {
                  const form = document.createElement("form");
                  Object.assign(form, { action: url, method: "post", enctype: "text/plain" });
                  document.body.append(form);
                  form.submit();
                }""",
                f"{site.url}{path}",
            )
        assert (arrived.value.request.method, arrived.value.status) == ("POST", 403), path


@pytest.mark.browser
def test_a_foreign_page_shows_and_follows_nothing(site: Site, page: Page) -> None:
    """No stream of events, no web socket, no script, no picture that its reader may see."""
    author = site.author_id
    picture = site.do(
        lambda world: world.files.add_attachment(
            "issue", world.tracker.issue("DEMO-1").id, "p.png", "image/png", PIXEL, author
        )
    )
    came = page.evaluate(
        """async ([site, picture]) => {
          const ended = (made, good) => new Promise((done) => {
            made[good] = () => done(true);
            made.onerror = () => done(false);
          });
          const load = (tag, path) => {
            const made = Object.assign(document.createElement(tag), { src: site + path });
            document.body.append(made);
            return ended(made, "onload");
          };
          const events = new EventSource(site + "/inspector/events", { withCredentials: true });
          const came = [
            await ended(events, "onopen"),
            await ended(new WebSocket(site.replace("http", "ws") + "/inspector"), "onopen"),
            await load("img", `/secure/attachments/${picture}`),
            await load("script", "/inspector/log"),
          ];
          events.close();
          return came;
        }""",
        [site.url, picture.id],
    )
    assert came == [False] * 4


@pytest.mark.browser
def test_a_foreign_page_that_opens_ours_has_no_hold_on_it(site: Site, page: Page) -> None:
    """Neither sees the other: no opener, no frames to count, nothing to steer."""
    with page.expect_popup() as popped:
        page.evaluate("(url) => { window.kept = window.open(url); }", f"{site.url}/browse/PUB-1")
    popup = popped.value
    popup.wait_for_load_state()
    assert "PUB-1" in popup.title()
    assert popup.evaluate("window.opener") is None
    assert page.evaluate("window.kept.closed") is True
    popup.close()


# ---- files that would run -------------------------------------------------------------------

FILES = {
    "evil.html": ("text/html", b"<!doctype html><html><body>" + SCRIPT),
    "evil.svg": ("image/svg+xml", SVG),
    "evil.xhtml": ("application/xhtml+xml", b'<html xmlns="http://www.w3.org/1999/xhtml"/>'),
    "evil.xml": (
        "text/xml",
        b'<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>1</h:script></x>',
    ),
    "evil": ("", b"<!doctype html>" + SCRIPT),
}


def addresses(site: Site, name: str) -> list[str]:
    """Every address from which a browser gets a file, in Jira and in Confluence."""
    media_type, data = FILES[name]
    world = site.running.site.world
    issue, author = world.tracker.issue("DEMO-1"), world.people.users()[0].account_id
    assert issue is not None
    kept = world.files.add_attachment("issue", issue.id, name, media_type or "x/y", data, author)
    content = world.wiki.content("1")
    assert content is not None
    world.wiki.add_file(content, name, media_type or "x/y", data, author)
    content_api = f"/rest/api/3/attachment/content/{kept.id}"
    return [
        f"/secure/attachment/{kept.id}/{name}",
        f"/secure/attachments/{kept.id}",
        f"/secure/thumbnail/{kept.id}/{name}",
        content_api,
        f"{content_api}?redirect=false",
        f"/rest/api/3/attachment/thumbnail/{kept.id}?redirect=false",
        f"/secure/issueAttachments/{issue.key}.zip",
        f"/wiki/download/attachments/{content.id}/{name}",
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_would_run_is_a_download_from_wherever(site: Site, name: str) -> None:
    found = site.loop.call(addresses, site, name)
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        site.login(client, "admin")
        for address in found:
            answer = client.get(address)
            if answer.status_code == 303:
                place = answer.headers["location"]
                assert not place.startswith(site.url)
                answer = httpx.get(place, trust_env=False)
            if answer.status_code == 404:  # there is no picture of it
                assert "thumbnail" in address
                continue
            assert answer.status_code == 200, address
            assert answer.headers["content-disposition"].startswith("attachment;")
            assert answer.headers["x-content-type-options"] == "nosniff"
            if not address.endswith(".zip"):
                assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_nothing_that_is_secret_is_in_the_folder_in_plain(tmp_path: Any) -> None:
    data = tmp_path / "data"
    with Site(data=data) as site:
        inner = site.running.site
        passwords = inner.identity.first_passwords.values()
        cookie = site.cookie("admin").partition("=")[2]
        held = [*passwords, cookie]
    for file in data.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file
        if file.is_file():
            content = file.read_bytes()
            assert not [secret for secret in held if secret.encode() in content], file
    assert (data / FILE).exists()
