"""What was found, in figures: by rule, client, route, day and User-Agent; bounded in size."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import msgspec

from headway.scan.findings import Finding, Unread, shown_path

__all__ = ["BY", "OTHER", "Summary"]

BY = ("client", "route", "day", "agent", "issuer", "within", "path")
"""What findings can be counted by, besides their rule."""

OTHER = "(other)"
KINDS_MAX = 10_000  # values that are told apart, of each sort
UNREAD_MAX = 1_000


class Summary:
    """Counts findings; what comes after too many different values is ``(other)``.

    >>> summary = Summary()
    >>> summary.count("token-in-url", client="192.0.2.1")
    >>> summary.total, summary.by["client"].most_common()
    (1, [('192.0.2.1', 1)])
    """

    def __init__(self) -> None:
        self.rules: Counter[str] = Counter()
        self.by: dict[str, Counter[str]] = {each: Counter() for each in BY}
        self.unread: list[Unread] = []
        self.unread_more = 0
        self.files = 0
        self.bytes = 0
        self.suppressed = 0
        self.top = 50  # values of each sort that a report for programs tells

    @property
    def total(self) -> int:
        """How many findings there are, without those that a baseline or an ignore holds back."""
        return self.rules.total()

    def add(self, finding: Finding) -> None:
        """Count *finding*."""
        self.count(
            finding.rule,
            issuer=finding.issuer or "",
            within=finding.place.within,
            path=finding.place.path,
            **{name: value for name, value in finding.context.items() if name in BY},
        )

    def count(self, rule: str, **values: str) -> None:
        """Count a finding of *rule*, by *values*."""
        self.rules[rule] += 1
        for name, value in values.items():
            counts = self.by[name]
            if name == "path":
                value = shown_path(value)
            if value:
                counts[value if value in counts or len(counts) < KINDS_MAX else OTHER] += 1

    def could_not_read(self, what: Unread) -> None:
        """Note *what*; none is forgotten, though not each is named."""
        if len(self.unread) < UNREAD_MAX:
            self.unread.append(what)
        else:
            self.unread_more += 1

    def merge(self, other: Summary) -> None:
        """Add what *other* counted: another process, another machine."""
        self.rules.update(other.rules)
        for name, counts in other.by.items():
            for value, count in counts.items():
                mine = self.by[name]
                mine[value if value in mine or len(mine) < KINDS_MAX else OTHER] += count
        for each in other.unread:
            self.could_not_read(each)
        self.unread_more += other.unread_more
        self.files += other.files
        self.bytes += other.bytes
        self.suppressed += other.suppressed

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 2 nothing found where something could not be looked at."""
        if self.total:
            return 1
        return 2 if self.unread or self.unread_more else 0

    def as_data(self) -> dict[str, object]:
        """For reports, in plain values."""
        return {
            "findings": self.total,
            "suppressed": self.suppressed,
            "files": self.files,
            "bytes": self.bytes,
            "rules": dict(self.rules.most_common()),
            "by": {name: dict(counts.most_common(self.top)) for name, counts in self.by.items()},
            "unread": [msgspec.to_builtins(each) for each in self.unread],
            "unread_more": self.unread_more,
        }


def day_of(at: float | None) -> str:
    """The day (UTC) of *at* (seconds since 1970); "" for none that a calendar has."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return ""
