"""``manage.py runserver``, which gives the raw target and logs no token."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.commands import runserver
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer

from headway.redact import redact

__all__ = ["Command"]


class _Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "REQUEST_URI": self.path}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - Django's own name
        told = [redact(arg) if isinstance(arg, str) else arg for arg in args]
        super().log_message(format, *told)


class _Server(WSGIServer):
    def __init__(self, address: Any, _: Any, **more: Any) -> None:
        super().__init__(address, _Handler, **more)


def _usual() -> type[runserver.Command]:
    """The command that would run without this one."""
    if apps.is_installed("django.contrib.staticfiles"):
        from django.contrib.staticfiles.management.commands.runserver import Command

        return Command
    return runserver.Command


class Command(_usual()):  # type: ignore[misc]
    """The server for development, on which a token can be checked."""

    server_cls = _Server
