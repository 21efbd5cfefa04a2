from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.gateway.toml_reader import TomlLines

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
