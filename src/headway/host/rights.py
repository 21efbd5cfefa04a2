"""Who may do what: the permissions of a user, an app's user, or nobody.

What an app may do is its scope *and* these (Connect: "Security"); the scope is
looked at by the API's table of endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from headway.host.world import Project, World

if TYPE_CHECKING:
    from headway.host.gate import Actor

__all__ = ["GRANTED", "Rights", "Role"]


class Role(StrEnum):
    """What somebody is to a project."""

    NOBODY = "nobody"
    USER = "user"
    ADMIN = "admin"


_WORK = frozenset(
    {
        "BROWSE_PROJECTS",
        "CREATE_ISSUES",
        "EDIT_ISSUES",
        "TRANSITION_ISSUES",
        "ADD_COMMENTS",
        "CREATE_ATTACHMENTS",
        "WORK_ON_ISSUES",
    }
)
GRANTED: Mapping[Role, frozenset[str]] = {
    Role.NOBODY: frozenset(),
    Role.USER: _WORK,
    Role.ADMIN: _WORK | {"ADMINISTER", "ADMINISTER_PROJECTS", "DELETE_ISSUES"},
}
"""The permissions, by the host's own keys, that each role has in a project."""

PUBLIC = frozenset({"BROWSE_PROJECTS"})
"""What everybody has in a public project."""


class Rights:
    """Answers from the site's content.

    >>> from headway.host.database import open_database
    >>> from headway.host.gate import Actor
    >>> with open_database(None) as database:
    ...     world = World(database)
    ...     project = world.tracker.add_project("PUB", "Public", public=True)
    ...     sorted(Rights(world).in_project(Actor(kind="anonymous"), project))
    ['BROWSE_PROJECTS']
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def role(self, actor: Actor) -> Role:
        """What *actor* is to every project; an app's user is an ordinary one."""
        if actor.account_id is None:
            return Role.NOBODY
        user = self._world.people.user(actor.account_id)
        return Role.ADMIN if user is not None and user.admin else Role.USER

    def in_project(self, actor: Actor, project: Project) -> frozenset[str]:
        """The permissions of *actor* in *project*."""
        return GRANTED[self.role(actor)] | (PUBLIC if project.public else frozenset())

    def may(self, actor: Actor, permission: str, project: Project) -> bool:
        """Whether *actor* has *permission*, such as ``EDIT_ISSUES``, in *project*."""
        return permission in self.in_project(actor, project)
