from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis
import services

from headway.errors import ConfigurationError
from headway.store.takeover.sources import (
    has_password,
    is_readable_by_others,
    redis_values,
    rows,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "their.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE "Tenants" ("clientKey" TEXT, val TEXT)')
        connection.executemany('INSERT INTO "Tenants" VALUES (?, ?)', [("a", "1"), ("b", None)])
        connection.commit()
    return path


def test_rows_of_a_file_have_their_place_and_small_names(file: Path) -> None:
    assert list(rows(str(file), ["nothing", "tenants"])) == [
        ("Tenants row 1", {"clientkey": "a", "val": "1"}),
        ("Tenants row 2", {"clientkey": "b", "val": None}),
    ]


def test_a_file_is_not_written(file: Path) -> None:
    file.chmod(0o444)
    before = file.read_bytes()
    list(rows(str(file), ["tenants"]))
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["their.db"]


def test_rows_of_a_server(postgresql: services.PostgreSQL) -> None:
    address = postgresql.new_database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute('CREATE TABLE "Tenants" ("clientKey" TEXT, val JSON)')
        connection.execute("""INSERT INTO "Tenants" VALUES ('a', '{"b": 1}')""")
    assert list(rows(address, ["tenants"])) == [
        ("Tenants row 1", {"clientkey": "a", "val": {"b": 1}})
    ]
    with pytest.raises(ConfigurationError, match="the server: has no table x or y; name one"):
        list(rows(address, ["x", "y"]))


def test_a_file_without_the_table(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"their.db: has no table x; name one"):
        list(rows(str(file), ["x"]))


def test_a_csv_is_one_table(tmp_path: Path) -> None:
    path = tmp_path / "tenants.CSV"
    path.write_bytes('\ufeffclient_key,HOST\r\na,"https://x, y"\r\nb\r\n'.encode())
    assert list(rows(str(path), ["whatever"])) == [
        ("line 2", {"client_key": "a", "host": "https://x, y"}),
        ("line 3", {"client_key": "b", "host": None}),
    ]


def spoilt(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)


def missing(path: Path) -> None:
    path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("x.db", missing, "there is no such file"),
        ("x.db", Path.mkdir, "is a directory; name a file in it"),
        ("x.db", spoilt, "is not a database"),
        ("x.csv", missing, "No such file"),
        ("x.csv", lambda path: path.write_bytes(b"a,b\n\xff\xfe,\n"), "is no CSV in UTF-8"),
    ],
    ids=["missing", "a directory", "spoilt", "missing csv", "spoilt csv"],
)
def test_what_can_not_be_read_is_one_clear_line(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / name
    spoil(path)
    with pytest.raises(ConfigurationError, match=words) as caught:
        list(rows(str(path), ["tenants"]))
    assert str(path) in str(caught.value)


def test_another_database_is_to_be_written_as_a_csv() -> None:
    for source in ("mysql://me:secret@machine/db", "redis://machine", "http://machine"):
        with pytest.raises(ConfigurationError, match="write the table of another database") as no:
            list(rows(source, ["tenants"]))
        assert "secret" not in str(no.value)


def test_a_file_that_breaks_half_way(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)  # all but the page that describes the others
    file.write_bytes(data)
    with pytest.raises(ConfigurationError, match="Tenants can not be read: DatabaseError"):
        list(rows(str(file), ["tenants"]))


def test_values_of_redis(redis_server: services.Redis) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.mset({"b:info": "2", "a:info": "1", "a:other": "3"})
        assert list(redis_values(redis_server.url, "*:info")) == [("a:info", "1"), ("b:info", "2")]
        client.delete("a:info", "b:info", "a:other")
        client.rpush("c:info", "a list")
        with pytest.raises(ConfigurationError, match="Redis can not be asked: ResponseError"):
            list(redis_values(redis_server.url, "*:info"))
        client.delete("c:info")
    with pytest.raises(ConfigurationError, match="Redis can not be asked: ConnectionError"):
        list(redis_values("redis://:hidden@127.0.0.1:1/0", "*"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("postgresql://me:secret@machine/db", True),
        ("postgresql://machine/db?user=me&password=secret", True),
        ("redis://:secret@machine:6379/0", True),
        ("postgresql://me:secret@machine:port/db", True),
        ("postgresql://me@machine/db", False),
        ("data/tenants.db", False),
    ],
)
def test_an_address_with_a_password_is_known(source: str, expected: bool) -> None:
    assert has_password(source) is expected


def test_a_file_that_others_may_read_is_known(file: Path) -> None:
    file.chmod(0o640)
    assert is_readable_by_others(str(file))
    file.chmod(0o600)
    assert not is_readable_by_others(str(file))
    assert not is_readable_by_others("postgresql://machine/db")
    assert not is_readable_by_others(str(file.with_name("none")))
