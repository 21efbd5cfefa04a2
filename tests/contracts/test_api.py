"""The public API: ``__all__`` is what is there is what the documentation lists."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from types import ModuleType

import pytest
from contracts.modules import ROOT, Module, modules

import headway

MOST = 20
DOCS = ROOT / "docs" / "api.md"

FORBID = """
import sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {forbidden!r}:
            raise ModuleNotFoundError(f"forbidden: {{name}}", name=name)

sys.meta_path.insert(0, Forbid())
"""
EXTRAS = {
    *("alembic", "click", "fastapi", "h11", "httpcore", "httpx", "jinja2", "multipart"),
    *("pydantic", "python_multipart", "rich", "sqlalchemy", "starlette", "typer", "uvicorn"),
}


def in_order(names: Iterable[str]) -> list[str]:
    """Sorted as ruff's RUF022 sorts: constants, classes, the rest."""
    return sorted(set(names), key=lambda n: (not n.isupper(), not n[0].isupper(), n))


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in an interpreter in which no package of an extra can be imported."""
    forbid = FORBID.format(forbidden=EXTRAS)
    return subprocess.run(
        [sys.executable, "-c", forbid + code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_is_sorted_small_and_there() -> None:
    names = headway.__all__
    assert list(names) == in_order(names)
    assert 0 < len(names) <= MOST
    assert [n for n in names if not hasattr(headway, n)] == []


def test_all_is_what_is_there() -> None:
    there = {
        name
        for name, value in vars(headway).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert there == {n for n in headway.__all__ if not n.startswith("_")}


def test_all_is_what_the_documentation_lists() -> None:
    listed = re.findall(r"^#{2,4} `(?:headway\.)?(\w+)", DOCS.read_text(encoding="utf-8"), re.M)
    assert in_order(listed) == list(headway.__all__)
    assert len(listed) == len(set(listed))


def test_every_public_name_has_a_docstring_with_an_example() -> None:
    for name in headway.__all__:
        value = getattr(headway, name)
        if callable(value):
            assert ">>> " in (value.__doc__ or ""), name


@pytest.mark.parametrize("module", [m for m in modules() if m.is_root], ids=str)
def test_each_module_of_the_root_lists_its_names(module: Module) -> None:
    if module.is_package:
        return
    imported = __import__(f"headway.{module.name}", fromlist=["*"])
    assert list(imported.__all__) == in_order(imported.__all__)
    assert [n for n in imported.__all__ if not hasattr(imported, n)] == []


def test_star_import_needs_no_extra() -> None:
    result = run("from headway import *; import headway; print(len(headway.__all__))")
    assert result.stderr == ""
    assert int(result.stdout) == len(headway.__all__)


@pytest.mark.parametrize("module", [m for m in modules() if m.is_root], ids=str)
def test_the_root_is_importable_with_no_extra(module: Module) -> None:
    result = run(f"import headway{'.' * bool(module.name)}{module.name}")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif("cli" not in {m.area for m in modules()}, reason="no command line yet")
def test_the_command_says_what_to_install() -> None:
    result = run("from headway.cli import main; sys.argv = ['headway']; main()")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "[cli]" in result.stderr or "[host]" in result.stderr
