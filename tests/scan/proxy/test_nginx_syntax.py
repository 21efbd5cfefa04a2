"""nginx's configuration as crossplane reads it, with places that it does not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.findings import Unread
from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import Files, Unclear
from headway.scan.proxy.nginx_syntax import Statement, read_nginx, with_includes

TEXT = r"""# a comment; with { signs }
user  nobody ;  # behind it
http {
    log_format main '$a "q" \'x\''   # in the middle
                    "b;{}";
    server { listen 80; location ~ "^/a{2}$" { return 200 ok; } }
    map $a $b { default ""; ~x# y; }
}
"""


def names(statements: list[Statement]) -> list[object]:
    return [each.name if each.block is None else [each.name, *names(each.block)]
            for each in statements]  # fmt: skip


def test_statements_have_their_places() -> None:
    source = Source("a", TEXT)
    top = read_nginx(source)
    assert names(top) == [
        "user",
        ["http", "log_format", ["server", "listen", ["location", "return"]],
         ["map", "default", "~x#"]],
    ]  # fmt: skip
    user, http = top
    assert user.raw == "user  nobody "
    assert http.raw == "http "
    form = (http.block or [])[0]
    assert form.raw.startswith("log_format main '")
    assert form.raw.endswith('"b;{}"')
    assert source.position(form.start) == (4, 5)
    assert form.args == ["main", "$a \"q\" 'x'", "b;{}"]


def test_lua_is_passed_over() -> None:
    text = "http {\n content_by_lua_block {\n  local a = { x = '}' }\n }\n access_log off;\n}"
    [http] = read_nginx(Source("a", text))
    last = (http.block or [])[-1]
    assert (last.name, last.source.position(last.start)[0]) == ("access_log", 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a b", "'a' has no end, in line 1"), ("a {", "expecting \"}\", in line 1"),
        ("a { b }", "'b' has no end, in line 1"), ("a; }", 'unexpected "}", in line 1'),
        (";", "a statement is missing before ';', in line 1"), ("a;\n{ }", "before '{', in line 2"),
        ("a 'b;\n", "'a' has no end"), ("a { " * 200 + "b;" + " }" * 200, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_none_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Unclear) as raised:
        read_nginx(Source("a", text))
    assert told in str(raised.value)


def included(folder: Path, **files: str) -> tuple[list[object], list[Unread]]:
    for name, text in files.items():
        (folder / name).write_text(text)
    unread: list[Unread] = []
    reading = Files(folder, unread.append)
    source = reading.read(str(folder / "main"))
    assert source is not None
    return names(with_includes(read_nginx(source), reading, folder)), unread


def test_includes_stand_in_their_place(tmp_path: Path) -> None:
    found, unread = included(tmp_path, main="http { include a; c; }", a="b; include d*;", d1="d;")
    assert found == [["http", "b", "d", "c"]]
    assert unread == []


def test_t39_a_file_that_includes_itself_is_told_of(tmp_path: Path) -> None:
    found, unread = included(tmp_path, main="include a; x;", a="y; include main; include a;")
    assert found == ["y", "x"]
    assert [each.why for each in unread] == ["includes itself, or too much (line 1)"] * 2


def test_t39_includes_that_multiply_are_bounded(tmp_path: Path) -> None:
    files = {f"f{n}": f"include f{n + 1};" * 30 for n in range(4)} | {"f4": "x;"}
    found, unread = included(tmp_path, main="include f0;", **files)
    assert len(found) < 1_100
    assert unread


def test_what_is_broken_inside_is_told_of(tmp_path: Path) -> None:
    found, unread = included(tmp_path, main="include a; x;", a="b; c")
    assert found == ["x"]
    assert unread[0].why == "'c' has no end (line 1)"
    assert unread[0].path.endswith("/a")
