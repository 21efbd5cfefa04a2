"""The strict codec: text <-> header, claims, signature (RFC 7515, RFC 7519).

Compact JWS for HS256 and RS256.  For one token there is exactly one text: the
base64url alphabet is strict, padding and stray bits are refused, each segment
is encoded again and compared.  JSON is read so that every parser agrees:
objects only, no member twice, no NaN, at most 8 levels.

``decode`` proves nothing.  ``check_signature`` proves who signed, with the
algorithm that its caller names and never the one that the token names.
"""

from __future__ import annotations

import binascii
import hmac
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from headway.errors import (
    AlgorithmMismatch,
    ClaimInvalid,
    ClaimMissing,
    CriticalHeader,
    DuplicateMember,
    Refusal,
    SignatureInvalid,
    TokenMalformed,
    TokenNotCanonical,
    TokenTooDeep,
    TokenTooLarge,
    frameless,
)
from headway.model import Claims, Header, Secret, TokenText, Unverified
from headway.ports import PublicKey

__all__ = ["check_signature", "decode", "encode", "forget_kept", "unverified_issuer"]

Algorithm: TypeAlias = Literal["HS256", "RS256"]

TOKEN_BYTES_MAX = 8192
HEADER_BYTES_MAX = 1024
STRING_MAX = 512  # characters of one claim
DEPTH_MAX = 8  # levels of JSON
DATE_MAX = 253_402_300_799  # 9999-12-31T23:59:59Z

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# What only the standard alphabet has becomes foreign, so that one strict decoding refuses it.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")
# By length modulo 4: what a segment may end in, so that no bit is to spare, and its padding.
_ENDINGS = (
    (_ALPHABET, b""),
    (b"", b""),
    (_ALPHABET[::16], b"=="),
    (_ALPHABET[::4], b"="),
)

# Printable ASCII without a backslash: in such JSON a quote always delimits, so
# that splitting at quotes finds every string.  Opening brackets are counted.
_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in "\\{[")
_PLAIN_HEADER = re.compile(rb'\{"(?:alg|typ|kid)":"[^"]*"(?:,"(?:alg|typ|kid)":"[^"]*"){0,2}\}')
_CRITICAL = {"crit", "b64", "zip"}
_ANY_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_header_decoder = msgspec.json.Decoder(Header)
_claims_decoder = msgspec.json.Decoder(Claims)
_encoder = msgspec.json.Encoder()


class SigningKey(Protocol):
    """An RSA private key that makes RS256 signatures; made in ``keys.py``."""

    def sign(self, message: bytes) -> bytes:
        """The PKCS1v15 signature with SHA-256 over *message*."""


@frameless
def decode(text: str) -> Unverified:
    """Read *text* strictly, checking no signature.

    Raises a leaf of :class:`~headway.errors.MalformedToken`, or
    :class:`~headway.errors.ClaimMissing` where ``iss`` is absent.  Source:
    RFC 7515 sections 3.1 and 7.1, RFC 7519 section 7.2; RFC 8725 section 2.

    >>> token = encode({"typ": "JWT"}, {"iss": "me"}, Secret("0123456789abcdef"))
    >>> decode(token).unverified_claims.iss
    'me'
    """
    if len(text) > TOKEN_BYTES_MAX:
        raise TokenTooLarge(expected=f"at most {TOKEN_BYTES_MAX} bytes", found=f"{len(text)}")
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        raise TokenMalformed(found="a character outside ASCII") from None
    segments = data.split(b".")
    if len(segments) != 3 or b"" in segments:
        found = f"{len(segments)}, or one of them is empty"
        raise TokenMalformed(expected="3 segments", found=found)
    header, claims, signature = segments
    return Unverified(
        _header(header),
        _claims(_segment(claims)),
        data[: -len(signature) - 1],
        _segment(signature),
    )


def _segment(segment: bytes) -> bytes:
    last, padding = _ENDINGS[len(segment) % 4]
    if segment[-1] not in last:
        raise _not_canonical(segment)
    try:
        return binascii.a2b_base64(segment.translate(_TO_STANDARD) + padding, strict_mode=True)
    except binascii.Error:
        raise _not_canonical(segment) from None


def _not_canonical(segment: bytes) -> Refusal:
    foreign = segment.translate(None, _ALPHABET)
    what = f"a foreign character, code {foreign[0]}" if foreign else "stray bits or length"
    return TokenNotCanonical(expected="base64url without padding", found=what)


@lru_cache(maxsize=256)
def _header(segment: bytes) -> Header:
    """The header of *segment*: apps see a handful of different ones, so they are kept."""
    if len(segment) > HEADER_BYTES_MAX:
        raise TokenTooLarge(expected=f"a header of at most {HEADER_BYTES_MAX} bytes")
    data = _segment(segment)
    plain = _PLAIN_HEADER.fullmatch(data) and _is_plain(data)
    critical = set() if plain else _CRITICAL & _members(data).keys()
    if critical:
        raise CriticalHeader(expected="no crit, b64 or zip", found=" and ".join(sorted(critical)))
    try:
        header = _header_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise ClaimInvalid(found=f"header: {error}") from None
    _check_strings(header.alg, header.typ, header.kid)
    return header


def forget_kept() -> None:
    """Drop every kept header: for measuring what a request costs that nobody sent before.

    >>> forget_kept()
    """
    _header.cache_clear()


def _claims(data: bytes) -> Claims:
    plain = _is_plain(data)
    if not plain:
        _members(data)
    try:
        claims = _claims_decoder.decode(data)
    except msgspec.DecodeError:
        claims = _claims_slowly(data)
    _check_dates(claims.iat, claims.exp, claims.nbf)
    if not plain or len(data) > STRING_MAX:  # else no string can be long or hold a control
        _check_strings(claims.iss, claims.sub, claims.qsh, *claims.aud)
        _check_strings(claims.jti, claims.tnt, claims.principal)
    return claims


def _claims_slowly(data: bytes) -> Claims:
    """The claims where ``aud`` is one string, or the refusal that says what is wrong."""
    members = _members(data)
    if isinstance(members.get("aud"), str):
        members["aud"] = [members["aud"]]
    if "iss" not in members:
        raise ClaimMissing(expected="iss")
    try:
        return msgspec.convert(members, Claims)
    except msgspec.ValidationError as error:
        raise ClaimInvalid(found=error) from None


def _is_plain(data: bytes) -> bool:
    """Whether *data* needs no closer look: ASCII, no escapes, shallow, all strings different."""
    opening = data.translate(None, _PLAIN)  # brackets, and whatever is not plain
    if len(opening) > DEPTH_MAX or opening.strip(b"{["):
        return False
    strings = data.split(b'"')[1::2]
    return len(strings) == len(set(strings))  # so all names are different, too


def _members(data: bytes) -> dict[str, Any]:
    """The object of *data*, refusing what parsers read differently."""
    try:
        text = data.decode("utf-8")
        _check_depth(text)
        value = _json_decoder.decode(text)
        _encoder.encode(value)  # lone surrogates do not encode
    except (ValueError, OverflowError) as error:
        raise TokenMalformed(expected="JSON", found=type(error).__name__) from None
    if not isinstance(value, dict):
        raise TokenMalformed(expected="a JSON object", found=type(value).__name__)
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for character in _ANY_STRING.sub("", text):
        if character in "{[":
            depth += 1
            if depth > DEPTH_MAX:
                raise TokenTooDeep(expected=f"at most {DEPTH_MAX} levels")
        elif character in "}]":
            depth -= 1


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateMember()
    return members


def _no_constant(name: str) -> None:
    raise ClaimInvalid(expected="a number", found=name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ClaimInvalid(expected="a finite number")
    return number


_json_decoder = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_constant=_no_constant, parse_float=_finite
)


def _check_dates(*values: int | None) -> None:
    for value in values:
        if value is not None and not 0 <= value <= DATE_MAX:
            raise ClaimInvalid(expected="a date between 1970 and 9999")


def _check_strings(*values: str | None) -> None:
    for value in values:
        if not value:
            continue
        if len(value) > STRING_MAX:
            raise ClaimInvalid(expected=f"at most {STRING_MAX} characters")
        if not value.isprintable() and _CONTROL.search(value):
            raise ClaimInvalid(expected="no control characters")


def check_signature(
    token: Unverified, algorithm: Algorithm, keys: Sequence[Secret | PublicKey]
) -> int:
    """The index of the first of *keys* that signed *token*.

    *algorithm* comes from the route and the installation.  Raises
    :class:`~headway.errors.AlgorithmMismatch`,
    :class:`~headway.errors.SignatureInvalid`, and TypeError for a key of
    another algorithm's type: a public key is never an HMAC secret.  Source:
    RFC 8725 sections 3.1 and 3.2.

    >>> secret = Secret("0123456789abcdef")
    >>> check_signature(decode(encode({}, {"iss": "me"}, secret)), "HS256", [secret])
    0
    """
    if token.header.alg != algorithm:
        raise AlgorithmMismatch(expected=algorithm, found=token.header.alg)
    for index, key in enumerate(keys):
        if _signed(token, algorithm, key):
            return index
    raise SignatureInvalid()


def _signed(token: Unverified, algorithm: Algorithm, key: Secret | PublicKey) -> bool:
    if algorithm == "HS256" and isinstance(key, Secret):
        return hmac.compare_digest(key.mac(token.signing_input), token.signature)
    if algorithm == "RS256" and not isinstance(key, Secret):
        return key.verifies(token.signature, token.signing_input)
    raise TypeError(f"a {type(key).__name__} does not verify {algorithm}")


def encode(
    header: Mapping[str, str], claims: Mapping[str, Any], key: Secret | SigningKey
) -> TokenText:
    """Sign *claims*; the key's type fixes ``alg``.

    >>> len(encode({"typ": "JWT"}, {"iss": "me"}, Secret("0123456789abcdef")).split("."))
    3
    """
    alg = "HS256" if isinstance(key, Secret) else "RS256"
    head = _encoder.encode({**header, "alg": alg})
    signing_input = _base64url(head) + b"." + _base64url(_encoder.encode(claims))
    if isinstance(key, Secret):
        signature = key.mac(signing_input)
    else:
        signature = key.sign(signing_input)
    return TokenText((signing_input + b"." + _base64url(signature)).decode())


def _base64url(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def unverified_issuer(text: str) -> str | None:
    """Who *text* claims to come from, or None; never raises.

    For choosing a row of a policy only: nothing is proved.

    >>> unverified_issuer("rubbish") is None
    True
    """
    try:
        return decode(text).unverified_claims.iss
    except Refusal:
        return None
