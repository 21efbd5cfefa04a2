from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.host.database import Database, meta, open_database
from headway.host.prepared import Prepared

SAVED = sa.select(meta.c.value).where(meta.c.name == "A")


def test_memory_is_empty_at_each_start() -> None:
    for _ in range(2):
        with open_database(None) as database:
            with database.writing() as connection:
                connection.execute(meta.insert().values(name="A", value="a"))
            with database.reading() as connection:
                assert connection.scalar(SAVED) == "a"


def test_a_folder_keeps_rows_and_sealing_key(tmp_path: Path) -> None:
    data = tmp_path / "site"
    with open_database(data) as database:
        sealed = database.sealer.seal(b"plain", ["place"])
        with database.writing() as connection:
            connection.execute(meta.insert().values(name="A", value="a"))
    assert {file.stat().st_mode & 0o777 for file in data.iterdir()} == {0o600}
    with open_database(data) as database:
        assert database.sealer.open(sealed, ["place"]) == b"plain"
        with database.reading() as connection:
            assert connection.scalar(SAVED) == "a"


def test_an_exception_undoes() -> None:
    def fail(database: Database) -> None:
        with database.writing() as connection:
            connection.execute(meta.insert().values(name="A", value="a"))
            raise RuntimeError

    with open_database(None) as database:
        with pytest.raises(RuntimeError):
            fail(database)
        with database.reading() as connection:
            assert connection.scalar(SAVED) is None


def test_another_version_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "site"
    with open_database(data) as database, database.writing() as connection:
        connection.execute(meta.update().values(value="99"))
    with pytest.raises(ConfigurationError, match="version 99, this one reads"):
        open_database(data)


def test_a_folder_that_can_not_be_one(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(ConfigurationError, match="is not a directory"):
        open_database(tmp_path / "site")


def test_a_snapshot_brings_everything_back(tmp_path: Path) -> None:
    with open_database(None) as database:
        sealed = database.sealer.seal(b"plain", ["place"])
        with database.writing() as connection:
            connection.execute(meta.insert().values(name="A", value="a"))
        snapshot = database.snapshot()
        assert repr(snapshot).startswith("<snapshot of ")
    with open_database(None) as another:
        another.restore(snapshot)
        with another.reading() as connection:
            assert connection.scalar(SAVED) == "a"
        assert another.sealer.open(sealed, ["place"]) == b"plain"


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_every_connection_finds_words(where: str, tmp_path: Path) -> None:
    with open_database(None if where == "memory" else tmp_path / "data") as database:
        found = sa.select(sa.func.has_words("a secret", "secret"))
        with database.reading() as connection:
            assert connection.scalar(found)


def test_a_prepared_query_and_a_kept_answer_see_what_was_written(tmp_path: Path) -> None:
    saved = Prepared(SAVED)
    for data in (None, tmp_path / "site"):
        with open_database(data) as database:
            kept = database.cached(lambda _, ask=database.select: ask(saved), meta)
            assert kept(None) == []
            with database.writing() as connection:
                connection.execute(meta.insert().values(name="A", value="a"))
            assert kept(None) == database.select(saved) == [("a",)]
