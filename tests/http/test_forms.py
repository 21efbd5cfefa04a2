from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asking import request
from starlette.exceptions import HTTPException

from headway.errors import BodyTooLarge
from headway.http.forms import FIELDS_MAX, read_form

FORM = "application/x-www-form-urlencoded"


def sent(body: bytes, kind: str = FORM, **options: Any) -> dict[str, str]:
    made = request("POST", "/", {"Content-Type": kind})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    made._receive = receive
    return asyncio.run(read_form(made, **options))


def test_the_fields_of_a_form() -> None:
    assert sent(b"why=a+week%21&who=ann&none=") == {"why": "a week!", "who": "ann", "none": ""}
    assert sent(b"a=1", f"{FORM}; charset=utf-8") == {"a": "1"}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data"])
def test_what_is_sent_as_something_else(kind: str) -> None:
    with pytest.raises(HTTPException) as refused:
        sent(b"a=1", kind)
    assert refused.value.status_code == 415


@pytest.mark.parametrize(
    "body",
    [b"a=\xff", b"a=%ff", b"&".join([b"a=1"] * (FIELDS_MAX + 1))],
    ids=["raw", "coded", "many"],
)
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(HTTPException) as refused:
        sent(body)
    assert refused.value.status_code == 400


def test_a_form_that_is_too_long() -> None:
    with pytest.raises(BodyTooLarge):
        sent(b"a=12345", limit=5)
