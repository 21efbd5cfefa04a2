"""Faults: what goes wrong when a test says so, so that an app can be seen to cope.

A fault waits for a request by its method and path, happens as often as it was
told to, and is gone.  The token that came along is in the traffic all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.errors import Refusal
from headway.host.gate import Forbidden
from headway.http.server import HangUp
from headway.keys import RsaPrivateKey

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["Fault", "Faults", "Faulty"]

KEPT = 1000  # faults that wait
SECONDS_MAX = 600.0


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to the next *times* requests for *path* (``*`` stands for anything).

    First ``seconds`` pass.  Then one of: the answer is ``status``, with
    ``headers`` and ``body``; the connection is ``cut`` in the middle of an
    answer; the true answer comes with half its body (``bad_json``); the answer
    is the public key of somebody else (``wrong_key``, for ``/install-keys/*``);
    or, where nothing else is said, the true answer.

    >>> Fault(path="/rest/api/*/myself", status=503).takes("GET", "/rest/api/3/myself")
    True
    """

    path: str
    method: str | None = None
    times: int = 1
    seconds: float = 0.0
    status: int | None = None
    headers: dict[str, str] = {}
    body: str = ""
    cut: bool = False
    bad_json: bool = False
    wrong_key: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for what can not happen."""
        ends = [self.status is not None, self.cut, self.bad_json, self.wrong_key]
        if sum(ends) > 1:
            raise ValueError("a fault is one of status, cut, bad_json and wrong_key")
        if not any(ends) and not self.seconds:
            raise ValueError("a fault says what goes wrong: status, seconds, cut, bad_json, ...")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status: an answer's status is from 200 to 599")
        if self.times < 1 or not 0 <= self.seconds <= SECONDS_MAX:
            raise ValueError(f"times is 1 or more, seconds are 0 to {SECONDS_MAX:g}")

    def takes(self, method: str, path: str) -> bool:
        """Whether a request is one that this waits for."""
        wanted = self.method is None or self.method.upper() == method.upper()
        return wanted and fnmatchcase(path, self.path)


class Faults:
    """The faults that wait for their request, the oldest first.

    >>> faults = Faults()
    >>> faults.next("/rest/api/3/myself", status=503)
    >>> faults.take("GET", "/rest/api/3/myself").status, faults.waiting
    (503, [])
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    @property
    def waiting(self) -> list[Fault]:
        """Those that did not happen yet, each with the times that are left."""
        return [msgspec.structs.replace(fault, times=left) for fault, left in self._waiting]

    def next(self, path: str, **what: object) -> None:
        """Let the next request for *path* go wrong; *what* are the fields of :class:`Fault`.

        Raises ValueError or TypeError for a fault that can not happen.
        """
        self.add(msgspec.convert({"path": path, **what}, Fault, strict=True))

    def add(self, fault: Fault) -> None:
        """Let *fault* wait; raises ValueError where too many do."""
        if len(self._waiting) >= KEPT:
            raise ValueError(f"{KEPT} faults wait already")
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request runs into; it happens once less after that."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.takes(method, path):
                self._waiting[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None


class Faulty:
    """Middleware that lets the faults of *site* happen; without any it only passes on."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or go wrong."""
        is_call = scope["type"] == "http"
        fault = self._site.faults.take(scope["method"], scope["path"]) if is_call else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        # (1) a slow host
        await asyncio.sleep(fault.seconds)
        # (2) whose token was it?  The answer does not depend on it
        answer = _answer(fault)
        if answer is not None or fault.cut:
            await self._note(scope, receive)
        # (3) what goes wrong
        if answer is not None:
            await answer(scope, receive, send)
        elif fault.cut:
            await _cut(send)
        elif fault.bad_json:
            await self._app(scope, receive, _Halved(send))
        else:
            await self._app(scope, receive, send)

    async def _note(self, scope: Scope, receive: Receive) -> None:
        in_wiki = scope["path"].startswith("/wiki/")
        tenant = self._site.confluence if in_wiki else self._site.jira
        with contextlib.suppress(Refusal, Forbidden):
            await tenant.gate.actor(Request(scope, receive))


def _answer(fault: Fault) -> Response | None:
    if fault.status is not None:
        return Response(fault.body, fault.status, fault.headers)
    if fault.wrong_key:
        return PlainTextResponse(RsaPrivateKey.generate().public_pem())
    return None


async def _cut(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise HangUp


class _Halved:
    """Sends an answer with half its body, and a length that agrees with it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        half = self._body[: len(self._body) // 2]
        headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
        length = (b"content-length", str(len(half)).encode())
        await self._send({**self._start, "headers": [*headers, length]})
        await self._send({**message, "body": half})
