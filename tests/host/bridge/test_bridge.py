"""What an app may do through the bridge, and what it may not, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Page

from host.bridge.world import CSRF, World, module, page_of

pytestmark = pytest.mark.browser
Opened = Callable[..., list[Frame]]

# Speaks the wire by hand, as an app that does not use the client script would.
RAW = """async (message) => {
  const answer = new Promise((resolve) => {
    addEventListener("message", ({data}) => data.mid === "raw" && resolve(data.args));
    setTimeout(() => resolve("no answer"), 250);
  });
  top.postMessage({mid: "raw", type: "req", args: [], ...message}, "*");
  return answer;
}"""
OWN_ID = "() => JSON.parse(window.name).extension_id"
FAILURE = "(url) => AP.request(url).then(() => 'let through', ({err, xhr}) => ({err, xhr}))"


# ---- tokens and context ---------------------------------------------------------------------


def test_get_token_by_promise_and_by_callback_share_one_token(world: World, opened: Opened):
    (frame,) = opened()
    promised = frame.evaluate("() => AP.context.getToken()")
    called = frame.evaluate("() => new Promise((resolve) => AP.context.getToken(resolve))")
    assert promised.count(".") == 2
    assert promised == called
    (asked,) = world.asked("/svc/context-token")
    context = {"issue.key": "DEMO-1", "issue.id": "10001", "project.key": "DEMO"}
    assert json.loads(asked.body) == {
        "appKey": "app.one",
        "moduleKey": "panel",
        "product": "jira",
        "page": "",
        "context": context,
    }


def test_tokens_asked_for_at_once_are_minted_once(world: World, opened: Opened):
    (frame,) = opened()
    script = "() => Promise.all([AP.context.getToken(), AP.context.getToken()])"
    first, second = frame.evaluate(script)
    assert first == second
    assert len(world.asked("/svc/context-token")) == 1


def test_a_token_shortly_before_its_end_is_not_used_again(world: World, opened: Opened):
    world.token_life = 60
    (frame,) = opened()
    first = frame.evaluate("() => AP.context.getToken()")
    assert frame.evaluate("() => AP.context.getToken()") != first


def test_a_module_address_shortly_before_its_end_is_fetched_afresh(world: World, opened: Opened):
    world.token_life = 59
    opened()
    assert len(world.asked("/svc/module-url")) == 2


def test_each_frame_has_its_own_token(opened: Opened):
    one, two = opened(module("app.one"), module("app.two"))
    script = "() => AP.context.getToken()"
    assert one.evaluate(script) != two.evaluate(script)


def test_a_token_that_the_site_refuses_is_a_rejection(page: Page, opened: Opened):
    (frame,) = opened()
    page.evaluate("document.querySelector('meta[name=hw-csrf]').content = 'wrong'")
    script = "() => AP.context.getToken().catch((reason) => `refused: ${reason}`)"
    assert frame.evaluate(script) == "refused: the CSRF token is missing"


def test_get_context_by_promise_and_by_callback(opened: Opened):
    (frame,) = opened()
    expected = {"jira": {"issue": {"key": "DEMO-1", "id": "10001"}, "project": {"key": "DEMO"}}}
    assert frame.evaluate("() => AP.context.getContext()") == expected
    called = "() => new Promise((resolve) => AP.context.getContext(resolve))"
    assert frame.evaluate(called) == expected


def test_no_token_is_in_the_page_but_in_the_address_of_the_frame(
    world: World, page: Page, opened: Opened
):
    (frame,) = opened()
    token = frame.evaluate("() => AP.context.getToken()")
    html = page.content()
    src = page.locator("iframe").get_attribute("src") or ""
    assert token not in html
    assert src.startswith(f"{world.apps['app.one']}/panel?jwt=")
    assert "eyJ" not in html.replace(src.replace("&", "&amp;"), "")
    name = frame.evaluate("() => window.name")
    assert "eyJ" not in name
    assert "jwt" not in name
    assert "eyJ" not in page.url
    assert page.evaluate("() => JSON.stringify([localStorage, sessionStorage])") == "[{},{}]"


# ---- requests -------------------------------------------------------------------------------


def test_request_answers_with_body_and_xhr(world: World, opened: Opened):
    (frame,) = opened()
    script = "() => AP.request('/rest/api/2/issue/DEMO-1').then(({body, xhr}) => [body, xhr.status,"
    script += (
        " xhr.responseText, xhr.headers['content-type'], xhr.getResponseHeader('Content-Type')])"
    )
    body, status, text, *kinds = frame.evaluate(script)
    assert (json.loads(body), status, text) == ({"key": "DEMO-1"}, 200, body)
    assert kinds == ["application/json", "application/json"]
    (call,) = world.asked("/rest/")
    assert call.headers["ap-client-key"] == "app.one"
    assert call.headers["x-headway-csrf"] == CSRF
    assert "session=ann" in call.headers["cookie"]


def test_request_takes_an_address_without_a_leading_slash(opened: Opened):
    (frame,) = opened()
    script = "() => AP.request({url: 'rest/api/2/issue/DEMO-1'}).then(({xhr}) => xhr.status)"
    assert frame.evaluate(script) == 200


def test_request_that_fails_is_a_rejection_with_err_and_xhr(opened: Opened):
    (frame,) = opened()
    failure = frame.evaluate(FAILURE, "/rest/api/2/issue/NONE-1")
    assert failure["err"] == "Not Found"
    assert failure["xhr"]["status"] == 404
    assert "Issue does not exist" in failure["xhr"]["responseText"]


def test_request_posts_json(world: World, opened: Opened):
    (frame,) = opened()
    script = """() => AP.request({url: '/rest/api/2/echo', type: 'POST',
      contentType: 'application/json', data: JSON.stringify({a: 1})}).then(({body}) => body)"""
    answer = json.loads(frame.evaluate(script))
    assert (answer["method"], answer["body"]) == ("POST", '{"a":1}')
    (call,) = world.asked("/rest/")
    assert call.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("options", "path", "body"),
    [
        ({"type": "POST", "data": {"a": "ä b"}}, "/rest/api/2/echo", "a=%C3%A4+b"),
        ({"type": "PUT", "data": {"a": 1}, "contentType": "application/json"}, None, '{"a":1}'),
        ({"data": {"a": "1 2"}}, "/rest/api/2/echo?a=1+2", ""),
        ({"method": "DELETE"}, None, ""),
    ],
)
def test_request_sends_data_as_its_method_and_type_ask(
    opened: Opened, options: dict[str, object], path: str | None, body: str
):
    (frame,) = opened()
    script = "(options) => AP.request('/rest/api/2/echo', options).then(({body}) => body)"
    answer = json.loads(frame.evaluate(script, options))
    assert answer["path"] == (path or "/rest/api/2/echo")
    assert answer["body"] == body


def test_request_calls_success_and_error(opened: Opened):
    (frame,) = opened()
    script = """(url) => new Promise((resolve) => AP.request({url,
      success: (body, text, xhr) => resolve(["success", body, text, xhr.status]),
      error: (xhr, text, thrown) => resolve(["error", xhr.status, text, thrown])}))"""
    assert frame.evaluate(script, "/rest/api/2/issue/DEMO-1") == [
        *("success", '{"key": "DEMO-1"}', "success", 200)
    ]
    assert frame.evaluate(script, "/rest/nothing") == ["error", 404, "error", "Not Found"]


def test_an_app_chooses_few_headers_and_never_its_identity(world: World, opened: Opened):
    (frame,) = opened()
    frame.evaluate("""() => AP.request({url: '/rest/api/2/issue/DEMO-1', headers: {
      Accept: 'text/plain', 'ap-client-key': 'app.two', Authorization: 'JWT x', 'X-Other': '1'
    }})""")
    (call,) = world.asked("/rest/")
    assert call.headers["accept"] == "text/plain"
    assert call.headers["ap-client-key"] == "app.one"
    assert not {"authorization", "x-other"} & call.headers.keys()


OFF_THE_API = [
    "/svc/module-url",
    "/plugins/servlet/upm",
    "/restless",
    "/rest",
    "/rest/../svc/module-url",
    "/rest/./../svc/module-url",
    "/rest/%2e%2e/svc/module-url",
    "/rest/.%2E/svc/module-url",
    "/rest/%252e%252e/svc/module-url",
    "/rest/a%2fb",
    "/rest\\..\\svc",
    "\\\\evil.example/rest/",
    "//evil.example/rest/api",
    "///evil.example/rest/api",
    "https://evil.example/rest/api",
    "javascript:alert(1)",
    "data:text/plain,rest",
    "/re\tst/../svc/",
    "\n//evil.example/rest/",
    "",
    "/rest/" + "a" * 9000,
]


def test_a_request_off_the_rest_api_is_refused_and_never_sent(world: World, opened: Opened):
    (frame,) = opened()
    before = len(world.calls)
    for url in OFF_THE_API:
        failure = frame.evaluate(FAILURE, url)
        assert (url, failure["xhr"]["status"]) == (url, 403)
        assert failure["err"].startswith("refused by the bridge")
    assert len(world.calls) == before


@pytest.mark.parametrize(
    "options",
    [
        {"url": "/rest/api/2/echo", "type": "CONNECT"},
        {"url": "/rest/api/2/echo", "type": "POST", "data": [1, 2]},
        {"url": 5},
        {},
    ],
)
def test_a_malformed_request_is_refused(world: World, opened: Opened, options: dict[str, object]):
    (frame,) = opened()
    assert frame.evaluate(FAILURE, options)["xhr"]["status"] == 403
    assert world.asked("/rest/") == []


def test_a_request_follows_no_redirect(world: World, opened: Opened):
    (frame,) = opened()
    assert frame.evaluate(FAILURE, "/rest/api/2/moved")["xhr"]["status"] == 0
    assert [call.method for call in world.asked("/svc/module-url")] == ["POST"]  # the mount's own


# ---- the frame ------------------------------------------------------------------------------


def test_the_frame_is_sandboxed_and_sends_no_referrer(page: Page, opened: Opened):
    opened()
    iframe = page.locator("iframe")
    assert iframe.get_attribute("referrerpolicy") == "no-referrer"
    assert iframe.get_attribute("title") == "panel (app.one)"
    allowed = set((iframe.get_attribute("sandbox") or "").split())
    assert {"allow-scripts", "allow-same-origin", "allow-forms", "allow-popups"} <= allowed
    assert "allow-top-navigation" not in allowed


def test_resize(page: Page, opened: Opened):
    (frame,) = opened()
    frame.evaluate("() => AP.resize('100%', '321px')")
    page.wait_for_function("() => document.querySelector('iframe').offsetHeight === 321")
    frame.evaluate("() => AP.resize(200, 222)")
    page.wait_for_function("() => document.querySelector('iframe').offsetWidth === 200")
    frame.evaluate("() => AP.resize('1px;position:fixed', 'calc(100vh)')")
    frame.evaluate("() => AP.user.getLocale()")  # answered after what was sent before
    assert page.evaluate("document.querySelector('iframe').style.cssText") == (
        "width: 200px; height: 222px;"
    )


def test_size_to_parent_is_for_pages(world: World, page: Page, opened: Opened):
    world.options = {"isFullPage": True, "width": "100%", "height": "100px", "title": "A page"}
    (frame,) = opened()
    assert page.locator("iframe").get_attribute("title") == "A page"
    frame.evaluate("() => AP.sizeToParent(true)")
    page.wait_for_function("() => document.querySelector('iframe').offsetHeight > 600")
    assert page.evaluate("document.documentElement.className") == "hw-no-footer"
    page.set_viewport_size({"width": 1280, "height": 600})
    page.wait_for_function("() => document.querySelector('iframe').offsetHeight < 600")


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("javascript:alert(1)", "not a web address"),
        ("{site}/panel", "the app has the site's own origin"),
    ],
)
def test_an_address_that_is_not_of_an_app_is_not_mounted(
    world: World, page: Page, address: str, problem: str
):
    world.module_url = address.format(site=world.site)
    world.pages["/page"] = page_of(module("app.one"))
    page.goto(f"{world.site}/page")
    assert problem in (page.locator(".hw-module-problem").text_content() or "")
    assert page.locator("iframe").count() == 0


def test_a_module_that_the_site_refuses_says_so_as_text(world: World, page: Page):
    world.pages["/page"] = page_of(module("<b>app</b>", "broken"))
    page.goto(f"{world.site}/page")
    text = page.locator(".hw-module-problem").text_content()
    assert text == "This part of <b>app</b> could not be opened: this app has no such module"
    assert page.locator(".hw-module b").count() == 0


# ---- who is calling -------------------------------------------------------------------------


def test_the_wire_by_hand_works_for_ones_own_frame(opened: Opened):
    (frame,) = opened()
    message = {"eid": frame.evaluate(OWN_ID), "mod": "user", "fn": "getLocale"}
    assert frame.evaluate(RAW, message) == [None, "en_GB"]


def test_a_forged_extension_id_is_ignored(world: World, opened: Opened):
    one, two, sibling = opened(module("app.one"), module("app.two"), module("app.one", "other"))
    before = len(world.asked("/svc/context-token"))
    for victim in (one.evaluate(OWN_ID), "__proto__", "app.one__panel__0", None):
        for thief in (two, sibling):
            message = {"eid": victim, "mod": "context", "fn": "getToken"}
            assert thief.evaluate(RAW, message) == "no answer"
            assert thief.evaluate(RAW, {**message, "type": "init"}) == "no answer"
    assert len(world.asked("/svc/context-token")) == before
    assert one.evaluate("() => AP.context.getToken()").count(".") == 2


def test_an_identity_among_the_arguments_is_ignored(world: World, opened: Opened):
    one, two = opened(module("app.one"), module("app.two"))
    forged = {"_context": {"extension_id": one.evaluate(OWN_ID)}}
    url = "/rest/api/2/issue/DEMO-1"
    own = two.evaluate(OWN_ID)
    message = {"eid": own, "mod": "_globals", "fn": "request", "args": [url, {}, forged, forged]}
    two.evaluate(RAW, message)
    (call,) = world.asked("/rest/")
    assert call.headers["ap-client-key"] == "app.two"


NO_METHODS: list[dict[str, object]] = [
    {"mod": "__proto__", "fn": "__defineGetter__", "args": ["polluted"]},
    {"mod": "context", "fn": "__defineGetter__", "args": ["getToken"]},
    {"mod": "constructor", "fn": "assign"},
    {"mod": "flag", "_cls": "create", "fn": "_construct"},
    {"mod": "flag", "_cls": "__proto__", "fn": "constructor"},
    {"mod": "context", "fn": ["getToken"]},
    {"mod": "context", "fn": "getToken", "args": "text"},
    {"mod": "context", "fn": "getToken", "args": [0] * 9},
    {"mod": "nothing", "fn": "getToken"},
]


def test_only_the_methods_of_the_bridge_can_be_called(page: Page, opened: Opened):
    (frame,) = opened()
    for call in NO_METHODS:
        message = {"eid": frame.evaluate(OWN_ID), **call}
        assert (call, frame.evaluate(RAW, message)) == (call, "no answer")
    assert page.evaluate("() => 'polluted' in {}") is False
    assert frame.evaluate("() => AP.context.getToken()").count(".") == 2


def test_other_messages_are_dropped_without_an_error(opened: Opened):
    (frame,) = opened()
    for message in ("text", 5, [], {"type": "get_host_offset"}, {"type": "__proto__"}):
        frame.evaluate("(message) => top.postMessage(message, '*')", message)
    assert frame.evaluate("() => AP.user.getLocale()") == "en_GB"


def test_a_frame_that_went_to_another_origin_has_lost_the_bridge(world: World, opened: Opened):
    (frame,) = opened()
    own = frame.evaluate(OWN_ID)
    frame.goto(f"{world.apps['app.two']}/panel")
    assert frame.evaluate("() => window.name").find(own) > 0  # it still knows the id
    for call in (("context", "getToken"), ("_globals", "request"), ("user", "getCurrentUser")):
        message = {"eid": own, "mod": call[0], "fn": call[1], "args": ["/rest/api/2/echo"]}
        assert frame.evaluate(RAW, message) == "no answer"
    assert world.asked("/svc/context-token") == []
    assert world.asked("/rest/") == []


def test_a_frame_inside_the_frame_has_no_bridge_of_its_own(world: World, opened: Opened):
    (frame,) = opened()
    own = frame.evaluate(OWN_ID)
    frame.evaluate(
        """(src) => new Promise((resolve) => {
      const inner = document.createElement("iframe");
      inner.name = window.name; inner.src = src; inner.onload = resolve;
      document.body.append(inner);})""",
        f"{world.apps['app.one']}/panel",
    )
    (inner,) = frame.child_frames
    message = {"eid": own, "mod": "context", "fn": "getToken"}
    assert inner.evaluate(RAW, message) == "no answer"


def test_a_reload_of_the_frame_keeps_the_bridge(opened: Opened):
    (frame,) = opened()
    frame.evaluate("() => history.replaceState(null, '', location.pathname)")
    with frame.expect_navigation():
        frame.evaluate("() => location.reload()")
    frame.wait_for_function("window.AP && AP.context")
    assert frame.evaluate("() => AP.context.getToken()").count(".") == 2


# ---- the rest of AP -------------------------------------------------------------------------


def test_user(opened: Opened):
    (frame,) = opened()
    assert frame.evaluate("() => AP.user.getCurrentUser()") == {"atlassianAccountId": "5b10a0:ann"}
    assert frame.evaluate("() => new Promise((done) => AP.user.getLocale(done))") == "en_GB"
    named = {"id": "5b10a0:ann", "key": "5b10a0:ann", "fullName": "Ann Admin"}
    assert frame.evaluate("() => new Promise((done) => AP.getUser(done))") == named
    assert frame.evaluate("() => new Promise((done) => AP.getTimeZone(done))")


def test_location_and_navigation(world: World, page: Page, opened: Opened):
    world.pages["/browse/DEMO-2"] = "<h1>DEMO-2</h1>"
    (frame,) = opened()
    assert (
        frame.evaluate("() => new Promise((done) => AP.getLocation(done))") == f"{world.site}/page"
    )
    here = {"target": "issue", "context": {"issueKey": "DEMO-1", "projectKey": "DEMO"}}
    assert frame.evaluate("() => new Promise((done) => AP.navigator.getLocation(done))") == here
    for bad in ("javascript:alert(1)", "../svc/x", "//evil.example"):
        frame.evaluate("(issueKey) => AP.navigator.go('issue', {issueKey})", bad)
    frame.evaluate("() => AP.navigator.go('site', {relativeUrl: '/svc/module-url'})")
    frame.evaluate("() => AP.user.getLocale()")
    assert page.url == f"{world.site}/page"
    frame.evaluate("() => AP.navigator.go('issue', {issueKey: 'DEMO-2'})")
    page.wait_for_url("**/browse/DEMO-2")


def test_reload(world: World, page: Page, opened: Opened):
    (frame,) = opened()
    with page.expect_navigation():
        frame.evaluate("() => AP.navigator.reload()")
    page.locator(".hw-module-frame").wait_for()
    assert len(world.asked("/page")) == 2


def test_history_of_a_page_module(world: World, page: Page, opened: Opened):
    world.options = {"isFullPage": True}
    (frame,) = opened()
    assert frame.evaluate("() => AP.history.getState()") == ""
    frame.evaluate("() => { window.seen = []; AP.history.popState((e) => seen.push(e.newURL)); }")
    frame.evaluate("() => { AP.history.pushState('a/ä'); AP.history.pushState('b'); }")
    assert frame.evaluate("() => new Promise((done) => AP.history.getState(done))") == "b"
    assert page.url == f"{world.site}/page#!b"
    frame.evaluate("() => AP.history.back()")
    frame.wait_for_function("window.seen.length === 1")
    assert frame.evaluate("() => [AP.history.getState(), ...seen]") == ["a/ä", "a/ä"]
    frame.evaluate("() => AP.history.forward()")
    frame.wait_for_function("window.seen.length === 2")
    assert frame.evaluate("() => AP.history.getState()") == "b"
    frame.evaluate("() => AP.history.go(-1)")
    frame.wait_for_function("window.seen.length === 3")
    assert frame.evaluate("() => AP.history.getState()") == "a/ä"
    frame.evaluate("() => AP.history.replaceState('c')")
    everything = frame.evaluate("() => new Promise((r) => AP.history.getState('all', r))")
    assert everything == {
        "key": "app.one",
        "hash": "c",
        "title": "Site",
        "href": f"{world.site}/page#!c",
    }


def test_history_is_not_for_panels(world: World, page: Page, opened: Opened):
    (frame,) = opened()
    frame.evaluate("() => AP.history.pushState('x')")
    frame.evaluate("() => AP.user.getLocale()")
    assert page.url == f"{world.site}/page"


def test_flag_is_text_of_the_app_and_tells_what_was_pressed(page: Page, opened: Opened):
    (frame,) = opened()
    frame.evaluate("""() => { window.seen = [];
      AP.events.on('flag.action', (e) => seen.push(['action', e.actionIdentifier]));
      AP.events.on('flag.close', (e) => seen.push(['close']));
      AP.flag.create({title: '<img src=x>', body: '<b>hi</b>', type: 'Success',
                      actions: {'do-it': 'Do it'}}); }""")
    flag = page.locator(".hw-flag")
    assert flag.locator(".hw-flag-title").text_content() == "<img src=x>"
    assert flag.locator(".hw-flag-body").text_content() == "<b>hi</b>"
    assert flag.locator(".hw-flag-from").text_content() == "app.one"
    assert flag.get_attribute("data-type") == "success"
    flag.get_by_role("button", name="Do it").click()
    flag.get_by_role("button", name="Close").click()
    frame.wait_for_function("window.seen.length === 2")
    assert frame.evaluate("() => seen") == [["action", "do-it"], ["close"]]
    assert flag.count() == 0


def test_flags_close_by_the_app_and_are_few(page: Page, opened: Opened):
    (frame,) = opened()
    frame.evaluate("""() => { window.flags = [];
      for (let n = 0; n < 9; n++) flags.push(AP.flag.create({title: `flag ${n}`})); }""")
    page.get_by_text("flag 8").wait_for()
    assert page.locator(".hw-flag").count() == 5
    frame.evaluate("() => flags[8].close()")
    page.get_by_text("flag 8").wait_for(state="detached")


def test_events_reach_the_frames_of_one_app_and_public_ones_all(opened: Opened):
    one, other, two = opened(module("app.one"), module("app.one", "other"), module("app.two"))
    for frame in (one, other, two):
        frame.evaluate("""() => { window.seen = [];
          AP.events.on('own', (...args) => seen.push(['own', ...args]));
          AP.events.onPublic('all', (...args) => seen.push(['all', ...args])); }""")
    one.evaluate("() => { AP.events.emit('own', 1, {a: 2}); AP.events.emitPublic('all', 3); }")
    two.wait_for_function("window.seen.length === 1")
    other.wait_for_function("window.seen.length === 2")
    assert two.evaluate("() => seen") == [["all", 3]]
    assert other.evaluate("() => seen") == [["own", 1, {"a": 2}], ["all", 3]]


def test_a_page_may_hide_the_footer(world: World, page: Page, opened: Opened):
    world.options = {"isFullPage": True}
    (frame,) = opened()
    assert page.evaluate("document.documentElement.className") == ""
    frame.evaluate("() => AP.hideFooter(true)")
    page.wait_for_function("() => document.documentElement.className === 'hw-no-footer'")


def test_a_frame_may_listen_to_every_event_of_its_app(opened: Opened):
    one, other = opened(module("app.one"), module("app.one", "other"))
    other.evaluate("() => { window.seen = []; AP.events.onAny((...args) => seen.push(args)); }")
    one.evaluate("() => { AP.events.emit('first', 1); AP.events.emit('second', 2); }")
    other.wait_for_function("window.seen.length === 2")
    assert other.evaluate("() => seen.map((args) => args.slice(0, 2))") == [
        ["first", 1],
        ["second", 2],
    ]
    other.evaluate("""() => { window.own = []; window.hear = (value) => own.push(value);
      AP.events.on('third', hear); }""")
    one.evaluate("() => AP.events.emit('third', 3)")
    other.wait_for_function("window.own.length === 1")
    other.evaluate("() => AP.events.off('third', hear)")
    one.evaluate("() => AP.events.emit('third', 4)")
    other.wait_for_function("window.seen.length === 4")
    assert other.evaluate("() => own") == [3]


def test_cookies_are_kept_apart_by_app(opened: Opened):
    one, two = opened(module("app.one"), module("app.two"))
    read = "(name) => new Promise((resolve) => AP.cookie.read(name, resolve))"
    one.evaluate("() => { AP.cookie.save('a', 'of one', 1); AP.cookie.save('old', 'x', -1); }")
    assert one.evaluate(read, "a") == "of one"
    assert one.evaluate(read, "old") == ""
    assert two.evaluate(read, "a") == ""
    one.evaluate("() => AP.cookie.erase('a')")
    assert one.evaluate(read, "a") == ""
