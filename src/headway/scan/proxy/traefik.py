"""Traefik's static configuration: what its access log keeps; YAML and TOML.

Source: Traefik, "Logs & Access Logs" (format, fields, headers, query parameters).  Flags and the
environment are not in a file; not run in Headway's tests.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headway.scan.findings import Confidence
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.files import Files, Unclear
from headway.scan.proxy.leaks import Leak
from headway.scan.proxy.traffic import What
from headway.scan.proxy.trees import Tree, read_trees

__all__ = ["judge_traefik"]

_ADDRESSES = ("requestpath", "requestline")
_TOML_TABLE = re.compile(r"(?im)^[ \t]*(?:\[[ \t]*(accesslog)[ \t]*\]|(accesslog)[ \t]*=)")
_WHY = "accessLog has the path with its query (RequestPath)"
_WHY_REFERER = "accessLog keeps the header Referer"


def judge_traefik(sources: Sequence[Source], files: Files) -> list[Leak]:
    """What Traefik would log by *sources*.  Raises Unclear."""
    del files  # providers are of the dynamic configuration, which logs nothing
    leaks: list[Leak] = []
    for source in sources:
        if source.path.lower().endswith(".toml"):
            leaks += _of_toml(source)
        else:
            for tree in read_trees(source):
                leaks += _of_yaml(tree)
    return leaks


def _lowered(value: Any, depth: int = 0) -> Any:
    """*value* with names in small letters: Traefik does not tell them apart."""
    if isinstance(value, Mapping) and depth < 10:
        return {str(key).lower(): _lowered(each, depth + 1) for key, each in value.items()}
    return value


def _keeps(fields: Any) -> Iterator[What]:
    """What the *fields* of an access log keep."""
    fields = fields if isinstance(fields, Mapping) else {}

    def of(*names: str) -> Any:
        at: Any = fields
        for name in names:
            at = at.get(name) if isinstance(at, Mapping) else None
        return at

    default = str(of("defaultmode") or "keep").lower()
    names = of("names") or {}
    queries = of("queryparameters") or {}
    kept = [str(names.get(each, default)).lower() == "keep" for each in _ADDRESSES]
    if any(kept) and not _drops_queries(queries):
        yield What.QUERY
    headers = of("headers", "names") or {}
    mode = str(of("headers", "defaultmode") or "drop").lower()
    if str(headers.get("referer", mode)).lower() == "keep":
        yield What.REFERER


def _drops_queries(queries: Any) -> bool:
    """Whether no parameter is kept: ``queryParameters`` of Traefik 3.6 and newer."""
    if not isinstance(queries, Mapping) or "defaultmode" not in queries:
        return False
    names = queries.get("names") or {}
    modes = [queries["defaultmode"], *names.values()]
    return all(str(mode).lower() in ("drop", "redact") for mode in modes)


# ---- YAML -----------------------------------------------------------------------------------


def _of_yaml(tree: Tree) -> Iterator[Leak]:
    log = tree.get("accessLog")
    if log is None or log.text.lower() == "false" or log.key is None:
        return
    at = log.key
    plain = _plain(log.get("fields"))
    confidence = Confidence.HIGH if log.is_map or log.text else Confidence.MEDIUM
    for what in _keeps(_lowered(plain)):
        why = _WHY if what is What.QUERY else _WHY_REFERER
        edits = tuple(_mended(log, what))
        yield Leak(what, at.source, at.start, at.end, why, confidence, edits=edits)


def _plain(tree: Tree | None, depth: int = 0) -> Any:
    if tree is None or depth > 10:
        return None
    return (
        {name: _plain(each, depth + 1) for name, each in tree.items()} if tree.is_map else tree.text
    )


def _mended(log: Tree, what: What) -> Iterator[Edit]:
    """The names dropped, where they stand or in the innermost mapping that is there."""
    path = ["fields", "names"] if what is What.QUERY else ["fields", "headers", "names"]
    wanted = ("RequestPath", "RequestLine") if what is What.QUERY else ("Referer",)
    at, left = log, list(path)
    while left and (inner := at.get(left[0])) is not None and inner.is_map:
        at, left = inner, left[1:]
    if not log.is_map:
        margin = "\n  "
        text = _nested(path, wanted, 1)
        yield Edit(log.source, log.start, log.end, f"{margin}{text.strip()}" if log.start else text)
        return
    missing = []
    for name in wanted:
        own = at.get(name) if not left else None
        if own is not None:
            yield Edit(own.source, own.start, own.end, "drop")
        else:
            missing.append(name)
    if missing:
        flow = ", ".join(f"{name}: drop" for name in missing)
        for name in reversed(left):
            flow = f"{name}: {{{flow}}}"
        yield at.prepended(_nested(left, tuple(missing), 0), flow)


def _nested(path: list[str], names: tuple[str, ...], depth: int) -> str:
    lines = [f"{'  ' * (depth + number)}{name}:" for number, name in enumerate(path)]
    lines += [f"{'  ' * (depth + len(path))}{name}: drop" for name in names]
    return "\n".join(lines)


# ---- TOML -----------------------------------------------------------------------------------


def _of_toml(source: Source) -> Iterator[Leak]:
    try:
        document = _lowered(tomllib.loads(source.text))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        why = re.sub(r" \(at .*", "", str(error))[:100]
        raise Unclear(why, int(line[1]) if line else None) from None
    log = document.get("accesslog")
    if log is None or log is False:
        return
    found = _TOML_TABLE.search(source.text)
    start, end = found.span() if found else (0, 0)
    fields = log.get("fields") if isinstance(log, Mapping) else None
    for what in _keeps(fields):
        why = _WHY if what is What.QUERY else _WHY_REFERER
        edits = _toml_mended(source, fields, what)
        yield Leak(what, source, start, end, why, edits=edits)


def _toml_mended(source: Source, fields: Any, what: What) -> tuple[Edit, ...]:
    """The table at the end of the file, where it is not there yet; else a person adds to it."""
    table = "fields.names" if what is What.QUERY else "fields.headers.names"
    lines = ("RequestPath", "RequestLine") if what is What.QUERY else ("Referer",)
    header = re.compile(rf"(?im)^[ \t]*\[[ \t]*accesslog\.{re.escape(table)}[ \t]*\][^\n]*$")
    text = "".join(f'\n  {name} = "drop"' for name in lines)
    found, whole = header.search(source.text), _TOML_TABLE.search(source.text)
    if whole is not None and whole[2]:
        return ()  # a table in one line, which no other line may add to
    at: Any = fields
    for name in table.split(".")[1:]:
        at = at.get(name) if isinstance(at, Mapping) else None
    if found is not None:
        given = {str(each).lower() for each in at} if isinstance(at, Mapping) else set()
        if given & {name.lower() for name in lines}:
            return ()
        return (Edit(source, found.end(), found.end(), text),)
    if at is not None:
        return ()
    end = len(source.text)
    before = "" if source.text.endswith("\n") or not source.text else "\n"
    return (Edit(source, end, end, f"{before}\n[accessLog.{table}]{text}\n"),)
