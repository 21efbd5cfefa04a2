"""What stands in the tree: nothing of one machine, and no package that is only a name."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from contracts.modules import ROOT

TEXT = {
    *("", ".cfg", ".css", ".html", ".ini", ".js", ".json", ".lock", ".mako", ".md", ".py"),
    *(".sh", ".toml", ".txt", ".yaml", ".yml"),
}


def tree() -> list[Path]:
    """Every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [p for p in paths if p.is_file() and p.suffix in TEXT]


# A bracket round one letter keeps a pattern from finding itself.
FOREIGN = {
    "a path of one machine": r"(?<![\w.])/([w]ork|[r]oot|[h]ome/\w+|opt/[pw]\w+|tmp/[h]\w*)/",
    "the address of a package index": r"[p]ypi\.org|[p]ythonhosted|registry\.[n]pmjs|deb\.[d]ebian",
    "words of a workplace": r"\b[f]arm-\w|\b[s]ubagent|\b[h]elper agent|\.\./[s]hared",
    "a document that is not here": r"\breference/\w+\.m[d]\b|\bDESIGN\.m[d]\b|\bhouse\.p[y]\b",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_foreign_stands_in_the_tree(what: str) -> None:
    pattern = re.compile(FOREIGN[what], re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tree()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


# ---- where packages come from ---------------------------------------------------------------

INSTALL = re.compile(
    r"\b(?:pip3?|pipx|uv|uvx|npm|npx|yarn|pnpm) +(?:install|add|run|tool|i|ci)\b(.*)"
)
LOCAL = re.compile(r"[.'\"/].*|.*\.whl\b.*|-.*|requirements/.*|\$.*|dist/.*")


@pytest.mark.parametrize("path", [p for p in tree() if p.suffix == ".md"], ids=lambda p: p.name)
def test_documents_install_by_path_only(path: Path) -> None:
    """A name on an index may be anybody's: only paths and built wheels are ours."""
    for line in path.read_text(encoding="utf-8").splitlines():
        for match in INSTALL.finditer(line):
            words = match[1].split("`")[0].split("#")[0].split()
            assert [w for w in words if not LOCAL.fullmatch(w)] == [], line


def test_every_locked_python_package_has_hashes_and_no_address() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^\s*-(?!-hash=sha256:)", text, re.MULTILINE)
        for requirement in text.replace("\\\n", " ").splitlines():
            assert re.match(
                r"[\w.-]+(\[[\w,-]+\])?==[\w.]+( ;[^#]+?)? +--hash=sha256:[0-9a-f]{64}", requirement
            )


def test_every_locked_npm_package_has_a_hash_and_no_address() -> None:
    locks = [p for p in tree() if p.name == "package-lock.json"]
    assert len(locks) >= 2
    for lock in locks:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        for name, package in packages.items():
            assert "resolved" not in package
            assert not name or package["integrity"].startswith("sha512-")
        for version in packages[""]["dependencies"].values():
            assert re.fullmatch(r"\d+\.\d+\.\d+(-[a-z]+\.\d+)?", version)  # one, and no range


def test_the_build_tools_are_locked_too() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locked = (ROOT / "requirements" / "build.txt").read_text(encoding="utf-8")
    for requirement in project["build-system"]["requires"]:
        name = re.split(r"[^\w.-]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE)
    assert "S" in project["tool"]["ruff"]["lint"]["select"]


def test_set_up_checks_every_hash_and_runs_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("setup_tool", ROOT / "tools" / "setup.py")
    assert spec
    assert spec.loader
    setup = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "setup_tool", setup)
    spec.loader.exec_module(setup)
    commands: list[str] = []
    monkeypatch.setattr(setup, "run", lambda *c, **_: commands.append(" ".join(map(str, c))))
    for step in setup.STEPS:
        step.make()
    pip = [c for c in commands if " pip install " in c]
    npm = [c for c in commands if c.startswith("npm ")]
    assert len(pip) == 4
    assert len(npm) == len([p for p in tree() if p.name == "package-lock.json"])
    for command in pip:
        assert "--require-hashes" in command or "--no-deps --no-build-isolation" in command
    for command in npm:
        assert command.startswith("npm ci --ignore-scripts ")
