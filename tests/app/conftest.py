"""A site with keys, an app to install, and a way to call it that writes no log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from key_server import KeyServer

from app.calling import Answer, call_asgi
from headway import sign
from headway.app import servers
from headway.app.observation import Observation
from headway.app.starlette import Connect
from headway.keys import RsaPrivateKey
from headway.model import Installation, Secret

pytest.register_assert_rewrite("app.conformance")

NOW = 1_700_000_000
KEY_ID = "key-1"
SECRET = "the first shared secret, 32 bytes"
SITE = "http://localhost:2990"
BASE = "http://127.0.0.1:3000"


@pytest.fixture(autouse=True, scope="session")
def _no_look_at_servers() -> Iterator[None]:
    """No thread that looks which server runs here, where none does: it outlives its test."""
    servers._watching.set()
    yield
    servers._watching.clear()


@dataclass
class World:
    """One app, one site that signs for it, and the clock of both."""

    connect: Connect
    rsa: RsaPrivateKey
    keys: KeyServer
    now: list[float]
    seen: list[Observation]
    base_path: str = ""
    secret: Secret = field(default_factory=lambda: Secret(SECRET))
    app: Any = None
    caller: Callable[..., Answer] = call_asgi

    def body(self, event: str = "installed", **changes: Any) -> bytes:
        told = {
            "key": "my-app",
            "clientKey": "site-1",
            "baseUrl": SITE,
            "productType": "jira",
            "description": "a site",
            "eventType": event,
        }
        if event == "installed":
            told["sharedSecret"] = SECRET
        told = {**told, **changes}
        return json.dumps({k: v for k, v in told.items() if v is not ...}).encode()

    def lifecycle_token(self, event: str = "installed", **changes: Any) -> str:
        given: dict[str, Any] = {
            "key_id": KEY_ID,
            "issuer": "site-1",
            "audience": self.connect.base_url,
            "raw_path": f"{self.base_path}/{event}",
            "base_path": self.base_path,
            "now": self.now[0],
            **changes,
        }
        return sign.lifecycle_token(given.pop("signer", self.rsa), **given)

    def request_token(self, method: str, path: str, query: str = "", **changes: Any) -> str:
        given: dict[str, Any] = {
            "issuer": "site-1",
            "subject": "ada",
            "method": method,
            "raw_path": path,
            "raw_query": query,
            "base_path": self.base_path,
            "now": self.now[0],
            **changes,
        }
        return sign.request_token(given.pop("secret", self.secret), **given)

    def context_token(self, **changes: Any) -> str:
        given: dict[str, Any] = {
            "issuer": "site-1",
            "subject": "ada",
            "context": {"jira": {"issue": {"key": "DEMO-1"}}},
            "now": self.now[0],
            **changes,
        }
        return sign.context_token(given.pop("secret", self.secret), **given)

    def call(self, method: str, target: str, token: str | None = None, **more: Any) -> Answer:
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["authorization"] = f"JWT {token}"
        if self.app is None:
            from starlette.applications import Starlette

            self.app = Starlette(routes=self.connect.routes)
        return self.caller(self.app, method, target, headers, **more)

    def event(self, event: str = "installed", token: str | None = None, **body: Any) -> Answer:
        return self.call(
            "POST",
            f"{self.base_path}/{event}",
            token or self.lifecycle_token(event),
            body=self.body(event, **body),
        )

    def install(self) -> None:
        assert self.event().status == 204

    @property
    def installation(self) -> Installation | None:
        return self.connect.store.get("my-app", "site-1")


@pytest.fixture(scope="session")
def rsa() -> RsaPrivateKey:
    return RsaPrivateKey.generate()


@pytest.fixture
def keys(rsa: RsaPrivateKey) -> Iterator[KeyServer]:
    server = KeyServer()
    server.page(f"/{KEY_ID}", 200, rsa.public_pem())
    yield server
    server.close()


@pytest.fixture
def make_server() -> Iterator[Callable[[], KeyServer]]:
    servers: list[KeyServer] = []

    def make() -> KeyServer:
        servers.append(KeyServer())
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def make_world(rsa: RsaPrivateKey, keys: KeyServer) -> Iterator[Callable[..., World]]:
    opened: list[Connect] = []

    def make(**changes: Any) -> World:
        now, seen = [float(NOW)], []
        settings: dict[str, Any] = {
            "key": "my-app",
            "name": "My app",
            "base_url": BASE,
            "store": ":memory:",
            "development": True,
            "install_keys": keys.address,
            "observer": seen.append,
            "clock": lambda: now[0],
            **changes,
        }
        connect = settings.pop("framework", Connect)(**settings)
        opened.append(connect)
        return World(connect, rsa, keys, now, seen, base_path=connect.base_path)

    yield make
    for connect in opened:
        connect.queue.close()
        engine = getattr(connect.store, "_engine", None)
        if engine is not None:
            engine.dispose()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def asgi() -> Callable[..., Answer]:
    return call_asgi


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HEADWAY_DEVELOPMENT",
        "HEADWAY_INSTALL_KEYS",
        "HEADWAY_STORE_KEY",
        "HEADWAY_CLIENT_SCRIPT",
    ):
        monkeypatch.delenv(name, raising=False)
