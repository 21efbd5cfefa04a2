"""System checks: what is set wrongly is said by ``manage.py check``, and by every start.

| id | what it says |
|---|---|
| headway.E001 | ``HEADWAY_CONNECT`` names no app |
| headway.E002 | the middleware is not there: no view of the app would run |
| headway.E003 | a page that was declared has no URL, or another one's |
| headway.W001 | another middleware stands before ours and sees tokens |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own names
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve

from headway.app.django.connect import Connect
from headway.app.django.middleware import SETTING, configured

__all__ = ["MIDDLEWARE", "check_settings"]

MIDDLEWARE = "headway.app.django.middleware.ConnectMiddleware"


def check_settings(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """What is wrong with the settings; Django calls it."""
    try:
        connect = configured()
    except (ImproperlyConfigured, ImportError) as error:
        hint = f'{SETTING} = "package.module.name" of a headway.app.django.Connect'
        return [Error(str(error), hint=hint, id="headway.E001")]
    return [*_middleware(), *_urls(connect)]


def _middleware() -> Iterator[CheckMessage]:
    named = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in named:
        yield Error(
            "the app's requests are not checked",
            hint=f"Put {MIDDLEWARE} first in MIDDLEWARE.",
            id="headway.E002",
        )
    elif named.index(MIDDLEWARE) > 0:
        yield Warning(
            "a middleware before Headway's sees requests with their tokens",
            hint=f"Put {MIDDLEWARE} first in MIDDLEWARE.",
            id="headway.W001",
        )


def _urls(connect: Connect) -> Iterator[CheckMessage]:
    for path, view in connect.views().items():
        try:
            found = resolve(path).func
        except Resolver404:
            found = None
        if found is not view:
            yield Error(
                f"{path} is declared and has no URL, or another view has it",
                hint='Put path("", include(connect.urls)) into the URL configuration, first.',
                id="headway.E003",
            )
