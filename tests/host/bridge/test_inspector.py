"""The inspector's table and the site's small comforts, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from host.bridge.world import World, page_of

pytestmark = pytest.mark.browser

ROOT = '<main class="hw-main wide"><div id="hw-inspector"></div></main>'


def row(number: int, verdict: str = "accepted", **more: object) -> dict[str, object]:
    """One row as the site tells it."""
    return {
        "id": number,
        "time": 1_638_316_800 + number,
        "direction": "app->host",
        "location": "query",
        "kind": "request",
        "method": "GET",
        "path": f"/rest/api/2/issue/DEMO-{number}?jwt=<token>",
        "claims": {"iss": "app.one", "iat": 1_638_316_800},
        "phase": "open",
        "verdict": verdict,
        "refusal": None,
        "hint": None,
        "status": 200,
        "notes": [],
        "explain": None,
        "policy": "atlassian-2022",
        "disclaimer": "",
        **more,
    }


MISMATCH = row(
    *(3, "refused"),
    refusal="qsh-mismatch",
    hint="Sign the path that you ask for.",
    explain={
        "ours": "GET&/rest/api/2/issue/DEMO-3&expand=names&fields=a%2Cb",
        "theirs": "GET&/rest/api/2/issue/DEMO-4&fields=a%2Cb",
        "cause": "a parameter was added after signing",
    },
    policy="rehearsal",
    disclaimer="These are not the vendor's dates.",
)


def shown(world: World, page: Page, *rows: dict[str, object]) -> None:
    """Open the inspector after these rows crossed."""
    world.events.extend(rows)
    world.pages["/inspector"] = page_of(ROOT, ("inspector.js",))
    page.goto(f"{world.site}/inspector")
    expect(page.locator(".hw-row")).to_have_count(len(rows))


def test_rows_are_newest_first_and_told_once_though_the_stream_comes_again(
    world: World, page: Page
):
    with page.expect_response("**/inspector/events"):
        shown(world, page, row(1), row(2))
    with page.expect_response("**/inspector/events"):  # the mock ends each stream at once
        world.events.append(row(3, "warned"))
    expect(page.locator(".hw-row")).to_have_count(3)
    expect(page.locator(".hw-opener").first).to_have_text("2021-12-01 00:00:03")
    expect(page.locator(".hw-row").first.locator(".hw-badge").last).to_have_attribute(
        *("data-tone", "warn")
    )


def test_what_apps_sent_is_shown_as_text(world: World, page: Page):
    evil = "<img src=x onerror=alert(1)>"
    texts = dict.fromkeys(("direction", "path", "kind", "verdict", "refusal", "hint"), evil)
    shown(world, page, row(1, **{**texts, "claims": {"iss": evil}, "notes": [evil]}))
    page.locator(".hw-opener").click()
    assert page.locator("#hw-inspector img").count() == 0
    assert (page.locator(".hw-detail").text_content() or "").count(evil) == 4


def test_a_mismatch_opens_both_canonical_requests_with_the_difference_marked(
    world: World, page: Page
):
    shown(world, page, MISMATCH)
    opener = page.locator(".hw-opener")
    opener.focus()
    page.keyboard.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    ours, theirs = page.locator(".hw-sidebyside .hw-code").all()
    expect(ours).to_have_text("GET&/rest/api/2/issue/DEMO-3&expand=names&fields=a%2Cb")
    assert ours.locator("mark").all_text_contents() == ["/DEMO-3&expand=names"]
    assert theirs.locator("mark").all_text_contents() == ["/DEMO-4"]
    detail = page.locator(".hw-detail")
    expect(detail).to_contain_text("a parameter was added after signing")
    expect(detail).to_contain_text("Sign the path that you ask for.")
    expect(detail).to_contain_text("These are not the vendor's dates.")
    page.keyboard.press("Space")
    expect(detail).to_be_hidden()


def test_each_line_under_invented_dates_says_so(world: World, page: Page):
    shown(world, page, row(1), MISMATCH)
    invented, real = page.locator(".hw-row").all()
    mark = invented.get_by_title("These are not the vendor's dates.")
    expect(mark).to_have_text("rehearsal")
    expect(real.locator("[title]")).to_have_count(0)
    real.click()
    expect(page.locator(".hw-detail").last).to_contain_text("atlassian-2022")
    expect(page.locator(".hw-disclaimer:visible")).to_have_count(0)


def test_a_mismatch_of_unknown_form_says_so(world: World, page: Page):
    explain = {"ours": "GET&/a&", "theirs": None, "cause": "another method"}
    shown(world, page, row(1, "refused", explain=explain))
    page.locator(".hw-row").click()
    expect(page.locator(".hw-sidebyside")).to_contain_text("No form that is known")


def test_rows_are_filtered_by_verdict(world: World, page: Page):
    shown(world, page, row(1), row(2, "refused"), row(4))
    page.get_by_label("Show").select_option("refused")
    expect(page.locator(".hw-row:visible")).to_have_count(1)
    expect(page.locator(".hw-toolbar")).to_contain_text("1 of 3")
    page.get_by_label("Show").select_option("")
    expect(page.locator(".hw-row:visible")).to_have_count(3)


def test_arrow_keys_walk_the_rows(world: World, page: Page):
    shown(world, page, row(1), row(2), row(3))
    openers = page.locator(".hw-opener")
    openers.first.focus()
    page.keyboard.press("ArrowDown")
    expect(openers.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(openers.first).to_be_focused()


def test_a_pause_holds_rows_back(world: World, page: Page):
    shown(world, page, row(1))
    page.get_by_role("button", name="Pause").click()
    world.events.append(row(2))
    expect(page.locator(".hw-toolbar")).to_contain_text("waiting")
    expect(page.locator(".hw-row")).to_have_count(1)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".hw-row")).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("No token has crossed yet.")).to_be_attached()


def test_at_most_500_rows_are_kept(world: World, page: Page):
    world.events.extend(row(number) for number in range(520))
    world.pages["/inspector"] = page_of(ROOT, ("inspector.js",))
    page.goto(f"{world.site}/inspector")
    expect(page.locator(".hw-toolbar")).to_contain_text("500 of 500")
    assert page.locator(".hw-row").count() == 500


def test_a_form_is_sent_once_and_only_when_confirmed(world: World, page: Page):
    world.pages["/form"] = page_of(
        '<form action="/rest/api/2/echo" data-confirm="Sure?"><button>Go</button></form>',
        ("site.js",),
    )
    page.goto(f"{world.site}/form")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button").click()
    assert world.asked("/rest/") == []
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button").click()
    page.wait_for_url("**/rest/api/2/echo?")
    assert len(world.asked("/rest/")) == 1
