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
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hmac import compare_digest
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec import convert

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

_T = TypeVar("_T")
Algorithm: TypeAlias = Literal["HS256", "RS256"]

TOKEN_BYTES_MAX = 8192
HEADER_BYTES_MAX = 1024
DEPTH_MAX = 8  # levels of JSON

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL = bytes.maketrans(b"+/", b"-_")
# By length modulo 4: what a segment may end in, so that no bit is to spare, and its padding.
_ENDINGS = (
    (_ALPHABET, ""),
    ("", ""),
    (_ALPHABET[::16], "=="),
    (_ALPHABET[::4], "="),
)

_BACKSLASH, _DELETE = b"\\\x7f"
_CRITICAL = {"crit", "b64", "zip"}
_ANY_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTROL = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"  # compiled when first asked for: seldom

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
    if not text.isascii():
        raise TokenMalformed(found="a character outside ASCII")
    signing_input, _, signature = text.rpartition(".")
    header, _, claims = signing_input.partition(".")
    if "" in (header, claims, signature) or "." in claims:
        found = f"{text.count('.') + 1}, or one of them is empty"
        raise TokenMalformed(expected="3 segments", found=found)
    return Unverified(
        _header(header), _claims(_segment(claims)), signing_input.encode(), _segment(signature)
    )


def _segment(segment: str) -> bytes:
    last, padding = _ENDINGS[len(segment) % 4]
    if segment[-1] not in last or "+" in segment or "/" in segment:
        raise _not_canonical(segment)
    standard = segment.replace("-", "+").replace("_", "/") + padding
    try:
        return convert(standard, bytes)
    except msgspec.ValidationError:
        raise _not_canonical(segment) from None


def _not_canonical(segment: str) -> Refusal:
    foreign = next((c for c in segment if c not in _ALPHABET), "")
    what = f"a foreign character, code {ord(foreign)}" if foreign else "stray bits or length"
    return TokenNotCanonical(expected="base64url without padding", found=what)


@lru_cache(maxsize=256)
def _header(segment: str) -> Header:
    """The header of *segment*: apps see a handful of different ones, so they are kept."""
    if len(segment) > HEADER_BYTES_MAX:
        raise TokenTooLarge(expected=f"a header of at most {HEADER_BYTES_MAX} bytes")
    data = _segment(segment)
    header = _plainly(data, _header_decoder)
    if header is not None:
        return header
    members = _members(data)
    if critical := _CRITICAL & members.keys():
        found = " and ".join(sorted(critical))
        raise CriticalHeader(expected="no crit, b64 or zip", found=found)
    try:
        header = convert(members, Header)
    except msgspec.ValidationError as error:
        raise ClaimInvalid(found=f"header: {error}") from None
    _check_controls(header.alg, header.typ, header.kid)
    return header


def forget_kept() -> None:
    """Drop every kept header: for measuring what a request costs that nobody sent before.

    >>> forget_kept()
    """
    _header.cache_clear()


def _claims(data: bytes) -> Claims:
    claims = _plainly(data, _claims_decoder)
    if claims is None:
        return _claims_slowly(data)
    if claims.context or claims.app:
        _check_depth(data.decode())
    return claims


def _claims_slowly(data: bytes) -> Claims:
    """The claims where ``aud`` is one string, or the refusal that says what is wrong."""
    members = _members(data)
    if isinstance(members.get("aud"), str):
        members["aud"] = [members["aud"]]
    if "iss" not in members:
        raise ClaimMissing(expected="iss")
    try:
        claims = convert(members, Claims)
    except msgspec.ValidationError as error:
        raise ClaimInvalid(found=error) from None
    _check_controls(claims.iss, claims.sub, claims.qsh, *claims.aud)
    _check_controls(claims.jti, claims.tnt, claims.principal)
    return claims


def _plainly(data: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """What *data* says, where no parser reads it differently; None where a closer look is due.

    That is ASCII without escapes and fractions, in which nothing was passed
    over: a member that is there twice or unknown, a null, a space.  Each of
    these makes *data* longer than its value written again, and nothing makes
    it shorter.
    """
    if not data.isascii() or _BACKSLASH in data or _DELETE in data:
        return None
    try:
        value = decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if len(_encoder.encode(value)) == len(data) else None


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
    if text.count("{") + text.count("[") <= DEPTH_MAX:
        return
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


def _not_plain(number: str) -> NoReturn:
    raise ValueError("a fraction has spellings of several lengths")


_header_decoder = msgspec.json.Decoder(Header)
_claims_decoder = msgspec.json.Decoder(Claims, float_hook=_not_plain)
_json_decoder = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_constant=_no_constant, parse_float=_finite
)


def _check_controls(*values: str | None) -> None:
    for value in values:
        if value and not value.isprintable() and re.search(_CONTROL, value):
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
    message, signature = token.signing_input, token.signature
    symmetric = algorithm == "HS256"
    for index, key in enumerate(keys):
        if isinstance(key, Secret):
            signed = symmetric and compare_digest(key.mac(message), signature)
        else:
            signed = not symmetric and key.verifies(signature, message)
        if signed:
            return index
        if isinstance(key, Secret) is not symmetric:
            raise TypeError(f"a {type(key).__name__} does not verify {algorithm}")
    raise SignatureInvalid()


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
