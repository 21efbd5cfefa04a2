"""One request, from its facts to an answer or to a handler that may run: the steps, once.

Adapters know a framework and nothing of tokens; the steps here know tokens and
no framework.  A step that needs something from outside yields a question, as
:func:`headway.verify.verify` does, and :func:`run` (in a synchronous framework)
or :func:`arun` (on an event loop) answers it:

    question                    answered by
    NeedKey, OnceOnly           the app's keys and its store
    Read                        the adapter, with the body
    Run                         a call, in a thread where it would hold up a loop

The end is an :class:`Answer`, or :class:`Admitted`: the adapter then calls the
route's handler with what is left of the request once the token is out of it,
and finishes the handler's answer as it is told.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from headway.app import acpt, lifecycle, pages
from headway.app.addresses import framers, is_loopback
from headway.app.background import result_of
from headway.app.context import Context, SyncContext, installation_of
from headway.app.cookies import framed_cookie
from headway.app.forge_tokens import TOKEN_HEADERS, ForgeTokens
from headway.app.pages import FramedPage, Headers
from headway.app.routes import WEBHOOK, Route, Serves
from headway.app.tickets import carries_ticket, without_ticket
from headway.errors import (
    HeadwayError,
    LocationNotAllowed,
    Refusal,
    TokenMissing,
)
from headway.http.answers import page_headers, problem, refusal_headers
from headway.http.asgi import FORM_TYPE
from headway.model import Installation, Kind, Location, RequestFacts, TokenText, Verified
from headway.ports import Credentials, NeedKey, OnceOnly
from headway.qsh import without_token
from headway.refusals import AdministratorRequired, PermissionRefused

if TYPE_CHECKING:
    from headway.app.connect import Connect

__all__ = [
    "CREDENTIALS",
    "ENVIRON_CREDENTIALS",
    "NO_TARGET",
    "USUAL",
    "Admitted",
    "Answer",
    "Asked",
    "HookFailed",
    "Read",
    "Run",
    "Steps",
    "Streamed",
    "Waiting",
    "answer_of",
    "arun",
    "at_once",
    "clean_query",
    "exchange",
    "finished",
    "lacking",
    "not_served",
    "run",
    "whole",
]

log = logging.getLogger(__name__)
T = TypeVar("T")

Steps: TypeAlias = Generator[Any, Any, T]

FORM_BYTES_MAX = 65_536
"""A form that is read before anybody has proved anything."""

# Looking up a member costs as much as a call.
_REQUEST, _INVOCATION, _QUERY = Kind.REQUEST, Kind.INVOCATION, Location.QUERY
_PAGE_DESTINATIONS = frozenset({"document", "frame", "iframe"})


class HookFailed(HeadwayError):
    """A hook of the app raised; the event that it was told of is recorded."""


# ---- values ---------------------------------------------------------------------------------


class Asked:
    """A request as an adapter sees it.

    ``header`` gives a header by its lower-case name, several joined by commas,
    and "" where there is none.  ``near`` is the address that must be this
    machine's in development: the server's own, or where a server does not say
    it, the client's.  ``peer`` is who sent the request, "" where unknown.
    """

    __slots__ = ("_header", "_near", "_peer", "facts")

    def __init__(
        self, facts: RequestFacts, header: Callable[[str], str], near: str, peer: str = ""
    ) -> None:
        self.facts = facts
        self._header = header
        self._near = near
        self._peer = peer

    def header(self, name: str) -> str:
        """The header *name*."""
        return self._header(name)

    @property
    def near(self) -> str:
        """The address that must be this machine's in development."""
        return self._near

    @property
    def peer(self) -> str:
        """Who sent the request."""
        return self._peer


class Answer(msgspec.Struct, frozen=True):
    """A whole answer: status, headers, body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Streamed(msgspec.Struct, frozen=True):
    """An answer in pieces, of a handler without a framework: *chunks* of bytes, async or not."""

    chunks: Any
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
    status: int = 200


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """The handler may run: with *query*, without the Authorization header, for *verified*.

    ``signed`` says that the address is the host's word: a request token binds it, a seal proves it.
    ``form`` is the body to hand on where the steps have read it.  ``page`` finishes the
    answer of a page; None where the answer is no page.
    """

    connect: Any
    asked: Asked
    verified: Verified
    query: str
    signed: bool
    form: bytes | None = None
    page: FramedPage | None = None
    tokens: ForgeTokens | None = None

    def context(self) -> Context:
        """The context of an ``async def`` handler."""
        site = self.verified.installation or self._site
        signed = self.query if self.signed else ""
        return Context(self.connect, self.verified, site, signed, self.tokens)

    def sync_context(self) -> SyncContext:
        """The context of a plain handler."""
        signed = self.query if self.signed else ""
        return SyncContext(self.connect, self.verified, self._site, signed, self.tokens)

    @property
    def _site(self) -> Installation | None:
        """The installation; an invocation of a pure Forge app has none."""
        found = self.verified.installation
        if found is None and self.verified.kind is not Kind.INVOCATION:
            return installation_of(self.verified)
        return found

    @property
    def failed(self) -> Answer:
        """The answer for a handler that raised; it goes out as any of its answers would.

        So a page that failed has its headers, and its first script still takes
        the token out of the address.
        """
        if self.page is None:
            return Answer(500, _TEXT, b"the app failed")
        return Answer(500, _HTML, b"<!doctype html><title>Failed</title><p>The app failed.</p>")

    def outage(self, refusal: Refusal) -> Answer:
        """The answer for a handler that ran into *refusal* where that is an outage: a 503.

        Raises it again where it is none: then it is the handler's own failure.
        """
        if refusal.status != 503:
            raise refusal
        return refusal_answer(self.connect, refusal, watched=_wants_page(self.asked))

    def finished(self, headers: Headers) -> Headers:
        """The headers of the handler's answer, as they go out."""
        headers = [(name, _framed(name, value)) for name, value in headers]
        if self.connect.acpt and self.verified.kind is not Kind.INVOCATION:
            headers.append((acpt.HEADER, self.sync_context().session_token()))
        if self.page is not None:
            return [*self.page.begin(headers), *self.connect.always]
        told = [pair for pair in headers if pair[0].lower() not in ALWAYS]
        kept = any(name.lower() == "cache-control" for name, _ in told)
        quiet = [pair for pair in QUIET if not (kept and pair[0] == "Cache-Control")]
        return [*told, *quiet, *self.connect.always]


def _framed(name: str, value: str) -> str:
    """A header as it may leave a frame: a cookie says all that it has to."""
    return framed_cookie(value) if name.lower() == "set-cookie" else value


class Read(msgspec.Struct, frozen=True):
    """The whole body, at most *limit* bytes; raises :class:`~headway.errors.BodyTooLarge`."""

    limit: int


class Run(msgspec.Struct, frozen=True):
    """Call *function* with *arguments*: it may wait, and it may be ``async``."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


CREDENTIALS = ("authorization", acpt.HEADER.lower(), *TOKEN_HEADERS.values())
"""Headers, in lower case, that no handler sees."""

ENVIRON_CREDENTIALS = tuple("HTTP_" + name.upper().replace("-", "_") for name in CREDENTIALS)
"""The same, as WSGI names them (PEP 3333)."""

QUIET = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
"""What every answer of a route says; how long it may be kept, its handler may say otherwise."""

ALWAYS = frozenset({"referrer-policy", "x-content-type-options"})

_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_JSON = (("Content-Type", "application/json"),)
_BYTES = (("Content-Type", "application/octet-stream"),)
USUAL = (_HTML, _JSON, _BYTES)
"""The headers of what a handler returns that is no answer yet."""

_NOT_HERE = Answer(
    403,
    (*_TEXT, *QUIET),
    b"development mode is for this machine only",
)
NO_TARGET = Answer(
    500,
    (*_TEXT, *QUIET),
    b"this server gives no raw request target, so no token can be checked: see the log",
)
"""The answer of every route on such a server, so that no app is installed on it."""

_FAILED = Answer(500, (*_TEXT, *QUIET), b"the app failed")


# ---- the steps ------------------------------------------------------------------------------


def exchange(connect: Connect, route: Route, asked: Asked) -> Steps[Answer | Admitted]:
    """The steps of one request to *route*; refusals become answers here and nowhere else.

    Raises ConfigurationError where the store or a key source can not work.
    """
    if connect.development and not is_loopback(asked.near):
        return _NOT_HERE
    try:
        found = yield from _STEPS[route.serves](connect, route, asked)
    except Refusal as refusal:
        scheme = route.policy.scheme if route.policy is not None else "JWT"
        found = refused(connect, asked, refusal, scheme)
    return whole(connect, found) if isinstance(found, Answer) else found


def lacking(connect: Connect, names: Iterable[str]) -> list[tuple[str, str]]:
    """What every answer says, and one with the headers *names* does not say yet."""
    named = {name.lower() for name in names}
    return [pair for pair in (*QUIET, *connect.always) if pair[0].lower() not in named]


def whole(connect: Connect, answer: Answer) -> Answer:
    """*answer* with the headers of every answer."""
    lacks = lacking(connect, (name for name, _ in answer.headers))
    return msgspec.structs.replace(answer, headers=(*answer.headers, *lacks))


def not_served(connect: Connect, methods: Iterable[str]) -> Answer:
    """The answer where no route is for a request: 404, or 405 with the *methods* that are."""
    allow = ", ".join(methods)
    return whole(connect, Answer(405 if allow else 404, (("Allow", allow),) if allow else ()))


def refused(connect: Connect, asked: Asked, refusal: Refusal, scheme: str = "JWT") -> Answer:
    """*refusal* as an answer to a request that is not admitted."""
    return refusal_answer(connect, refusal, scheme, watched=_wants_page(asked))


def refusal_answer(
    connect: Connect, refusal: Refusal, scheme: str = "JWT", *, watched: bool
) -> Answer:
    """*refusal* as an answer: a page for people, a problem for scripts."""
    status, realm = refusal.public.status, connect.key
    if watched:
        text, headers = pages.refusal_page(refusal, realm)
        return _page(status, text, headers)
    headers = {
        **refusal_headers(refusal, realm, scheme),
        "Content-Type": "application/problem+json",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(status, tuple(headers.items()), problem(refusal))


def _page(status: int, text: str, headers: Mapping[str, str]) -> Answer:
    told = {"Content-Type": "text/html; charset=utf-8", **headers}
    return Answer(status, tuple(told.items()), text.encode())


def _wants_page(asked: Asked) -> bool:
    """Whether a person will look at the answer, rather than a script."""
    destination = asked.header("sec-fetch-dest")
    if destination:
        return destination in _PAGE_DESTINATIONS
    return "text/html" in asked.header("accept")


def _navigates(asked: Asked) -> bool:
    """Whether a browser asks, which says so and can show the shell (W3C Fetch Metadata)."""
    return asked.header("sec-fetch-dest") in _PAGE_DESTINATIONS


def _descriptor(connect: Connect, route: Route, asked: Asked) -> Steps[Answer]:
    yield from ()
    headers = (
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-cache"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return Answer(200, headers, msgspec.json.encode(connect.descriptor().to_json()))


def _lifecycle(connect: Connect, route: Route, asked: Asked) -> Steps[Answer]:
    accept, facts, verified = lifecycle.ACCEPTS[route.event], asked.facts, None
    where = (route.path, connect.client_of(asked))
    try:
        body: bytes = yield Read(lifecycle.BODY_BYTES_MAX)
        # (1) the token, before anything of the body is looked at
        verified = yield from connect.verifying(facts, accept, connect.header_only)
        # (2) the body and the record: a write waits for the disk
        take = getattr(lifecycle, route.event)
        change = yield Run(take, (connect.store, connect.site, verified, body))
    except Refusal as refusal:
        connect.tell(facts, accept.direction, connect.header_only, verified, refusal, *where)
        raise
    connect.tell(facts, accept.direction, connect.header_only, verified, None, *where)
    # (3) the hooks
    try:
        yield from _hooks(connect, route.event, change)
    except HookFailed as failure:
        log.error("%s: %s", route.event, failure, exc_info=failure.__cause__)
        return _FAILED
    return Answer(204, (("Cache-Control", "no-store"),))


def _hooks(connect: Connect, event: str, change: Any) -> Steps[None]:
    if event == "installed":
        before, after = change
    else:
        before, after = change, None
    for hook in connect.hooks(event, before):
        try:
            yield Run(hook, (before, after))
        except Exception as error:
            raise HookFailed(f"the hook {hook.__name__} failed") from error


def _webhook(connect: Connect, route: Route, asked: Asked) -> Steps[Answer]:
    facts, client = asked.facts, connect.client_of(asked)
    # (1) the token, before a byte of the body is read
    verified = yield from connect.proving(facts, route, client=client)
    # (2) what it tells is queued, once; nobody waits for the work
    try:
        body: bytes = yield Read(connect.webhooks.bytes_max)
        take = partial(
            connect.webhooks.take,
            route.path,
            verified,
            installation_of(verified),
            raw_query=facts.raw_query,
            header=asked.header,
            body=body,
        )
        yield Run(take)
    except Refusal as refusal:
        where = (route.path, client)
        connect.tell(facts, WEBHOOK.direction, connect.header_only, verified, refusal, *where)
        raise
    return Answer(204, (("Cache-Control", "no-store"),))


def _handler(connect: Connect, route: Route, asked: Asked) -> Steps[Answer | Admitted]:
    if route.page:
        return (yield from _framed_page(connect, route, asked))
    facts, client = asked.facts, connect.client_of(asked) if connect.watched else ""
    if connect.acpt:
        facts = acpt.moved(facts, route.accept, asked.header)
    # (1) who asks: a token, or the ticket of a link?
    if route.ticket is not None and carries_ticket(facts.raw_query):
        verified = yield from connect.redeeming(facts, route, route.ticket, client=client)
    else:
        verified = yield from connect.proving(facts, route, client=client)
    # (2) may they?
    if route.admin_only:
        yield from _administers(connect, route, facts, verified, client)
    tokens, kind, query = None, verified.kind, facts.raw_query
    if kind is _INVOCATION:
        tokens = _tokens_of(connect, route, asked, verified)
    # (3) the handler, which never sees the token
    query = clean_query(query) if query else ""
    return Admitted(connect, asked, verified, query, kind is _REQUEST, None, None, tokens)


def _framed_page(connect: Connect, route: Route, asked: Asked) -> Steps[Answer | Admitted]:
    facts, form, client = asked.facts, None, connect.client_of(asked)
    # (1) a form may hold the token, on a route that says so
    if route.form and facts.method == "POST":
        form = yield Read(FORM_BYTES_MAX)
        facts = _with_form(asked, form)
    if connect.acpt:
        facts = acpt.moved(facts, route.accept, asked.header)
    # (2) who asks: a token, or of a shell's fetch the seal beside it?
    reload = bool(asked.header(pages.SHELL_HEADER))
    shell = not reload and facts.method != "POST" and _wants_page(asked)
    try:
        if reload:
            verified = yield from connect.reproving(facts, route=route.path, client=client)
        else:
            verified = yield from connect.proving(facts, route, client=client, or_shell=shell)
    except TokenMissing:
        if not shell:
            raise
        return _page(200, *connect.shell_page())
    # (3) may they?
    if route.admin_only:
        yield from _administers(connect, route, facts, verified, client)
    # (4) a browser, which would keep the address, may have to go to another one first
    on = connect.sent_on(facts, verified) if _navigates(asked) else None
    if on is not None:
        return Answer(303, tuple(on.items()))
    # (5) the handler, which never sees the token; its address has at least a seal
    return Admitted(
        connect,
        asked,
        verified,
        clean_query(facts.raw_query),
        signed=True,
        form=None if form is None else _without_field(facts, form),
        page=_page_of(connect, facts, verified, reload),
    )


def _administers(
    connect: Connect, route: Route, facts: RequestFacts, verified: Verified, client: str
) -> Steps[None]:
    """Let in administrators of the site alone, as the site says."""
    site, account = installation_of(verified), verified.claims.sub
    try:
        if not (yield Run(connect.administrators.administers, (site, account))):
            raise AdministratorRequired()
    except PermissionRefused as refusal:
        policy = route.policy or connect.header_only
        connect.tell(facts, verified.direction, policy, verified, refusal, route.path, client)
        raise


def _tokens_of(connect: Connect, route: Route, asked: Asked, verified: Verified) -> ForgeTokens:
    """The access tokens that came with an invocation, now that it is proved."""
    try:
        return ForgeTokens.read(asked.header)
    except Refusal as refusal:
        policy, client = route.policy or connect.header_only, connect.client_of(asked)
        connect.tell(asked.facts, verified.direction, policy, verified, refusal, route.path, client)
        raise


def _live(connect: Connect, route: Route, asked: Asked) -> Steps[Answer]:
    yield from ()
    return _state(200, "live")


def _ready(connect: Connect, route: Route, asked: Asked) -> Steps[Answer]:
    ready: bool = yield Run(connect.readiness.ready)
    return _state(200, "ready") if ready else _state(503, "not ready")


def _state(status: int, said: str) -> Answer:
    headers = (("Content-Type", "application/json"), *QUIET)
    return Answer(status, headers, msgspec.json.encode({"status": said}))


_STEPS: Mapping[Serves, Callable[[Connect, Route, Asked], Steps[Answer | Admitted]]] = {
    Serves.DESCRIPTOR: _descriptor,
    Serves.LIFECYCLE: _lifecycle,
    Serves.WEBHOOK: _webhook,
    Serves.HANDLER: _handler,
    Serves.LIVE: _live,
    Serves.READY: _ready,
}


def _with_form(asked: Asked, body: bytes) -> RequestFacts:
    if asked.header("content-type").partition(";")[0].strip().lower() != FORM_TYPE:
        return asked.facts
    return msgspec.structs.replace(asked.facts, form=body.decode("latin-1"))


def _without_field(facts: RequestFacts, body: bytes) -> bytes:
    return body if facts.form is None else without_token(facts.form).encode("latin-1")


def clean_query(raw_query: str) -> str:
    """The query without token, seal and ticket; no other byte changes.

    >>> clean_query("a=1&jwt=eyJ&headway-seal=x")
    'a=1'
    """
    return without_ticket(pages.without_seal(without_token(raw_query)))


def _page_of(connect: Connect, facts: RequestFacts, verified: Verified, reload: bool) -> FramedPage:
    site = installation_of(verified)
    headers = page_headers(framers(site, connect.base_url))
    script = pages.first_script(pages.seal(facts, site, verified.claims.sub))
    return FramedPage(headers, script, policy_in_page=reload)


def check_place(route: Route, verified: Verified) -> None:
    """Hold a token in the address to the kinds that may stand there.

    Raises :class:`~headway.errors.LocationNotAllowed`.
    """
    if verified.location is _QUERY and verified.kind not in route.bare_kinds:
        raise LocationNotAllowed(found=f"a {verified.kind} token in the address")


# ---- what a handler returned ----------------------------------------------------------------


def answer_of(result: Any) -> Answer:
    """What a handler returned, where it is no answer of the framework's own.

    Text is a page, nothing is 204, bytes are bytes, everything else is JSON.

    >>> answer_of({"a": 1}).body
    b'{"a":1}'
    """
    if isinstance(result, Answer):
        return result
    if result is None:
        return Answer(204)
    if isinstance(result, str):
        return Answer(200, _HTML, result.encode())
    if isinstance(result, bytes):
        return Answer(200, _BYTES, result)
    return Answer(200, _JSON, _encoder.encode(result))


def _plain(value: Any) -> str:
    """A token or a link that a handler means to hand out, as text."""
    if isinstance(value, TokenText):
        return str(value)
    raise TypeError(f"a handler returned JSON with a {type(value).__name__} in it")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


# ---- who answers the questions --------------------------------------------------------------


def run(steps: Steps[T], connect: Connect, read: Callable[[int], bytes]) -> T:
    """Run *steps* in a thread that may wait; *read* gives the body, at most so many bytes.

    What answers asynchronously (a key source, an ``async`` hook) is waited for
    on the event loop of this process (:mod:`headway.app.background`).
    """
    value: Any = None
    error: Exception | None = None
    try:
        while True:
            question = steps.send(value) if error is None else steps.throw(error)
            value = error = None
            try:
                value = _asked(question, connect, read)
                if hasattr(value, "__await__"):
                    value = result_of(value)
            except Exception as raised:  # noqa: BLE001 - thrown into the steps
                error = raised
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        steps.close()


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """Steps that came to something they have to wait for: a question, or an answer under way."""

    question: Any


def at_once(steps: Steps[T], connect: Connect) -> T | Waiting:
    """Run *steps* for as long as memory answers: nearly all requests end here.

    What is :class:`Waiting` is for :func:`arun`.
    """
    try:
        question = steps.send(None)
        while type(question) is NeedKey:
            try:
                found = connect.keys.find(question)
            except Exception as error:  # noqa: BLE001 - thrown into the steps
                question = steps.throw(error)
                continue
            if type(found) is not Credentials and hasattr(found, "__await__"):
                return Waiting(found)
            question = steps.send(found)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    return Waiting(question)


async def arun(
    steps: Steps[T],
    connect: Connect,
    read: Callable[[int], Awaitable[bytes]],
    waiting: Callable[[Awaitable[Any]], Awaitable[Any]] | None = None,
) -> T:
    """Run *steps* on an event loop; what waits and is not ``async`` runs in a thread.

    *waiting* waits for what answers asynchronously, where that is to happen on
    one loop for all requests and this one may be another.
    """
    found = at_once(steps, connect)
    if type(found) is not Waiting:
        return found  # type: ignore[return-value]
    return await finished(steps, found, connect, read, waiting)


async def finished(
    steps: Steps[T],
    begun: Waiting,
    connect: Connect,
    read: Callable[[int], Awaitable[bytes]],
    waiting: Callable[[Awaitable[Any]], Awaitable[Any]] | None = None,
) -> T:
    """The end of *steps*, which :func:`at_once` left at *begun*."""
    question: Any = begun.question
    try:
        while True:
            value: Any = None
            error: Exception | None = None
            try:
                if isinstance(question, Run) and not inspect.iscoroutinefunction(question.function):
                    value = asyncio.to_thread(question.function, *question.arguments)
                elif hasattr(question, "__await__"):
                    value = question
                else:
                    value = _asked(question, connect, read)
                if hasattr(value, "__await__"):
                    value = await (value if waiting is None else waiting(value))
            except Exception as raised:  # noqa: BLE001 - thrown into the steps
                error = raised
            question = steps.send(value) if error is None else steps.throw(error)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def _asked(question: Any, connect: Connect, read: Callable[[int], Any]) -> Any:
    if isinstance(question, NeedKey):
        return connect.keys.find(question)
    if isinstance(question, OnceOnly):
        return connect.answers.first(question)
    if isinstance(question, Read):
        return read(question.limit)
    return question.function(*question.arguments)
