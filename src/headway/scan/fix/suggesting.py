"""Findings with what would mend them, for reports that tell it: SARIF's ``fixes``, JSON.

A finding is of a moment: where the file says another thing in that line by now, or was read from
git, nothing is suggested.
"""

from __future__ import annotations

import os
from bisect import bisect_right

import msgspec

from headway.redact import redact
from headway.scan.findings import Finding, Fix, Replacement
from headway.scan.fix.edits import Edit
from headway.scan.fix.files import MENDS, PYTHON, SUGGESTED_MAX, FileFix, mended_files
from headway.scan.report.machine import Report
from headway.scan.summary import Summary

__all__ = ["Suggesting", "fix_of"]


class Suggesting:
    """Hands findings on to *report*, each with its fix where there is one."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._path, self._count = "", 0  # of the file whose findings come

    @property
    def wants_more(self) -> bool:
        """As the report has it."""
        return self._report.wants_more

    @property
    def most(self) -> int | None:
        """As the report has it."""
        return self._report.most

    def begin(self) -> None:
        """As the report does."""
        self._report.begin()

    def add(self, finding: Finding) -> None:
        """The finding, and its fix."""
        path = finding.place.path
        self._path, self._count = path, self._count + 1 if path == self._path else 1
        wanted = finding.rule == MENDS and self._count <= SUGGESTED_MAX
        fix = fix_of(finding) if wanted else None
        self._report.add(msgspec.structs.replace(finding, fix=fix) if fix else finding)

    def end(self, summary: Summary) -> None:
        """As the report does."""
        self._report.end(summary)


def fix_of(finding: Finding) -> Fix | None:
    """What would mend *finding*; None where nothing is known, or the file is another one now."""
    for found in mended_files([finding], suggestions=True):
        if isinstance(found, FileFix) and found.done and _says(found, finding):
            return Fix(
                patch=found.patch(os.getcwd()),  # noqa: PTH109 - a name need not be text
                replacements=tuple(_replacements(found.text, found.edits)),
                automatic=found.path.endswith(PYTHON),
            )
    return None


def _says(found: FileFix, finding: Finding) -> bool:
    """Whether the line says what the finding's sample says."""
    lines = found.text.split("\n")
    line = finding.place.line or 0
    text = lines[line - 1] if line <= len(lines) else ""
    return redact(" ".join(text.split()))[:300] == finding.sample


def _replacements(text: str, edits: tuple[Edit, ...]) -> list[Replacement]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    out = []
    for each in edits:
        first, last = (bisect_right(starts, at) for at in (each.start, each.end))
        out.append(
            Replacement(
                line=first,
                column=each.start - starts[first - 1] + 1,
                end_line=last,
                end_column=each.end - starts[last - 1] + 1,
                text=each.text,
            )
        )
    return out
