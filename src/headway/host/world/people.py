"""The people of a site."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata
from headway.host.world.rows import Rows

__all__ = ["People", "User", "users"]

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


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in; *name* is what they log in with."""

    account_id: str
    name: str
    display_name: str
    admin: bool
    email: str


class People:
    """Who there is.  Passwords and sessions are the affair of ``identity``."""

    def __init__(self, database: Database) -> None:
        self._rows = Rows(database)

    def user(self, name: str) -> User | None:
        """The user with this account id or login name."""
        known = sa.or_(users.c.account_id == name, users.c.name == name)
        return self._rows.one(User, users, known)

    def users(self) -> list[User]:
        """Every user, by login name."""
        return self._rows.all(User, users, sa.true(), users.c.name)
