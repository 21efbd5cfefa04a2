"""The log formats: which part of a line is the address, the client, the time.

A format is recognised by its lines.  A reader is asked only about lines in which something was
found, so that it may take its time; what a format has not stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_plus

import msgspec

__all__ = ["FORMATS", "Columns", "Format", "Record", "known_columns", "moment_of", "record_of"]


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a line says of a request; ``parts`` are spans of the line, by name.

    ``at`` is in seconds since 1970; where a line has no zone, UTC is taken.  ``target`` is
    path and query, or the address, as the request had them: without the escapes of the log, and
    empty where the line is of a log of errors.
    """

    client: str = ""
    at: float | None = None
    method: str = ""
    path: str = ""
    status: int | None = None
    agent: str = ""
    origin: str = ""
    target: str = ""
    parts: tuple[tuple[str, int, int], ...] = ()


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A log format: its name, and how a line of it is read (None: it is none of it)."""

    name: str
    read: Callable[[bytes], Record | None]


# ---- pieces ---------------------------------------------------------------------------------

# Possessive, and many bytes at a step: a line of a megabyte costs no more than its length.
_INSIDE = rb'(?:[^"\\]++|\\.)*+'
_WORD = rb'(?:[^" \\]++|\\.)*+'
_REQUEST = rb'"(?P<method>[A-Z]{3,12}) (?P<url>' + _WORD + rb')(?: HTTP/[\d.]+)?"?'
_COMBINED = (
    rb"\A(?P<client>\S++) \S++ \S++ \[(?P<at>[^\]]++)\] "
    + _REQUEST
    + rb'(?: (?P<status>\d{3}) \S++(?: "(?P<referer>'
    + _INSIDE
    + rb')"?(?: "(?P<agent>'
    + _INSIDE
    + rb')"?)?)?)?'
)
_TIMES = ("%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y:%H:%M:%S.%f", "%d/%b/%Y:%H:%M:%S", "%Y/%m/%d %H:%M:%S")


_CLF = re.compile(r"(?a)(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)")
_MONTHS = {"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9,
           "Oct": 10, "Nov": 11, "Dec": 12}  # fmt: skip


def _moment(text: str) -> float | None:
    """Seconds since 1970 of a time as logs write it."""
    found = _CLF.fullmatch(text)
    if found is not None and found[2] in _MONTHS:  # most lines; a tenth of what the others take
        day, month, year, hour, minute, second, zone, rest = found.groups()
        text = f"{year}-{_MONTHS[month]:02}-{day}T{hour}:{minute}:{second}{zone}:{rest}"
    for form in _TIMES if found is None else ():
        try:
            parsed = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set below
        except ValueError:
            continue
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _text(value: bytes | None) -> str:
    return "" if value in (None, b"-") else (value or b"").decode("utf-8", "replace")


def _status(text: str) -> int | None:
    """A status; None for anything else, and for a number that nobody wrote as one."""
    return int(text) if re.fullmatch(r"(?a)-?\d{1,4}", text) else None


def _path(url: bytes | None) -> str:
    """The path of a target or an address, without query and fragment."""
    text = _text(url)
    if "://" in text[:12]:
        text = "/" + text.partition("://")[2].partition("/")[2]
    return re.split(r"[?;#]", text, maxsplit=1)[0]


_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')


def _target(url: bytes | None) -> str:
    """*url* without the escapes of nginx (a hexadecimal byte) and Apache (a backslash)."""
    if url is None or url == b"-":
        return ""
    if b"\\" in url:
        url = _ESCAPE.sub(
            lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], url
        )
    return url.decode("latin-1")


def _by(
    pattern: bytes,
    parts: Iterable[str] = ("url", "referer", "redirect", "upstream"),
    *,
    counts: bool = True,
) -> Format:
    """A reader by an expression whose groups are named like the members of a record.

    *counts*: a line is a request, and not something that is said of one which another log has.
    """
    compiled = re.compile(pattern)
    named = [part for part in parts if part in compiled.groupindex]

    def read(line: bytes) -> Record | None:
        found = compiled.match(line)
        if found is None:
            return None
        got = found.groupdict()
        return Record(
            client=_text(got.get("client")).rpartition(":")[2]
            if (got.get("client") or b"").startswith(b"::ffff:")
            else _text(got.get("client")),
            at=_moment(_text(got.get("at"))),
            method=_text(got.get("method")),
            path=_path(got.get("url")),
            status=_status(_text(got.get("status"))),
            agent=_text(got.get("agent")),
            target=_target(got.get("url")) if counts else "",
            parts=tuple((part, *found.span(part)) for part in named if got[part] is not None),
        )

    return Format(name="", read=read)


# ---- columns with a header line -------------------------------------------------------------


class Columns:
    """W3C extended logs: the line ``#Fields:`` names the columns of those that follow.

    CloudFront has tabs and escapes its values again; IIS has spaces, and writes ``+`` for them.
    """

    def __init__(self, fields: bytes) -> None:
        self._names = fields.split(b":", 1)[1].split()

    def read(self, line: bytes) -> Record | None:
        """The record of *line*, None for another header line or too few columns."""
        tabs = b"\t" in line
        values = line.rstrip(b"\r\n").split(b"\t" if tabs else b" ")
        if line.startswith(b"#") or len(values) < len(self._names):
            return None
        spans: dict[bytes, tuple[int, int]] = {}
        at = 0
        for name, value in zip(self._names, values, strict=False):
            spans[name] = (at, at + len(value))
            at += len(value) + 1
        got = {name: line[start:end] for name, (start, end) in spans.items()}
        agent = unquote_plus(_text(got.get(b"cs(User-Agent)")))
        stem, query = _target(got.get(b"cs-uri-stem")), _target(got.get(b"cs-uri-query"))
        return Record(
            client=_text(got.get(b"c-ip")),
            at=_moment(f"{_text(got.get(b'date'))}T{_text(got.get(b'time'))}"),
            method=_text(got.get(b"cs-method")),
            path=_path(got.get(b"cs-uri-stem")),
            status=_status(_text(got.get(b"sc-status"))),
            agent=unquote_plus(agent) if tabs else agent,
            target=f"{stem}?{query}" if query else stem,
            parts=tuple(
                (part, *spans[column])
                for column, part in ((b"cs-uri-query", "url"), (b"cs(Referer)", "referer"))
                if column in spans
            ),
        )


_COLUMNS = frozenset(
    b"date time c-ip cs-method cs-uri-stem cs-uri-query sc-status "
    b"cs(User-Agent) cs(Referer)".split()
)


def known_columns(fields: bytes) -> bytes:
    """The line *fields* with a dash for each column that nobody reads; b"" for none.

    Whatever else such a line holds does not leave the machine with it.

    >>> known_columns(b"#Fields: date x-edge c-ip")
    b'#Fields: date - c-ip'
    """
    name, colon, columns = fields.partition(b":")
    if not colon:
        return b""
    known = (column if column in _COLUMNS else b"-" for column in columns.split())
    return name + b": " + b" ".join(known)


# ---- JSON -----------------------------------------------------------------------------------

_JSON_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "client": ("remote_ip", "client_ip", "ClientHost", "remoteIp", "remote_addr", "client.address",
               "REMOTE_ADDR", "clientip", "client"),
    "at": ("timestamp", "time", "ts", "StartUTC", "@timestamp", "startTimeUnixNano"),
    "method": ("method", "requestMethod", "RequestMethod", "http.request.method", "http.method"),
    "url": ("uri", "url", "requestUrl", "RequestPath", "url.full", "http.url", "http.target",
            "url.query", "query_string", "path", "request_uri"),
    "status": ("status", "DownstreamStatus", "http.response.status_code", "status_code"),
    "agent": ("User-Agent", "userAgent", "user_agent", "request_User-Agent", "user_agent.original"),
    "referer": ("Referer", "referer", "referrer", "request_Referer", "http.request.header.referer"),
    "origin": ("Origin", "origin", "request_Origin", "http.request.header.origin"),
}  # fmt: skip
_MEMBER_OF = {name: part for part, names in _JSON_MEMBERS.items() for name in names}
_QUERIES = ("query_string", "url.query")  # of an address that may stand beside, without it
_ROOMS = {"breadcrumbs": "breadcrumb", "exception": "message", "logentry": "message"}
_LEXEME = re.compile(rb'"((?:[^"\\]|\\.)*+)"|[{}\[\],:]')
_WRAPPERS = frozenset({"value", "stringValue", "arrayValue", "values", "key", "name"})
_DEPTH = 32


def _json(line: bytes) -> Record | None:
    """A record of a JSON object, wherever in it its members stand."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        whole = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    got: dict[str, str] = {}
    _gather(whole, got, 0)
    return Record(
        client=got.get("client", ""),
        at=moment_of(got.get("at", "")),
        method=got.get("method", ""),
        path=_path(got.get("url", "").encode()),
        status=_status(got.get("status", "")),
        agent=got.get("agent", ""),
        origin=got.get("origin", ""),
        target=_json_target(got),
        parts=_json_parts(line),
    )


def _json_target(got: Mapping[str, str]) -> str:
    url, query = got.get("url", ""), got.get("query", "")
    whole = f"{url}?{query}" if query and "?" not in url else url
    return whole.encode("utf-8", "replace").decode("latin-1")


def _gather(value: object, got: dict[str, str], depth: int) -> None:
    """The first member of each sort; pairs of names and values (OpenTelemetry, Sentry) too."""
    if depth > _DEPTH:
        return
    if isinstance(value, dict):
        name = value.get("key")
        if isinstance(name, str) and "value" in value:
            _keep(name, _first_string(value["value"]), got)
        for member, inner in value.items():
            _keep(str(member), inner, got)
            if member not in _ROOMS:
                _gather(inner, got, depth + 1)
    elif isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str):
            _keep(value[0], value[1], got)
        for inner in value:
            _gather(inner, got, depth + 1)


def _keep(name: str, value: object, got: dict[str, str]) -> None:
    part = _MEMBER_OF.get(name)
    if isinstance(value, list) and value:
        value = value[0]
    if name in _QUERIES and "query" not in got and isinstance(value, str):
        got["query"] = value
    if part is not None and part not in got and isinstance(value, str | int | float):
        got[part] = str(value)


def _first_string(value: object) -> object:
    while isinstance(value, dict | list) and value:
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return value


def moment_of(text: str) -> float | None:
    """A moment as JSON has it: seconds, thousandths or billionths since 1970, or a date."""
    try:
        number = float(text)
    except ValueError:
        return _moment(text)
    return number / 1e9 if number > 1e17 else number / 1e3 if number > 1e11 else number


class _Frame(msgspec.Struct):
    """An object or a list that is open, and what names that which stands in it now."""

    is_object: bool
    name: str = ""  # the member, or what an element says of the one beside it
    expects_name: bool = True


def _json_parts(line: bytes) -> tuple[tuple[str, int, int], ...]:
    """The spans of strings, named after the member (or the room) that they are in."""
    parts: list[tuple[str, int, int]] = []
    frames: list[_Frame] = []
    for found in _LEXEME.finditer(line):
        mark, frame = found[0], frames[-1] if frames else _Frame(is_object=False)
        if mark in (b"{", b"["):
            frames.append(_Frame(is_object=mark == b"{"))
        elif mark in (b"}", b"]"):
            frames = frames[:-1]
        elif mark in (b",", b":"):
            frame.expects_name = mark == b","
        else:
            text = found[1].decode("utf-8", "replace")
            if frame.is_object and frame.expects_name:
                frame.name = frame.name if text in _WRAPPERS else text
            elif text in _MEMBER_OF:
                frame.name = text
            elif part := _part_of(frames):
                parts.append((part, *found.span(1)))
        if len(frames) > _DEPTH:
            break
    return tuple(parts)


def _part_of(frames: list[_Frame]) -> str:
    """What names a string: a room around it, else the innermost member that says anything."""
    for frame in frames:
        if frame.name in _ROOMS:
            return _ROOMS[frame.name]
    named = next((each.name for each in reversed(frames) if each.name), "")
    part = _MEMBER_OF.get(named, "")
    return part if part in ("url", "referer") else ""


# ---- the table ------------------------------------------------------------------------------

_SYSLOG = rb"\A(?:\S.{0,80}? )?"
_READERS: Mapping[str, Callable[[bytes], Record | None]] = {
    "combined": _by(_COMBINED).read,  # of most lines
    "alb": _by(
        rb"\A(?:https?|h2|wss?|grpcs?) (?P<at>\S+) \S+ (?P<client>[^ ]+?):\d+ \S+ \S+ \S+ \S+ "
        rb"(?P<status>\d{3}|-) \S+ \S+ \S+ " + _REQUEST + rb' "(?P<agent>[^"]*)"(?: \S+){3} '
        rb'"[^"]*" "[^"]*" "[^"]*" \S+ \S+ "[^"]*" "(?P<redirect>[^"]*)"'
    ).read,
    "s3": _by(
        rb"\A[0-9a-f]{64} \S+ \[(?P<at>[^\]]+)\] (?P<client>\S+) \S+ \S+ \S+ \S+ " + _REQUEST
        + rb' (?P<status>\d{3}) \S+ \S+ \S+ \S+ \S+ "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"'
    ).read,
    "envoy": _by(
        rb"\A\[(?P<at>\d{4}-[^\]]+)\] " + _REQUEST + rb" (?P<status>\d{1,3}) \S+ \S+ \S+ \S+ \S+ "
        rb'"(?P<client>[^"]*)" "(?P<agent>[^"]*)"'
    ).read,
    "haproxy": _by(
        _SYSLOG + rb"haproxy\[\d+\]: (?P<client>\S+?):\d+ \[(?P<at>[^\]]+)\] \S+ \S+ \S+ "
        rb"(?P<status>-?\d+) \S+ \S+ \S+ \S+ \S+ \S+ (?:\{(?P<referer>[^}]*)\} (?:\{[^}]*\} )?)?"
        + _REQUEST
    ).read,
    "nginx-error": _by(
        rb"\A(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[\w+\] (?>.*?client: )(?P<client>[^,]+)"
        rb"(?>.*?request: )" + _REQUEST + rb'(?:.*?upstream: "(?P<upstream>[^"]*)")?'
        rb'(?:.*?referrer: "(?P<referer>[^"]*)"?)?',
        counts=False,
    ).read,
    "heroku": _by(
        rb"\A(?P<at>\S+) heroku\[router\]: .*?method=(?P<method>[A-Z]+) path=\"(?P<url>[^\"]*)\""
        rb"(?:.*?fwd=\"(?P<client>[^\",]+))?(?:.*? status=(?P<status>\d+))?"
    ).read,
    "json": _json,
}  # fmt: skip

FORMATS = tuple(Format(name=name, read=read) for name, read in _READERS.items())
"""Tried in this order."""


def record_of(line: bytes) -> Record:
    """What *line* by itself says; an empty record where it is of no format.

    >>> record_of(b'192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /x HTTP/1.1" 200 1').client
    '192.0.2.1'
    """
    for each in FORMATS:
        record = each.read(line)
        if record is not None:
            return record
    return Record()
