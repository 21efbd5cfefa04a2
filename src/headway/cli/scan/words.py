"""What the commands of ``headway scan`` share: options, reports, the key of fingerprints."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.findings import Fingerprints
    from headway.scan.progress import Progress
    from headway.scan.report.machine import Report
    from headway.scan.scanning import Telling
    from headway.scan.since import Times
    from headway.scan.summary import Summary

__all__ = [
    "Form",
    "allow_unpacked",
    "one_of",
    "prints_of",
    "report_of",
    "telling_of",
    "times_of",
    "write_known",
]


class Form(StrEnum):
    """How findings are told."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"
    CSV = "csv"


_SIZE = re.compile(r"(?a)(\d{1,15})([KMGT]?)", re.IGNORECASE)


def allow_unpacked(size: str | None) -> None:
    """Let compressed files give *size* bytes each, in this process and those that it starts.

    Raises ConfigurationError for what is no size, such as ``20G``.
    """
    from headway.scan.readers import UNPACK_VARIABLE

    if size is None:
        return
    found = _SIZE.fullmatch(size)
    if found is None:
        raise ConfigurationError("--unpack-max: is a number of bytes, or one with K, M, G, T: 20G")
    power = " KMGT".index(found[2].upper() or " ")
    os.environ[UNPACK_VARIABLE] = str(int(found[1]) << 10 * power)


def prints_of() -> Fingerprints:
    """Fingerprints by the key of this user, or of the environment."""
    from headway.scan.baseline import fingerprint_key
    from headway.scan.findings import Fingerprints

    return Fingerprints(fingerprint_key(dict(os.environ), Path.home()))


def report_of(
    form: Form, out: TextIO, *, everything: bool, by: Sequence[str], top: int | None = None
) -> Report:
    """The report in *form*, written to *out*."""
    from headway.scan.report import machine
    from headway.scan.report.sarif import SarifReport
    from headway.scan.report.text import SHOWN, TOP, TextReport

    if form is Form.TEXT:
        return TextReport(
            out,
            now=time.time(),
            colour=out.isatty() and "NO_COLOR" not in os.environ,
            shown=None if everything else SHOWN,
            by=tuple(by),
            top=top or TOP,
        )
    kinds: dict[Form, type[Report]] = {
        Form.JSON: machine.JsonReport,
        Form.JSONL: machine.LinesReport,
        Form.SARIF: SarifReport,
        Form.GITHUB: machine.AnnotationReport,
        Form.JUNIT: machine.JunitReport,
        Form.CSV: machine.CsvReport,
    }
    return kinds[form](out)  # type: ignore[call-arg]


def telling_of(
    form: Form,
    *,
    everything: bool = False,
    by: Sequence[str] = (),
    baseline: Path | None = None,
    ignore: Sequence[str] = (),
    ignore_path: Sequence[str] = (),
    before: bytes | None = None,
    top: int | None = None,
    times: Times | None = None,
    progress: Progress | None = None,
) -> Telling:
    """Where findings go, by the options that all commands have.  Raises ConfigurationError.

    *top* values of each sort are told of figures; *times* are those of requests in logs.
    *before* is what the baseline contained before a change, b"" for nothing, where that counts.
    """
    from headway.scan.baseline import Baseline, known_in, read_baseline
    from headway.scan.scanning import Telling
    from headway.scan.since import ALWAYS
    from headway.scan.summary import BY

    for name in by:
        if name not in BY:
            raise ConfigurationError(f"--by: {', '.join(BY)} are known, not {name[:40]!r}")
    prints = prints_of()
    known: Sequence[str] = ()
    if baseline is not None and before is None:
        known = read_baseline(baseline, prints)
    elif baseline is not None and before:
        known = known_in(before, baseline, prints)
    report = report_of(form, sys.stdout, everything=everything, by=by, top=top)
    held_back = Baseline([*known, *ignore], ignore_path)
    telling = Telling(report, prints, held_back, times=times or ALWAYS, progress=progress)
    telling.summary.top = top or telling.summary.top
    return telling


def one_of(options: Sequence[tuple[str, object]]) -> None:
    """Raises ConfigurationError where more than one of *options* is given."""
    given = [name for name, value in options if value]
    if len(given) > 1:
        raise ConfigurationError(f"{', '.join(given)}: one of them")


def times_of(since: str | None, until: str | None) -> Times:
    """Of which requests is told: ``--since`` and ``--until``.  Raises ConfigurationError."""
    from headway.scan.since import ALWAYS, Times, moment

    now = time.time()
    times = Times(
        ALWAYS.since if since is None else moment(since, now),
        ALWAYS.until if until is None else moment(until, now, "--until"),
    )
    if times.since >= times.until:
        raise ConfigurationError("--since, --until: the one is not before the other")
    return times


def write_known(path: Path, telling: Telling, scan: Callable[[], Summary]) -> int:
    """Run *scan*, and write all that it finds to *path* as known; the exit code.

    What is known already, by another baseline, is left out.
    """
    from headway.scan.baseline import write_baseline
    from headway.scan.report.machine import Collecting

    collected = Collecting()
    telling.report = collected
    summary = scan()
    count = write_baseline(path, collected.findings, telling.prints)
    print(f"{path}: {count} finding{'' if count == 1 else 's'} written as known")
    return 2 if summary.unread else 0
