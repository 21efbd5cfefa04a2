"""A site for tests: ``with Site() as site``.

It runs in a thread with an event loop of its own, so that any test can use it
by plain calls.  Without sockets it reaches an app in this process, and the app's
HTTP client reaches it, through transports of httpx; with sockets any program
reaches it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request

from headway.host.clock import site_date
from headway.host.faults import Faults
from headway.host.identity import CSRF_HEADER
from headway.host.options import settings as read_settings
from headway.host.running import Running, State
from headway.host.serve import served
from headway.host.tenant import Tenant
from headway.host.testing.apps import InstalledApp
from headway.host.testing.loop import Loop
from headway.host.testing.seen import Seen, picked
from headway.host.testing.things import Thing
from headway.host.testing.transports import InProcess, Inward, Lifespan, is_asgi
from headway.host.world import User, World
from headway.http.answers import origin_of
from headway.model import Product

__all__ = ["Site", "Traffic"]

T = TypeVar("T")
P = ParamSpec("P")

IN_PROCESS = {"base_url": "http://localhost:2990", "media_url": "http://127.0.0.1:2991"}
"""Where a site without sockets says that it is; nobody listens there for it."""

APP_URL = "http://127.0.0.1:3000"
"""Under which an app in this process is first asked for its descriptor."""

CLIENT_SECONDS = 30.0
DESCRIPTOR = "/atlassian-connect.json"


class Traffic:
    """What crossed since the start or the last reset, for assertions; see :class:`Seen`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def all(self) -> Seen:
        """All of it, the oldest first, once everything sent so far has arrived."""
        self._site.settle()
        return Seen(self._site.running.site.traffic.all())

    def of(self, **wanted: Any) -> Seen:
        """The crossings whose fields are as *wanted*; ``path`` may have ``*``."""
        return picked(self.all(), wanted)

    def none(self, **wanted: Any) -> None:
        """Raise AssertionError where one crossed."""
        self.all().none(**wanted)

    def one(self, **wanted: Any) -> Any:
        """The one that crossed; raise AssertionError for none, or for more."""
        return self.all().one(**wanted)

    def some(self, **wanted: Any) -> Seen:
        """Those that crossed; raise AssertionError for none."""
        return self.all().some(**wanted)

    def clear(self) -> None:
        """Forget what crossed."""
        self._site.loop.call(self._site.running.site.traffic.clear)

    def __repr__(self) -> str:
        return repr(self.all())


class Site:
    """A Jira and a Confluence, for as long as the block runs.

    *sockets* lets it listen on free ports of this machine.  *product* is the one
    that ``install`` installs into and that ``url`` names.  All other arguments
    are the site's settings (:mod:`headway.host.options`).  Raises
    ConfigurationError where they can not work.

    >>> with Site() as site:
    ...     site.issue("PUB-1").summary = "Seen"
    ...     site.client().get("/rest/api/3/issue/PUB-1").json()["fields"]["summary"]
    'Seen'
    """

    def __init__(
        self, *, sockets: bool = False, product: str = Product.JIRA, **settings: Any
    ) -> None:
        given = {"port": 0, **settings} if sockets else settings
        self._settings = read_settings(given)
        self._sockets = sockets
        self.product = Product(product)
        self.author = "admin"
        """Login name of whoever makes the changes that a test makes."""
        self.traffic = Traffic(self)
        self._clients: list[httpx.Client] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Start it; for tests that have no block."""
        self.loop = Loop()
        self._stack = contextlib.AsyncExitStack()
        try:
            self.running = self.loop.run(self._started())
        except BaseException:
            self.close()
            raise
        self.transport = Inward(self.loop, lambda: self.running.inside)
        """For the ``httpx.Client`` or ``httpx.AsyncClient`` of an app in this process."""
        return self

    async def _started(self) -> Running:
        if self._sockets:
            return await self._stack.enter_async_context(served(self._settings))
        running = Running(self._settings)
        self._stack.push_async_callback(running.close)
        running.bind_addresses(**IN_PROCESS)
        for url, app in (
            (IN_PROCESS["base_url"], running.asgi()),
            (IN_PROCESS["media_url"], running.media_asgi()),
        ):
            running.inside[url] = InProcess(app)
        running.site.outbox.attend()
        return running

    def close(self) -> None:
        """Stop it, every app that it started, and every client that it gave out."""
        for client in self._clients:
            client.close()
        try:
            self.loop.run(self._stack.aclose())
        finally:
            self.loop.close()

    # ---- where and who ----------------------------------------------------------------------

    @property
    def tenant(self) -> Tenant:
        """The product that this site stands for in a test."""
        site = self.running.site
        return site.confluence if self.product is Product.CONFLUENCE else site.jira

    @property
    def url(self) -> str:
        """The product's address, without a slash at the end: what apps get as ``baseUrl``."""
        return self.tenant.base_url

    @property
    def origin(self) -> str:
        """The site's address, which both products share."""
        return self.running.site.base_url

    @property
    def passwords(self) -> dict[str, str]:
        """Each user's password, by login name."""
        return self.loop.call(lambda: self.running.site.identity.first_passwords)

    def known_user(self, name: str) -> User:
        """The user with this login name or account id; raises LookupError."""
        found = self.do(lambda world: world.people.user(name))
        if found is None:
            raise LookupError(f"the site has no user {name}")
        return found

    @property
    def author_id(self) -> str:
        """The account id of :attr:`author`."""
        return self.known_user(self.author).account_id

    # ---- as a person or a program -----------------------------------------------------------

    def login(self, who: Any, user: str = "user") -> None:
        """Log *user* in: *who* is a page or a context of Playwright, or an ``httpx.Client``.

        A client also gets the header that changes by session need.
        """
        name, value, csrf = self.loop.call(self._session, self.known_user(user).account_id)
        if isinstance(who, httpx.Client | httpx.AsyncClient):
            who.headers["Cookie"] = f"{name}={value}"
            who.headers[CSRF_HEADER] = csrf
            return
        # A secure cookie needs an https address, though the browser sends it to http://localhost.
        secure = name.startswith("__Host-")
        host = urlsplit(self.origin).hostname
        cookie = {"name": name, "value": value, "httpOnly": True, "sameSite": "Lax"}
        place = {"url": f"https://{host}/"} if secure else {"url": self.origin}
        getattr(who, "context", who).add_cookies([{**cookie, **place, "secure": secure}])

    def cookie(self, user: str = "user") -> str:
        """The ``Cookie`` header of a new session of *user*, for programs of any language."""
        name, value, _ = self.loop.call(self._session, self.known_user(user).account_id)
        return f"{name}={value}"

    def _session(self, account_id: str) -> tuple[str, str, str]:
        identity = self.running.site.identity
        name, value = identity.cookie_name, identity.begin(account_id)
        headers = [(b"cookie", f"{name}={value}".encode())]
        session = identity.session(Request({"type": "http", "headers": headers}))
        return name, value, session.csrf if session else ""

    def client(self, user: str | None = None) -> httpx.Client:
        """A client of the site's addresses: anonymous, or logged in as *user*."""
        client = self._client()
        if user is not None:
            self.login(client, user)
        return client

    def _client(self) -> httpx.Client:
        if not self._sockets:
            return httpx.Client(base_url=self.origin, transport=self.transport, trust_env=False)
        client = httpx.Client(base_url=self.origin, trust_env=False, timeout=CLIENT_SECONDS)
        self._clients.append(client)
        return client

    # ---- apps -------------------------------------------------------------------------------

    def install(self, app: Any, *, descriptor: str = DESCRIPTOR) -> InstalledApp:
        """Install an app: the address of its descriptor, or an ASGI or WSGI application.

        An application is asked in this process, under the ``baseUrl`` of its
        own *descriptor* (a path), and started and stopped with the site.  Raises
        InstallFailed.
        """
        if isinstance(app, str):
            made = self.run(self.tenant.installer.install(app))
            client = httpx.Client(base_url=made.base_url, trust_env=False, timeout=CLIENT_SECONDS)
            self._clients.append(client)
            return InstalledApp(self, made.key, client)
        url = self.loop.run(self._let_in(app, descriptor))
        made = self.run(self.tenant.installer.install(url))
        client = httpx.Client(base_url=made.base_url, transport=self.transport, trust_env=False)
        return InstalledApp(self, made.key, client)

    async def _let_in(self, app: Any, path: str) -> str:
        """The address of an application's descriptor, from now on asked without a connection."""
        if is_asgi(app):
            lifespan = Lifespan(app)
            await lifespan.start()
            self._stack.push_async_callback(lifespan.stop)
        way = InProcess(app)
        answer = await way.handle_async_request(httpx.Request("GET", APP_URL + path))
        body = await answer.aread()
        try:
            found = httpx.Response(answer.status_code, content=body).json()["baseUrl"]
            origin = origin_of(found)
        except (ValueError, KeyError, TypeError):
            raise LookupError(
                f"the app answered {path} with status {answer.status_code} and no baseUrl"
            ) from None
        self.running.inside[origin] = way
        return f"{found.rstrip('/')}{path}"

    # ---- state ------------------------------------------------------------------------------

    def issue(self, key: str) -> Thing:
        """An issue, by its key: its fields are attributes."""
        return Thing(self, "issue", key)

    def project(self, key: str) -> Thing:
        """A project, by its key."""
        return Thing(self, "project", key)

    def user(self, name: str) -> Thing:
        """A user, by login name."""
        return Thing(self, "user", name)

    def space(self, key: str) -> Thing:
        """A space, by its key."""
        return Thing(self, "space", key)

    def page(self, title: str) -> Thing:
        """A page, by its title or its id."""
        return Thing(self, "page", title)

    def do(
        self,
        function: Callable[Concatenate[World, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Call *function* with the site's content, and wait until the apps have heard of it.

        ``site.do(lambda world: world.tracker.add_issue("DEMO", "New"))``
        """
        done = self.loop.call(function, self.running.site.world, *arguments, **named)
        self.settle()
        return done

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the site runs, and wait until the apps have heard of it."""
        done = self.loop.run(work)
        self.settle()
        return done

    def settle(self) -> None:
        """Wait until every app has been told of what happened so far."""
        self.loop.run(self.running.site.settled())

    def reset(self) -> None:
        """Be as at the start: content, users, date, policy; no apps, no faults, no traffic."""
        self.loop.run(self.running.reset())

    def snapshot(self) -> State:
        """The state now: content, installed apps, date, policy."""
        return self.loop.call(self.running.state)

    def restore(self, state: State) -> None:
        """Be as in *state*."""
        self.loop.run(self.running.restore(state))

    # ---- the clock, and what goes wrong -----------------------------------------------------

    def at(self, date: str) -> contextlib.AbstractContextManager[None]:
        """Move the site's date to *date*; as ``with site.at(...)`` only for the block.

        Tokens and sessions go by the real time.  What is due on that date, such
        as a webhook's next try, has happened then.  Raises ValueError.
        """
        clock = self.running.site.clock
        before = clock.moved
        self.loop.call(clock.set, site_date(date))
        self.settle()
        return _after(lambda: self.loop.call(self.running.site.clock.move, before))

    @property
    def policy(self) -> str:
        """The name of the policy in force; set it to put another in its place."""
        return self.running.site.policy.name

    @policy.setter
    def policy(self, name: str) -> None:
        self.loop.call(self.running.site.set_policy, name)

    @property
    def faults(self) -> Faults:
        """What shall go wrong: ``site.faults.next("/rest/api/3/myself", status=503)``."""
        return self.running.site.faults

    def __repr__(self) -> str:
        return f"<site for tests, {'sockets' if self._sockets else 'in process'}>"


@contextlib.contextmanager
def _after(back: Callable[[], Any]) -> Iterator[None]:
    try:
        yield
    finally:
        back()
