"""Settings of the wrong type, told at start: which one, what was given, what is wanted.

A table has a row for each setting; one function holds what was given to it.
Of what was given a message names the type alone: the value may be a secret that
stands in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import UnionType
from typing import Any, NamedTuple, TypeAlias

from headway.errors import ConfigurationError

__all__ = ["Test", "Wanted", "a", "does", "each", "hold", "number", "or_none"]

Test: TypeAlias = Callable[[Any], bool]


class Wanted(NamedTuple):
    """One setting: what it is, in words and as a test of what was given."""

    says: str
    fits: Test


def or_none(says: str, fits: Test) -> Wanted:
    """A setting that may be left out."""
    return Wanted(f"{says}, or None", lambda value: value is None or fits(value))


def a(*kinds: type) -> Test:
    """A test for a value of one of *kinds*."""
    return lambda value: isinstance(value, kinds)


def number(value: Any) -> bool:
    """Whether *value* counts something; True does not.

    >>> number(0.5), number(True), number("1")
    (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def does(*methods: str) -> Test:
    """A test for whatever has these *methods*: a class of one's own need inherit from nothing."""
    return lambda value: all(callable(getattr(value, method, None)) for method in methods)


def each(kind: type | UnionType) -> Test:
    """A test for several values of *kind*; a text is one value, not its letters."""
    return lambda value: _several(value) and all(isinstance(one, kind) for one in value)


def hold(table: Mapping[str, Wanted], given: Mapping[str, Any], of: str = "") -> None:
    """Raise ConfigurationError where something of *given* is not as *table* wants it.

    *of* says whose settings they are, where their names alone do not.

    >>> hold({"key": Wanted("text", a(str))}, {"key": 3})
    Traceback (most recent call last):
        ...
    headway.errors.ConfigurationError: key: is text; int was given
    """
    for name, wanted in table.items():
        if name in given and not wanted.fits(given[name]):
            found = _shown(given[name])
            raise ConfigurationError(f"{of}{name}: is {wanted.says}; {found} was given")


def _several(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def _shown(value: Any) -> str:
    """The type of *value*, and of what is in it."""
    if value is None or isinstance(value, type):
        return "None" if value is None else f"the class {value.__name__}"
    within = sorted({type(one).__name__ for one in value}) if _several(value) else []
    return type(value).__name__ + (f" of {' and '.join(within)}" if within else "")
