"""The site that is played: it serves install keys, answers a few calls, and writes down who called.

It is no Jira.  An app under check needs three things of a site: the key that
signed its ``installed``, an answer to "may this user administer?", and
somewhere to send its calls, so that they can be looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from headway.http.asgi import facts_from_scope
from headway.http.server import listen, serving
from headway.keys import RsaPrivateKey
from headway.model import Product, RequestFacts

__all__ = ["ADMINISTRATOR", "ORDINARY", "PlayedSite", "Tenant", "playing"]

ADMINISTRATOR = "557058:headway-check-administrator"
ORDINARY = "557058:headway-check-ordinary-user"
KEYS_PATH = "/install-keys"

_NO_KEY = b"-----BEGIN PUBLIC KEY-----\nbm8=\n-----END PUBLIC KEY-----\n"
_CALLS_MAX = 10_000  # of the app, written down


class Tenant(msgspec.Struct, frozen=True):
    """One installation as the site knows it."""

    client_key: str
    secret: str

    def __repr__(self) -> str:
        return f"<tenant {self.client_key}>"


class PlayedSite:
    """A site under *base_url* (an origin), of one *product*; an ASGI application.

    ``environment`` is what Headway and ``atlassian-connect-express`` are told
    to find its keys by.

    >>> PlayedSite("http://localhost:2991").environment["HEADWAY_INSTALL_KEYS"]
    'http://localhost:2991/install-keys'
    """

    def __init__(self, base_url: str, product: Product = Product.JIRA) -> None:
        self.base_url: str = base_url
        self.product = product
        self.key: RsaPrivateKey = RsaPrivateKey.generate()
        self.foreign_key: RsaPrivateKey = RsaPrivateKey.generate()  # an attacker's
        self.key_id: str = self.new_key_id("key")
        self.foreign_id: str = self.new_key_id("other")
        self.asked: list[str] = []  # raw paths of the key server
        self.calls: list[RequestFacts] = []

    @property
    def site_url(self) -> str:
        """The base URL of the product that is played."""
        return self.base_url + ("/wiki" if self.product is Product.CONFLUENCE else "")

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the process of an app that is to be checked."""
        keys = f"{self.base_url}{KEYS_PATH}"
        return {
            "HEADWAY_DEVELOPMENT": "1",
            "HEADWAY_INSTALL_KEYS": keys,
            "CONNECT_KEYS_CDN_URL": keys,
        }

    def new_key_id(self, answer: str) -> str:
        """A key id that was never seen, for which the key server gives *answer*."""
        return f"{answer}-{secrets.token_hex(8)}"

    def new_tenant(self) -> Tenant:
        """A site that nobody has heard of."""
        return Tenant(f"check-{secrets.token_hex(8)}", secrets.token_urlsafe(32))

    # ---- serving ----------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        facts = facts_from_scope(scope)
        if facts.raw_path.startswith(f"{KEYS_PATH}/"):
            answer = self._key(facts.raw_path)
        else:
            if len(self.calls) < _CALLS_MAX:
                self.calls.append(facts)
            answer = await self._rest(Request(scope, receive))
        await answer(scope, receive, send)

    def _key(self, raw_path: str) -> Response:
        self.asked.append(raw_path)
        match raw_path.removeprefix(f"{KEYS_PATH}/").partition("-")[0]:
            case "key":
                return Response(self.key.public_pem(), media_type="text/plain")
            case "other":
                return Response(self.foreign_key.public_pem(), media_type="text/plain")
            case "moved":
                return RedirectResponse(f"{self.base_url}{KEYS_PATH}/{self.foreign_id}", 302)
            case "garbage":
                return Response(_NO_KEY, media_type="text/plain")
            case "down":
                return HTMLResponse("<html>Bad gateway</html>", 502)
            case _:  # what the real one answers for a key id that it does not know
                return HTMLResponse("<html>AccessDenied</html>", 403)

    async def _rest(self, request: Request) -> Response:
        """Who the app is, and who administers, as apps ask for it; all else is not there."""
        path = request.url.path.removeprefix("/wiki")
        if path.endswith("/permissions/check"):
            asked = await request.json()
            granted = asked.get("globalPermissions", []) if _administers(asked) else []
            return JSONResponse({"globalPermissions": granted, "projectPermissions": []})
        if path.endswith(("/user/memberof", "/user/groups")):
            groups = [{"name": "site-admins"}] if _administers(request.query_params) else []
            return JSONResponse(
                {"results": groups, "size": len(groups)} if "memberof" in path else groups
            )
        if path.endswith(("/myself", "/user/current")):
            return JSONResponse({"accountId": "check-app", "displayName": "The app"})
        return JSONResponse({"errorMessages": ["the site that checks has no such thing"]}, 404)


def _administers(asked: Mapping[str, Any]) -> bool:
    return bool(asked.get("accountId") == ADMINISTRATOR)


@asynccontextmanager
async def playing(port: int = 0, product: Product = Product.JIRA) -> AsyncIterator[PlayedSite]:
    """Serve a played site on loopback, on *port* or on a free one.

    It calls itself ``localhost``: a name that frameworks let install in development.

    Raises :class:`~headway.errors.ConfigurationError` where the port is taken.
    """
    sockets = listen(port)
    try:
        site = PlayedSite(f"http://localhost:{sockets[0].getsockname()[1]}", product)
        async with serving(site, sockets):
            yield site
    finally:
        for opened in sockets:
            opened.close()
