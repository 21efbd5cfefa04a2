"""The gateway within an application's own process: ASGI and WSGI, with the same decisions.

A server's own access log has seen the URL before any middleware does:
:func:`headway.redact` has a filter for that.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from headway.gateway.decide import OWN_HEADERS
from headway.gateway.decision import Ask, Decision, Headers, Outcome
from headway.gateway.own_paths import OwnPaths
from headway.gateway.rules import GatewayPolicy
from headway.gateway.verifying import Verifier
from headway.http.asgi import facts_from_scope
from headway.http.wsgi import facts_from_environ

if TYPE_CHECKING:
    from headway.gateway.usage.store import UsageStore

__all__ = ["AsgiGateway", "Decides", "WsgiGateway", "answered", "sent"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_SHARED = ("public", "s-maxage")
_ONCE = ("deprecation", "sunset")
_ANSWERED = (Outcome.REFUSE, Outcome.ANSWER)
ANSWER_SECONDS = 30.0


class Decides(Protocol):
    """A :class:`~headway.gateway.decide.Gateway`, or one that reloads."""

    @property
    def policy(self) -> GatewayPolicy:
        """By what it decides."""

    @property
    def verifiers(self) -> Mapping[str, Verifier]:
        """Who proves whose a token is, by the names of locations."""

    def decide(self, ask: Ask) -> Decision:
        """Decide at once."""

    async def adecide(self, ask: Ask) -> Decision:
        """Decide, awaiting what has to be awaited."""


# ---- headers --------------------------------------------------------------------------------


def sent(decision: Decision, headers: Headers) -> Headers:
    """*headers* (names in lower case) as they go to the application.

    >>> decision = Decision(outcome=Outcome.PASS, target="/", set_headers=(("a", "2"),),
    ...                     remove_headers=("headway-phase",))
    >>> sent(decision, (("a", "1"), ("b", "x"), ("headway-phase", "forged")))
    (('b', 'x'), ('a', '2'))
    """
    gone = {*decision.remove_headers, *(name for name, _ in decision.set_headers)}
    return (*((n, v) for n, v in headers if n not in gone), *decision.set_headers)


def answered(decision: Decision, headers: Headers) -> Headers:
    """The *headers* of an application's answer as the client gets them.

    What only the gateway says is taken out first.  A moved token made the URL
    one user's own: shared caches keep the answer no more.

    >>> decision = Decision(outcome=Outcome.PASS, target="/", answer_headers=(
    ...     ("Vary", "Authorization"), ("Cache-Control", "private")))
    >>> answered(decision, (("Cache-Control", "public, max-age=60"),))
    (('Vary', 'Authorization'), ('Cache-Control', 'max-age=60, private'))
    """
    ours = dict.fromkeys(name.lower() for name, _ in decision.answer_headers)
    private = "cache-control" in ours
    gone = {*OWN_HEADERS, *(name for name in _ONCE if name in ours)}
    gone |= {"cache-control"} if private else set()
    kept = [(name, value) for name, value in headers if name.lower() not in gone]
    if decision.allow_header:
        kept = _allowing(kept, decision.allow_header)
    added = [line for line in decision.answer_headers if line[0].lower() != "cache-control"]
    if private:
        added.append(("Cache-Control", _private(headers)))
    return (*kept, *added)


def _private(headers: Headers) -> str:
    """What the application says of caches, and that they are private ones (RFC 9111 5.2.2.7)."""
    told = [
        part.strip() for n, v in headers if n.lower() == "cache-control" for part in v.split(",")
    ]
    kept = [part for part in told if part and part.partition("=")[0].lower() not in _SHARED]
    names = {part.lower() for part in kept}
    return ", ".join(kept if names & {"private", "no-store"} else [*kept, "private"])


def _allowing(headers: list[tuple[str, str]], allow: str) -> list[tuple[str, str]]:
    """The header is allowed where the application allowed the origin, and nowhere else."""
    if not any(name.lower() == "access-control-allow-origin" for name, _ in headers):
        return headers
    field = "access-control-allow-headers"
    values = [value for name, value in headers if name.lower() == field]
    known = [part.strip() for value in values for part in value.split(",") if part.strip()]
    if allow.lower() not in map(str.lower, known):
        known.append(allow)
    rest = [(name, value) for name, value in headers if name.lower() != field]
    return [*rest, ("Access-Control-Allow-Headers", ", ".join(known))]


# ---- ASGI -----------------------------------------------------------------------------------


class AsgiGateway:
    """An ASGI application behind a gateway; WebSockets too, whatever else passes.

    What the policy switches on at paths of the gateway's own is answered here:
    resource metadata and, with *usage*, a client's own record.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.rules import RetiredLocation
    >>> async def app(scope, receive, send):
    ...     print(scope["query_string"], scope["headers"])
    >>> policy = GatewayPolicy(name="api", locations=(
    ...     RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT"),))
    >>> scope = {"type": "http", "method": "GET", "raw_path": b"/", "headers": [],
    ...          "query_string": b"a=1&jwt=T"}
    >>> asyncio.run(AsgiGateway(app, Gateway(policy))(scope, None, None))
    b'a=1' [(b'authorization', b'JWT T')]
    """

    def __init__(self, app: AsgiApp, gateway: Decides, *, usage: UsageStore | None = None) -> None:
        self._app, self._gateway = app, gateway
        self._own = OwnPaths(gateway, usage=usage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide, then ask the application or answer in its place."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        )
        ask = _ask_of(scope, headers)
        own = await self._own.aanswer(ask) if scope["type"] == "http" else None
        decision = own or await self._gateway.adecide(ask)
        if decision.outcome in _ANSWERED:
            await _answer(scope, decision, send)
            return

        async def told(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                before = _texts(message.get("headers", ()))
                message = {**message, "headers": _raw(answered(decision, before))}
            await send(message)

        query = decision.target.partition("?")[2].encode("latin-1")
        changed = {**scope, "query_string": query, "headers": _raw(sent(decision, headers))}
        await self._app(changed, receive, told)


def _ask_of(scope: Scope, headers: Headers) -> Ask:
    facts = facts_from_scope({"method": "GET", **scope})  # a WebSocket begins with a GET
    target = f"{facts.raw_path}?{facts.raw_query}" if facts.raw_query else facts.raw_path
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    return Ask(method=facts.method, target=target, headers=headers, peer=peer)


async def _answer(scope: Scope, decision: Decision, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: a 403
        return
    length = ("Content-Length", str(len(decision.body)))
    headers = _raw((*decision.answer_headers, length))
    await send({"type": "http.response.start", "status": decision.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else decision.body
    await send({"type": "http.response.body", "body": body})


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in headers)


# ---- WSGI -----------------------------------------------------------------------------------


class WsgiGateway:
    """A WSGI application behind a gateway; *usage* as in :class:`AsgiGateway`.

    The server has to hand on the raw target (``RAW_URI`` or ``REQUEST_URI``).
    Key sets are fetched on a loop of its own.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.rules import RetiredLocation
    >>> def app(environ, start_response):
    ...     return [environ["QUERY_STRING"], environ["HTTP_AUTHORIZATION"]]
    >>> policy = GatewayPolicy(name="api", locations=(
    ...     RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT"),))
    >>> WsgiGateway(app, Gateway(policy))(
    ...     {"REQUEST_METHOD": "GET", "RAW_URI": "/?a=1&jwt=T", "QUERY_STRING": "a=1&jwt=T"}, None)
    ['a=1', 'JWT T']
    """

    def __init__(self, app: WsgiApp, gateway: Decides, *, usage: UsageStore | None = None) -> None:
        self._app, self._gateway = app, gateway
        self._own = OwnPaths(gateway, usage=usage)
        self._loop = _Loop()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Decide, then ask the application or answer in its place."""
        facts = facts_from_environ(environ)
        target = f"{facts.raw_path}?{facts.raw_query}" if facts.raw_query else facts.raw_path
        headers = _environ_headers(environ)
        peer = str(environ.get("REMOTE_ADDR", ""))
        decision = self._decide(Ask(method=facts.method, target=target, headers=headers, peer=peer))
        if decision.outcome in _ANSWERED:
            length = ("Content-Length", str(len(decision.body)))
            status = f"{decision.status} {HTTPStatus(decision.status).phrase}"
            start_response(status, [*decision.answer_headers, length])
            return [] if facts.method == "HEAD" else [decision.body]

        def start(status: str, told: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, list(answered(decision, tuple(told))), *more)

        return self._app(_changed(environ, decision, headers), start)

    def _decide(self, ask: Ask) -> Decision:
        if any(each.waits for each in self._gateway.policy.verifications):
            return self._loop.run(self._adecide(ask))
        return self._own.answer(ask) or self._gateway.decide(ask)

    async def _adecide(self, ask: Ask) -> Decision:
        return await self._own.aanswer(ask) or await self._gateway.adecide(ask)


def _environ_headers(environ: Mapping[str, Any]) -> Headers:
    return tuple(
        (key[5:].replace("_", "-").lower(), str(value))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    )


def _changed(environ: dict[str, Any], decision: Decision, headers: Headers) -> dict[str, Any]:
    changed = {key: value for key, value in environ.items() if not key.startswith("HTTP_")}
    for name, value in sent(decision, headers):
        changed[f"HTTP_{name.upper().replace('-', '_')}"] = value
    changed["QUERY_STRING"] = decision.target.partition("?")[2]
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in changed:
            changed[name] = decision.target
    return changed


class _Loop:
    """One event loop on one thread, of the process that asks: threads do not survive a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, Decision]) -> Decision:
        """What *work* gives; raises what it raises, and TimeoutError after half a minute."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = asyncio.new_event_loop(), os.getpid()
                name = "headway gateway"
                threading.Thread(target=self._loop.run_forever, name=name, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)
