"""Installing an app from its descriptor, and all that becomes of it; nothing stays half done."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from headway.descriptor import Descriptor, problems_of, read_descriptor
from headway.errors import HeadwayError
from headway.host.apps import App, Apps, Licence
from headway.host.lifecycle import Lifecycle
from headway.host.outgoing import Outgoing
from headway.host.wire import Answer, NoAnswer
from headway.http.answers import origin_of
from headway.keys import new_secret
from headway.model import Secret

__all__ = ["ACTIONS", "InstallFailed", "Installer", "Locks"]

Locks = MutableMapping[str, asyncio.Lock]
"""One lock for each app, by key; the products of a site share them."""

ACCEPTED = frozenset({200, 201, 204})
"""What an app answers to ``installed`` where it agrees (Connect: "Authentication for apps")."""

DECLINED = (
    "The app host returned HTTP response code {} when we tried to contact it during "
    "installation. Please try again later or contact the app vendor."
)


class InstallFailed(HeadwayError):
    """The app is not installed, or as it was before; the text is one line for people."""


class Read(NamedTuple):
    """A descriptor that was just read, and from where."""

    descriptor: Descriptor
    source: str
    fingerprint: str
    over_tls: bool


class Installer:
    """Installs, upgrades, switches and uninstalls; one callback at a time for each app.

    *locks* are shared by the products of a site, because an app that both
    install at once may not be made for it.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     asyncio.run(Installer(Apps(database), None, None).uninstall("my-app"))
    Traceback (most recent call last):
    headway.host.install.InstallFailed: my-app: is not installed
    """

    def __init__(
        self,
        apps: Apps,
        outgoing: Outgoing,
        lifecycle: Lifecycle,
        *,
        locks: Locks | None = None,
        keep_secret: bool = False,
        legacy: bool = False,
    ) -> None:
        self._apps = apps
        self._outgoing = outgoing
        self._lifecycle = lifecycle
        self._locks = defaultdict(asyncio.Lock) if locks is None else locks
        self._keep_secret = keep_secret
        self._legacy = legacy
        self.listeners: list[Callable[[App, str], None]] = []
        """Told of each app that was enabled, is to be disabled, or was uninstalled."""

    # ---- installed ----------------------------------------------------------------------------

    async def install(self, descriptor_url: str) -> App:
        """Install the app of *descriptor_url*, or install it again as it describes itself now.

        Raises InstallFailed; then everything is as it was.
        """
        # (1) what the app says about itself
        read = await self._read(descriptor_url)
        async with self._locks[read.descriptor.key]:
            return await self._installed(read)

    async def upgrade(self, key: str) -> App:
        """Read an app's descriptor again, and install what is new in it.

        Where nothing is, the app hears nothing.  Raises as :meth:`install` does.
        """
        async with self._locks[key]:
            known = self._known(key)
            read = await self._read(known.source)
            if read.descriptor.key != key:
                raise InstallFailed(f"{key}: its descriptor is now that of {read.descriptor.key}")
            if read.fingerprint == known.fingerprint:
                return known
            return await self._installed(read._replace(over_tls=known.over_tls))

    async def rotate_secret(self, key: str) -> App:
        """Give an app a new secret with an ``installed``; raises as :meth:`install` does."""
        async with self._locks[key]:
            return await self._again(self._known(key))

    async def import_site(self) -> dict[str, str]:
        """Become another site to the apps of this product, as after an import of its data.

        Each is told with an ``installed`` under the new ``clientKey``.  One that
        does not accept stays as it was and knows the old site; the reasons are
        the answer, by app.
        """
        self._apps.new_client_key()
        reasons: dict[str, str] = {}
        for app in self._apps.all():
            async with self._locks[app.key]:
                try:
                    await self._again(app)
                except InstallFailed as failure:
                    reasons[app.key] = str(failure)
        return reasons

    async def _again(self, app: App) -> App:
        read = Read(app.descriptor, app.source, app.fingerprint, app.over_tls)
        return await self._installed(read, new=True, switched=False)

    async def _installed(self, read: Read, *, new: bool = False, switched: bool = True) -> App:
        app = self._apps.prepare(
            read.descriptor,
            source=read.source,
            fingerprint=read.fingerprint,
            over_tls=read.over_tls,
        )
        known = self._apps.get(app.key)
        keeps = self._keep_secret and known is not None and not new
        secret = self._apps.secret(app.key) if keeps else Secret(new_secret())
        # (2) it must accept the secret, with a token that only this site can sign
        try:
            status = await self._lifecycle.tell(app, "installed", secret)
        except NoAnswer as failure:
            raise InstallFailed(f"{app.key}: {failure}") from None
        if status not in ACCEPTED:
            raise InstallFailed(f"{app.key}: {DECLINED.format(status)}")
        # (3) from here on it is installed; whether it hears that it is enabled changes nothing
        self._apps.save(app, secret)
        if app.enabled and switched:
            await self._notify(app, "enabled")
        return app

    # ---- the rest of its life -----------------------------------------------------------------

    async def enable(self, key: str) -> App:
        """Enable an app, and tell it; raises InstallFailed where it is not installed."""
        async with self._locks[key]:
            self._known(key)
            app = self._apps.change(key, enabled=True)
            await self._notify(app, "enabled")
            return app

    async def disable(self, key: str) -> App:
        """Tell an app that it is disabled, and then do so; raises as :meth:`enable` does."""
        async with self._locks[key]:
            await self._notify(self._known(key), "disabled")
            return self._apps.change(key, enabled=False)

    async def license(self, key: str, licence: Licence) -> App:
        """Change what an app's pages are told of its licence; raises as :meth:`enable` does."""
        async with self._locks[key]:
            self._known(key)
            return self._apps.change(key, licence=licence)

    async def uninstall(self, key: str) -> None:
        """Uninstall an app; its secret is good until ``uninstalled`` has been answered.

        Raises InstallFailed where it is not installed.
        """
        async with self._locks[key]:
            app = self._known(key)
            if app.enabled:
                await self._notify(app, "disabled")
            await self._notify(app, "uninstalled")
            self._apps.remove(key, keep_secret=self._legacy)
            self._tell(app, "uninstalled")

    def _known(self, key: str) -> App:
        app = self._apps.get(key)
        if app is None:
            raise InstallFailed(f"{key}: is not installed")
        return app

    async def _notify(self, app: App, event: str) -> None:
        """Send a mere notification; the traffic shows what became of it."""
        if event != "uninstalled":
            self._tell(app, event)
        with contextlib.suppress(NoAnswer):
            await self._lifecycle.tell(app, event)

    def _tell(self, app: App, event: str) -> None:
        for listener in self.listeners:
            listener(app, event)

    # ---- the descriptor -----------------------------------------------------------------------

    async def _read(self, url: str) -> Read:
        try:
            origin = origin_of(url)
        except ValueError:
            raise InstallFailed("the descriptor's address is no plain http or https one") from None
        shown = f"{origin}{urlsplit(url).path}"
        try:
            body = _expected(await self._outgoing.descriptor(url))
            descriptor, fingerprint = _described(body), _fingerprint(body)
        except (NoAnswer, ValueError) as failure:
            raise InstallFailed(f"{shown}: {failure}") from None
        self._check_origin(descriptor, origin)
        over_tls = urlsplit(self._outgoing.base_url()).scheme == "https"
        return Read(descriptor, url, fingerprint, over_tls)

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


def _described(body: bytes) -> Descriptor:
    """The descriptor; raises ValueError with what is wrong first, and how much more there is."""
    try:
        return read_descriptor(body)
    except ValueError as error:
        more = len(problems_of(body)) - 1
        if more < 1:
            raise
        raise ValueError(f"{error}; `headway descriptor check` names {more} more") from None


def _expected(answer: Answer) -> bytes:
    """The body of an answer that may be a descriptor; raises ValueError with what it is instead."""
    if 300 <= answer.status < 400:
        raise ValueError(
            f"answered {answer.status}: redirects are not followed; give the address that is meant"
        )
    if answer.status != 200:
        raise ValueError(f"answered {answer.status}, not 200")
    if answer.body.lstrip()[:1] == b"<":
        raise ValueError("is a web page and no descriptor (JSON)")
    return answer.body


def _fingerprint(body: bytes) -> str:
    """What stands for a descriptor's contents, whatever the order of its members.

    >>> _fingerprint(b'{"a": 1, "b": 2}') == _fingerprint(b'{"b":2,"a":1}')
    True
    """
    try:  # what this site does not use was not looked at yet
        document = msgspec.json.encode(msgspec.json.decode(body), order="deterministic")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ValueError("is not JSON, or has a number without bounds") from None
    return hashlib.sha256(document).hexdigest()


ACTIONS: Mapping[str, Callable[[Installer, str], Awaitable[object]]] = {
    "upgrade": Installer.upgrade,
    "rotate-secret": Installer.rotate_secret,
    "enable": Installer.enable,
    "disable": Installer.disable,
    "uninstall": Installer.uninstall,
}
"""What can be done with an app that is installed, by the names that forms and calls have for it."""
