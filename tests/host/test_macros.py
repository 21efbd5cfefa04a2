from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from msgspec import structs

from headway import jwt
from headway.host import macros
from headway.host.body_view import Links, view
from headway.host.outgoing import CALLS
from headway.host.storage_format import Macro
from headway.host.world import Content, User, World
from headway.model import Kind, Location
from headway.qsh import query_string_hash
from host.small_app import SmallHost

APP = "http://127.0.0.1:7000"
URL = "/macro/{macro.id}?page={page.id}&tone={tone}&short={macro.hash}&cut={macro.truncated}"
TONE = '<ac:parameter ac:name="tone">a &amp; b</ac:parameter>'
NAMED = {"name": {"value": "Macro"}, "description": {"value": "x"}}
MODULES = {
    "dynamicContentMacros": [{"key": "framed", "url": "/framed", **NAMED}],
    "staticContentMacros": [{"key": "fetched", "url": URL, **NAMED}],
    "generalPages": [{"key": "page", "url": "/page", "name": {"value": "Page"}}],
}


def macro(name: str, inner: str = "", id: str = "m1") -> str:  # noqa: A002
    return f'<ac:structured-macro ac:name="{name}" ac:macro-id="{id}">{inner}</ac:structured-macro>'


class Wiki:
    """A page with macros, and an app that renders them within this process."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.host, self.asked = SmallHost(), list[httpx.Request]()
        self.app, _ = self.host.add(modules=MODULES)
        self.world = World(self.host.database)
        self.space = self.world.spaces.add_space("A", "A", "u1")
        self.tenant: Any = self.host  # its apps, and what goes out

        async def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return answer(request)

        self.host.outgoing.wire.inside = {APP: httpx.MockTransport(handle)}

    def html(self, body: str, user: User | None = None) -> str:
        page = self.world.wiki.add_page(self.space.id, str(hash(body)), body, "u1")
        links = Links(lambda title, key: None, lambda name: None, str)

        async def rendered() -> str:
            render = await macros.rendering(self.tenant, page, self.space, user)
            return view(page.body, links, render)

        return asyncio.run(rendered())


def answered(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(text.encode()))


def says(text: str, status: int = 200) -> Wiki:
    return Wiki(lambda request: answered(text, status))


def test_a_frame_is_where_the_bridge_mounts_it() -> None:
    wiki = says("unused")
    html = wiki.html(macro("framed", TONE))
    assert 'class="hw-module" data-product="confluence" data-app-key="my-app"' in html
    assert "&quot;macro.id&quot;: &quot;m1&quot;" in html
    assert "eyJ" not in html
    assert wiki.asked == []
    body = macro("framed") * 2 + macro("fetched") + macro("nobodys") + macro("info")
    assert [app.key for app in macros.frames(wiki.tenant, body)] == ["my-app"] * 2


def test_a_static_macro_is_fetched_with_the_token_in_the_header() -> None:
    wiki = says('<p>Hello <b>there</b><script>1</script><a href="javascript:1">x</a></p>')
    user = User(account_id="u7", name="u", display_name="U", admin=False, email="", active=True)
    text = f"<ac:plain-text-body><![CDATA[{'x' * 200}]]></ac:plain-text-body>"
    html = wiki.html(f"<p>before</p>{macro('fetched', TONE + text)}", user)
    assert "<p>Hello <b>there</b><a" in html
    assert "script" not in html
    (request,) = wiki.asked
    target = request.extensions["target"].decode()
    path, _, query = target.partition("?")
    assert path == "/macro/m1"
    assert "tone=a+%26+b" in query
    assert "cut=true" in query
    assert "&xdm_e=http" in query  # as every address of a module
    assert "jwt" not in query
    scheme, _, token = request.headers["authorization"].partition(" ")
    claims = jwt.decode(token).unverified_claims
    assert (scheme, claims.sub) == ("JWT", "u7")
    assert claims.qsh == query_string_hash("GET", path, query)


def test_what_is_sent_is_noted_without_the_token() -> None:
    wiki = says("<p>x</p>")
    wiki.html(macro("fetched"))
    (crossing,) = wiki.host.traffic.all()
    assert (crossing.location, crossing.kind, crossing.status) == (
        Location.HEADER,
        Kind.REQUEST,
        200,
    )
    assert "eyJ" not in repr(crossing)
    assert CALLS["static macro"].location is Location.HEADER


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: answered("<b>secret</b>", 500), "my-app answered 500."),
        (lambda _: answered("", 302), "my-app answered 302."),
        (lambda _: answered("x" * 300_000), "answered more than"),
        (lambda _: (_ for _ in ()).throw(httpx.ConnectError("no")), "can not be reached"),
    ],
)
def test_an_app_that_fails(answer: Any, words: str) -> None:
    html = Wiki(answer).html(f"<p>kept</p>{macro('fetched')}")
    assert "<p>kept</p>" in html
    assert words in html
    assert "secret" not in html


def test_one_page_asks_no_more_than_so_many_times() -> None:
    wiki = says("<p>x</p>")
    html = wiki.html("".join(macro("fetched", id=f"m{number}") for number in range(25)))
    assert len(wiki.asked) == 20
    assert html.count("too many of them") == 5


def test_only_macros_of_enabled_apps_are_rendered() -> None:
    wiki = says("x")
    assert macros.find(wiki.tenant, "page") is None
    assert macros.find(wiki.tenant, "framed") is not None
    disabled = structs.replace(wiki.app, enabled=False)
    wiki.host.apps.save(disabled, wiki.host.apps.secret("my-app"))
    assert macros.find(wiki.tenant, "framed") is None
    assert "confluence-unknown-macro" in wiki.html(macro("framed"))


def test_what_an_address_may_name() -> None:
    wiki = says("x")
    page = wiki.world.wiki.add_page(wiki.space.id, "Page", "", "u1")
    parameters = {"tone": "calm", "page.id": "999", "macro.id": "other"}
    one = Macro(id="m1", name="x", parameters=parameters, body="short")
    context = macros.macro_context(page, wiki.space, one)
    assert (context["tone"], context["macro.body"], context["macro.truncated"]) == (
        *("calm", "short"),
        "false",
    )
    assert (context["page.id"], context["macro.id"]) == (str(page.id), "m1")
    assert (context["space.key"], context["page.type"]) == ("A", "page")
    assert context["macro.hash"] == macros.macro_hash(one)
    assert json.dumps(context)
    assert "space.key" not in macros.macro_context(page, None, one)


def test_what_the_editor_of_a_page_offers() -> None:
    host = SmallHost()
    parameters = [
        {"identifier": "tone", "defaultValue": "calm"},
        {"identifier": "many", "defaultValue": 3},
        {"identifier": "plain"},
        {"name": {"value": "Nameless"}},
    ]
    more = {"parameters": parameters, "bodyType": "rich-text", "editor": {"url": "/edit"}}
    full = {"key": "full", "url": "/full", **NAMED, **more}
    bare = {"key": "bare", "url": "/bare", **NAMED}
    app, _ = host.add(modules={"dynamicContentMacros": [full, bare]})
    offers = [macros.offer(app, module) for module in app.modules]
    values = {"tone": "calm", "many": "3", "plain": ""}
    assert offers == [
        macros.Offer("full", "my-app", "Macro", True, "rich-text", values),
        macros.Offer("bare", "my-app", "Macro", False, "none", {}),
    ]


def test_what_the_site_knows_of_the_use_of_a_macro() -> None:
    wiki = says("x")
    body = macro("framed", TONE, id="m7") + macro("framed", id="m8")
    page = wiki.world.wiki.add_page(wiki.space.id, "Page", body, "u1")

    def known_of(content: Content | None, wanted: str, name: str = "framed") -> dict[str, str]:
        return macros.values_of(content, wiki.space, macros.used(content, name, wanted))

    known = known_of(page, "m7")
    assert (known["tone"], known["macro.id"], known["page.title"]) == ("a & b", "m7", "Page")
    assert "tone" not in known_of(page, "m8")
    for content, wanted in ((page, "m9"), (page, ""), (None, "m7")):
        assert known_of(content, wanted) == {}
    assert known_of(page, "m7", "another") == {}  # a macro's text is its own app's


def test_a_body_for_whoever_looks_at_it() -> None:
    wiki = says("<p>from the app</p>")
    wiki.world.people.add_user("uma", "Uma", "uma@example.com", admin=False)
    (uma,) = wiki.world.people.users()
    page = wiki.world.wiki.add_page(wiki.space.id, "Page", macro("fetched"), "u1")
    links = Links(lambda title, key: None, lambda name: None, str)

    async def shown(account_id: str | None) -> str:
        return await macros.body_html(wiki.tenant, wiki.world, page, links, account_id)

    subjects = []
    for account_id in (uma.account_id, None):
        assert "from the app" in asyncio.run(shown(account_id))
        token = wiki.asked[-1].headers["authorization"].removeprefix("JWT ")
        subjects.append(jwt.decode(token).unverified_claims.sub)
    assert subjects == [uma.account_id, None]
