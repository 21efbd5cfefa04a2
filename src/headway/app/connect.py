"""A Connect app without a framework: its settings, its keys, its decisions.

What it declares stands in ``routes.py``, the way of one request in
``exchange.py``; an adapter (``headway.app.starlette``, ...) turns the requests
of a framework into the one and the answers of the other back.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec

from headway.app import addresses, lifecycle, pages
from headway.app.administrators import Administrators
from headway.app.caller import CallSettings, HostCalls, calls_of
from headway.app.client import HostClient, SyncHostClient
from headway.app.context import Context, installation_of
from headway.app.delivery import Delivery
from headway.app.descriptor import Descriptor, module_of
from headway.app.exchange import Asked, Run, Steps, check_place
from headway.app.forge import Forge
from headway.app.forge_keys import ForgeKeys, environment_of
from headway.app.forwarded import Forwarded
from headway.app.health import Readiness
from headway.app.install_keys import InstallKeys, key_source
from headway.app.instruments import Instrument, Instruments, KeyFetch, Observer
from headway.app.observation import Observation, of_refusal, of_token
from headway.app.queue import MemoryQueue, Queue
from headway.app.receipts import MemoryReceipts, Receipts
from headway.app.routes import CALL, SHELL, Declarations, Route, Ticketed
from headway.app.settings import SETTINGS
from headway.app.tickets import TICKET, Tickets
from headway.app.wanted import hold
from headway.app.webhooks import Webhooks
from headway.errors import ConfigurationError, IssuerUnknown, Refusal, TokenMissing
from headway.http.answers import page_headers
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    Phase,
    RequestFacts,
    Verified,
)
from headway.policy import ATLASSIAN_2022, Policy
from headway.ports import (
    Clock,
    Credentials,
    InstallationStore,
    KeySource,
    NeedKey,
    ReplayCache,
    adrive,
)
from headway.store.engine import MEMORY
from headway.store.offloop import OffLoop
from headway.store.once import Once
from headway.store.opening import Opened, open_store
from headway.verify import FORGE_ISSUER, Accept, Expected, verify

__all__ = ["Connect", "Context", "Keys", "Observation", "Store"]

DEVELOPMENT = "HEADWAY_DEVELOPMENT"
INSTALL_KEYS = "HEADWAY_INSTALL_KEYS"
CLIENT_SCRIPT = "HEADWAY_CLIENT_SCRIPT"
PROCESSES = "WEB_CONCURRENCY"
"""How many processes a server starts: gunicorn and uvicorn read it, too."""

_QUERY = Location.QUERY  # looking up a member costs as much as a call

_STRICT_TRANSPORT = (("Strict-Transport-Security", "max-age=31536000"),)
"""For a year, this name alone: what lies beside the app is not the app's to decide (RFC 6797)."""


class Store(InstallationStore, KeySource, ReplayCache, Protocol):
    """What keeps installations and answers the questions of ``verify`` about them."""


class Keys:
    """Finds a token's keys where its kind has them; the kind follows from the question.

    Shared secrets stand in the *store*, Forge's keys come from *forge* (None
    where the app takes no invocations), and all other RSA keys are the host's
    *install* keys.  *instruments* hear of look-ups in the store.
    """

    def __init__(
        self,
        store: KeySource,
        install: KeySource,
        forge: KeySource | None = None,
        instruments: Instruments | None = None,
    ) -> None:
        self._store = store
        self._install = install
        self.forge = forge
        self._instruments = instruments or None  # none of them is nobody

    def find(self, need: NeedKey) -> Credentials | Awaitable[Credentials | None] | None:
        """The keys for *need*, or None where nobody is known by it."""
        if need.symmetric:
            found = self._store.find(need)
            if self._instruments is not None and isinstance(found, Credentials):
                self._instruments.looked_up(cached=found.cached)
            return found
        if need.issuer == FORGE_ISSUER:
            return None if self.forge is None else self.forge.find(need)
        return self._install.find(need)


class Connect(Declarations):
    """One app.  Everything that can not work raises ConfigurationError here, at start.

    *descriptor* is one that was built as a value, or a file of JSON; it then
    has key, name, description and scopes.  Its base URL is *base_url*, always.
    *store* is a path for SQLite, ``":memory:"``, ``postgresql://...``, or what
    keeps installations otherwise.  *hosts* are the name suffixes of sites that may install the app.
    *install_keys* names the host's environment, or in development an address
    (or ``HEADWAY_INSTALL_KEYS``).  *audience* are further base URLs that a token
    may name beside *base_url*, such as the one before a move.
    *development* (or ``HEADWAY_DEVELOPMENT=1``)
    opens http and loopback, for an app on this machine only.  *sealed_pages*
    sends a browser that opens a page with a token on to the page's address
    without it, where the shell shows the page.  *observer* is
    told of every token and of every refusal, *instruments* of more than that
    (:mod:`headway.app.instruments`).  *forwarded* names the proxies whose word on
    the client's address counts.  Under *health* lie ``/live`` and ``/ready``;
    None leaves them out.  *queue* keeps webhooks until they
    are worked on, by default in this process; *receipts* remember which were
    taken, by default in this process too; *once* keeps the tickets of links
    and what Forge may write once, by default in the store.  *transport* is
    httpx's, through which a test lets the app reach a site without a network.
    *forge* is who the app is to Forge: its id there, or that with its
    environment.  *calls* says how the app calls its sites;
    ``HEADWAY_AUTHORIZATION_SERVER`` names the authorization server where that
    does not.  *acpt* is for pages that were written for
    ``atlassian-connect-express`` (:mod:`headway.app.acpt`).

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> app.descriptor().to_json()["lifecycle"]["installed"]
    '/installed'
    """

    def __init__(
        self,
        *,
        key: str = "",
        name: str = "",
        base_url: str,
        store: Store | Opened | str | Path,
        description: str = "",
        scopes: Sequence[str] = ("READ",),
        descriptor: Descriptor | str | Path | None = None,
        hosts: Sequence[str] = addresses.HOST_SUFFIXES,
        development: bool | None = None,
        install_keys: str | None = None,
        audience: Sequence[str] = (),
        client_script: str | None = None,
        policy: Policy = ATLASSIAN_2022,
        sealed_pages: bool = False,
        observer: Callable[[Observation], None] | None = None,
        instruments: Sequence[Instrument] = (),
        forwarded: Forwarded | None = None,
        health: str | None = "/health",
        clock: Clock = time.time,
        queue: Queue | None = None,
        receipts: Receipts | None = None,
        once: Once | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        forge: Forge | str | None = None,
        calls: CallSettings | None = None,
        acpt: bool = False,
    ) -> None:
        hold(SETTINGS, locals())
        if development is None:
            development = os.environ.get(DEVELOPMENT) == "1"
        self.development = development
        self.base_url = addresses.own_address(base_url, development=development)
        self.base_path = urlsplit(self.base_url).path
        told = {"key": key, "name": name, "description": description, "scopes": tuple(scopes)}
        super().__init__(_about(descriptor, told, self.base_url), policy, health)
        self.client_script = _client_script(client_script, development=development)
        told_first = () if observer is None else (Observer(observer),)
        self.instruments = Instruments((*told_first, *instruments))
        self._transport = transport
        self.calls = self._host_calls(calls, clock)
        suffixes = addresses.host_suffixes(hosts, some=not development)
        self.site = lifecycle.Site(app_key=self.key, suffixes=suffixes, development=development)
        self.store, self.answers, own = _opened(store, self.key, clock, development)
        self.once = own if once is None else once
        self.forge = Forge(forge) if isinstance(forge, str) else forge
        self.keys = self._keys(install_keys)
        self.readiness = Readiness(lambda: self.store.get(self.key, self.key))
        self.forwarded = forwarded
        self.always = _STRICT_TRANSPORT if self.base_url.startswith("https://") else ()
        self.administrators = Administrators(self.client)
        self.sealed_pages, self.acpt = sealed_pages, acpt
        self.clock, self.header_only = clock, self._policies.header_only
        self.queue = MemoryQueue() if queue is None else queue
        self._open_tickets(shared=once is not None or store != MEMORY)
        self.webhooks = self._events(receipts)
        self._expected = Expected(app_key=self.key, audience=self._known_as(audience))
        self.watched = bool(self.instruments)

    def _known_as(self, audience: Sequence[str]) -> tuple[str, ...]:
        """The base URLs by which tokens may name the app."""
        try:
            more = [addresses.own_address(url, development=self.development) for url in audience]
        except ConfigurationError as error:
            raise ConfigurationError(f"audience: {error}") from None
        return (self.base_url, *more)

    def _host_calls(self, settings: CallSettings | None, clock: Clock) -> HostCalls:
        return HostCalls(
            calls_of(settings, os.environ),
            development=self.development,
            clock=clock,
            transport=self._transport,
            told=self.instruments.called_host if self.instruments else None,
        )

    def _keys(self, install_keys: str | None) -> Keys:
        install = self._install_keys(install_keys)
        return Keys(self.answers, install, self._forge_keys(), self.instruments)

    def _install_keys(self, source: str | None) -> InstallKeys:
        source = source or os.environ.get(INSTALL_KEYS) or "production"
        return InstallKeys(
            key_source(source, development=self.development),
            transport=self._transport,
            told=lambda outcome, took: self.instruments.fetched_keys(
                KeyFetch("install", outcome, took)
            ),
        )

    def _forge_keys(self) -> ForgeKeys | None:
        if self.forge is None:
            return None
        return ForgeKeys(
            environment_of(self.forge.environment, development=self.development).keys,
            transport=self._transport,
            told=lambda outcome, took: self.instruments.fetched_keys(
                KeyFetch("forge", outcome, took)
            ),
        )

    # ---- deciding ---------------------------------------------------------------------------

    has_lifespan = False
    """Whether somebody let :meth:`lifespan` begin."""

    async def check(
        self, facts: RequestFacts, accept: Accept, policy: Policy | None = None
    ) -> Verified:
        """What the token of *facts* proves; raises a :class:`~headway.errors.Refusal`.

        For code of one's own: routes are checked before their handler runs.
        """
        policy = policy or self.header_only
        try:
            verified = await adrive(self.verifying(facts, accept, policy), self.keys, self.answers)
        except Refusal as refusal:
            self.tell(facts, accept.direction, policy, None, refusal)
            raise
        self.tell(facts, accept.direction, policy, verified)
        return verified

    def client_of(self, asked: Asked) -> str:
        """The address that asked, through proxies of ours only; "" where nobody knows or hears."""
        if not self.watched:
            return ""
        if self.forwarded is None:
            return asked.peer
        return self.forwarded.client(asked.peer, asked.header)

    def verifying(
        self,
        facts: RequestFacts,
        accept: Accept,
        policy: Policy,
        expected: Expected | None = None,
    ) -> Steps[Verified]:
        """The steps of one check; nobody is told."""
        return verify(
            facts,
            accept=accept,
            expected=expected or self._expected,
            now=self.clock(),
            policy=policy,
        )

    def proving(
        self, facts: RequestFacts, route: Route, *, client: str = "", or_shell: bool = False
    ) -> Steps[Verified]:
        """The steps that hold *facts* to *route*; raises a :class:`~headway.errors.Refusal`.

        *or_shell* says that a request without a token gets the shell: so the
        observer hears of no refusal.
        """
        accept, policy, path = route.accept, route.policy, route.path
        if accept is None or policy is None:
            raise ConfigurationError(f"route {route.path}: accepts nothing")
        verified, expected = None, route.expected or self._expected
        try:
            verified = yield from verify(
                facts, accept=accept, expected=expected, now=self.clock(), policy=policy
            )
            if verified.location is _QUERY:
                check_place(route, verified)
            if route.installed is not None:
                site: Installation | None = yield Run(route.installed, (self, verified))
                verified = msgspec.structs.replace(verified, installation=site)
        except Refusal as refusal:
            if not (or_shell and isinstance(refusal, TokenMissing)):
                self.tell(facts, accept.direction, policy, verified, refusal, path, client)
            raise
        if self.watched:
            self.tell(facts, accept.direction, policy, verified, None, path, client)
        return verified

    def reproving(
        self, facts: RequestFacts, *, route: str = "", client: str = ""
    ) -> Steps[Verified]:
        """What a shell's fetch proves: who asks, and that the host had signed this address."""
        verified = None
        policy, direction = self.header_only, SHELL.direction
        try:
            verified = yield from self.verifying(facts, SHELL, policy)
            pages.check_seal(facts, installation_of(verified), verified.claims.sub, self.clock())
        except Refusal as refusal:
            self.tell(facts, direction, policy, verified, refusal, route, client)
            raise
        self.tell(facts, direction, policy, verified, None, route, client)
        return verified

    def _open_tickets(self, *, shared: bool) -> None:
        """Make tickets possible, where all processes of the app can take them."""
        if self.once is None:
            self.no_tickets = "ticket_route: a store of your own keeps no tickets: give once=..."
        elif not shared and (not self.development or os.environ.get(PROCESSES, "1") != "1"):
            self.no_tickets = (
                "ticket_route: tickets in memory are known to one process alone, so they are for "
                "development in one process: give store=... a file or a server, or give once=..."
            )
        else:
            self.tickets = Tickets(self.once, app_key=self.key, clock=self.clock)

    def redeeming(
        self, facts: RequestFacts, route: Route, ticket: Ticketed, *, client: str = ""
    ) -> Steps[Verified]:
        """What the ticket of *facts* proves: for whom the app made the link, and that it is used.

        It counts as the session of whoever the link was made for.
        """
        told = (facts, CALL.direction, self.header_only)
        try:
            verified = yield from self._redeemed(facts, ticket)
        except Refusal as refusal:
            self.tell(*told, None, refusal, route.path, client)
            raise
        self.tell(*told, verified, None, route.path, client)
        return verified

    def _redeemed(self, facts: RequestFacts, ticket: Ticketed) -> Steps[Verified]:
        if self.tickets is None:
            raise ConfigurationError(self.no_tickets)
        # (1) one request has it
        carried = yield Run(self.tickets.take, (facts, ticket.uses))
        # (2) the site may have uninstalled the app since
        known = yield NeedKey(issuer=carried.client_key, symmetric=True)
        if known is None or known.installation is None:
            raise IssuerUnknown(found=carried.client_key)
        return Verified(
            kind=Kind.SESSION,
            claims=Claims(
                iss=self.key,
                sub=carried.account_id,
                aud=(carried.client_key,),
                exp=carried.expires,
                context=carried.context,
            ),
            direction=CALL.direction,
            location=Location.QUERY,
            phase=Phase.OPEN,
            installation=known.installation,
            notes=(TICKET,),
        )

    def tell(
        self,
        facts: RequestFacts,
        direction: Direction,
        policy: Policy,
        verified: Verified | None,
        refusal: Refusal | None = None,
        route: str = "",
        client: str = "",
    ) -> None:
        """Tell the instruments, where there are some."""
        if not self.watched:
            return
        where: Any = {"now": self.clock(), "route": route, "client": client}
        if refusal is None:
            seen = of_token(facts, direction, policy, verified, **where)
        else:
            seen = of_refusal(facts, direction, policy, refusal, verified, **where)
        self.instruments.decided(seen)

    # ---- events -----------------------------------------------------------------------------

    def _events(self, receipts: Receipts | None) -> Webhooks:
        if isinstance(self.queue, MemoryQueue):
            self.queue.serve(self.work)
        return Webhooks(
            self._webhooks,
            queue=self.queue,
            receipts=MemoryReceipts(clock=self.clock) if receipts is None else receipts,
            installation=lambda client_key: self.store.get(self.key, client_key),
            clients=self,
            clock=self.clock,
        )

    async def work(self, delivery: Delivery | bytes | str) -> bool:
        """Work on one delivery, as a queue hands it back, perhaps as JSON and in another process.

        False where the installation is gone.  Raises what the handler raises,
        and ConfigurationError for what no webhook of this app takes.
        """
        told = delivery if isinstance(delivery, Delivery) else Delivery.from_json(delivery)
        return await self.webhooks.work(told)

    # ---- pages and calls --------------------------------------------------------------------

    def client(self, installation: Installation) -> HostClient:
        """A client for *installation*; it shares the app's connections."""
        return HostClient(installation, calls=self.calls)

    def sync_client(self, installation: Installation) -> SyncHostClient:
        """The same for code that waits."""
        return SyncHostClient(installation, calls=self.calls)

    @asynccontextmanager
    async def lifespan(self, _: Any = None) -> AsyncIterator[None]:
        """The app's life: ``Starlette(routes=..., lifespan=connect.lifespan)``, FastAPI alike.

        At its end the events that wait in this process are worked off, and
        connections are closed.  Some servers leave no other moment for that:
        uvicorn ends by the signal that stopped it.
        """
        self.has_lifespan = True
        if isinstance(self.queue, MemoryQueue):
            self.queue.reopen()
        try:
            yield
        finally:
            if isinstance(self.queue, MemoryQueue):
                await asyncio.to_thread(self.queue.close)
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to sites; for the end of the app's life."""
        await self.calls.aclose()

    def shell_page(self) -> tuple[str, dict[str, str]]:
        """The page for a module's address without a token, and its headers."""
        sites = addresses.shell_framers(self.site.suffixes, development=self.development)
        return pages.shell(self.client_script, [*sites, "'self'"])

    def sent_on(self, facts: RequestFacts, verified: Verified) -> dict[str, str] | None:
        """Headers of the 303 for a browser that opened a page with a token; None: show the page."""
        if not self.sealed_pages or verified.location is not Location.QUERY:
            return None
        site = installation_of(verified)
        to = pages.sealed_address(facts, site, verified.claims.sub)
        return {**page_headers(()), "Location": to}


def _about(
    descriptor: Descriptor | str | Path | None, told: Mapping[str, Any], base_url: str
) -> Descriptor:
    if descriptor and (told["key"] or told["name"] or told["description"]):
        raise ConfigurationError("descriptor: has key, name and description; leave them out")
    descriptor = descriptor or Descriptor(**told)
    if not isinstance(descriptor, Descriptor):
        return Descriptor.read(descriptor, base_url)
    bare = msgspec.structs.replace(descriptor, base_url=base_url, modules=())
    for module in descriptor.modules:
        checked = (*bare.modules, module_of(module, bare))
        bare = msgspec.structs.replace(bare, modules=checked)
    return bare


def _client_script(client_script: str | None, *, development: bool) -> str:
    script = client_script or os.environ.get(CLIENT_SCRIPT)
    if script and not development:
        raise ConfigurationError("client_script: another script needs development mode")
    return script or pages.CLIENT_SCRIPT


def _opened(
    store: Store | Opened | str | Path, app_key: str, clock: Clock, development: bool
) -> tuple[Store, Store | OffLoop, Once | None]:
    """What keeps installations, what answers an event loop, and what counts once."""
    if isinstance(store, Opened):
        return store.installations, store.answers, store.once
    if not isinstance(store, str | Path):
        return store, store, None
    if not str(store).strip():
        raise ConfigurationError("store: is empty; name a file, such as data/app.db, or a server")
    opened = open_store(
        store, app_key=app_key, environ=os.environ, development=development, clock=clock
    )
    return opened.installations, opened.answers, opened.once
