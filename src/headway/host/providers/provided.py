"""What apps have submitted: each thing by its app, kind and key, with the issues it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references

__all__ = ["PER_APP", "Entity", "Provided"]

PER_APP = 20_000
"""How many things one app may have here."""

entities = sa.Table(
    "provided",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("app_key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),  # JSON list
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.UniqueConstraint("app_key", "kind", "key"),
)

about = sa.Table(
    "provided_issues",
    metadata,
    sa.Column("entity_id", sa.Integer, references("provided.id"), primary_key=True),
    sa.Column("issue_id", sa.Integer, references("issues.id"), primary_key=True, index=True),
)


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of one app; ``data`` is as the app sent it."""

    app_key: str
    kind: str
    key: list[str | int]
    sequence: int
    data: dict[str, Any]
    properties: dict[str, str]


class Provided:
    """The submitted things.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     Provided(database).get("my-app", "builds", ["pipeline", 1])
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, entity: Entity, issues: Iterable[int], gone: Iterable[int] | None = None) -> bool:
        """Keep *entity*, unless a later one is there; False where the app has too many.

        It is about *issues* from now on; where *gone* is given, also about what
        it was about before, but for these.
        """
        with self._database.writing() as connection:
            known = connection.execute(
                sa.select(entities.c.id, entities.c.sequence).where(_is(entity))
            ).one_or_none()
            if known is not None and known.sequence >= entity.sequence:
                return True
            kept = _about(connection, known.id) - set(gone) if known and gone is not None else ()
            if known is None and self._count(connection, entity.app_key) >= PER_APP:
                return False
            connection.execute(entities.delete().where(_is(entity)))
            row = {**msgspec.structs.asdict(entity), "key": json.dumps(entity.key)}
            made = connection.scalar(entities.insert().values(row).returning(entities.c.id))
            for issue_id in {*issues, *kept}:
                connection.execute(about.insert().values(entity_id=made, issue_id=issue_id))
        return True

    def _count(self, connection: sa.Connection, app_key: str) -> int:
        mine = sa.select(sa.func.count()).select_from(entities).where(entities.c.app_key == app_key)
        return connection.scalar(mine) or 0

    def get(self, app_key: str, kind: str, key: list[str | int]) -> Entity | None:
        """One thing of an app."""
        found = self._find(_names(app_key, kind, key))
        return found[0] if found else None

    def of(self, app_key: str, kind: str) -> list[Entity]:
        """All things of one kind that an app has, the oldest first."""
        return self._find(sa.and_(entities.c.app_key == app_key, entities.c.kind == kind))

    def of_issue(self, issue_id: int) -> list[Entity]:
        """All that is about an issue, of whatever app."""
        here = sa.select(about.c.entity_id).where(about.c.issue_id == issue_id)
        return self._find(entities.c.id.in_(here))

    def issues_of(self, app_key: str, kind: str, key: list[str | int]) -> list[int]:
        """The ids of the issues that a thing is about."""
        query = sa.select(about.c.issue_id).join(entities).where(_names(app_key, kind, key))
        with self._database.reading() as connection:
            return list(connection.scalars(query.order_by(about.c.issue_id)))

    def link(self, entity: Entity, issue_id: int, *, on: bool) -> None:
        """Say that a thing is about an issue, or no longer."""
        with self._database.writing() as connection:
            found = connection.scalar(sa.select(entities.c.id).where(_is(entity)))
            here = sa.and_(about.c.entity_id == found, about.c.issue_id == issue_id)
            connection.execute(about.delete().where(here))
            if on and found is not None:
                connection.execute(about.insert().values(entity_id=found, issue_id=issue_id))

    def remove(self, app_key: str, kind: str, key: list[str | int], up_to: int | None) -> None:
        """Forget a thing, unless it is later than *up_to*."""
        self._delete(_names(app_key, kind, key), up_to)

    def having(self, app_key: str, kinds: Iterable[str], wanted: Mapping[str, str]) -> list[Entity]:
        """The things of an app whose properties have all that is wanted."""
        mine = sa.and_(entities.c.app_key == app_key, entities.c.kind.in_(list(kinds)))
        return [each for each in self._find(mine) if wanted.items() <= each.properties.items()]

    def forget(self, app_key: str) -> None:
        """Forget all that an app has submitted, as when it is uninstalled."""
        self._delete(entities.c.app_key == app_key, None)

    def _find(self, where: sa.ColumnElement[bool]) -> list[Entity]:
        names = Entity.__struct_fields__
        query = sa.select(*(entities.c[name] for name in names)).where(where)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(entities.c.id)).mappings().all()
        return [Entity(**{**row, "key": json.loads(row["key"])}) for row in rows]

    def _delete(self, where: sa.ColumnElement[bool], up_to: int | None) -> None:
        old = sa.true() if up_to is None else entities.c.sequence <= up_to
        with self._database.writing() as connection:
            connection.execute(entities.delete().where(where, old))


def _about(connection: sa.Connection, entity_id: int) -> set[int]:
    query = sa.select(about.c.issue_id).where(about.c.entity_id == entity_id)
    return set(connection.scalars(query))


def _names(app_key: str, kind: str, key: list[str | int]) -> sa.ColumnElement[bool]:
    columns = entities.c
    return sa.and_(columns.app_key == app_key, columns.kind == kind, columns.key == json.dumps(key))


def _is(entity: Entity) -> sa.ColumnElement[bool]:
    return _names(entity.app_key, entity.kind, entity.key)
