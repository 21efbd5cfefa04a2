"""Providers for people: what they know of an issue, designs to link, actions to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.descriptor import Module
from headway.host.apps import App
from headway.host.lifecycle import cloud_id
from headway.host.providers.actions import ACTIONS, ActionFailed, act, association, offered
from headway.host.providers.kinds import KINDS
from headway.host.providers.provided import Entity
from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world import Issue
from headway.redact import redact

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["DESIGNS", "Known", "known_of", "modules_with", "openers", "routes"]

LABELS = {kind.name: kind.label for kind in KINDS} | {
    "branch": "Branch",
    "commit": "Commit",
    "pull_request": "Pull request",
}
SAID_MAX = 2000  # characters of a provider's answer
DESIGNS = "jiraDesignInfoProvider"
OPENS: Mapping[tuple[str, str], str] = {
    ("jiraDevelopmentTool", "createBranch"): "Create branch",
    ("jiraFeatureFlagInfoProvider", "createFlag"): "Create feature flag",
    ("jiraFeatureFlagInfoProvider", "linkFlag"): "Link feature flag",
    ("jiraFeatureFlagInfoProvider", "listFlags"): "List feature flags",
    ("jiraDeploymentInfoProvider", "listDeployments"): "List deployments",
}
"""The actions that open a page of the provider's, and what the link to it says."""


class Known(NamedTuple):
    """One thing that a provider has told of an issue; *url* is empty unless it is a web address."""

    app: str
    app_key: str
    key: str
    kind: str
    label: str
    title: str
    url: str
    state: str


def known_of(site: Site, issue: Issue) -> list[Known]:
    """What providers have told of *issue*."""
    names = {app.key: app.name for app in site.jira.apps.all()}
    return [
        Known(
            app=names.get(entity.app_key, entity.app_key),
            app_key=entity.app_key,
            key=str(entity.key[-1]),
            kind=entity.kind,
            label=LABELS.get(entity.kind, entity.kind),
            title=_text(entity.data, "displayName", "name", "title") or str(entity.key[-1]),
            url=_web(_text(entity.data, "url")),
            state=_text(entity.data, "state", "status"),
        )
        for entity in site.provided.of_issue(issue.id)
    ]


def _text(data: Mapping[str, Any], *names: str) -> str:
    found = (data.get(name) for name in names)
    return next((value for value in found if isinstance(value, str)), "")


def _web(url: str) -> str:
    """*url*, if a link may lead there."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def modules_with(site: Site, kind: str, action: str) -> list[tuple[App, Module]]:
    """The modules of one type that declare an action."""
    return [
        (app, module)
        for app in site.jira.apps.all()
        if app.enabled
        for module in app.modules
        if module.type == kind and action in module.actions
    ]


def openers(site: Site) -> list[tuple[App, Module, str, str]]:
    """What a browser opens from the page of an issue: app, module, action, and what it says."""
    return [
        (app, module, action, says)
        for (kind, action), says in OPENS.items()
        for app, module in modules_with(site, kind, action)
    ]


def routes(site: Site) -> list[BaseRoute]:
    """The page of actions; the forms and the link on the page of an issue."""
    return [
        Route("/providers", visited(site, Who.ADMIN, _show)),
        Route(
            "/providers/{app}/{module}/{action}",
            visited(site, Who.ADMIN, _act),
            methods=["POST"],
        ),
        Route("/browse/{key}/designs", visited(site, Who.USER, _link), methods=["POST"]),
        Route("/browse/{key}/designs/remove", visited(site, Who.USER, _unlink), methods=["POST"]),
        Route("/browse/{key}/open/{app}/{module}/{action}", visited(site, Who.USER, _open)),
    ]


# ---- actions to try -------------------------------------------------------------------------


async def _show(visit: Visit) -> Response:
    return _page(visit)


def _page(visit: Visit, status: int = 200, *, asked: str = "", said: str = "") -> Response:
    providers = [
        (app, module, name, ACTIONS[module.type, name].fields)
        for app in visit.site.jira.apps.all()
        for module, name in offered(app)
    ]
    return visit.page("providers.html", status, providers=providers, asked=asked, said=said)


async def _act(visit: Visit) -> Response:
    app, module = _module(visit)
    name = visit.request.path_params["action"]
    if (module, name) not in offered(app):
        raise HTTPException(404, "No installed app has this action.")
    fields = {**visit.form, "userId": visit.author}
    try:
        answer = await act(visit.site.jira.outgoing, app, module, name, fields)
    except ActionFailed as failure:
        return _page(visit, 502, asked=name, said=str(failure))
    said = redact(answer.body.decode("utf-8", "replace"))[:SAID_MAX]
    return _page(visit, asked=name, said=f"{answer.status} {said}")


def _module(visit: Visit) -> tuple[App, Module]:
    params = visit.request.path_params
    app = visit.site.jira.apps.get(params["app"])
    module = app.module(params["module"]) if app is not None and app.enabled else None
    if app is None or module is None:
        raise HTTPException(404, "No installed app has this module.")
    return app, module


# ---- on the page of an issue ----------------------------------------------------------------


def _issue(visit: Visit, permission: str) -> Issue:
    tracker = visit.site.world.tracker
    issue = tracker.issue(visit.request.path_params["key"])
    project = tracker.project(issue.project_key) if issue else None
    if issue and project and visit.site.rights.may(visit.actor, permission, project):
        return issue
    raise HTTPException(404, "There is no such issue, or it is not yours to change.")


async def _link(visit: Visit) -> Response:
    """Ask the provider what is at an address, keep it, and tell it of the link."""
    issue, site = _issue(visit, "EDIT_ISSUES"), visit.site
    wanted = visit.form.get("module", "").split(" ")
    for app, module in modules_with(site, DESIGNS, "getEntityByUrl"):
        if [app.key, module.key] == wanted:
            break
    else:
        raise HTTPException(404, "No installed app has such designs.")
    fields = {"url": visit.form.get("url", ""), "userId": visit.author}
    try:
        answer = await act(site.jira.outgoing, app, module, "getEntityByUrl", fields)
    except ActionFailed as failure:
        raise HTTPException(502, str(failure)) from None
    entity = _design(app, answer.status, answer.body)
    site.provided.put(entity, (), gone=())
    site.provided.link(entity, issue.id, on=True)
    await _tell(visit, app, module, entity, issue, on=True)
    return see_other(f"/browse/{issue.key}#known")


def _design(app: App, status: int, body: bytes) -> Entity:
    try:
        data = msgspec.json.decode(body) if status == 200 else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = None
    design = data.get("id") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(design, str) or not design:
        raise HTTPException(502, f"{app.name} knows no design at this address (it said {status}).")
    sequence = data.get("updateSequenceNumber")
    return Entity(
        app_key=app.key,
        kind="designs",
        key=[design],
        sequence=sequence if isinstance(sequence, int) else 0,
        data=data,
        properties={},
    )


async def _unlink(visit: Visit) -> Response:
    issue, site = _issue(visit, "EDIT_ISSUES"), visit.site
    app_key, design = visit.form.get("app", ""), visit.form.get("id", "")
    entity = site.provided.get(app_key, "designs", [design])
    if entity is None:
        raise HTTPException(404, "There is no such design.")
    site.provided.link(entity, issue.id, on=False)
    for app, module in modules_with(site, DESIGNS, "onEntityDisassociated"):
        if app.key == app_key:
            await _tell(visit, app, module, entity, issue, on=False)
    return see_other(f"/browse/{issue.key}#known")


async def _tell(
    visit: Visit, app: App, module: Module, entity: Entity, issue: Issue, *, on: bool
) -> None:
    """Tell the provider, if it wants to know; the traffic shows what became of it."""
    name = "onEntityAssociated" if on else "onEntityDisassociated"
    if name not in module.actions:
        return
    identifier = str(entity.key[0])
    told = association(cloud_id(visit.site.database), identifier, issue.id, visit.author, on=on)
    try:
        await act(visit.site.jira.outgoing, app, module, name, {"userId": visit.author}, told)
    except ActionFailed:
        return


async def _open(visit: Visit) -> Response:
    """To the provider's page for an action; a browser opens it, so its address may sign."""
    issue = _issue(visit, "BROWSE_PROJECTS")
    app, module = _module(visit)
    action = visit.request.path_params["action"]
    written = module.actions.get(action)
    if written is None or (module.type, action) not in OPENS:
        raise HTTPException(404, "This app has no such page.")
    flags = [str(entity.key[-1]) for entity in visit.site.provided.of_issue(issue.id)
             if entity.kind == "featureflags" and entity.app_key == app.key]  # fmt: skip
    context = {
        "issue.key": issue.key,
        "issue.id": str(issue.id),
        "issue.summary": issue.summary,
        "issue.flags": ",".join(flags),
        "project.key": issue.project_key,
    }
    return see_other(visit.site.jira.outgoing.action_url(app, written, context, visit.user))
