"""The inspector: every token that crossed, live, and the control of the site's date.

Both are for administrators only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from headway.errors import ConfigurationError
from headway.host.clock import site_date
from headway.host.settings import POLICIES
from headway.host.traffic import Crossing
from headway.host.visit import MOVED, Visit, Who, see_other, visited
from headway.model import Direction, Location, Phase
from headway.policy import Policy

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["Stage", "routes", "stages"]

PING_SECONDS = 15.0
"""Between two signs of life: so soon a lost connection or an ended session is noticed."""

NUMBER_DIGITS = 15  # of a Last-Event-ID


class Stage(NamedTuple):
    """A moment at which a phase begins; *date* is what the clock's form takes."""

    date: str
    phase: Phase


def stages(policy: Policy) -> list[Stage]:
    """The moments worth a look: a day before anything happens, then each change.

    >>> stages(POLICIES["atlassian-2022"])[-1].date
    '2022-02-01T00:00'
    """
    schedule = policy.row(Direction.APP_TO_HOST, Location.QUERY).schedule
    if schedule is None:
        return []
    windows = [moment for window in schedule.brownouts for moment in (window.start, window.end)]
    dates = [schedule.announced, schedule.warned, *windows, schedule.off]
    changes = sorted({date for date in dates if date is not None})
    moments = [changes[0] - timedelta(days=1), *changes] if changes else []
    return [
        Stage(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), schedule.phase(moment.timestamp()))
        for moment in moments
    ]


def routes(site: Site) -> list[BaseRoute]:
    """The page, what it shows, and the clock."""
    return [
        Route("/inspector", visited(site, Who.ADMIN, _inspector)),
        Route("/inspector/log", visited(site, Who.ADMIN, _log)),
        Route("/inspector/events", visited(site, Who.ADMIN, _events)),
        Route("/clock", visited(site, Who.ADMIN, _clock), methods=["POST"]),
    ]


# ---- the page -------------------------------------------------------------------------------


async def _inspector(visit: Visit) -> Response:
    return _page(visit)


def _page(visit: Visit, status: int = 200, error: str = "") -> Response:
    site = visit.site
    table: dict[str, dict[str, str]] = {}
    for direction, location, phase in site.policy.table(site.clock.at()):
        table.setdefault(direction, {})[location] = phase or "never"
    return visit.page(
        "inspector.html",
        status,
        error=error,
        policies=list(POLICIES),
        stages=stages(site.policy),
        table=table,
        locations=list(Location),
    )


async def _clock(visit: Visit) -> Response:
    """Change what the form names: *reset*, *date*, *policy*; all of it or nothing."""
    site, form = visit.site, visit.form
    try:
        at = site_date(form["date"]) if form.get("date") else None
        if form.get("policy"):
            site.set_policy(form["policy"])
    except (ConfigurationError, ValueError) as error:
        return _page(visit, 400, str(error))
    if form.get("reset"):
        site.clock.reset()
    if at is not None:
        site.clock.set(at)
    return see_other("/inspector")


# ---- what crossed ---------------------------------------------------------------------------


async def _log(visit: Visit) -> Response:
    site = visit.site
    return JSONResponse(
        {
            "at": site.clock.at(),
            "policy": site.policy.name,
            "disclaimer": site.policy.disclaimer,
            "crossings": [msgspec.to_builtins(crossing) for crossing in site.traffic.all()],
        }
    )


async def _events(visit: Visit) -> Response:
    after = _last_event(visit.request, visit.site.traffic.all())
    return StreamingResponse(_stream(visit, after), media_type="text/event-stream")


def _last_event(request: Request, kept: list[Crossing]) -> int:
    """The number after which to go on; 0 for one of an earlier process, whose numbers are gone."""
    sent = request.headers.get("last-event-id", "")
    number = int(sent) if sent.isascii() and sent.isdigit() and len(sent) <= NUMBER_DIGITS else 0
    return number if kept and number <= kept[-1].id else 0


async def _stream(visit: Visit, after: int) -> AsyncIterator[str]:
    """Server-Sent Events, for as long as the session lasts (HTML section 9.2)."""
    crossings = visit.site.traffic.follow(after)
    upcoming = asyncio.ensure_future(anext(crossings))
    try:
        yield ": the tokens that crossed\n\n"
        while visit.site.identity.session(visit.request):
            done, _ = await asyncio.wait({upcoming}, timeout=PING_SECONDS)
            if not done:
                yield ": nothing new\n\n"
                continue
            crossing = upcoming.result()
            upcoming = asyncio.ensure_future(anext(crossings))
            row = json.dumps(_row(crossing))
            yield f"id: {crossing.id}\ndata: {row}\n\n"
    finally:
        upcoming.cancel()


def _row(crossing: Crossing) -> dict[str, Any]:
    """*crossing* as the page shows it: with what to know about it in words."""
    row: dict[str, Any] = msgspec.to_builtins(crossing)
    notes = list(crossing.notes)
    if abs(crossing.at - crossing.time) >= MOVED:
        notes.append(
            f"the site's date was {datetime.fromtimestamp(crossing.at, UTC):%Y-%m-%d %H:%M}"
        )
    if crossing.seen_by != "site":
        notes.append(f"seen by the {crossing.seen_by}")
    if crossing.claims and not crossing.verified and crossing.verdict != "sent":
        notes.append("the claims are not verified")
    if crossing.explain:
        cause, advice = crossing.explain.get("cause", ""), crossing.explain.get("advice", "")
        row["explain"] = {**crossing.explain, "cause": f"{cause}. {advice}"}
    return {**row, "claims": crossing.claims or None, "notes": notes}
