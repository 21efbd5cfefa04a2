"""Which header takes the place of which parameter."""

from __future__ import annotations

import pytest

from headway.scan.fix.schemes import SCHEMES, scheme_of


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("jwt", "JWT"), ("JWT", "JWT"), ("access_token", "Bearer"), ("accessToken", None),
     ("access-token", "Bearer"), ("api_key", None), ("token", None), ("id_token", None)],
)  # fmt: skip
def test_the_table(name: str, scheme: str | None) -> None:
    assert scheme_of(name) == scheme


def test_only_what_a_document_says() -> None:
    assert dict(SCHEMES) == {"jwt": "JWT", "access_token": "Bearer"}  # Connect; RFC 6750
