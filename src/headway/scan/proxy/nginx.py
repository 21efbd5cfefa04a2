"""nginx: ``log_format``, ``access_log`` as it is inherited, and the error log.

Source: nginx, ngx_http_log_module and the core's ``error_log``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from headway.scan.proxy.edits import Edit, Source, apply
from headway.scan.proxy.files import Files, bounded
from headway.scan.proxy.leaks import Leak, Leaks, confidence_of
from headway.scan.proxy.nginx_syntax import Statement, read_nginx, with_includes
from headway.scan.proxy.nginx_variables import VARIABLE, Variables
from headway.scan.proxy.traffic import SAMPLES, Line, Sample, Verdict, What, judge

__all__ = ["judge_nginx"]

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)
CLEAN = (
    '$remote_addr - $remote_user [$time_local] "$request_method $uri $server_protocol" '
    '$status $body_bytes_sent "-" "$http_user_agent"'
)
CLEAN_NAME = "without_query"
_ERROR_LOG = "/var/log/nginx/error.log"
_ACCESS_LOG = "/var/log/nginx/access.log"

_REPLACED = {
    "request": "$request_method $uri $server_protocol",
    "request_uri": "$uri",
    "args": "-",
    "query_string": "-",
    "http_referer": "-",
}
_MARK = re.compile(r"\$(?:\{is_args\}|is_args)\Z")
_SILENT = frozenset({"crit", "alert", "emerg"})
_NOT_HTTP = frozenset({"stream", "mail", "events", "types", "map", "geo", "split_clients"})


class _Level(msgspec.Struct):
    """What is in force in a block: its own logs, or those of the block around it."""

    access: list[Statement] | None = None  # None: nothing was said so far
    errors: list[Statement] | None = None


def judge_nginx(sources: Sequence[Source], files: Files) -> list[Leak]:
    """What nginx would log by the configurations in *sources*.  Raises Unclear."""
    leaks: list[Leak] = []
    for source in sources:
        base = Path(source.path).parent
        leaks += _Configuration(source, with_includes(read_nginx(source), files, base), files).leaks
    return leaks


class _Configuration:
    def __init__(self, source: Source, statements: list[Statement], files: Files) -> None:
        self._source, self._files = source, files
        self.leaks = Leaks()
        https = [each for each in statements if each.name == "http" and each.block is not None]
        self._http = https[0] if https else None
        if not https and any(each.name in ("stream", "mail", "events") for each in statements):
            return
        inside = [each for block in https for each in block.block or []] if https else statements
        self._variables = Variables(inside)
        self._formats = {
            each.args[0]: each for each in inside if each.name == "log_format" and each.args
        }
        self._used: dict[int, Statement] = {}
        self._judged: dict[tuple[str, str | None], list[Verdict]] = {}
        self._erring: dict[int, Statement] = {}
        self._defaults = [False, False]  # nothing says where accesses and errors go
        outer = _Level(errors=_said(statements, "error_log") or None) if https else _Level()
        self._walk(inside, outer)
        self._judge_access()
        self._judge_errors()

    def _walk(self, inside: list[Statement], outer: _Level) -> None:
        """Which logs are in force where requests are answered; no block is deeper than read."""
        waiting = [(inside, outer, True)]
        while waiting:
            statements, above, is_http = waiting.pop()
            level = _Level(
                _said(statements, "access_log") or above.access,
                _said(statements, "error_log") or above.errors,
            )
            blocks = [
                each for each in statements
                if each.block is not None and each.name not in _NOT_HTTP
                and not each.name.startswith("upstream") and "_by_lua" not in each.name
            ]  # fmt: skip
            if not is_http or not blocks:
                self._in_force(level, fragment=is_http and self._http is None)
            waiting += [(each.block or [], level, False) for each in blocks]

    def _in_force(self, level: _Level, *, fragment: bool) -> None:
        for number, said in enumerate((level.access, level.errors)):
            if said is None and not fragment:
                self._defaults[number] = True
        for each in level.access or []:
            if each.args and each.args[0] not in ("off", "/dev/null"):
                self._used[id(each)] = each
        for each in level.errors or []:
            self._erring[id(each)] = each

    # ---- accesses ---------------------------------------------------------------------------

    def _judge_access(self) -> None:
        for log in self._used.values():
            name = _format_of(log)
            condition = next((arg[3:] for arg in log.args[1:] if arg.startswith("if=")), None)
            known = self._formats.get(name)
            if known is None and name != "combined":
                self._unknown(log, name)
                continue
            template = COMBINED if known is None else bounded("".join(_pieces(known)), known.line)
            key = (template, condition)
            if key not in self._judged:
                self._judged[key] = list(judge(partial(self._writes, template, condition)))
            for verdict in self._judged[key]:
                self._leak(log, known, verdict, always=self._always(condition))
        if self._defaults[0] and self._http is not None:
            self._default_log(self._http)
        elif self._defaults[0]:
            line = "inherits its access log from a file that includes this one: name that one"
            self._files.told(self._source.path, line, 1)

    def _writes(self, template: str, condition: str | None, sample: Sample) -> Line | None:
        line = self._variables.line(template, sample)
        if condition is None:
            return line
        wanted = self._variables.line(condition, sample)
        if wanted.sure and wanted.text in ("", "0"):
            return None
        return line

    def _always(self, condition: str | None) -> bool:
        """Whether it is known for which requests a log with this *condition* is written."""
        return condition is None or all(
            self._variables.line(condition, sample).sure for sample in SAMPLES
        )

    def _leak(
        self, log: Statement, known: Statement | None, verdict: Verdict, *, always: bool
    ) -> None:
        at = known or log
        if known is None:
            why = "combined, which is what an access_log without a format means, has it"
            edits = self._named_clean(log)
        else:
            names = self._leaking(known, verdict)
            why = f"log_format {known.args[0]} has it"
            if names:
                why = f"log_format {known.args[0]} has " + ", ".join(f"${name}" for name in names)
            if not verdict.seen:
                why += ", and nothing here says what that is"
            edits = self._mended(known, names, verdict.what) if verdict.seen else ()
        sure = confidence_of(verdict, always=always)
        self.leaks.add(
            Leak(verdict.what, at.source, at.start, at.end, why, sure, verdict.rare, edits)
        )  # fmt: skip

    def _leaking(self, known: Statement, verdict: Verdict) -> list[str]:
        """The variables of a format that have what *verdict* says, in their order."""
        names = [found[1] or found[2] for found in VARIABLE.finditer(" ".join(_pieces(known)))]
        out = []
        for name in dict.fromkeys(names):
            each = {v.what: v for v in judge(partial(self._variables.value, name))}
            if verdict.what in each and each[verdict.what].seen == verdict.seen:
                out.append(name)
        return out

    def _mended(self, known: Statement, names: list[str], what: What) -> tuple[Edit, ...]:
        """The format without what stands for *names*; nothing where that would not mend it."""
        edits = []
        for found in VARIABLE.finditer(known.raw):
            name = found[1] or found[2]
            if name not in names:
                continue
            start, new = found.start(), _REPLACED.get(name, "$uri")
            if name.startswith("arg_") or (what is What.REFERER and name not in _REPLACED):
                new = "-"
            mark = _MARK.search(known.raw[:start])
            if mark is not None and new == "-":
                start, new = mark.start(), ""
            edits.append(Edit(known.source, known.start + start, known.start + found.end(), new))
        mended = apply(known.source, edits)
        mended = mended[known.start : len(mended) - len(known.source.text) + known.end]
        still = {v.what for v in judge(partial(self._variables.line, mended)) if v.seen}
        return () if what in still else tuple(edits)

    def _named_clean(self, log: Statement) -> tuple[Edit, ...]:
        """``access_log PATH without_query``, and that format at the start of the http block."""
        name, edits = self._clean_format()
        pieces = list(re.finditer(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\S+", log.raw))
        path = pieces[1]
        if len(log.args) > 1 and "=" not in log.args[1]:
            start, end = pieces[2].span()
            return (*edits, Edit(log.source, log.start + start, log.start + end, name))
        at = log.start + path.end()
        return (*edits, Edit(log.source, at, at, f" {name}"))

    def _clean_format(self) -> tuple[str, tuple[Edit, ...]]:
        name = CLEAN_NAME
        while name in self._formats:
            name += "_"
        text = f"log_format {name} '{CLEAN}';\n"
        return name, (self._insertion(text),)

    def _insertion(self, text: str) -> Edit:
        """*text* at the start of the http block, or of a file that belongs into one."""
        if self._http is None:
            return Edit(self._source, 0, 0, text)
        http = self._http
        return Edit(http.source, http.end + 1, http.end + 1, f"\n    {text.rstrip()}")

    def _default_log(self, http: Statement) -> None:
        name, edits = self._clean_format()
        log = self._insertion(f"access_log {_ACCESS_LOG} {name};")
        [made] = edits
        both = Edit(made.source, made.start, made.end, made.text + log.text)
        for what in (What.QUERY, What.REFERER):
            why = "without an access_log, nginx writes one in the format combined"
            self.leaks.add(Leak(what, http.source, http.start, http.end, why, edits=(both,)))

    def _unknown(self, log: Statement, name: str) -> None:
        where = f"access_log has the format {name[:60]}, which is not defined here"
        self._files.told(log.source.path, where, log.line)

    # ---- errors -----------------------------------------------------------------------------

    def _judge_errors(self) -> None:
        for log in self._erring.values():
            level = log.args[1] if len(log.args) > 1 else "error"
            if level in _SILENT or not log.args or log.args[0] == "/dev/null":
                continue
            at = log.end
            edit = Edit(log.source, at, at, " crit")
            if len(log.args) > 1 and (found := re.search(rf"\s{re.escape(level)}\s*\Z", log.raw)):
                edit = Edit(log.source, log.start + found.start(), log.end, " crit")
            why = f"error_log at level {level[:20]} has the request line where an upstream fails"
            self.leaks.add(Leak(What.ERRORS, log.source, log.start, log.end, why, edits=(edit,)))
        if self._defaults[1] and self._http is not None:
            http = self._http
            why = "without an error_log, nginx writes one at level error, with request lines"
            edits = (self._insertion(f"error_log {_ERROR_LOG} crit;"),)
            self.leaks.add(Leak(What.ERRORS, http.source, http.start, http.end, why, edits=edits))


def _said(statements: Iterable[Statement], name: str) -> list[Statement]:
    return [each for each in statements if each.name == name and each.block is None]


def _format_of(log: Statement) -> str:
    named = [arg for arg in log.args[1:] if "=" not in arg and arg != "gzip"]
    return named[0] if named else "combined"


def _pieces(known: Statement) -> Iterator[str]:
    """What a log_format is put together of."""
    yield from (arg for arg in known.args[1:] if not arg.startswith("escape="))
