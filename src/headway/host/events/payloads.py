"""What each event of Jira tells: one table, from the event to what makes its body.

An issue, a user and a comment look as the REST API's version 2 writes them
("Webhooks": the shapes of a callback).  Which of them stands beside the thing
that an event is about is sourced for issue events alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

from headway.host.shapes import Shapes
from headway.host.world import Change, Issue, World
from headway.host.world.history import change_items

__all__ = ["JIRA", "Occasion", "Telling"]

Json: TypeAlias = dict[str, Any]


class Occasion(NamedTuple):
    """What is told of one change, and what decides who is told.

    ``variables`` are those that an address may name, ``issue`` is what a
    filter of JQL looks at, ``fields`` are those that changed.
    """

    body: Json
    variables: Mapping[str, str]
    issue: Issue | None = None
    fields: Collection[str] = ()
    property_key: str | None = None


class Telling(NamedTuple):
    """What a body is made from."""

    world: World
    shapes: Shapes

    def person(self, account_id: str | None) -> Json:
        """Who did it, as a member of the body; nothing where nobody is known."""
        return {"user": self.shapes.person(account_id)} if account_id else {}

    def name(self, account_id: str) -> str:
        """How somebody is called."""
        return str(self.shapes.person(account_id)["displayName"])


def of_issue(telling: Telling, change: Change) -> Occasion:
    """An issue was made, changed or deleted."""
    before, after = change.before, change.after
    issue = after or before
    items = change_items(before, after, telling.name) if before and after else []
    kind = change.event.removeprefix("jira:")
    moved = any(item["field"] == "status" for item in items)
    body = {
        **telling.person(change.author),
        "issue_event_type_name": "issue_generic" if moved else kind,
        "issue": telling.shapes.issue(issue),
        **({"changelog": {"id": str(issue.id), "items": items}} if items else {}),
    }
    fields = [item["field"] for item in items]
    return Occasion(body, _variables(telling, issue), issue, fields)


def of_comment(telling: Telling, change: Change) -> Occasion:
    """Something was said of an issue, or unsaid."""
    comment = change.after or change.before
    return _beside(telling, comment.issue_id, {"comment": telling.shapes.comment(comment)})


def of_attachment(telling: Telling, change: Change) -> Occasion:
    """A file came to an issue, or went."""
    attachment = change.after or change.before
    shape = telling.shapes.attachment(attachment)
    issue_id = attachment.holder_id if attachment.holder == "issue" else None
    return _beside(telling, issue_id, {"attachment": shape}, told=False)


JIRA: Mapping[str, Callable[[Telling, Change], Occasion]] = {
    "jira:issue_created": of_issue,
    "jira:issue_updated": of_issue,
    "jira:issue_deleted": of_issue,
    "comment_created": of_comment,
    "comment_updated": of_comment,
    "comment_deleted": of_comment,
    "attachment_created": of_attachment,
    "attachment_deleted": of_attachment,
}
"""The events of Jira ("Webhooks": available events), each with what makes its body."""


def _beside(telling: Telling, issue_id: int | None, body: Json, *, told: bool = True) -> Occasion:
    """*body*, with the issue that it is about where that is *told*."""
    issue = telling.world.tracker.issue(issue_id) if issue_id is not None else None
    if issue is not None and told:
        wanted = "summary,issuetype,project,assignee,priority,status"
        body = {**body, "issue": telling.shapes.issue(issue, wanted)}
    return Occasion(body, _variables(telling, issue), issue)


def _variables(telling: Telling, issue: Issue | None) -> dict[str, str]:
    if issue is None:
        return {}
    project = telling.world.tracker.project(issue.project_key)
    values = {"issue.key": issue.key, "issue.id": str(issue.id), "project.key": issue.project_key}
    return {**values, **({"project.id": str(project.id)} if project else {})}
