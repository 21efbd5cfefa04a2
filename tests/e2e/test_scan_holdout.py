"""How well the scan of code does on a set that no rule is tuned on: it gets no worse unnoticed."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import look

ROOT = Path(__file__).parents[2]
HOLDOUT = ROOT / "vectors" / "scan" / "holdout"
PAGE = ROOT / "docs" / "scan.md"
FILES = ("python", "javascript", "typescript", "java", "kotlin", "ruby", "php", "go", "csharp",
         "html")  # fmt: skip
KINDS = {
    "sends-token-in-url": "sends",
    "takes-token-in-query": "sends",
    "logs-token-in-url": "logs",
    "reads-token-from-url": "reads",
}
RECALL, PRECISION = 0.70, 0.85
"""What was measured when the set was new, rounded down to 5 %."""


class Figures(NamedTuple):
    """Lines that are found as they are labelled, that are labelled, and that are reported."""

    found: int
    labelled: int
    reported: int


@lru_cache
def figures(name: str) -> Figures:
    """How the scan does in one language."""
    labelled, reported = set(), set()
    for sample in tomllib.loads((HOLDOUT / f"{name}.toml").read_text(encoding="utf-8"))["sample"]:
        place = sample["id"]
        labelled |= {(place, kind, n) for kind in KINDS.values() for n in sample.get(kind, [])}
        seen = look(sample["code"], LANGUAGES[name])
        reported |= {(place, KINDS[each.rule], each.line) for each in seen}
    return Figures(len(labelled & reported), len(labelled), len(reported))


def total() -> Figures:
    """The same for all of them."""
    return Figures(*map(sum, zip(*map(figures, FILES), strict=True)))


def test_every_file_is_counted() -> None:
    assert {path.stem for path in HOLDOUT.glob("*.toml")} == set(FILES)


def test_recall_and_precision_are_no_worse_than_they_were() -> None:
    found, labelled, reported = total()
    assert found / labelled >= RECALL
    assert found / reported >= PRECISION


def row(name: str) -> list[str]:
    """The cells of a language's row in the page."""
    match = re.search(rf"^\| {name} \|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert match, f"{PAGE.name} has no row {name}"
    return [cell.strip() for cell in match[1].split("|")]


@pytest.mark.parametrize("name", [*FILES, "all"])
def test_the_page_says_what_is_measured(name: str) -> None:
    found, labelled, reported = total() if name == "all" else figures(name)
    shares = [f"{found / labelled:.0%}", f"{found / reported:.0%}"]
    assert row(name) == [str(labelled), str(found), str(reported - found), *shares]
