"""The fields of a form that a person sent: read, bounded, and nothing guessed."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from headway.http.asgi import FORM_TYPE, read_bounded

__all__ = ["read_form"]

FORM_MAX = 524_288  # bytes: the longest text, each character percent-encoded
FIELDS_MAX = 20


async def read_form(request: Request, limit: int = FORM_MAX) -> dict[str, str]:
    """The fields of a form of at most *limit* bytes.

    Raises :class:`~headway.errors.BodyTooLarge`, or HTTPException for what is no
    form (WHATWG URL: application/x-www-form-urlencoded).
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise HTTPException(415, f"A form is sent as {FORM_TYPE}.")
    body = await read_bounded(request.receive, limit)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise HTTPException(400, "The form can not be read.") from None
    return dict(pairs)
