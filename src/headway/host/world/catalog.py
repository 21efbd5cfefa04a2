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
    "TRANSITIONS",
    "Category",
    "IssueType",
    "LinkType",
    "Priority",
    "Resolution",
    "Status",
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
