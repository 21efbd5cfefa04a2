from __future__ import annotations

from typing import Any

import httpx

from app.check.apps import Leaky, careful, played
from app.check.judging import by_result, outcomes
from headway.app.check.installs import CHECKS

IDS = {check.id for check in CHECKS}


def test_a_careful_app_passes_them_all() -> None:
    site = played()
    found = outcomes(CHECKS, careful(site), site)
    assert by_result(found, "passed") == IDS, found


def test_a_leaky_app_fails_them_all() -> None:
    site = played()
    found = outcomes(CHECKS, Leaky(site), site)
    # what it lets pass at all, it lets pass here too
    assert by_result(found, "passed") == {"install-accepted", "install-rotated"}, found
    assert by_result(found, "failed") == IDS - {"install-accepted", "install-rotated"}


def test_an_app_that_falls_over() -> None:
    app = Leaky()
    app.broken = {"/installed"}
    found = outcomes(CHECKS, app, played())
    assert found["install-unsigned"].saw == "fell over, status 500"
    assert by_result(found, "skipped") >= {"install-replayed", "install-stale"}
    assert found["install-accepted"].saw == "status 500"


def test_an_app_that_hears_of_nothing_but_installed() -> None:
    app = Leaky()
    app.lifecycle = {"installed": "/installed"}
    app.modules = {}
    found = outcomes(CHECKS, app, played())
    assert by_result(found, "skipped") == {
        "uninstall-unsigned", "uninstall-by-secret", "uninstall-audience-foreign",
        "uninstall-effective", "enabled-unsigned", "disabled-unsigned",
    }  # fmt: skip
    assert found["install-rotated"].saw == "status 200"


def test_an_uninstall_that_works_although_it_is_refused() -> None:
    """What counts is whether the installation is still there."""
    app = Leaky()
    app.closed = {"/page", "/uninstalled"}
    found = outcomes(CHECKS, app, played())
    assert found["uninstall-unsigned"].saw == "status 401, and the installation is gone"
    assert found["uninstall-effective"].saw == "a right 'uninstalled' was refused, status 401"


def test_without_a_page_the_status_counts() -> None:
    app = Leaky()
    app.modules = {}
    found = outcomes(CHECKS, app, played())
    assert found["uninstall-effective"].saw == "status 200"
    assert found["install-rotated"].saw == "status 200"


class Once(Leaky):
    """It takes the first 'installed' of a site and refuses further ones."""

    async def _answer(self, request):
        answer = await super()._answer(request)
        if request.url.path == "/installed":
            known = self.__dict__.setdefault("known", set())
            client_key = (await request.body()).split(b'"clientKey": "')[1].split(b'"')[0]
            if client_key in known:
                answer.status_code = 409
            known.add(client_key)
        return answer


def test_a_second_install_that_is_refused() -> None:
    found = outcomes(CHECKS, Once(), played())
    assert found["install-rotated"].saw == "the second 'installed' was refused, status 409"


def test_a_server_that_ends_the_connection_under_a_long_body_refuses_it() -> None:
    site = played()
    app = careful(site)

    async def cutting(scope: Any, receive: Any, send: Any) -> None:
        if int(dict(scope["headers"]).get(b"content-length", b"0")) > 1_000_000:
            raise httpx.WriteError("broken pipe")
        await app(scope, receive, send)

    found = outcomes(CHECKS, cutting, site)
    assert found["install-huge"].saw == "the connection was ended"
    assert by_result(found, "passed") == IDS, found
