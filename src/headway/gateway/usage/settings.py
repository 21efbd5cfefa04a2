"""The ``[usage]`` table of a policy file as values: where and within what bounds it counts."""

from __future__ import annotations

import re

import msgspec

from headway.errors import ConfigurationError

__all__ = ["Bounds", "UsageSettings"]

_PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,200}")
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@", re.IGNORECASE)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much one process tells apart on one day, in records.

    A client with more than *per_client* has the rest in one record with
    ``(other)`` for method, route and agent; past *verified* or *claimed*, the
    client is ``(other)`` too.  A name of a verified client is kept as long as
    there are no more than *verified* of them.
    """

    verified: int = 20_000
    claimed: int = 5_000
    per_client: int = 100


class UsageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where uses are counted, for how long they are kept, and who may read his own.

    *store* is a SQLite file, relative to the policy file, or ``postgresql://``
    without a password; empty where nothing is counted.  A batch is written
    every *batch_seconds*; records are removed after *keep_days*.  At *own_path*
    a client reads its own record, *own_per_minute* times a minute; nobody does
    where the path is empty.

    >>> UsageSettings(own_path="/usage").own_per_minute
    30
    """

    store: str = ""
    keep_days: int = 800
    batch_seconds: float = 5.0
    bounds: Bounds = Bounds()
    own_path: str = ""
    own_per_minute: int = 30

    def __post_init__(self) -> None:
        if _PASSWORD.match(self.store):
            raise ConfigurationError(
                "store: a password does not belong in this file; give the address in HEADWAY_USAGE"
            )
        if self.own_path and not _PATH.fullmatch(self.own_path):
            raise ConfigurationError("own_path: is a plain path such as /usage")
