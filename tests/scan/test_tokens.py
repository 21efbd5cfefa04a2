"""Tokens are told by what they are: kinds, cuts, and what only begins like one."""

from __future__ import annotations

import msgspec
import pytest

from headway.scan.tokens import STARTS, TOKEN_MAX, Token, TokenKind, read_token
from scan.corpus import base64url, read, tokens

KINDS = {each["name"]: each["kind"] for each in read("logs/tokens.toml")["token"]}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_told(name: str) -> None:
    token = tokens()[name].encode()
    found = read_token(b"?jwt=" + token + b"&a=1", 5, len(token) + 9)
    assert found is not None
    assert (found.kind, found.end, found.cut) == (KINDS[name], 5 + len(token), False)
    assert token.startswith(STARTS)


def test_what_it_claims_is_told_and_nothing_of_its_text() -> None:
    token = tokens()["T"].encode()
    found = read_token(token, 0, len(token))
    assert found == Token(0, len(token), TokenKind.CONNECT_REQUEST, "site-1", 1767225780.0)
    assert all(token[20:40].decode() not in str(v) for v in msgspec.structs.astuple(found))


@pytest.mark.parametrize("size", range(40, 260, 7))
def test_a_token_that_ends_with_the_text_is_cut(size: int) -> None:
    token = tokens()["T"].encode()[:size]
    found = read_token(token, 0, size)
    assert found is not None
    assert (found.cut, found.end) == (True, size)


def test_a_short_signature_is_no_cut_where_the_text_goes_on() -> None:
    token = tokens()["T"].encode()[:-10]
    found = read_token(token + b" HTTP/1.1", 0, len(token) + 9)
    assert found is not None
    assert not found.cut


@pytest.mark.parametrize(
    "text",
    [
        b"eyJhbGciOiJIUzI1NiJ9",  # a header alone
        b"eyJhbGciOiJIUzI1NiJ9 ",
        b"eyJhbGciOiJIUzI1NiJ9. ",  # and nothing after it, in the middle of a text
        b"eyJhbGciOiJIUzI1NiJ9.e30 x",  # two parts
        b"eyJhbGciOiJIUzI1NiJ9.e30. x",  # no signature, and not by intent
        b"eyJhIjoxfQ.e30.c2ln",  # no alg
        b"eyJhbGciOjF9.e30.c2ln",  # alg is a number
        b"eyJhbGciOiJIUzI1NiJ9.W10.c2ln",  # claims are a list
        b"eyJhbGciOiJIUzI1NiJ9.!!!.c2ln",
        b"eyJhbGciOiJIUzI1NiJ9.e30x.c2ln ",
        b"eyJoint.value.x",
        b"eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY..dGFn ",  # no ciphertext
    ],
)
def test_what_only_begins_like_one_is_none(text: bytes) -> None:
    assert read_token(text, 0, len(text)) is None


def test_a_cut_encrypted_token() -> None:
    token = tokens()["JWE"].encode()[:200]
    found = read_token(token, 0, len(token))
    assert found is not None
    assert (found.kind, found.cut) == (TokenKind.JWE, True)


def test_a_signature_that_is_missing_at_the_end_of_a_line_is_a_cut() -> None:
    text = b"eyJhbGciOiJIUzI1NiJ9.e30."
    found = read_token(text, 0, len(text))
    assert found is not None
    assert found.cut


def test_what_is_longer_than_a_token_may_be_counts_as_cut_and_ends_where_it_does() -> None:
    head = base64url(b'{"alg":"HS256"}').encode()
    text = head + b"." + b"A" * (2 * TOKEN_MAX) + b"." + b"s" * 43
    found = read_token(text + b"&a=1", 0, len(text) + 4)
    assert found is not None
    assert (found.cut, found.end) == (True, len(text))


def test_what_is_as_long_as_a_token_may_be_is_not_cut() -> None:
    head = base64url(b'{"alg":"HS256"}').encode() + b"." + base64url(b'{"a":1}').encode() + b"."
    text = head + b"s" * (TOKEN_MAX - len(head)) + b"&a=1"
    found = read_token(text, 0, len(text))
    assert found is not None
    assert (found.cut, found.end) == (False, TOKEN_MAX)


def test_a_header_that_is_too_long_is_none() -> None:
    text = base64url(b'{"alg":"HS256","x":"' + b"y" * 5000 + b'"}').encode() + b".e30.c2ln"
    assert read_token(text, 0, len(text)) is None


def test_claims_of_strange_types_are_left_out() -> None:
    claims = base64url(b'{"iss":5,"exp":"soon","qsh":7}').encode()
    text = b"eyJhbGciOiJIUzI1NiJ9." + claims + b".c2lnbmF0dXJl x"
    found = read_token(text, 0, len(text))
    assert found is not None
    assert (found.issuer, found.until, found.kind) == (None, None, TokenKind.JWT)


def test_it_is_linear() -> None:
    text = b"eyJ.eyJ." * 20_000
    for start in range(0, len(text), 40_000):
        assert read_token(text, start, len(text)) is None
