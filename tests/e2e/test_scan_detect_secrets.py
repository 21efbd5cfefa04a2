"""How ``detect-secrets`` and the scan do on the same labelled corpus, in the same run.

They do not look for the same: the one finds secrets, the other tokens that travel in URLs and the
code that sends them.  So the table of docs/scan.md says for what either can be taken.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings, transient_settings

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import look
from headway.scan.hits import found_in_line
from scan.corpus import CORPUS, filled, read

PAGE = Path(__file__).parents[2] / "docs" / "scan.md"
JWT_ALONE = {"plugins_used": [{"name": "JwtTokenDetector"}]}
FOLDERS = ("code", "holdout", "third")
ROWS = ("samples of logs", "lines of code", "the second set's", "the third set's")
LABELS = ("sends", "logs", "reads")


class Figures(NamedTuple):
    """Of what is labelled, how much is found; of what is not, how much is reported."""

    found: int
    labelled: int
    false: int
    clean: int


ENDINGS = {
    "python": "py", "javascript": "js", "typescript": "ts", "java": "java", "kotlin": "kt",
    "scala": "scala", "ruby": "rb", "php": "php", "go": "go", "csharp": "cs", "html": "html",
    "vue": "vue",
}  # fmt: skip


def peer(text: bytes, ending: str) -> set[int]:
    """The lines that ``detect-secrets`` reports, as it is set, in a file of that name's ending."""
    with TemporaryDirectory() as folder:
        path = Path(folder, f"file.{ending}")
        path.write_bytes(text)
        return {each.line_number for each in scan_file(str(path))}


# ---- logs: a sample is found or not ---------------------------------------------------------


def log_samples() -> Iterator[tuple[bytes, bool]]:
    """Each sample, and whether there is a token in it."""
    for each in read("logs/contexts.toml")["context"]:
        yield filled(each["text"]), bool(each.get("found", 0))
    for each in read("logs/formats.toml")["format"]:
        yield filled(each["line"]), bool(each["places"])


def in_logs(reports: Callable[[bytes], bool]) -> Figures:
    """Samples with a token that are reported, and samples without one that are."""
    return counted([(labelled, reports(text)) for text, labelled in log_samples()])


def counted(seen: list[tuple[bool, bool]]) -> Figures:
    """Figures of pairs: labelled, reported."""
    return Figures(
        sum(labelled and reported for labelled, reported in seen),
        sum(labelled for labelled, _ in seen),
        sum(reported and not labelled for labelled, reported in seen),
        sum(not labelled for labelled, _ in seen),
    )


# ---- code: a line is found or not -----------------------------------------------------------


def code_samples(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The samples of *folder*, each with its language."""
    for path in sorted((CORPUS / folder).glob("*.toml")):
        if path.stem in ENDINGS:
            for sample in tomllib.loads(path.read_text(encoding="utf-8"))["sample"]:
                yield path.stem, sample


def in_code(folder: str, lines_of: Callable[[str, str], set[int]]) -> Figures:
    """Labelled lines that are reported, and others that are."""
    seen = []
    for language, sample in code_samples(folder):
        labelled = {line for label in LABELS for line in sample.get(label, [])}
        reported = lines_of(language, sample["code"])
        for number in range(1, sample["code"].count("\n") + 2):
            seen.append((number in labelled, number in reported))
    return counted(seen)


def by_headway(language: str, code: str) -> set[int]:
    """The lines that the scan reports."""
    return {each.line for each in look(code, LANGUAGES[language])}


def by_peer(language: str, code: str) -> set[int]:
    """The lines that ``detect-secrets`` reports."""
    return peer(code.encode(), ENDINGS[language])


@lru_cache
def table() -> dict[str, tuple[Figures, Figures, Figures]]:
    """The rows: Headway, ``detect-secrets`` by its JWT detector alone, and as it comes."""
    mine: list[Figures] = [
        in_logs(lambda text: any(found_in_line(line) for line in text.split(b"\n"))),
        in_code("code", by_headway),
        *(in_code(folder, by_headway) for folder in FOLDERS[1:]),
    ]
    theirs = []
    for settings in (transient_settings(JWT_ALONE), default_settings()):
        with settings:
            logs = in_logs(lambda text: bool(peer(text, "log")))
            theirs.append([logs, *(in_code(folder, by_peer) for folder in FOLDERS)])
    return dict(zip(ROWS, zip(mine, *theirs, strict=True), strict=True))


@pytest.mark.parametrize("name", ROWS)
def test_the_page_says_what_is_measured(name: str) -> None:
    row = re.search(rf"^\| {name} \|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row, f"{PAGE.name} has no row {name}"
    cells = [cell.strip() for cell in row[1].split("|")]
    figures = table()[name]
    assert cells[:2] == [str(figures[0].labelled), str(figures[0].clean)]
    assert cells[3:] == [f"{each.found}, {each.false}" for each in figures[1:]]
    found, false = map(int, cells[2].split(", "))  # the scan may have become better since
    assert (found <= figures[0].found, figures[0].false <= false) == (True, True)


def test_tokens_in_logs_are_found_where_the_peer_finds_them_and_elsewhere() -> None:
    mine, jwt_alone, _ = table()[ROWS[0]]
    assert (mine.found, mine.false) == (mine.labelled, 0)
    assert jwt_alone.found < mine.found
