"""An app that a test installed: its pages as a browser would ask for them, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from headway.descriptor import Module
from headway.host.apps import App
from headway.host.world import User
from headway.model import TokenText

if TYPE_CHECKING:
    from headway.host.testing.site import Site

__all__ = ["InstalledApp"]


class InstalledApp:
    """What ``site.install`` returns.

    ``client`` is an ``httpx.Client`` that reaches the app, in this process or
    over the network; it sends no credentials of its own.
    """

    def __init__(self, site: Site, key: str, client: httpx.Client) -> None:
        self._site = site
        self.key = key
        self.client = client

    @property
    def app(self) -> App:
        """What the site knows of it; raises LookupError where it is not installed."""
        found = self._site.tenant.apps.get(self.key)
        if found is None:
            raise LookupError(f"{self.key} is not installed")
        return found

    def module(self, key: str) -> Module:
        """One of its modules; raises LookupError where there is none of this key."""
        found = self.app.module(key)
        if found is None:
            raise LookupError(f"{self.key} has no module {key}")
        return found

    def url(self, module: str, user: str | None = "user", **context: str) -> str:
        """The address of a module's page for *user*, signed as the site signs it for a frame.

        *context* fills the variables: ``issue_key="DEMO-1"`` is ``issue.key``.
        """
        return self._site.loop.call(
            self._site.tenant.outgoing.module_url, *self._place(module, user, context)
        )

    def open(self, module: str, user: str | None = "user", **context: str) -> httpx.Response:
        """Get a module's page; see :meth:`url`."""
        return self.client.get(self.url(module, user, **context))

    def context_token(self, module: str, user: str | None = "user", **context: str) -> TokenText:
        """What ``AP.context.getToken`` gives that page."""
        return self._site.loop.call(
            self._site.tenant.outgoing.context_token, *self._place(module, user, context)
        )

    def uninstall(self) -> None:
        """Uninstall it.  Raises InstallFailed."""
        self._site.run(self._site.tenant.installer.uninstall(self.key))

    def _place(
        self, module: str, user: str | None, context: dict[str, str]
    ) -> tuple[App, Module, dict[str, str], User | None]:
        where = {name.replace("_", ".", 1): value for name, value in context.items()}
        who = None if user is None else self._site.known_user(user)
        return self.app, self.module(module), where, who

    def __repr__(self) -> str:
        return f"<app {self.key}>"
