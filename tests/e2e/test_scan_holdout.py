"""How well the scan of code does on sets that it was not written for: no worse unnoticed.

Told are figures by language and by kind, never which sample was missed: who works on the rules
does not see that of a set that nobody tunes on.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import Seen, look

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "scan.md"
SETS = {
    "holdout": ("python", "javascript", "typescript", "java", "kotlin", "ruby", "php", "go",
                "csharp", "html"),
    "third": ("python", "javascript", "typescript", "java", "kotlin", "scala", "ruby", "php",
              "go", "csharp", "html", "vue", "openapi"),
}  # fmt: skip
HEADINGS = {"holdout": "### The second set", "third": "### The third set"}
KINDS = {
    "sends-token-in-url": "sends",
    "takes-token-in-query": "sends",
    "logs-token-in-url": "logs",
    "reads-token-from-url": "reads",
}
FLOORS = {"holdout": (1.0, 1.0), "third": (0.90, 0.90)}
"""Recall and precision of each set: what was measured, rounded down to 5 %.

Rules learn from the second set, which is called holdout; nobody tunes on the third.
"""


class Figures(NamedTuple):
    """Lines that are found as they are labelled, that are labelled, and that are reported."""

    found: int
    labelled: int
    reported: int


@lru_cache
def figures(name: str, language: str) -> dict[str, Figures]:
    """How the scan does in one language of a set, by kind."""
    file = ROOT / "vectors" / "scan" / name / f"{language}.toml"
    labelled, reported = set(), set()
    for sample in tomllib.loads(file.read_text(encoding="utf-8"))["sample"]:
        place = sample["id"]
        labelled |= {(kind, place, n) for kind in KINDS.values() for n in sample.get(kind, [])}
        seen = look(sample["code"], LANGUAGES[language])
        lines = sample["code"].split("\n")
        reported |= {(KINDS[each.rule], place, labelled_at(each, lines)) for each in seen}

    def count(kind: str) -> Figures:
        meant, told = (
            {each for each in lines if each[0] == kind} for lines in (labelled, reported)
        )
        return Figures(len(meant & told), len(meant), len(told))

    return {kind: count(kind) for kind in ("sends", "logs", "reads")}


def labelled_at(seen: Seen, lines: list[str]) -> int:
    """The line that a finding's label has: in an API's description that of the parameter's name.

    The scan tells the line of ``in: query`` there, as the frozen corpus does.
    """
    if seen.rule != "takes-token-in-query":
        return seen.line
    name = re.compile(rf"""\bname["']?\s*:\s*["']?{re.escape(seen.name)}\b""")
    near = [n for n, line in enumerate(lines, 1) if abs(n - seen.line) <= 6 and name.search(line)]
    return min(near, key=lambda n: abs(n - seen.line), default=seen.line)


def total(several: Iterable[Figures]) -> Figures:
    """All of them."""
    return Figures(*map(sum, zip(*several, strict=True)))


def rows(name: str) -> dict[str, Figures]:
    """A set's figures by language, by kind, and for all."""
    by_language = {language: figures(name, language) for language in SETS[name]}
    kinds = {
        kind: total(each[kind] for each in by_language.values())
        for kind in ("sends", "logs", "reads")
    }
    languages = {language: total(each.values()) for language, each in by_language.items()}
    return {**languages, **kinds, "all": total(kinds.values())}


def cells(found: int, labelled: int, reported: int) -> list[str]:
    """A row of the page's table: to find, found, false, recall, precision."""
    recall = f"{found / labelled:.0%}" if labelled else "-"
    precision = f"{found / reported:.0%}" if reported else "-"
    return [str(labelled), str(found), str(reported - found), recall, precision]


@pytest.mark.parametrize("name", SETS)
def test_every_file_is_counted(name: str) -> None:
    folder = ROOT / "vectors" / "scan" / name
    assert {path.stem for path in folder.glob("*.toml")} == set(SETS[name])


@pytest.mark.parametrize("name", SETS)
def test_recall_and_precision_are_no_worse_than_they_were(name: str) -> None:
    found, labelled, reported = rows(name)["all"]
    recall, precision = FLOORS[name]
    assert found / labelled >= recall
    assert found / reported >= precision


def told(name: str) -> dict[str, list[str]]:
    """The rows of a set's table in the page: lines to find, and the figures of the rules now."""
    section = PAGE.read_text(encoding="utf-8").split(HEADINGS[name] + "\n")[1]
    section = re.split(r"(?m)^##", section)[0]
    found = re.findall(r"(?m)^\| (\w+) \|(.+)\|$", section)
    cells_of = {key: [cell.strip() for cell in row.split("|")] for key, row in found}
    return {key: [each[0], *each[-4:]] for key, each in cells_of.items()}


@pytest.mark.parametrize("name", SETS)
def test_the_page_says_what_is_measured(name: str) -> None:
    assert told(name) == {key: cells(*each) for key, each in rows(name).items()}
