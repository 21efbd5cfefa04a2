"""What lies in a store: listed, read in ranges, compared; by fsspec's store in memory."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from fsspec.asyn import get_loop
from fsspec.implementations.memory import MemoryFileSystem

from headway.errors import ConfigurationError
from headway.scan.findings import Unread
from headway.scan.stores import objects
from headway.scan.stores.address import parse_address
from headway.scan.stores.objects import (
    ATTEMPTS,
    ObjectNotRead,
    Store,
    Stored,
    objects_in,
    store_of,
)

KEYS = ("logs/a.log", "logs/b.gz", "logs/2026/c.log", "logs-old/d.log", "logs", "e [1].log")


class Files:
    """Objects in memory, in the terms of fsspec; *failing* is raised first, one for each call."""

    def __init__(self, keys: tuple[str, ...] = KEYS) -> None:
        self.content = {f"bucket/{key}": key.encode() * 3 for key in keys}
        self.failing: list[Exception] = []
        self.asked = 0

    def _entry(self, path: str) -> dict[str, Any]:
        content = self.content[path]
        return {"name": path, "size": len(content), "ETag": f'"{hash(content)}"', "type": "file"}

    def _fail(self) -> None:
        self.asked += 1
        if self.failing:
            raise self.failing.pop(0)

    def find(self, path: str, *, prefix: str = "", detail: bool) -> dict[str, dict[str, Any]]:
        self._fail()
        start = f"{path.rstrip('/')}/{prefix}"
        return {each: self._entry(each) for each in self.content if each.startswith(start)}

    def info(self, path: str) -> dict[str, Any]:
        self._fail()
        if path not in self.content:
            raise FileNotFoundError(path)
        return self._entry(path)

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        self._fail()
        return self.content[path][start:end]

    def exists(self, path: str) -> bool:
        return path in self.content

    def put_file(self, local: str, path: str, mode: str) -> None:
        assert mode == "create"
        self._fail()
        self.content[path] = Path(local).read_bytes()


@pytest.fixture
def files() -> Files:
    """Some objects."""
    return Files()


@pytest.fixture
def store(files: Files) -> Store:
    """A store of them that does not wait."""
    return Store("s3", files, sleep=lambda seconds: None)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    store_of.cache_clear()


def found(store: Store, address: str) -> list[str]:
    """The keys of what *address* means."""
    return [each.path.removeprefix("bucket/") for each in store.found(parse_address(address))]


@pytest.mark.parametrize(
    ("address", "keys"),
    [
        ("s3://bucket/logs/a.log", ["logs/a.log"]),
        ("s3://bucket/logs", ["logs", "logs/2026/c.log", "logs/a.log", "logs/b.gz"]),
        ("s3://bucket/logs/", ["logs/2026/c.log", "logs/a.log", "logs/b.gz"]),
        ("s3://bucket/logs/*.log", ["logs/a.log"]),
        ("s3://bucket/logs*/**", ["logs-old/d.log", "logs/2026/c.log", "logs/a.log", "logs/b.gz"]),
        ("s3://bucket/logs/?.gz", ["logs/b.gz"]),
        ("s3://bucket/**/*.log",
         ["e [1].log", "logs-old/d.log", "logs/2026/c.log", "logs/a.log"]),
        ("s3://bucket/log", []),
        ("s3://bucket", sorted(KEYS)),
    ],
)  # fmt: skip
def test_what_an_address_means(store: Store, address: str, keys: list[str]) -> None:
    assert sorted(found(store, address)) == sorted(keys)
    assert found(store, address) == sorted(found(store, address))


def test_a_file_system_of_fsspecs_own() -> None:
    files = MemoryFileSystem()
    files.pipe_file("/bucket/logs/a.log", b"0123456789")
    files.pipe_file("/bucket/logs/marker/", b"")
    store = Store("gs", files)
    assert store.read(Stored("gs://bucket/logs/a.log", 10, ""), 3, 6) == b"345"


def test_markers_of_folders_are_no_objects(files: Files, store: Store) -> None:
    files.content["bucket/logs/"] = b""
    assert found(store, "s3://bucket/logs/") == ["logs/2026/c.log", "logs/a.log", "logs/b.gz"]


def test_an_object_that_changed_is_told_of(files: Files, store: Store) -> None:
    [stored] = store.found(parse_address("s3://bucket/logs/a.log"))
    store.check(stored)
    files.content[stored.path] = b"x" * stored.size
    with pytest.raises(ObjectNotRead, match="changed"):
        store.check(stored)
    del files.content[stored.path]
    with pytest.raises(ObjectNotRead, match="not there"):
        store.check(stored)


def test_a_range(store: Store) -> None:
    [stored] = store.found(parse_address("s3://bucket/logs/a.log"))
    assert stored.size == 30
    assert store.read(stored, 2, 7) == b"gs/a."


def test_what_fails_once_is_asked_for_again(files: Files) -> None:
    waited: list[float] = []
    store = Store("s3", files, sleep=waited.append)
    [stored] = store.found(parse_address("s3://bucket/logs/a.log"))
    files.failing = [ConnectionError("secret"), OSError(5, "secret"), RuntimeError("secret")]
    assert store.read(stored, 0, 4) == b"logs"
    assert waited == sorted(waited)
    assert len(waited) == 3


class NoCredentialsError(Exception):
    """As botocore's is called."""


class HttpError(Exception):
    """As gcsfs's is called."""

    code = 403


class AzureHttpError(Exception):
    """As azure's says its status."""

    status_code = 401


class ArchivedError(Exception):
    """As azure's says its code."""

    error_code = "BlobArchived"


class MissingError(Exception):
    """As azure's says its status."""

    status_code = 404


class Odd(Exception):
    """Another."""


@pytest.mark.parametrize(
    ("error", "why", "times"),
    [
        (PermissionError("AKIASECRET"), "credentials of the environment", 1),
        (OSError("Forbidden: https://signed.example/?sig=AKIASECRET"), "do not allow it", 1),
        (NoCredentialsError("AKIASECRET"), "no credentials", 1),
        (HttpError("AKIASECRET"), "do not allow it", 1),
        (AzureHttpError("AKIASECRET"), "do not allow it", 1),
        (FileNotFoundError("AKIASECRET"), "is not there", 1),
        (MissingError("AKIASECRET"), "is not there", 1),
        (ArchivedError("AKIASECRET"), "is archived", 1),
        (ConnectionError("AKIASECRET"), "can not be reached", ATTEMPTS),
        (TimeoutError("AKIASECRET"), "can not be reached", ATTEMPTS),
        (Odd("AKIASECRET"), r"answers with an error \(Odd\)", ATTEMPTS),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_why_in_words_of_ours(
    files: Files, store: Store, error: Exception, why: str, times: int
) -> None:
    [stored] = store.found(parse_address("s3://bucket/logs/a.log"))
    files.failing, files.asked = [error] * ATTEMPTS, 0
    with pytest.raises(ObjectNotRead, match=why) as told:
        store.read(stored, 0, 4)
    assert files.asked == times
    assert "AKIASECRET" not in str(told.value)
    assert told.value.__cause__ is None


def test_another_range_than_was_asked_for_is_none(files: Files, store: Store) -> None:
    [stored] = store.found(parse_address("s3://bucket/logs/a.log"))
    files.content[stored.path] = b"short"
    with pytest.raises(ObjectNotRead, match="another range"):
        store.read(stored, 0, 20)


def test_a_new_object_and_none_over_another(files: Files, store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"content")
    stored = store.put_new(tmp_path / "copy", parse_address("s3://bucket/new"))
    assert (stored.address, stored.size) == ("s3://bucket/new", 7)
    store.check(stored)
    before = dict(files.content)
    for key, error in (("new", None), ("raced", FileExistsError("x"))):
        files.failing = [error] if error else []
        with pytest.raises(ObjectNotRead, match="is there already"):
            store.put_new(tmp_path / "copy", parse_address(f"s3://bucket/{key}"))
    files.failing = [PermissionError("AKIASECRET")]
    with pytest.raises(ObjectNotRead, match="do not allow it") as told:
        store.put_new(tmp_path / "copy", parse_address("s3://bucket/other"))
    assert "AKIASECRET" not in str(told.value)
    assert files.content == before


# ---- the libraries --------------------------------------------------------------------------


def made(monkeypatch: pytest.MonkeyPatch, make: Callable[..., Any]) -> None:
    """Have the library of ``s3://`` be one whose file system *make* makes."""
    library = types.ModuleType("s3fs")
    library.S3FileSystem = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "s3fs", library)


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigurationError, match=r"needs s3fs; .*pip install '.\[scan,stores\]'"):
        store_of("s3")


def test_an_environment_that_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(**options: Any) -> None:
        raise ValueError("AKIASECRET is no account")

    made(monkeypatch, lacking)
    with pytest.raises(ConfigurationError, match=r"Amazon S3 is not set up.*ValueError") as told:
        store_of("s3")
    assert "AKIASECRET" not in str(told.value)


def test_listings_and_clients_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    made(monkeypatch, lambda **options: asked.append(options))
    assert store_of("s3") is store_of("s3")
    [options] = asked
    assert options["use_listings_cache"] is False
    assert not {"key", "secret", "token", "anon"} & set(options)


# ---- what is meant --------------------------------------------------------------------------


def test_each_object_once_and_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setattr(objects, "store_of", lambda scheme: store)
    unread: list[Unread] = []
    names = ("s3://bucket/logs/a.log", "s3://bucket/logs/*.log", "s3://bucket/none*")
    got = [each.path for _, each in objects_in(map(parse_address, names), unread.append)]
    assert got == ["bucket/logs/a.log"]
    assert unread == [Unread("s3://bucket/none*", "fits no object")]


def test_a_bucket_that_is_not_listed_is_named(
    monkeypatch: pytest.MonkeyPatch, files: Files, store: Store
) -> None:
    monkeypatch.setattr(objects, "store_of", lambda scheme: store)
    files.failing = [PermissionError("x")]
    unread: list[Unread] = []
    assert list(objects_in([parse_address("s3://bucket/")], unread.append)) == []
    [told] = unread
    assert told.path == "s3://bucket"
    assert "do not allow it" in told.why


def test_the_bytes_as_they_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a library would undo a content encoding, it is asked not to."""
    asked: list[dict[str, Any]] = []

    class Google(Files):
        def __init__(self, **options: Any) -> None:
            asked.append(options)
            super().__init__()

    library = types.ModuleType("gcsfs.core")
    library.GCSFileSystem = Google  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gcsfs.core", library)
    store = store_of("gs")
    [stored] = store.found(parse_address("gs://bucket/logs/a.log"))
    assert store.read(stored, 2, 7) == b"gs/a."
    assert [each.get("session_kwargs") for each in asked] == [None, {"auto_decompress": False}]


class Azure(Files):
    """As adlfs's, and the client that it has."""

    loop = get_loop()

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.downloads: list[dict[str, Any]] = []
        self.service_client = self

    def split_path(self, path: str) -> tuple[str, str, None]:
        container, _, blob = path.partition("/")
        return container, blob, None

    def get_blob_client(self, *, container: str, blob: str) -> Self:
        self._path = f"{container}/{blob}"
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def download_blob(self, **asked: Any) -> Self:
        self.downloads.append(asked)
        return self

    async def readall(self) -> bytes:
        asked = self.downloads[-1]
        return self.content[self._path][asked["offset"] :][: asked["length"]]


def test_azures_client_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.ModuleType("adlfs")
    library.AzureBlobFileSystem = Azure  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "adlfs", library)
    store = store_of("az")
    [stored] = store.found(parse_address("az://bucket/logs/a.log"))
    assert store.read(stored, 2, 7) == b"gs/a."
    assert store._files.downloads == [{"offset": 2, "length": 5, "decompress": False}]
