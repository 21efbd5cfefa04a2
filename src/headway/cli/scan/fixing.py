"""``headway scan code --fix`` and ``--patch``: the patch first, then the files, by consent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from headway.cli.scan.words import Form
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.findings import Finding
    from headway.scan.fix.files import FileFix, Left
    from headway.scan.scanning import Telling
    from headway.scan.summary import Summary

__all__ = ["Mending"]


class Mending(NamedTuple):
    """What is wanted besides a report; *whole*: files are scanned, and not what changed in them."""

    fix: bool
    yes: bool
    patch: Path | None
    form: Form
    whole: bool

    def run(self, telling: Telling, scan: Callable[[], Summary]) -> int:
        """Run *scan*, and tell, mend or suggest; the exit code.

        Raises ConfigurationError for options that do not go together, and where LibCST is missing.
        """
        if self.yes and not self.fix:
            raise ConfigurationError("--yes: goes with --fix")
        if (self.fix or self.patch is not None) and not self.whole:
            raise ConfigurationError("--fix, --patch: go not with --staged, --diff or --since")
        if self.patch is not None:
            return _suggest(telling, scan, self.patch)
        if self.fix:
            return _mend(telling, scan, yes=self.yes)
        if self.form in (Form.JSON, Form.JSONL, Form.SARIF):
            from headway.scan.fix.suggesting import Suggesting

            telling.report = Suggesting(telling.report)
        return scan().exit_code


def _mend(telling: Telling, scan: Callable[[], Summary], *, yes: bool) -> int:
    """Show how what is found would be mended, and write it where that is wanted.

    The exit code: 0 nothing is left, 1 something is, 2 a file could not be read or written.
    """
    from headway.scan.fix.files import wanted_libcst

    wanted_libcst()
    summary, findings = _collected(telling, scan)
    fixes, left = _planned(findings)
    for each in fixes:
        _show(each.patch_bytes(os.getcwd()), each.encoding)  # noqa: PTH109 - it need not be text
    others = _tell(summary, fixes, left, "to mend")
    written = not fixes
    if fixes and (yes or _agreed(fixes)):
        written = _written(fixes)
        if not written:
            return 2
    if left or others or not written:
        return 1
    return 2 if summary.unread else 0


def _suggest(telling: Telling, scan: Callable[[], Summary], path: Path) -> int:
    """Write one patch of all that is known, to *path* or (``-``) to standard output."""
    from headway.scan.writing import NotWritten, replacing

    summary, findings = _collected(telling, scan)
    fixes, left = _planned(findings, suggestions=True)
    here = os.getcwd()  # noqa: PTH109 - it need not be text
    if str(path) == "-":
        for each in fixes:
            _show(each.patch_bytes(here), each.encoding)
    elif fixes:
        try:
            with replacing(path) as new:
                new.write(b"".join(each.patch_bytes(here) for each in fixes))
                new.commit(None)
        except NotWritten as error:
            _say(f"not written: {error}")
            return 2
        _say(f"written: {path}")
    _tell(summary, fixes, left, "in the patch")
    return summary.exit_code


def _collected(telling: Telling, scan: Callable[[], Summary]) -> tuple[Summary, list[Finding]]:
    from headway.scan.report.machine import Collecting

    collected = Collecting()
    telling.report = collected
    return scan(), collected.findings


def _planned(
    findings: Iterable[Finding], *, suggestions: bool = False
) -> tuple[list[FileFix], list[Left]]:
    """The files that would be written, and what is left to a person."""
    from headway.scan.fix.files import FileFix, mended_files

    fixes: list[FileFix] = []
    left: list[Left] = []
    for each in mended_files(findings, suggestions=suggestions):
        if isinstance(each, FileFix):
            left += each.left
            fixes += [each] if each.done else []
        else:
            left.append(each)
    return fixes, left


def _tell(summary: Summary, fixes: list[FileFix], left: list[Left], what: str) -> int:
    """What is left to a person, with the reason, and the figures; how much is of other rules."""
    if left:
        _say("For a person:")
    for each in left:
        _say(f"  {each.finding.place}: {each.why}")
    for unread in summary.unread:
        _say(f"not read: {unread.path}: {unread.why}")
    done = sum(len(each.done) for each in fixes)
    others = summary.total - done - len(left)
    parts = [f"{done} {what}, {_files(len(fixes))}", f"{len(left)} for a person"]
    if others:
        parts.append(f"{others} of other rules")
    _say("; ".join(parts) + ".")
    return others


def _show(data: bytes, encoding: str) -> None:
    """A patch: for a terminal harmless, for anything else its own bytes."""
    from headway.scan.report.escaping import for_terminal

    if not sys.stdout.isatty() and hasattr(sys.stdout, "buffer"):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    colours = {"+": "32", "-": "31", "@": "36"} if "NO_COLOR" not in os.environ else {}
    for line in data.decode(encoding, "replace").split("\n")[:-1]:
        text = for_terminal(line)
        colour = colours.get(line[:1]) if sys.stdout.isatty() else None
        print(f"\x1b[{colour}m{text}\x1b[0m" if colour else text)


def _say(text: str) -> None:
    """A line for people; standard output has the patch alone."""
    from headway.scan.report.escaping import for_terminal

    print(for_terminal(text), file=sys.stderr)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _agreed(fixes: list[FileFix]) -> bool:
    """Whether who runs it says yes; nobody can where standard input is no terminal."""
    if not sys.stdin.isatty():
        _say("Nothing was written: --yes writes it without asking.")
        return False
    print(f"Write {_files(len(fixes))}? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    return answer.strip().lower() in ("y", "yes")


def _written(fixes: list[FileFix]) -> bool:
    """Write each; False where one was left as it was."""
    from headway.scan.fix.files import write
    from headway.scan.writing import NotWritten

    whole = True
    for each in fixes:
        try:
            write(each)
        except NotWritten as error:
            _say(f"left as it was: {error}")
            whole = False
            continue
        _say(f"written: {each.path}")
    return whole
