"""Take facts from the host's published OpenAPI descriptions, in a form of our own.

    .venv/bin/python tools/openapi.py scopes jira.json confluence.json > scopes.txt
    .venv/bin/python tools/openapi.py shapes jira.json tests/host/rest/jira_v3.json
    .venv/bin/python tools/openapi.py shapes wiki.json tests/host/rest/wiki/confluence_v1.json

The first makes ``src/headway/host/rest/scopes.txt``: which scope each operation
asks of an app.  The second reads which operations a file of shapes is about (its
member ``operations``; a new one is added as ``"GET /rest/api/{version}/myself":
{}``), and writes their answers anew.  The descriptions themselves are the
vendor's and stay out of the tree.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

METHODS = ("get", "post", "put", "delete", "patch")
HEAD = """\
# Which scope each operation of the REST APIs asks of an app: a path, then method=scope.
# Made by tools/openapi.py from the OpenAPI descriptions of January 2022.
"""


def scopes(descriptions: list[Any]) -> str:
    """A line a path, sorted; parameters have no names, Jira's version is ``{version}``."""
    lines: dict[str, list[str]] = {}
    for description in descriptions:
        for path, method, operation in _operations(description):
            scope = operation["x-atlassian-connect-scope"]
            lines.setdefault(template(path), []).append(f"{method.upper()}={scope}")
    return HEAD + "".join(f"{path} {' '.join(lines[path])}\n" for path in sorted(lines))


def template(path: str) -> str:
    """A path as the table of scopes has it."""
    path = re.sub(r"\{\w+\}", "{}", path)  # Confluence has a {version} that is no API's
    return re.sub(r"^/rest/api/3/", "/rest/api/{version}/", path)


def _operations(description: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in description["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


# ---- what answers look like -----------------------------------------------------------------


def shapes(description: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of the operations in *wanted*, and every type that they are made of.

    A type is ``any``, ``string``, ``integer``, ``number``, ``boolean``, the
    name of an object, ``[type]`` for a list, or ``{"*": type}`` for a map.  Of
    an object each property has a type; ``!`` lists those that are required,
    ``+`` is there where others may be.
    """
    types: dict[str, Any] = {}
    found = {f"{m.upper()} {template(p)}": op for p, m, op in _operations(description)}
    operations: dict[str, Any] = {}
    for name in sorted(wanted):
        operation = found[name]
        operations[name] = {
            status: _body(response, description, types)
            for status, response in sorted(operation["responses"].items())
            if status[0] in "23"
        }
    return {"operations": operations, "types": dict(sorted(types.items()))}


def _body(response: Any, description: Any, types: dict[str, Any]) -> Any:
    """The type of an answer; null where it has no JSON."""
    content = response.get("content", {}).get("application/json")
    return None if content is None else _type(content.get("schema", {}), description, types)


def _type(schema: Any, description: Any, types: dict[str, Any]) -> Any:
    if "allOf" in schema:
        return _type(schema["allOf"][0], description, types)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in types:
            types[name] = {}  # a type may hold itself
            named = description["components"]["schemas"][name]
            types[name] = _object(named, description, types)
        return name
    kind = schema.get("type")
    if kind == "array":
        return [_type(schema.get("items", {}), description, types)]
    if kind == "object" and not schema.get("properties"):
        values = schema.get("additionalProperties")
        return {"*": _type(values, description, types)} if isinstance(values, dict) else "any"
    if kind == "object":
        return _object(schema, description, types)
    return kind or "any"


def _object(schema: Any, description: Any, types: dict[str, Any]) -> Any:
    if schema.get("type") != "object" or not schema.get("properties"):
        return _type({k: v for k, v in schema.items() if k != "$ref"}, description, types)
    made: dict[str, Any] = {
        name: _type(inner, description, types)
        for name, inner in sorted(schema["properties"].items())
    }
    if schema.get("required"):
        made["!"] = sorted(schema["required"])
    if schema.get("additionalProperties"):
        made["+"] = True
    return made


def main(verb: str, *names: str) -> None:
    """Do what the command line says."""
    if verb == "scopes":
        print(scopes([json.loads(Path(name).read_text("utf-8")) for name in names]), end="")
        return
    source, target = map(Path, names)
    wanted = json.loads(target.read_text("utf-8"))["operations"]
    made = shapes(json.loads(source.read_text("utf-8")), wanted)
    parts = []
    for part, rows in made.items():
        lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n}")
    target.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
