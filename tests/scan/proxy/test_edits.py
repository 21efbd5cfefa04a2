"""Edits, and the diffs that are made of them: patch(1) is their judge."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from headway.scan.proxy.edits import Edit, Source, apply, diff_of

TEXT = "".join(f"line {n}\n" for n in range(30))


def patched(folder: Path, source: Source, edits: list[Edit]) -> str:
    """*source* after its diff, by a program that nobody here wrote."""
    path = folder / source.path
    path.write_text(source.text, newline="")
    diff = folder / "a.diff"
    diff.write_text(diff_of(edits), newline="")
    subprocess.run(["patch", "-s", "-p1", "--binary", "-i", str(diff)], cwd=folder, check=True)
    return path.read_bytes().decode()


def test_places() -> None:
    source = Source("a", "ab\ncd\n")
    assert [source.position(n) for n in range(7)] == [
        (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)
    ]  # fmt: skip
    assert [source.offset(1), source.offset(2, 2), source.offset(9)] == [0, 4, 6]


def test_a_diff() -> None:
    source = Source("/etc/a", TEXT)
    edits = [Edit(source, 0, 4, "LINE"), Edit(source, 14, 14, "more\n"),
             Edit(source, len(TEXT), len(TEXT), "end\n")]  # fmt: skip
    assert diff_of(edits) == (
        "--- a/etc/a\n+++ b/etc/a\n@@ -1,5 +1,6 @@\n-line 0\n+LINE 0\n line 1\n+more\n line 2\n"
        " line 3\n line 4\n@@ -28,3 +29,4 @@\n line 27\n line 28\n line 29\n+end\n"
    )
    assert diff_of([]) == ""
    assert diff_of([Edit(source, 0, 4, "line")]) == ""


def test_the_same_edit_counts_once_and_of_two_that_overlap_the_first() -> None:
    source, other = Source("a", "abcdef"), Source("b", "x")
    one = Edit(source, 1, 3, "X")
    assert apply(source, [one, one, Edit(source, 2, 4, "Y"), Edit(other, 0, 1, "z")]) == "aXdef"
    assert apply(source, [Edit(source, 1, 1, "1"), Edit(source, 1, 1, "2")]) == "a12bcdef"


def test_several_files() -> None:
    one, two = Source("a", "a\n"), Source("b", "b")
    text = diff_of([Edit(one, 0, 1, "x"), Edit(two, 0, 1, "y")])
    assert text.count("--- ") == 2
    assert text.endswith("-b\n\\ No newline at end of file\n+y\n\\ No newline at end of file\n")


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is missing")
@pytest.mark.parametrize("text", [TEXT, TEXT[:-1], TEXT.replace("\n", "\r\n"), "", "x", "\n\n"],
                         ids=["plain", "no-end", "crlf", "empty", "one", "blank"])  # fmt: skip
def test_patch_does_with_a_diff_what_the_edits_say(text: str, tmp_path: Path) -> None:
    dice = random.Random(7)
    for _ in range(25):
        source = Source("a", text)
        edits = []
        for _ in range(dice.randrange(1, 6)):
            start = dice.randrange(len(text) + 1)
            end = min(len(text), start + dice.choice([0, 0, 3, 9, 20]))
            edits.append(Edit(source, start, end, dice.choice(["", "x", "new\n", "\nn", "a\nb\n"])))
        wanted = apply(source, edits)
        if wanted == text or not wanted:
            continue
        assert patched(tmp_path, source, edits) == wanted
