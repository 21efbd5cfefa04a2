"""A middleware that shows a test what comes to it; Django finds it by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WATCHERS: list[Callable[..., Any]] = []
connect: Any = None


def Watching(get_response: Callable[..., Any]) -> Callable[..., Any]:  # noqa: N802
    """The first of the watchers, around *get_response*."""
    return WATCHERS[0](get_response)
