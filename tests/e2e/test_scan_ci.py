"""The hook and action files: pre-commit runs the hooks, bash the action's steps.

The hooks' own installation needs a package index, so the ordinary test has the
same file with ``language: unsupported`` (the programs of this machine); the long run
installs it.  The action never ran at GitHub: what is tried is its script, with
the values that GitHub would put into its environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from headway.scan.code.languages import LANGUAGES
from scan.code.repositories import WHO, commit, environment, git, repository, write

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LEAK = 'get(base + "/rest/api/3/myself?jwt=" + token)\n'


def loaded(name: str) -> Any:
    """A YAML file of the project."""
    return YAML(typ="safe").load((ROOT / name).read_text())


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """An environment with the project's programs, and everything of a user's below a folder."""
    made = {
        **environment(),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HEADWAY_SCAN_KEY": "ab" * 32,
    }
    (tmp_path / "home").mkdir()
    return made


def run(
    where: Path, around: dict[str, str], *command: str | Path
) -> subprocess.CompletedProcess[str]:
    """One command in *where*; both its streams in ``stdout``."""
    return subprocess.run(
        command, cwd=where, env=around, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=250,
    )  # fmt: skip


# ---- pre-commit -----------------------------------------------------------------------------


def using(root: Path, hooks: Path, *names: str) -> None:
    """Have the repository *root* use hooks *names* of the repository *hooks*."""
    lines = [
        "repos:", f"  - repo: {hooks}", f"    rev: {git(hooks, 'rev-parse', 'HEAD')}", "    hooks:",
        *(f"      - id: {name}" for name in names),
    ]  # fmt: skip
    write(root, {".pre-commit-config.yaml": "\n".join(lines) + "\n"})
    git(root, "add", "--all", "--force")


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """A repository with the project's hooks, to be run by the programs of this machine."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    text = text.replace("language: python", "language: unsupported")
    text = re.sub(r"\n  additional_dependencies: .*", "", text)
    return repository(tmp_path / "hooks", {".pre-commit-hooks.yaml": text})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a leak that is old."""
    return repository(tmp_path / "root", {"old.py": LEAK, "fine.py": "y = 2\n", "a.txt": LEAK})


def test_the_hooks_are_hooks(around: dict[str, str]) -> None:
    done = run(ROOT, around, BIN / "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_hook_looks_at_each_language() -> None:
    (files,) = (hook["files"] for hook in loaded(".pre-commit-hooks.yaml") if "files" in hook)
    for language in LANGUAGES.values():
        for ending in language.endings:
            assert re.search(files, f"src/a{ending}"), ending
            assert re.search(files, f"src/A{ending.upper()}"), ending
    assert not re.search(files, "a.txt")


def test_files_of_a_commit(root: Path, hooks: Path, around: dict[str, str]) -> None:
    using(root, hooks, "headway-scan-code")
    done = run(root, around, BIN / "pre-commit", "run", "--all-files")
    assert done.returncode == 1
    assert "old.py:1" in done.stdout
    assert "a.txt" not in done.stdout
    write(root, {"old.py": "x = 1\n"})
    git(root, "add", "old.py")
    assert run(root, around, BIN / "pre-commit", "run", "--all-files").returncode == 0


def test_t29_a_file_that_is_named_as_an_option_is_a_file(
    root: Path, hooks: Path, around: dict[str, str]
) -> None:
    using(root, hooks, "headway-scan-code")
    write(root, {"--ignore-path=*.py": "x = 1\n"})
    git(root, "add", "--all")
    done = run(root, around, BIN / "pre-commit", "run", "--all-files")
    assert done.returncode == 1
    assert "old.py:1" in done.stdout


def test_lines_of_a_commit(root: Path, hooks: Path, around: dict[str, str]) -> None:
    """A real ``git commit``, with the hook that pre-commit puts into the repository."""
    using(root, hooks, "headway-scan-staged")
    assert run(root, around, BIN / "pre-commit", "install").returncode == 0
    command = ["git", *WHO, "commit", "--message", "change"]
    assert run(root, around, *command).returncode == 0  # the old leak is nobody's change
    write(root, {"fine.py": f"y = 2\n{LEAK}", "old.py": f"{LEAK}x = 1\n"})
    git(root, "add", "fine.py", "old.py")
    done = run(root, around, *command)
    assert done.returncode == 1
    assert "fine.py:2" in done.stdout
    assert "old.py:" not in done.stdout
    assert git(root, "log", "--oneline").count("\n") == 1
    write(root, {"fine.py": f"y = 2\n{LEAK[:-1]}  # headway: ignore\n"})
    git(root, "add", "fine.py")
    assert run(root, around, *command).returncode == 0
    write(root, {"fine.py": f"y = 2\n{LEAK}{LEAK}"})
    done = run(root, around, "git", *WHO, "commit", "--all", "--message", "all of it")
    assert done.returncode == 1  # git gives the hook an index of its own


@pytest.mark.soak
def test_the_hooks_install_themselves(root: Path, tmp_path: Path, around: dict[str, str]) -> None:
    """From a clone of the project, by pip and whatever index it is set up with."""
    made = tmp_path / "headway"
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, made / name)
    git(made, "init", "--quiet")
    commit(made, {})
    using(root, made, "headway-scan-code", "headway-scan-staged")
    around = {**os.environ, **around, "HOME": os.environ.get("HOME", "/")}
    done = run(root, around, BIN / "pre-commit", "run", "--all-files")
    assert "old.py:1" in done.stdout
    assert done.stdout.count("exit code: 1") == 1


# ---- the action -----------------------------------------------------------------------------


def step(number: int) -> dict[str, Any]:
    """One step of the action."""
    found: dict[str, Any] = loaded("action.yml")["runs"]["steps"][number]
    return found


def acted(
    root: Path, tmp_path: Path, around: dict[str, str], **inputs: str
) -> subprocess.CompletedProcess[str]:
    """The action's second step, with *inputs* as GitHub puts them into its environment."""
    given = {name: each.get("default", "") for name, each in loaded("action.yml")["inputs"].items()}
    given |= {"base": "", **inputs}
    place = tmp_path / "runner" / "headway" / "bin"
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "headway").exists():
        (place / "headway").symlink_to(BIN / "headway")
    values = {f"inputs.{name}": value for name, value in given.items()}
    values["runner.temp"] = str(tmp_path / "runner")
    variables = {
        name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], value)
        for name, value in step(1)["env"].items()
    }
    return run(root, {**around, **variables}, "bash", "-c", step(1)["run"])


def test_the_action_is_one_by_its_schema(around: dict[str, str]) -> None:
    done = run(
        ROOT, around, BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions",
        "action.yml",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_no_value_stands_in_a_script_of_the_action() -> None:
    """What somebody wrote into a pull request is a value of a variable, never a command."""
    for number in (0, 1):
        assert "${{" not in step(number)["run"]
        assert step(number)["run"].startswith("set -euo pipefail\n")
    done = subprocess.run(["bash", "-n"], input=step(0)["run"], text=True, check=False)
    assert done.returncode == 0


def test_the_action_installs_what_is_locked_and_no_more() -> None:
    script = step(0)["run"]
    assert script.count("install") == 2
    assert "--require-hashes" in script
    for name in re.findall(r"requirements/\w+\.txt", script):
        assert (ROOT / name).exists()
    assert "--no-deps" in script
    assert "--no-build-isolation" in script


def test_a_whole_folder(root: Path, tmp_path: Path, around: dict[str, str]) -> None:
    done = acted(root, tmp_path, around)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=old.py,line=1,")
    done = acted(root, tmp_path, around, paths="fine.py\n\na.txt\n")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_a_branch_changed(root: Path, tmp_path: Path, around: dict[str, str]) -> None:
    base = git(root, "rev-parse", "HEAD")
    git(root, "checkout", "--quiet", "-b", "branch")
    commit(root, {"fine.py": f"y = 2\n{LEAK}"})
    git(root, "checkout", "--quiet", "-b", "later", base)
    later = commit(root, {"new.py": "x = 1\n", "old.py": "x = 1\n"})
    git(root, "checkout", "--quiet", "branch")
    for given in (base, later):
        done = acted(root, tmp_path, around, base=given, sarif="found.sarif")
        assert done.returncode == 1
        assert "file=fine.py,line=2," in done.stdout
        assert "old.py" not in done.stdout
        assert "fine.py" in (root / "found.sarif").read_text()


def test_the_base_s_baseline(root: Path, tmp_path: Path, around: dict[str, str]) -> None:
    headway = BIN / "headway"
    run(root, around, headway, "scan", "code", "--write-baseline", "known.json")
    assert acted(root, tmp_path, around, baseline="known.json").returncode == 0
    base = git(root, "rev-parse", "HEAD")
    commit(root, {"new.py": LEAK})
    run(root, around, headway, "scan", "code", "--write-baseline", "known.json")
    commit(root, {})
    done = acted(root, tmp_path, around, base=base, baseline="known.json")
    assert done.returncode == 1
    assert "new.py" in done.stdout


@pytest.mark.parametrize(
    "value", ["$(touch marker)", "`touch marker`", "; touch marker", "\"; touch marker; \"",
              "--output=marker", "nothing", "'"])  # fmt: skip
def test_inputs_are_values(root: Path, tmp_path: Path, around: dict[str, str], value: str) -> None:
    for name in ("base", "baseline", "paths"):
        assert acted(root, tmp_path, around, **{name: value}).returncode == 2
    assert not list(root.glob("*marker*"))


def test_what_could_not_be_scanned_is_no_success(
    root: Path, tmp_path: Path, around: dict[str, str]
) -> None:
    assert acted(root, tmp_path, around, paths="nothing", sarif="x.sarif").returncode == 2
