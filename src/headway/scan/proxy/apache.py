"""Apache httpd: ``LogFormat``, ``CustomLog`` and the like for each virtual host; the error log.

Source: Apache HTTP Server, mod_log_config ("Custom Log Formats", virtual hosts), core's
``ErrorLogFormat``, mod_log_forensic, mod_setenvif.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from headway.scan.findings import Confidence
from headway.scan.proxy.apache_syntax import Directive, quoted, read_apache
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.files import Files, bounded
from headway.scan.proxy.leaks import Leak, Leaks, confidence_of
from headway.scan.proxy.traffic import Line, Sample, Verdict, What, judge

__all__ = ["judge_apache"]

COMMON = '%h %l %u %t "%r" %>s %b'
_COMBINED = '%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"'
_USUAL = {
    "combined": _COMBINED,
    "common": COMMON,
    "vhost_combined": f"%v:%p {_COMBINED}",
    "combinedio": f"{_COMBINED} %I %O",
    "referer": "%{Referer}i -> %U",
    "agent": "%{User-agent}i",
}
"""Nicknames that distributions define, for parts of a configuration that only use them."""

ERROR_FORMAT = r'ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M"'
_PART = re.compile(r"%%|%([<>!0-9,]*)(?:\{([^}]*)\})?(\^[A-Za-z]{2}|[A-Za-z])")
_ALL = re.compile(r"(?i):(?:.*\s)?(?:\*|_default_)(?::\*)?(?:\s|\Z)")
_ORIGINAL = frozenset({"x-original-uri", "x-original-url", "x-rewrite-url", "x-forwarded-uri"})
_QUERY_WORDS = re.compile(r"(?i)QUERY_STRING|THE_REQUEST|UNPARSED_URI")
_VERBOSE = re.compile(r"(?i)(?:\A|:)(?:debug|trace[1-8])\Z")
_QUIET = frozenset({"emerg", "alert", "crit"})


class _Log(NamedTuple):
    """A directive that writes accesses, and the format that it writes: its own, or a named one."""

    directive: Directive
    template: str
    format: Directive | None  # the LogFormat that it names
    known: bool
    always: bool


def judge_apache(sources: Sequence[Source], files: Files) -> list[Leak]:
    """What httpd would log by *sources*.  Raises Unclear."""
    leaks: list[Leak] = []
    for source in sources:
        leaks += _Configuration(read_apache(source, files)).leaks
    return leaks


def _host_of(directive: Directive) -> str:
    """The virtual host that *directive* is for; "": the server itself."""
    return next((each for each in directive.inside if each.startswith("virtualhost:")), "")


class _Configuration:
    def __init__(self, directives: list[Directive]) -> None:
        self.leaks = Leaks()
        self._named: dict[tuple[str, str], Directive] = {}
        self._plain: dict[str, Directive] = {}
        self._variables: dict[str, list[str]] = {}
        for each in directives:
            self._defines(each)
        used = self._used(directives)
        for each in directives:
            self._logs(each, used)
        self._errors(directives)

    def _defines(self, each: Directive) -> None:
        name, args = each.name.lower(), each.args
        if name == "logformat" and args:
            if len(args) > 1:
                self._named[_host_of(each), args[1]] = each
            else:
                self._plain[_host_of(each)] = each
        elif name in ("setenvif", "setenvifnocase", "setenvifexpr") and len(args) > 1:
            for setting in args[1:] if name == "setenvifexpr" else args[2:]:
                variable, _, value = setting.lstrip("!").partition("=")
                tested = args[0] if "$" in value or name == "setenvifexpr" else "constant"
                self._variables.setdefault(variable, []).append(tested)
        elif name in ("rewriterule", "rewritecond") and args:
            for flag in re.findall(r"E=!?([^,\]]+)", args[-1]):
                variable, _, value = flag.partition(":")
                self._variables.setdefault(variable, []).append(value)

    # ---- accesses ----------------------------------------------------------------------------

    def _logs(self, each: Directive, used: Confidence | None) -> None:
        name = each.name.lower()
        if each.args[:1] == ["/dev/null"]:
            return
        if name in ("customlog", "globallog", "transferlog") and each.args:
            log = self._log(each, transfer=name == "transferlog")
            bounded(log.template, each.line)
            own = name == "globallog" or _host_of(each) != ""
            if own or used is not None:
                log = log._replace(always=log.always and (own or used is Confidence.HIGH))
                for verdict in judge(partial(self._line, log.template)):
                    self._leak(log, verdict)
        elif name in ("forensiclog", "secauditlog") and each.args:
            line = each.source.text[each.start : each.end]
            edit = Edit(each.source, each.start, each.end, "# " + line.replace("\n", "\n# "))
            for what in (What.QUERY, What.REFERER):
                why = f"{each.name} has requests with all their headers"
                self.leaks.add(Leak(what, each.source, each.start, each.end, why, edits=(edit,)))

    def _used(self, directives: list[Directive]) -> Confidence | None:
        """How sure it is that a request ends in the server's own logs.

        Not if each host has its own; None where one of those gets all that no other one gets.
        """
        hosts = {_host_of(each) for each in directives} - {""}
        own = {
            _host_of(each) for each in directives
            if each.name.lower() in ("customlog", "transferlog")
        }  # fmt: skip
        if not hosts or not hosts <= own:
            return Confidence.HIGH
        return None if any(_ALL.search(host) for host in hosts) else Confidence.MEDIUM

    def _log(self, each: Directive, *, transfer: bool) -> _Log:
        host = _host_of(each)
        if transfer:
            plain = self._plain.get(host) or self._plain.get("")
            return _Log(each, plain.args[0] if plain else COMMON, plain, known=True, always=True)
        always = not any(arg.lower().startswith(("env=", "expr=")) for arg in each.args[2:])
        name = each.args[1] if len(each.args) > 1 else "clf"
        if name.lower().startswith(("env=", "expr=")):
            name, always = "clf", False
        named = self._named.get((host, name)) or self._named.get(("", name))
        if named is not None:
            return _Log(each, named.args[0], named, known=True, always=always)
        if name.lower() == "clf":
            return _Log(each, COMMON, None, known=True, always=always)
        usual = _USUAL.get(name.lower())
        return _Log(each, usual or name, None, known=usual is None, always=always)

    def _leak(self, log: _Log, verdict: Verdict) -> None:
        parts = [
            part[0] for part in _PART.finditer(log.template)
            if any(v.what is verdict.what for v in judge(partial(self._line, part[0])))
        ]  # fmt: skip
        at = log.format or log.directive
        confidence = confidence_of(verdict, always=log.always)
        why = f"{at.name} has {', '.join(dict.fromkeys(parts))[:120]}"
        if not log.known:
            confidence = Confidence.MEDIUM
            why = f"the format {log.directive.args[1][:40]} usually has {', '.join(parts)[:120]}"
        edits = tuple(self._mended(log, verdict.what)) if verdict.seen else ()
        self.leaks.add(
            Leak(verdict.what, at.source, at.start, at.end, why, confidence, verdict.rare, edits)
        )

    def _mended(self, log: _Log, what: What) -> Iterator[Edit]:
        """The parts where they stand; a format that stands nowhere is written out."""
        written = log.format or log.directive
        at = 0 if log.format is not None else 1
        if len(written.args) > at and written.args[at] == log.template:
            start, end = written.spans[at]
            offset = written.start
            raw = written.source.text[offset + start : offset + end]
            for part in _PART.finditer(raw):
                if any(v.what is what and v.seen
                       for v in judge(partial(self._line, part[0]))):  # fmt: skip
                    begin = offset + start + part.start()
                    yield Edit(written.source, begin, begin + len(part[0]), _instead(part))
            return
        template = _PART.sub(
            lambda part: _instead(part) if any(
                v.seen for v in judge(partial(self._line, part[0]))
            ) else part[0],
            log.template,
        )  # fmt: skip
        each = log.directive
        path = each.source.text[each.start + each.spans[0][0] : each.start + each.spans[0][1]]
        rest = " ".join(arg for arg in each.args[1:] if arg.lower().startswith(("env=", "expr=")))
        text = f"CustomLog {path} {quoted(template)} {rest}".rstrip()
        yield Edit(each.source, each.start, each.end, text)

    def _line(self, template: str, sample: Sample) -> Line:
        out, at = Line(""), 0
        for part in _PART.finditer(template):
            out += Line(template[at : part.start()]) + self._value(part, sample)
            at = part.end()
        return out + Line(template[at:])

    def _value(self, part: re.Match[str], sample: Sample) -> Line:
        kind, name = part[3], (part[2] or "").lower()
        if kind == "r":
            return Line(f"GET {sample.target} HTTP/1.1")
        if kind == "q":
            return Line(f"?{sample.query}")
        if kind == "U":
            return Line(sample.path)
        if kind == "i" and name == "referer":
            return Line(sample.referer)
        if kind == "i" and name in _ORIGINAL:
            return Line(sample.target, sure=False)
        if kind == "e":
            return self._variable(part[2] or "", sample)
        return Line("x")

    def _variable(self, name: str, sample: Sample) -> Line:
        """``%{name}e``: what SetEnvIf or a rewrite put there."""
        out = ""
        if name.upper() in ("QUERY_STRING", "REQUEST_URI", "HTTP_REFERER"):
            out = {"QUERY_STRING": sample.query, "HTTP_REFERER": sample.referer}.get(
                name.upper(), sample.target
            )
        for value in self._variables.get(name, ())[:20]:
            if re.search(r"(?i)referer", value):
                out += sample.referer
            if _QUERY_WORDS.search(value):
                out += sample.target
        return Line(out, sure=not out)

    # ---- errors ------------------------------------------------------------------------------

    def _errors(self, directives: list[Directive]) -> None:
        """Httpd's own format of errors ends in the Referer; at debug, modules tell addresses."""
        logs = [each for each in directives if each.name.lower() == "errorlog" and each.args]
        formats = {_host_of(each): each for each in directives
                   if each.name.lower() == "errorlogformat" and each.args
                   and each.args[0].lower() not in ("connection", "request")}  # fmt: skip
        for each in directives:
            if each.name.lower() == "loglevel" and (found := self._verbose(each)):
                self.leaks.add(found)
        for each in formats.values():
            if re.search(r"(?i)%\{referer\}i", each.args[-1]):
                start, end = each.spans[-1]
                raw = each.source.text[each.start + start : each.start + end]
                new = re.sub(r"(?i)%[-+0-9]*\{referer\}i", "-", raw)
                edit = Edit(each.source, each.start + start, each.start + end, new)
                self._error(each, "ErrorLogFormat has %{Referer}i", (edit,))
        for each in logs:
            if each.args[0] == "/dev/null" or formats.get(_host_of(each)) or formats.get(""):
                continue
            if self._quiet(directives, _host_of(each)):
                continue
            text = each.source.text
            margin = text[text.rfind("\n", 0, each.start) + 1 : each.start]
            edit = Edit(each.source, each.end, each.end, f"\n{margin}{ERROR_FORMAT}")
            self._error(each, "without an ErrorLogFormat, a message ends in the Referer", (edit,))

    def _quiet(self, directives: list[Directive], host: str) -> bool:
        levels = [each.args for each in directives
                  if each.name.lower() == "loglevel" and _host_of(each) in ("", host)]  # fmt: skip
        return bool(levels) and all(arg.lower() in _QUIET for arg in levels[-1])

    def _verbose(self, each: Directive) -> Leak | None:
        if not any(_VERBOSE.search(arg) for arg in each.args):
            return None
        edit = Edit(each.source, each.start, each.end, "LogLevel warn")
        why = "at debug and trace levels, modules write down addresses with their queries"
        return Leak(What.ERRORS, each.source, each.start, each.end, why,
                    Confidence.MEDIUM, edits=(edit,))  # fmt: skip

    def _error(self, each: Directive, why: str, edits: tuple[Edit, ...]) -> None:
        self.leaks.add(Leak(What.ERRORS, each.source, each.start, each.end, why, edits=edits))


def _instead(part: re.Match[str]) -> str:
    if part[3] == "r":
        return "%m %U %H"
    return "" if part[3] == "q" else "-"
