"""The plugin manager's REST API, with which development modes install their app by themselves.

What a framework asks, in this order: the settings, the list (whose answer
carries a token), the install (202), the pending task until it is done, and at
the end the removal.  All of it with Basic authentication of an administrator,
which counts here and nowhere else on the site.

Browsers send Basic credentials by themselves, to forms of foreign pages too:
the guard keeps those pages away, an install needs a token that only a reader
of the list has, and no answer here ever asks a browser for a password.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from headway.errors import BodyTooLarge, HeadwayError
from headway.host.apps import App, Apps
from headway.host.identity import Identity
from headway.host.install import Installer
from headway.host.world.people import People
from headway.http.asgi import read_bounded
from headway.ports import Clock

__all__ = ["PATH", "Plugins"]

PATH = "/rest/plugins/1.0"
INSTALL_TYPE = "application/vnd.atl.plugins.remote.install+json"
TOKEN_HEADER = "upm-token"  # noqa: S105 - the header's name
TOKEN_SECONDS = 300.0
TOKENS_MAX = 100
TASKS_MAX = 100
BODY_MAX = 16_384  # bytes
PING_MS = 100  # after which a client looks at the task again
CREDENTIALS_MAX = 1000  # characters

Handler = Callable[[Request], Awaitable[Response]]


class Denied(HeadwayError):
    """A request that is not answered; the text is for whoever set the client up."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Wanted(msgspec.Struct, frozen=True, rename="camel"):
    """What an install asks for: the address of a descriptor."""

    plugin_uri: str


class Task(NamedTuple):
    """An install that was begun; *source* is what was asked for."""

    id: str
    source: str
    work: asyncio.Task[App]


class Plugins:
    """The plugin manager of one product, below *base_path* (``/wiki``, or nothing).

    *redirects* says how a client learns that its install is done: by a 303 to
    the app, or by the app itself.  *now* is the real time in seconds.
    """

    def __init__(
        self,
        *,
        apps: Apps,
        installer: Installer,
        identity: Identity,
        people: People,
        base_path: str,
        redirects: bool = True,
        now: Clock = time.time,
    ) -> None:
        self._apps = apps
        self._installer = installer
        self._identity = identity
        self._people = people
        self._root = base_path + PATH
        self._redirects = redirects
        self._now = now
        self._tokens: dict[bytes, tuple[str, float]] = {}  # digest -> whose, until when
        self._tasks: dict[str, Task] = {}

    def routes(self) -> list[BaseRoute]:
        """Everything that a development mode asks for, and nothing else."""
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/settings", self._settings),
            *(("GET", slash, self._list) for slash in ("", "/")),
            *(("POST", slash, self._install) for slash in ("", "/")),
            ("GET", "/pending/{task}", self._pending),
            ("GET", "/{key}-key", self._plugin),
            ("DELETE", "/{key}-key", self._uninstall),
        )
        return [
            Route(self._root + path, self._administrators(answer), methods=[method])
            for method, path, answer in table
        ]

    async def settled(self) -> None:
        """Wait until no install is under way."""
        under_way = [task.work for task in self._tasks.values() if not task.work.done()]
        await asyncio.gather(*under_way, return_exceptions=True)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks.values():
            task.work.cancel()
        await self.settled()

    # ---- who asks ---------------------------------------------------------------------------

    def _administrators(self, answer: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                request.scope["headway.account"] = await self._administrator(request)
                return await answer(request)
            except Denied as denied:
                body = {"errorMessage": str(denied), "status-code": denied.status}
                # Not "Basic": a browser that is asked for a password keeps it for foreign forms.
                headers = {"WWW-Authenticate": 'JWT realm="headway"'}
                return JSONResponse(body, denied.status, headers if denied.status == 401 else None)

        return handle

    async def _administrator(self, request: Request) -> str:
        """The account of the administrator whose name and password came along."""
        # (1) never an app's page, with whatever the browser adds to its calls
        if "ap-client-key" in request.headers:
            raise Denied(403, "An app may not call the plugin manager.")
        # (2) a name and its password; a session does not count here
        credentials = _basic(request.headers.getlist("authorization"))
        if credentials is None:
            raise Denied(401, "The plugin manager asks for Basic authentication.")
        account_id = await run_in_threadpool(self._identity.authenticate, *credentials)
        if account_id is None:
            raise Denied(401, "This name and this password do not belong together.")
        # (3) of an administrator
        user = self._people.user(account_id)
        if user is None or not user.admin:
            raise Denied(403, "Only administrators of the site may install apps.")
        return account_id

    # ---- the answers ------------------------------------------------------------------------

    async def _settings(self, _: Request) -> Response:
        listings = {"key": "connectDeveloperListingsEnabled", "value": True}
        return JSONResponse({"settings": [listings]})

    async def _list(self, request: Request) -> Response:
        token = self._new_token(request.scope["headway.account"])
        told = {"plugins": [self._told(app) for app in self._apps.all()]}
        return JSONResponse(told, headers={TOKEN_HEADER: token})

    async def _install(self, request: Request) -> Response:
        # (1) the token that the list gave this administrator, once
        account_id = request.scope["headway.account"]
        if not self._spend_token(request.query_params.get("token", ""), account_id):
            raise Denied(403, f"GET {self._root}/ first, and send its {TOKEN_HEADER} as ?token=.")
        # (2) what to install
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != INSTALL_TYPE:
            raise Denied(415, f"An app is installed with a body of {INSTALL_TYPE}.")
        try:
            body = await read_bounded(request.receive, BODY_MAX)
            source = msgspec.json.decode(body, type=Wanted).plugin_uri
        except (msgspec.MsgspecError, BodyTooLarge, UnicodeDecodeError, RecursionError):
            raise Denied(400, 'The body is {"pluginUri": the address of a descriptor}.') from None
        # (3) which takes its time
        task = self._begin(source)
        answer = self._progress(task)
        return JSONResponse(answer, 202, {"Location": answer["links"]["self"]})

    async def _pending(self, request: Request) -> Response:
        task = self._tasks.get(request.path_params["task"])
        if task is None:
            raise Denied(404, "There is no such task, or it was forgotten.")
        if not task.work.done():
            return JSONResponse(self._progress(task))
        error = None if task.work.cancelled() else task.work.exception()
        if error is None and not task.work.cancelled():
            app = task.work.result()
            if self._redirects:
                return RedirectResponse(f"{self._root}/{app.key}-key", 303)
            return JSONResponse(self._told(app))
        told = str(error) if isinstance(error, HeadwayError) else "The install did not end well."
        return JSONResponse(self._progress(task, told))

    async def _plugin(self, request: Request) -> Response:
        app = self._apps.get(request.path_params["key"])
        if app is None:
            raise Denied(404, "No such app is installed.")
        return JSONResponse(self._told(app))

    async def _uninstall(self, request: Request) -> Response:
        try:
            await self._installer.uninstall(request.path_params["key"])
        except HeadwayError as error:
            raise Denied(404, str(error)) from None
        return Response(status_code=204)

    def _told(self, app: App) -> dict[str, Any]:
        return {
            "key": app.key,
            "name": app.name,
            "enabled": app.enabled,
            "version": f"1.0.{app.revision}",
            "userInstalled": True,
            "links": {"self": f"{self._root}/{app.key}-key"},
        }

    def _progress(self, task: Task, failure: str | None = None) -> dict[str, Any]:
        status: Mapping[str, Any] = {"done": failure is not None, "source": task.source}
        if failure is not None:
            status = {**status, "errorMessage": failure}
        return {
            "type": "INSTALL",
            "pingAfter": PING_MS,
            "status": status,
            "links": {"self": f"{self._root}/pending/{task.id}"},
        }

    # ---- tasks and tokens -------------------------------------------------------------------

    def _begin(self, source: str) -> Task:
        for old in [id for id, task in self._tasks.items() if task.work.done()]:  # noqa: A001
            if len(self._tasks) < TASKS_MAX:
                break
            del self._tasks[old]
        if len(self._tasks) >= TASKS_MAX:
            raise Denied(503, "Too many installs are under way.")
        work = asyncio.ensure_future(self._installer.install(source))
        work.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if asked
        task = Task(str(uuid.uuid4()), source, work)
        self._tasks[task.id] = task
        return task

    def _new_token(self, account_id: str) -> str:
        if len(self._tokens) >= TOKENS_MAX:
            del self._tokens[next(iter(self._tokens))]  # the oldest
        token = secrets.token_urlsafe(24)
        self._tokens[_digest(token)] = account_id, self._now() + TOKEN_SECONDS
        return token

    def _spend_token(self, token: str, account_id: str) -> bool:
        owner, until = self._tokens.pop(_digest(token), ("", 0.0))
        return owner == account_id and self._now() < until


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _basic(headers: list[str]) -> tuple[str, str] | None:
    """Name and password of the one Basic header (RFC 7617 section 2), or None.

    >>> _basic(["Basic YWRtaW46YTpi"])
    ('admin', 'a:b')
    """
    scheme, _, encoded = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "basic" or len(encoded) > CREDENTIALS_MAX:
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None
