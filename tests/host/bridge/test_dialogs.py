"""Dialogs of apps: opened by a page of the app or by a button of the site, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Locator, Page

from host.bridge.conftest import bridged
from host.bridge.world import World, module, page_of

pytestmark = pytest.mark.browser
Opened = Callable[..., list[Frame]]

HEARING = """() => { window.seen = [];
  for (const name of ["dialog.close", "dialog.submit", "dialog.cancel", "dialog.button.click"])
    AP.events.on(name, (data) => seen.push([name, data ?? null])); }"""
ASKED = "(call) => new Promise((done) => eval(call)(done))"


def opened_dialog(page: Page, frame: Frame, options: str) -> tuple[Locator, Frame]:
    """The dialog, and the frame in it."""
    frame.evaluate(f"() => {{ AP.dialog.create({options}); }}")
    dialog = page.locator("dialog.hw-dialog[open]").last
    place = dialog.locator("iframe").element_handle()
    assert place is not None
    return dialog, bridged(place)


def test_a_dialog_has_the_apps_module_and_its_chrome(
    world: World, page: Page, opened: Opened
) -> None:
    (frame,) = opened()
    options = """{key: "my-dialog", chrome: true, header: "<b>Choose</b>", submitText: "Take it",
                  cancelText: "Leave it", hint: "Carefully", size: "small"}"""
    dialog, inside = opened_dialog(page, frame, options)
    assert dialog.locator("h2").text_content() == "<b>Choose</b>"
    assert dialog.get_by_role("button").all_text_contents() == ["Take it", "Leave it"]
    assert "Carefully" in (dialog.text_content() or "")
    assert "app.one" in (dialog.text_content() or "")
    asked = json.loads(world.asked("/svc/module-url")[-1].body)
    assert (asked["appKey"], asked["moduleKey"]) == ("app.one", "my-dialog")
    assert asked["context"]["issue.key"] == "DEMO-1"
    assert page.evaluate("document.querySelector('dialog').offsetWidth") < 450
    assert inside.evaluate("() => AP._data.options.isDialog") is True


def test_a_dialog_without_chrome_can_still_be_left(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    dialog, _ = opened_dialog(page, frame, "{key: 'd'}")
    assert dialog.get_by_role("button").all_text_contents() == ["Cancel"]
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")


def test_custom_data_goes_in_and_data_comes_back(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    frame.evaluate(HEARING)
    dialog, inside = opened_dialog(page, frame, "{key: 'd', customData: {a: 1}}")
    assert inside.evaluate(ASKED, "(done) => AP.dialog.getCustomData(done)") == {"a": 1}
    assert inside.evaluate("() => AP.dialog.customData") == {"a": 1}
    assert inside.evaluate(ASKED, "(done) => AP.dialog.isCloseOnEscape(done)") is True
    inside.evaluate("() => { AP.dialog.close({b: 2}); }")
    dialog.wait_for(state="detached")
    frame.wait_for_function("window.seen.length === 1")
    assert frame.evaluate("() => seen") == [["dialog.close", {"b": 2}]]
    assert frame.evaluate(ASKED, "(done) => AP.dialog.getCustomData(done)") in ("", None)


def test_the_opener_closes_it_and_hears_of_it_by_its_own_handler(
    page: Page, opened: Opened
) -> None:
    (frame,) = opened()
    frame.evaluate("""() => { window.heard = [];
      AP.dialog.create({key: "d"}).on("close", (data) => heard.push(data)); }""")
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    frame.evaluate("() => { AP.dialog.close('done'); }")
    dialog.wait_for(state="detached")
    frame.wait_for_function("window.heard.length === 1")
    assert frame.evaluate("() => heard") == ["done"]


def test_submit_is_told_and_the_app_decides(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    dialog, inside = opened_dialog(page, frame, "{key: 'd', chrome: true}")
    inside.evaluate(HEARING)
    inside.evaluate("() => AP.dialog.disableCloseOnSubmit()")
    dialog.get_by_role("button", name="Submit").click()
    inside.wait_for_function("window.seen.length === 2")
    button = {"name": "submit", "identifier": "submit", "text": "Submit"}
    assert inside.evaluate("() => seen") == [
        ["dialog.submit", {"button": button}],
        ["dialog.button.click", {"button": button}],
    ]
    assert dialog.is_visible()
    inside.evaluate("""() => { AP.dialog._disableCloseOnSubmit = false;
      AP.dialog.getButton("submit").bind(() => false); }""")
    dialog.get_by_role("button", name="Submit").click()
    inside.wait_for_function("window.seen.length === 4")
    assert dialog.is_visible()
    inside.evaluate("() => AP.dialog.onDialogMessage('cancel', () => true)")
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")


def test_buttons(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    options = "{key: 'd', chrome: true, buttons: [{text: 'More', identifier: 'more'}]}"
    dialog, inside = opened_dialog(page, frame, options)
    submit = dialog.get_by_role("button", name="Submit")
    inside.evaluate("() => { window.button = AP.dialog.getButton('submit'); button.disable(); }")
    assert inside.evaluate("() => new Promise((done) => button.isEnabled(done))") is False
    assert submit.is_disabled()
    inside.evaluate("() => button.enable()")
    inside.evaluate("() => button.toggle()")
    inside.evaluate("() => button.toggle()")
    assert inside.evaluate("() => new Promise((done) => button.isEnabled(done))") is True
    inside.evaluate("() => button.hide()")
    assert inside.evaluate("() => new Promise((done) => button.isHidden(done))") is True
    assert not submit.is_visible()
    inside.evaluate("() => button.show()")
    assert inside.evaluate("() => new Promise((done) => button.isHidden(done))") is False
    inside.evaluate(HEARING)
    dialog.get_by_role("button", name="More").click()
    inside.evaluate("() => AP.dialog.getButton('more').trigger()")
    inside.wait_for_function("window.seen.length === 2")
    assert {name for name, _ in inside.evaluate("() => seen")} == {"dialog.button.click"}
    inside.evaluate("""() => { window.own = 0;
      AP.dialog.createButton({text: '<i>Own</i>', identifier: 'own'}).bind(() => own++); }""")
    dialog.get_by_role("button", name="<i>Own</i>").click()
    inside.wait_for_function("window.own === 1")
    none = "() => new Promise((done) => AP.dialog.getButton('none').isEnabled(done))"
    assert inside.evaluate(none) is False


def test_escape_closes_it_unless_the_app_said_no(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    dialog, _ = opened_dialog(page, frame, "{key: 'd'}")
    dialog.locator("button").first.focus()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    kept, inside = opened_dialog(page, frame, "{key: 'd', closeOnEscape: false}")
    kept.locator("button").first.focus()
    page.keyboard.press("Escape")
    assert inside.evaluate(ASKED, "(done) => AP.dialog.isCloseOnEscape(done)") is False
    assert kept.is_visible()


def test_dialogs_stand_above_each_other_and_are_few(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    _, inside = opened_dialog(page, frame, "{key: 'd'}")
    opened_dialog(page, inside, "{key: 'above', width: '50%', height: 200}")
    assert page.locator("dialog[open]").count() == 2
    inside.evaluate("() => { for (let n = 0; n < 9; n++) AP.dialog.create({key: 'more'}); }")
    page.locator("dialog[open]").nth(4).wait_for()
    inside.evaluate("() => AP.user.getLocale()")
    assert page.locator("dialog[open]").count() == 5
    inside.evaluate("() => { AP.dialog.close(); }")  # its own, and what stands above it
    page.locator("dialog[open]").first.wait_for(state="detached")


def test_a_dialog_is_its_own_apps(page: Page, opened: Opened) -> None:
    one, two = opened(module("app.one"), module("app.two"))
    dialog, _ = opened_dialog(page, one, "{key: 'd'}")
    two.evaluate("() => { AP.dialog.close(); AP.dialog.createButton('x'); }")
    two.evaluate("() => AP.user.getLocale()")
    assert dialog.is_visible()
    assert dialog.get_by_role("button").count() == 1
    asked = "() => AP.dialog.isCloseOnEscape().then(() => 'told', (error) => error)"
    assert two.evaluate(asked) == "there is no dialog"


@pytest.mark.parametrize("key", ["'../x'", "''", "'javascript:alert(1)'", "{}", "null"])
def test_a_dialog_has_a_modules_key_and_no_address(
    world: World, page: Page, opened: Opened, key: str
) -> None:
    (frame,) = opened()
    before = len(world.asked("/svc/module-url"))
    frame.evaluate(f"() => {{ AP.dialog.create({{key: {key}, url: 'https://evil.example'}}); }}")
    frame.evaluate("() => AP.user.getLocale()")
    assert page.locator("dialog").count() == 0
    assert len(world.asked("/svc/module-url")) == before


def test_a_dialog_that_the_site_refuses_says_so_and_closes(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    frame.evaluate("() => { AP.dialog.create({key: 'broken', chrome: true}); }")
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("could not be opened").wait_for()
    dialog.get_by_role("button", name="Submit").click()
    assert dialog.is_visible()
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")


def test_a_flag_stands_above_a_dialog(page: Page, opened: Opened) -> None:
    (frame,) = opened()
    dialog, inside = opened_dialog(page, frame, "{key: 'd'}")
    inside.evaluate("() => { AP.flag.create({title: 'Saved'}); }")
    dialog.get_by_text("Saved").wait_for()
    dialog.get_by_role("button", name="Close this message").click()
    dialog.get_by_text("Saved").wait_for(state="detached")


# ---- buttons of the site --------------------------------------------------------------------


def opener(opens: str, key: str = "item", app: str = "app.one") -> str:
    return (
        f'<button class="hw-opens" data-app-key="{app}" data-module-key="{key}"'
        f' data-opens="{opens}" data-title="An item" data-context="{{}}">Open it</button>'
    )


def test_a_web_item_opens_a_dialog(world: World, page: Page) -> None:
    world.pages["/page"] = page_of(opener("dialog"))
    page.goto(f"{world.site}/page")
    page.get_by_role("button", name="Open it").click()
    dialog = page.locator("dialog[open]")
    assert dialog.locator("h2").text_content() == "An item"
    place = dialog.locator("iframe").element_handle()
    assert place is not None
    inside = bridged(place)
    inside.evaluate("() => { AP.dialog.close(); }")
    dialog.wait_for(state="detached")


def test_an_inline_dialog_stands_by_its_button(world: World, page: Page) -> None:
    more = opener("inlinedialog").replace("Open it", "Another")
    world.pages["/page"] = page_of(opener("inlinedialog") + more + module("app.two"))
    page.goto(f"{world.site}/page")
    button, inline = page.get_by_role("button", name="Open it"), page.locator(".hw-inline")
    button.click()
    place = inline.locator("iframe").element_handle()
    assert place is not None
    inside = bridged(place)
    assert button.get_attribute("aria-expanded") == "true"
    # another app's page hides nothing, its own does
    other = page.locator("body > .hw-module iframe").element_handle()
    assert other is not None
    bridged(other).evaluate("() => { AP.inlineDialog.hide(); return AP.user.getLocale(); }")
    assert inline.is_visible()
    inside.evaluate("() => { AP.inlineDialog.hide(); }")
    inline.wait_for(state="detached")
    assert button.get_attribute("aria-expanded") == "false"
    # the button, Escape, a click elsewhere, and another button
    button.click()
    inline.wait_for()
    button.click()
    inline.wait_for(state="detached")
    button.click()
    inline.wait_for()
    page.keyboard.press("Escape")
    inline.wait_for(state="detached")
    button.click()
    inline.wait_for()
    page.get_by_role("button", name="Another").click()
    page.wait_for_function("() => document.querySelectorAll('.hw-inline').length === 1")
    page.mouse.click(900, 700)
    inline.wait_for(state="detached")
