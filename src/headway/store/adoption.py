"""Installations that were kept elsewhere: taken in all together, or not at all.

What was accepted elsewhere is not known here.  So an event that was issued
before the adoption is refused afterwards: a captured one does not count again
with another body.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from headway.keys import Sealer
from headway.model import Installation
from headway.ports import Clock
from headway.store.installations import in_turn, is_row, subject, written
from headway.store.tables import accepted, clock, installations

__all__ = ["Adopted", "adopt"]

ADOPTED = "adopted"
"""Stands among the hashes of tokens, and is none of them."""


class Adopted(StrEnum):
    """What became of one installation."""

    NEW = "new"
    HERE = "here already"
    ID_TAKEN = "another record here has its installationId"


class _DryRun(Exception):
    """Ends the transaction of a dry run."""


def adopt(
    engine: sa.Engine,
    sealer: Sealer,
    found: Iterable[Installation],
    *,
    events: Sequence[dict[str, Any]] = (),
    mark: int = 0,
    clock_of_day: Clock = time.time,
    apply: bool = True,
) -> tuple[Adopted, ...]:
    """Record what is not here yet, in one transaction; what is here stays as it is.

    *events* are rows of the table ``accepted`` and *mark* the latest time of
    another store.  Without *apply* all is done and undone: what is returned is
    what would become of each.

    Raises:
        ClockBehind: the clock stands behind the latest time recorded, or *mark*.
        StoreUnavailable: the database does not answer.

    >>> from headway.store.engine import open_engine
    >>> from headway.store.migrations import upgrade
    >>> engine = open_engine(":memory:")
    >>> version = upgrade(engine)
    >>> adopt(engine, Sealer.of([bytes(32)]), [])
    ()
    >>> engine.dispose()
    """
    outcomes: tuple[Adopted, ...] = ()
    try:
        with in_turn(engine, clock_of_day) as (connection, now):
            outcomes = tuple(_adopt(connection, sealer, each, now) for each in found)
            _keep_events(connection, events)
            connection.execute(sa.update(clock).where(clock.c.mark < mark).values(mark=mark))
            if not apply:
                raise _DryRun
    except _DryRun:
        pass
    return outcomes


def _keep_events(connection: sa.Connection, events: Sequence[dict[str, Any]]) -> None:
    """Keep what was accepted elsewhere, where it is not kept here."""
    for each in events:
        key = accepted.c.subject == each["subject"], accepted.c.digest == each["digest"]
        if connection.execute(sa.select(accepted.c.digest).where(*key)).first() is None:
            connection.execute(sa.insert(accepted).values(each))


def _adopt(connection: sa.Connection, sealer: Sealer, new: Installation, now: int) -> Adopted:
    key = new.app_key, new.client_key
    row = connection.execute(sa.select(installations).where(*is_row(*key))).mappings().first()
    if row is not None:
        return Adopted.HERE
    if new.installation_id is not None:
        query = sa.select(installations.c.client_key).where(
            installations.c.installation_id == new.installation_id
        )
        if connection.execute(query).first() is not None:
            return Adopted.ID_TAKEN
    connection.execute(sa.insert(installations).values(written(new, sealer)))
    of_site = accepted.c.subject == subject(*key)
    before = (accepted.c.issued < now) | (accepted.c.digest == ADOPTED)
    connection.execute(sa.delete(accepted).where(of_site, before))
    connection.execute(
        sa.insert(accepted).values(subject=subject(*key), digest=ADOPTED, issued=now, until=now)
    )
    return Adopted.NEW
