"""One product of the site as apps know it: a Jira at ``/``, a Confluence at ``/wiki``.

Apps are installed into a product, not into a site: each has its own
``clientKey``, its own apps, and an address whose path is left out of the hash
(Connect: "Creating a query string hash").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from headway.host.access import AccessTokens
from headway.host.apps import App, Apps
from headway.host.clock import SiteClock
from headway.host.conditions import Remote
from headway.host.database import Database
from headway.host.gate import Gate
from headway.host.identity import Identity
from headway.host.install import Installer, Locks
from headway.host.lifecycle import Addresses, Lifecycle, cloud_id
from headway.host.outgoing import Outgoing
from headway.host.settings import Settings
from headway.host.site_keys import SiteKeys
from headway.host.traffic import Traffic
from headway.model import Product
from headway.policy import Policy

__all__ = ["BASE_PATHS", "Tenant"]

BASE_PATHS: Mapping[Product, str] = {Product.JIRA: "", Product.CONFLUENCE: "/wiki"}
"""Where on the site each product is."""


class UrlOver(Protocol):
    """The site's address over https, where it has one, or not."""

    def __call__(self, *, tls: bool) -> str:
        """It is ``scheme://host:port``."""
        ...


class Tenant:
    """A product with its apps; *origin* is the site's address, ``scheme://host:port``.

    Where the site has two, it is the one by which it was asked; *url_over*
    gives each.
    """

    def __init__(
        self,
        product: Product,
        *,
        settings: Settings,
        database: Database,
        identity: Identity,
        clock: SiteClock,
        keys: SiteKeys,
        locks: Locks,
        tokens: AccessTokens,
        traffic: Traffic,
        policy: Callable[[], Policy],
        origin: Callable[[], str],
        url_over: UrlOver,
    ) -> None:
        self.product = product
        self.base_path = BASE_PATHS[product]
        self._origin = origin
        self._url_over = url_over
        self.apps = Apps(database, clock.now, product)
        self.outgoing = Outgoing(
            settings=settings,
            apps=self.apps,
            clock=clock,
            traffic=traffic,
            policy=policy,
            base_url=lambda: self.base_url,
        )
        self.remote = Remote()
        lifecycle = Lifecycle(
            apps=self.apps,
            keys=keys,
            outgoing=self.outgoing,
            clock=clock,
            addresses=self.addresses,
            cloud_id=cloud_id(database),
            legacy=settings.unsigned_installs,
            on_forge=settings.forge_installations,
        )
        self.installer = Installer(
            self.apps,
            self.outgoing,
            lifecycle,
            locks=locks,
            keep_secret=settings.upgrade_keeps_secret,
            legacy=settings.unsigned_installs,
        )
        self.gate = Gate(
            apps=self.apps,
            identity=identity,
            clock=clock,
            policy=policy,
            base_url=lambda: self.base_url,
            grants=lambda text: tokens.find(product, text),
        )

    @property
    def base_url(self) -> str:
        """The product's address, which apps get as ``baseUrl``; no slash at the end."""
        return self._origin() + self.base_path

    def addresses(self, app: App) -> Addresses:
        """Where *app* calls this product, and where people may be looking at it instead."""
        base, other = (self._url_over(tls=tls) for tls in (app.over_tls, not app.over_tls))
        return Addresses(base + self.base_path, other + self.base_path)
