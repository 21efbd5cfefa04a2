"""A Forge on this machine, as far as an app's remote sees one: keys, invocations, an API address.

It signs with PyJWT and serves with the standard library, so that nothing of
Headway judges itself.  Behind its API address stands a real local site: what
comes with a good access token is asked there, as the app or as the user.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import rsa

from headway import sign
from headway.host.lifecycle import cloud_id, installation_id
from headway.host.testing import Site

APP_ID = "ari:cloud:ecosystem::app/406d303d-0393-4ec4-ad7c-1435be94583a"
JWKS = "/.well-known/jwks.json"


class LocalForge:
    """``invoke`` calls the app as ``invokeRemote`` does; ``asked`` is what came back by the API."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.current = ""
        self.down = False
        self.fetched = 0
        self.asked: list[tuple[str, str]] = []
        self._tokens: dict[str, tuple[str, str]] = {}  # access token -> (app key, user or "")
        self.rotate()
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Write nothing."""

            def do_GET(self) -> None:
                status, body = forge._answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # ---- keys -------------------------------------------------------------------------------

    def rotate(self, *, withdraw: bool = False) -> None:
        """Sign with a new key from now on."""
        if withdraw:
            self.keys.clear()
        self.current = f"forge/invocation-token/{secrets.token_hex(8)}"
        self.keys[self.current] = rsa.generate_private_key(65537, 2048)

    def _key_set(self) -> bytes:
        to_jwk = pyjwt.algorithms.RSAAlgorithm.to_jwk
        entries = [
            {**to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": "RS256"}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": entries}).encode()

    # ---- what Forge serves ------------------------------------------------------------------

    def _answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        if path == JWKS:
            self.fetched += 1
            return (503, b"down") if self.down else (200, self._key_set())
        scheme, _, token = authorization.partition(" ")
        known = self._tokens.get(token) if scheme == "Bearer" else None
        base = f"/ex/jira/{self.cloud_id}/"
        if known is None or not path.startswith(base):
            return 401, b'{"code": 401, "message": "Unauthorized"}'
        app_key, user = known
        target = path.removeprefix(base[:-1])
        self.asked.append((user or "app", target))
        if user:
            with self.site.client(user) as client:
                answer = client.get(target)
        else:
            answer = self._as_app(app_key, target)
        return answer.status_code, answer.content

    def _as_app(self, app_key: str, target: str) -> httpx.Response:
        parts = urlsplit(target)
        token = sign.request_token(
            self.site.tenant.apps.secret(app_key),
            issuer=app_key,
            method="GET",
            raw_path=parts.path,
            raw_query=parts.query,
            now=time.time(),
        )
        headers = {"Authorization": f"JWT {token}"}
        return httpx.get(self.site.url + target, headers=headers, trust_env=False)

    # ---- what Forge sends -------------------------------------------------------------------

    @property
    def cloud_id(self) -> str:
        return cloud_id(self.site.running.site.database)

    def token(self, app_key: str, user: str | None, issue: str | None, **changes: Any) -> str:
        """An invocation token, as "Forge Remote essentials" shows one."""
        app = self.site.tenant.apps.get(app_key)
        installed = (
            f"ari:cloud:ecosystem::installation/{uuid.uuid4()}"
            if app is None
            else installation_id(app, self.cloud_id)
        )
        now = int(time.time())
        api = f"{self.url}/ex/jira/{self.cloud_id}"
        claims: dict[str, Any] = {
            "app": {
                "id": APP_ID,
                "version": "16",
                "appVersion": "16.0.1",
                "installationId": installed,
                "apiBaseUrl": api,
                "environment": {"type": "PRODUCTION", "id": "ari:cloud:ecosystem::environment/e"},
                "module": {"type": "jira:issuePanel", "key": "note"},
                "installation": {
                    "id": installed,
                    "contexts": [{"name": "Jira", "apiBaseUrl": api}],
                },
                "license": {"active": True, "type": "commercial", "modes": ["USER_ACCESS"]},
            },
            "context": {
                "cloudId": self.cloud_id,
                "moduleKey": "note",
                "siteUrl": self.site.url,
                "extension": {"type": "jira:issuePanel", "issue": {"key": issue}},
            },
            "aud": APP_ID,
            "iss": "forge/invocation-token",
            "iat": now,
            "nbf": now,
            "exp": now + 25,
            "jti": secrets.token_hex(20),
        }
        if user is not None:
            claims["principal"] = self.site.known_user(user).account_id
        claims |= changes
        headers = {"kid": self.current}
        return pyjwt.encode(claims, self.keys[self.current], "RS256", headers)

    def access_token(self, app_key: str, user: str = "") -> str:
        """What opens the API address, as the app or as *user*."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (app_key, user)
        return token

    def invoke(
        self,
        url: str,
        app_key: str,
        body: Any = None,
        *,
        user: str | None = "user",
        issue: str | None = "DEMO-1",
        token: str | None = None,
        user_token: bool = True,
        **changes: Any,
    ) -> httpx.Response:
        """What ``invokeRemote`` does for *user*, who looks at *issue*."""
        headers = {
            "authorization": f"Bearer {token or self.token(app_key, user, issue, **changes)}",
            "x-forge-oauth-system": self.access_token(app_key),
            "x-b3-traceid": secrets.token_hex(8),
            "x-b3-spanid": secrets.token_hex(8),
        }
        if user is not None and user_token:
            headers["x-forge-oauth-user"] = self.access_token(app_key, user)
        return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=25)


@contextmanager
def local_forge(site: Site) -> Iterator[LocalForge]:
    """Forge, for the block."""
    forge = LocalForge(site)
    try:
        yield forge
    finally:
        forge.close()
