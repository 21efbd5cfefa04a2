"""A Connect app without a framework: its settings, its routes as data, its decisions.

An adapter (``headway.app.starlette``) turns requests into facts, asks here, and
turns what comes back into answers.  Which kinds of token a route accepts is
fixed where the route is declared.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from headway import jwt, sign
from headway.app import addresses, lifecycle, pages
from headway.app.client import HostClient
from headway.app.descriptor import LIFECYCLE_PATHS, Descriptor, Module, key_of
from headway.app.install_keys import InstallKeys, key_source
from headway.errors import (
    ConfigurationError,
    HeadwayError,
    QshMismatch,
    Refusal,
    TokenInQuery,
    TokenMissing,
)
from headway.explain import explain
from headway.http.answers import page_headers
from headway.keys import Sealer, new_sealing_key
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    RequestFacts,
    TokenText,
    Verified,
)
from headway.policy import ATLASSIAN_2022, NEVER, Policy
from headway.ports import Clock, InstallationStore, KeySource, ReplayCache, adrive
from headway.qsh import canonical_request, without_token
from headway.redact import redact_url, redact_values
from headway.store.engine import MEMORY, open_engine
from headway.store.files import sealing_key
from headway.store.installations import Installations
from headway.store.migrations import upgrade
from headway.verify import Accept, Expected, Family, verify

__all__ = ["Connect", "Context", "HookFailed", "Observation", "Route", "Store", "installation_of"]

DEVELOPMENT = "HEADWAY_DEVELOPMENT"
INSTALL_KEYS = "HEADWAY_INSTALL_KEYS"
CLIENT_SCRIPT = "HEADWAY_CLIENT_SCRIPT"

PAGE = Accept(Direction.MODULE, frozenset({Kind.REQUEST}))
SHELL = Accept(Direction.BROWSER_TO_APP, frozenset({Kind.CONTEXT}))
CALL = Accept(Direction.BROWSER_TO_APP, frozenset({Kind.CONTEXT, Kind.SESSION}))
WEBHOOK = Accept(Direction.EVENT, frozenset({Kind.REQUEST}))

Handler = TypeVar("Handler", bound=Callable[..., Any])
Hook = TypeVar("Hook", bound=Callable[[Installation | None, Installation | None], Any])


class HookFailed(HeadwayError):
    """A hook of the app raised; the event that it was told of is recorded."""


class Store(InstallationStore, KeySource, ReplayCache, Protocol):
    """What keeps installations and answers the questions of ``verify`` about them."""


class Route(msgspec.Struct, frozen=True):
    """One route of the app's own: whoever may call it, and what then runs.

    ``page`` says that the route is the page of a module, with all that a page
    in a frame carries.
    """

    path: str
    methods: tuple[str, ...]
    accept: Accept
    policy: Policy
    handler: Callable[..., Any]
    page: bool = False


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one request: no token, no signature, no secret in it.

    ``time`` is in seconds since 1970.  ``claims`` are what the token says;
    they are proved only where ``verified`` is true.  Where there is a
    ``refusal`` too, the token was good and what came with it was not.
    ``policy`` names the policy that decided, ``disclaimer`` is that policy's.
    ``explain`` says what was hashed on both sides, where the hash was wrong.
    """

    time: float
    direction: Direction
    method: str
    path: str
    verified: bool
    policy: str
    disclaimer: str = ""
    location: str | None = None
    kind: str | None = None
    phase: str | None = None
    claims: Mapping[str, Any] = {}
    refusal: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()
    explain: Mapping[str, Any] | None = None


class Context:
    """For whom a handler runs: proved by the request's token.

    ``account_id`` is the user's, or None where there is none; ``module`` is
    the context claim (which issue, which project), empty in a page's first
    request.  ``client_script`` is the address of the host's client script.
    """

    def __init__(self, connect: Connect, verified: Verified, installation: Installation) -> None:
        self._connect = connect
        self.verified = verified
        self.installation = installation
        self.account_id = verified.claims.sub
        self.module: Mapping[str, Any] = verified.claims.context or {}
        self.client_script = connect.client_script
        self._client: HostClient | None = None

    @property
    def client(self) -> HostClient:
        """Calls the site as the app; the adapter closes it after the answer."""
        if self._client is None:
            self._client = self._connect.client(self.installation)
        return self._client

    async def close(self) -> None:
        """Close the client, where one was used; the adapter calls this."""
        if self._client is not None:
            await self._client.close()

    def session_token(self) -> TokenText:
        """A token of the app's own, for its page to call the app with; 15 minutes.

        Send it to the page in a body, never in an address.
        """
        return sign.session_token(
            self.installation.shared_secret,
            app_key=self.installation.app_key,
            client_key=self.installation.client_key,
            subject=self.account_id,
            context=self.module,
            now=self._connect.clock(),
        )

    def __repr__(self) -> str:
        return f"<context of {self.account_id or 'nobody'} on {self.installation.client_key}>"


class Connect:
    """One app.  Everything that can not work raises ConfigurationError here, at start.

    *store* is a path for SQLite, ``":memory:"``, or what keeps installations
    otherwise.  *hosts* are the name suffixes of sites that may install the app.
    *install_keys* names the host's environment, or in development an address
    (or ``HEADWAY_INSTALL_KEYS``).  *development* (or ``HEADWAY_DEVELOPMENT=1``)
    opens http and loopback, for an app on this machine only.  *sealed_pages*
    sends a browser that opens a page with a token on to the page's address
    without it, where the shell shows the page.  *observer* is
    told of every token and of every refusal.  *transport* is httpx's, through
    which a test lets the app reach a site without a network.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> app.descriptor().to_json()["lifecycle"]["installed"]
    '/installed'
    """

    def __init__(
        self,
        *,
        key: str,
        name: str,
        base_url: str,
        store: Store | str | Path,
        description: str = "",
        scopes: Sequence[str] = ("READ",),
        hosts: Sequence[str] = addresses.HOST_SUFFIXES,
        development: bool | None = None,
        install_keys: str | None = None,
        client_script: str | None = None,
        policy: Policy = ATLASSIAN_2022,
        sealed_pages: bool = False,
        observer: Callable[[Observation], None] | None = None,
        clock: Clock = time.time,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if development is None:
            development = os.environ.get(DEVELOPMENT) == "1"
        self.development = development
        self.base_url = addresses.own_address(base_url, development=development)
        self.base_path = urlsplit(self.base_url).path
        script = client_script or os.environ.get(CLIENT_SCRIPT)
        self.client_script = script or pages.CLIENT_SCRIPT
        if script and not development:
            raise ConfigurationError("client_script: another script needs development mode")
        source = install_keys or os.environ.get(INSTALL_KEYS) or "production"
        self._install_keys = InstallKeys(
            key_source(source, development=development), transport=transport
        )
        self._transport = transport
        self._site = lifecycle.Site(app_key=key, suffixes=hosts, development=development)
        self._about = Descriptor(
            key=key,
            name=name,
            base_url=self.base_url,
            description=description,
            scopes=tuple(scopes),
        )
        self.store: Store = _opened(store, key, clock, development=development)
        self.sealed_pages = sealed_pages
        self.observer = observer
        self.clock = clock
        self._expected = Expected(app_key=key, audience=(self.base_url,))
        self._with_query = _without_form(policy)
        self._header_only = self._with_query.with_schedule(
            Direction.BROWSER_TO_APP, Location.QUERY, NEVER
        )
        self._modules: list[Module] = []
        self._routes: list[Route] = []
        self._installed_hooks: list[Callable[..., Any]] = []
        self._uninstalled_hooks: list[Callable[..., Any]] = []

    @property
    def key(self) -> str:
        """The app's key."""
        return self._about.key

    # ---- declaring --------------------------------------------------------------------------

    def descriptor(self) -> Descriptor:
        """What the app tells a host about itself, with every module declared so far."""
        return msgspec.structs.replace(self._about, modules=tuple(self._modules))

    def own_routes(self) -> tuple[Route, ...]:
        """The routes declared so far, for an adapter."""
        return tuple(self._routes)

    def panel(
        self, name: str, *, location: str, url: str | None = None, **members: Any
    ) -> Callable[[Handler], Handler]:
        """Declare a web panel and the page in it; the key is the function's name."""
        return self.module("webPanels", name, url=url, location=location, **members)

    def page(
        self, name: str, *, url: str | None = None, **members: Any
    ) -> Callable[[Handler], Handler]:
        """Declare a general page; the key is the function's name."""
        return self.module("generalPages", name, url=url, **members)

    def module(
        self,
        collection: str,
        name: str,
        *,
        key: str | None = None,
        url: str | None = None,
        **members: Any,
    ) -> Callable[[Handler], Handler]:
        """Declare a module of *collection* (``adminPages``) and the page that it shows.

        *url* is relative to the base URL, with variables in its query alone:
        ``/panel?issue={issue.key}``.  *members* are written into the
        descriptor as they are.
        """
        if members.get("cacheable"):
            raise ConfigurationError("a cacheable module's page has no token: serve it yourself")

        def declare(handler: Handler) -> Handler:
            own_key = key_of(key or handler.__name__.replace("_", "-"), "module key")
            address = url or f"/{own_key}"
            self._add(address.partition("?")[0], ("GET",), PAGE, handler, page=True)
            told = {"key": own_key, "name": {"value": name}, "url": address, **members}
            self._modules.append(Module(collection, told))
            return handler

        return declare

    def context_route(
        self, path: str, *, methods: Sequence[str] = ("GET",), query: bool = False
    ) -> Callable[[Handler], Handler]:
        """A route for the app's own pages: context or session token, in the header.

        *query* also lets the token stand in the address, for what can send no
        header; everything on the way then sees it.
        """

        def declare(handler: Handler) -> Handler:
            policy = self._with_query if query else self._header_only
            self._add(path, tuple(methods), CALL, handler, policy=policy)
            return handler

        return declare

    def webhook(self, event: str, *, url: str | None = None) -> Callable[[Handler], Handler]:
        """A route for *event*, such as ``jira:issue_updated``, and its module.

        Body and headers of a webhook are not signed, only its address is.
        """

        def declare(handler: Handler) -> Handler:
            address = url or f"/webhooks/{event.replace(':', '-')}"
            self._add(address.partition("?")[0], ("POST",), WEBHOOK, handler)
            self._modules.append(Module("webhooks", {"event": event, "url": address}))
            return handler

        return declare

    def on_installed(self, hook: Hook) -> Hook:
        """Call *hook* (before, after) when an ``installed`` is recorded and not yet answered."""
        self._installed_hooks.append(hook)
        return hook

    def on_uninstalled(self, hook: Hook) -> Hook:
        """Call *hook* (before, None) when an installation is removed and that not yet answered."""
        self._uninstalled_hooks.append(hook)
        return hook

    def _add(
        self,
        path: str,
        methods: tuple[str, ...],
        accept: Accept,
        handler: Callable[..., Any],
        *,
        policy: Policy | None = None,
        page: bool = False,
    ) -> None:
        try:
            canonical_request(methods[0], path)
        except Refusal as refusal:
            raise ConfigurationError(f"route {path}: {refusal}") from None
        taken = {(route.path, method) for route in self._routes for method in route.methods}
        taken |= {(own, "POST") for own in LIFECYCLE_PATHS.values()}
        if any((path, method) in taken for method in methods):
            raise ConfigurationError(f"route {path}: is declared twice")
        self._routes.append(Route(path, methods, accept, policy or self._with_query, handler, page))

    # ---- deciding ---------------------------------------------------------------------------

    async def check(
        self,
        facts: RequestFacts,
        accept: Accept,
        policy: Policy | None = None,
        *,
        or_shell: bool = False,
    ) -> Verified:
        """What the token of *facts* proves; raises a :class:`~headway.errors.Refusal`.

        *or_shell* says that a request without a token gets the shell: so the
        observer hears of no refusal.
        """
        policy = policy or self._header_only
        try:
            verified = await self._verified(facts, accept, policy)
        except Refusal as refusal:
            if not (or_shell and isinstance(refusal, TokenMissing)):
                self._observe_refusal(facts, accept, policy, refusal)
            raise
        self._observe(facts, verified, policy)
        return verified

    async def check_reload(self, facts: RequestFacts) -> Verified:
        """What a shell's fetch proves: who asks, and that the host had signed this address."""
        verified = None
        try:
            verified = await self._verified(facts, SHELL, self._header_only)
            pages.check_seal(facts, installation_of(verified), verified.claims.sub, self.clock())
        except Refusal as refusal:
            self._observe_refusal(facts, SHELL, self._header_only, refusal, verified)
            raise
        self._observe(facts, verified, self._header_only)
        return verified

    async def _verified(self, facts: RequestFacts, accept: Accept, policy: Policy) -> Verified:
        keys: KeySource = self._install_keys if accept.family is Family.INSTALL else self.store
        steps = verify(
            facts, accept=accept, expected=self._expected, now=self.clock(), policy=policy
        )
        return await adrive(steps, keys, self.store)

    async def lifecycle(self, name: str, facts: RequestFacts, body: bytes) -> None:
        """Take one lifecycle event: check, record in one transaction, call the hooks.

        Raises a refusal, with nothing changed; or :class:`HookFailed`, with the
        event recorded.  The same event in a fresh token calls the hooks again.
        """
        accept, policy, verified = lifecycle.ACCEPTS[name], self._header_only, None
        try:
            # (1) the token, before anything of the body is looked at
            verified = await self._verified(facts, accept, policy)
            # (2) the body and the record, off the event loop: a write waits for the disk
            take = getattr(lifecycle, name)
            change = await asyncio.to_thread(take, self.store, self._site, verified, body)
        except Refusal as refusal:
            self._observe_refusal(facts, accept, policy, refusal, verified)
            raise
        self._observe(facts, verified, policy)
        # (3) the hooks
        if name == "installed":
            await _call(self._installed_hooks, *change)
        elif name == "uninstalled" and change is not None:
            await _call(self._uninstalled_hooks, change, None)

    def body_refused(self, name: str, facts: RequestFacts, refusal: Refusal) -> None:
        """An adapter could not read the body of the event *name*: the observer is told."""
        self._observe_refusal(facts, lifecycle.ACCEPTS[name], self._header_only, refusal)

    # ---- pages and calls --------------------------------------------------------------------

    def client(self, installation: Installation) -> HostClient:
        """A client for *installation*; close it, or use it with ``async with``."""
        return HostClient(
            installation,
            development=self.development,
            clock=self.clock,
            transport=self._transport,
        )

    def shell_page(self) -> tuple[str, dict[str, str]]:
        """The page for a module's address without a token, and its headers."""
        sites = addresses.shell_framers(self._site.suffixes, development=self.development)
        return pages.shell(self.client_script, [*sites, "'self'"])

    def sent_on(self, facts: RequestFacts, verified: Verified) -> dict[str, str] | None:
        """Headers of the 303 for a browser that opened a page with a token; None: show the page."""
        if not self.sealed_pages or verified.location is not Location.QUERY:
            return None
        site = installation_of(verified)
        to = pages.sealed_address(facts, site, verified.claims.sub)
        return {**page_headers(()), "Location": to}

    # ---- observing --------------------------------------------------------------------------

    def _observe(self, facts: RequestFacts, verified: Verified, policy: Policy) -> None:
        if self.observer is not None:
            self.observer(self._observation(facts, verified.direction, policy, verified))

    def _observe_refusal(
        self,
        facts: RequestFacts,
        accept: Accept,
        policy: Policy,
        refusal: Refusal,
        verified: Verified | None = None,
    ) -> None:
        if self.observer is None:
            return
        seen = self._observation(facts, accept.direction, policy, verified)
        if verified is None and not isinstance(refusal, TokenMissing):
            seen = _with_what_it_claims(seen, facts, policy, refusal)
        self.observer(msgspec.structs.replace(seen, refusal=refusal.id, hint=refusal.hint))

    def _observation(
        self, facts: RequestFacts, direction: Direction, policy: Policy, verified: Verified | None
    ) -> Observation:
        return Observation(
            time=self.clock(),
            direction=direction,
            method=facts.method,
            path=_shown_path(facts),
            verified=verified is not None,
            policy=policy.name,
            disclaimer=policy.disclaimer,
            location=verified.location if verified else None,
            kind=verified.kind if verified else None,
            phase=verified.phase if verified else None,
            claims=_shown_claims(verified.claims) if verified else {},
            notes=verified.notes if verified else (),
        )


def installation_of(verified: Verified) -> Installation:
    """The installation that a tenant's token proved; raises ConfigurationError without one."""
    if verified.installation is None:
        raise ConfigurationError("the store answers with keys and without their installation")
    return verified.installation


def _shown_path(facts: RequestFacts) -> str:
    query = pages.without_seal(without_token(facts.raw_query))
    return redact_url(f"{facts.raw_path}?{query}" if query else facts.raw_path)


def _shown_claims(claims: Claims) -> dict[str, Any]:
    shown: dict[str, Any] = redact_values(msgspec.to_builtins(claims))
    return shown


def _with_what_it_claims(
    seen: Observation, facts: RequestFacts, policy: Policy, refusal: Refusal
) -> Observation:
    """*seen* with what an unproved token says; where it can not be read, with less."""
    if isinstance(refusal, TokenInQuery):
        return msgspec.structs.replace(seen, location=Location.QUERY)
    try:
        admission = policy.admit(facts, seen.direction, seen.time)
        seen = msgspec.structs.replace(seen, location=admission.location, phase=admission.phase)
        token = admission.token or ""
        claims = _shown_claims(jwt.decode(token).unverified_claims)
    except Refusal:
        return seen  # refused for where it stands, or for what it is
    wrong = isinstance(refusal, QshMismatch)
    explained = msgspec.to_builtins(explain(facts, token)) if wrong else None
    return msgspec.structs.replace(seen, claims=claims, explain=explained)


async def _call(
    hooks: Sequence[Callable[..., Any]], before: Installation | None, after: Installation | None
) -> None:
    for hook in hooks:
        try:
            if inspect.iscoroutinefunction(hook):
                await hook(before, after)
            else:
                await asyncio.to_thread(hook, before, after)
        except Exception as error:
            raise HookFailed(f"the hook {hook.__name__} failed") from error


def _without_form(policy: Policy) -> Policy:
    """*policy* without tokens in bodies: an app's routes read no body before they know who asks."""
    return policy.with_schedule(Direction.BROWSER_TO_APP, Location.FORM, NEVER)


def _opened(store: Store | str | Path, app_key: str, clock: Clock, *, development: bool) -> Store:
    if not isinstance(store, str | Path):
        return store
    if store == MEMORY:
        key = new_sealing_key()
    else:
        beside = Path(store).parent if development else None
        key = sealing_key(os.environ, beside)
    engine = open_engine(store)
    upgrade(engine)
    return Installations(engine, Sealer({"store": key}, "store"), app_key=app_key, clock=clock)
