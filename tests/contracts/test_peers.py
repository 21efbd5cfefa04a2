"""docs/peers.md claims nothing without a test that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "docs" / "peers.md").read_text().splitlines()
TABLE = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if line[:1] == "|"]
HEAD, _, *ROWS = TABLE
OURS = HEAD.index("**Headway**")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].replace("`", ""))
def test_each_yes_is_shown_by_a_test(row: list[str]) -> None:
    assert len(row) == len(HEAD)
    ours, shown_by = row[OURS], row[-1]
    assert (ours == "**Y**") == bool(shown_by)
    if shown_by:
        assert "def test_" in (ROOT / shown_by).read_text()


def test_the_only_no_is_the_tunnel() -> None:
    assert [row[0] for row in ROWS if row[OURS] != "**Y**"] == ["a public tunnel"]
    assert len(ROWS) > 30
