"""A rule's own examples, judged by what looks at such things."""

from __future__ import annotations

import io
from pathlib import Path

from headway.scan.blocks import Needles
from headway.scan.findings import Fingerprints
from headway.scan.logs import finding_of, found_in
from headway.scan.proxy.scanning import scan_proxy
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from scan.corpus import filled


def rules_broken_by(text: str, kind: str = "{T}") -> list[str]:
    """The rules that *text* breaks, where ``TOKEN`` stands for one of *kind*."""
    source = io.BytesIO(filled(text.replace("TOKEN", kind)))
    prints = Fingerprints(bytes(32))
    return [finding_of(each, prints).rule for each in found_in(source, "a.log", Needles())]


def rules_broken_by_configuration(text: str, folder: Path) -> list[str]:
    """The same of an nginx configuration, or a part of one."""
    (folder / "nginx.conf").write_text(text)
    report = Collecting()
    scan_proxy([str(folder / "nginx.conf")], Telling(report, Fingerprints(bytes(32))))
    return [each.rule for each in report.findings]
