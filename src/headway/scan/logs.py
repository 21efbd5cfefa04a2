"""``scan logs``: tokens in whatever was written down, line by line.

    bytes -> lines with a needle -> what is in them -> findings

The first steps see every byte and are fast; the last see only lines in which something is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from headway.redact import MARKER, redact
from headway.scan.blocks import FIELDS, Line, Needles, lines_of
from headway.scan.findings import Confidence, Finding, Fingerprints, Place, Severity
from headway.scan.formats import Columns, Record, record_of
from headway.scan.hits import Hit, found_in_line, hits_at
from headway.scan.readers import Reads
from headway.scan.rules import RULES
from headway.scan.summary import day_of
from headway.scan.tokens import TokenKind

__all__ = ["Found", "Reading", "finding_of", "found_in", "rule_of", "sample_of"]

_RULE_OF = {
    "referer": "token-in-referer",
    "redirect": "token-in-redirect",
    "text": "token-in-text",
}
_SAMPLE_BEFORE, _SAMPLE_AFTER, _SAMPLE_LINE = 80, 40, 4_000
_RAGGED = re.compile(r"\A[\w.-]{12,}|[\w.-]{12,}\Z")  # at an edge: maybe a part of another token
_CLIENT_MAX = 64  # an address, or a name; what a log has in its place may be of any length
_ID = re.compile(r"[0-9]")


class Found(NamedTuple):
    """One hit in one line of one file."""

    path: str
    line: Line
    record: Record
    hit: Hit


class Reading:
    """How the lines of one source are read: each by itself, or by the columns named before it.

    So what a line says does not depend on where a file was cut in ranges, but for ``fields``:
    the last line that named columns.  ``fields_at`` is the offset of that line, where it was
    read here, else -1.  ``leant``: a line was read by those that were given.
    """

    def __init__(self, fields: bytes = b"") -> None:
        self.fields, self.fields_at = fields, -1
        self.leant = False
        self._columns = Columns(fields) if fields else None

    def record(self, line: Line) -> Record:
        """What *line* says of a request; empty for a piece of one, or where it is none."""
        if line.data.startswith(FIELDS):
            self.fields, self._columns = line.data, Columns(line.data)
            self.fields_at = line.offset
            return Record()
        if not line.whole:
            return Record()
        self.leant = self.leant or self.fields_at < 0
        record = self._columns.read(line.data) if self._columns is not None else None
        return record or record_of(line.data)


def found_in(
    source: Reads,
    path: str,
    needles: Needles,
    *,
    numbered: Callable[[], bool] = lambda: True,
    offset: int = 0,
    reading: Reading | None = None,
) -> Iterator[Found]:
    """All that is found in *source*, which is called *path*.

    *reading* knows the lines before it, where it is not the whole of a file.

    >>> import io
    >>> log = io.BytesIO(b"GET /x?jwt=eyJhbGciOiJub25lIn0.e30. HTTP/1.1")
    >>> [(found.hit.within, found.line.number) for found in found_in(log, "a.log", Needles())]
    [('url', 1)]
    """
    reading = reading or Reading()
    for line in lines_of(source, needles, numbered=numbered, offset=offset):
        if line.data.startswith(FIELDS):
            reading.record(line)
        found = found_in_line(line.data)
        if not found:  # most lines that have a needle
            continue
        record = reading.record(line)
        for hit in hits_at(line.data, found, record.parts):
            if line.low <= hit.token.start < line.high:
                yield Found(path, line, record, hit)


def rule_of(hit: Hit) -> str:
    """The id of the rule that *hit* breaks."""
    if hit.token.kind is TokenKind.OPAQUE:
        return "opaque-token-in-url"
    if hit.token.cut:
        return "token-cut-off"
    return _RULE_OF.get(hit.within, "token-in-url")


def route_of(path: str) -> str:
    """The class of a path: what looks like an id is one star."""
    parts = path.split("/")[:6]
    return "/".join("*" if _ID.search(part) or len(part) > 32 else part for part in parts)


def finding_of(found: Found, prints: Fingerprints) -> Finding:
    """*found* as a finding, without any token in it."""
    path, line, record, hit = found
    token, rule = hit.token, RULES[rule_of(hit)]
    opaque = token.kind is TokenKind.OPAQUE
    secret = line.data[token.start : token.end]
    if opaque and len(secret) < 16:  # whoever has its hash could try all of them
        secret = b"at %d" % (line.offset + token.start)
    return Finding(
        rule=rule.id,
        severity=rule.severity if not _harmless(found) else Severity.LOW,
        confidence=Confidence.HIGH if not (opaque or token.cut) else Confidence.MEDIUM,
        place=Place(
            path=path,
            line=line.number or None,
            column=token.start + 1 if line.number and line.whole else None,
            offset=line.offset + token.start,
            within=hit.within,
        ),
        message=rule.title + (f" ({hit.name})" if hit.name else ""),
        kind=token.kind,
        issuer=token.issuer,
        until=token.until,
        fingerprint=prints.of(rule.id, path, secret),
        sample=sample_of(line.data, token.start, token.end),
        context=context_of(record),
    )


def _harmless(found: Found) -> bool:
    """A context token proves who looks at a page, and opens nothing of the host's."""
    return found.hit.token.kind is TokenKind.CONNECT_CONTEXT


def context_of(record: Record) -> dict[str, str]:
    """What a report tells of the request."""
    known = {
        "client": redact(record.client)[:_CLIENT_MAX],
        "route": redact(route_of(record.path)),
        "day": day_of(record.at),
        "agent": redact(record.agent.partition("/")[0].partition(" ")[0][:40]),
        "method": redact(record.method),
        "status": "" if record.status is None else str(record.status),
    }
    return {name: value for name, value in known.items() if value}


def sample_of(line: bytes, start: int, end: int) -> str:
    """What stands around *start* to *end*, redacted; a piece of another token is left out."""
    low, high = max(0, start - _SAMPLE_BEFORE), min(len(line), end + _SAMPLE_AFTER)
    before = line[low:start].decode("utf-8", "replace")
    after = line[end:high].decode("utf-8", "replace")
    text = redact(f"{before}{MARKER}{after}")
    if low > 0:
        text = "…" + _RAGGED.sub("", text, count=1) if _RAGGED.match(text) else "…" + text
    if high < len(line):
        text = re.sub(r"[\w.-]{12,}\Z", "", text) + "…"
    return text
