"""Every call that docs/bridge.md names is made by a test in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "bridge.md"
NAME = re.compile(r"`(?:AP\.)?([A-Za-z][A-Za-z.]*)")
WHOLE = re.compile(r"`([a-z][A-Za-z.]+)`")
MEMBERS_BESIDE = {"history", "dialog", "events", "messages", "cookie", "jira", "confluence"}
"""Rows whose second cell lists members, where that of others describes arguments."""


def calls() -> set[str]:
    """The last part of each call's name: what a script writes behind a dot."""
    found: set[str] = set()
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `AP."):
            first, second = line.split("|")[1:3]
            names = NAME.findall(first)
            if names[0].partition(".")[0] in MEMBERS_BESIDE:
                names += WHOLE.findall(second)
            found |= {name.rpartition(".")[2] for name in names}
    return found


def test_every_call_is_made_by_a_test() -> None:
    made = "".join(path.read_text() for path in HERE.glob("*.py") if path != Path(__file__))
    named = calls()
    assert len(named) > 70
    assert sorted(name for name in named if not re.search(rf"\b{name}\b", made)) == []
