"""The modules of Headway, read from the tree: their layer, their parsed code, their test file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SRC = ROOT / "src" / "headway"

LEVELS = (
    {"errors"},
    {"refusals"},
    {"model"},
    {"ports", "secret_shapes"},
    {"jwt", "keys", "qsh", "policy", "redact"},
    {"sign", "verify", "explain"},
)
"""The root, lowest first: a module imports what stands in an earlier level."""

EDGE: dict[str, set[str]] = {"http": set(), "store": set(), "descriptor": {"http"}}
"""The shared edge: a package there imports the root, and of the edge what stands in its row."""

PARTS = ("app", "host", "gateway", "scan")
ROOT_MODULES = frozenset().union(*LEVELS)


@dataclass(frozen=True)
class Module:
    """One file of ``src/headway``; *name* is relative to it, ``""`` is the package itself."""

    name: str
    path: Path

    def __str__(self) -> str:
        return self.name or "headway"

    @property
    def area(self) -> str:
        """The folder below ``headway`` that it lies in; a module of the root is its own area."""
        return self.name.partition(".")[0]

    @property
    def is_root(self) -> bool:
        return self.name in ROOT_MODULES or not self.name

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def test_file(self) -> str:
        """Where its own tests are, relative to the project."""
        folders, _, last = (self.name or "headway").rpartition(".")
        return "/".join(filter(None, ["tests", folders.replace(".", "/"), f"test_{last}.py"]))

    @property
    def is_thin(self) -> bool:
        """An ``__init__`` that only imports and lists: its contract is tested, not its code."""
        return self.is_package and all(
            isinstance(n, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign)
            or (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
            for n in self.tree.body
        )

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every module that is named in an import, at any depth, with its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "headway":
                yield from ((_submodule(alias.name), node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or "", node.lineno


def _submodule(name: str) -> str:
    return f"headway.{name}" if name in {m.name.partition(".")[0] for m in modules()} else "headway"


@lru_cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, migrations too."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        found.append(Module(".".join(p for p in parts if p != "__init__"), path))
    return tuple(found)
