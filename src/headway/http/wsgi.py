"""WSGI environ -> ``RequestFacts``.

``PATH_INFO`` is percent-decoded and useless for a hash: the raw target comes
from ``RAW_URI`` (gunicorn) or ``REQUEST_URI`` (uWSGI, mod_wsgi, Werkzeug).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from headway.errors import ConfigurationError
from headway.http.asgi import FORM_TYPE
from headway.model import RequestFacts

__all__ = ["facts_from_environ"]


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
            "be hashed; use gunicorn, uWSGI, mod_wsgi or Werkzeug"
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
