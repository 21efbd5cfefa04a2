"""httpd's configuration: directives, sections, includes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.findings import Unread
from headway.scan.proxy.apache_syntax import Directive, quoted, read_apache
from headway.scan.proxy.files import Files, Unclear


def read(folder: Path, text: str, **more: str) -> tuple[list[Directive], list[str]]:
    for name, content in {"a.conf": text, **more}.items():
        at = folder / name.replace("__", "/")
        at.parent.mkdir(exist_ok=True)
        at.write_text(content)
    unread: list[Unread] = []
    files = Files(folder, unread.append)
    source = files.read(str(folder / "a.conf"))
    assert source is not None
    return read_apache(source, files), [each.why for each in unread]


def test_directives_and_their_places(tmp_path: Path) -> None:
    text = (
        '# LogFormat x\nLogFormat "%h \\"%r\\"" own\n<VirtualHost *:80>\n  CustomLog \'a b\' \\\n'
        "    own # no comment\n</VirtualHost>\n<IfModule x>\n<Directory />\nA\n</Directory>\n"
        "</IfModule>\n"
    )
    found, _ = read(tmp_path, text)
    assert [(each.name, each.args, each.line) for each in found] == [
        ("LogFormat", ['%h "%r"', "own"], 2),
        ("CustomLog", ["a b", "own", "#", "no", "comment"], 4), ("A", [], 9),
    ]  # fmt: skip
    form, log, last = found
    assert text[form.start : form.end] == 'LogFormat "%h \\"%r\\"" own'
    start, end = form.spans[0]
    assert text[form.start + start : form.start + end] == '"%h \\"%r\\""'
    start, end = log.spans[1]
    assert text[log.start + start : log.start + end] == "own"
    assert [each.partition(":")[0] for each in log.inside] == ["virtualhost"]
    assert [each.partition(":")[0] for each in last.inside] == ["ifmodule", "directory"]


def test_what_is_quoted_is_read_as_it_was(tmp_path: Path) -> None:
    for text in ('a "b" c', "back\\slash", "%{Referer}i"):
        found, _ = read(tmp_path, f"X {quoted(text)}")
        assert found[0].args == [text]


def test_includes(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    found, unread = read(
        tmp_path,
        f"Define D d\nServerRoot {tmp_path}\nInclude ${{D}}/*.conf\n<IfModule x>\n"
        "IncludeOptional none.conf\nIncludeOptional e/*\n</IfModule>\n"
        "Include ${U}/x\nServerRoot /no\n",
        d__b="", **{"d__b.conf": "B\n", "e__f": "F"},
    )  # fmt: skip
    assert [each.name for each in found] == ["Define", "ServerRoot", "B", "F", "ServerRoot"]
    assert len(found[3].inside) == 1
    assert unread == ["includes ${U}/x, which is not there (line 8)"]


def test_t39_what_includes_itself_is_told_of(tmp_path: Path) -> None:
    found, unread = read(tmp_path, "Include b\nX\n", b="Include a.conf\nInclude b\n")
    assert [each.name for each in found] == ["X"]
    assert unread == ["includes itself, or too much (line 1)",
                      "includes itself, or too much (line 2)"]  # fmt: skip
    _, unread = read(tmp_path, "Include /etc/shadow\nInclude c\n", c="<If>\n")
    assert unread[0].startswith("includes /etc/shadow, which is outside of")
    assert unread[1] == "<if> has no end"


@pytest.mark.parametrize(
    ("text", "told"),
    [("<A x>\n", "<a> has no end"), ("</A>\n", "</a> ends nothing, in line 1"),
     ("<A>\n</B>\n", "</b> ends nothing, in line 2"), ("<A>\n" * 200, "nested too deeply"),
     ("events {\n}\n", "'}' is no directive, in line 2"), ("accessLog: {}", "is no directive")],
)  # fmt: skip
def test_what_is_none_is_told_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Unclear) as raised:
        read(tmp_path, text)
    assert told in str(raised.value)


def test_t39_definitions_that_multiply_are_bounded(tmp_path: Path) -> None:
    text = "Define a0 xxxxxxxxxx\n"
    text += "".join(f"Define a{n} {f'${{a{n - 1}}}' * 10}\n" for n in range(1, 30))
    found, _ = read(tmp_path, text)
    assert max(len(arg) for each in found for arg in each.args) <= 10_000
