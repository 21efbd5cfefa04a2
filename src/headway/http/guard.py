"""What stands before every request to pages on loopback: who may call at all, and from where.

A server on loopback is reachable by every page in the browser beside it.  So a
request must name the server's own host (else a foreign name was pointed at
127.0.0.1: DNS rebinding), and a page of another origin may do no more than
link here.  What proxies say about a request (X-Forwarded-*) is never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

READS = frozenset({"GET", "HEAD"})
OWN_PAGES = frozenset({"same-origin", "none"})  # Sec-Fetch-Site: our own page, or the user
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # A page that opened one of ours, or was opened by it, has no hold on it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer that does not say otherwise."""


class Guard:
    """Middleware that lets only the server's own pages, navigations and plain clients through.

    *origin* is the own address, ``scheme://host[:port]``; *disclaimer* what is
    to be said with every answer, or nothing; *shown* where the paths begin that
    pages of other origins may show, whoever looks at them.
    """

    scripts: ClassVar[frozenset[str]] = frozenset()
    """What every page may load: the same for everybody."""

    shown: ClassVar[tuple[str, ...]] = ()
    """Where the paths begin that pages of other origins may show, unless it is said otherwise."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        origin: Callable[[], str],
        disclaimer: Callable[[], str] = str,
        shown: tuple[str, ...] | None = None,
    ) -> None:
        self._app = app
        self._shown = self.shown if shown is None else shown
        self._origin = origin
        self._disclaimer = disclaimer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and complete the answer's headers."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"this server does not speak {scope['type']}")

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message))
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, complete)

    def objection(self, path: str, headers: Headers) -> str:
        """What else there is against a request; for whoever has more rules."""
        return ""

    def _refusal(self, method: str, path: str, headers: Headers) -> PlainTextResponse | None:
        # (1) one Host, and it is ours
        hosts = headers.getlist("host")
        if [host.lower() for host in hosts] != [urlsplit(self._origin()).netloc]:
            return _no(421, "This address is not served under that name.")
        # (2) another origin's page may navigate here, and no more
        if objection := self._objection_to_page(method, path, headers):
            return _no(403, objection)
        # (3) what the server has against it besides
        objection = self.objection(path, headers)
        return _no(403, objection) if objection else None

    def _objection_to_page(self, method: str, path: str, headers: Headers) -> str:
        """What there is against the page that a browser sends a request for; nothing, mostly."""
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode")
        origins = headers.getlist("origin")
        reading = method in READS
        if reading and (mode == "navigate" or path in self.scripts):
            return ""
        if origins and origins != [self._origin()]:
            return "A page of another origin may not call this server."
        if site in OWN_PAGES:
            return ""
        if not reading:
            return "A page of another site may not change anything here."
        # An <img> or a <script> sends no Origin; from another port of localhost it has the cookie.
        if "cookie" in headers and not path.startswith(self._shown):
            return "A page of another origin may not show what its reader sees here."
        return ""

    def _complete(self, headers: MutableHeaders) -> None:
        for name, value in self._added():
            headers.setdefault(name, value)

    def _added(self) -> Iterable[tuple[str, str]]:
        yield from HEADERS.items()
        if disclaimer := self._disclaimer():
            yield "Headway-Disclaimer", disclaimer


def _no(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status)
