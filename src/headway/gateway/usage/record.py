"""One record of usage, and the file format: a line of JSON for each.

A record counts the requests of one client at one location on one day (UTC),
told apart by what became of them, method, route class and User-Agent class.
What was verified and what was only claimed are never one record: whoever writes
somebody else's name into a token changes no verified figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec

from headway.errors import ConfigurationError
from headway.gateway.decision import EXCEPTED
from headway.redact import contains_secret
from headway.refusals import TokenLookalike

__all__ = [
    "DAY",
    "NOT_USE",
    "OTHER",
    "Header",
    "Record",
    "day_of",
    "read_lines",
    "write_lines",
]

DAY = 86_400
OTHER = "(other)"
"""Stands for what was too much to be told apart: a client, a method, a route, an agent."""

NOT_USE = frozenset({EXCEPTED, TokenLookalike.id})
"""Outcomes that are counted and are no use of a location that is on its way out."""

LINE_BYTES_MAX = 8_000
VERSION = 1

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


def day_of(at: float) -> str:
    """The day (UTC) of *at* (seconds since 1970).

    >>> day_of(1_643_673_600)
    '2022-02-01'
    """
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a file: what it is, and on which *days* somebody counted.

    A day on which nothing was counted is not a day on which nobody counted.
    """

    format: str = "headway-usage"
    version: int = VERSION
    days: tuple[str, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Counts of one day.  *hours* are 24 counts by hour (UTC), or none where that is not known.

    *outcome* is ``pass``, ``anonymous``, ``refuse``, ``excepted`` or the id of a
    refusal.  *also_header* counts those with a token in the header too,
    *from_browser* those with an ``Origin``.  *first* and *last* are seconds
    since 1970.  *sample* is one target without its values.

    >>> Record(day="2022-02-01", location="jwt", client="acme", verified=True, outcome="pass",
    ...     method="GET", route="/rest", count=3, first=1643673600, last=1643673700).used
    True
    """

    day: str
    location: str
    client: str
    verified: bool
    outcome: str
    method: str
    route: str
    agent: str = ""
    count: _Count
    hours: tuple[_Count, ...] = ()
    also_header: _Count = 0
    from_browser: _Count = 0
    first: _Seconds
    last: _Seconds
    sample: str = ""

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.day)
        except ValueError:
            raise ConfigurationError("day: is no day such as 2022-02-01") from None
        if len(self.hours) not in (0, 24) or sum(self.hours) > self.count:
            raise ConfigurationError("hours: are 24 numbers, and no more together than count")
        if self.count < 1 or max(self.also_header, self.from_browser) > self.count:
            raise ConfigurationError("count: is at least 1, and at least what it is made of")
        if self.last < self.first:
            raise ConfigurationError("last: is before first")
        for field, most in _TEXTS.items():
            text = getattr(self, field)
            if len(text) > most or not text.isprintable():
                raise ConfigurationError(f"{field}: has more than {most} or strange characters")

    @property
    def used(self) -> bool:
        """Whether it counts a use of the location that retiring it would end."""
        return self.outcome not in NOT_USE


_TEXTS = {
    "location": 64,
    "client": 130,
    "outcome": 64,
    "method": 20,
    "route": 300,
    "agent": 60,
    "sample": 300,
}

_encoder = msgspec.json.Encoder()
_record = msgspec.json.Decoder(Record)
_header = msgspec.json.Decoder(Header)


def write_lines(records: Iterable[Record], days: Iterable[str] = ()) -> Iterator[bytes]:
    r"""The file's lines: a :class:`Header`, then *records*.

    >>> next(write_lines([], ["2022-02-01"]))
    b'{"format":"headway-usage","version":1,"days":["2022-02-01"]}\n'
    """
    yield _encoder.encode(Header(days=tuple(sorted(days)))) + b"\n"
    for record in records:
        yield _encoder.encode(record) + b"\n"


def read_lines(lines: Iterable[bytes], *, source: str = "usage") -> tuple[Header, Iterator[Record]]:
    """The header of a file, and its records, read as they are asked for.

    Raises ConfigurationError, which names the line: for what is no record, for
    a line that is too long, and for a text in which a token stands.

    >>> lines = write_lines([], ["2022-02-01"])
    >>> read_lines(lines)[0].days
    ('2022-02-01',)
    """
    rest = iter(lines)
    first = next(rest, b"")
    try:
        header = _header.decode(_short(first))
        known = (header.format, header.version) == ("headway-usage", VERSION)
        for day in header.days:
            date.fromisoformat(day)
    except (msgspec.DecodeError, ValueError, ConfigurationError):
        header, known = Header(), False
    if not known:
        raise ConfigurationError(
            f'{source}:1: does not begin with {{"format":"headway-usage","version":{VERSION}}}'
        )
    return header, _records(rest, source)


def _records(lines: Iterable[bytes], source: str) -> Iterator[Record]:
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            record = _record.decode(_short(line))
        except (msgspec.DecodeError, ConfigurationError, ValueError) as error:
            raise ConfigurationError(f"{source}:{number}: {error}") from None
        for field in _TEXTS:
            if contains_secret(getattr(record, field)):
                raise ConfigurationError(f"{source}:{number}: {field}: holds a token or a secret")
        yield record


def _short(line: bytes) -> bytes:
    if len(line) > LINE_BYTES_MAX:
        raise ConfigurationError(f"is longer than {LINE_BYTES_MAX} bytes")
    return line
