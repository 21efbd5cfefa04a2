"""A whole site in memory, with apps that are simply there, for a test without a browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from headway.descriptor import read_descriptor
from headway.host.settings import Settings
from headway.host.site import Site
from headway.keys import new_secret
from headway.model import Product, Secret
from host.small_app import SmallApp

BASE, MEDIA = "http://localhost:2990", "http://127.0.0.1:2991"


class Stage:
    """A site in memory, apps that are simply there, and a loop that goes round when told to."""

    def __init__(self, **settings: Any) -> None:
        self.site = Site(Settings(**{"callback_seconds": 2.0, **settings}))
        self.site.bind_addresses(BASE, MEDIA)
        issue = self.site.world.tracker.issue("DEMO-1")
        assert issue is not None
        self.issue = issue

    def add(self, app: SmallApp, product: Product = Product.JIRA, **descriptor: Any) -> Any:
        tenant = self.site.jira if product is Product.JIRA else self.site.confluence
        text = json.dumps({**app.descriptor, **descriptor}).encode()
        made = tenant.apps.prepare(read_descriptor(text))
        tenant.apps.save(made, Secret(new_secret()))
        return made

    def listen(self, app: SmallApp, *hooks: dict[str, Any], **descriptor: Any) -> Any:
        """Install *app* with these webhooks."""
        return self.add(app, modules={"webhooks": list(hooks)}, **descriptor)

    def edit(self, summary: str = "New", **more: Any) -> None:
        self.site.world.tracker.edit_issue(self.issue.id, summary=summary, **more)

    def settle(self) -> None:
        asyncio.run(self.site.settled())

    def later(self, seconds: float) -> None:
        """Move the site's date on, and let happen what is due."""
        self.site.clock.set(self.site.clock.at() + seconds)
        self.settle()

    def told(self) -> list[tuple[str, list[int | None]]]:
        """Each delivery's state and the answers, the newest first."""
        newest = self.site.outbox.deliveries.newest()
        return [(str(d.state), [made.status for made in tries]) for d, tries in newest]
