"""What people add to an issue: comments, the work that they did, links to other issues."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.issue import Opened, issue_page, opened, refusal
from headway.host.pages.texts import Said, said
from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world import Comment, Worklog
from headway.host.world.catalog import LINK_TYPES
from headway.host.world.worklogs import seconds_of

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

Thing = TypeVar("Thing", Comment, Worklog)


def routes(site: Site) -> list[BaseRoute]:
    """Forms only: the page of the issue shows what became of them."""
    forms = {
        "comment": _comment,
        "comment/{id}": _edit_comment,
        "comment/{id}/delete": _delete_comment,
        "worklog": _log_work,
        "worklog/{id}/delete": _delete_work,
        "link": _link,
        "link/{id}/delete": _unlink,
    }
    return [
        Route(f"/browse/{{key}}/{path}", visited(site, Who.USER, answer), methods=["POST"])
        for path, answer in forms.items()
    ]


# ---- comments -------------------------------------------------------------------------------


async def _comment(visit: Visit) -> Response:
    seen = opened(visit, "ADD_COMMENTS")
    try:
        made = said(visit, "body") or Said("")
        visit.site.world.tracker.add_comment(
            seen.issue.id, visit.author, made.text.strip(), document=made.document
        )
    except ValueError as error:
        return await issue_page(visit, seen, 400, {"comment": str(error)})
    return see_other(f"{seen.path}#comments")


async def _edit_comment(visit: Visit) -> Response:
    seen = opened(visit)
    comment = _own_comment(visit, seen, "EDIT_COMMENTS")
    try:
        new = said(visit, "body", comment.body, comment.document)
        if new is not None:
            visit.site.world.tracker.edit_comment(
                comment.id, visit.author, body=new.text.strip(), document=new.document
            )
    except ValueError as error:
        errors = {f"comment-{comment.id}": str(error)}
        return await issue_page(visit, seen, refusal(error), errors)
    return see_other(f"{seen.path}#comment-{comment.id}")


async def _delete_comment(visit: Visit) -> Response:
    seen = opened(visit)
    comment = _own_comment(visit, seen, "DELETE_COMMENTS")
    visit.site.world.tracker.delete_comment(comment.id, visit.author)
    return see_other(f"{seen.path}#comments")


def _own_comment(visit: Visit, seen: Opened, what: str) -> Comment:
    """The comment that the address names, if it is the visitor's to change and they see it."""
    comment = visit.site.world.tracker.comment(visit.request.path_params["id"])
    view = visit.site.rights.view(visit.actor)
    if (
        comment is None
        or comment.issue_id != seen.issue.id
        or not view.remark(seen.issue, comment.visibility)
    ):
        raise HTTPException(404, "There is no such comment, or no longer.")
    return _own(visit, seen, what, comment)


def _own(visit: Visit, seen: Opened, what: str, thing: Thing) -> Thing:
    if not seen.may(what, thing.author, visit.author):
        raise HTTPException(403, "This was written by somebody else.")
    return thing


# ---- work -----------------------------------------------------------------------------------


async def _log_work(visit: Visit) -> Response:
    seen = opened(visit, "WORK_ON_ISSUES")
    try:
        visit.site.world.worklogs.add(
            seen.issue.id,
            visit.author,
            seconds_of(visit.form.get("spent", "")),
            comment=(visit.text("note") or "").strip(),
        )
    except ValueError as error:
        return await issue_page(visit, seen, 400, {"worklog": str(error)})
    return see_other(f"{seen.path}#work")


async def _delete_work(visit: Visit) -> Response:
    seen = opened(visit)
    work = visit.site.world.worklogs.worklog(visit.request.path_params["id"])
    if work is None or work.issue_id != seen.issue.id:
        raise HTTPException(404, "There is no such work, or no longer.")
    _own(visit, seen, "DELETE_WORKLOGS", work)
    visit.site.world.worklogs.delete(work.id, visit.author)
    return see_other(f"{seen.path}#work")


# ---- links ----------------------------------------------------------------------------------


async def _link(visit: Visit) -> Response:
    """Link to another issue: ``10000:out`` is what this one does to it, ``in`` the reverse."""
    seen = opened(visit, "LINK_ISSUES")
    try:
        source, target, kind = _linked(visit, seen)
        visit.site.world.links.add(kind, source, target, visit.author)
    except ValueError as error:
        return await issue_page(visit, seen, 400, {"link": str(error)})
    return see_other(f"{seen.path}#links")


def _linked(visit: Visit, seen: Opened) -> tuple[int, int, str]:
    """The two ends and the type of a new link; raises ValueError."""
    wanted, _, direction = visit.form.get("kind", "").partition(":")
    kinds = {str(kind.id): kind.name for kind in LINK_TYPES}
    if wanted not in kinds or direction not in ("in", "out"):
        raise ValueError("Choose how the two issues belong together.")
    key = visit.form.get("to", "").strip().upper()
    other = visit.site.world.tracker.issue(key)
    if other is None or not visit.site.rights.view(visit.actor).issue(other):
        raise ValueError(f"There is no issue {key[:50]!r} that you may see.")
    ends = seen.issue.id, other.id
    source, target = ends if direction == "out" else reversed(ends)
    return source, target, kinds[wanted]


async def _unlink(visit: Visit) -> Response:
    seen = opened(visit, "LINK_ISSUES")
    link = visit.site.world.links.link(visit.request.path_params["id"])
    if link is None or seen.issue.id not in (link.source, link.target):
        raise HTTPException(404, "There is no such link, or no longer.")
    visit.site.world.links.delete(link.id, visit.author)
    return see_other(f"{seen.path}#links")
