"""The fields of an issue in a form: what there is to choose from, and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from headway.host.pages.texts import said
from headway.host.visit import Visit
from headway.host.world import Issue, Project, User
from headway.host.world.catalog import ISSUE_TYPES, PRIORITIES

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["PEOPLE_MAX", "Choices", "choices", "known_people", "read_fields"]

PEOPLE_MAX = 100
"""How many people a form offers; an app or a script can name any other."""

LABELS_MAX, LABEL_MAX = 50, 255


class Choices(NamedTuple):
    """What a form of an issue offers."""

    types: list[str]
    priorities: list[str]
    people: list[User]
    components: dict[int, str]
    versions: dict[int, str]
    """Those of the project, by id."""


def choices(site: Site, project: Project, issue: Issue | None = None) -> Choices:
    """What an issue of *project* can be; a subtask stays one, and nothing else becomes one.

    >>> from headway.host.settings import Settings
    >>> from headway.host.site import Site
    >>> site = Site(Settings())
    >>> choices(site, site.world.tracker.project("DEMO")).types
    ['Task', 'Bug', 'Story', 'Epic']
    """
    below = issue is not None and issue.parent_id is not None
    active = [user for user in site.world.people.users() if user.active][:PEOPLE_MAX]
    return Choices(
        types=[kind.name for kind in ISSUE_TYPES if kind.subtask is below],
        priorities=[priority.name for priority in PRIORITIES],
        people=[user for user in active if _is_assignable(site, user.account_id, project)],
        components={c.id: c.name for c in site.world.components.components(project.id)},
        versions={v.id: v.name for v in site.world.components.versions(project.id)},
    )


def known_people(visit: Visit) -> list[User]:
    """Whom a text may mention, as far as a form offers them: nobody to a stranger."""
    if visit.user is None:
        return []
    return [user for user in visit.site.world.people.users() if user.active][:PEOPLE_MAX]


def _is_assignable(site: Site, account_id: str, project: Project) -> bool:
    return "ASSIGNABLE_USER" in site.rights.of_account(account_id, project)


def read_fields(visit: Visit, project: Project, issue: Issue | None = None) -> dict[str, Any]:
    """The fields of the form that differ from *issue*, or all; raises ValueError.

    What the form does not have stays as it is.
    """
    offered = choices(visit.site, project, issue)
    given: dict[str, Any] = {}
    # (1) texts
    if (summary := visit.text("summary")) is not None:
        given["summary"] = summary.strip()
    text, document = (issue.description, issue.description_document) if issue else ("", None)
    if (description := said(visit, "description", text, document)) is not None:
        given |= {"description": description.text, "description_document": description.document}
    # (2) what is chosen from a list
    for name, known in (("issue_type", offered.types), ("priority", offered.priorities)):
        if (chosen := visit.form.get(name)) is not None:
            if chosen not in known:
                raise ValueError(f"{chosen[:50]!r} is none of {', '.join(known)}.")
            given[name] = chosen
    # (3) people, days, words
    if (assignee := visit.form.get("assignee")) is not None:
        given["assignee"] = assignee or None
    if (day := visit.form.get("due_date")) is not None:
        given["due_date"] = _day(day)
    if (labels := visit.form.get("labels")) is not None:
        given["labels"] = _labels(labels)
    # (4) parts of the project, by their names
    for name, parts in (("components", offered.components), ("fix_versions", offered.versions)):
        if (written := visit.form.get(name)) is not None:
            given[name] = _parts(written, parts)
    changed = {name: value for name, value in given.items() if _differs(issue, name, value)}
    _check_assignee(visit, project, changed)
    return changed


def _differs(issue: Issue | None, name: str, value: Any) -> bool:
    return issue is None or getattr(issue, name) != value


def _check_assignee(visit: Visit, project: Project, changed: dict[str, Any]) -> None:
    if "assignee" not in changed or (assignee := changed["assignee"]) is None:
        return
    if not visit.site.rights.may(visit.actor, "ASSIGN_ISSUES", project):
        raise ValueError("You may not assign issues of this project.")
    if not _is_assignable(visit.site, assignee, project):
        raise ValueError("Issues of this project can not be assigned to this person.")


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        raise ValueError("A day is written as 2022-02-01.") from None


def _parts(text: str, known: Mapping[int, str]) -> list[int]:
    """The parts of a project that *text* names, with commas between them; raises ValueError."""
    ids = {name: number for number, name in known.items()}
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := next((name for name in names if name not in ids), None):
        there = ", ".join(ids) or "none"
        raise ValueError(f"{unknown[:50]!r} is none of the project's; there are: {there}.")
    return list(dict.fromkeys(ids[name] for name in names))


def _labels(text: str) -> list[str]:
    """Words, each once, in the order in which they were written."""
    words = list(dict.fromkeys(text.split()))
    if len(words) > LABELS_MAX or any(len(word) > LABEL_MAX for word in words):
        raise ValueError(f"At most {LABELS_MAX} labels, of at most {LABEL_MAX} characters each.")
    return words
