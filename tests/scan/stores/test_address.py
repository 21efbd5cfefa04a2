"""Addresses of stores: three schemes, and no way past them."""

from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.scan.stores.address import Address, is_address, parse_address


def test_bucket_and_key() -> None:
    address = parse_address("s3://my-logs/2026/a b?.gz")
    assert address == Address("s3", "my-logs", "2026/a b?.gz")
    assert str(address) == "s3://my-logs/2026/a b?.gz"
    assert address.path == "my-logs/2026/a b?.gz"
    assert (address.has_magic, address.start) == (True, "2026/a b")


def test_a_whole_bucket() -> None:
    address = parse_address("AZ://$web")
    assert (str(address), address.path, address.has_magic) == ("az://$web", "$web", False)


@pytest.mark.parametrize(
    "name", ["logs/a", "/logs/a", "-", "a::b", "./s3://x", "c:/x", "s3:/bucket/x"]
)
def test_paths_are_no_addresses(name: str) -> None:
    assert not is_address(name)


@pytest.mark.parametrize(
    "name",
    [
        "simplecache::http://169.254.169.254/latest", "simplecache::s3://b/x", "zip://a::s3://b/c",
        "s3://bucket/a::file:///etc/shadow", "http://example.org/x", "https://example.org/x",
        "file:///etc/passwd", "memory://x", "github://org:repo@main/x", "local://x", "ftp://x/y",
        "ssh://x/y", "reference://x", "dir::memory://x", "data://x", "hdfs://x/y", "S4://bucket/x",
    ],
)  # fmt: skip
def test_other_protocols_and_chains_are_refused(name: str) -> None:
    """T27: nothing but the three schemes is ever opened."""
    assert is_address(name)
    with pytest.raises(ConfigurationError, match=r"not (read|chained).*s3://bucket/key"):
        parse_address(name)


@pytest.mark.parametrize(("name", "scheme"), [("s3a://b/k", "s3"), ("abfs://b/k", "az")])
def test_other_names_of_the_schemes_are_told(name: str, scheme: str) -> None:
    with pytest.raises(ConfigurationError, match=f"write {scheme}://"):
        parse_address(name)


@pytest.mark.parametrize(
    "name",
    [
        "s3://AKIAEXAMPLE:hunter2secret@bucket/key", "az://logs@hunter2secret.blob.example/x",
        "https://user:hunter2secret@example.org/x?sig=hunter2secret", "gs://hunter2secret:80/x",
    ],
)  # fmt: skip
def test_credentials_in_an_address_are_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_address(name)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["s3://", "s3:///key", "s3://a", "s3://b cket/x", "s3://../x"])
def test_no_bucket(name: str) -> None:
    with pytest.raises(ConfigurationError, match="names no bucket"):
        parse_address(name)


def test_keys_are_bounded() -> None:
    assert parse_address("s3://bucket/" + "x" * 1024)
    with pytest.raises(ConfigurationError, match="1024 bytes"):
        parse_address("s3://bucket/" + "ü" * 1024)


def test_two_stars_stand_alone() -> None:
    assert parse_address("s3://bucket/**/a*.log").start == ""
    with pytest.raises(ConfigurationError, match="stands alone"):
        parse_address("s3://bucket/2026-**")
