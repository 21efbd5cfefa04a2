"""One visit: a person asks for a page or sends a form, and gets a page.

Pages are for people with a session, or for anybody where a project is public;
apps have the REST API.  A page runs no script and no style but the site's own
files, is framed by nobody, and frames the apps that it shows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from headway.host.gate import Actor
from headway.host.identity import CSRF_FIELD, Session, local_path
from headway.host.places import Entry, modules_for
from headway.host.scene import Scene
from headway.host.uploads import Upload, read_uploads_and_texts
from headway.host.world import User
from headway.host.world.worklogs import duration
from headway.http.answers import origin_of
from headway.http.forms import read_form
from headway.model import Direction, Location

if TYPE_CHECKING:
    from headway.host.apps import App
    from headway.host.site import Site

__all__ = [
    "MOVED",
    "Link",
    "Visit",
    "Who",
    "is_browser",
    "log_in_first",
    "render",
    "see_other",
    "seen_by",
    "visited",
]

WITHOUT_APPS = frozenset({"/login"})
"""Where nothing of an app stands beside a password."""

MOVED = 1.0
"""Seconds between the real date and the site's, from which on they are two."""


class Who(IntEnum):
    """Whom a page is for."""

    ANYBODY = 0
    USER = 1
    ADMIN = 2


class Link(NamedTuple):
    """One entry of the menu."""

    name: str
    path: str


BELOW_ISSUES = ("/browse/", "/projects/", "/create")

ADMINISTRATION = (
    Link("Overview", "/admin"),
    Link("Apps", "/apps"),
    Link("Users", "/admin/users"),
    Link("Groups", "/admin/groups"),
    Link("Outbox", "/outbox"),
    Link("Post functions", "/post-functions"),
    Link("Providers", "/providers"),
    Link("Inspector", "/inspector"),
)
"""What administrators have, beside each other."""


class Visit(NamedTuple):
    """One request by whoever is at the browser; *form* is empty unless one was sent."""

    site: Site
    request: Request
    actor: Actor
    user: User | None = None
    session: Session | None = None
    form: Mapping[str, str] = {}
    files: tuple[Upload, ...] = ()
    header: tuple[Entry, ...] = ()
    """What apps have put at the top of every page."""

    @property
    def who(self) -> Who:
        """What the visitor may see."""
        if self.user is None:
            return Who.ANYBODY
        return Who.ADMIN if self.user.admin else Who.USER

    @property
    def author(self) -> str:
        """The account that a change is made by; nobody else gets as far as changing."""
        return self.actor.account_id or ""

    def text(self, name: str) -> str | None:
        """A field of the form, with plain line ends (forms send CR LF: HTML section 4.10.22)."""
        found = self.form.get(name)
        return None if found is None else found.replace("\r\n", "\n")

    def people(self) -> Callable[[str], Link]:
        """What an account id is called and where its page is, each looked up once for a page.

        An app's own user has no page, and nobody who is not logged in sees one.
        """
        shapes = self.site.shapes()

        def person(account_id: str) -> Link:
            shape = shapes.person(account_id)
            has_page = self.user is not None and shape["accountType"] == "atlassian"
            return Link(shape["displayName"], f"/people/{account_id}" if has_page else "")

        return cache(person)

    def page(
        self, template: str, status: int = 200, frames: Iterable[App] = (), **values: object
    ) -> Response:
        """The page that *template* makes of *values*; it may frame the pages of *frames*."""
        return render(self.site, self, template, status, frames, **values)


def visited(
    site: Site,
    least: Who,
    answer: Callable[[Visit], Awaitable[Response]],
    *,
    with_files: bool = False,
) -> Callable[[Request], Awaitable[Response]]:
    """*answer*, called for a visitor who is at least *least*.

    Whoever is not logged in is sent to do so, and comes back; a client that is
    no browser, and a form whose session is over, get 401.  *with_files* takes a
    form that carries files, from users only.
    """

    async def handle(request: Request) -> Response:
        # (1) the form, because the session's token stands in it
        form: Mapping[str, str] = {}
        files: list[Upload] = []
        if with_files:
            if site.identity.session(request) is None:
                return log_in_first(request)  # before anything long is read
            files, form = await _read_files(request, site.settings.upload_limit)
        elif request.method == "POST":
            form = await read_form(request)
        # (2) who is it?
        actor = await site.jira.gate.actor(request, form.get(CSRF_FIELD))
        if actor.kind == "app":
            raise HTTPException(403, "Pages are for people; an app calls the REST API.")
        visit = _of(site, request, actor, form)._replace(files=tuple(files))
        # (3) may they?  And what have apps put before them?
        if visit.user is None and least > Who.ANYBODY:
            return log_in_first(request)
        if visit.who < least:
            raise HTTPException(403, "This page is for administrators of the site.")
        if request.method == "GET" and request.url.path not in WITHOUT_APPS:
            scene = Scene(user=visit.user)
            tenant, place = site.jira, "header"
            if request.url.path.startswith("/wiki"):
                tenant, place = site.confluence, "wiki.header"
            header = await modules_for(site, tenant, place, scene, visit)
            visit = visit._replace(header=tuple(header))
        return await answer(visit)

    return handle


def log_in_first(request: Request) -> Response:
    """To the login page and from there back here, without a token that may be in the address."""
    if request.method != "GET" or not is_browser(request):
        challenge = {"WWW-Authenticate": 'JWT realm="headway"'}
        raise HTTPException(401, "Nobody is logged in, or no longer.", challenge)
    raw_path, raw_query = request.scope["raw_path"], request.scope["query_string"]
    back = local_path(b"?".join((raw_path, raw_query)).decode("latin-1"))
    return see_other(f"/login?next={quote(back, safe='')}")


def is_browser(request: Request) -> bool:
    """Whether a person waits for a page."""
    navigates = request.headers.get("sec-fetch-mode") == "navigate"
    return navigates or "text/html" in request.headers.get("accept", "")


def see_other(path: str, **options: Any) -> Response:
    """What a form is answered with: look at *path* (RFC 9110 section 15.4.4)."""
    return RedirectResponse(path, 303, **options)


async def _read_files(request: Request, limit: int) -> tuple[list[Upload], dict[str, str]]:
    try:
        return await read_uploads_and_texts(request, limit)
    except ValueError as error:
        raise HTTPException(400, f"The upload is refused: {error}.") from None


def _of(site: Site, request: Request, actor: Actor, form: Mapping[str, str]) -> Visit:
    session = site.identity.session(request)
    user = site.world.people.user(session.account_id) if session else None
    return Visit(site, request, actor, user, session, form)


def seen_by(site: Site, request: Request) -> Visit:
    """The visit for an error's page, which looks at no token."""
    return _of(site, request, Actor(kind="anonymous"), {})


# ---- templates ------------------------------------------------------------------------------


def render(
    site: Site,
    visit: Visit | None,
    template: str,
    status: int = 200,
    frames: Iterable[App] = (),
    **values: object,
) -> Response:
    """A page; without a visit one that asks the database nothing."""
    header = visit.header if visit else ()
    framed = [*frames, *(entry.app for entry in header if entry.opens)]
    text = TEMPLATES.get_template(template).render(
        visit=visit,
        header=header,
        bridge=bool(framed) and visit is not None,
        csrf=visit.session.csrf if visit and visit.session else "",
        csrf_field=CSRF_FIELD,
        menu=_menu(visit) if visit else (),
        current=_current(visit) if visit else "",
        tabs=_tabs(visit) if visit else (),
        here=visit.request.url.path if visit else "",
        today=_today(site),
        **values,
    )
    headers = {"Content-Security-Policy": _content_policy(site, framed)}
    return HTMLResponse(text, status, headers)


def _content_policy(site: Site, frames: Iterable[App]) -> str:
    """What the page may load; a form may end at the media host: log in, then download."""
    media = origin_of(site.media_url)
    origins = " ".join(sorted({origin_of(app.base_url) for app in frames}))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' {media} {origins}".strip(),  # pictures, and icons of apps
            "connect-src 'self'",
            "frame-src " + (origins or "'none'"),
            f"form-action 'self' {media}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _menu(visit: Visit) -> list[Link]:
    links = [Link("Issues", "/"), Link("Wiki", "/wiki/spaces")]
    if visit.who >= Who.USER:
        links.append(Link("Dashboard", "/dashboard"))
    if visit.who >= Who.ADMIN:
        links += [Link("Administration", "/admin"), Link("Inspector", "/inspector")]
    return links


def _current(visit: Visit) -> str:
    """The entry of the menu that the page belongs to, by its path."""
    here = visit.request.url.path
    if any(here == link.path for link in ADMINISTRATION if link.path != "/inspector"):
        return "/admin"
    if here.startswith("/wiki/") and not here.startswith("/wiki/plugins/"):
        return "/wiki/spaces"
    return "/" if here.startswith(BELOW_ISSUES) else here


def _tabs(visit: Visit) -> Sequence[Link]:
    """The pages beside this one, for an administrator among theirs."""
    here = visit.request.url.path
    is_theirs = visit.who >= Who.ADMIN and any(here == link.path for link in ADMINISTRATION)
    return ADMINISTRATION if is_theirs else ()


def _today(site: Site) -> dict[str, object]:
    """What every page says about the date that the site lives on."""
    at, now, policy = site.clock.at(), site.clock.now(), site.policy
    schedule = policy.row(Direction.APP_TO_HOST, Location.QUERY).schedule
    return {
        "at": at,
        "now": now,
        "moved": abs(at - now) >= MOVED,
        "policy": policy.name,
        "disclaimer": policy.disclaimer,
        "phase": schedule.phase(at) if schedule else "never",
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _size(count: int) -> str:
    """Bytes for people.

    >>> _size(900), _size(51_200), _size(10 * 1024 * 1024)
    ('900 bytes', '50.0 KiB', '10.0 MiB')
    """
    if count < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"


TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("headway.host"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["moment"] = _moment
TEMPLATES.filters["size"] = _size
TEMPLATES.filters["duration"] = duration
