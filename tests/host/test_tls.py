"""The site's https: who trusts its authority reaches the site, and what stays on the disk."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.host.tls import local_tls

DAY = 86_400


def made(data: Path | None, now: float = 1_700_000_000.0, name: str = "localhost") -> bytes:
    """The authority that clients are told of."""
    with local_tls(name, data, lambda: now) as tls:
        assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
        return tls.authority.read_bytes()


def test_in_memory_nothing_stays() -> None:
    with local_tls("localhost", None) as tls:
        folder = tls.authority.parent
        assert sorted(path.name for path in folder.iterdir()) == ["authority.pem", "tls.pem"]
        assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    assert not folder.exists()


def test_a_certificate_outlives_a_restart_and_not_its_time(tmp_path: Path) -> None:
    data, begin = tmp_path / "data", 1_700_000_000.0
    first = made(data)
    assert made(data, begin + 5.9 * DAY) == first
    assert made(data, begin + 6 * DAY) != first


@pytest.mark.parametrize("change", ["name", "clock", "authority", "head", "gone"])
def test_what_does_not_fit_is_made_anew(tmp_path: Path, change: str) -> None:
    data = tmp_path / "data"
    first = made(data)
    if change == "authority":
        (data / "authority.pem").unlink()
    elif change == "head":
        (data / "tls.pem").write_bytes((data / "tls.pem").read_bytes().partition(b"\n")[2])
    elif change == "gone":
        (data / "tls.pem").unlink()
    name = "127.0.0.1" if change == "name" else "localhost"
    assert made(data, 1_600_000_000.0 if change == "clock" else 1_700_000_001.0, name) != first
    assert sorted(path.name for path in data.iterdir()) == ["authority.pem", "tls.pem"]


def test_the_only_key_is_the_servers(tmp_path: Path) -> None:
    made(tmp_path / "data")
    kept = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    assert b"PRIVATE" not in kept["authority.pem"]
    assert kept["tls.pem"].count(b"BEGIN PRIVATE KEY") == 1
    assert kept["tls.pem"].count(b"BEGIN CERTIFICATE") == 2
    assert kept["tls.pem"].endswith(kept["authority.pem"])


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made(data)
    (data / "tls.pem").write_bytes(b"headway localhost 1700000000\nnothing\n")
    with pytest.raises(ConfigurationError, match=r"tls\.pem: can not be used; remove it"):
        made(data)


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        made(tmp_path / "data")
