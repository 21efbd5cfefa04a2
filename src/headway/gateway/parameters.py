"""Parameters of a raw query: found however they are spelled, taken out byte for byte.

A query is split at ``&`` and nowhere else, as the hash of Connect does it.
What is left after a parameter is taken out is every other byte as it came, and
no stray ``&``.

Software behind a gateway reads more than that: ``JWT``, ``jwt[]``, ``;jwt=`` are
parameters to PHP, Express, ASP.NET or Java.  Those are *look-alikes*: a name
that is not the token's and that somebody may take for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["Dialect", "Found", "find", "look_alikes", "without"]


class Found(NamedTuple):
    """A parameter in a raw query: its place among the ``&`` parts, its name, its raw value."""

    place: int
    name: str
    value: str
    encoded: bool  # the name is not spelled plainly


def find(raw_query: str, names: Collection[str]) -> list[Found]:
    """Every parameter of *raw_query* whose name is one of *names* after percent-decoding.

    >>> find("a=1&%6Awt=x", {"jwt"})
    [Found(place=1, name='jwt', value='x', encoded=True)]
    """
    if not raw_query or not _any_of(frozenset(names)).search(raw_query):
        return []
    found = []
    for place, part in enumerate(raw_query.split("&")):
        raw_name, _, value = part.partition("=")
        name = _decoded(raw_name)
        if name in names:
            found.append(Found(place, name, value, raw_name != name))
    return found


@lru_cache(maxsize=64)
def _any_of(names: frozenset[str]) -> re.Pattern[str]:
    """Whether a query can hold one of *names* at all: nearly always it can not."""
    return re.compile("%|" + "|".join(map(re.escape, sorted(names))))


def _decoded(raw_name: str) -> str:
    if "%" not in raw_name and "+" not in raw_name:
        return raw_name
    return unquote_to_bytes(raw_name.replace("+", " ")).decode("latin-1")


def without(raw_query: str, places: Iterable[int]) -> str:
    """*raw_query* without the parts at *places*; every other byte as it came.

    >>> without("a=%2f&jwt=x&&b", [1])
    'a=%2f&&b'
    """
    gone = set(places)
    if not gone:
        return raw_query
    parts = raw_query.split("&")
    return "&".join(part for place, part in enumerate(parts) if place not in gone)


# ---- look-alikes ----------------------------------------------------------------------------


class Dialect(NamedTuple):
    """How one family of software reads names: what it takes ``jwt`` from beside ``jwt``."""

    any_case: bool = False  # ASP.NET, some Java frameworks
    brackets: bool = False  # PHP, Express (qs), Rails: jwt[], jwt[x]
    trims: bool = False  # PHP: spaces around the name; NUL ends it
    twice: bool = False  # something on the way decodes once more
    semicolons: bool = False  # older CGI, Java, Python before 3.10
    underscores: bool = False  # PHP: '.', ' ' and '[' in a name become '_'


DIALECTS: Mapping[str, Dialect] = {
    "plain": Dialect(),
    "aspnet": Dialect(any_case=True),
    "express": Dialect(brackets=True),
    "java": Dialect(semicolons=True),
    "php": Dialect(brackets=True, trims=True, underscores=True),
    "any": Dialect(
        any_case=True, brackets=True, trims=True, twice=True, semicolons=True, underscores=True
    ),
}
"""By the name that a policy file has for the software behind the gateway."""


def look_alikes(raw_query: str, names: Collection[str], dialect: Dialect) -> list[int]:
    """The places of parts that *dialect* may read as one of *names*, and plain readers do not.

    With semicolons a whole ``&`` part counts where one of its pieces does.

    >>> look_alikes("JWT=x&a=1;jwt=y&jwt[]=z&jwt=t", {"jwt"}, DIALECTS["any"])
    [0, 1, 2]
    """
    if not raw_query or not _perhaps(frozenset(names)).search(raw_query):
        return []
    return [
        place
        for place, part in enumerate(raw_query.split("&"))
        if _decoded(part.partition("=")[0]) not in names and _like(part, names, dialect)
    ]


@lru_cache(maxsize=64)
def _perhaps(names: frozenset[str]) -> re.Pattern[str]:
    """Whether any dialect can see one of *names* at all: a look that costs nearly nothing."""
    spelled = ["".join(r"[_. +\[]" if c == "_" else re.escape(c) for c in name) for name in names]
    return re.compile("%|" + "|".join(spelled), re.IGNORECASE)


def _like(part: str, names: Collection[str], dialect: Dialect) -> bool:
    pieces = part.split(";") if dialect.semicolons else [part]
    wanted = {_read(name, dialect) for name in names}
    return any(name in wanted for piece in pieces for name in _readings(piece, dialect))


def _readings(piece: str, dialect: Dialect) -> Iterator[str]:
    """The names that *dialect* may see in *piece*: decoded once, and what a second time gives."""
    raw_name = piece.partition("=")[0]
    once = _decoded(raw_name)
    yield _read(once, dialect)
    if dialect.twice and "%" in once:
        yield _read(_decoded(once), dialect)


def _read(name: str, dialect: Dialect) -> str:
    if dialect.trims:
        name = name.lstrip("\0\t\r\n ").partition("\0")[0].rstrip()
    if dialect.brackets:
        name = name.partition("[")[0]
    if dialect.underscores:
        name = re.sub(r"[. ]", "_", name)
    return name.casefold() if dialect.any_case else name
