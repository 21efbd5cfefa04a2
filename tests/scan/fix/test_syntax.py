"""What LibCST is asked, and what it is not given."""

from __future__ import annotations

import libcst as cst
import pytest

from headway.scan.fix.syntax import DEPTH_MAX, SOURCE_MAX, Source, Unfixable

CODE = "import requests as r\r\n\r\ndef f(s):\r\n\tif s:\r\n\t\treturn r.get((s + 'ö'))\r\n"


def first(source: Source, kind: type[cst.CSTNode]) -> cst.CSTNode:
    return next(each for each in source.walk(source.module) if isinstance(each, kind))


def test_places() -> None:
    source = Source(CODE)
    call = first(source, cst.Call)
    assert isinstance(call, cst.Call)
    added = call.args[0].value
    assert source.code(added) == "(s + 'ö')"
    start, end = source.span(added)
    assert CODE[start:end] == "s + 'ö'"
    assert source.line(start) == 5
    assert source.offset(5, 15) == source.outer(added)[0]
    assert isinstance(source.at(start), cst.Name)
    assert source.at(0) is None
    assert source.indent_of(call) == "\t\t"
    assert CODE[source.line_start(start) :].startswith("\t\treturn")
    assert source.newline == "\r\n"
    assert Source("").newline == "\n"


def test_what_stands_in_what() -> None:
    source = Source(CODE)
    call = first(source, cst.Call)
    assert isinstance(call, cst.Call)
    assert source.qualified(call.func) == "requests.get"
    assert isinstance(source.function(call), cst.FunctionDef)
    assert isinstance(source.statement(call), cst.SimpleStatementLine)
    assert source.function(first(source, cst.Import)) is source.module
    assert source.owner(call) is None
    assert source.parent(source.module) is source.module
    with pytest.raises(Unfixable):
        source.statement(source.module)


def test_a_name_with_two_meanings_has_none() -> None:
    code = "try:\n    import requests as r\nexcept ImportError:\n    import httpx as r\nr.get(x)\n"
    source = Source(code)
    call = first(source, cst.Call)
    assert isinstance(call, cst.Call)
    assert source.qualified(call.func) == ""


@pytest.mark.parametrize(
    "code",
    [
        "def f(:\n",
        "print 'two'\n",
        "x = " + "[" * 200 + "]" * 200,
        "x = " + "+".join(["a"] * 5_000),
        "x = " + " and ".join(["a"] * 500),
        "if a: pass\n" + "elif b: pass\n" * 500,
        "x = a" + ".b" * 20_000,
        "x = " + "not " * 20_000 + "a",
        "x = " + " ".join(['"a"'] * 3_000),
        "x = " + " ".join(['"a"'] * 20_000),
        "\0",
    ],
    ids=["syntax", "old", "brackets", "sums", "ands", "elifs", "members", "nots", "strings",
         "more-strings", "nul"],
)  # fmt: skip
def test_hostile_code_is_refused_in_time(code: str) -> None:
    with pytest.raises(Unfixable):
        Source(code)


def test_what_is_just_not_too_much() -> None:
    assert Source("x = " + "[" * (DEPTH_MAX - 4) + "]" * (DEPTH_MAX - 4)).module.body
    with pytest.raises(Unfixable, match="characters"):
        Source("#" * (SOURCE_MAX + 1))


def test_a_warning_of_the_parser_is_not_shown() -> None:
    assert Source("x = '\\d'\n").text


def test_a_place_without_a_scope() -> None:
    source = Source(CODE)
    assert source.qualified(cst.Name("x")) == ""


def test_names_mean_something_and_members_do_not() -> None:
    source = Source("import requests\nrequests.get(url.host)\n")
    assert source.names() == {"requests", "url"}
    call = first(source, cst.Call)
    assert source.outer(call) == source.span(call)
