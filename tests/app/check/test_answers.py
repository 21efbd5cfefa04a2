from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.check.apps import Leaky, careful, played
from app.check.judging import by_result, outcomes
from headway.app.check.answers import CHECKS

IDS = {check.id for check in CHECKS}
FRAMES = "page-frame-ancestors"


async def opens(stage: Any) -> None:
    await stage.actor.send(stage.actor.opening(stage.tenant))


def test_a_careful_app_passes_them_all() -> None:
    site = played()

    async def administer(stage: Any) -> None:
        await stage.actor.send(stage.actor.opening(stage.tenant, "/admin"))

    found = outcomes(CHECKS, careful(site), site, first=administer)
    assert by_result(found, "passed") == IDS - {"cookies"}, found
    assert by_result(found, "skipped") == {"cookies"}


def test_a_leaky_app_fails_them() -> None:
    site = played()
    app = Leaky(site)
    app.headers = {"Set-Cookie": "session=1", "Content-Type": "text/html"}
    app.told = b"<script>alert(1)</script>"

    async def talk(stage: Any) -> None:
        app.told += stage.tenant.secret.encode()
        app.closed, app.broken = {"/closed"}, {"/broken"}
        await opens(stage)
        message = stage.actor.opening(stage.tenant)
        await stage.actor.send(message.but(path="/closed"))
        await stage.actor.send(message.but(path="/broken"))

    found = outcomes(CHECKS, app, site, first=talk)
    assert by_result(found, "skipped") == {"outgoing-token"}
    assert by_result(found, "passed") == set(), found


@pytest.mark.parametrize(
    ("headers", "result", "saw"),
    [
        ({}, "failed", "no frame-ancestors"),
        ({"X-Frame-Options": "DENY"}, "failed", "X-Frame-Options"),
        ({"Content-Security-Policy": "frame-ancestors *"}, "failed", "frame-ancestors *"),
        ({"Content-Security-Policy": "frame-ancestors 'none'"}, "failed", "the site may not"),
        (
            {"Content-Security-Policy": "default-src x; frame-ancestors http://localhost:*"},
            "passed",
            "http://localhost:*",
        ),
    ],
)
def test_who_may_frame(headers: dict[str, str], result: str, saw: str) -> None:
    app = Leaky()
    app.headers = headers
    found = outcomes(CHECKS, app, played())[FRAMES]
    assert (found.result.value, saw in found.saw) == (result, True), found


@pytest.mark.parametrize(
    ("cookie", "result", "saw"),
    [
        ("a=1; Secure; HttpOnly; SameSite=None; Partitioned", "passed", "1 cookies"),
        ("a=1; Secure; HttpOnly; SameSite=Lax", "failed", "SameSite"),
        ("a=1; SameSite=None", "failed", "Secure"),
        ("a=1; Secure; SameSite=None", "failed", "HttpOnly"),
        ("\x00=;;;", "skipped", "no answer sets a cookie"),
    ],
)
def test_cookies(cookie: str, result: str, saw: str) -> None:
    app = Leaky()
    app.headers = {"Set-Cookie": cookie}
    found = outcomes(CHECKS, app, played(), first=opens)["cookies"]
    assert (found.result.value, saw in found.saw) == (result, True), found


def test_no_page_no_headers() -> None:
    app = Leaky()
    app.modules = {}
    found = outcomes(CHECKS, app, played())
    assert found["page-nosniff"].result.value == "skipped"
    closed = Leaky()
    closed.closed = {"/page"}
    assert outcomes(CHECKS, closed, played())["page-nosniff"].saw == "no page came, status 401"


def test_calls_whose_token_no_host_takes() -> None:
    site = played()

    async def run(stage: Any) -> None:
        token = stage.actor.opening(stage.tenant).draft.but(claims={"iss": "leaky"})
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport) as http:
            headers = {"Authorization": f"JWT {token.text()}"}
            await http.get(f"{site.base_url}/rest/api/3/myself", headers=headers)

    found = outcomes(CHECKS, Leaky(), site, first=run)["outgoing-token"]
    assert found.saw == "GET /rest/api/3/myself: qsh-mismatch"


def test_calls_of_somebody_else() -> None:
    site = played()

    async def run(stage: Any) -> None:
        token = stage.actor.opening(stage.tenant).draft.but(claims={"iss": "somebody"})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(site)) as http:
            headers = {"Authorization": f"JWT {token.text()}"}
            await http.get(f"{site.base_url}/rest/api/3/myself", headers=headers)

    found = outcomes(CHECKS, Leaky(), site, first=run)["outgoing-token"]
    assert found.saw == "GET /rest/api/3/myself: issuer-unknown"
