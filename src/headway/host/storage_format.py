"""Confluence's storage format: XHTML with elements of its own for macros and links.

Somebody else wrote it.  It is read without document types, entities of its own
or anything from elsewhere, to a bounded depth; the names that HTML has for
characters are replaced before ("Confluence Storage Format").
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable, Iterator
from html.entities import html5
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

__all__ = [
    "AC",
    "MACRO",
    "RI",
    "Macro",
    "macro_of",
    "macros",
    "parse",
    "plain_text",
    "with_macro_ids",
    "written",
]

AC = "{http://atlassian.com/content}"
RI = "{http://atlassian.com/resource/identifier}"

DEPTH_MAX = 100
"""Levels of elements: far more than an editor makes."""

MACRO = f"{AC}structured-macro"
_OPEN = (
    '<body xmlns:ac="http://atlassian.com/content"'
    ' xmlns:ri="http://atlassian.com/resource/identifier"'
    ' xmlns:at="http://atlassian.com/template">'
)
_CDATA = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)  # one that stays open is read once
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{0,40});")
_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_MACRO = re.compile(r"""<ac:structured-macro\b((?:[^<>"']|"[^"<]*"|'[^'<]*')*)""")
_BLOCKS = frozenset(
    {"p", "div", "li", "tr", "td", "th", "pre", "blockquote", "br", "hr", "table", "ul", "ol"}
    | {f"h{level}" for level in range(1, 7)}
)


class Macro(msgspec.Struct, frozen=True, kw_only=True):
    """One macro as it stands in a body; *id* is that of this one use of it.

    ``body`` is the text of a plain body, or the storage format of a rich one.
    """

    id: str
    name: str
    parameters: dict[str, str]
    body: str


def parse(text: str) -> Element:
    """Read a body.

    Raises ValueError for what is not well formed, nested too deeply, or brings
    a document type.

    >>> [child.tag for child in parse("<p>fish &amp; chips&nbsp;</p>")]
    ['p']
    >>> parse("<p>open")
    Traceback (most recent call last):
    ValueError: the body is not well-formed storage format: mismatched tag: line 1
    """
    source = io.BytesIO(f"{_OPEN}{_outside_cdata(_characters, text)}</body>".encode())
    depth, root = 0, Element("body")
    try:
        events = iterparse(source, events=("start", "end"), forbid_dtd=True)
        for event, element in events:
            depth += 1 if event == "start" else -1
            root = element  # the last one that ends is the wrapper
            if depth > DEPTH_MAX + 1:
                raise ValueError(f"the body is nested more than {DEPTH_MAX} levels deep")
    except ParseError as error:
        reason = str(error).partition(", column")[0]
        raise ValueError(f"the body is not well-formed storage format: {reason}") from None
    except DefusedXmlException:
        raise ValueError("the body brings a document type or entities") from None
    return root


def with_macro_ids(text: str) -> str:
    """*text*, each macro of which has an id by which its body can be asked for.

    >>> "macro-id" in with_macro_ids('<ac:structured-macro ac:name="x" />')
    True
    """

    def add(found: re.Match[str]) -> str:
        if "ac:macro-id" in found[1]:
            return found[0]
        return f'<ac:structured-macro ac:macro-id="{uuid.uuid4()}"{found[1]}'

    return _outside_cdata(lambda part: _MACRO.sub(add, part), text)


def macros(root: Element) -> list[Macro]:
    """Every macro of a body, in the order in which they begin."""
    return [macro_of(element) for element in root.iter(MACRO)]


def macro_of(element: Element) -> Macro:
    """What one ``ac:structured-macro`` says.

    >>> text = '<ac:structured-macro ac:name="a"><ac:parameter ac:name="b">c</ac:parameter>'
    >>> macro_of(parse(text + "</ac:structured-macro>")[0]).parameters
    {'b': 'c'}
    """
    plain, rich = element.find(f"{AC}plain-text-body"), element.find(f"{AC}rich-text-body")
    body = "".join(plain.itertext()) if plain is not None else ""
    if rich is not None:
        body = _inner(rich)
    return Macro(
        id=element.get(f"{AC}macro-id", ""),
        name=element.get(f"{AC}name", ""),
        parameters={
            parameter.get(f"{AC}name", ""): "".join(parameter.itertext())
            for parameter in element.findall(f"{AC}parameter")
        },
        body=body,
    )


def plain_text(root: Element) -> str:
    r"""The words of a body, for searching: one line a block, no markup, no parameters.

    >>> plain_text(parse("<h1>One</h1><p>two <b>three</b></p>"))
    'One\ntwo three'
    """
    lines = (" ".join(line.split()) for line in "".join(_words(root)).split("\n"))
    return "\n".join(line for line in lines if line)


def _words(element: Element) -> Iterator[str]:
    if element.tag == f"{AC}parameter":
        return
    block = element.tag in _BLOCKS
    yield "\n" if block else ""
    yield element.text or ""
    for child in element:
        yield from _words(child)
        yield child.tail or ""
    yield "\n" if block else ""


def _inner(element: Element) -> str:
    """What stands in an element, written as storage format again."""
    return _escaped(element.text) + "".join(
        written(child) + _escaped(child.tail) for child in element
    )


def written(element: Element) -> str:
    """An element as storage format again, without what follows it.

    >>> written(parse('<ac:link><ri:user ri:account-id="a" /></ac:link>')[0])
    '<ac:link><ri:user ri:account-id="a"></ri:user></ac:link>'
    """
    name = _name(element.tag)
    attributes = "".join(
        f' {_name(key)}="{_escaped(value).replace(chr(34), "&quot;")}"'
        for key, value in element.items()
    )
    return f"<{name}{attributes}>{_inner(element)}</{name}>"


def _name(tag: str) -> str:
    return tag.replace(AC, "ac:").replace(RI, "ri:").rpartition("}")[2]


def _escaped(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _outside_cdata(change: Callable[[str], str], text: str) -> str:
    parts = _CDATA.split(text)  # every second one is a section
    return "".join(part if at % 2 else change(part) for at, part in enumerate(parts))


def _characters(part: str) -> str:
    """HTML's names of characters as the characters; XML knows five of them."""

    def character(found: re.Match[str]) -> str:
        return found[0] if found[1] in _XML else html5.get(f"{found[1]};", found[0])

    return _NAMED.sub(character, part)
