"""What is remembered: nothing that was read, and nothing that somebody else wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headway.scan.code import cache as module
from headway.scan.code.cache import Cache, Entry, cache_path
from headway.scan.code.worker import EMPTY, Spot

KEY, OTHER = bytes(32), b"k" * 32
SPOT = Spot("sends-token-in-url", 2, 3, 2, 9, "jwt", to_host=True)
SOURCE = b'SECRET_NAME = get("https://host.example/?jwt=" + token)  # eyJhbGciOiJIUzI1NiJ9.e30.x'


def kept(path: Path, key: bytes = KEY, source: bytes = SOURCE) -> Entry:
    """What the cache at *path* has of *source*."""
    cache = Cache(path, key)
    return cache.of(cache.name("python", source))


def written(path: Path, source: bytes = SOURCE) -> Cache:
    """A cache at *path* that knows *source*."""
    cache = Cache(path, KEY)
    entry = cache.of(cache.name("python", source))
    cache.learn(entry, constants=True, stems=["names", "app/names"])
    cache.learn_look(entry, EMPTY, (SPOT,))
    cache.save()
    return cache


def test_what_was_seen_is_known_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "headway" / "scan-code"
    assert kept(path) == Entry()
    cache = written(path)
    entry = kept(path)
    assert entry.constants
    assert entry.stems == tuple(sorted(map(cache.stem, ("names", "app/names"))))
    assert entry.looks == {EMPTY: (SPOT,)}
    assert kept(path, source=SOURCE + b"\n") == Entry()
    assert cache.name("python", SOURCE) != cache.name("javascript", SOURCE)


def test_only_its_user_can_read_it_and_nothing_of_the_code_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "headway" / "scan-code"
    written(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    data = path.read_bytes()
    for word in (b"SECRET_NAME", b"host.example", b"eyJ", b"names", b"get("):
        assert word not in data


@pytest.mark.parametrize("cut", [0, 10, 40, -1])
def test_a_damaged_one_is_none(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "scan-code"
    written(path)
    path.write_bytes(path.read_bytes()[:cut])
    assert kept(path) == Entry()
    written(path)
    assert kept(path) != Entry()


def test_one_that_another_key_made_is_none(tmp_path: Path) -> None:
    path = tmp_path / "scan-code"
    written(path)
    assert kept(path, OTHER) == Entry()


def test_one_that_is_not_what_it_says_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hmac

    path = tmp_path / "scan-code"
    for data in (b"\x93", b"", b"\x92\xc4\x01a\x80"):
        path.write_bytes(hmac.digest(KEY, data, "sha256") + data)
        assert kept(path) == Entry()
    written(path)
    monkeypatch.setattr(module, "_rules", lambda: b"other rules")
    assert kept(path) == Entry()


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_one_that_others_can_write_is_none(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "scan-code"
    written(path)
    path.chmod(mode)
    assert kept(path) == Entry()


def test_one_of_another_user_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scan-code"
    written(path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert kept(path) == Entry()


def test_links_pipes_and_folders_are_none(tmp_path: Path) -> None:
    written(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        assert kept(tmp_path / name) == Entry()


def test_what_can_not_be_written_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    written(tmp_path / "file" / "scan-code")
    (tmp_path / "folder").mkdir()
    written(tmp_path / "folder")
    assert (tmp_path / "folder").is_dir()


def test_one_without_a_path_is_of_this_run_alone() -> None:
    cache = Cache(None, KEY)
    entry = cache.of(cache.name("python", SOURCE))
    cache.learn_look(entry, EMPTY, (SPOT,))
    cache.save()
    assert cache.of(cache.name("python", SOURCE)) is entry


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "scan-code"
    written(path)
    path.unlink()
    cache = Cache(path, KEY)
    cache.of(cache.name("python", SOURCE))
    cache.save()
    assert not path.exists()


def test_what_was_seen_again_changes_nothing() -> None:
    cache = Cache(None, KEY)
    entry = Entry(looks={EMPTY: (SPOT,)})
    cache.learn_look(entry, EMPTY, (SPOT,))
    assert entry.looks == {EMPTY: (SPOT,)}
    for number in range(10):
        cache.learn_look(entry, bytes([number] * 8), ())
    assert list(entry.looks) == [bytes([number] * 8) for number in range(6, 10)]


def test_its_size_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scan-code"
    monkeypatch.setattr(module, "ENTRIES_MAX", 3)
    for number in range(5):
        written(path, b"%d" % number)
    known = [kept(path, source=b"%d" % number) != Entry() for number in range(5)]
    assert known == [False, False, True, True, True]
    cache = Cache(path, KEY)
    for number in range(10, 15):
        cache.learn(cache.of(cache.name("python", b"%d" % number)), constants=False, stems=())
    cache.save()
    assert len(Cache(path, KEY)._old) == 3
    before = path.read_bytes()
    monkeypatch.setattr(module, "BYTES_MAX", 10)
    written(path)
    assert path.read_bytes() == before
    assert kept(path) == Entry()


def test_where_it_is() -> None:
    home = Path("/me")
    assert cache_path({}, home) == Path("/me/.cache/headway/scan-code")
    assert cache_path({"XDG_CACHE_HOME": "/c"}, home) == Path("/c/headway/scan-code")
    assert cache_path({"XDG_CACHE_HOME": "c"}, home) == Path("/me/.cache/headway/scan-code")
