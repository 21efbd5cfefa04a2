"""The README's app on the README's way: installed by hand, and its panel shows who it is."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from e2e.browsing import chromium, log_in
from e2e.running import ROOT, Up, headway_up
from headway.http.server import listen

EXAMPLE = ROOT / "examples" / "hello.py"


@contextmanager
def hello(up: Up, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example, told what the README tells it, on a free port."""
    sockets = listen(0, ("127.0.0.1",))
    base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    for name, value in {
        "BASE_URL": base_url,
        "HEADWAY_DEVELOPMENT": "1",
        "HEADWAY_INSTALL_KEYS": f"{up.site}/install-keys",
        "HEADWAY_CLIENT_SCRIPT": f"{up.site}/atlassian-connect/all.js",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    example = runpy.run_path(str(EXAMPLE))
    config = uvicorn.Config(example["app"], access_log=False, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    try:
        yield base_url
    finally:
        server.should_exit = True
        thread.join(20)
        sockets[0].close()
        example["connect"].store._engine.dispose()


@pytest.mark.browser
def test_the_readmes_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o700)
    with (
        headway_up(tmp_path, "--no-demo") as up,
        hello(up, folder, monkeypatch) as base_url,
        chromium(tmp_path / "profile") as browser,
    ):
        page = browser.pages[0]
        log_in(page, up, "/apps")
        page.get_by_label("Address of its descriptor").fill(f"{base_url}/atlassian-connect.json")
        page.get_by_role("button", name="Install").click()
        page.get_by_role("button", name="Uninstall Hello").wait_for()
        page.goto(f"{up.site}/browse/DEMO-1")
        frame = page.frame_locator(".hw-module iframe, iframe.hw-module-frame").first
        frame.locator("#who", has_text="Hello").wait_for()  # the app calls the site as itself
