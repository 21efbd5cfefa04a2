"""One scan: from what was named on the command line to a report and an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headway.scan.baseline import Baseline
from headway.scan.blocks import Needles
from headway.scan.findings import Finding, Fingerprints, Unread
from headway.scan.logs import Found, context_of, finding_of, found_in, rule_of
from headway.scan.readers import (
    BREAKS,
    STANDARD_INPUT,
    Reads,
    broken_off,
    files_in,
    opened,
    source_of,
    standard_input,
)
from headway.scan.report.machine import Report
from headway.scan.stores.address import is_address, parse_address
from headway.scan.stores.objects import objects_in, store_of
from headway.scan.stores.reading import opened_object, source_of_object
from headway.scan.summary import Summary

__all__ = ["Telling", "scan_logs"]


class Telling:
    """Where findings go: to the report and into the figures, or held back."""

    def __init__(
        self, report: Report, prints: Fingerprints, baseline: Baseline | None = None
    ) -> None:
        self.report = report
        self.prints = prints
        self.baseline = baseline or Baseline()
        self.summary = Summary()

    @property
    def wants_findings(self) -> bool:
        """Whether a finding has to be made; figures need none."""
        return self.report.wants_more or not self.baseline.is_empty

    def tell(self, finding: Finding) -> None:
        """Count and report *finding*, unless it is known."""
        if self.baseline.holds_back(finding):
            self.summary.suppressed += 1
            return
        self.summary.add(finding)
        self.report.add(finding)


class _Counted:
    """A source that knows how much was read."""

    def __init__(self, source: Reads, progress: Callable[[int], None]) -> None:
        self._source, self._progress = source, progress

    def readinto(self, buffer: memoryview, /) -> int | None:
        got = self._source.readinto(buffer)
        self._progress(got or 0)
        return got


def scan_logs(
    named: Iterable[str], telling: Telling, *, progress: Callable[[int], None] = lambda size: None
) -> Summary:
    """Look through what *named* means; *progress* is told of bytes, as they are read.

    Files, and objects of stores.  Raises nothing for what can not be read: the summary names
    it; ConfigurationError for an address that is none, or whose store is not set up.
    """
    summary, needles, names = telling.summary, Needles(), list(named)
    addresses = [parse_address(name) for name in names if is_address(name)]
    for address in addresses:
        store_of(address.scheme)

    def read(size: int) -> None:
        summary.bytes += size
        progress(size)

    telling.report.begin()
    for path in files_in((name for name in names if not is_address(name)), summary.could_not_read):
        if telling.baseline.holds_back_path(path):
            continue
        try:
            if path == STANDARD_INPUT:
                _through(_Counted(standard_input(), read), path, needles, telling)
            else:
                with opened(path) as (raw, _):
                    source, _ = source_of(raw)
                    _through(_Counted(source, read), path, needles, telling)
        except BREAKS as error:
            summary.could_not_read(Unread(path, broken_off(error), partly=True))
        summary.files += 1
    for store, stored in objects_in(addresses, summary.could_not_read):
        if telling.baseline.holds_back_path(stored.address):
            continue
        try:
            with opened_object(store, stored) as whole:
                source, _ = source_of_object(whole)
                _through(_Counted(source, read), stored.address, needles, telling)
        except BREAKS as error:
            summary.could_not_read(Unread(stored.address, broken_off(error), partly=True))
        summary.files += 1
    telling.report.end(summary)
    return summary


def _through(source: Reads, path: str, needles: Needles, telling: Telling) -> None:
    def numbered() -> bool:
        return telling.wants_findings

    for found in found_in(source, path, needles, numbered=numbered):
        if telling.wants_findings:
            telling.tell(finding_of(found, telling.prints))
        else:
            _count(found, telling.summary)


def _count(found: Found, summary: Summary) -> None:
    """The figures of *found*, without making a finding of it."""
    context = {
        name: value for name, value in context_of(found.record).items() if name in summary.by
    }
    summary.count(
        rule_of(found.hit),
        issuer=found.hit.token.issuer or "",
        within=found.hit.within,
        path=found.path,
        **context,
    )
