"""The example of docs/forge.md: one app, installed through Connect and invoked through Forge."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from e2e.local_forge import APP_ID, JWKS, LocalForge, local_forge
from e2e.running import ROOT
from headway.host.testing import InstalledApp, Site
from headway.http.server import listen

EXAMPLE = ROOT / "examples" / "forge" / "app.py"


@dataclass
class Both:
    """The app, where it runs, and the two that call it."""

    site: Site
    forge: LocalForge
    url: str
    names: dict[str, Any]
    app: InstalledApp

    def invoke(self, body: Any = None, **more: Any) -> httpx.Response:
        return self.forge.invoke(f"{self.url}/note", "notes", body or {"text": "hello"}, **more)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    patched = pytest.MonkeyPatch()
    folder: Path = tmp_path_factory.mktemp("forge")
    folder.chmod(0o700)
    sockets = listen(0, ("127.0.0.1",))
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    with Site(sockets=True, forge_installations=True) as site, local_forge(site) as forge:
        for name, value in {
            "BASE_URL": url,
            "HEADWAY_DEVELOPMENT": "1",
            "HEADWAY_INSTALL_KEYS": f"{site.origin}/install-keys",
            "HEADWAY_CLIENT_SCRIPT": f"{site.origin}/atlassian-connect/all.js",
            "FORGE_APP_ID": APP_ID,
            "FORGE_KEYS": forge.url + JWKS,
            "FORGE_API": forge.url,
        }.items():
            patched.setenv(name, value)
        patched.chdir(folder)
        example = runpy.run_path(str(EXAMPLE))
        config = uvicorn.Config(example["app"], access_log=False, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
        thread.start()
        try:
            app = site.install(f"{url}/atlassian-connect.json")
            yield Both(site, forge, url, example, app)
        finally:
            server.should_exit = True
            thread.join(20)
            sockets[0].close()
            example["connect"].store._engine.dispose()
            patched.undo()


def test_forges_own_check_takes_the_examples_manifest() -> None:
    here = ROOT / "tests" / "e2e" / "forge_manifest"
    ran = subprocess.run(
        ["node", str(here / "check.js")],
        cwd=EXAMPLE.parent,
        env={**os.environ, "NODE_PATH": str(here / "node_modules")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(ran.stdout) == {"success": True, "errors": []}


def test_the_page_on_forge_shows_the_example_as_it_is() -> None:
    page = (ROOT / "docs" / "forge.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, re.M | re.S)
    manifest = (EXAMPLE.parent / "manifest.yml").read_text("utf-8")
    assert ("yaml", manifest) in blocks
    code = EXAMPLE.read_text("utf-8")
    shown = [block for language, block in blocks if language == "python" and "forge_route" in block]
    assert shown
    assert shown[0].strip() in code


def test_the_worked_example(both: Both) -> None:
    assert "No note yet." in both.app.open("panel", issue_key="DEMO-1").text
    answer = both.invoke({"text": "Ask <Ada>"})
    assert (answer.status_code, answer.json()) == (200, {"saved": True})
    page = both.app.open("panel", issue_key="DEMO-1")
    user = both.site.known_user("user")
    assert f"Ask &lt;Ada&gt; ({user.display_name})" in page.text
    assert both.forge.asked == [
        ("user", "/rest/api/3/issue/DEMO-1"),
        ("user", "/rest/api/3/myself"),
    ]


def test_what_a_user_may_not_see_is_not_written(both: Both) -> None:
    answer = both.invoke(issue="NONE-404")
    assert answer.status_code == 500  # the site said 404, and the example lets that be an error
    assert all(key != "NONE-404" for _, key in both.names["notes"])


def test_the_two_schemes_do_not_mix(both: Both) -> None:
    token = both.forge.token("notes", "user", "DEMO-1")
    context = both.app.context_token("panel", issue_key="DEMO-1")
    for path, authorization in (
        ("/note", f"JWT {token}"),
        ("/note", f"Bearer {context}"),
        (f"/note?jwt={token}", ""),
        ("/installed", f"Bearer {token}"),
        ("/installed", f"JWT {token}"),
    ):
        headers = {"authorization": authorization} if authorization else {}
        answer = httpx.post(both.url + path, json={}, headers=headers, trust_env=False)
        assert answer.status_code == 401, path
    page = httpx.get(f"{both.url}/panel?issue=DEMO-1&jwt={token}", trust_env=False)
    assert page.status_code == 401


def test_an_invocation_of_another_installation_reaches_nobody(both: Both) -> None:
    claims = json.loads(json.dumps({"app": {"id": APP_ID}}))["app"]
    claims |= {
        "installationId": "ari:cloud:ecosystem::installation/another",
        "apiBaseUrl": f"{both.forge.url}/ex/jira/{both.forge.cloud_id}",
    }
    answer = both.invoke(app=claims)
    assert (answer.status_code, answer.json()["id"]) == (404, "installation-unmapped")
    claims["apiBaseUrl"] = f"{both.site.url}/ex/jira/{both.forge.cloud_id}"
    answer = both.invoke(app=claims)
    assert (answer.status_code, answer.json()["id"]) == (403, "api-base-url-refused")


def test_without_the_users_token_the_app_can_not_act_as_the_user(both: Both) -> None:
    before = list(both.forge.asked)
    assert both.invoke(user_token=False).status_code == 500
    assert both.forge.asked == before


def test_an_outage_of_forges_keys_stops_no_known_key_and_passes_no_new_one(both: Both) -> None:
    assert both.invoke().status_code == 200
    both.forge.down = True
    try:
        assert both.invoke().status_code == 200
        old = both.forge.current
        both.forge.rotate()
        refused = both.invoke()
        assert refused.status_code in (401, 503)  # 401 while the set is younger than ten seconds
        both.forge.current = old
        assert both.invoke().status_code == 200
    finally:
        both.forge.down = False


def test_an_uninstall_ends_the_invocations_too(both: Both) -> None:
    token = both.forge.token("notes", "user", "DEMO-1")
    assert both.invoke(token=token).status_code == 200
    both.app.uninstall()
    refused = both.invoke(token=token)
    assert (refused.status_code, refused.json()["id"]) == (404, "installation-unmapped")
    again = both.site.install(f"{both.url}/atlassian-connect.json")
    assert both.invoke(token=token).json()["id"] == "installation-unmapped"  # it has a new id
    assert both.invoke().status_code == 200
    assert "hello" in again.open("panel", issue_key="DEMO-1").text
