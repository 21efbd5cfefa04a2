"""One registry of ids: each refusal shows exactly the faces that it declares."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
from contracts.modules import ROOT

from headway import errors, policy, refusals
from headway.errors import Face, Refusal, registry
from headway.model import Direction, Location

DOCS = ROOT / "docs" / "refusals.md"
VECTORS = ROOT / "vectors"

LEAVES = registry()
OURS = {errors.__name__, refusals.__name__}
EACH = pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
KEBAB = re.compile(r"[a-z]+(-[a-z]+)*")


def with_face(face: Face) -> set[str]:
    return {name for name, leaf in LEAVES.items() if face in leaf.faces}


@EACH
def test_a_leaf_is_whole(leaf: type[Refusal]) -> None:
    assert KEBAB.fullmatch(leaf.id)
    assert leaf.id == re.sub(r"(?<!^)(?=[A-Z])", "-", leaf.__name__).lower()
    assert leaf.title
    assert not leaf.title.endswith(".")
    assert re.fullmatch(r"[A-Z].*\.", leaf.hint, re.DOTALL)
    assert 400 <= leaf.status <= 599
    assert Face.DOCS in leaf.faces
    assert not leaf.__subclasses__()


@EACH
def test_outsiders_are_told_an_id_that_exists(leaf: type[Refusal]) -> None:
    assert not leaf.outside or (leaf.outside in LEAVES and not LEAVES[leaf.outside].outside)
    assert leaf().public.status == LEAVES[leaf.outside or leaf.id].status


def test_every_class_without_children_is_registered() -> None:
    found, families = set(), [Refusal]
    while families:
        family = families.pop()
        children = family.__subclasses__()
        families += children
        if not children:
            found.add(family.id)
    assert found == set(LEAVES)


def test_the_drawing_is_the_tree() -> None:
    drawn: dict[str, tuple[str, str]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ((?:│   |    )*)(?:[├└]── )?([A-Z]\w+)(?:  +(.*))?", line)
        if match:
            depth = (len(line) - len(line.lstrip(" │├└─")) - 4) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = (path[depth - 1] if depth else "", match[3] or "")
    real = {"HeadwayError": ""}
    families: list[type] = [errors.HeadwayError]
    while families:
        family = families.pop()
        for child in family.__subclasses__():
            if child.__module__ in OURS:  # a part may have errors of its own
                real[child.__name__] = family.__name__
                families.append(child)
    assert {name: parent for name, (parent, _) in drawn.items()} == real
    assert {n: drawn[c.__name__][1] for n, c in LEAVES.items()} == {n: n for n in LEAVES}


def test_the_documentation_is_generated_from_the_registry() -> None:
    """One section an id, with title and hint of the code: ``tools/refusals.py`` wrote it."""
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "refusals.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    text = DOCS.read_text(encoding="utf-8")
    assert made.stdout == text, "run: .venv/bin/python tools/refusals.py > docs/refusals.md"
    assert re.findall(r"^### `(.+)`$", text, re.M) == list(LEAVES)


def test_the_policy_has_exactly_the_ids_that_say_so() -> None:
    """A row of the table or a rule for conflicts each."""
    rows = {
        built_in.row(direction, location).id
        for built_in in (policy.ATLASSIAN_2022, policy.REHEARSAL)
        for direction in Direction
        for location in Location
    }
    conflicts = {refusal.id for refusal in policy.CONFLICTS}
    assert (rows | conflicts) - {""} == with_face(Face.POLICY)


def test_vectors_show_exactly_the_ids_that_say_so() -> None:
    """A bad example is an object with a member ``refusal``, in any file of ``vectors/``."""
    shown: Counter[str] = Counter()

    def look(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("refusal"), str):
                shown[value["refusal"]] += 1
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for path in sorted(VECTORS.rglob("*.json")):
        look(json.loads(path.read_text(encoding="utf-8")))
    assert set(shown) - set(LEAVES) == set()
    assert with_face(Face.VECTOR) - set(shown) == set()
