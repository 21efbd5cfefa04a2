"""A foreign page in a real browser that sends an administrator's credentials along."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.browsing import chromium
from e2e.running import Up, headway_up

pytestmark = pytest.mark.browser

FORM = """<!doctype html><title>Win a prize</title>
<form method="post" enctype="{enctype}" action="{action}">
<input name='{{"pluginUri":"http://127.0.0.1:9/d.json","x":"' value='"}}'></form>
<script>document.forms[0].submit();</script>"""

FETCH = """async (url) => {
  const asked = [
    fetch(url, { mode: "no-cors", method: "POST", body: "{}", credentials: "include" }),
    fetch(url, { credentials: "include" }),
    fetch(url, { method: "DELETE", credentials: "include" }),
  ];
  return (await Promise.allSettled(asked)).map((r) => r.value?.type ?? "failed");
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plugins")


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    with headway_up(folder) as running:
        yield running


@pytest.fixture(scope="module")
def foreign(up: Up) -> Iterator[str]:
    """Somebody else's page, on another name of this machine: another site to a browser."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

        def do_GET(self) -> None:
            enctype = self.path[1:]
            action = f"{up.site}/rest/plugins/1.0/?token=guess"
            body = FORM.format(enctype=enctype, action=action) if enctype else "<title>x</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[BrowserContext]:
    with chromium(folder / "profile") as context:
        yield context


def basic(up: Up) -> str:
    return "Basic " + base64.b64encode(f"admin:{up.users['admin']}".encode()).decode()


def plugins(up: Up) -> list[Any]:
    headers = {"Authorization": basic(up)}
    answer = httpx.get(f"{up.site}/rest/plugins/1.0/", headers=headers, trust_env=False)
    return list(answer.json()["plugins"])


@pytest.fixture
def page(browser: BrowserContext, up: Up) -> Iterator[Page]:
    """A tab of a browser that remembers the administrator's password for the site."""
    page = browser.new_page()

    def remembered(route: Any) -> None:
        route.continue_(headers={**route.request.all_headers(), "authorization": basic(up)})

    page.route(f"{up.site}/**", remembered)
    yield page
    page.close()


@pytest.mark.parametrize(
    "enctype", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_foreign_form_installs_nothing(page: Page, up: Up, foreign: str, enctype: str) -> None:
    before = plugins(up)
    with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        page.goto(f"{foreign}/{enctype}", wait_until="commit")
    answer = sent.value
    assert answer.request.all_headers()["origin"] == foreign
    assert answer.status == 403
    page.wait_for_url(f"{up.site}/**")
    assert "A page of another origin may not call this server." in page.content()
    assert plugins(up) == before


def test_a_foreign_script_reads_and_removes_nothing(page: Page, up: Up, foreign: str) -> None:
    before = plugins(up)
    assert before  # the demo app
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status))
    page.goto(foreign)
    statuses.clear()
    got = page.evaluate(FETCH, f"{up.site}/rest/plugins/1.0/{before[0]['key']}-key")
    assert got == ["opaque", "failed", "failed"]
    assert set(statuses) <= {403}
    assert plugins(up) == before
