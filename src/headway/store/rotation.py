"""Another key for the secrets at rest: row by row, while the app runs.

Every process must know both keys before the first row is sealed with the new
one.  A row that is done says so by the key's id at its head: a rotation that
was broken off goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.keys import Sealer
from headway.store.engine import reached, truncate_log, writing
from headway.store.installations import SECRET_COLUMNS, is_row, place
from headway.store.inventory import pages
from headway.store.tables import installations

__all__ = ["Rotated", "rotate_key"]


class Rotated(NamedTuple):
    """How many rows there are, were sealed anew, and did not open (and were left alone)."""

    rows: int
    resealed: int
    unopened: int


def rotate_key(
    engine: sa.Engine, sealer: Sealer, *, each: Callable[[Rotated], None] = lambda _: None
) -> Rotated:
    """Seal every secret with the key that seals now; *each* is told after each page of rows.

    One transaction for each row, so that the app waits for one row at most.

    Raises:
        StoreUnavailable: the database does not answer; what is done stays done.

    >>> from headway.store.engine import open_engine
    >>> from headway.store.migrations import upgrade
    >>> engine = open_engine(":memory:")
    >>> version = upgrade(engine)
    >>> rotate_key(engine, Sealer.of([bytes(32)]))
    Rotated(rows=0, resealed=0, unopened=0)
    >>> engine.dispose()
    """
    rows = resealed = unopened = 0
    for page in pages(engine, ("app_key", "client_key", *SECRET_COLUMNS)):
        for row in page:
            rows += 1
            sealed = [row[column] for column in SECRET_COLUMNS if row[column] is not None]
            if all(map(sealer.is_current, sealed)):
                continue
            try:
                resealed += _reseal(engine, sealer, (row["app_key"], row["client_key"]))
            except ConfigurationError:
                unopened += 1
        each(Rotated(rows, resealed, unopened))
    truncate_log(engine)
    return Rotated(rows, resealed, unopened)


def _reseal(engine: sa.Engine, sealer: Sealer, key: tuple[str, str]) -> bool:
    """Seal the secrets of one row anew; False where the row is gone or was done meanwhile.

    Whoever changes an installation takes the same row's lock to do it.
    """
    columns = [installations.c[name] for name in SECRET_COLUMNS]
    with reached(), writing(engine).begin() as connection:
        query = sa.select(*columns).where(*is_row(*key)).with_for_update()
        row = connection.execute(query).mappings().first()
        changed = {
            name: sealer.seal(sealer.open(sealed, place(name, *key)), place(name, *key))
            for name, sealed in (row or {}).items()
            if sealed is not None and not sealer.is_current(sealed)
        }
        if changed:
            connection.execute(sa.update(installations).where(*is_row(*key)).values(changed))
    return bool(changed)
