from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test.utils import override_settings
from django.urls import path

from app.django.conftest import CHECKS, urls_of
from headway.app.django import Connect
from headway.app.django.checks import check_settings


@pytest.fixture
def connect(make_world):
    connect = make_world(framework=Connect).connect
    connect.context_route("/api")(lambda request, context: None)
    return connect


def told(connect, **changes):
    settings = {
        "HEADWAY_CONNECT": connect,
        "ROOT_URLCONF": urls_of(connect),
        "MIDDLEWARE": [CHECKS],
        **changes,
    }
    with override_settings(**settings):
        return {message.id: message.hint for message in check_settings()}


def test_a_project_that_is_set_right_is_told_nothing(connect):
    assert told(connect) == {}


@pytest.mark.parametrize("named", [None, "nowhere.at.all", "json.loads"])
def test_an_app_that_is_not_named_is_an_error(connect, named):
    assert "HEADWAY_CONNECT" in told(connect, HEADWAY_CONNECT=named)["headway.E001"]


def test_a_missing_middleware_is_an_error(connect):
    assert CHECKS in told(connect, MIDDLEWARE=[])["headway.E002"]


def test_another_middleware_before_ours_is_a_warning(connect):
    before = ["django.middleware.common.CommonMiddleware", CHECKS]
    assert set(told(connect, MIDDLEWARE=before)) == {"headway.W001"}


def test_a_route_without_its_url_is_an_error(connect, make_world):
    other = make_world(framework=Connect).connect
    assert set(told(connect, ROOT_URLCONF=urls_of(other))) == {"headway.E003"}
    hidden = urls_of(connect)
    hidden.urlpatterns.insert(0, path("api", lambda request: HttpResponse("mine")))
    assert set(told(connect, ROOT_URLCONF=hidden)) == {"headway.E003"}


def test_djangos_own_run_of_the_checks_has_them():
    with override_settings(HEADWAY_CONNECT=None):
        assert "headway.E001" in {message.id for message in run_checks()}
