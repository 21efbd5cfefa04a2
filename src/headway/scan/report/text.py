"""For people: the first findings one by one, then figures, then what could not be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TextIO

from headway.scan.findings import Finding, Severity
from headway.scan.report.escaping import for_terminal
from headway.scan.rules import RULES
from headway.scan.summary import Summary

__all__ = ["SHOWN", "TOP", "TextReport"]

SHOWN = 20
"""Findings that are shown one by one unless all are asked for."""

TOP = 10
"""Values of each sort that figures are told of."""

_COLOURS = {Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36"}


class TextReport:
    """Writes to *out*; *by* are the sorts of figures that are wanted (``client``, ``day`` ...).

    Of each sort, the *top* values are told.
    """

    def __init__(
        self,
        out: TextIO,
        *,
        now: float,
        colour: bool = False,
        shown: int | None = SHOWN,
        by: tuple[str, ...] = (),
        top: int = TOP,
    ) -> None:
        self._out, self._now, self._colour, self._shown, self._by = out, now, colour, shown, by
        self._seen = self._told = 0
        self._top = top

    @property
    def wants_more(self) -> bool:
        """Whether the next finding is shown."""
        return self._shown is None or self._seen < self._shown

    @property
    def most(self) -> int | None:
        """How many are still shown."""
        return None if self._shown is None else self._shown - self._seen

    def begin(self) -> None:
        """Nothing stands before the findings."""

    def add(self, finding: Finding) -> None:
        """One finding, on two lines; none beyond those that are shown."""
        if not self.wants_more:
            return
        self._seen += 1
        self._told += int(finding.context.get("times", "1"))  # some reports merge what is alike
        severity = self._painted(f"{finding.severity:<6}", _COLOURS[finding.severity])
        self._line(f"{severity} {for_terminal(str(finding.place))}  {finding.message}")
        self._line(f"       {self._about(finding)}")
        if finding.sample:
            self._line(f"       {for_terminal(finding.sample)}")
        if finding.fix:
            for line in finding.fix.patch.splitlines():
                self._line(f"       {for_terminal(line)}")

    def end(self, summary: Summary) -> None:
        """The figures, what to do, and what could not be read."""
        out = self._line
        if self._told < summary.total:
            out(
                f"... and {summary.total - self._told} more; --all shows each, --format has others."
            )
        if summary.total:
            out("")
        for rule, count in summary.rules.most_common():
            out(f"{count:>8}  {rule}: {RULES[rule].title}")
        for name in self._by:
            out("")
            out(f"by {name}:")
            counts = summary.by[name]
            for value, count in counts.most_common(self._top):
                out(f"{count:>8}  {for_terminal(value)}")
            if len(counts) > self._top:
                out(f"          ... and {len(counts) - self._top} more; --top shows as many")
        if summary.rules:
            out("")
            out("What to do:")
            for sentence in dict.fromkeys(s for rule in summary.rules for s in RULES[rule].todo):
                out(f"  - {sentence}")
        for unread in summary.unread:
            out(
                f"not read{' to its end' if unread.partly else ''}: "
                f"{for_terminal(unread.path)}: {unread.why}"
            )
        if summary.unread_more:
            out(f"not read: {summary.unread_more} more")
        if summary.suppressed:
            out(f"{summary.suppressed} held back by a baseline, an ignore or a time.")
        found, files = _count(summary.total, "finding"), _count(summary.files, "file")
        out(f"{found} in {files}, {_size(summary.bytes)}.")

    def _about(self, finding: Finding) -> str:
        parts = [finding.rule]
        if finding.kind is not None:
            parts.append(str(finding.kind))
        if finding.issuer:
            parts.append(f"from {for_terminal(finding.issuer)}")
        if finding.until is not None:
            parts.append(_validity(finding.until, self._now))
        parts += [f"{name} {for_terminal(value)}" for name, value in finding.context.items()]
        return ", ".join([*parts, finding.fingerprint])

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")


def _validity(until: float, now: float) -> str:
    """Whether a token still counts, by its own words."""
    try:
        day = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "valid until a day that no calendar has"
    return f"STILL VALID until {day} UTC" if until > now else f"ended {day} UTC"


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}"
        count //= 1000
    return ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
