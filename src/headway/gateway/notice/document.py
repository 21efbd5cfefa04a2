"""An OpenAPI document, read from JSON or YAML and written again with its comments and order.

YAML is read without its tags' types, with bounds: aliases that grow into more
than a document of this size could hold are refused before anything is built.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from headway.errors import ConfigurationError

__all__ = ["Document", "read_document"]

BYTES_MAX = 32_000_000
NODES_MAX = 3_000_000
"""How many values a document has, each alias counted as what it stands for."""

DEPTH_MAX = 200
_HANGING = re.compile(r"^( *)[^\s#-][^\n]*:[ ]*\n\1 +- ", re.MULTILINE)


class Document(msgspec.Struct, kw_only=True):
    """*root* is what the document says, and may be changed in place; *is_json* its form.

    *indent* is by how many spaces JSON is moved in; *hangs* says that lists of
    YAML are moved in, too.
    """

    root: dict[str, Any]
    is_json: bool
    indent: int = 2
    hangs: bool = False

    def written(self) -> str:
        """The document as text, in the form in which it came."""
        if self.is_json:
            return written(self.root, is_json=True, indent=self.indent)
        return _dumped(self.root, hangs=self.hangs)


def written(root: Any, *, is_json: bool, indent: int = 2) -> str:
    r"""*root* as a text of JSON or YAML.

    >>> written({"a": [1]}, is_json=False)
    'a:\n- 1\n'
    """
    if is_json:
        return json.dumps(root, indent=indent, ensure_ascii=False) + "\n"
    return _dumped(root, hangs=False)


def _dumped(root: Any, *, hangs: bool) -> str:
    out, yaml = io.StringIO(), _yaml()
    if hangs:
        yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(root, out)
    return out.getvalue()


def read_document(data: bytes, *, source: str = "the document") -> Document:
    """The document in *data*; raises ConfigurationError, which names *source* and the line.

    >>> read_document(b"openapi: 3.1.0").root["openapi"]
    '3.1.0'
    """
    if len(data) > BYTES_MAX:
        raise ConfigurationError(f"{source}: is larger than {BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{source}: is not UTF-8") from None
    is_json = text.lstrip()[:1] == "{"
    try:
        root = _from_json(text) if is_json else _from_yaml(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{source}:{error.lineno}: {error.msg}") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "is no YAML"
        raise ConfigurationError(f"{source}{line}: {problem}") from None
    except RecursionError:
        raise ConfigurationError(f"{source}: is nested too deep") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None
    if not isinstance(root, dict):
        raise ConfigurationError(f"{source}: is no object")
    hangs = not is_json and _HANGING.search(text) is not None
    return Document(root=root, is_json=is_json, indent=_indent(text), hangs=hangs)


def _from_json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ConfigurationError("an object has a name twice")
        return found

    return json.loads(text, object_pairs_hook=once)


def _from_yaml(text: str) -> Any:
    _bounded(text)
    return _yaml().load(text)


def _yaml() -> YAML:
    """Keeps comments, order and quotes; builds nothing but mappings, lists and scalars."""
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 100
    return yaml


def _bounded(text: str) -> None:
    """Raises ConfigurationError where *text* would be more than one document of bounded size."""
    sizes: dict[str, int] = {}  # of what an anchor names, with all aliases in it
    open_: list[tuple[str | None, int]] = [(None, 0)]
    documents = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        documents += isinstance(event, DocumentStartEvent)
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            open_.append((event.anchor, 1))
            if len(open_) > DEPTH_MAX:
                raise ConfigurationError("is nested too deep")
            continue
        if isinstance(event, AliasEvent):  # one that stands in itself has no end
            anchor, size = None, sizes.get(event.anchor, NODES_MAX + 1)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            anchor, size = open_.pop()
        elif isinstance(event, ScalarEvent):
            anchor, size = event.anchor, 1
        else:
            continue
        if anchor is not None:
            sizes[anchor] = size
        outer, total = open_.pop()
        open_.append((outer, total + size))
        if total + size > NODES_MAX:
            raise ConfigurationError("its aliases stand for too much")
    if documents != 1:
        raise ConfigurationError("is not one document")


def _indent(text: str) -> int:
    """By how many spaces the second line is moved in; 2 where that is not known."""
    lines = text.splitlines()
    second = lines[1] if len(lines) > 1 else ""
    return len(second) - len(second.lstrip(" ")) or 2
