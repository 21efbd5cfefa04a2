from __future__ import annotations

import contextlib
from time import process_time

import pytest

from headway.host.storage_format import AC, macro_of, macros, parse, plain_text, with_macro_ids


def test_the_names_of_characters() -> None:
    root = parse("<p>a&nbsp;&ndash;&amp;&lt;&eacute; &#228;</p>")
    assert "".join(root.itertext()) == "a\xa0\u2013&<é ä"
    section = parse("<p><![CDATA[&nbsp;<b>]]></p>")
    assert "".join(section.itertext()) == "&nbsp;<b>"


@pytest.mark.parametrize(
    "text",
    [
        "<p>",
        "</p>",
        "<p></b>",
        "a < b",
        "&unknown;",
        "&;",
        "</body><body>",
        "<x:y/>",
        "\x00",
        "<p a=1/>",
        "<!DOCTYPE p><p/>",
        '<!DOCTYPE p [<!ENTITY a "b">]><p>&a;</p>',
        '<?xml version="1.0"?><p/>',
    ],
)
def test_what_is_not_well_formed(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the body "):
        parse(text)


def test_the_depth_is_bounded() -> None:
    assert plain_text(parse("<b>" * 100 + "x" + "</b>" * 100)) == "x"
    for depth in (101, 60_000):
        with pytest.raises(ValueError, match="100 levels"):
            parse("<b>" * depth + "</b>" * depth)


def test_the_words_of_a_body() -> None:
    text = """<p>One<br/>two</p><ul><li>three</li><li>four <em>five</em></li></ul>
      <ac:structured-macro ac:name="code"><ac:parameter ac:name="language">x</ac:parameter>
      <ac:plain-text-body><![CDATA[a < b]]></ac:plain-text-body></ac:structured-macro>"""
    assert plain_text(parse(text)).split() == ["One", "two", "three", "four", "five", "a", "<", "b"]
    assert plain_text(parse("")) == ""


def test_macros_one_in_another() -> None:
    text = """<ac:structured-macro ac:name="outer" ac:macro-id="1">
      <ac:parameter ac:name="a">x &amp; y</ac:parameter><ac:parameter ac:name="b" />
      <ac:rich-text-body><p class="q&quot;&lt;">in <ri:page ri:content-title="T" />&amp;</p>
      <ac:structured-macro ac:name="inner" ac:macro-id="2" /></ac:rich-text-body>
      </ac:structured-macro>"""
    outer, inner = macros(parse(text))
    assert (outer.name, outer.id, outer.parameters) == ("outer", "1", {"a": "x & y", "b": ""})
    assert (inner.name, inner.id, inner.body) == ("inner", "2", "")
    assert '<ri:page ri:content-title="T"></ri:page>&amp;</p>' in outer.body
    assert 'class="q&quot;&lt;"' in outer.body
    assert [found.name for found in macros(parse(outer.body))] == ["inner"]


def test_a_plain_body() -> None:
    text = """<ac:structured-macro ac:name="m"><ac:plain-text-body><![CDATA[<b>&nbsp;]]>
      </ac:plain-text-body></ac:structured-macro>"""
    macro = macro_of(parse(text)[0])
    assert (macro.body.strip(), macro.id) == ("<b>&nbsp;", "")


def test_ids_are_given_where_there_are_none() -> None:
    text = '<ac:structured-macro ac:name="a" ac:macro-id="1"/>'
    assert with_macro_ids(text) == text
    sections = "<![CDATA[<ac:structured-macro/>]]>"
    assert with_macro_ids(sections) == sections
    both = with_macro_ids(f'{sections}<ac:structured-macro ac:name="b"/>{text}')
    ids = [element.get(f"{AC}macro-id") for element in parse(both)]
    assert len(ids[0] or "") == 36
    assert ids[1] == "1"


def test_a_macro_keeps_the_id_that_stands_behind_any_other_attribute() -> None:
    text = '<ac:structured-macro ac:name="a > b" ac:macro-id="1"/>'
    assert with_macro_ids(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<![CDATA[" * 22_000,
        f"<!--{'<ac:structured-macro ' * 9_500}-->",
        f"<!--{'<ac:structured-macro a=' * 8_000}-->",
        "<ac:structured-macro" + " x=''" * 35_000 + ">",
        "&a" * 100_000,
    ],
    ids=lambda text: text[:30],
)
def test_what_somebody_wrote_is_read_in_time_that_grows_with_it(text: str) -> None:
    begin = process_time()
    with_macro_ids(text)
    with contextlib.suppress(ValueError):
        parse(text)
    assert process_time() - begin < 5.0  # it was a minute, during which nobody was answered
