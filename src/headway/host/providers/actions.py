"""What the site asks of a provider's server: one table, from an action to how it is asked.

Names, methods and bodies are those of "Development actions", "Security
Information Actions" and the provider actions of designs; each carries
``Authorization: JWT``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from headway.descriptor import Module
from headway.errors import MalformedRequest
from headway.host.apps import App
from headway.host.outgoing import CALLS, Outgoing
from headway.host.wire import Answer, NoAnswer

__all__ = ["ACTIONS", "Action", "ActionFailed", "act", "ari", "association", "offered"]

Fields = Mapping[str, str]


class ActionFailed(Exception):
    """A provider could not be asked, or did not answer with success; the text is for people."""


class Action(NamedTuple):
    """How an action is asked: *call* is a row of the table of outgoing calls.

    ``fields`` are what a person says; a search puts them into the query.
    """

    call: str
    fields: tuple[str, ...]
    body: Callable[[Fields], Any] | None = None


def _ids(fields: Fields) -> Any:
    return {"ids": [each.strip() for each in fields.get("ids", "").split(",") if each.strip()]}


def _id(fields: Fields) -> Any:
    return {"id": fields.get("id", "")}


def _entity_by_url(fields: Fields) -> Any:
    return {"entity": {"url": fields.get("url", "")}, "user": {"id": fields.get("userId", "")}}


ACTIONS: Mapping[tuple[str, str], Action] = {
    ("jiraDevelopmentTool", "searchConnectedWorkspaces"): Action("search action", ("searchQuery",)),
    ("jiraDevelopmentTool", "searchRepositories"): Action("search action", ("searchQuery",)),
    ("jiraDevelopmentTool", "associateRepository"): Action("action", ("id",), _id),
    ("jiraDevelopmentTool", "disassociateRepository"): Action("action", ("id",), _id),
    ("jiraSecurityInfoProvider", "fetchContainers"): Action("action", ("ids",), _ids),
    ("jiraSecurityInfoProvider", "fetchWorkspaces"): Action("action", ("ids",), _ids),
    ("jiraSecurityInfoProvider", "searchContainers"): Action(
        "search action", ("workspaceId", "searchQuery")
    ),
    ("jiraDesignInfoProvider", "getEntityByUrl"): Action("action", ("url",), _entity_by_url),
    ("jiraDesignInfoProvider", "checkAuth"): Action("search action", ()),
}
"""What can be asked by hand; the site asks the rest where something happens."""


def offered(app: App) -> list[tuple[Module, str]]:
    """The actions that an app declares and that this site can ask."""
    return [
        (module, name)
        for module in app.modules
        for name in module.actions
        if (module.type, name) in ACTIONS
    ]


async def act(
    outgoing: Outgoing, app: App, module: Module, name: str, fields: Fields, body: Any = None
) -> Answer:
    """Ask for an action of *module*; *fields* are what a person says, ``userId`` who asks.

    Raises ActionFailed where there is no answer; its status is for the caller.
    """
    action = ACTIONS.get((module.type, name), Action("action", ()))
    url = app.descriptor.url(module.actions[name], fields)
    if CALLS[action.call].method == "GET":
        given = [f"{field}={quote_plus(fields.get(field, ''))}" for field in action.fields]
        url += ("&" if "?" in url else "?") + "&".join(given) if given else ""
        data = b""
    else:
        told = body if action.body is None else action.body(fields)
        data = json.dumps(told).encode()
    try:
        return await outgoing.tell(app, action.call, url, data, {})
    except MalformedRequest as refusal:
        raise ActionFailed(f"{name}: {refusal.title}") from None
    except NoAnswer as failure:
        raise ActionFailed(f"{name}: {failure}") from None


def ari(cloud_id: str, kind: str, identifier: object) -> str:
    """The resource name of something of this site.

    >>> ari("c", "issue", 1)
    'ari:cloud:jira:c:issue/1'
    """
    return f"ari:cloud:jira:{cloud_id}:{kind}/{identifier}"


def association(cloud_id: str, design: str, issue_id: int, user: str, *, on: bool) -> Any:
    """What a provider is told when a design was linked with an issue, or is no longer."""
    issue = {
        "ati": "ati:cloud:jira:issue",
        "ari": ari(cloud_id, "issue", issue_id),
        "cloudId": cloud_id,
        "id": str(issue_id),
    }
    return {
        "entity": {"ari": ari(cloud_id, "design", design), "id": design},
        "associatedWith" if on else "disassociatedFrom": issue,
        "user": {"id": user},
    }
