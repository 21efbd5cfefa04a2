"""Forge as the tests play it: a key set on a real server, and invocation tokens."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from headway import jwt
from headway.keys import RsaPrivateKey

UUID = "406d303d-0393-4ec4-ad7c-1435be94583a"
APP_ID = f"ari:cloud:ecosystem::app/{UUID}"
INSTALLED = "ari:cloud:ecosystem::installation/0a3a7799-53ae-4a5b-9e7e-03338980abb5"
CLOUD = "4c822e2f-510f-48b9-b8d2-8419d0932949"
JWKS = "/.well-known/jwks.json"
KID = "forge-key-1"

_numbers = itertools.count()


def jwk(key_id: str, private: RsaPrivateKey, **more: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key (RFC 7518 section 6.3)."""
    numbers = private._key.public_key().public_numbers()

    def written(number: int) -> str:
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    return {
        "kty": "RSA",
        "kid": key_id,
        "n": written(numbers.n),
        "e": written(numbers.e),
        "use": "sig",
        "alg": "RS256",
        **more,
    }


def key_set(**keys: RsaPrivateKey) -> bytes:
    return json.dumps({"keys": [jwk(key_id, key) for key_id, key in keys.items()]}).encode()


class Invoker:
    """Signs as Forge does; ``api`` is the origin under which its API stands."""

    def __init__(self, private: RsaPrivateKey, api: str) -> None:
        self.private = private
        self.api = api

    def app(self, **changes: Any) -> dict[str, Any]:
        told = {
            "id": APP_ID,
            "appVersion": "2.0.0",
            "installationId": INSTALLED,
            "apiBaseUrl": f"{self.api}/ex/jira/{CLOUD}",
            "environment": {"type": "PRODUCTION", "id": "ari:cloud:ecosystem::environment/e"},
            "module": {"type": "jira:issuePanel", "key": "panel"},
            **changes,
        }
        return {name: value for name, value in told.items() if value is not ...}

    def token(self, now: float, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {
            "iss": "forge/invocation-token",
            "aud": APP_ID,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + 25,
            "jti": f"jti-{next(_numbers)}",
            "app": self.app(),
            "context": {
                "cloudId": CLOUD,
                "moduleKey": "panel",
                "extension": {"type": "jira:issuePanel", "issue": {"key": "DEMO-1", "id": 7}},
            },
            "principal": "655362:ada",
            **changes,
        }
        told = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode({"kid": KID, **(header or {})}, told, self.private)
