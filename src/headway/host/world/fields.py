"""Custom fields of issues: which there are, and what a value of each may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata
from headway.host.world.rows import Rows, bounded, number

__all__ = ["KINDS", "CustomField", "Fields", "custom_fields"]

NAME_MAX = 255  # characters
TEXT_MAX, AREA_MAX = 255, 32_767
FIRST_ID = 10_000
_PREFIX = "com.atlassian.jira.plugin.system.customfieldtypes:"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{5,15}(Z|[+-]\d\d:?\d\d)", re.ASCII)
_LABEL = re.compile(r"\S{1,255}")

custom_fields = sa.Table(
    "custom_fields",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)


def _text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= most


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _labels(value: Any) -> bool:
    return isinstance(value, list) and all(map(_matching(_LABEL), value))


class Kind(NamedTuple):
    """A type of custom field: what it is in JSON, and whether a value is one."""

    schema: str
    accepts: Callable[[Any], bool]
    searcher: str
    items: str | None = None


KINDS: Mapping[str, Kind] = {
    f"{_PREFIX}textfield": Kind("string", _text(TEXT_MAX), "textsearcher"),
    f"{_PREFIX}textarea": Kind("string", _text(AREA_MAX), "textsearcher"),
    f"{_PREFIX}url": Kind("string", _text(TEXT_MAX), "exacttextsearcher"),
    f"{_PREFIX}float": Kind("number", _number, "exactnumber"),
    f"{_PREFIX}datepicker": Kind("date", _matching(_DAY), "daterange"),
    f"{_PREFIX}datetime": Kind("datetime", _matching(_MOMENT), "datetimerange"),
    f"{_PREFIX}labels": Kind("array", _labels, "labelsearcher", "string"),
}
"""The types of custom fields that this site has, by the host's own keys."""


class CustomField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that issues have besides those of the host; *type* is a key of :data:`KINDS`."""

    id: int
    name: str
    type: str
    description: str

    @property
    def key(self) -> str:
        """What issues and the REST API know it by, such as ``customfield_10001``."""
        return f"customfield_{FIRST_ID + self.id}"

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return KINDS[self.type]


class Fields:
    """The custom fields of the site.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     made = Fields(database).add("Points", f"{_PREFIX}float")
    ...     made.key, made.kind.accepts(3), made.kind.accepts("three")
    ('customfield_10001', True, False)
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = Rows(database)
        self._all = database.cached(self._ask_all, custom_fields)

    def all(self) -> list[CustomField]:
        """Every custom field, the oldest first."""
        return list(self._all(None))

    def _ask_all(self, _: None) -> tuple[CustomField, ...]:
        return tuple(self._rows.all(CustomField, custom_fields, sa.true(), custom_fields.c.id))

    def get(self, key: str) -> CustomField | None:
        """The field with this key, such as ``customfield_10001``."""
        found = number(key.removeprefix("customfield_"))
        if found is None or not key.startswith("customfield_"):
            return None
        return self._rows.one(CustomField, custom_fields, custom_fields.c.id == found - FIRST_ID)

    def add(self, name: str, type_key: str, description: str = "") -> CustomField:
        """A new field; raises ValueError for a bad name or a type that is not here."""
        if type_key not in KINDS:
            raise ValueError(f"this site has no custom fields of the type {type_key[:100]!r}")
        return self._rows.add(
            CustomField,
            custom_fields,
            name=bounded("field name", name, NAME_MAX, least=1),
            type=type_key,
            description=bounded("description", description, AREA_MAX),
        )

    def delete(self, key: str) -> bool:
        """Forget a field; whether there was one.  Values that issues have of it stay unseen."""
        found = self.get(key)
        if found is None:
            return False
        with self._database.writing() as connection:
            connection.execute(custom_fields.delete().where(custom_fields.c.id == found.id))
        return True
