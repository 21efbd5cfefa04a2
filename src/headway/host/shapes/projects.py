"""Projects, and what they are divided into, in JSON."""

from __future__ import annotations

from collections.abc import Container

from headway.host.shapes.catalog import CatalogShapes
from headway.host.shapes.text import Json
from headway.host.world import Component, Project, Version
from headway.host.world.catalog import ISSUE_TYPES
from headway.host.world.roles import ROLES

__all__ = ["ProjectShapes"]


class ProjectShapes(CatalogShapes):
    """Writes projects."""

    def project(self, project: Project, expand: Container[str] = ()) -> Json:
        """A project as lists have it; *expand* adds ``description``, ``lead``, ..."""
        shape: Json = {
            "expand": "description,lead,issueTypes,url,projectKeys",
            "self": self.link(f"project/{project.id}"),
            "id": str(project.id),
            "key": project.key,
            "name": project.name,
            "avatarUrls": self.avatars("avatar-project"),
            "projectTypeKey": "software",
            "simplified": False,
            "style": "classic",
            "isPrivate": not project.public,
        }
        if "description" in expand:
            shape["description"] = project.description
        if "lead" in expand and project.lead:
            shape["lead"] = self.person(project.lead)
        if "issueTypes" in expand:
            shape["issueTypes"] = [self.issue_type(row) for row in ISSUE_TYPES]
        if "url" in expand and project.url:
            shape["url"] = project.url
        return shape

    def whole_project(self, project: Project) -> Json:
        """A project by itself, with all that is in it but its issues."""
        parts = self._world.components
        here = f"project/{project.id}/role"
        roles = {name: self.link(f"{here}/{role}") for role, (name, _) in ROLES.items()}
        return {
            **self.project(project, ("description", "lead", "issueTypes", "url")),
            "components": [self.component(one, project) for one in parts.components(project.id)],
            "versions": [self.version(one) for one in parts.versions(project.id)],
            "assigneeType": project.assignee_type,
            "roles": roles,
            "properties": {},
        }

    def component(self, component: Component, project: Project) -> Json:
        """A component."""
        shape: Json = {
            "self": self.link(f"component/{component.id}"),
            "id": str(component.id),
            "name": component.name,
            "description": component.description,
            "assigneeType": "PROJECT_DEFAULT",
            "realAssigneeType": "PROJECT_DEFAULT",
            "isAssigneeTypeValid": True,
            "project": project.key,
            "projectId": project.id,
        }
        return {**shape, "lead": self.person(component.lead)} if component.lead else shape

    def version(self, version: Version) -> Json:
        """A version."""
        dates = {"startDate": version.start_date, "releaseDate": version.release_date}
        return {
            "self": self.link(f"version/{version.id}"),
            "id": str(version.id),
            "description": version.description,
            "name": version.name,
            "archived": version.archived,
            "released": version.released,
            "projectId": version.project_id,
            **{name: date for name, date in dates.items() if date},
        }

    def role(self, role: int, project: Project) -> Json:
        """A role in a project, with whoever has it."""
        name, description = ROLES[role]
        return {
            "self": self.link(f"project/{project.id}/role/{role}"),
            "name": name,
            "id": role,
            "description": description,
            "actors": [
                self._actor(actor.id, actor.kind, actor.holder)
                for actor in self._world.roles.actors(project.id, role)
            ],
        }

    def _actor(self, actor_id: int, kind: str, holder: str) -> Json:
        if kind == "group":
            found = {"name": holder, "displayName": holder}
            shown: Json = {"displayName": holder, "name": holder, "actorGroup": found}
        else:
            shown = {
                "displayName": self.person(holder)["displayName"],
                "actorUser": {"accountId": holder},
            }
        return {"id": actor_id, "type": f"atlassian-{kind}-role-actor", **shown}
