"""JSON documents: every string in them, named by where it stands; and the same without tokens.

For HAR files, and for exports of Sentry and OpenTelemetry.  A pair of a name and a
value (``{"name": "jwt", "value": "..."}``, ``["Referer", "..."]``) is read as such.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from headway.errors import HeadwayError
from headway.redact import MARKER
from headway.scan.hits import Hit, found_in_line, hits_in
from headway.scan.readers import opened, source_of
from headway.secret_shapes import FIELD_NAMES

__all__ = [
    "DOCUMENT_MAX",
    "Leaf",
    "NoDocument",
    "hits_of",
    "leaves",
    "read_documents",
    "without_tokens",
]

DOCUMENT_MAX = 2**30
"""The longest document that is read, in bytes: it is in memory as a whole."""

_DEPTH = 128
_SECRET_FIELD = re.compile(FIELD_NAMES, re.ASCII)
_PLACES = {
    "url": "url", "uri": "url", "query_string": "url", "querystring": "url", "url.full": "url",
    "url.query": "url", "http.url": "url", "http.target": "url", "requesturl": "url",
    "documenturl": "url", "pageref": "url", "title": "url", "referer": "referer",
    "referrer": "referer", "http.request.header.referer": "referer", "redirecturl": "redirect",
    "location": "redirect", "text": "body", "body": "body", "postdata": "body",
}  # fmt: skip


class NoDocument(HeadwayError):
    """The file is no JSON document that can be read; the text says why."""


class Leaf(NamedTuple):
    """A string of a document, where it stands, and the name beside it, if there is one."""

    path: tuple[str | int, ...]
    name: str  # of the pair or the member that it is the value of
    text: str
    encoded: bool = False  # it is base64 of what was meant

    @property
    def pointer(self) -> str:
        """The path as in RFC 6901."""
        parts = (str(each).replace("~", "~0").replace("/", "~1") for each in self.path)
        return "".join(f"/{part}" for part in parts)

    @property
    def is_cookie(self) -> bool:
        """Whether it is the value of one that HAR lists: ``cookies/0/value``."""
        return len(self.path) > 2 and (self.path[-3], self.path[-1]) == ("cookies", "value")

    @property
    def content(self) -> bytes:
        """What was meant, as bytes."""
        if self.encoded:
            try:
                text = "".join(self.text.split()).rstrip("=")  # some break its lines
                return b64decode(text + "=" * (-len(text) % 4), validate=True)
            except (NoBase64, ValueError):
                pass
        return self.text.encode("utf-8", "surrogatepass")

    @property
    def within(self) -> str:
        """The sort of place."""
        named = [self.name, *(each for each in reversed(self.path) if isinstance(each, str))]
        return next((place for each in named if (place := _PLACES.get(each.lower()))), "text")


def read_documents(path: str) -> list[Any]:
    """The JSON documents in the file *path*: one, or one in each line.

    Raises NoDocument, and what :data:`headway.scan.readers.BREAKS` names.
    """
    data = _bytes_of(path).removeprefix(b"\xef\xbb\xbf")
    try:
        return [msgspec.json.decode(data)]
    except msgspec.DecodeError as error:
        if b"trailing" not in str(error).encode():
            raise NoDocument(f"is no JSON document: {_where(error)}") from None
    except UnicodeDecodeError:
        raise NoDocument("is no JSON document: it is not UTF-8") from None
    except RecursionError:
        raise NoDocument("is nested too deeply") from None
    return [*_by_lines(data)]


def _by_lines(data: bytes | bytearray) -> Iterator[Any]:
    for number, line in enumerate(bytes(data).splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NoDocument(f"line {number} is no JSON document: {_where(error)}") from None


def _bytes_of(path: str) -> bytearray:
    with opened(path) as (raw, _):
        source, _ = source_of(raw)
        data, buffer = bytearray(), bytearray(1 << 20)
        while size := source.readinto(memoryview(buffer)):
            data += buffer[:size]
            if len(data) > DOCUMENT_MAX:
                raise NoDocument(f"has more than {DOCUMENT_MAX} bytes")
        return data


def _where(error: Exception) -> str:
    return re.sub(r"[^ -~]", "?", str(error))[:120]


def leaves(value: Any) -> Iterator[Leaf]:
    """Every string in *value*, and every name of a member, in their order.

    Raises NoDocument where it is nested deeper than is looked at: nothing is passed over.
    """
    waiting: list[tuple[tuple[str | int, ...], str, Any, bool]] = [((), "", value, False)]
    while waiting:
        path, name, at, encoded = waiting.pop()
        if isinstance(at, str):
            yield Leaf(path, name, at, encoded)
        elif isinstance(at, dict | list) and len(path) >= _DEPTH:
            raise NoDocument("is nested too deeply")
        elif isinstance(at, dict):
            waiting += reversed([*_members(path, name, at)])
        elif isinstance(at, list):
            pair = len(at) == 2 and isinstance(at[0], str)
            inner = at[0] if pair else name
            waiting += reversed(
                [((*path, n), inner if n or not pair else name, each, False)
                 for n, each in enumerate(at)]
            )  # fmt: skip


def _members(
    path: tuple[str | int, ...], name: str, at: dict[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str, Any, bool]]:
    said = at.get("name", at.get("key"))
    pair = said if isinstance(said, str) and "value" in at else None
    for member, each in at.items():
        own = pair if pair is not None and member == "value" else member
        if member.endswith("Value") or member == "values":
            own = name  # OpenTelemetry says of what sort a value is
        encoded = member == "text" and at.get("encoding") == "base64"
        yield (*path, member), own, each, encoded


def hits_of(leaf: Leaf) -> Iterator[tuple[Hit, bytes]]:
    """What stands in *leaf*, and the bytes that it stands in."""
    content = leaf.content
    found = [*hits_in(content)]
    for hit in found:
        yield msgspec.structs.replace(hit, within=_better(leaf.within, hit.within)), content
    if not found and leaf.name and leaf.within != "body":
        named = f"{leaf.name}=".encode() + content
        for hit in hits_in(named):
            if hit.token.end == len(named):
                yield msgspec.structs.replace(hit, within=leaf.within), named


def _better(outer: str, inner: str) -> str:
    """The document knows best, but for an address inside of an address."""
    if outer == "url" and inner == "redirect":
        return inner
    return outer if outer != "text" else inner


def without_tokens(value: Any) -> tuple[Any, int]:
    """*value* with every token replaced, and how many there were; its structure stays.

    The values of headers and cookies whose names say that they are secret go too: such a file is
    made to be handed on.

    >>> without_tokens({"name": "Cookie", "value": "sid=1"})
    ({'name': 'Cookie', 'value': 'REDACTED'}, 1)
    """
    changes: dict[tuple[str | int, ...], str] = {}
    count = 0
    for leaf in leaves(value):
        text, found = _cleaned(leaf)
        if found:
            changes[leaf.path] = text
            count += found
    return (_changed(value, (), changes), count) if changes else (value, 0)


def _cleaned(leaf: Leaf) -> tuple[str, int]:
    is_secret = _SECRET_FIELD.fullmatch(leaf.name) or leaf.is_cookie
    if leaf.text and leaf.text != MARKER and is_secret:
        return MARKER, 1
    content, count, at = leaf.content, 0, 0
    parts: list[bytes] = []
    for token, _, _ in sorted(found_in_line(content), key=lambda each: each[0].start):
        parts += [content[at : token.start], MARKER.encode()]
        at, count = token.end, count + 1
    if not count:
        named = f"{leaf.name}=".encode() + content
        whole = any(token.end == len(named) for token, _, _ in found_in_line(named))
        return (MARKER, 1) if leaf.name and whole and leaf.within != "body" else (leaf.text, 0)
    data = b"".join([*parts, content[at:]])
    if leaf.encoded:
        return b64encode(data).decode(), count
    return data.decode("utf-8", "surrogatepass"), count


def _changed(
    value: Any, path: tuple[str | int, ...], changes: dict[tuple[str | int, ...], str]
) -> Any:
    if path in changes:
        return changes[path]
    if isinstance(value, dict):
        return {name: _changed(each, (*path, name), changes) for name, each in value.items()}
    if isinstance(value, list):
        return [_changed(each, (*path, n), changes) for n, each in enumerate(value)]
    return value
