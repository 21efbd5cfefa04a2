"""The site's things as plain attributes: reading one looks, setting one changes.

A change goes the way of every other: it is checked, and the apps hear of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from headway.host.world import World

if TYPE_CHECKING:
    from headway.host.testing.site import Site

__all__ = ["KINDS", "Kind", "Thing"]


class Kind(NamedTuple):
    """A kind of thing: how it is found, and how fields of it are changed by an author."""

    find: Callable[[World, str], Any]
    edit: Callable[[World, Any, Mapping[str, Any], str], Any]


def _edit_user(world: World, user: Any, changes: Mapping[str, Any], author: str) -> None:
    for name, value in changes.items():
        if name == "active":
            world.people.set_active(user.account_id, value, author)
        elif name == "display_name":
            world.people.rename(user.account_id, value, author)
        else:
            raise TypeError(name)


def _edit_project(tracker: Any, project: Any, changes: Mapping[str, Any], author: str) -> None:
    tracker.edit_project(project.id, author=author, **changes)


def _page(world: World, name: str) -> Any:
    """A page by its id, or by its title in any space."""
    if name.isdigit():
        return world.wiki.content(name)
    found = (world.wiki.titled(space.id, name) for space in world.spaces.spaces())
    return next(filter(None, found), None)


KINDS: Mapping[str, Kind] = {
    "issue": Kind(
        lambda world, key: world.tracker.issue(key),
        lambda world, issue, changes, author: world.tracker.edit_issue(
            issue.id, author=author, **changes
        ),
    ),
    "project": Kind(
        lambda world, key: world.tracker.project(key),
        lambda world, project, changes, author: _edit_project(
            world.tracker, project, changes, author
        ),
    ),
    "user": Kind(lambda world, name: world.people.user(name), _edit_user),
    "space": Kind(
        lambda world, key: world.spaces.space(key),
        lambda world, space, changes, author: world.spaces.edit_space(space.id, author, **changes),
    ),
    "page": Kind(
        _page, lambda world, page, changes, author: world.wiki.edit(page, author, **changes)
    ),
}
"""What the attributes of a :class:`Thing` do."""

OF_PEOPLE = frozenset({"assignee", "reporter", "lead", "creator"})
"""Fields that hold an account id, where a test says a login name."""


class Thing:
    """One thing of a site: ``site.issue("DEMO-1").summary = "Seen"``.

    Reading raises LookupError where it is not (or no longer) there, and
    AttributeError for what it does not have; setting raises ValueError for what
    a value may not be.
    """

    _site: Site
    _kind: str
    _name: str

    def __init__(self, site: Site, kind: str, name: str) -> None:
        self.__dict__.update(_site=site, _kind=kind, _name=name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._site.do(self._found), name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.change(**{name: value})

    def change(self, **changes: Any) -> None:
        """Change several fields at once, as one change."""
        self._site.do(self._changed, changes, self._site.author_id)

    def __repr__(self) -> str:
        return f"<{self._kind} {self._name}>"

    def _found(self, world: World) -> Any:
        value = KINDS[self._kind].find(world, self._name)
        if value is None:
            raise LookupError(f"the site has no {self._kind} {self._name}")
        return value

    def _changed(self, world: World, changes: Mapping[str, Any], author: str) -> None:
        value = self._found(world)
        for name in changes:
            if name not in value.__struct_fields__:
                raise AttributeError(f"{self!r} has no {name}")
        meant = {name: _account(world, name, given) for name, given in changes.items()}
        try:
            KINDS[self._kind].edit(world, value, meant, author)
        except TypeError as error:
            raise AttributeError(f"{self!r}: {', '.join(changes)} can not be set") from error


def _account(world: World, name: str, given: Any) -> Any:
    if name not in OF_PEOPLE or given is None:
        return given
    user = world.people.user(given)
    return user.account_id if user is not None else given
