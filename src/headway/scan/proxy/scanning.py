"""``scan proxy``: from configurations to findings, with the lines that would mend them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headway.redact import redact
from headway.scan.findings import Finding, Fix, Place, Replacement, Severity
from headway.scan.proxy.apache import judge_apache
from headway.scan.proxy.caddy import judge_caddy
from headway.scan.proxy.edits import Edit, diff_of
from headway.scan.proxy.envoy import judge_envoy
from headway.scan.proxy.files import Files, Unclear
from headway.scan.proxy.haproxy import judge_haproxy
from headway.scan.proxy.kinds import Kind, kind_of
from headway.scan.proxy.leaks import Judge, Leak
from headway.scan.proxy.nginx import judge_nginx
from headway.scan.proxy.traefik import judge_traefik
from headway.scan.proxy.traffic import What
from headway.scan.report.escaping import for_terminal
from headway.scan.rules import RULES
from headway.scan.scanning import Telling
from headway.scan.summary import Summary

__all__ = ["JUDGES", "scan_proxy"]

JUDGES: Mapping[Kind, Judge] = {
    Kind.NGINX: judge_nginx,
    Kind.HAPROXY: judge_haproxy,
    Kind.CADDY: judge_caddy,
    Kind.ENVOY: judge_envoy,
    Kind.TRAEFIK: judge_traefik,
    Kind.APACHE: judge_apache,
}
_RULES = {
    What.QUERY: "proxy-logs-query",
    What.REFERER: "proxy-logs-referer",
    What.ERRORS: "proxy-error-log",
}
_SAMPLE_MAX = 300


def scan_proxy(
    named: Iterable[str], telling: Telling, *, kind: Kind | None = None, root: Path | None = None
) -> tuple[Summary, list[Edit]]:
    """Judge the configurations *named*, and say what would mend all that is told of them.

    *kind*: of all of them, instead of what each one looks like.  *root*: the folder that
    includes may not leave, instead of each file's own.  Raises nothing for what can not be read.
    """
    summary = telling.summary
    telling.report.begin()
    edits: list[Edit] = []
    for path in dict.fromkeys(named):
        if telling.baseline.holds_back_path(path):
            continue
        files = Files(root or Path(path).parent, summary.could_not_read)
        for leak in _leaks_of(path, files, kind):
            finding = _finding(leak, telling)
            before = summary.total
            telling.tell(finding)
            if summary.total > before:
                edits += leak.edits
        summary.files += files.count
        summary.bytes += files.bytes
    telling.report.end(summary)
    return summary, edits


def _leaks_of(path: str, files: Files, kind: Kind | None) -> Sequence[Leak]:
    source = files.read(path)
    if source is None:
        return ()
    kind = kind or kind_of(path, source.text)
    if kind is None:
        files.told(path, f"is for no proxy that is known: --kind says which ({', '.join(Kind)})")
        return ()
    try:
        return JUDGES[kind]([source], files)
    except Unclear as error:
        files.told(path, f"can not be read as one of {kind}: {error.why}", error.line)
    except RecursionError:
        files.told(path, "is nested too deeply")
    return ()


def _finding(leak: Leak, telling: Telling) -> Finding:
    rule = RULES[_RULES[leak.what]]
    source = leak.source
    line, column = source.position(leak.start)
    end_line, end_column = source.position(leak.end)
    sample = redact(" ".join(source.text[leak.start : leak.end].split()))[:_SAMPLE_MAX]
    why = leak.why + (f", for tokens {', '.join(leak.rare)}" if leak.rare else "")
    return Finding(
        rule=rule.id,
        severity=Severity.LOW if leak.rare else rule.severity,
        confidence=leak.confidence,
        place=Place(
            path=source.path, line=line, column=column, end_line=end_line, end_column=end_column,
        ),
        message=for_terminal(redact(f"{rule.title}: {why}"[:_SAMPLE_MAX])),
        fingerprint=telling.prints.of(rule.id, source.path, f"{sample}\0{leak.why}".encode()),
        sample=sample,
        fix=_fix(leak),
    )  # fmt: skip


def _fix(leak: Leak) -> Fix | None:
    """The mended lines, as a diff and as replacements: none where a report would tell a secret.

    Lines around them are left out where they have one.
    """
    patch = diff_of(leak.edits)
    if redact(patch) != patch:
        patch = diff_of(leak.edits, around=0)
    texts = (patch, *(each.text for each in leak.edits))
    if not leak.edits or any(redact(text) != text for text in texts):
        return None
    once = {(each.source.path, each.start, each.end, each.text): each for each in leak.edits}
    replacements = []
    for each in once.values():
        line, column = each.source.position(each.start)
        end_line, end_column = each.source.position(each.end)
        replacements.append(
            Replacement(
                path=each.source.path, line=line, column=column,
                end_line=end_line, end_column=end_column, text=each.text,
            )
        )  # fmt: skip
    return Fix(patch=patch, replacements=tuple(replacements))
