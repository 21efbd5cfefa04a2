from __future__ import annotations

import pytest

from headway.app.cookies import framed_cookie


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a=1", "a=1; Secure; HttpOnly; SameSite=None; Partitioned"),
        ("a=1;", "a=1; Secure; HttpOnly; SameSite=None; Partitioned"),
        ("a=secure", "a=secure; Secure; HttpOnly; SameSite=None; Partitioned"),
        (
            "a=1; SECURE; httponly; samesite=NONE",
            "a=1; SECURE; httponly; samesite=NONE; Partitioned",
        ),
        ("a=1; SameSite=Lax", "a=1; SameSite=Lax; Secure; HttpOnly"),
        (
            "a=1; Secure; HttpOnly; SameSite=None; Partitioned",
            "a=1; Secure; HttpOnly; SameSite=None; Partitioned",
        ),
    ],
)
def test_a_cookie_says_all_that_it_has_to(given: str, sent: str) -> None:
    assert framed_cookie(given) == sent
