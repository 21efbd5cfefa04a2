"""Cookies of an app that lives in a frame of another site: what each one has to say.

``Secure`` and ``HttpOnly`` keep it from the wire and from scripts,
``SameSite=None`` lets a browser send it from inside the frame at all, and
``Partitioned`` keeps it apart for each site around the frame (RFC 6265bis
section 5; CHIPS).
"""

from __future__ import annotations

__all__ = ["framed_cookie"]

_WANTED = (("secure", "Secure"), ("httponly", "HttpOnly"), ("samesite", "SameSite=None"))
_APART = ("partitioned", "Partitioned")


def framed_cookie(value: str) -> str:
    """The ``Set-Cookie`` *value* with the attributes that it lacks.

    A ``SameSite`` that the app had chosen stays: ``Strict`` and ``Lax`` say
    that the cookie is for no frame, and then it is not partitioned either.

    >>> framed_cookie("theme=dark; Path=/")
    'theme=dark; Path=/; Secure; HttpOnly; SameSite=None; Partitioned'
    >>> framed_cookie("admin=1; SameSite=Strict; secure")
    'admin=1; SameSite=Strict; secure; HttpOnly'
    """
    attributes = {}
    for part in value.split(";")[1:]:
        name, _, given = part.partition("=")
        attributes[name.strip().lower()] = given.strip().lower()
    added = [text for name, text in _WANTED if name not in attributes]
    if attributes.get("samesite", "none") == "none" and _APART[0] not in attributes:
        added.append(_APART[1])
    return "; ".join([value.rstrip("; "), *added])
