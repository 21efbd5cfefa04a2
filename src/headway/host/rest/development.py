"""Development information: repositories with their branches, commits and pull requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.apps import App
from headway.host.providers.kinds import DEVELOPMENT, PARTS
from headway.host.providers.provided import Entity
from headway.host.rest.call import Call, Endpoint
from headway.host.rest.providers import (
    ONLY_UNKNOWN,
    TOO_MANY,
    Issues,
    by_properties,
    entity_key,
    listed,
    properties,
    provider,
    up_to,
)

__all__ = ["ENDPOINTS"]

MODULE = "jiraDevelopmentTool"
REPOSITORY = "repository"
KINDS = (REPOSITORY, *PARTS.values())


async def _submit(call: Call) -> Response:
    app, body = provider(call, MODULE), await call.body()
    kept, issues = properties(call, body), Issues(call)
    accepted: dict[str, Any] = {}
    failed: dict[str, Any] = {}
    for repository in listed(call, body, "repositories"):
        known = isinstance(repository, Mapping)
        name = str(repository.get("id", "")) if known else ""
        errors = _errors(repository)
        if errors or not _keep(call, app, REPOSITORY, [name], repository, kept, []):
            failed[name] = {"errorMessages": errors or [{"message": TOO_MANY}]}
            continue
        good, bad = _parts(call, app, name, repository, kept, issues)
        accepted[name] = good
        if bad:
            failed[name] = bad
    answer = {
        "acceptedDevinfoEntities": accepted,
        "failedDevinfoEntities": failed,
        "unknownIssueKeys": issues.unknown,
        "unknownAssociations": issues.others,
    }
    return JSONResponse(answer, 202)


def _parts(
    call: Call,
    app: App,
    repository_id: str,
    repository: Mapping[str, Any],
    kept: dict[str, str],
    issues: Issues,
) -> tuple[dict[str, list[str]], dict[str, list[Any]]]:
    """Keep what the repository lists; the ids that were taken, and what was not, by member."""
    good: dict[str, list[str]] = {}
    bad: dict[str, list[Any]] = {}
    for member, kind in PARTS.items():
        found = repository.get(member)
        for part in found if isinstance(found, list) else []:
            errors = _errors(part)
            if not errors:
                ids = issues.of(part)
                key = [repository_id, str(part["id"])]
                if not ids:
                    errors = [{"message": ONLY_UNKNOWN}]
                elif not _keep(call, app, kind, key, part, kept, ids):
                    errors = [{"message": TOO_MANY}]
            name = str(part.get("id", "")) if isinstance(part, Mapping) else ""
            if errors:
                bad.setdefault(member, []).append({"id": name, "errorMessages": errors})
            else:
                good.setdefault(member, []).append(name)
    return good, bad


def _errors(thing: object) -> list[dict[str, str]]:
    if not isinstance(thing, Mapping):
        return [{"message": "is not an object"}]
    errors = [] if thing.get("id") not in (None, "") else ["id is missing"]
    sequence = thing.get("updateSequenceId")
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        errors.append("updateSequenceId is not a whole number")
    return [{"message": error} for error in errors]


def _keep(
    call: Call,
    app: App,
    kind: str,
    key: list[str],
    thing: Mapping[str, Any],
    kept: dict[str, str],
    ids: list[int],
) -> bool:
    data = {name: value for name, value in thing.items() if name not in PARTS}
    made = Entity(
        app_key=app.key,
        kind=kind,
        key=list(key),
        sequence=thing["updateSequenceId"],
        data=data,
        properties=kept,
    )
    return call.site.provided.put(made, ids)


# ---- one of them ----------------------------------------------------------------------------


def _of(call: Call, app: App, kind: str, repository_id: str) -> list[Entity]:
    return [each for each in call.site.provided.of(app.key, kind) if each.key[0] == repository_id]


async def _get(call: Call) -> Response:
    app, (name,) = provider(call, MODULE), entity_key(call, ["repositoryId"])
    repository = call.site.provided.get(app.key, REPOSITORY, [name])
    if repository is None:
        raise call.no(404, "There is no such repository.")
    parts = {
        member: [each.data for each in _of(call, app, kind, str(name))]
        for member, kind in PARTS.items()
    }
    return JSONResponse({**repository.data, **parts})


async def _delete(call: Call) -> Response:
    app, (name,) = provider(call, MODULE), entity_key(call, ["repositoryId"])
    for kind in KINDS:
        for entity in _of(call, app, kind, str(name)):
            call.site.provided.remove(app.key, kind, entity.key, up_to(call))
    return Response(status_code=202)


async def _delete_part(call: Call) -> Response:
    app = provider(call, MODULE)
    kind, *key = entity_key(call, ["entityType", "repositoryId", "entityId"])
    if kind not in PARTS.values():
        raise call.no(400, f"The type of an entity is one of {', '.join(PARTS.values())}.")
    call.site.provided.remove(app.key, str(kind), key, up_to(call))
    return Response(status_code=202)


async def _exists(call: Call) -> Response:
    found = by_properties(call, provider(call, MODULE), KINDS)
    return JSONResponse({"hasDataMatchingProperties": bool(found)})


async def _delete_by(call: Call) -> Response:
    app = provider(call, MODULE)
    for entity in by_properties(call, app, KINDS):
        call.site.provided.remove(app.key, entity.kind, entity.key, up_to(call))
    return Response(status_code=202)


_REPOSITORY = f"{DEVELOPMENT}/repository/{{repositoryId}}"
ENDPOINTS = (
    Endpoint("POST", f"{DEVELOPMENT}/bulk", _submit),
    Endpoint("GET", _REPOSITORY, _get),
    Endpoint("DELETE", _REPOSITORY, _delete),
    Endpoint("DELETE", f"{_REPOSITORY}/{{entityType}}/{{entityId}}", _delete_part),
    Endpoint("GET", f"{DEVELOPMENT}/existsByProperties", _exists),
    Endpoint("DELETE", f"{DEVELOPMENT}/bulkByProperties", _delete_by),
)
