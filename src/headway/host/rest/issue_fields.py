"""The fields of an issue as a request sets them -> what the world keeps of them.

A field is a row: its name in the API, and how its value is read.  What can not
be set is told by field, in one answer, before anything is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from headway.host.answers import api_error
from headway.host.rest.call import Call, Rejected
from headway.host.shapes import kept_document, plain_text
from headway.host.world import Issue, Project
from headway.host.world.catalog import ISSUE_TYPES, PRIORITIES, named
from headway.host.world.tracker import SUMMARY_MAX, TEXT_MAX
from headway.host.world.worklogs import seconds_of

__all__ = ["Changes", "Place", "person_of", "read_changes"]

LABELS_MAX, PARTS_MAX = 100, 100
_LABEL = re.compile(r"\S{1,255}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


class Place(NamedTuple):
    """Where fields are set: the call, the project, the issue unless it is a new one."""

    call: Call
    project: Project
    issue: Issue | None = None


class Changes(NamedTuple):
    """What a request sets: *values* by the names of the world, and what it adds beside them."""

    values: dict[str, Any]
    comments: list[Mapping[str, Any]]
    worklogs: list[Mapping[str, Any]]
    links: list[Mapping[str, Any]]


Values = dict[str, Any]
Reader = Callable[[Place, Any], Values]


# ---- one reader a field ---------------------------------------------------------------------


def _summary(_: Place, value: Any) -> Values:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("You must specify a summary of the issue.")
    if len(value) > SUMMARY_MAX:
        raise ValueError(f"Summary must have at most {SUMMARY_MAX} characters.")
    if "\n" in value or "\r" in value:
        raise ValueError("The summary is invalid because it contains newline characters.")
    return {"summary": value}


def _long(value: Any) -> str:
    text = plain_text("" if value is None else value)
    if len(text) > TEXT_MAX:
        raise ValueError(f"The entered text is too long. It has at most {TEXT_MAX} characters.")
    return text


def _description(_: Place, value: Any) -> Values:
    return {"description": _long(value), "description_document": kept_document(value)}


def _environment(_: Place, value: Any) -> Values:
    return {"environment": _long(value)}


def _reference(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"Could not find valid 'id' or 'name' of the {what}.")
    return value


def _issue_type(place: Place, value: Any) -> Values:
    row = named(ISSUE_TYPES, _reference(value, "issue type"))
    if row is None:
        raise ValueError("The issue type selected is invalid.")
    return {"issue_type": row.name}


def _priority(_: Place, value: Any) -> Values:
    row = named(PRIORITIES, _reference(value, "priority"))
    if row is None:
        raise ValueError("The priority selected is invalid.")
    return {"priority": row.name}


def person_of(value: Any) -> str | None:
    """The account id in a reference to a user; None for nobody; raises ValueError."""
    if value is None:
        return None
    found = value.get("accountId", value.get("id")) if isinstance(value, Mapping) else value
    if found is not None and not isinstance(found, str):
        raise ValueError("A user is named by accountId.")
    return None if found in (None, "", "-1") else found


def _assignee(place: Place, value: Any) -> Values:
    account_id = person_of(value)
    if account_id is not None:
        rights = place.call.site.rights.of_account(account_id, place.project)
        if "ASSIGNABLE_USER" not in rights:
            raise ValueError(f"User '{account_id[:50]}' cannot be assigned issues.")
    return {"assignee": account_id}


def _reporter(place: Place, value: Any) -> Values:
    account_id = person_of(value)
    if account_id is None or "BROWSE_PROJECTS" not in place.call.site.rights.of_account(
        account_id, place.project
    ):
        raise ValueError("The reporter specified is not a user.")
    if not place.call.may("MODIFY_REPORTER", place.project):
        raise ValueError("You do not have permission to set the reporter.")
    return {"reporter": account_id}


def _labels(_: Place, value: Any) -> Values:
    if not isinstance(value, list) or len(value) > LABELS_MAX:
        raise ValueError("Labels are a list of texts.")
    for label in value:
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise ValueError("The label contains spaces, or is no text, which is invalid.")
    return {"labels": sorted(set(value))}


def _due_date(_: Place, value: Any) -> Values:
    if value is not None:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValueError("Error parsing date string. The form of a date is yyyy-MM-dd.")
        date.fromisoformat(value)
    return {"due_date": value}


def _parent(place: Place, value: Any) -> Values:
    if value is None:
        return {"parent_id": None}
    found = _reference(value, "parent")
    parent = place.call.site.world.tracker.issue(str(found.get("key") or found.get("id") or ""))
    if parent is None or parent.project_key != place.project.key or parent == place.issue:
        raise ValueError("Could not find issue by id or key, in the same project.")
    return {"parent_id": parent.id}


def _time_tracking(_: Place, value: Any) -> Values:
    given = _reference(value, "time tracking")
    names = {"originalEstimate": "original_estimate", "remainingEstimate": "remaining_estimate"}
    times = {
        kept: seconds_of(given[name]) for name, kept in names.items() if given.get(name) is not None
    }
    if "original_estimate" in times:
        times.setdefault("remaining_estimate", times["original_estimate"])
    return times


def _parts(name: str, kind: str) -> Reader:
    def read(place: Place, value: Any) -> Values:
        if not isinstance(value, list) or len(value) > PARTS_MAX:
            raise ValueError("data was not an array")
        kept = place.call.site.world.components
        rows: list[Any] = (
            list(kept.components(place.project.id))
            if kind == "component"
            else list(kept.versions(place.project.id))
        )
        found = [_part(rows, one, kind) for one in value]
        return {name: sorted(set(found))}

    return read


def _part(rows: list[Any], value: Any, kind: str) -> int:
    given = _reference(value, kind)
    for row in rows:
        if str(row.id) == str(given.get("id")) or (
            "id" not in given and row.name == given.get("name")
        ):
            return int(row.id)
    raise ValueError(f"The {kind} is not one of the project's.")


_READERS: Mapping[str, Reader] = {
    "summary": _summary,
    "description": _description,
    "environment": _environment,
    "issuetype": _issue_type,
    "priority": _priority,
    "assignee": _assignee,
    "reporter": _reporter,
    "labels": _labels,
    "duedate": _due_date,
    "parent": _parent,
    "timetracking": _time_tracking,
    "components": _parts("components", "component"),
    "fixVersions": _parts("fix_versions", "version"),
    "versions": _parts("versions", "version"),
}

_LISTS = {
    "labels": "labels",
    "components": "components",
    "fixVersions": "fix_versions",
    "versions": "versions",
}
"""The fields to which an update adds or from which it removes, with the world's names."""

_ADDED = {"comment": "comments", "worklog": "worklogs", "issuelinks": "links"}
"""What an update adds beside the issue's own fields."""


# ---- the engine -----------------------------------------------------------------------------


def read_changes(place: Place, body: Mapping[str, Any], ignored: tuple[str, ...] = ()) -> Changes:
    """What the members ``fields`` and ``update`` of a request set.

    Raises Rejected (400) with an error for each field that can not be.
    """
    changes, errors = Changes({}, [], [], []), {}
    fields, update = (_object(body, name) for name in ("fields", "update"))
    for name, value in fields.items():
        if name in ignored:
            continue
        try:
            _merge(changes, _set(place, name, value))
        except ValueError as error:
            errors[name] = str(error)
    for name, operations in update.items():
        try:
            _update(place, changes, name, operations)
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise Rejected(api_error(400, errors=errors))
    return changes


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise Rejected(api_error(400, f"{name} is not an object."))
    return found or {}


def _set(place: Place, name: str, value: Any) -> Values:
    if name in _READERS:
        return _READERS[name](place, value)
    field = place.call.site.world.fields.get(name)
    if field is None:
        raise ValueError(NOT_ON_SCREEN.format(name[:80]))
    if field.type.endswith("textarea") and isinstance(value, Mapping):
        value = plain_text(value)
    if value is not None and not field.kind.accepts(value):
        raise ValueError(f"Operation value must be a {field.kind.schema}")
    return {"custom": {field.key: value}}


def _merge(changes: Changes, values: Values) -> None:
    if "custom" in values:
        custom = {**changes.values.get("custom", {}), **values["custom"]}
        values = {"custom": custom}
    changes.values.update(values)


def _update(place: Place, changes: Changes, name: str, operations: Any) -> None:
    if not isinstance(operations, list) or not all(
        isinstance(one, Mapping) and len(one) == 1 for one in operations
    ):
        raise ValueError("An update is a list of objects with one verb each.")
    for operation in operations:
        ((verb, value),) = operation.items()
        if name in _ADDED:
            if verb != "add" or not isinstance(value, Mapping):
                raise ValueError(f"The verb '{verb[:20]}' is not one of this field.")
            getattr(changes, _ADDED[name]).append(value)
        elif verb == "set":
            _merge(changes, _set(place, name, value))
        elif verb in ("add", "remove") and name in _LISTS:
            _change_list(place, changes, name, verb, value)
        elif verb == "edit" and name == "timetracking":
            _merge(changes, _set(place, name, value))
        else:
            raise ValueError(f"The verb '{verb[:20]}' is not one of this field.")


def _change_list(place: Place, changes: Changes, name: str, verb: str, value: Any) -> None:
    kept = _LISTS[name]
    (found,) = _READERS[name](place, [value])[kept]
    now = changes.values.get(kept, list(getattr(place.issue, kept, [])))
    without = [one for one in now if one != found]
    changes.values[kept] = [*without, found] if verb == "add" else without
