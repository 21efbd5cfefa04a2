"""Installing an app from its descriptor, and uninstalling it: nothing stays half done."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from urllib.parse import urlsplit

from headway.errors import HeadwayError
from headway.host.apps import App, Apps
from headway.host.descriptor import Descriptor, read_descriptor
from headway.host.outgoing import Outgoing
from headway.host.wire import NoAnswer
from headway.http.answers import origin_of
from headway.keys import new_secret
from headway.model import Secret

__all__ = ["InstallFailed", "Installer"]

ACCEPTED = frozenset({200, 201, 204})
"""What an app answers to ``installed`` where it agrees (Connect: "Authentication for apps")."""

DECLINED = (
    "The app host returned HTTP response code {} when we tried to contact it during "
    "installation. Please try again later or contact the app vendor."
)


class InstallFailed(HeadwayError):
    """The app is not installed, or as it was before; the text is one line for people."""


class Installer:
    """Installs and uninstalls; one callback at a time for each app.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     asyncio.run(Installer(Apps(database), outgoing=None).uninstall("my-app"))
    Traceback (most recent call last):
    headway.host.install.InstallFailed: my-app: is not installed
    """

    def __init__(self, apps: Apps, outgoing: Outgoing) -> None:
        self._apps = apps
        self._outgoing = outgoing
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def install(self, descriptor_url: str) -> App:
        """Install the app of *descriptor_url*, or install it again with a new secret.

        Raises InstallFailed; then everything is as it was.
        """
        # (1) what the app says about itself
        descriptor = await self._descriptor(descriptor_url)
        async with self._locks[descriptor.key]:
            app, secret = self._apps.prepare(descriptor), Secret(new_secret())
            # (2) it must accept the secret, with a token that only this site can sign
            try:
                status = await self._outgoing.lifecycle(app, "installed", secret)
            except NoAnswer as failure:
                raise InstallFailed(f"{app.key}: {failure}") from None
            if status not in ACCEPTED:
                raise InstallFailed(f"{app.key}: {DECLINED.format(status)}")
            # (3) from here on it is installed; whether it hears that it is enabled changes nothing
            self._apps.save(app, secret)
            await self._tell(app, "enabled")
        return app

    async def uninstall(self, key: str) -> None:
        """Uninstall an app; its secret is good until ``uninstalled`` has been answered.

        Raises InstallFailed where it is not installed.
        """
        async with self._locks[key]:
            app = self._apps.get(key)
            if app is None:
                raise InstallFailed(f"{key}: is not installed")
            await self._tell(app, "disabled")
            await self._tell(app, "uninstalled")
            self._apps.remove(key)

    async def _tell(self, app: App, event: str) -> None:
        """Send a mere notification; the traffic shows what became of it."""
        with contextlib.suppress(NoAnswer):
            await self._outgoing.lifecycle(app, event)

    async def _descriptor(self, url: str) -> Descriptor:
        try:
            origin = origin_of(url)
        except ValueError:
            raise InstallFailed("the descriptor's address is no plain http or https one") from None
        shown = f"{origin}{urlsplit(url).path}"
        try:
            answer = await self._outgoing.descriptor(url)
            if answer.status != 200:
                raise InstallFailed(f"{shown}: answered {answer.status}, not 200")
            descriptor = read_descriptor(answer.body)
        except (NoAnswer, ValueError) as failure:
            raise InstallFailed(f"{shown}: {failure}") from None
        self._check_origin(descriptor, origin)
        return descriptor

    def _check_origin(self, descriptor: Descriptor, origin: str) -> None:
        """A descriptor speaks for its own origin, and the site's cookie must not reach the app."""
        if origin_of(descriptor.base_url) != origin:
            raise InstallFailed(
                f"{descriptor.key}: the descriptor is at {origin}, its baseUrl elsewhere"
            )
        own_name = urlsplit(self._outgoing.base_url()).hostname
        if urlsplit(origin).hostname == own_name:
            raise InstallFailed(
                f"{descriptor.key}: the app is on {own_name}, as the site is, and cookies ignore "
                "ports; give the app another name, such as 127.0.0.1"
            )
