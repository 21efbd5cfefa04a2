"""What a page is about: the issue, project, page or person in it, as the site itself knows them.

A page names what it shows and an app may ask for more; what either says about
it is looked up anew, and only what the visitor may see is told ("Context
parameters").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from headway.host.world import Content, Issue, Project, Space, User
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.gate import Actor
    from headway.host.site import Site

__all__ = ["ASKED", "FREE", "Scene", "Unseen", "scene_of"]

FREE = "ac."
"""What an app adds of its own starts so ("Add-on specific context parameters")."""
PAGES = ("dashboard.", "dashboardItem.", "macro.", "postFunction.")
"""What a page of the site alone knows: which of its items a frame is."""
FREE_MAX = 20
VALUE_MAX = 1000  # characters

ASKED = frozenset(
    {
        *("issue.key", "issue.id", "project.key", "project.id"),
        *("content.id", "page.id", "space.key", "space.id", "profileUser.accountId"),
    }
)
"""What the address of a page may name."""


_NAMES = (".key", ".id", ".accountId", ".type", ".version")


class Unseen(Exception):
    """What is named is not there, or not to be seen; the text is for people."""


class Scene(NamedTuple):
    """What there is to see.  ``values`` are the variables that a module's address may name.

    ``free`` are those that an app or the page added, which the site does not vouch for.
    """

    user: User | None = None
    issue: Issue | None = None
    project: Project | None = None
    content: Content | None = None
    space: Space | None = None
    person: User | None = None
    values: Mapping[str, str] = {}
    free: Mapping[str, str] = {}

    @property
    def variables(self) -> dict[str, str]:
        """Everything that an address may name."""
        return {**self.free, **self.values}

    @property
    def claims(self) -> dict[str, str]:
        """What the site signs: names of things, not what people wrote or an app added."""
        return {
            name: value
            for name, value in self.values.items()
            if name.endswith(_NAMES) and not name.startswith("user.")
        }


def scene_of(
    site: Site, product: Product, asked: Mapping[str, str], actor: Actor, user: User | None
) -> Scene:
    """The scene that *asked* names; raises Unseen.

    >>> from headway.host.gate import Actor
    >>> from headway.host.settings import Settings
    >>> from headway.host.site import Site
    >>> nobody = Actor(kind="anonymous")
    >>> scene_of(Site(Settings()), Product.JIRA, {"issue.key": "PUB-1"}, nobody, None).values
    {'issue.key': 'PUB-1', ..., 'project.key': 'PUB', ...}
    """
    scene = Scene(user=user, free=_free(asked))
    for find in _FIND_JIRA if product is Product.JIRA else _FIND_WIKI:
        scene = find(site, asked, actor, scene)
    return scene._replace(values={**_told(scene), **_of_person("user", user)})


def _free(asked: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in asked.items() if name.startswith((FREE, *PAGES))}
    if len(own) > FREE_MAX or any(len(value) > VALUE_MAX for value in own.values()):
        raise Unseen("these are too many parameters, or too long ones")
    return own


# ---- Jira -----------------------------------------------------------------------------------


def _tracker(site: Site, asked: Mapping[str, str], actor: Actor, scene: Scene) -> Scene:
    """An issue brings its own project, whatever else was named."""
    tracker = site.world.tracker
    issue: Issue | None = None
    wanted = asked.get("project.key") or asked.get("project.id")
    if name := asked.get("issue.key") or asked.get("issue.id"):
        issue = tracker.issue(name)
        wanted = issue.project_key if issue else ""
    elif not wanted:
        return scene
    named = (p for p in tracker.projects() if wanted in (p.key, str(p.id)))
    project = tracker.project(wanted or "") or next(named, None)
    if project is None or not site.rights.may(actor, "BROWSE_PROJECTS", project):
        raise Unseen("there is no such issue or project, or it is not to be seen")
    return scene._replace(issue=issue, project=project)


def _person(site: Site, asked: Mapping[str, str], actor: Actor, scene: Scene) -> Scene:
    wanted = asked.get("profileUser.accountId")
    if not wanted:
        return scene
    person = site.world.people.user(wanted)
    if person is None or scene.user is None:
        raise Unseen("there is nobody of this name")
    return scene._replace(person=person)


# ---- Confluence -----------------------------------------------------------------------------


def _content(site: Site, asked: Mapping[str, str], actor: Actor, scene: Scene) -> Scene:
    """A page brings its own space, whatever else was named."""
    world, rights = site.world, site.rights
    if name := asked.get("content.id") or asked.get("page.id"):
        content = world.wiki.content(name)
        if content is None or "read" not in rights.on_content(actor.account_id, content):
            raise Unseen("there is no such page, or it is not to be seen")
        space = world.spaces.space_by_id(content.space_id)
        return scene._replace(content=content, space=space)
    key, number = asked.get("space.key"), asked.get("space.id")
    if not key and not number:
        return scene
    found = world.spaces.space(key) if key else world.spaces.space_by_id(number or "")
    if found is None or "read" not in rights.in_space(actor, found):
        raise Unseen("there is no such space, or it is not to be seen")
    return scene._replace(space=found)


_Find = Callable[["Site", Mapping[str, str], "Actor", Scene], Scene]
_FIND_JIRA: tuple[_Find, ...] = (_tracker, _person)
_FIND_WIKI: tuple[_Find, ...] = (_content, _person)


# ---- variables ------------------------------------------------------------------------------


def _told(scene: Scene) -> dict[str, str]:
    values: dict[str, str] = {}
    if issue := scene.issue:
        values |= {"issue.key": issue.key, "issue.id": str(issue.id)}
        values["issue.summary"] = issue.summary
    if project := scene.project:
        values |= {"project.key": project.key, "project.id": str(project.id)}
    if content := scene.content:
        kind, number, version = str(content.kind), str(content.id), str(content.version)
        for name in ("content", "page"):
            values |= {f"{name}.id": number, f"{name}.type": kind, f"{name}.version": version}
        values["page.title"] = content.title
    if space := scene.space:
        values |= {"space.key": space.key, "space.id": str(space.id)}
    return values | _of_person("profileUser", scene.person)


def _of_person(name: str, user: User | None) -> dict[str, str]:
    return {f"{name}.accountId": user.account_id, f"{name}.id": user.account_id} if user else {}
