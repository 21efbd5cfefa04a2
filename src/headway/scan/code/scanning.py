"""``scan code``: a project's files, what they import from each other, and the findings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

from headway.redact import redact
from headway.scan.code.constants import constants_in, imported_by
from headway.scan.code.languages import Language, language_of
from headway.scan.code.look import Seen, look
from headway.scan.code.names import MENTIONS
from headway.scan.code.sources import code_in, read_source, shown
from headway.scan.findings import Confidence, Finding, Place, Severity, Unread
from headway.scan.rules import RULES
from headway.scan.scanning import Telling
from headway.scan.summary import Summary

__all__ = ["findings_of", "scan_code"]

_IGNORE = re.compile(r"headway:\s*ignore(?:\[([\w, -]+)\])?")
_PROJECT = ("python", "javascript", "typescript", "tsx")
_DEPTH_MAX = 400  # nested brackets: parsers and readers of trees have limits of their own
_TESTS = re.compile(
    r"(?:\A|/)(?:tests?|spec|__tests__|fixtures?|examples?)/|(?:\A|/)test_|_test\.|\.spec\.|\.test\."
)


def scan_code(
    named: Iterable[str], telling: Telling, *, only: Mapping[str, range] | None = None
) -> Summary:
    """Look through the code that *named* means.

    *only* restricts findings to lines of files.  Raises nothing for what can not be read.
    """
    summary = telling.summary
    telling.report.begin()
    sources: list[tuple[str, Language, str]] = []
    project: dict[str, dict[str, str]] = {}
    named = list(named)
    root = _root(named)
    for path in code_in(named, summary.could_not_read):
        language = language_of(path)
        if language is None or telling.baseline.holds_back_path(shown(path)):
            continue
        source = read_source(path, summary.could_not_read)
        if source is None:
            continue
        summary.files += 1
        summary.bytes += len(source)
        if language.name in _PROJECT and MENTIONS.search(source.encode("utf-8", "replace")):
            constants = constants_in(source)
            if len(constants) > 1:
                project[_key(path, root)] = constants
        sources.append((path, language, source))
    for path, language, source in sources:
        _look(path, _key(path, root), language, source, project, telling)
    telling.report.end(summary)
    return summary


def _root(named: list[str]) -> str:
    """The folder that all of *named* is in, or is."""
    folders = [each if os.path.isdir(each) else os.path.dirname(each) for each in named]  # noqa: PTH112, PTH120
    return os.path.commonpath([os.path.abspath(each) for each in folders])  # noqa: PTH100


def _key(path: str, root: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _look(
    path: str,
    key: str,
    language: Language,
    source: str,
    project: Mapping[str, Mapping[str, str]],
    telling: Telling,
) -> None:
    imported: dict[str, str] = {}
    if project and language.name in _PROJECT:
        imported = imported_by(key, source, project)
    if not imported and not MENTIONS.search(source.encode("utf-8", "replace")):
        return
    if _nested(source):
        telling.summary.could_not_read(Unread(shown(path), "is nested too deeply"))
        return
    for finding in findings_of(shown(path), key, language, source, imported, telling):
        telling.tell(finding)


def findings_of(
    path: str,
    key: str,
    language: Language,
    source: str,
    imported: Mapping[str, str],
    telling: Telling,
) -> Iterator[Finding]:
    """What the rules say of *source*, the file *key* of a project; comments in it let some pass."""
    lines = source.split("\n")
    for seen in look(source, language, imported):
        if _let_pass(seen, lines):
            telling.summary.suppressed += 1
            continue
        rule = RULES[seen.rule]
        text = redact(" ".join(seen.text.split()))[:300]
        yield Finding(
            rule=rule.id,
            severity=Severity.HIGH
            if seen.to_host and seen.rule == "sends-token-in-url"
            else rule.severity,
            confidence=_confidence(seen, key),
            place=Place(
                path=path,
                line=seen.line,
                column=seen.column,
                end_line=seen.end_line,
                end_column=seen.end_column,
            ),
            message=rule.title + (f" ({seen.name})" if seen.name else ""),
            fingerprint=telling.prints.of(rule.id, path, text.encode()),
            sample=text,
        )


def _confidence(seen: Seen, key: str) -> Confidence:
    """Names such as ``token`` may mean other things; code in tests rarely runs against a host."""
    if _TESTS.search(key):
        return Confidence.LOW
    return (
        Confidence.MEDIUM if seen.name.lower() == "token" and not seen.to_host else Confidence.HIGH
    )


def _let_pass(seen: Seen, lines: list[str]) -> bool:
    """Whether the line, or a comment right before it, says ``headway: ignore``."""
    for number in (seen.line - 1, seen.line - 2):
        found = _IGNORE.search(lines[number]) if 0 <= number < len(lines) else None
        if found and (
            number == seen.line - 1 or lines[number].lstrip().startswith(("#", "//", "/*", "<!--"))
        ):
            rules = found[1]
            return rules is None or seen.rule in re.split(r"[\s,]+", rules)
    return False


def _nested(source: str) -> bool:
    """Whether brackets are nested deeper than any hand writes them."""
    depth = deepest = 0
    for mark in re.findall(r"[(\[{)\]}]", source):
        depth += 1 if mark in "([{" else -1
        deepest = max(deepest, depth)
    return deepest > _DEPTH_MAX
