"""Every endpoint of the site's REST APIs, in one table.

The scope that each asks of an app is a fact of the host and stands in
``scopes``.  What the host has and this site has not is answered with 501, after
the scope, so that nobody takes a gap of this site for a rule of the host.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.rest import (
    attachments,
    comments,
    components,
    development,
    dynamic_modules,
    fields,
    issues,
    links,
    permissions,
    projects,
    properties,
    providers,
    search,
    server,
    users,
    webhooks,
    workflow_rules,
    worklogs,
)
from headway.host.rest.call import METHODS, Answering, Call, Endpoint, identified
from headway.host.rest.limits import Limits
from headway.host.rest.paths import Tree
from headway.host.rest.scopes import SCOPES, scope_of
from headway.host.rest.wiki.table import ENDPOINTS as WIKI

if TYPE_CHECKING:
    from headway.host.site import Site
    from headway.host.tenant import Tenant

__all__ = ["ENDPOINTS", "VERSIONS", "routes"]

VERSIONS = ("2", "3", "latest")
"""What ``{version}`` stands for in a path of Jira's API."""

ENDPOINTS: tuple[Endpoint, ...] = (
    *server.ENDPOINTS,
    *users.ENDPOINTS,
    *projects.ENDPOINTS,
    *components.ENDPOINTS,
    *fields.ENDPOINTS,
    *issues.ENDPOINTS,
    *comments.ENDPOINTS,
    *worklogs.ENDPOINTS,
    *links.ENDPOINTS,
    *properties.ENDPOINTS,
    *permissions.ENDPOINTS,
    *dynamic_modules.ENDPOINTS,
    *attachments.ENDPOINTS,
    *search.ENDPOINTS,
    *WIKI,
    *webhooks.ENDPOINTS,
    *workflow_rules.ENDPOINTS,
    *providers.ENDPOINTS,
    *development.ENDPOINTS,
)

_CONNECT = "/rest/atlassian-connect/1/"


class _Row(NamedTuple):
    """What is at one address: the scope (None: no app's page may), the answer, the version."""

    scope: str | None
    answer: Answering
    version: str = VERSIONS[0]


async def _not_built(call: Call) -> Response:
    raise call.no(501, f"This local site does not have {call.request.method} on this address.")


def _spellings(path: str) -> Iterator[tuple[str, str]]:
    """The paths that one row stands for, each with the API's version."""
    if "{version}" in path:
        yield from ((path.replace("{version}", version), version) for version in VERSIONS)
        return
    yield path, VERSIONS[0]
    if _CONNECT in path:  # apps ask for the latest too
        yield path.replace("/1/", "/latest/", 1), VERSIONS[0]


def _tree() -> Tree[_Row]:
    described = [Endpoint(method, path, _not_built) for method, path in SCOPES]
    return Tree(
        (method, spelled, _Row(scope_of(method, path), answer, version))
        for method, path, answer in (*described, *ENDPOINTS)
        for spelled, version in _spellings(path)
    )


_TREE = _tree()
_UNKNOWN = _Row(None, _not_built)


def routes(site: Site) -> list[BaseRoute]:
    """The REST APIs: each request goes to the endpoint that the table has for it.

    Whose apps may call follows from the prefix that matched, never from how it was spelled.
    """
    limits = Limits(lambda: site.settings.rate_limit, site.clock.now)

    async def answer(tenant: Tenant, request: Request) -> Response:
        found = _TREE.find(request.method, request.scope["raw_path"].decode("latin-1"))
        row = found.value if found else _UNKNOWN
        request.scope["path_params"] = dict(found.params) if found else {}
        asked = identified(site, tenant, row.scope, row.answer, row.version, limits)
        response = await asked(request)
        if name := site.settings.request_id_header:
            response.headers[name] = str(uuid.uuid4())
        return response

    return [
        Route(f"{prefix}/{{path:path}}", partial(answer, tenant), methods=METHODS)
        for prefix, tenant in (
            ("/rest", site.jira),
            ("/wiki/rest", site.confluence),
            ("/wiki/api", site.confluence),
        )
    ]
