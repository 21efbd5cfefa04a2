"""What is still to be told to apps, and what became of it: kept in the site's database.

A delivery is written before whoever caused it is answered, so nothing that was
acknowledged is lost.  There is no token in it: each try is signed anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.prepared import Prepared
from headway.host.world.rows import number, read

__all__ = ["Deliveries", "Delivery", "Lane", "Message", "State", "Told", "Try"]

PENDING_MAX = 1000  # deliveries that wait for one app; the oldest of more is given up
KEPT = 1000  # deliveries that are done with, of all apps

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("app_key", sa.Text, nullable=False),
    sa.Column("call", sa.Text, nullable=False),  # a row of the table of outgoing calls
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),  # absolute, its variables filled in
    sa.Column("flow", sa.Text, nullable=False),
    sa.Column("body_id", sa.Integer, sa.ForeignKey("delivery_bodies.id"), index=True),
    sa.Column("at", sa.Float, nullable=False),  # the site's date when it happened
    sa.Column("due", sa.Float, nullable=False),  # the site's date of the next try; 0 is at once
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("ended", sa.Float),  # the site's date when it was done with
    sa.Index("deliveries_by_state", "state", "product", "app_key", "id"),
)

bodies = sa.Table(  # one for all the apps that are told the same
    "delivery_bodies",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

tries = sa.Table(
    "delivery_tries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("delivery_id", sa.Integer, references("deliveries.id"), nullable=False, index=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("said", sa.Text, nullable=False),
)


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Lane(NamedTuple):
    """One app in one product: its deliveries go out one after the other."""

    product: str
    app_key: str


class Message(NamedTuple):
    """One thing to tell one app; *call* is a row of the table of outgoing calls."""

    lane: Lane
    call: str
    event: str
    url: str
    with_body: bool = True
    flow: Literal["Primary", "Secondary"] = "Primary"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way.

    ``identifier`` stays the same through all tries ("Webhooks").  ``at`` and
    ``due`` are dates of the site, in seconds since 1970; ``due`` is 0 where
    the next try is due at once.
    """

    id: int
    product: str
    app_key: str
    call: str
    event: str
    identifier: str
    url: str
    flow: str
    body_id: int | None
    at: float
    due: float
    tries: int
    state: str
    ended: float | None


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One try: ``time`` is real, ``at`` the site's date; ``status`` is None without an answer."""

    time: float
    at: float
    status: int | None
    said: str


class Told(NamedTuple):
    """A delivery with all that was tried."""

    delivery: Delivery
    tries: list[Try]


_id, _is_done = deliveries.c.id, deliveries.c.state != State.PENDING
_due = sa.and_(deliveries.c.state == State.PENDING, deliveries.c.due <= sa.bindparam("at"))
_later = sa.and_(deliveries.c.state == State.PENDING, deliveries.c.due > sa.bindparam("at"))
_lane = sa.and_(
    deliveries.c.product == sa.bindparam("product"),
    deliveries.c.app_key == sa.bindparam("app_key"),
)

_DUE = Prepared(sa.select(deliveries.c.product, deliveries.c.app_key).where(_due).distinct())
_NEXT_DATE = Prepared(sa.select(sa.func.min(deliveries.c.due)).where(_later))
_NEXT = Prepared(
    sa.select(*(deliveries.c[name] for name in Delivery.__struct_fields__), bodies.c.data)
    .select_from(deliveries.outerjoin(bodies))
    .where(_due, _lane)
    .order_by(_id)
    .limit(1)
)
_waits = sa.and_(deliveries.c.state == State.PENDING, _lane)
_WAITING = Prepared(sa.select(sa.func.count()).where(_waits))
_OLDEST_WAITING = Prepared(sa.select(_id).where(_waits).order_by(_id).limit(sa.bindparam("most")))
_NUMBER_DONE = Prepared(sa.select(sa.func.count()).where(_is_done))
_OLDEST_DONE = Prepared(
    sa.select(_id, deliveries.c.body_id).where(_is_done).order_by(_id).limit(sa.bindparam("most"))
)

_ADD, _ADD_BODY, _ADD_TRY = deliveries.insert(), bodies.insert(), tries.insert()
_MINE = _id == sa.bindparam("mine")
_CHANGE = (
    deliveries.update()
    .where(_MINE)
    .values({name: sa.bindparam(name) for name in ("state", "due", "tries", "ended")})
)
_GIVE_UP = deliveries.update().where(_MINE).values(state=State.FAILED, ended=sa.bindparam("ended"))
_DROP = deliveries.delete().where(_MINE)
_DROP_BODY = bodies.delete().where(
    bodies.c.id == sa.bindparam("gone"),
    ~sa.exists(sa.select(_id).where(deliveries.c.body_id == bodies.c.id)),
)


class Deliveries:
    """The table of deliveries; every call is one transaction.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     kept = Deliveries(database)
    ...     to = Message(Lane("jira", "my-app"), "webhook", "jira:issue_created", "http://h/")
    ...     kept.add([to], b"{}", at=0.0)
    ...     [told.delivery.state for told in kept.newest()]
    ['pending']
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- going out --------------------------------------------------------------------------

    def add(self, messages: Iterable[Message], body: bytes, *, at: float) -> None:
        """Keep *messages* until they are delivered; each that has a body has this one."""
        messages = list(messages)
        with self._database.writing() as connection:
            body_id = None
            if any(message.with_body for message in messages):
                body_id = connection.execute(_ADD_BODY, {"data": body}).lastrowid
            rows = [
                {
                    **message.lane._asdict(),
                    "call": message.call,
                    "event": message.event,
                    "identifier": str(uuid.uuid4()),
                    "url": message.url,
                    "flow": message.flow,
                    "body_id": body_id if message.with_body else None,
                    "at": at,
                    "due": 0.0,
                    "tries": 0,
                    "state": State.PENDING,
                }
                for message in messages
            ]
            connection.execute(_ADD, rows)
            for lane in {message.lane for message in messages}:
                _bound(connection, lane, at)

    def due(self, at: float) -> set[Lane]:
        """The lanes in which something is due on the site's date *at*."""
        return {Lane(*row) for row in self._database.select(_DUE, at=at)}

    def next_date(self, at: float) -> float | None:
        """The first date of the site after *at* on which a try is due; None where none waits."""
        ((date,),) = self._database.select(_NEXT_DATE, at=at)
        return None if date is None else float(date)

    def next(self, lane: Lane, at: float) -> tuple[Delivery, bytes] | None:
        """The oldest delivery of *lane* that is due, with its body."""
        for *values, body in self._database.select(_NEXT, at=at, **lane._asdict()):
            names = Delivery.__struct_fields__
            return Delivery(**dict(zip(names, values, strict=True))), bytes(body or b"")
        return None

    def tried(self, delivery: Delivery, made: Try, state: State, due: float = 0.0) -> None:
        """Write down what became of a try: done with, or *due* again at a date of the site."""
        with self._database.writing() as connection:
            row = {"delivery_id": delivery.id, **msgspec.structs.asdict(made)}
            connection.execute(_ADD_TRY, row)
            ended = None if state is State.PENDING else made.at
            values = {"state": state, "due": due, "tries": delivery.tries + 1, "ended": ended}
            connection.execute(_CHANGE, {"mine": delivery.id, **values})
            if state is not State.PENDING:
                _forget(connection)

    def send_again(self, delivery_id: int | str) -> bool:
        """Make a delivery due at once, with the same identifier; False where there is none."""
        change = (
            deliveries.update()
            .where(deliveries.c.id == number(delivery_id))
            .values(state=State.PENDING, due=0.0, ended=None)
        )
        with self._database.writing() as connection:
            return connection.execute(change).rowcount == 1

    # ---- what became of them ----------------------------------------------------------------

    def newest(self, most: int = 200) -> list[Told]:
        """The newest deliveries, the newest first."""
        newest_first = deliveries.c.id.desc()
        with self._database.reading() as connection:
            query = sa.select(deliveries.c.id).order_by(newest_first).limit(most)
            shown = deliveries.c.id.in_(query.scalar_subquery())
            return _told(connection, read(connection, Delivery, deliveries, shown, newest_first))

    def failed(self, lane: Lane, after: float) -> list[tuple[Delivery, bytes]]:
        """What of *lane* was given up later than *after*, a date of the site; the oldest first."""
        columns = deliveries.c
        given_up = sa.and_(columns.state == State.FAILED, columns.ended > after, _in(lane))
        with self._database.reading() as connection:
            found = read(connection, Delivery, deliveries, given_up, columns.ended)
            return [(delivery, _body(connection, delivery.body_id)) for delivery in found]


def _in(lane: Lane) -> sa.ColumnElement[bool]:
    columns = deliveries.c
    return sa.and_(columns.product == lane.product, columns.app_key == lane.app_key)


def _body(connection: sa.Connection, body_id: int | None) -> bytes:
    if body_id is None:
        return b""
    query = sa.select(bodies.c.data).where(bodies.c.id == body_id)
    return bytes(connection.execute(query).scalar_one())


def _told(connection: sa.Connection, found: list[Delivery]) -> list[Told]:
    made: dict[int, list[Try]] = {delivery.id: [] for delivery in found}
    names = Try.__struct_fields__
    columns = [tries.c.delivery_id, *(tries.c[name] for name in names)]
    query = sa.select(*columns).where(tries.c.delivery_id.in_(made)).order_by(tries.c.id)
    for delivery_id, *values in connection.execute(query):
        made[delivery_id].append(Try(**dict(zip(names, values, strict=True))))
    return [Told(delivery, made[delivery.id]) for delivery in found]


def _bound(connection: sa.Connection, lane: Lane, at: float) -> None:
    """An app that never answers fills no disk: the oldest that wait make room."""
    ((waiting,),) = _WAITING.within(connection, **lane._asdict())
    if waiting <= PENDING_MAX:
        return
    said = f"not sent: {PENDING_MAX} newer ones wait for this app"
    not_made = {"time": at, "at": at, "status": None, "said": said}
    for (too_old,) in _OLDEST_WAITING.within(
        connection, most=waiting - PENDING_MAX, **lane._asdict()
    ):
        connection.execute(_GIVE_UP, {"mine": too_old, "ended": at})
        connection.execute(_ADD_TRY, {"delivery_id": too_old, **not_made})
    _forget(connection)


def _forget(connection: sa.Connection) -> None:
    """Drop the oldest of those that are done with, and what only they needed."""
    ((done,),) = _NUMBER_DONE.within(connection)
    if done <= KEPT:
        return
    oldest = _OLDEST_DONE.within(connection, most=done - KEPT)
    connection.execute(_DROP, [{"mine": found} for found, _ in oldest])
    needed = {body_id for _, body_id in oldest if body_id is not None}
    if needed:
        connection.execute(_DROP_BODY, [{"gone": found} for found in needed])
