"""What is known: files of fingerprints, and the key that they are made with."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from headway.errors import ConfigurationError
from headway.scan.baseline import (
    KEY_VARIABLE,
    Baseline,
    fingerprint_key,
    read_baseline,
    write_baseline,
)
from headway.scan.findings import Fingerprints
from scan.test_summary import finding

PRINTS = Fingerprints(bytes(32))
KNOWN = msgspec.structs.replace(finding(), fingerprint="00" * 12)


def test_what_is_written_is_held_back(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    assert write_baseline(path, [KNOWN, KNOWN], PRINTS) == 1
    baseline = Baseline(read_baseline(path, PRINTS))
    assert baseline.holds_back(KNOWN)
    assert not baseline.holds_back(finding())
    assert not baseline.is_empty
    assert Baseline().is_empty
    assert "a.log" in path.read_text()


def test_paths_are_held_back() -> None:
    baseline = Baseline(paths=["old/*", "*.log"])
    assert baseline.holds_back(finding())
    assert [baseline.holds_back_path(p) for p in ("old/x", "x.log", "new")] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "no baseline"),
        ("{", "no baseline"),
        ('{"key_id": "x", "findings": [], "more": 1}', "no baseline"),
        ('{"key_id": "x", "findings": [{"fingerprint":"a","rule":"r","path":"p"}]}', "another key"),
    ],
)
def test_what_is_no_baseline_is_said(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=why):
        read_baseline(path, PRINTS)


def test_a_baseline_that_is_not_there_or_too_long(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        read_baseline(tmp_path / "none", PRINTS)
    path = tmp_path / "long"
    with path.open("wb") as out:
        out.truncate(65 * 2**20)
    with pytest.raises(ConfigurationError, match="more than"):
        read_baseline(path, PRINTS)


def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / f".known.json.{os.getpid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="file exists"):
        write_baseline(tmp_path / "known.json", [], PRINTS)
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_can_not_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none/known\.json: not written: no such file"):
        write_baseline(tmp_path / "none" / "known.json", [], PRINTS)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="folder: not written: is a directory"):
        write_baseline(tmp_path / "folder", [KNOWN], PRINTS)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


# ---- the key --------------------------------------------------------------------------------


def test_the_key_of_the_environment() -> None:
    assert fingerprint_key({KEY_VARIABLE: "ab" * 32}, Path("/none")) == b"\xab" * 32


@pytest.mark.parametrize("given", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_key_that_is_none_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ConfigurationError, match="64 hex digits") as caught:
        fingerprint_key({KEY_VARIABLE: given}, Path("/none"))
    assert not given or given not in str(caught.value)


def test_the_key_of_a_user_is_made_once_and_is_theirs_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key = fingerprint_key({}, tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / ".local/state/headway/scan.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert fingerprint_key({}, tmp_path) == key
    assert fingerprint_key({"XDG_STATE_HOME": str(tmp_path / "other")}, tmp_path) != key


def test_t25_a_key_that_others_can_read_or_that_is_none(tmp_path: Path) -> None:
    fingerprint_key({}, tmp_path)
    path = tmp_path / ".local/state/headway/scan.key"
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        fingerprint_key({}, tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="is no key"):
        fingerprint_key({}, tmp_path)


def test_where_no_key_can_be_kept_there_is_one_for_this_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    keys = {fingerprint_key({"XDG_STATE_HOME": str(tmp_path / "file")}, tmp_path) for _ in "ab"}
    assert len(keys) == 2


def test_a_link_in_the_place_of_the_key_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / ".local/state/headway"
    folder.mkdir(parents=True)
    (folder / "scan.key").symlink_to("/etc/hostname")
    with pytest.raises(ConfigurationError, match=KEY_VARIABLE):
        fingerprint_key({}, tmp_path)


def test_two_at_once_have_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.scan import baseline

    folder = tmp_path / "headway"
    key = baseline._new_key(folder, folder / "scan.key")
    assert baseline._new_key(folder, folder / "scan.key") == key
    monkeypatch.setattr(os, "open", _refused)
    assert baseline._new_key(folder, folder / "scan.key") != key


def _refused(*_: object, **__: object) -> int:
    raise PermissionError(13, "Permission denied")


def test_a_key_that_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"no key of fingerprints: set {KEY_VARIABLE}"):
        fingerprint_key({}, tmp_path, make=False)
    assert list(tmp_path.iterdir()) == []
    made = fingerprint_key({}, tmp_path)
    assert fingerprint_key({}, tmp_path, make=False) == made


def test_the_fingerprints_that_are_held_back() -> None:
    assert Baseline(["a"], ["b"]).fingerprints == {"a"}
