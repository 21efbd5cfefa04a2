"""Tenants of the Django packages: the model ``SecurityContext`` of each.

Sources: the models and migrations of ``django-atlassian-connect`` (pixelwelding),
``atlassian-connect-django`` (gerasev) and ``django-atlassian`` (Fluendo).
None of them removes a row at ``uninstalled``; only the first notes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from headway.store.takeover import Found
from headway.store.takeover.columns import Framework, tenants

__all__ = ["DJANGO", "found"]

DJANGO = Framework(
    tables=(
        "django_atlassian_connect_securitycontext",
        "atlassian_connect_django_securitycontext",
        "django_atlassian_securitycontext",
    ),
    columns={
        "app_key": ("key",),
        "client_key": ("client_key",),
        "base_url": ("host",),
        "product": ("product_type",),
        "shared_secret": ("shared_secret",),
        "installed": ("installed",),
        "enabled": ("enabled", "is_plugin_enabled"),
        "oauth_client_id": ("oauth_client_id",),
    },
)


def found(source: str, tables: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every tenant at *source*: a SQLite file, ``postgresql://...`` or a CSV of the table.

    Raises:
        ConfigurationError: the source can not be read.
    """
    return tenants(DJANGO, source, tables)
