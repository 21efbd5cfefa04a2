"""The ``[tickets]`` table of a policy file as values: who may trade a token for a URL."""

from __future__ import annotations

import re

import msgspec

from headway.errors import ConfigurationError
from headway.http.answers import origin_of
from headway.store.engine import MEMORY
from headway.store.tickets import SECONDS_MAX, USES_MAX

__all__ = ["TicketSettings"]

_PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,200}")
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@", re.IGNORECASE)


class TicketSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where tickets are had, where they are kept, and how long they work.

    *store* is a SQLite file, relative to the policy file, or ``postgresql://``
    or ``redis://`` without a password; *capacity* is how many live at once.  At
    *path* a ticket is asked for, from a page of one of *origins* too.  It works
    for *seconds*, *uses* times.  Raises ConfigurationError.

    >>> TicketSettings(store="tickets.db").path
    '/headway/ticket'
    """

    store: str
    path: str = "/headway/ticket"
    seconds: int = 30
    uses: int = 1
    capacity: int = 100_000
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.store or self.store == MEMORY:
            raise ConfigurationError("store: is a file or a server, which all processes share")
        if _PASSWORD.match(self.store):
            raise ConfigurationError(
                "store: a password does not belong in this file; "
                "give the address in HEADWAY_TICKETS"
            )
        if not _PATH.fullmatch(self.path):
            raise ConfigurationError("path: is a plain path such as /headway/ticket")
        for name, least, most in (
            ("seconds", 1, SECONDS_MAX),
            ("uses", 1, USES_MAX),
            ("capacity", 1, 10_000_000),
        ):
            if not least <= getattr(self, name) <= most:
                raise ConfigurationError(f"{name}: is {least} to {most}")
        for origin in self.origins:
            try:
                same = origin_of(origin)
            except ValueError as error:
                raise ConfigurationError(f"origins: {error}") from None
            if same != origin:
                raise ConfigurationError(f"origins: write {same}")
