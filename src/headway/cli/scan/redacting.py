"""``--redact`` and ``--in-place``: clean copies, a line for each, and what was left as it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.findings import Unread

__all__ = ["clean"]

_STANDARD = "-"  # standard input, and output


def clean(
    paths: Sequence[str],
    out: str | None,
    *,
    in_place: bool,
    backup: str | None,
    no_backup: bool,
) -> int:
    """Redact the files that *paths* means; exit code 2 where one of them was left as it was."""
    from headway.scan.blocks import Needles
    from headway.scan.readers import files_in, standard_input
    from headway.scan.redaction import redact_file, redact_stream
    from headway.scan.report.escaping import for_terminal
    from headway.scan.stores.address import is_address
    from headway.scan.writing import NotWritten

    if any(map(is_address, [*paths, out or ""])):
        raise ConfigurationError("--redact, --in-place: go with files; copy the objects first")
    target = None if out is None else Path(out)
    _check(target, in_place=in_place, backup=backup, no_backup=no_backup)
    needles = Needles()
    if out == _STANDARD:
        if list(paths) != [_STANDARD]:
            raise ConfigurationError("--redact -: goes with standard input alone: PATH is -")
        with _standard_output() as clean_copy:
            redact_stream(standard_input(), clean_copy, needles)
        return 0
    wrong: list[str] = []

    def unread(what: Unread) -> None:
        wrong.append(f"{what.path}: {what.why}")

    for path in files_in(paths, unread):
        try:
            to = _target(path, paths, target)
            done = redact_file(path, to, needles, in_place=in_place, backup=backup)
        except NotWritten as error:
            wrong.append(str(error))
            continue
        print(for_terminal(f"{path}: {done.tokens} redacted, written to {to}"))
    for each in wrong:
        print(for_terminal(f"left as it was: {each}"), file=sys.stderr)
    return 2 if wrong else 0


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Standard output without a buffer: what comes in leaves at once, for whoever waits for it."""
    try:
        number = os.dup(sys.stdout.fileno())
    except OSError:  # of a program that calls this
        yield sys.stdout.buffer
        return
    with open(number, "wb", buffering=0) as out:  # noqa: PTH123 - a descriptor
        yield cast("BinaryIO", out)


def _check(target: Path | None, *, in_place: bool, backup: str | None, no_backup: bool) -> None:
    if in_place and target is not None:
        raise ConfigurationError("--in-place, --redact: one of them")
    if in_place and (backup is not None) == no_backup:
        raise ConfigurationError("--in-place: needs --backup ENDING, or --no-backup")
    if not in_place and (backup is not None or no_backup):
        raise ConfigurationError("--backup, --no-backup: go with --in-place")
    if backup is not None and (not backup or "/" in backup):
        raise ConfigurationError("--backup: is an ending such as .bak")


def _target(path: str, paths: Sequence[str], target: Path | None) -> Path:
    """Where the copy of *path* goes: itself, the file *target*, or its place below that folder."""
    if target is None:
        return Path(path)
    if path == _STANDARD:
        raise ConfigurationError("PATH -: goes with --redact - alone")
    if len(paths) == 1 and paths[0] == path and not target.is_dir():
        return target
    below = next((each for each in paths if Path(path).is_relative_to(each) and each != path), None)
    inside = Path(path).relative_to(below) if below else Path(Path(path).name)
    to = target / inside
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return to
