"""Compares an answer with what the host's published description says of it.

``jira_v3.json`` has the facts: the operations that this site answers, the
statuses and the types of their answers.  ``tools/openapi.py`` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FACTS = json.loads((Path(__file__).parent / "jira_v3.json").read_text("utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = FACTS["operations"]
TYPES: dict[str, Any] = FACTS["types"]

PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def faults(value: Any, kind: Any, place: str = "$") -> Iterator[str]:
    """Where *value* is not of the type *kind*; a value that is null is none that is there."""
    if kind == "any" or value is None:
        return
    if isinstance(kind, str) and kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (kind != "boolean" and isinstance(value, bool)):
            yield f"{place}: {value!r} is no {kind}"
    elif isinstance(kind, str):
        yield from faults(value, TYPES[kind], f"{place}<{kind}>")
    elif isinstance(kind, list):
        yield from _list(value, kind[0], place)
    elif "*" in kind:
        yield from _map(value, kind["*"], place)
    else:
        yield from _object(value, kind, place)


def _list(value: Any, kind: Any, place: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{place}: is no list"
        return
    for number, each in enumerate(value):
        yield from faults(each, kind, f"{place}[{number}]")


def _map(value: Any, kind: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: is no object"
        return
    for name, each in value.items():
        yield from faults(each, kind, f"{place}.{name}")


def _object(value: Any, kind: dict[str, Any], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: is no object"
        return
    yield from (f"{place}: has no {name}" for name in kind.get("!", ()) if name not in value)
    for name, each in value.items():
        if name in kind:
            yield from faults(each, kind[name], f"{place}.{name}")
        elif "+" not in kind:
            yield f"{place}: has {name}, which is not described"
