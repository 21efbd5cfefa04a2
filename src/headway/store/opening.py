"""A store, opened as an app needs it: engine, keys, and the version that the code expects.

In development a SQLite database upgrades itself and makes up a key.  Otherwise
nothing is made up: a missing key, and a database of another version, stop the
start with what to do about it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from headway.keys import Sealer, new_sealing_key
from headway.ports import Clock
from headway.store.engine import MEMORY, is_address, leaves_the_process, open_engine
from headway.store.files import no_core_dumps, sealing_keys
from headway.store.installations import Installations
from headway.store.migrations import check, upgrade
from headway.store.offloop import OffLoop
from headway.store.once import SqlOnce

__all__ = ["Opened", "open_sealer", "open_store"]


class Opened(NamedTuple):
    """What keeps installations, and what counts once, in one database.

    ``answers`` is what an event loop asks: where the database is a server, its
    answers may have to be awaited.
    """

    engine: sa.Engine
    installations: Installations
    once: SqlOnce
    answers: Installations | OffLoop


def open_store(
    where: str | Path,
    *,
    app_key: str,
    environ: Mapping[str, str],
    development: bool = False,
    upgrades: bool = True,
    clock: Clock = time.time,
) -> Opened:
    """Open the store at *where*: a file, ``":memory:"``, or ``postgresql://...``.

    *upgrades* false leaves the tables to whoever else makes them, also in development.

    Raises:
        ConfigurationError: it can not be opened, is of another version than
            this release, or there is no key for its secrets.

    >>> store = open_store(":memory:", app_key="my-app", environ={})
    >>> store.installations.list()
    ()
    >>> store.engine.dispose()
    """
    # (1) the key: without one, not even an empty file is made
    sealer = open_sealer(where, environ, development=development)
    # (2) the database, of the version that this release reads
    engine = open_engine(where)
    try:
        if upgrades and (where == MEMORY or (development and not _is_server(where))):
            upgrade(engine)
        else:
            check(engine)
    except BaseException:
        engine.dispose()
        raise
    # (3) what an app asks
    installations = Installations(engine, sealer, app_key=app_key, clock=clock)
    answers = OffLoop(installations) if leaves_the_process(engine) else installations
    return Opened(engine, installations, SqlOnce(engine, clock=clock), answers)


def open_sealer(
    where: str | Path, environ: Mapping[str, str], *, development: bool = False
) -> Sealer:
    """The keys for the store at *where*; raises ConfigurationError where there are none.

    From then on the process holds secrets: a crash of it leaves no core dump.
    """
    no_core_dumps()
    if where == MEMORY:
        return Sealer.of([new_sealing_key()])  # what it seals ends with it
    beside = Path(where).parent if development and not _is_server(where) else None
    return Sealer.of(sealing_keys(environ, beside))


def _is_server(where: str | Path) -> bool:
    return isinstance(where, str) and is_address(where)
