"""How ``~`` compares: a text has the words that are looked for.

A stated subset of the host's text search: words are compared whole and without
regard to case, ``*`` and ``?`` stand for letters of a word, a phrase in double
quotes for words in a row.  Every word must be there.  There is no stemming.
"""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache
from typing import TypeAlias

import sqlalchemy as sa

__all__ = ["install", "matches"]

FUNCTION = "has_words"
KEPT = 256  # patterns
_TERM = re.compile(r'"([^"]*)"|(\S+)')
_WORD = re.compile(r"\w+")
_WILD = re.compile(r"[\w*?]+")

Pattern: TypeAlias = tuple[re.Pattern[str], ...]


def matches(text: str | None, wanted: str) -> bool:
    """Whether *text* has every word and every phrase of *wanted*.

    >>> matches("Rotate the shared secret", "SECRET rot*"), matches("secrets", "secret")
    (True, False)
    """
    words = " ".join(_WORD.findall((text or "").casefold()))
    patterns = _patterns(wanted)
    return bool(words and patterns) and all(pattern.search(words) for pattern in patterns)


def install(engine: sa.Engine) -> None:
    """Let every connection of *engine* that is opened from now on know :func:`matches`."""

    def register(connection: sqlite3.Connection, _: object) -> None:
        connection.create_function(FUNCTION, 2, matches, deterministic=True)

    sa.event.listen(engine, "connect", register)


@lru_cache(KEPT)
def _patterns(wanted: str) -> Pattern:
    found = (phrase or word for phrase, word in _TERM.findall(wanted))
    rows = ([_expression(part) for part in _WILD.findall(term.casefold())] for term in found)
    # A space stands between two words and nowhere else.
    return tuple(re.compile(f"(?<!\\S){' '.join(row)}(?!\\S)") for row in rows if row)


def _expression(word: str) -> str:
    """One word as an expression that never tries a star twice: each takes the least that fits."""
    first, *rest = (_letters(part) for part in re.split(r"\*+", word))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>\\w*?{part})" for part in middle) + f"\\w*{last}"


def _letters(part: str) -> str:
    return "".join(r"\w" if char == "?" else char for char in part)
