"""The import rule: the protocol is the root, the parts are siblings that have never met."""

from __future__ import annotations

import ast
import sys

import pytest
from contracts.modules import EDGE, LEVELS, PARTS, ROOT_MODULES, Module, modules

OUTSIDE_OF_ROOT = {"msgspec"}
ONLY_KEYS = {"cryptography"}
ONLY_CLI = {"typer", "click", "rich", "argparse"}
NOT_IN_ROOT = {
    "asyncio": "no sockets",
    "http": "no sockets",
    "selectors": "no sockets",
    "socket": "no sockets",
    "ssl": "no sockets",
    "time": "now is an argument",
    "random": "no randomness",
    "secrets": "no randomness",
    "urllib.request": "no sockets",
    "uuid": "no randomness",
}

ALL = pytest.mark.parametrize("module", modules(), ids=str)
ROOT = pytest.mark.parametrize("module", [m for m in modules() if m.is_root], ids=str)


def may_import(module: Module, other: str) -> bool:
    """Whether *module* may import *other*, an area below ``headway``."""
    if module.area == "cli":
        return True
    if not module.name:
        return other in ROOT_MODULES
    if module.is_root:
        level = next(i for i, names in enumerate(LEVELS) if module.name in names)
        return any(other in names for names in LEVELS[:level])
    if module.area in EDGE:
        return other in ROOT_MODULES or other == module.area or other in EDGE[module.area]
    return other in ROOT_MODULES or other in EDGE or other == module.area


def test_every_module_has_its_place() -> None:
    areas = {m.area for m in modules()}
    assert areas <= {"", *ROOT_MODULES, *EDGE, *PARTS, "cli", "__main__"}


@ALL
def test_imports_point_to_the_root(module: Module) -> None:
    wrong = [
        f"line {line}: {name}"
        for name, line in module.imports()
        if name.partition(".")[0] == "headway"
        and not may_import(module, name.split(".")[1] if "." in name else "")
        and not (module.area == "__main__" and name.startswith("headway.cli"))
    ]
    assert not wrong


@ROOT
def test_the_root_imports_little(module: Module) -> None:
    allowed = {"headway", *OUTSIDE_OF_ROOT, *sys.stdlib_module_names}
    allowed |= ONLY_KEYS if module.name == "keys" else set()
    names = [name for name, _ in module.imports()]
    assert [n for n in names if n.partition(".")[0] not in allowed] == []
    if module.name != "keys":
        assert [n for n in names if n in NOT_IN_ROOT] == []


@ROOT
def test_the_root_asks_no_clock_and_sets_up_no_logging(module: Module) -> None:
    asked = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    asked |= {"logging.basicConfig", "logging.getLogger", "os.urandom"}
    calls = {ast.unparse(n.func) for n in ast.walk(module.tree) if isinstance(n, ast.Call)}
    # keys.py makes nonces; redact.py puts its filter on handlers, when it is asked to
    allowed = {"keys": {"os.urandom"}, "redact": {"logging.getLogger"}}.get(module.name, set())
    assert calls & asked <= allowed


@ALL
def test_only_the_command_line_talks_and_exits(module: Module) -> None:
    if module.area in ("cli", "__main__"):
        return
    assert [n for n, _ in module.imports() if n.partition(".")[0] in ONLY_CLI] == []
    used = {ast.unparse(n) for n in ast.walk(module.tree) if isinstance(n, ast.Attribute)}
    assert not used & {"sys.exit", "os._exit"}
    raised = {
        ast.unparse(n.exc) for n in ast.walk(module.tree) if isinstance(n, ast.Raise) and n.exc
    }
    assert not any(text.startswith("SystemExit") for text in raised)


@ALL
def test_each_command_imports_its_part_inside(module: Module) -> None:
    """``headway token`` needs no web framework: parts are imported where they are used."""
    if module.area != "cli":
        return
    top = [n for n in module.tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    named = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
    named |= {n.module or "" for n in top if isinstance(n, ast.ImportFrom)}
    areas = {n.split(".")[1] for n in named if n.startswith("headway.")}
    package = module.name.split(".")[1:2]
    if package in ([], ["token"], ["main"]):
        assert not areas & {*EDGE, *PARTS}


def test_there_is_no_cycle() -> None:
    """Between modules, by the imports that run when a module is imported."""
    known = {f"headway.{m.name}".rstrip("."): m for m in modules()}
    edges = {
        name: {t for t in _targets(m) if t in known and t != name} for name, m in known.items()
    }
    while leaves := [name for name, targets in edges.items() if not targets]:
        for leaf in leaves:
            del edges[leaf]
        edges = {name: targets - set(leaves) for name, targets in edges.items()}
    assert edges == {}


def _targets(module: Module) -> set[str]:
    found: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            subs = {f"{node.module}.{a.name}" for a in node.names}
            known = {f"headway.{m.name}" for m in modules()}
            found |= (subs & known) or {node.module}
    return found
