"""The site's pages for people, by kind; every path is a row in the module that answers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from headway.host import app_pages, inspector
from headway.host.events import page as outbox
from headway.host.events import post_functions_page
from headway.host.pages import (
    apps,
    files,
    issue,
    issues,
    people,
    profile,
    project,
    project_parts,
    remarks,
    session,
    space_settings,
    wiki,
)
from headway.host.problems import errors
from headway.host.providers import page as providers

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["errors", "routes"]

STATIC = Path(__file__).parent.parent / "static"
KINDS = (
    *(session, issues, issue, remarks, files, project, project_parts, profile, apps, people),
    *(space_settings, wiki, app_pages),
    *(inspector, outbox, post_functions_page, providers),
)


def routes(site: Site) -> list[BaseRoute]:
    """Every page and every form, and the files that pages load."""
    return [
        Route("/status", _status),
        *(route for kind in KINDS for route in kind.routes(site)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


async def _status(request: Request) -> Response:
    return JSONResponse({"state": "RUNNING"})
