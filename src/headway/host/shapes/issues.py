"""Issues in JSON, with all that hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, partial
from typing import Any

from headway.host.shapes.projects import ProjectShapes
from headway.host.shapes.text import Json, moment, rendered
from headway.host.thumbnails import can_scale
from headway.host.world import Attachment, Comment, CustomField, Issue, IssueLink, Worklog
from headway.host.world.catalog import (
    ISSUE_TYPES,
    LINK_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    STATUSES,
    SYSTEM_FIELDS,
    SystemField,
    named,
    transitions_from,
)
from headway.host.world.history import Entry
from headway.host.world.worklogs import duration

__all__ = ["IssueShapes"]

ALL_ON_A_PAGE = 5000
"""How many comments the field of that name says that it may hold."""

WORKLOGS_SHOWN = 20
"""How many worklogs the field holds; the rest is asked for by itself."""


class IssueShapes(ProjectShapes):
    """Writes issues."""

    def issue(
        self,
        issue: Issue,
        fields: str = "*all",
        expand: Collection[str] = (),
        properties: Collection[str] = (),
    ) -> Json:
        """An issue.

        *fields* is the parameter of that name (names, ``*all``, ``*navigable``,
        ``-name``), *expand* names what is added, *properties* the keys of its
        properties that are wanted.
        """
        known = self._known
        wanted = _wanted(fields, {name: navigable for name, (_, navigable) in known.items()})
        shape: Json = {
            "expand": "renderedFields,names,schema,transitions,editmeta,changelog",
            "id": str(issue.id),
            "self": self.link(f"issue/{issue.id}"),
            "key": issue.key,
            "fields": {name: known[name][0](issue) for name in wanted},
        }
        for name, write in self._expansions(wanted).items():
            if name in expand:
                shape[name] = write(issue)
        if properties:
            shape["properties"] = self._properties(issue, properties)
        return shape

    def _properties(self, issue: Issue, keys: Collection[str]) -> Json:
        kept = self._world.properties.all("issue", str(issue.id))
        return {one.key: one.data for one in kept if "*all" in keys or one.key in keys}

    # ---- what may be added ------------------------------------------------------------------

    def _expansions(self, wanted: Collection[str]) -> Mapping[str, Callable[[Issue], Any]]:
        return {
            "names": lambda _: {
                one["id"]: one["name"] for one in self.fields() if one["id"] in wanted
            },
            "schema": lambda _: {
                one["id"]: one["schema"] for one in self.fields() if one["id"] in wanted
            },
            "renderedFields": lambda issue: self._rendered(issue, wanted),
            "transitions": lambda issue: self.transitions(issue),
            "editmeta": lambda issue: self.edit_meta(issue),
            "changelog": self.changelog,
        }

    def _rendered(self, issue: Issue, wanted: Collection[str]) -> Json:
        texts = {
            "description": (issue.description, issue.description_document),
            "environment": (issue.environment, None),
        }
        found: Json = {
            name: rendered(*t) if t[0] else "" for name, t in texts.items() if name in wanted
        }
        if "comment" in wanted:
            comments = self._seen(issue, self._world.tracker.comments(issue.id))
            found["comment"] = {
                "comments": [
                    {"id": str(one.id), "body": rendered(one.body, one.document)}
                    for one in comments
                ],
                "startAt": 0,
                "maxResults": len(comments),
                "total": len(comments),
            }
        return found

    def fields(self) -> list[Json]:
        """Every field that an issue of this site has."""
        return [*map(self.field, SYSTEM_FIELDS), *map(self.field, self._world.fields.all())]

    def transitions(self, issue: Issue) -> list[Json]:
        """The steps that an issue may take from where it is."""
        return [self.transition(row) for row in transitions_from(issue.status)]

    def edit_meta(self, issue: Issue) -> Json:
        """What an edit of an issue may set, and to what."""
        project = self._world.tracker.project(issue.project_key)
        known: list[SystemField | CustomField] = [one for one in SYSTEM_FIELDS if one.verbs]
        known += self._world.fields.all()
        shapes = (self.field_meta(one, project, ("summary",)) for one in known if project)
        return {"fields": {shape["key"]: shape for shape in shapes}}

    def changelog(self, issue: Issue) -> Json:
        """An issue's history on one page, the newest first."""
        entries = self._world.history.of(issue.id)[::-1]
        return {
            "startAt": 0,
            "maxResults": len(entries),
            "total": len(entries),
            "histories": [self.entry(one) for one in entries],
        }

    def entry(self, entry: Entry) -> Json:
        """One change."""
        author = {"author": self.person(entry.author)} if entry.author else {}
        return {
            "id": str(entry.id),
            **author,
            "created": moment(entry.created),
            "items": entry.items,
        }

    # ---- fields -----------------------------------------------------------------------------

    @cached_property
    def _known(self) -> Mapping[str, tuple[Callable[[Issue], Any], bool]]:
        """How to write each field, and whether it is navigable; asked for once."""
        system = {one.id: (partial(_WRITERS[one.id], self), one.navigable) for one in SYSTEM_FIELDS}
        custom = {
            one.key: (partial(self._custom, one.key, area=one.type.endswith("textarea")), True)
            for one in self._world.fields.all()
        }
        return {**system, **custom}

    def _custom(self, key: str, issue: Issue, *, area: bool) -> Any:
        value = issue.custom.get(key)
        return self.text(value) if area and isinstance(value, str) else value

    def _in_project(self, issue: Issue) -> Json | None:
        """The project of an issue; asked for once, as a page of issues has few."""
        if issue.project_key not in self._projects:
            found = self._world.tracker.project(issue.project_key)
            self._projects[issue.project_key] = found
        project = self._projects[issue.project_key]
        if project is None:
            return None
        shape = self.project(project)
        del shape["expand"], shape["isPrivate"], shape["style"]
        return shape

    def _parent(self, issue: Issue) -> Json | None:
        parent = self._world.tracker.issue(issue.parent_id) if issue.parent_id else None
        return self.brief(parent) if parent else None

    def brief(self, issue: Issue) -> Json:
        """An issue where another one names it."""
        status = named(STATUSES, {"name": issue.status})
        kind = named(ISSUE_TYPES, {"name": issue.issue_type})
        priority = named(PRIORITIES, {"name": issue.priority})
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": self.link(f"issue/{issue.id}"),
            "fields": {
                "summary": issue.summary,
                "status": self.status(status) if status else {"name": issue.status},
                "priority": self.priority(priority) if priority else None,
                "issuetype": self.issue_type(kind) if kind else None,
            },
        }

    def _row(self, shape: Callable[[Any], Json], rows: Any, name: str | None) -> Json | None:
        """A row of the catalog by its name; one that a test made up has nothing else."""
        if name is None:
            return None
        row = named(rows, {"name": name})
        return shape(row) if row else {"name": name}

    def _parts(self, ids: Iterable[int], kind: str) -> list[Json]:
        parts = self._world.components
        if kind == "component":
            found = [parts.component(one) for one in ids]
            return [
                {
                    "self": self.link(f"component/{one.id}"),
                    "id": str(one.id),
                    "name": one.name,
                    "description": one.description,
                }
                for one in found
                if one
            ]
        versions = [parts.version(one) for one in ids]
        return [self.version(one) for one in versions if one]

    def _time_tracking(self, issue: Issue) -> Json:
        times = {
            "originalEstimate": issue.original_estimate,
            "remainingEstimate": issue.remaining_estimate,
            "timeSpent": issue.time_spent,
        }
        there = {name: value for name, value in times.items() if value is not None}
        words = {name: duration(value) for name, value in there.items()}
        return {**words, **{f"{name}Seconds": value for name, value in there.items()}}

    # ---- what hangs on an issue -------------------------------------------------------------

    def _seen(self, issue: Issue, comments: list[Comment]) -> list[Comment]:
        sight = self._sight
        return [one for one in comments if sight is None or sight.remark(issue, one.visibility)]

    def comments(self, issue: Issue) -> Json:
        """The comments of an issue that may be seen, all on one page."""
        shapes = [self.comment(one) for one in self.seen_comments(issue)]
        return {
            "comments": shapes,
            "self": self.link(f"issue/{issue.id}/comment"),
            "maxResults": ALL_ON_A_PAGE,
            "total": len(shapes),
            "startAt": 0,
        }

    def seen_comments(self, issue: Issue) -> list[Comment]:
        """The comments of an issue that may be seen, the oldest first."""
        return self._seen(issue, self._world.tracker.comments(issue.id))

    def comment(self, comment: Comment, expand: Collection[str] = ()) -> Json:
        """One comment; *expand* may name ``renderedBody`` and ``properties``."""
        shape: Json = {
            "self": self.link(f"issue/{comment.issue_id}/comment/{comment.id}"),
            "id": str(comment.id),
            "author": self.person(comment.author),
            "body": self.text(comment.body, comment.document),
            "updateAuthor": self.person(comment.update_author or comment.author),
            "created": moment(comment.created),
            "updated": moment(comment.updated or comment.created),
            "jsdPublic": True,
        }
        if comment.visibility:
            shape["visibility"] = comment.visibility
        if "renderedBody" in expand:
            shape["renderedBody"] = rendered(comment.body, comment.document)
        if "properties" in expand:
            kept = self._world.properties.all("comment", str(comment.id))
            shape["properties"] = [{"key": one.key, "value": one.data} for one in kept]
        return shape

    def worklog(self, work: Worklog) -> Json:
        """Some work on an issue."""
        shape = {
            "self": self.link(f"issue/{work.issue_id}/worklog/{work.id}"),
            "author": self.person(work.author),
            "updateAuthor": self.person(work.update_author),
            "created": moment(work.created),
            "updated": moment(work.updated),
            "started": moment(work.started),
            "timeSpent": duration(work.seconds),
            "timeSpentSeconds": work.seconds,
            "id": str(work.id),
            "issueId": str(work.issue_id),
        }
        if work.comment:
            shape["comment"] = self.text(work.comment, work.document)
        return shape

    def _worklogs(self, issue: Issue) -> Json:
        every = self._world.worklogs.of(issue.id)
        shown = [self.worklog(work) for work in every[:WORKLOGS_SHOWN]]
        return {
            "startAt": 0,
            "maxResults": WORKLOGS_SHOWN,
            "total": len(every),
            "worklogs": shown,
        }

    def _links(self, issue: Issue) -> list[Json]:
        return [
            shape
            for link in self._world.links.of(issue.id)
            for shape in [self._link_from(issue, link)]
            if shape
        ]

    def _link_from(self, issue: Issue, link: IssueLink) -> Json | None:
        outward = link.source == issue.id
        other = self._world.tracker.issue(link.target if outward else link.source)
        kind = named(LINK_TYPES, {"name": link.type})
        if other is None or kind is None or (self._sight and not self._sight.issue(other)):
            return None
        return {
            "id": str(link.id),
            "self": self.link(f"issueLink/{link.id}"),
            "type": self.link_type(kind),
            "outwardIssue" if outward else "inwardIssue": self.brief(other),
        }

    def attachment(self, attachment: Attachment) -> Json:
        """An attachment's description, with the address of its bytes."""
        shape = {
            "self": self.link(f"attachment/{attachment.id}"),
            "id": str(attachment.id),
            "filename": attachment.filename,
            "author": self.person(attachment.author),
            "created": moment(attachment.created),
            "size": attachment.size,
            "mimeType": attachment.media_type,
            "content": self.link(f"attachment/content/{attachment.id}"),
        }
        if can_scale(attachment.media_type, attachment.size):
            shape["thumbnail"] = self.link(f"attachment/thumbnail/{attachment.id}")
        return shape

    def followers(self, issue: Issue, what: str, me: str | None = None) -> Json:
        """Who watches (``watchers``) an issue, or voted for it (``votes``), without their names."""
        kept = self._world.links
        ids = kept.watchers(issue.id) if what == "watchers" else kept.votes(issue.id)
        count, mine = ("watchCount", "isWatching") if what == "watchers" else ("votes", "hasVoted")
        shown = self.link(f"issue/{issue.key}/{what}")
        return {"self": shown, count: len(ids), mine: me in ids}


_WRITERS: Mapping[str, Callable[[Any, Issue], Any]] = {
    "summary": lambda _, issue: issue.summary,
    "issuetype": lambda to, issue: to._row(to.issue_type, ISSUE_TYPES, issue.issue_type),
    "project": lambda to, issue: to._in_project(issue),
    "parent": lambda to, issue: to._parent(issue),
    "status": lambda to, issue: to._row(to.status, STATUSES, issue.status),
    "resolution": lambda to, issue: to._row(to.resolution, RESOLUTIONS, issue.resolution),
    "resolutiondate": lambda _, issue: moment(issue.resolved) if issue.resolved else None,
    "priority": lambda to, issue: to._row(to.priority, PRIORITIES, issue.priority),
    "assignee": lambda to, issue: to.someone(issue.assignee),
    "reporter": lambda to, issue: to.someone(issue.reporter),
    "creator": lambda to, issue: to.someone(issue.creator),
    "created": lambda _, issue: moment(issue.created),
    "updated": lambda _, issue: moment(issue.updated),
    "duedate": lambda _, issue: issue.due_date,
    "labels": lambda _, issue: issue.labels,
    "components": lambda to, issue: to._parts(issue.components, "component"),
    "fixVersions": lambda to, issue: to._parts(issue.fix_versions, "version"),
    "versions": lambda to, issue: to._parts(issue.versions, "version"),
    "description": lambda to, issue: (
        to.text(issue.description, issue.description_document) if issue.description else None
    ),
    "environment": lambda to, issue: to.text(issue.environment) if issue.environment else None,
    "timetracking": lambda to, issue: to._time_tracking(issue),
    "timeoriginalestimate": lambda _, issue: issue.original_estimate,
    "timeestimate": lambda _, issue: issue.remaining_estimate,
    "timespent": lambda _, issue: issue.time_spent,
    "subtasks": lambda to, issue: [to.brief(one) for one in to._world.tracker.subtasks(issue.id)],
    "issuelinks": lambda to, issue: to._links(issue),
    "attachment": lambda to, issue: [
        to.attachment(one) for one in to._world.files.of("issue", issue.id)
    ],
    "votes": lambda to, issue: to.followers(issue, "votes"),
    "watches": lambda to, issue: to.followers(issue, "watchers"),
    "comment": lambda to, issue: to.comments(issue),
    "worklog": lambda to, issue: to._worklogs(issue),
}
"""How each field of the catalog is written."""


def _wanted(fields: str, known: Mapping[str, bool]) -> list[str]:
    """The names that *fields* asks for, of those that are *known* (and navigable or not)."""
    names = {name.strip() for name in fields.split(",") if name.strip()}
    dropped = {name[1:] for name in names if name.startswith("-")}
    chosen = names - {f"-{name}" for name in dropped}
    everything = not chosen or "*all" in chosen
    navigable = "*navigable" in chosen
    return [
        name
        for name, shown in known.items()
        if (everything or (navigable and shown) or name in chosen) and name not in dropped
    ]
