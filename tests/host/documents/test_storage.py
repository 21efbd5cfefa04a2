from __future__ import annotations

import pytest

from headway.host.documents import read, write
from headway.host.documents.storage import document_of, storage_of
from headway.host.storage_format import parse, plain_text


def name_of(account: str) -> str:
    return {"5b": "Ada"}[account]


def again(body: str) -> str:
    """Through the document, the text, and back."""
    written = write(document_of(body, name_of))
    return storage_of(read(written.text, written.kept), body)


CODE = (
    '<ac:structured-macro ac:name="code" ac:schema-version="1"{id}>{language}'
    "<ac:plain-text-body><![CDATA[{body}]]></ac:plain-text-body></ac:structured-macro>"
)


@pytest.mark.parametrize(
    "body",
    [
        "<h1>a</h1><h6>b <em>c</em></h6>",
        "<p>a <strong>b <em>c</em></strong> <code>d</code> <del>e</del><br />f</p><p></p>",
        '<p><a href="http://x?a=1&amp;b=2">a</a> <a href="x" title="t&quot;">b</a></p>',
        '<p><ac:link><ri:user ri:account-id="5b" /></ac:link></p>',
        "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li></ul>",
        '<ol><li><p>a</p></li></ol><ol start="3"><li><p>b</p></li></ol>',
        "<blockquote><p>a</p><p>b</p></blockquote><hr />",
        CODE.format(id=' ac:macro-id="m&quot;1"', language="", body="x &amp; <y>\n```"),
        CODE.format(id="", language='<ac:parameter ac:name="language">py</ac:parameter>', body="x"),
        CODE.format(id="", language="", body="a ]]]]><![CDATA[> b"),
    ],
)
def test_what_a_text_can_say_comes_back(body: str) -> None:
    assert not write(document_of(body, name_of)).kept
    assert again(body) == body


MACRO = '<ac:structured-macro ac:name="{}"{}>{}</ac:structured-macro>'
PLAIN = "<ac:plain-text-body>x</ac:plain-text-body>"


@pytest.mark.parametrize(
    "kept",
    [
        "<table><tbody><tr><td>a</td></tr></tbody></table>",
        '<p style="text-align: center">a</p>',
        '<p>a <span style="color: red">b</span> c</p>',
        "<p><strong>a <u>b</u></strong></p>",
        "<p><strong>a <b>b</b></strong></p>",
        '<p><em><ac:link><ri:user ri:account-id="5b"></ri:user></ac:link></em></p>',
        '<p><ac:link><ri:page ri:content-title="T"></ri:page></ac:link></p>',
        '<p><ac:link ac:anchor="x"><ri:user ri:account-id="5b"></ri:user></ac:link></p>',
        '<p>a <ac:structured-macro ac:name="status"></ac:structured-macro></p>',
        MACRO.format("info", "", "<ac:rich-text-body><p>a</p></ac:rich-text-body>"),
        MACRO.format("code", "", f'<ac:parameter ac:name="title">t</ac:parameter>{PLAIN}'),
        MACRO.format("code", ' ac:local-id="x"', PLAIN),
        '<ul class="x"><li>a</li></ul>',
        "<ul>loose<li>a</li></ul>",
        '<ul><li class="x">a</li></ul>',
        "<ac:layout><ac:layout-section></ac:layout-section></ac:layout>",
        "<p><strong>a<br></br>b</strong></p>",
    ],
)
def test_what_it_can_not_say_stands_as_it_was(kept: str) -> None:
    """Attributes too; and what stands around it can be changed."""
    body = f"<p>before</p>{kept}<p>after</p>"
    written = write(document_of(body, name_of))
    assert written.kept
    changed = written.text.replace("before", "*before*").replace("after", "after\n\nmore")
    made = storage_of(read(changed, written.kept), body)
    assert plain_text(parse(made)).split() == [*plain_text(parse(body)).split(), "more"]
    for part in ("style", "span", "ac:", "table", "class", "loose", "<u>"):
        assert (part in made) == (part in body)
    assert made.startswith("<p><em>before</em></p>")


def test_what_means_the_same() -> None:
    assert again("loose <b>words</b>\n<p> a\n  b </p>\n") == (
        "<p>loose <strong>words</strong></p><p>a b</p>"
    )
    assert again("<ul>\n<li>a<ul><li>b</li></ul></li><li></li></ul>") == (
        "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p></p></li></ul>"
    )
    assert again("<p>a&nbsp; b&nbsp;</p>") == "<p>a\xa0 b\xa0</p>"
    assert again('<ol start="x"><li>a</li></ol>') == "<ol><li><p>a</p></li></ol>"
    assert again("") == ""


def test_a_code_block_keeps_its_id_while_its_text_stays() -> None:
    two = CODE.format(id=' ac:macro-id="1"', language="", body="a") * 2
    assert again(two) == two
    written = write(document_of(two, name_of))
    changed = storage_of(read(written.text.replace("a\n", "b\n", 1)), two)
    assert changed.count('ac:macro-id="1"') == 1


def test_what_is_not_well_formed() -> None:
    with pytest.raises(ValueError, match="well-formed"):
        document_of("<p>", name_of)
