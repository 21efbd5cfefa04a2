"""Whoever plays the host: builds what a host would send to this app, and sends it.

Nothing of the app's answers is trusted: they are read up to a bound, redirects
are not followed, cookies are not kept.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import httpx
import msgspec

from headway.app.addresses import is_loopback
from headway.app.check.forgery import Draft, Message
from headway.app.check.played import ORDINARY, PlayedSite, Tenant
from headway.app.drivers import quiet
from headway.errors import ConfigurationError, HeadwayError
from headway.http.answers import origin_of
from headway.http.unanswered import Unanswered, no_answer, no_descriptor, other_status
from headway.model import CONTEXT_QSH, Location
from headway.ports import Clock
from headway.qsh import query_string_hash

__all__ = ["Actor", "App", "CannotCheck", "Seen", "read_app"]

ANSWER_BYTES_MAX = 2_000_000
TIMEOUT = 15.0  # seconds
LIFE = 180  # seconds of a token: what the vendor's documents recommend
DESCRIPTOR = "/atlassian-connect.json"

PAGES = (
    "generalPages", "webPanels", "jiraIssueContents", "jiraIssueGlances", "jiraIssueContexts",
    "jiraProjectPages", "jiraProjectAdminTabPanels", "jiraDashboardItems", "jiraProfileTabPanels",
    "jiraIssueTabPanels", "dynamicContentMacros", "contentBylineItems", "spacePages", "dialogs",
    "postInstallPage",
)  # fmt: skip
"""Module types whose page any user may be shown; the first one with a page is used."""
ADMIN_PAGES = ("adminPages", "configurePage")
_VARIABLE = re.compile(r"\{[^{}]*\}")


_USER = {"accountId": ORDINARY, "displayName": "An ordinary user", "active": True}
_EVENT: Mapping[str, Any] = {
    "user": _USER,
    "userAccountId": ORDINARY,
    "issue": {"id": "10000", "key": "CHECK-1", "fields": {"summary": "A check"}},
    "comment": {"id": "10001", "body": "A check", "author": _USER},
    "changelog": {"id": "10002", "items": []},
    "page": {"id": "10003", "title": "A check", "spaceKey": "CHECK"},
}
"""What the bodies of common events have."""


class CannotCheck(HeadwayError):
    """The question could not be asked: the app does not answer, or is no Connect app."""


class Seen(msgspec.Struct, frozen=True):
    """An answer of the app; ``token`` is what had been sent."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    token: str | None

    @property
    def accepted(self) -> bool:
        """Whether the app did what it was asked."""
        return 200 <= self.status < 300

    @property
    def fell_over(self) -> bool:
        """Whether the app failed rather than refused; 503 says "not now" and is an answer."""
        return self.status >= 500 and self.status != 503

    def all(self, name: str) -> list[str]:
        """The values of the header *name* (lower case)."""
        return [value for key, value in self.headers if key == name]

    @property
    def everything(self) -> str:
        """Headers and body as one text, to look for what should not be there."""
        told = "".join(f"{name}: {value}\n" for name, value in self.headers)
        return told + self.body.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<answer {self.status}>"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """What the app's descriptor says of itself."""

    document: Mapping[str, Any]
    key: str
    base_url: str
    lifecycle: Mapping[str, str]
    page: str | None
    admin_page: str | None
    webhook: tuple[str, str] | None  # event and address

    @property
    def base_path(self) -> str:
        """The path of its base URL."""
        return urlsplit(self.base_url).path.rstrip("/")


def read_app(document: Any, url: str) -> App:
    """The app that *document* describes; raises :class:`CannotCheck` for what is none.

    >>> read_app({"key": "a", "baseUrl": "http://127.0.0.1:3000", "lifecycle":
    ...     {"installed": "/installed"}}, "http://127.0.0.1:3000").lifecycle["installed"]
    '/installed'
    """
    if not isinstance(document, Mapping):
        raise CannotCheck("the descriptor is no JSON object")
    key, base_url = document.get("key"), document.get("baseUrl")
    lifecycle = document.get("lifecycle")
    if not isinstance(key, str) or not isinstance(base_url, str):
        raise CannotCheck("the descriptor has no key or no baseUrl")
    if not isinstance(lifecycle, Mapping) or not _is_path(lifecycle.get("installed")):
        raise CannotCheck(
            "the descriptor has no lifecycle.installed that is a path, such as /installed: "
            "there is nothing to check"
        )
    try:
        origin_of(base_url)
    except ValueError as error:
        raise CannotCheck(f"the descriptor's baseUrl: {error}") from None
    modules = document.get("modules")
    modules = modules if isinstance(modules, Mapping) else {}
    return App(
        document=document,
        key=key,
        base_url=base_url,
        lifecycle={name: to for name, to in lifecycle.items() if _is_path(to)},
        page=_first_url(modules, PAGES),
        admin_page=_first_url(modules, ADMIN_PAGES),
        webhook=_first_webhook(modules.get("webhooks")),
    )


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and value.isprintable()


def _first_url(modules: Mapping[str, Any], types: Sequence[str]) -> str | None:
    for name in types:
        declared = modules.get(name)
        for module in declared if isinstance(declared, list) else [declared]:
            if not isinstance(module, Mapping) or module.get("cacheable"):
                continue
            url = module.get("url")
            if isinstance(url, str) and _is_path(url):
                return _VARIABLE.sub("1", url)
    return None


def _first_webhook(declared: Any) -> tuple[str, str] | None:
    for module in declared if isinstance(declared, list) else []:
        told = module if isinstance(module, Mapping) else {}
        event, url = told.get("event"), told.get("url")
        if isinstance(event, str) and isinstance(url, str) and _is_path(url):
            return event, _VARIABLE.sub("1", url)
    return None


class Actor:
    """A host that acts on one *app* for tenants of a played *site*."""

    def __init__(
        self, app: App, site: PlayedSite, http: httpx.AsyncClient, clock: Clock = time.time
    ) -> None:
        self.app = app
        self.site = site
        self.seen: list[Seen] = []
        self.tenants: list[Tenant] = []  # whom an 'installed' was written for
        self._http = http
        self._clock = clock
        self._origin = origin_of(app.base_url)

    # ---- what a host sends ------------------------------------------------------------------

    def event(self, name: str, tenant: Tenant) -> Message:
        """The lifecycle event *name* as a host sends it: ``installed``, ``disabled``, ..."""
        if name == "installed":
            self.tenants.append(tenant)
        path = self.app.base_path + self.app.lifecycle[name]
        installing = name in ("installed", "uninstalled")
        token = (
            self._draft("POST", path, "", tenant).but(
                header={"alg": "RS256", "kid": self.site.key_id},
                claims={"aud": [self.app.base_url]},
                key=self.site.key,
            )
            if installing
            else self._draft("POST", path, "", tenant)
        )
        return Message(method="POST", path=path, token=token, body=self._body(name, tenant))

    def _body(self, name: str, tenant: Tenant) -> dict[str, Any]:
        """The body of a lifecycle event, as the vendor's documents list its members."""
        body = {
            "key": self.app.key,
            "clientKey": tenant.client_key,
            "baseUrl": self.site.site_url,
            "displayUrl": self.site.site_url,
            "productType": self.site.product.value,
            "description": "headway app check",
            "serverVersion": "100000",
            "pluginsVersion": "1001.0.0",
            "eventType": name,
        }
        return {**body, "sharedSecret": tenant.secret} if name == "installed" else body

    def opening(
        self, tenant: Tenant, url: str | None = None, *, account: str = ORDINARY
    ) -> Message:
        """A module's page as a host opens it: the token last in the query."""
        address = url or self.app.page
        if address is None:
            raise ValueError("the app has no page")
        path, _, own = address.partition("?")
        added = {
            "xdm_e": self.site.base_url,
            "xdm_c": f"channel-{self.app.key}__page",
            "cp": "/wiki" if self.site.site_url.endswith("/wiki") else "",
            "lic": "active",
            "cv": "1001.0.0-SNAPSHOT",
        }
        query = "&".join(part for part in (own, urlencode(added, quote_via=quote)) if part)
        path = self.app.base_path + path
        token = self._draft("GET", path, query, tenant).but(claims={"sub": account})
        return Message(method="GET", path=path, query=query, token=token, location=Location.QUERY)

    def call(self, tenant: Tenant, path: str) -> Message:
        """The app's own page calls the app at *path* with a context token in the header."""
        path, _, query = (self.app.base_path + path).partition("?")
        token = self._draft("GET", path, query, tenant)
        token = token.but(claims={"sub": ORDINARY, "qsh": CONTEXT_QSH, "context": {}})
        return Message(method="GET", path=path, query=query, token=token)

    def webhook(self, tenant: Tenant) -> Message:
        """The app's first webhook, with the members that bodies of its event have."""
        event, url = self.app.webhook or ("", "/")
        path, _, query = (self.app.base_path + url).partition("?")
        return Message(
            method="POST",
            path=path,
            query=query,
            token=self._draft("POST", path, query, tenant),
            body={"timestamp": int(self.now()) * 1000, "webhookEvent": event, **_EVENT},
            headers={"X-Atlassian-Webhook-Identifier": f"check-{self.now()}"},
        )

    def _draft(self, method: str, path: str, query: str, tenant: Tenant) -> Draft:
        now = int(self.now())
        return Draft(
            header={"typ": "JWT", "alg": "HS256"},
            claims={
                "iss": tenant.client_key,
                "iat": now,
                "exp": now + LIFE,
                "qsh": query_string_hash(method, path, query, self.app.base_path),
            },
            key=tenant.secret.encode(),
        )

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    # ---- sending ----------------------------------------------------------------------------

    async def send(self, message: Message) -> Seen:
        """Send *message* and read the answer, up to a bound.

        Raises :class:`CannotCheck` where the app does not answer.
        """
        target, headers, body = message.wire()
        token = message.token.text() if message.token is not None else None
        try:
            with quiet():  # the address may hold the token, and httpx logs addresses
                try:
                    answer, read = await self._answer(message.method, target, headers, body)
                except (httpx.ReadError, httpx.RemoteProtocolError):  # a kept connection ended
                    answer, read = await self._answer(message.method, target, headers, body)
        except httpx.HTTPError as error:
            raise CannotCheck(
                f"{message.method} {message.path}: the app gave no answer ({type(error).__name__})"
            ) from None
        told = [(name.lower(), value) for name, value in answer.headers.multi_items()]
        seen = Seen(answer.status_code, told, read, token)
        self.seen.append(seen)
        return seen

    async def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[httpx.Response, bytes]:
        url, read = self._origin + target, b""
        async with self._http.stream(method, url, headers=headers, content=body or None) as answer:
            async for chunk in answer.aiter_bytes():
                read += chunk
                if len(read) > ANSWER_BYTES_MAX:
                    break
        return answer, read

    async def install(self, tenant: Tenant | None = None) -> Tenant:
        """Install the app for *tenant*, or for a new one; raises :class:`CannotCheck`."""
        tenant = tenant or self.site.new_tenant()
        seen = await self.send(self.event("installed", tenant))
        if not seen.accepted:
            raise CannotCheck(
                f"the app refuses a right 'installed' with status {seen.status}: start it in its "
                f"development mode, with install keys from {self.site.base_url}/install-keys "
                "(HEADWAY_INSTALL_KEYS or CONNECT_KEYS_CDN_URL)"
            )
        return tenant


async def fetch_app(
    http: httpx.AsyncClient,
    url: str,
    *,
    wait: float,
    alive: Callable[[], bool] = lambda: True,
    told: Callable[[str], None] = lambda _: None,
) -> App:
    """The app at *url* (its address, or its descriptor's), for which to wait *wait* seconds.

    *told* hears once what it waits for.  Raises :class:`CannotCheck` with what
    happened and what to do, also when *alive* says that it never will answer.
    """
    address = url if url.endswith(".json") else url.rstrip("/") + DESCRIPTOR
    here = _on_this_machine(url)
    shown = urlunsplit(urlsplit(address)._replace(query="", fragment=""))
    until, waiting = time.monotonic() + wait, False
    while True:
        found = await _descriptor(http, address)
        if not isinstance(found, Unanswered):
            app = read_app(found, url)
            if _same_names(app.base_url) != here:
                raise CannotCheck(f"{shown}: {_ELSEWHERE.format(origin_of(app.base_url), here)}")
            return app
        if not alive():
            raise CannotCheck(
                f"{shown}: {found.what}; the app that was started has ended: "
                "run its command by itself to see why"
            )
        if found.final or time.monotonic() >= until:
            raise CannotCheck(f"{shown}: {found}")
        if not waiting:
            told(f"{shown}: {found.what}; waiting for it up to {wait:g} s")
            waiting = True
        await asyncio.sleep(0.1)


_ELSEWHERE = (
    "the descriptor's baseUrl is on {}, where what a check sends would go: "
    "start the app with {} as its base URL"
)


def _on_this_machine(url: str) -> str:
    """The origin of *url*; raises ConfigurationError where it is not on this machine.

    Nobody shall be sent forgeries because an address was mistyped.
    """
    try:
        origin = origin_of(url)
    except ValueError as error:
        raise ConfigurationError(f"{url}: {error}, such as http://localhost:3000") from None
    if not is_loopback(urlsplit(origin).hostname):
        raise ConfigurationError(
            f"{origin}: a check sends forgeries, and only to an app on this machine: "
            "give its address on localhost or 127.0.0.1"
        )
    return _same_names(origin)


def _same_names(url: str) -> str:
    """The origin of *url*, with one name for this machine."""
    parts = urlsplit(origin_of(url))
    host = "localhost" if is_loopback(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


async def _descriptor(http: httpx.AsyncClient, address: str) -> Any:
    """The document at *address*, or why there is none."""
    try:
        async with http.stream("GET", address) as answer:
            if answer.status_code != httpx.codes.OK:
                return other_status(answer)
            kind, body = answer.headers.get("Content-Type", ""), b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > ANSWER_BYTES_MAX:
                    return Unanswered("answers without an end", "check the address", final=True)
    except httpx.HTTPError as error:
        return no_answer(error)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return no_descriptor(kind, body)
