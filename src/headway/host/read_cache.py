"""What was read from the site's database, kept until a table that it came from is written.

One process serves a site, and whatever writes goes through
:meth:`~headway.host.database.Database.writing`.  So it is known which tables were
touched, and nobody who writes has to think of whoever reads.  The rules:

1. An answer is good as long as none of the tables of its question was written
   since *before* it was asked for.
2. A write counts from the end of its transaction on, whether that was kept or
   undone.  Until then everybody else sees what was there before: so it is in the
   database too.
3. With a row goes what refers to it: deleting touches those tables as well.  A
   statement that is not understood touches every table, and so does a restore.
4. What is kept can not be changed: frozen values, tuples, frozensets.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Generic, TypeAlias, TypeVar

import sqlalchemy as sa

__all__ = ["ANSWERS_MAX", "EVERY_TABLE", "Cached", "Marks", "Touched", "Writes", "touched_by"]

ANSWERS_MAX = 1000
"""Answers that are kept to one question; when one more comes, all are forgotten."""

LENGTH_MAX = 255
"""Characters of what a kept answer is about: longer names come from outside, and name nothing."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Marks: TypeAlias = tuple[int, ...]
Touched: TypeAlias = set[sa.Table | None]
"""Tables that were written; None among them stands for every one."""

EVERY_TABLE: frozenset[None] = frozenset({None})
"""What is touched where nobody knows what was written."""


class Writes:
    """When each table of one database was written last, counted in writes.

    >>> writes, one = Writes(), sa.Table("one", sa.MetaData())
    >>> before = writes.marks((one,))
    >>> writes.note({one})
    >>> before == writes.marks((one,))
    False
    """

    def __init__(self) -> None:
        self._count = itertools.count(1)  # one step of it is one step for every thread
        self._last: dict[sa.Table | None, int] = {None: 0}

    def note(self, tables: Iterable[sa.Table | None]) -> None:
        """These tables were written."""
        now = next(self._count)
        for table in tables:
            self._last[table] = now

    def marks(self, tables: tuple[sa.Table, ...]) -> Marks:
        """What stays the same as long as none of *tables* is written."""
        last = self._last
        return (last[None], *[last.get(table, 0) for table in tables])


class Cached(Generic[K, V]):
    """A question of one argument about *tables*; *ask* answers it anew.

    Any thread may ask.  None is an answer like others.

    >>> writes, one = Writes(), sa.Table("one", sa.MetaData())
    >>> def ask(name: str) -> int:
    ...     print("asked")
    ...     return len(name)
    >>> length = Cached(writes, ask, one)
    >>> length("four"), length("four")
    asked
    (4, 4)
    """

    def __init__(self, writes: Writes, ask: Callable[[K], V], *tables: sa.Table) -> None:
        self._writes = writes
        self._ask = ask
        self._tables = tables
        self._kept: tuple[Marks, dict[K, V]] = ((), {})

    def __call__(self, about: K) -> V:
        """The answer, from the database where it may have changed."""
        marks = self._writes.marks(self._tables)  # before asking: a write may come in between
        kept = self._kept
        if kept[0] != marks:
            kept = self._kept = marks, {}
        answers = kept[1]
        if about in answers:
            return answers[about]
        found = self._ask(about)
        if isinstance(about, str) and len(about) > LENGTH_MAX:
            return found
        if len(answers) >= ANSWERS_MAX:
            answers = {}
            self._kept = marks, answers
        answers[about] = found
        return found


def touched_by(statement: object) -> Touched:
    """The tables that running *statement* may change.

    >>> one = sa.Table("one", sa.MetaData(), sa.Column("id", sa.Integer))
    >>> touched_by(one.insert()) == {one}, touched_by(sa.select(one)), touched_by("DROP TABLE one")
    (True, set(), {None})
    """
    if isinstance(statement, sa.Select):
        return set()
    table = getattr(statement, "table", None)
    if isinstance(table, sa.Table) and isinstance(statement, sa.Delete):
        return {*_referring(table)}
    if isinstance(table, sa.Table) and isinstance(statement, sa.Insert | sa.Update):
        return {table}
    return {*EVERY_TABLE}


@cache
def _referring(table: sa.Table) -> frozenset[sa.Table]:
    """*table*, and the tables whose rows go with its rows, directly or not."""
    found: set[sa.Table] = set()
    new = {table}
    while new:
        found |= new
        new = {
            other
            for other in table.metadata.tables.values()
            if any(key.column.table in new for key in other.foreign_keys)
        } - found
    return frozenset(found)
