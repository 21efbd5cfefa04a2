"""The app's own credentials: one token for one request, in the header, to one origin.

``HostAuth`` is the auth of an httpx client, sync or async.  What signs is a
``Signer``, which knows no HTTP library.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from urllib.parse import urlsplit

import httpx

from headway import sign
from headway.errors import ForeignOrigin, LocationNotAllowed
from headway.http.answers import origin_of
from headway.model import Installation
from headway.ports import Clock
from headway.qsh import without_token

__all__ = ["HostAuth", "Signer", "origin_and_target"]


class Signer:
    """Makes the ``Authorization`` header of one installation's requests."""

    def __init__(self, installation: Installation, clock: Clock = time.time) -> None:
        self._installation = installation
        self.origin = origin_of(installation.base_url)
        self._base_path = urlsplit(installation.base_url).path
        self._clock = clock

    def check(self, method: str, origin: str, target: str, *, has_body: bool) -> None:
        """Raise where this request must not leave with any credentials of this site's.

        *target* is the path and query of the request line.  Raises
        :class:`~headway.errors.ForeignOrigin` for another origin,
        :class:`~headway.errors.LocationNotAllowed` for a token in the query,
        ValueError for a GET with a body, which hosts refuse.
        """
        if origin != self.origin:
            raise ForeignOrigin(f"a token for {self.origin} does not leave for another origin")
        query = target.partition("?")[2]
        if without_token(query) != query:
            raise LocationNotAllowed(expected="the header", found="a parameter jwt")
        if method in ("GET", "HEAD") and has_body:
            raise ValueError("a GET request has no body: hosts refuse it")

    def header(self, method: str, origin: str, target: str, *, has_body: bool) -> str:
        """The header's value, after :meth:`check`; it also raises what signing raises."""
        # (1) only what this token is for
        self.check(method, origin, target, has_body=has_body)
        # (2) sign what will stand on the request line
        path, _, query = target.partition("?")
        token = sign.request_token(
            self._installation.shared_secret,
            issuer=self._installation.app_key,
            method=method,
            raw_path=path,
            raw_query=query,
            base_path=self._base_path,
            now=self._clock(),
        )
        return f"JWT {token}"

    def __repr__(self) -> str:
        return f"<signs for {self.origin}>"


class HostAuth(httpx.Auth):
    """Signs each request of an httpx client for one installation; sync and async alike.

    Raises :class:`~headway.errors.ForeignOrigin` before anything is sent to
    another origin, :class:`~headway.errors.LocationNotAllowed` for a token in
    the query, and ValueError for a GET with a body, which hosts refuse.

    >>> from headway.model import Product, Secret
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("0123456789abcdef"))
    >>> request = next(HostAuth(site).auth_flow(httpx.Request("GET", "https://site.example/rest")))
    >>> request.headers["Authorization"][:7]
    'JWT eyJ'
    """

    def __init__(self, installation: Installation, *, clock: Clock = time.time) -> None:
        self._signer = Signer(installation, clock)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One request with its token; httpx calls this."""
        origin, target = origin_and_target(request.url)
        request.headers["Authorization"] = self._signer.header(
            request.method, origin, target, has_body=has_body(request)
        )
        yield request

    def __repr__(self) -> str:
        return repr(self._signer)


def origin_and_target(url: httpx.URL) -> tuple[str, str]:
    """The origin of *url*, and what will stand on the request line.

    Raises :class:`~headway.errors.ForeignOrigin` for anything but plain http and https.

    >>> origin_and_target(httpx.URL("https://Site.example:443/rest?a=b"))
    ('https://site.example', '/rest?a=b')
    """
    try:
        origin = origin_of(str(url.copy_with(path="/", query=None, fragment=None)))
    except ValueError:
        raise ForeignOrigin("a token leaves only for an http or https origin") from None
    return origin, url.raw_path.decode("ascii")


def has_body(request: httpx.Request) -> bool:
    """Whether something follows the headers of *request*."""
    length = request.headers.get("content-length", "0")
    return "transfer-encoding" in request.headers or length != "0"
