"""The page of one issue: what it is, what can be done with it, and what apps add to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.fields import Choices, choices, known_people, read_fields
from headway.host.pages.texts import Meanwhile, field, html
from headway.host.places import modules_for
from headway.host.providers import page as providers
from headway.host.scene import scene_of
from headway.host.thumbnails import can_scale
from headway.host.visit import Visit, Who, log_in_first, see_other, visited
from headway.host.world import Attachment, Comment, Issue, Project, Worklog
from headway.host.world.catalog import LINK_TYPES, transitions_from
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["Opened", "issue_page", "opened", "refusal", "routes"]

PLACES = ("issue.actions", "issue.panels", "issue.contents", "issue.glances", "issue.tabs")
"""The places for apps that the page of an issue has."""


class Opened(NamedTuple):
    """An issue that the visitor may see, and what they may do with it (permissions' keys)."""

    project: Project
    issue: Issue
    rights: frozenset[str]

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/browse/{self.issue.key}"

    def may(self, what: str, author: str, account_id: str | None) -> bool:
        """Whether the visitor may do *what* (``EDIT``, ``DELETE``) to one of an author's things.

        *what* is the permission without its ALL or OWN: ``DELETE_COMMENTS``.
        """
        verb, _, things = what.partition("_")
        own = author == account_id and f"{verb}_OWN_{things}" in self.rights
        return own or f"{verb}_ALL_{things}" in self.rights


def routes(site: Site) -> list[BaseRoute]:
    """The page, and what changes the issue itself."""
    pages = (
        ("GET", "/browse/{key}", Who.ANYBODY, _show),
        ("POST", "/browse/{key}/edit", Who.USER, _edit),
        ("POST", "/browse/{key}/assign", Who.USER, _assign),
        ("POST", "/browse/{key}/transition", Who.USER, _transition),
        ("POST", "/browse/{key}/watch", Who.USER, _watch),
        ("POST", "/browse/{key}/delete", Who.USER, _delete),
    )
    return [
        Route(path, visited(site, who, page), methods=[verb]) for verb, path, who, page in pages
    ]


# ---- who sees it ----------------------------------------------------------------------------


def opened(visit: Visit, permission: str = "BROWSE_PROJECTS") -> Opened:
    """The issue that the address names, for a visitor who has *permission* in its project.

    Raises HTTPException: 404 where they may not even see it, else 403.
    """
    found = _seen(visit)
    if found is None:
        raise HTTPException(404, "There is no such issue.")
    if permission not in found.rights:
        raise HTTPException(403, "You may not do this to this issue.")
    return found


def _seen(visit: Visit) -> Opened | None:
    tracker = visit.site.world.tracker
    issue = tracker.issue(visit.request.path_params["key"])
    project = tracker.project(issue.project_key) if issue else None
    if issue is None or project is None:
        return None
    rights = visit.site.rights.in_project(visit.actor, project)
    return Opened(project, issue, rights) if "BROWSE_PROJECTS" in rights else None


# ---- the page -------------------------------------------------------------------------------


async def _show(visit: Visit) -> Response:
    found = _seen(visit)
    if found is None and visit.user is None:
        # Whoever is nobody can not tell an issue that is not there from one that is not public.
        return log_in_first(visit.request)
    return await issue_page(visit, found or opened(visit))


async def issue_page(
    visit: Visit, seen: Opened, status: int = 200, errors: Mapping[str, str] | None = None
) -> Response:
    """The page; *errors* holds a text for each form that was refused, by the form's name."""
    site, (project, issue, rights) = visit.site, seen
    scene = scene_of(site, Product.JIRA, {"issue.key": issue.key}, visit.actor, visit.user)
    places = {place: await modules_for(site, site.jira, place, scene, visit) for place in PLACES}
    return visit.page(
        "issue.html",
        status,
        frames=[entry.app for entries in places.values() for entry in entries],
        project=project,
        issue=issue,
        rights=rights,
        errors=errors or {},
        places=places,
        known=providers.known_of(site, issue),
        designers=providers.modules_with(site, providers.DESIGNS, "getEntityByUrl"),
        openers=providers.openers(site),
        person=visit.people(),
        people=known_people(visit),
        field=field,
        html=html,
        choices=_choices(visit, seen),
        **_around(visit, seen),
    )


def refusal(error: ValueError) -> int:
    """The status of a page that says what is wrong with a form."""
    return 409 if isinstance(error, Meanwhile) else 400


def _choices(visit: Visit, seen: Opened) -> Choices | None:
    """What the form that edits the issue offers, for whoever may."""
    if "EDIT_ISSUES" not in seen.rights:
        return None
    return choices(visit.site, seen.project, seen.issue)


def _around(visit: Visit, seen: Opened) -> dict[str, Any]:
    """What hangs on the issue, as far as the visitor sees it, with what they may do to it."""
    world, issue = visit.site.world, seen.issue
    view = visit.site.rights.view(visit.actor)
    me = visit.actor.account_id

    def own(what: str, thing: Comment | Worklog | Attachment) -> bool:
        return seen.may(what, thing.author, me)

    comments = [c for c in world.tracker.comments(issue.id) if view.remark(issue, c.visibility)]
    parent = world.tracker.issue(issue.parent_id) if issue.parent_id else None
    components = world.components.components(seen.project.id)
    versions = world.components.versions(seen.project.id)
    return {
        "own": own,
        "comments": comments,
        "worklogs": world.worklogs.of(issue.id),
        "attachments": world.files.of("issue", issue.id),
        "pictured": lambda file: can_scale(file.media_type, file.size),
        "links": _links(visit, seen),
        "link_types": LINK_TYPES,
        "subtasks": world.tracker.subtasks(issue.id),
        "parent": parent,
        "components": [part.name for part in components if part.id in issue.components],
        "fix_versions": [part.name for part in versions if part.id in issue.fix_versions],
        "watchers": world.links.watchers(issue.id),
        "history": world.history.of(issue.id),
        "steps": transitions_from(issue.status),
        "upload_limit": visit.site.settings.upload_limit,
    }


def _links(visit: Visit, seen: Opened) -> list[tuple[int, str, Issue]]:
    """The links: id, what they say from this side, and the other issue, where it can be seen."""
    world, view = visit.site.world, visit.site.rights.view(visit.actor)
    types = {kind.name: kind for kind in LINK_TYPES}
    found = []
    for link in world.links.of(seen.issue.id):
        outward = link.source == seen.issue.id
        other = world.tracker.issue(link.target if outward else link.source)
        kind = types.get(link.type)
        if other is not None and kind is not None and view.issue(other):
            found.append((link.id, kind.outward if outward else kind.inward, other))
    return found


# ---- what changes it ------------------------------------------------------------------------


async def _edit(visit: Visit) -> Response:
    seen = opened(visit, "EDIT_ISSUES")
    try:
        if changes := read_fields(visit, seen.project, seen.issue):
            visit.site.world.tracker.edit_issue(seen.issue.id, author=visit.author, **changes)
    except ValueError as error:
        return await issue_page(visit, seen, refusal(error), {"edit": str(error)})
    return see_other(seen.path)


async def _assign(visit: Visit) -> Response:
    """Take the issue on, or put it down."""
    seen = opened(visit, "ASSIGN_ISSUES")
    assignee = visit.author if visit.form.get("to") == "me" else None
    if assignee and "ASSIGNABLE_USER" not in seen.rights:
        raise HTTPException(403, "Issues of this project can not be assigned to you.")
    visit.site.world.tracker.edit_issue(seen.issue.id, author=visit.author, assignee=assignee)
    return see_other(seen.path)


async def _transition(visit: Visit) -> Response:
    seen = opened(visit, "TRANSITION_ISSUES")
    wanted = visit.form.get("transition", "")
    steps = {str(step.id): step for step in transitions_from(seen.issue.status)}
    if wanted not in steps:
        # Somebody else was faster: the page shows where the issue is now.
        text = f"The issue is {seen.issue.status} by now, from where this step does not lead on."
        return await issue_page(visit, seen, 409, {"transition": text})
    visit.site.world.tracker.move_issue(seen.issue.id, steps[wanted], author=visit.author)
    return see_other(seen.path)


async def _watch(visit: Visit) -> Response:
    seen = opened(visit)
    on = visit.form.get("watch") == "yes"
    visit.site.world.links.watch(seen.issue.id, visit.author, on=on)
    return see_other(seen.path)


async def _delete(visit: Visit) -> Response:
    seen = opened(visit, "DELETE_ISSUES")
    visit.site.world.tracker.delete_issue(seen.issue.id, visit.author)
    return see_other("/")
