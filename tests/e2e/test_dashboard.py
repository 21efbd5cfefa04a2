"""The gateway's dashboard as people meet it: a real store, the real command, a real browser.

The accessibility checker is axe-core, which nobody here wrote.
"""

from __future__ import annotations

import http.server
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from e2e.browsing import CHROMIUM, QUIET
from e2e.running import ROOT
from gateway.dashboard.boards import POLICY
from gateway.dashboard.shown import shown
from headway.cli.gateway.dashboard import PASSWORD
from headway.gateway.usage.record import Record
from headway.gateway.usage.store import open_usage
from uses import DAY, NOW, record

pytestmark = [pytest.mark.browser, pytest.mark.node]

AXE = ROOT / "tests" / "e2e" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
SERIOUS = frozenset({"serious", "critical"})
WORD = "a long enough password"
AT = "2022-02-01T12:00:00Z"
EVIL = '<img src="x" onerror="document.title=1"><script>document.title=2</script>'
RULES = """() => axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => found.violations.map((rule) => ({
    id: rule.id, impact: rule.impact, where: rule.nodes.map((node) => node.html.slice(0, 200)),
  })))"""
DRAWN = "() => document.documentElement.dataset.drawn === '3'"


def records() -> list[Record]:
    """Four months in which clients leave, one comes back, and one is called something strange."""
    found = []
    for n in range(110):
        at = NOW - n * DAY
        for number in range(14):
            if n > number * 8:
                hours = (number + 1,) * 24
                more = {"location": "key"} if number % 3 == 0 else {}
                name = EVIL if number == 2 else f"client-with-a-long-name-{number:02}"
                outcome = "token-expired" if (n + number) % 9 == 0 else "pass"
                found.append(
                    record(
                        name, at, count=24 * (number + 1), hours=hours, verified=number % 4 != 1,
                        agent=EVIL[:60], outcome=outcome, from_browser=number % 2, **more,
                    )
                )  # fmt: skip
    return [*found, record("client-with-a-long-name-00", NOW, count=5)]


class Shown(NamedTuple):
    """Where it is, and the file that it may pause."""

    address: str
    policy: Path


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("board")
    policy, store = folder / "policy.toml", folder / "data" / "usage.db"
    policy.write_text(POLICY)
    opened = open_usage(store)
    kept = records()
    opened.add(kept, batch="one", days=sorted({each.day for each in kept}))
    opened.close()
    arguments = ("--policy", str(policy), "--usage", str(store), "--at", AT)
    with shown(folder, *arguments, **{PASSWORD: WORD}) as (address, _):
        yield Shown(address, policy)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


class Seen:
    """What went wrong in a browser, and what it asked for."""

    def __init__(self, page: Page, board: Shown) -> None:
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._console)
        page.on("request", lambda request: self._request(request.url, board.address))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _request(self, url: str, address: str) -> None:
        if not url.startswith(f"{address}/"):
            self.wrong.append(f"asked for {url[:80]}")


@contextmanager
def a_page(chromium: Browser, board: Shown, *, logged_in: bool, **options: Any) -> Iterator[Page]:
    context = chromium.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(30_000)
    seen = Seen(page, board)
    if logged_in:
        page.goto(f"{board.address}/login")
        page.fill("#password", WORD)
        page.click("main button.primary")
        page.wait_for_url(f"{board.address}/")
    else:
        page.goto(f"{board.address}/")
    yield page
    context.close()
    assert seen.wrong == []


def findings(page: Page) -> list[str]:
    """What the checker finds serious or worse."""
    page.evaluate(AXE.read_text("utf-8"))
    return [
        f"{rule['id']} ({rule['impact']}): {rule['where']}"
        for rule in page.evaluate(RULES)
        if rule["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_every_page_in_every_look(chromium: Browser, board: Shown, scheme: str, width: int) -> None:
    """Nothing serious, nothing wider than the screen, no error, no network but the dashboard's."""
    size = {"width": width, "height": 900}
    looks: dict[str, Any] = {"viewport": size, "color_scheme": scheme}
    with a_page(chromium, board, logged_in=True, **looks) as page:
        page.wait_for_function(DRAWN)
        for details in page.locator("details").all():
            details.evaluate("it => { it.open = true; }")
        found = findings(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    with a_page(chromium, board, logged_in=False, **looks) as page:
        page.goto(f"{board.address}/login")
        found += findings(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert found == []


CHART = """(kind) => {
  const canvas = document.querySelector(`figure[data-chart=${kind}] canvas`);
  const chart = window.Chart.getChart(canvas);
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return {
    labels: chart.data.labels,
    sets: chart.data.datasets.map((set) => [set.label, set.data, set.backgroundColor]),
    painted: new Set(new Uint32Array(pixels.buffer)).size,
    name: canvas.getAttribute("aria-label"),
    min: chart.scales.x.min,
    max: chart.scales.x.max,
  };
}"""


def test_charts_draw_what_was_counted(chromium: Browser, board: Shown) -> None:
    with a_page(chromium, board, logged_in=False) as page:
        page.wait_for_function(DRAWN)
        days, weeks, phases = (page.evaluate(CHART, kind) for kind in ("days", "weeks", "phases"))
    by_day: dict[tuple[str, str], int] = {}
    for each in records():
        by_day[each.day, each.location] = by_day.get((each.day, each.location), 0) + each.count
    assert [label for label, _, _ in days["sets"]] == ["jwt", "key"]
    for name, counts, _ in days["sets"]:
        assert counts == [by_day.get((day[:10], name), 0) for day in days["labels"]]
    assert days["labels"][-1] == "2022-02-01 so far"
    assert sum(days["sets"][0][1]) > 0
    assert {label for label, _, _ in weeks["sets"]} == {
        "jwt, verified", "jwt, claimed", "key, verified", "key, claimed",
    }  # fmt: skip
    spans = {label: data for label, data, _ in phases["sets"]}
    assert set(spans) == {"open", "announced", "warned", "brownout", "off"}
    [brownout] = spans["brownout"]
    assert brownout == {"x": [1_644_472_800_000, 1_644_516_000_000], "y": "jwt"}
    assert phases["min"] < NOW * 1000 < phases["max"]  # today is on the line
    for chart in (days, weeks, phases):
        assert chart["painted"] > 5
        assert "table below" in chart["name"]


def test_colours_follow_the_system(chromium: Browser, board: Shown) -> None:
    with a_page(chromium, board, logged_in=False, color_scheme="light") as page:
        page.wait_for_function(DRAWN)
        light = page.evaluate(CHART, "days")["sets"][0][2]
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            """(light) => {
              const canvas = document.querySelector("figure[data-chart=days] canvas");
              return window.Chart.getChart(canvas).data.datasets[0].backgroundColor !== light;
            }""",
            arg=light,
        )


TABS_MAX = 60


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until *selector* has the focus, and see that the focus can be seen."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", selector
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_by_keyboard_alone(chromium: Browser, board: Shown) -> None:
    """Log in, read a chart's numbers, pause, resume, log out; nobody touches a mouse."""
    with a_page(chromium, board, logged_in=False) as page:
        page.keyboard.press("Tab")
        focused = "() => document.activeElement.textContent"
        assert page.evaluate(focused) == "Skip to the content"
        tab_to(page, ".account a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/login")
        page.wait_for_function("() => document.activeElement.id === 'password'")
        page.keyboard.type(WORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{board.address}/")
        tab_to(page, "details.change summary")
        page.keyboard.press("Enter")
        tab_to(page, "#who-1")
        page.keyboard.type("ann")
        page.keyboard.press("Tab")
        page.keyboard.type("a week")
        page.keyboard.press("Enter")
        page.get_by_text("by ann: a week").wait_for()
        paused = tomllib.loads(board.policy.read_text())["location"][0]["paused"]
        assert (paused["who"], paused["why"]) == ("ann", "a week")
        tab_to(page, "form[action=resume] button")
        page.keyboard.press("Enter")
        page.locator("summary", has_text="Pause jwt").wait_for()
        assert board.policy.read_text() == POLICY
        tab_to(page, "figure summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.className") == "scroll"
        page.goto(f"{board.address}/")
        tab_to(page, ".account button")
        page.keyboard.press("Enter")
        page.locator(".account a", has_text="Log in").wait_for()


def test_what_a_screen_reader_hears(chromium: Browser, board: Shown) -> None:
    with a_page(chromium, board, logged_in=False) as page:
        page.wait_for_function(DRAWN)
        for heading in ("Locations", "Phases", "Next brownout", "Requests by location and day"):
            page.get_by_role("heading", name=heading, exact=True).wait_for()
        assert page.get_by_role("img", name="Time line").count() == 1
        assert page.get_by_role("img", name="requests by day").count() == 1
        table = page.get_by_role("table", name="Who would break in the next brownout").first
        assert table.get_by_role("rowheader").count() > 0
        page.get_by_text("Phases as a table").click()
        current = page.locator("tr[aria-current=date]")
        assert "today" in current.first.inner_text()


def test_without_a_script(chromium: Browser, board: Shown) -> None:
    """All of it is told, and can be paused, where no script runs."""
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    page.goto(f"{board.address}/login")
    page.fill("#password", WORD)
    page.click("main button.primary")
    assert page.locator("canvas").count() == 0
    assert page.locator("figure .canvas").first.is_hidden()
    page.get_by_text("Requests as a table").click()
    page.get_by_role("rowheader", name="2022-02-01 so far", exact=True).wait_for()
    page.get_by_text("Pause jwt…").click()
    page.fill("#who-1", "bob")
    page.fill("#why-1", "no script")
    page.get_by_role("button", name="Pause jwt", exact=True).click()
    page.get_by_text("by bob: no script").wait_for()
    page.get_by_role("button", name="Resume jwt").click()
    page.get_by_text("Pause jwt…").wait_for()
    context.close()
    assert board.policy.read_text() == POLICY


# ---- T11, in a browser ----------------------------------------------------------------------


def test_nothing_that_a_client_calls_itself_runs_t11(chromium: Browser, board: Shown) -> None:
    with a_page(chromium, board, logged_in=True) as page:
        page.wait_for_function(DRAWN)
        assert page.title() == "api - Headway gateway"
        assert page.get_by_text(EVIL).first.is_visible()
        assert page.locator("main img, main script").count() == 0


def test_the_page_runs_no_script_that_is_put_into_it_t11(chromium: Browser, board: Shown) -> None:
    """The content policy alone would stop what gets past the escaping."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{board.address}/")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'run'";
          document.body.append(script);
          const html = "<p onclick=\\"document.title='run'\\" id=it>";
          document.body.insertAdjacentHTML("beforeend", html);
          document.querySelector("#it").click();
        }"""
    )
    assert page.title() == "api - Headway gateway"
    context.close()


@contextmanager
def foreign_site(body: str) -> Iterator[str]:
    """A page on another port of localhost: the same site to a browser, and not ours."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_foreign_page_pauses_nothing_and_shows_nothing_t11(
    chromium: Browser, board: Shown
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{board.address}/login")
    page.fill("#password", WORD)
    page.click("main button.primary")
    page.wait_for_url(f"{board.address}/")
    csrf = page.locator("form[action=pause] input[name=csrf]").first.get_attribute("value")
    body = f"""<form method=post action="{board.address}/pause">
      <input name=location value=jwt><input name=who value=evil><input name=why value=evil>
      <input name=csrf value="{csrf}"><button>x</button></form>
      <iframe src="{board.address}/"></iframe><script src="{board.address}/"></script>"""
    with foreign_site(body) as address:
        page.goto(address)
        page.locator("button").click()
        page.get_by_text("A page of another origin may not call this server.").wait_for()
        assert board.policy.read_text() == POLICY
        page.goto(address)
        inner = page.frames[1]
        assert "client-with" not in inner.content()
        told = page.evaluate(
            f"""() => fetch("{board.address}/", {{credentials: "include"}})
                  .then((answer) => answer.text(), () => "nothing")"""
        )
        assert told == "nothing"
    context.close()
