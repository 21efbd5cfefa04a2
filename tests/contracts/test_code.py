"""Rules for the code itself that a linter does not know."""

from __future__ import annotations

import ast
import re

import pytest
from contracts.modules import ROOT, Module, modules

ALL = pytest.mark.parametrize("module", modules(), ids=str)

# ---- secrets are compared in constant time --------------------------------------------------

SECRET_WORD = re.compile(
    r"(^|_)(signatures?|macs?|hmac|digests?|secrets?|csrf|tokens?|passwords?|qsh|hash)$"
)
COMPARED_PLAINLY = {
    # Secret.__eq__ is compare_digest
    "store.installations: new.shared_secret == before.shared_secret",
}
"""Comparisons that only look like one of secrets; the list may only get shorter."""


def secret_name(node: ast.expr) -> str | None:
    """The name that *node* is known by, where it reads like that of a secret."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            pass
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            pass
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in (
            *("hexdigest", "digest", "reveal", "encode", "decode", "strip", "get"),
        ):
            return method if method in ("hexdigest", "digest", "reveal") else secret_name(inner)
        case _:
            return None
    return name if SECRET_WORD.search(name.lower()) else None


def harmless(node: ast.expr) -> bool:
    """What a secret may be compared with: a literal, a constant; and in SQL a column."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name.isupper()
        case ast.Attribute(value=ast.Attribute(attr="c")):
            return True
    return False


@ALL
def test_secrets_are_compared_in_constant_time(module: Module) -> None:
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        plain = any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
        if plain and any(map(secret_name, sides)) and not any(map(harmless, sides)):
            place = f"{module}: {ast.unparse(node)}"
            if place not in COMPARED_PLAINLY:
                found.append(place)
    assert found == [], "use hmac.compare_digest on bytes"


def test_the_rule_finds_what_it_should() -> None:
    def names(text: str) -> list[str | None]:
        tree = ast.parse(text, mode="eval").body
        assert isinstance(tree, ast.Compare)
        return [secret_name(tree.left)]

    assert names("signature == other") == ["signature"]
    assert names("claims.qsh != computed") == ["qsh"]
    assert names("form['csrf_token'] == x") == ["csrf_token"]
    assert names("hashlib.sha256(x).hexdigest() == y") == ["hexdigest"]
    assert names("token_count == 3") == [None]


def test_plain_comparisons_are_still_there() -> None:
    compared = {
        f"{module}: {ast.unparse(node)}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Compare)
    }
    assert compared >= COMPARED_PLAINLY


# ---- what does not stand in the package -----------------------------------------------------


@ALL
def test_nothing_depends_on_assert(module: Module) -> None:
    assert [n.lineno for n in ast.walk(module.tree) if isinstance(n, ast.Assert)] == []


@ALL
def test_nothing_is_hidden_from_coverage(module: Module) -> None:
    assert "pragma: no" not in module.text


@ALL
def test_no_drawer_for_the_rest(module: Module) -> None:
    """A helper lives with its only user, or deserves a name."""
    assert not set(module.name.split(".")) & {"util", "utils", "helpers", "common", "base", "misc"}


@ALL
def test_nothing_runs_what_comes_in(module: Module) -> None:
    called = {ast.unparse(n.func) for n in ast.walk(module.tree) if isinstance(n, ast.Call)}
    assert not called & {"eval", "exec", "pickle.loads", "pickle.load", "marshal.loads"}


# ---- tests mirror the source ----------------------------------------------------------------

FREE_OF_SRC = {"contracts", "e2e"}
OF_OTHER_FILES = (
    "tests/host/bridge/",  # scripts in a browser
    "tests/host/rest/test_openapi.py",  # the judge of the answers
    "tests/test_oracle.py",  # the judge of the protocol
)


def test_each_module_has_its_test_file() -> None:
    without = [str(m) for m in modules() if not m.is_thin and not (ROOT / m.test_file).exists()]
    assert without == []


def test_each_test_file_has_its_module() -> None:
    expected = {m.test_file for m in modules()}
    tests = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if path.relative_to(ROOT).parts[1] not in FREE_OF_SRC and "node_modules" not in path.parts
    }
    assert [t for t in tests - expected if not t.startswith(OF_OTHER_FILES)] == []


def test_only_the_end_to_end_tests_know_two_parts() -> None:
    parts = re.compile(r"^\s*(?:from|import) headway\.(app|host|gateway|scan)\b", re.M)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        area = path.relative_to(ROOT).parts[1]
        if area not in {*FREE_OF_SRC, "cli"} and "node_modules" not in path.parts:
            assert len(set(parts.findall(path.read_text(encoding="utf-8")))) <= 1, path


def test_folders_of_tests_are_no_packages() -> None:
    """``tests`` is on the path of the tests: a package ``http`` there would hide Python's own."""
    inits = [p for p in (ROOT / "tests").rglob("__init__.py") if "node_modules" not in p.parts]
    assert inits == []
