"""Envoy: access loggers of HTTP connection managers, with their formats; YAML and JSON.

Source: Envoy, "Access logging" (command operators, default format), and the messages
``envoy.extensions.access_loggers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from headway.scan.code.names import is_name
from headway.scan.findings import Confidence
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.files import Files, bounded
from headway.scan.proxy.leaks import Leak, confidence_of
from headway.scan.proxy.traffic import Line, Sample, What, judge
from headway.scan.proxy.trees import Tree, read_trees

__all__ = ["judge_envoy"]

DEFAULT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" '
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
_PATH = "%PATH(NQ)%"
CLEAN = DEFAULT.replace("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", _PATH)

_OPERATOR = re.compile(r"%([A-Z_0-9]+)(?:\(((?:[^()%]|\([^()%]*\))*)\))?(?::\d+)?%")
_TEXTS = ("FileAccessLog", "StdoutAccessLog", "StderrAccessLog", "StreamAccessLog")
_NAMES = {
    "envoy.file_access_log": "FileAccessLog",
    "envoy.access_loggers.file": "FileAccessLog",
    "envoy.access_loggers.stdout": "StdoutAccessLog",
    "envoy.access_loggers.stderr": "StderrAccessLog",
    "envoy.http_grpc_access_log": "HttpGrpcAccessLogConfig",
    "envoy.access_loggers.http_grpc": "HttpGrpcAccessLogConfig",
    "envoy.access_loggers.open_telemetry": "OpenTelemetryAccessLogConfig",
}
_WHOLE = frozenset({":path", "x-envoy-original-path", "x-original-url", "x-rewrite-url"})
_CEL = (
    (re.compile(r"request\.(?:path|query|url)\b|:path"), What.QUERY),
    (re.compile(r"(?i)referer"), What.REFERER),
)


def judge_envoy(sources: Sequence[Source], files: Files) -> list[Leak]:
    """What Envoy would log by *sources*.  Raises Unclear."""
    del files  # what it may include, it asks for over the network
    leaks: list[Leak] = []
    for source in sources:
        for tree in read_trees(source):
            for each in tree.below():
                if (logs := each.get("access_log")) is not None and logs.is_list:
                    for log in logs.elements():
                        leaks += _of_logger(log, in_http=_is_http(each))
                for name in ("upstream_log",):
                    if (logs := each.get(name)) is not None and logs.is_list:
                        for log in logs.elements():
                            leaks += _of_logger(log, in_http=True)
    return leaks


def _is_http(owner: Tree) -> bool:
    """Whether it is no proxy of bytes, nor a listener: those see no request."""
    kind = owner.get("@type")
    return kind is not None and kind.text.endswith("HttpConnectionManager")


def _kind(log: Tree, config: Tree | None) -> str:
    kind = config.get("@type") if config is not None else None
    if kind is not None:
        return kind.text.rpartition(".")[2]
    name = log.get("name")
    return _NAMES.get(name.text, "") if name is not None else ""


def _of_logger(log: Tree, *, in_http: bool) -> Iterator[Leak]:
    config = log.get("typed_config") or log.get("config")
    kind = _kind(log, config)
    always = log.get("filter") is None
    at = log.get("name") or log
    if not in_http:
        return
    if kind == "HttpGrpcAccessLogConfig":
        for what in (What.QUERY, What.REFERER):
            why = "a gRPC access log gets path and Referer of each request; nothing takes them out"
            confidence = Confidence.HIGH if always else Confidence.MEDIUM
            yield Leak(what, log.source, at.start, at.end, why, confidence)
    elif kind == "OpenTelemetryAccessLogConfig" and config is not None:
        for name in ("body", "attributes", "resource_attributes"):
            if (part := config.get(name)) is not None:
                yield from _of_texts(part, always=always)
    elif kind in _TEXTS:
        yield from _of_format(log, config, always=always)
    elif kind:
        why = f"an access log of the kind {kind[:60]} is not known here"
        yield Leak(What.QUERY, log.source, at.start, at.end, why, Confidence.LOW)


def _of_format(log: Tree, config: Tree | None, *, always: bool) -> Iterator[Leak]:
    if config is None:
        yield from _of_default(log, None, always=always)
        return
    if config.texts("path") == ["/dev/null"]:
        return
    for names in (
        ("log_format", "text_format_source", "inline_string"), ("log_format", "text_format"),
        ("format",), ("log_format", "json_format"), ("json_format",), ("typed_json_format",),
    ):  # fmt: skip
        if (found := config.get(*names)) is not None:
            yield from _of_texts(found, always=always)
            return
    if config.get("log_format") is not None:
        at = config.get("log_format") or config
        why = "its format stands in a file or in the environment, which is not read"
        yield Leak(What.QUERY, at.source, at.start, at.end, why, Confidence.LOW)
        return
    yield from _of_default(log, config, always=always)


def _of_default(log: Tree, config: Tree | None, *, always: bool) -> Iterator[Leak]:
    """The format that is meant where none is said."""
    at = log.get("name") or log
    escaped = CLEAN.replace('"', '\\"')
    yaml = f'log_format:\n  text_format_source:\n    inline_string: "{escaped}\\n"\n'
    json = f'"log_format": {{"text_format_source": {{"inline_string": "{escaped}\\n"}}}}'
    edits = () if config is None else (config.prepended(yaml, json),)
    for verdict in judge(partial(line_of, DEFAULT)):
        why = "without a log_format, Envoy's own has the path with its query"
        yield Leak(verdict.what, at.source, at.start, at.end, why,
                   confidence_of(verdict, always=always), edits=edits,
                   )  # fmt: skip


def _of_texts(part: Tree, *, always: bool) -> Iterator[Leak]:
    """Each scalar in *part* is a format, or a piece of one."""
    for each in part.below():
        template = each.text
        if "%" not in template:
            continue
        bounded(template, each.source.position(each.start)[0])
        for verdict in judge(partial(line_of, template)):
            named = [
                found[0] for found in _OPERATOR.finditer(template)
                if any(v.what is verdict.what and v.seen == verdict.seen
                       for v in judge(partial(line_of, found[0])))
            ]  # fmt: skip
            why = "the format has " + ", ".join(dict.fromkeys(named))[:150]
            if not verdict.seen:
                why += ", and it is not known here what that is"
            yield Leak(
                verdict.what, each.source, each.start, each.end, why,
                confidence_of(verdict, always=always), verdict.rare,
                tuple(_mended(each, named, verdict.what)) if verdict.seen else (),
            )  # fmt: skip


def _mended(each: Tree, named: list[str], what: What) -> Iterator[Edit]:
    """The operators where they stand, replaced; in a quoted scalar they stand as they are."""
    raw = each.source.text[each.start : each.end]
    for found in _OPERATOR.finditer(raw):
        if found[0] in named:
            start = each.start + found.start()
            new = _PATH if what is What.QUERY and found[1] in ("REQ", "PATH") else "-"
            yield Edit(each.source, start, each.start + found.end(), new)


def line_of(template: str, sample: Sample) -> Line:
    """*template* with its command operators as they are for *sample*.

    >>> line_of("%REQ(:METHOD)% %PATH(NQ)%", Sample(What.QUERY, "/a?b")).text
    'x /a'
    """
    out, at = Line(""), 0
    for found in _OPERATOR.finditer(template):
        out += Line(template[at : found.start()]) + _value(found[1], found[2] or "", sample)
        at = found.end()
    return out + Line(template[at:])


def _value(name: str, argument: str, sample: Sample) -> Line:
    parts = [each.strip() for each in argument.split(":")]
    if name == "REQ":
        return _header(argument, sample)
    if name == "PATH":
        return Line(sample.path if parts[0].upper() == "NQ" else sample.target)
    if name == "QUERY_PARAM":
        return Line(sample.parameter(parts[0]) if is_name(parts[0]) else "x")
    if name == "QUERY_PARAMS":
        return Line(sample.query)
    if name == "CEL":
        text = "".join(
            sample.referer if what is What.REFERER else sample.target
            for pattern, what in _CEL if pattern.search(argument)
        )  # fmt: skip
        return Line(text, sure=not text)
    return Line("x")


def _header(argument: str, sample: Sample) -> Line:
    """``%REQ(X?Y)%``: X, or Y where a request has no X; who sends X is not known here."""
    names = [each.strip().lower() for each in argument.split("?")]
    out = Line("")
    for name in names:
        if name == ":path" or (name in _WHOLE and len(names) > 1):
            out += Line(sample.target)
        elif name in _WHOLE:
            out += Line(sample.target, sure=name == "x-envoy-original-path")
        elif name == "referer":
            out += Line(sample.referer)
        else:
            out += Line("x")
    return out
