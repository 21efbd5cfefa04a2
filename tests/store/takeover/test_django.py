"""Tables as Django itself makes them of the packages' models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headway.store.takeover import Found
from headway.store.takeover.django import found

WRITER = """
import sys
import django
from django.conf import settings

path, label, product, state = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path}},
    INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
from django.db import connection, models

names = "shared_secret", "key", "client_key", "host"
fields = {name: models.CharField(max_length=512) for name in names}
if product:
    fields["product_type"] = models.CharField(max_length=512)
    fields["oauth_client_id"] = models.CharField(max_length=512, null=True)
for name in filter(None, state.split(",")):
    fields[name] = models.BooleanField(default=True)

class Meta:
    app_label = label

Context = type("SecurityContext", (models.Model,), {"__module__": "writer", "Meta": Meta, **fields})
with connection.schema_editor() as editor:
    editor.create_model(Context)
values = dict(shared_secret="a secret of the other framework", key="my-app",
    host="https://x.atlassian.net")
if product:
    values["product_type"] = product
Context.objects.create(client_key="a", **values)
Context.objects.create(client_key="b", **values, **{n: False for n in state.split(",") if n})
"""


def source(path: Path, label: str, product: str = "", state: str = "") -> str:
    subprocess.run([sys.executable, "-c", WRITER, str(path), label, product, state], check=True)
    return str(path)


@pytest.mark.parametrize(
    ("label", "product", "state", "second"),
    [
        ("django_atlassian_connect", "jira", "installed,enabled", (False, False)),
        ("atlassian_connect_django", "", "is_plugin_enabled", (True, False)),
        ("django_atlassian", "", "", (True, True)),
    ],
)
def test_tenants_of_each_package(
    tmp_path: Path, label: str, product: str, state: str, second: tuple[bool, bool]
) -> None:
    tenants = list(found(source(tmp_path / "db.sqlite3", label, product, state)))
    assert tenants[0] == Found(
        where=f"{label}_securitycontext row 1",
        app_key="my-app",
        client_key="a",
        base_url="https://x.atlassian.net",
        product=product or None,
        shared_secret="a secret of the other framework",
    )
    assert [each.client_key for each in tenants] == ["a", "b"]
    assert (tenants[1].installed, tenants[1].enabled) == second


def test_a_table_of_another_name(tmp_path: Path) -> None:
    path = source(tmp_path / "db.sqlite3", "mine")
    assert len(list(found(path, ("mine_securitycontext",)))) == 2
