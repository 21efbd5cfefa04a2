"""OpenAPI documents: an API that takes a token in a query tells everybody to send it so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from headway.scan.code.names import NAMES, is_name

__all__ = ["is_openapi", "takes_token_in_query"]

_OPENAPI = re.compile(r"(?m)^\s{0,2}[\"']?(?:openapi|swagger)[\"']?\s*:\s*[\"']?[123]\.")
_IN_SERVER = re.compile(rf"(?i)[?&]({NAMES})=\{{")
_SIZE_MAX = 5_000_000
_VALUES_MAX = 200_000
_FLAG = ("boolean", "integer")


def is_openapi(text: str) -> bool:
    """Whether *text* is such a document, and one that is short enough to be read.

    >>> is_openapi('openapi: 3.0.3')
    True
    """
    return len(text) < _SIZE_MAX and _OPENAPI.search(text[:20_000]) is not None


def takes_token_in_query(text: str) -> Iterator[tuple[int, str]]:
    """Lines (from 1) of *text* that say so, and the parameters; none where it is no document."""
    try:
        document = YAML(typ="rt").load(StringIO(text))
    except (YAMLError, ValueError, RecursionError, AssertionError):
        return
    seen: set[int] = set()
    waiting: list[Any] = [document]
    while waiting and len(seen) < _VALUES_MAX:
        value = waiting.pop()
        if id(value) in seen or not isinstance(value, dict | list):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            yield from _said(value)
            waiting += value.values()
        else:
            waiting += value


def _said(value: Any) -> Iterator[tuple[int, str]]:
    name = value.get("name")
    if value.get("in") == "query" and isinstance(name, str) and is_name(name):
        schema = value.get("schema")
        kind = schema.get("type") if isinstance(schema, dict) else value.get("type")
        if kind not in _FLAG:
            yield value.lc.value("in")[0] + 1, name
    url = value.get("url")
    if isinstance(url, str) and (found := _IN_SERVER.search(url)):
        yield value.lc.value("url")[0] + 1, found[1]
