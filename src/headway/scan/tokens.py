"""What a text at a place is: a token, of which kind, from whom, until when.

Decided by decoding, not by what stands around: in logs, all that may stand around
a token does.  A token starts where base64url of a JSON object starts, its
first part is a header with ``alg`` (RFC 7515 section 4.1.1), and the parts that follow are as
many as such a header asks for.  Nothing of a token is kept but what :class:`Token` has.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as NoBase64
from enum import StrEnum
from functools import lru_cache

import msgspec

__all__ = ["STARTS", "TOKEN_MAX", "Token", "TokenKind", "read_token", "rest_of_token"]

TOKEN_MAX = 16_384
"""The longest token that is read, in bytes; what is longer counts as cut off, to its end."""

STARTS = (b"eyJ", b"eyA", b"ewo", b"ew0", b"ewk")
"""How base64url of a JSON object starts: a brace, then a quote or white space."""

_SEGMENT = re.compile(rb"[A-Za-z0-9_-]*+")
_REST = re.compile(rb"[A-Za-z0-9_.-]*+")
_HEADER_MAX = 4_096
_SIGNATURES = {  # length in base64url; those of RSA are at least that of 2048 bits
    "HS256": 43, "HS384": 64, "HS512": 86, "RS256": 342, "RS384": 342, "RS512": 342,
    "PS256": 342, "PS384": 342, "PS512": 342, "ES256": 86, "ES384": 128, "ES512": 176, "EdDSA": 86,
}  # fmt: skip


class TokenKind(StrEnum):
    """What a token is good for, by what it says of itself."""

    CONNECT_REQUEST = "connect-request"
    CONNECT_CONTEXT = "connect-context"
    CONNECT_LIFECYCLE = "connect-lifecycle"
    SESSION = "session"
    FORGE = "forge-invocation"
    JWT = "jwt"
    JWE = "jwe"
    OPAQUE = "opaque"


class Token(msgspec.Struct, frozen=True, gc=False):
    """A token at *start* to *end* of some bytes, and nothing of its text.

    ``issuer`` and ``until`` (seconds since 1970) are what it claims; nobody has
    verified them.  ``cut``: its end is missing.
    """

    start: int
    end: int
    kind: TokenKind
    issuer: str | None = None
    until: float | None = None
    cut: bool = False


class _Header(msgspec.Struct, gc=False):
    alg: str
    typ: str | None = None
    enc: str | None = None
    kid: str | None = None


class _Claims(msgspec.Struct, gc=False):
    iss: object = None
    exp: object = None
    qsh: object = None
    aud: object = None


_CLAIMS = msgspec.json.Decoder(_Claims)
_HEADER = msgspec.json.Decoder(_Header)


def read_token(data: bytes | bytearray, start: int, end: int) -> Token | None:
    """The token that starts at *start* and may reach to *end*; None where there is none.

    *end* is where the text ends (a line, a field): a token that reaches it
    without its last part was cut off there.

    >>> read_token(b"?jwt=eyJhbGciOiJub25lIn0.e30.&a=1", 5, 33)
    Token(start=5, end=29, kind=<TokenKind.JWT: 'jwt'>, issuer=None, until=None, cut=False)
    >>> read_token(b"monkeyJar.eyJoint.value", 3, 23) is None
    True
    """
    # (1) the header: base64url of an object with "alg"
    limit = min(end, start + TOKEN_MAX)
    stop = _segment(data, start, min(limit, start + _HEADER_MAX))
    if stop >= limit or data[stop] != 0x2E:
        return None
    header = _header(bytes(data[start:stop]))
    if header is None:
        return None
    # (2) as many parts as such a header asks for
    parts, at = [(start, stop)], stop
    wanted = 5 if header.enc is not None else 3
    while len(parts) < wanted and at < limit and data[at] == 0x2E:
        stop = _segment(data, at + 1, limit)
        parts.append((at + 1, stop))
        at = stop
    at_the_end = at >= limit
    if at_the_end and (rest := rest_of_token(data, at, end)) > at:  # too long: all of it goes
        return _cut(start, rest, header)
    if len(parts) < wanted:
        return _cut(start, at, header) if at_the_end and at > parts[-1][0] else None
    if header.enc is not None:
        return Token(start, at, TokenKind.JWE) if parts[3][1] > parts[3][0] else None
    # (3) what it claims
    return _signed(data, header, parts, at_the_end)


def _signed(
    data: bytes | bytearray, header: _Header, parts: list[tuple[int, int]], at_the_end: bool
) -> Token | None:
    (start, _), (claims_start, claims_stop), (mac_start, mac_stop) = parts
    try:
        claims = _CLAIMS.decode(_decoded(bytes(data[claims_start:claims_stop])))
    except (msgspec.DecodeError, NoBase64, ValueError):
        return None
    length = mac_stop - mac_start
    if length == 0 and header.alg.lower() != "none":
        return _cut(start, mac_stop, header) if at_the_end else None
    return Token(
        start,
        mac_stop,
        _kind(header, claims),
        claims.iss[:200] if isinstance(claims.iss, str) else None,
        float(claims.exp) if isinstance(claims.exp, int | float) else None,
        at_the_end and length < _SIGNATURES.get(header.alg, 0),
    )


def rest_of_token(data: bytes | bytearray | memoryview, start: int, end: int) -> int:
    """Where a token ends that is longer than is read, and of which *start* is inside.

    >>> rest_of_token(b"?jwt=eyJh.eyJp.c2ln&a=1", 12, 23)
    19
    """
    found = _REST.match(data, start, end)
    return start if found is None else found.end()


def _cut(start: int, end: int, header: _Header) -> Token:
    kind = TokenKind.JWE if header.enc is not None else TokenKind.JWT
    return Token(start, end, kind, cut=True)


def _kind(header: _Header, claims: _Claims) -> TokenKind:
    if header.typ == "headway-session":
        return TokenKind.SESSION
    if claims.iss == "forge/invocation-token":
        return TokenKind.FORGE
    if claims.qsh == "context-qsh":
        return TokenKind.CONNECT_CONTEXT
    if isinstance(claims.qsh, str):
        signed_by_the_host = header.alg == "RS256" and claims.aud is not None
        return TokenKind.CONNECT_LIFECYCLE if signed_by_the_host else TokenKind.CONNECT_REQUEST
    return TokenKind.JWT


def _segment(data: bytes | bytearray, start: int, limit: int) -> int:
    found = _SEGMENT.match(data, start, limit)
    return start if found is None else found.end()


@lru_cache(maxsize=256)  # a log has few different headers: nothing in one is secret
def _header(segment: bytes) -> _Header | None:
    try:
        return _HEADER.decode(_decoded(segment))
    except (msgspec.DecodeError, NoBase64, ValueError):
        return None


def _decoded(segment: bytes) -> bytes:
    return urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
