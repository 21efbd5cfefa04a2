from __future__ import annotations

import psycopg
import pytest
import services

from headway.store.takeover import Found
from headway.store.takeover.spring import found

OLD = """
CREATE TABLE atlassian_host (
  client_key varchar(255) PRIMARY KEY, public_key varchar(255),
  shared_secret varchar(255) NOT NULL, base_url varchar(255) NOT NULL,
  product_type varchar(255), description varchar(255),
  service_entitlement_number varchar(255), addon_installed boolean,
  created_date timestamp, last_modified_date timestamp,
  created_by varchar(255), last_modified_by varchar(255))
"""


@pytest.fixture
def address(postgresql: services.PostgreSQL) -> str:
    address = postgresql.new_database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(OLD)
        connection.execute(
            "INSERT INTO atlassian_host (client_key, shared_secret, base_url, product_type, "
            "description, addon_installed) VALUES "
            "('a', 'a secret of the other framework', 'https://a.atlassian.net', 'jira', "
            "'A', true), "
            "('b', 'b secret of the other framework', 'https://b.atlassian.net', 'confluence', "
            "NULL, false)"
        )
    return address


def test_tenants_of_the_table_as_it_was_made_first(address: str) -> None:
    assert list(found(address)) == [
        Found(
            where="atlassian_host row 1",
            client_key="a",
            base_url="https://a.atlassian.net",
            product="jira",
            shared_secret="a secret of the other framework",
            installed=True,
            description="A",
        ),
        Found(
            where="atlassian_host row 2",
            client_key="b",
            base_url="https://b.atlassian.net",
            product="confluence",
            shared_secret="b secret of the other framework",
            installed=False,
        ),
    ]


def test_columns_that_came_later_are_read(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for column in ("cloud_id", "display_url", "oauth_client_id", "installation_id", "key"):
            connection.execute(f"ALTER TABLE atlassian_host ADD COLUMN {column} varchar(255)")
            connection.execute(f"UPDATE atlassian_host SET {column} = '{column} of it'")  # noqa: S608
        connection.execute("ALTER TABLE atlassian_host RENAME TO hosts")
    tenant = next(iter(found(address, ("hosts",))))
    assert (tenant.cloud_id, tenant.display_url, tenant.oauth_client_id) == (
        "cloud_id of it",
        "display_url of it",
        "oauth_client_id of it",
    )
    assert (tenant.installation_id, tenant.app_key) == ("installation_id of it", "key of it")
