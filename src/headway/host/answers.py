"""The host's own answers where it says no: its status, its words, in its JSON.

The words are those of the host's published source and of answers seen in the
wild; the JSON around them is that of Jira's REST API.  What Headway has to add
stands in headers.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from headway.errors import (
    HeadwayError,
    IssuerUnknown,
    MalformedRequest,
    NoCredentials,
    Refusal,
    SignatureInvalid,
)

__all__ = ["NOT_IN_SCOPE", "api_error", "host_answer"]

ANONYMOUS = "Client must be authenticated to access this resource."
UNPROVEN = "Your presented credentials do not provide access to this resource."
IMPROPER = "The request URI is improperly formed"
NOT_IN_SCOPE = "Request not in an authorized API scope"


def api_error(status: int, message: str = "", errors: Mapping[str, str] | None = None) -> Response:
    """An error in the shape of Jira's REST API; *errors* are by field.

    >>> api_error(404, "No such thing.").body
    b'{"errorMessages":["No such thing."],"errors":{}}'
    """
    body = {"errorMessages": [message] if message else [], "errors": dict(errors or {})}
    headers = {"WWW-Authenticate": 'JWT realm="headway"'} if status == 401 else {}
    return JSONResponse(body, status, headers)


def host_answer(error: HeadwayError) -> Response:
    """What the host answers to a request that was refused.

    An unknown issuer and a bad signature look alike, so that nobody can ask
    which apps are installed.

    >>> host_answer(SignatureInvalid()).status_code
    401
    """
    if not isinstance(error, Refusal):
        return api_error(403, str(error))
    if isinstance(error, NoCredentials):
        return api_error(401, ANONYMOUS)
    if isinstance(error, MalformedRequest):
        return api_error(400, IMPROPER)
    if error.public in (IssuerUnknown, SignatureInvalid):
        return api_error(401, UNPROVEN)
    return api_error(error.status, str(error))
