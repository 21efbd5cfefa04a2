from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from headway.host.access import LIFE, AccessTokens, Grant, access_tokens
from headway.host.database import Database, open_database
from headway.host.world.people import users
from headway.model import Product

GRANT = Grant(app_key="my-app", account_id="u1", scopes=frozenset({"READ", "WRITE"}))


class Time:
    now = 1000.0


@pytest.fixture
def database() -> Iterator[Database]:
    with open_database(None) as opened:
        with opened.writing() as connection:
            connection.execute(
                users.insert().values(
                    account_id="u1", name="uma", display_name="Uma", email="", admin=False
                )
            )
        yield opened


@pytest.fixture
def tokens(database: Database) -> AccessTokens:
    Time.now = 1000.0
    return AccessTokens(database, lambda: Time.now)


def test_a_token_is_random_and_kept_as_a_hash(database: Database, tokens: AccessTokens) -> None:
    first, second = (tokens.issue(Product.JIRA, GRANT) for _ in range(2))
    assert first != second
    assert len(first) == 43
    with database.reading() as connection:
        rows = repr(connection.execute(sa.select(access_tokens)).all())
    assert first not in rows


def test_it_is_good_for_one_product_and_a_while(tokens: AccessTokens) -> None:
    text = tokens.issue(Product.CONFLUENCE, GRANT)
    assert tokens.find(Product.CONFLUENCE, text) == GRANT
    assert tokens.find(Product.JIRA, text) is None
    Time.now += LIFE - 1
    assert tokens.find(Product.CONFLUENCE, text) == GRANT
    Time.now += 1
    assert tokens.find(Product.CONFLUENCE, text) is None


@pytest.mark.parametrize("text", ["", "a guess", "\udcff", "x" * 10_000])
def test_what_is_no_token(tokens: AccessTokens, text: str) -> None:
    tokens.issue(Product.JIRA, GRANT)
    assert tokens.find(Product.JIRA, text) is None


def test_the_dead_are_forgotten(database: Database, tokens: AccessTokens) -> None:
    tokens.issue(Product.JIRA, GRANT)
    Time.now += LIFE
    kept = tokens.issue(Product.JIRA, GRANT)
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(access_tokens)) == 1
    assert tokens.find(Product.JIRA, kept) == GRANT


def test_it_stands_for_an_active_user(database: Database, tokens: AccessTokens) -> None:
    text = tokens.issue(Product.JIRA, GRANT)
    for active, found in ((False, None), (True, GRANT)):
        with database.writing() as connection:
            connection.execute(users.update().values(active=active))
        assert tokens.find(Product.JIRA, text) == found
