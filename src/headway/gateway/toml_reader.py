"""A TOML file read into typed tables; what is wrong in it has its line and its field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from headway.errors import ConfigurationError, shown

_BEGINNING, _END = 240, 160  # of a message, in characters

__all__ = ["TomlLines", "TomlReader"]

T = TypeVar("T")
Path = tuple[str | int, ...]


# ---- where a field stands -------------------------------------------------------------------

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_NAME = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_NAME})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_NAME})[ \t]*=")
_ONE = re.compile(_PART)
_LONG = re.compile(r'"""|' + "'''")


class TomlLines:
    r"""The lines of tables and keys of *text*, which is TOML: its shape is looked at, once.

    >>> lines = TomlLines('name = "a"\n[[location]]\noff = 2022-02-01\n[location.paused]\n')
    >>> lines.of(("location", 0, "off")), lines.of(("location", 0, "paused", "who"))
    (3, 4)
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._last: dict[Path, int] = {}  # of an array of tables, the number of the last one
        table: Path = ()
        for number, line in _outside_of_long_texts(text):
            if header := _HEADER.match(line):
                table = self._table(_parts(header[2]), array=header[1] == "[[")
                self._lines.setdefault(table, number)
            elif key := _KEY.match(line):
                parts = _parts(key[1])
                for depth in range(1, len(parts) + 1):  # a dotted key makes tables, too
                    self._lines.setdefault((*table, *parts[:depth]), number)

    def _table(self, parts: Path, *, array: bool) -> Path:
        path: Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self._last:
                path = (*path, self._last[path])
        path = (*path, parts[-1])
        if array:
            self._last[path] = self._last.get(path, -1) + 1
            path = (*path, self._last[path])
        return path

    def has(self, path: Path) -> bool:
        """Whether the field at *path* is there by a line of its own."""
        return path in self._lines

    def of(self, path: Sequence[str | int]) -> int:
        """The line of the field at *path*, or of the closest table that holds it; else 1."""
        for depth in range(len(path), 0, -1):
            if found := self._lines.get(tuple(path[:depth])):
                return found
        return 1


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _ONE.findall(name))


def _outside_of_long_texts(text: str) -> Iterator[tuple[int, str]]:
    """Each line that does not begin inside a text of several lines, with its number."""
    end = ""  # the quotes that end the text in which a line begins
    for number, line in enumerate(text.split("\n"), 1):
        if not end:
            yield number, line
        for quotes in _LONG.findall(line):
            end = quotes if not end else "" if quotes == end else end


# ---- what is wrong --------------------------------------------------------------------------


class TomlReader:
    """Reads *data*, a file that messages call *source*.

    Raises ConfigurationError for what is no TOML.

    >>> reader = TomlReader(b"off = 2022-02-01", "gateway.toml")
    >>> reader.line(["off"])
    1
    """

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        try:
            text = data.decode("utf-8")
            self._told = tomllib.loads(text)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ConfigurationError(f"{source}:{line}: is not UTF-8") from None
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(_no_toml(error, source, data.count(b"\n") + 1)) from None
        self._lines = TomlLines(text)

    def typed(self, wanted: type[T]) -> T:
        """All of the file as *wanted*; raises ConfigurationError."""
        try:
            return msgspec.convert(self._told, wanted)
        except msgspec.ValidationError as error:
            message, _, at = str(error).partition(" - at `")
            path = _path(at.rstrip("`"))
            inside = ("value",) if "[...]" in at else ()  # of a table, whichever
            path, message = _worded(message, path, _type_at(wanted, (*path, *inside)))
            raise self.error(path, message) from None

    def error(self, path: Sequence[str | int], message: str) -> ConfigurationError:
        """*message* with file, line and field; one line, and bounded."""
        field = "".join(f"[{p}]" if isinstance(p, int) else f".{shown(p)}" for p in path)
        where = f"{self.source}:{self.line(path)}"
        named = f"{field.lstrip('.')}: " if field else ""
        return ConfigurationError(f"{where}: {named}{_bounded(message)}")

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """What is raised in here has its place in the message; ``field: ...`` that field's."""
        try:
            yield
        except ConfigurationError as error:
            if str(error).startswith(f"{self.source}:"):
                raise
            message = str(error)
            named = _NAMED.match(message)
            if named and self._lines.has((*path, named[1])):
                path, message = (*path, named[1]), message[named.end() :]
            raise self.error(path, message) from None

    def line(self, path: Sequence[str | int]) -> int:
        """The line of *path*, or of the table that holds it; 1 where nothing is found."""
        return self._lines.of(path)


_NAMED = re.compile(r"(?:[a-z_]+\.)?([a-z_]+): ")
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


def _no_toml(error: Exception, source: str, last: int) -> str:
    said = str(error).partition("\n")[0]
    place = _PLACE.search(said)
    line = (place[1] or last) if place else 1
    return f"{source}:{line}: is not TOML: {shown(_PLACE.sub('', said))}"


def _path(path: str) -> Path:
    """``$.location[0].off`` as its parts; ``[...]`` is some value of a table, so it ends there."""
    found = re.findall(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]", path.partition("[...]")[0])
    return tuple(name if name else int(number) for name, number in found)


_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_KIND = re.compile(r"Expected `([\w | -]+)`, got `([\w-]+)`")
_BOUND = re.compile(r"Expected `(\w+)` ([<>]=? .+)")
_KINDS = {
    "str": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def _worded(message: str, path: Path, wanted: Any) -> tuple[Path, str]:
    """The field and the message as somebody who wrote the file understands them."""
    if field := _FIELD.fullmatch(message):
        is_missing = field[1] == "missing required"
        return (*path, field[2]), "is missing" if is_missing else "there is no such field"
    if kind := _KIND.fullmatch(message):
        kinds = [_KINDS.get(name, name) for name in kind[1].split(" | ") if name != "null"]
        return path, f"is {_KINDS.get(kind[2], kind[2])} and has to be {' or '.join(kinds)}"
    if bound := _BOUND.fullmatch(message):
        return path, f"has to be {_KINDS.get(bound[1], bound[1])} {bound[2]}"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return path, f"is one of {', '.join(str(each.value) for each in wanted)}"
    return path, message


def _type_at(wanted: Any, path: Path) -> Any:
    """The type of the field at *path*."""
    for part in path:
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            wanted = get_type_hints(wanted).get(str(part))
        else:
            wanted = next(reversed(get_args(wanted)), None)  # of a list, or the values of a table
    return wanted


def _bounded(message: str) -> str:
    """*message* in one line; of a long one the beginning and the end, which says what to do."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in message)
    if len(text) <= _BEGINNING + _END:
        return text
    return f"{text[:_BEGINNING]}\u2026{text[-_END:]}"
