"""Workers in this process, and what a scan of the whole says, to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from headway.scan.baseline import Baseline
from headway.scan.cluster.order import carry_out, facts
from headway.scan.cluster.sharing import Lost, scan_shared
from headway.scan.findings import Finding, Fingerprints
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling, scan_logs
from headway.scan.summary import Summary

KEY = bytes.fromhex("ab" * 32)
PRINTS = Fingerprints(KEY)


class Inline:
    """Carries out what it is asked; *fail* may say why not, by the number of the order."""

    def __init__(
        self, known: frozenset[str] = frozenset(), fail: Callable[[int], str] = lambda number: ""
    ) -> None:
        self.known, self.fail, self.room = known, fail, 3
        self.orders: list[bytes] = []
        self.answers: list[bytes] = []

    def submit(self, order: bytes) -> tuple[int, bytes]:
        self.orders.append(order)
        return len(self.orders), order

    def answer(self, ticket: tuple[int, bytes]) -> bytes:
        number, order = ticket
        if why := self.fail(number):
            raise Lost(why)
        self.answers.append(carry_out(order, self.known))
        return self.answers[-1]


def shared(
    *named: str, length: int, workers: Inline | None = None, baseline: Baseline | None = None,
    most: int | None = None,
) -> tuple[Summary, list[Finding]]:  # fmt: skip
    """Summary and findings of a scan in shares of *length* bytes."""
    report = Collecting()
    report.most = most
    telling = Telling(report, PRINTS, baseline)
    workers = workers or Inline(telling.baseline.fingerprints)
    summary = scan_shared(named, telling, workers, facts(PRINTS), length=length)
    return summary, report.findings


def whole(*named: str, baseline: Baseline | None = None) -> tuple[Summary, list[Finding]]:
    """The same of a scan by one process, with what is alike merged afterwards."""
    report = Collecting()
    summary = scan_logs(named, Telling(report, PRINTS, baseline))
    times = Counter(each.fingerprint for each in report.findings)
    merged = []
    for print_, finding in {each.fingerprint: each for each in report.findings[::-1]}.items():
        context = finding.context
        if times[print_] > 1:
            context = {**context, "times": str(times[print_])}
        merged.append(msgspec.structs.replace(finding, context=context))
    order = [each.fingerprint for each in report.findings]
    return summary, sorted(merged, key=lambda each: order.index(each.fingerprint))
