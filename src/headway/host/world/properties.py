"""Properties: JSON values that apps keep with an issue, a project, a comment, a user, an app."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata
from headway.host.world.changes import Change
from headway.host.world.rows import Rows, bounded

__all__ = ["KEY_MAX", "VALUE_MAX", "Properties", "Property", "as_kept", "properties"]

KEY_MAX = 255  # characters
VALUE_MAX = 32_768  # characters of JSON

TELLING = frozenset({"issue"})
"""The kinds whose properties have a webhook (Connect: "Webhooks")."""

properties = sa.Table(
    "properties",
    metadata,
    sa.Column("holder", sa.Text, primary_key=True),  # the kind of thing: issue, project, app, ...
    sa.Column("holder_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # JSON
)


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """One value under its key; *value* is JSON as text."""

    holder: str
    holder_id: str
    key: str
    value: str

    @property
    def data(self) -> Any:
        """The value itself."""
        return json.loads(self.value)


class Properties:
    """The properties of everything.

    ``holder`` is the kind of thing that a property is kept with, ``holder_id``
    its id as text.  *tell* hears of those of issues.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     made = Properties(database)
    ...     new = made.put("project", "10000", "color", {"name": "blue"})
    ...     new, made.get("project", "10000", "color").data
    (True, {'name': 'blue'})
    """

    def __init__(self, database: Database, tell: Callable[[Change], None] = lambda _: None) -> None:
        self._database = database
        self._rows = Rows(database)
        self._tell = tell

    def keys(self, holder: str, holder_id: str) -> list[str]:
        """The keys that there are, sorted."""
        return [found.key for found in self.all(holder, holder_id)]

    def all(self, holder: str, holder_id: str) -> list[Property]:
        """Every property of one thing, by key."""
        return self._rows.all(Property, properties, _of(holder, holder_id), properties.c.key)

    def get(self, holder: str, holder_id: str, key: str) -> Property | None:
        """One property."""
        is_it = sa.and_(_of(holder, holder_id), properties.c.key == key)
        return self._rows.one(Property, properties, is_it)

    def put(
        self, holder: str, holder_id: str, key: str, value: Any, author: str | None = None
    ) -> bool:
        """Set a property; whether it is new.  Raises ValueError where key or value is too long."""
        text = as_kept(key, value)
        made = Property(holder=holder, holder_id=holder_id, key=key, value=text)
        is_it = sa.and_(_of(holder, holder_id), properties.c.key == key)
        with self._database.writing() as connection:
            before = connection.scalar(sa.select(properties.c.value).where(is_it))
            connection.execute(properties.delete().where(is_it))
            connection.execute(properties.insert().values(msgspec.structs.asdict(made)))
        if holder in TELLING:
            self._tell(Change(event=f"{holder}_property_set", author=author, after=made))
        return before is None

    def delete(self, holder: str, holder_id: str, key: str, author: str | None = None) -> bool:
        """Forget a property; whether there was one."""
        before = self.get(holder, holder_id, key)
        if before is None:
            return False
        is_it = sa.and_(_of(holder, holder_id), properties.c.key == key)
        with self._database.writing() as connection:
            connection.execute(properties.delete().where(is_it))
        if holder in TELLING:
            self._tell(Change(event=f"{holder}_property_deleted", author=author, before=before))
        return True


def as_kept(key: str, value: Any) -> str:
    """*value* as it is kept under *key*; raises ValueError where one of them is too long.

    >>> as_kept("color", {"name": "blue"})
    '{"name": "blue"}'
    """
    bounded("property key", key, KEY_MAX, least=1)
    return bounded("property value", json.dumps(value, ensure_ascii=False), VALUE_MAX, least=1)


def _of(holder: str, holder_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(properties.c.holder == holder, properties.c.holder_id == holder_id)
