"""Calls to the host: each one signed, its token in the header, to the one origin it is for.

Nothing here follows a redirect with a token.  A download follows it without
one: the address that a host redirects to opens the file for whoever has it, so
it is treated like a token and shows in no message, no log and no attribute.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from headway import sign
from headway.app.addresses import is_loopback
from headway.errors import ForeignOrigin, HeadwayError, LocationNotAllowed
from headway.http.answers import origin_of
from headway.model import Installation, Product
from headway.ports import Clock
from headway.qsh import canonical_request, without_token

__all__ = ["Download", "DownloadFailed", "HostAuth", "HostClient", "tls_settings"]

HOPS_MAX = 3  # redirects of one download
TIMEOUT = httpx.Timeout(30.0, connect=5.0)

_ATTACHMENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_ATTACHMENT_PATHS = {Product.JIRA: "/rest/api/3/attachment/content/{}"}
_TOLD_HEADERS = ("content-type", "content-length", "content-disposition", "etag", "last-modified")


class DownloadFailed(HeadwayError):
    """A download that did not begin: the host's *status*, or None where it did not answer."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


# ---- signing --------------------------------------------------------------------------------


class HostAuth(httpx.Auth):
    """Signs each request of an httpx client for one installation; sync and async alike.

    Raises :class:`~headway.errors.ForeignOrigin` before anything is sent to
    another origin, :class:`~headway.errors.LocationNotAllowed` for a token in
    the query, and ValueError for a GET with a body, which hosts refuse.

    >>> from headway.model import Secret
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("0123456789abcdef"))
    >>> request = next(HostAuth(site).auth_flow(httpx.Request("GET", "https://site.example/rest")))
    >>> request.headers["Authorization"][:7]
    'JWT eyJ'
    """

    def __init__(self, installation: Installation, *, clock: Clock = time.time) -> None:
        self._installation = installation
        self._origin = origin_of(installation.base_url)
        self._base_path = urlsplit(installation.base_url).path
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One request with its token; httpx calls this."""
        # (1) only what this token is for
        if _origin(request.url) != self._origin:
            raise ForeignOrigin(f"a token for {self._origin} does not leave for another origin")
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        if without_token(query) != query:
            raise LocationNotAllowed(expected="the header", found="a parameter jwt")
        has_body = "transfer-encoding" in request.headers or (
            request.headers.get("content-length", "0") != "0"
        )
        if request.method in ("GET", "HEAD") and has_body:
            raise ValueError("a GET request has no body: hosts refuse it")
        # (2) sign what will stand on the request line
        token = sign.request_token(
            self._installation.shared_secret,
            issuer=self._installation.app_key,
            method=request.method,
            raw_path=path,
            raw_query=query,
            base_path=self._base_path,
            now=self._clock(),
        )
        request.headers["Authorization"] = f"JWT {token}"
        yield request

    def __repr__(self) -> str:
        return f"<signs for {self._origin}>"


def _origin(url: httpx.URL) -> str:
    try:
        return origin_of(str(url.copy_with(path="/", query=None, fragment=None)))
    except ValueError:
        raise ForeignOrigin("a token leaves only for an http or https origin") from None


# ---- the client -----------------------------------------------------------------------------


class Download:
    """A file on its way: ``status``, a few harmless ``headers``, and the bytes, once."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self.status = answer.status_code
        self.headers = {
            name: answer.headers[name] for name in _TOLD_HEADERS if name in answer.headers
        }

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come.  Raises :class:`DownloadFailed` where they break off."""
        source = self._answer.aiter_bytes()
        while True:
            with _quiet(), _nameless():
                chunk = await anext(source, None)
            if chunk is None:
                return
            yield chunk

    def __repr__(self) -> str:
        return f"<download, status {self.status}>"


class HostClient:
    """Calls one site for one installation: ``async with HostClient(installation) as host``.

    Paths are relative to the installation's base URL.  An answer that
    redirects is returned as it is.  *transport* is httpx's, for tests.
    """

    def __init__(
        self,
        installation: Installation,
        *,
        development: bool = False,
        clock: Clock = time.time,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._installation = installation
        self._development = development
        self._auth = HostAuth(installation, clock=clock)
        self._http = httpx.AsyncClient(
            verify=tls_settings(),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # the token is all there is
            headers={"User-Agent": f"headway ({installation.app_key})"},
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,  # no proxy and no netrc gets to see a token
            transport=transport,
        )
        _silence_calls()

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
        """Close its connections."""
        await self._http.aclose()

    def address(self, path: str) -> httpx.URL:
        """The address of *path* (with its query) below the site's base URL.

        Raises a leaf of :class:`~headway.errors.MalformedRequest` for a path
        that software reads in different ways (dots, ``//``, a backslash), and
        :class:`~headway.errors.ForeignOrigin` for anything but a path.
        """
        if not path.startswith("/"):
            raise ForeignOrigin("a path below the site's base URL begins with '/'")
        raw_path, _, raw_query = path.partition("?")
        canonical_request("GET", raw_path, raw_query)
        return httpx.URL(self._installation.base_url + path)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one signed request; *options* are httpx's (``json``, ``params``, ``headers``)."""
        with _quiet():
            return await self._http.request(method, self.address(path), auth=self._auth, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """GET *path*."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """POST to *path*."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx.Response:
        """PUT to *path*."""
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        """DELETE *path*."""
        return await self.request("DELETE", path, **options)

    # ---- downloads --------------------------------------------------------------------------

    @asynccontextmanager
    async def stream_attachment(self, attachment_id: str) -> AsyncIterator[Download]:
        """A Jira attachment as a stream; see :meth:`download`.

        Raises ValueError for an id that is not letters, digits and hyphens.
        """
        form = _ATTACHMENT_PATHS.get(self._installation.product)
        if form is None:
            raise ValueError("this product's attachments are had by their path: download(path)")
        if not _ATTACHMENT_ID.fullmatch(attachment_id):
            raise ValueError("an attachment's id is letters, digits and hyphens")
        async with self.download(form.format(attachment_id)) as file:
            yield file

    @asynccontextmanager
    async def download(self, path: str) -> AsyncIterator[Download]:
        """What stands at *path*, streamed with constant memory.

        The first request is signed.  A redirect is followed without the
        token, over https (in development also to this machine), at most three
        times.  Raises :class:`DownloadFailed` unless a file comes.
        """
        hop = _Hop(self.address(path), self._auth)
        for _ in range(HOPS_MAX + 1):
            answer = await self._begin(hop)
            try:
                if not answer.has_redirect_location:
                    if answer.status_code != httpx.codes.OK:
                        why = f"the download was answered with status {answer.status_code}"
                        raise DownloadFailed(why, answer.status_code)
                    yield Download(answer)
                    return
                hop = self._next(answer)
            finally:
                with _quiet():
                    await answer.aclose()
        raise DownloadFailed(f"the download was redirected more than {HOPS_MAX} times")

    async def _begin(self, hop: _Hop) -> httpx.Response:
        with _quiet(), _nameless():
            return await self._http.send(
                self._http.build_request("GET", hop.url, headers={"Accept-Encoding": "identity"}),
                auth=hop.auth,
                stream=True,
            )

    def _next(self, answer: httpx.Response) -> _Hop:
        with _nameless():
            hop = _Hop(answer.request.url.join(answer.headers["location"]), None)
        local = self._development and is_loopback(hop.url.host) and hop.url.scheme == "http"
        if hop.url.userinfo or not (hop.url.scheme == "https" or local):
            raise DownloadFailed("the download was redirected to an address that is not https")
        return hop


class _Hop(msgspec.Struct, frozen=True):
    """Where a download goes next; without a name, for reports that show local variables."""

    url: httpx.URL
    auth: HostAuth | None

    def __repr__(self) -> str:
        return "<a hop of a download>"


# ---- what must not be told ------------------------------------------------------------------

_calling: ContextVar[bool] = ContextVar("headway_calling", default=False)
_CALL_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2")


@contextmanager
def _quiet() -> Iterator[None]:
    """While it is entered, httpx and httpcore log nothing from this task.

    They log each address and, at DEBUG, each header of an answer: with a
    redirect's Location, that is the file itself for whoever reads the log.
    """
    mark = _calling.set(True)
    try:
        yield
    finally:
        _calling.reset(mark)


def _not_calling(_: logging.LogRecord) -> bool:
    return not _calling.get()


def _silence_calls() -> None:
    for name in _CALL_LOGGERS:
        logging.getLogger(name).addFilter(_not_calling)


@contextmanager
def _nameless() -> Iterator[None]:
    """Errors of httpx as :class:`DownloadFailed`: theirs hold the request and its address."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise DownloadFailed(f"the download broke off: {type(error).__name__}") from None


@lru_cache(maxsize=1)
def tls_settings() -> ssl.SSLContext:
    """The TLS settings, read once: reading the authorities takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)
