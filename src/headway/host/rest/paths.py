"""From a path to what answers it: one step a segment, however many endpoints there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

__all__ = ["Found", "Tree"]

T = TypeVar("T")

_ANY = ""  # the child for a parameter: no segment that counts is empty


class Found(NamedTuple, Generic[T]):
    """What is at a path, and the parameters in it, decoded."""

    value: T
    params: Mapping[str, str]


class Tree(Generic[T]):
    """Paths by their segments.  A literal segment comes before a parameter.

    >>> tree = Tree([("GET", "/issue/{issue}", 1), ("GET", "/issue/bulk", 2)])
    >>> tree.find("GET", "/issue/DEMO-1")
    Found(value=1, params={'issue': 'DEMO-1'})
    >>> tree.find("GET", "/issue/bulk").value, tree.find("PUT", "/issue/bulk")
    (2, None)
    """

    def __init__(self, rows: Iterable[tuple[str, str, T]] = ()) -> None:
        self._children: dict[str, Tree[T]] = {}
        self._here: dict[str, tuple[T, tuple[str, ...]]] = {}
        for row in rows:
            self.add(*row)

    def add(self, method: str, path: str, value: T) -> None:
        """Put *value* at *path*, whose parameters stand in braces; the last one counts."""
        node, names = self, []
        for segment in path.split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
            key = _ANY if segment.startswith("{") else f"/{segment}"
            node = node._children.setdefault(key, Tree())
        node._here[method] = value, tuple(names)

    def find(self, method: str, raw_path: str) -> Found[T] | None:
        """What is at a path as it stands on the request line; HEAD asks like GET."""
        method = "GET" if method == "HEAD" else method
        return self._find(method, raw_path.split("/"), ())

    def _find(self, method: str, segments: list[str], values: tuple[str, ...]) -> Found[T] | None:
        if not segments:
            here = self._here.get(method)
            return Found(here[0], dict(zip(here[1], values, strict=True))) if here else None
        first, rest = unquote(segments[0]), segments[1:]
        literal, parameter = self._children.get(f"/{first}"), self._children.get(_ANY)
        found = literal._find(method, rest, values) if literal else None
        if found is None and parameter and first:
            found = parameter._find(method, rest, (*values, first))
        return found
