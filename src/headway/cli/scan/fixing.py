"""``headway scan code --fix``: the patch first, then the files, by consent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.findings import Finding
    from headway.scan.fix.files import FileFix, Left
    from headway.scan.scanning import Telling
    from headway.scan.summary import Summary

__all__ = ["mend"]


def mend(
    telling: Telling, scan: Callable[[], Summary], *, fix: bool, yes: bool, whole: bool = True
) -> int:
    """Run *scan*, show how what it finds would be mended, and write it where that is wanted.

    The exit code: 0 nothing is left, 1 something is, 2 a file could not be read or written.
    Raises ConfigurationError where LibCST is missing, for *yes* without *fix*, and where
    not the *whole* of the files is scanned: what is staged or committed is no file.
    """
    from headway.scan.fix.files import wanted_libcst
    from headway.scan.report.machine import Collecting

    if yes and not fix:
        raise ConfigurationError("--yes: goes with --fix")
    if not whole:
        raise ConfigurationError("--fix: goes not with --staged, --diff or --since")
    wanted_libcst()
    collected = Collecting()
    telling.report = collected
    summary = scan()
    fixes, left = _planned(collected.findings)
    _show(fixes, left)
    for unread in summary.unread:
        _say(f"not read: {unread.path} {unread.why}")
    others = summary.total - sum(len(each.done) for each in fixes) - len(left)
    _count(fixes, len(left), others)
    written = not fixes
    if fixes and (yes or _agreed(fixes)):
        written = _written(fixes)
        if not written:
            return 2
    if left or others or not written:
        return 1
    return 2 if summary.unread else 0


def _planned(findings: Iterable[Finding]) -> tuple[list[FileFix], list[Left]]:
    """The files that would be written, and what is left to a person."""
    from headway.scan.fix.files import FileFix, mended_files

    fixes: list[FileFix] = []
    left: list[Left] = []
    for each in mended_files(findings):
        if isinstance(each, FileFix):
            left += each.left
            fixes += [each] if each.done else []
        else:
            left.append(each)
    return fixes, left


def _show(fixes: Iterable[FileFix], left: Iterable[Left]) -> None:
    """The patch, and what is left to a person, with the reason."""
    from headway.scan.fix.files import patch_bytes

    for each in fixes:
        _patch(patch_bytes(each, os.getcwd()), each.encoding)  # noqa: PTH109 - a name need not be text
    reasons = [f"  {each.finding.place}: {each.why}" for each in left]
    if reasons:
        _say("For a person:")
        for reason in reasons:
            _say(reason)


def _patch(data: bytes, encoding: str) -> None:
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


def _count(fixes: list[FileFix], left: int, others: int) -> None:
    done = sum(len(each.done) for each in fixes)
    parts = [f"{done} to mend in {_files(len(fixes))}", f"{left} for a person"]
    if others:
        parts.append(f"{others} of other rules")
    _say(", ".join(parts) + ".")


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
