"""What nginx's variables are for a sample request: its own, those of ``map``, ``set`` and the like.

Source: nginx, "Alphabetical index of variables"; ngx_http_map_module, ngx_http_rewrite_module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from headway.scan.code.names import is_name
from headway.scan.proxy.expressions import Captures, NotKnown, filled, search
from headway.scan.proxy.nginx_syntax import Statement
from headway.scan.proxy.traffic import Line, Sample

__all__ = ["VARIABLE", "Variables"]

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\d|[A-Za-z_]\w*))")

_OWN = frozenset({
    "binary_remote_addr", "body_bytes_sent", "bytes_sent", "content_length", "content_type",
    "document_root", "gzip_ratio", "host", "hostname", "http2", "http3", "https",
    "invalid_referer", "is_request_port", "limit_rate", "modern_browser", "ancient_browser",
    "msec", "msie", "nginx_version", "pid", "pipe", "realpath_root", "remote_addr", "remote_port",
    "remote_user", "request_body", "request_body_file", "request_completion",
    "request_filename", "request_id", "request_length", "request_method", "request_port",
    "request_time", "scheme", "secure_link", "secure_link_expires", "slice_range", "status",
    "time_iso8601", "time_local", "uri", "document_uri", "date_local", "date_gmt",
    "memcached_key", "session_log_id", "early_reason", "limit_conn_status", "limit_req_status",
})  # fmt: skip
_FAMILIES = (
    "ssl_", "server_", "connection", "upstream_", "proxy_", "fastcgi_", "geoip", "cookie_", "http_",
    "sent_http_", "sent_trailer_", "tcpinfo_", "uid_", "realip_", "jwt_", "otel_", "trailer_",
    "session_", "brotli_", "zstd_", "arg_",
)  # fmt: skip
_ORIGINAL = frozenset({
    "http_x_original_uri", "http_x_original_url", "http_x_rewrite_url", "http_x_forwarded_uri",
    "http_x_request_uri",
})  # fmt: skip
"""Headers in which something before nginx may say what the address was."""

_DEPTH_MAX = 12
_TEXT_MAX = 4_000
_VALUES_MAX = 2_000
_REGEX_NAME = re.compile(r"\(\?P?[<'](\w+)[>']")


class _Map(msgspec.Struct):
    source: str
    entries: list[Statement]


class Variables:
    """The variables that *statements* of an http block define, wherever inside of it."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._maps: dict[str, _Map] = {}
        self._set: dict[str, list[str]] = {}
        self._caught: dict[str, bool] = {}  # by an expression; True where of the path or a name
        self._told: set[str] = set()
        self._known: dict[tuple[str, Sample], Line] = {}  # so that it is asked for once
        self._define(statements)

    def _define(self, statements: Iterable[Statement]) -> None:
        waiting = list(statements)
        while waiting:
            each = waiting.pop()
            args = each.args
            if each.name == "map" and len(args) == 2:
                self._maps[args[1].lstrip("$")] = _Map(args[0], each.block or [])
                for entry in each.block or []:
                    self._catches(entry.name, args[0])
                continue
            if each.name == "set" and len(args) == 2:
                self._set.setdefault(args[0].lstrip("$"), []).append(args[1])
            elif each.name in ("auth_request_set", "geo", "split_clients") and args:
                at = 0 if each.name == "auth_request_set" else -1
                self._told.add(args[at].lstrip("$"))
            elif each.name in ("location", "server_name", "rewrite", "if"):
                tested = args[0].lstrip("(") if each.name == "if" and args else "$uri"
                self._catches(" ".join(args), tested)
            waiting += each.block or []

    def _catches(self, expression: str, tested: str) -> None:
        for found in _REGEX_NAME.finditer(expression):
            harmless = tested in ("$uri", "$document_uri", "$host", "$http_host", "$server_name")
            self._caught[found[1]] = self._caught.get(found[1], True) and harmless

    def line(self, template: str, sample: Sample, depth: int = 0) -> Line:
        """*template* with its variables as they are for *sample*."""
        out, at = Line(""), 0
        for found in VARIABLE.finditer(template):
            out += Line(template[at : found.start()])
            out += self.value(found[1] or found[2], sample, depth)
            at = found.end()
        return out + Line(template[at:])

    def value(self, name: str, sample: Sample, depth: int = 0) -> Line:
        """The variable *name*; unsure where nothing here says what it is."""
        if depth > _DEPTH_MAX:
            return Line("", sure=False)
        known = self._known.get((name, sample))
        if known is None:
            value = self._value(name, sample, depth)
            known = self._known[name, sample] = Line(value.text[:_TEXT_MAX], value.sure)
        return known

    def _value(self, name: str, sample: Sample, depth: int) -> Line:
        if name in self._maps:
            return self._mapped(self._maps[name], sample, depth + 1)
        if name in self._set:
            lines = [self.line(value, sample, depth + 1) for value in self._set[name][:20]]
            leaks = {sample.token in line.text for line in lines}
            return Line("".join(line.text for line in lines), _all_sure(lines) and len(leaks) < 2)
        own = self._own(name, sample)
        if own is not None:
            return own
        if name in self._told or name in _OWN or name.startswith(_FAMILIES) or name.isdecimal():
            return Line("x")
        return Line("", sure=self._caught.get(name, False))

    def _own(self, name: str, sample: Sample) -> Line | None:
        if name in ("request", "request_uri"):
            return Line(sample.target if name == "request_uri" else f"GET {sample.target} HTTP/1.1")
        if name in ("args", "query_string"):
            return Line(sample.query)
        if name == "is_args":
            return Line("?" if sample.query else "")
        if name in ("uri", "document_uri"):
            return Line(sample.path)
        if name == "http_referer":
            return Line(sample.referer)
        if name in _ORIGINAL:
            return Line(sample.target, sure=False)
        if name.startswith("arg_") and is_name(name[4:]):
            return Line(sample.parameter(name[4:]))
        return None

    def _mapped(self, each: _Map, sample: Sample, depth: int) -> Line:
        tested = self.line(each.source, sample, depth)
        try:
            value = _chosen(each.entries, tested.text)
        except NotKnown:
            if any(VARIABLE.search(" ".join(entry.args)) for entry in each.entries[:_VALUES_MAX]):
                return Line(tested.text, sure=False)
            return Line("", sure=True)
        line = self.line(value, sample, depth)
        return Line(line.text, line.sure and tested.sure)


def _all_sure(lines: Iterable[Line]) -> bool:
    return all(line.sure for line in lines)


def _chosen(entries: list[Statement], text: str) -> str:
    """The value that a map with *entries* gives for *text*, with what was caught in its place."""
    default = ""
    expressions: list[tuple[str, str]] = []
    for key, value in _pairs(entries):
        if key == "default":
            default = value
        elif key.startswith("~"):
            expressions.append((key[1:], value))
        elif key.removeprefix("\\").lower() == text.lower():
            return value
    for expression, value in expressions:
        ignore = expression.startswith("*")
        caught = search(expression[ignore:], text, ignore_case=ignore)
        if caught is not None:
            return filled(value, Captures(caught.numbered, caught.named))
    return default


def _pairs(entries: list[Statement]) -> Iterator[tuple[str, str]]:
    for entry in entries[:_VALUES_MAX]:
        if entry.name == "include":
            raise NotKnown
        if entry.args:
            yield entry.name, entry.args[0]
