"""Tenants of ``atlassian-connect-express``: its settings, in SQL, in Redis, or in a dump.

Source: the package's own stores (``lib/store/sequelize.js``, ``redis.js``,
``mongodb.js``, ``dynamodb.js``; 11.5.3).  A tenant is the value ``clientInfo``
of a client key, and is the body of the last ``installed`` event.  An uninstalled
tenant keeps its row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from headway.errors import ConfigurationError
from headway.store.takeover import Found
from headway.store.takeover.dumps import documents, is_dump
from headway.store.takeover.sources import redis_values, rows

__all__ = ["TABLES", "found"]

TABLES = ("AddonSettings", "AddonSetting")
CLIENT_INFO = "clientInfo"
MEMBERS = ("clientKey", "key", "val")
_REDIS = ("redis://", "rediss://")


def found(source: str, tables: tuple[str, ...] = TABLES) -> Iterator[Found]:
    """Every tenant of the store at *source*: a SQLite file, ``postgresql://``, ``redis://``.

    Of MongoDB and DynamoDB a dump is read (:mod:`headway.store.takeover.dumps`).

    Raises:
        ConfigurationError: the source can not be read.
    """
    if source.startswith(_REDIS):
        for key, value in redis_values(source, f"*:{CLIENT_INFO}"):
            yield _tenant(key, key.rpartition(":")[0], value)
        return
    for where, row in documents(source) if is_dump(source) else rows(source, tables):
        if lacks := [name for name in MEMBERS if name.lower() not in row]:
            raise ConfigurationError(f"the source: {where} has no {lacks[0]}")
        if row["key"] == CLIENT_INFO:
            yield _tenant(where, row.get("clientkey"), row.get("val"))


def _tenant(where: str, client_key: Any, value: Any) -> Found:
    """A row: its value is an object, or a text of one (and a text of that, in JSON columns)."""
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                break
    if not isinstance(value, dict):
        return Found(where=where, client_key=_text(client_key))

    def member(name: str) -> str | None:
        return _text(value.get(name))

    return Found(
        where=where,
        app_key=member("key"),
        client_key=_text(client_key) or member("clientKey"),
        base_url=member("baseUrl"),
        product=member("productType"),
        shared_secret=member("sharedSecret"),
        # The framework itself removes nothing at `uninstalled`; an app may note the event.
        installed=value.get("eventType", "installed") != "uninstalled",
        display_url=member("displayUrl"),
        oauth_client_id=member("oauthClientId"),
        cloud_id=member("cloudId"),
        installation_id=member("installationId"),
        description=member("description"),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
