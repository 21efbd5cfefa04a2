"""The corpus that judges the scan was written before its rules, and stays as it was."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "vectors" / "scan"
FROZEN: dict[str, str] = json.loads((CORPUS / "frozen.json").read_text(encoding="utf-8"))

FAMILIES = {
    "python": ["python"],
    "javascript": ["javascript", "typescript", "html", "vue"],
    "jvm": ["java", "kotlin", "scala"],
    "ruby": ["ruby"],
    "php": ["php"],
    "go": ["go"],
    "csharp": ["csharp"],
}


def test_no_file_of_the_corpus_was_changed() -> None:
    now = {
        str(path.relative_to(CORPUS)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in CORPUS.rglob("*.toml")
    }
    assert {name: now.get(name) for name in FROZEN} == FROZEN


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_languages_has_its_25_shapes_and_as_many_look_alikes(family: str) -> None:
    samples = [
        sample
        for language in FAMILIES[family]
        for sample in tomllib.loads((CORPUS / f"code/{language}.toml").read_text("utf-8"))["sample"]
    ]
    leaks = [each for each in samples if {"sends", "logs", "reads"} & set(each)]
    assert len(leaks) >= 25
    assert len(samples) - len(leaks) >= 25


def test_logs_have_their_contexts_and_look_alikes() -> None:
    contexts = tomllib.loads((CORPUS / "logs/contexts.toml").read_text("utf-8"))["context"]
    assert len({each["id"] for each in contexts}) == len(contexts)
    assert sum("found" in each for each in contexts) >= 20
    assert sum("found" not in each for each in contexts) >= 20
