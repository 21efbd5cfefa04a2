"""What is kept, for people: all of it but the secrets, which stay sealed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa

from headway.keys import Sealer
from headway.store.engine import reached
from headway.store.installations import subject
from headway.store.tables import accepted, installations

__all__ = ["Kept", "kept", "pages"]

PAGE = 500  # rows read with one query


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One installation without its secrets; times are in seconds since 1970.

    ``key_id`` names the sealing key of its secret, ``previous_until`` ends the
    overlap of a replaced secret (0: none), ``last_event`` is the ``iat`` of the
    last lifecycle event that was accepted.
    """

    app_key: str
    client_key: str
    product: str
    base_url: str
    enabled: bool
    installed_at: int
    display_url: str | None
    oauth_client_id: str | None
    cloud_id: str | None
    installation_id: str | None
    description: str | None
    previous_until: int
    key_id: str
    last_event: int | None = None


_COLUMNS = [name for name in Kept.__struct_fields__ if name in installations.c]


def kept(
    engine: sa.Engine, *, app_key: str | None = None, client_key: str | None = None
) -> Iterator[Kept]:
    """Every installation, or those of an app, of a site; in the order of their keys.

    Needs no sealing key.  Raises StoreUnavailable where the database does not
    answer.

    >>> from headway.store.engine import open_engine
    >>> from headway.store.migrations import upgrade
    >>> engine = open_engine(":memory:")
    >>> version = upgrade(engine)
    >>> list(kept(engine))
    []
    >>> engine.dispose()
    """
    conditions = [
        installations.c[name] == value
        for name, value in (("app_key", app_key), ("client_key", client_key))
        if value is not None
    ]
    columns = (*_COLUMNS, "shared_secret")
    for page in pages(engine, columns, conditions):
        events = _last_events(engine, page)
        for row in page:
            values = {name: row[name] for name in _COLUMNS}
            last = events.get(subject(row["app_key"], row["client_key"]))
            yield Kept(**values, key_id=Sealer.key_id(row["shared_secret"]), last_event=last)


def pages(
    engine: sa.Engine,
    columns: Sequence[str],
    conditions: Sequence[sa.ColumnElement[bool]] = (),
) -> Iterator[list[sa.RowMapping]]:
    """Installations in the order of their keys, a page at a time.

    No transaction stays open between two pages: others may write meanwhile.
    *columns* has ``app_key`` and ``client_key`` among them.
    """
    key = sa.tuple_(installations.c.app_key, installations.c.client_key)
    query = sa.select(*(installations.c[name] for name in columns)).where(*conditions)
    query = query.order_by(installations.c.app_key, installations.c.client_key).limit(PAGE)
    after: tuple[str, str] | None = None
    while True:
        rest = query if after is None else query.where(key > sa.tuple_(*map(sa.literal, after)))
        with reached(), engine.connect() as connection:
            page = list(connection.execute(rest).mappings())
        if not page:
            return
        yield page
        after = page[-1]["app_key"], page[-1]["client_key"]


def _last_events(engine: sa.Engine, page: Sequence[sa.RowMapping]) -> dict[str, int]:
    subjects = [subject(row["app_key"], row["client_key"]) for row in page]
    query = (
        sa.select(accepted.c.subject, sa.func.max(accepted.c.issued))
        .where(accepted.c.subject.in_(subjects))
        .group_by(accepted.c.subject)
    )
    with reached(), engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}
