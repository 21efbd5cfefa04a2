"""Access tokens: with one an app calls a product as a user, for a quarter of an hour.

The text of a token is random and kept as a hash.  What it allows is looked up at
each use: it dies with the installation, with the scope ``ACT_AS_USER``, with the
user.
"""

from __future__ import annotations

import hashlib
import secrets
import time

import msgspec
import sqlalchemy as sa

from headway.errors import HeadwayError
from headway.host.database import Database, metadata
from headway.host.world.people import users
from headway.model import Product
from headway.ports import Clock

__all__ = ["LIFE", "AccessTokenInvalid", "AccessTokens", "Grant"]

LIFE = 900
"""Seconds that a token is good for ("User impersonation for Connect apps")."""

_TEXT_BYTES = 32

access_tokens = sa.Table(
    "access_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the token's text
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("app_key", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # with spaces between them
    sa.Column("until", sa.BigInteger, nullable=False, index=True),  # real seconds since 1970
)


class AccessTokenInvalid(HeadwayError):
    """An access token that this product did not issue, or no longer honours."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a token stands for: an app acts as a user, within *scopes*."""

    app_key: str
    account_id: str
    scopes: frozenset[str]


class AccessTokens:
    """The tokens that are out; *now* is the real time, in seconds since 1970.

    >>> from headway.host.database import open_database
    >>> from headway.host.world.people import People
    >>> with open_database(None) as database:
    ...     uma = People(database).add_user("uma", "Uma User", "").account_id
    ...     grant = Grant(app_key="my-app", account_id=uma, scopes=frozenset({"READ"}))
    ...     tokens = AccessTokens(database, lambda: 0.0)
    ...     text = tokens.issue(Product.JIRA, grant)
    ...     tokens.find(Product.JIRA, text) == grant, tokens.find(Product.JIRA, "a guess")
    (True, None)
    """

    def __init__(self, database: Database, now: Clock = time.time) -> None:
        self._database = database
        self._now = now

    def issue(self, product: Product, grant: Grant) -> str:
        """The text of a new token; the dead ones are forgotten."""
        text = secrets.token_urlsafe(_TEXT_BYTES)
        now = int(self._now())
        with self._database.writing() as connection:
            connection.execute(access_tokens.delete().where(access_tokens.c.until <= now))
            connection.execute(
                access_tokens.insert().values(
                    digest=_digest(text),
                    product=product,
                    app_key=grant.app_key,
                    account_id=grant.account_id,
                    scopes=" ".join(sorted(grant.scopes)),
                    until=now + LIFE,
                )
            )
        return text

    def find(self, product: Product, text: str) -> Grant | None:
        """What a token of this product stands for, while it is good."""
        columns = access_tokens.c
        query = sa.select(columns.app_key, columns.account_id, columns.scopes).where(
            access_tokens.c.digest == _digest(text),
            columns.product == product,
            columns.until > int(self._now()),
            columns.account_id.in_(sa.select(users.c.account_id).where(users.c.active)),
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        scopes = frozenset(row.scopes.split())
        return Grant(app_key=row.app_key, account_id=row.account_id, scopes=scopes)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
