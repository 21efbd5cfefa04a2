"""One call as steps: what is sent, what is read, when it is tried again.

Nothing here opens a connection or looks at a clock of its own.  Which calls are
tried again is a table (``TRIED_AGAIN``, ``IDEMPOTENT``); how long is waited is
``pause``.
"""

from __future__ import annotations

import math
import random
import time
import zlib
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypedDict

import httpx
import msgspec

from headway.app.asks import Next, Opened, Send, Steps, Wait
from headway.app.failures import AnswerUnusable, HostUnreachable, host_error
from headway.app.wanted import Wanted, hold, number
from headway.ports import Clock

__all__ = [
    "IDEMPOTENT",
    "TRIED_AGAIN",
    "Options",
    "Outgoing",
    "Retries",
    "Timing",
    "call",
    "outgoing",
    "pause",
    "read",
    "seconds_to_wait",
]

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent again without harm (RFC 9110 section 9.2.2)."""

TRIED_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses that may be gone a moment later."""

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
ANSWER_MAX = 64 * 1024 * 1024  # bytes of an answer that is read as a whole
RETRY_AFTER_MAX = 86_400.0  # seconds; beyond, a header is rubbish


_RETRIES = dict.fromkeys(("attempts", "total", "first", "longest"), Wanted("a number", number))


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """How a call is tried again: at most *attempts* times, in *total* seconds with all waiting.

    The pause before the second attempt is *first* seconds, doubled each time up
    to *longest*, and of that a random half to the whole.  A ``Retry-After`` is
    waited for, also beyond *longest*; if it does not fit into *total*, the call
    fails at once and says how long.  Raises ValueError for numbers that can not be.

    >>> Retries(attempts=1)  # never again
    Retries(attempts=1, total=60.0, first=0.5, longest=15.0)
    """

    attempts: int = 4
    total: float = 60.0
    first: float = 0.5
    longest: float = 15.0

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that can not be."""
        hold(_RETRIES, msgspec.structs.asdict(self), "retries: ")
        if self.attempts < 1 or self.total <= 0 or self.first < 0 or self.longest < self.first:
            raise ValueError("retries: attempts is 1 or more, total is positive, first <= longest")


class Timing(msgspec.Struct, frozen=True):
    """The clocks of a call: *ticks* never goes back, *clock* is in seconds since 1970.

    *dice* gives a number from 0 to 1.
    """

    ticks: Clock = time.monotonic
    clock: Clock = time.time
    dice: Callable[[], float] = random.SystemRandom().random


class Options(TypedDict, total=False):
    """What a call takes besides method and path.

    ``params`` are added to the path's query.  Of ``json``, ``content`` (bytes,
    text or an iterator), ``files`` (multipart, with ``fields`` for its texts)
    and ``form`` (url-encoded; hosts may take its values for parameters) one is
    the body.  ``timeout`` is in seconds, or httpx's.  ``check=False`` returns
    an answer whatever its status; ``retry`` tries again also where the method
    is not idempotent (True), or never (False).
    """

    params: Any
    headers: Mapping[str, str]
    json: Any
    content: str | bytes | Iterable[bytes] | AsyncIterable[bytes]
    files: Any
    fields: Mapping[str, Any]
    form: Mapping[str, Any]
    timeout: float | httpx.Timeout
    check: bool
    retry: bool


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One call before it is sent, as often as need be; made by :func:`outgoing`."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str] = {}
    body: Mapping[str, Any] = {}
    timeout: httpx.Timeout = TIMEOUT
    check: bool = True
    again: bool = False
    streamed: bool = False

    def patience(self, total: float) -> float:
        """Seconds for the whole call: *total*, or as long as a body takes, or one wait."""
        return math.inf if self.streamed else max(total, self.timeout.read or total)

    def request(self, remaining: float = math.inf) -> httpx.Request:
        """The request, anew; no single wait in it is longer than *remaining* seconds."""
        waits = self.timeout.as_dict()
        if remaining < math.inf:
            waits = {k: remaining if v is None else min(v, remaining) for k, v in waits.items()}
        return httpx.Request(
            self.method,
            self.url,
            headers=self.headers,
            extensions={"timeout": waits},
            **self.body,
        )

    def with_params(self, **params: Any) -> Outgoing:
        """The same call with *params* in place of those of the same name."""
        url = self.url
        for name, value in params.items():
            url = url.copy_set_param(name, value)
        return msgspec.structs.replace(self, url=url)

    def with_json(self, **members: Any) -> Outgoing:
        """The same call with *members* in its JSON body."""
        body = {"json": {**self.body["json"], **members}}
        return msgspec.structs.replace(self, body=body)

    def __repr__(self) -> str:
        return f"<{self.method} {self.url.path}>"


_BODIES = ("json", "content", "files", "form")
_KNOWN = frozenset(Options.__annotations__)
_OURS = frozenset({"authorization", "host", "proxy-authorization"})


def outgoing(
    method: str, url: httpx.URL, options: Options, headers: Mapping[str, str] | None = None
) -> Outgoing:
    """The call that *method*, *url* and *options* say, with *headers* where nothing else is said.

    Raises TypeError for an option that there is not, for two bodies, and for
    ``data``, which would be form-encoded without saying so; ValueError for
    headers that are the client's own.

    >>> outgoing("get", httpx.URL("https://x.example/rest?a=1"), {"params": {"b": 2}}).url.query
    b'a=1&b=2'
    >>> outgoing("POST", httpx.URL("https://x.example/rest"), {"data": {"a": 1}})
    Traceback (most recent call last):
    TypeError: data= would be a form: say json=, files= with fields=, content=, or form=
    """
    if "data" in options:
        raise TypeError("data= would be a form: say json=, files= with fields=, content=, or form=")
    if unknown := sorted(set(options) - _KNOWN):
        raise TypeError(f"{unknown[0]}= is no option of a call; there are {', '.join(_OPTIONS)}")
    body = _body(options)
    given = httpx.Headers(headers or {})
    given.update(options.get("headers") or {})
    if own := [name for name in given if name.lower() in _OURS]:
        raise ValueError(f"{own[0]} is a header that the client writes itself")
    if "params" in options:
        url = url.copy_merge_params(options["params"] or {})
    verb = method.upper()
    timeout, retry = options.get("timeout", TIMEOUT), options.get("retry")
    streamed = not isinstance(body.get("content", b""), str | bytes) or "files" in body
    return Outgoing(
        method=verb,
        url=url,
        headers=given,
        body=body,
        timeout=timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout),
        check=options.get("check", True),
        again=(verb in IDEMPOTENT if retry is None else retry) and not streamed,
        streamed=streamed,
    )


_OPTIONS = tuple(Options.__annotations__)


def _body(options: Options) -> dict[str, Any]:
    said = [name for name in _BODIES if name in options]
    if len(said) > 1:
        raise TypeError(f"{said[0]}= and {said[1]}= are two bodies: a request has one")
    if "fields" in options and "files" not in options:
        raise TypeError("fields= are the texts beside files=; for a form alone say form=")
    if "form" in options:
        return {"data": dict(options["form"])}
    if "files" in options:
        return {"files": options["files"], "data": dict(options.get("fields") or {})}
    return {name: options[name] for name in said}  # type: ignore[literal-required]


# ---- the steps ------------------------------------------------------------------------------


def call(
    out: Outgoing,
    sign: Callable[[httpx.Request], Steps[None]],
    retries: Retries,
    timing: Timing,
    answer_max: int = ANSWER_MAX,
) -> Steps[httpx.Response]:
    """Send *out*, and again where that may help; the answer, read as a whole.

    *sign* writes the credentials into each request.  Raises
    :class:`~headway.app.failures.HostUnreachable`, AnswerUnusable, and with
    ``check`` HostError.
    """
    until = timing.ticks() + out.patience(retries.total)
    attempt = 0
    while True:
        attempt += 1
        failure: HostUnreachable | None = None
        answer: httpx.Response | None = None
        # (1) one attempt
        try:
            request = out.request(until - timing.ticks())
            yield from sign(request)
            opened: Opened = yield Send(request)
            answer = yield from read(opened, answer_max, until, timing.ticks)
        except HostUnreachable as error:
            failure = error
        # (2) again, if that is allowed, may help and is in time
        wished = None if answer is None else seconds_to_wait(answer.headers, timing.clock())
        if out.again and attempt < retries.attempts and _may_pass(answer):
            seconds = pause(attempt, wished, retries, timing.dice)
            if timing.ticks() + seconds < until:
                yield Wait(seconds)
                continue
        # (3) what came of it
        if answer is None:
            raise failure or HostUnreachable("nobody answered")
        if out.check and answer.status_code >= 400:
            path, body = out.url.raw_path.decode("ascii"), answer.content
            raise host_error(out.method, path, answer.status_code, answer.headers, body, wished)
        return answer


def _may_pass(answer: httpx.Response | None) -> bool:
    return answer is None or answer.status_code in TRIED_AGAIN


def read(opened: Opened, limit: int, until: float, ticks: Clock) -> Steps[httpx.Response]:
    """The whole answer, at most *limit* bytes, unpacked.

    Raises AnswerUnusable, and HostUnreachable where it takes longer than *until*.
    """
    packing = opened.headers.get("content-encoding", "identity").lower()
    if packing not in ("identity", "gzip"):
        raise AnswerUnusable("the answer is encoded in a way that was not asked for")
    unpack = zlib.decompressobj(wbits=31) if packing == "gzip" else None
    parts: list[bytes] = []
    size = 0
    while (chunk := (yield Next(opened))) is not None:
        if unpack is not None:
            chunk = _unpacked(unpack, chunk, limit - size)
        size += len(chunk)
        if size > limit or (unpack is not None and unpack.unconsumed_tail):
            raise AnswerUnusable(f"the answer is longer than {limit} bytes")
        if ticks() > until:
            raise HostUnreachable("the answer did not come in time")
        parts.append(chunk)
    if unpack is not None and parts and not unpack.eof:
        raise AnswerUnusable(_MISPACKED)
    left = [(k, v) for k, v in opened.headers.raw if k.lower() not in _FRAMING]
    return httpx.Response(
        opened.status, headers=left, content=b"".join(parts), extensions=opened.extensions
    )


_MISPACKED = "the answer is not what its content-encoding says"
_FRAMING = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def _unpacked(unpack: Any, chunk: bytes, limit: int) -> bytes:
    try:
        plain: bytes = unpack.decompress(chunk, limit + 1)
    except zlib.error:
        raise AnswerUnusable(_MISPACKED) from None
    return plain


# ---- how long -------------------------------------------------------------------------------


def pause(attempt: int, wished: float | None, retries: Retries, dice: Callable[[], float]) -> float:
    """Seconds between *attempt* (from 1 on) and the next; *wished* is what the host asked for.

    Nobody comes back before *wished*, and not all at the same moment.

    >>> retries = Retries(first=1, longest=60)
    >>> pause(3, None, retries, lambda: 1.0), pause(1, 7.0, retries, lambda: 0)
    (4.0, 7.0)
    """
    grown = min(retries.longest, retries.first * 2.0 ** (attempt - 1))
    if wished is None:
        return grown * (0.5 + dice() / 2)
    return wished + dice() * retries.first


def seconds_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """``Retry-After`` in seconds from *now*: it may be seconds or a date (RFC 9110 10.2.3).

    None where there is none that can be read.

    >>> seconds_to_wait({"retry-after": "7"}, 0)
    7.0
    >>> seconds_to_wait({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40)
    60.0
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MAX)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max(0.0, date.timestamp() - now), RETRY_AFTER_MAX)
