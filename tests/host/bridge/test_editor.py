"""Macros of apps in the editor of a wiki's page, in a real browser and on a whole site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Frame, Page

from headway.host.storage_format import macros, parse
from headway.host.testing import Site
from headway.host.world import Content
from host.bridge.whole import App, whole

pytestmark = pytest.mark.browser

SAVE = "([parameters, body]) => { AP.confluence.saveMacro(parameters, body); }"
CLOSE = "() => { AP.confluence.closeMacroEditor(); }"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Site, App]]:
    with whole() as (site, _, app):
        yield site, app


@pytest.fixture
def site(running: tuple[Site, App]) -> Site:
    return running[0]


@pytest.fixture(scope="module")
def admin(running: tuple[Site, App], chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(15_000)
    running[0].login(page, "admin")
    yield page
    context.close()


def made(site: Site, title: str, body: str) -> Content:
    world = site.running.site.world
    space, author = world.spaces.spaces()[0], world.people.user("admin")
    assert author is not None
    return world.wiki.add_page(space.id, title, body, author.account_id)


def opened(page: Page, site: Site, content: Content) -> None:
    key = site.running.site.world.spaces.spaces()[0].key
    page.goto(f"{site.origin}/wiki/spaces/{key}/pages/edit-v2/{content.id}?as=storage")
    page.locator("#macro").wait_for()


def cursor(page: Page, at: int) -> None:
    page.focus("#body")
    page.evaluate("(at) => document.getElementById('body').setSelectionRange(at, at)", at)


def editor(page: Page) -> Frame:
    handle = page.get_by_role("dialog").locator("iframe").element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_function("window.AP && AP.confluence", polling=50)
    assert frame.inner_text("#it") == "/editor"
    return frame


def said(page: Page) -> str:
    return page.inner_text("#macro-state")


def asked(frame: Frame, name: str) -> object:
    return frame.evaluate("(name) => new Promise((done) => AP.confluence[name](done))", name)


def saved(page: Page, site: Site, content: Content) -> str:
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"**/pages/{content.id}/**")
    after = site.running.site.world.wiki.content(str(content.id))
    assert after is not None
    return after.body


def test_a_macro_without_an_editor(admin: Page, site: Site) -> None:
    """It is put where the cursor is, with the parameters that its descriptor declares."""
    content = made(site, "Without an editor", "<p>a</p><p>b</p>")
    opened(admin, site, content)
    cursor(admin, len("<p>a</p>"))
    admin.select_option("#macro", "static-macro")
    admin.get_by_role("button", name="Add").click()
    assert "static-macro is in the text" in said(admin)
    body = saved(admin, site, content)
    (macro,) = macros(parse(body))
    assert macro.parameters == {"colour": 'a "red" & <blue>', "many": "3", "plain": ""}
    assert body.index("<p>a</p>") < body.index("static-macro") < body.index("<p>b</p>")
    assert macro.id


def test_without_a_cursor_it_is_put_at_the_end(admin: Page, site: Site) -> None:
    opened(admin, site, made(site, "Without a cursor", "<p>a</p>"))
    admin.select_option("#macro", "static-macro")
    admin.get_by_role("button", name="Add").click()
    admin.get_by_role("button", name="Add").click()
    text = admin.input_value("#body")
    assert text.startswith("<p>a</p><ac:structured-macro")
    assert text.count("</ac:structured-macro>") == 2


def test_a_macro_of_an_apps_editor(admin: Page, site: Site, running: tuple[Site, App]) -> None:
    content = made(site, "With an editor", "<p>a</p>")
    opened(admin, site, content)
    cursor(admin, len("<p>a</p>"))
    admin.select_option("#macro", "macro")
    admin.get_by_role("button", name="Add").click()
    frame = editor(admin)
    assert "jwt=" in running[1].target("editor")
    assert asked(frame, "getMacroData") == {"colour": "green"}
    frame.evaluate(SAVE, [{"colour": "first"}, "x"])
    frame.evaluate(SAVE, [{"colour": '"<b>"'}, "a ]]> b <i>"])  # once more: it is one macro
    frame.evaluate(CLOSE)
    admin.get_by_role("dialog").wait_for(state="detached")
    (macro,) = macros(parse(saved(admin, site, content)))
    assert (macro.name, macro.parameters) == ("macro", {"colour": '"<b>"'})
    assert macro.body == "a ]]> b <i>"


def test_the_macro_at_the_cursor_is_opened_again(admin: Page, site: Site) -> None:
    inner = (
        '<ac:structured-macro ac:name="macro" ac:macro-id="m-1"><ac:parameter ac:name="colour">'
        "&eacute; &amp; x</ac:parameter><ac:plain-text-body><![CDATA[</ac:structured-macro>"
        "&nbsp;]]></ac:plain-text-body></ac:structured-macro>"
    )
    outer = (
        '<ac:structured-macro ac:name="rich"><ac:rich-text-body><p>one</p>'
        f"{inner}</ac:rich-text-body></ac:structured-macro>"
    )
    content = made(site, "Inside another", f'<hr /><ac:structured-macro ac:name="x" />{outer}')
    opened(admin, site, content)
    cursor(admin, 2)
    admin.get_by_role("button", name="Edit the one").click()
    assert "Put the cursor into a macro" in said(admin)
    text = admin.input_value("#body")
    cursor(admin, text.index("CDATA"))
    admin.get_by_role("button", name="Edit the one").click()
    frame = editor(admin)
    assert asked(frame, "getMacroData") == {"colour": "é & x"}
    assert asked(frame, "getMacroBody") == "</ac:structured-macro>&nbsp;"
    frame.evaluate(SAVE, [{"colour": "new"}, None])
    frame.evaluate(CLOSE)
    cursor(admin, text.index("<p>one") + 4)
    admin.get_by_role("button", name="Edit the one").click()
    frame = editor(admin)
    assert str(asked(frame, "getMacroBody")).startswith("<p>one</p><ac:structured-macro")
    frame.evaluate(SAVE, [{}, f"<p>two&nbsp;</p>{asked(frame, 'getMacroBody')}"])
    frame.evaluate(CLOSE)
    body = saved(admin, site, content)
    _, rich, macro = macros(parse(body))
    assert (macro.id, macro.parameters) == ("m-1", {"colour": "new"})
    assert macro.body == "</ac:structured-macro>&nbsp;"
    assert rich.body.startswith("<p>two\xa0</p><p>one</p>")


@pytest.mark.parametrize(
    "body",
    [
        "<p>open",
        "</ac:rich-text-body></ac:structured-macro><p>mine, too</p>",
        "</body><body>",
        "x" * 100_001,
    ],
)
def test_what_an_app_saves_is_the_inside_of_its_own_macro(
    admin: Page, site: Site, body: str
) -> None:
    content = made(site, f"Hostile {abs(hash(body))}", "<p>a</p>")
    opened(admin, site, content)
    admin.select_option("#macro", "rich")
    admin.get_by_role("button", name="Add").click()
    editor(admin).evaluate(SAVE, [{}, body])
    admin.locator("#macro-state:has-text('not taken')").wait_for()
    assert admin.input_value("#body").strip() == "<p>a</p>"


def test_only_the_editors_own_dialog_writes(admin: Page, site: Site) -> None:
    content = made(site, "Somebody else", "<p>a</p>")
    opened(admin, site, content)
    admin.evaluate(
        """() => document.querySelector("main").dispatchEvent(new CustomEvent("hw-macro",
          {bubbles: true, detail: {parameters: {}, body: "x"}}))"""
    )
    admin.select_option("#macro", "macro")
    admin.get_by_role("button", name="Add").click()
    frame = editor(admin)
    frame.evaluate(CLOSE)
    admin.get_by_role("dialog").wait_for(state="detached")
    admin.evaluate(
        """() => document.querySelector("main").dispatchEvent(new CustomEvent("hw-macro",
          {bubbles: true, detail: {parameters: {}, body: "x"}}))"""
    )
    assert admin.input_value("#body").strip() == "<p>a</p>"


def test_a_new_page_takes_macros_too(admin: Page, site: Site) -> None:
    key = site.running.site.world.spaces.spaces()[0].key
    admin.goto(f"{site.origin}/wiki/spaces/{key}/pages/create?as=storage")
    admin.fill("#title", "New with a macro")
    admin.select_option("#macro", "macro")
    admin.get_by_role("button", name="Add").click()
    frame = editor(admin)
    frame.evaluate(SAVE, [{"colour": "blue"}, ""])
    frame.evaluate(CLOSE)
    admin.get_by_role("button", name="Save", exact=True).click()
    admin.wait_for_url("**/New+with+a+macro")
    admin.locator('.hw-module[data-module-key="macro"] iframe').wait_for()
