"""Installations: who installed the app, and with which secret.

Each write is one transaction that holds the write lock, and does in it, in
this order: (1) hold the clock to the latest time recorded, (2) erase what is
past its time, (3) compare the event's token with those accepted before,
(4) record token and change together.  So an event counts once, in its order,
also after a restart and with several processes on one database.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from headway.errors import (
    ClockBehind,
    ConfigurationError,
    InstallationIdTaken,
    InstallStale,
    SecretTooShort,
    TokenReplayed,
)
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import Clock, Credentials, NeedKey, OnceOnly
from headway.store.cache import ReadThrough
from headway.store.engine import reached, truncate_log, writing
from headway.store.replay import LEEWAY
from headway.store.tables import accepted, clock, installations

__all__ = [
    "SECRET_COLUMNS",
    "Forgotten",
    "Installations",
    "in_turn",
    "is_row",
    "place",
    "subject",
    "written",
]

OVERLAP_MAX = 300
TOKEN_LIFE_MAX = 3600
"""Seconds from ``iat`` to ``exp`` that a lifecycle token may have; a tombstone outlasts them."""

SECRET_COLUMNS = ("shared_secret", "previous_secret")
_SECRETS_VERSION = "installations 1"  # of what those columns hold


class Forgotten(NamedTuple):
    """What was removed: installations with their secrets; and what stays of events, as hashes.

    ``until`` is when the hashes go, in seconds since 1970; 0 where there are none.
    """

    installations: int
    events: int
    until: int

    def __bool__(self) -> bool:
        return self.installations + self.events > 0


class Installations:
    """The installations of one app (and of others, by name) in one database.

    It answers the questions of ``verify``: whose secret (``find``), and
    whether a lifecycle token is new (``first``).  Synchronous, and safe to
    share between threads.  A database that does not answer is
    :class:`~headway.errors.StoreUnavailable` in every call; what was read
    lately is answered from memory meanwhile.

    *overlap* is the time in seconds for which a replaced secret still
    verifies, at most 300.  *cache_life* bounds, in seconds, how long another
    process may go on accepting a site that was uninstalled here; *cache_size*
    bounds the installations held in memory.  *clock* is the time of day,
    *ticks* a clock that never goes back.

    >>> from headway.store.engine import open_engine
    >>> from headway.store.migrations import upgrade
    >>> engine = open_engine(":memory:")
    >>> version = upgrade(engine)
    >>> store = Installations(engine, Sealer({"k1": bytes(32)}, "k1"), app_key="my-app")
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("at least 16 bytes"))
    >>> proof = OnceOnly(scope="site", digest="5f70bf18", issued=1000, until=1180)
    >>> store.install(site, proof)
    <installation of my-app on site>
    >>> store.find(NeedKey(issuer="site", symmetric=True)).keys
    (<secret>,)
    >>> engine.dispose()
    """

    def __init__(
        self,
        engine: sa.Engine,
        sealer: Sealer,
        *,
        app_key: str,
        clock: Clock = time.time,
        ticks: Clock = time.monotonic,
        overlap: int = OVERLAP_MAX,
        cache_size: int = 1024,
        cache_life: float = 60.0,
    ) -> None:
        if not 0 <= overlap <= OVERLAP_MAX:
            raise ConfigurationError(f"a replaced secret may verify for 0 to {OVERLAP_MAX} seconds")
        self._engine = engine
        self._sealer = sealer
        self._app_key = app_key
        self._clock = clock
        self._overlap = overlap
        self._cache = ReadThrough(self._keys_of, size=cache_size, life=cache_life, ticks=ticks)

    # ---- questions --------------------------------------------------------------------------

    def get(self, app_key: str, client_key: str) -> Installation | None:
        """The installation, or None.

        None also where its secret is under 16 bytes, as an import may have
        left it: anyone could guess that, so nobody is known by it.

        Raises:
            ConfigurationError: a stored secret does not open.
        """
        query = sa.select(installations).where(*is_row(app_key, client_key))
        return next(iter(self._read(query)), None)

    def by_installation_id(self, installation_id: str) -> Installation | None:
        """The installation that Forge knows by *installation_id*, of whichever app; or None.

        Read from the database each time.

        Raises:
            ConfigurationError: a stored secret does not open.
            StoreUnavailable: the database does not answer.
        """
        query = sa.select(installations).where(installations.c.installation_id == installation_id)
        return next(iter(self._read(query)), None)

    def list(self, app_key: str | None = None) -> tuple[Installation, ...]:
        """Every installation of *app_key* (or of this app), in the order of its client keys.

        Raises:
            ConfigurationError: a stored secret does not open.
        """
        query = sa.select(installations).where(
            installations.c.app_key == (app_key or self._app_key)
        )
        return tuple(self._read(query.order_by(installations.c.client_key)))

    def find(self, need: NeedKey) -> Credentials | None:
        """The secrets of ``need.issuer``, from memory where they were read lately.

        With ``need.fresh`` they are read again, at most once a second for each
        issuer: so long can forged tokens delay a secret that another process
        has recorded.

        Raises:
            ConfigurationError: a stored secret does not open.
        """
        if not need.symmetric:
            return None
        known = self._cache.recall(need.issuer, fresh=need.fresh)
        if known is not None:
            found = known.value
            if found is None or not self._is_over(found):
                return found
            self._cache.drop(need.issuer)
        found, cached = self._cache.find(need.issuer, fresh=need.fresh)
        if found is None or cached:
            return found
        return msgspec.structs.replace(found, cached=False)

    def recall(self, need: NeedKey) -> tuple[Credentials | None] | None:
        """What :meth:`find` would answer from memory, in a tuple; None where it would read.

        For an event loop, which must not wait for a database.
        """
        if not need.symmetric:
            return (None,)
        known = self._cache.recall(need.issuer, fresh=need.fresh)
        if known is None or (known.value is not None and self._is_over(known.value)):
            return None
        return (known.value,)

    def _keys_of(self, client_key: str) -> Credentials | None:
        """What is remembered of *client_key*: its keys, until one of them is over."""
        found = self._get_own(client_key)
        if found is None:
            return None
        return Credentials(keys=found.secrets(self._clock()), installation=found, cached=True)

    def _is_over(self, known: Credentials) -> bool:
        """Whether *known* holds a secret whose time is over."""
        if len(known.keys) == 1:
            return False
        site = known.installation
        return site is not None and self._clock() >= site.previous_until

    def first(self, once: OnceOnly) -> bool:
        """Whether no event with this token was accepted yet; records nothing.

        An early answer only: ``install`` and ``uninstall`` ask again in the
        transaction that records the token.

        Raises:
            ClockBehind: the clock stands behind the latest time recorded.
        """
        query = sa.select(accepted.c.digest).where(accepted.c.digest == once.digest)
        with reached(), self._engine.connect() as connection:
            _held(connection.scalar(sa.select(clock.c.mark)), int(self._clock()))
            return connection.execute(query).first() is None

    # ---- events -----------------------------------------------------------------------------

    def install(self, installation: Installation, proof: OnceOnly) -> Installation:
        """Record an accepted ``installed`` event; return the installation as it now stands.

        A changed secret replaces the old one, which verifies until the overlap
        is over.  The same event in a fresh token changes nothing.

        Raises:
            InstallStale: a newer event was accepted, or an uninstallation
                that is not older.
            TokenReplayed: an event with this very token was accepted.
            InstallationIdTaken: another installation has its ``installation_id``.
            ClockBehind: the clock stands behind the latest time recorded.
            ConfigurationError: the stored secret does not open.
        """
        key = (installation.app_key, installation.client_key)
        with self._writing(*key) as (connection, now):
            row = (
                connection.execute(sa.select(installations).where(*is_row(*key))).mappings().first()
            )
            _accept(connection, subject(*key), proof, strictly=row is None)
            _check_free(connection, installation)
            before = None if row is None else self._opened(row, now)
            after = self._succeeding(before, installation, now)
            values = written(after, self._sealer)
            if row is None:
                connection.execute(sa.insert(installations).values(values))
            else:
                connection.execute(sa.update(installations).where(*is_row(*key)).values(values))
        return after

    def uninstall(self, app_key: str, client_key: str, proof: OnceOnly) -> bool:
        """Remove an installation with its secrets; False where there was none.

        What stays is a tombstone: when the last event was issued, and hashes.

        Raises:
            InstallStale: a newer event was accepted.
            TokenReplayed: an event with this very token was accepted.
            ClockBehind: the clock stands behind the latest time recorded.
        """
        with self._writing(app_key, client_key) as (connection, _):
            _accept(connection, subject(app_key, client_key), proof, strictly=False)
            gone = connection.execute(sa.delete(installations).where(*is_row(app_key, client_key)))
        truncate_log(self._engine)
        return gone.rowcount > 0

    def enable(self, app_key: str, client_key: str, enabled: bool) -> bool:
        """Record ``enabled`` or ``disabled``; False where there is no installation.

        Raises:
            ClockBehind: the clock stands behind the latest time recorded.
        """
        change = (
            sa.update(installations).where(*is_row(app_key, client_key)).values(enabled=enabled)
        )
        with self._writing(app_key, client_key) as (connection, _):
            return connection.execute(change).rowcount > 0

    def forget(self, app_key: str, client_key: str) -> Forgotten:
        """Remove all of an installation; what is returned is false where nothing was kept.

        The tombstone goes with the first write after every token that was
        issued before has expired.

        Raises:
            ClockBehind: the clock stands behind the latest time recorded.
        """
        # An older token may live longer than the last one: the longest life decides.
        longest = accepted.c.issued + TOKEN_LIFE_MAX + LEEWAY
        end = sa.case((accepted.c.until > longest, accepted.c.until), else_=longest)
        of_site = accepted.c.subject == subject(app_key, client_key)
        # By LEEWAY more, clocks may go back.
        mark = sa.update(accepted).where(of_site).values(forget_at=end + LEEWAY)
        with self._writing(app_key, client_key) as (connection, _):
            gone = connection.execute(sa.delete(installations).where(*is_row(app_key, client_key)))
            kept = connection.execute(mark)
            last = sa.select(sa.func.max(accepted.c.forget_at)).where(of_site)
            until = connection.scalar(last) or 0
        truncate_log(self._engine)
        return Forgotten(gone.rowcount, kept.rowcount, until)

    # ---- transactions -----------------------------------------------------------------------

    @contextmanager
    def _writing(self, app_key: str, client_key: str) -> Iterator[tuple[sa.Connection, int]]:
        """The one transaction of a write, and the time at which it happens."""
        with in_turn(self._engine, self._clock) as turn:
            yield turn
        if app_key == self._app_key:
            self._cache.drop(client_key)

    def _read(self, query: sa.Select[Any]) -> Iterator[Installation]:
        now = int(self._clock())
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        if any(row["previous_secret"] is not None and row["previous_until"] <= now for row in rows):
            with reached(), writing(self._engine).begin() as connection:
                _erase_secrets(connection, now)
            truncate_log(self._engine)
        for row in rows:
            installation = self._opened(row, now)
            if installation is not None:
                yield installation

    def _get_own(self, client_key: str) -> Installation | None:
        if "\0" in client_key:
            return None  # PostgreSQL knows no such text
        return self.get(self._app_key, client_key)

    # ---- values and rows --------------------------------------------------------------------

    def _succeeding(self, before: Installation | None, new: Installation, now: int) -> Installation:
        """*new* as the event after *before*: with what an event does not say, and the overlap."""
        enabled, installed_at = new.enabled, now
        previous, until = None, 0
        if before is not None:
            enabled, installed_at = before.enabled, before.installed_at
            if new.shared_secret == before.shared_secret:
                previous, until = before.previous_secret, before.previous_until
            elif self._overlap:
                previous, until = before.shared_secret, now + self._overlap
        return msgspec.structs.replace(
            new,
            enabled=enabled,
            installed_at=installed_at,
            previous_secret=previous,
            previous_until=until,
        )

    def _opened(self, row: sa.RowMapping, now: int) -> Installation | None:
        """The row without what is past its time; None where its secret is too short."""
        values: dict[str, Any] = dict(row)
        live = row["previous_secret"] is not None and now < row["previous_until"]
        try:
            values["shared_secret"] = self._secret("shared_secret", row)
            values["previous_secret"] = self._secret("previous_secret", row) if live else None
        except SecretTooShort:
            return None
        values["previous_until"] = row["previous_until"] if live else 0
        values["product"] = Product(row["product"])
        return Installation(**values)

    def _secret(self, column: str, row: sa.RowMapping) -> Secret:
        sealed = row[column]
        if not isinstance(sealed, bytes):
            raise ConfigurationError(f"the {column} of an installation is stored unsealed")
        return Secret(self._sealer.open(sealed, place(column, row["app_key"], row["client_key"])))


@contextmanager
def in_turn(engine: sa.Engine, of_day: Clock) -> Iterator[tuple[sa.Connection, int]]:
    """A transaction in line with all other writers, and the time at which it happens.

    Raises:
        ClockBehind: the clock stands behind the latest time recorded.
        StoreUnavailable: the database does not answer.
    """
    with reached(), writing(engine).begin() as connection:
        now = int(of_day())
        # (1) the clock; where a database locks rows, this row puts writers in a line
        mark = connection.scalar(sa.select(clock.c.mark).with_for_update())
        connection.execute(sa.update(clock).values(mark=_held(mark, now)))
        # (2) what is past its time
        _erase_secrets(connection, now)
        connection.execute(sa.delete(accepted).where(accepted.c.forget_at < now))
        yield connection, now


def written(value: Installation, sealer: Sealer) -> dict[str, Any]:
    """*value* as its row, with its secrets sealed."""
    row = msgspec.structs.asdict(value)
    row["product"] = value.product.value
    for column in SECRET_COLUMNS:
        if row[column] is not None:
            where = place(column, value.app_key, value.client_key)
            row[column] = sealer.seal(row[column].reveal(), where)
    return row


def place(column: str, app_key: str, client_key: str) -> tuple[str, ...]:
    """What a sealed secret is bound to: moved elsewhere, it does not open."""
    return (_SECRETS_VERSION, column, app_key, client_key)


def is_row(app_key: str, client_key: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that picks one installation."""
    return installations.c.app_key == app_key, installations.c.client_key == client_key


def _check_free(connection: sa.Connection, new: Installation) -> None:
    """Refuse an ``installation_id`` that is another row's; writers stand in a line."""
    if new.installation_id is None:
        return
    query = sa.select(installations.c.app_key, installations.c.client_key).where(
        installations.c.installation_id == new.installation_id
    )
    row = connection.execute(query).first()
    if row is not None and tuple(row) != (new.app_key, new.client_key):
        raise InstallationIdTaken(found=f"installation of {row.app_key} on {row.client_key}")


def subject(app_key: str, client_key: str) -> str:
    """What a tombstone is kept under: a hash, with lengths so that no two pairs share a text."""
    parts = (app_key.encode(), client_key.encode())
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(b"headway accepted 1" + text).hexdigest()


def _held(mark: int | None, now: int) -> int:
    """The latest time recorded, *now* among it; refuses where *now* is behind it."""
    if mark is None:
        raise ConfigurationError("the database has lost the mark of its clock")
    if now < mark - LEEWAY:
        raise ClockBehind(expected=f"{mark} or later", found=str(now))
    return max(mark, now)


def _erase_secrets(connection: sa.Connection, now: int) -> None:
    """Overwrite every replaced secret whose time is over."""
    expired = installations.c.previous_secret.is_not(None) & (installations.c.previous_until <= now)
    connection.execute(
        sa.update(installations).where(expired).values(previous_secret=None, previous_until=0)
    )


def _accept(connection: sa.Connection, subject: str, proof: OnceOnly, *, strictly: bool) -> None:
    """Record *proof* as the last event of *subject*; *strictly* asks for a later second.

    That is for an ``installed`` after the end: within one second, the order of
    two events can not be known, and the end counts.
    """
    # (3) compare
    of_subject = accepted.c.subject == subject
    before = connection.execute(sa.select(accepted.c.digest, accepted.c.issued).where(of_subject))
    digests = {row.digest: row.issued for row in before}
    last = max(digests.values(), default=None)
    if proof.digest in digests:
        raise TokenReplayed(expected="a token that was not used yet")
    if last is not None and (proof.issued < last or (strictly and proof.issued == last)):
        word = "after" if strictly else "at or after"
        raise InstallStale(expected=f"iat {word} {last}", found=f"iat {proof.issued}")
    # (4) record
    connection.execute(sa.delete(accepted).where(of_subject, accepted.c.issued < proof.issued))
    connection.execute(
        sa.insert(accepted).values(
            subject=subject, digest=proof.digest, issued=proof.issued, until=proof.until
        )
    )
