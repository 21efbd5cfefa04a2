"""Webhooks that an app registers by a call, and those of its deliveries that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from starlette.responses import JSONResponse, Response

from headway.descriptor import resolve
from headway.descriptor.addresses import check_address
from headway.host.events.deliveries import Lane
from headway.host.events.registrations import (
    EVENTS,
    LIFE_SECONDS,
    PER_APP,
    Registration,
    unsupported,
)
from headway.host.rest.call import Call, Endpoint
from headway.host.search.jql import QueryError, parse
from headway.model import Product

__all__ = ["ENDPOINTS"]

ONLY_APPS = "Only Connect and OAuth 2.0 apps can use this operation."
AT_ONCE = 100  # registrations, or ids, in one call
PAGE = 100
FAILED_SECONDS = 72 * 3600.0  # "After 72 hours the failure may no longer be returned"

_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Names = Annotated[list[_Text], msgspec.Meta(max_length=100)]


class _Wanted(msgspec.Struct, frozen=True, rename="camel"):
    jql_filter: Annotated[str, msgspec.Meta(max_length=10_000)]
    events: _Names
    field_ids_filter: _Names = []
    issue_property_keys_filter: _Names = []


class _Registering(msgspec.Struct, frozen=True):
    url: Annotated[str, msgspec.Meta(max_length=2000)]
    webhooks: Annotated[list[_Wanted], msgspec.Meta(min_length=1, max_length=AT_ONCE)]


class _Ids(msgspec.Struct, frozen=True, rename="camel"):
    webhook_ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=AT_ONCE)]


def _app(call: Call) -> str:
    if call.actor.kind != "app" or call.actor.app_key is None:
        raise call.no(403, ONLY_APPS)
    return call.actor.app_key


def _read(call: Call, body: Mapping[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise call.no(400, str(error)) from None


async def _register(call: Call) -> Response:
    """Keep what can be kept; each of the rest gets its reasons, in its place."""
    app_key = _app(call)
    asked: _Registering = _read(call, await call.body(), _Registering)
    app = call.tenant.apps.get(app_key)
    base_url = app.base_url if app else ""
    try:
        check_address(base_url, asked.url, "url")
    except ValueError as error:
        raise call.no(400, str(error)) from None
    url = resolve(base_url, asked.url)
    at, kept = call.site.clock.at(), call.site.registrations
    answers: list[dict[str, Any]] = []
    for wanted in asked.webhooks:
        errors = _errors(call, wanted)
        if len(kept.of(app_key, at)) >= PER_APP:
            errors.append(f"An app can have {PER_APP} webhooks at most")
        if errors:
            answers.append({"errors": errors})
            continue
        made = kept.add(
            app_key,
            url,
            at + LIFE_SECONDS,
            events=wanted.events,
            jql=wanted.jql_filter,
            field_ids=wanted.field_ids_filter,
            property_keys=wanted.issue_property_keys_filter,
        )
        answers.append({"createdWebhookId": made})
    return JSONResponse({"webhookRegistrationResult": answers})


def _errors(call: Call, wanted: _Wanted) -> list[str]:
    errors = [f"The event {event} is unsupported" for event in wanted.events if event not in EVENTS]
    if not wanted.events:
        errors.append("There is no event")
    try:
        errors += unsupported(parse(wanted.jql_filter))
        if not errors:
            call.site.search.check(wanted.jql_filter)
    except QueryError as error:
        errors.append(str(error))
    return errors


async def _list(call: Call) -> Response:
    app_key, query = _app(call), call.request.query_params
    start, limit = _number(call, query.get("startAt"), 0), _number(call, query.get("maxResults"))
    found = call.site.registrations.of(app_key, call.site.clock.at())
    page = found[start : start + limit]
    return JSONResponse(
        {
            "startAt": start,
            "maxResults": limit,
            "total": len(found),
            "isLast": start + limit >= len(found),
            "values": [_shape(registration) for registration in page],
        }
    )


def _number(call: Call, text: str | None, usual: int = PAGE) -> int:
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise call.no(400, f"{text[:20]} is not a whole number from 0 on.")
    return int(text) if usual == 0 else min(int(text), PAGE)


def _shape(registration: Registration) -> dict[str, Any]:
    narrowed = {
        "fieldIdsFilter": registration.field_ids,
        "issuePropertyKeysFilter": registration.property_keys,
    }
    return {
        "id": registration.id,
        "jqlFilter": registration.jql,
        "events": registration.events,
        "expirationDate": int(registration.expires * 1000),
        **{name: value for name, value in narrowed.items() if value},
    }


async def _delete(call: Call) -> Response:
    app_key = _app(call)
    asked: _Ids = _read(call, await call.body(), _Ids)
    call.site.registrations.remove(app_key, asked.webhook_ids)
    return Response(status_code=202)


async def _refresh(call: Call) -> Response:
    app_key = _app(call)
    asked: _Ids = _read(call, await call.body(), _Ids)
    expires = call.site.clock.at() + LIFE_SECONDS
    call.site.registrations.refresh(app_key, asked.webhook_ids, expires)
    return JSONResponse({"expirationDate": int(expires * 1000)})


async def _failed(call: Call) -> Response:
    """What was given up, the oldest first; those of one moment are never split."""
    lane, query = Lane(Product.JIRA, _app(call)), call.request.query_params
    limit = _number(call, query.get("maxResults"))
    after = _number(call, query.get("after") or query.get("failedAfter"), 0)
    oldest = max(after / 1000, call.site.clock.at() - FAILED_SECONDS)
    values: list[dict[str, Any]] = []
    for delivery, body in call.site.outbox.deliveries.failed(lane, oldest):
        moment = int((delivery.ended or 0) * 1000)
        if moment <= after:
            continue
        if len(values) >= limit and moment != values[-1]["failureTime"]:
            break
        told = {"body": body.decode()} if body else {}
        values.append(
            {"id": delivery.identifier, **told, "url": delivery.url, "failureTime": moment}
        )
    answer: dict[str, Any] = {"values": values, "maxResults": limit}
    if values:
        path = f"{call.site.base_url}/rest/api/{call.version}/webhook/failed"
        last = values[-1]["failureTime"]
        answer["next"] = f"{path}?failedAfter={last}&maxResults={limit}"
    return JSONResponse(answer)


_PATH = "/rest/api/{version}/webhook"
ENDPOINTS = (
    Endpoint("GET", _PATH, _list),
    Endpoint("POST", _PATH, _register),
    Endpoint("DELETE", _PATH, _delete),
    Endpoint("GET", f"{_PATH}/failed", _failed),
    Endpoint("PUT", f"{_PATH}/refresh", _refresh),
)
