"""ASGI scope -> ``RequestFacts``: the request line as it stood, nothing decoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headway.errors import BodyTooLarge, ConfigurationError
from headway.model import RequestFacts

__all__ = ["facts_from_scope", "header_values", "read_bounded"]

FORM_TYPE = "application/x-www-form-urlencoded"


def header_values(headers: Iterable[tuple[bytes, bytes]], name: str) -> tuple[str, ...]:
    """Every value of the header *name* (lower case), as latin-1 text.

    >>> header_values([(b"accept", b"*/*")], "accept")
    ('*/*',)
    """
    wanted = name.encode()
    return tuple(value.decode("latin-1") for key, value in headers if key.lower() == wanted)


def facts_from_scope(
    scope: Mapping[str, Any],
    *,
    base_path: str = "",
    body: bytes | None = None,
    authorization: tuple[str, ...] | None = None,
) -> RequestFacts:
    """The facts of an ASGI HTTP scope; *body* where a form field may hold a token.

    *authorization* are the headers of that name, where the caller has them already.

    Raises :class:`~headway.errors.ConfigurationError` where the server gives no
    raw path: a decoded path can not be hashed (ASGI: HTTP connection scope).

    >>> facts_from_scope({"type": "http", "method": "GET", "raw_path": b"/a%20b",
    ...                   "query_string": b"x=1", "headers": []})
    <GET /a%20b>
    """
    raw_path = scope.get("raw_path")
    if raw_path is None:
        raise ConfigurationError(
            "this ASGI server gives no raw_path, and a decoded path can not be hashed; "
            "use one that does, such as uvicorn"
        )
    form = None
    if body is not None:
        content_type = "".join(header_values(scope["headers"], "content-type")).partition(";")[0]
        if content_type.strip().lower() == FORM_TYPE:
            form = body.decode("latin-1")
    if b"?" in raw_path:
        raw_path = raw_path.partition(b"?")[0]
    if authorization is None:
        authorization = header_values(scope["headers"], "authorization")
    return RequestFacts(
        method=scope["method"],
        raw_path=raw_path.decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        base_path=base_path,
        authorization=authorization,
        form=form,
    )


async def read_bounded(receive: Any, limit: int) -> bytes:
    """The request's body, at most *limit* bytes; raises :class:`~headway.errors.BodyTooLarge`."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyTooLarge(expected="a whole body", found="a client that went away")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise BodyTooLarge(expected=f"at most {limit} bytes")
        if not message.get("more_body", False):
            return b"".join(chunks)
