"""Parameters named like a token: which value stands where, in any of the encodings of logs.

The names are the root's (:data:`headway.secret_shapes.URL_NAMES`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import ahocorasick_rs

from headway.redact import MARKER
from headway.secret_shapes import CODES, SIGNATURES, URL_NAMES

__all__ = ["NAME_NEEDLES", "Named", "named_values"]

NAME_NEEDLES = (
    b"jwt", b"JWT", b"oken", b"OKEN", b"ecret", b"ECRET", b"assw", b"ASSW", b"assphrase",
    b"ASSPHRASE", b"_key", b"_Key", b"_KEY", b"-key", b"-Key", b"ikey", b"iKey", b"ekey", b"eKey",
    b"ssertion", b"SSERTION", b"essionid", b"essionID", b"ESSIONID", b"ignature", b"IGNATURE",
    b"redential", b"REDENTIAL", b"icket", b"ICKET", b"acpt", b"ACPT", b"uthorization",
    b"UTHORIZATION", b"sig=", b"SIG=", b"code=", b"CODE=", b"sig%", b"SIG%", b"code%", b"CODE%",
    b"sig\\u", b"SIG\\u", b"code\\u", b"CODE\\u",
)  # fmt: skip
"""One of them is in every name of the table that stands in queries, as logs write it."""

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
    rb"(" + _NAME + rb")(?:(=)|(%3[Dd])|(%253[Dd])|(\\u003[Dd]))\Z"
)
_ENCODED_VALUE = re.compile(  # an escaped one ends where its own level does
    rb"(?:" + _VALUE + rb"++|%(?!26|2526)[0-9A-Fa-f]{2})++"
)
_NEEDLES = ahocorasick_rs.BytesAhoCorasick(
    NAME_NEEDLES, matchkind=ahocorasick_rs.MatchKind.LeftmostFirst
)
_ASSIGNED = re.compile(rb"[A-Za-z_-]{3,60}+(?:=|%(?:25)?3[Dd]|\\u003[Dd])")  # from a needle on
_BEFORE = 64  # bytes of a name before its needle
_OF_A_NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_WORDS = re.compile(
    rb"(?i)(?:true|false|null|none|undefined|nil|yes|no|on|off|redacted|filtered|removed|masked"
    rb"|hidden|secret|token|bearer|example|invalid|expired|missing|\*+|x+|\.+|-+|_+"
    rb"|\$[\w.]+|:\w+|%s|[0-9]{1,7})[.:!*]*\Z"
)
_MARKED = re.compile(MARKER.encode() + rb"(?![A-Za-z0-9_-])")  # and what stood behind the token
_NAME_THAT_NEEDS_MORE = re.compile(
    "|".join(SIGNATURES + CODES).replace("_", "[_-]?").encode(), re.IGNORECASE
)


class Named(NamedTuple):
    """A value from *start* to *end*, and how deep its parameter was encoded."""

    name: str
    start: int
    end: int
    level: int  # 0 as it stands, 1 percent-encoded (or in JSON), 2 twice


def named_values(line: bytes) -> Iterator[Named]:
    """The values of parameters in *line* that are named like a token, and may be one.

    >>> [v.name for v in named_values(b"GET /a?access_token=9f86d081884c&token=null&page=2")]
    ['access_token']
    """
    at = 0
    for _, needle, _ in _NEEDLES.find_matches_as_indexes(line):
        # (1) a name ends where something stands for the equals sign, and starts no earlier than
        # the last byte that is of no name
        assigned = _ASSIGNED.match(line, needle) if needle >= at else None
        if assigned is None:
            continue
        before = line[max(at, needle - _BEFORE) : needle]
        start = needle - len(before) + len(before.rstrip(_OF_A_NAME))
        found = _PARAMETER.search(line, start, assigned.end())
        value = _ENCODED_VALUE.match(line, assigned.end())
        if found is None or value is None:
            continue
        # (2) what may be one
        at = value.end()
        name = found[1]
        least = _LONG if _NAME_THAT_NEEDS_MORE.fullmatch(name) else _LONG_ENOUGH
        if len(value[0]) < least or _WORDS.match(value[0]) or _MARKED.match(value[0]):
            continue
        level = 0 if found[2] else 2 if found[4] else 1
        yield Named(name.decode("ascii"), value.start(), value.end(), level)
