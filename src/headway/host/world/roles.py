"""Project roles: which users and groups are what in a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.people import EVERYBODY, group_members
from headway.host.world.rows import Rows

__all__ = [
    "ADDONS",
    "ADMINISTRATORS",
    "ROLES",
    "USERS",
    "RoleActor",
    "Roles",
    "first_actors",
    "role_actors",
]

USERS, ADMINISTRATORS, ADDONS = 10000, 10002, 10003

ROLES: Mapping[int, tuple[str, str]] = {
    USERS: ("Users", "Who works in the project."),
    ADMINISTRATORS: ("Administrators", "Who administers the project."),
    ADDONS: ("atlassian-addons-project-access", "The users of installed apps, each by itself."),
}
"""Name and description of each role, by id.  Nobody can be put into the last one."""

role_actors = sa.Table(
    "role_actors",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.Integer, references("projects.id"), nullable=False),
    sa.Column("role", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # user or group
    sa.Column("holder", sa.Text, nullable=False),  # an account id, or a group's name
    sa.UniqueConstraint("project_id", "role", "kind", "holder"),
)


class RoleActor(msgspec.Struct, frozen=True, kw_only=True):
    """A user (by account id) or a group (by name) with a role in a project."""

    id: int
    project_id: int
    role: int
    kind: Literal["user", "group"]
    holder: str


class Roles:
    """Who is what in which project.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     Roles(database).of("somebody", 1)
    frozenset()
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = Rows(database)
        self._of = database.cached(self._ask_of, role_actors, group_members)

    def of(self, account_id: str, project_id: int) -> frozenset[int]:
        """The roles of a user in a project, their own and their groups'."""
        return self._of((account_id, project_id))

    def _ask_of(self, asked: tuple[str, int]) -> frozenset[int]:
        account_id, project_id = asked
        columns = role_actors.c
        theirs = sa.select(group_members.c.group_name).where(
            group_members.c.account_id == account_id
        )
        query = sa.select(columns.role).where(
            columns.project_id == project_id,
            sa.or_(
                sa.and_(columns.kind == "user", columns.holder == account_id),
                sa.and_(columns.kind == "group", columns.holder.in_(theirs)),
            ),
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query))

    def actors(self, project_id: int, role: int) -> list[RoleActor]:
        """Who has a role in a project, the oldest first."""
        columns = role_actors.c
        here = sa.and_(columns.project_id == project_id, columns.role == role)
        return self._rows.all(RoleActor, role_actors, here, columns.id)

    def set(
        self,
        project_id: int,
        role: int,
        kind: Literal["user", "group"],
        holder: str,
        *,
        given: bool = True,
    ) -> bool:
        """Give somebody a role, or take it; whether that changed anything."""
        row = {"project_id": project_id, "role": role, "kind": kind, "holder": holder}
        is_it = sa.and_(*(role_actors.c[name] == value for name, value in row.items()))
        with self._database.writing() as connection:
            had = connection.execute(role_actors.delete().where(is_it)).rowcount > 0
            if given:
                connection.execute(role_actors.insert().values(row))
        return had is not given


def first_actors(project_id: int, lead: str | None) -> list[dict[str, object]]:
    """The rows of a new project: everybody works in it, its lead administers it."""
    rows: list[dict[str, object]] = [
        {"project_id": project_id, "role": USERS, "kind": "group", "holder": EVERYBODY[0]}
    ]
    if lead:
        rows.append(
            {"project_id": project_id, "role": ADMINISTRATORS, "kind": "user", "holder": lead}
        )
    return rows
