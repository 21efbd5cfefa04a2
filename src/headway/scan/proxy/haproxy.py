"""HAProxy: log formats of each frontend as it inherits them, captures, and what is never logged.

Source: HAProxy configuration manual, chapter 8 (logging); sections 4.2 and 7.3 (samples).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from headway.scan.code.names import is_name
from headway.scan.findings import Confidence
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.expressions import NotKnown, replaced
from headway.scan.proxy.files import Files, bounded
from headway.scan.proxy.haproxy_syntax import Directive, Section, Word, quoted, read_haproxy
from headway.scan.proxy.leaks import Leak, Leaks, confidence_of
from headway.scan.proxy.traffic import Line, Sample, Verdict, What, judge

__all__ = ["judge_haproxy"]

HTTPLOG = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc "
    "%sq/%bq %hr %hs %{+Q}r"
)
HTTPSLOG = (
    HTTPLOG + " %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] "
    "%[ssl_fc_sni]/%sslv/%sslc"
)
CLF = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac '
    "%fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"
)
_OPTIONS = {"httplog": HTTPLOG, "httpslog": HTTPSLOG, "tcplog": "", "clf": CLF}

_FORMATS = {
    "log-format": "format", "log-format-sd": "structured", "error-log-format": "error",
}  # fmt: skip

_PART = re.compile(r"%(?:\{([^{}]*)\})?(?:([A-Za-z]+)|\[((?:[^\[\]\"']|\"[^\"]*\"|'[^']*')*)\])|%%")
_HEADER = re.compile(r"(?i)\A(?:(?:req\.|capture\.req\.)?f?hdr)\(\s*([\w-]+)\s*(?:,[^()]*)?\)")
_PARAMETER = re.compile(r"\A(?:urlp|url_param|urlp_val|req\.urlp)\(\s*([\w.-]+)")
_WHOLE = frozenset({"url", "pathq", "capture.req.uri", "baseq", "url32", "req.hdrs"})
_UNKNOWN = frozenset({"req.payload", "req.buf", "req.hdrs_bin", "unique-id"})
_ORIGINAL = frozenset({"x-original-uri", "x-original-url", "x-rewrite-url", "x-forwarded-uri"})
_KEEP = frozenset({
    "lower", "upper", "ltrim", "rtrim", "url_dec", "json", "htmldec", "concat",
})  # fmt: skip
_TEXT_MAX = 4_000
_REPLACED = {"r": '"%HM %HP %HV"', "HU": "%HP", "HQ": "-"}
_NAMED = {
    "url": "%HP", "pathq": "%HP", "capture.req.uri": "%HP", "baseq": "%HP", "query": "-",
}  # fmt: skip


class _Log(NamedTuple):
    """What sets a format: the words from *first* on are replaced where it is mended."""

    template: str
    source: Source
    directive: Directive
    name: str
    text: Word | None  # the word with the template, where it is written out


class _Profile(msgspec.Struct):
    """What is in force for a frontend, at the end of its lines or of the defaults that it has."""

    logs: bool = False
    mode_http: bool = False
    format: _Log | None = None
    structured: _Log | None = None
    error: _Log | None = None
    captures: list[tuple[str, Source, Directive]] = []
    variables: dict[str, list[str]] = {}
    scripts: bool = False
    silent: bool = False

    def copy(self) -> _Profile:
        """For a section that inherits it."""
        return msgspec.structs.replace(
            self,
            captures=list(self.captures),
            variables={name: list(values) for name, values in self.variables.items()},
        )


def judge_haproxy(sources: Sequence[Source], files: Files) -> list[Leak]:
    """What HAProxy would log by *sources*, one after the other.  Raises Unclear."""
    del files  # it includes nothing
    return _Configuration([each for source in sources for each in read_haproxy(source)]).leaks


class _Configuration:
    def __init__(self, sections: list[Section]) -> None:
        self.leaks = Leaks()
        self._named: dict[str, _Profile] = {}
        self._fetches: dict[str, _Fetches] = {}
        latest = _Profile()
        used = False
        for section in sections:
            if section.kind == "defaults":
                latest = self._read(section, self._named.get(section.base or "", _Profile()).copy())
                self._named[section.name] = latest
            elif section.kind in ("frontend", "listen"):
                used = True
                base = self._named.get(section.base, latest) if section.base else latest
                self._judge(self._read(section, base.copy()), always=True)
        if not used:  # a part of a configuration: its frontends stand elsewhere
            self._judge(latest, always=False)

    def _read(self, section: Section, profile: _Profile) -> _Profile:
        for directive in section.lines:
            self._line(section.source, directive, profile)
        return profile

    def _line(self, source: Source, directive: Directive, profile: _Profile) -> None:
        words = directive.texts
        first, rest = words[0], words[1:]
        if first == "no" and rest[:1] == ["log"]:
            profile.logs = False
        elif first == "log" and rest:
            profile.logs = True
        elif first == "mode":
            profile.mode_http = rest[:1] == ["http"]
        elif first in ("option", *_FORMATS) and rest:
            self._format(source, directive, profile)
        elif first == "capture" and rest[:2] == ["request", "header"] and len(rest) > 2:
            profile.captures.append((f"req.hdr({rest[2]})", source, directive))
        elif first in ("http-request", "tcp-request") and rest:
            self._rule(source, directive, rest, profile)

    def _format(self, source: Source, directive: Directive, profile: _Profile) -> None:
        first, given, *more = directive.texts
        if first != "option":
            template = bounded(given, directive.line)
            log = _Log(template, source, directive, first, directive.words[1])
            setattr(profile, _FORMATS[first], log)
        elif given in _OPTIONS:
            name = "clf" if given == "httplog" and "clf" in more else given
            profile.format = _Log(_OPTIONS[name], source, directive, f"option {name}", None)

    def _rule(
        self, source: Source, directive: Directive, rest: list[str], profile: _Profile
    ) -> None:
        rest = rest[1:] if rest[0] in ("content", "connection", "session") else rest
        action = rest[0] if rest else ""
        if action == "capture" and len(rest) > 1:
            profile.captures.append((rest[1], source, directive))
        elif action == "set-log-level" and rest[1:] == ["silent"]:
            profile.silent = True
        elif action.startswith("lua."):
            profile.scripts = True
        elif (found := re.match(r"set-var(-fmt)?\(([\w.]+)", action)) and len(rest) > 1:
            value = rest[1] if found[1] else f"%[{rest[1]}]"
            profile.variables.setdefault(found[2], []).append(value)

    # ---- what a line has ---------------------------------------------------------------------

    def _judge(self, profile: _Profile, *, always: bool) -> None:
        if not profile.logs or not profile.mode_http or profile.silent:
            return
        shape = repr(([each[0] for each in profile.captures], profile.variables))
        seen = self._fetches.setdefault(shape, _Fetches(profile))
        logs = [each for each in (profile.format, profile.structured, profile.error) if each]
        for log in logs:
            for verdict in seen.verdicts(log.template):
                if not verdict.seen and profile.scripts:
                    continue  # a script set it: what it says is its own
                self._leak(log, profile, verdict, seen, always=always)

    def _leak(
        self, log: _Log, profile: _Profile, verdict: Verdict, seen: _Fetches, *, always: bool
    ) -> None:
        confidence = confidence_of(verdict, always=always)
        if any(part[2] in ("hr", "hrl") for part in _PART.finditer(log.template)):
            self._captured(log, profile, verdict, seen, confidence)
        words = log.directive.words
        if self.leaks.has(verdict.what, log.source, words[0].start):
            return
        own = [
            part for part in _PART.finditer(log.template)
            if part[2] not in ("hr", "hrl") and _has(seen, part[0], verdict)
        ]  # fmt: skip
        if not own:
            return
        names = ", ".join(dict.fromkeys(part[0] for part in own))
        why = f"{log.name} has {names[:120]}"
        if not verdict.seen:
            why += ", and nothing here says what that is"
        edits = self._mended(log, own, verdict.what, seen) if verdict.seen else ()
        self.leaks.add(
            Leak(verdict.what, log.source, words[0].start, words[-1].end, why, confidence,
                 verdict.rare, edits)
        )  # fmt: skip

    def _captured(
        self, log: _Log, profile: _Profile, verdict: Verdict, seen: _Fetches, sure: Confidence
    ) -> None:
        """The captures that every line of *log* has: they go, unless others are told by number."""
        for value, source, directive in profile.captures:
            if not _has(seen, f"%[{value}]", verdict):
                continue
            start, end = directive.words[0].start, directive.words[-1].end
            counted = "capture.req.hdr(" in source.text
            edit = Edit(source, start, end, f"# {source.text[start:end]}")
            edits = () if counted else (edit,)
            why = f"a capture of {value[:60]} stands in each line of {log.name}"
            self.leaks.add(Leak(verdict.what, source, start, end, why, sure, verdict.rare, edits))

    def _mended(
        self, log: _Log, own: list[re.Match[str]], what: What, seen: _Fetches
    ) -> tuple[Edit, ...]:
        """The format with the path alone; both sorts at once, for it is one word."""
        template = log.template
        for part in reversed(list(_PART.finditer(template))):
            whats = {v.what for v in seen.verdicts(part[0]) if v.seen}
            if whats and part[2] not in ("hr", "hrl"):
                template = template[: part.start()] + _instead(part, whats) + template[part.end() :]
        if any(v.what is what and v.seen for v in judge(partial(seen.bare, template))):
            return ()
        if log.text is not None:
            return (Edit(log.source, log.text.start, log.text.end, quoted(template)),)
        words = log.directive.words
        text = f"log-format {quoted(template)}"
        return (Edit(log.source, words[0].start, words[-1].end, text),)


def _has(seen: _Fetches, template: str, verdict: Verdict) -> bool:
    return any(
        each.what is verdict.what and each.seen == verdict.seen for each in seen.verdicts(template)
    )


def _instead(part: re.Match[str], whats: set[What]) -> str:
    if part[2]:
        return _REPLACED.get(part[2], "-")
    fetch = re.split(r"[,(]", part[3] or "")[0].strip()
    return _NAMED.get(fetch, "%HP" if What.QUERY in whats and fetch == "var" else "-")


class _Fetches:
    """What the parts of a format are for a sample request."""

    def __init__(self, profile: _Profile) -> None:
        self._profile = profile
        self._verdicts: dict[str, list[Verdict]] = {}
        self._values: dict[tuple[str, Sample], Line] = {}

    def verdicts(self, template: str) -> list[Verdict]:
        """What a log in the format *template* has of tokens."""
        if template not in self._verdicts:
            self._verdicts[template] = list(judge(partial(self.line, template)))
        return self._verdicts[template]

    def bare(self, template: str, sample: Sample) -> Line:
        """*template* as if nothing were captured."""
        return _Fetches(msgspec.structs.replace(self._profile, captures=[])).line(template, sample)

    def line(self, template: str, sample: Sample, depth: int = 0) -> Line:
        """*template*, a log format, with its parts as they are for *sample*."""
        out, at = Line(""), 0
        for part in _PART.finditer(template):
            out += Line(template[at : part.start()])
            if part[2]:
                out += self._alias(part[2], sample, depth)
            elif part[3] is not None:
                out += self.fetch(part[3], sample, depth)
            at = part.end()
        return out + Line(template[at:])

    def _alias(self, name: str, sample: Sample, depth: int) -> Line:
        if name == "r":
            return Line(f"GET {sample.target} HTTP/1.1")
        if name == "HU":
            return Line(sample.target)
        if name == "HQ":
            return Line(f"?{sample.query}")
        if name in ("hr", "hrl"):
            out = Line("{")
            for value, _, _ in self._profile.captures:
                out += self.fetch(value, sample, depth + 1)
            return out
        return Line("x")

    def fetch(self, expression: str, sample: Sample, depth: int = 0) -> Line:
        """A sample expression: what is fetched, and the converters behind it."""
        if depth > 10:
            return Line("", sure=False)
        first, *converters = _split(expression)
        value = self._fetched(first, sample, depth)
        for converter in converters:
            value = _converted(value, converter)
        return value

    def _fetched(self, fetch: str, sample: Sample, depth: int) -> Line:
        name = fetch.partition("(")[0]
        if name in _WHOLE:
            return Line(
                f"{sample.target} {sample.referer}" if name == "req.hdrs" else sample.target
            )
        if name in ("query", "req.query"):
            return Line(sample.query)
        if name == "var" and (found := re.match(r"var\(\s*([\w.]+)", fetch)):
            key = (found[1], sample)
            if key not in self._values:
                self._values[key] = self._variable(found[1], sample, depth)
            return self._values[key]
        if header := _HEADER.match(fetch):
            return self._header(header[1].lower(), fetch, sample, depth)
        if found := _PARAMETER.match(fetch):
            return Line(sample.parameter(found[1]) if is_name(found[1]) else "x")
        return Line("", sure=name not in _UNKNOWN)

    def _variable(self, name: str, sample: Sample, depth: int) -> Line:
        values = self._profile.variables.get(name)
        if values is None:
            return Line("", sure=False)
        out = Line("")
        for value in values[:20]:
            out += self.line(value, sample, depth + 1)
        return Line(out.text[:_TEXT_MAX], out.sure and len(values) < 2)

    def _header(self, name: str, fetch: str, sample: Sample, depth: int) -> Line:
        if name == "referer":
            return Line(sample.referer)
        if name in _ORIGINAL:
            return Line(sample.target, sure=False)
        captured = self._profile.captures
        if fetch.startswith("capture.") and name.isdecimal() and int(name) < len(captured):
            return self.fetch(captured[int(name)][0], sample, depth + 1)
        return Line("x")


def _part_of(text: str, number: int, marks: str, name: str) -> str:
    """What ``field`` or ``word`` takes out of *text*: the part *number* between *marks*."""
    parts = re.split(f"[{re.escape(marks)}]", text) if marks else []
    parts = [each for each in parts if each] if name == "word" else parts
    at = number - 1 if number > 0 else len(parts) + number
    return parts[at] if 0 <= at < len(parts) else ""


def _split(expression: str) -> list[str]:
    """At commas outside of brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(expression):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and depth == 0:
            parts.append(expression[start:at].strip())
            start = at + 1
    return [*parts, expression[start:].strip()]


def _converted(value: Line, converter: str) -> Line:
    """What a converter makes of *value*; one that is not known makes it unsure."""
    name, _, inside = converter.partition("(")
    arguments = [each.strip("\"' ") for each in _split(inside.rsplit(")", 1)[0])]
    if name in _KEEP:
        return value
    if name in ("length", "sha1", "sha2", "md5", "crc32", "xxh32", "xxh64", "djb2", "bool", "hex"):
        return Line("x" if name != "hex" else value.text.encode().hex(), value.sure)
    if name in ("field", "word") and len(arguments) > 1 and arguments[0].lstrip("-").isdecimal():
        return Line(_part_of(value.text, int(arguments[0]), arguments[1], name), value.sure)
    if name == "regsub" and len(arguments) > 1:
        flags = arguments[2] if len(arguments) > 2 else ""
        template = re.sub(r"\\(\d)", r"${\1}", arguments[1])
        try:
            text = replaced(arguments[0], value.text, template, ignore_case="i" in flags)
        except NotKnown:
            return Line(value.text, sure=False)
        return Line(text, value.sure)
    return Line(value.text, sure=False)
