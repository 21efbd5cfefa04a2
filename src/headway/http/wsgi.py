"""WSGI environ -> ``RequestFacts``.

``PATH_INFO`` is percent-decoded and useless for a hash: the raw target comes
from ``RAW_URI`` (gunicorn) or ``REQUEST_URI`` (uWSGI, mod_wsgi, waitress, cheroot,
Werkzeug).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from headway.errors import BodyTooLarge, ConfigurationError
from headway.http.asgi import FORM_TYPE
from headway.model import RequestFacts

__all__ = ["facts_from_environ", "header_of", "read_input"]


def facts_from_environ(
    environ: Mapping[str, Any], *, base_path: str = "", body: bytes | None = None
) -> RequestFacts:
    """The facts of a WSGI environ; *body* where a form field may hold a token.

    Raises :class:`~headway.errors.ConfigurationError` where the server gives no
    raw target (PEP 3333 does not ask for one).

    >>> facts_from_environ({"REQUEST_METHOD": "GET", "RAW_URI": "/a%20b?x=1"})
    <GET /a%20b>
    """
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not target:
        raise ConfigurationError(
            "this WSGI server gives neither RAW_URI nor REQUEST_URI, and a decoded path can not "
            "be hashed; use gunicorn, uWSGI, mod_wsgi, waitress, cheroot or Werkzeug"
        )
    if not target.startswith("/"):  # absolute form (RFC 9112 section 3.2.2)
        parts = urlsplit(target)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    raw_path, _, raw_query = target.partition("#")[0].partition("?")
    content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    authorization = environ.get("HTTP_AUTHORIZATION")
    return RequestFacts(
        method=environ["REQUEST_METHOD"],
        raw_path=raw_path,
        raw_query=raw_query,
        base_path=base_path,
        authorization=() if authorization is None else (authorization,),
        form=body.decode("latin-1") if body is not None and content_type == FORM_TYPE else None,
    )


def header_of(environ: Mapping[str, Any], name: str) -> str:
    """The header *name* (lower case) of a WSGI environ, "" where there is none.

    >>> header_of({"HTTP_SEC_FETCH_DEST": "iframe"}, "sec-fetch-dest")
    'iframe'
    """
    key = name.upper().replace("-", "_")
    if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        return str(environ.get(key, ""))
    return str(environ.get(f"HTTP_{key}", ""))


def read_input(environ: Mapping[str, Any], limit: int) -> bytes:
    """The request's body, at most *limit* bytes; raises :class:`~headway.errors.BodyTooLarge`.

    Without a length there is a body only where the server marks its end
    (``wsgi.input_terminated``): reading on would wait for the next request.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isascii() or not length.isdigit():
        wanted = limit + 1 if environ.get("wsgi.input_terminated") else 0
    else:
        wanted = int(length)
        if wanted > limit:
            raise BodyTooLarge(expected=f"at most {limit} bytes")
    body = b""
    while len(body) < wanted:
        chunk: bytes = environ["wsgi.input"].read(wanted - len(body))
        if not chunk:
            break
        body += chunk
    if len(body) > limit:
        raise BodyTooLarge(expected=f"at most {limit} bytes")
    if length and len(body) < wanted:
        raise BodyTooLarge(expected="a whole body", found="a client that went away")
    return body
