"""The requests that logs tell of, where a parameter of some name may stand in them.

For whoever counts uses of old logs: every byte is looked at for the names, and only lines that have
one are read.  Of all others, as much is known as can be had for nothing: how many there are, and
of which days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, product
from typing import Any

import msgspec

from headway.errors import ConfigurationError
from headway.scan.blocks import FIELDS, Block, Line, Needles, blocks_of, lines_in
from headway.scan.formats import Record, moment_of, record_of
from headway.scan.logs import Reading
from headway.scan.readers import Reads
from headway.scan.summary import day_of

__all__ = ["Looked", "by_fields", "needles_of", "requests_in"]

_Read = Callable[[bytes], Record | None]

_LETTERS = 3  # of a name: as many cases as a search takes without effort
_ENDS = 8  # lines at each end of a block that are tried for their time


class Looked(msgspec.Struct):
    """How much was looked at: lines, and the days (UTC) of which there is a request."""

    lines: int = 0
    days: set[str] = msgspec.field(default_factory=set)


# ---- which lines ----------------------------------------------------------------------------


def needles_of(parts: Iterable[str]) -> tuple[bytes, ...]:
    """What a line has to hold that is to hold one of *parts*, in any case and with any escapes.

    *parts* are lower case.  A line may hold one of them and no part; never the other way round.

    >>> b"jWt" in needles_of(["jwt"]), b"%6A" in needles_of(["jwt"])
    (True, True)
    """
    found: dict[bytes, None] = {}
    for part in parts:
        piece = part[-_LETTERS:]
        for spelled in product(*({each.lower(), each.upper()} for each in piece)):
            found["".join(spelled).encode()] = None
        for each in {*piece.lower(), *piece.upper()}:
            code = f"{ord(each):02x}"
            for sign in ("%", "%25"):  # once, and once more by something on the way
                found[f"{sign}{code}".encode()] = None
                found[f"{sign}{code.upper()}".encode()] = None
    # an escape whose digits are escaped, thrice escaped, or of ASP.NET
    found |= dict.fromkeys((b"%2525", b"%u00", b"%U00", b"%%"))
    found |= dict.fromkeys(f"%{digit}%".encode() for digit in "34567")
    return tuple(found)


def requests_in(
    source: Reads,
    names: Needles,
    looked: Looked,
    *,
    read: _Read | None = None,
) -> Iterator[tuple[int, Record]]:
    r"""The lines of *source* that hold one of *names*, with their numbers: what each says.

    A record that has no time, method or target is of no request.  *read* reads lines of a form
    that is not recognised; *looked* is told of all lines.

    >>> import io
    >>> log = io.BytesIO(b'h - - [01/Jan/2026:00:00:04 +0000] "GET /x?jwt=y HTTP/1.1" 200 1\n')
    >>> [(number, each.target) for number, each in
    ...     requests_in(log, Needles((b"jwt", FIELDS)), Looked())]
    [(1, '/x?jwt=y')]
    """
    reading = Reading()
    number = 1
    for block in blocks_of(source):
        columns = reading.fields  # of the first line of the block
        for line in lines_in(block, names, number):
            found = _record(line, reading, read)
            if not line.data.startswith(FIELDS) and line.low == 0:
                yield line.number, found
        _days_of(block, columns, reading, read, looked)
        ends = block.buffer.count(b"\n", block.low, block.high)
        number += ends
        looked.lines += ends
    looked.lines += _unfinished(block)


def _record(line: Line, reading: Reading, read: _Read | None) -> Record:
    if read is None or line.data.startswith(FIELDS):
        return reading.record(line)
    return (read(line.data) if line.whole else None) or Record()


def _unfinished(block: Block) -> int:
    """1 where the last line of all has no end."""
    return int(block.high > 0 and block.buffer[block.high - 1] != 0x0A)


def _days_of(
    block: Block, columns: bytes, reading: Reading, read: _Read | None, looked: Looked
) -> None:
    """Note the days of *block*: those of its first and last lines, or of all where these differ.

    A day of which there are lines between two of another day is not seen; logs are in order.
    """
    first = _first_day(_lines(block), Reading(columns), read)
    last = _first_day(_lines_backwards(block), Reading(reading.fields), read)
    looked.days |= {first, last} - {""}
    if first != last:
        begun = Reading(columns)
        looked.days |= {_day(data, begun, read) for data in _lines(block)} - {""}


def _first_day(lines: Iterator[bytes], reading: Reading, read: _Read | None) -> str:
    tried = (_day(data, reading, read) for data in islice(lines, _ENDS))
    return next(filter(None, tried), "")


def _day(data: bytes, reading: Reading, read: _Read | None) -> str:
    found = _record(Line(data, 0, 0, whole=True, low=0, high=len(data)), reading, read)
    return day_of(found.at) if found.method else ""


def _lines(block: Block) -> Iterator[bytes]:
    at = block.low
    while at < block.high:
        end = block.buffer.find(b"\n", at, block.high)
        end = block.high if end < 0 else end
        if end > at:
            yield bytes(block.view[at:end])
        at = end + 1


def _lines_backwards(block: Block) -> Iterator[bytes]:
    end = block.high
    while end > block.low:
        end -= block.buffer[end - 1] == 0x0A
        start = block.buffer.rfind(b"\n", block.low, end) + 1 or block.low
        if end > start:
            yield bytes(block.view[start:end])
        end = start


# ---- JSON of any names ----------------------------------------------------------------------

_MEMBERS = {
    "time": "at",
    "method": "method",
    "target": "target",
    "peer": "client",
    "agent": "agent",
    "origin": "origin",
    "status": "status",
}


def by_fields(told: str) -> _Read:
    """A reader of JSON that has ``time=ts,target=request.uri,...``; raises ConfigurationError.

    What is not named is looked for under the names that are known.

    >>> read = by_fields("time=at,method=m,target=uri")
    >>> read(b'{"at": 5, "m": "GET", "uri": "/a?b"}').target
    '/a?b'
    """
    places: dict[str, str] = {}
    for pair in filter(None, told.split(",")):
        name, equals, place = pair.partition("=")
        if name not in _MEMBERS or not equals:
            raise ConfigurationError(f"fields: {name!r} is none of {', '.join(_MEMBERS)}")
        places[_MEMBERS[name]] = place

    def read(line: bytes) -> Record | None:
        try:
            whole = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            return None
        named = {member: _value(member, _found(whole, place)) for member, place in places.items()}
        return msgspec.structs.replace(record_of(line), **named)

    return read


def _found(told: Any, place: str) -> Any:
    for name in place.split(".") if place else ():
        told = told.get(name) if isinstance(told, dict) else None
    return told[0] if isinstance(told, list) and told else told


def _value(member: str, found: Any) -> Any:
    if member == "at":
        is_one = isinstance(found, str | int | float) and not isinstance(found, bool)
        return moment_of(str(found)) if is_one else None
    if member == "status":
        return int(found) if str(found).isascii() and str(found).isdigit() else None
    return found if isinstance(found, str) else ""
