"""How deep JSON may be nested: so that what was read can be written again, and by every reader.

Decoders stop at a thousand levels or so, counted from where they are called:
what one call could just read, another can not write.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["DEPTH_MAX", "too_deep"]

DEPTH_MAX = 200
"""Levels of arrays and objects in one another: far more than anybody's data has."""


def too_deep(raw: bytes, value: Any) -> bool:
    """Whether *value*, which was read from *raw*, is nested more than :data:`DEPTH_MAX` levels.

    >>> too_deep(b"[[]]", [[]])
    False
    """
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return False  # as nearly always; the rest is looked at level by level
    level = list(_containers([value]))
    for _ in range(DEPTH_MAX):
        level = [inner for one in level for inner in _containers(one)]
    return bool(level)


def _containers(value: Any) -> Iterable[Any]:
    """The arrays and objects right inside one."""
    inside = value.values() if isinstance(value, dict) else value
    return (inner for inner in inside if isinstance(inner, dict | list))
