"""One file from a host: its redirects, its bytes, what is done when they break off.

The first request has credentials; every redirect is followed without them, over
https, to known hosts and public addresses only, three times at most
(:mod:`headway.app.redirects`).  The address that it leads to opens the file for
whoever has it: it is in no error, no log and no attribute.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncIterator, Callable, Iterator
from email.message import Message
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypedDict

import httpx
import msgspec

from headway.app.asks import Give, Later, Next, Opened, Send, Steps, Wait, Work
from headway.app.caller import Caller, Credentials
from headway.app.calls import TRIED_AGAIN, pause, seconds_to_wait
from headway.app.drivers import AsyncDriver, SyncDriver
from headway.app.failures import DownloadFailed, HostUnreachable
from headway.app.redirects import HOPS_MAX, Address, next_hop
from headway.app.saving import NewFile, safe_name

__all__ = ["Bounds", "Download", "SyncDownload", "Transfer", "Wanted"]

BATCH = 1 << 18  # bytes that are written at once: what still lies in the processor's cache
READ_MAX = 64 << 20  # bytes of a file that is read as a whole, unless another bound is said
DRAINED_MAX = 65_536  # bytes of a redirect's body, for the sake of its connection
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOLD_HEADERS = (
    *("content-type", "content-length", "content-disposition", "content-range"),
    *("etag", "last-modified"),
)
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a download has to be.

    ``start`` is the first byte that is wanted, with ``if_range`` (an ``ETag``)
    only of the same file.  ``max_bytes`` bounds the whole file, ``media_types``
    are those that it may have (``image/*`` too), ``size`` is what it must have,
    ``sha256`` its digest in hexadecimal.  A download that breaks off goes on
    where it was up to ``resumes`` times, where the host names the file's state
    by a strong ``ETag``.  ``progress`` is told (bytes so far, of how many or None).
    """

    start: int = 0
    if_range: str | None = None
    max_bytes: int | None = None
    media_types: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = None
    resumes: int = 3
    progress: Callable[[int, int | None], None] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what can not be."""
        if self.start < 0 or (self.max_bytes is not None and self.max_bytes < 0):
            raise ValueError("start and max_bytes are 0 or more")
        if self.sha256 is not None and not _DIGEST.fullmatch(self.sha256):
            raise ValueError("sha256: 64 hexadecimal digits in lower case")
        if self.if_range is not None and not self.if_range.startswith('"'):
            raise ValueError("if_range: a strong ETag, with its quotes")
        if self.start and self.sha256 is not None:
            raise ValueError("sha256 is of the whole file: it needs start=0")


class Bounds(TypedDict, total=False):
    """The members of :class:`Wanted`, as arguments of a call."""

    start: int
    if_range: str | None
    max_bytes: int | None
    media_types: tuple[str, ...]
    size: int | None
    sha256: str | None
    resumes: int
    progress: Callable[[int, int | None], None] | None


class Transfer:
    """One download as steps: :meth:`begin`, then :meth:`next` until there is nothing more."""

    def __init__(self, caller: Caller, url: httpx.URL, wanted: Wanted) -> None:
        self._caller = caller
        self._url = url
        self._wanted = wanted
        self._opened: Opened | None = None
        self._resumed = 0
        self._spoiled = False
        self._hash = sha256() if wanted.sha256 is not None else None
        self.offset = wanted.start
        self.status = 0
        self.headers: dict[str, str] = {}
        self.total: int | None = None

    # ---- beginning --------------------------------------------------------------------------

    def begin(self) -> Steps[None]:
        """Follow the redirects to the file.  Raises DownloadFailed unless it comes."""
        opened = yield from self._reach(self._wanted.if_range)
        self._judge(opened)
        self._opened = opened
        self.status = opened.status
        self.headers = {n: opened.headers[n] for n in _TOLD_HEADERS if n in opened.headers}

    def _reach(self, validator: str | None) -> Steps[Opened]:
        """An answer that is no redirect, with some patience."""
        retries, timing = self._caller.shared.settings.retries, self._caller.shared.timing
        until, attempt = timing.ticks() + retries.total, 0
        credentials = Credentials(self._caller)
        while True:
            attempt += 1
            wished, failure, opened = None, None, None
            try:
                opened = yield from self._hops(credentials, validator)
                wished = seconds_to_wait(opened.headers, timing.clock())
            except HostUnreachable as error:
                failure = str(error)
            if opened is not None and opened.status == 401 and credentials.renew():
                continue
            if opened is None or opened.status in TRIED_AGAIN:
                seconds = pause(attempt, wished, retries, timing.dice)
                if attempt < retries.attempts and timing.ticks() + seconds < until:
                    yield Wait(seconds)
                    continue
            if opened is None:
                raise DownloadFailed(f"the download did not begin: {failure}")
            return opened

    def _hops(self, credentials: Credentials, validator: str | None) -> Steps[Opened]:
        # (1) the site, with credentials
        hop = Address(self._url)
        send = Send(self._request(hop, validator))
        yield from credentials.write(send.request)
        shared = self._caller.shared
        for _ in range(HOPS_MAX + 1):
            opened: Opened = yield send
            if opened.status not in _REDIRECTS or "location" not in opened.headers:
                return opened
            # (2) on, without them
            hop = next_hop(
                hop,
                opened,
                site=self._caller.signer.origin,
                media=shared.media,
                development=shared.development,
            )
            yield from _drained(opened)
            send = Send(self._request(hop, validator), guarded=True)
        raise DownloadFailed(f"the download was redirected more than {HOPS_MAX} times")

    def _request(self, hop: Address, validator: str | None) -> httpx.Request:
        timeout = self._caller.shared.settings.timeout
        waits = timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout)
        agent = self._caller.headers["User-Agent"]
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": agent}
        if self.offset:
            headers["Range"] = f"bytes={self.offset}-"
            if validator is not None:
                headers["If-Range"] = validator
        times = {"timeout": waits.as_dict()}
        return httpx.Request("GET", hop.url, headers=headers, extensions=times)

    def _judge(self, opened: Opened) -> None:
        """Raise DownloadFailed unless *opened* is what was wanted, from the right byte on."""
        status, headers, wanted = opened.status, opened.headers, self._wanted
        # (1) the file, or the part of it that was asked for
        if status not in (200, 206):
            raise DownloadFailed(f"the download was answered with status {status}", status)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise DownloadFailed("the file came encoded, which was not asked for", status)
        total = self._part(headers) if status == 206 else _length(headers)
        if status == 200 and self.offset:
            raise DownloadFailed("the file has changed, or can not be had in parts", status)
        # (2) in its bounds
        if self.total is not None and total != self.total:
            raise DownloadFailed("the file has another size than before", status)
        if wanted.size is not None and total not in (None, wanted.size):
            raise DownloadFailed(f"the file has {total} bytes, not {wanted.size}", status)
        if wanted.max_bytes is not None and (total or 0) > wanted.max_bytes:
            raise DownloadFailed(f"the file has more than {wanted.max_bytes} bytes", status)
        if wanted.media_types and not _is_one_of(headers, wanted.media_types):
            raise DownloadFailed("the file is of another media type", status)
        self.total = total if wanted.size is None else wanted.size

    def _part(self, headers: httpx.Headers) -> int:
        """Bytes of the whole file, of which the part from ``offset`` to its end came."""
        part = _RANGE.fullmatch(headers.get("content-range", ""))
        if part is None or int(part[1]) != self.offset or int(part[2]) + 1 != int(part[3]):
            raise DownloadFailed("another part of the file came than was asked for", 206)
        return int(part[3])

    # ---- the bytes --------------------------------------------------------------------------

    def next(self) -> Steps[bytes | None]:
        """The next bytes, or None at the end.  Raises DownloadFailed."""
        while True:
            try:
                chunk: bytes | None = None
                if self._opened is not None:
                    chunk = yield Next(self._opened)
                if chunk is not None:
                    return self._counted(chunk)
                if self.total is None or self.offset == self.total:
                    break
                why = "the connection was closed"
            except HostUnreachable as error:
                why = str(error)
            yield from self._resume(why)
        if self._hash is not None:
            found, expected = self._hash.hexdigest(), self._wanted.sha256 or ""
            if not hmac.compare_digest(found, expected):
                self._spoiled = True
                raise DownloadFailed("the file has another SHA-256 than it should", self.status)
        return None

    def _counted(self, chunk: bytes) -> bytes:
        self.offset += len(chunk)
        if self.total is not None and self.offset > self.total:
            raise DownloadFailed(f"more came than the {self.total} bytes that were said")
        if self._wanted.max_bytes is not None and self.offset > self._wanted.max_bytes:
            raise DownloadFailed(f"the file has more than {self._wanted.max_bytes} bytes")
        if self._hash is not None:
            self._hash.update(chunk)
        if self._wanted.progress is not None:
            self._wanted.progress(self.offset, self.total)
        return chunk

    def _resume(self, why: str) -> Steps[None]:
        """Go on where it broke off, if it is still the same file."""
        mark = self.mark
        if mark is None or self._resumed >= self._wanted.resumes:
            raise DownloadFailed(f"the download broke off after {self.offset} bytes: {why}")
        self._resumed += 1
        retries, timing = self._caller.shared.settings.retries, self._caller.shared.timing
        yield Wait(pause(self._resumed, None, retries, timing.dice))
        yield from self.reopen(mark)

    def reopen(self, mark: str) -> Steps[None]:
        """Ask again, from ``offset`` on; raises DownloadFailed where it is another file by now."""
        opened = yield from self._reach(mark)
        self._judge(opened)
        if opened.headers.get("etag", mark) != mark:
            raise DownloadFailed("the file has changed meanwhile", opened.status)
        self._opened = opened

    @property
    def mark(self) -> str | None:
        """The file's strong ``ETag``: what names this very state of it; None where it has none."""
        mark = self.headers.get("etag", "")
        return mark if mark.startswith('"') else None

    # ---- onto the disk ----------------------------------------------------------------------

    def give(self) -> Steps[None]:
        """Give the bytes as they come."""
        while (chunk := (yield from self.next())) is not None:
            yield Give(chunk)

    def read(self, limit: int) -> Steps[bytes]:
        """All bytes; raises DownloadFailed for more than *limit*."""
        parts, size = [], 0
        while (chunk := (yield from self.next())) is not None:
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                raise DownloadFailed(f"the file has more than {limit} bytes")
        return b"".join(parts)

    def save(self, directory: Path, name: str, overwrite: bool, resume: bool) -> Steps[Path]:
        """Write the bytes into a new file; nothing is left of one that did not come whole."""
        mark = self.mark if resume and self._wanted.start == 0 else None
        file = NewFile(directory, name, overwrite=overwrite, mark=mark)
        try:
            if file.size:
                yield from self._go_on(file, mark or "")
            yield from self._write(file)
            path: Path = yield Work(file.finish)
            return path
        finally:
            file.discard()

    def _write(self, file: NewFile) -> Steps[None]:
        batch: list[bytes] = []
        size = 0
        try:
            while (chunk := (yield from self.next())) is not None:
                batch.append(chunk)
                size += len(chunk)
                if size >= BATCH:
                    yield Later(partial(file.write, *batch))
                    batch, size = [], 0
        except DownloadFailed:
            # What came is kept for whoever goes on with it, unless it is wrong.
            yield Work(file.restart if self._spoiled else partial(file.write, *batch))
            raise
        yield Work(partial(file.write, *batch))

    def _go_on(self, file: NewFile, mark: str) -> Steps[None]:
        """Ask for what *file* does not have yet."""
        if self.total is None or file.size > self.total:
            yield Work(file.restart)
            return
        self.offset = file.size
        if self._hash is not None:
            self._hash = yield Work(file.digest)
        if self.offset < self.total:
            yield from self.reopen(mark)
        else:
            self._opened = None

    @property
    def filename(self) -> str | None:
        """The name that the answer says (RFC 6266): data, and no path."""
        message = Message()
        message["Content-Disposition"] = self.headers.get("content-disposition", "")
        return message.get_filename()


def _length(headers: httpx.Headers) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _drained(opened: Opened) -> Steps[None]:
    """Read what little a redirect has for a body, so that its connection can be used again."""
    length = _length(opened.headers)
    left = DRAINED_MAX if length is None else length
    if left <= DRAINED_MAX:
        try:
            while left >= 0 and (chunk := (yield Next(opened))) is not None:
                left -= len(chunk)
        except HostUnreachable:
            return


def _is_one_of(headers: httpx.Headers, media_types: tuple[str, ...]) -> bool:
    found = headers.get("content-type", "").partition(";")[0].strip().lower()
    family = f"{found.partition('/')[0]}/*"
    return found in media_types or family in media_types


# ---- for whoever downloads ------------------------------------------------------------------


class _Told:
    """What is known of a file on its way."""

    def __init__(self, transfer: Transfer, driver: Any, name: str | None) -> None:
        self._transfer = transfer
        self._driver = driver
        self._name = name

    @property
    def status(self) -> int:
        """The answer's status: 200, or 206 for a part."""
        return self._transfer.status

    @property
    def headers(self) -> dict[str, str]:
        """A few harmless headers, their names in lower case."""
        return self._transfer.headers

    @property
    def size(self) -> int | None:
        """Bytes of the whole file, where that is said."""
        return self._transfer.total

    @property
    def etag(self) -> str | None:
        """The strong ``ETag``, for ``if_range`` of a later download."""
        return self._transfer.mark

    @property
    def filename(self) -> str | None:
        """The file's name as the host says it: data, and no path."""
        return self._name or self._transfer.filename

    def _named(self, name: str | None) -> str:
        return safe_name(name or self.filename or "unnamed")

    def __repr__(self) -> str:
        return f"<download, status {self.status}>"


class Download(_Told):
    """A file on its way: its ``status``, ``headers``, ``size``, and the bytes, once."""

    _driver: AsyncDriver

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come.  Raises :class:`DownloadFailed` where they break off for good."""
        return self._driver.stream(self._transfer.give())

    async def read(self, max_bytes: int = READ_MAX) -> bytes:
        """All bytes.  Raises :class:`DownloadFailed` for more than *max_bytes*."""
        return await self._driver.run(self._transfer.read(max_bytes))

    async def save_to(
        self,
        directory: str | Path,
        *,
        name: str | None = None,
        overwrite: bool = False,
        resume: bool = False,
    ) -> Path:
        """Write the file into *directory*, under a safe form of *name* or of the host's name.

        It gets its name when it is whole.  Raises FileExistsError where the
        name is taken, unless it may *overwrite*.  With *resume* a part that
        did not become whole stays, and the next call goes on with it, where the
        host names the file's state by a strong ``ETag``.
        """
        steps = self._transfer.save(Path(directory), self._named(name), overwrite, resume)
        return await self._driver.run(steps)


class SyncDownload(_Told):
    """The same for code that waits; see :class:`Download`."""

    _driver: SyncDriver

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come; see :meth:`Download.chunks`."""
        return self._driver.stream(self._transfer.give())

    def read(self, max_bytes: int = READ_MAX) -> bytes:
        """All bytes; see :meth:`Download.read`."""
        return self._driver.run(self._transfer.read(max_bytes))

    def save_to(
        self,
        directory: str | Path,
        *,
        name: str | None = None,
        overwrite: bool = False,
        resume: bool = False,
    ) -> Path:
        """Write the file into *directory*; see :meth:`Download.save_to`."""
        steps = self._transfer.save(Path(directory), self._named(name), overwrite, resume)
        return self._driver.run(steps)
