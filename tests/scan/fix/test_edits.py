"""Edits, and patches that ``git apply`` and ``patch`` take."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.scan.fix.edits import Edit, composed, edited, meet, moved, patch_head, patch_of

LINES = "".join(f"line {number}\n" for number in range(1, 41))


@st.composite
def edits_of(draw: st.DrawFn, length: int) -> list[Edit]:
    """Edits that do not meet."""
    places = sorted(draw(st.lists(st.integers(0, length), max_size=8, unique=True)))
    texts = st.text("ab\n", max_size=4)
    pairs = list(zip(places[::2], places[1::2], strict=False))
    return [Edit(start, end, draw(texts)) for start, end in pairs]


@given(st.data())
def test_two_rounds_are_one(data: st.DataObject) -> None:
    text = data.draw(st.text("xyz\n", max_size=30))
    first = data.draw(edits_of(len(text)))
    between = edited(text, first)
    second = data.draw(edits_of(len(between)))
    whole = composed(len(text), first, second)
    assert edited(text, whole) == edited(between, second)


def applied(program: list[str], folder: Path, patch: bytes) -> None:
    """Have *program* apply *patch* in *folder*."""
    done = subprocess.run(program, input=patch, cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr + patch


PROGRAMS = [["git", "apply", "-"], ["patch", "-p1", "--quiet"]]


@pytest.mark.parametrize("program", PROGRAMS, ids=["git", "patch"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_patch_applies(
    program: list[str], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is missing")
    text = data.draw(st.sampled_from([LINES, LINES[:-1], LINES.replace("\n", "\r\n"), "one", ""]))
    edits = data.draw(edits_of(len(text)))
    after = edited(text, edits)
    if after == text or not after:  # an empty file is a removed one for some of them
        return
    folder = tmp_path_factory.mktemp("patch")
    (folder / "a b.py").write_bytes(text.encode())
    applied(program, folder, (patch_head("a b.py") + patch_of(text, edits)).encode())
    assert (folder / "a b.py").read_bytes() == after.encode()


@pytest.mark.parametrize(
    "name",
    ["ö.py", "tab\there.py", 'quo"te.py', "back\\slash.py", "line\nbreak.py", "by\udcffte.py"],
)
def test_names_are_quoted_as_git_does(tmp_path: Path, name: str) -> None:
    try:
        (tmp_path / name).write_text("one\n")
    except OSError:
        pytest.skip("this file system has no such name")
    patch = patch_head(name) + patch_of("one\n", [Edit(0, 3, "two")])
    applied(["git", "apply", "-"], tmp_path, patch.encode("utf-8", "surrogateescape"))
    assert (tmp_path / name).read_text() == "two\n"


def test_no_name_begins_a_line_of_its_own() -> None:
    """T28: a file's name is no place to write a patch of one's own."""
    head = patch_head("a\n+++ b/etc/passwd\n@@ -1 +1 @@")
    assert head.count("\n") == 2


def test_far_edits_are_hunks_of_their_own() -> None:
    patch = patch_of(LINES, [Edit(0, 4, "LINE"), Edit(len(LINES) - 2, len(LINES) - 1, "!\nx")])
    assert patch.startswith("@@ -1,4 +1,4 @@\n")
    assert "@@ -37,4 +37,5 @@\n" in patch
    assert patch_of(LINES, [Edit(3, 4, LINES[3])]) == ""


def test_what_meets_and_what_moved() -> None:
    edits = [Edit(2, 4, ""), Edit(6, 6, "xyz")]
    assert meet([Edit(4, 5, "")], edits)
    assert not meet([Edit(5, 5, "")], edits)
    assert [moved(at, edits) for at in (0, 2, 4, 6)] == [0, None, 2, 7]
