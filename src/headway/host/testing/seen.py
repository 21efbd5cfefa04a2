"""What travelled where, for assertions whose failure can be read.

``of`` picks crossings, ``none``, ``one`` and ``some`` also say that there must be
so many; the AssertionError then lists what there was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from headway.host.traffic import Crossing

__all__ = ["Seen", "picked"]

COLUMNS = ("direction", "location", "verdict", "status", "refusal", "kind", "method", "path")
SHOWN = 30  # rows


class Seen(Sequence[Crossing]):
    """Some crossings, the oldest first; *asked* says which.

    >>> print(Seen([]).table())
    (nothing)
    """

    def __init__(self, crossings: Sequence[Crossing], asked: str = "") -> None:
        self._crossings = list(crossings)
        self._asked = asked

    def __len__(self) -> int:
        return len(self._crossings)

    def __getitem__(self, place: Any) -> Any:
        return self._crossings[place]

    def __iter__(self) -> Iterator[Crossing]:
        return iter(self._crossings)

    def __repr__(self) -> str:
        asked = f" of {self._asked}" if self._asked else ""
        return f"<{len(self)} crossings{asked}>\n{self.table()}"

    def table(self) -> str:
        """One line for each crossing; no token is in it."""
        rows = [
            ["-" if (value := getattr(crossing, name)) is None else str(value) for name in COLUMNS]
            for crossing in self._crossings[-SHOWN:]
        ]
        if not rows:
            return "(nothing)"
        widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (COLUMNS, *rows)
        ]
        left_out = len(self) - len(rows)
        return "\n".join([*lines, *([f"and {left_out} before these"] if left_out else [])])

    # ---- picking ----------------------------------------------------------------------------

    def of(self, **wanted: Any) -> Seen:
        """Those whose fields are as *wanted*; ``path`` may have ``*``.

        Raises TypeError for what is no field of a crossing.
        """
        return picked(self._crossings, wanted)

    def none(self, **wanted: Any) -> None:
        """Raise AssertionError where there is one."""
        found = self.of(**wanted)
        if found:
            raise AssertionError(f"nothing should have crossed with {found._asked}, but:\n{found}")

    def one(self, **wanted: Any) -> Crossing:
        """The one that there is; raise AssertionError for none, or for more."""
        found = self.of(**wanted)
        if len(found) != 1:
            raise AssertionError(f"one should have crossed with {found._asked}:\n{found}\n\n{self}")
        return found._crossings[0]

    def some(self, **wanted: Any) -> Seen:
        """All that there are; raise AssertionError where there is none."""
        found = self.of(**wanted)
        if not found:
            raise AssertionError(f"nothing crossed with {found._asked}; what did:\n{self.table()}")
        return found


def picked(crossings: Sequence[Crossing], wanted: dict[str, Any]) -> Seen:
    """The crossings whose fields are as *wanted*."""
    unknown = [name for name in wanted if name not in Crossing.__struct_fields__]
    if unknown:
        known = ", ".join(Crossing.__struct_fields__)
        raise TypeError(f"{unknown[0]} is no field of a crossing; there are {known}")
    asked = ", ".join(f"{name}={value!r}" for name, value in wanted.items())
    return Seen([each for each in crossings if _fits(each, wanted)], asked)


def _fits(crossing: Crossing, wanted: dict[str, Any]) -> bool:
    for name, value in wanted.items():
        found = getattr(crossing, name)
        if name == "path":
            path = str(found)
            if not fnmatchcase(path, value) and not fnmatchcase(path.partition("?")[0], value):
                return False
        elif found != value:
            return False
    return True
