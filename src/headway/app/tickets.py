"""Tickets: links that a browser opens by itself, where no header can be sent.

A download, an ``<img>`` and an event stream are fetched by an address alone, and
an address is kept: in histories, logs, ``Referer``.  So what stands in it is no
token but a ticket: 192 random bits, good for one request, for seconds, carrying
the account that it was made for.

The store that all processes share keeps it under a keyed hash, and its content
encrypted under a key derived from the ticket.  Neither leads back to the ticket:
a copy of the store opens nothing and tells of nobody.

What becomes of the requests that browsers make by themselves:

| request | outcome |
|---|---|
| ``HEAD`` | refused (``ticket-mismatch``), and the ticket is kept: looking is no use |
| a second ``GET`` of a link | refused (``ticket-unknown``) |
| a ``Range`` request that goes on with a download | the same, unless the route says ``uses=N`` |
| an event stream that reconnects | the same; a 401 ends the browser's tries (HTML: server-sent \
events), and the page makes a new link |
| another method, path or query | refused (``ticket-mismatch``), and the ticket is used up |
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Any, Protocol

import msgspec

from headway.errors import ConfigurationError, TokenRepeated, TokensDiffer
from headway.keys import Sealer
from headway.model import RequestFacts
from headway.ports import Clock
from headway.qsh import canonical_request, without_token
from headway.refusals import TicketExpired, TicketMismatch, TicketUnknown

__all__ = [
    "PARAMETER",
    "SECONDS",
    "SECONDS_MAX",
    "TICKET",
    "USES_MAX",
    "OnceStore",
    "Ticket",
    "Tickets",
    "carries_ticket",
    "without_ticket",
]

PARAMETER = "headway-ticket"
"""The parameter of a link; everything that redacts knows it."""

TICKET = "ticket"
"""What an observation calls the kind of a request that came by a ticket, and a note of it."""

SECONDS = 30
"""How long a link works, unless its route says otherwise."""

SECONDS_MAX = 900
"""The longest that a route may say: that of a session token."""

USES_MAX = 64

TICKET_BYTES = 24
_TEXT = re.compile(r"[A-Za-z0-9_-]{32}")
_METHODS = ("GET",)


class OnceStore(Protocol):
    """Where tickets are kept, shared by all processes (:mod:`headway.store.once`)."""

    def put(self, key: bytes, value: bytes, until: int) -> None:
        """Keep *value* until *until*; raises a refusal of status 503 where there is no room."""

    def take(self, key: bytes) -> bytes | None:
        """The value, for the one caller who is first; else None."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket carries: for whom it was made, and for what.

    ``request`` is the hash of method, path and query; ``expires`` is in
    seconds since 1970; ``context`` is the context claim of whoever made it.
    """

    app_key: str
    client_key: str
    account_id: str | None
    request: bytes
    expires: int
    context: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<ticket on {self.client_key}>"


class Tickets:
    """Makes and takes the tickets of one app; *store* is shared by all its processes.

    >>> class Kept(dict):
    ...     def put(self, key, value, until): self[key] = value
    ...     def take(self, key): return self.pop(key, None)
    >>> tickets = Tickets(Kept(), app_key="my-app", clock=lambda: 1000.0)
    >>> link = tickets.link("/file", "id=5", client_key="site", account_id="ann")
    >>> link[:26], len(link)
    ('/file?id=5&headway-ticket=', 58)
    >>> path, _, query = link.partition("?")
    >>> tickets.take(RequestFacts(method="GET", raw_path=path, raw_query=query)).account_id
    'ann'
    """

    def __init__(self, store: OnceStore, *, app_key: str, clock: Clock) -> None:
        self._store = store
        self._app_key = app_key
        self._clock = clock

    def link(
        self,
        path: str,
        raw_query: str = "",
        *,
        client_key: str,
        account_id: str | None,
        context: dict[str, Any] | None = None,
        base_path: str = "",
        seconds: int = SECONDS,
        uses: int = 1,
    ) -> str:
        """An address with a ticket for one GET of *path* (below *base_path*) and *raw_query*.

        May wait for the store.  Raises a leaf of
        :class:`~headway.errors.MalformedRequest` for what has no one reading,
        and what the store raises: a refusal of status 503 where it is full or
        does not answer.
        """
        query = without_ticket(raw_query)
        whole = base_path + path
        secret = secrets.token_bytes(TICKET_BYTES)
        expires = int(self._clock()) + seconds
        ticket = Ticket(
            app_key=self._app_key,
            client_key=client_key,
            account_id=account_id,
            request=_request_hash(_METHODS[0], whole, query, base_path),
            expires=expires,
            context=context or {},
        )
        told = msgspec.json.encode(ticket)
        for use in range(uses):
            sealed = _sealer(secret).seal(told, _place(use))
            self._store.put(_name(secret, use), sealed, expires)
        text = base64.urlsafe_b64encode(secret).decode()
        return f"{whole}?{query}{'&' if query else ''}{PARAMETER}={text}"

    def take(self, facts: RequestFacts, uses: int = 1) -> Ticket:
        """What the ticket of *facts* carries; it is used up by this, whatever it is.

        May wait for the store.  Raises :class:`~headway.refusals.TicketUnknown`,
        :class:`~headway.refusals.TicketExpired`,
        :class:`~headway.refusals.TicketMismatch`,
        :class:`~headway.errors.TokensDiffer` where a token came along, or what
        the store raises.
        """
        secret = _secret_of(facts.raw_query)
        # (1) what no ticket is for does not use it up
        if facts.method not in _METHODS:
            raise TicketMismatch(expected="GET", found=facts.method)
        query = without_ticket(facts.raw_query)
        if without_token(query) != query or any(map(_is_token, facts.authorization)):
            raise TokensDiffer(found="a ticket and a token")
        request = _request_hash(facts.method, facts.raw_path, query, facts.base_path)
        # (2) of all who come with it, one has it
        ticket = self._first(secret, uses)
        # (3) it is for this app, this moment and this request
        now = self._clock()
        if ticket.app_key != self._app_key:
            raise TicketUnknown()
        if now >= ticket.expires:
            raise TicketExpired(found=f"expired {int(now - ticket.expires)} s ago")
        if not hmac.compare_digest(ticket.request, request):
            raise TicketMismatch(expected="the address that it was made for", found="another")
        return ticket

    def _first(self, secret: bytes, uses: int) -> Ticket:
        for use in range(uses):
            sealed = self._store.take(_name(secret, use))
            if sealed is None:
                continue
            try:
                return msgspec.json.decode(_sealer(secret).open(sealed, _place(use)), type=Ticket)
            except (ConfigurationError, msgspec.MsgspecError):
                break  # somebody changed the store: then it is none of ours
        raise TicketUnknown()


# ---- the parameter --------------------------------------------------------------------------


def carries_ticket(raw_query: str) -> bool:
    """Whether a query holds a ticket, in any spelling of the parameter's name.

    >>> carries_ticket("id=5&headway-ticket=x"), carries_ticket("id=5")
    (True, False)
    """
    return without_ticket(raw_query) != raw_query


def without_ticket(raw_query: str) -> str:
    """The query without a ticket; no other byte changes."""
    if "ticket" not in raw_query and "%" not in raw_query:
        return raw_query
    return without_token(raw_query, PARAMETER)


def _is_token(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() == "jwt"


def _secret_of(raw_query: str) -> bytes:
    found = [
        part.removeprefix(f"{PARAMETER}=")
        for part in raw_query.split("&")
        if part.startswith(f"{PARAMETER}=")
    ]
    if len(found) > 1:
        raise TokenRepeated(found=f"{len(found)} tickets")
    if not found or not _TEXT.fullmatch(found[0]):
        raise TicketUnknown()
    return base64.urlsafe_b64decode(found[0])


# ---- what is kept, and under what -----------------------------------------------------------


def _name(secret: bytes, use: int) -> bytes:
    """What a ticket is kept under: HMAC-SHA-256 keyed with the ticket (RFC 2104)."""
    return hmac.digest(secret, b"headway ticket name v1\0%d" % use, hashlib.sha256)


def _sealer(secret: bytes) -> Sealer:
    """The key of a ticket's content: known to whoever has the ticket and to nobody else."""
    return Sealer(
        {"ticket": hmac.digest(secret, b"headway ticket key v1", hashlib.sha256)}, "ticket"
    )


def _place(use: int) -> tuple[str, str]:
    return "ticket", str(use)


def _request_hash(method: str, raw_path: str, raw_query: str, base_path: str) -> bytes:
    """The request as the token's own hash sees it, so that it has one reading."""
    request = canonical_request(method, raw_path, raw_query, base_path)
    return hashlib.sha256(request.encode()).digest()
