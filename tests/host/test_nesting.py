from __future__ import annotations

import json

import pytest

from headway.host.nesting import DEPTH_MAX, too_deep


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * levels + b"1" + closing * levels


@pytest.mark.parametrize("levels", [1, DEPTH_MAX - 1, DEPTH_MAX, DEPTH_MAX + 1, DEPTH_MAX + 50])
def test_levels(levels: int) -> None:
    for raw in (nested(levels), nested(levels, b'{"a":', b"}")):
        assert too_deep(raw, json.loads(raw)) is (levels > DEPTH_MAX)


def test_much_beside_one_another_is_not_deep() -> None:
    raw = json.dumps([[{"a": [1]}]] * 1000).encode()
    assert not too_deep(raw, json.loads(raw))
    empty = b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1)
    assert too_deep(empty, json.loads(empty))
