"""Caddy's JSON: which servers log accesses, and which of the loggers get them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from headway.scan.findings import Confidence
from headway.scan.proxy.caddy_encoders import Encoder, encoder_of, line_of
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.leaks import Leak, confidence_of
from headway.scan.proxy.traffic import What, judge
from headway.scan.proxy.trees import Tree, read_trees

__all__ = ["judge_json"]

_ACCESS, _ERROR = "http.log.access", "http.log.error"
_FIELDS = {
    What.QUERY: (
        "request>uri", '{"filter": "regexp", "regexp": "[?].*", "value": "?REDACTED"}'
    ),
    What.REFERER: ("request>headers>Referer", '{"filter": "delete"}'),
}  # fmt: skip


def judge_json(source: Source) -> Iterator[Leak]:
    """What Caddy would log by *source*.  Raises Unclear."""
    for tree in read_trees(source):
        servers = tree.get("apps", "http", "servers")
        if servers is not None and servers.is_map:
            yield from _of_servers(tree, [server for _, server in servers.items()])


def _of_servers(tree: Tree, servers: list[Tree]) -> Iterator[Leak]:
    names: set[str] = set()
    at: Tree | None = None
    for server in servers:
        logs = server.get("logs")
        if logs is not None and logs.is_map:
            at = at or logs
            names |= set(_loggers(logs))
    logging = tree.get("logging", "logs")
    loggers = dict(logging.items()) if logging is not None and logging.is_map else {}
    for name, log in loggers.items():
        accesses = any(_gets(log, each) for each in names)
        errors = _gets(log, _ERROR)
        yield from _of_logger(log, name, accesses=accesses, errors=errors)
    if "default" not in loggers:
        where = at.key if at is not None and at.key is not None else servers[0] if servers else tree
        yield from _of_default(tree, where, logging, accesses=bool(names))


def _loggers(logs: Tree) -> Iterator[str]:
    """The names under which a server's accesses are logged."""
    default = next(iter(logs.texts("default_logger_name")), "")
    skips = next(iter(logs.texts("skip_unmapped_hosts")), "false") == "true"
    named = logs.get("logger_names")
    for _, value in named.items() if named is not None else ():
        for each in value.elements() or [value]:
            yield f"{_ACCESS}.{each.text}" if each.text else _ACCESS
    if not skips:
        yield f"{_ACCESS}.{default}" if default else _ACCESS


def _gets(log: Tree, name: str) -> bool:
    """Whether the logger *log* gets what is logged under *name*."""

    def covers(prefix: str) -> bool:
        return name == prefix or name.startswith(f"{prefix}.")

    includes, excludes = log.texts("include"), log.texts("exclude")
    if includes and not any(map(covers, includes)):
        return False
    return not any(map(covers, excludes))


def _of_logger(log: Tree, name: str, *, accesses: bool, errors: bool) -> Iterator[Leak]:
    if log.texts("writer", "output") == ["discard"]:
        return
    always = next(iter(log.texts("level")), "INFO").upper() in ("INFO", "DEBUG")
    encoder = encoder_of(log.get("encoder"))
    at = log.key or log
    seen = [each.what for each in judge(partial(line_of, encoder)) if each.seen]
    whole = tuple(edit for what in seen for edit in _mended(log, encoder, what))
    for verdict in judge(partial(line_of, encoder)):
        why = f"the logger {name[:60]} has the whole request with its headers"
        if encoder is not None:
            why = f"the logger {name[:60]} leaves it in"
        edits = tuple(_mended(log, encoder, verdict.what))
        if accesses:
            yield Leak(verdict.what, at.source, at.start, at.end, why,
                       confidence_of(verdict, always=always), verdict.rare, edits)  # fmt: skip
        if errors and verdict.seen:
            why = f"where a handler fails, the logger {name[:60]} has the request"
            yield Leak(What.ERRORS, at.source, at.start, at.end, why, edits=whole)
            errors = False


def _of_default(tree: Tree, at: Tree, logging: Tree | None, *, accesses: bool) -> Iterator[Leak]:
    """The logger that is there where nothing says so."""
    member = f'"default": {{{_encoder()}}}'
    if logging is not None and logging.is_map:
        edit = logging.prepended(member, member)
    elif (outer := tree.get("logging")) is not None and outer.is_map:
        edit = outer.prepended(f'"logs": {{{member}}}', f'"logs": {{{member}}}')
    else:
        text = f'"logging": {{"logs": {{{member}}}}}'
        edit = tree.prepended(text, text)
    whats = [What.QUERY, What.REFERER] if accesses else []
    for what in (*whats, What.ERRORS):
        why = "the default logger has no filter, so that it has requests with their headers"
        yield Leak(what, at.source, at.start, at.end, why, Confidence.HIGH, edits=(edit,))


def _fields() -> str:
    members = ", ".join(f'"{name}": {value}' for name, value in _FIELDS.values())
    return f'"fields": {{{members}}}'


def _encoder(wrap: str = "json") -> str:
    inner = f'"wrap": {{"format": "{wrap}"}}, {_fields()}'
    return f'"encoder": {{"format": "filter", {inner}}}'


def _mended(log: Tree, encoder: Encoder | None, what: What) -> Iterator[Edit]:
    """A filter among those that are there, or around the encoder; none where that is not known."""
    own = log.get("encoder")
    if own is None:
        yield log.prepended(_encoder(), _encoder())
    elif encoder is None and own.key is not None:
        wrap = "console" if own.texts("format") == ["console"] else "json"
        yield Edit(own.source, own.key.start, own.end, _encoder(wrap))
    elif encoder is not None and encoder.known:
        name, value = _FIELDS[what]
        fields, member = own.get("fields"), f'"{name}": {value}'
        if fields is None:
            yield own.prepended(_fields(), _fields())
        elif (field := fields.get(name)) is not None:
            yield Edit(field.source, field.start, field.end, value)
        else:
            yield fields.prepended(member, member)
