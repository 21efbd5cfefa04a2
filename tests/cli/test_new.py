"""``headway new``: what it makes passes its own tests; what it must not do, it does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest

from headway.cli import new as command
from headway.cli.commands import run
from headway.cli.new import FRAMEWORKS, MARK, PRODUCTS, Framework, ProductName, write_project
from headway.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = {
    *(".gitignore", "Makefile", "README.md", "app.py", "panel.html", "pyproject.toml"),
    *("conftest.py", "requirements.txt", "test_app.py"),
}
MORE = {Framework.DJANGO: {"urls.py"}}
COMBINATIONS = [(f, p) for f in Framework for p in ProductName]
ALL = pytest.mark.parametrize(
    ("framework", "product"), COMBINATIONS, ids=["-".join(pair) for pair in COMBINATIONS]
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(framework: Framework, product: ProductName, name: str = "my-app", **more: Any) -> Path:
    return write_project(Path(name), framework, product, headway=ROOT, **more)


def executed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# ---- what it makes --------------------------------------------------------------------------


@ALL
def test_a_project_passes_its_own_tests(framework: Framework, product: ProductName) -> None:
    folder = made(framework, product)
    result = executed(folder, "pytest", "-q", "-p", "no:cacheprovider")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\b[6-9] passed", result.stdout)


@pytest.mark.parametrize("name", ["a", "my-app", "a" * 50])
@ALL
def test_a_project_is_as_the_linter_wants_it(
    framework: Framework, product: ProductName, name: str
) -> None:
    folder = made(framework, product, name, key="com.example." + "k" * 52)
    for check in (["check"], ["format", "--check"]):
        result = executed(folder, "ruff", *check, "--no-cache", ".")
        assert result.returncode == 0, result.stdout


@ALL
def test_a_project_is_whole(framework: Framework, product: ProductName) -> None:
    folder = made(framework, product)
    assert {path.name for path in folder.iterdir()} == FILES | MORE.get(framework, set())
    for path in folder.iterdir():
        text = path.read_text("utf-8")
        assert not MARK.search(text), path
        assert "\t" not in text or path.name == "Makefile"
        assert text.endswith("\n")
    assert FRAMEWORKS[framework].title in (folder / "README.md").read_text("utf-8")


def test_every_framework_and_product_has_its_row() -> None:
    assert set(FRAMEWORKS) == set(Framework)
    assert set(PRODUCTS) == set(ProductName)
    assert len({frozenset(values) for values in PRODUCTS.values()}) == 1
    folders = (resources.files("headway.cli.new") / "templates").iterdir()
    assert {folder.name for folder in folders} == {"any", *(f.value for f in Framework)}


def test_a_key_and_names_made_of_the_name() -> None:
    folder = made(Framework.STARLETTE, ProductName.CONFLUENCE, key="com.Example.App")
    app = (folder / "app.py").read_text("utf-8")
    assert '"key": "com.Example.App"' in app
    assert '"name": "My App"' in app
    assert 'key="com-example-app-macro"' in app


# ---- T40: whose package it is ---------------------------------------------------------------


@ALL
def test_no_package_is_installed_by_name(framework: Framework, product: ProductName) -> None:
    """T40: what an index has under a name may be anybody's; the one requirement is a path."""
    folder = made(framework, product)
    lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert len(wanted) == 1
    assert re.fullmatch(r"headway\[[a-z,]+\] @ file:///\S+", wanted[0])
    extras = set(wanted[0][len("headway[") :].partition("]")[0].split(","))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert extras <= set(project["optional-dependencies"])
    installs = re.compile(
        r"\b(?:pip3?|pipx|uv|uvx|npm|npx|poetry|conda)\b.*\b(?:install|add)\b(.*)"
    )
    for path in folder.iterdir():
        for found in installs.finditer(path.read_text("utf-8")):
            assert found[1].split() == ["-r", "requirements.txt"], path


def test_a_path_with_blanks_is_one_address(here: Path) -> None:
    source = here / "my source"
    source.mkdir()
    (source / "pyproject.toml").write_text('[project]\nname = "headway"\n')
    assert run(["new", "my-app", "--headway", str(source)]) == 0
    assert f"@ {source.as_uri()}\n" in Path("my-app/requirements.txt").read_text("utf-8")
    assert "my%20source" in source.as_uri()


def test_a_wheel(here: Path) -> None:
    wheel = here / "headway-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    assert run(["new", "my-app", "--headway", wheel.name]) == 0
    assert f"@ {wheel.as_uri()}\n" in Path("my-app/requirements.txt").read_text("utf-8")


@pytest.mark.parametrize("found", ["none", "file", "other", "bytes", "odd"])
def test_what_is_not_headway(found: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {"other": '[project]\nname = "other"', "odd": "project = 7", "bytes": "\udcff"}
    for folder, text in texts.items():
        (here / folder).mkdir()
        (here / folder / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    (here / "file").write_text("")
    assert run(["new", "my-app", "--headway", found]) == 2
    assert "neither a wheel nor the source of Headway" in capsys.readouterr().err
    assert not Path("my-app").exists()


class Told:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.text


def test_by_default_it_is_where_this_one_is_from(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(json.dumps({"url": here.as_uri(), "dir_info": {"editable": True}}))
    monkeypatch.setattr(command.metadata, "distribution", lambda _: told)
    assert run(["new", "my-app"]) == 0
    assert f"@ {here.as_uri()}\n" in Path("my-app/requirements.txt").read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "{}",
        '{"url": "https://x.example/h.whl"}',
        '{"url": "file:///none/h.whl"}',
        "gone",
    ],
)
def test_where_nothing_says_so_it_is_asked_for(
    text: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def distribution(name: str) -> Told:
        if text == "gone":
            raise metadata.PackageNotFoundError(name)
        return Told(text)

    monkeypatch.setattr(command.metadata, "distribution", distribution)
    assert run(["new", "my-app"]) == 2
    assert "--headway: give the path" in capsys.readouterr().err
    assert not Path("my-app").exists()


# ---- as typed -------------------------------------------------------------------------------


def test_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["new", "my-app", "--headway", str(ROOT), "--framework", "asgi"]
    assert run([*typed, "--product", "confluence", "--key", "com.example.app"]) == 0
    out = capsys.readouterr().out
    assert "my-app: .gitignore, Makefile, README.md, app.py" in out
    assert "cd my-app && make setup test" in out
    assert Path("my-app").stat().st_mode & 0o777 == 0o777 & ~command._umask()


@pytest.mark.parametrize(
    "name", ["", "My-App", "a_b", "1a", "-a", "a-", "a--b", "../a", "/tmp/a", "a/b", ".", "a" * 51]
)
def test_names_that_can_not_be(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "--headway", str(ROOT), "--", name]) == 2
    assert "lower-case letters" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("key", ["a b", "a/b", 'a"b', "a\n", "k" * 65, "%%key%%", "-a", "é"])
def test_keys_that_can_not_be(key: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "my-app", "--headway", str(ROOT), f"--key={key}"]) == 2
    assert "--key: 1 to 64" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for make in (Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")):
        path = here / "my-app"
        make(path)
        assert run(["new", "my-app", "--headway", str(ROOT)]) == 2
        assert "nothing is overwritten" in capsys.readouterr().err
        path.rmdir() if path.is_dir() else path.unlink()
    assert list(here.iterdir()) == []


def test_a_disk_that_is_full_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        made(Framework.STARLETTE, ProductName.JIRA)
    assert list(here.iterdir()) == []


def test_a_choice_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "my-app", "--framework", "cobol"]) == 2
    assert "starlette" in capsys.readouterr().err
