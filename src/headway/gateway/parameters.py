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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

__all__ = ["Dialect", "Found", "find", "look_alikes", "parts_of", "sieve", "without"]


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
    if not raw_query or not _sieve(frozenset(names))(raw_query):
        return []
    found = []
    for place, part in enumerate(raw_query.split("&")):
        raw_name, _, value = part.partition("=")
        name = _decoded(raw_name)
        if name in names:
            found.append(Found(place, name, value, raw_name != name))
    return found


def _decoded(raw_name: str) -> str:
    if "%" not in raw_name and "+" not in raw_name:
        return raw_name
    if len(raw_name) > _KEPT_CHARACTERS:
        return _unescaped.__wrapped__(raw_name)
    return _unescaped(raw_name)


@lru_cache(maxsize=1024)
def _unescaped(raw_name: str) -> str:
    return unquote_to_bytes(raw_name.replace("+", " ")).decode("latin-1")


_KEPT_CHARACTERS = 64  # a name is short, and names come again


def without(raw_query: str, places: Iterable[int]) -> str:
    """*raw_query* without the parts at *places*; every other byte as it came.

    >>> without("a=%2f&jwt=x&&b", [1])
    'a=%2f&&b'
    """
    gone = set(places)
    if not gone:
        return raw_query
    parts = raw_query.split("&")
    if len(gone) == 1:  # as nearly always
        del parts[gone.pop()]
        return "&".join(parts)
    return "&".join([part for place, part in enumerate(parts) if place not in gone])


# ---- a look first, because nearly all queries hold nothing ----------------------------------

_NO_PART = re.compile(r"[_. +\[\]]")  # of a name: software reads these as one another
_ESCAPED_NAME = re.compile(r"[&;][^=&;%]*+%")


def parts_of(names: Collection[str]) -> tuple[str, ...]:
    """What a query has to hold, case apart, that is to hold one of *names* without an escape.

    >>> parts_of(["jwt", "my_jwt", "access_token"])
    ('access', 'jwt')
    """
    parts = {max(_NO_PART.split(name.casefold()), key=len) for name in names}
    return tuple(sorted(each for each in parts if not any(p in each for p in parts - {each})))


def sieve(names: Collection[str]) -> Callable[[str], bool]:
    """What says of a raw query whether it may hold one of *names* or a look-alike of one.

    Where it says no, :func:`find` and :func:`look_alikes` find nothing, whatever
    the dialect: each name has a longest part that all of its spellings share,
    each character as it is or escaped, once or twice.

    >>> holds = sieve(["jwt", "access_token"])
    >>> holds("a=1&b=%2Fjw"), holds("a=1&Access.Token=x"), holds("a=1;%6Awt=x")
    (False, True, True)
    """
    shortest = parts_of(names)
    escaped = re.compile("|".join("".join(map(_spellings, part)) for part in shortest))

    def holds(query: str) -> bool:
        folded = query.casefold()
        for part in shortest:
            if part in folded:
                return True
        if "%" not in query or not _ESCAPED_NAME.search(f"&{query}"):
            return False
        return escaped.search(query) is not None

    return holds


def _spellings(char: str) -> str:
    """An expression for *char* in either case, plain or escaped: also where the escape is."""
    sign, unit = "%(?:25)*", "(?:(?:[uU]|%[57]5)(?:0|%30)(?:0|%30))?"
    cases = sorted({char.lower(), char.upper()})
    codes = ["".join(map(_digit, f"{ord(case):02x}")) for case in cases]
    return f"(?:{'|'.join(map(re.escape, cases))}|{sign}{unit}(?:{'|'.join(codes)}))"


def _digit(digit: str) -> str:
    """An expression for a hexadecimal digit, plain or escaped."""
    if digit.isdecimal():
        return f"(?:{digit}|%3{digit})"
    return f"(?:{digit}|{digit.upper()}|%[46]{ord(digit) - ord('a') + 1})"


_sieve = lru_cache(maxsize=64)(sieve)


# ---- look-alikes ----------------------------------------------------------------------------


class Dialect(NamedTuple):
    """How one family of software reads names: what it takes ``jwt`` from beside ``jwt``."""

    any_case: bool = False  # ASP.NET, some Java frameworks
    brackets: bool = False  # PHP, Express (qs), Rails: jwt[], jwt[x], [jwt]
    trims: bool = False  # PHP: spaces around the name; NUL ends it
    twice: bool = False  # something on the way decodes once more
    semicolons: bool = False  # older CGI, Java, Python before 3.10, Rack before 3
    underscores: bool = False  # PHP: '.', ' ' and '[' in a name become '_'
    code_units: bool = False  # ASP.NET: %u006Awt


DIALECTS: Mapping[str, Dialect] = {
    "plain": Dialect(),
    "aspnet": Dialect(any_case=True, code_units=True),
    "express": Dialect(brackets=True),
    "java": Dialect(semicolons=True),
    "rack": Dialect(brackets=True, semicolons=True),
    "php": Dialect(brackets=True, trims=True, underscores=True),
    "any": Dialect(
        any_case=True,
        brackets=True,
        trims=True,
        twice=True,
        semicolons=True,
        underscores=True,
        code_units=True,
    ),
}
"""By the name that a policy file has for the software behind the gateway."""


def look_alikes(raw_query: str, names: Collection[str], dialect: Dialect) -> list[int]:
    """The places of parts that *dialect* may read as one of *names*, and plain readers do not.

    With semicolons a whole ``&`` part counts where one of its pieces does.

    >>> look_alikes("JWT=x&a=1;jwt=y&jwt[]=z&jwt=t", {"jwt"}, DIALECTS["any"])
    [0, 1, 2]
    """
    known = frozenset(names)
    if not raw_query or not _sieve(known)(raw_query):
        return []
    shortest = min(map(len, known))
    return [
        place
        for place, part in enumerate(raw_query.split("&"))
        if len(part) >= shortest
        and _like(part, known, dialect)
        and _decoded(part.partition("=")[0]) not in known
    ]


def _like(part: str, names: frozenset[str], dialect: Dialect) -> bool:
    pieces = part.split(";") if dialect.semicolons else [part]
    holds, wanted = _sieve(names), _wanted(names, dialect)
    for piece in pieces:
        raw_name = piece.partition("=")[0]
        if holds(raw_name) and not wanted.isdisjoint(_readings(raw_name, dialect)):
            return True
    return False


@lru_cache(maxsize=64)
def _wanted(names: frozenset[str], dialect: Dialect) -> frozenset[str]:
    return frozenset(reading for name in names for reading in _read(name, dialect))


def _readings(raw_name: str, dialect: Dialect) -> Iterator[str]:
    """The names that *dialect* may see: decoded once, and what a second time gives."""
    texts = [_decoded(raw_name)]
    if "%" in texts[0]:
        if dialect.code_units:
            texts.append(_CODE_UNIT.sub(lambda found: chr(int(found[1], 16)), texts[0]))
        if dialect.twice:
            texts += [_decoded(text) for text in texts]
    for text in texts:
        yield from _read(text, dialect)


_CODE_UNIT = re.compile("%[uU]([0-9A-Fa-f]{4})")


def _read(name: str, dialect: Dialect) -> Iterator[str]:
    """*name* as *dialect* reads it once it is decoded: nearly always in one way."""
    if dialect.trims:
        name = name.lstrip("\0\t\n\v\f\r ").partition("\0")[0].rstrip()
    if dialect.any_case:
        name = name.casefold()
    if dialect.underscores:
        yield re.sub(r"[. \[]", "_", name)
    if dialect.brackets:  # qs reads [jwt] as jwt, Rack also [[jwt and jwt]
        name = _BRACKET.split(name.lstrip("[]"), maxsplit=1)[0]
    yield re.sub(r"[. ]", "_", name) if dialect.underscores else name


_BRACKET = re.compile(r"[\[\]]")
