"""A store in one file: exported with a passphrase, imported into another store.

The file is text.  Its first line says how its key is made (scrypt, RFC 7914);
each other line is a piece of the store, sealed with that key (AES-256-GCM) and
bound to its number and to whether it is the last: a line that was changed,
moved, left out or cut off is noticed.  Without the passphrase it tells how
large the store is, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa

from headway.errors import ConfigurationError, SecretTooShort
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import Clock
from headway.store.adoption import Adopted, adopt
from headway.store.engine import reached
from headway.store.files import new_private_file
from headway.store.installations import SECRET_COLUMNS, place
from headway.store.inventory import pages
from headway.store.tables import accepted, clock, installations

__all__ = ["Exported", "Imported", "export_store", "import_store"]

KIND, VERSION = "headway store", 1
SALT_BYTES = 16
SCRYPT = {"n": 2**17, "r": 8, "p": 1}
"""What one guess costs: 128 MiB and some tenths of a second (OWASP, "Password Storage")."""

SCRYPT_BYTES = 2**28
LINE_MAX = 16_000_000  # bytes of one line
PIECE = 200  # rows in one line


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    kind: str
    version: int
    salt: bytes
    n: int
    r: int
    p: int


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What another line opens to: the mark of the clock, installations, hashes of events."""

    mark: int = 0
    installations: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []


class Exported(msgspec.Struct, frozen=True):
    """How much was written; ``unopened`` names what did not open and is not in the file."""

    installations: int
    events: int
    unopened: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True):
    """What became of each installation, by app key and client key."""

    outcomes: tuple[tuple[str, str, Adopted], ...]


def export_store(engine: sa.Engine, sealer: Sealer, file: Path, passphrase: Secret) -> Exported:
    """Write all that is kept to a new *file* of mode 0600, sealed with *passphrase*.

    The app may run meanwhile: each installation is written as it then is.

    Raises:
        ConfigurationError: the file is there already or can not be written;
            then there is no file of ours.
        StoreUnavailable: the database does not answer.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    head = Head(KIND, VERSION, salt, **SCRYPT)
    lock = _sealer(passphrase, head)
    unopened: list[str] = []
    counts = [0, 0]
    with new_private_file(file) as out:
        try:
            out.write(msgspec.json.encode(head) + b"\n")
            for number, (piece, last) in enumerate(_with_last(_pieces(engine, sealer, unopened))):
                counts[0] += len(piece.installations)
                counts[1] += len(piece.events)
                sealed = lock.seal(msgspec.json.encode(piece), _place(head, number, last=last))
                out.write(base64.b64encode(sealed) + b"\n")
        except BaseException:
            file.unlink()
            raise
    return Exported(counts[0], counts[1], tuple(unopened))


def import_store(
    engine: sa.Engine,
    sealer: Sealer,
    file: Path,
    passphrase: Secret,
    *,
    clock_of_day: Clock = time.time,
    apply: bool = True,
) -> Imported:
    """Add what :func:`export_store` wrote, in one transaction; what is here stays as it is.

    Without *apply* nothing is recorded.  Events that were issued before now
    are refused afterwards for what is added.

    Raises:
        ConfigurationError: the file is no whole export, or the passphrase is
            another; nothing is recorded then.
        ClockBehind: the clock stands behind that of either store.
        StoreUnavailable: the database does not answer.
    """
    try:
        with file.open("rb") as lines:
            pieces = list(_read(file, lines, passphrase))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    try:
        found = [_installation(row) for piece in pieces for row in piece.installations]
    except (KeyError, TypeError, ValueError, SecretTooShort):
        raise ConfigurationError(f"{file}: holds an installation that is none") from None
    events = [event for piece in pieces for event in piece.events]
    mark = max(piece.mark for piece in pieces)
    outcomes = adopt(
        engine, sealer, found, events=events, mark=mark, clock_of_day=clock_of_day, apply=apply
    )
    told = zip(found, outcomes, strict=True)
    return Imported(tuple((each.app_key, each.client_key, outcome) for each, outcome in told))


# ---- the seal -------------------------------------------------------------------------------


def _sealer(passphrase: Secret, head: Head) -> Sealer:
    key = hashlib.scrypt(
        passphrase.reveal(),
        salt=head.salt,
        n=head.n,
        r=head.r,
        p=head.p,
        maxmem=SCRYPT_BYTES,
        dklen=32,
    )
    return Sealer({"export": key}, "export")


def _place(head: Head, number: int, *, last: bool) -> Sequence[str]:
    return (KIND, f"{head.version}", f"{number}", "last" if last else "more")


# ---- writing --------------------------------------------------------------------------------


def _pieces(engine: sa.Engine, sealer: Sealer, unopened: list[str]) -> Iterator[Piece]:
    with reached(), engine.connect() as connection:
        yield Piece(mark=connection.scalar(sa.select(clock.c.mark)) or 0)
    for page in pages(engine, [column.name for column in installations.c]):
        rows = [row for each in page if (row := _plain(each, sealer, unopened))]
        yield Piece(installations=rows)
    query = sa.select(accepted).order_by(accepted.c.subject, accepted.c.digest)
    with reached(), engine.connect() as connection:
        found = connection.execution_options(stream_results=True).execute(query).mappings()
        for part in iter(lambda: list(itertools.islice(found, PIECE)), []):
            yield Piece(events=[dict(event) for event in part])


def _plain(row: sa.RowMapping, sealer: Sealer, unopened: list[str]) -> dict[str, Any] | None:
    key = row["app_key"], row["client_key"]
    values = dict(row)
    try:
        for column in SECRET_COLUMNS:
            if row[column] is not None:
                values[column] = sealer.open(row[column], place(column, *key)).decode()
    except (ConfigurationError, ValueError):
        unopened.append(" on ".join(key))
        return None
    return values


def _with_last(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, bool]]:
    """Each piece, and whether it is the last one."""
    waiting: Piece | None = None
    for piece in pieces:
        if waiting is not None:
            yield waiting, False
        waiting = piece
    if waiting is not None:
        yield waiting, True


# ---- reading --------------------------------------------------------------------------------


def _read(file: Path, lines: BinaryIO, passphrase: Secret) -> Iterator[Piece]:
    head = _head(file, lines.readline(LINE_MAX))
    lock, ended = _sealer(passphrase, head), False
    for number in itertools.count():
        line = lines.readline(LINE_MAX)
        if not line:
            break
        if ended:
            raise ConfigurationError(f"{file}: line {number + 2}: there is more after the end")
        piece, ended = _piece(file, line, number, lock, head)
        yield piece
    if not ended:
        raise ConfigurationError(f"{file}: was cut off; the end is missing")


def _head(file: Path, line: bytes) -> Head:
    try:
        head = msgspec.json.decode(line, type=Head)
    except ValueError:
        raise ConfigurationError(f"{file}: is no export of a store") from None
    costs = {name: getattr(head, name) for name in SCRYPT}
    if (head.kind, head.version, costs) != (KIND, VERSION, SCRYPT):
        raise ConfigurationError(f"{file}: was written by another Headway")
    return head


def _piece(file: Path, line: bytes, number: int, lock: Sealer, head: Head) -> tuple[Piece, bool]:
    try:
        sealed = base64.b64decode(line.strip(), validate=True)
    except (ValueError, binascii.Error):
        sealed = b""
    for last in (False, True):
        try:
            plain = lock.open(sealed, _place(head, number, last=last))
        except ConfigurationError:
            continue
        return msgspec.json.decode(plain, type=Piece), last
    why = "the passphrase is another, or the line was changed" if number == 0 else "was changed"
    raise ConfigurationError(f"{file}: line {number + 2}: {why}")


def _installation(row: dict[str, Any]) -> Installation:
    previous = row["previous_secret"]
    values = {
        **row,
        "product": Product(row["product"]),
        "shared_secret": Secret(row["shared_secret"]),
        "previous_secret": None if previous is None else Secret(previous),
    }
    return Installation(**values)
