from __future__ import annotations

from app.check.apps import Leaky, careful, played
from app.check.judging import by_result, outcomes
from headway.app.check.pages import CHECKS

IDS = {check.id for check in CHECKS}
WANTED = {"page-accepted", "page-clock-skew", "call-accepted", "webhook-accepted"}


def test_a_careful_app_passes_them_all() -> None:
    site = played()
    found = outcomes(CHECKS, careful(site), site)
    assert by_result(found, "passed") == IDS, found


def test_a_leaky_app_fails_them_all() -> None:
    found = outcomes(CHECKS, Leaky(), played())
    assert by_result(found, "passed") == WANTED
    assert by_result(found, "failed") == IDS - WANTED


def test_what_is_not_there_is_skipped() -> None:
    app = Leaky()
    app.modules = {}
    found = outcomes(CHECKS, app, played(), call=None)
    assert by_result(found, "skipped") == IDS
    assert "--call" in found["call-accepted"].saw


def test_an_administrator_must_be_let_in() -> None:
    app = Leaky()
    app.closed = {"/admin"}
    found = outcomes(CHECKS, app, played())
    assert found["admin-page-ordinary-user"].saw == "an administrator is refused, status 401"
