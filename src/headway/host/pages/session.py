"""Logging in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.identity import local_path
from headway.host.visit import Visit, Who, see_other, seen_by, visited
from headway.http.forms import read_form

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """The form, and both ways through it."""
    return [
        Route("/login", visited(site, Who.ANYBODY, _login)),
        Route("/login", _log_in(site), methods=["POST"]),
        Route("/logout", visited(site, Who.ANYBODY, _log_out), methods=["POST"]),
    ]


async def _login(visit: Visit) -> Response:
    back = local_path(visit.request.query_params.get("next"))
    if visit.user is not None:
        return see_other(back)
    return visit.page("login.html", next=back, name="", error="")


def _log_in(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """The form that nobody has a session for yet; the guard keeps other sites' pages away."""

    async def handle(request: Request) -> Response:
        form = await read_form(request)
        name, back = form.get("name", ""), local_path(form.get("next"))
        value = await run_in_threadpool(
            site.identity.log_in, name, form.get("password", ""), request
        )
        if value is None:
            error = "This name and this password do not belong together."
            visit = seen_by(site, request)
            return visit.page("login.html", 401, next=back, name=name, error=error)
        return see_other(back, headers={"Set-Cookie": site.identity.set_cookie(value)})

    return handle


async def _log_out(visit: Visit) -> Response:
    identity = visit.site.identity
    identity.log_out(visit.request)
    return see_other("/", headers={"Set-Cookie": identity.set_cookie()})
