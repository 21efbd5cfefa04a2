"""What is attached to content without being content: labels, properties, restrictions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.people import group_members
from headway.host.world.rows import Rows, Where, bounded, read
from headway.host.world.wiki import Content, Stale, Status, contents
from headway.model import Product
from headway.ports import Clock

__all__ = [
    "GROUP",
    "Label",
    "Marks",
    "Property",
    "labels",
    "of_content",
    "of_space",
    "restrictions",
]

VALUE_MAX = 32_768
"""Characters of a property's value as JSON ("Content properties": 32 KB)."""

LABELS_MAX = 100
VISIBLE_KEPT = 256  # conditions, by spaces and account
_LABEL = re.compile(r"[^\s,:;!?&+#@(){}\[\]<>*^~]{1,255}")
_PREFIXES = frozenset({"global", "my", "team"})

labels = sa.Table(
    "content_labels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("content_id", sa.Integer, references("contents.id"), nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.UniqueConstraint("content_id", "prefix", "name"),
    sa.Index("labels_by_name", "name"),
)

properties = sa.Table(
    "wiki_properties",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("content_id", sa.Integer, references("contents.id")),  # of one of both
    sa.Column("space_id", sa.Integer, references("spaces.id")),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),  # JSON
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("content_id", "key"),
    sa.UniqueConstraint("space_id", "key"),
)

restrictions = sa.Table(  # an operation without a row is open to all who may see the space
    "content_restrictions",
    metadata,
    sa.Column("content_id", sa.Integer, references("contents.id"), primary_key=True),
    sa.Column("operation", sa.Text, primary_key=True),  # read, update
    sa.Column("account_id", sa.Text, primary_key=True),  # or GROUP and a group's name
)

GROUP = "group:"
"""What stands before the name of a group among those who alone may do something."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A label on one piece of content; the prefix is nearly always ``global``."""

    id: int
    content_id: int
    prefix: str
    name: str


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """A value that an app keeps with content or with a space; ``value`` is JSON text."""

    id: int
    content_id: int | None
    space_id: int | None
    key: str
    value: str
    version: int
    updated: int


class Marks:
    """Labels, properties and restrictions; *now* is the real time, in seconds since 1970."""

    def __init__(self, database: Database, now: Clock, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell

    # ---- labels -----------------------------------------------------------------------------

    def labels(self, content_id: int) -> list[Label]:
        """The labels of content, by name."""
        return self._rows.all(Label, labels, labels.c.content_id == content_id, labels.c.name)

    def add_label(self, content_id: int, name: str, author: str, prefix: str = "global") -> Label:
        """A label, in lower case; the same one again is the one there was.

        Raises ValueError for a name that is none.
        """
        name = name.lower()
        self.check_label(name, prefix)
        found = self._rows.one(Label, labels, _label(content_id, name, prefix))
        if found is not None:
            return found
        if len(self.labels(content_id)) >= LABELS_MAX:
            raise ValueError(f"content has at most {LABELS_MAX} labels")
        made = self._rows.add(Label, labels, content_id=content_id, prefix=prefix, name=name)
        self._told("label_added", author, None, made)
        return made

    def check_label(self, name: str, prefix: str) -> None:
        """Raises ValueError for what is no label."""
        if prefix not in _PREFIXES or not _LABEL.fullmatch(name):
            raise ValueError("a label is a word without spaces; its prefix global, my or team")

    def remove_label(self, content_id: int, name: str, author: str) -> bool:
        """Remove a label, whatever its prefix; whether there was one."""
        is_it = sa.and_(labels.c.content_id == content_id, labels.c.name == name.lower())
        with self._database.writing() as connection:
            gone = read(connection, Label, labels, is_it)
            connection.execute(labels.delete().where(is_it))
        for label in gone:
            self._told("label_removed", author, label, None)
        return bool(gone)

    # ---- properties -------------------------------------------------------------------------

    def properties(self, thing: Where) -> list[Property]:
        """The properties of a thing, as :func:`of_content` or :func:`of_space` says, by key."""
        return self._rows.all(Property, properties, thing, properties.c.key)

    def property(self, thing: Where, key: str) -> Property | None:
        """One property of a thing."""
        return self._rows.one(Property, properties, sa.and_(thing, properties.c.key == key))

    def add_property(
        self, key: str, value: Any, *, content_id: int | None = None, space_id: int | None = None
    ) -> Property:
        """A new property; raises ValueError where it is there, or too large."""
        thing = of_content(content_id) if content_id is not None else of_space(space_id)
        if self.property(thing, key) is not None:
            raise Stale(f"A property with the key {key} exists already")
        return self._rows.add(
            Property,
            properties,
            content_id=content_id,
            space_id=space_id,
            key=bounded("property's key", key, 255, least=1),
            value=_value(value),
            version=1,
            updated=int(self._now()),
        )

    def edit_property(self, before: Property, value: Any, version: int) -> Property:
        """Another value; raises Stale unless *version* is one more than the latest one's."""
        is_it = sa.and_(properties.c.id == before.id, properties.c.version == version - 1)
        changes = {"value": _value(value), "version": version, "updated": int(self._now())}
        with self._database.writing() as connection:
            done = connection.execute(properties.update().where(is_it).values(changes)).rowcount
            after = read(connection, Property, properties, properties.c.id == before.id)
        if not done:
            raise Stale(f"Version must be incremented on update: it is {before.version}")
        return after[0]

    def remove_property(self, gone: Property) -> None:
        """Forget a property."""
        with self._database.writing() as connection:
            connection.execute(properties.delete().where(properties.c.id == gone.id))

    # ---- restrictions -----------------------------------------------------------------------

    def restricted_to(self, content_id: int, operation: str) -> frozenset[str]:
        """Who alone may ``read`` or ``update`` content: account ids, and groups after ``GROUP``.

        Empty for everybody.
        """
        columns = restrictions.c
        query = sa.select(columns.account_id).where(
            columns.content_id == content_id, columns.operation == operation
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query))

    def restrict(self, content: Content, operation: str, account_ids: frozenset[str]) -> None:
        """Let *account_ids* alone do *operation*, or everybody where there are none.

        ``GROUP`` and a name are the members of a group.
        """
        row = {"content_id": content.id, "operation": operation}
        with self._database.writing() as connection:
            connection.execute(
                restrictions.delete().where(
                    restrictions.c.content_id == content.id, restrictions.c.operation == operation
                )
            )
            for account_id in sorted(account_ids):
                connection.execute(restrictions.insert().values(account_id=account_id, **row))

    def visible(self, space_ids: list[int], account_id: str | None) -> Where:
        """What of these spaces *account_id* may read, as a condition on ``contents``.

        A restriction holds for everything below the page and everything that
        hangs on it; what hangs on something in the bin is not there.
        """
        return _visible(tuple(space_ids), account_id or "")

    def _told(self, event: str, author: str, before: Label | None, after: Label | None) -> None:
        product = Product.CONFLUENCE
        self._tell(Change(event=event, product=product, author=author, before=before, after=after))


@lru_cache(VISIBLE_KEPT)
def _visible(space_ids: tuple[int, ...], account_id: str) -> Where:
    """The condition of :meth:`Marks.visible`: to build it takes longer than to look."""
    theirs = sa.select(sa.literal(GROUP) + group_members.c.group_name).where(
        group_members.c.account_id == account_id
    )
    holder = restrictions.c.account_id
    allowed = sa.select(restrictions.c.content_id).where(
        restrictions.c.operation == "read", sa.or_(holder == account_id, holder.in_(theirs))
    )
    hidden = (
        sa.select(restrictions.c.content_id.label("id"))
        .where(restrictions.c.operation == "read", restrictions.c.content_id.not_in(allowed))
        .cte("hidden", recursive=True)
    )
    below = contents.alias("below")
    hidden = hidden.union(
        sa.select(below.c.id).where(
            sa.or_(below.c.parent_id == hidden.c.id, below.c.container_id == hidden.c.id)
        )
    )
    container = contents.alias("container")
    in_the_bin = sa.exists().where(
        container.c.id == contents.c.container_id, container.c.status == Status.TRASHED
    )
    return sa.and_(
        contents.c.space_id.in_(space_ids),
        contents.c.id.not_in(sa.select(hidden.c.id)),
        ~in_the_bin,
    )


def of_content(content_id: int | None) -> Where:
    """Which properties are those of content."""
    return properties.c.content_id == content_id


def of_space(space_id: int | None) -> Where:
    """Which properties are those of a space."""
    return properties.c.space_id == space_id


def _label(content_id: int, name: str, prefix: str) -> Where:
    columns = labels.c
    return sa.and_(columns.content_id == content_id, columns.name == name, columns.prefix == prefix)


def _value(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    if len(text) > VALUE_MAX:
        raise ValueError(f"a property's value has at most {VALUE_MAX} characters as JSON")
    return text
