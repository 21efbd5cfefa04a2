"""What lies in an object store, and its bytes: listed, read in ranges, and compared with the list.

The libraries of the stores find credentials and addresses of servers by themselves, in the
environment; what they say when something fails may hold either, so it is never repeated.
"""

from __future__ import annotations

import errno
import importlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from headway.errors import ConfigurationError
from headway.scan.findings import Unread
from headway.scan.readers import broken_off
from headway.scan.stores.address import SCHEMES, Address

__all__ = ["ObjectNotRead", "Store", "Stored", "objects_in", "store_of"]

T = TypeVar("T")

ATTEMPTS = 4
"""How often a range is asked for, beyond what the libraries themselves repeat."""

_LIBRARIES: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "s3": ("s3fs", "S3FileSystem", {"config_kwargs": {"connect_timeout": 10}}),
    "gs": ("gcsfs.core", "GCSFileSystem", {}),  # not its extension: that asks another service
    "az": ("adlfs", "AzureBlobFileSystem", {}),
}
"""Which class reads a scheme.  They are named here, so that no registry can put another there."""

_NO_CREDENTIALS = re.compile(r"NoCredentials|PartialCredentials|DefaultCredentials|Unavailable\Z")
_NO_CONNECTION = re.compile(r"Connect|ServiceRequestError|Timeout")
_DENIED = (401, 403)
_ARCHIVED = {"InvalidObjectState", "BlobArchived"}


class ObjectNotRead(OSError):
    """An object could not be listed, read or written; why, and nothing of what a store said.

    ``lasting``: to ask again would change nothing.
    """

    def __init__(self, why: str, *, lasting: bool = True) -> None:
        super().__init__(errno.EIO, why)
        self.lasting = lasting


class Stored(msgspec.Struct, frozen=True):
    """An object as it was listed.

    ``version`` is another whenever its bytes are: the generation or the entity tag of the store.
    """

    address: str
    size: int
    version: str

    @property
    def path(self) -> str:
        """Bucket and key."""
        return self.address.partition("://")[2]


Read = Callable[[str, int, int], bytes]
"""The bytes of a path, from the first number to before the second, as they are stored."""


class Store:
    """The objects of one scheme, by *files*, a file system of fsspec's; *sleep* takes seconds.

    *read* is asked for their bytes, where *files* does not give them as they are stored.
    """

    def __init__(
        self,
        scheme: str,
        files: Any,
        read: Read | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._scheme, self._files, self._sleep = scheme, files, sleep
        self._read = read or partial(_by_fsspec, files)

    def found(self, address: Address) -> list[Stored]:
        """What *address* means: that object, all below it, or all that fit it; by name.

        Raises ObjectNotRead where the store does not list it.
        """
        entries = self._asked(lambda: self._listed(address))
        fits = _fitting(address)
        return [
            self._stored(entry)
            for path, entry in sorted(entries.items())
            if entry["type"] == "file" and not path.endswith("/") and fits(path)
        ]

    def _listed(self, address: Address) -> dict[str, dict[str, Any]]:
        key = address.key.rstrip("/")
        start = address.start if address.has_magic else key and f"{key}/"
        # from the bucket on: a folder that has the name of an object is not listed alike by all
        found: dict[str, dict[str, Any]] = dict(
            self._files.find(address.bucket, prefix=start, detail=True)
        )
        if key == address.key and key and not address.has_magic:
            with suppress(FileNotFoundError):
                found[address.path] = self._files.info(address.path)
        return found

    def _stored(self, entry: Mapping[str, Any]) -> Stored:
        return Stored(
            f"{self._scheme}://{entry['name']}",
            int(entry["size"] or 0),
            _version(entry),
        )

    def check(self, stored: Stored) -> None:
        """Raises ObjectNotRead where *stored* is no longer what was listed."""
        entry = self._asked(lambda: self._files.info(stored.path))
        if _version(entry) != stored.version:
            raise ObjectNotRead("changed while it was looked at: it is not what was listed")

    def read(self, stored: Stored, start: int, stop: int) -> bytes:
        """The bytes of *stored* from *start* to before *stop*.

        Raises ObjectNotRead where the store does not give them, or others than those.
        """

        def asked() -> bytes:
            data = self._read(stored.path, start, stop)
            if len(data) != stop - start:
                raise ObjectNotRead("gave another range than was asked for", lasting=False)
            return data

        return self._asked(asked)

    def put_new(self, local: Path, address: Address) -> Stored:
        """Write the file *local* to *address*, where nothing is yet.

        Raises ObjectNotRead; where it does, nothing of ours is there, as far as the store says.
        """
        try:
            if self._files.exists(address.path):
                raise FileExistsError
            self._files.put_file(str(local), address.path, mode="create")
            return self._stored(self._files.info(address.path))
        except FileExistsError:
            raise ObjectNotRead("is there already") from None
        except Exception as error:  # noqa: BLE001 - three libraries with errors of their own
            raise _told(error) from None

    def _asked(self, ask: Callable[[], T]) -> T:
        """What *ask* answers; it is asked again after a while where that may help."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return ask()
            except Exception as error:  # noqa: BLE001 - three libraries with errors of their own
                why = error if isinstance(error, ObjectNotRead) else _told(error)
            if why.lasting or attempt == ATTEMPTS:
                raise why from None
            self._sleep(0.25 * 2**attempt)


def _version(entry: Mapping[str, Any]) -> str:
    tag = next((entry[name] for name in ("generation", "ETag", "etag") if entry.get(name)), "")
    return f"{tag} {int(entry.get('size') or 0)}"


def _fitting(address: Address) -> Callable[[str], bool]:
    """Whether a path is meant by *address*; what was listed may be more."""
    if address.has_magic:
        from fsspec.utils import glob_translate

        return lambda path: re.match(glob_translate(address.path), path) is not None
    folder = f"{address.path.rstrip('/')}/"
    return lambda path: path == address.path or path.startswith(folder)


def _told(error: Exception) -> ObjectNotRead:
    """*error*, in words of ours: those of a store may hold signatures, accounts or keys."""
    name = type(error).__name__
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(error, FileNotFoundError) or str(status) == "404":
        return ObjectNotRead("is not there")
    codes = {type(error.__cause__).__name__, str(getattr(error, "error_code", ""))}
    if codes & _ARCHIVED:
        return ObjectNotRead("is archived: restore it first")
    if _NO_CREDENTIALS.search(name):
        return ObjectNotRead("there are no credentials for it in the environment")
    denied = isinstance(error, PermissionError) or str(error).startswith("Forbidden")
    if denied or str(status) in map(str, _DENIED) or name == "ClientAuthenticationError":
        return ObjectNotRead("the credentials of the environment do not allow it")
    if _NO_CONNECTION.search(name):
        return ObjectNotRead("the store can not be reached", lasting=False)
    return ObjectNotRead(f"the store answers with an error ({name})", lasting=False)


# ---- bytes as they are stored ---------------------------------------------------------------
#
# A content encoding is part of what is stored.  Where a library takes it off, a range of it is no
# text that can be decompressed, and what is whole may be larger than memory.


def _by_fsspec(files: Any, path: str, start: int, stop: int) -> bytes:
    data: bytes = files.cat_file(path, start=start, end=stop)
    return data


def _by_azure(files: Any, path: str, start: int, stop: int) -> bytes:
    from fsspec.asyn import sync

    container, blob, _ = files.split_path(path)

    async def asked() -> bytes:
        async with files.service_client.get_blob_client(container=container, blob=blob) as client:
            answer = await client.download_blob(offset=start, length=stop - start, decompress=False)
            data: bytes = await answer.readall()
            return data

    data: bytes = sync(files.loop, asked)
    return data


def _reader_of(scheme: str, made: Any, files: Any, options: dict[str, Any]) -> Read | None:
    """How bytes of *scheme* are read where *files*, of the class *made*, is no good for it."""
    if scheme == "gs":  # its other answers may be compressed on their way
        return partial(_by_fsspec, made(**options, session_kwargs={"auto_decompress": False}))
    return partial(_by_azure, files) if scheme == "az" else None


# ---- which store ----------------------------------------------------------------------------


@lru_cache
def store_of(scheme: str) -> Store:
    """The store of *scheme*; what it needs is imported now.

    Raises ConfigurationError where its library is not installed, or says that the environment
    lacks something.
    """
    module, name, options = _LIBRARIES[scheme]
    try:
        made = getattr(importlib.import_module(module), name)
    except ImportError:
        raise ConfigurationError(
            f"{scheme}://: needs {module.partition('.')[0]}; install Headway with its extra "
            "stores: from a checkout pip install '.[scan,stores]'"
        ) from None
    options = {"skip_instance_cache": True, "use_listings_cache": False, **options}
    try:
        files = made(**options)
        read = _reader_of(scheme, made, files, options)
    except Exception as error:  # noqa: BLE001 - whatever it says may hold credentials
        raise ConfigurationError(
            f"{scheme}://: {SCHEMES[scheme]} is not set up in the environment "
            f"({type(error).__name__}); docs/scan-stores.md says what is read there"
        ) from None
    return Store(scheme, files, read)


def objects_in(
    addresses: Iterable[Address], unread: Callable[[Unread], None]
) -> Iterator[tuple[Store, Stored]]:
    """The objects that *addresses* mean, each one once; what can not be listed is told *unread*.

    Raises ConfigurationError as :func:`store_of` does.
    """
    seen: set[str] = set()
    for address in addresses:
        store = store_of(address.scheme)
        try:
            found = store.found(address)
        except ObjectNotRead as error:
            unread(Unread(str(address), broken_off(error)))
            continue
        if not found:
            unread(Unread(str(address), "fits no object"))
        for stored in found:
            if stored.address in seen:
                continue
            seen.add(stored.address)
            yield store, stored
