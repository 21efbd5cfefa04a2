"""Tokens and requests as anybody may write them: right, nearly right, and forged.

:mod:`headway.sign` can only make good tokens.  Whoever wants to see bad ones
refused needs a pen that writes whatever it is told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from headway.keys import RsaPrivateKey
from headway.model import Location

__all__ = ["Draft", "Key", "Message"]

Key: TypeAlias = RsaPrivateKey | bytes | None
_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is not signed yet.  ``alg`` in the header says how *key* signs it.

    ``RS256`` takes an RSA key, ``HS256`` to ``HS512`` take bytes, ``none``
    takes nothing and leaves the signature empty.

    >>> Draft(header={"alg": "none"}, claims={"iss": "me"}, key=None).text()
    'eyJhbGciOiJub25lIn0.eyJpc3MiOiJtZSJ9.'
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: Key

    def but(
        self,
        *,
        header: Mapping[str, Any] | None = None,
        claims: Mapping[str, Any] | None = None,
        key: Key = None,
    ) -> Draft:
        """The same with other members; one that is None is left out.  *key* None keeps the key."""
        return Draft(
            header=_with(self.header, header or {}),
            claims=_with(self.claims, claims or {}),
            key=self.key if key is None else key,
        )

    def text(self) -> str:
        """The token, signed.  Raises ValueError where the algorithm does not fit the key."""
        signing_input = f"{_segment(self.header)}.{_segment(self.claims)}"
        return f"{signing_input}.{_base64url(self._signature(signing_input.encode()))}"

    def _signature(self, message: bytes) -> bytes:
        algorithm = self.header.get("alg")
        if algorithm == "none":
            return b""
        if algorithm == "RS256" and isinstance(self.key, RsaPrivateKey):
            return self.key.sign(message)
        if algorithm in _HASHES and isinstance(self.key, bytes):
            return hmac.digest(self.key, message, _HASHES[algorithm])
        raise ValueError(f"nothing here signs {algorithm} with such a key")

    def __repr__(self) -> str:
        return "<draft of a token>"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the app: ``path`` and ``query`` as they stand on the request line.

    The token's ``location`` is the header or the query, where it comes last,
    as a host puts it.  ``body`` is an object for JSON, or bytes as they are.
    """

    method: str
    path: str
    query: str = ""
    token: Draft | None = None
    location: Location = Location.HEADER
    body: Mapping[str, Any] | bytes | None = None
    headers: Mapping[str, str] = {}

    def but(self, **changes: Any) -> Message:
        """The same with other members."""
        return msgspec.structs.replace(self, **changes)

    def with_claims(self, **claims: Any) -> Message:
        """The same with other claims; one that is None is left out."""
        return self.but(token=self.draft.but(claims=claims))

    def with_body(self, **members: Any) -> Message:
        """The same with other members in its body; one that is None is left out."""
        return self.but(body=_with(self.members, members))

    @property
    def draft(self) -> Draft:
        """The token's draft; raises ValueError where there is none."""
        if self.token is None:
            raise ValueError("this message has no token")
        return self.token

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of its JSON body; raises ValueError where it has none."""
        if not isinstance(self.body, Mapping):
            raise ValueError("this message has no JSON body")
        return self.body

    def wire(self) -> tuple[str, dict[str, str], bytes]:
        """Target, headers and body as they are sent."""
        headers, query = {"Accept": "*/*", **self.headers}, self.query
        if self.token is not None and self.location is Location.HEADER:
            headers["Authorization"] = f"JWT {self.token.text()}"
        elif self.token is not None:
            query = f"{query}&jwt={self.token.text()}".removeprefix("&")
        body = self.body
        if isinstance(body, Mapping):
            body = json.dumps(body).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        return (f"{self.path}?{query}" if query else self.path), headers, body or b""

    def __repr__(self) -> str:
        return f"<{self.method} {self.path}>"


def _with(members: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def _segment(members: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
