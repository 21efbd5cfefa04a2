from __future__ import annotations

import json
import time

import pytest

from headway.errors import ConfigurationError
from headway.gateway.notice import document
from headway.gateway.notice.document import BYTES_MAX, read_document, written

YAML = """\
# who reads this
openapi: 3.1.0  # the version
info:
  title: "quoted"
  list:
    - a
    - b
"""


def test_yaml_keeps_comments_order_and_lists_that_hang() -> None:
    found = read_document(YAML.encode())
    assert not found.is_json
    assert found.written() == YAML
    flat = "a:\n- 1\n- 2\n"
    assert read_document(flat.encode()).written() == flat


@pytest.mark.parametrize("indent", [1, 2, 4])
def test_json_keeps_order_and_indent(indent: int) -> None:
    text = json.dumps({"b": 1, "a": {"ü": [1.5, None]}}, indent=indent, ensure_ascii=False) + "\n"
    assert read_document(text.encode()).written() == text
    assert read_document(b'\xef\xbb\xbf{"a": 1}').written() == '{\n  "a": 1\n}\n'


def test_a_new_text() -> None:
    assert json.loads(written({"a": 1}, is_json=True)) == {"a": 1}
    assert written({"a": "x: y"}, is_json=False) == "a: 'x: y'\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", r"api:1: Expecting"),
        (b'{"a": 1, "a": 2}', "api: an object has a name twice"),
        (b"a: 1\na: 2\n", r"api:2: found duplicate key"),
        (b"a: [1\n", "api:2: "),
        (b"a: 1\n---\nb: 2\n", "api: is not one document"),
        (b"", "api: is not one document"),
        (b"- 1\n", "api: is no object"),
        (b"\xff\xfe", "api: is not UTF-8"),
        (b"a: *none\n", "api"),
        (b"&a [*a]\n", "api: its aliases stand for too much"),
        (b"a: " + b"[" * 300, "api: is nested too deep"),
        (b'{"a":' * 100_000, "api: is nested too deep"),
        (b"a: " + b"x" * BYTES_MAX, "api: is larger than"),
    ],
    ids=range(13),
)
def test_what_is_no_document(data: bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_document(data, source="api")


def test_aliases_that_grow_are_refused_before_anything_is_built() -> None:
    """A billion laughs: nine levels of nine aliases."""
    levels = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match="aliases"):
        read_document("\n".join(levels).encode())
    assert time.monotonic() - began < 10


def test_aliases_within_bounds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x\n  b: 1\nc: *x\n"
    found = read_document(text.encode())
    assert found.root["c"] is found.root["a"]
    assert found.written() == text
    monkeypatch.setattr(document, "NODES_MAX", 6)
    with pytest.raises(ConfigurationError, match="aliases"):
        read_document(text.encode())


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!x {a: 1}"])
def test_tags_build_nothing(tag: str) -> None:
    root = read_document(f"a: {tag}\n".encode()).root
    assert not callable(root["a"])
    assert type(root["a"]).__module__.startswith("ruamel.yaml")
