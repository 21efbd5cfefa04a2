"""Parameters named like a token: which value stands where, in any of the encodings of logs.

The names are the root's (:data:`headway.secret_shapes.URL_NAMES`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from headway.secret_shapes import CODES, SIGNATURES, URL_NAMES

__all__ = ["NAME_NEEDLES", "Named", "named_values"]

NAME_NEEDLES = (
    b"jwt", b"JWT", b"oken", b"OKEN", b"ecret", b"ECRET", b"assw", b"ASSW", b"assphrase",
    b"ASSPHRASE", b"_key", b"_Key", b"_KEY", b"-key", b"-Key", b"ikey", b"iKey", b"ekey", b"eKey",
    b"ssertion", b"SSERTION", b"essionid", b"essionID", b"ESSIONID", b"ignature", b"IGNATURE",
    b"redential", b"REDENTIAL", b"icket", b"ICKET", b"acpt", b"ACPT", b"sig=", b"SIG=", b"code=",
    b"CODE=",
)  # fmt: skip
"""One of them is in every name of the table, as logs write it."""

_LONG_ENOUGH = 8
_LONG = 16  # of names that are harmless words, too
_VALUE = rb"""[^\s&"'<>\\;,(){}\[\]|#?`%]"""
_ENDS = rb"(?:&|%26|%2526|\\u0026|;)"
_NAME = URL_NAMES.encode("ascii")
_PARAMETER = re.compile(
    # (1) where a parameter starts, at each level of escapes
    rb"(?:(?<![A-Za-z0-9_.\-])|(?<=%3[Ff])|(?<=%26)|(?<=%23)|(?<=%3[Bb])|(?<=%25(?:3[Ff]|26|23))"
    rb"|(?<=u0026)|(?<=u003f))"
    # (2) its name, and what stands for the equals sign
    rb"(" + _NAME + rb")(?:(=)|(%3[Dd])|(%253[Dd])|(\\u003[Dd]))"
    # (3) its value: an escaped one ends where its own level does
    rb"((?:" + _VALUE + rb"|%(?!26|2526)[0-9A-Fa-f]{2})++)"
)
_WORDS = re.compile(
    rb"(?i)(?:true|false|null|none|undefined|nil|yes|no|on|off|redacted|filtered|removed|masked"
    rb"|hidden|secret|token|bearer|example|invalid|expired|missing|\*+|x+|\.+|-+|_+"
    rb"|\$[\w.]+|:\w+|%s|[0-9]{1,7})[.:!*]*\Z"
)
_NAME_THAT_NEEDS_MORE = re.compile(
    "|".join(SIGNATURES + CODES).replace("_", "[_-]?").encode(), re.IGNORECASE
)


class Named(NamedTuple):
    """A value from *start* to *end*, and how deep its parameter was encoded."""

    name: str
    start: int
    end: int
    level: int  # 0 as it stands, 1 percent-encoded (or in JSON), 2 twice


def named_values(line: bytes, start: int = 0) -> Iterator[Named]:
    """The values of parameters in *line*, from *start* on, that are named like a token.

    >>> [v.name for v in named_values(b"GET /a?access_token=9f86d081884c&token=null&page=2")]
    ['access_token']
    """
    for found in _PARAMETER.finditer(line, max(0, start)):
        name, value = found[1], found[6]
        least = _LONG if _NAME_THAT_NEEDS_MORE.fullmatch(name) else _LONG_ENOUGH
        if len(value) < least or _WORDS.match(value):
            continue
        level = 0 if found[2] else 2 if found[4] else 1
        yield Named(name.decode("ascii"), found.start(6), found.end(6), level)
