from __future__ import annotations

import json
import re

import pytest

from headway.gateway.relay.refusals import TURNED, Turned, turned_away


@pytest.mark.parametrize("name", TURNED)
def test_each_says_what_to_do(name: str) -> None:
    status, headers, body = turned_away(Turned(name, "site.example"))
    told, lines = json.loads(body), dict(headers)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert (told["id"], told["status"], told["detail"]) == (name, status, "site.example")
    assert 400 <= status <= 599
    assert told["do"].endswith(".")
    assert lines["Cache-Control"] == "no-store"
    assert ("Proxy-Authenticate" in lines) == (status == 407)


def test_words_are_left_away_where_there_are_none() -> None:
    assert b"detail" not in turned_away(Turned("loop"))[2]
