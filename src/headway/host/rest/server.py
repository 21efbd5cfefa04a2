"""What there is to know about the site itself, and about whoever asks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from headway.errors import TokenMissing
from headway.host.answers import api_error, host_answer
from headway.host.rest.call import Call, Endpoint
from headway.host.shapes import Json, moment
from headway.host.world.worklogs import DAYS_A_WEEK, HOURS_A_DAY

__all__ = ["ENDPOINTS"]

BUILD = 100_000
BUILT = 1_640_995_200  # 1 January 2022


async def _server_info(call: Call) -> Response:
    now = call.site.clock.now()
    return JSONResponse(
        {
            "baseUrl": call.site.base_url,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": BUILD,
            "buildDate": moment(BUILT),
            "serverTime": moment(now),
            "scmInfo": "headway",
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
    return JSONResponse({**person, "locale": "en_US", "expand": "groups,applicationRoles"})


async def _configuration(call: Call) -> Response:
    return JSONResponse(
        {
            "votingEnabled": True,
            "watchingEnabled": True,
            "unassignedIssuesAllowed": True,
            "subTasksEnabled": True,
            "issueLinkingEnabled": True,
            "timeTrackingEnabled": True,
            "attachmentsEnabled": True,
            "timeTrackingConfiguration": {
                "workingHoursPerDay": HOURS_A_DAY,
                "workingDaysPerWeek": DAYS_A_WEEK,
                "timeFormat": "pretty",
                "defaultUnit": "minute",
            },
        }
    )


# ---- application properties -----------------------------------------------------------------

APPLICATION: Mapping[str, tuple[str, str]] = {
    "jira.title": ("Title", "Headway"),
    "jira.home": ("Home", ""),
    "jira.clone.prefix": ("The prefix of a clone's summary", "CLONE -"),
    "jira.date.picker.java.format": ("Date Picker Format (Java)", "d/MMM/yy"),
}
"""What clients read of the site's settings: name and value; none can be changed here."""


def _property(key: str, value: str) -> Json:
    name, usual = APPLICATION[key]
    return {
        "id": key,
        "key": key,
        "value": value,
        "name": name,
        "desc": name,
        "type": "string",
        "defaultValue": usual,
    }


async def _application(call: Call) -> Response:
    call.need("ADMINISTER")
    wanted = call.query("key")
    if wanted and wanted not in APPLICATION:
        return api_error(404, f"There is no application property '{wanted[:50]}'.")
    shapes = [_property(key, usual) for key, (_, usual) in APPLICATION.items()]
    return JSONResponse([one for one in shapes if wanted in ("", one["key"])])


_API = "/rest/api/{version}"

ENDPOINTS = (
    Endpoint("GET", f"{_API}/serverInfo", _server_info),
    Endpoint("GET", f"{_API}/myself", _myself),
    Endpoint("GET", f"{_API}/configuration", _configuration),
    Endpoint("GET", f"{_API}/application-properties", _application),
)
