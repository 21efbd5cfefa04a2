"""How far a scan is, told to whoever watches."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

from headway.scan.code.scanning import scan_code
from headway.scan.exports import scan_exports
from headway.scan.findings import Fingerprints
from headway.scan.history import scan_history
from headway.scan.progress import Progress
from headway.scan.report.machine import LinesReport
from headway.scan.scanning import Telling, scan_logs
from scan.corpus import filled

PRINTS = Fingerprints(bytes(32))


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def clear(self) -> None:
        """Before a finding."""
        self.calls.append("clear")

    def close(self) -> None:
        """At the end."""
        self.calls.append("close")


def telling() -> tuple[Telling, Told]:
    """Where findings go, and progress."""
    told = Told()
    return Telling(LinesReport(io.StringIO()), PRINTS, progress=told), told


def test_nobody_watches() -> None:
    progress = Progress()
    progress.expect(5)
    progress.advance(2)
    progress.reach(4)
    progress.clear()
    progress.close()
    assert (progress.done, progress.total) == (4, 5)


def test_logs_in_bytes_as_they_lie_on_the_disk(tmp_path: Path) -> None:
    line = filled("GET /a?jwt={T} HTTP/1.1\n")
    (tmp_path / "a.log").write_bytes(line * 100)
    (tmp_path / "b.gz").write_bytes(gzip.compress(line + b"x" * 90_000_000 + b"\n"))
    (tmp_path / "c.gz").write_bytes(gzip.compress(b"hello\n"))
    where, told = telling()
    seen: list[int] = []

    def advance(size: int) -> None:
        seen.append(size)
        told.advance(size)

    scan_logs([str(tmp_path)], where, progress=advance, jobs=1)
    assert told.done == sum(each.stat().st_size for each in tmp_path.iterdir())
    assert min(seen) >= 0
    assert told.calls == ["clear"] * 101 + ["close"]


def test_code_exports_and_profiles_in_files(tmp_path: Path) -> None:
    for number in range(3):
        text = 'requests.get(url + "?jwt=" + token)\n'
        (tmp_path / f"{number}.py").write_text(text if number else "x = 1\n")
    where, told = telling()
    scan_code([str(tmp_path)], where)
    assert (told.total, told.done) == (3, 2)
    assert told.calls == ["clear"] * 2 + ["close"]
    (tmp_path / "a.har").write_text('{"log": {"entries": []}}')
    for scan in (scan_exports, scan_history):
        where, told = telling()
        scan([str(tmp_path / "a.har")], where)
        assert (told.done, told.calls) == (1, ["close"])
