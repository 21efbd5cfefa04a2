from __future__ import annotations

import base64
import os
import resource
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.store import files
from headway.store.files import (
    KEY_FILE,
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    new_private_file,
    no_core_dumps,
    private_directory,
    private_file,
    put_sealing_key,
    sealing_key,
    sealing_keys,
)

KEY = base64.b64encode(bytes(range(32))).decode()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A directory of an ordinary user, whom root becomes: root may write everywhere."""
    with tempfile.TemporaryDirectory() as name:
        user = 65534 if os.geteuid() == 0 else os.geteuid()
        before = os.geteuid()
        path = Path(name)
        os.chown(path, user, -1)
        os.seteuid(user)
        try:
            yield path
        finally:
            os.seteuid(before)
            path.chmod(0o700)


@pytest.mark.usefixtures("umask")
def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    directory = private_directory(tmp_path / "data")
    private_file(directory / "file")
    sealing_key({}, directory)
    assert mode(directory) == 0o700
    assert mode(directory / "file") == mode(directory / KEY_FILE) == 0o600


def test_a_private_directory_is_absolute_and_made_with_its_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert private_directory(Path("a/b")) == (tmp_path / "a" / "b").resolve()
    assert private_directory(Path("a/b")).is_dir()


@pytest.mark.parametrize("bits", [0o710, 0o705, 0o755, 0o777])
def test_a_wider_directory_is_refused_with_the_command_that_helps(
    tmp_path: Path, bits: int
) -> None:
    path = tmp_path / "my data"
    path.mkdir()
    path.chmod(bits)
    with pytest.raises(ConfigurationError, match=f"chmod 700 '{path}'"):
        private_directory(path)
    assert mode(path) == bits


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o666])
def test_a_wider_file_is_refused_with_the_command_that_helps(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(bits)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {path}"):
        private_file(path)


def test_a_link_is_no_private_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch(0o600)
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        private_file(tmp_path / "file")


def test_what_is_not_to_be_made_is_not_made(tmp_path: Path) -> None:
    private_file(tmp_path / "file", create=False)
    assert not (tmp_path / "file").exists()


def test_a_file_where_a_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(ConfigurationError, match="is not a directory"):
        private_directory(tmp_path / "data")
    with pytest.raises(ConfigurationError, match="no directory can be made: Not a directory"):
        private_directory(tmp_path / "data" / "below")


def test_a_directory_that_can_not_be_written() -> None:
    with unprivileged() as folder:
        directory = private_directory(folder / "data")
        file = directory / "file"
        private_file(file)
        file.chmod(0o400)
        with pytest.raises(ConfigurationError, match="the file is not writable"):
            private_file(file)
        directory.chmod(0o500)
        with pytest.raises(ConfigurationError, match="the directory is not writable"):
            private_directory(directory)
        with pytest.raises(ConfigurationError, match="can not be made: Permission denied"):
            private_file(directory / "other")


def test_the_key_of_the_environment_counts(tmp_path: Path) -> None:
    assert sealing_key({KEY_VARIABLE: f" {KEY}\n"}, tmp_path / "data") == bytes(range(32))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "correct horse battery staple",
        KEY[:-4],
        KEY + "AAAA",
        KEY[:-1],
        "é" * 44,
        f"{KEY[:9]} {KEY[9:]}",
    ],
)
def test_a_key_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sealing_key({KEY_VARIABLE: text})
    assert str(caught.value) == "HEADWAY_STORE_KEY: key 1 is not base64 of 32 bytes"


def test_without_a_key_production_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match=r"no key to seal .* set HEADWAY_STORE_KEY"):
        sealing_key({})


@pytest.mark.parametrize("between", [" ", "\n", ",", " , "])
def test_several_keys_stand_in_their_order(between: str) -> None:
    other = base64.b64encode(bytes(32)).decode()
    found = sealing_keys({KEY_VARIABLE: f"{KEY}{between}{other}\n"})
    assert found == (bytes(range(32)), bytes(32))
    with pytest.raises(ConfigurationError, match="key 2 is not base64"):
        sealing_keys({KEY_VARIABLE: f"{KEY}{between}{other[:-8]}"})


def test_keys_come_from_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    named = {KEY_FILE_VARIABLE: str(path)}
    with pytest.raises(ConfigurationError, match="names a file that is not there"):
        sealing_keys(named)
    path.write_text(f"{KEY}\n")
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        sealing_keys(named, tmp_path / "data")
    for mode in (0o600, 0o400):
        path.chmod(mode)
        assert sealing_keys(named, tmp_path / "data") == (bytes(range(32)),)
    (tmp_path / "link").symlink_to(path)
    assert sealing_keys({KEY_FILE_VARIABLE: str(tmp_path / "link")}) == (bytes(range(32)),)
    with pytest.raises(ConfigurationError, match="is not a regular file"):
        sealing_keys({KEY_FILE_VARIABLE: str(tmp_path)})
    with pytest.raises(ConfigurationError, match="not both"):
        sealing_keys(named | {KEY_VARIABLE: KEY})


def test_the_key_of_development_is_made_once(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    key = sealing_key({}, directory)
    assert len(key) == 32
    assert sealing_key({}, directory) == key
    assert sealing_key({}, tmp_path / "other") != key
    assert [path.name for path in directory.iterdir()] == [KEY_FILE]


def test_the_first_of_two_processes_makes_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = private_directory(tmp_path / "data")

    def slow_key() -> bytes:
        private_file(directory / KEY_FILE)
        (directory / KEY_FILE).write_text(KEY)
        return bytes(32)

    monkeypatch.setattr(files, "new_sealing_key", slow_key)
    assert sealing_key({}, directory) == bytes(range(32))
    assert [path.name for path in directory.iterdir()] == [KEY_FILE]


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    sealing_key({}, tmp_path / "data")
    (tmp_path / "data" / KEY_FILE).chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        sealing_key({}, tmp_path / "data")


def test_a_damaged_key_file_names_the_file(tmp_path: Path) -> None:
    sealing_key({}, tmp_path / "data")
    (tmp_path / "data" / KEY_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=rf"{KEY_FILE}: key 1 is not base64"):
        sealing_key({}, tmp_path / "data")


def test_a_given_key_is_put_where_there_is_none(tmp_path: Path) -> None:
    key = bytes(range(32))
    put_sealing_key(tmp_path / "new", key)
    assert sealing_key({}, tmp_path / "new") == key
    with pytest.raises(ConfigurationError, match="there is a key already"):
        put_sealing_key(tmp_path / "new", key)


def test_a_new_file_is_private_and_new(tmp_path: Path) -> None:
    file = tmp_path / "file"
    before = os.umask(0)
    try:
        with new_private_file(file) as out:
            out.write(b"x")
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="can not be made: File exists"):
        new_private_file(file)


def test_t25_a_process_that_opens_keys_leaves_no_core_dump(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        no_core_dumps()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    no_core_dumps()


def test_a_key_file_that_can_not_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys"
    path.touch(0o600)

    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ConfigurationError, match="can not be read: Permission denied"):
        sealing_keys({KEY_FILE_VARIABLE: str(path)})
