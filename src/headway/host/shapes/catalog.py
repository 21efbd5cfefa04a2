"""Types, statuses, priorities, fields in JSON: what a site has from the start."""

from __future__ import annotations

from collections.abc import Iterable

from headway.host.shapes.people import PeopleShapes
from headway.host.shapes.text import Json
from headway.host.world import Component, CustomField, Project, Version
from headway.host.world.catalog import (
    CATEGORIES,
    ISSUE_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    STATUSES,
    Category,
    IssueType,
    LinkType,
    Priority,
    Resolution,
    Status,
    SystemField,
    Transition,
    named,
)

__all__ = ["CatalogShapes"]


class CatalogShapes(PeopleShapes):
    """Writes the rows of the catalog, and the fields that issues have."""

    # ---- rows -------------------------------------------------------------------------------

    def issue_type(self, row: IssueType) -> Json:
        """A type of issues."""
        return {
            "self": self.link(f"issuetype/{row.id}"),
            "id": str(row.id),
            "description": row.description,
            "iconUrl": self.picture("issue-type"),
            "name": row.name,
            "subtask": row.subtask,
            "hierarchyLevel": row.level,
        }

    def category(self, row: Category) -> Json:
        """A kind of status."""
        return {
            "self": self.link(f"statuscategory/{row.id}"),
            "id": row.id,
            "key": row.key,
            "colorName": row.color,
            "name": row.name,
        }

    def status(self, row: Status) -> Json:
        """A status, with its kind."""
        category = next(found for found in CATEGORIES if found.key == row.category)
        return {
            "self": self.link(f"status/{row.id}"),
            "description": "",
            "iconUrl": self.picture("status"),
            "name": row.name,
            "id": str(row.id),
            "statusCategory": self.category(category),
        }

    def priority(self, row: Priority) -> Json:
        """A priority."""
        return {
            "self": self.link(f"priority/{row.id}"),
            "statusColor": row.color,
            "description": "",
            "iconUrl": self.picture("priority"),
            "name": row.name,
            "id": str(row.id),
        }

    def resolution(self, row: Resolution) -> Json:
        """A resolution."""
        return {
            "self": self.link(f"resolution/{row.id}"),
            "id": str(row.id),
            "description": row.description,
            "name": row.name,
        }

    def link_type(self, row: LinkType) -> Json:
        """A way in which issues are linked."""
        return {
            "id": str(row.id),
            "name": row.name,
            "inward": row.inward,
            "outward": row.outward,
            "self": self.link(f"issueLinkType/{row.id}"),
        }

    def transition(self, row: Transition) -> Json:
        """A step of the workflow."""
        target = named(STATUSES, {"name": row.target})
        return {
            "id": str(row.id),
            "name": row.name,
            "to": self.status(target) if target else {},
            "hasScreen": False,
            "isGlobal": False,
            "isInitial": False,
            "isConditional": False,
        }

    # ---- fields -----------------------------------------------------------------------------

    def field(self, field: SystemField | CustomField) -> Json:
        """What there is to know about a field."""
        if isinstance(field, CustomField):
            clauses = [f"cf[{field.key.partition('_')[2]}]", field.name]
            shown, searched, navigable = field.key, clauses, True
        else:
            shown, navigable = field.id, field.navigable
            searched = [field.clause] if field.clause else []
        return {
            "id": shown,
            "key": shown,
            "name": field.name,
            "custom": isinstance(field, CustomField),
            "orderable": isinstance(field, CustomField) or bool(field.verbs),
            "navigable": navigable,
            "searchable": bool(searched),
            "clauseNames": searched,
            "schema": self.schema(field),
        }

    def schema(self, field: SystemField | CustomField) -> Json:
        """The type of a field's values."""
        if isinstance(field, CustomField):
            kind = field.kind
            items = {"items": kind.items} if kind.items else {}
            number = int(field.key.partition("_")[2])
            return {"type": kind.schema, **items, "custom": field.type, "customId": number}
        items = {"items": field.items} if field.items else {}
        return {"type": field.kind, **items, "system": field.id}

    def field_meta(
        self, field: SystemField | CustomField, project: Project, required: Iterable[str] = ()
    ) -> Json:
        """What a field takes where an issue is made or edited."""
        custom = isinstance(field, CustomField)
        shown = field.key if isinstance(field, CustomField) else field.id
        shape: Json = {
            "required": shown in required,
            "schema": self.schema(field),
            "name": field.name,
            "key": shown,
            "hasDefaultValue": shown == "priority",
            "operations": ["set"] if isinstance(field, CustomField) else list(field.verbs),
        }
        allowed = None if custom else self._allowed(shown, project)
        return shape if allowed is None else {**shape, "allowedValues": allowed}

    def _allowed(self, field_id: str, project: Project) -> list[Json] | None:
        parts = self._world.components
        found: Iterable[Component | Version]
        match field_id:
            case "issuetype":
                return [self.issue_type(row) for row in ISSUE_TYPES]
            case "priority":
                return [self.priority(row) for row in PRIORITIES]
            case "resolution":
                return [self.resolution(row) for row in RESOLUTIONS]
            case "components":
                found = parts.components(project.id)
            case "fixVersions" | "versions":
                found = parts.versions(project.id)
            case _:
                return None
        return [{"id": str(one.id), "name": one.name} for one in found]
