"""What Jira tells of issues, comments, worklogs, files, projects, users, links and versions.

The members are those of the REST API's version 2, which the callbacks use
("Webhooks", Jira).  Which thing stands beside the one that an event is of is
documented for issue events alone, so everywhere else it may be None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headway.app.payloads.event import Event, Id, Text, Value

__all__ = ["EVENTS"]


# ---- the things -----------------------------------------------------------------------------


class Person(Value, frozen=True, kw_only=True):
    """A user; ``account_id`` is what to keep, the rest may change or be hidden."""

    account_id: Text | None = None
    account_type: Text | None = None
    display_name: str | None = None
    active: bool | None = None
    time_zone: Text | None = None


class Project(Value, frozen=True, kw_only=True):
    """A project."""

    id: Id
    key: Text
    name: str | None = None


class Issue(Value, frozen=True, kw_only=True):
    """An issue; ``fields`` are by id, as the REST API writes them."""

    id: Id
    key: Text
    fields: Mapping[str, Any] = {}
    properties: Mapping[str, Any] = {}

    @property
    def summary(self) -> str:
        """Its summary, or an empty text where the host sent none."""
        found = self.fields.get("summary")
        return found if isinstance(found, str) else ""

    @property
    def project_key(self) -> str:
        """Its project's key: that part of its own key."""
        return self.key.rpartition("-")[0]


class Change(Value, frozen=True, kw_only=True):
    """One field's change: values as the host keeps them, and as people read them."""

    field: str
    field_id: str | None = None
    before: Any = msgspec.field(name="from", default=None)
    before_text: str | None = msgspec.field(name="fromString", default=None)
    after: Any = msgspec.field(name="to", default=None)
    after_text: str | None = msgspec.field(name="toString", default=None)


class Changelog(Value, frozen=True, kw_only=True):
    """What changed."""

    id: Id | None = None
    items: tuple[Change, ...] = ()


class Comment(Value, frozen=True, kw_only=True):
    """A comment; ``body`` is text, or a document as JSON."""

    id: Id
    body: Any = None
    author: Person | None = None
    update_author: Person | None = None
    created: Text | None = None
    updated: Text | None = None


class Worklog(Value, frozen=True, kw_only=True):
    """Some work on an issue."""

    id: Id
    issue_id: Id | None = None
    author: Person | None = None
    update_author: Person | None = None
    comment: Any = None
    started: Text | None = None
    time_spent: Text | None = None
    time_spent_seconds: int | None = None


class Attachment(Value, frozen=True, kw_only=True):
    """A file on an issue; ``filename`` is whatever somebody called it, and never a path."""

    id: Id
    filename: str
    mime_type: Text | None = None
    size: int | None = None
    author: Person | None = None
    created: Any = None  # a text in the REST API; a number of ms has been seen in callbacks


class IssueLink(Value, frozen=True, kw_only=True):
    """A link between two issues."""

    id: Id
    source_issue_id: Id | None = None
    destination_issue_id: Id | None = None
    issue_link_type: Mapping[str, Any] = {}


class Version(Value, frozen=True, kw_only=True):
    """A version of a project."""

    id: Id
    project_id: Id | None = None
    name: str | None = None
    description: str | None = None
    released: bool | None = None
    archived: bool | None = None


class Property(Value, frozen=True, kw_only=True):
    """A property of an issue; ``value`` is missing where it was deleted."""

    key: Text
    value: Any = None


# ---- the events -----------------------------------------------------------------------------


class IssueEvent(Event, frozen=True, kw_only=True):
    """Something became of an issue; ``user`` did it."""

    issue: Issue
    user: Person | None = None
    changelog: Changelog | None = None
    comment: Comment | None = None
    issue_event_type_name: Text | None = msgspec.field(name="issue_event_type_name", default=None)

    def changed(self, field: str) -> Change | None:
        """The change of *field*, by its id or its name; None where it did not change."""
        items = self.changelog.items if self.changelog else ()
        return next((each for each in items if field in (each.field_id, each.field)), None)


class IssueCreated(IssueEvent, frozen=True):
    """``jira:issue_created``."""


class IssueUpdated(IssueEvent, frozen=True):
    """``jira:issue_updated``."""


class IssueDeleted(IssueEvent, frozen=True):
    """``jira:issue_deleted``: the issue as it was."""


class CommentEvent(Event, frozen=True, kw_only=True):
    """Something was said of an issue, or unsaid."""

    comment: Comment
    issue: Issue | None = None


class CommentCreated(CommentEvent, frozen=True):
    """``comment_created``."""


class CommentUpdated(CommentEvent, frozen=True):
    """``comment_updated``."""


class CommentDeleted(CommentEvent, frozen=True):
    """``comment_deleted``."""


class WorklogEvent(Event, frozen=True, kw_only=True):
    """Work was noted, changed or struck out."""

    worklog: Worklog
    issue: Issue | None = None


class WorklogCreated(WorklogEvent, frozen=True):
    """``worklog_created``."""


class WorklogUpdated(WorklogEvent, frozen=True):
    """``worklog_updated``."""


class WorklogDeleted(WorklogEvent, frozen=True):
    """``worklog_deleted``."""


class AttachmentEvent(Event, frozen=True, kw_only=True):
    """A file came to an issue, or went."""

    attachment: Attachment
    issue: Issue | None = None


class AttachmentCreated(AttachmentEvent, frozen=True):
    """``attachment_created``."""


class AttachmentDeleted(AttachmentEvent, frozen=True):
    """``attachment_deleted``."""


class ProjectEvent(Event, frozen=True, kw_only=True):
    """A project was made, changed or deleted."""

    project: Project


class ProjectCreated(ProjectEvent, frozen=True):
    """``project_created``."""


class ProjectUpdated(ProjectEvent, frozen=True):
    """``project_updated``."""


class ProjectDeleted(ProjectEvent, frozen=True):
    """``project_deleted``."""


class UserEvent(Event, frozen=True, kw_only=True):
    """Somebody came, changed or went."""

    user: Person


class UserCreated(UserEvent, frozen=True):
    """``user_created``."""


class UserUpdated(UserEvent, frozen=True):
    """``user_updated``."""


class UserDeleted(UserEvent, frozen=True):
    """``user_deleted``: what the app keeps of this account has to go, too."""


class IssueLinkEvent(Event, frozen=True, kw_only=True):
    """A link came or went."""

    issue_link: IssueLink


class IssueLinkCreated(IssueLinkEvent, frozen=True):
    """``issuelink_created``."""


class IssueLinkDeleted(IssueLinkEvent, frozen=True):
    """``issuelink_deleted``."""


class PropertyEvent(Event, frozen=True, kw_only=True):
    """A property of an issue was set or deleted."""

    property: Property
    issue: Issue | None = None
    user: Person | None = None


class IssuePropertySet(PropertyEvent, frozen=True):
    """``issue_property_set``."""


class IssuePropertyDeleted(PropertyEvent, frozen=True):
    """``issue_property_deleted``."""


class VersionEvent(Event, frozen=True, kw_only=True):
    """A version was made, changed, released or deleted."""

    version: Version


class VersionCreated(VersionEvent, frozen=True):
    """``jira:version_created``."""


class VersionUpdated(VersionEvent, frozen=True):
    """``jira:version_updated``."""


class VersionReleased(VersionEvent, frozen=True):
    """``jira:version_released``."""


class VersionUnreleased(VersionEvent, frozen=True):
    """``jira:version_unreleased``."""


class VersionDeleted(VersionEvent, frozen=True):
    """``jira:version_deleted``."""


EVENTS: Mapping[str, type[Event]] = {
    "jira:issue_created": IssueCreated,
    "jira:issue_updated": IssueUpdated,
    "jira:issue_deleted": IssueDeleted,
    "comment_created": CommentCreated,
    "comment_updated": CommentUpdated,
    "comment_deleted": CommentDeleted,
    "worklog_created": WorklogCreated,
    "worklog_updated": WorklogUpdated,
    "worklog_deleted": WorklogDeleted,
    "attachment_created": AttachmentCreated,
    "attachment_deleted": AttachmentDeleted,
    "project_created": ProjectCreated,
    "project_updated": ProjectUpdated,
    "project_deleted": ProjectDeleted,
    "user_created": UserCreated,
    "user_updated": UserUpdated,
    "user_deleted": UserDeleted,
    "issuelink_created": IssueLinkCreated,
    "issuelink_deleted": IssueLinkDeleted,
    "issue_property_set": IssuePropertySet,
    "issue_property_deleted": IssuePropertyDeleted,
    "jira:version_created": VersionCreated,
    "jira:version_updated": VersionUpdated,
    "jira:version_released": VersionReleased,
    "jira:version_unreleased": VersionUnreleased,
    "jira:version_deleted": VersionDeleted,
}
"""The events of Jira with a type, by the name that a descriptor writes."""
