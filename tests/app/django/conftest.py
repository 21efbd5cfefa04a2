"""Django is set up once in a process; each app is a setting of its own for one test."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from django.urls import include, path

from app.calling import call_asgi, call_wsgi

CHECKS = "headway.app.django.middleware.ConnectMiddleware"
MIDDLEWARE = [
    CHECKS,
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

if not settings.configured:
    settings.configure(
        SECRET_KEY="a secret of tests",
        ALLOWED_HOSTS=["127.0.0.1"],
        INSTALLED_APPS=["headway.app.django"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        USE_TZ=True,
        LOGGING_CONFIG=None,
    )
    django.setup()


def urls_of(connect: Any, *more: Any) -> types.ModuleType:
    """A URL configuration with *connect* in it."""
    module = types.ModuleType("urls_of_a_test")
    module.urlpatterns = [path("", include(connect.urls)), *more]  # type: ignore[attr-defined]
    return module


@pytest.fixture
def serve() -> Iterator[Callable[..., None]]:
    """Serve the app of a world on Django, by WSGI or ASGI."""
    opened: list[Any] = []

    def serve(world: Any, *more: Any, asgi: bool = False, middleware: Any = MIDDLEWARE) -> None:
        changed = override_settings(
            HEADWAY_CONNECT=world.connect,
            ROOT_URLCONF=urls_of(world.connect, *more),
            MIDDLEWARE=middleware,
        )
        changed.enable()
        opened.append(changed)
        world.app, world.caller = (ASGIHandler(), call_asgi) if asgi else (WSGIHandler(), call_wsgi)

    yield serve
    for changed in reversed(opened):
        changed.disable()
