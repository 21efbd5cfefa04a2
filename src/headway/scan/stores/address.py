"""Addresses of object stores: three schemes, and nothing that leads elsewhere.

An address is taken apart here and nowhere else, so that no other protocol, and no chain of
them, is ever opened; and it holds no credentials, or they would stand in every report.
"""

from __future__ import annotations

import re

import msgspec

from headway.errors import ConfigurationError

__all__ = ["SCHEMES", "Address", "is_address", "parse_address"]

SCHEMES = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "az": "Azure Blob Storage"}
"""What is read, each with its name."""

_OTHER_NAMES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "wasb": "az"}
_SCHEME = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"\A[A-Za-z0-9$][A-Za-z0-9._-]{1,221}\Z")
_MAGIC = re.compile(r"[*?\[]")
_BYTES_MAX = 1_024  # of a key, in all three
_HELP = "s3://bucket/key, gs://bucket/key and az://container/key are read"


class Address(msgspec.Struct, frozen=True):
    """A bucket (or container) of a store, and a key, the start of keys, or a pattern of them."""

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"

    @property
    def path(self) -> str:
        """Bucket and key, as the libraries of the stores write them."""
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    @property
    def has_magic(self) -> bool:
        """Whether the key is a pattern: ``*`` stops at a slash, ``**`` does not."""
        return _MAGIC.search(self.key) is not None

    @property
    def start(self) -> str:
        """What every key that it means starts with."""
        return _MAGIC.split(self.key, maxsplit=1)[0]


def is_address(name: str) -> bool:
    """Whether *name* is meant as an address, of whatever sort, and not as a path.

    >>> [is_address(name) for name in ("s3://logs/a", "http://x", "zip::s3://b/a", "./s3://x")]
    [True, True, True, False]
    """
    return _SCHEME.match(name) is not None or ("::" in name and "://" in name)


def parse_address(name: str) -> Address:
    """The address that *name* is.

    Raises ConfigurationError for another scheme, a chain of them (``::``), credentials, and
    what is no name of a bucket; its text has nothing of *name* but the scheme.

    >>> parse_address("s3://logs/2026/*.gz").start
    '2026/'
    """
    found = _SCHEME.match(name)
    if found is None or "::" in name:
        raise ConfigurationError(f"addresses are not chained with '::'; {_HELP}")
    scheme = found[1].lower()
    if scheme not in SCHEMES:
        instead = _OTHER_NAMES.get(scheme)
        hint = f"write {instead}://" if instead else _HELP
        raise ConfigurationError(f"{scheme[:20]}:// is not read; {hint}")
    bucket, _, key = name[found.end() :].partition("/")
    if "@" in bucket or ":" in bucket:
        raise ConfigurationError(
            f"{scheme}://: an address holds a bucket and a key, no account, password or port; "
            "credentials come from the environment"
        )
    if not _BUCKET.match(bucket):
        raise ConfigurationError(f"{scheme}://: names no bucket; {_HELP}")
    if len(key.encode("utf-8", "surrogateescape")) > _BYTES_MAX:
        raise ConfigurationError(f"{scheme}://{bucket}: a key has at most {_BYTES_MAX} bytes")
    if any("**" in part and part != "**" for part in key.split("/")):
        raise ConfigurationError(f"{scheme}://{bucket}: '**' stands alone between slashes")
    return Address(scheme, bucket, key)
