"""``--redact`` and ``--in-place``: clean copies, a line for each, and what was left as it was."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias, cast

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.scan.blocks import Needles
    from headway.scan.findings import Unread
    from headway.scan.redaction import Redacted
    from headway.scan.stores.address import Address

    _Unread: TypeAlias = Callable[[Unread], None]

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
    from headway.scan.findings import shown_path
    from headway.scan.report.escaping import for_terminal
    from headway.scan.stores.address import Address, is_address, parse_address
    from headway.scan.stores.objects import store_of
    from headway.scan.writing import NotWritten

    _check(out, in_place=in_place, backup=backup, no_backup=no_backup)
    if in_place and any(map(is_address, paths)):
        raise ConfigurationError("--in-place: goes with files; of objects --redact makes copies")
    needles = Needles()
    if out == _STANDARD:
        if list(paths) != [_STANDARD]:
            raise ConfigurationError("--redact -: goes with standard input alone: PATH is -")
        return _clean_input(needles)
    target = None if out is None else parse_address(out) if is_address(out) else Path(out)
    addresses = [parse_address(path) for path in paths if is_address(path)]
    if isinstance(target, Address):
        store_of(target.scheme)
    files = [path for path in paths if not is_address(path)]
    alone = len(paths) == 1
    wrong: list[str] = []

    def unread(what: Unread) -> None:
        wrong.append(f"{what.path}: {what.why}")

    copies = chain(
        _of_files(files, needles, unread, alone=alone, in_place=in_place, backup=backup),
        _of_objects(addresses, needles, unread, alone=alone),
    )
    for copy in copies:
        try:
            done, to = copy.to(target)
        except NotWritten as error:
            wrong.append(str(error))
            continue
        told = f"{copy.name}: {done.tokens} redacted, written to {to}"
        print(for_terminal(shown_path(told)))
    for each in wrong:
        print(for_terminal(shown_path(f"left as it was: {each}")), file=sys.stderr)
    return 2 if wrong else 0


def _clean_input(needles: Needles) -> int:
    """Copy standard input to standard output, compressed as it came; 2 where that broke off."""
    from headway.scan.readers import BREAKS, broken_off, standard_input
    from headway.scan.redaction import redact_stream

    try:
        source, compression = standard_input()
        with _standard_output() as clean_copy:
            if compression is None:
                redact_stream(source, clean_copy, needles)
                return 0
            buffered = io.BufferedWriter(cast("io.RawIOBase", clean_copy), 1 << 17)
            try:
                with compression.writer(cast("BinaryIO", buffered)) as packed:
                    redact_stream(source, packed, needles)
            finally:
                buffered.detach()
    except BrokenPipeError:
        raise
    except BREAKS as error:
        print(f"-: {broken_off(error)}; the copy ends there", file=sys.stderr)
        return 2
    return 0


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


def _check(out: str | None, *, in_place: bool, backup: str | None, no_backup: bool) -> None:
    if in_place and out is not None:
        raise ConfigurationError("--in-place, --redact: one of them")
    if in_place and (backup is not None) == no_backup:
        raise ConfigurationError("--in-place: needs one of --backup ENDING and --no-backup")
    if backup is not None and (not backup or "/" in backup):
        raise ConfigurationError("--backup: is an ending such as .bak")


# ---- what is copied -------------------------------------------------------------------------


class _Copy(NamedTuple):
    """One file or object: what it is called, where it lies below what was named, how it is copied.

    ``alone``: it is all that was named, so that the copy may be called as is said.
    """

    name: str
    below: Callable[[], str]
    alone: bool
    write: Callable[[Path], Redacted]

    def to(self, target: Path | Address | None) -> tuple[Redacted, str]:
        """Write the copy to *target* or below it; what was done, and where it is.

        Raises NotWritten.
        """
        if target is None:
            return self.write(Path(self.name)), self.name
        if isinstance(target, Path):
            to = self._path(target)
            return self.write(to), str(to)
        from headway.scan.stores.copying import sent, target_of
        from headway.scan.stores.objects import store_of

        address = target_of(target, self.below, alone=self.alone)
        with sent(store_of(target.scheme), address) as local:
            done = self.write(local)
        return done, str(address)

    def _path(self, target: Path) -> Path:
        if self.alone and not target.is_dir():
            return target
        from headway.scan.writing import folder_below

        *folders, name = Path(self.below()).parts
        return folder_below(target, tuple(folders)) / name


def _of_files(
    paths: Sequence[str],
    needles: Needles,
    unread: _Unread,
    *,
    alone: bool,
    in_place: bool,
    backup: str | None,
) -> Iterator[_Copy]:
    """The files that *paths* means."""
    from headway.scan.readers import files_in
    from headway.scan.redaction import redact_file

    for path in files_in(paths, unread):
        if path == _STANDARD:
            raise ConfigurationError("PATH -: goes with --redact - alone")
        write = partial(redact_file, path, needles=needles, in_place=in_place, backup=backup)
        yield _Copy(path, partial(_below, path, paths), alone and path in paths, write)


def _below(path: str, paths: Sequence[str]) -> str:
    """The place of *path* below that of *paths* that it comes from."""
    below = next((each for each in paths if Path(path).is_relative_to(each) and each != path), None)
    return str(Path(path).relative_to(below)) if below else Path(path).name


def _of_objects(
    addresses: Sequence[Address], needles: Needles, unread: _Unread, *, alone: bool
) -> Iterator[_Copy]:
    """The objects that *addresses* mean."""
    from headway.scan.stores.copying import inside, redact_object
    from headway.scan.stores.objects import objects_in

    for address in addresses:
        for store, stored in objects_in([address], unread):
            write = partial(redact_object, store, stored, needles=needles)
            is_alone = alone and stored.address == str(address)
            yield _Copy(stored.address, partial(inside, address, stored), is_alone, write)
