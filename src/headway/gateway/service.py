"""The authorization service: a proxy asks about a request, and hears what to do with it.

Without state, and without a server: :mod:`headway.gateway.http_service` has one of
its own, and any ASGI server takes it too.  A proxy names the original method and
target in headers of its own; which ones, the path that it asks says (``/nginx``,
``/caddy`` ...), and they count only where the settings name the proxy's address.
The answer is what the weakest proxy can carry: 204, 401 or 403, and all else in
headers.  Whatever goes wrong in here is a 403.

===========================  =================================================
header of the answer         what it says
===========================  =================================================
``Headway-Outcome``          ``pass``, ``anonymous`` or ``refuse``
``Headway-Decision``         the id of what decided, where there is one
``Headway-Target``           path and query for upstream, without the tokens
``Headway-Query``            the same target's query alone
``Headway-Logged``           the target as it may stand in a log (HAProxy: where it differs)
``Headway-Set-<Header>``     for each header of the policy: its value upstream
``Headway-Private``          ``1`` where upstream gets one of those: no cache keeps that
``Headway-Allow``            what an answer to a preflight allows besides
``Headway-Body``             the body of a refusal, for nginx, which drops bodies
``Deprecation`` ...          for the answer that the client gets
===========================  =================================================

A proxy is told no more than its configuration reads.  Nearly always there is no
token in the URL: then nothing is decided, and next to nothing is computed.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec

from headway.errors import ConfigurationError, Refusal
from headway.gateway.decide import READ_HEADERS
from headway.gateway.decision import Ask, Decision, Headers, Outcome, joined
from headway.gateway.parameters import find, sieve
from headway.gateway.rules import GatewayPolicy
from headway.gateway.tally import Tally
from headway.redact import redact_url
from headway.refusals import DecisionFailed

__all__ = [
    "ANSWER_HEADERS", "NOBODY", "PROXIES", "TARGET_MAX", "AuthorizationService", "Decides",
    "Dialect", "Misasked", "Peers", "RawHeaders", "Reply", "closed", "headers_read",
    "is_malformed", "logged", "reason",
]  # fmt: skip

RawHeaders = Sequence[tuple[bytes, bytes]]

NOBODY = "none"
"""Stands in counts for a proxy that nobody knows."""

TARGET_MAX = 65_536
"""How long a target may be, in characters: more than any of the proxies lets through."""

ANSWER_HEADERS = (
    "Deprecation", "Sunset", "Link", "Warning", "Vary", "Cache-Control",
    "Headway-Phase", "Headway-Refusal", "Headway-Hint",
)  # fmt: skip
"""What the answer that a client gets may have more: a configuration passes each on."""

_STRANGE = bytes((*range(0x21), 0x7F))
_BREAKS = "\0\r\n"
_LOG = logging.getLogger("headway.gateway.service")


class Dialect(NamedTuple):
    """How one proxy asks, and what it reads of the answer.

    The first four are headers (lower case): the original method, target and address,
    and the subject of a client certificate that the proxy verified.
    """

    method: str
    target: str
    peer: str
    subject: str = ""
    reads: frozenset[str] = frozenset()  # which of Headway-Target, -Query and -Logged
    body_in_header: bool = False  # it drops the body of what it is answered
    passes_all: bool = False  # it gives the answer of a refusal to the client as it stands
    keeps_url: bool = False  # it can not change the target, and sets headers by their own names
    logs_target: bool = False  # without a Headway-Logged, the target is what it logs
    replaces_text: bool = False  # it changes the query by replacing text, in the path too


_SUBJECT = "x-original-subject"
_ORIGINAL = ("x-original-method", "x-original-uri", "x-original-peer", _SUBJECT)
_FORWARDED = ("x-forwarded-method", "x-forwarded-uri", "x-forwarded-for")
_REWRITES = frozenset({"Target", "Logged"})

PROXIES: Mapping[str, Dialect] = {
    "nginx": Dialect(*_ORIGINAL, reads=_REWRITES, body_in_header=True),
    "haproxy": Dialect(*_ORIGINAL, reads=_REWRITES, logs_target=True),  # its buffers are small
    "caddy": Dialect(
        *_FORWARDED, _SUBJECT, reads=frozenset({"Query"}), passes_all=True, replaces_text=True
    ),
    "traefik": Dialect(*_FORWARDED, passes_all=True, keeps_url=True),
}
"""By the path that the proxy asks."""


class Reply(NamedTuple):
    """An answer: its status, its header lines as they go out (each with its CRLF), its body."""

    status: int
    head: bytes
    body: bytes = b""


class Peers:
    """The addresses and networks that may say what a request was.

    Raises ConfigurationError for what is neither.

    >>> "10.1.2.3" in Peers(["127.0.0.1", "10.0.0.0/8"])
    True
    """

    def __init__(self, named: Iterable[str]) -> None:
        try:
            networks = [ipaddress.ip_network(each) for each in named]
        except ValueError as error:
            raise ConfigurationError(f"peer: {error}") from None
        if not networks:
            raise ConfigurationError("peer: nobody may ask; name the address of the proxy")
        self._known = lru_cache(maxsize=1024)(lambda address: _inside(address, networks))

    def __contains__(self, address: object) -> bool:
        return self._known(str(address))


def _inside(address: str, networks: Sequence[Any]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in networks)


class Current(Protocol):
    """A :class:`~headway.gateway.decide.Gateway`, or one that knows tickets, too."""

    @property
    def policy(self) -> GatewayPolicy:
        """By what it decides."""

    def may_hold(self, raw_query: str) -> bool:
        """Whether anything in *raw_query* may matter."""

    def begin(self, ask: Ask) -> Decision | Coroutine[Any, Any, Decision]:
        """Decide at once, or give what does once it is awaited."""

    def failed(self, ask: Ask) -> Decision | None:
        """The decision where none could be made; None where nobody gets in by that."""


class Decides(Protocol):
    """A gateway, or one that goes by its file as it is now."""

    def current(self) -> Current:
        """The gateway that counts at this moment."""


class Answers(Protocol):
    """Who answers what the gateway answers itself."""

    async def aanswer(self, ask: Ask) -> Decision | None:
        """The answer, or None where it is for somebody else."""


class Misasked(Exception):
    """The proxy's question is none; *args[0]* is the id of what is wrong with it."""


class AuthorizationService:
    r"""Answers a proxy's questions by *gateway*; it is an ASGI app, too.

    *peers* may say what the original request was; everybody else gets 403.  What
    is asked for at *own* paths a proxy hands on as it came, and gets an answer for
    the client.  Everything is counted in *tally*.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.policy_file import read_policy
    >>> policy = read_policy(b'name="a"\n[[location]]\nname="jwt"\nparameters=["jwt"]')
    >>> service = AuthorizationService(Gateway(policy), peers=["127.0.0.1"])
    >>> service.ask("127.0.0.1", "GET", "/nginx", [
    ...     (b"X-Original-Method", b"GET"), (b"X-Original-URI", b"/rest?a=1")]).head.split()[-1]
    b'/rest?a=1'
    """

    def __init__(
        self,
        gateway: Decides,
        *,
        peers: Iterable[str],
        own: Answers | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.gateway = gateway
        self._tally = Tally() if tally is None else tally
        self._peers, self._own = Peers(peers), own
        self._policy: GatewayPolicy | None = None
        self._readings: Mapping[str, _Reading] = {}

    def ask(
        self, peer: str, method: str, target: str, headers: RawHeaders
    ) -> Reply | Coroutine[Any, Any, Reply]:
        """What *peer* is answered, who asked for *target* (path and query); it never raises.

        Where a key has to be fetched first, it is awaited.
        """
        name = target.partition("?")[0].strip("/")
        if name == "health":
            return Reply(200, b"", b"ok\n")
        try:
            # (1) who asks, and in which way?
            if peer not in self._peers:
                raise Misasked("peer-unknown")
            gateway = self.gateway.current()
            reading = self._reading(gateway.policy, name)
            if reading is None:
                return self._here(peer, method, target, headers)
            # (2) what was the request?
            question = reading.question(headers)
            if question.method != "OPTIONS" and not gateway.may_hold(question.query):
                # (3) nothing is in the URL that anybody may take for a token
                reply = reading.untouched(question)
                self._tally.decided(name, "pass", "")
                _tell(peer, name, reply)
                return reply
            ask = question.ask()
        except Exception as failure:  # noqa: BLE001 - whatever it is, nobody gets in by it
            reply = self._failed(name, failure)
            _tell(peer, name, reply)
            return reply
        # (4) what becomes of it?
        return self._decided(peer, name, gateway, reading, ask)

    def _decided(
        self, peer: str, name: str, gateway: Current, reading: _Reading, ask: Ask
    ) -> Reply | Coroutine[Any, Any, Reply]:
        try:
            decided = gateway.begin(ask)
            if not isinstance(decided, Decision):
                return self._later(peer, name, gateway, reading, ask, decided)
            reply = reading.answer(ask, decided)
            self._tally.decided(name, decided.outcome.value, decided.id)
        except Exception as failure:  # noqa: BLE001 - the same
            reply = self._failing(name, gateway, reading, ask, failure)
        _tell(peer, name, reply)
        return reply

    async def _later(
        self,
        peer: str,
        name: str,
        gateway: Current,
        reading: _Reading,
        ask: Ask,
        decided: Coroutine[Any, Any, Decision],
    ) -> Reply:
        try:
            decision = await decided
            reply = reading.answer(ask, decision)
            self._tally.decided(name, decision.outcome.value, decision.id)
        except Exception as failure:  # noqa: BLE001 - the same
            reply = self._failing(name, gateway, reading, ask, failure)
        _tell(peer, name, reply)
        return reply

    async def _here(self, peer: str, method: str, target: str, headers: RawHeaders) -> Reply:
        """What the gateway answers itself, of a request that a proxy handed on whole."""
        try:
            if self._own is None:
                raise Misasked("proxy-unknown")
            texts = tuple([(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in headers])
            client = _last(texts, "x-original-peer") or _last(texts, "x-forwarded-for")
            ask = Ask(method=method, target=target, headers=texts, peer=client)
            decision = await self._own.aanswer(ask)
            if decision is None:
                raise Misasked("proxy-unknown")
            reply = Reply(decision.status, _lines(decision.answer_headers), decision.body)
        except Exception as failure:  # noqa: BLE001 - the same
            reply = self._failed("", failure)
        _tell(peer, "", reply)
        return reply

    def _failing(
        self, name: str, gateway: Current, reading: _Reading, ask: Ask, failure: Exception
    ) -> Reply:
        """The answer where a decision failed: no, unless the policy says otherwise."""
        if isinstance(failure, Misasked):
            return self._failed(name, failure)
        try:
            opened = gateway.failed(ask)
            if opened is None:
                return self._failed(name, failure)
            reply = reading.answer(ask, opened)
        except Exception as again:  # noqa: BLE001 - the same
            return self._failed(name, again)
        _LOG.error("a decision failed: %s; it failed open", type(failure).__name__)
        self._tally.decided(name, opened.outcome.value, opened.id)
        return reply

    def _failed(self, name: str, failure: Exception) -> Reply:
        """The answer where there is no decision."""
        why = reason(failure)
        self._tally.failed(name if name in PROXIES else NOBODY, why)
        status, headers, body = closed(why)
        return Reply(status, _lines(headers), body)

    def _reading(self, policy: GatewayPolicy, name: str) -> _Reading | None:
        if policy is not self._policy:
            self._policy = policy
            self._readings = {each: _Reading(PROXIES[each], policy) for each in PROXIES}
        return self._readings.get(name)

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """One question (ASGI: HTTP connection scope)."""
        if scope["type"] != "http":
            return
        peer = str((scope.get("client") or ("",))[0])
        method = scope.get("method", "GET")
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        if query := scope.get("query_string"):
            target = f"{target}?{query.decode('latin-1')}"
        reply = self.ask(peer, method, target, scope["headers"])
        if not isinstance(reply, Reply):
            reply = await reply
        raw = [tuple(line.split(b": ", 1)) for line in reply.head.split(b"\r\n") if line]
        if reply.status != 204:
            raw.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        body = b"" if method == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})


def reason(failure: Exception) -> str:
    """The id of why there is no decision; what is a mistake of ours is logged by its type."""
    if isinstance(failure, Misasked):
        return str(failure.args[0])
    if isinstance(failure, Refusal):  # of a source of keys
        return failure.public.id
    _LOG.error("a decision failed: %s", type(failure).__name__)
    return DecisionFailed.id


def _tell(peer: str, name: str, reply: Reply) -> None:
    if not _LOG.isEnabledFor(logging.INFO):
        return
    told = dict(line.split(": ", 1) for line in reply.head.decode("latin-1").splitlines())
    _LOG.info(
        "%s %s %d %s %s",
        peer,
        name if name in PROXIES else "-",
        reply.status,
        told.get("Headway-Outcome", "-"),
        told.get("Headway-Decision", "-"),
    )


# ---- what is asked --------------------------------------------------------------------------


def _last(headers: Headers, name: str) -> str:
    values = [value for key, value in headers if key == name]
    return values[-1].rpartition(",")[2].strip() if values else ""


class _Question(msgspec.Struct, frozen=True, gc=False):
    """A request as the proxy tells of it, with the headers that somebody reads."""

    method: str
    target: str
    query: str
    peer: str
    subject: str
    headers: Headers

    def ask(self) -> Ask:
        return Ask(
            method=self.method,
            target=self.target,
            headers=self.headers,
            peer=self.peer,
            subject=self.subject or None,
        )


class _Role(Enum):
    """What a header of a question is."""

    NOTHING = auto()
    READ = auto()
    TARGET = auto()
    METHOD = auto()
    PEER = auto()
    SUBJECT = auto()


_NOTHING, _READ, _TARGET, _METHOD, _PEER, _SUBJECTS = _Role
_ROLES_MAX = 256
_KEPT_MAX = 64


class _Reading:
    """How the questions of one proxy are read under one policy, and how it is answered."""

    def __init__(self, dialect: Dialect, policy: GatewayPolicy) -> None:
        self._dialect, self._policy = dialect, policy
        self._upstream = tuple(dict.fromkeys(each.header for each in policy.locations))
        names = {name for each in policy.locations for name in each.names}
        self._names, self._holds = names, sieve(names)
        self._reads = headers_read(policy)
        self._roles: dict[bytes, tuple[str, _Role]] = {}
        prefix = "" if dialect.keeps_url else "Headway-Set-"
        self._set = {name: f"{prefix}{name.title()}: " for name in self._upstream}
        self._lines: dict[int, tuple[Headers, bytes]] = {}

    def question(self, headers: RawHeaders) -> _Question:
        """Raises :class:`Misasked` where it is none."""
        read: list[tuple[str, str]] = []
        method = target = None
        peer, subjects, authorized = "", [], 0
        for raw, value in headers:
            name, role = self._roles.get(raw) or self._role(raw)
            if role is _NOTHING:
                continue
            text = value.decode("latin-1")
            if name in self._reads:
                read.append((name, text))
                authorized += name == "authorization"
            if role is _READ:
                continue
            if role is _TARGET:
                if target is not None:
                    raise Misasked("original-repeated")
                target = text
            elif role is _METHOD:
                if method is not None:
                    raise Misasked("original-repeated")
                method = text
            elif role is _PEER:
                peer = text.rpartition(",")[2].strip()
            else:
                subjects.append(text)
        if not target:
            raise Misasked("original-missing")
        if is_malformed(target):
            raise Misasked("target-malformed")
        if authorized > 1:
            raise Misasked("authorization-repeated")
        if not method:
            raise Misasked("original-missing")
        if len(subjects) > 1:
            raise Misasked("original-repeated")
        query, subject = target.partition("?")[2], "".join(subjects)
        return _Question(method, target, query, peer, subject, tuple(read))

    def _role(self, raw: bytes) -> tuple[str, _Role]:
        """What a header is here, as it is spelled; a proxy spells it in one way for ever."""
        name, dialect = raw.lower().decode("latin-1"), self._dialect
        roles = (_METHOD, _TARGET, _PEER, _SUBJECTS)
        known = dict(zip(dialect[:4], roles, strict=True)) if name else {}
        role = known.get(name, _READ if name in self._reads else _NOTHING)
        if len(self._roles) < _ROLES_MAX and len(raw) < _ROLES_MAX:
            self._roles[raw] = name, role
        return name, role

    # ---- what is answered -------------------------------------------------------------------

    def untouched(self, question: _Question) -> Reply:
        """The answer where the URL holds nothing: pass, as it is."""
        dialect, target = self._dialect, question.target
        told = "Headway-Outcome: pass\r\n"
        if "Target" in dialect.reads:
            told += f"{self._logged(target, redact_url(target))}Headway-Target: {target}\r\n"
        elif "Query" in dialect.reads:
            told += f"Headway-Query: {question.query}\r\n"
        told += self._credentials(question.headers, ())
        return Reply(204, told.encode("latin-1"))

    def answer(self, ask: Ask, decision: Decision) -> Reply:
        """The answer that carries *decision* out; raises :class:`Misasked` where none can."""
        dialect, refused = self._dialect, decision.outcome is Outcome.REFUSE
        told = f"Headway-Outcome: {decision.outcome.value}\r\n"
        if decision.id:
            told += f"Headway-Decision: {decision.id}\r\n"
        if "Logged" in dialect.reads:
            stays = self._holds(decision.target.partition("?")[2])
            shown = logged(self._names if stays else (), decision.target)
            told += self._logged("" if refused else decision.target, shown)
        if refused:
            if dialect.body_in_header:
                told += f"Headway-Body: {decision.body.decode('ascii')}\r\n"
            status = 401 if decision.status == 401 else 403
            head = told.encode("latin-1") + self._told(decision.answer_headers)
            return Reply(status, head, decision.body)
        if (
            dialect.replaces_text
            and decision.target != ask.target
            and ask.raw_query in ask.raw_path
        ):
            raise Misasked("query-in-path")
        if dialect.keeps_url and decision.outcome is Outcome.ANONYMOUS:
            raise Misasked("token-in-query")  # it would go on with the token
        if "Target" in dialect.reads:
            told += f"Headway-Target: {decision.target}\r\n"
        if "Query" in dialect.reads:
            told += f"Headway-Query: {decision.target.partition('?')[2]}\r\n"
        told += self._credentials(ask.headers, decision.set_headers)
        if decision.allow_header:
            told += f"Headway-Allow: {decision.allow_header}\r\n"
        return Reply(204, told.encode("latin-1") + self._told(decision.answer_headers))

    def _told(self, headers: Headers) -> bytes:
        """As :func:`_lines`; nearly always they are the very same that they were before."""
        kept = self._lines.get(id(headers))
        if kept is None or kept[0] is not headers:
            if len(self._lines) >= _KEPT_MAX:
                self._lines.clear()
            kept = self._lines[id(headers)] = headers, _lines(headers)
        return kept[1]

    def _logged(self, target: str, shown: str) -> str:
        if self._dialect.logs_target and shown == target:
            return ""
        return f"Headway-Logged: {shown}\r\n"

    def _credentials(self, headers: Headers, moved: Headers) -> str:
        """Each header of the policy as upstream gets it; a missing one goes away there."""
        told = ""
        for name in self._upstream:
            value = ""
            for each, moves in moved:
                if each == name:
                    value = moves
                    break
            else:
                if headers:
                    value = ", ".join([v for n, v in headers if n == name])
            if value:
                for sign in _BREAKS:
                    if sign in value:
                        raise Misasked("header-malformed")
                told += f"{self._set[name]}{value}\r\n"
        return f"{told}Headway-Private: 1\r\n" if told else ""


def headers_read(policy: GatewayPolicy) -> frozenset[str]:
    """The headers of a request (lower case) that a decision by *policy* reads."""
    named = {*READ_HEADERS, *(each.header for each in policy.locations), policy.identity_header}
    return frozenset(named - {""})


def is_malformed(target: str) -> bool:
    """Whether no request line can have held *target*, or one that is too long.

    >>> is_malformed("/a b"), is_malformed("/a%20b")
    (True, False)
    """
    told = target.encode("latin-1", "replace")
    return len(told) > TARGET_MAX or len(told.translate(None, _STRANGE)) < len(told)


def closed(why: str) -> tuple[int, Headers, bytes]:
    """The answer where there is no decision: status, headers, body."""
    told = {"type": "about:blank", "title": "Not authorized", "status": 403, "id": why}
    headers = (
        ("Content-Type", "application/problem+json"),
        ("Cache-Control", "no-store"),
        ("Headway-Outcome", Outcome.REFUSE.value),
        ("Headway-Decision", why),
    )
    return 403, headers, msgspec.json.encode(told)


@lru_cache(maxsize=256)
def _lines(told: Headers) -> bytes:
    """Header lines as they go out: what a policy says, and nothing of a request."""
    return "".join([f"{name}: {value}\r\n" for name, value in joined(told)]).encode("latin-1")


def logged(names: Collection[str], target: str) -> str:
    """*target* for a log: what the policy lets stand in a URL under *names* does not stand there.

    >>> logged({"jwt"}, "/pub/x?jwt=short&a=1")
    '/pub/x?jwt=REDACTED&a=1'
    """
    shown = redact_url(target)
    if not names:
        return shown
    path, mark, query = shown.partition("?")
    return f"{path}{mark}{_without_values(query, names)}" if query else shown


def _without_values(query: str, names: Collection[str]) -> str:
    places = {hit.place: hit.name for hit in find(query, names)}
    if not places:
        return query
    return "&".join(
        f"{places[place]}=REDACTED" if place in places else part
        for place, part in enumerate(query.split("&"))
    )
