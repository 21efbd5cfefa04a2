"""Calls to the host: each one signed, its token in the header, to the one origin it is for.

``HostClient`` is for code with an event loop, ``SyncHostClient`` for code
without; they have the same verbs, and share what they do
(:mod:`headway.app.calls`, :mod:`headway.app.downloads`).

Nothing here follows a redirect with a token.  A download follows it without
one: the address that a host redirects to opens the file for whoever has it, so
it is treated like a token and shows in no message, no log and no attribute.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from headway.app.attachments import Attachments, SyncAttachments
from headway.app.caller import Caller, CallSettings, HostCalls
from headway.app.calls import Options
from headway.app.downloads import Bounds, Download, SyncDownload, Transfer, Wanted
from headway.app.drivers import AsyncDriver, SyncDriver
from headway.app.failures import CallFailed, DownloadFailed, HostError
from headway.app.host_auth import HostAuth
from headway.app.pagination import Site, items, pages
from headway.model import Installation
from headway.ports import Clock

__all__ = [
    "CallFailed",
    "CallSettings",
    "Download",
    "DownloadFailed",
    "HostAuth",
    "HostCalls",
    "HostClient",
    "HostError",
    "SyncDownload",
    "SyncHostClient",
]


class _Client:
    """What both clients have."""

    def __init__(
        self,
        installation: Installation,
        *,
        calls: HostCalls | None = None,
        settings: CallSettings | None = None,
        development: bool = False,
        clock: Clock = time.time,
        transport: Any = None,
    ) -> None:
        self._own = calls is None
        self._calls = calls or HostCalls(
            settings, development=development, clock=clock, transport=transport
        )
        self._caller = Caller(installation, self._calls)

    def address(self, path: str) -> httpx.URL:
        """The address of *path* (with its query) below the site's base URL.

        Raises a leaf of :class:`~headway.errors.MalformedRequest` for a path
        that software reads in different ways (dots, ``//``, a backslash), and
        :class:`~headway.errors.ForeignOrigin` for anything but a path.
        """
        return self._caller.address(path)

    def as_user(self, account_id: str, scopes: Iterable[str] = ()) -> Self:
        """A client of the same site that acts as this user, within *scopes*.

        Without *scopes* in all that the app has.  Its access tokens are kept
        by what it shares with this one.  Calls raise
        :class:`~headway.app.failures.ImpersonationFailed` where there is none.
        """
        other = type(self)(self._caller.installation, calls=self._calls)
        other._caller = self._caller.as_user(account_id, scopes)
        return other

    def _site(self) -> Site:
        return Site(self._caller.installation.base_url, self._caller.address, self._caller.call)

    def __repr__(self) -> str:
        return f"<client: {self._caller!r}>"


class HostClient(_Client):
    """Calls one site for one installation: ``async with HostClient(installation) as host``.

    Paths are relative to the installation's base URL.  An answer with a status
    from 400 on raises a leaf of :class:`~headway.app.failures.HostError`, unless
    ``check=False``; one that redirects is returned as it is.  What may pass is
    tried again (:class:`~headway.app.calls.Retries`).  *calls* is what clients
    of one app share; without it the client has its own, and closes it.
    *transport* is httpx's, for tests.

    >>> import asyncio
    >>> from headway.app.testing import FakeHost
    >>> fake = FakeHost()
    >>> fake.answer("GET", "/rest/api/3/myself", json={"accountId": "me"})
    >>> async def who():
    ...     async with HostClient(fake.installation, transport=fake.transport) as host:
    ...         return (await host.get("/rest/api/3/myself")).json()
    >>> asyncio.run(who())
    {'accountId': 'me'}
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections, unless they are shared."""
        if self._own:
            await self._calls.aclose()

    # ---- calls ------------------------------------------------------------------------------

    async def request(self, method: str, path: str, **options: Unpack[Options]) -> httpx.Response:
        """Make one call; *options* are those of :class:`~headway.app.calls.Options`."""
        out = self._caller.outgoing(method, path, options)
        async with AsyncDriver(self._calls.connections) as driver:
            return await driver.run(self._caller.call(out))

    async def get(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """GET *path*."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """POST to *path*."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """PUT to *path*."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """PATCH *path*."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """DELETE *path*."""
        return await self.request("DELETE", path, **options)

    async def pages(
        self, path: str, *, method: str = "GET", **options: Unpack[Options]
    ) -> AsyncIterator[dict[str, Any]]:
        """Each page of the list at *path*, in any of the host's three styles."""
        out = self._caller.outgoing(method, path, options)
        async with AsyncDriver(self._calls.connections) as driver:
            async for page in driver.stream(pages(out, self._site())):
                yield page

    async def items(
        self,
        path: str,
        *,
        member: str | None = None,
        method: str = "GET",
        **options: Unpack[Options],
    ) -> AsyncIterator[Any]:
        """Each item of the list at *path*, page after page.

        *member* names the pages' list where it has an unusual name.
        """
        out = self._caller.outgoing(method, path, options)
        async with AsyncDriver(self._calls.connections) as driver:
            async for item in driver.stream(items(out, self._site(), member)):
                yield item

    # ---- files ------------------------------------------------------------------------------

    @property
    def attachments(self) -> Attachments:
        """The files that hang on issues, pages and blog posts."""
        return Attachments(self._caller)

    @asynccontextmanager
    async def download(self, path: str, **bounds: Unpack[Bounds]) -> AsyncIterator[Download]:
        """What stands at *path*, streamed with constant memory.

        The first request is signed.  A redirect is followed without the token,
        over https to known hosts (in development also to this machine), at most
        three times.  Raises :class:`DownloadFailed` unless a file comes.
        """
        transfer = Transfer(self._caller, self.address(path), Wanted(**bounds))
        async with AsyncDriver(self._calls.connections) as driver:
            await driver.run(transfer.begin())
            yield Download(transfer, driver, None)


class SyncHostClient(_Client):
    """The same for code that waits: ``with SyncHostClient(installation) as host``.

    Threads may share one.

    >>> from headway.app.testing import FakeHost
    >>> fake = FakeHost()
    >>> fake.answer("GET", "/rest/api/3/myself", json={"accountId": "me"})
    >>> with SyncHostClient(fake.installation, transport=fake.transport) as host:
    ...     host.get("/rest/api/3/myself").json()
    {'accountId': 'me'}
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections, unless they are shared."""
        if self._own:
            self._calls.close()

    # ---- calls ------------------------------------------------------------------------------

    def request(self, method: str, path: str, **options: Unpack[Options]) -> httpx.Response:
        """Make one call; see :meth:`HostClient.request`."""
        out = self._caller.outgoing(method, path, options)
        with SyncDriver(self._calls.connections) as driver:
            return driver.run(self._caller.call(out))

    def get(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """GET *path*."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """POST to *path*."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """PUT to *path*."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """PATCH *path*."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Unpack[Options]) -> httpx.Response:
        """DELETE *path*."""
        return self.request("DELETE", path, **options)

    def pages(
        self, path: str, *, method: str = "GET", **options: Unpack[Options]
    ) -> Iterator[dict[str, Any]]:
        """Each page of the list at *path*; see :meth:`HostClient.pages`."""
        out = self._caller.outgoing(method, path, options)
        with SyncDriver(self._calls.connections) as driver:
            yield from driver.stream(pages(out, self._site()))

    def items(
        self,
        path: str,
        *,
        member: str | None = None,
        method: str = "GET",
        **options: Unpack[Options],
    ) -> Iterator[Any]:
        """Each item of the list at *path*; see :meth:`HostClient.items`."""
        out = self._caller.outgoing(method, path, options)
        with SyncDriver(self._calls.connections) as driver:
            yield from driver.stream(items(out, self._site(), member))

    # ---- files ------------------------------------------------------------------------------

    @property
    def attachments(self) -> SyncAttachments:
        """The files that hang on issues, pages and blog posts."""
        return SyncAttachments(self._caller)

    @contextmanager
    def download(self, path: str, **bounds: Unpack[Bounds]) -> Iterator[SyncDownload]:
        """What stands at *path*, streamed; see :meth:`HostClient.download`."""
        transfer = Transfer(self._caller, self.address(path), Wanted(**bounds))
        with SyncDriver(self._calls.connections) as driver:
            driver.run(transfer.begin())
            yield SyncDownload(transfer, driver, None)
