"""The budgets: how long, how branchy, how typed and how documented code may be.

A smell test, not a target: a split that makes the path harder to follow is
worse than a long function.  What is over a bound stands in a list below, with
the bound that holds for it instead; the lists may only get shorter.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from contracts.modules import Module, modules

LONG_FUNCTIONS: dict[str, int] = {}
LONG_MODULES: dict[str, int] = {}

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BRANCHES = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp),
    *(ast.comprehension, ast.match_case),
)
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}


@dataclass(frozen=True)
class Budget:
    """Code lines (no blank lines, comments, docstrings) and branches."""

    function: int
    function_p90: int
    complexity: int
    complexity_p90: int
    module: int
    documented: float


ROOT = Budget(45, 20, 12, 6, 350, 1.0)
PARTS = Budget(60, 28, 16, 8, 500, 0.9)


@dataclass(frozen=True)
class Function:
    """A function as it stands in the tree; a nested one counts by itself and in its parent."""

    name: str
    lines: int
    complexity: int


def code_lines(module: Module) -> set[int]:
    """The numbers of the lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(module.tree):
        if doc := _docstring(node):
            lines.difference_update(range(doc.lineno, (doc.end_lineno or 0) + 1))
    return lines


def functions(module: Module) -> list[Function]:
    """Every function of *module*, with its size."""
    lines = code_lines(module)
    return [
        Function(
            f"{module}.{node.name}",
            sum(node.lineno <= n <= (node.end_lineno or 0) for n in lines),
            complexity(node),
        )
        for node in ast.walk(module.tree)
        if isinstance(node, FUNCTIONS)
    ]


def complexity(function: ast.AST) -> int:
    """Cyclomatic complexity as McCabe counts it; a nested function is counted on its own."""
    score, stack = 1, list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        score += isinstance(node, BRANCHES)
        score += len(node.values) - 1 if isinstance(node, ast.BoolOp) else 0
        stack.extend(ast.iter_child_nodes(node))
    return score


def _docstring(node: ast.AST) -> ast.Expr | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first if isinstance(first.value.value, str) else None
    return None


def p90(values: Sequence[int]) -> int:
    """The value that nine of ten do not exceed; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(0.9 * len(values)))] if values else 0


def budget(module: Module) -> Budget:
    """Which row of the table holds for *module*."""
    return ROOT if module.is_root else PARTS


ALL = pytest.mark.parametrize("module", modules(), ids=str)


@ALL
def test_no_function_is_too_long_or_too_branchy(module: Module) -> None:
    bounds = budget(module)
    over = [
        f
        for f in functions(module)
        if f.lines > LONG_FUNCTIONS.get(f.name, bounds.function) or f.complexity > bounds.complexity
    ]
    assert over == []


@ALL
def test_no_module_is_too_long(module: Module) -> None:
    assert len(code_lines(module)) <= LONG_MODULES.get(module.name, budget(module).module)


@pytest.mark.parametrize("root", [True, False], ids=["root", "parts"])
def test_nine_of_ten_functions_are_small(root: bool) -> None:
    found = [f for m in modules() if m.is_root is root for f in functions(m)]
    bounds = ROOT if root else PARTS
    assert p90([f.lines for f in found]) <= bounds.function_p90
    assert p90([f.complexity for f in found]) <= bounds.complexity_p90


def test_an_exception_is_needed_and_exact() -> None:
    """A list may only get shorter: what became smaller leaves it, or lowers its bound."""
    sizes = {f.name: f.lines for m in modules() for f in functions(m)}
    lengths = {m.name: len(code_lines(m)) for m in modules()}
    assert {n: sizes.get(n) for n in LONG_FUNCTIONS} == LONG_FUNCTIONS
    assert {n: lengths.get(n) for n in LONG_MODULES} == LONG_MODULES


@ALL
def test_everything_is_annotated(module: Module) -> None:
    bare = [
        f"{node.name}({argument.arg})" if argument else f"{node.name} ->"
        for node in ast.walk(module.tree)
        if isinstance(node, FUNCTIONS)
        for argument in _bare(node)
    ]
    assert bare == []


def _bare(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.arg | None]:
    every = function.args
    named = [*every.posonlyargs, *every.args, *every.kwonlyargs]
    named += [a for a in (every.vararg, every.kwarg) if a]
    yield from (a for a in named if a.annotation is None and a.arg not in ("self", "cls"))
    if function.returns is None:
        yield None


def test_everything_public_is_documented() -> None:
    for root in (True, False):
        public = [pair for m in modules() if m.is_root is root for pair in _public(m.tree, str(m))]
        bare = [name for name, documented in public if not documented]
        bound = (ROOT if root else PARTS).documented
        assert len(bare) <= (1 - bound) * len(public), bare


@ALL
def test_every_module_says_what_it_is_for(module: Module) -> None:
    assert ast.get_docstring(module.tree)


def _public(tree: ast.AST, path: str) -> Iterator[tuple[str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield f"{path}.{node.name}", ast.get_docstring(node) is not None
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{path}.{node.name}")
