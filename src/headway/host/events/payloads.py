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
from headway.host.world.catalog import LINK_TYPES, named
from headway.host.world.history import change_items

__all__ = ["JIRA", "Json", "Occasion", "Telling", "of_app"]

Json: TypeAlias = dict[str, Any]


class Occasion(NamedTuple):
    """What is told of one change, and what decides who is told.

    ``variables`` are those that an address may name, ``issue`` is what a
    filter of JQL looks at, ``fields`` are those that changed.  Where ``only``
    is set, that app alone is told.
    """

    body: Json
    variables: Mapping[str, str] = {}
    issue: Issue | None = None
    fields: Collection[str] = ()
    property_key: str | None = None
    only: str | None = None


class Telling(NamedTuple):
    """What a body is made from; ``wiki_url`` is Confluence's address."""

    world: World
    shapes: Shapes
    wiki_url: str

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
    changelog = {"id": str(telling.world.history.last_id(issue.id)), "items": items}
    body = {
        **telling.person(change.author),
        "issue_event_type_name": "issue_generic" if moved else kind,
        "issue": telling.shapes.issue(issue),
        **({"changelog": changelog} if items else {}),
    }
    fields = [item["fieldId"] for item in items]
    return Occasion(body, _variables(telling, issue), issue, fields)


def of_comment(telling: Telling, change: Change) -> Occasion:
    """Something was said of an issue, or unsaid."""
    comment = change.after or change.before
    body = {"comment": telling.shapes.comment(comment)}
    return _beside(telling, comment.issue_id, body, gone=change.within)


def of_attachment(telling: Telling, change: Change) -> Occasion:
    """A file came to an issue, or went."""
    attachment = change.after or change.before
    shape = telling.shapes.attachment(attachment)
    issue_id = attachment.holder_id if attachment.holder == "issue" else None
    return _beside(telling, issue_id, {"attachment": shape}, told=False, gone=change.within)


def of_link(telling: Telling, change: Change) -> Occasion:
    """A link between two issues came or went."""
    link = change.after or change.before
    kind = named(LINK_TYPES, {"name": link.type})
    shape = {
        "id": link.id,
        "sourceIssueId": link.source,
        "destinationIssueId": link.target,
        **({"issueLinkType": telling.shapes.link_type(kind)} if kind else {}),
    }
    return Occasion({"issueLink": shape})  # no filter holds it back: "Webhooks" has none for links


def of_worklog(telling: Telling, change: Change) -> Occasion:
    """Work on an issue was noted, changed or struck out."""
    work = change.after or change.before
    return _beside(telling, work.issue_id, {"worklog": telling.shapes.worklog(work)}, told=False)


def of_project(telling: Telling, change: Change) -> Occasion:
    """A project was made, changed or deleted."""
    project = change.after or change.before
    variables = {"project.key": project.key, "project.id": str(project.id)}
    return Occasion({"project": telling.shapes.project(project)}, variables)


def of_version(telling: Telling, change: Change) -> Occasion:
    """A version of a project was made, changed, released or deleted."""
    version = change.after or change.before
    variables = {"version.id": str(version.id), "project.id": str(version.project_id)}
    return Occasion({"version": telling.shapes.version(version)}, variables)


def of_property(telling: Telling, change: Change) -> Occasion:
    """A property of an issue was set or deleted."""
    found = change.after or change.before
    shape = {"key": found.key, **({"value": found.data} if change.after else {})}
    told = _beside(telling, int(found.holder_id), {"property": shape})
    variables = {**told.variables, "property.key": found.key}
    return told._replace(
        body={**telling.person(change.author), **told.body},
        variables=variables,
        property_key=found.key,
    )


def of_user(telling: Telling, change: Change) -> Occasion:
    """Somebody came, changed, or went."""
    user = change.after or change.before
    shape = {**telling.shapes.person(user.account_id), "displayName": user.display_name}
    return Occasion({"user": shape}, {"modifiedUser.accountId": user.account_id})


def of_app(telling: Telling, change: Change) -> Occasion:
    """The app itself was enabled or disabled; it alone is told (host source of 2016)."""
    app = change.after or change.before
    return Occasion({"key": app.key, **telling.person(change.author)}, only=app.key)


JIRA: Mapping[str, Callable[[Telling, Change], Occasion]] = {
    "jira:issue_created": of_issue,
    "jira:issue_updated": of_issue,
    "jira:issue_deleted": of_issue,
    "comment_created": of_comment,
    "comment_updated": of_comment,
    "comment_deleted": of_comment,
    "attachment_created": of_attachment,
    "attachment_deleted": of_attachment,
    "worklog_created": of_worklog,
    "worklog_updated": of_worklog,
    "worklog_deleted": of_worklog,
    "issuelink_created": of_link,
    "issuelink_deleted": of_link,
    "issue_property_set": of_property,
    "issue_property_deleted": of_property,
    "project_created": of_project,
    "project_updated": of_project,
    "project_deleted": of_project,
    **{
        f"jira:version_{what}": of_version
        for what in ("created", "updated", "released", "unreleased", "deleted")
    },
    "user_created": of_user,
    "user_updated": of_user,
    "user_deleted": of_user,
    "connect_addon_enabled": of_app,
    "connect_addon_disabled": of_app,
}
"""The events of Jira ("Webhooks": available events), each with what makes its body."""


def _beside(
    telling: Telling,
    issue_id: int | None,
    body: Json,
    *,
    told: bool = True,
    gone: Issue | None = None,
) -> Occasion:
    """*body*, with the issue that it is about where that is *told*; *gone* is the one of late."""
    issue = gone
    if issue is None and issue_id is not None:
        issue = telling.world.tracker.issue(issue_id)
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
