"""Usage records of old logs: the scan reads them, and the gateway decides about each request.

Only the command line knows both.  ``headway scan logs --usage`` and ``headway gateway convert`` are
two names of this.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from headway.cli.gateway.evidence import naming_key, usage_of
from headway.cli.gateway.proving import verifiers_of
from headway.cli.gateway.words import counted
from headway.errors import ConfigurationError
from headway.keys import new_sealing_key

if TYPE_CHECKING:
    from headway.gateway.decision import Use
    from headway.gateway.rules import GatewayPolicy
    from headway.gateway.usage.access_logs import Conversion
    from headway.gateway.usage.record import Record
    from headway.gateway.usage.store import UsageStore
    from headway.scan.progress import Progress
    from headway.scan.readers import Reads
    from headway.scan.stores.objects import Stored

__all__ = ["PastUsage", "write_usage"]

RANGE = 32 << 20
"""Bytes of logs that one process takes at a time, about."""

FILES_AT_ONCE = 200
WAITING_MAX = 20_000  # records in memory, before they go on


class PastUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What records are made by: the policy file, and how a log is read.

    *fields* are the names of a JSON log; *verify* tries to prove who was who, then, by
    *keys* that were saved, in one process; *store* is whose names for clients are used; *jobs* is
    how many processes count, 0 for one on each processor.
    """

    policy: Path
    fields: str = ""
    verify: bool = False
    keys: tuple[str, ...] = ()
    store: str | None = None
    jobs: int = 0


class _Span(NamedTuple):
    """Bytes *start* to *end* of a file, or (*end* is None) all of it, decompressed.

    With *stored*, *path* is the address of an object.
    """

    path: str
    start: int = 0
    end: int | None = None
    stored: Stored | None = None


class _Counted(NamedTuple):
    """What a process counted in each of some spans, and the records of them all."""

    told: list[Conversion]
    records: list[Record]


def write_usage(
    named: Sequence[str],
    output: Path,
    options: PastUsage,
    progress: Progress | None = None,
) -> None:
    """Make records of the logs that *named* means, in a new file, and say what they came to.

    Raises ConfigurationError, and writes nothing, where a log can not be read to its end: what a
    plan is made from is whole.
    """
    from headway.gateway.policy_file import load_policy
    from headway.gateway.usage.access_logs import Conversion
    from headway.gateway.usage.store import open_usage
    from headway.scan.progress import Progress
    from headway.scan.requests import by_fields

    # (1) what is asked for, before anything is read
    progress = progress or Progress()
    policy = load_policy(options.policy)
    by_fields(options.fields)
    if output.exists():
        raise ConfigurationError(f"{output}: is there already")
    key = naming_key(options.store or usage_of(policy)) or new_sealing_key()
    told, first = Conversion(), ""
    with tempfile.TemporaryDirectory(prefix="headway-") as folder:
        kept = open_usage(Path(folder) / "usage.db")
        with ExitStack() as opened:
            opened.callback(kept.close)
            # (2) count by the clock of the lines
            lines: dict[str, int] = {}
            spans = _grouped(_spans(named))
            for number, (some, done) in enumerate(_through(spans, policy, options, key)):
                for span, each in zip(some, done.told, strict=True):
                    before = lines.get(span.path, 0)
                    if each.first_unread and not first:
                        first = f"{span.path}:{before + each.first_unread}"
                    lines = {span.path: before + each.lines}
                    told.add(each)
                    progress.advance(_size(span))
                if done.records:
                    kept.add(done.records, batch=f"{number}", days=[done.records[0].day])
            # (3) write what it came to
            if not told.days:
                raise ConfigurationError(
                    f"no line of {counted(told.lines, 'line')} could be read as a request"
                )
            kept.add([], batch="days", days=sorted(told.days))
            _write(output, kept)
    progress.close()
    _say(told, first)


# ---- which bytes ----------------------------------------------------------------------------


def _spans(named: Sequence[str]) -> Iterator[_Span]:
    """The logs that *named* means, long ones in ranges of whole lines."""
    from headway.scan.ranges import ranges_of
    from headway.scan.readers import STANDARD_INPUT, files_in, opened, source_of
    from headway.scan.stores.address import is_address, parse_address
    from headway.scan.stores.objects import objects_in

    def refuse(what: object) -> None:
        path, why = getattr(what, "path", ""), getattr(what, "why", "")
        raise ConfigurationError(f"{path}: {why}; records are made of all that is named")

    addresses = [parse_address(name) for name in named if is_address(name)]
    for path in files_in((name for name in named if not is_address(name)), refuse):
        if path == STANDARD_INPUT:
            yield _Span(path)
            continue
        try:
            with opened(path) as (raw, found):
                _, compression = source_of(raw)
                raw.seek(0)
                if compression is not None or raw.read(1) == b"#":  # names columns for all of it
                    yield _Span(path)
                    continue
                ranges = list(ranges_of(raw, found.st_size, RANGE))  # type: ignore[arg-type]
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        for each in ranges:
            yield _Span(path, each.start, each.end)
    for _, stored in objects_in(addresses, refuse):
        yield _Span(stored.address, stored=stored)


def _grouped(spans: Iterable[_Span]) -> Iterator[list[_Span]]:
    """Small ones together, so that each turn is worth it."""
    group: list[_Span] = []
    size = 0
    for span in spans:
        group.append(span)
        size += _size(span)
        if size >= RANGE // 2 or len(group) == FILES_AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _size(span: _Span) -> int:
    if span.end is not None:
        return span.end - span.start
    if span.stored is not None:
        return span.stored.size
    try:
        return os.stat(span.path).st_size  # noqa: PTH116 - a name need not be text
    except OSError:
        return 0


# ---- who counts -----------------------------------------------------------------------------


def _through(
    groups: Iterator[list[_Span]], policy: GatewayPolicy, options: PastUsage, key: bytes
) -> Iterator[tuple[list[_Span], _Counted]]:
    """What *groups* came to, in their order: counted here, or by several processes."""
    jobs = 1 if options.verify else options.jobs or len(os.sched_getaffinity(0))
    head = list(islice(groups, 2))
    if jobs == 1 or len(head) < 2:
        with _Counting(options, key, policy) as counting:
            for group in (*head, *groups):
                yield group, counting.count(group)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (options, key)) as pool:
        waiting: deque[tuple[list[_Span], Future[_Counted]]] = deque()
        try:
            for group in (*head, *groups):
                waiting.append((group, pool.submit(_count, group)))
                if len(waiting) > 2 * jobs:
                    yield waiting[0][0], waiting.popleft()[1].result()
            while waiting:
                yield waiting[0][0], waiting.popleft()[1].result()
        except BrokenProcessPool:
            raise ConfigurationError(
                "a process ended before its work was done; nothing is written"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_counting: _Counting | None = None  # of a process that counts for another


def _begin(options: PastUsage, key: bytes) -> None:
    global _counting
    _counting = _Counting(options, key)


def _count(group: list[_Span]) -> _Counted:
    if _counting is None:
        raise RuntimeError("a process counts only once it has begun")
    return _counting.count(group)


class _Counting:
    """Counts, in one process; what it tells apart has the bounds of the policy, as any process."""

    def __init__(self, options: PastUsage, key: bytes, policy: GatewayPolicy | None = None) -> None:
        from headway.gateway.policy_file import load_policy
        from headway.gateway.usage.access_logs import Converter, names_of
        from headway.gateway.usage.counting import UsageCounter
        from headway.scan.blocks import FIELDS, Needles
        from headway.scan.requests import by_fields, needles_of

        policy = policy or load_policy(options.policy)
        self._opened = ExitStack()
        self._records: list[Record] = []
        self._moment = 0.0
        self._counter = UsageCounter(self, clock=lambda: self._moment, bounds=policy.usage.bounds)
        verifiers = verifiers_of(policy, options.keys, self._opened) if options.verify else None
        self._converter = Converter(policy, self._use, hash_key=key, verifiers=verifiers)
        self._needles = Needles((*needles_of(names_of(policy)), FIELDS))
        self._read = by_fields(options.fields) if options.fields else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *told: object) -> None:
        self._opened.close()

    def count(self, group: list[_Span]) -> _Counted:
        """What stands in *group*; raises ConfigurationError for what can not be read."""
        from headway.scan.readers import BREAKS, broken_off

        told: list[Conversion] = []
        for span in group:
            try:
                told.append(self._span(span))
            except BREAKS as error:
                raise ConfigurationError(f"{span.path}: {broken_off(error)}") from None
        self._counter.flush()
        records, self._records = self._records, []
        return _Counted(told, records)

    def _span(self, span: _Span) -> Conversion:
        from headway.scan.ranges import Part, Range
        from headway.scan.readers import STANDARD_INPUT, opened, source_of, standard_input

        if span.path == STANDARD_INPUT:
            return self._source(standard_input()[0])
        if span.stored is not None:
            return self._object(span.stored)
        with opened(span.path) as (raw, _):
            if span.end is None:
                return self._source(source_of(raw)[0])
            return self._source(Part(raw, Range(span.start, span.end)))  # type: ignore[arg-type]

    def _object(self, stored: Stored) -> Conversion:
        from headway.scan.stores.address import parse_address
        from headway.scan.stores.objects import store_of
        from headway.scan.stores.reading import opened_object, source_of_object

        store = store_of(parse_address(stored.address).scheme)
        with opened_object(store, stored) as raw:
            return self._source(source_of_object(raw)[0])

    def _source(self, source: Reads) -> Conversion:
        from headway.gateway.usage.access_logs import Conversion, Line
        from headway.scan.requests import Looked, requests_in

        looked, told = Looked(), Conversion()
        self._converter.told = told
        for number, each in requests_in(source, self._needles, looked, read=self._read):
            status = each.status if each.status is not None and each.status > 0 else 0
            what = (each.method, each.target, each.client, each.agent, each.origin, status)
            if each.at is None or not self._converter.take(Line(each.at, *what)):
                told.unread += 1
                told.first_unread = told.first_unread or number
            if self._counter.waiting >= WAITING_MAX:
                self._counter.flush()
        told.lines, told.days = looked.lines, told.days | looked.days
        return told

    def _use(self, use: Use, at: float) -> None:
        self._moment = at
        self._counter(use)

    # ---- where the counter writes -----------------------------------------------------------

    def add(self, records: list[Record], *, batch: str, days: tuple[str, ...]) -> bool:
        """Keep *records* until they are handed on."""
        self._records += records
        return True

    def forget(self, before: str) -> int:
        """Nothing is kept for long."""
        return 0


# ---- what it came to ------------------------------------------------------------------------


def _write(output: Path, kept: UsageStore) -> None:
    from headway.gateway.usage.record import write_lines

    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.writelines(write_lines(kept.records(), kept.days()))
    except OSError as error:
        raise ConfigurationError(f"{output}: {error.strerror}") from None


def _say(told: Conversion, first: str) -> None:
    from headway.scan.report.escaping import for_terminal

    days = sorted(told.days)
    print(f"{counted(told.lines, 'line')}, {days[0]} to {days[-1]}: {counted(told.uses, 'use')}")
    if told.refused:
        print(f"not counted, because they had been refused: {counted(told.refused, 'request')}")
    if told.unread:
        unread = counted(told.unread, "line")
        print(for_terminal(f"not read, though a name stands there: {unread}, the first is {first}"))
