"""Rows as the framework writes them; tests/e2e/test_takeover.py has the framework write some."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import services

from headway.store.takeover import Found
from headway.store.takeover.ace import found

INFO = {
    "key": "my-app",
    "clientKey": "site",
    "baseUrl": "https://site.atlassian.net",
    "productType": "jira",
    "sharedSecret": "a secret of the other framework",
    "displayUrl": "https://issues.example",
    "oauthClientId": "oauth",
    "cloudId": "cloud",
    "installationId": "forge",
    "description": "a site",
    "eventType": "installed",
    "pluginsVersion": 7,
}
TENANT = Found(
    where="AddonSettings row 1",
    app_key="my-app",
    client_key="site",
    base_url="https://site.atlassian.net",
    product="jira",
    shared_secret="a secret of the other framework",
    display_url="https://issues.example",
    oauth_client_id="oauth",
    cloud_id="cloud",
    installation_id="forge",
    description="a site",
)


def settings(path: Path, *values: Any, table: str = "AddonSettings") -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY AUTOINCREMENT, "clientKey" TEXT, '
            '"key" TEXT, val JSON)'
        )
        for client_key, key, value in values:
            connection.execute(
                f'INSERT INTO "{table}" ("clientKey", "key", val) VALUES (?, ?, ?)',  # noqa: S608
                (client_key, key, value),
            )
        connection.commit()
    return str(path)


@pytest.mark.parametrize("times", [1, 2])
def test_a_tenant_is_the_body_of_its_last_installed(tmp_path: Path, times: int) -> None:
    value: Any = INFO
    for _ in range(times):
        value = json.dumps(value)
    source = settings(
        tmp_path / "ace.db", ("site", "clientInfo", value), ("site", "bearer:x", '"token"')
    )
    assert list(found(source)) == [TENANT]


def test_a_table_of_another_name(tmp_path: Path) -> None:
    rows = ("site", "clientInfo", json.dumps(INFO))
    source = settings(tmp_path / "ace.db", rows, table="Mine")
    assert [each.client_key for each in found(source, ("Mine",))] == ["site"]


@pytest.mark.parametrize(
    "value",
    ["not JSON", "[1]", "null", None, "[" * 100_000],
    ids=["text", "list", "null", "none", "deep"],
)
def test_a_value_that_is_no_object_is_a_tenant_without_anything(tmp_path: Path, value: Any) -> None:
    source = settings(tmp_path / "ace.db", ("site", "clientInfo", value))
    assert list(found(source)) == [Found(where="AddonSettings row 1", client_key="site")]


def test_members_of_other_types_count_for_nothing(tmp_path: Path) -> None:
    value = json.dumps(
        {"clientKey": "site", "sharedSecret": 12345678901234567890, "baseUrl": ["x"]}
    )
    source = settings(tmp_path / "ace.db", (None, "clientInfo", value))
    assert list(found(source)) == [Found(where="AddonSettings row 1", client_key="site")]


def test_an_app_that_noted_the_end_is_believed(tmp_path: Path) -> None:
    value = json.dumps({**INFO, "eventType": "uninstalled"})
    source = settings(tmp_path / "ace.db", ("site", "clientInfo", value))
    assert [each.installed for each in found(source)] == [False]


def test_tenants_in_redis(redis_server: services.Redis) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("site:clientInfo", json.dumps(INFO))
        client.set("site:bearer:x", "token")
        tenants = list(found(redis_server.url))
        client.delete("site:clientInfo", "site:bearer:x")
    assert [(each.where, each.client_key) for each in tenants] == [("site:clientInfo", "site")]
    assert tenants[0].shared_secret == INFO["sharedSecret"]
