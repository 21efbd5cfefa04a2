"""Issuers whose key sets say whose a token is: RS256, ES256 and EdDSA, and nothing else.

Which key set is asked is a setting for each issuer, never what a token says.
The algorithm is the key's.  How a set is read and kept:
:mod:`headway.http.key_set`.  Source: RFC 7517, RFC 8725, RFC 9068 section 4.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Collection, Mapping
from typing import Any

import httpx
import jwt as pyjwt

from headway.errors import (
    AlgorithmMismatch,
    AudienceMismatch,
    ClaimMissing,
    IssuerUnknown,
    KeyNotFound,
    KeyUnusable,
    Refusal,
    SignatureInvalid,
    TokenExpired,
    TokenNotYetValid,
    shown,
)
from headway.gateway.verifiers.settings import TrustedIssuer
from headway.http.key_fetch import Fetches, Told, fetch
from headway.http.key_set import KeySet, key_name_of
from headway.jwt import decode
from headway.model import RequestFacts, TokenText, Unverified
from headway.ports import Clock, Credentials, KeySource, NeedKey, ReplayCache, Steps
from headway.verify import LEEWAY

__all__ = ["ALGORITHMS", "IssuerKey", "JwksVerifier", "KeptKeys", "parse_keys", "read_sets"]

ALGORITHMS: Mapping[tuple[str, str | None], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""By ``kty`` and ``crv`` of a key: the one algorithm that it is used with."""

SET_BYTES_MAX = 256 * 1024
SET_KEYS_MAX = 64
RSA_BITS_MIN = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_NAMES = ("client_id", "azp", "sub")  # RFC 9068 section 2.2, OpenID Connect Core section 2
_NAME_MAX = 120


class IssuerKey:
    """A public key, and the algorithm that is its own."""

    def __init__(self, algorithm: str, key: pyjwt.PyJWK) -> None:
        self.algorithm = algorithm
        self._key = key

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether *signature* is this key's over *message*."""
        return bool(self._key.Algorithm.verify(message, self._key.key, signature))

    def __repr__(self) -> str:
        return f"<{self.algorithm} public key>"


class JwksVerifier:
    """Proves by the key sets of *issuers* whose a token is.

    All fetches share one budget.  *ticks* is a clock that never goes back, in
    seconds; *transport* is httpx's, for tests; *told* hears of each fetch that
    ends.  Answers have to be awaited, unless *keys* answers.

    >>> issuer = TrustedIssuer(issuer="me", keys="https://id.example/jwks", audience=("api",))
    >>> JwksVerifier([issuer]).claimed("rubbish") is None
    True
    """

    replay: ReplayCache | None = None

    def __init__(
        self,
        issuers: Collection[TrustedIssuer],
        *,
        keys: KeySource | None = None,
        ticks: Clock = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
        told: Told = lambda outcome, seconds: None,
    ) -> None:
        fetches: Fetches[None] = Fetches(ticks=ticks, told=told)
        self.issuers = tuple(issuers)
        self._issuers = {each.issuer: each for each in issuers}
        self._sets = {
            each.issuer: KeySet(
                each.keys,
                parse_keys,
                size=SET_BYTES_MAX,
                fetches=fetches,
                ticks=ticks,
                transport=transport,
            )
            for each in issuers
        }
        self.keys: KeySource = self if keys is None else keys

    async def find(self, need: NeedKey) -> Credentials | None:
        """The key that ``need.key_id`` names in the set of ``need.issuer``.

        None where nobody trusts the issuer; raises a leaf of
        :class:`~headway.errors.KeyRefused`.
        """
        keys = self._sets.get(need.issuer)
        if keys is None or need.symmetric:
            return None
        return Credentials(keys=(await keys.get(key_name_of(need)),))

    def claimed(self, token: str) -> str | None:
        """The client that *token* names, which proves nothing."""
        try:
            return self._client(decode(token))
        except Refusal:
            return None

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        """Whose *token* it is; raises a :class:`~headway.errors.Refusal`."""
        # (1) strict decode, and an issuer that is trusted
        unverified = decode(token)
        claims = unverified.unverified_claims
        trusted = self._issuers.get(claims.iss)
        if trusted is None:
            raise IssuerUnknown(found=shown(claims.iss))
        # (2) its key, and by the key's own algorithm its signature
        need = NeedKey(issuer=claims.iss, symmetric=False, key_id=unverified.header.kid)
        credentials = yield need
        key = credentials.keys[0] if credentials is not None else None
        if not isinstance(key, IssuerKey):
            raise IssuerUnknown(found=shown(claims.iss))
        if unverified.header.alg != key.algorithm:
            raise AlgorithmMismatch(expected=key.algorithm, found=shown(unverified.header.alg))
        if not key.verifies(unverified.signature, unverified.signing_input):
            raise SignatureInvalid()
        # (3) times and audience
        if claims.exp is None:
            raise ClaimMissing(expected="exp")
        if now >= claims.exp + LEEWAY:
            raise TokenExpired(found=f"expired {int(now - claims.exp)} s ago")
        begins = max(claims.nbf or 0, claims.iat or 0)
        if now < begins - LEEWAY:
            raise TokenNotYetValid(found=f"not before {int(begins - now)} s from now")
        if not set(claims.aud) & set(trusted.audience):
            raise AudienceMismatch(expected=" or ".join(trusted.audience), found="another or none")
        return self._client(unverified)

    def close(self) -> None:
        """Nothing stays open between two fetches."""

    def _client(self, token: Unverified) -> str:
        """The client's name; with its issuer where there are several, which share no names."""
        payload = token.signing_input.partition(b".")[2]
        told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + b"=="))
        issuer = token.unverified_claims.iss
        named = [told.get(name) for name in _NAMES]
        name = next((text for text in named if isinstance(text, str) and text), issuer)
        whole = name if len(self._issuers) == 1 else f"{name} of {issuer}"
        return shown(whole)[:_NAME_MAX]


class KeptKeys:
    """Answers at once from *sets*, by issuer and key id: for tokens of a time that has passed.

    >>> KeptKeys({}).find(NeedKey(issuer="me", symmetric=False, key_id="1")) is None
    True
    """

    def __init__(self, sets: Mapping[str, Mapping[str, IssuerKey]]) -> None:
        self._sets = sets

    def find(self, need: NeedKey) -> Credentials | None:
        """As :meth:`JwksVerifier.find`."""
        keys = self._sets.get(need.issuer)
        if keys is None or need.symmetric:
            return None
        key = keys.get(key_name_of(need))
        if key is None:
            raise KeyNotFound(found="a key id that the set does not have")
        return Credentials(keys=(key,))


async def read_sets(
    issuers: Collection[TrustedIssuer], *, transport: httpx.AsyncBaseTransport | None = None
) -> dict[str, dict[str, IssuerKey]]:
    """The key sets of *issuers* as they are now; raises :class:`~headway.errors.KeyRefused`."""
    return {
        each.issuer: parse_keys(await fetch(each.keys, size=SET_BYTES_MAX, transport=transport))
        for each in issuers
    }


def parse_keys(data: bytes) -> dict[str, IssuerKey]:
    """The signing keys of a JSON Web Key Set, by key id (RFC 7517 section 5).

    A set that holds a secret or a name twice is refused whole; a key for
    something else is left out.  Raises :class:`~headway.errors.KeyUnusable`.

    >>> parse_keys(b'{"keys": []}')
    {}
    """
    try:
        entries = json.loads(data)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeyUnusable(expected="a JSON Web Key Set", found="something else") from None
    if not isinstance(entries, list) or len(entries) > SET_KEYS_MAX:
        raise KeyUnusable(expected=f"a list of at most {SET_KEYS_MAX} keys")
    keys: dict[str, IssuerKey] = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("kty") == "oct" or _PRIVATE & entry.keys():
            raise KeyUnusable(expected="public keys", found="something else")
        key_id, algorithm = entry.get("kid"), _algorithm(entry)
        if algorithm is None or not isinstance(key_id, str):
            continue
        if key_id in keys:
            raise KeyUnusable(expected="each kid once", found="a repeated kid")
        keys[key_id] = _key(entry, algorithm)
    return keys


def _algorithm(entry: Mapping[str, Any]) -> str | None:
    """The algorithm of a key that verifies; None for one that is for something else."""
    kind, curve = entry.get("kty"), entry.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return None
    algorithm = ALGORITHMS.get((kind, curve))
    operations = entry.get("key_ops", ["verify"])
    fits = entry.get("use", "sig") == "sig" and entry.get("alg", algorithm) == algorithm
    return algorithm if fits and isinstance(operations, list) and "verify" in operations else None


def _key(entry: Mapping[str, Any], algorithm: str) -> IssuerKey:
    try:
        key = pyjwt.PyJWK(dict(entry), algorithm)
    except (pyjwt.PyJWTError, ValueError, TypeError, KeyError):
        raise KeyUnusable(expected=f"an {algorithm} key", found="a broken entry") from None
    if algorithm == "RS256" and key.key.key_size < RSA_BITS_MIN:
        raise KeyUnusable(expected=f"at least {RSA_BITS_MIN} bits", found="fewer")
    return IssuerKey(algorithm, key)
