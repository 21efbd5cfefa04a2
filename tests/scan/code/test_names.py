"""Names of parameters in code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.scan.code.names import (
    HOLE,
    IN_TEXT,
    MENTIONS,
    NAME,
    NAMES,
    is_host_target,
    is_name,
    is_other_token,
    mentions,
)

TOKENS = ("jwt", "JWT", "acpt", "token", "access_token", "accessToken", "id_token", "api_key")


@pytest.mark.parametrize("name", [*TOKENS, "apiKey", "api-key", "auth_token"])
def test_names_of_tokens(name: str) -> None:
    assert is_name(name)
    assert MENTIONS.search(name.encode())
    assert NAME.search(f"'{name}'")


@pytest.mark.parametrize("name", ["pageToken", "next_page_token", "csrf_token", "tokens",
                                  "max_tokens", "jwt_id", "tokenType", "key"])  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    "text", [f"?jwt={HOLE}", "?a=1&jwt=%s", "?jwt={}", "?jwt={token!r}", "?jwt=%(t)s", "?jwt=$t",
             "?jwt=#{t}", "?jwt={{ t }}", f"?jwt=Bearer {HOLE}", "?jwt="])  # fmt: skip
def test_texts_that_send(text: str) -> None:
    assert IN_TEXT.search(text)


@pytest.mark.parametrize("text", ["?jwt=x", f"?xjwt={HOLE}", f"?page_token={HOLE}", "?jwt=true&a"])
def test_texts_that_do_not(text: str) -> None:
    assert not IN_TEXT.search(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [("/rest/api/2/x", True), ("https://a.atlassian.net", True), ("/secure/a", True),
     ("jiraBase", True), ("https://api.example", False)],
)  # fmt: skip
def test_targets(text: str, host: bool) -> None:
    assert is_host_target(text) is host


@given(st.from_regex(rf"(?i:{NAMES})", fullmatch=True), st.text(max_size=5))
def test_whatever_has_a_name_mentions_one(name: str, around: str) -> None:
    assert mentions(f"{around}{name}{around}".encode())


@given(st.text(alphabet="abcdefghijkeyoptwn_-", max_size=12))
def test_mentions_says_what_the_expression_says(text: str) -> None:
    assert mentions(text.encode()) is (MENTIONS.search(text.encode()) is not None)


@pytest.mark.parametrize(
    ("value", "other"),
    [("nextPageToken", True), ("$csrf", True), ("self.token", False), ("cursor", True)],
)
def test_a_page_s_token_is_another_thing(value: str, other: bool) -> None:
    assert is_other_token(value) is other
