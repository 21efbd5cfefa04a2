"""The host's own answers where it says no: its status, its words, in its JSON.

The words are those of the host's published source and of answers seen in the
wild; the JSON around them is that of Jira's REST API.  What Headway has to add
stands in headers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias

from starlette.responses import JSONResponse, Response

from headway.errors import (
    HeadwayError,
    IssuerUnknown,
    MalformedRequest,
    NoCredentials,
    Refusal,
    SignatureInvalid,
)
from headway.host.access import AccessTokenInvalid

__all__ = [
    "ANONYMOUS",
    "NOT_IN_SCOPE",
    "Writer",
    "api_error",
    "error_writer",
    "host_answer",
    "wiki_error",
]

Writer: TypeAlias = Callable[[int, str], Response]
"""Writes an error of this status with this text."""

ANONYMOUS = "Client must be authenticated to access this resource."
UNPROVEN = "Your presented credentials do not provide access to this resource."
IMPROPER = "The request URI is improperly formed"
NOT_IN_SCOPE = "Request not in an authorized API scope"


def api_error(status: int, message: str = "", errors: Mapping[str, str] | None = None) -> Response:
    """An error in the shape of Jira's REST API; *errors* are by field.

    >>> api_error(404, "No such thing.").body
    b'{"errorMessages":["No such thing."],"errors":{}}'
    """
    return _error(
        status, {"errorMessages": [message] if message else [], "errors": dict(errors or {})}
    )


def wiki_error(status: int, message: str) -> Response:
    """An error in the shape of Confluence's REST API."""
    data = {
        "authorized": status not in (401, 403),
        "valid": status != 400,
        "allowedInReadOnlyMode": True,
        "errors": [],
        "successful": False,
    }
    return _error(status, {"statusCode": status, "data": data, "message": message})


def wiki_error_v2(status: int, message: str) -> Response:
    """An error in the shape of version 2 of Confluence's REST API."""
    code = HTTPStatus(status).name
    error = {"status": status, "code": code, "title": message, "detail": None}
    return _error(status, {"errors": [error]})


WRITERS: tuple[tuple[str, Writer], ...] = (
    ("/wiki/api/", wiki_error_v2),
    ("/wiki/", wiki_error),
    ("/", api_error),
)
"""Whose shape an error has, by where the request's path begins."""


def error_writer(path: str) -> Writer:
    """How an error is written that is about *path*.

    >>> error_writer("/wiki/rest/api/content/1")(404, "No such thing.").status_code
    404
    """
    return next((write for start, write in WRITERS if path.startswith(start)), api_error)


def _error(status: int, body: Mapping[str, object]) -> Response:
    headers = {"WWW-Authenticate": 'JWT realm="headway"'} if status == 401 else {}
    return JSONResponse(body, status, headers)


def host_answer(error: HeadwayError, write: Writer = api_error) -> Response:
    """What the host answers to a request that was refused, in the shape that *write* has.

    An unknown issuer and a bad signature look alike, so that nobody can ask
    which apps are installed.

    >>> host_answer(SignatureInvalid()).status_code
    401
    """
    if isinstance(error, AccessTokenInvalid):
        answer = write(401, str(error))
        answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'  # RFC 6750 section 3.1
        return answer
    if not isinstance(error, Refusal):
        return write(403, str(error))
    if isinstance(error, NoCredentials):
        return write(401, ANONYMOUS)
    if isinstance(error, MalformedRequest):
        return write(400, IMPROPER)
    if error.public in (IssuerUnknown, SignatureInvalid):
        return write(401, UNPROVEN)
    return write(error.status, str(error))
