"""A person's Chromium with a profile of its own, and what is looked for in it afterwards."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, Request, sync_playwright

from e2e.running import Up

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")


class Watched:
    """What the browser sent: every token, every Referer."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.console: list[str] = []

    def headers(self) -> list[dict[str, str]]:
        """The headers of every request; asking while they are sent would hold them up."""
        return [request.all_headers() for request in self.requests]

    def tokens(self) -> set[str]:
        """Every token in an address or in a header."""
        queries = [parse_qs(urlsplit(request.url).query) for request in self.requests]
        tokens = {token for query in queries for token in query.get("jwt", [])}
        for headers in self.headers():
            scheme, _, token = headers.get("authorization", "").partition(" ")
            tokens |= {token} if scheme == "JWT" else set()
        return tokens


@contextmanager
def chromium(profile: Path) -> Iterator[BrowserContext]:
    """Chromium on *profile*; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(profile),
            executable_path=CHROMIUM,
            args=list(QUIET),
            viewport={"width": 1280, "height": 900},
            accept_downloads=True,
        )
        context.set_default_timeout(20_000)
        yield context
        context.close()


def log_in(page: Page, up: Up, path: str) -> None:
    """As the administrator, on the way to *path*."""
    page.goto(f"{up.site}{path}")
    assert urlsplit(page.url).path == "/login"
    page.fill("#name", "admin")
    page.fill("#password", up.users["admin"])
    page.click("form button.primary")
    assert urlsplit(page.url).path == path


def panel_of(page: Page) -> Frame:
    """The demo app's frame beside an issue, once its page has loaded."""
    return frame_at(page, "/panel")


def frame_at(page: Page, path: str) -> Frame:
    """The demo app's frame with its page at *path*, once that has loaded."""
    page.locator(".hw-module iframe, iframe.hw-module-frame").first.wait_for(state="attached")
    for _ in range(200):
        frames = [frame for frame in page.frames if urlsplit(frame.url).path == path]
        if frames:
            frames[0].locator("button[data-way=url]").wait_for()
            return frames[0]
        page.wait_for_timeout(50)
    raise AssertionError(f"the page at {path} did not load")


def left_behind(profile: Path, tokens: set[str]) -> dict[str, int]:
    """The files of *profile* with one of *tokens*, or any other, in them; and how many."""
    signatures = {token.rpartition(".")[2] for token in tokens}
    needles = [form for s in signatures for form in (s.encode(), s.encode("utf-16-le"))]
    return {
        str(file.relative_to(profile)): sum(needle in data for needle in needles)
        for file in profile.rglob("*")
        if file.is_file()
        for data in [file.read_bytes()]
        if TOKEN.search(data) or any(needle in data for needle in needles)
    }
