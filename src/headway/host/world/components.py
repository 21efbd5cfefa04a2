"""How a project's issues are sorted: its components and its versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.rows import Rows, bounded, number, read

__all__ = ["Component", "Components", "Version", "components", "versions"]

NAME_MAX = 255  # characters

components = sa.Table(
    "components",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.Integer, references("projects.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("lead", sa.Text),
    sqlite_autoincrement=True,
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.Integer, references("projects.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("start_date", sa.Text),  # 2022-02-01
    sa.Column("release_date", sa.Text),
    sqlite_autoincrement=True,
)


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a project; its lead is an account id."""

    id: int
    project_id: int
    name: str
    description: str
    lead: str | None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A release of a project; dates are days as text."""

    id: int
    project_id: int
    name: str
    description: str
    released: bool
    archived: bool
    start_date: str | None
    release_date: str | None


_NEW_VERSION: dict[str, Any] = {
    "description": "",
    "released": False,
    "archived": False,
    "start_date": None,
    "release_date": None,
}


class Components:
    """Components and versions; *tell* hears of versions, by the names of their webhooks.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     Components(database, print).components(1)
    []
    """

    def __init__(self, database: Database, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._tell = tell
        self._component = database.cached(self._ask_component, components)
        self._version = database.cached(self._ask_version, versions)

    # ---- components -------------------------------------------------------------------------

    def components(self, project_id: int) -> list[Component]:
        """A project's components, by name."""
        of = components.c.project_id == project_id
        return self._rows.all(Component, components, of, components.c.name)

    def component(self, component_id: int | str) -> Component | None:
        """The component with this id."""
        return self._component(number(component_id))

    def _ask_component(self, component_id: int | None) -> Component | None:
        return self._rows.one(Component, components, components.c.id == component_id)

    def add_component(
        self, project_id: int, name: str, description: str = "", lead: str | None = None
    ) -> Component:
        """A new component; raises ValueError where the project has one of that name."""
        bounded("component name", name, NAME_MAX, least=1)
        if any(name == known.name for known in self.components(project_id)):
            raise ValueError(f"A component with the name {name} already exists in this project.")
        return self._rows.add(
            Component,
            components,
            project_id=project_id,
            name=name,
            description=description,
            lead=lead,
        )

    def edit_component(self, component_id: int, **changes: Any) -> Component:
        """Change ``name``, ``description`` or ``lead``; raises ValueError or LookupError."""
        if "name" in changes:
            bounded("component name", changes["name"], NAME_MAX, least=1)
        is_it = components.c.id == component_id
        with self._database.writing() as connection:
            if changes:
                connection.execute(components.update().where(is_it).values(changes))
            after = read(connection, Component, components, is_it)
        if not after:
            raise LookupError(f"there is no component {component_id}")
        return after[0]

    def delete_component(self, component_id: int) -> None:
        """Forget a component; issues that name it keep a number that says nothing."""
        with self._database.writing() as connection:
            connection.execute(components.delete().where(components.c.id == component_id))

    # ---- versions ---------------------------------------------------------------------------

    def versions(self, project_id: int) -> list[Version]:
        """A project's versions, the oldest first."""
        return self._rows.all(Version, versions, versions.c.project_id == project_id, versions.c.id)

    def version(self, version_id: int | str) -> Version | None:
        """The version with this id."""
        return self._version(number(version_id))

    def _ask_version(self, version_id: int | None) -> Version | None:
        return self._rows.one(Version, versions, versions.c.id == version_id)

    def add_version(
        self, project_id: int, name: str, *, author: str | None = None, **values: Any
    ) -> Version:
        """A new version; raises ValueError where the project has one of that name."""
        bounded("version name", name, NAME_MAX, least=1)
        if any(name == known.name for known in self.versions(project_id)):
            raise ValueError("A version with this name already exists in this project.")
        row = {**_NEW_VERSION, **values}
        made = self._rows.add(Version, versions, project_id=project_id, name=name, **row)
        self._tell(Change(event="jira:version_created", author=author, after=made))
        return made

    def edit_version(
        self, version_id: int, *, author: str | None = None, **changes: Any
    ) -> Version:
        """Change a version's fields; raises ValueError or LookupError."""
        if "name" in changes:
            bounded("version name", changes["name"], NAME_MAX, least=1)
        is_it = versions.c.id == version_id
        with self._database.writing() as connection:
            before = read(connection, Version, versions, is_it)
            if before and changes:
                connection.execute(versions.update().where(is_it).values(changes))
            after = read(connection, Version, versions, is_it)
        if not before:
            raise LookupError(f"there is no version {version_id}")
        events = ["jira:version_updated"]
        if before[0].released is not after[0].released:
            events.append(f"jira:version_{'' if after[0].released else 'un'}released")
        for event in events:
            self._tell(Change(event=event, author=author, before=before[0], after=after[0]))
        return after[0]

    def delete_version(self, version_id: int, author: str | None = None) -> None:
        """Forget a version; raises LookupError where there is none."""
        before = self.version(version_id)
        if before is None:
            raise LookupError(f"there is no version {version_id}")
        with self._database.writing() as connection:
            connection.execute(versions.delete().where(versions.c.id == version_id))
        self._tell(Change(event="jira:version_deleted", author=author, before=before))
