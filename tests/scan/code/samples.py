"""The code of the corpus, and what is seen in it."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import Seen, look
from scan.corpus import read

FILES = ("python", "javascript", "typescript", "java", "kotlin", "scala", "ruby", "php", "go",
         "csharp", "html", "vue", "openapi")  # fmt: skip
RULES = {
    "sends-token-in-url": "sends",
    "takes-token-in-query": "sends",
    "logs-token-in-url": "logs",
    "reads-token-from-url": "reads",
}


@lru_cache(maxsize=1)
def samples() -> list[tuple[str, dict[str, Any]]]:
    """Every sample, with its language."""
    return [(name, each) for name in FILES for each in read(f"code/{name}.toml")["sample"]]


def of(*shapes: str) -> list[tuple[str, dict[str, Any]]]:
    """The samples of *shapes*, and all of the look-alikes."""
    return [
        (language, each)
        for language, each in samples()
        if each["shape"] in shapes or each["id"].startswith("fine-")
    ]


def seen_in(language: str, code: str) -> list[Seen]:
    """What is seen in *code*."""
    return look(code, LANGUAGES[language])


def wrong_in(language: str, sample: dict[str, Any]) -> list[str]:
    """What is missed in a sample, and what is seen in it that is not there."""
    told = {(RULES[seen.rule], seen.line) for seen in seen_in(language, sample["code"])}
    meant = {(kind, line) for kind in ("sends", "logs", "reads") for line in sample.get(kind, [])}
    missed = [f"missed: {kind} in line {line}" for kind, line in sorted(meant - told)]
    return missed + [f"not there: {kind} in line {line}" for kind, line in sorted(told - meant)]


def check(*shapes: str) -> None:
    """Nothing is wrong with the samples of *shapes*, nor with any look-alike."""
    wrong = {
        f"{language}/{each['id']}": found
        for language, each in of(*shapes)
        if (found := wrong_in(language, each))
    }
    assert wrong == {}


# ---- pairs: of what is to be found, and of what only looks like it ------------------------------

_MARK = re.compile(r"(?:#|//|<!--)\s*(sends|logs|reads)\s*(?:-->)?\s*$")


@lru_cache(maxsize=1)
def pairs() -> list[dict[str, Any]]:
    """Every pair of ``pairs.toml``."""
    text = (Path(__file__).parent / "pairs.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["pair"])


def wrong_in_pair(pair: dict[str, Any]) -> list[str]:
    """What is missed in a pair, and what is seen in it that is not marked."""
    lines = enumerate(pair["code"].split("\n"), 1)
    marked: dict[str, Any] = {"code": pair["code"]}
    for number, line in lines:
        if found := _MARK.search(line):
            marked.setdefault(found[1], []).append(number)
    return wrong_in(pair["language"], marked)


def check_pairs(*mechanisms: str) -> None:
    """Nothing is wrong with the pairs of *mechanisms*."""
    of_them = [each for each in pairs() if each["mechanism"] in mechanisms]
    assert {each["mechanism"] for each in of_them} == set(mechanisms)
    wrong = [(each["mechanism"], each["language"], wrong_in_pair(each)) for each in of_them]
    assert [each for each in wrong if each[2]] == []
