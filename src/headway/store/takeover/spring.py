"""Tenants of ``atlassian-connect-spring-boot``: the JPA table ``atlassian_host``.

Sources: its Liquibase change log and entity in the only copy that was to be had
(2016), and the same table in ``atlassian-connect-play``, which is newer.  The
columns that came later are read where they are there, by these names.
"""

from __future__ import annotations

from collections.abc import Iterator

from headway.store.takeover import Found
from headway.store.takeover.columns import Framework, tenants

__all__ = ["SPRING", "found"]

SPRING = Framework(
    tables=("atlassian_host",),
    columns={
        "app_key": ("key", "addon_key"),  # Spring has none: one app has one database
        "client_key": ("client_key", "clientkey"),
        "base_url": ("base_url", "baseurl"),
        "product": ("product_type", "producttype"),
        "shared_secret": ("shared_secret", "sharedsecret"),
        "installed": ("addon_installed", "addoninstalled", "installed"),
        "display_url": ("display_url",),
        "oauth_client_id": ("oauth_client_id",),
        "cloud_id": ("cloud_id",),
        "installation_id": ("installation_id",),
        "description": ("description",),
    },
)


def found(source: str, tables: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every tenant at *source*: a SQLite file, ``postgresql://...`` or a CSV of the table.

    Raises:
        ConfigurationError: the source can not be read.
    """
    return tenants(SPRING, source, tables)
