"""Caddy: access logs with their encoders, and the log of errors; Caddyfile and JSON.

Source: Caddy, Caddyfile directives ``log`` and ``log_append``, global option ``log``, JSON
structures ``logging`` and ``apps/http/servers/logs``.  In the tests: Caddy 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from headway.scan.findings import Confidence
from headway.scan.proxy.caddy_encoders import Encoder, encoder_in, line_of, text_of
from headway.scan.proxy.caddy_json import judge_json
from headway.scan.proxy.caddyfile import Segment, read_caddyfile
from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.files import DEPTH_MAX, FILES_MAX, Files, Unclear
from headway.scan.proxy.leaks import Leak, Leaks, confidence_of
from headway.scan.proxy.traffic import What, judge

__all__ = ["judge_caddy"]

_FILTERED = ("request>uri regexp [?].* ?REDACTED", "request>headers>Referer delete")
_LEVELS = ("WARN", "ERROR", "PANIC", "FATAL")
_OWN = ("output", "format", "level", "hostnames", "no_hostname", "include", "exclude", "sampling")


class _Log(msgspec.Struct):
    """A logger as it is written: where, and what encodes it."""

    segment: Segment
    encoder: Encoder | None
    silent: bool = False
    always: bool = True


def judge_caddy(sources: Sequence[Source], files: Files) -> list[Leak]:
    """What Caddy would log by *sources*.  Raises Unclear."""
    leaks: list[Leak] = []
    for source in sources:
        if source.text.lstrip()[:1] == "{" and '"' in source.text.lstrip()[1:].lstrip()[:1]:
            leaks += judge_json(source)
        else:
            leaks += _Configuration(source, files).leaks
    return leaks


class _Configuration:
    def __init__(self, source: Source, files: Files) -> None:
        self.leaks = Leaks()
        self._files = files
        self._left = FILES_MAX
        self._source = source
        self._snippets: dict[str, list[Segment]] = {}
        top = self._resolved(read_caddyfile(source), (source,))
        options = top[0] if top and top[0].block is not None and not top[0].words else None
        sites = [each for each in top if each is not options]
        self._default = self._default_log(options)
        blocks = [each.block for each in sites if each.block is not None]
        if sites and sites[0].block is None:  # one site without braces: the rest is its own
            blocks = [sites[1:]]
        for block in blocks:
            for each in _below(block):
                self._directive(each, block)
        if blocks:
            self._errors(options)

    # ---- snippets and imports ----------------------------------------------------------------

    def _resolved(self, segments: list[Segment], inside: tuple[Source, ...]) -> list[Segment]:
        out: list[Segment] = []
        for each in segments:
            if each.block is not None and each.name.startswith("(") and each.name.endswith(")"):
                self._snippets[each.name[1:-1]] = each.block
                continue
            if each.name == "import" and len(each.words) > 1:
                out += self._imported(each, inside)
                continue
            if each.block is not None:
                each.block = self._resolved(each.block, inside)
            out.append(each)
        return out

    def _imported(self, each: Segment, inside: tuple[Source, ...]) -> Iterator[Segment]:
        self._left -= 1
        if self._left < 0 or len(inside) > DEPTH_MAX:
            self._files.told(each.source.path, "imports itself, or too much", each.line)
            return
        name = each.words[1]
        if name in self._snippets:
            block = [msgspec.structs.replace(inner) for inner in self._snippets[name]]
            yield from self._resolved(block, (*inside, each.source))
            return
        base = Path(each.source.path).parent
        for source in self._files.included(name, base, each.source, each.line):
            if source in inside:
                self._files.told(each.source.path, "imports itself, or too much", each.line)
                continue
            try:
                yield from self._resolved(read_caddyfile(source), (*inside, source))
            except Unclear as error:
                self._files.told(source.path, error.why, error.line)

    # ---- logs --------------------------------------------------------------------------------

    def _default_log(self, options: Segment | None) -> _Log | None:
        """The global logger that everything goes to that has none of its own."""
        for each in (options.block or []) if options is not None else ():
            if each.name == "log" and each.words[1:] in ([], ["default"]):
                return _log_of(each)
        return None

    def _directive(self, each: Segment, site: list[Segment]) -> None:
        if each.name == "log_append" and len(each.words) > 2:
            self._appended(each)
        elif each.name in ("log", "access_log") and each in site:
            own = any(inner.name in _OWN[:3] for inner in each.block or [])
            if _skipped(site):
                return
            log = _log_of(each) if own else self._default
            encoder = log.encoder if log is not None else None
            if log is None or not log.silent:
                always = log is None or log.always
                at = each if own or log is None else log.segment
                self._judge(at, encoder, always=always)

    def _judge(self, log: Segment, encoder: Encoder | None, *, always: bool) -> None:
        for verdict in judge(partial(line_of, encoder)):
            why = "without a filter, each line has the whole request with its headers"
            if encoder is not None and encoder.fields:
                why = "its filter leaves it in"
            elif not verdict.seen or (encoder is not None and not encoder.known):
                why = "its format is not known here"
            known = encoder is None or encoder.known
            edits = (_mended(log, verdict.what),) if known else ()
            self.leaks.add(
                Leak(verdict.what, log.source, log.start, log.end, why,
                     confidence_of(verdict, always=always), verdict.rare, edits)
            )  # fmt: skip

    def _appended(self, each: Segment) -> None:
        for verdict in judge(partial(text_of, each.words[2])):
            start, end = each.start, each.end
            line = Edit(each.source, start, end, f"# {each.source.text[start:end]}")
            why = f"log_append adds {each.words[2][:60]}"
            if verdict.seen:
                self.leaks.add(
                    Leak(verdict.what, each.source, start, end, why, confidence_of(verdict),
                         verdict.rare, (line,))
                )  # fmt: skip

    def _errors(self, options: Segment | None) -> None:
        """Where a handler fails, the default logger has the whole request, log or no log."""
        log = self._default
        if log is not None and (log.silent or not list(_seen(log.encoder))):
            return
        edits: tuple[Edit, ...]
        if log is not None:
            at = log.segment
            edits = tuple(_mended(at, what) for what in _seen(log.encoder))
        elif options is not None:
            text = f"\n\tlog default {_filter_block(1)}"
            edits, at = (Edit(options.source, options.opened, options.opened, text),), options
        else:
            at = Segment([], self._source, 1, 0, 0)
            text = f"{{\n\tlog default {_filter_block(1)}\n}}\n\n"
            edits = (Edit(self._source, 0, 0, text),)
        why = "where a handler fails, the default log has the request with its headers"
        whats = [What.ERRORS]
        if any(each.words == ["debug"] for each in (options.block if options else None) or []):
            why = "with debug, the default log has each request that is proxied, with its headers"
            whats += [What.QUERY, What.REFERER]
        for what in whats:
            self.leaks.add(
                Leak(what, at.source, at.start, at.end, why, Confidence.HIGH, edits=edits)
            )


def _seen(encoder: Encoder | None) -> Iterator[What]:
    yield from (each.what for each in judge(partial(line_of, encoder)) if each.seen)


def _log_of(segment: Segment) -> _Log:
    inside = segment.block or []
    level = next((each.words[1].upper() for each in inside
                  if each.name == "level" and len(each.words) > 1), "")  # fmt: skip
    silent = any(each.words[:2] == ["output", "discard"] for each in inside)
    return _Log(segment, encoder_in(inside), silent, level not in _LEVELS)


def _skipped(site: list[Segment]) -> bool:
    return any(each.name in ("log_skip", "skip_log") and len(each.words) == 1 for each in site)


def _below(block: list[Segment]) -> Iterator[Segment]:
    waiting = list(block)
    while waiting:
        each = waiting.pop(0)
        yield each
        waiting += each.block or []


def _filter_block(depth: int) -> str:
    """A block of ``log`` with a filter, at *depth* tabs."""
    tabs = "\t" * depth
    return f"{{\n{_format(depth + 1)}{tabs}}}"


def _format(depth: int, wrap: str = "json") -> str:
    tabs = "\t" * depth
    fields = "".join(f"{tabs}\t\t{line}\n" for line in _FILTERED)
    inner = f"{tabs}\twrap {wrap}\n{tabs}\tfields {{\n{fields}{tabs}\t}}\n"
    return f"{tabs}format filter {{\n{inner}{tabs}}}\n"


def _mended(log: Segment, what: What) -> Edit:
    """A filter for *log*: in its block, in the place of its format, or among its own fields."""
    text = log.source.text
    margin = text[text.rfind("\n", 0, log.start) + 1 : log.start]
    depth = margin.count("\t") + margin.count("    ")
    if log.block is None:
        block = f" {{\n{_format(depth + 1)}{margin if margin.isspace() else ''}}}"
        return Edit(log.source, log.end, log.end, block)
    form = next((each for each in log.block if each.name == "format"), None)
    if form is None:
        return Edit(log.source, log.opened, log.opened, "\n" + _format(depth + 1).rstrip("\n"))
    if form.words[1:2] == ["filter"] and form.block is not None:
        fields = next((each for each in form.block if each.name == "fields"), form)
        line = _FILTERED[0] if what is What.QUERY else _FILTERED[1]
        for each in fields.block or []:
            if each.name == line.split(" ")[0]:
                return Edit(log.source, each.start, _end(each), line)
        tabs = "\t" * (depth + (3 if fields is not form else 2))
        return Edit(log.source, fields.opened, fields.opened, f"\n{tabs}{line}")
    wrap = form.words[1] if form.words[1:2] in (["json"], ["console"]) else "json"
    return Edit(log.source, form.start, _end(form), _format(depth + 1, wrap).strip())


def _end(segment: Segment) -> int:
    return segment.closed + 1 if segment.block is not None else segment.end
