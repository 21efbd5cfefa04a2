"""The cookie of a session, and what protects a form of whoever has one.

The value is random and nobody keeps it: what is kept is its digest, and what a
form sends beside the cookie is derived from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

__all__ = ["cookie_value", "csrf_matches", "csrf_of", "digest_of", "new_value", "set_cookie"]

_VALUE_BYTES = 32
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")  # so many random bytes, as text


def new_value() -> str:
    """The value of a new session's cookie."""
    return secrets.token_urlsafe(_VALUE_BYTES)


def cookie_value(headers: Iterable[str], name: str) -> str | None:
    """The value of the one cookie *name* in the ``Cookie`` *headers*; None where there is none.

    Two mean that somebody else set one: a port of the same name, or a page of
    another path.

    >>> cookie_value(["a=b; hw=" + 43 * "x"], "hw") == 43 * "x"
    True
    """
    pairs = (pair.strip().partition("=") for header in headers for pair in header.split(";"))
    values = [value for key, _, value in pairs if key == name]
    if len(values) != 1 or not _VALUE.fullmatch(values[0]):
        return None
    return values[0]


def set_cookie(name: str, value: str, *, age: int, secure: bool) -> str:
    """The ``Set-Cookie`` header for *value*, or for none: then the cookie goes away.

    *age* is in seconds.  Scripts do not see it, and other sites' forms do not
    send it (RFC 6265bis section 4.1.2).

    >>> set_cookie("hw", "", age=60, secure=False)
    'hw=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'
    """
    flags = "; Secure" if secure else ""
    return f"{name}={value}; Path=/; Max-Age={age if value else 0}; HttpOnly; SameSite=Lax{flags}"


def digest_of(value: str) -> bytes:
    """What is kept of a cookie's value."""
    return hashlib.sha256(value.encode()).digest()


def csrf_of(value: str) -> str:
    """What a form sends beside the cookie: no script can read that, and no page holds it."""
    return hmac.new(value.encode(), b"headway csrf v1", "sha256").hexdigest()


def csrf_matches(csrf: str, sent: str | None) -> bool:
    """Whether a form or a script *sent* the session's own: a cookie alone proves nothing."""
    return hmac.compare_digest(csrf.encode(), (sent or "").encode())
