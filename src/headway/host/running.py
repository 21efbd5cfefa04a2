"""The site that runs now: set back in an instant, because another one takes its place.

A fresh site over the same settings knows nothing of what the old one kept in
memory.  So nobody has to list what a reset must forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from headway.host.database import Snapshot
from headway.host.settings import Settings
from headway.host.site import Site

if TYPE_CHECKING:
    from headway.host.control import Key

__all__ = ["Running", "State"]


class State(msgspec.Struct, frozen=True):
    """All that a reset or a restore brings back: the content, the date, the policy."""

    content: Snapshot
    moved: float
    policy: str


class Running:
    """A site under one address for as long as the process wants it.

    ``site`` is the one that answers now: ask for it anew after a reset.

    >>> import asyncio
    >>> running = Running(Settings())
    >>> first = running.site
    >>> asyncio.run(running.reset())
    >>> running.site is first, len(running.site.identity.first_passwords)
    (False, 5)
    >>> asyncio.run(running.close())
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.inside: dict[str, httpx.AsyncBaseTransport] = {}
        """Apps that run in this process, by origin: the site asks them without a connection."""
        self.authority: Path | None = None
        """The file with what clients of its https address have to trust."""
        self.chromium_options: tuple[str, ...] = ()
        """With which Chromium finds the client script's public address here."""
        self.control: Key | None = None
        """The token of the control API, where that is open."""
        self._addresses: tuple[str, str, str | None] | None = None
        self._put(Site(settings))
        self._first = self.state()

    def _put(self, site: Site) -> None:
        for tenant in site.tenants:
            tenant.outgoing.wire.inside = self.inside
        if self._addresses is not None:
            site.bind_addresses(*self._addresses)
        site.outbox.wake()  # where a loop runs, what waits in a restored site goes out
        self.site = site
        self._apps: Mapping[str, ASGIApp] = {"site": site.asgi(), "media": site.media_asgi()}

    def bind_addresses(self, base_url: str, media_url: str, tls_url: str | None = None) -> None:
        """Say where the site and its media answer, as ``scheme://host:port``."""
        self._addresses = base_url, media_url, tls_url
        self.site.bind_addresses(base_url, media_url, tls_url)

    # ---- state ------------------------------------------------------------------------------

    def state(self) -> State:
        """What the site is now, to be restored later."""
        site = self.site
        return State(site.database.snapshot(), site.clock.moved, site.policy.name)

    async def reset(self) -> None:
        """Be as at the start: content, users and installed apps, date, policy; no faults."""
        await self.restore(self._first)

    async def restore(self, state: State) -> None:
        """Be as in *state*; what crossed is forgotten and no fault waits."""
        await self.site.settled()
        await self.site.close()
        site = Site(self.settings, state.content)
        site.clock.move(state.moved)
        site.set_policy(state.policy)
        self._put(site)
        site.outbox.attend()

    async def close(self) -> None:
        """Stop what runs, close what is open."""
        await self.site.close()

    # ---- applications -----------------------------------------------------------------------

    def asgi(self) -> ASGIApp:
        """The site as an ASGI application: always the one that runs now."""
        return self._current("site")

    def media_asgi(self) -> ASGIApp:
        """Its media host as an ASGI application."""
        return self._current("media")

    def _current(self, name: str) -> ASGIApp:
        async def pass_on(scope: Scope, receive: Receive, send: Send) -> None:
            await self._apps[name](scope, receive, send)

        return pass_on
