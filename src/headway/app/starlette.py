"""Connect apps on Starlette, and on FastAPI, which is Starlette.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    async def hello(request, context): ...

    app = Starlette(routes=connect.routes)

A handler is called with a request from which the token has been taken, and
with the context that the token proved.
"""

from __future__ import annotations

import html
import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute
from starlette.types import Message, Receive, Scope, Send

from headway.app import connect as core
from headway.app import pages
from headway.app.addresses import framers, is_loopback
from headway.app.connect import Context, installation_of
from headway.app.descriptor import LIFECYCLE_PATHS
from headway.app.lifecycle import BODY_BYTES_MAX
from headway.errors import Refusal, TokenMissing
from headway.http.answers import page_headers, problem, refusal_headers
from headway.http.asgi import facts_from_scope, header_values, read_bounded
from headway.model import RequestFacts, Verified
from headway.qsh import without_token

__all__ = ["Connect", "Context"]

log = logging.getLogger(__name__)

_PAGE_DESTINATIONS = frozenset({"document", "frame", "iframe"})


class Connect(core.Connect):
    """An app whose ``routes`` are for ``Starlette(routes=...)`` or ``FastAPI(routes=...)``.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> app.routes[0].path
    '/atlassian-connect.json'
    """

    @property
    def routes(self) -> list[BaseRoute]:
        """Every route declared so far: the descriptor, the lifecycle, the app's own."""
        found: list[BaseRoute] = [
            self._route("/atlassian-connect.json", _DescriptorEndpoint(self), ("GET",))
        ]
        for event, path in LIFECYCLE_PATHS.items():
            found.append(self._route(path, _LifecycleEndpoint(self, event), ("POST",)))
        own = self.own_routes()
        found += [self._route(each.path, _OwnEndpoint(self, each), each.methods) for each in own]
        return found

    def _route(self, path: str, endpoint: _Endpoint, methods: Iterable[str]) -> StarletteRoute:
        return StarletteRoute(
            self.base_path + path, endpoint, methods=list(methods), include_in_schema=False
        )


class _Endpoint(ABC):
    """One route as an ASGI app; refusals become answers here and nowhere else."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._connect.development and not is_loopback((scope.get("server") or ("",))[0]):
            answer: Response = PlainTextResponse("development mode is for this machine only", 403)
            await answer(scope, receive, send)
            return
        try:
            await self.answer(scope, receive, send)
        except _Refused as refused:
            answer = self._refusal(scope, refused.refusal)
            await answer(scope, receive, send)

    @abstractmethod
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or raise :class:`_Refused`."""

    def _refusal(self, scope: Scope, refusal: Refusal) -> Response:
        status, realm = refusal.public.status, self._connect.key
        if _wants_page(scope):
            body, headers = pages.refusal_page(refusal, realm)
            return HTMLResponse(body, status, headers)
        return Response(
            problem(refusal), status, refusal_headers(refusal, realm), "application/problem+json"
        )

    def _facts(self, scope: Scope) -> RequestFacts:
        return facts_from_scope(scope, base_path=self._connect.base_path)


class _Refused(Exception):
    """A refusal of ours, apart from one that a handler's own call may raise."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def _wants_page(scope: Scope) -> bool:
    """Whether a person will look at the answer, rather than a script."""
    destination = "".join(header_values(scope["headers"], "sec-fetch-dest"))
    if destination:
        return destination in _PAGE_DESTINATIONS
    return "text/html" in ",".join(header_values(scope["headers"], "accept"))


def _navigates(scope: Scope) -> bool:
    """Whether a browser asks, which says so and can show the shell (W3C Fetch Metadata)."""
    return "".join(header_values(scope["headers"], "sec-fetch-dest")) in _PAGE_DESTINATIONS


# ---- the descriptor and the lifecycle -------------------------------------------------------


class _DescriptorEndpoint(_Endpoint):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = self._connect.descriptor().to_json()
        await JSONResponse(told, headers={"Cache-Control": "no-cache"})(scope, receive, send)


class _LifecycleEndpoint(_Endpoint):
    def __init__(self, connect: Connect, event: str) -> None:
        super().__init__(connect)
        self._event = event

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        facts = self._facts(scope)
        try:
            body = await read_bounded(receive, BODY_BYTES_MAX)
        except Refusal as refusal:
            self._connect.body_refused(self._event, facts, refusal)
            raise _Refused(refusal) from None
        try:
            await self._connect.lifecycle(self._event, facts, body)
        except Refusal as refusal:
            raise _Refused(refusal) from None
        except core.HookFailed as failure:
            log.error("%s: %s", self._event, failure, exc_info=failure.__cause__)
            answer: Response = PlainTextResponse("the app failed", 500)
        else:
            answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
        await answer(scope, receive, send)


# ---- the app's own routes -------------------------------------------------------------------


class _OwnEndpoint(_Endpoint):
    def __init__(self, connect: Connect, route: core.Route) -> None:
        super().__init__(connect)
        self._own = route

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        # (1) who asks, and may they?
        facts = self._facts(scope)
        reload = self._own.page and bool(header_values(scope["headers"], pages.SHELL_HEADER))
        shell = self._own.page and not reload and _wants_page(scope)
        try:
            verified = await self._verified(facts, reload=reload, shell=shell)
        except TokenMissing as refusal:
            if not shell:
                raise _Refused(refusal) from None
            body, headers = self._connect.shell_page()
            await HTMLResponse(body, headers=headers)(scope, receive, send)
            return
        except Refusal as refusal:
            raise _Refused(refusal) from None
        # (2) a browser, which would keep the address, may have to go to another one first
        on = (
            self._connect.sent_on(facts, verified) if self._own.page and _navigates(scope) else None
        )
        if on is not None:
            await Response(status_code=303, headers=on)(scope, receive, send)
            return
        # (3) the handler, which never sees the token
        context = Context(self._connect, verified, installation_of(verified))
        if self._own.page:
            send = self._as_page(facts, context, send, reload=reload)
        try:
            clean = _without_credentials(scope, facts)
            result = await _run(self._own.handler, Request(clean, receive), context)
            await _response(result)(clean, receive, send)
        finally:
            await context.close()

    async def _verified(self, facts: RequestFacts, *, reload: bool, shell: bool) -> Verified:
        if reload:
            return await self._connect.check_reload(facts)
        own = self._own
        return await self._connect.check(facts, own.accept, own.policy, or_shell=shell)

    def _as_page(
        self, facts: RequestFacts, context: Context, send: Send, *, reload: bool
    ) -> _PageSend:
        site = context.installation
        headers = page_headers(framers(site, self._connect.base_url))
        script = pages.first_script(pages.seal(facts, site, context.account_id))
        return _PageSend(send, headers, script, policy_in_page=reload)


def _without_credentials(scope: Scope, facts: RequestFacts) -> Scope:
    """*scope* without token and seal; and without ways around ``send``."""
    query = pages.without_seal(without_token(facts.raw_query))
    headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    return {
        **scope,
        "query_string": query.encode("latin-1"),
        "headers": headers,
        "extensions": {},
    }


async def _run(handler: Any, request: Request, context: Context) -> Any:
    if inspect.iscoroutinefunction(handler):
        return await handler(request, context)
    return await run_in_threadpool(handler, request, context)


def _response(result: Any) -> Response:
    """What a handler returned as a response: text is a page, other data is JSON."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status_code=204)
    return HTMLResponse(result) if isinstance(result, str) else JSONResponse(result)


class _PageSend:
    """Sends a handler's answer as a page in a frame: with the headers and the first script.

    Only the beginning of a page is held back; what follows streams through.
    """

    def __init__(
        self, send: Send, headers: Mapping[str, str], script: str, *, policy_in_page: bool
    ) -> None:
        self._send = send
        self._headers = headers
        self._script = script
        self._policy_in_page = policy_in_page
        self._start: Message | None = None
        self._head = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._start is None:
            await self._send(message)
        else:
            await self._continue(message)

    async def _begin(self, message: Message) -> None:
        headers = MutableHeaders(raw=list(message["headers"]))
        own = [pages.with_script_allowed(text) for text in headers.getlist(_CSP)]
        del headers[_CSP]
        headers.update({"Headway-Page": "1", **self._headers})
        for policy in own:
            headers.append(_CSP, policy)
        message = {**message, "headers": headers.raw}
        if not headers.get("content-type", "").lower().startswith("text/html"):
            await self._send(message)
            return
        if self._policy_in_page:  # the shell shows the page without its headers
            metas = (
                f'<meta http-equiv="{_CSP}" content="{html.escape(policy)}">' for policy in own
            )
            self._script = "".join(metas) + self._script
        if "content-length" in headers:
            length = int(headers["content-length"]) + len(self._script.encode())
            headers["content-length"] = str(length)
        self._start = {**message, "headers": headers.raw}

    async def _continue(self, message: Message) -> None:
        self._head += message.get("body", b"")
        more = message.get("more_body", False)
        if more and len(self._head) < pages.HEAD_BYTES_MAX:
            return
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)
        await self._send({**message, "body": pages.with_first_script(self._head, self._script)})


_CSP = "content-security-policy"
