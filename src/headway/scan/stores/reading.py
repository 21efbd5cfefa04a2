"""An object as a file: its bytes in order, a few ranges ahead, and no more of them in memory."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from headway.scan.readers import (
    BREAKS,
    Compression,
    Reads,
    check_text,
    compression_of,
    unpacked,
)
from headway.scan.stores.objects import Store, Stored

if TYPE_CHECKING:
    from io import BufferedReader

    from _typeshed import WriteableBuffer

__all__ = ["AHEAD", "RANGE", "ObjectReader", "ObjectSeeks", "opened_object", "source_of_object"]

RANGE = 8 * 2**20
"""Bytes that are asked for at once."""

AHEAD = 2
"""Ranges that are on their way while one is looked at."""


class ObjectReader(io.RawIOBase):
    """The bytes of *stored* from *start* to before *stop*; reading raises ObjectNotRead."""

    def __init__(
        self, store: Store, stored: Stored, start: int = 0, stop: int | None = None
    ) -> None:
        super().__init__()
        self._store, self._stored = store, stored
        self._at, self._stop = start, stored.size if stop is None else min(stop, stored.size)
        self._ahead: deque[Future[bytes]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._rest = memoryview(b"")

    @property
    def size(self) -> int:
        """Of the whole object."""
        return self._stored.size

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer* as far as a range goes; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(self._next())
        into = memoryview(buffer).cast("B")
        got = min(len(into), len(self._rest))
        into[:got] = self._rest[:got]
        self._rest = self._rest[got:]
        return got

    def _next(self) -> bytes:
        """The next range, b"" at the end."""
        while self._at < self._stop and len(self._ahead) <= AHEAD:
            self._ahead.append(self._begun(min(self._at + RANGE, self._stop)))
        return self._ahead.popleft().result() if self._ahead else b""

    def _begun(self, stop: int) -> Future[bytes]:
        start, self._at = self._at, stop
        if self._pool is None and not self._ahead and stop == self._stop:  # it is the only one
            done: Future[bytes] = Future()
            done.set_result(self._store.read(self._stored, start, stop))
            return done
        self._pool = self._pool or ThreadPoolExecutor(AHEAD + 1, "range")
        return self._pool.submit(self._store.read, self._stored, start, stop)

    def close(self) -> None:
        """Wait for the ranges that are on their way, and forget them."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        self._ahead.clear()
        super().close()


class ObjectSeeks:
    """*stored*, read here and there; each reading is a request, and raises ObjectNotRead."""

    def __init__(self, store: Store, stored: Stored) -> None:
        self._store, self._stored, self._at = store, stored, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to *offset*, from the start."""
        self._at = offset
        return offset

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer*; less at the end."""
        start, self._at = self._at, min(self._at + len(buffer), self._stored.size)
        if self._at <= start:
            return 0
        data = self._store.read(self._stored, start, self._at)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened_object(
    store: Store, stored: Stored, start: int = 0, stop: int | None = None
) -> Iterator[BufferedReader[Any]]:
    """*stored*, raw; at the end it is compared with what was listed.

    Raises ObjectNotRead, also where it is no longer the same.
    """
    with io.BufferedReader(ObjectReader(store, stored, start, stop), 1 << 17) as raw:
        try:
            yield raw
        except BREAKS:
            store.check(stored)  # if it changed, that is why
            raise
    store.check(stored)


def source_of_object(raw: BufferedReader[Any]) -> tuple[Reads, Compression | None]:
    """What *raw*, at its start, gives, decompressed."""
    compression = compression_of(raw.peek(6)[:6])
    if compression is None:
        check_text(raw.peek(6)[:6])
        return cast("Reads", raw), None
    return unpacked(compression, raw, getattr(raw.raw, "size", 0)), compression
