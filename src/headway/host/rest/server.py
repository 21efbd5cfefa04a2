"""What there is to know about the site itself, and about whoever asks."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from headway.errors import TokenMissing
from headway.host.answers import host_answer
from headway.host.rest.call import Call, Endpoint
from headway.host.shapes import moment

__all__ = ["ENDPOINTS"]


async def _server_info(call: Call) -> Response:
    now = call.site.clock.now()
    return JSONResponse(
        {
            "baseUrl": call.site.base_url,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "serverTime": moment(now),
            "serverTitle": "Headway",
        }
    )


async def _myself(call: Call) -> Response:
    if call.actor.account_id is None:
        return host_answer(call.actor.refusal or TokenMissing())
    person = call.shapes.person(call.actor.account_id)
    user = call.site.world.people.user(call.actor.account_id)
    if user is not None and call.actor.app_key is None:
        person["emailAddress"] = user.email
    return JSONResponse(person)


ENDPOINTS = (
    Endpoint("GET", "/rest/api/{version}/serverInfo", _server_info),
    Endpoint("GET", "/rest/api/{version}/myself", _myself),
)
