"""The site's things by their names, read and changed from outside: by a test in any language.

A change goes the way of every other: it is checked, and the apps hear of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from headway.host.world import World
from headway.host.world.catalog import ISSUE_TYPES, PRIORITIES, RESOLUTIONS, STATUSES

__all__ = ["KINDS", "Kind", "change", "find"]


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
"""What can be read and changed."""

OF_PEOPLE = frozenset({"assignee", "reporter", "lead", "creator"})
"""Fields that hold an account id, where a test says a login name."""


FIXED = frozenset({"id", "key", "project_key", "account_id", "updated"})
"""Fields that are what a thing is known by, or that the site sets itself."""

NAMES: Mapping[str, frozenset[str | None]] = {
    "issue_type": frozenset(each.name for each in ISSUE_TYPES),
    "status": frozenset(each.name for each in STATUSES),
    "priority": frozenset(each.name for each in PRIORITIES),
    "resolution": frozenset({None, *(each.name for each in RESOLUTIONS)}),
}
"""Fields of an issue that hold a name, and the names that there are."""


def find(world: World, kind: str, name: str) -> Any:
    """The thing of this *kind* and *name*; raises LookupError where there is none.

    >>> find(World.__new__(World), "colour", "red")
    Traceback (most recent call last):
    LookupError: there is no kind of thing called colour; there are issue, project, user, space, ...
    """
    if kind not in KINDS:
        raise LookupError(f"there is no kind of thing called {kind}; there are {', '.join(KINDS)}")
    value = KINDS[kind].find(world, name)
    if value is None:
        raise LookupError(f"the site has no {kind} {name}")
    return value


def change(world: World, kind: str, name: str, changes: Mapping[str, Any], author: str) -> None:
    """Change fields of a thing, as the account *author*.

    Raises LookupError where there is none, AttributeError for a field that it
    does not have or that can not be set, ValueError for what a value may not be.
    """
    value = find(world, kind, name)
    types = {field.name: field.type for field in msgspec.structs.fields(value)}
    for field in changes:
        if field not in types:
            raise AttributeError(f"<{kind} {name}> has no {field}")
        if field in FIXED:
            raise AttributeError(f"<{kind} {name}>: {field} can not be set")
    meant = {
        field: _account(world, field, _value(field, types[field], given))
        for field, given in changes.items()
    }
    try:
        KINDS[kind].edit(world, value, meant, author)
    except (TypeError, OverflowError) as error:
        raise AttributeError(f"<{kind} {name}>: {', '.join(changes)} can not be set") from error


def _value(field: str, of_type: Any, given: Any) -> Any:
    """What was *given*, if a field of this type can hold it; raises ValueError."""
    try:
        value = msgspec.convert(given, of_type)
    except msgspec.ValidationError as error:
        raise ValueError(f"{field}: {error}") from None
    if field in NAMES and value not in NAMES[field]:
        raise ValueError(f"{field} is one of {', '.join(sorted(filter(None, NAMES[field])))}")
    return value


def _account(world: World, name: str, given: Any) -> Any:
    if name not in OF_PEOPLE or given is None:
        return given
    user = world.people.user(given)
    return user.account_id if user is not None else given
