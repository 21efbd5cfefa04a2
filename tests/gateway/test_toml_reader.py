from __future__ import annotations

import tomllib
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.errors import ConfigurationError
from headway.gateway.toml_reader import TomlLines, TomlReader

TEXT = '''\
name = "api"
[ identity ]
  by = "header"
[[location]]
name = "a"
off = 2022-02-01
note = """
off = 1
[[location]]
"""
[location.conflicts]
"token-in-both" = "refuse"
[[location.brownout]]
start = 1
[[location.brownout]]
start = 2
[[location]]
off = 2022-03-01
conflicts.token-empty = "refuse"
[[location.brownout]]
start = 3
[location."paused"]
who = 'ann = [x]'
[verify]
by . "x" = 1
issuer = [
  { issuer = "i" },
]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("identity",), 2),
        (("identity", "by"), 3),
        (("identity", "header"), 2),
        (("location",), 1),
        (("location", 0), 4),
        (("location", 0, "off"), 6),
        (("location", 0, "note"), 7),
        (("location", 0, "conflicts", "token-in-both"), 12),
        (("location", 0, "brownout", 0, "start"), 14),
        (("location", 0, "brownout", 1), 15),
        (("location", 0, "brownout", 1, "start"), 16),
        (("location", 1), 17),
        (("location", 1, "off"), 18),
        (("location", 1, "conflicts"), 19),
        (("location", 1, "conflicts", "token-empty"), 19),
        (("location", 1, "brownout", 0, "start"), 21),
        (("location", 1, "paused", "who"), 23),
        (("verify", "by", "x"), 25),
        (("verify", "issuer", 0, "issuer"), 26),
        (("elsewhere", 3), 1),
        ((), 1),
    ],
)
def test_where_a_field_stands(path: tuple[Any, ...], line: int) -> None:
    tomllib.loads(TEXT)
    assert TomlLines(TEXT).of(path) == line


@given(st.text("ab=\"'[].#\\\n ", max_size=60))
def test_any_text_has_lines(text: str) -> None:
    assert TomlLines(text).of(("a", 0, "b")) >= 1


def test_windows_line_ends() -> None:
    assert TomlLines("a = 1\r\n[b]\r\nc = 2\r\n").of(("b", "c")) == 3


# ---- what is wrong ----------------------------------------------------------------------------


class Kind(StrEnum):
    OLD = "old"
    NEW = "new"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind = Kind.OLD
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    flag: bool | None = None


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: list[Inner] = []
    by_name: dict[str, Kind] = {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "t:1: name: is missing"),
        ('name = "a"\nx = 1', "t:2: x: there is no such field"),
        ("name = 1", "t:1: name: is a whole number and has to be a text"),
        ('name = "a"\n[[inner]]\nkind = "older"', "t:3: inner[0].kind: is one of old, new"),
        ('name = "a"\n[[inner]]\ncount = 0', "t:3: inner[0].count: has to be a whole number >= 1"),
        (
            'name = "a"\n[[inner]]\nflag = []',
            "inner[0].flag: is a list and has to be true",
        ),
        ('name = "a"\n[by_name]\nx = "older"', "t:2: by_name: is one of old, new"),
        ("name = ", "t:1: is not TOML: Invalid value"),
        ('name = "a"\n[', "t:2: is not TOML: "),
        ("a = " + "[" * 5000, "t:1: is not TOML: "),
    ],
)
def test_what_is_wrong_has_its_line_its_field_and_words(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TomlReader(text.encode(), "t").typed(Outer)
    assert said in str(caught.value)


def test_what_is_no_text() -> None:
    with pytest.raises(ConfigurationError, match="t:2: is not UTF-8"):
        TomlReader(b"a = 1\nb = \xff", "t")


def test_a_message_finds_its_place_once() -> None:
    reader = TomlReader(b'name = "a"\n[[inner]]\ncount = 1\n', "t")
    assert reader.typed(Outer).inner[0].count == 1

    def raised(message: str, *path: str | int) -> str:
        with pytest.raises(ConfigurationError) as caught, reader.at("inner"), reader.at(*path):
            raise ConfigurationError(message)
        return str(caught.value)

    assert raised("is odd", "inner", 0) == "t:2: inner[0]: is odd"
    assert raised("inner.count: is odd", "inner", 0) == "t:3: inner[0].count: is odd"
    assert raised("flag: is odd", "inner", 0) == "t:2: inner[0]: flag: is odd"
    assert raised("is odd") == "t:1: is odd"
