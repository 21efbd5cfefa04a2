"""A token in the code itself is never repeated in a patch."""

from __future__ import annotations

import pytest

from headway.scan.fix.literals import holds_token
from scan.corpus import tokens


@pytest.mark.parametrize("name", [name for name in tokens() if "CUT" not in name.upper()])
def test_each_token_of_the_corpus(name: str) -> None:
    assert holds_token(f'x = "{tokens()[name]}"')


@pytest.mark.parametrize(
    "code",
    [
        'API_KEY = "9f86d081884c7d65"',
        "headers = {'X-Auth-Token': '9f86d081884c7d65'}",
        'url = "https://h/?access_token=9f86d081884c7d65&a=1"',
        'password: "correct1horse"',
        '"token" => "9f86d081884c7d65"',
        "password := `9f86d081884c7d65`",
        'u = "https://user:s3cret@host/"',
        'h = "Bearer mF_9.B5f-4.1JqMabcdef"',
    ],
)
def test_what_is_one(code: str) -> None:
    assert holds_token(code)


@pytest.mark.parametrize(
    "code",
    [
        'headers = {"Authorization": f"JWT {token}"}',
        'TOKEN_NAME = "access_token"',
        'TOKEN_URL = "https://id.example/oauth/token"',
        'f"https://h/?jwt={token}&access_token={other_token_2}"',
        '"https://h/?access_token=%s" % token',
        'f"https://{user}:{password}@h/"',
        "token = make_token_2(secret)",
        '"token": token_2_of(user)',
    ],
)
def test_what_is_none(code: str) -> None:
    assert not holds_token(code)
