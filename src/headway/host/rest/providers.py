"""What apps submit in bulk about issues, read back and deleted: one endpoint a row of ``kinds``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.apps import App
from headway.host.providers.kinds import KINDS, Kind, associations, errors_of
from headway.host.providers.provided import PER_APP, Entity
from headway.host.rest.call import Call, Endpoint

__all__ = ["ENDPOINTS", "Issues", "entity_key", "number", "properties", "provider", "up_to"]

AT_ONCE = 1000  # things in one submission
PROPERTIES_MAX = 5  # "up to 5 properties"
UNDERSCORED = ("_updateSequenceNumber", "_updateSequenceId")
ONLY_UNKNOWN = "Is about no issue that this site knows"
TOO_MANY = f"An app can have {PER_APP} of these at most"


def provider(call: Call, module: str) -> App:
    """The app that calls, if its descriptor has the *module* that this API is for."""
    app = call.tenant.apps.get(call.actor.app_key or "") if call.actor.kind == "app" else None
    if app is None or not any(each.type == module for each in app.modules):
        raise call.no(403, f"Only Connect apps that define the {module} module can use this.")
    return app


class Issues:
    """Looks up what submitted things are about, and remembers what is not known."""

    def __init__(self, call: Call) -> None:
        self._tracker = call.site.world.tracker
        self.unknown: list[str] = []
        self.others: list[dict[str, Any]] = []

    def of(self, entity: Mapping[str, Any]) -> list[int]:
        """The ids of the issues that *entity* is about."""
        found = associations(entity)
        self.others += found.others
        return self._ids(found.issues)

    def gone(self, entity: Mapping[str, Any]) -> list[int] | None:
        """The ids of those that it is about no longer; None where it says all that it is about."""
        if not entity.keys() & {"addAssociations", "removeAssociations"}:
            return None
        ids = [self._tracker.issue(key) for key in associations(entity).removed]
        return [issue.id for issue in ids if issue is not None]

    def _ids(self, keys: Iterable[str]) -> list[int]:
        found = []
        for key in keys:
            issue = self._tracker.issue(key)
            if issue is not None:
                found.append(issue.id)
            elif key not in self.unknown:
                self.unknown.append(key)
        return found


def properties(call: Call, body: Mapping[str, Any]) -> dict[str, str]:
    """The properties by which a submission can be deleted later."""
    found = body.get("properties", {})
    if not isinstance(found, dict) or len(found) > PROPERTIES_MAX:
        raise call.no(400, f"properties is an object of at most {PROPERTIES_MAX} members.")
    if any(str(name).startswith("_") for name in found):
        raise call.no(400, "The name of a property does not begin with an underscore.")
    return {str(name): str(value) for name, value in found.items()}


def listed(call: Call, body: Mapping[str, Any], member: str) -> list[Any]:
    """What is submitted."""
    found = body.get(member)
    if not isinstance(found, list) or not 0 < len(found) <= AT_ONCE:
        raise call.no(400, f"{member} is a list of 1 to {AT_ONCE}.")
    return found


async def _submit(kind: Kind, call: Call) -> Response:
    app, body = provider(call, kind.module), await call.body()
    kept, issues = properties(call, body), Issues(call)
    accepted: list[Any] = []
    rejected: list[tuple[Mapping[str, Any], list[dict[str, str]]]] = []
    for entity in listed(call, body, kind.member):
        errors = errors_of(kind, entity) or _keep(call, kind, app, entity, kept, issues)
        key = kind.key_of(entity) if isinstance(entity, dict) else {}
        if errors:
            rejected.append((key, errors))
        else:
            accepted.append(key if kind.listed else str(next(iter(key.values()))))
    answer: dict[str, Any] = {kind.accepted: accepted}
    if kind.listed:
        answer[kind.rejected] = [{"key": key, "errors": errors} for key, errors in rejected]
    else:
        answer[kind.rejected] = {str(key.get("id", "")): errors for key, errors in rejected}
    answer["unknownIssueKeys"] = issues.unknown
    answer["unknownAssociations"] = issues.others
    return JSONResponse(answer, 202)


def _keep(
    call: Call, kind: Kind, app: App, entity: Any, kept: dict[str, str], issues: Issues
) -> list[dict[str, str]]:
    ids, gone = issues.of(entity), issues.gone(entity)
    if not ids and not gone and not kind.alone:
        return [{"message": ONLY_UNKNOWN}]
    made = Entity(
        app_key=app.key,
        kind=kind.name,
        key=list(kind.key_of(entity).values()),
        sequence=entity[kind.sequence],
        data=entity,
        properties=kept,
    )
    return [] if call.site.provided.put(made, ids, gone) else [{"message": TOO_MANY}]


# ---- one of them ----------------------------------------------------------------------------


def entity_key(call: Call, names: Iterable[str]) -> list[str | int]:
    """The key that a path names; a part that is all digits may have been sent as a number."""
    return [call.request.path_params[name] for name in names]


def _found(kind: Kind, call: Call, app: App) -> Entity:
    wanted = [str(part) for part in entity_key(call, kind.key)]
    for entity in _spellings(call, app, kind.name, wanted):
        return entity
    raise call.no(404, f"There is no such {kind.label.lower()}.")


def _spellings(call: Call, app: App, kind: str, wanted: list[str]) -> Iterable[Entity]:
    for entity in call.site.provided.of(app.key, kind):
        if [str(part) for part in entity.key] == wanted:
            yield entity


async def _get(kind: Kind, call: Call) -> Response:
    return JSONResponse(_found(kind, call, provider(call, kind.module)).data)


async def _gating(call: Call) -> Response:
    """Whether a deployment that was submitted may go on; nothing holds one up on this site."""
    kind = _DEPLOYMENTS
    entity = _found(kind, call, provider(call, kind.module))
    updated = entity.data.get("lastUpdated")
    answer: dict[str, Any] = {**kind.key_of(entity.data), "gatingStatus": "allowed", "details": []}
    return JSONResponse(answer | ({"updatedTimestamp": updated} if updated else {}))


async def _delete(kind: Kind, call: Call) -> Response:
    app = provider(call, kind.module)
    wanted = [str(part) for part in entity_key(call, kind.key)]
    for entity in _spellings(call, app, kind.name, wanted):
        call.site.provided.remove(app.key, kind.name, entity.key, up_to(call))
    return Response(status_code=202)


# ---- by their properties --------------------------------------------------------------------


def up_to(call: Call) -> int | None:
    """The latest that a deletion is about; None for all."""
    query = call.request.query_params
    for name in UNDERSCORED:
        if name in query:
            return number(call, query[name])
    return None


def number(call: Call, text: str) -> int:
    """A whole number of a query; ends the call where it is none."""
    try:
        return int(text[:20])
    except ValueError:
        raise call.no(400, f"{text[:20]} is not a whole number.") from None


def by_properties(call: Call, app: App, kinds: Iterable[str]) -> list[Entity]:
    """The things that the query's parameters name by their properties."""
    query = call.request.query_params
    wanted = {name: value for name, value in query.items() if not name.startswith("_")}
    if not wanted:
        raise call.no(400, "At least one property must be given.")
    return call.site.provided.having(app.key, kinds, wanted)


async def _delete_by(kind: Kind, call: Call) -> Response:
    app = provider(call, kind.module)
    for entity in by_properties(call, app, [kind.name]):
        call.site.provided.remove(app.key, kind.name, entity.key, up_to(call))
    return Response(status_code=202)


# ---- workspaces of a security tool ----------------------------------------------------------

_SECURITY = next(kind for kind in KINDS if kind.name == "security")
_WORKSPACE = "workspace"


async def _link_workspaces(call: Call) -> Response:
    app, body = provider(call, _SECURITY.module), await call.body()
    for workspace in listed(call, body, "workspaceIds"):
        call.site.provided.put(
            Entity(
                app_key=app.key,
                kind=_WORKSPACE,
                key=[str(workspace)],
                sequence=0,
                data={"workspaceId": str(workspace)},
                properties={},
            ),
            (),
        )
    return Response(status_code=202)


async def _workspaces(call: Call) -> Response:
    found = call.site.provided.of(provider(call, _SECURITY.module).key, _WORKSPACE)
    return JSONResponse({"workspaceIds": [entity.key[0] for entity in found]})


async def _workspace(call: Call) -> Response:
    app = provider(call, _SECURITY.module)
    found = call.site.provided.get(app.key, _WORKSPACE, entity_key(call, ["workspaceId"]))
    if found is None:
        raise call.no(404, "There is no such workspace.")
    return JSONResponse(found.data)


async def _unlink_workspaces(call: Call) -> Response:
    app, text = provider(call, _SECURITY.module), call.request.query_params.get("workspaceIds", "")
    if not text:
        raise call.no(400, "workspaceIds is missing.")
    for workspace in text.split(","):
        call.site.provided.remove(app.key, _WORKSPACE, [workspace], None)
    return Response(status_code=202)


_DEPLOYMENTS = next(kind for kind in KINDS if kind.name == "deployments")
_LINKED = f"{_SECURITY.path}/linkedWorkspaces"
ENDPOINTS = (
    *(
        Endpoint(method, f"{kind.path}{path}", partial(answer, kind))
        for kind in KINDS
        for method, path, answer in (
            ("POST", "/bulk", _submit),
            ("DELETE", "/bulkByProperties", _delete_by),
            ("GET", kind.one, _get),
            ("DELETE", kind.one, _delete),
        )
    ),
    Endpoint("GET", f"{_DEPLOYMENTS.path}{_DEPLOYMENTS.one}/gating-status", _gating),
    Endpoint("POST", f"{_LINKED}/bulk", _link_workspaces),
    Endpoint("DELETE", f"{_LINKED}/bulk", _unlink_workspaces),
    Endpoint("GET", _LINKED, _workspaces),
    Endpoint("GET", f"{_LINKED}/{{workspaceId}}", _workspace),
)
