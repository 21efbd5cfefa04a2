"""The tools over a field for text, in a real browser: by mouse, by keyboard, and what is saved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from headway.host.documents.nodes import DOCUMENT, paragraph, text
from headway.host.testing import Site
from headway.host.world import Issue

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(sockets=True) as site:
        yield site


@pytest.fixture
def user(site: Site, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(10_000)
    site.login(page, "user")
    page.goto(f"{site.origin}/browse/DEMO-1")
    yield page
    context.close()


def found(site: Site) -> Issue:
    issue = site.running.site.world.tracker.issue("DEMO-1")
    assert issue is not None
    return issue


def written(page: Page, text: str, start: int, end: int) -> None:
    page.fill("#body", text)
    page.evaluate(
        "([a, b]) => document.getElementById('body').setSelectionRange(a, b)", [start, end]
    )


TOOLS = "form[action$='/comment'] .hw-tools"


@pytest.mark.parametrize(
    ("tool", "before", "chosen", "after"),
    [
        ("Bold", "a word b", (2, 6), "a **word** b"),
        ("Italic", "word", (0, 4), "*word*"),
        ("Code", "word", (0, 4), "`word`"),
        ("Link", "word", (0, 4), "[word](https://)"),
        ("Bold", "", (0, 0), "**bold**"),
        ("Heading", "a\nb\nc", (2, 3), "a\n\n## b\nc"),
        ("List", "a\nb", (0, 3), "- a\n- b"),
        ("List", "- a\n- b", (0, 7), "a\nb"),
        ("Numbers", "a\nb", (0, 3), "1. a\n2. b"),
        ("Quote", "a", (0, 1), "> a"),
        ("Block", "a\nb\nc", (2, 3), "a\n```\nb\n```\nc"),
        ("Block", "a b c", (2, 3), "a \n```\nb\n```\n c"),
    ],
)
def test_each_tool(user: Page, tool: str, before: str, chosen: tuple[int, int], after: str) -> None:
    written(user, before, *chosen)
    user.locator(TOOLS).get_by_role("button", name=tool, exact=True).click()
    assert user.input_value("#body") == after
    assert user.evaluate("document.activeElement.id") == "body"
    user.keyboard.press("Control+Z")
    assert user.input_value("#body") == before


def test_by_keyboard_alone(user: Page, site: Site) -> None:
    """One stop of Tab for the tools, arrows between them, and keys for the common ones."""
    user.focus("#body")
    user.keyboard.press("Shift+Tab")
    assert user.evaluate("document.activeElement.getAttribute('aria-label')") == "Mention somebody"
    user.keyboard.press("Shift+Tab")
    assert user.evaluate("document.activeElement.textContent") == "Bold"
    for key, name in (("ArrowRight", "Italic"), ("End", "Block"), ("ArrowRight", "Bold"),
                      ("ArrowLeft", "Block"), ("Home", "Bold")):  # fmt: skip
        user.keyboard.press(key)
        assert user.evaluate("document.activeElement.textContent") == name
    user.focus("#body")
    user.keyboard.type("plain ")
    user.keyboard.press("Control+b")
    user.keyboard.type("strong")
    assert user.input_value("#body") == "plain **strong**"
    user.keyboard.press("Control+Enter")
    user.wait_for_url("**#comments")
    assert user.locator(".hw-comments strong", has_text="strong").count() == 1


def test_somebody_is_mentioned(user: Page, site: Site) -> None:
    ada = site.running.site.world.people.user("admin")
    assert ada is not None
    user.fill("#body", "Ask ")
    user.locator(f"{TOOLS} select").select_option(label="Ada Admin")
    assert user.input_value("#body") == f"Ask [@Ada Admin](account:{ada.account_id}) "
    # by keyboard nothing is chosen before Enter
    user.focus(f"{TOOLS} select")
    user.keyboard.press("ArrowDown")
    assert user.input_value("#body").count("@") == 1
    user.keyboard.press("Enter")
    assert user.input_value("#body").count("@") == 2
    user.get_by_role("button", name="Comment", exact=True).click()
    user.wait_for_url("**#comments")
    comment = site.running.site.world.tracker.comments(found(site).id)[-1]
    assert comment.document is not None
    mention = comment.document["content"][0]["content"][1]
    assert mention == {"type": "mention", "attrs": {"id": ada.account_id, "text": "@Ada Admin"}}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_what_it_can_not_show_is_said_and_kept(
    chromium: Browser, site: Site, scheme: str, width: int
) -> None:
    cell = {"type": "tableCell", "content": [paragraph([text("In a table")])]}
    table = {"type": "table", "content": [{"type": "tableRow", "content": [cell]}]}
    bold = text("bold", [{"type": "strong"}])
    tracker = site.running.site.world.tracker
    document = DOCUMENT([paragraph([text("Some "), bold]), table])
    tracker.edit_issue(found(site).id, description="Some bold", description_document=document)
    size = {"width": width, "height": 900}
    context = chromium.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    site.login(page, "user")
    page.goto(f"{site.origin}/browse/DEMO-1")
    page.get_by_text("Edit this issue").click()
    assert page.input_value("#text") == "Some **bold**\n\n{{table 1: In a table}}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("#text", "Other words")
    page.locator("form[action$='/edit']").get_by_role("button", name="Save").click()
    page.get_by_role("alert").filter(has_text="{{table 1}} would be lost").wait_for()
    assert page.input_value("#text") == "Other words"
    page.fill("#text", "Other words\n\n{{table 1}}")
    page.locator("form[action$='/edit']").get_by_role("button", name="Save").click()
    page.wait_for_url("**/browse/DEMO-1")
    kept = found(site).description_document
    assert kept is not None
    assert kept["content"] == [paragraph([text("Other words")]), table]
    context.close()
