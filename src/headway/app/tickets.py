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

import hashlib
import hmac
from typing import Any

import msgspec

from headway.errors import TokensDiffer
from headway.model import RequestFacts
from headway.ports import Clock
from headway.qsh import canonical_request, without_token
from headway.refusals import TicketExpired, TicketMismatch, TicketUnknown
from headway.store.tickets import (
    PARAMETER,
    SECONDS_MAX,
    USES_MAX,
    OnceStore,
    TicketBox,
    carries_ticket,
    ticket_in,
    without_ticket,
)

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

TICKET = "ticket"
"""What an observation calls the kind of a request that came by a ticket, and a note of it."""

SECONDS = 30
"""How long a link works, unless its route says otherwise."""

_METHODS = ("GET",)


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
        self._box = TicketBox(store)
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
        expires = int(self._clock()) + seconds
        ticket = Ticket(
            app_key=self._app_key,
            client_key=client_key,
            account_id=account_id,
            request=_request_hash(_METHODS[0], whole, query, base_path),
            expires=expires,
            context=context or {},
        )
        text = self._box.put(msgspec.json.encode(ticket), expires, uses)
        return f"{whole}?{query}{'&' if query else ''}{PARAMETER}={text}"

    def take(self, facts: RequestFacts, uses: int = 1) -> Ticket:
        """What the ticket of *facts* carries; it is used up by this, whatever it is.

        May wait for the store.  Raises :class:`~headway.refusals.TicketUnknown`,
        :class:`~headway.refusals.TicketExpired`,
        :class:`~headway.refusals.TicketMismatch`,
        :class:`~headway.errors.TokensDiffer` where a token came along, or what
        the store raises.
        """
        text = ticket_in(facts.raw_query)
        # (1) what no ticket is for does not use it up
        if facts.method not in _METHODS:
            raise TicketMismatch(expected="GET", found=facts.method)
        query = without_ticket(facts.raw_query)
        if without_token(query) != query or any(map(_is_token, facts.authorization)):
            raise TokensDiffer(found="a ticket and a token")
        request = _request_hash(facts.method, facts.raw_path, query, facts.base_path)
        # (2) of all who come with it, one has it
        ticket = self._first(text, uses)
        # (3) it is for this app, this moment and this request
        now = self._clock()
        if ticket.app_key != self._app_key:
            raise TicketUnknown()
        if now >= ticket.expires:
            raise TicketExpired(found=f"expired {int(now - ticket.expires)} s ago")
        if not hmac.compare_digest(ticket.request, request):
            raise TicketMismatch(expected="the address that it was made for", found="another")
        return ticket

    def _first(self, text: str, uses: int) -> Ticket:
        told = self._box.take(text, uses)
        if told is None:
            raise TicketUnknown()
        return msgspec.json.decode(told, type=Ticket)


# ---- a request ------------------------------------------------------------------------------


def _is_token(authorization: str) -> bool:
    return authorization.partition(" ")[0].lower() == "jwt"


def _request_hash(method: str, raw_path: str, raw_query: str, base_path: str) -> bytes:
    """The request as the token's own hash sees it, so that it has one reading."""
    request = canonical_request(method, raw_path, raw_query, base_path)
    return hashlib.sha256(request.encode()).digest()
