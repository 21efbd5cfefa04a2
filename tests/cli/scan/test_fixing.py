"""``headway scan code --fix``, as it is called."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.scan.fix import files

SENDS = 'import requests\nrequests.get(base + "?jwt=" + token)\n'
OTHER = 'print("?jwt=" + token)\n'
PERSON = 'def f(b, t):\n    return b + "?jwt=" + t\n'


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)


def scan(*arguments: str) -> int:
    return run(["scan", "code", *arguments])


def test_the_patch_is_shown_and_nothing_written(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    assert scan("--fix") == 1
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n")
    assert b"1 to mend, 1 file; 0 for a person." in err
    assert b"Nothing was written: --yes" in err
    assert path.read_text() == SENDS
    done = subprocess.run(["git", "apply", "-"], input=out, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "Authorization" in path.read_text()


def test_yes_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    assert scan("--fix", "--yes") == 0
    assert "written: a.py" in capsys.readouterr().err
    after = path.read_text()
    assert 'headers={"Authorization": f"JWT {token}"}' in after
    assert scan("--fix", "--yes") == 0
    assert path.read_text() == after


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("Yes\n", True), ("\n", False),
                                                 ("n\n", False), ("", False)])  # fmt: skip
def test_somebody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    answer: str, written: bool,
) -> None:  # fmt: skip
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert scan("--fix") == (0 if written else 1)
    assert "Write 1 file? [y/N]" in capsys.readouterr().err
    assert (path.read_text() != SENDS) is written


def test_what_is_left_is_told_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text(SENDS + PERSON)
    (tmp_path / "b.py").write_text(OTHER)
    (tmp_path / "c.js").write_text("fetch(`${b}?jwt=${t}`)")
    assert scan("--fix", "--yes") == 1
    err = capsys.readouterr().err
    assert "a.py:4:16: it is returned: who calls this sends it" in err
    assert "c.js:1:7: is no Python" in err
    assert "1 to mend, 1 file; 2 for a person; 1 of other rules." in err


def test_what_can_not_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    (tmp_path / "b.py").write_bytes(b"jwt \0")
    assert scan("--fix", "--yes") == 2
    assert "b.py: is no text" in capsys.readouterr().err


def test_what_can_not_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    (tmp_path / "b.py").write_text(SENDS)
    real = files.write

    def write(fix: files.FileFix) -> None:
        if fix.path.endswith("a.py"):
            (tmp_path / "a.py").write_text(SENDS + "# changed\n")
        real(fix)

    monkeypatch.setattr(files, "write", write)
    assert scan("--fix", "--yes") == 2
    err = capsys.readouterr().err
    assert "left as it was: a.py: was changed meanwhile" in err
    assert "written: b.py" in err
    assert (tmp_path / "a.py").read_text() == SENDS + "# changed\n"


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_obeys_nothing_in_a_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colours: bool
) -> None:
    """T28: escape sequences in names and in code."""
    (tmp_path / "a\x1b[2J.py").write_text(SENDS + "# \x1b]0;owned\x07\n")
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    assert scan("--fix") == 1
    text = out.getvalue()
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text
    assert ("\x1b[32m" in text) is colours
    assert "\\x1b]0;owned" in text


def test_yes_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert scan("--yes") == 2
    assert "--yes: goes with --fix" in capsys.readouterr().err


def test_without_libcst(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert scan("--fix") == 2
    assert "pip install '.[fix]'" in capsys.readouterr().err


def test_ignored_findings_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    code = SENDS.rstrip() + "  # headway: ignore\n"
    path.write_text(code)
    assert scan("--fix", "--yes") == 0
    assert path.read_text() == code


def test_what_is_staged_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert scan("--fix", "--staged") == 2
    assert "go not with --staged" in capsys.readouterr().err


BOTH = "export const f = (b, t) => fetch(`${b}/rest/x?jwt=${t}`);\n"


def test_a_patch_of_all_languages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    (tmp_path / "b.ts").write_text(BOTH)
    (tmp_path / "c.py").write_text(PERSON)
    assert scan("--patch", "fix.patch") == 1
    err = capsys.readouterr().err
    assert "written: fix.patch" in err
    assert "2 in the patch, 2 files; 1 for a person." in err
    assert (tmp_path / "a.py").read_text() == SENDS, "a patch is for a person"
    done = subprocess.run(["git", "apply", "fix.patch"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "Authorization" in (tmp_path / "a.py").read_text()
    assert "{ headers: { Authorization: `JWT ${t}` } }" in (tmp_path / "b.ts").read_text()
    (tmp_path / "a.py").write_text(SENDS)
    assert scan("--patch", "fix.patch") == 2
    assert "not written: fix.patch:" in capsys.readouterr().err


def test_a_patch_on_standard_output(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "b.ts").write_text(BOTH)
    assert scan("--patch", "-") == 1
    out, _ = capfdbinary.readouterr()
    assert out.startswith(b"--- a/b.ts\n+++ b/b.ts\n@@ -1 +1 @@\n")
    (tmp_path / "b.ts").write_text("pass\n")
    assert scan("--patch", "none.patch") == 0
    assert not (tmp_path / "none.patch").exists()


@pytest.mark.parametrize("form", ["sarif", "json", "jsonl"])
def test_reports_have_fixes(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    (tmp_path / "b.ts").write_text(BOTH)
    assert scan("--format", form) == 1
    out = capsys.readouterr().out
    assert out.count("Authorization: `JWT ${t}`") >= 1
    assert out.count('Authorization\\": f\\"JWT {token}') >= 1


def test_fix_patch_and_baseline_go_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan("--fix", "--patch", "x.patch") == 2
    assert "--fix, --patch: one of them" in capsys.readouterr().err
    assert scan("--fix", "--write-baseline", str(tmp_path / "known.json")) == 2
    assert "--fix, --write-baseline: one of them" in capsys.readouterr().err
    assert not (tmp_path / "known.json").exists()
