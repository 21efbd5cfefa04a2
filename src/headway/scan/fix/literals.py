"""Whether a piece of code has a token or a secret itself in it: then nothing of it is repeated."""

from __future__ import annotations

import re

from headway.secret_shapes import FIELD_NAMES, SHAPES, URL_NAMES

__all__ = ["holds_token"]

_SHAPES = tuple(
    shape
    for shape in SHAPES
    if shape.name in ("jws", "jwe", "atlassian-secret", "private-key", "credentials", "user-info")
)
_ASSIGNED = re.compile(
    rf"""(?:{FIELD_NAMES})["'`\]]*\s*(?::=|=>|=|:|,)\s*[bBrRuUfF@$]{{0,2}}["'`]([^"'`\s]{{8,}})["'`]"""
)
_IN_URL = re.compile(rf"""[?&](?:{URL_NAMES})=([^\s&"'`<>\\#]{{8,}})""")
_PUT_IN = re.compile(r"\{|\$|%[sdrv(]|\A[A-Za-z_./:-]*\Z")


def holds_token(code: str) -> bool:
    """Whether a literal in *code* is a token, or is named like one and may be one.

    >>> holds_token('{"Authorization": f"JWT {token}"}')
    False
    >>> holds_token('t = "ATATT3xFfGF0aaaaaaaaaaaa"')
    True
    """
    lowered = code.lower()
    for shape in _SHAPES:
        near = any(needle in lowered for needle in shape.needles)
        if near and any(not _PUT_IN.search(code[start:end]) for start, end in shape.find(code)):
            return True
    found = (each[1] for pattern in (_ASSIGNED, _IN_URL) for each in pattern.finditer(code))
    return any(not _PUT_IN.search(each) for each in found)
