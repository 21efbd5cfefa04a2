"""What a call can end in, and what the host said about it.

    CallFailed                    a call that brought no good answer
    ├── HostUnreachable           nobody answered in time, or the answer broke off
    ├── AnswerUnusable            too large, encoded in a way nobody asked for, or not JSON
    ├── HostError                 the host answered with a status from 400 on
    │   ├── BadRequest (400), Unauthorized (401), Forbidden (403), NotFound (404)
    │   ├── Conflict (409), PayloadTooLarge (413), TooManyRequests (429)
    │   └── ServerError           500 and above
    ├── ImpersonationFailed       the authorization server gave no access token
    ├── DownloadFailed            a file that did not begin, or did not come whole
    └── NextPageRefused           the next page lies on another origin, or was there already

No error holds a request, an answer, a token or an address that opens something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from headway.errors import HeadwayError, shown
from headway.redact import redact

__all__ = [
    "AnswerUnusable",
    "BadRequest",
    "CallFailed",
    "Conflict",
    "DownloadFailed",
    "Forbidden",
    "HostError",
    "HostUnreachable",
    "ImpersonationFailed",
    "NextPageRefused",
    "NotFound",
    "PayloadTooLarge",
    "ServerError",
    "TooManyRequests",
    "Unauthorized",
    "host_error",
]

REQUEST_IDS = ("atl-traceid", "x-arequestid", "x-request-id")
"""Headers in which a host names a request for its own support; the first that is there counts."""

MESSAGES_MAX = 20


class CallFailed(HeadwayError):
    """A call that brought no good answer."""


class HostUnreachable(CallFailed):
    """Nobody answered in time, or the answer broke off.  What was sent may have been done."""


class AnswerUnusable(CallFailed):
    """An answer that is too large, encoded in a way that was not asked for, or not JSON."""


class NextPageRefused(CallFailed):
    """The next page of a list is said to lie elsewhere, or is one that was there already."""


class DownloadFailed(CallFailed):
    """A file that did not begin, or did not come whole: the host's *status*, or None."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class ImpersonationFailed(CallFailed):
    """The authorization server gave no access token.

    ``status`` is its answer's, or None where there was none; ``code`` its error
    code (RFC 6749 section 5.2), such as ``invalid_grant``.
    """

    def __init__(self, why: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.code = code


class HostError(CallFailed):
    """The host answered with an error.

    ``status`` is the answer's; ``messages`` are the host's own words and
    ``fields`` what it said about single fields, bounded and without secrets;
    ``request_id`` is the host's name for this request, for its support;
    ``retry_after`` are the seconds that it asks to wait, or None.

    >>> error = host_error("GET", "/rest", 404, {"X-AREQUESTID": "r-1"},
    ...                    b'{"errorMessages": ["No such issue."], "errors": {}}')
    >>> print(type(error).__name__, "-", error)
    NotFound - GET /rest: status 404: No such issue. (request r-1)
    """

    def __init__(
        self,
        asked: str,
        status: int,
        messages: tuple[str, ...] = (),
        fields: Mapping[str, str] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.messages = messages
        self.fields = dict(fields or {})
        self.request_id = request_id
        self.retry_after = retry_after
        said = [*messages, *(f"{name}: {text}" for name, text in self.fields.items())]
        told = f"{asked}: status {status}" + (f": {'; '.join(said)}" if said else "")
        super().__init__(told + (f" (request {request_id})" if request_id else ""))


class BadRequest(HostError):
    """400: the host could not use what was sent; see ``fields``."""


class Unauthorized(HostError):
    """401: the host does not know who asks."""


class Forbidden(HostError):
    """403: the host knows who asks and says no; often a scope that the app lacks."""


class NotFound(HostError):
    """404: it is not there, or may not be seen."""


class Conflict(HostError):
    """409: what was to be changed has changed meanwhile."""


class PayloadTooLarge(HostError):
    """413: the host takes no body of this size."""


class TooManyRequests(HostError):
    """429: the host asks to wait, ``retry_after`` seconds where it says so."""


class ServerError(HostError):
    """500 and above: the host failed."""


_BY_STATUS: Mapping[int, type[HostError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: PayloadTooLarge,
    429: TooManyRequests,
}


def host_error(
    method: str,
    path: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    retry_after: float | None = None,
) -> HostError:
    """The error for an answer with *status*; *path* is told without its query.

    Understood are the shapes of Jira (``errorMessages``, ``errors``), of both
    generations of Confluence (``message``; ``errors`` with ``title`` and
    ``detail``) and of RFC 6749; of anything else only the status is told.
    """
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else HostError)
    messages, fields = _said(body)
    named = {name.lower(): value for name, value in headers.items()}
    found = next((named[name] for name in REQUEST_IDS if named.get(name)), None)
    asked = f"{method} {shown(path.partition('?')[0])}"
    request_id = _clean(found) if found else None
    return kind(asked, status, messages, fields, request_id, retry_after)


def _said(body: bytes) -> tuple[tuple[str, ...], dict[str, str]]:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return (), {}
    if not isinstance(told, dict):
        return (), {}
    messages = list(dict.fromkeys(_clean(text) for text in _texts(told) if text))
    errors = told.get("errors")
    fields = errors.items() if isinstance(errors, dict) else ()
    pairs = [(_clean(name), _clean(text)) for name, text in fields if isinstance(text, str)]
    return tuple(messages[:MESSAGES_MAX]), dict(pairs[:MESSAGES_MAX])


def _texts(told: Mapping[str, Any]) -> Iterator[str]:
    """The texts for people in an error of either product."""
    listed = told.get("errorMessages")
    if isinstance(listed, list):
        yield from (text for text in listed if isinstance(text, str))
    for name in ("message", "error_description", "errorMessage"):
        if isinstance(told.get(name), str):
            yield told[name]
    data = told.get("data")
    for holder in (told, data if isinstance(data, dict) else {}):
        errors = holder.get("errors")
        for error in errors if isinstance(errors, list) else ():
            yield from _of_error(error)


def _of_error(error: object) -> Iterator[str]:
    if isinstance(error, str):
        yield error
    elif isinstance(error, dict):
        message = error.get("message")
        if isinstance(message, dict):
            message = message.get("translation") or message.get("key")
        for text in (message, error.get("title"), error.get("detail")):
            if isinstance(text, str):
                yield text


def _clean(text: str) -> str:
    return shown(redact(text[:2000]))
