"""What a Jira has from the start: types, statuses, transitions, priorities, resolutions, links.

These are rows, not code: an issue names each by its name, the REST API by its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

__all__ = [
    "CATEGORIES",
    "DONE",
    "ISSUE_TYPES",
    "LINK_TYPES",
    "PRIORITIES",
    "RESOLUTIONS",
    "STATUSES",
    "SYSTEM_FIELDS",
    "TRANSITIONS",
    "Category",
    "IssueType",
    "LinkType",
    "Priority",
    "Resolution",
    "Status",
    "SystemField",
    "Transition",
    "named",
    "transitions_from",
]


class IssueType(NamedTuple):
    """What an issue is; a subtask has a parent."""

    id: int
    name: str
    description: str
    subtask: bool = False

    @property
    def level(self) -> int:
        """Its place in the hierarchy: an epic above, a subtask below the rest."""
        return 1 if self.name == "Epic" else -1 if self.subtask else 0


class Category(NamedTuple):
    """A kind of status."""

    id: int
    key: str
    name: str
    color: str


class Status(NamedTuple):
    """Where an issue is in its workflow; *category* is the key of a :class:`Category`."""

    id: int
    name: str
    category: str


class Transition(NamedTuple):
    """A step of the workflow, from any of the statuses *sources* to *target*."""

    id: int
    name: str
    sources: tuple[str, ...]
    target: str


class Priority(NamedTuple):
    """How urgent an issue is."""

    id: int
    name: str
    color: str


class Resolution(NamedTuple):
    """How an issue ended."""

    id: int
    name: str
    description: str


class LinkType(NamedTuple):
    """How two issues belong together, read from either end."""

    id: int
    name: str
    inward: str
    outward: str


class SystemField(NamedTuple):
    """A field that every issue has.

    ``kind`` and ``items`` are its type in JSON; ``clause`` is its name in JQL,
    empty where it has none; ``verbs`` are what an edit may do to it.
    """

    id: str
    name: str
    kind: str
    items: str = ""
    clause: str = ""
    verbs: tuple[str, ...] = ()
    navigable: bool = True


_SET, _LIST = ("set",), ("add", "set", "remove")

SYSTEM_FIELDS = (
    SystemField("summary", "Summary", "string", clause="summary", verbs=_SET),
    SystemField("issuetype", "Issue Type", "issuetype", clause="issuetype", verbs=_SET),
    SystemField("project", "Project", "project", clause="project"),
    SystemField("parent", "Parent", "issuelink", clause="parent", verbs=_SET),
    SystemField("status", "Status", "status", clause="status"),
    SystemField("resolution", "Resolution", "resolution", clause="resolution"),
    SystemField("resolutiondate", "Resolved", "datetime", clause="resolved"),
    SystemField("priority", "Priority", "priority", clause="priority", verbs=_SET),
    SystemField("assignee", "Assignee", "user", clause="assignee", verbs=_SET),
    SystemField("reporter", "Reporter", "user", clause="reporter", verbs=_SET),
    SystemField("creator", "Creator", "user", clause="creator"),
    SystemField("created", "Created", "datetime", clause="created"),
    SystemField("updated", "Updated", "datetime", clause="updated"),
    SystemField("duedate", "Due date", "date", clause="due", verbs=_SET),
    SystemField("labels", "Labels", "array", "string", "labels", _LIST),
    SystemField("components", "Components", "array", "component", "component", _LIST),
    SystemField("fixVersions", "Fix versions", "array", "version", "fixVersion", _LIST),
    SystemField("versions", "Affects versions", "array", "version", "affectedVersion", _LIST),
    SystemField("description", "Description", "string", clause="description", verbs=_SET),
    SystemField("environment", "Environment", "string", clause="environment", verbs=_SET),
    SystemField("timetracking", "Time tracking", "timetracking", verbs=_SET, navigable=False),
    SystemField("timeoriginalestimate", "Original estimate", "number", clause="originalEstimate"),
    SystemField("timeestimate", "Remaining Estimate", "number", clause="remainingEstimate"),
    SystemField("timespent", "Time Spent", "number", clause="timespent"),
    SystemField("subtasks", "Sub-tasks", "array", "issuelinks"),
    SystemField("issuelinks", "Linked Issues", "array", "issuelinks", verbs=("add",)),
    SystemField("attachment", "Attachment", "array", "attachment", "attachments"),
    SystemField("votes", "Votes", "votes", clause="votes"),
    SystemField("watches", "Watchers", "watches", clause="watchers"),
    SystemField(
        "comment", "Comment", "comments-page", clause="comment", verbs=("add",), navigable=False
    ),
    SystemField("worklog", "Log Work", "array", "worklog", verbs=("add",), navigable=False),
)

ISSUE_TYPES = (
    IssueType(10001, "Task", "A piece of work."),
    IssueType(10002, "Bug", "Something that is broken."),
    IssueType(10003, "Story", "Something that a user wants."),
    IssueType(10004, "Epic", "A large piece of work made of smaller ones."),
    IssueType(10005, "Sub-task", "A part of another issue.", subtask=True),
)

CATEGORIES = (
    Category(2, "new", "To Do", "blue-gray"),
    Category(4, "indeterminate", "In Progress", "yellow"),
    Category(3, "done", "Done", "green"),
)

STATUSES = (
    Status(10000, "To Do", "new"),
    Status(10001, "In Progress", "indeterminate"),
    Status(10002, "Done", "done"),
)

TRANSITIONS = (
    Transition(11, "To Do", ("In Progress", "Done"), "To Do"),
    Transition(21, "In Progress", ("To Do", "Done"), "In Progress"),
    Transition(31, "Done", ("To Do", "In Progress"), "Done"),
)

PRIORITIES = (
    Priority(1, "Highest", "#cd1317"),
    Priority(2, "High", "#e9494a"),
    Priority(3, "Medium", "#e97f33"),
    Priority(4, "Low", "#2d8738"),
    Priority(5, "Lowest", "#57a55a"),
)

RESOLUTIONS = (
    Resolution(10000, "Done", "The work is finished."),
    Resolution(10001, "Won't Do", "It will not be done."),
    Resolution(10002, "Duplicate", "Another issue says the same."),
    Resolution(10003, "Cannot Reproduce", "It could not be seen again."),
)

LINK_TYPES = (
    LinkType(10000, "Blocks", "is blocked by", "blocks"),
    LinkType(10001, "Cloners", "is cloned by", "clones"),
    LinkType(10002, "Duplicate", "is duplicated by", "duplicates"),
    LinkType(10003, "Relates", "relates to", "relates to"),
)

DONE = frozenset(status.name for status in STATUSES if status.category == "done")
"""The statuses in which an issue is over; on the way there it gets a resolution."""

T = TypeVar("T", IssueType, Status, Priority, Resolution, LinkType)


def named(rows: Sequence[T], wanted: Mapping[str, object]) -> T | None:
    """The row that a reference names by ``id``, else by ``name``.

    >>> named(PRIORITIES, {"id": "2"}).name, named(PRIORITIES, {"name": "Low"}).id
    ('High', 4)
    """
    if (wanted_id := wanted.get("id")) is not None:
        return next((row for row in rows if str(row.id) == str(wanted_id)), None)
    return next((row for row in rows if row.name == wanted.get("name")), None)


def transitions_from(status: str) -> list[Transition]:
    """The steps that lead away from a status."""
    return [transition for transition in TRANSITIONS if status in transition.sources]
