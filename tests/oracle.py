"""A second writing of the protocol, independent and naive, to judge the first.

It imports nothing of Headway and shares no idea with it: no expressions over
whole texts, no table of spellings, one plain loop for each rule.  It is slow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
UNRESERVED = ALPHABET + "-._~"
HEX = "0123456789abcdefABCDEF"


class Refused(Exception):
    """The oracle says no, and gives the id of the reason."""


def decode(text: str, plus: bool, refusal: str) -> bytes:
    """Take percent escapes out; refuse broken ones and what is not UTF-8."""
    data = bytearray()
    place = 0
    while place < len(text):
        char = text[place]
        if char == "%":
            digits = text[place + 1 : place + 3]
            if len(digits) < 2 or digits[0] not in HEX or digits[1] not in HEX:
                raise Refused(refusal)
            data.append(int(digits, 16))
            place += 3
        else:
            data.append(0x20 if plus and char == "+" else ord(char))
            place += 1
    try:
        data.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise Refused(refusal) from None
    return bytes(data)


def encode(data: bytes) -> str:
    """Percent-encode all but the unreserved characters."""
    return "".join(chr(b) if chr(b) in UNRESERVED else f"%{b:02X}" for b in data)


def path(raw: str, base: str) -> str:
    """The canonical path."""
    if raw == "":
        raw = "/"
    if raw[0] != "/":
        raise Refused("path-not-normal")
    for char in raw:
        if not "!" <= char <= "~" or char in '"<>\\^`{|}#?':
            raise Refused("path-character")
    segments = raw[1:].split("/")
    for number, segment in enumerate(segments):
        if segment == "" and number < len(segments) - 1:
            raise Refused("path-not-normal")
        if segment.split(";")[0].replace("%2e", ".").replace("%2E", ".") in (".", ".."):
            raise Refused("path-not-normal")
        data = decode(segment, False, "path-escape")
        if 0 in data or ord("\\") in data:
            raise Refused("path-escape")
    while base.endswith("/"):
        base = base[:-1]
    if base and raw != base and not raw.startswith(base + "/"):
        raise Refused("path-outside-base")
    raw = raw[len(base) :]
    if raw.endswith("/"):
        raw = raw[:-1]
    return raw.replace("&", "%26") or "/"


def query(raw: str) -> str:
    """The canonical query."""
    segments = raw.split("&")
    if len(segments) > 1000:
        raise Refused("query-too-many")
    for char in raw:
        if not "!" <= char <= "~" or char == "#":
            raise Refused("query-character")
    pairs: list[tuple[str, str]] = []
    for segment in segments:
        if segment:
            name, _, value = segment.partition("=")
            pairs.append(
                (
                    decode(name, True, "query-escape").decode(),
                    decode(value, True, "query-escape").decode(),
                )
            )
    names = {name for name, _ in pairs}
    if "" in names:
        raise Refused("query-empty-name")
    if any(name.startswith("jwt[") for name in names):
        raise Refused("query-jwt-bracket")
    tokens = [value for name, value in pairs if name == "jwt"]
    if len(tokens) > 1:
        raise Refused("token-repeated")
    if tokens == [""]:
        raise Refused("token-empty")
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(encode(name.encode()), []).append(value)
    grouped.pop("jwt", None)
    written = []
    for name in sorted(grouped):
        values = sorted(grouped[name], key=lambda value: value.encode("utf-16-be"))
        written.append(name + "=" + ",".join(encode(value.encode()) for value in values))
    return "&".join(written)


def canonical(method: str, raw_path: str, raw_query: str, base_path: str) -> str:
    """The canonical request, or Refused."""
    if method == "" or any(not "A" <= char <= "Z" for char in method):
        raise Refused("method-not-normal")
    return method + "&" + path(raw_path, base_path) + "&" + query(raw_query)


def qsh(method: str, raw_path: str, raw_query: str, base_path: str) -> str:
    """The hash of the canonical request."""
    return hashlib.sha256(canonical(method, raw_path, raw_query, base_path).encode()).hexdigest()


def verified_claims(token: str, algorithm: str, key: bytes) -> Any:
    """The claims of *token* where its signature is good, else None; *key* is a secret or a PEM."""
    header, claims, signature = (base64.urlsafe_b64decode(s + "==") for s in token.split("."))
    signed = token.rpartition(".")[0].encode()
    if json.loads(header)["alg"] != algorithm:
        return None
    if algorithm == "HS256":
        good = hmac.compare_digest(hmac.new(key, signed, "sha256").digest(), signature)
        return json.loads(claims) if good else None
    public = serialization.load_pem_public_key(key)
    if algorithm != "RS256" or not isinstance(public, rsa.RSAPublicKey):
        return None
    try:
        public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return None
    return json.loads(claims)
