"""Values that are named like a token, in the encodings of logs."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headway.scan.names import NAME_NEEDLES, named_values
from headway.secret_shapes import CODES, SECRETS, SIGNATURES, TOKENS, URL_NAMES, WORDS

VALUE = b"9f86d081884c7d659a2feaa0c55ad015"


@pytest.mark.parametrize(
    "name", [*TOKENS, *WORDS, *SECRETS, *SIGNATURES, *CODES, "authorization", "proxy_authorization"]
)
@pytest.mark.parametrize("form", ["_", "-", ""])
def test_every_name_of_the_table_is_found_and_has_a_needle(name: str, form: str) -> None:
    spelled = name.replace("_", form)
    for written in (spelled, spelled.upper()) if form == "_" else (spelled,):
        line = b"GET /x?a=1&" + written.encode() + b"=" + VALUE + b"&b=2 HTTP/1.1"
        assert [each.name for each in named_values(line)] == [written]
        assert any(needle in line for needle in NAME_NEEDLES), written


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"?token=%s&a=1", 0),
        (b";token=%s?a", 0),
        (b"\ttoken=%s\t-", 0),
        (b"next=%%2Fx%%3Ftoken%%3D%s%%26a%%3D1", 1),
        (b"next=%%252Fx%%253Ftoken%%253D%s%%2526a", 2),
        (b'"/x?a=1\\u0026token\\u003d%s\\u0026b"', 1),
        (b"<a href='/x?a=1&amp;token=%s'>", 0),
        (b"next=%%2Fx%%3Fsig%%3D%s", 1),
        (b"next=%%2Fx%%3Fa%%253D1%%2526code%%253D%s", 2),
        (b'"/x?a=1\\u0026sig\\u003d%s"', 1),
    ],
)
def test_a_value_ends_where_its_own_level_does(line: bytes, level: int) -> None:
    line = line % VALUE
    (found,) = named_values(line)
    assert (line[found.start : found.end], found.level) == (VALUE, level)


@pytest.mark.parametrize(
    "line",
    [
        b"?token=null", b"?token=true&a", b"?jwt=REDACTED", b"?token=[FILTERED]", b"?token=$TOKEN",
        b"?token=********", b"?token=xxxxxxxxxxxx", b"?token=1234567", b"?token=short",
        b"?token={{token}}", b"?token=<token>", b"?pageToken=" + VALUE,
        b"?next_page_token=" + VALUE,
        b"?code=404", b"?code=" + VALUE[:15], b"?sig=" + VALUE[:12], b"?token_type=" + VALUE,
        b"token: " + VALUE, b"?max_tokens=" + VALUE,
    ],
)  # fmt: skip
def test_what_is_no_token_is_left_alone(line: bytes) -> None:
    assert list(named_values(line)) == []


def test_it_is_linear() -> None:
    for text in (b"token" * 40_000, b"a_" * 100_000 + b"secret=x", b"token=" + b"%" * 200_000):
        assert not [each for each in named_values(text) if each.end - each.start > len(text)]


def test_needles_are_no_part_of_each_other() -> None:
    for needle in NAME_NEEDLES:
        assert not [o for o in NAME_NEEDLES if o != needle and re.search(re.escape(o), needle)]


IN_ONE_EXPRESSION = re.compile(
    rb"(?:(?<![A-Za-z0-9_.\-])|(?<=%3[Ff])|(?<=%26)|(?<=%23)|(?<=%3[Bb])|(?<=%25(?:3[Ff]|26|23))"
    rb"|(?<=u0026)|(?<=u003f))"
    rb"(?P<name>" + URL_NAMES.encode() + rb")(?:=|%3[Dd]|%253[Dd]|\\u003[Dd])"
    rb"(?P<value>(?:[^\s&\"'<>\\;,(){}\[\]|#?`%]|%(?!26|2526)[0-9A-Fa-f]{2})++)"
)
PIECES = [
    b"token", b"jwt", b"=", b"%3D", b"%253D", b"\\u003d", b"&", b"%26", b"%2526", b"?", b"%3F",
    b"\\u0026", b"_", b"-", b".", b"secret_key", b"secret", b"api", b"key", b"x-amz-signature",
    b"sig", b"code", b"http_", b"JSESSIONID", VALUE, b" ", b";", b"%41", b"/", b"a" * 70, b"%",
]  # fmt: skip


@example([b"sig", b"%3D", VALUE])
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_looking_at_needles_finds_what_one_slow_expression_does(pieces: list[bytes]) -> None:
    line = b"".join(pieces)
    slow = [
        (found["name"].decode(), found.start("value"), found.end("value"))
        for found in IN_ONE_EXPRESSION.finditer(line)
    ]
    found = [(each.name, each.start, each.end) for each in named_values(line)]
    assert set(found) <= set(slow)
    for name, start, end in set(slow) - set(found):  # too short for its name, or a word
        value = line[start:end]
        assert len(value) < 16 or not re.search(VALUE, value), (name, value)
