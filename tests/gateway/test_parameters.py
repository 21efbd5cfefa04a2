from __future__ import annotations

from math import inf
from time import process_time
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.gateway.parameters import DIALECTS, Dialect, Found, find, look_alikes, sieve, without

NAMES = {"jwt", "access_token"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", []),
        ("a=1&b=%20", []),
        ("jwt=x", [Found(0, "jwt", "x", encoded=False)]),
        ("a&jwt", [Found(1, "jwt", "", encoded=False)]),
        ("%6a%77t=x", [Found(0, "jwt", "x", encoded=True)]),
        ("access%5Ftoken=a=b", [Found(0, "access_token", "a=b", encoded=True)]),
        ("jwt=1&jwt=2", [Found(0, "jwt", "1", encoded=False), Found(1, "jwt", "2", encoded=False)]),
        ("JWT=1&jwt[]=2&xjwt=3&jwtx=4&jwt.a=5&j%wt=6", []),
        ("a=jwt=1", []),
        ("jwt%", []),
    ],
)
def test_a_parameter_however_it_is_spelled(query: str, found: list[Found]) -> None:
    assert find(query, NAMES) == found


@given(st.lists(st.text("ab=%&;+/ ", max_size=6).filter(lambda t: "&" not in t), max_size=6))
def test_every_other_byte_stays(parts: list[str]) -> None:
    around = [*parts[:2], "jwt=token", *parts[2:]]
    query = "&".join(around)
    places = [hit.place for hit in find(query, {"jwt"})]
    assert without(query, places) == "&".join(parts)
    assert without(query, []) is query


SPELLINGS = [
    "JWT=x", "Jwt=x", "jwt[]=x", "jwt[0]=x", "jwt%5B%5D=x", "+jwt=x", "%20jwt=x", ";jwt=x",
    "a=1;jwt=x", "jwt%00=x", "jwt%00a=x", "%6A%57%54=x", "%256Awt=x", "jwt\0=x", "%09jwt=x",
    "JWT[]=x", "jwt;a=x", "a;b;jwt=x", "+jwt[]=x", "%00jwt=x", "jwt%20=x", "jwt+=x", "jwT",
    "%4aWT=x", "jwt[a][b]=x", "[jwt]=x", "%5Bjwt%5D=x", "[[jwt]][]=x", "jwt]=x", "%u006Awt=x",
    "%U006awt[]=x",
]  # fmt: skip


@pytest.mark.parametrize("part", SPELLINGS)
def test_what_somebody_may_take_for_it(part: str) -> None:
    assert look_alikes(f"a=1&{part}&b=2", {"jwt"}, DIALECTS["any"]) == [1]
    assert look_alikes(f"a=1&{part}&b=2", {"jwt"}, DIALECTS["plain"]) == []


@pytest.mark.parametrize(
    ("dialect", "seen"),
    [
        ("plain", []),
        ("aspnet", [0]),
        ("express", [1]),
        ("java", [2]),
        ("php", [1, 3]),
        ("rack", [1, 2]),
        ("any", [0, 1, 2, 3]),
    ],
)
def test_each_dialect_reads_its_own(dialect: str, seen: list[int]) -> None:
    query = "JWT=1&jwt[]=2&a;jwt=3&+jwt=4&jwt=5&xjwt=6"
    assert look_alikes(query, {"jwt"}, DIALECTS[dialect]) == seen


def test_underscores_of_php() -> None:
    php = DIALECTS["php"]
    assert look_alikes("access.token=1&access%20token=2&access+token=3", NAMES, php) == [0, 1, 2]
    assert look_alikes("access[token=1&access%5btoken=2&[access.token]=3", NAMES, php) == [0, 1, 2]
    assert look_alikes("access.token=1", NAMES, Dialect()) == []


@pytest.mark.parametrize(
    "piece", ["&", "%&", "jwt&", "%6A&", "jwt=%;", ";", "jwt", "[", "%5B", "jwt[=1&", "%25jwt=a&"]
)
def test_a_long_query_takes_time_in_proportion(piece: str) -> None:
    """Twice as long takes about twice as long, whatever it is made of."""

    def seconds(size: int) -> float:
        query = (piece * size)[:size]
        best = inf
        for _ in range(2):
            begun = process_time()
            places = [hit.place for hit in find(query, NAMES)]
            places += look_alikes(query, NAMES, DIALECTS["any"])
            without(query, places)
            best = min(best, process_time() - begun)
        return best

    small, large = seconds(10_000), seconds(100_000)
    assert large < 10 * max(small, 0.001) * 4  # ten times as long, and room for other work


def test_nothing_is_alike_in_nothing() -> None:
    assert look_alikes("", NAMES, DIALECTS["any"]) == []
    assert look_alikes("a=%20&b=c", NAMES, DIALECTS["any"]) == []
    assert look_alikes("a=b", NAMES, DIALECTS["any"]) == []


# ---- the look first -------------------------------------------------------------------------

pieces = st.sampled_from(
    ["jwt", "JWT", "a", "=", "&", ";", "%", "%6a", "%256A", "wt", "+", "%00", "[", "]", ".", "_",
     "access", "ACCESS", "token", "%5F", "%20", " ", "\xdf", "\0", "x"]
)  # fmt: skip


@settings(max_examples=500)
@given(
    st.lists(pieces, max_size=8).map("".join),
    st.sampled_from(sorted(DIALECTS)),
    st.sampled_from([("jwt",), ("access_token",), ("jwt", "access_token", "a b"), ("_", "a[b]")]),
)
def test_where_the_look_first_sees_nothing_nobody_sees_anything(
    query: str, dialect: str, names: tuple[str, ...]
) -> None:
    if not sieve(names)(query):
        with patch("headway.gateway.parameters._sieve", lambda _: lambda _: True):
            assert find(query, names) == []
            assert look_alikes(query, names, DIALECTS[dialect]) == []


def test_escapes_of_values_and_other_names_are_no_reason_to_look() -> None:
    holds = sieve(NAMES)
    assert not holds("a=%6A%77%74&b=%26x&c=%3D;d=%20&e=acces")
    assert not holds("a=1&%61=2&filter%5Bx%5D=1&%")
    assert holds("a=1&%6Awt=2")
    assert holds("a=1;%61cces%73=2")


def escaped(char: str) -> list[str]:
    """Ways to write *char* in a name, of which some software reads each as that."""
    code = f"{ord(char):02X}"
    inner = "".join(f"%{ord(digit):02x}" for digit in code)
    return [
        *(char, char.upper(), f"%{code}", f"%{code.lower()}", f"%25{code}", f"%25{inner}"),
        *(f"%{inner}", f"%u00{code}", f"%25u00{code}", f"%{ord(char.upper()):02x}"),
        *(f"%%{ord(code[0]):x}{code[1]}", f"%75{char}"[3:], f"%%750%30{code}"),
    ]


SPELLED = st.tuples(*(st.sampled_from(escaped(char)) for char in "jwt")).map("".join)
AROUND = st.sampled_from(["{}", "+{}", "{}%00", "[{}]", "%5B{}%5D[]", "{}[x]", "a;{}", "%2500{}"])


@settings(max_examples=300)
@given(SPELLED, AROUND)
def test_a_name_with_any_of_its_characters_escaped_is_found(name: str, around: str) -> None:
    query = f"a=1&{around.format(name)}=x"
    places = [hit.place for hit in find(query, {"jwt"})]
    assert [*places, *look_alikes(query, {"jwt"}, DIALECTS["any"])] == [1]
