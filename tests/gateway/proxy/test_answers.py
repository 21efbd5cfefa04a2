from __future__ import annotations

import json
from pathlib import Path

import pytest

from headway.gateway.proxy.answers import ANSWERS, Unserved, answer_of

DOCS = Path(__file__).parents[3] / "docs" / "gateway-run.md"


@pytest.mark.parametrize("wrong", ANSWERS)
def test_each_has_a_problem_body(wrong: str) -> None:
    status, headers, body = answer_of(Unserved(wrong))
    told = json.loads(body)
    assert (told["id"], told["status"], status) == (wrong, status, ANSWERS[wrong].status)
    assert dict(headers)["Content-Type"] == "application/problem+json"
    assert dict(headers)["Cache-Control"] == "no-store"
    assert ("Allow" in dict(headers)) == (status == 405)
    assert ("Retry-After" in dict(headers)) == (status == 503)


def test_the_page_names_each_with_its_status() -> None:
    page = DOCS.read_text("utf-8")
    for wrong, row in ANSWERS.items():
        assert f"| `{wrong}` | {row.status} |" in page
