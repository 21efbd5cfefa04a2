"""The dashboard's pages, as an ASGI app: one to look at, one to log in, two forms that change.

Every address is relative, so that it can be mounted anywhere.  A page runs no
script and no style but the files beside it, and works without the script: what
a chart shows stands in a table, from which it is drawn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from headway.errors import BodyTooLarge, ConfigurationError
from headway.gateway.dashboard.access import Access, Session, TooManyAttempts
from headway.gateway.dashboard.state import State
from headway.gateway.pause import PolicyReadOnly, PolicyUnchanged, pause, resume
from headway.gateway.usage.report import ClientUse
from headway.http.forms import read_form
from headway.http.guard import OWN_PAGES, Guard
from headway.http.sessions import csrf_matches
from headway.ports import Clock

__all__ = ["CONTENT_POLICY", "dashboard"]

HERE = Path(__file__).parent
FORM_MAX = 8_192  # bytes
CSRF_FIELD = "csrf"

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load (CSP Level 3); nothing inline, nothing from elsewhere."""

Notice = tuple[str, str, Sequence[str]]  # tone, text, lines to be copied


class _Guard(Guard):
    """Nobody else's page may load anything of ours, even what anybody could read."""

    def objection(self, path: str, headers: Headers) -> str:
        """A page of another site may link here, and no more."""
        site = headers.get("sec-fetch-site", "none")
        if site not in OWN_PAGES and headers.get("sec-fetch-mode") != "navigate":
            return "A page of another site may only link here."
        return ""


def dashboard(
    state: State,
    access: Access,
    *,
    origin: Callable[[], str],
    changes: bool = True,
    clock: Clock = time.time,
) -> ASGIApp:
    """The ASGI app that shows *state* to whom *access* lets look.

    *origin* is its own address, ``scheme://host[:port]``; requests under another
    name are refused.  Without *changes* nobody can pause here.  *clock* is the
    real time, in seconds since 1970, which a pause is written with.
    """
    pages = _Pages(state, access, changes, clock)
    app = Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/login", pages.login_form),
            Route("/login", pages.log_in, methods=["POST"]),
            Route("/logout", pages.log_out, methods=["POST"]),
            Route("/pause", pages.pause, methods=["POST"]),
            Route("/resume", pages.resume, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={HTTPException: _problem, BodyTooLarge: _too_large},
    )
    return _Guard(app, origin=origin)


class _Pages:
    def __init__(self, state: State, access: Access, changes: bool, clock: Clock) -> None:
        self._state, self._access = state, access
        self._changes, self._clock = changes, clock

    # ---- looking ----------------------------------------------------------------------------

    async def overview(self, request: Request) -> Response:
        if not self._access.may_look(request):
            return _see("login")
        return await self._show(request)

    async def _show(
        self, request: Request, notice: Notice | None = None, status: int = 200
    ) -> Response:
        seen = await run_in_threadpool(self._state.look)
        session = self._access.session(request)
        return _page(
            "overview.html",
            status,
            figures=seen.figures,
            complaints=seen.complaints,
            notice=notice,
            session=session,
            csrf_field=CSRF_FIELD,
            changes=self._changes,
            source=str(self._state.path),
        )

    # ---- logging in and out -----------------------------------------------------------------

    async def login_form(self, request: Request) -> Response:
        if self._access.session(request) is not None:
            return _see("./")
        return _page("login.html", error="")

    async def log_in(self, request: Request) -> Response:
        form = await read_form(request, FORM_MAX)
        peer = request.client.host if request.client else ""
        try:
            value = self._access.log_in(peer, form.get("password", ""))
        except TooManyAttempts as wait:
            seconds = math.ceil(wait.args[0])
            error = f"Too many wrong passwords. Try again in {seconds} seconds."
            answer = _page("login.html", 429, error=error)
            answer.headers["Retry-After"] = str(seconds)
            return answer
        if value is None:
            return _page("login.html", 401, error="This is not the password.")
        self._access.log_out(request)  # the session that it takes the place of
        return _see("./", {"Set-Cookie": self._access.set_cookie(value)})

    async def log_out(self, request: Request) -> Response:
        await self._changing(request)
        self._access.log_out(request)
        return _see("./", {"Set-Cookie": self._access.set_cookie()})

    # ---- changing ---------------------------------------------------------------------------

    async def pause(self, request: Request) -> Response:
        form = await self._changing(request)
        who, why = form.get("who", "").strip(), form.get("why", "").strip()
        location = form.get("location", "")
        edit = partial(pause, self._state.path, location, who=who, why=why, now=self._clock())
        return await self._edit(request, edit)

    async def resume(self, request: Request) -> Response:
        form = await self._changing(request)
        return await self._edit(
            request, partial(resume, self._state.path, form.get("location", ""))
        )

    async def _changing(self, request: Request) -> dict[str, str]:
        """The form of somebody who is logged in and sent it from our own page."""
        session: Session | None = self._access.session(request)
        if session is None:
            raise HTTPException(401, "Nobody is logged in, or no longer.")
        form = await read_form(request, FORM_MAX)
        if not csrf_matches(session.csrf, form.get(CSRF_FIELD)):
            raise HTTPException(403, "The form is not from this page. Load it again.")
        return form

    async def _edit(self, request: Request, edit: Callable[[], None]) -> Response:
        if not self._changes:
            raise HTTPException(403, "Nothing can be changed here.")
        try:
            await run_in_threadpool(edit)
        except PolicyReadOnly as refused:
            notice = "warn", f"{refused}. Nothing was changed.", refused.lines
            return await self._show(request, notice, 409)
        except PolicyUnchanged as refused:
            return await self._show(request, ("warn", f"{refused}.", ()), 409)
        except ConfigurationError as refused:
            return await self._show(request, ("bad", f"Nothing was changed: {refused}", ()), 400)
        return _see("./")


def _see(where: str, headers: dict[str, str] | None = None) -> Response:
    return RedirectResponse(where, 303, headers=headers)


async def _problem(request: Request, problem: Any) -> Response:
    return _page("problem.html", problem.status_code, text=problem.detail)


async def _too_large(request: Request, problem: Exception) -> Response:
    return _page("problem.html", 413, text="The form is too long.")


# ---- templates ------------------------------------------------------------------------------


def _page(template: str, status: int = 200, **values: Any) -> Response:
    text = _TEMPLATES.get_template(template).render(**values)
    return HTMLResponse(text, status, {"Content-Security-Policy": CONTENT_POLICY})


def _moment(at: datetime | float) -> datetime:
    return at.astimezone(UTC) if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)


def _day(at: datetime | float) -> str:
    """A moment as short as it can be told: midnight is a day.

    >>> _day(1643673600), _day(1643716800)
    ('2022-02-01', '2022-02-01 12:00')
    """
    moment = _moment(at)
    return moment.strftime("%Y-%m-%d" if moment.timestamp() % 86_400 == 0 else "%Y-%m-%d %H:%M")


def _trend(client: ClientUse) -> tuple[str, str]:
    """How a client's requests go, as a word for the style and as words for people."""
    if client.recent == 0:
        return "gone", "silent"
    if client.before == 0:
        return "new", "new" if client.came_back is None else "back"
    change = client.recent / client.before - 1
    if abs(change) < 0.05:
        return "same", "as before"
    return (
        "less" if change < 0 else "more"
    ), f"{abs(change):.0%} {'less' if change < 0 else 'more'}"


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("headway.gateway.dashboard"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["moment"] = _moment
_TEMPLATES.filters["day"] = _day
_TEMPLATES.filters["trend"] = _trend
_TEMPLATES.filters["number"] = lambda count: f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
