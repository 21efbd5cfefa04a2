"""What became of an issue: who changed which field from what to what, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.prepared import Prepared
from headway.host.world.catalog import ISSUE_TYPES, PRIORITIES, RESOLUTIONS, STATUSES, named
from headway.host.world.people import users
from headway.host.world.rows import Lookup

if TYPE_CHECKING:
    from headway.host.world.tracker import Issue

__all__ = ["ChangeItem", "Entry", "History", "change_items", "history"]

history = sa.Table(
    "history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.Integer, references("issues.id"), nullable=False, index=True),
    sa.Column("author", sa.Text),  # an account id; None where a script did it
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("items", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)

ChangeItem = dict[str, Any]
"""One field of a change: ``field``, ``fieldtype``, ``fieldId``, ``from``, ``fromString``, ``to``,
``toString``, as the REST API and the webhook ``jira:issue_updated`` have it."""

Named = Callable[[Any], str | None]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an issue."""

    id: int
    issue_id: int
    author: str | None
    created: int
    items: list[ChangeItem]


_MINE = history.c.issue_id == sa.bindparam("issue_id")
_OF = Lookup(Entry, history, _MINE, history.c.id)
_NEWEST = Prepared(sa.select(sa.func.max(history.c.id)).where(_MINE))


class _Field(NamedTuple):
    """How a field of an issue is told of; *rows* is the table that its value is a name from."""

    attribute: str
    name: str
    field_id: str
    rows: Any = ()


_FIELDS = (
    _Field("summary", "summary", "summary"),
    _Field("description", "description", "description"),
    _Field("issue_type", "issuetype", "issuetype", ISSUE_TYPES),
    _Field("status", "status", "status", STATUSES),
    _Field("priority", "priority", "priority", PRIORITIES),
    _Field("resolution", "resolution", "resolution", RESOLUTIONS),
    _Field("labels", "labels", "labels"),
    _Field("components", "Component", "components"),
    _Field("fix_versions", "Fix Version", "fixVersions"),
    _Field("versions", "Version", "versions"),
    _Field("due_date", "duedate", "duedate"),
    _Field("environment", "environment", "environment"),
    _Field("parent_id", "Parent", "parent"),
    _Field("original_estimate", "timeoriginalestimate", "timeoriginalestimate"),
    _Field("remaining_estimate", "timeestimate", "timeestimate"),
    _Field("time_spent", "timespent", "timespent"),
)


def change_items(
    before: Issue, after: Issue, name_of: Callable[[str], str] = str
) -> list[ChangeItem]:
    """What differs between two states of an issue; *name_of* names an account."""
    items = [
        _item(field.name, field.field_id, *_said(field, old), *_said(field, new))
        for field in _FIELDS
        for old, new in [(getattr(before, field.attribute), getattr(after, field.attribute))]
        if old != new
    ]
    for field_id in ("assignee", "reporter"):
        old, new = getattr(before, field_id), getattr(after, field_id)
        if old != new:
            names = (name_of(one) if one else None for one in (old, new))
            items.append(_item(field_id, field_id, old, next(names), new, next(names)))
    return [*items, *_custom(before.custom, after.custom)]


def _custom(before: dict[str, Any], after: dict[str, Any]) -> Iterator[ChangeItem]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            texts = (None if one is None else str(one) for one in (old, new))
            yield _item(name, name, None, next(texts), None, next(texts)) | {"fieldtype": "custom"}


def _item(
    name: str, field_id: str, was: Any, was_text: str | None, now: Any, now_text: str | None
) -> ChangeItem:
    return {
        "field": name,
        "fieldtype": "jira",
        "fieldId": field_id,
        "from": was,
        "fromString": was_text,
        "to": now,
        "toString": now_text,
    }


def _said(field: _Field, value: Any) -> tuple[str | None, str | None]:
    """The id and the text of a value."""
    if value is None or value == "":
        return None, None
    if field.rows:
        row = named(field.rows, {"name": value})
        return (str(row.id) if row else None), str(value)
    if isinstance(value, list):
        return None, " ".join(map(str, value))
    if isinstance(value, int):
        return str(value), str(value)
    return None, str(value)


class History:
    """The changes of issues; the tracker writes them with the change itself.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     History(database).of(1)
    []
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, issue_id: int) -> list[Entry]:
        """An issue's changes, the oldest first."""
        return _OF.all(self._database, issue_id=issue_id)

    def last_id(self, issue_id: int) -> int:
        """The id of an issue's newest change; 0 where nothing was changed yet."""
        ((newest,),) = self._database.select(_NEWEST, issue_id=issue_id)
        return newest or 0


def names_in(connection: sa.Connection) -> Callable[[str], str]:
    """How people are called, asked in a transaction that is open."""

    def name_of(account_id: str) -> str:
        query = sa.select(users.c.display_name).where(users.c.account_id == account_id)
        return connection.scalar(query) or account_id

    return name_of
