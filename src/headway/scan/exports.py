"""``scan har`` and ``scan trace``: what browsers, Sentry and OpenTelemetry export, as JSON.

One document in a file, or one in each line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from headway.redact import redact, redact_url
from headway.scan.documents import Leaf, NoDocument, hits_of, leaves, read_documents, without_tokens
from headway.scan.findings import Confidence, Finding, Place, Severity, Unread
from headway.scan.logs import rule_of, sample_of
from headway.scan.readers import BREAKS, broken_off, files_in
from headway.scan.rules import RULES
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from headway.scan.tokens import TokenKind
from headway.scan.writing import NotWritten, replacing

__all__ = ["redact_export", "scan_exports"]


def scan_exports(named: Iterable[str], telling: Telling) -> Summary:
    """Look through the documents in the files that *named* means.

    Raises nothing for what can not be read: the summary names it.
    """
    summary = telling.summary
    telling.report.begin()
    for path in files_in(named, summary.could_not_read):
        if telling.baseline.holds_back_path(path):
            continue
        try:
            for number, document in enumerate(read_documents(path), 1):
                for finding in _findings(document, path, number, telling):
                    telling.tell(finding)
        except NoDocument as error:
            summary.could_not_read(Unread(path, str(error)))
        except BREAKS as error:
            summary.could_not_read(Unread(path, broken_off(error), partly=True))
        summary.files += 1
        telling.progress.advance(1)
        summary.bytes += Path(path).stat().st_size if Path(path).exists() else 0
    telling.end()
    return summary


def _findings(document: Any, path: str, number: int, telling: Telling) -> Iterator[Finding]:
    for leaf in leaves(document):
        for hit, content in hits_of(leaf):
            rule, token = RULES[rule_of(hit)], hit.token
            opaque = token.kind is TokenKind.OPAQUE
            secret = content[token.start : token.end]
            if opaque and len(secret) < 16:
                secret = f"at {number} {leaf.pointer}".encode()
            yield Finding(
                rule=rule.id,
                severity=(
                    Severity.LOW if token.kind is TokenKind.CONNECT_CONTEXT else rule.severity
                ),
                confidence=Confidence.MEDIUM if opaque or token.cut else Confidence.HIGH,
                place=Place(path=path, line=number if number > 1 else None, within=hit.within),
                message=rule.title + (f" ({hit.name})" if hit.name else ""),
                kind=token.kind,
                issuer=token.issuer,
                until=token.until,
                fingerprint=telling.prints.of(rule.id, path, secret),
                sample=sample_of(content, token.start, token.end),
                context={"member": redact(leaf.pointer), **_request(document, leaf)},
            )


def _request(document: Any, leaf: Leaf) -> dict[str, str]:
    """The request that *leaf* is of, in a HAR file."""
    try:
        entry = document["log"]["entries"][leaf.path[2]]
        request, started = entry["request"], str(entry.get("startedDateTime", ""))
        url = redact_url(str(request["url"]))
        return {
            "method": str(request.get("method", "")),
            "route": url.partition("?")[0].partition("#")[0],
            "day": started[:10],
        }
    except (KeyError, TypeError, IndexError):
        return {}


def redact_export(path: str, target: Path) -> int:
    """Write *path* without its tokens and credentials to the new file *target*; how many went.

    The structure stays, so that whatever reads such a file reads the copy.  Raises
    NotWritten, and writes nothing, where it can not be read.
    """
    try:
        with replacing(target) as new:
            count = 0
            for number, document in enumerate(read_documents(path)):
                clean, found = without_tokens(document)
                new.write((b"\n" if number else b"") + msgspec.json.encode(clean))
                count += found
            new.commit(None)
            return count
    except NoDocument as error:
        raise NotWritten(f"{path}: {error}") from None
    except BREAKS as error:
        raise NotWritten(f"{path}: {broken_off(error)}") from None
