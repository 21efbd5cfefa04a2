"""``--follow``: files that grow, until ctrl-C or SIGTERM; what is found is told as it comes."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, cast

import msgspec

from headway.cli.scan.words import Form, prints_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.scanning import Telling

__all__ = ["Following", "follow_logs"]

_STANDARD = "-"
_AS_THEY_COME = (Form.TEXT, Form.JSONL, Form.CSV, Form.GITHUB)


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """The options that go with ``--follow``."""

    wanted: bool
    state: Path | None = None
    interval: float = 1.0
    from_end: bool = False

    def check(self, paths: Sequence[str], form: Form, others: Sequence[tuple[str, object]]) -> None:
        """Raises ConfigurationError for what does not go together."""
        if not self.wanted:
            if self.state is not None or self.from_end:
                raise ConfigurationError("--state, --from-end: go with --follow")
            return
        for name, value in others:
            if value:
                raise ConfigurationError(f"--follow, {name}: one of them{_INSTEAD.get(name, '')}")
        if form not in _AS_THEY_COME:
            names = ", ".join(_AS_THEY_COME)
            raise ConfigurationError(
                f"--format {form}: has an end; with --follow there are {names}"
            )
        from headway.scan.stores.address import is_address

        if any(map(is_address, paths)):
            raise ConfigurationError("--follow: goes with files; objects of stores do not grow")
        if _STANDARD in paths and (len(paths) > 1 or self.state is not None or self.from_end):
            raise ConfigurationError(
                "PATH -: standard input is followed alone, and has no offset to be saved"
            )


_INSTEAD = {
    "--redact": "; tail -F FILE | headway scan logs - --redact - writes a clean copy as it comes",
    "--in-place": ": what others write to is not replaced",
}


def follow_logs(paths: Sequence[str], options: Following, telling: Telling) -> int:
    """Follow *paths* until a signal comes; the exit code."""
    from headway.scan.follow.following import Follower, follow, follow_input
    from headway.scan.follow.state import StateFile

    with _until_told() as (wait, told):
        if _STANDARD in paths:
            source = cast("BinaryIO", _Input(sys.stdin.fileno(), told, _settle))
            return follow_input(source, telling).exit_code
        state = None
        if options.state is not None:
            state = StateFile(options.state, prints_of().key_id)
        follower = Follower(
            paths,
            telling,
            clock=time.time,
            state=state,
            settle=_settle,
            from_end=options.from_end,
        )
        return follow(follower, wait, interval=options.interval).exit_code


def _settle() -> None:
    """What was told leaves, and stays where it is a file: only then offsets may be saved."""
    sys.stdout.flush()
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # of a test, or of a program that calls this
        return
    if stat.S_ISREG(os.fstat(number).st_mode):
        os.fsync(number)


class _Input:
    """Standard input as it comes: never more is waited for than there is."""

    def __init__(self, number: int, told: int, settle: Callable[[], None]) -> None:
        self._number, self._told, self._settle = number, told, settle

    def readinto(self, buffer: memoryview, /) -> int:
        self._settle()
        ready, _, _ = select.select([self._number, self._told], [], [])
        if self._told in ready:
            return 0
        return os.readv(self._number, [buffer])

    def read(self, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.readinto(memoryview(buffer))])


@contextmanager
def _until_told() -> Iterator[tuple[Callable[[float], bool], int]]:
    """What waits for some seconds and says whether SIGINT or SIGTERM came, and what is read then.

    The second signal ends the process at once.
    """
    reads, writes = os.pipe()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def told(number: int, frame: FrameType | None) -> None:
        os.write(writes, b"x")
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    for each in before:
        signal.signal(each, told)
    try:
        yield lambda seconds: bool(select.select([reads], [], [], seconds)[0]), reads
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        os.close(reads)
        os.close(writes)
