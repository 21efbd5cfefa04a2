"""What stands in a URL for a secret: a ticket that is taken once, and what the store keeps of it.

A ticket is 192 random bits.  The store keeps something under a keyed hash of it,
and that encrypted under a key derived from it: neither leads back to the
ticket, so a copy of the store opens nothing and tells of nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from headway.errors import ConfigurationError, TokenRepeated
from headway.keys import Sealer
from headway.qsh import without_token
from headway.refusals import TicketUnknown
from headway.store.engine import MEMORY, is_address, open_engine
from headway.store.migrations import check, upgrade
from headway.store.once import SqlOnce

__all__ = [
    "PARAMETER",
    "SECONDS_MAX",
    "TICKET_BYTES",
    "USES_MAX",
    "OnceStore",
    "TicketBox",
    "carries_ticket",
    "opening_once",
    "ticket_in",
    "without_ticket",
]

PARAMETER = "headway-ticket"
"""The parameter of a link; everything that redacts knows it."""

SECONDS_MAX = 900
"""The longest that a ticket may live: that of a session token."""

USES_MAX = 64

TICKET_BYTES = 24
_TEXT = re.compile(r"[A-Za-z0-9_-]{32}")
_REDIS = ("redis://", "rediss://")


class OnceStore(Protocol):
    """Where tickets are kept, shared by all processes (:mod:`headway.store.once`)."""

    def put(self, key: bytes, value: bytes, until: int) -> None:
        """Keep *value* until *until*; raises a refusal of status 503 where there is no room."""

    def take(self, key: bytes) -> bytes | None:
        """The value, for the one caller who is first; else None."""


class TicketBox:
    """Keeps values in *store*, each for whoever has its ticket; *label* tells kinds apart.

    >>> class Kept(dict):
    ...     def put(self, key, value, until): self[key] = value
    ...     def take(self, key): return self.pop(key, None)
    >>> box = TicketBox(Kept())
    >>> ticket = box.put(b"value", until=1030)
    >>> len(ticket), box.take(ticket), box.take(ticket)
    (32, b'value', None)
    """

    def __init__(self, store: OnceStore, label: str = "headway ticket") -> None:
        self._store = store
        self._label = label.encode()

    def put(self, value: bytes, until: int, uses: int = 1) -> str:
        """Keep *value* to be taken *uses* times, up to *until* (seconds since 1970); its ticket.

        May wait for the store, and raises what it raises: a refusal of status
        503 where it is full or does not answer.
        """
        secret = secrets.token_bytes(TICKET_BYTES)
        for use in range(uses):
            sealed = self._sealer(secret).seal(value, _place(use))
            self._store.put(self._name(secret, use), sealed, until)
        return base64.urlsafe_b64encode(secret).decode()

    def take(self, ticket: str, uses: int = 1) -> bytes | None:
        """The value of *ticket* for the one caller who is first; None for everybody else.

        May wait for the store, and raises what it raises.
        """
        if not _TEXT.fullmatch(ticket):
            return None
        secret = base64.urlsafe_b64decode(ticket)
        for use in range(uses):
            sealed = self._store.take(self._name(secret, use))
            if sealed is None:
                continue
            try:
                return self._sealer(secret).open(sealed, _place(use))
            except ConfigurationError:
                return None  # somebody changed the store: then it is none of ours
        return None

    def _name(self, secret: bytes, use: int) -> bytes:
        """What a ticket is kept under: HMAC-SHA-256 keyed with the ticket (RFC 2104)."""
        return hmac.digest(secret, self._label + b" name v1\0%d" % use, hashlib.sha256)

    def _sealer(self, secret: bytes) -> Sealer:
        """The key of its content: known to whoever has the ticket and to nobody else."""
        key = hmac.digest(secret, self._label + b" key v1", hashlib.sha256)
        return Sealer({"ticket": key}, "ticket")


def _place(use: int) -> tuple[str, str]:
    return "ticket", str(use)


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


def ticket_in(raw_query: str) -> str:
    """The one ticket of a query.

    Raises :class:`~headway.errors.TokenRepeated` for two, and
    :class:`~headway.refusals.TicketUnknown` for what never was one.
    """
    found = [
        part.removeprefix(f"{PARAMETER}=")
        for part in raw_query.split("&")
        if part.startswith(f"{PARAMETER}=")
    ]
    if len(found) > 1:
        raise TokenRepeated(found=f"{len(found)} tickets")
    if not found or not _TEXT.fullmatch(found[0]):
        raise TicketUnknown()
    return found[0]


# ---- a store --------------------------------------------------------------------------------


@contextmanager
def opening_once(where: str, *, capacity: int = 100_000) -> Iterator[OnceStore]:
    """The store at *where* while the block runs: a SQLite file, ``postgresql://`` or ``redis://``.

    A file is made where there is none, and brought to the version of this
    release; the tables of a server are ``headway store upgrade``'s.

    Raises:
        ConfigurationError: it can not be opened, or is one process's memory:
            a ticket that another process takes is known there to nobody.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, opening_once(f"{folder}/t.db") as store:
    ...     TicketBox(store).take("x" * 32) is None
    True
    """
    if where == MEMORY:
        raise ConfigurationError("tickets need a store that all processes share: name a file")
    if where.startswith(_REDIS):
        try:
            from headway.store.redis import RedisOnce
        except ImportError:
            raise ConfigurationError(
                "the package redis is missing; install headway with its extra redis"
            ) from None
        once = RedisOnce(where, space="headway-tickets", capacity=capacity)
        try:
            once.check()
            yield once
        finally:
            once.close()
        return
    engine = open_engine(where)
    try:
        if is_address(where):
            check(engine)
        else:
            upgrade(engine)
        yield SqlOnce(engine, capacity=capacity)
    finally:
        engine.dispose()
