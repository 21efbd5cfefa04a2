from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import shutil
import socket
import threading
import time
from functools import partial

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import HTMLResponse

from headway.app import pages
from headway.errors import IssuerUnknown, QshMismatch, QshMissing, TokenExpired
from headway.model import Installation, Product, RequestFacts, Secret

NOW = 1_700_000_000.0
FIRST = "the first shared secret"


def site(secret=FIRST, **more):
    return Installation(
        app_key="my-app",
        client_key="site-1",
        base_url="https://x.atlassian.net",
        product=Product.JIRA,
        shared_secret=Secret(secret),
        **more,
    )


def facts(query="", path="/panel"):
    return RequestFacts(method="GET", raw_path=path, raw_query=query)


def reload(query, seal, path="/panel"):
    return facts(f"{query}&headway-seal={seal}", path)


# ---- the seal -------------------------------------------------------------------------------


def test_a_seal_is_for_the_address_that_was_signed():
    mark = pages.seal(facts("issue=A-1&x=%7e&jwt=eyJ"), site(), "ada")
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", mark)
    pages.check_seal(reload("issue=A-1&x=%7e", mark), site(), "ada", NOW)
    pages.check_seal(reload("x=~&issue=A-1", mark), site(), "ada", NOW)  # one canonical request


def test_a_sealed_address_is_the_page_without_its_token():
    to = pages.sealed_address(facts("a=%7e&jwt=eyJ&headway-seal=old&b"), site(), "ada")
    path, _, query = to.partition("?")
    assert (path, query.rpartition("=")[0]) == ("/panel", "a=%7e&b&headway-seal")
    pages.check_seal(facts(query), site(), "ada", NOW)
    bare = pages.sealed_address(facts("jwt=eyJ"), site(), None)
    assert bare.startswith("/panel?headway-seal=")
    pages.check_seal(facts(bare.partition("?")[2]), site(), None, NOW)


@pytest.mark.parametrize(
    ("query", "path", "account", "secret"),
    [
        ("issue=A-2", "/panel", "ada", "the first shared secret"),
        ("issue=A-1&issue=A-2", "/panel", "ada", "the first shared secret"),
        ("", "/panel", "ada", "the first shared secret"),
        ("issue=A-1", "/other", "ada", "the first shared secret"),
        ("issue=A-1", "/panel", "eve", "the first shared secret"),
        ("issue=A-1", "/panel", None, "the first shared secret"),
        ("issue=A-1", "/panel", "ada", "another site's secret"),
    ],
)
def test_a_seal_is_for_nothing_else(query, path, account, secret):
    mark = pages.seal(facts("issue=A-1"), site(), "ada")
    with pytest.raises(QshMismatch):
        pages.check_seal(reload(query, mark, path), site(secret), account, NOW)


@pytest.mark.parametrize("query", ["", "issue=A-1", "headway-seal=a&headway-seal=b"])
def test_no_seal_or_two_are_none(query):
    with pytest.raises(QshMissing):
        pages.check_seal(facts(query), site(), "ada", NOW)


@pytest.mark.parametrize("mark", ["", "x", "\xff", "%00"])
def test_a_seal_of_rubbish_is_refused(mark):
    with pytest.raises(QshMismatch):
        pages.check_seal(facts(f"headway-seal={mark}"), site(), "ada", NOW)


def test_a_seal_outlives_a_rotation_as_long_as_the_secret_does():
    mark = pages.seal(facts("a=1"), site(), "ada")
    rotated = site(
        "the second shared secret",
        previous_secret=Secret("the first shared secret"),
        previous_until=int(NOW) + 300,
    )
    pages.check_seal(reload("a=1", mark), rotated, "ada", NOW)
    with pytest.raises(QshMismatch):
        pages.check_seal(reload("a=1", mark), rotated, "ada", NOW + 300)


# ---- the first script -----------------------------------------------------------------------


def test_the_script_is_constant_and_known_by_its_hash():
    text = pages.first_script("mark")
    assert text.startswith('<script data-seal="mark">')
    inner = text.partition(">")[2].removesuffix("</script>")
    digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
    assert f"'sha256-{digest}'" == pages.SCRIPT_HASH
    assert "</" not in inner


def test_a_mark_can_not_leave_its_attribute():
    assert '"><' not in pages.first_script('"><img>')


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"<!doctype html><html>", b"<!doctype html>X<html>"),
        (b" \n<!DOCTYPE html PUBLIC 'x'>\n<p>", b" \n<!DOCTYPE html PUBLIC 'x'>X\n<p>"),
        (b"\xef\xbb\xbf<!doctype html>", b"\xef\xbb\xbf<!doctype html>X"),
        (b"<html><head>", b"X<html><head>"),
        (b"<p>no head", b"X<p>no head"),
        (b"", b"X"),
        (b"<!-- a --><!doctype html>", b"<!-- a --><!doctype html>X"),
        (b"<!-- <head> --><head>", b"<!-- <head> -->X<head>"),
        (b"<!--><head>", b"<!-->X<head>"),
        (b"<!---><head> --><p>", b"<!--->X<head> --><p>"),
        (b"<!-- a --!><p>", b"<!-- a --!>X<p>"),
        (b"<!-- never closed <!doctype html>", b"X<!-- never closed <!doctype html>"),
    ],
)
def test_it_stands_where_nothing_can_swallow_it(page, expected):
    assert pages.with_first_script(page, "X") == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("script-src 'self'", "script-src 'self' H"),
        ("SCRIPT-SRC 'none'; img-src *", "SCRIPT-SRC H; img-src *"),
        ("default-src 'self'", "default-src 'self'; script-src 'self' H"),
        ("default-src 'none'", "default-src 'none'; script-src H"),
        ("img-src *", "img-src *"),
        ("script-src 'unsafe-inline'", "script-src 'unsafe-inline'"),
        ("script-src 'unsafe-inline' 'nonce-x'", "script-src 'unsafe-inline' 'nonce-x' H"),
        ("script-src 'a'; script-src-elem 'b'", "script-src 'a'; script-src-elem 'b' H"),
        ("script-src 'a'; script-src 'b'", "script-src 'a' H; script-src 'b'"),
        ("", ""),
        (";;", ""),
    ],
)
def test_a_pages_own_policy_lets_it_run(policy, expected):
    assert pages.with_script_allowed(policy) == expected.replace("H", pages.SCRIPT_HASH)


@given(st.text("abjwt=&%6A-", max_size=30))
def test_without_seal_takes_nothing_else(query):
    assert pages.without_seal(query) == query


# ---- pages of our own -----------------------------------------------------------------------


def test_the_shell_holds_no_data_and_is_framed_by_sites_alone():
    body, headers = pages.shell("https://cdn.example/all.js?a&b", ["https://*.atlassian.net"])
    assert headers["Content-Security-Policy"] == "frame-ancestors https://*.atlassian.net"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert '<script src="https://cdn.example/all.js?a&amp;b">' in body
    assert "innerHTML" not in body


ATTACK = "<script>alert(1)</script>\"'"


def test_a_refusal_page_escapes_everything():
    body, headers = pages.refusal_page(TokenExpired(expected=ATTACK, found=ATTACK), "my-app")
    assert "alert(1)" in body
    assert "<script>alert" not in body
    assert ATTACK not in body
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Headway-Refusal"] == "token-expired"
    assert headers["WWW-Authenticate"] == 'JWT realm="my-app"'


def test_a_refusal_page_tells_outsiders_no_more_than_they_may_know():
    body, headers = pages.refusal_page(IssuerUnknown(found="site-77"), "my-app")
    assert "site-77" not in body
    assert headers["Headway-Refusal"] == "signature-invalid"


def test_a_refusal_page_styles_itself_by_hash():
    body, headers = pages.refusal_page(TokenExpired(), "my-app")
    style = body.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in headers["Content-Security-Policy"]


# ---- in a real browser ----------------------------------------------------------------------


@pytest.fixture
def served():
    """Runs ASGI apps on sockets that are already bound, in threads, without a log."""
    running = []

    def serve(app, sock):
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        )
        thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
        thread.start()
        running.append((server, thread, sock))

    yield serve
    for server, thread, sock in running:
        server.should_exit = True
        thread.join(10)
        sock.close()


def free_socket():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]


@pytest.fixture
def make_frame_world(make_world, make_server, served):
    return partial(framed, make_world, make_server, served)


@pytest.fixture
def frame_world(make_frame_world):
    return make_frame_world()


@pytest.fixture
def sealed_world(make_frame_world):
    return make_frame_world(sealed_pages=True)


def framed(make_world, make_server, served, **settings):
    """An app with one panel, and a page on another host name that frames it."""
    (sock, port), host = free_socket(), make_server()
    site = host.address.replace("127.0.0.1", "localhost")
    world = make_world(
        base_url=f"http://127.0.0.1:{port}", client_script=f"{site}/all.js", **settings
    )
    world.now[0] = time.time()
    world.site, world.host = site, host

    @world.connect.panel("P", location="x", url="/panel")
    async def panel(request, context):
        issue = request.query_params["issue"]
        inline = "<script>document.body.textContent = 'an inline script ran'</script>"
        return HTMLResponse(
            f"<!doctype html><p id='issue'>{issue} for {context.account_id}</p>{inline}",
            headers={"Content-Security-Policy": "default-src 'self'"},
        )

    assert world.event(baseUrl=site).status == 204
    token = world.request_token("GET", "/panel", "issue=A-1")
    world.source = src = f"{world.connect.base_url}/panel?issue=A-1&jwt={token}"
    kept_nowhere = {"Content-Type": "text/html", "Cache-Control": "no-store"}
    host.page("/", 200, f"<iframe src='{src}'></iframe>".encode(), **kept_nowhere)
    script = (
        "window.AP = {context: {getToken: function (use) {"
        f"fetch('{site}/token').then(a => a.text()).then(use); }}}}}};"
    )
    host.page("/all.js", 200, script.encode(), **{"Content-Type": "text/javascript"})
    host.page("/token", 200, world.context_token().encode(), **{"Access-Control-Allow-Origin": "*"})
    served(Starlette(routes=world.connect.routes), sock)
    return world


@pytest.fixture
def tab():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield chromium.new_page()
        chromium.close()


@pytest.mark.browser
def test_a_reload_shows_the_page_again_and_the_address_never_a_token(frame_world, tab):
    tab.goto(frame_world.site)
    frame = tab.frames[1]
    for _ in range(3):  # the first time with the token in the address, then without
        frame.wait_for_selector("#issue")
        assert frame.text_content("#issue") == "A-1 for ada"
        assert re.fullmatch(
            r"\?issue=A-1&headway-seal=[\w-]{32}", frame.evaluate("location.search")
        )
        assert "eyJ" not in frame.evaluate("document.documentElement.outerHTML")
        with tab.expect_event("framenavigated"):
            frame.evaluate("location.reload()")
    kinds = [observation.kind for observation in frame_world.seen]
    assert kinds[:4] == ["lifecycle", "request", "context", "context"]
    assert all(observation.verified for observation in frame_world.seen)
    assert "/token" in frame_world.host.asked


# The profile's files, and what is searched in them: a token's signature, as Chromium writes text.


def places(profile, text):
    """The files of *profile* with *text* in them."""
    needles = (text.encode(), text.encode("utf-16-le"))
    found = set()
    for file in profile.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a browser runs
            data = file.read_bytes() if file.is_file() else b""
            found |= {str(file.relative_to(profile))} if any(n in data for n in needles) else set()
    return found


def journal(tab, profile, text):
    """Wait until the browser's journal of sessions holds *text*: it is written every 2.5 s."""
    for _ in range(100):
        if any("Sessions/" in place for place in places(profile, text)):
            return True
        tab.wait_for_timeout(100)
    return False


@pytest.fixture
def kept_tab(tmp_path):
    """A page, the browser it is in, and the folder that this browser keeps."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],
        )
        yield browser.pages[0], browser, tmp_path / "profile"
        browser.close()


@pytest.mark.browser
def test_a_sealed_page_is_in_no_journal_with_its_token(sealed_world, kept_tab):
    """The journal is written while the page is on its way: the worst moment there is."""
    world, (tab, browser, profile) = sealed_world, kept_tab
    go, token = threading.Event(), world.host.pages["/token"]
    world.host.pages["/token"] = lambda handler: go.wait(30) and token(handler)
    signature = re.search(r"jwt=[\w-]+\.[\w-]+\.([\w-]+)", world.source)[1]
    tab.goto(world.site)
    assert journal(tab, profile, "headway-seal="), "the journal knows the frame's address"
    assert places(profile, signature) == set()
    go.set()
    tab.frames[1].wait_for_selector("#issue")
    assert tab.frames[1].text_content("#issue") == "A-1 for ada"
    shown = [(seen.kind, seen.location) for seen in world.seen]
    assert shown[-2:] == [("request", "query"), ("context", "header")]
    browser.close()
    assert places(profile, signature) == set()


@pytest.mark.browser
def test_a_page_that_drops_its_token_late_is_in_the_journal(frame_world, kept_tab):
    """So the test before this one would see it; and so much a script alone can promise."""
    host, (tab, _, profile) = frame_world.host, kept_tab
    late = b"<p>x<script>setTimeout(() => history.replaceState(0, '', 'late'), 8000)</script>"
    host.page("/late", 200, late, **{"Content-Type": "text/html", "Cache-Control": "no-store"})
    signature = frame_world.source.rpartition(".")[2]
    src = f"{host.address}/late?jwt={frame_world.source.rpartition('jwt=')[2]}"
    html = f"<iframe src='{src}'></iframe>".encode()
    host.page("/", 200, html, **{"Content-Type": "text/html"})
    tab.goto(frame_world.site)
    assert journal(tab, profile, signature)


@pytest.mark.browser
def test_the_seal_holds_the_shell_to_its_address(frame_world, tab):
    tab.goto(frame_world.site)
    frame = tab.frames[1]
    frame.wait_for_selector("#issue")
    frame.evaluate("location.search = location.search.replace('A-1', 'A-2')")
    frame.wait_for_function("(document.getElementById('say') || {}).textContent")
    assert "can not be shown again" in frame.text_content("#say")
    assert frame_world.seen[-1].refusal == "qsh-mismatch"


@pytest.mark.browser
def test_a_foreign_page_can_not_frame_the_shell(frame_world, tab):
    src = f"{frame_world.connect.base_url}/panel?issue=A-1"
    frame_world.host.page(
        "/evil", 200, f"<iframe src='{src}'></iframe>".encode(), **{"Content-Type": "text/html"}
    )
    tab.goto(f"{frame_world.site}/evil")
    tab.frames[1].wait_for_selector("#say", state="attached")
    tab.goto(f"{frame_world.site.replace('localhost', 'foreign.localhost')}/evil")
    tab.wait_for_load_state("networkidle")
    assert tab.frames[1].query_selector("#say") is None


@pytest.mark.browser
def test_a_page_outside_of_a_site_says_so(frame_world, tab):
    frame_world.host.page("/all.js", 404, b"")
    tab.goto(f"{frame_world.connect.base_url}/panel?issue=A-1")
    assert "from your site" in tab.text_content("#say")


# ---- a handler's answer as a page -----------------------------------------------------------


def finished(headers, *chunks, **more):
    page = pages.FramedPage({"Cache-Control": "no-store"}, "<script></script>", **more)
    told = page.begin(headers)
    sent = [page.body(chunk, more=True) for chunk in chunks]
    return told, b"".join([*sent, page.body(b"", more=False)])


def test_a_page_has_our_headers_in_place_of_its_own():
    told, body = finished(
        [
            ("cache-control", "public"),
            ("Content-Type", "text/html"),
            ("content-length", "3"),
            ("Content-Security-Policy", "script-src 'none'"),
        ],
        b"<p>",
    )
    assert told == [
        ("Content-Type", "text/html"),
        ("content-length", "20"),
        ("Headway-Page", "1"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", f"script-src {pages.SCRIPT_HASH}"),
    ]
    assert body == b"<script></script><p>"


def test_a_pages_policy_travels_into_the_shell():
    headers = [("Content-Type", "text/html"), ("Content-Security-Policy", 'x "y')]
    _, body = finished(headers, policy_in_page=True)
    meta = b'<meta http-equiv="content-security-policy" content="x &quot;y"><script></script>'
    assert body == meta


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "image/png")],
        [("Content-Type", "text/html"), ("Content-Encoding", "gzip")],
    ],
    ids=["no type", "an image", "compressed"],
)
def test_what_is_no_plain_html_passes_as_it_is(headers):
    assert finished(headers, b"\x1f\x8b")[1] == b"\x1f\x8b"


def test_only_the_beginning_of_a_page_is_held_back():
    page = pages.FramedPage({}, "<script></script>")
    page.begin([("Content-Type", "text/html")])
    assert page.body(b"<!doctype html>", more=True) == b""
    assert page.body(b"x" * pages.HEAD_BYTES_MAX, more=True).startswith(b"<!doctype html><script>")
    assert page.body(b"the rest", more=True) == b"the rest"
