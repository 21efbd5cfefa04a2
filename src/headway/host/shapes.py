"""What the site's content looks like in the JSON of Jira's REST API.

Version 2 has texts as strings, version 3 as documents of the Atlassian Document
Format, of which paragraphs of plain text are written and read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from headway.host.thumbnails import can_scale
from headway.host.world import Attachment, Comment, Issue, World

if TYPE_CHECKING:
    from headway.host.apps import Apps

__all__ = ["Json", "Shapes", "document", "plain_text"]

Json: TypeAlias = dict[str, Any]

DEPTH_MAX = 20
"""Levels of a document that are read: far more than an editor makes."""

_BLOCKS = frozenset({"paragraph", "heading", "codeBlock", "listItem", "blockquote"})


class Shapes:
    """Writes values as JSON; *version* is that of the API that was asked.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     world = World(database)
    ...     project = world.tracker.add_project("DEMO", "Demonstration", public=False)
    ...     issue = world.tracker.add_issue("DEMO", "It works")
    ...     Shapes(world, None, lambda: "http://localhost:2990").issue(issue)["key"]
    'DEMO-1'
    """

    def __init__(
        self, world: World, apps: Apps | None, base_url: Callable[[], str], version: str = "2"
    ) -> None:
        self._world = world
        self._apps = apps
        self._base_url = base_url
        self._version = version

    def person(self, account_id: str) -> Json:
        """A user, or the user that an app acts as."""
        user = self._world.people.user(account_id)
        shape = {
            "self": self._link(f"user?accountId={account_id}"),
            "accountId": account_id,
            "accountType": "atlassian" if user else "app",
            "active": True,
        }
        if user is not None:
            return {**shape, "displayName": user.display_name}
        apps = self._apps.all() if self._apps else ()
        name = next((app.name for app in apps if app.account_id == account_id), "Former app")
        return {**shape, "displayName": name}

    def issue(self, issue: Issue, fields: str = "*all") -> Json:
        """An issue; *fields* is the parameter of that name: names, ``*all``, ``-name``."""
        shape = {
            "summary": issue.summary,
            "description": self._text(issue.description) if issue.description else None,
            "status": {"name": issue.status},
            "project": self._project(issue.project_key),
            "assignee": self.person(issue.assignee) if issue.assignee else None,
            "created": moment(issue.created),
            "updated": moment(issue.updated),
            "comment": self.comments(issue),
            "attachment": [self.attachment(a) for a in self._world.files.of("issue", issue.id)],
        }
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": self._link(f"issue/{issue.id}"),
            "fields": {name: shape[name] for name in _wanted(fields, shape)},
        }

    def comments(self, issue: Issue) -> Json:
        """The comments of an issue, all on one page."""
        shapes = [self.comment(comment) for comment in self._world.tracker.comments(issue.id)]
        return {"comments": shapes, "startAt": 0, "maxResults": 5000, "total": len(shapes)}

    def comment(self, comment: Comment) -> Json:
        """One comment."""
        return {
            "id": str(comment.id),
            "self": self._link(f"issue/{comment.issue_id}/comment/{comment.id}"),
            "author": self.person(comment.author),
            "body": self._text(comment.body),
            "created": moment(comment.created),
            "updated": moment(comment.created),
        }

    def attachment(self, attachment: Attachment) -> Json:
        """An attachment's description, with the address of its bytes."""
        shape = {
            "id": str(attachment.id),
            "self": self._link(f"attachment/{attachment.id}"),
            "filename": attachment.filename,
            "mimeType": attachment.media_type,
            "size": attachment.size,
            "author": self.person(attachment.author),
            "created": moment(attachment.created),
            "content": self._link(f"attachment/content/{attachment.id}"),
        }
        if can_scale(attachment.media_type, attachment.size):
            shape["thumbnail"] = self._link(f"attachment/thumbnail/{attachment.id}")
        return shape

    def _project(self, key: str) -> Json | None:
        project = self._world.tracker.project(key)
        if project is None:
            return None
        return {
            "id": str(project.id),
            "key": project.key,
            "name": project.name,
            "self": self._link(f"project/{project.id}"),
        }

    def _text(self, text: str) -> str | Json:
        return document(text) if self._version == "3" else text

    def _link(self, path: str) -> str:
        return f"{self._base_url()}/rest/api/{self._version}/{path}"


def document(text: str) -> Json:
    r"""*text* as a document, one paragraph a line.

    >>> plain_text(document("two\nlines"))
    'two\nlines'
    """
    lines = [[{"type": "text", "text": line}] if line else [] for line in text.split("\n")]
    content = [{"type": "paragraph", "content": line} for line in lines]
    return {"version": 1, "type": "doc", "content": content}


def plain_text(value: object) -> str:
    """The text of a string or of a document; raises ValueError for anything else."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or value.get("type") != "doc":
        raise ValueError("a text is a string or a document")
    return "".join(_texts(value, 0)).removesuffix("\n")


def _texts(node: Mapping[str, Any], depth: int) -> Iterable[str]:
    if depth > DEPTH_MAX:
        raise ValueError(f"a document has at most {DEPTH_MAX} levels")
    kind, content = node.get("type"), node.get("content", [])
    if kind in ("text", "hardBreak"):
        yield str(node.get("text", "")) if kind == "text" else "\n"
    if not isinstance(content, list) or not all(isinstance(inner, Mapping) for inner in content):
        raise ValueError("a document's content is a list of nodes")
    for inner in content:
        yield from _texts(inner, depth + 1)
    if kind in _BLOCKS:
        yield "\n"


def _wanted(fields: str, known: Iterable[str]) -> list[str]:
    names = {name.strip() for name in fields.split(",") if name.strip()}
    dropped = {name[1:] for name in names if name.startswith("-")}
    chosen = names - {f"-{name}" for name in dropped}
    everything = not chosen or "*all" in chosen or "*navigable" in chosen
    return [name for name in known if (everything or name in chosen) and name not in dropped]


def moment(seconds: float) -> str:
    """Seconds since 1970 as Jira writes a date: with milliseconds and an offset without colon.

    >>> moment(0)
    '1970-01-01T00:00:00.000+0000'
    """
    date = datetime.fromtimestamp(seconds, UTC)
    return f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}+0000"
