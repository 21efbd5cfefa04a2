"""The app's own credentials for clients that stand on ``requests``, which is not installed with us.

``sign_session`` is the whole: a session that signs what goes to one site, and
sends nothing of it anywhere else.  PyPI ``jira`` and ``atlassian-python-api``
have such a session inside (docs/calls.md).
"""

from __future__ import annotations

import time
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from headway.app.host_auth import Signer
from headway.errors import ForeignOrigin
from headway.http.answers import origin_of
from headway.model import Installation
from headway.ports import Clock

__all__ = ["RequestsAuth", "sign_session"]

Session = TypeVar("Session", bound=requests.Session)


class RequestsAuth(AuthBase):
    """Signs each request of ``requests`` for one installation.

    Raises :class:`~headway.errors.ForeignOrigin` before anything is sent to
    another origin, :class:`~headway.errors.LocationNotAllowed` for a token in
    the query, and ValueError for a GET with a body, which hosts refuse.  After
    a redirect ``requests`` sends the header that it had, to the same host
    alone; :func:`sign_session` does better.

    >>> from headway.model import Product, Secret
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("0123456789abcdef"))
    >>> request = requests.Request("GET", "https://site.example/rest", auth=RequestsAuth(site))
    >>> request.prepare().headers["Authorization"][:7]
    'JWT eyJ'
    """

    def __init__(self, installation: Installation, *, clock: Clock = time.time) -> None:
        self._signer = Signer(installation, clock)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """*request* with its token; ``requests`` calls this."""
        has_body = request.headers.get("Content-Length", "0") != "0"
        has_body = has_body or "Transfer-Encoding" in request.headers
        request.headers["Authorization"] = self._signer.header(
            request.method or "GET", _origin(request), request.path_url, has_body=has_body
        )
        return request

    @property
    def origin(self) -> str:
        """The one origin that it signs for."""
        return self._signer.origin

    def __repr__(self) -> str:
        return repr(self._signer)


def sign_session(
    session: Session, installation: Installation, *, clock: Clock = time.time
) -> Session:
    """Let *session* sign what it sends to the installation's site, and return it.

    Redirects within the site are signed anew; whatever leads elsewhere is
    followed without credentials.  No proxy and no netrc of the environment
    gets to see a token.

    >>> from headway.model import Product, Secret
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("0123456789abcdef"))
    >>> sign_session(requests.Session(), site).auth
    <signs for https://site.example>
    """
    auth = RequestsAuth(installation, clock=clock)

    def rebuild_auth(request: requests.PreparedRequest, response: requests.Response) -> None:
        request.headers.pop("Authorization", None)
        if request.url is not None and _origin(request) == auth.origin:
            auth(request)

    session.auth = auth
    session.trust_env = False
    session.rebuild_auth = rebuild_auth  # type: ignore[method-assign]
    return session


def _origin(request: requests.PreparedRequest) -> str:
    url = request.url or ""
    parts = urlsplit(url)
    try:
        return origin_of(f"{parts.scheme}://{parts.netloc}/")
    except ValueError:
        raise ForeignOrigin("a token leaves only for an http or https origin") from None
