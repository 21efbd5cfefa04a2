from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from headway.host.database import Database, open_database, references
from headway.host.read_cache import ANSWERS_MAX, LENGTH_MAX, Cached, Touched, Writes, touched_by

metadata = sa.MetaData()
parents = sa.Table("parents", metadata, sa.Column("id", sa.Integer, primary_key=True))
children = sa.Table(
    "children", metadata, sa.Column("id", sa.Integer, references("parents.id"), primary_key=True)
)
grandchildren = sa.Table(
    "grandchildren", metadata, sa.Column("id", sa.Integer, references("children.id"))
)
strangers = sa.Table("strangers", metadata, sa.Column("id", sa.Integer, primary_key=True))


class Asked(list[object]):
    """Answers with how often it was asked, and remembers what about."""

    def __call__(self, about: object) -> int:
        self.append(about)
        return len(self)


def test_an_answer_is_kept_by_what_it_is_about() -> None:
    asked = Asked()
    question = Cached(Writes(), asked, parents)
    assert [question("a"), question("b"), question("a"), question("b")] == [1, 2, 1, 2]
    assert asked == ["a", "b"]


def test_none_is_an_answer() -> None:
    asked: list[str] = []
    question: Cached[str, None] = Cached(Writes(), asked.append, parents)
    assert question("a") is question("a") is None
    assert asked == ["a"]


def test_what_failed_is_asked_again() -> None:
    asked = Asked()

    def fails_first(about: str) -> int:
        if asked(about) == 1:
            raise LookupError
        return len(asked)

    question = Cached(Writes(), fails_first, parents)
    with pytest.raises(LookupError):
        question("a")
    assert question("a") == question("a") == 2


@pytest.mark.parametrize(
    ("written", "anew"),
    [
        ({parents}, True),
        ({children}, True),
        ({strangers}, False),
        ({strangers, children}, True),
        (set(), False),
        ({None}, True),
    ],
    ids=["one of its tables", "the other", "another", "one of several", "none", "nobody knows"],
)
def test_a_write_makes_it_ask_anew(written: Touched, anew: bool) -> None:
    writes = Writes()
    question = Cached(writes, Asked(), parents, children)
    question("a")
    writes.note(written)
    assert question("a") == (2 if anew else 1)


def test_an_answer_from_before_a_write_is_not_kept() -> None:
    """Another thread writes while the database is being asked."""
    writes, asked = Writes(), Asked()

    def while_others_write(about: str) -> int:
        found = asked(about)
        writes.note({parents})
        return found

    question = Cached(writes, while_others_write, parents)
    assert [question("a"), question("a")] == [1, 2]


def test_what_is_kept_is_bounded() -> None:
    asked = Asked()
    question = Cached(Writes(), asked, parents)
    for number in range(ANSWERS_MAX + 1):
        question(number)
    question(ANSWERS_MAX)
    assert len(asked) == ANSWERS_MAX + 1, "the last one is kept"
    question(0)
    assert len(asked) == ANSWERS_MAX + 2, "and the first is not"


def test_what_is_too_long_to_name_anything_is_not_kept() -> None:
    asked = Asked()
    question = Cached(Writes(), asked, parents)
    for length in (LENGTH_MAX, LENGTH_MAX + 1):
        question("a" * length)
        question("a" * length)
    assert [len(str(each)) for each in asked] == [LENGTH_MAX, LENGTH_MAX + 1, LENGTH_MAX + 1]


@pytest.mark.parametrize(
    ("statement", "touched"),
    [
        (sa.select(parents), set()),
        (parents.insert(), {parents}),
        (parents.update(), {parents}),
        (parents.delete(), {parents, children, grandchildren}),
        (children.delete(), {children, grandchildren}),
        (strangers.delete(), {strangers}),
        ("DELETE FROM parents", {None}),
        (sa.text("DELETE FROM parents"), {None}),
        (sa.schema.CreateTable(parents), {None}),
        (sa.insert(sa.table("parents")), {None}),
    ],
    ids=[
        *("select", "insert", "update", "delete", "delete further down", "delete alone"),
        *("the driver's text", "text", "another statement", "what is no table"),
    ],
)
def test_what_a_statement_touches(statement: object, touched: Touched) -> None:
    assert touched_by(statement) == touched


# ---- of a database ----------------------------------------------------------------------------


@pytest.fixture
def database() -> Iterator[Database]:
    with open_database(None) as opened:
        with opened.writing() as connection:
            metadata.create_all(connection)
        yield opened


def _count(database: Database, *tables: sa.Table) -> Cached[sa.Table, int]:
    def ask(table: sa.Table) -> int:
        with database.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    return database.cached(ask, *tables)


def test_whoever_writes_is_seen(database: Database) -> None:
    count = _count(database, parents, children)
    assert count(children) == 0
    with database.writing() as connection:
        connection.execute(parents.insert(), [{"id": 1}, {"id": 2}])
        connection.execute(children.insert().values(id=1))
    assert (count(parents), count(children)) == (2, 1)
    with database.writing() as connection:
        connection.execute(parents.delete().where(parents.c.id == 1))
    assert (count(parents), count(children)) == (1, 0), "what referred to it went along"
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO children VALUES (2)")
    assert count(children) == 1


def test_what_refers_is_looked_at_again_though_nobody_asked_for_the_other(
    database: Database,
) -> None:
    count = _count(database, grandchildren)
    with database.writing() as connection:
        for table in (parents, children, grandchildren):
            connection.execute(table.insert().values(id=1))
    assert count(grandchildren) == 1
    with database.writing() as connection:
        connection.execute(parents.delete())
    assert count(grandchildren) == 0


def test_a_transaction_that_is_undone(database: Database) -> None:
    count = _count(database, parents)

    def fail() -> None:
        with database.writing() as connection:
            connection.execute(parents.insert().values(id=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert count(parents) == 0
    with database.writing() as connection, connection.begin_nested() as there:
        connection.execute(parents.insert().values(id=1))
        there.rollback()
    assert count(parents) == 0


def test_a_restore_changes_everything(database: Database) -> None:
    count, before = _count(database, parents), database.snapshot()
    with database.writing() as connection:
        connection.execute(parents.insert().values(id=1))
    assert count(parents) == 1
    database.restore(before)
    assert count(parents) == 0


def test_threads_never_see_less_than_was_written(database: Database) -> None:
    """Whoever asks after a write was acknowledged gets at least that."""
    count, wrong = _count(database, parents), []
    acknowledged, done = [0], threading.Event()

    def ask() -> None:
        while not done.is_set():
            least = acknowledged[0]
            if count(parents) < least:
                wrong.append(least)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 201):
        with database.writing() as connection:
            connection.execute(parents.insert().values(id=number))
        acknowledged[0] = number
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert count(parents) == 200
