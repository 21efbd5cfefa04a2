"""``--staged``, ``--diff``, ``--since``, as they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.commands import run
from scan.code.repositories import commit, git, repository, write
from scan.code.test_git import trapped

LEAK = 'get(base + "/rest/api/3/myself?jwt=" + token)\n'


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a leak; it is the current folder."""
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = repository(tmp_path.resolve() / "r", {"old.py": LEAK, "fine.py": "y = 2\n"})
    monkeypatch.chdir(made)
    return made


def scan(*options: str) -> int:
    """The exit code of a scan of this folder."""
    return run(["scan", "code", *options])


def test_a_change(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scan() == 1
    for option in (["--staged"], ["--diff", "HEAD"], ["--since", "2100-01-01"]):
        assert scan(*option) == 0
    write(root, {"fine.py": f"y = 2\n{LEAK}"})
    assert scan("--staged") == 0
    capsys.readouterr()
    for option in (["--diff", "HEAD"], ["--since", "2100-01-01T00:00Z"]):
        assert scan(*option) == 1
        told = capsys.readouterr().out
        assert "fine.py:2" in told
        assert "old.py" not in told
    git(root, "add", "fine.py")
    assert scan("--staged") == 1
    assert scan("--since", "1w") == 1  # before the first commit there was nothing
    assert "old.py:1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--staged", "--diff", "HEAD"], "one of them"),
        (["--diff", "HEAD", "--since", "1d"], "one of them"),
        (["--diff", "nothing"], "is no commit"),
        (["--diff", "--output=marker"], "no revision"),
        (["--diff=--output=marker"], "no revision"),
        (["--since", "soon"], "--since"),
        (["--jobs", "0"], "jobs"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    root: Path, options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan(*options) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert said.err.count("\n") == 1
    assert not (root / "marker").exists()


def test_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path / "none")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert scan("--staged") == 2
    assert "git says: not a git repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--staged"], ["--diff", "HEAD"], ["--diff", "HEAD~1..HEAD"], ["--diff", "HEAD~1..."],
     ["--since", "1d"], []],
)  # fmt: skip
def test_t8_code_execution_from_a_scanned_checkout(
    root: Path, tmp_path: Path, options: list[str]
) -> None:
    """A repository with each trap, as any checkout may be, leaves no marker file."""
    commit(root, {"more.py": LEAK})
    trap = f"open({str(tmp_path / 'marker')!r}, 'w')\n"
    write(root, dict.fromkeys(
        ("conftest.py", "setup.py", "sitecustomize.py", "typing.py", "headway.py", "re.py",
         "headway/__init__.py", "headway/scan/code/worker.py", "more.py"), trap + 2 * LEAK,
    ))  # fmt: skip
    git(root, "add", "more.py")
    trapped(root, tmp_path / "marker")
    assert scan(*options) == 1
    assert not (tmp_path / "marker").exists()


def test_t29_a_change_that_adds_a_baseline_and_a_leak_exits_1(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"new.py": LEAK})
    assert scan("--write-baseline", "known.json") == 0
    assert scan("--baseline", "known.json") == 0
    git(root, "add", "--all")
    for option in (["--diff", "HEAD"], ["--staged"]):
        assert scan(*option, "--baseline", "known.json") == 1
        assert "known.json: was not there before" in capsys.readouterr().err
    commit(root, {})
    assert scan("--diff", "HEAD~1", "--baseline", "known.json") == 1


def test_t29_a_baseline_that_was_there_before_holds_and_what_it_holds_back_is_counted(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"new.py": LEAK})
    assert scan("--write-baseline", "known.json") == 0
    (root / "new.py").unlink()
    commit(root, {})
    write(root, {"new.py": LEAK, "known.json": "{}"})
    capsys.readouterr()
    assert scan("--diff", "HEAD", "--baseline", "known.json") == 0
    assert "1 held back" in capsys.readouterr().out
    git(root, "show", "HEAD:known.json")
    (tmp_path / "own.json").write_text(git(root, "show", "HEAD:known.json"))
    assert scan("--diff", "HEAD", "--baseline", str(tmp_path / "own.json")) == 0


def test_t29_a_comment_that_came_with_the_change(root: Path) -> None:
    write(root, {"new.py": f"{LEAK[:-1]}  # headway: ignore\n"})
    assert scan("--diff", "HEAD") == 1
    assert scan("--diff", "HEAD", "--accept-new-ignores") == 0


def test_fingerprints_and_paths_hold_for_changes(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    write(root, {"new.py": LEAK})
    assert scan("--diff", "HEAD", "--format", "json") == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert scan("--diff", "HEAD", "--ignore", finding["fingerprint"]) == 0
    assert scan("--diff", "HEAD", "--ignore-path", "new.*") == 0
