"""The store in a database of Django's.

    connect = Connect(key="hello", ..., store=database("hello"))

Its tables are made by ``manage.py migrate``, with the app's own.  The store
has connections of its own: what it records is recorded, whatever becomes of
the transaction of a view.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

from django.conf import settings

from headway.app.connect import DEVELOPMENT
from headway.errors import ConfigurationError
from headway.ports import Clock
from headway.store.opening import Opened, open_store

__all__ = ["address_of", "database"]

_SQLITE = "django.db.backends.sqlite3"
_POSTGRESQL = "django.db.backends.postgresql"


def database(app_key: str, alias: str = "default", *, clock: Clock = time.time) -> Opened:
    """The store of *app_key* in the database *alias*, opened by the first who asks it.

    *clock* is the app's.  ``manage.py migrate`` can run before there is a
    table.  Raises ConfigurationError for a database that is neither SQLite nor PostgreSQL.
    """
    if alias not in settings.DATABASES:
        raise ConfigurationError(f"DATABASES has no {alias!r}")
    address = address_of(settings.DATABASES[alias])
    opened = _Once(lambda: _open(address, app_key, clock))
    parts = [_Later(opened, name) for name in Opened._fields]
    return Opened(*cast(Any, parts))


def _open(address: str, app_key: str, clock: Clock) -> Opened:
    """The store, never upgraded but by Django."""
    development = os.environ.get(DEVELOPMENT) == "1"
    return open_store(
        address,
        app_key=app_key,
        environ=os.environ,
        development=development,
        upgrades=False,
        clock=clock,
    )


def address_of(told: Mapping[str, Any]) -> str:
    """Where a database of ``DATABASES`` is, as a store has it.

    >>> address_of({"ENGINE": "django.db.backends.postgresql", "NAME": "app", "HOST": "db"})
    'postgresql://db/app'
    """
    if told.get("ENGINE") == _SQLITE:
        return str(told["NAME"])
    if told.get("ENGINE") != _POSTGRESQL:
        raise ConfigurationError(f"DATABASES: {told.get('ENGINE')} is not SQLite or PostgreSQL")
    options = {k: v for k, v in told.get("OPTIONS", {}).items() if isinstance(v, str | int)}
    host, port = str(told.get("HOST") or ""), told.get("PORT")
    if host.startswith("/"):  # a socket's folder
        host, options["host"] = "", host
    user = quote(str(told.get("USER") or ""), safe="")
    password = quote(str(told.get("PASSWORD") or ""), safe="")
    who = f"{user}:{password}@" if password else f"{user}@" if user else ""
    place = f"{host}:{port}" if port and host else host
    query = f"?{urlencode(options)}" if options else ""
    return f"postgresql://{who}{place}/{quote(str(told['NAME']), safe='')}{query}"


class _Once:
    """What is made by the first who asks."""

    def __init__(self, make: Callable[[], Opened]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Opened | None = None

    def __call__(self) -> Opened:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class _Later:
    """One part of the store, looked up where it is used."""

    def __init__(self, opened: _Once, name: str) -> None:
        self._opened = opened
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._opened(), self._name), name)
