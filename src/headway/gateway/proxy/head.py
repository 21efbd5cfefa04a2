"""The head of a request: bytes that have one reading, or a refusal.

h11 parses.  It is strict, and where it is not (it takes a bare LF, joins folded
lines, makes one of two equal lengths, and prefers chunks to a length), what
stands here looks at the bytes first.  Nothing is repaired: a request that
another server could read in another way goes nowhere (RFC 9112 section 11.2).
"""

from __future__ import annotations

import re
from collections.abc import Collection

import h11
import msgspec

from headway.gateway.decision import Headers
from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.settings import Limits, is_host

__all__ = ["END", "Incoming", "check_bytes", "read_head"]

END = b"\r\n\r\n"

# A CR at the very end of what has arrived may still get its LF.
_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_FOLDED = re.compile(rb"\r\n[ \t]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LENGTH = re.compile(rb"\r\ncontent-length:([^\r]*)", re.IGNORECASE)
_HOST_LINE = re.compile(rb"\r\nhost:", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE)
_TARGET = re.compile(r"/[^#]*")
_WORD = re.compile(r"[^a-z0-9]")
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_SPOKEN = (b"1.0", b"1.1")

ONCE = frozenset(
    ("authorization", "host", "content-length", "content-type", "expect", "forwarded", "origin")
)
"""Headers that stand once, besides those of the policy."""

OURS = ("headway-", "x-original-", "x-forwarded-")
"""How headers begin that tell what somebody before has decided or seen."""

NEEDED = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "cookie", "expect", "forwarded")
)
"""Headers that ``Connection`` can not take away, besides those of the policy."""

REFUSED_METHODS = ("CONNECT", "TRACE", "TRACK")
"""A tunnel to anywhere, and two that send credentials back (RFC 9110 section 9.3.8)."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request as it was read: *target* is path and query; names of *headers* are lower case.

    *nominated* are the headers that ``Connection`` takes away.  *websocket*
    says that it asks for one; every other ``Upgrade`` is as if it was not there.
    """

    method: str
    target: str
    host: str
    headers: Headers
    version: str
    nominated: frozenset[str] = frozenset()
    has_body: bool = False
    websocket: bool = False
    awaits_continue: bool = False

    def all(self, name: str) -> list[str]:
        """Every value of the header *name* (lower case)."""
        return [value for key, value in self.headers if key == name]

    def __repr__(self) -> str:
        return f"<{self.method} {self.target.partition('?')[0]}>"


def check_bytes(head: bytes | bytearray) -> None:
    r"""Refuse what no line of a head may hold; *head* may still be growing.

    Sources: RFC 9112 sections 2.2 and 5.2, RFC 9110 section 5.5.

    >>> check_bytes(b"GET / HTTP/1.1\r\nHost: a\r")
    >>> check_bytes(b"GET / HTTP/1.1\nHost: a\n")
    Traceback (most recent call last):
    headway.gateway.proxy.answers.Unserved: line-end-malformed
    """
    if _LINE_END.search(head):
        raise Unserved("line-end-malformed")
    if _FOLDED.search(head):
        raise Unserved("header-folded")
    if _CONTROL.search(head):
        raise Unserved("control-character")


def read_head(
    head: bytes, wire: h11.Connection, limits: Limits, moved: Collection[str]
) -> Incoming:
    """The request whose *head*, blank line and all, *wire* gets to parse; raises Unserved.

    *moved* are the policy's headers (lower case): they stand once, under their
    own name, and nobody takes them away.
    """
    # (1) lines, and how often those stand there that say where a request begins and ends
    check_bytes(head)
    hosts = len(_HOST_LINE.findall(head))
    if hosts != 1:
        raise Unserved("host-repeated" if hosts else "host-missing")
    lengths: list[bytes] = _LENGTH.findall(head)
    if len(lengths) > 1 or any(b"," in value for value in lengths):
        raise Unserved("length-repeated")
    # (2) is it HTTP?
    try:
        wire.receive_data(head)
        request = wire.next_event()
    except h11.RemoteProtocolError as error:
        unknown = error.error_status_hint == 501
        raise Unserved("coding-unknown" if unknown else "request-malformed") from None
    if not isinstance(request, h11.Request):
        raise Unserved("request-malformed")
    # (3) is it one that goes on?
    return _read(request, limits, moved)


def _read(request: h11.Request, limits: Limits, moved: Collection[str]) -> Incoming:
    headers = tuple(
        (name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers
    )
    names = [name for name, _ in headers]
    method = request.method.decode("ascii")
    # (1) does it speak what is spoken here?
    if request.http_version not in _SPOKEN:
        raise Unserved("version-unsupported")
    if method in REFUSED_METHODS:
        raise Unserved("method-refused")
    if len(headers) > limits.headers:
        raise Unserved("head-too-large")
    # (2) where does its body end?
    has_body = _framed(names, request.http_version, headers, limits)
    # (3) for whom is it?
    host = next(value for name, value in headers if name == "host")
    if not is_host(host):
        raise Unserved("host-malformed")
    target = _origin_form(request.target.decode("ascii"), method, host, limits)
    # (4) what stands once, under one name, and arrives
    _check_names(names, {*ONCE, *moved})
    nominated = _nominated(headers, {*NEEDED, *moved})
    # (5) what does it want besides?
    awaits = _awaits_continue(headers)
    incoming = Incoming(
        method=method,
        target=target,
        host=host,
        headers=headers,
        version=request.http_version.decode("ascii"),
        nominated=nominated,
        has_body=has_body,
        awaits_continue=awaits and request.http_version == b"1.1",
    )
    if not _wants_websocket(incoming):
        return incoming
    _check_websocket(incoming)
    return msgspec.structs.replace(incoming, websocket=True)


def _framed(names: list[str], version: bytes, headers: Headers, limits: Limits) -> bool:
    """Whether there is a body, whose end everybody finds at the same place (RFC 9112 6.3)."""
    chunked = "transfer-encoding" in names
    if chunked and "content-length" in names:
        raise Unserved("length-and-chunked")
    if chunked and version == b"1.0":
        raise Unserved("chunked-in-old-version")
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    if length > limits.body:
        raise Unserved("body-too-large")
    return chunked or length > 0


def _origin_form(target: str, method: str, host: str, limits: Limits) -> str:
    """Path and query, byte for byte (RFC 9112 section 3.2)."""
    if len(target) > limits.target:
        raise Unserved("target-too-long")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        if _port_shown(absolute[2], absolute[1]) != _port_shown(host, absolute[1]):
            raise Unserved("host-differs")
        rest = absolute[3]
        target = rest if rest.startswith("/") else f"/{rest}"
    if target == "*" and method == "OPTIONS":
        return target
    if not _TARGET.fullmatch(target):
        raise Unserved("target-malformed")
    return target


def _port_shown(authority: str, scheme: str) -> str:
    """An authority in one spelling."""
    standard = ":443" if scheme.lower() == "https" else ":80"
    return authority.lower().removesuffix(standard)


def _check_names(names: list[str], once: Collection[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen and (name in once or name.startswith(OURS)):
            raise Unserved("header-repeated")
        seen.add(name)
        read = _WORD.sub("-", name)  # as CGI and WSGI do, so that two names meet in one variable
        if read != name and (read in once or read == "transfer-encoding"):
            raise Unserved("header-look-alike")


def _nominated(headers: Headers, needed: Collection[str]) -> frozenset[str]:
    """What goes no further than this hop (RFC 9110 section 7.6.1), where that takes nothing away.

    A header that the policy, the framing or upstream needs can not be named:
    Caddy 2.6 drops ``Authorization`` then, and a request goes on as somebody else's.
    """
    found = [value for name, value in headers if name == "connection"]
    names = {part.strip().lower() for value in found for part in value.split(",")} - {""}
    if any(name in needed or name.startswith(OURS) for name in names):
        raise Unserved("connection-nominates")
    return frozenset(names)


def _awaits_continue(headers: Headers) -> bool:
    values = [value.lower() for name, value in headers if name == "expect"]
    if any(value != "100-continue" for value in values):
        raise Unserved("expectation-unknown")
    return bool(values)


def _wants_websocket(incoming: Incoming) -> bool:
    upgrades = [value.strip().lower() for value in incoming.all("upgrade")]
    return "upgrade" in incoming.nominated and upgrades == ["websocket"]


def _check_websocket(incoming: Incoming) -> None:
    """What only a WebSocket's handshake may be (RFC 6455 section 4.1): then bytes are tunnelled."""
    keys, versions = incoming.all("sec-websocket-key"), incoming.all("sec-websocket-version")
    right = (
        incoming.method == "GET"
        and incoming.version == "1.1"
        and not incoming.has_body
        and len(keys) == 1
        and _KEY.fullmatch(keys[0]) is not None
        and len(versions) == 1
    )
    if not right:
        raise Unserved("upgrade-malformed")
