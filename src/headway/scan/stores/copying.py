"""Clean copies of objects, and clean copies that become objects: under new keys, and read again.

A store has no file that is written, looked at and then put in its place.  So a copy is made on
this machine, looked at, sent, and read again from the store, byte by byte.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headway.scan.blocks import Needles
from headway.scan.readers import BREAKS, broken_off
from headway.scan.redaction import Redacted, check_clean, copy_redacted
from headway.scan.stores.address import Address
from headway.scan.stores.objects import ObjectNotRead, Store, Stored
from headway.scan.stores.reading import opened_object, source_of_object
from headway.scan.writing import NotWritten, replacing

__all__ = ["inside", "redact_object", "sent", "target_of"]

_STEP = 1 << 20


def redact_object(store: Store, stored: Stored, target: Path, needles: Needles) -> Redacted:
    """Write *stored* without its tokens to the file *target*, compressed as it is.

    Raises NotWritten, and leaves nothing, where it can not be read whole, changes meanwhile, or
    where the copy is not clean.
    """
    try:
        with replacing(target) as new:
            with opened_object(store, stored) as raw:
                source, compression = source_of_object(raw)
                done = copy_redacted(source, compression, new.raw, needles)
            check_clean(new.raw, stored.address, needles)
            new.commit(None)
            return done
    except BREAKS as error:
        raise NotWritten(f"{stored.address}: {broken_off(error)}") from None


def inside(address: Address, stored: Stored) -> str:
    """Where *stored* lies below what *address* means, as a relative path.

    Raises NotWritten for a key that is none: with empty parts or dots, it could lead elsewhere.

    >>> inside(Address("s3", "logs", "2026/*.gz"), Stored("s3://logs/2026/a.gz", 1, ""))
    'a.gz'
    """
    key = stored.path.partition("/")[2]
    start = address.start.rpartition("/")[0] if address.has_magic else address.key.rstrip("/")
    below = f"{start}/" if start else ""
    found = key.removeprefix(below) if key.startswith(below) else key.rpartition("/")[2]
    if any(part in ("", ".", "..") for part in found.split("/")) or set(found) & {"\\", "\0"}:
        raise NotWritten(f"{stored.address}: its name is no path below a folder")
    return found


def target_of(out: Address, below: Callable[[], str], *, alone: bool) -> Address:
    """The key of a copy: *out* itself for one that is *alone*, else what *below* says, below it."""
    if alone and out.key and not out.key.endswith("/"):
        return out
    start = out.key.rstrip("/")
    return Address(out.scheme, out.bucket, f"{start}/{below()}" if start else below())


@contextmanager
def sent(store: Store, address: Address) -> Iterator[Path]:
    """A path for a file, which becomes a new object at *address* when the block ends.

    Raises NotWritten where something is there already, where the store does not take it, or
    gives back other bytes than it was given.
    """
    with tempfile.TemporaryDirectory(prefix="headway-") as folder:
        local = Path(folder) / "copy"
        yield local
        try:
            stored = store.put_new(local, address)
            with opened_object(store, stored) as raw:
                back = _hash(lambda: raw.read(_STEP))
        except ObjectNotRead as error:
            raise NotWritten(f"{address}: {broken_off(error)}") from None
        with local.open("rb") as file:
            if back != _hash(lambda: file.read(_STEP)):
                raise NotWritten(f"{address}: the store has other bytes than it was given")


def _hash(read: Callable[[], bytes]) -> bytes:
    whole = hashlib.sha256()
    while step := read():
        whole.update(step)
    return whole.digest()
