from __future__ import annotations

import pytest

from headway.host.rest.paths import Tree

TREE = Tree(
    [
        ("GET", "/a", "a"),
        ("PUT", "/a", "put a"),
        ("GET", "/a/{x}", "one"),
        ("GET", "/a/list", "list"),
        ("GET", "/a/{x}/c/{y}", "two"),
        ("GET", "/a/list/d", "d"),
    ]
)


@pytest.mark.parametrize(
    ("path", "value", "params"),
    [
        ("/a", "a", {}),
        ("/a/b", "one", {"x": "b"}),
        ("/a/list", "list", {}),
        ("/a/l%69st", "list", {}),
        ("/a/list/d", "d", {}),
        ("/a/list/c/2", "two", {"x": "list", "y": "2"}),  # back from a literal that led nowhere
        ("/a/%C3%BC%2F/c/a%20b", "two", {"x": "ü/", "y": "a b"}),
    ],
)
def test_a_path_that_is_there(path: str, value: str, params: dict[str, str]) -> None:
    found = TREE.find("GET", path)
    assert found is not None
    assert (found.value, found.params) == (value, params)


@pytest.mark.parametrize("path", ["", "/", "/a/", "/a//c/1", "/b", "/a/x/c", "/a/x/c/y/z", "a"])
def test_a_path_that_is_not(path: str) -> None:
    assert TREE.find("GET", path) is None


def test_each_method_is_by_itself_and_head_is_get() -> None:
    put, head = TREE.find("PUT", "/a"), TREE.find("HEAD", "/a")
    assert put
    assert head
    assert (put.value, head.value) == ("put a", "a")
    assert TREE.find("DELETE", "/a") is None
    assert TREE.find("PUT", "/a/b") is None
