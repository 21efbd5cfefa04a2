from __future__ import annotations

import errno
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.app import saving
from headway.app.saving import NewFile, safe_name


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("../../x", "x"),
        ("..\\..\\x", "x"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a/", "unnamed"),
        ("", "unnamed"),
        (".", "unnamed"),
        ("...", "unnamed"),
        (".ssh", "ssh"),
        ("..bashrc", "bashrc"),
        (" a.txt ", "a.txt"),
        ("a.txt.", "a.txt"),
        ("a\x00.txt", "a_.txt"),
        ("a\r\nb", "a__b"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("a:stream", "a_stream"),
        ("CON", "_CON"),
        ("com1.txt", "_com1.txt"),
        ("nul .txt", "_nul .txt"),
        ("\ud800x", "_x"),
        ("U\u0308bersicht.png", "Übersicht.png"),
        ('a?*|<>".txt', "a______.txt"),
    ],
)
def test_a_name_is_never_a_path(text, name):
    assert safe_name(text) == name


@given(st.text(st.characters(), max_size=400))
def test_whatever_the_host_says_it_is_one_name(text):
    name = safe_name(text)
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\\0\r\n:"<>|?*')
    assert not name.startswith(".")
    assert len(name.encode()) <= 255
    assert safe_name(name) == name


def test_a_long_name_keeps_its_ending():
    long = safe_name("ü" * 300 + ".pdf")
    assert len(long.encode()) <= 255
    assert long.endswith(".pdf")
    assert len(safe_name("x" * 300).encode()) == 255
    assert len(safe_name("a." + "x" * 300).encode()) <= 255


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    file = NewFile(tmp_path, "a.txt")
    file.write(b"one ", b"two")
    assert not (tmp_path / "a.txt").exists()
    assert file.finish() == tmp_path / "a.txt"
    assert (tmp_path / "a.txt").read_bytes() == b"one two"
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a.txt"]
    file.discard()
    file.write(b"late")
    assert (tmp_path / "a.txt").read_bytes() == b"one two"


def test_what_is_not_whole_leaves_nothing(tmp_path):
    file = NewFile(tmp_path, "a.txt")
    file.write(b"half")
    file.discard()
    file.discard()
    assert names(tmp_path) == []
    gone = NewFile(tmp_path, "a.txt")
    (tmp_path / gone._part).unlink()
    gone.discard()


def test_nothing_is_overwritten_unless_told(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"a\.txt"):
        NewFile(tmp_path, "a.txt")
    file = NewFile(tmp_path, "a.txt", overwrite=True)
    file.write(b"new")
    file.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_a_name_that_is_taken_meanwhile_stays_somebody_elses(tmp_path):
    file = NewFile(tmp_path, "a.txt")
    file.write(b"ours")
    (tmp_path / "a.txt").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        file.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.txt"]


def test_a_link_at_the_name_is_not_followed(tmp_path):
    target = tmp_path / "target"
    (tmp_path / "a.txt").symlink_to(target)
    with pytest.raises(FileExistsError):
        NewFile(tmp_path, "a.txt")
    file = NewFile(tmp_path, "a.txt", overwrite=True)
    file.write(b"x")
    file.finish()
    assert not target.exists()
    assert not (tmp_path / "a.txt").is_symlink()


def test_where_there_is_no_directory(tmp_path):
    with pytest.raises(FileNotFoundError):
        NewFile(tmp_path / "none", "a.txt")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        NewFile(tmp_path / "file", "a.txt")


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def no_links(*_, **__):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(saving.os, "link", no_links)
    file = NewFile(tmp_path, "a.txt")
    file.write(b"x")
    file.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"x"
    assert names(tmp_path) == ["a.txt"]
    taken = NewFile(tmp_path, "b.txt")
    (tmp_path / "b.txt").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        taken.finish()
    assert (tmp_path / "b.txt").read_bytes() == b"theirs"


# ---- going on -------------------------------------------------------------------------------


def test_a_marked_file_goes_on_where_it_was(tmp_path):
    first = NewFile(tmp_path, "a.txt", mark='"e1"')
    first.write(b"half ")
    first.discard()
    other = NewFile(tmp_path, "a.txt", mark='"e2"')
    assert other.size == 0
    other.discard()
    again = NewFile(tmp_path, "a.txt", mark='"e1"')
    assert again.size == 5
    assert again.digest().hexdigest() == saving.sha256(b"half ").hexdigest()
    again.write(b"whole")
    again.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"half whole"


def test_a_marked_file_can_begin_anew(tmp_path):
    first = NewFile(tmp_path, "a.txt", mark='"e1"')
    first.write(b"rubbish")
    first.restart()
    first.write(b"new")
    first.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"new"


@pytest.mark.parametrize("trap", ["link", "hard link", "directory"])
def test_what_somebody_laid_in_the_way_is_not_used(tmp_path, trap):
    part = tmp_path / NewFile(tmp_path, "a.txt", mark='"e1"')._part
    part.unlink()
    victim = tmp_path / "victim"
    victim.write_bytes(b"theirs")
    if trap == "link":
        part.symlink_to(victim)
    elif trap == "hard link":
        part.hardlink_to(victim)
    else:
        part.mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the trap
        NewFile(tmp_path, "a.txt", mark='"e1"')
    assert victim.read_bytes() == b"theirs"
