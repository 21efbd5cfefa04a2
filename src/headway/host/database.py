"""The site's tables, and how its database is opened.

The state of a site is made up for practice and not migrated: a database that a
newer Headway wrote is refused, and that is all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.keys import Sealer, new_sealing_key
from headway.store.engine import MEMORY, open_engine, truncate_log, writing
from headway.store.files import sealing_key

__all__ = [
    "Database",
    "apps",
    "attachment_parts",
    "attachments",
    "comments",
    "issues",
    "meta",
    "metadata",
    "open_database",
    "projects",
    "sessions",
    "site_keys",
    "users",
]

VERSION = 1
FILE = "site.db"
SEALED_WITH = "site"  # the id of the one sealing key

metadata = sa.MetaData()


def _references(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, ondelete="CASCADE")


meta = sa.Table(  # what there is one of: the schema's version, the site's clientKey
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

site_keys = sa.Table(  # with which the site signs installed and uninstalled
    "site_keys",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("private_pem", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("created", sa.BigInteger, nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("admin", sa.Boolean, nullable=False),
    sa.Column("password_hash", sa.LargeBinary, nullable=False),  # salt and scrypt
    sa.Column("password_sealed", sa.LargeBinary, nullable=False),  # to be printed at each start
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the cookie's value
    sa.Column("account_id", sa.Text, _references("users.account_id"), nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),  # real seconds since 1970
)

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
)

issues = sa.Table(
    "issues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("project_key", sa.Text, _references("projects.key"), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("assignee", sa.Text),  # an account id
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
)

comments = sa.Table(
    "comments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.Integer, _references("issues.id"), nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),  # an account id: a user's or an app's
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

attachments = sa.Table(
    "attachments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.Integer, _references("issues.id"), nullable=False, index=True),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),  # bytes
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

attachment_parts = sa.Table(  # in pieces, so that a download holds one of them in memory
    "attachment_parts",
    metadata,
    sa.Column("attachment_id", sa.Integer, _references("attachments.id"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

apps = sa.Table(
    "apps",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("descriptor", sa.Text, nullable=False),  # JSON; name, base URL, modules, scopes
    sa.Column("secret", sa.LargeBinary, nullable=False),  # sealed
    sa.Column("account_id", sa.Text, nullable=False),  # of the app's own user
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("installed_at", sa.BigInteger, nullable=False),
)


class Database:
    """The engine and the sealer; every reader and writer goes through its two contexts.

    In memory there is one connection: contexts are not nested.

    >>> with open_database(None) as database, database.reading() as connection:
    ...     connection.scalar(sa.select(sa.func.count()).select_from(issues))
    0
    """

    def __init__(self, engine: sa.Engine, sealer: Sealer) -> None:
        self.engine = engine
        self.sealer = sealer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that holds the write lock; an exception undoes it."""
        with writing(self.engine).begin() as connection:
            yield connection

    def close(self) -> None:
        """Empty the write-ahead log and close."""
        truncate_log(self.engine)
        self.engine.dispose()


def open_database(data: Path | None) -> Database:
    """Open the site's database in the folder *data*, or in memory; make what is not there.

    Raises:
        ConfigurationError: the folder can not be used, others may read it, or
            a newer Headway wrote the database.
    """
    if data is None:
        engine, key = open_engine(MEMORY), new_sealing_key()
    else:
        key = sealing_key({}, data)
        engine = open_engine(data / FILE)
    try:
        _create(engine)
    except ConfigurationError:
        engine.dispose()
        raise
    return Database(engine, Sealer({SEALED_WITH: key}, SEALED_WITH))


def _create(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        metadata.create_all(connection)
        found = connection.scalar(sa.select(meta.c.value).where(meta.c.name == "version"))
        if found is None:
            connection.execute(meta.insert().values(name="version", value=str(VERSION)))
        elif found != str(VERSION):
            raise ConfigurationError(
                f"{FILE}: was written by another Headway (version {found}, this one reads "
                f"{VERSION}); start with another folder"
            )
