"""A site without its outgoing half, and a client that sends exactly the bytes it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from asking import Answer, ask, request
from starlette.applications import Starlette

from headway.host import downloads
from headway.host.clock import SiteClock
from headway.host.conditions import Remote
from headway.host.database import open_database
from headway.host.events.outbox import Outbox
from headway.host.events.payloads import Telling
from headway.host.events.post_functions import PostFunctions
from headway.host.events.registrations import Registrations
from headway.host.gate import Gate, Recorder
from headway.host.guard import SiteGuard
from headway.host.identity import Identity, Session
from headway.host.media import Media
from headway.host.providers.provided import Provided
from headway.host.rest import table
from headway.host.rights import Rights
from headway.host.search.engine import Search
from headway.host.seed import seed
from headway.host.settings import POLICIES, Settings
from headway.host.shapes import Shapes
from headway.host.shapes.writer import Sight
from headway.host.traffic import Traffic
from headway.host.world import Change, World
from headway.model import Installation, Product, Secret, TokenText
from headway.ports import Credentials, NeedKey
from headway.sign import request_token

BASE, MEDIA = "http://localhost:2990", "http://127.0.0.1:2991"
CLIENT_KEY = "0b5a1f0e-site"


@dataclass
class SmallApp:
    """An installed app, as far as the gate asks."""

    key: str
    name: str
    account_id: str
    scopes: frozenset[str]
    secret: Secret
    enabled: bool = True
    modules: tuple[Any, ...] = ()
    added: str = "{}"


@dataclass
class SmallApps:
    """The installed apps; a source of keys."""

    known: dict[str, SmallApp] = field(default_factory=dict)

    def get(self, key: str) -> SmallApp | None:
        return self.known.get(key)

    def all(self) -> list[SmallApp]:
        return list(self.known.values())

    def by_account(self, account_id: str) -> SmallApp | None:
        return next((app for app in self.all() if app.account_id == account_id), None)

    def change(self, key: str, *, added: str) -> None:
        self.known[key].added = added

    def find(self, need: NeedKey) -> Credentials | None:
        app = self.known.get(need.issuer)
        if app is None:
            return None
        installation = Installation(
            app_key=app.key,
            client_key=CLIENT_KEY,
            base_url=BASE,
            product=Product.JIRA,
            shared_secret=app.secret,
        )
        return Credentials(keys=(app.secret,), installation=installation)


@dataclass
class SmallTenant:
    """One product, as far as its gate and its pages are asked."""

    product: Product
    apps: Any
    gate: Gate
    base_path: str = ""
    outgoing: Any = None
    remote: Remote = field(default_factory=Remote)


class SmallSite:
    """The site's own half, with real routes and a clock that a test moves."""

    def __init__(self, policy: str = "atlassian-2022", at: float | None = None) -> None:
        self.time = 1_700_000_000.0
        self.base_url, self.media_url = BASE, MEDIA
        self.settings = Settings()
        self.clock = SiteClock(at, real=lambda: self.time)
        self.policy = POLICIES[policy]
        self.traffic = Traffic()
        self.database = open_database(None)
        self.world = World(self.database, self.clock.now)
        self.identity = Identity(self.database, self.clock.now)
        seed(self.world, self.identity)
        self.rights = Rights(self.world, self._app_scopes)
        self.search = Search(self.database, self.world, self.clock.now, self.rights.hidden_comments)
        self.apps = SmallApps()
        self.media = Media(self.world.files, self.clock.now, media_url=lambda: self.media_url)
        self.changes: list[Change] = []
        self.world.listeners.append(self.changes.append)
        self.registrations = Registrations(self.database)
        self.provided = Provided(self.database)
        self.outbox = Outbox(self.database, self.clock, (), {})
        self.post_functions = PostFunctions(
            self.database,
            self.apps,  # type: ignore[arg-type]
            self.outbox,
            self.telling,
        )
        self.jira, self.confluence = self._tenant(""), self._tenant("/wiki")
        self.tenants = (self.jira, self.confluence)
        app = Starlette(routes=[*table.routes(self), *downloads.routes(self)])
        self.app = SiteGuard(
            Recorder(app, self.traffic),
            origin=lambda: self.base_url,
            disclaimer=lambda: self.policy.disclaimer,
        )

    def _app_scopes(self, account_id: str) -> frozenset[str] | None:
        every = self.apps.known.values()
        return next((app.scopes for app in every if app.account_id == account_id), None)

    def telling(self) -> Telling:
        return Telling(self.world, self.shapes(), f"{BASE}/wiki")

    def shapes(self, version: str = "2", sight: Sight | None = None) -> Shapes:
        return Shapes(self.world, self.apps, lambda: self.base_url, version, sight)

    def _tenant(self, base_path: str) -> SmallTenant:
        gate = Gate(
            apps=self.apps,
            identity=self.identity,
            clock=self.clock,
            policy=lambda: self.policy,
            base_url=lambda: self.base_url + base_path,
        )
        product = Product.CONFLUENCE if base_path else Product.JIRA
        return SmallTenant(product, self.apps, gate, base_path)

    def add_app(self, key: str, *scopes: str, secret: str = "") -> SmallApp:
        secret = secret or f"the shared secret of {key}"
        app = SmallApp(key, key.title(), f"account-{key}", frozenset(scopes), Secret(secret))
        self.apps.known[key] = app
        return app

    def token(
        self, method: str, target: str, app: str = "my-app", secret: Secret | None = None
    ) -> TokenText:
        parts = urlsplit(target)
        return request_token(
            secret or self.apps.known[app].secret,
            issuer=app,
            method=method,
            raw_path=parts.path,
            raw_query=parts.query,
            now=self.time,
        )

    def log_in(self, name: str = "user") -> tuple[str, Session]:
        """A Cookie header's value, and the session."""
        value = self.identity.log_in(name, self.identity.first_passwords[name])
        cookie = f"{self.identity.cookie_name}={value}"
        session = self.identity.session(request("GET", "/", {"Cookie": cookie}))
        assert session is not None
        return cookie, session

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: Any = b""
    ) -> Answer:
        """Ask the site."""
        return ask(self.app, method, target, {"Host": "localhost:2990", **(headers or {})}, body)

    def ask_signed(self, method: str, target: str, body: Any = b"", app: str = "my-app") -> Answer:
        """Ask the site as an app, with the token in the header."""
        token = self.token(method, target, app)
        return self.ask(method, target, {"Authorization": f"JWT {token}"}, body)
