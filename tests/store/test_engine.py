from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import services
import sqlalchemy as sa

from headway.errors import ConfigurationError, StoreUnavailable
from headway.store import engine as store_engine
from headway.store.engine import (
    MEMORY,
    alone,
    copy_in,
    copy_out,
    explained,
    leaves_the_process,
    open_engine,
    order_later,
    reached,
    truncate_log,
    writing,
)

TABLE = sa.table("note", sa.column("text"))


def pragma(engine: sa.Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.scalar(sa.text(f"PRAGMA {name}"))


def note(engine: sa.Engine, text: str) -> None:
    with writing(engine).begin() as connection:
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS note (text TEXT UNIQUE)"))
        connection.execute(sa.insert(TABLE).values(text=text))


@pytest.fixture
def engine(database: Path) -> sa.Engine:
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def server(emptied: Callable[[], str]) -> sa.Engine:
    engine = open_engine(emptied())
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("trusted_schema", 0),
        ("busy_timeout", 5000),
    ],
)
def test_settings_hold_on_each_connection(engine: sa.Engine, name: str, value: object) -> None:
    with engine.connect():  # so that the next one is another
        assert pragma(engine, name) == value


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_files_are_private_whatever_the_umask(database: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        engine = open_engine(database)
        note(engine, "x")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["headway.db", "headway.db-wal", "headway.db-shm"], 0o600)
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_others_can_read_is_refused(database: Path, suffix: str) -> None:
    open_engine(database).dispose()
    path = database.with_name(database.name + suffix)
    path.touch()
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {path}$"):
        open_engine(database)


def test_a_path_that_no_file_can_have_is_refused_in_one_line():
    with pytest.raises(ConfigurationError, match="File name too long"):
        open_engine("x" * 5000)


def test_a_directory_that_others_can_enter_is_refused(database: Path) -> None:
    database.parent.mkdir()
    database.parent.chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        open_engine(str(database))
    assert not database.exists()


def test_a_file_that_is_no_database_is_refused_in_one_line(database: Path) -> None:
    open_engine(database).dispose()
    database.write_bytes(b"not a database at all" * 100)
    with pytest.raises(ConfigurationError) as caught:
        open_engine(database)
    assert str(caught.value) == f"{database.resolve()}: file is not a database"


def test_no_parameter_in_an_error_or_a_log(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    note(engine, "the bound value")
    with pytest.raises(sa.exc.IntegrityError) as caught:
        note(engine, "the bound value")
    assert "the bound value" not in f"{caught.value!r} {caught.value}"
    assert "the bound value" not in caplog.text


def test_a_write_transaction_locks_when_it_begins(engine: sa.Engine, database: Path) -> None:
    note(engine, "x")
    with writing(engine).begin(), sqlite3.connect(database, timeout=0) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT text FROM note").fetchall() == [("x",)]
    other.close()


def test_a_read_transaction_does_not_lock(engine: sa.Engine) -> None:
    note(engine, "x")
    with engine.connect() as connection:
        connection.execute(sa.select(TABLE))
        note(engine, "y")
        assert len(connection.execute(sa.select(TABLE)).all()) == 1


def test_a_failed_write_leaves_nothing(engine: sa.Engine) -> None:
    note(engine, "x")
    half_way = writing(engine).begin()
    half_way.__enter__().execute(sa.insert(TABLE).values(text="y"))
    half_way.__exit__(ValueError, ValueError(), None)
    with engine.connect() as connection:
        assert connection.execute(sa.select(TABLE)).all() == [("x",)]


def test_memory_is_one_database_for_all_threads() -> None:
    engine = open_engine(":memory:")
    threads = [threading.Thread(target=note, args=(engine, str(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert len(connection.execute(sa.select(TABLE)).all()) == 8
    truncate_log(engine)
    engine.dispose()


def test_truncating_leaves_no_deleted_bytes(engine: sa.Engine, database: Path) -> None:
    note(engine, "a text that was deleted")
    with writing(engine).begin() as connection:
        connection.execute(sa.delete(TABLE))
    log = database.with_name("headway.db-wal")
    assert b"a text that was deleted" in log.read_bytes()
    truncate_log(engine)
    assert log.read_bytes() == b""
    assert b"a text that was deleted" not in database.read_bytes()


def test_other_databases_have_no_such_log() -> None:
    truncate_log(sa.create_mock_engine("postgresql://", lambda *_: None))  # type: ignore[arg-type]


# ---- copies ---------------------------------------------------------------------------------


def texts(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(TABLE.c.text)))


@pytest.mark.parametrize("target", ["file", "memory"])
@pytest.mark.parametrize("source", ["file", "memory"])
def test_a_copy_takes_the_place_of_all(tmp_path: Path, source: str, target: str) -> None:
    first, second = (
        open_engine(MEMORY if kind == "memory" else tmp_path / place / "a.db")
        for kind, place in ((source, "first"), (target, "second"))
    )
    note(first, "kept")
    note(second, "gone")
    copy = copy_out(first)
    note(first, "later")
    copy_in(second, copy)
    assert texts(second) == ["kept"]
    note(second, "and it goes on")
    assert texts(second) == ["kept", "and it goes on"]
    if target == "file":
        assert pragma(second, "journal_mode") == "wal"
    first.dispose()
    second.dispose()


def test_a_copy_goes_back_to_where_it_came_from(engine: sa.Engine) -> None:
    note(engine, "kept")
    copy = copy_out(engine)
    note(engine, "gone")
    copy_in(engine, copy)
    assert texts(engine) == ["kept"]


def test_only_sqlite_is_copied() -> None:
    class Connection:
        driver_connection = object()

    with pytest.raises(ConfigurationError, match="SQLite"):
        store_engine.driver_of(Connection())  # type: ignore[arg-type]


def test_rows_may_come_before_what_they_refer_to(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        connection.execute(sa.text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("CREATE TABLE b (a INTEGER REFERENCES a (id))"))
    with writing(engine).begin() as connection:
        order_later(connection)
        connection.execute(sa.text("INSERT INTO b VALUES (1)"))
        connection.execute(sa.text("INSERT INTO a VALUES (1)"))

    def dangle() -> None:
        with writing(engine).begin() as connection:
            order_later(connection)
            connection.execute(sa.text("INSERT INTO b VALUES (2)"))

    with pytest.raises(sa.exc.IntegrityError):
        dangle()


# ---- PostgreSQL -----------------------------------------------------------------------------


def setting(connection: sa.Connection, name: str) -> object:
    return connection.scalar(sa.text(f"SHOW {name}"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_isolation", "read committed"),
        ("synchronous_commit", "on"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("application_name", "headway"),
        ("client_encoding", "UTF8"),
    ],
)
def test_settings_of_a_session_do_not_depend_on_the_role(
    server: sa.Engine, name: str, value: str
) -> None:
    with server.connect() as connection:
        assert setting(connection, name) == value


def test_options_of_the_address_are_kept_beside_ours(emptied: Callable[[], str]) -> None:
    engine = open_engine(f"{emptied()}?options=-c%20geqo%3Doff")
    with engine.connect() as connection:
        assert setting(connection, "geqo") == "off"
        assert setting(connection, "lock_timeout") == "5s"
    engine.dispose()


def test_no_parameter_in_an_error_of_a_server(server: sa.Engine) -> None:
    with server.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
        connection.execute(sa.text("SELECT 1 / length(:value)"), {"value": ""})
    assert "hidden" in str(caught.value)


def test_queries_leave_the_process_for_a_server_only(server: sa.Engine, engine: sa.Engine) -> None:
    assert leaves_the_process(server)
    assert not leaves_the_process(engine)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://me:hidden@machine/db", "a file, or a server at postgresql://"),
        ("postgresql://me:hidden@machine:port/db", "can not be read"),
        ("postgresql://me:hidden@127.0.0.1:1/db", "postgresql://127.0.0.1:1/db: "),
        ("postgresql://me:p@hidden@127.0.0.1:1/db", "has two @"),
        ("postgresql://me:p@a/hidden@127.0.0.1:1/db", "has two @"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line_without_its_password(
    address: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_engine(address)
    told = str(caught.value)
    assert words in told
    assert "hidden" not in told
    assert "\n" not in told


def test_a_directory_is_no_store_and_nobody_is_told_to_close_it_off(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigurationError, match=r"is a directory; name a file in it") as caught:
        open_engine(tmp_path)
    assert "chmod" not in str(caught.value)


def test_without_its_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"needs psycopg: install .* extra postgresql"):
        open_engine("postgresql://127.0.0.1/db")


def test_a_wrong_password_is_told_without_it(postgresql: services.PostgreSQL) -> None:
    address = postgresql.address("postgres").replace(quote(postgresql.password), "hidden")
    with pytest.raises(ConfigurationError, match="password authentication failed") as caught:
        open_engine(address)
    assert ":hidden" not in str(caught.value)


# ---- outages --------------------------------------------------------------------------------


def test_an_outage_is_a_refusal_that_repeats_nothing(engine: sa.Engine) -> None:
    with pytest.raises(StoreUnavailable) as caught, reached(), engine.connect() as connection:
        connection.execute(sa.text("SELECT hidden FROM nowhere"))
    assert str(caught.value).endswith("found OperationalError")
    with pytest.raises(StoreUnavailable, match="TimeoutError"), reached():
        raise sa.exc.TimeoutError("no connection")


@pytest.mark.parametrize("said", ["the first line\nDETAIL: a row\n", ""])
def test_what_a_database_says_is_one_line_without_rows(said: str) -> None:
    with pytest.raises(ConfigurationError) as caught, explained():
        raise sa.exc.ProgrammingError("SELECT 1", {}, ValueError(said))
    told = "the first line" if said else "ValueError"
    assert str(caught.value) == f"the database says: {told}"


def test_a_lock_that_is_not_had_in_time_is_an_outage(server: sa.Engine) -> None:
    mark = sa.text("SELECT mark FROM clock FOR UPDATE")
    with server.begin() as one, server.begin() as other:
        one.execute(mark)
        other.execute(sa.text("SET lock_timeout = '10ms'"))
        with pytest.raises(StoreUnavailable, match="LockNotAvailable"), reached():
            other.execute(mark)


def test_upgrades_hold_each_other_off(server: sa.Engine) -> None:
    with server.begin() as one, server.begin() as other:
        alone(one)
        other.execute(sa.text("SET lock_timeout = '10ms'"))
        with pytest.raises(sa.exc.OperationalError):
            alone(other)


def test_a_connection_that_broke_is_replaced_unseen(
    server: sa.Engine, postgresql: services.PostgreSQL
) -> None:
    with server.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
    postgresql.stop(signal.SIGQUIT)
    postgresql.start()
    with server.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


# ---- forks ----------------------------------------------------------------------------------

FORKS = r"""
import gc, os
import sqlalchemy as sa
from headway.store.engine import open_engine

engine = open_engine(os.environ["DATABASE"])
gone = open_engine(os.environ["DATABASE"])
gone.dispose()
del gone
gc.collect()

def who():
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        mine = getattr(getattr(driver, "info", None), "backend_pid", driver)
        for _ in range(50):
            assert connection.scalar(sa.text("SELECT 1 + 1")) == 2
        return mine

before = who()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        mine = who()
        os.write(1, b"%d\n" % (mine != before))
        os._exit(0)
    children.append(child)
assert who() == before  # the parent's connection is its own, and goes on
print(*(os.waitpid(child, 0)[1] for child in children), flush=True)
assert who() == before
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_forked_process_opens_connections_of_its_own(
    request: pytest.FixtureRequest, database: Path, kind: str
) -> None:
    place = str(database) if kind == "sqlite" else request.getfixturevalue("emptied")()
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "DATABASE": place},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told.count("1") == 3, told
    assert "0 0 0" in told
