"""What another framework kept in a database without tables, dumped as JSON.

| from | by |
|---|---|
| MongoDB | ``mongoexport`` (a document a line), also with ``--jsonArray`` |
| DynamoDB | ``aws dynamodb scan --output json``, or an export to S3 in DynamoDB JSON |

Sources: MongoDB, "mongoexport" and "MongoDB Extended JSON (v2)"; AWS, "DynamoDB
low-level API: Data type descriptors" and "Export output format".
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from headway.errors import ConfigurationError
from headway.store.takeover.sources import Row

__all__ = ["documents", "is_dump"]

SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz")
WHOLE_MAX = 256 * 1024 * 1024  # characters of a file that is one JSON document


def is_dump(source: str) -> bool:
    """Whether *source* is a file that is read here, by its name.

    >>> is_dump("AddonSettings.json"), is_dump("store.db")
    (True, False)
    """
    return "://" not in source and source.lower().endswith(SUFFIXES)


def documents(source: str) -> Iterator[tuple[str, Row]]:
    """Every document of a dump with its place; names in lower case, DynamoDB's types taken off.

    Raises:
        ConfigurationError: the file can not be read or is no such dump; nothing
            of what stands in it is repeated.
    """
    path = Path(source)
    try:
        with _opened(path) as file:
            for where, document in _each(file, path):
                if not isinstance(document, Mapping):
                    raise ConfigurationError(f"{path}: {where} is no object")
                item = document.get("Item", document)  # a line of an export to S3
                row = _plain(item) if _is_item(item) else item
                yield where, {str(name).lower(): value for name, value in row.items()}
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"{path}: {_reason(error)}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is no text in UTF-8; export it as JSON") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: is no JSON that can be read") from None


def _opened(path: Path) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _reason(error: OSError | EOFError) -> str:
    told = getattr(error, "strerror", None)
    return told or "is no gzip that can be read"


def _each(file: TextIO, path: Path) -> Iterator[tuple[str, Any]]:
    """The documents of a file: one a line, or those of the one document that it is."""
    first = file.readline(WHOLE_MAX)
    try:
        document = json.loads(first)
    except ValueError:
        yield from _of_one(_parsed(first + file.read(WHOLE_MAX), path, "the file"))
        return
    if isinstance(document, list) or (isinstance(document, Mapping) and "Items" in document):
        yield from _of_one(document)
        return
    for number, line in enumerate(chain([first], file), 1):
        if line.strip():
            yield f"line {number}", _parsed(line, path, f"line {number}")


def _of_one(document: Any) -> Iterator[tuple[str, Any]]:
    """The documents in an array, or in the answer of a scan."""
    found = document.get("Items", [document]) if isinstance(document, Mapping) else document
    several = found if isinstance(found, list) else [found]
    for number, each in enumerate(several, 1):
        yield f"document {number}", each


def _parsed(text: str, path: Path, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError(f"{path}: {where} is no JSON; see docs/store.md") from None


# ---- DynamoDB's types -----------------------------------------------------------------------

_TYPES = frozenset({"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"})


def _is_item(value: Any) -> bool:
    """Whether each member names its type, as ``{"S": "..."}``."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(each, Mapping) and each.keys() <= _TYPES for each in value.values())
    )


def _plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _value(typed) for name, typed in item.items()}


def _value(typed: Any) -> Any:
    if not isinstance(typed, Mapping):
        return None
    kind, value = next(iter(typed.items()), ("NULL", None))
    if kind == "M" and isinstance(value, Mapping):
        return _plain(value)
    if kind == "L" and isinstance(value, list):
        return [_value(each) for each in value]
    return None if kind == "NULL" else value
