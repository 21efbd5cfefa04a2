"""Whether an answer is as the published description says: the judge of both products' APIs.

A file of shapes has the facts: operations as ``GET /path/{}``, the statuses and
the types of their answers.  ``tools/openapi.py`` makes it; see there how a type
is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


class Description:
    """The answers of some operations.

    *more* are members by type that are sent although they are not described.
    """

    def __init__(self, file: Path, more: Mapping[str, frozenset[str]] | None = None) -> None:
        read = json.loads(file.read_text("utf-8"))
        self.operations: dict[str, dict[str, Any]] = read["operations"]
        self.types: dict[str, Any] = read["types"]
        self._more = more or {}

    def operation(self, method: str, path: str) -> str | None:
        """The operation that a path is a call of: the one with the fewest parameters."""
        segments = path.partition("?")[0].split("/")
        found = [
            name
            for name in self.operations
            if name.startswith(f"{method} ")
            for parts in [name.partition(" ")[2].split("/")]
            if len(parts) == len(segments)
            and all(a.startswith("{") or a == b for a, b in zip(parts, segments, strict=True))
        ]
        return min(found, key=lambda name: name.count("{"), default=None)

    def faults(self, operation: str, status: int, answer: Any) -> list[str]:
        """What is not as described, the status or the answer; nothing where all is well."""
        described = self.operations[operation]
        if str(status) not in described:
            return [f"status {status} is none of {', '.join(described)}"]
        kind = described[str(status)]
        return [] if kind is None else list(self.of_type(answer, kind))

    def of_type(self, value: Any, kind: Any, place: str = "$") -> Iterator[str]:
        """Where *value* is not of the type *kind*."""
        if kind == "any":
            return
        if isinstance(kind, str) and kind in PLAIN:
            if not isinstance(value, PLAIN[kind]) or (
                kind != "boolean" and isinstance(value, bool)
            ):
                yield f"{place}: {value!r} is no {kind}"
        elif isinstance(kind, str):
            yield from self._named(value, kind, place)
        elif isinstance(kind, list):
            yield from self._list(value, kind[0], place)
        else:
            yield from self._object(value, kind, place, frozenset())

    def _named(self, value: Any, name: str, place: str) -> Iterator[str]:
        kind, place = self.types[name], f"{place}<{name}>"
        if isinstance(kind, dict):
            yield from self._object(value, kind, place, self._more.get(name, frozenset()))
        else:
            yield from self.of_type(value, kind, place)

    def _list(self, value: Any, kind: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place}: is no list"
            return
        for number, each in enumerate(value):
            yield from self.of_type(each, kind, f"{place}[{number}]")

    def _object(
        self, value: Any, kind: dict[str, Any], place: str, more: frozenset[str]
    ) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place}: is no object"
            return
        required = kind.get("!", ())
        yield from (f"{place}: has no {name}" for name in required if name not in value)
        for name, each in value.items():
            wanted = kind.get(name, kind.get("*"))
            if wanted is None:
                if name not in more and "+" not in kind:
                    yield f"{place}: has {name}, which is not described"
            elif each is not None or name in required:  # null is none that is there
                yield from self.of_type(each, wanted, f"{place}.{name}")
