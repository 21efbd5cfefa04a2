"""Every endpoint of the site's REST APIs, in one table, with the scope that it asks of an app.

What is not in the table is answered with 501, so that nobody takes a gap of
this site for a rule of the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.answers import api_error
from headway.host.rest import attachments, issues, server
from headway.host.rest.call import METHODS, Call, Endpoint, identified

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["ENDPOINTS", "VERSIONS", "routes"]

VERSIONS = ("2", "3", "latest")
"""What ``{version}`` stands for in a path of Jira's API."""

# The scopes are those that the host's published OpenAPI description names.
ENDPOINTS: tuple[Endpoint, ...] = (
    *server.ENDPOINTS,
    *issues.ENDPOINTS,
    *attachments.ENDPOINTS,
)


def routes(site: Site) -> list[BaseRoute]:
    """Every endpoint in every version, and an answer for what is none."""
    table: list[BaseRoute] = [
        Route(
            path.replace("{version}", version),
            identified(
                site,
                site.confluence if path.startswith("/wiki/") else site.jira,
                scope,
                answer,
                version,
            ),
            methods=[method],
        )
        for method, path, scope, answer in ENDPOINTS
        for version in (VERSIONS if "{version}" in path else VERSIONS[:1])
    ]
    return [
        *table,
        Route("/rest/{path:path}", identified(site, site.jira, None, _not_built), methods=METHODS),
        *(
            Route(
                f"/wiki/{api}/{{path:path}}",
                identified(site, site.confluence, None, _not_built),
                methods=METHODS,
            )
            for api in ("rest", "api")
        ),
    ]


async def _not_built(call: Call) -> Response:
    return api_error(501, f"This local site does not have {call.request.method} on this address.")
