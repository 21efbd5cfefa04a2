"""Names for names, in a file and through imports."""

from __future__ import annotations

from typing import Any

import pytest

from headway.scan.code.constants import (
    constants_in,
    imported_by,
    reaches,
    stems_of,
    stems_wanted,
)
from headway.scan.code.languages import language_of
from headway.scan.code.look import look
from scan.code.samples import RULES
from scan.corpus import read

PROJECTS = read("code/projects.toml")["project"]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project["id"])
def test_the_corpus(project: dict[str, Any]) -> None:
    files = {each["path"]: each["code"] for each in project["file"]}
    known = {path: constants_in(code) for path, code in files.items()}
    seen = []
    for path, code in files.items():
        language = language_of(path)
        assert language is not None
        seen += [
            [path, each.line]
            for each in look(code, language, imported_by(path, code, known))
            if RULES[each.rule] == "sends"
        ]
    assert sorted(seen) == sorted(project["sends"])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('A = "jwt"', "A"), ("const A = 'jwt' as const;", "A"), ("A = :jwt", "A"),
        ('A = "jwt".freeze', "A"), ('private static final String A = "jwt";', "A"),
        ('class X:\n    A = "jwt"', "A"), ('A: str = "jwt"', "A"), ('A = "?a=1&jwt="', "A"),
        ('module.exports = { A: "jwt", B: "x" };', "A"), ('  const A := "jwt"', "A"),
    ],
)  # fmt: skip
def test_a_constant(source: str, name: str) -> None:
    assert name in constants_in(source)


@pytest.mark.parametrize("source", ['A = "page"', 'A = "jwt" + b', "A == 'jwt'", '# A = "jwt"', ""])
def test_what_is_none(source: str) -> None:
    assert "A" not in constants_in(source)


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        ("client.py", "from names import A", "A"),
        ("client.py", "from names import A as B", "B"),
        ("client.py", "import names", "A"),
        ("app/client.py", "from .names2 import A2", "A2"),
        ("app/client.py", "from ..names import A", "A"),
        ("app/client.py", "from . import names2", "A2"),
        ("src/a.js", 'import { C } from "./names.js"', "C"),
        ("src/a.js", 'import { C as D } from "./names"', "D"),
        ("src/a.ts", 'const { C: E } = require("./names")', "E"),
        ("src/b/a.ts", 'import * as names from "../names"', "C"),
        ("src/a.js", 'const names = require("./names")', "C"),
    ],
)
def test_imports(path: str, source: str, name: str) -> None:
    project = {
        "names.py": {"A": "jwt"}, "app/names2.py": {"A2": "jwt"}, "src/names.js": {"C": "jwt"},
    }  # fmt: skip
    assert imported_by(path, source, project)[name] == "jwt"


def test_what_is_not_of_the_project_is_left_out() -> None:
    assert imported_by("a.py", "import os\nfrom x import y", {"b.py": {"A": "jwt"}}) == {}


MODULES = ("names.py", "app/names.py", "app/__init__.py", "app/sub/names.py", "src/names.js",
           "src/index.ts", "src/lib/index.js", "src/lib/names.tsx", "a.b.js")  # fmt: skip


IMPORTS = """
from names import A
import names
import app.names as n
from app import names
from .names import A
from . import A
from .. import A, names
from .sub.names import A
from app import A
from ..app import A
from app.sub import names as n
import { A } from './names'
import { A } from './names.js'
import * as n from '../names'
import { A } from '.'
import { A } from '..'
import { A } from './'
import { A } from './lib'
const { A } = require('./lib/')
const n = require('../lib/names')
import { A } from './a.b'
import { A } from '../lib/../names'
import { A } from '../src/sub/../names'
import { A } from './lib/..'
""".strip().splitlines()


@pytest.mark.parametrize("source", IMPORTS)
def test_whoever_imports_from_a_module_wants_one_of_its_stems(source: str) -> None:
    imports = 0
    for module in MODULES:
        for path in ("x.py", "app/x.py", "app/sub/x.py", "src/x.js", "src/lib/x.ts"):
            if imported_by(path, source, {module: {"A": "jwt"}}):
                imports += 1
                words = stems_wanted(source) & set(stems_of(module))
                assert any("/" in word or reaches(path, module) for word in words)
    assert imports
