"""The work of a scan as orders, and the answers joined: in order, as if one had looked at all.

What lies before a share decides two things of it: the numbers of its lines, and the names of its
columns, where a format has such.  The first is added when the shares before it are there.  The
second is guessed from the start of the file; where a share leant on a wrong guess, it is
looked through again.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from headway.errors import ConfigurationError
from headway.scan.blocks import FIELDS
from headway.scan.cluster.order import Answer, Facts, Order, identity_of
from headway.scan.findings import Finding, Unread, shown_path
from headway.scan.formats import known_columns
from headway.scan.ranges import RANGE, Seeks, ranges_of
from headway.scan.readers import (
    BREAKS,
    STANDARD_INPUT,
    broken_off,
    compression_of,
    files_in,
    opened,
)
from headway.scan.scanning import Telling
from headway.scan.stores.address import Address, is_address, parse_address
from headway.scan.stores.objects import objects_in, store_of
from headway.scan.stores.reading import ObjectSeeks
from headway.scan.summary import Summary

__all__ = ["LISTED", "Lost", "Workers", "addresses_in", "scan_shared"]

LISTED = 50_000
"""Findings that differ, of one share, that are told one by one; what is more is counted."""

_FEW = 1_000  # the same, where a report shows a few
_KEPT = 100_000  # findings of one file that are kept to be merged
_HEAD = 65_536


class Lost(Exception):
    """An order was not carried out; the text says why."""


class Workers(Protocol):
    """Whoever carries out orders."""

    @property
    def room(self) -> int:
        """How many orders may be out at once."""

    def submit(self, order: bytes) -> Any:
        """Hand out *order*; what :meth:`answer` is asked with."""

    def answer(self, ticket: Any) -> bytes:
        """Wait for the answer.  Raises Lost where there will be none."""


class _Source:
    """One file or object: what its shares have told so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines = 0
        self.fields = b""
        self.findings: dict[str, Finding] = {}
        self.times: Counter[str] = Counter()
        self.reasons: dict[str, Unread] = {}
        self.counted = True  # whether ``times`` has all of them


class _Share(msgspec.Struct):
    source: _Source
    order: Order


def addresses_in(names: Iterable[str]) -> list[Address]:
    """The addresses among *names*.

    Raises ConfigurationError for what other machines can not look at, for an address that is
    none, and for a store that is not set up.
    """
    addresses = []
    for name in names:
        if name == STANDARD_INPUT:
            raise ConfigurationError("PATH -: standard input can not be shared among machines")
        if is_address(name):
            addresses.append(parse_address(name))
            store_of(addresses[-1].scheme)
    return addresses


def scan_shared(
    named: Iterable[str],
    telling: Telling,
    workers: Workers,
    here: Facts,
    *,
    length: int = RANGE,
    progress: Callable[[int], None] = lambda size: None,
) -> Summary:
    """Have *workers* look through what *named* means, in shares of about *length* bytes.

    Findings with the same fingerprint are told once, with their number; the figures count
    each.  *progress* is told of bytes.  Raises ConfigurationError
    as :func:`addresses_in` does, and nothing for what can not be read.
    """
    names = list(named)
    addresses = addresses_in(names)
    paths = [name for name in names if not is_address(name)]
    most = telling.report.most
    limit = LISTED if most is None else max(most, _FEW)
    joining = _Joining(telling, workers, progress)
    telling.report.begin()
    for share in _shares(paths, addresses, telling, Order(here, limit=limit), length):
        joining.add(share)
    joining.finish()
    telling.summary.unread.sort(key=lambda each: each.path)
    telling.end()
    return telling.summary


# ---- what there is to do --------------------------------------------------------------------


def _shares(
    paths: list[str], addresses: list[Address], telling: Telling, like: Order, length: int
) -> Iterator[_Share]:
    """Orders *like* that one for all of *paths* and *addresses*; what has none is told of."""
    unread = telling.summary.could_not_read
    for path in files_in(paths, unread):
        if telling.baseline.holds_back_path(path) or _has_token(path, unread):
            continue
        try:
            with opened(path) as (raw, found):
                order = msgspec.structs.replace(
                    like,
                    place=os.fsencode(Path(path).absolute()),
                    name=os.fsencode(path),
                    version=identity_of(found),
                    size=found.st_size,
                )
                yield from _cut(_Source(path), order, cast("Seeks", raw), length)
        except BREAKS as error:
            unread(Unread(path, broken_off(error), partly=True))
    for store, stored in objects_in(addresses, unread):
        if telling.baseline.holds_back_path(stored.address) or _has_token(stored.address, unread):
            continue
        place = os.fsencode(stored.address)
        order = msgspec.structs.replace(
            like, place=place, name=place, version=stored.version, size=stored.size
        )
        try:
            yield from _cut(_Source(stored.address), order, ObjectSeeks(store, stored), length)
        except BREAKS as error:
            unread(Unread(stored.address, broken_off(error), partly=True))


def _has_token(name: str, unread: Callable[[Unread], None]) -> bool:
    """Whether *name* itself has a token, so that no other machine is told of it."""
    if shown_path(name) == name:
        return False
    unread(Unread(name, "its name has a token, and is not told to other machines"))
    return True


def _cut(source: _Source, order: Order, raw: Seeks, length: int) -> Iterator[_Share]:
    """The shares of what *raw* reads: one, where it is short or compressed."""
    whole = msgspec.structs.replace(order, start=0, end=order.size, whole=True)
    if order.size <= length:
        yield _Share(source, whole)
        return
    head = bytearray(min(_HEAD, length))
    raw.seek(0)
    got = raw.readinto(memoryview(head)) or 0
    start = bytes(head[:got])
    if compression_of(start) is not None:
        yield _Share(source, whole)
        return
    guess = b""
    for each in ranges_of(raw, order.size, length):
        yield _Share(
            source,
            msgspec.structs.replace(
                order, start=each.start, end=each.end, whole=False, fields=guess
            ),
        )
        guess = _named_in(start)


def _named_in(start: bytes) -> bytes:
    """The columns that the last line of its sort in *start* names."""
    lines = [line for line in start.split(b"\n")[:-1] if line.startswith(FIELDS)]
    return known_columns(lines[-1]) if lines else b""


# ---- what came of it ------------------------------------------------------------------------


class _Joining:
    """Orders that are out, and the answers, taken in the order of the orders."""

    def __init__(self, telling: Telling, workers: Workers, progress: Callable[[int], None]) -> None:
        self._telling, self._workers, self._progress = telling, workers, progress
        self._out: deque[tuple[_Share, Any]] = deque()
        self._source: _Source | None = None

    def add(self, share: _Share) -> None:
        """Hand out *share*, once there is room for it."""
        while len(self._out) >= max(1, self._workers.room):
            self._take()
        if not self._telling.report.wants_more:
            share.order = msgspec.structs.replace(share.order, limit=0)
        self._out.append((share, self._submitted(share.order)))

    def finish(self) -> None:
        """Take all that is out."""
        while self._out:
            self._take()
        self._end_of(self._source)

    def _submitted(self, order: Order) -> Any:
        try:
            return self._workers.submit(msgspec.msgpack.encode(order))
        except Lost as lost:
            return lost

    def _answered(self, ticket: Any) -> Answer:
        try:
            if isinstance(ticket, Lost):
                raise ticket
            return msgspec.msgpack.decode(self._workers.answer(ticket), type=Answer)
        except Lost as lost:
            return Answer(refused=str(lost))

    def _take(self) -> None:
        share, ticket = self._out.popleft()
        source, order = share.source, share.order
        if source is not self._source:
            self._end_of(self._source)
            self._source = source
        answer = self._answered(ticket)
        if answer.leant and order.fields != source.fields:
            again = msgspec.structs.replace(order, fields=source.fields)
            answer = self._answered(self._submitted(again))
        self._count(source, answer)
        for finding, times in zip(answer.findings, answer.times, strict=True):
            self._keep(source, finding, times)
        source.counted = source.counted and not answer.unlisted
        if answer.unlisted and order.limit == LISTED:
            why = f"has over {LISTED} different findings in one share: the others are only counted"
            source.reasons.setdefault(why, Unread(source.path, why, partly=True))
        if why := answer.refused or answer.unread:
            partly = answer.partly or bool(order.start) or not order.whole
            source.reasons.setdefault(why, Unread(source.path, why, partly=partly))
        source.lines += answer.lines
        source.fields = answer.fields or source.fields
        self._progress(answer.size)

    def _count(self, source: _Source, answer: Answer) -> None:
        other = Summary()
        other.rules.update(answer.rules)
        for name, counts in answer.by.items():
            if name in other.by:
                other.by[name].update(counts)
        if other.total:
            other.by["path"][source.path] = other.total
        other.bytes, other.suppressed = answer.size, answer.suppressed
        self._telling.summary.merge(other)

    def _keep(self, source: _Source, finding: Finding, times: int) -> None:
        source.times[finding.fingerprint] += times
        if finding.fingerprint in source.findings:
            return
        place = finding.place
        line = None if place.line is None else place.line + source.lines
        source.findings[finding.fingerprint] = msgspec.structs.replace(
            finding, place=msgspec.structs.replace(place, path=source.path, line=line)
        )
        if len(source.findings) > _KEPT:
            self._tell(source)

    def _end_of(self, source: _Source | None) -> None:
        if source is None:
            return
        self._tell(source)
        for reason in source.reasons.values():
            self._telling.summary.could_not_read(reason)
        self._telling.summary.files += 1

    def _tell(self, source: _Source) -> None:
        for print_, finding in source.findings.items():
            times = source.times[print_]
            if times > 1 and source.counted:
                context = {**finding.context, "times": str(times)}
                finding = msgspec.structs.replace(finding, context=context)
            self._telling.progress.clear()
            self._telling.report.add(finding)
        source.findings.clear()
        source.times.clear()
