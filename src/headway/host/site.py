"""The site: its parts, put together.

Each part is a plain class that is given what it needs; only this module knows
them all.  ``rest``, ``downloads``, ``svc`` and ``pages`` hold the routes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from headway.errors import ConfigurationError
from headway.host import downloads, oauth, pages, svc
from headway.host.access import AccessTokens
from headway.host.apps import App
from headway.host.clock import SiteClock
from headway.host.database import Snapshot, open_database
from headway.host.events.outbox import Outbox
from headway.host.events.payloads import Telling
from headway.host.events.post_functions import PostFunctions
from headway.host.events.registrations import Registrations
from headway.host.events.webhooks import Webhooks
from headway.host.faults import Faults, Faulty
from headway.host.gate import Recorder
from headway.host.guard import SiteGuard
from headway.host.identity import Identity
from headway.host.media import Media
from headway.host.plugins import Plugins
from headway.host.providers.provided import Provided
from headway.host.rest import table as rest
from headway.host.rights import Rights
from headway.host.search.engine import Search
from headway.host.seed import seed_database
from headway.host.settings import POLICIES, Settings
from headway.host.shapes import Shapes
from headway.host.shapes.writer import Sight
from headway.host.site_keys import SiteKeys
from headway.host.tenant import Tenant
from headway.host.traffic import Traffic
from headway.host.world import Change, Issue, World
from headway.model import Product
from headway.policy import Policy

__all__ = ["Site"]

PARTS = (svc, oauth, rest, downloads, pages)
"""The modules that hold routes; the first that matches answers."""


class Site:
    """One site with its users, its issues, its installed apps.

    Raises ConfigurationError where the settings can not work; nothing listens
    before :meth:`bind_addresses` has said where.  With a *snapshot* it begins
    with that content.

    >>> site = Site(Settings())
    >>> site.bind_addresses("http://localhost:2990", "http://127.0.0.1:2991")
    >>> sorted(site.identity.first_passwords)
    ['admin', 'gone', 'project-admin', 'space-admin', 'user']
    """

    def __init__(self, settings: Settings, snapshot: Snapshot | None = None) -> None:
        self.settings = settings
        self.plain_url = f"http://{settings.name}:{settings.port}"
        self.tls_url: str | None = None
        self.media_url = f"http://{settings.app_name}:{settings.media_port}"
        self.set_policy(settings.policy)
        self.clock = SiteClock(settings.at)
        self.traffic = Traffic()
        self.faults = Faults()
        self.database = open_database(settings.data)
        if snapshot is not None:
            self.database.restore(snapshot)
        seed_database(self.database, self.clock.now, settings.seed)
        self.world = World(self.database, self.clock.now)
        self.identity = Identity(self.database, self.clock.now, secure=_is_secure(settings))
        self.rights = Rights(self.world, self._app_scopes)
        self.search = Search(self.database, self.world, self.clock.now, self.rights.hidden_comments)
        self.media = Media(self.world.files, self.clock.now, media_url=lambda: self.media_url)
        self.keys = SiteKeys(self.database, self.clock.now, settings.old_keys_seconds)
        self.tokens = AccessTokens(self.database, self.clock.now)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.jira, self.confluence = (self._tenant(product) for product in Product)
        self.tenants = (self.jira, self.confluence)
        self.plugins = tuple(
            Plugins(
                apps=tenant.apps,
                installer=tenant.installer,
                identity=self.identity,
                people=self.world.people,
                base_path=tenant.base_path,
                redirects=not settings.plugin_manager_tells,
                now=self.clock.now,
            )
            for tenant in self.tenants
        )
        self.outbox = Outbox(
            self.database,
            self.clock,
            self.tenants,
            # Confluence tries once ("Webhooks")
            {Product.JIRA: (settings.webhook_retry_seconds,) * settings.webhook_retries},
        )
        self.registrations = Registrations(self.database)
        self.provided = Provided(self.database)
        self.webhooks = Webhooks(
            self.outbox,
            self.clock,
            self.tenants,
            self.registrations,
            telling=self._telling,
            finds=self._finds,
        )
        self.post_functions = PostFunctions(
            self.database, self.jira.apps, self.outbox, self._telling
        )
        self.world.listeners.append(self.post_functions.hear)
        for tenant in self.tenants:
            tenant.installer.listeners.append(partial(self._app_changed, tenant.product))
        self.world.listeners += [self.identity.hear, self.webhooks.hear]

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    def set_policy(self, name: str) -> None:
        """Put another policy in force; raises ConfigurationError for an unknown name."""
        if name not in POLICIES:
            raise ConfigurationError(f"policy: {name!r} is not one of {', '.join(POLICIES)}")
        self._policy = POLICIES[name]

    def bind_addresses(self, base_url: str, media_url: str, tls_url: str | None = None) -> None:
        """Say where the site and its media answer, as ``scheme://host:port``.

        *tls_url* is where it speaks https beside *base_url*.
        """
        self.plain_url, self.media_url, self.tls_url = base_url, media_url, tls_url

    @property
    def base_url(self) -> str:
        """The site's address: the one by which the request came that is being answered."""
        return self.url_over(tls=_OVER_TLS.get())

    def url_over(self, *, tls: bool) -> str:
        """The site's https address, where it has two and that is wanted; else the first."""
        return self.tls_url if tls and self.tls_url is not None else self.plain_url

    def _tenant(self, product: Product) -> Tenant:
        return Tenant(
            product,
            settings=self.settings,
            database=self.database,
            identity=self.identity,
            clock=self.clock,
            keys=self.keys,
            locks=self._locks,
            tokens=self.tokens,
            traffic=self.traffic,
            policy=lambda: self.policy,
            origin=lambda: self.base_url,
            url_over=self.url_over,
        )

    def _app_scopes(self, account_id: str) -> frozenset[str] | None:
        """The scopes of the app whose own user this is."""
        apps = (tenant.apps.by_account(account_id) for tenant in self.tenants)
        return next((app.scopes for app in apps if app is not None), None)

    def shapes(self, version: str = "2", sight: Sight | None = None) -> Shapes:
        """How one version of the REST API writes the site's content."""
        return Shapes(self.world, self.jira.apps, lambda: self.base_url, version, sight)

    def _telling(self) -> Telling:
        return Telling(self.world, self.shapes(), self.confluence.base_url)

    def _finds(self, jql: str, issue: Issue) -> bool:
        if self.world.tracker.issue(issue.id) is None:
            return self.search.matched(jql, issue)
        return self.search.matches(jql, issue.id)

    def _app_changed(self, product: Product, app: App, event: str) -> None:
        """An app was enabled, disabled or uninstalled; what it left behind goes with it."""
        self.webhooks.hear(Change(event=f"connect_addon_{event}", product=product, after=app))
        if event == "uninstalled" and product is Product.JIRA:
            self.registrations.remove(app.key)
            self.post_functions.forget(app.key)
            self.provided.forget(app.key)

    async def settled(self) -> None:
        """Wait until every app has been told of what is due, or at least was tried."""
        for plugins in self.plugins:
            await plugins.settled()
        await self.outbox.settled()

    def asgi(self) -> ASGIApp:
        """The site as an ASGI application, guarded."""
        app = Starlette(
            routes=[
                *(part for plugins in self.plugins for part in plugins.routes()),
                *(part for file in PARTS for part in file.routes(self)),
            ],
            exception_handlers=pages.errors(self),
            lifespan=self._lifespan,
        )
        return _by_door(
            SiteGuard(
                Recorder(Faulty(app, self), self.traffic),
                origin=lambda: self.base_url,
                disclaimer=lambda: self.policy.disclaimer,
            )
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Somebody else's server runs the site: what waits is sent from its start on."""
        self.outbox.attend()
        yield

    def media_asgi(self) -> ASGIApp:
        """The media host as an ASGI application, guarded; it listens under another name."""
        app = Starlette(routes=self.media.routes())
        return SiteGuard(
            Faulty(app, self),
            origin=lambda: self.media_url,
            disclaimer=lambda: self.policy.disclaimer,
            shown=("/",),  # whoever has an address here may show what is there
        )

    async def close(self) -> None:
        """Stop what runs, close what is open; what was not delivered is at the next start."""
        for plugins in self.plugins:
            await plugins.close()
        await self.outbox.close()
        for tenant in self.tenants:
            await tenant.outgoing.close()
        self.database.close()


_OVER_TLS: ContextVar[bool] = ContextVar("over_tls", default=False)


def _by_door(app: ASGIApp) -> ASGIApp:
    """*app*, for which the site is where it was asked; what a proxy says of that is not read."""

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        outside = _OVER_TLS.set(scope.get("scheme") == "https")
        try:
            await app(scope, receive, send)
        finally:
            _OVER_TLS.reset(outside)

    return enter


def _is_secure(settings: Settings) -> bool:
    """Whether browsers take a secure cookie: over TLS, else from localhost.

    Secure Contexts section 3.1.
    """
    name = settings.name
    return settings.certificate is not None or name == "localhost" or name.endswith(".localhost")
