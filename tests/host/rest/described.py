"""Whether an answer is as the published description says: a judge of the API's shapes.

A file of shapes is made by ``tools/openapi.py``; see there how a type is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PLAIN = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class Description:
    """The answers of some operations, by ``GET /path/{}``."""

    def __init__(self, file: Path) -> None:
        read = json.loads(file.read_text("utf-8"))
        self.operations: dict[str, dict[str, Any]] = read["operations"]
        self._types: dict[str, Any] = read["types"]

    def complaints(self, operation: str, status: int, answer: Any) -> list[str]:
        """What is not as described; nothing where all is well."""
        described = self.operations[operation]
        if str(status) not in described:
            return [f"status {status} is none of {', '.join(described)}"] if described else []
        return list(self._complaints(answer, described[str(status)], "$"))

    def _complaints(self, value: Any, wanted: Any, place: str) -> Iterator[str]:
        if wanted in ("any", None):
            return
        if isinstance(wanted, str) and wanted in self._types:
            wanted = self._types[wanted]
        if isinstance(wanted, str):
            yield from self._plain(value, wanted, place)
        elif isinstance(wanted, list):
            if not isinstance(value, list):
                yield f"{place}: a list, not {type(value).__name__}"
                return
            for at, each in enumerate(value):
                yield from self._complaints(each, wanted[0], f"{place}[{at}]")
        elif not isinstance(value, dict):
            yield f"{place}: an object, not {type(value).__name__}"
        elif "*" in wanted:
            for name, each in value.items():
                yield from self._complaints(each, wanted["*"], f"{place}.{name}")
        else:
            yield from self._object(value, wanted, place)

    def _plain(self, value: Any, wanted: str, place: str) -> Iterator[str]:
        right = PLAIN.get(wanted)
        if right and (not isinstance(value, right) or isinstance(value, bool) != (right is bool)):
            yield f"{place}: a {wanted}, not {type(value).__name__}"

    def _object(self, value: dict[str, Any], wanted: dict[str, Any], place: str) -> Iterator[str]:
        needed = wanted.get("!", [])
        yield from (f"{place}.{name}: is missing" for name in needed if name not in value)
        for name, each in value.items():
            if name in wanted and (each is not None or name in needed):
                yield from self._complaints(each, wanted[name], f"{place}.{name}")


def operation_of(method: str, path: str) -> str:
    """How the file of shapes names an operation."""
    return f"{method} {re.sub(r'{(?!version})[a-z_A-Z]+}', '{}', path)}"
