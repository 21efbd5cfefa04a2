"""One share of the work: what is asked of a worker, what it answers, and the looking itself.

Orders and answers are plain values, packed as bytes.  An order says which bytes of what to look
through, and has no token, credential and key in it; an answer has findings, which never have
one.  A worker finds credentials and the key of fingerprints in its own environment, and says no
where the key, or its Headway, is another than that of whoever asks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EIO
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import cast

import msgspec

from headway.errors import ConfigurationError
from headway.scan.baseline import KEY_VARIABLE, fingerprint_key
from headway.scan.blocks import Needles
from headway.scan.findings import Finding, Fingerprints
from headway.scan.formats import known_columns
from headway.scan.logs import Reading, finding_of, found_in
from headway.scan.ranges import Part, Range, Seeks
from headway.scan.readers import BREAKS, Reads, broken_off, opened, source_of
from headway.scan.stores.address import is_address, parse_address
from headway.scan.stores.objects import Stored, store_of
from headway.scan.stores.reading import opened_object, source_of_object
from headway.scan.summary import Summary
from headway.scan.tasks import count

__all__ = ["Answer", "Facts", "Order", "carry_out", "facts", "identity_of", "objection"]


class Facts(msgspec.Struct, frozen=True):
    """What has to be the same on all machines: Headway, and the key of fingerprints by its name."""

    build: str
    key_id: str


class Order(msgspec.Struct, frozen=True):
    """What to look through.

    ``place`` is an address, or a path as bytes of the file system, ``name`` what it is called in
    findings; ``version`` and ``size`` as they were listed; ``start`` to ``end`` are whole lines
    of what is not compressed, and all of it where ``whole``.  ``fields`` name
    the columns of its first lines.  ``limit``: findings that are told.
    """

    facts: Facts
    place: bytes = b""
    name: bytes = b""
    version: str = ""
    size: int = 0
    start: int = 0
    end: int = 0
    whole: bool = False
    fields: bytes = b""
    limit: int = 0


class Answer(msgspec.Struct):
    """What was found: findings that differ, how often each, and the figures of all.

    ``refused`` and ``unread`` say why there is nothing, or not all (``partly``).  Paths of places
    are left out; lines count from the start of the share, ``lines`` is how many it has.
    ``fields`` are the columns that it names last; ``leant``: lines were read by those given.
    """

    findings: list[Finding] = []
    times: list[int] = []
    unlisted: int = 0
    rules: dict[str, int] = {}
    by: dict[str, dict[str, int]] = {}
    suppressed: int = 0
    size: int = 0
    lines: int = 0
    fields: bytes = b""
    leant: bool = False
    refused: str = ""
    unread: str = ""
    partly: bool = False


@lru_cache
def _build() -> str:
    """The version, and a hash of what decides what is found."""
    root = Path(__file__).parents[2]
    paths = [*(root / "scan").rglob("*.py"), root / "redact.py", root / "secret_shapes.py"]
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{version('headway')} {whole.hexdigest()[:16]}"


def _prints() -> Fingerprints:
    return Fingerprints(fingerprint_key(dict(os.environ), Path.home(), make=False))


def facts(prints: Fingerprints | None = None) -> Facts:
    """Those of this process; the key is that of *prints*, or of its environment.

    Raises ConfigurationError where it has no key.
    """
    return Facts(_build(), (prints or _prints()).key_id)


class _Merging:
    """Keeps what differs, by fingerprint, and counts what does not; *limit* are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.findings: dict[str, Finding] = {}
        self.times: dict[str, int] = {}
        self.unlisted = 0

    def add(self, finding: Finding) -> None:
        """One more, or one more like it."""
        print_ = finding.fingerprint
        if print_ in self.times:
            self.times[print_] += 1
        elif len(self.times) < self._limit:
            self.findings[print_], self.times[print_] = finding, 1
        else:
            self.unlisted += 1


class _Counting:
    """A source that counts bytes, and lines."""

    def __init__(self, source: Reads, *, lines: bool) -> None:
        self._source, self._wanted = source, lines
        self.bytes = self.lines = 0

    def readinto(self, buffer: memoryview, /) -> int | None:
        got = self._source.readinto(buffer) or 0
        self.bytes += got
        if self._wanted:
            self.lines += bytes(buffer[:got]).count(b"\n")
        return got


def objection(packed: bytes, schemes: tuple[str, ...]) -> str:
    """Why this process can not carry out orders of whoever has the facts *packed*; "" if it can.

    *schemes* are those of the addresses that are meant.
    """
    try:
        here = facts()
        for scheme in schemes:
            store_of(scheme)
    except ConfigurationError as error:
        return str(error)
    wanted = msgspec.msgpack.decode(packed, type=Facts)
    return "" if here == wanted else unlike(wanted, here)


def carry_out(packed: bytes, known: frozenset[str]) -> bytes:
    """Look through what the order *packed* says; fingerprints in *known* are held back.

    Raises nothing for what can not be read: the answer says so.
    """
    order = msgspec.msgpack.decode(packed, type=Order)
    return msgspec.msgpack.encode(_answer(order, known))


def _answer(order: Order, known: frozenset[str]) -> Answer:
    try:
        prints = _prints()
        here = facts(prints)
    except ConfigurationError as error:
        return Answer(refused=f"a worker can not look: {error}")
    if here != order.facts:
        return Answer(refused=unlike(order.facts, here))
    merging, summary, reading = _Merging(order.limit), Summary(), Reading(order.fields)
    answer = Answer()
    source: _Counting | None = None
    try:
        with _opened(order) as raw:
            source = _Counting(raw, lines=order.limit > 0)
            for found in found_in(
                source,
                os.fsdecode(order.name),
                _needles(),
                numbered=lambda: order.limit > 0,
                offset=order.start,
                reading=reading,
            ):
                if not (order.limit or known):
                    count(found, summary)
                    continue
                finding = finding_of(found, prints)
                if finding.fingerprint in known:
                    summary.suppressed += 1
                    continue
                summary.add(finding)
                merging.add(finding)
    except BREAKS as error:
        answer.unread, answer.partly = broken_off(error), source is not None
    except ConfigurationError as error:
        answer.unread = f"a worker can not read it: {error}"
    if source is not None:
        answer.size, answer.lines = source.bytes, source.lines
    answer.findings = [_without_path(each) for each in merging.findings.values()]
    answer.times, answer.unlisted = [*merging.times.values()], merging.unlisted
    answer.rules, answer.suppressed = dict(summary.rules), summary.suppressed
    answer.by = {name: dict(counts) for name, counts in summary.by.items() if name != "path"}
    answer.leant = reading.leant
    if reading.fields_at >= 0:
        answer.fields = known_columns(reading.fields)
    return answer


def unlike(wanted: Facts, there: Facts) -> str:
    """In which way *there* is not what is *wanted*."""
    if wanted.build != there.build:
        return f"a worker has Headway {there.build}, and this is {wanted.build}"
    return f"a worker has another key of fingerprints: set {KEY_VARIABLE} to the same there"


@lru_cache
def _needles() -> Needles:
    return Needles()


def _without_path(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, place=msgspec.structs.replace(finding.place, path=""))


def identity_of(found: os.stat_result) -> str:
    """What changes whenever somebody writes to a file."""
    return f"{found.st_size} {found.st_mtime_ns}"


@contextmanager
def _opened(order: Order) -> Iterator[Reads]:
    """What *order* is about; at its end it is what was listed, or OSError is raised."""
    path = os.fsdecode(order.place)
    if is_address(path):
        stored = Stored(path, order.size, order.version)
        store = store_of(parse_address(path).scheme)
        with opened_object(store, stored, order.start, order.end) as part:
            yield source_of_object(part)[0] if order.whole else part
        return
    with opened(path) as (raw, before):
        if identity_of(before) != order.version:
            raise OSError(EIO, "is not the file that was listed: another machine's, or it changed")
        yield (
            source_of(raw)[0]
            if order.whole
            else Part(cast("Seeks", raw), Range(order.start, order.end))
        )
        if identity_of(os.fstat(raw.fileno())) != order.version:
            raise OSError(EIO, "changed while it was looked at")
