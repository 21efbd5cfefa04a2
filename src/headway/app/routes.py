"""Routes as data: which requests an app answers, and which tokens each of them takes.

A route is declared by a verb of :class:`Declarations`, once, for whatever
framework serves it.  What it accepts is fixed there and read from nothing that
a request says.

| verb | serves | kinds | direction |
|---|---|---|---|
| ``panel``, ``page``, ``module`` | a page in a frame | request | host->app module |
| ``context_route`` | the app's own page | context, session | browser->app |
| ``ticket_route`` | a link that a browser opens | context, session, or a ticket | browser->app |
| ``tenant_route`` | any of these | request, context, session | host->app module |
| ``webhook``, ``event_route`` | an event, worked on later | request | host->app event |
| ``remote_route``, ``remote_module`` | what the host asks by itself | request | host->app remote |
| ``forge_route`` | a Forge invocation | invocation | host->app remote |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from headway.app.descriptor import Descriptor, Module, key_of, module_of
from headway.app.forge import INVOCATION, Forge, SpeaksFor, bearer
from headway.app.tickets import SECONDS, SECONDS_MAX, USES_MAX, Tickets
from headway.app.wanted import Wanted, a, each, hold, number, or_none
from headway.app.webhooks import Hook as EventHook
from headway.app.webhooks import hook_of
from headway.descriptor.module_types import MODULE_TYPES, Shown
from headway.descriptor.typed import Declared, Webhook
from headway.errors import ConfigurationError, Refusal
from headway.model import Direction, Installation, Kind, Location, Verified
from headway.policy import ALWAYS, NEVER, Policy
from headway.qsh import canonical_request
from headway.store.once import Once
from headway.verify import Accept, Expected

__all__ = [
    "CALL",
    "PAGE",
    "REMOTE",
    "SHELL",
    "TENANT",
    "WEBHOOK",
    "Declarations",
    "Policies",
    "Route",
    "Serves",
    "Ticketed",
    "handlers_first",
    "with_head",
]

PAGE = Accept(Direction.MODULE, frozenset({Kind.REQUEST}))
SHELL = Accept(Direction.BROWSER_TO_APP, frozenset({Kind.CONTEXT}))
CALL = Accept(Direction.BROWSER_TO_APP, frozenset({Kind.CONTEXT, Kind.SESSION}))
TENANT = Accept(Direction.MODULE, frozenset({Kind.REQUEST, Kind.CONTEXT, Kind.SESSION}))
WEBHOOK = Accept(Direction.EVENT, frozenset({Kind.REQUEST}))
REMOTE = Accept(Direction.REMOTE, frozenset({Kind.REQUEST}))

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 section 9.2.1
DESCRIPTOR_PATH = "/atlassian-connect.json"

Handler = TypeVar("Handler", bound=Callable[..., Any])
Hook = TypeVar("Hook", bound=Callable[[Installation | None, Installation | None], Any])


class Serves(StrEnum):
    """What answers a route: Headway itself, or a handler of the app's."""

    DESCRIPTOR = "descriptor"
    LIFECYCLE = "lifecycle"
    WEBHOOK = "webhook"
    HANDLER = "handler"
    LIVE = "live"
    READY = "ready"


class Ticketed(msgspec.Struct, frozen=True):
    """How long a link to a route works, in seconds, and for how many requests.

    Raises ConfigurationError for more than a link may have.
    """

    seconds: int = SECONDS
    uses: int = 1

    def __post_init__(self) -> None:
        """Hold both to their bounds."""
        hold(_VERBS, msgspec.structs.asdict(self), "ticket_route: ")
        if not 1 <= self.seconds <= SECONDS_MAX:
            raise ConfigurationError(f"ticket_route: seconds is 1 to {SECONDS_MAX}")
        if not 1 <= self.uses <= USES_MAX:
            raise ConfigurationError(f"ticket_route: uses is 1 to {USES_MAX}")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route: whoever may call it, and what then runs.

    ``page`` says that it is the page of a module, with all that a page in a
    frame carries.  ``form`` lets the token of a POST stand in a form field.
    ``bare_kinds`` are the kinds that may stand in the address where the policy
    allows one there.  ``expected`` and ``installed`` are for tokens of another
    issuer than a site: who the app is to it, and which installation a token
    speaks for.
    """

    path: str
    methods: tuple[str, ...]
    serves: Serves = Serves.HANDLER
    accept: Accept | None = None
    policy: Policy | None = None
    handler: Callable[..., Any] | None = None
    page: bool = False
    form: bool = False
    admin_only: bool = False
    bare_kinds: frozenset[Kind] = frozenset(Kind)
    event: str = ""
    ticket: Ticketed | None = None
    expected: Expected | None = None
    installed: Callable[[Any, Verified], Installation | None] | None = None


class Policies:
    """The app's policy as its routes need it: each opens one location more.

    A body is read before the token is known only where a route says so.
    """

    def __init__(self, policy: Policy) -> None:
        browser, module = Direction.BROWSER_TO_APP, Direction.MODULE
        self.with_query = policy.with_schedule(browser, Location.FORM, NEVER)
        self.header_only = self.with_query.with_schedule(browser, Location.QUERY, NEVER)
        self.with_form = self.with_query.with_schedule(module, Location.FORM, ALWAYS)
        self.remote_query = self.with_query.with_schedule(Direction.REMOTE, Location.QUERY, ALWAYS)
        self.bearer = bearer(self.with_query)


class Declarations:
    """What an app declares: modules with their routes, routes of its own, hooks.

    ``tickets`` makes and takes the tickets of links; where it is None,
    ``no_tickets`` says why.
    """

    tickets: Tickets | None = None
    no_tickets: str = "ticket_route: there is no store for tickets"

    forge: Forge | None = None
    once: Once | None = None

    def __init__(self, about: Descriptor, policy: Policy, health: str | None = None) -> None:
        self._about = about
        self._health = health
        self._policies = Policies(policy)
        self._modules: list[Module | Declared] = list(about.modules)
        self._routes: list[Route] = []
        self._webhooks: dict[str, EventHook] = {}
        self._installed_hooks: list[Callable[..., Any]] = []
        self._uninstalled_hooks: list[Callable[..., Any]] = []
        for _, path in self._health_paths():
            _check_path(path)

    @property
    def key(self) -> str:
        """The app's key."""
        return self._about.key

    def descriptor(self) -> Descriptor:
        """What the app tells a host about itself, with every module declared so far."""
        return msgspec.structs.replace(self._about, modules=tuple(self._modules))

    def own_routes(self) -> tuple[Route, ...]:
        """The routes declared so far."""
        return tuple(self._routes)

    def all_routes(self) -> tuple[Route, ...]:
        """The descriptor, the lifecycle and the routes declared so far, for an adapter."""
        served = [Route(path=DESCRIPTOR_PATH, methods=("GET",), serves=Serves.DESCRIPTOR)]
        for event, path in self._about.lifecycle.items():
            served.append(Route(path=path, methods=("POST",), serves=Serves.LIFECYCLE, event=event))
        for serves, path in self._health_paths():
            served.append(Route(path=path, methods=("GET",), serves=serves))
        return (*served, *self._routes)

    def _health_paths(self) -> list[tuple[Serves, str]]:
        if self._health is None:
            return []
        return [(each, f"{self._health}/{each}") for each in (Serves.LIVE, Serves.READY)]

    # ---- pages ------------------------------------------------------------------------------

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
        collection: str | Declared,
        name: str = "",
        *,
        key: str | None = None,
        url: str | None = None,
        form: bool = False,
        admin_only: bool = False,
        **members: Any,
    ) -> Callable[[Handler], Handler]:
        """Declare a module and the page that it shows: typed, or of a *collection* by name.

        ``@connect.module(WebPanel(name="Risk", url="/risk?issue={issue.key}",
        location="..."))`` or ``@connect.module("webPanels", "Risk", ...)``.
        *url* is relative to the base URL, with variables in its query alone.
        Without a key the function's name is it.  *form* also takes a POST,
        whose token may be a form field: a body of at most 64 KiB is then read
        before anybody has proved anything.  *admin_only* shows the page to the
        site's administrators alone.  *members* are written into the descriptor
        as they are.
        """
        hold(_VERBS, {"url": url, "module": collection, "name": name}, "module: ")
        kind, members = _written(collection, name, members)
        if members.get("cacheable"):
            raise ConfigurationError(_CACHEABLE)
        if kind in _NO_PAGES:
            raise ConfigurationError(f"{kind} have no page: use declare or remote_module")

        def declare(handler: Handler) -> Handler:
            told = self._module(kind, key, url, handler, members)
            self._page(told, handler, form=form, admin_only=admin_only)
            return handler

        return declare

    def serves(
        self, key: str, *, form: bool = False, query: bool = False, admin_only: bool = False
    ) -> Callable[[Handler], Handler]:
        """What the module *key* opens, which stands in the descriptor's file already.

        A page, or where the host itself asks for it (a static macro, a post
        function) a remote route; *query* is that route's, the others a page's.
        """
        found = [module for module in self._about.modules if module.members.get("key") == key]
        if not found or not _address(found[0].members):
            raise ConfigurationError(f"serves: the descriptor has no address for module {key!r}")
        kind, members = found[0].type, found[0].members
        if members.get("cacheable"):
            raise ConfigurationError(_CACHEABLE)
        address = _address(members)
        if kind in _NO_PAGES:
            methods = ("POST",) if "triggered" in members else ("GET",)
            return self.remote_route(address.partition("?")[0], methods=methods, query=query)

        def declare(handler: Handler) -> Handler:
            self._page(address, handler, form=form, admin_only=admin_only)
            return handler

        return declare

    def declare(self, *modules: Declared) -> None:
        """Put modules into the descriptor for which no route is made here.

        Sections, links that open a dialog's module, and what other code serves.
        """
        for module in modules:
            hold(_VERBS, {"modules": module}, "declare: ")
            self._declare(module)

    # ---- calls ------------------------------------------------------------------------------

    def context_route(
        self,
        path: str,
        *,
        methods: Sequence[str] = ("GET",),
        query: bool = False,
        admin_only: bool = False,
    ) -> Callable[[Handler], Handler]:
        """A route for the app's own pages: context or session token, in the header.

        *query* also lets the token stand in the address, for what can send no
        header; everything on the way then sees it.  *admin_only* lets in the
        site's administrators alone, as the host says (:mod:`headway.app.administrators`).
        """
        policies = self._policies
        hold(_VERBS, {"path": path, "methods": methods}, "context_route: ")

        def declare(handler: Handler) -> Handler:
            self._add(
                path=path,
                methods=methods,
                accept=CALL,
                policy=policies.with_query if query else policies.header_only,
                handler=handler,
                admin_only=admin_only,
            )
            return handler

        return declare

    def ticket_route(
        self, path: str, *, seconds: int = SECONDS, uses: int = 1
    ) -> Callable[[Handler], Handler]:
        """A GET that a link leads to: a download, an ``<img>``, an event stream.

        ``context.token_url(path, ...)`` makes the link; its ticket works for
        *seconds* and for *uses* requests, and stands for the account that the
        page was shown to (:mod:`headway.app.tickets`).  A context or session
        token in the header is taken, too.  Raises ConfigurationError where the
        app has no store that all its processes share.
        """
        hold(_VERBS, {"path": path}, "ticket_route: ")
        if self.tickets is None:
            raise ConfigurationError(self.no_tickets)
        ticket = Ticketed(seconds, uses)

        def declare(handler: Handler) -> Handler:
            self._add(
                path=path,
                methods=("GET",),
                accept=CALL,
                policy=self._policies.header_only,
                handler=handler,
                ticket=ticket,
            )
            return handler

        return declare

    def tenant_route(
        self,
        path: str,
        *,
        methods: Sequence[str] = ("GET",),
        query: bool = False,
        admin_only: bool = False,
    ) -> Callable[[Handler], Handler]:
        """A route for whoever a site vouches for: module address, context or own session token.

        What ``checkValidToken`` of the Node framework is for, but stated: a
        request token must be for this very request, and may stand in the
        address; the others stand in the header, unless *query* says otherwise.
        """
        hold(_VERBS, {"path": path, "methods": methods}, "tenant_route: ")

        def declare(handler: Handler) -> Handler:
            self._add(
                path=path,
                methods=methods,
                accept=TENANT,
                policy=self._policies.with_query,
                handler=handler,
                admin_only=admin_only,
                bare_kinds=frozenset(Kind) if query else frozenset({Kind.REQUEST}),
            )
            return handler

        return declare

    # ---- what the host sends by itself ------------------------------------------------------

    def webhook(
        self, event: str | Webhook, *, url: str | None = None, **members: Any
    ) -> Callable[[Handler], Handler]:
        """Work on *event*, such as ``jira:issue_updated``: a route, and a module of the descriptor.

        The handler gets ``(event, context)`` after the host was answered: the
        event's own type from :mod:`headway.app.payloads`, and an
        :class:`~headway.app.webhooks.EventContext`.  Body and headers of a
        webhook are not signed, only its address is: *url* may name what the
        event is of (``/changed?issue={issue.key}``).  *members* are written
        into the descriptor as they are (``filter``, ``excludeBody``).  One that
        stands in a descriptor's file already is served there.
        """
        hold(_VERBS, {"event": event, "url": url}, "webhook: ")
        told = {**(event.members if isinstance(event, Webhook) else {"event": event}), **members}
        name = told["event"]

        def declare(handler: Handler) -> Handler:
            filed = self._filed(name)
            usual = f"/webhooks/{name.replace(':', '-')}"
            address = filed[0] if filed else url or told.get("url", usual)
            self._event_route(address.partition("?")[0], (name,), handler)
            if not filed:
                self._declare(Module("webhooks", {**told, "url": address}))
            return handler

        return declare

    def _filed(self, event: str) -> list[str]:
        """The addresses that the descriptor's file has for *event*, and that nobody serves yet."""
        written = [m.members for m in self._about.modules if m.members.get("event") == event]
        return [m["url"] for m in written if m["url"].partition("?")[0] not in self._webhooks]

    def event_route(self, path: str, *events: str) -> Callable[[Handler], Handler]:
        """A route for *events* that the app asks each site for by a call.

        See :mod:`headway.app.registrations`; the body says which event it is of.
        """
        hold(_VERBS, {"path": path, "events": events}, "event_route: ")

        def declare(handler: Handler) -> Handler:
            self._event_route(path, events, handler)
            return handler

        return declare

    def _event_route(self, path: str, events: Sequence[str], handler: Callable[..., Any]) -> None:
        hook = hook_of(path, events, handler)
        self._add(
            path=path,
            methods=("POST",),
            serves=Serves.WEBHOOK,
            accept=WEBHOOK,
            policy=self._policies.with_query,
        )
        self._webhooks[path] = hook

    def remote_route(
        self, path: str, *, methods: Sequence[str] = ("GET",), query: bool = False
    ) -> Callable[[Handler], Handler]:
        """A route that the host calls by itself: a remote condition, a provider's action.

        The token stands in the header; *query* also lets it stand in the address.
        """
        policies = self._policies
        hold(_VERBS, {"path": path, "methods": methods}, "remote_route: ")

        def declare(handler: Handler) -> Handler:
            self._add(
                path=path,
                methods=methods,
                accept=REMOTE,
                policy=policies.remote_query if query else policies.with_query,
                handler=handler,
            )
            return handler

        return declare

    def remote_module(
        self,
        collection: str | Declared,
        name: str = "",
        *,
        key: str | None = None,
        url: str | None = None,
        methods: Sequence[str] = ("GET",),
        query: bool = False,
        **members: Any,
    ) -> Callable[[Handler], Handler]:
        """Declare a module whose address the host itself asks, typed or by name.

        ``staticContentMacros``; ``jiraWorkflowPostFunctions`` with ``methods=["POST"]``.
        """
        hold(_VERBS, {"url": url, "module": collection, "name": name}, "remote_module: ")
        kind, members = _written(collection, name, members)

        def declare(handler: Handler) -> Handler:
            told = self._module(kind, key, url, handler, members)
            return self.remote_route(told.partition("?")[0], methods=methods, query=query)(handler)

        return declare

    def forge_route(
        self,
        path: str,
        *,
        methods: Sequence[str] = ("POST",),
        connected: bool = True,
        once: bool = False,
    ) -> Callable[[Handler], Handler]:
        """A route that Forge invokes, with a token of its own as ``Authorization: Bearer``.

        The context's installation is the one that told its ``installationId``
        when it was installed by Connect; with *connected* false also an
        installation that Connect has never heard of is served.  A token binds
        neither method nor path nor body, and the same one may come again
        (``requestRemote`` keeps it); with *once* it counts for one write.
        Raises ConfigurationError where the app is none of Forge's.
        """
        hold(_VERBS, {"path": path, "methods": methods}, "forge_route: ")
        if self.forge is None:
            raise ConfigurationError(f"route {path}: forge= says who the app is to Forge")
        if once and SAFE & {method.upper() for method in methods}:
            raise ConfigurationError(f"route {path}: once is for writes alone")
        if once and self.tickets is None:  # the same memory, and the same reasons to have none
            raise ConfigurationError(f"route {path}: once, as a {self.no_tickets}")
        expected = self.forge.expected()

        def declare(handler: Handler) -> Handler:
            self._add(
                path=path,
                methods=methods,
                accept=INVOCATION,
                policy=self._policies.bearer,
                handler=handler,
                expected=expected,
                installed=SpeaksFor(connected=connected, once=once),
            )
            return handler

        return declare

    # ---- hooks ------------------------------------------------------------------------------

    def on_installed(self, hook: Hook) -> Hook:
        """Call *hook* (before, after) when an ``installed`` is recorded and not yet answered."""
        hold(_VERBS, {"handler": hook}, "on_installed: ")
        self._installed_hooks.append(hook)
        return hook

    def on_uninstalled(self, hook: Hook) -> Hook:
        """Call *hook* (before, None) when an installation is removed and that not yet answered."""
        hold(_VERBS, {"handler": hook}, "on_uninstalled: ")
        self._uninstalled_hooks.append(hook)
        return hook

    def hooks(self, event: str, before: Installation | None) -> Sequence[Callable[..., Any]]:
        """The hooks of the lifecycle's *event*, where *before* was there when it came."""
        if event == "installed":
            return self._installed_hooks
        return self._uninstalled_hooks if event == "uninstalled" and before is not None else ()

    # ---- the lists --------------------------------------------------------------------------

    def _module(
        self,
        kind: str,
        key: str | None,
        url: str | None,
        handler: Callable[..., Any],
        members: Mapping[str, Any],
    ) -> str:
        """Put a module into the descriptor; return its address."""
        hold(_VERBS, {"handler": handler, "key": key}, "module: ")
        own_key = key or members.get("key") or getattr(handler, "__name__", "").replace("_", "-")
        told = {**members, "key": key_of(own_key, "module key")}
        if url or not _address(told):
            told["url"] = url or f"/{own_key}"
        address = _address(told)
        hold(_VERBS, {"url": address}, "module: ")
        self._free(address.partition("?")[0], ())
        self._declare(Module(kind, told))
        return address

    def _declare(self, module: Declared | Module) -> None:
        self._modules.append(module_of(module, self.descriptor()))

    def _page(
        self, address: str, handler: Callable[..., Any], *, form: bool, admin_only: bool
    ) -> None:
        policies = self._policies
        self._add(
            path=address.partition("?")[0],
            methods=("GET", "POST") if form else ("GET",),
            accept=PAGE,
            policy=policies.with_form if form else policies.with_query,
            handler=handler,
            page=True,
            form=form,
            admin_only=admin_only,
        )

    def _add(self, **fields: Any) -> None:
        hold(_VERBS, fields, "route: ")
        route = Route(**{**fields, "methods": tuple(fields["methods"])})
        self._free(route.path, route.methods)
        self._routes.append(route)

    def _free(self, path: str, methods: Sequence[str]) -> None:
        """Raise ConfigurationError unless *path* can be asked for and is not taken."""
        _check_path(path)
        taken = {(route.path, method) for route in self._routes for method in route.methods}
        taken |= {(own, "POST") for own in self._about.lifecycle.values()}
        taken.add((DESCRIPTOR_PATH, "GET"))
        taken |= {(own, "GET") for _, own in self._health_paths()}
        if any((path, method) in taken for method in methods):
            raise ConfigurationError(f"route {path}: is declared twice")


def _check_path(path: str) -> None:
    """Raise ConfigurationError unless *path* can be asked for."""
    hold(_VERBS, {"path": path}, f"route {path}: ")
    try:
        canonical_request("GET", path)
    except Refusal as refusal:
        raise ConfigurationError(f"route {path}: {refusal}") from None


def _methods(value: Any) -> bool:
    """Whether *value* names methods, which are told apart by case (RFC 9110 section 9.1)."""
    return each(str)(value) and bool(value) and all(map(_METHOD.fullmatch, value))


def _path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


_METHOD = re.compile(r"[A-Z]{1,32}")
_NUMBER = Wanted("a number", number)
_VERBS = {
    "path": Wanted("a path, which begins with /, such as '/api'", _path),
    "methods": Wanted("a list of methods in upper case, such as ['GET']", _methods),
    "handler": Wanted("a function", callable),
    "module": Wanted("the name of a type, or a module that was built", a(str, Declared)),
    "modules": Wanted("modules that were built, such as WebPanel(...)", a(Declared)),
    "name": Wanted("text", a(str)),
    "url": or_none("a path of the app, such as '/panel?issue={issue.key}'", a(str)),
    "key": or_none("text, such as 'risk-panel'", a(str)),
    "event": Wanted("an event's name, or a Webhook that was built", a(str, Webhook)),
    "events": Wanted("names of events", each(str)),
    "seconds": _NUMBER,
    "uses": _NUMBER,
}
"""What the arguments of the verbs are."""

_CACHEABLE = "a cacheable module's page has no token: serve it yourself"
_NO_PAGES = frozenset(
    name for name, row in MODULE_TYPES.items() if row.shown in (Shown.SECTION, Shown.CALL)
) | {"staticContentMacros"}
"""Types of which no browser opens an address."""


def _written(
    module: str | Declared, name: str, members: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """A module's type, and its members as the host names them."""
    if isinstance(module, Declared):
        return module.type, module.members
    return module, {"name": {"value": name}, **members} if name else members


def _address(members: Mapping[str, Any]) -> str:
    """What of a module is opened or asked; "" where it says nothing."""
    within = [members, members.get("target"), members.get("triggered")]
    found = [part["url"] for part in within if isinstance(part, Mapping) and part.get("url")]
    return found[0] if found else ""


def with_head(methods: tuple[str, ...]) -> tuple[str, ...]:
    """*methods*, and HEAD where GET is among them."""
    return (*methods, "HEAD") if "GET" in methods and "HEAD" not in methods else methods


def handlers_first(routes: Iterable[Route]) -> list[Route]:
    """*routes* for a router that looks at one after the other: what users wait for comes first."""
    return sorted(routes, key=lambda route: route.serves is not Serves.HANDLER)
