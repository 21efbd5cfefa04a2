"""The authorization service: a proxy asks about a request, and hears what to do with it.

Plain ASGI, without state.  A proxy names the original method and target in
headers of its own; which ones, the path that it asks says (``/nginx``,
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
``Headway-Logged``           the target as it may stand in a log
``Headway-Set-<Header>``     for each header of the policy: its value upstream
``Headway-Private``          ``1`` where upstream gets one of those: no cache keeps that
``Headway-Allow``            what an answer to a preflight allows besides
``Headway-Body``             the body of a refusal, for nginx, which drops bodies
``Deprecation`` ...          for the answer that the client gets
===========================  =================================================
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec

from headway.errors import ConfigurationError
from headway.gateway.decision import Ask, Decision, Headers, Outcome
from headway.gateway.own_paths import OwnPaths
from headway.gateway.parameters import find
from headway.gateway.rules import GatewayPolicy
from headway.redact import redact_url

__all__ = [
    "ANSWER_HEADERS", "PROXIES", "TARGET_MAX", "AuthorizationService", "Decides", "Dialect",
    "Misasked", "Peers", "closed", "is_malformed", "joined", "logged",
]  # fmt: skip

TARGET_MAX = 65_536
"""How long a target may be, in characters: more than any of the proxies lets through."""

ANSWER_HEADERS = (
    "Deprecation", "Sunset", "Link", "Warning", "Vary", "Cache-Control",
    "Headway-Phase", "Headway-Refusal", "Headway-Hint",
)  # fmt: skip
"""What the answer that a client gets may have more: a configuration passes each on."""

_ONCE = {"deprecation", "sunset", "headway-phase", "headway-refusal"}  # one value, no list
_STRANGE = re.compile(r"[\x00-\x20\x7f]")
_LOG = logging.getLogger("headway.gateway.service")


class Dialect(NamedTuple):
    """How one proxy asks: the headers that hold the original method, target and address."""

    method: str
    target: str
    peer: str
    body_in_header: bool = False  # it drops the body of what it is answered
    passes_all: bool = False  # it gives the answer of a refusal to the client as it stands
    keeps_url: bool = False  # it can not change the target, and sets headers by their own names
    replaces_text: bool = False  # it changes the query by replacing text, in the path too


PROXIES: Mapping[str, Dialect] = {
    "nginx": Dialect("x-original-method", "x-original-uri", "x-original-peer", body_in_header=True),
    "haproxy": Dialect("x-original-method", "x-original-uri", "x-original-peer"),
    "caddy": Dialect(
        "x-forwarded-method",
        "x-forwarded-uri",
        "x-forwarded-for",
        passes_all=True,
        replaces_text=True,
    ),
    "traefik": Dialect(
        "x-forwarded-method", "x-forwarded-uri", "x-forwarded-for", passes_all=True, keeps_url=True
    ),
}
"""By the path that the proxy asks."""


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


class Decides(Protocol):
    """A gateway, or one that goes by its file as it is now."""

    @property
    def policy(self) -> GatewayPolicy:
        """The policy that counts."""

    async def adecide(self, ask: Ask) -> Decision:
        """As :meth:`headway.gateway.decide.Gateway.adecide`."""


class Misasked(Exception):
    """The proxy's question is none; *args[0]* is the id of what is wrong with it."""


class AuthorizationService:
    r"""An ASGI app that answers a proxy's questions by *gateway*.

    *peers* may say what the original request was; everybody else gets 403.  What
    is asked for at *own* paths a proxy hands on as it came, and gets an answer for
    the client.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.policy_file import read_policy
    >>> policy = read_policy(b'name="a"\n[[location]]\nname="jwt"\nparameters=["jwt"]')
    >>> service = AuthorizationService(Gateway(policy), peers=["127.0.0.1"])
    """

    def __init__(
        self, gateway: Decides, *, peers: Iterable[str], own: OwnPaths | None = None
    ) -> None:
        self.gateway = gateway
        self._peers, self._own = Peers(peers), own

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """One question (ASGI: HTTP connection scope)."""
        if scope["type"] != "http":
            return
        status, headers, body = await self._answered(scope)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if status != 204:
            raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        sent = b"" if scope.get("method") == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})

    async def _answered(self, scope: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
        peer = (scope.get("client") or ("",))[0]
        name = scope["path"].strip("/")
        if name == "health":
            return 200, (), b"ok\n"
        outcome: tuple[int, Headers, bytes]
        try:
            # (1) who asks, and in which way?
            if peer not in self._peers:
                raise Misasked("peer-unknown")
            dialect = PROXIES.get(name)
            if dialect is None:
                return await self._answered_here(scope)
            # (2) what was the request?
            ask = _ask(scope, dialect)
            # (3) what becomes of it?
            decision = await self.gateway.adecide(ask)
            outcome = _answer(self.gateway, dialect, ask, decision)
        except Misasked as wrong:
            outcome = closed(wrong.args[0])
        except Exception as failure:  # noqa: BLE001 - whatever it is, nobody gets in by it
            _LOG.error("a decision failed: %s", type(failure).__name__)
            outcome = closed("decision-failed")
        if _LOG.isEnabledFor(logging.INFO):
            told = dict(outcome[1])
            _LOG.info(
                "%s %s %d %s %s",
                peer,
                name if name in PROXIES else "-",
                outcome[0],
                told.get("Headway-Outcome", "-"),
                told.get("Headway-Decision", "-"),
            )
        return outcome

    async def _answered_here(self, scope: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
        """What the gateway answers itself, of a request that a proxy handed on whole."""
        if self._own is None:
            raise Misasked("proxy-unknown")
        headers = _texts(scope)
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        peer = _last(headers, "x-original-peer") or _last(headers, "x-forwarded-for")
        ask = Ask(method=scope["method"], target=target, headers=headers, peer=peer)
        decision = await self._own.aanswer(ask)
        if decision is None:
            raise Misasked("proxy-unknown")
        return decision.status, decision.answer_headers, decision.body


# ---- what is asked --------------------------------------------------------------------------


def _texts(scope: Mapping[str, Any]) -> Headers:
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in scope["headers"]
    )


def _ask(scope: Mapping[str, Any], dialect: Dialect) -> Ask:
    headers = _texts(scope)
    target = _one(headers, dialect.target)
    if is_malformed(target):
        raise Misasked("target-malformed")
    if sum(name == "authorization" for name, _ in headers) > 1:
        raise Misasked("authorization-repeated")
    return Ask(
        method=_one(headers, dialect.method),
        target=target,
        headers=headers,
        peer=_last(headers, dialect.peer),
    )


def is_malformed(target: str) -> bool:
    """Whether no request line can have held *target*, or one that is too long.

    >>> is_malformed("/a b"), is_malformed("/a%20b")
    (True, False)
    """
    return len(target) > TARGET_MAX or _STRANGE.search(target) is not None


def _one(headers: Headers, name: str) -> str:
    """The value of a header that the proxy sets: exactly one, or the question is none."""
    values = [value for key, value in headers if key == name]
    if len(values) != 1 or not values[0]:
        raise Misasked("original-missing" if not values else "original-repeated")
    return values[0]


def _last(headers: Headers, name: str) -> str:
    values = [value for key, value in headers if key == name]
    return values[-1].rpartition(",")[2].strip() if values else ""


# ---- what is answered -----------------------------------------------------------------------


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


def _answer(
    gateway: Decides, dialect: Dialect, ask: Ask, decision: Decision
) -> tuple[int, Headers, bytes]:
    headers = [("Headway-Outcome", decision.outcome.value)]
    if decision.id:
        headers.append(("Headway-Decision", decision.id))
    if not dialect.passes_all or decision.outcome is not Outcome.REFUSE:
        headers.append(("Headway-Logged", logged(gateway, decision)))
    headers += joined(decision.answer_headers)
    if decision.outcome is Outcome.REFUSE:
        if dialect.body_in_header:
            headers.append(("Headway-Body", decision.body.decode("ascii")))
        return (401 if decision.status == 401 else 403), tuple(headers), decision.body
    if dialect.replaces_text and decision.target != ask.target and ask.raw_query in ask.raw_path:
        raise Misasked("query-in-path")
    if dialect.keeps_url and decision.outcome is Outcome.ANONYMOUS:
        raise Misasked("token-in-query")  # it would go on with the token
    headers.append(("Headway-Target", decision.target))
    headers.append(("Headway-Query", decision.target.partition("?")[2]))
    prefix = "" if dialect.keeps_url else "Headway-Set-"
    credentials = [(f"{prefix}{name}", value) for name, value in _upstream(gateway, ask, decision)]
    headers += credentials
    if credentials:
        headers.append(("Headway-Private", "1"))
    if decision.allow_header:
        headers.append(("Headway-Allow", decision.allow_header))
    return 204, tuple(headers), b""


def logged(gateway: Decides, decision: Decision) -> str:
    """The target for a log: what the policy lets stand in a URL does not stand there either."""
    path, mark, query = redact_url(decision.target).partition("?")
    if query:
        names = {name for each in gateway.policy.locations for name in each.names}
        query = _without_values(query, names)
    return f"{path}{mark}{query}"


def _without_values(query: str, names: set[str]) -> str:
    places = {hit.place: hit.name for hit in find(query, names)}
    return "&".join(
        f"{places[place]}=REDACTED" if place in places else part
        for place, part in enumerate(query.split("&"))
    )


def joined(told: Headers) -> list[tuple[str, str]]:
    """One line for each name: proxies read the first, or write one over the other."""
    values: dict[str, list[str]] = {}
    for name, value in told:
        seen = values.setdefault(name, [])
        if value not in seen and not (seen and name.lower() in _ONCE):
            seen.append(value)
    return [(name, ", ".join(seen)) for name, seen in values.items()]


def _upstream(gateway: Decides, ask: Ask, decision: Decision) -> list[tuple[str, str]]:
    """Each header of the policy as upstream gets it; a missing one goes away there."""
    moved = dict(decision.set_headers)
    lines = []
    for name in dict.fromkeys(location.header for location in gateway.policy.locations):
        value = moved.get(name) or ", ".join(ask.all(name))
        if value:
            lines.append((name.title(), value))
    return lines
