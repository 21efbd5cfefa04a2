"""Who may do what: the permissions of a user, an app's user, or nobody.

What an app may do is its scope *and* these (Connect: "Security"); the scope is
looked at by the API's table of endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from headway.host.world import Content, Issue, Project, Space, World
from headway.host.world.marks import GROUP
from headway.host.world.roles import ADDONS, ADMINISTRATORS, ROLES, USERS
from headway.host.world.wiki import contents

if TYPE_CHECKING:
    from headway.host.gate import Actor

__all__ = ["GLOBAL", "GRANTED", "PERMISSIONS", "PUBLIC", "Rights", "Role", "View"]


class Role(StrEnum):
    """What somebody is, to the site or to a project."""

    NOBODY = "nobody"
    USER = "user"
    APP = "app"
    APP_ADMIN = "app with the scope ADMIN"
    PROJECT_ADMIN = "project administrator"
    ADMIN = "administrator"


# ---- the tables -----------------------------------------------------------------------------

_PROJECT = {
    "ADMINISTER_PROJECTS": "Administer Projects",
    "BROWSE_PROJECTS": "Browse Projects",
    "VIEW_DEV_TOOLS": "View Development Tools",
    "VIEW_READONLY_WORKFLOW": "View Read-Only Workflow",
    "ASSIGNABLE_USER": "Assignable User",
    "ASSIGN_ISSUES": "Assign Issues",
    "CLOSE_ISSUES": "Close Issues",
    "CREATE_ISSUES": "Create Issues",
    "DELETE_ISSUES": "Delete Issues",
    "EDIT_ISSUES": "Edit Issues",
    "LINK_ISSUES": "Link Issues",
    "MODIFY_REPORTER": "Modify Reporter",
    "MOVE_ISSUES": "Move Issues",
    "RESOLVE_ISSUES": "Resolve Issues",
    "SCHEDULE_ISSUES": "Schedule Issues",
    "SET_ISSUE_SECURITY": "Set Issue Security",
    "TRANSITION_ISSUES": "Transition Issues",
    "MANAGE_WATCHERS": "Manage Watchers",
    "VIEW_VOTERS_AND_WATCHERS": "View Voters and Watchers",
    "ADD_COMMENTS": "Add Comments",
    "DELETE_ALL_COMMENTS": "Delete All Comments",
    "DELETE_OWN_COMMENTS": "Delete Own Comments",
    "EDIT_ALL_COMMENTS": "Edit All Comments",
    "EDIT_OWN_COMMENTS": "Edit Own Comments",
    "CREATE_ATTACHMENTS": "Create Attachments",
    "DELETE_ALL_ATTACHMENTS": "Delete All Attachments",
    "DELETE_OWN_ATTACHMENTS": "Delete Own Attachments",
    "DELETE_ALL_WORKLOGS": "Delete All Worklogs",
    "DELETE_OWN_WORKLOGS": "Delete Own Worklogs",
    "EDIT_ALL_WORKLOGS": "Edit All Worklogs",
    "EDIT_OWN_WORKLOGS": "Edit Own Worklogs",
    "WORK_ON_ISSUES": "Work On Issues",
}
_SITE = {
    "ADMINISTER": "Administer Jira",
    "SYSTEM_ADMIN": "Jira System Administrators",
    "CREATE_PROJECT": "Create projects",
    "USER_PICKER": "Browse users and groups",
    "CREATE_SHARED_OBJECTS": "Share dashboards and filters",
    "MANAGE_GROUP_FILTER_SUBSCRIPTIONS": "Manage group filter subscriptions",
    "BULK_CHANGE": "Make bulk changes",
}
PERMISSIONS: Mapping[str, tuple[str, str]] = {
    **{key: ("GLOBAL", name) for key, name in _SITE.items()},
    **{key: ("PROJECT", name) for key, name in _PROJECT.items()},
}
"""Kind and name of each permission, by the host's own key."""

_ALL_OF_PROJECT = frozenset(_PROJECT)
_WORK = _ALL_OF_PROJECT - {
    "ADMINISTER_PROJECTS",
    "DELETE_ISSUES",
    "SET_ISSUE_SECURITY",
    "MODIFY_REPORTER",
    "MANAGE_WATCHERS",
    "DELETE_ALL_COMMENTS",
    "EDIT_ALL_COMMENTS",
    "DELETE_ALL_ATTACHMENTS",
    "DELETE_ALL_WORKLOGS",
    "EDIT_ALL_WORKLOGS",
}
_SHARING = frozenset({"USER_PICKER", "CREATE_SHARED_OBJECTS", "BULK_CHANGE"})

GLOBAL: Mapping[Role, frozenset[str]] = {
    Role.NOBODY: frozenset(),
    Role.USER: _SHARING,
    Role.APP: _SHARING,
    Role.APP_ADMIN: frozenset(_SITE) - {"SYSTEM_ADMIN"},
    Role.ADMIN: frozenset(_SITE),
}
"""The global permissions of each."""

GRANTED: Mapping[Role, frozenset[str]] = {
    Role.NOBODY: frozenset(),
    Role.USER: _WORK,
    Role.APP: _ALL_OF_PROJECT,
    Role.APP_ADMIN: _ALL_OF_PROJECT,
    Role.PROJECT_ADMIN: _ALL_OF_PROJECT,
    Role.ADMIN: _ALL_OF_PROJECT,
}
"""The permissions of each in a project, from which its scheme could only take away."""

PUBLIC = frozenset({"BROWSE_PROJECTS"})
"""What everybody has in a public project."""

_WRITING = frozenset({"read", "create", "update", "delete"})
IN_SPACE: Mapping[Role, frozenset[str]] = {
    Role.NOBODY: frozenset(),
    Role.USER: _WRITING,
    Role.APP: _WRITING | {"administer"},
    Role.APP_ADMIN: _WRITING | {"administer"},
    Role.ADMIN: _WRITING | {"administer"},
}
"""What each may do in a space and with what is in it, by Confluence's own words."""


# ---- the engine -----------------------------------------------------------------------------


class Rights:
    """Answers from the site's content.

    *app_scopes* tells the scopes of the app whose own user an account is, or
    None where it is no app's.  An app's user has every permission in every
    project: what restricts it is its scopes.

    >>> from headway.host.database import open_database
    >>> from headway.host.gate import Actor
    >>> with open_database(None) as database:
    ...     world = World(database)
    ...     project = world.tracker.add_project("PUB", "Public", public=True)
    ...     sorted(Rights(world).in_project(Actor(kind="anonymous"), project))
    ['BROWSE_PROJECTS']
    """

    def __init__(
        self,
        world: World,
        app_scopes: Callable[[str], frozenset[str] | None] = lambda _: None,
    ) -> None:
        self._world = world
        self._app_scopes = app_scopes

    def role(self, account_id: str | None) -> Role:
        """What an account is to the site; whoever is not known or not active is nobody."""
        if account_id is None:
            return Role.NOBODY
        user = self._world.people.user(account_id)
        if user is not None:
            user_role = Role.ADMIN if user.admin else Role.USER
            return user_role if user.active else Role.NOBODY
        scopes = self._app_scopes(account_id)
        if scopes is None:
            return Role.NOBODY
        return Role.APP_ADMIN if "ADMIN" in scopes else Role.APP

    def globally(self, actor: Actor) -> frozenset[str]:
        """The global permissions of *actor*, such as ``ADMINISTER``."""
        return GLOBAL[self.role(actor.account_id)]

    def in_project(self, actor: Actor, project: Project) -> frozenset[str]:
        """The permissions of *actor* in *project*."""
        return self.of_account(actor.account_id, project)

    def of_account(self, account_id: str | None, project: Project) -> frozenset[str]:
        """The permissions of an account in *project*; None is nobody's."""
        role = self.role(account_id)
        if role is Role.USER:
            role = self._role_in(account_id or "", project)
        return GRANTED[role] | (PUBLIC if project.public else frozenset())

    def _role_in(self, account_id: str, project: Project) -> Role:
        theirs = self._world.roles.of(account_id, project.id)
        if ADMINISTRATORS in theirs:
            return Role.PROJECT_ADMIN
        return Role.USER if USERS in theirs else Role.NOBODY

    def may(self, actor: Actor, permission: str, project: Project | None = None) -> bool:
        """Whether *actor* has *permission*: in *project*, as ``EDIT_ISSUES``, or globally."""
        theirs = self.globally(actor) if project is None else self.in_project(actor, project)
        return permission in theirs

    def view(self, actor: Actor) -> View:
        """What *actor* sees of issues and of what is said about them."""
        return View(self, self._world, actor)

    def visible(self, actor: Actor) -> list[Project]:
        """The projects that *actor* may see, by key."""
        return [
            project
            for project in self._world.tracker.projects()
            if self.may(actor, "BROWSE_PROJECTS", project)
        ]

    def hears(
        self, account_id: str | None, project: Project | None, visibility: Mapping[str, str] | None
    ) -> bool:
        """Whether an account sees what is said in *project* to all, a role or a group."""
        if not visibility:
            return True
        role = self.role(account_id)
        if account_id is None or role is Role.NOBODY:
            return False
        wanted = visibility.get("value", "")
        if visibility.get("type") == "group":
            return wanted in self._world.people.groups_of(account_id)
        theirs = self._world.roles.of(account_id, project.id) if project else frozenset()
        names = {ROLES[role][0] for role in theirs}
        if role in (Role.APP, Role.APP_ADMIN):
            names.add(ROLES[ADDONS][0])
        return wanted in names

    def hidden_comments(self, account_id: str | None) -> list[int]:
        """The comments that are for some only, and not for this account, by their ids."""
        tracker = self._world.tracker
        return [
            number
            for number, project_key, visibility in tracker.restricted_comments()
            if not self.hears(account_id, tracker.project(project_key), visibility)
        ]

    # ---- the wiki ---------------------------------------------------------------------------

    def in_space(self, actor: Actor, space: Space) -> frozenset[str]:
        """What *actor* may do in *space*, such as ``administer``."""
        return self.of_account_in(space, actor.account_id)

    def of_account_in(self, space: Space, account_id: str | None) -> frozenset[str]:
        """What an account may do in *space*, whose administrators are as good as the site's."""
        role = self.role(account_id)
        if role is Role.USER and account_id in self._world.spaces.administrators(space.id):
            role = Role.ADMIN
        return IN_SPACE[role] | (frozenset({"read"}) if space.public else frozenset())

    def spaces(self, actor: Actor) -> list[Space]:
        """The spaces that *actor* may read, by key."""
        return [s for s in self._world.spaces.spaces() if "read" in self.in_space(actor, s)]

    def on_content(self, account_id: str | None, content: Content) -> frozenset[str]:
        """What an account may do with *content*; a restriction binds administrators too."""
        world = self._world
        space = world.spaces.space_by_id(content.space_id)
        visible = world.marks.visible([content.space_id], account_id)
        if space is None or not world.wiki.count(sa.and_(visible, contents.c.id == content.id)):
            return frozenset()
        may = self.of_account_in(space, account_id)
        editors = world.marks.restricted_to(content.container_id or content.id, "update")
        theirs = {f"{GROUP}{name}" for name in world.people.groups_of(account_id or "")}
        if editors and not editors & {account_id, *theirs}:
            may -= {"update", "delete"}
        return may if "read" in may else frozenset()


class View:
    """What one caller may see; each project is asked about once."""

    def __init__(self, rights: Rights, world: World, actor: Actor) -> None:
        self._rights = rights
        self._world = world
        self._actor = actor
        self._projects: dict[str, bool] = {}

    def issue(self, issue: Issue) -> bool:
        """Whether they see an issue."""
        key = issue.project_key
        if key not in self._projects:
            project = self._world.tracker.project(key)
            self._projects[key] = project is not None and self._rights.may(
                self._actor, "BROWSE_PROJECTS", project
            )
        return self._projects[key]

    def remark(self, issue: Issue, visibility: Mapping[str, str] | None) -> bool:
        """Whether they see a comment or work that is for a role or a group only, or for all."""
        project = self._world.tracker.project(issue.project_key)
        return self._rights.hears(self._actor.account_id, project, visibility)
