"""An installed app, seen from a test."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from headway import jwt
from headway.host.testing import InstalledApp, Site
from host.testing.little_app import LittleApp


@pytest.fixture(scope="module")
def little() -> LittleApp:
    return LittleApp()


@pytest.fixture(scope="module")
def installed(little: LittleApp) -> Iterator[InstalledApp]:
    with Site() as site:
        yield site.install(little.asgi)


def test_its_pages_are_asked_for_as_a_browser_would(
    installed: InstalledApp, little: LittleApp
) -> None:
    url = installed.url("panel", issue_key="DEMO-1", issue_id="1")
    parts = urlsplit(url)
    assert parts.path == "/panel/DEMO-1"
    (token,) = parse_qs(parts.query)["jwt"]
    claims = jwt.decode(token).unverified_claims
    assert claims.iss == installed.app.client_key
    assert claims.sub == installed._site.known_user("user").account_id
    assert installed.open("panel", None, issue_key="DEMO-2").text == "page /panel/DEMO-2"
    assert little.got[-1][1].startswith("/panel/DEMO-2?")


def test_the_token_of_the_bridge(installed: InstalledApp) -> None:
    token = installed.context_token("panel", "admin", issue_key="DEMO-1")
    claims = jwt.decode(token).unverified_claims
    assert claims.qsh == "context-qsh"


def test_its_end(installed: InstalledApp, little: LittleApp) -> None:
    assert repr(installed) == "<app my-app>"
    with pytest.raises(LookupError, match="my-app has no module nothing"):
        installed.module("nothing")
    installed.uninstall()
    assert little.posts()[-1] == "/uninstalled"
    with pytest.raises(LookupError, match="my-app is not installed"):
        assert installed.app
