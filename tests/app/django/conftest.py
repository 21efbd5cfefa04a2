"""Django is set up once in a process; each app is a setting of its own for one test."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django
import pytest
import services
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connections
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


# ---- databases ----------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict[str, Any], str, str]:
    """Two empty databases: one for Django, one for Alembic."""
    if request.param == "sqlite":
        (tmp_path / "data").mkdir(mode=0o700)
        paths = [str(tmp_path / "data" / name) for name in ("django.db", "alembic.db")]
        Path(paths[0]).touch(0o600)
        told = {"ENGINE": "django.db.backends.sqlite3", "NAME": paths[0]}
        return told, *paths
    if services.postgresql_programs() is None:
        pytest.skip("there is no PostgreSQL on this machine")
    server = request.getfixturevalue("postgresql")
    addresses = [server.new_database(), server.new_database()]
    parts = urlsplit(addresses[0])
    told = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": unquote(parts.password or ""),
    }
    return told, *addresses


@pytest.fixture
def migrate(two: tuple[dict[str, Any], str, str]) -> Iterator[Callable[..., None]]:
    """Run ``manage.py migrate`` on the first database, to a version or to the last one."""
    told, *_ = two
    connections.settings["headway_test"] = {**connections.settings["default"], **told}

    def migrate(*to: str) -> None:
        call_command("migrate", "headway", *to, database="headway_test", verbosity=0)

    yield migrate
    connections["headway_test"].close()
    del connections["headway_test"]
    del connections.settings["headway_test"]
