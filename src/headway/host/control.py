"""The control API: what a test in any language says to the site.

It is not there unless it was asked for.  Whoever calls it holds its token, in
the header ``Authorization: Bearer ...`` and nowhere else; a browser can not call
it at all, from any origin, the site's own among them.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from headway.errors import BodyTooLarge, ConfigurationError
from headway.host.apps import Licence
from headway.host.clock import site_date
from headway.host.faults import Fault
from headway.host.guard import SiteGuard
from headway.host.install import ACTIONS, InstallFailed
from headway.host.nesting import too_deep
from headway.host.running import Running, State
from headway.host.settings import Settings
from headway.host.tenant import Tenant
from headway.host.things import change, find
from headway.host.traffic import Crossing
from headway.http.asgi import read_bounded
from headway.model import Product, Secret
from headway.store.files import private_file

__all__ = ["PATH", "TOKEN_VARIABLE", "Control", "Key", "control_key"]

PATH = "/headway/control"
TOKEN_VARIABLE = "HEADWAY_CONTROL_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_MIN = 16  # characters
BODY_MAX = 262_144  # bytes
SNAPSHOTS_MAX = 50  # kept in memory, the oldest goes first

T = TypeVar("T")


class Key(NamedTuple):
    """The token of the control API; *made_up* where nobody gave one, so that it must be told."""

    token: Secret
    made_up: bool


def control_key(settings: Settings, environ: Mapping[str, str]) -> Key | None:
    """The token from the environment, from a file, or a random one; None: there is no API.

    Raises ConfigurationError for a file that others can read, or a short token.

    >>> control_key(Settings(), {}) is None
    True
    >>> control_key(Settings(control=True), {}).made_up
    True
    """
    if not settings.control:
        return None
    file = settings.control_token_file
    if file is None and TOKEN_VARIABLE not in environ:
        return Key(Secret(secrets.token_urlsafe(32)), made_up=True)
    name = TOKEN_VARIABLE if file is None else str(file)
    text = environ[TOKEN_VARIABLE] if file is None else _read(file)
    if len(text.strip()) < TOKEN_MIN or not text.isascii():
        raise ConfigurationError(f"{name}: a token has {TOKEN_MIN} ASCII characters or more")
    return Key(Secret(text.strip()), made_up=False)


def _read(file: Path) -> str:
    private_file(file, create=False)
    try:
        return file.read_text("ascii", "replace")
    except OSError as error:
        raise ConfigurationError(f"{file}: {os.strerror(error.errno or 0)}") from None


# ---- what is asked --------------------------------------------------------------------------


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body of the API; a field that it does not have is an error."""


class Install(Asked, frozen=True):
    """The address of a descriptor, and the product."""

    url: str
    product: Product = Product.JIRA


class Where(Asked, frozen=True):
    """The product."""

    product: Product = Product.JIRA


class License(Asked, frozen=True):
    """A licence, and the product."""

    licence: Licence
    product: Product = Product.JIRA


class LogIn(Asked, frozen=True):
    """A login name."""

    user: str


class Move(Asked, frozen=True):
    """The site's date, as ``2022-02-01`` or ``2022-02-01T12:00``."""

    date: str


class Choose(Asked, frozen=True):
    """A policy, by its name."""

    policy: str


class Changes(Asked, frozen=True):
    """Fields of a thing, and who changes them."""

    fields: Annotated[dict[str, Any], msgspec.Meta(min_length=1)]
    author: str = "admin"


# ---- the API --------------------------------------------------------------------------------


class Control:
    """Answers under :data:`PATH`, and passes everything else on to the site."""

    def __init__(self, running: Running, key: Key) -> None:
        self._running = running
        self._token = key.token
        self._snapshots: dict[str, State] = {}
        routes = (
            ("GET", "", self._state),
            ("POST", "/apps", self._install),
            ("DELETE", "/apps/{key}", self._uninstall),
            ("PUT", "/apps/{key}/licence", self._license),
            ("POST", "/apps/{key}/{action}", self._act),
            ("POST", "/imports", self._import),
            ("POST", "/keys", self._rotate_key),
            ("POST", "/sessions", self._log_in),
            ("PUT", "/clock", self._move),
            ("DELETE", "/clock", self._real),
            ("PUT", "/policy", self._choose),
            ("GET", "/faults", self._faults),
            ("POST", "/faults", self._fault),
            ("DELETE", "/faults", self._no_faults),
            ("GET", "/traffic", self._traffic),
            ("DELETE", "/traffic", self._forget),
            ("GET", "/things/{kind}/{name}", self._thing),
            ("PATCH", "/things/{kind}/{name}", self._change),
            ("POST", "/reset", self._reset),
            ("POST", "/snapshots", self._keep),
            ("POST", "/snapshots/{id}/restore", self._restore),
        )
        self.endpoints = tuple((method, path) for method, path, _ in routes)
        app = Starlette(
            routes=[Route(PATH + path, _json(made), methods=[verb]) for verb, path, made in routes],
            exception_handlers={HTTPException: _refused},
        )
        self._api = SiteGuard(_Holders(app, key.token), origin=lambda: running.site.base_url)

    def asgi(self, site: ASGIApp) -> ASGIApp:
        """*site* with the API before it."""

        async def pass_on(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            ours = path == PATH or path.startswith(PATH + "/")
            await (self._api if ours else site)(scope, receive, send)

        return pass_on

    def _tenant(self, product: str) -> Tenant:
        site = self._running.site
        return site.confluence if product == Product.CONFLUENCE else site.jira

    # ---- site, apps, people -----------------------------------------------------------------

    async def _state(self, request: Request) -> Any:
        site = self._running.site
        return {
            "site": site.base_url,
            "media": site.media_url,
            "at": site.clock.at(),
            "policy": site.policy.name,
            "users": [user.name for user in site.world.people.users()],
            "apps": {t.product: [app.key for app in t.apps.all()] for t in site.tenants},
        }

    async def _install(self, request: Request) -> Any:
        asked = await _body(request, Install)
        tenant = self._tenant(asked.product)
        app = await tenant.installer.install(asked.url)
        return {"key": app.key, "clientKey": app.client_key, "baseUrl": tenant.base_url}

    async def _uninstall(self, request: Request) -> Any:
        wanted = request.query_params.get("product", Product.JIRA)
        if wanted not in list(Product):
            raise HTTPException(400, f"product is one of {', '.join(Product)}")
        await self._tenant(wanted).installer.uninstall(request.path_params["key"])

    async def _act(self, request: Request) -> Any:
        """One of ``ACTIONS``, with an app that is installed."""
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            raise HTTPException(404, f"what is done with an app is one of {', '.join(ACTIONS)}")
        tenant = self._tenant((await _body(request, Where)).product)
        await action(tenant.installer, request.path_params["key"])

    async def _license(self, request: Request) -> Any:
        asked = await _body(request, License)
        installer = self._tenant(asked.product).installer
        await installer.license(request.path_params["key"], asked.licence)

    async def _import(self, request: Request) -> Any:
        """The product is another site to its apps; who declined, with the reason."""
        tenant = self._tenant((await _body(request, Where)).product)
        declined = await tenant.installer.import_site()
        return {"clientKey": tenant.apps.client_key, "declined": declined}

    async def _rotate_key(self, request: Request) -> Any:
        return {"kid": self._running.site.keys.rotate().kid}

    async def _log_in(self, request: Request) -> Any:
        asked = await _body(request, LogIn)
        site = self._running.site
        user = find(site.world, "user", asked.user)
        if not user.active:
            raise HTTPException(400, f"{asked.user} is deactivated, and can not log in")
        name, value = site.identity.cookie_name, site.identity.begin(user.account_id)
        headers = [(b"cookie", f"{name}={value}".encode())]
        session = site.identity.session(Request({"type": "http", "headers": headers}))
        return {
            "accountId": user.account_id,
            "cookie": {"name": name, "value": value},
            "csrf": session.csrf if session else "",
        }

    # ---- the clock, and what goes wrong -----------------------------------------------------

    async def _move(self, request: Request) -> Any:
        """What is due on that date, such as a webhook's next try, happens before the answer."""
        self._running.site.clock.set(site_date((await _body(request, Move)).date))
        await self._running.site.settled()

    async def _real(self, request: Request) -> Any:
        self._running.site.clock.reset()

    async def _choose(self, request: Request) -> Any:
        self._running.site.set_policy((await _body(request, Choose)).policy)

    async def _faults(self, request: Request) -> Any:
        return {"faults": self._running.site.faults.waiting}

    async def _fault(self, request: Request) -> Any:
        self._running.site.faults.add(await _body(request, Fault))

    async def _no_faults(self, request: Request) -> Any:
        self._running.site.faults.clear()

    # ---- what crossed -----------------------------------------------------------------------

    async def _traffic(self, request: Request) -> Any:
        """All, or those whose fields are as the query says (``?location=query``)."""
        await self._running.site.settled()
        wanted = dict(request.query_params)
        unknown = [name for name in wanted if name not in Crossing.__struct_fields__]
        if unknown:
            raise HTTPException(400, f"{unknown[0]} is no field of a crossing")
        crossings = self._running.site.traffic.all()
        return {
            "crossings": [
                each
                for each in crossings
                if all(str(getattr(each, name)) == value for name, value in wanted.items())
            ]
        }

    async def _forget(self, request: Request) -> Any:
        self._running.site.traffic.clear()

    # ---- state ------------------------------------------------------------------------------

    async def _thing(self, request: Request) -> Any:
        return find(self._running.site.world, **request.path_params)

    async def _change(self, request: Request) -> Any:
        """Change it; the answer is the thing as it is once the apps have heard of it."""
        asked, site = await _body(request, Changes), self._running.site
        author = find(site.world, "user", asked.author).account_id
        change(site.world, **request.path_params, changes=asked.fields, author=author)
        await site.settled()
        return find(site.world, **request.path_params)

    async def _reset(self, request: Request) -> Any:
        await self._running.reset()

    async def _keep(self, request: Request) -> Any:
        made = secrets.token_hex(8)
        self._snapshots[made] = self._running.state()
        while len(self._snapshots) > SNAPSHOTS_MAX:
            self._snapshots.pop(next(iter(self._snapshots)))
        return {"id": made}

    async def _restore(self, request: Request) -> Any:
        state = self._snapshots.get(request.path_params["id"])
        if state is None:
            raise LookupError("there is no such snapshot, or no longer")
        await self._running.restore(state)


class _Holders:
    """Lets only programs through that hold the token."""

    def __init__(self, app: ASGIApp, token: Secret) -> None:
        self._app = app
        self._expected = b"Bearer " + token.reveal()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.lower(), value) for name, value in scope.get("headers", ())]
        names = {name for name, _ in headers}
        sent = [value for name, value in headers if name == b"authorization"]
        if names & {b"origin", b"sec-fetch-site"}:  # which no page of a browser can leave out
            answer = _said(403, "A browser may not call this.")
        elif len(sent) != 1 or not hmac.compare_digest(sent[0], self._expected):
            answer = _said(401, "The control token is sent as Authorization: Bearer <token>.")
            answer.headers["WWW-Authenticate"] = "Bearer"
        else:
            await self._app(scope, receive, send)
            return
        await answer(scope, receive, send)


def _json(
    made: Callable[[Request], Awaitable[Any]],
) -> Callable[[Request], Awaitable[Response]]:
    """What *made* returns as JSON, 204 for nothing; what can not be is one sentence."""

    async def handle(request: Request) -> Response:
        try:
            found = await made(request)
        except LookupError as error:
            return _said(404, str(error.args[0]))
        except (InstallFailed, ConfigurationError, ValueError, AttributeError) as error:
            return _said(400, str(error))
        if found is None:
            return Response(status_code=204)
        return Response(msgspec.json.encode(found), media_type="application/json")

    return handle


async def _body(request: Request, kind: type[T]) -> T:
    """The request's body; raises ValueError that names the place, or HTTPException."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "A body is sent as application/json.")
    try:
        raw = await read_bounded(request.receive, BODY_MAX)
        if not too_deep(raw, msgspec.json.decode(raw)):
            return msgspec.json.decode(raw, type=kind)
    except RecursionError:
        pass  # deeper still
    except BodyTooLarge:
        raise HTTPException(413, f"A body has {BODY_MAX} bytes at most.") from None
    raise HTTPException(400, "The body is nested too deeply.")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _said(error.status_code, str(error.detail))


def _said(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)
