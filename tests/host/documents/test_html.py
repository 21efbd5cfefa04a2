from __future__ import annotations

from typing import Any

import pytest

from headway.host.documents import read
from headway.host.documents.html import html_of
from headway.host.documents.nodes import DOCUMENT, paragraph, text


def test_a_text_with_marks() -> None:
    source = "# h\n\n**b** *i* `c` ~~s~~ [l](http://x)\n\n3. a\n\n> q\n\n```\nx < y\n```\n\n---"
    link = '<a href="http://x" rel="noopener noreferrer">l</a>'
    assert html_of(read(source)) == (
        "<h1>h</h1><p><strong>b</strong> <em>i</em> <code>c</code> <s>s</s> "
        f'{link}</p><ol start="3"><li><p>a</p></li></ol><blockquote><p>q</p></blockquote>'
        "<pre>x &lt; y</pre><hr>"
    )


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        ({"type": "mention", "attrs": {"text": "@A"}},
         '<span class="confluence-userlink">@A</span>'),
        ({"type": "emoji", "attrs": {"shortName": ":x:"}}, ":x:"),
        ({"type": "status", "attrs": {"text": "Go"}}, '<span class="status-macro">Go</span>'),
        ({"type": "inlineCard", "attrs": {"url": "http://x"}},
         '<a href="http://x" rel="noopener noreferrer">http://x</a>'),
        ({"type": "date", "attrs": {"timestamp": "0"}}, "<time>1970-01-01</time>"),
        ({"type": "date", "attrs": {"timestamp": "x"}}, ""),
        ({"type": "mediaSingle", "content": [{"type": "media", "attrs": {"alt": "A"}}]},
         "<div><p>[A]</p></div>"),
        ({"type": "mediaInline"}, "[file]"),
        ({"type": "heading", "attrs": {"level": True}, "content": [text("a")]}, None),
        ({"type": "heading", "attrs": {"level": 9}, "content": [text("a")]}, "<h1>a</h1>"),
        ({"type": "orderedList", "attrs": {"order": "x"}, "content": []}, "<ol></ol>"),
        ({"type": "panel", "content": [text("a")]}, '<div class="panel">a</div>'),
        ({"type": "expand", "attrs": {"title": "T"}, "content": [text("a")]},
         "<details><summary>T</summary>a</details>"),
        ({"type": "expand", "content": []}, "<details><summary>More</summary></details>"),
        ({"type": "unknown", "content": [text("a")]}, "<div>a</div>"),
        (text("a", [{"type": "subsup", "attrs": {"type": "sup"}}]), "<sup>a</sup>"),
        (text("a", [{"type": "subsup"}]), "<sub>a</sub>"),
        (text("a", [{"type": "underline"}, {"type": "textColor"}]), "<u>a</u>"),
        ({"type": "text", "text": "a", "marks": "x"}, "a"),
        ({"type": "text", "text": "a", "marks": ["x"]}, "a"),
        ({"type": "mention", "attrs": 5}, '<span class="confluence-userlink"></span>'),
    ],
)  # fmt: skip
def test_other_nodes(node: Any, shown: str | None) -> None:
    found = html_of(DOCUMENT([node]))
    assert found == shown if shown is not None else "a" in found


def test_a_table() -> None:
    cell = {"type": "tableCell", "attrs": {"colspan": 2, "rowspan": "x"}, "content": [text("a")]}
    head = {"type": "tableHeader", "content": [text("h")]}
    rows = [{"type": "tableRow", "content": [head]}, {"type": "tableRow", "content": [cell]}]
    assert html_of(DOCUMENT([{"type": "table", "content": rows}])) == (
        '<table><tbody><tr><th>h</th></tr><tr><td colspan="2">a</td></tr></tbody></table>'
    )


@pytest.mark.parametrize(
    "node",
    [
        text("<script>alert(1)</script>"),
        text("a", [{"type": "link", "attrs": {"href": "javascript:alert(1)"}}]),
        text("a", [{"type": "link", "attrs": {"href": '"><script>alert(1)</script>'}}]),
        {"type": "inlineCard", "attrs": {"url": "javascript:alert(1)"}},
        {"type": "mention", "attrs": {"text": "<img src=x onerror=alert(1)>"}},
        {"type": "tableCell", "attrs": {"colspan": '1" onclick="alert(1)'}, "content": []},
        {"type": "heading", "attrs": {"level": "1 onclick=alert(1)"}, "content": []},
    ],
)
def test_nothing_runs(node: Any) -> None:
    html = html_of(DOCUMENT([paragraph([node]), node]))
    for sign in ("<script", "<img", 'href="javascript', " onclick="):
        assert sign not in html


def test_what_is_too_deep_is_left_out() -> None:
    node = text("deep")
    for _ in range(100):
        node = {"type": "blockquote", "content": [node]}
    assert "deep" not in html_of(DOCUMENT([node]))
