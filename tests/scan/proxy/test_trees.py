"""YAML and JSON with places."""

from __future__ import annotations

import json

import pytest
from ruamel.yaml import YAML

from headway.scan.proxy.edits import Source, apply
from headway.scan.proxy.files import Unclear
from headway.scan.proxy.trees import Tree, read_trees

TEXT = """\
base: &base { a: 1 }
block:
  <<: *base
  list: [x, "y"]
  deep:
    Name: 'quoted'
many: {<<: [*base, {b: 2}]}
none:
"""


def tree(text: str) -> Tree:
    [found] = read_trees(Source("a", text))
    return found


def test_values_and_their_places() -> None:
    top = tree(TEXT)
    name = top.get("block", "deep", "name")
    assert name is not None
    assert (name.text, TEXT[name.start : name.end]) == ("quoted", "'quoted'")
    assert name.key is not None
    assert name.key.text == "Name"
    assert (name.is_map, name.is_list, top.is_map) == (False, False, True)
    assert top.get("block", "a") == top.get("base", "A")
    assert top.get("block", "a") != "1"
    assert [key for key, _ in (top.get("many") or top).items()] == ["b", "a"]
    assert top.texts("block", "list") == ["x", "y"]
    assert (top.texts("base", "a"), top.texts("x", "y")) == (["1"], [])
    assert (top.get("none") or top).text == ""
    assert top.text == ""
    assert [each.text for each in top.below() if each.text] == ["1", "x", "y", "quoted", "2"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("a:\n  b: 1\n", ["a"]), ("a:\n- b: 1\n  c: 2\n", ["a"]), ("a: {b: 1}\n", ["a"]),
     ('{"a": {"b": 1}}', ["a"]), ('{\n\t"a": {}\n}', ["a"])],
)  # fmt: skip
def test_a_first_member(text: str, names: list[str]) -> None:
    top = tree(text)
    inner = top.get(*names)
    assert inner is not None
    inner = inner.elements()[0] if inner.is_list else inner
    mended = apply(top.source, [inner.prepended('new:\n  x: "1"', '"new": {"x": "1"}')])
    found = YAML(typ="safe").load(mended.replace("\t", " "))["a"]
    found = found[0] if isinstance(found, list) else found
    assert found.pop("new") == {"x": "1"}
    assert found == (YAML(typ="safe").load(text.replace("\t", " "))["a"] or {}) or found
    if text.startswith("{"):
        json.loads(mended)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {{ b }}: c\n", "in line 1"), ("a: b\n c: d\n", "in line 2"),
        ("a: *none\n", "in line 1"),
        ("a: !!binary [\n", "in line"), ("\x01", "is no YAML (ReaderError)"),
    ],
)  # fmt: skip
def test_what_is_neither_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Unclear) as raised:
        read_trees(Source("a", text))
    assert told in str(raised.value)


@pytest.mark.parametrize("text", ["events {", "a word", "7"])
def test_a_configuration_of_something_else_is_not_taken_as_a_clean_one(text: str) -> None:
    with pytest.raises(Unclear, match=r"no names with values, in line 1|expected"):
        read_trees(Source("a", text))


@pytest.mark.parametrize("text", ["", "# words\n", "---\n# words\n", "null\n"])
def test_nothing_is_said_in_nothing(text: str) -> None:
    assert not any(each.is_map for each in read_trees(Source("a", text)))


def test_documents() -> None:
    assert read_trees(Source("a", "")) == []
    assert len(read_trees(Source("a", "a: 1\n---\nb: 2\n"))) == 2


def test_t39_aliases_that_multiply_are_one_node() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert sum(1 for _ in tree("\n".join(lines)).below()) < 100
    merged = "a: &a\n  <<: *a\n  b: 1\n"
    assert len(list((tree(merged).get("a") or tree(merged)).items())) < 20


def test_t39_nothing_is_constructed() -> None:
    text = "a: !!python/object/apply:os.system [touch /tmp/no]\nb: !x 1\n"
    assert tree(text).texts("b") == ["1"]


def test_t39_what_is_nested_too_deeply_is_refused_at_once() -> None:
    with pytest.raises(Unclear, match="nested too deeply, in line 2"):
        read_trees(Source("a", "\n" + "[" * 200_000))
