"""Between Confluence's storage format and a document.

What a document has no node for stays as it stands, in a node ``storage`` of its
own, so that :func:`storage_of` of :func:`document_of` is the same page.  Space
between blocks, which shows nothing, goes ("Confluence Storage Format").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from xml.etree.ElementTree import Element

from headway.host.documents.nodes import (
    DOCUMENT,
    MARKS,
    Node,
    content_of,
    normal,
    paragraph,
    shared,
    text,
)
from headway.host.storage_format import AC, MACRO, RI, macro_of, macros, parse, written

__all__ = ["document_of", "storage_of"]

BLOCK = "storage"
INLINE = "placeholder"
"""The nodes that hold what a document has no node for: a block, and a part of a line."""

_MARK_OF = {"b": "strong", "code": "code", "del": "strike", "em": "em", "i": "em", "s": "strike"}
_MARK_OF |= {"strong": "strong"}
_TAG_OF = {"strong": "strong", "em": "em", "strike": "del", "code": "code"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset({"p", "ul", "ol", "blockquote", "hr", "div", "pre", "table", "dl", "details"})
_BLOCK_MACROS = frozenset({"code", "noformat", "panel", "info", "note", "tip", "warning", "expand"})
_LAYOUT = frozenset({f"{AC}layout", f"{AC}task-list", f"{AC}layout-section", f"{AC}image"})


def document_of(body: str, name_of: Callable[[str], str]) -> Node:
    """The page *body* as a document; *name_of* is what an account is called.

    Raises ValueError for a body that is not well formed.

    >>> [node["type"] for node in document_of("<h1>a</h1><p>b</p><table/>", str)["content"]]
    ['heading', 'paragraph', 'storage']
    """
    return DOCUMENT(_Reader(name_of).blocks(parse(body)))


class _Reader:
    """Makes nodes of elements."""

    def __init__(self, name_of: Callable[[str], str]) -> None:
        self._name_of = name_of

    def blocks(self, parent: Element) -> list[Node]:
        """The blocks in an element; what stands there without one gets a paragraph."""
        blocks: list[Node] = []
        line: list[Node] = []

        def close() -> None:
            found = normal(paragraph(line))["content"]
            if any(node.get("text", "x").strip() for node in found):
                blocks.append(paragraph(_without_edges(found)))
            line.clear()

        line += _said(parent.text, [])
        for child in parent:
            if self._is_block(child):
                close()
                blocks.append(self._block(child))
            else:
                line += self._inline(child, [])
            line += _said(child.tail, [])
        close()
        return blocks

    def _is_block(self, element: Element) -> bool:
        if element.tag == MACRO:
            rich = element.find(f"{AC}rich-text-body") is not None
            return rich or element.get(f"{AC}name", "") in _BLOCK_MACROS
        return element.tag in _BLOCKS | _HEADINGS.keys() | _LAYOUT

    def _block(self, element: Element) -> Node:
        tag, bare = element.tag, not element.attrib
        if tag == MACRO and (code := _code(element)) is not None:
            return code
        if not bare and not (tag == "ol" and element.attrib.keys() == {"start"}):
            return _kept(element, BLOCK)
        if tag == "p":
            return paragraph(self._line(element))
        if tag in _HEADINGS:
            level = {"level": _HEADINGS[tag]}
            return {"type": "heading", "attrs": level, "content": self._line(element)}
        if tag in ("ul", "ol") and _is_plain_list(element):
            return self._list(element)
        if tag == "blockquote":
            return {"type": "blockquote", "content": self.blocks(element)}
        return {"type": "rule"} if tag == "hr" else _kept(element, BLOCK)

    def _list(self, element: Element) -> Node:
        start = element.get("start", "")
        items = [
            {"type": "listItem", "content": self.blocks(item) or [paragraph()]} for item in element
        ]
        if element.tag == "ul":
            return {"type": "bulletList", "content": items}
        attrs = {"attrs": {"order": int(start)}} if start.isdecimal() and len(start) < 9 else {}
        return {"type": "orderedList", **attrs, "content": items}

    def _line(self, element: Element, marks: Sequence[Node] = ()) -> list[Node]:
        nodes = [*_said(element.text, marks)]
        for child in element:
            nodes += self._inline(child, marks)
            nodes += _said(child.tail, marks)
        return nodes if marks else _without_edges(normal(paragraph(nodes))["content"])

    def _inline(self, element: Element, marks: Sequence[Node]) -> list[Node]:
        """The nodes of a line that an element stands for."""
        tag, attributes = element.tag, element.attrib
        if tag in _MARK_OF and not attributes:
            return self._line_or_kept(element, marks, {"type": _MARK_OF[tag]})
        if tag == "a" and {"href"} <= attributes.keys() <= {"href", "title"}:
            link = {"type": "link", "attrs": dict(attributes)}
            return self._line_or_kept(element, marks, link)
        if tag == "br" and not attributes and not marks:
            return [{"type": "hardBreak"}]
        if tag == f"{AC}link" and not marks and (account := _account(element)) is not None:
            name = "@" + self._name_of(account)
            return [{"type": "mention", "attrs": {"id": account, "text": name}}]
        return [_kept(element, INLINE, marks)]

    def _line_or_kept(self, element: Element, marks: Sequence[Node], mark: Node) -> list[Node]:
        if any(one["type"] == mark["type"] for one in marks):
            return [_kept(element, INLINE, marks)]
        return self._line(element, [*marks, mark])


def _said(value: str | None, marks: Sequence[Node]) -> Iterator[Node]:
    """Text; a run of white space is one space, as a browser shows it."""
    if value:
        yield text(_collapsed(value), marks)


def _collapsed(value: str) -> str:
    words = " ".join(
        part for part in value.replace("\t", " ").replace("\n", " ").split(" ") if part
    )
    before = " " * value[:1].isspace() if value[:1] != "\xa0" else ""
    after = " " * (value[-1:].isspace() and bool(words)) if value[-1:] != "\xa0" else ""
    return f"{before}{words}{after}"


def _without_edges(nodes: list[Node]) -> list[Node]:
    """A line without the space at its ends."""
    for at, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if nodes and nodes[at].get("type") == "text" and "marks" not in nodes[at]:
            nodes[at] = {**nodes[at], "text": strip(nodes[at]["text"], " ")}
    return [node for node in nodes if node.get("text", "x")]


def _is_plain_list(element: Element) -> bool:
    """Whether there is nothing in it but items, which say nothing of themselves."""
    loose = [element.text, *(child.tail for child in element)]
    items = all(child.tag == "li" and not child.attrib for child in element)
    return items and not "".join(text or "" for text in loose).strip()


def _account(element: Element) -> str | None:
    """Whom a link is to, if that is all that it says."""
    if element.attrib or len(element) != 1 or (element.text or "").strip():
        return None
    target = element[0]
    if target.tag != f"{RI}user" or target.attrib.keys() != {f"{RI}account-id"} or len(target):
        return None
    return target.get(f"{RI}account-id")


def _code(element: Element) -> Node | None:
    """The block of code that a macro is, if that is all that it says."""
    macro = macro_of(element)
    known = {f"{AC}name", f"{AC}macro-id", f"{AC}schema-version"}
    plain = element.find(f"{AC}plain-text-body") is not None
    if macro.name != "code" or not plain or not element.attrib.keys() <= known:
        return None
    if not macro.parameters.keys() <= {"language"}:
        return None
    attrs = {"attrs": {"language": macro.parameters["language"]}} if macro.parameters else {}
    content = [text(macro.body)] if macro.body else []
    return {"type": "codeBlock", **attrs, "content": content}


def _kept(element: Element, kind: str, marks: Sequence[Node] = ()) -> Node:
    tail, element.tail = element.tail, None
    xml = written(element)
    for mark in reversed(marks):
        xml = f"{_opening(mark)}{xml}</{_tag(mark)}>"
    element.tail = tail
    name = element.get(f"{AC}name", "") or element.tag.rpartition("}")[2]
    words = " ".join("".join(element.itertext()).split())
    return {"type": kind, "attrs": {"title": name, "text": words, "storage": xml}}


# ---- writing --------------------------------------------------------------------------------


def storage_of(document: Node, before: str = "") -> str:
    """*document* as storage format.

    A block of code that *before* has too keeps the id of its macro.

    >>> storage_of(DOCUMENT([paragraph([text("a < b", [{"type": "strong"}])])]))
    '<p><strong>a &lt; b</strong></p>'
    """
    ids: dict[tuple[str, str], list[str]] = {}
    for macro in macros(parse(before)):
        key = (macro.parameters.get("language", ""), macro.body)
        if macro.name == "code" and macro.id:
            ids.setdefault(key, []).append(macro.id)
    return "".join(_block(node, ids) for node in content_of(document))


def _block(node: Node, ids: Mapping[tuple[str, str], list[str]]) -> str:
    attrs, content = node.get("attrs", {}), content_of(node)
    match node["type"]:
        case "paragraph":
            return f"<p>{_inline(content)}</p>"
        case "heading":
            return f"<h{attrs['level']}>{_inline(content)}</h{attrs['level']}>"
        case "bulletList":
            return f"<ul>{_blocks(content, ids)}</ul>"
        case "orderedList":
            start = f' start="{attrs["order"]}"' if attrs.get("order", 1) != 1 else ""
            return f"<ol{start}>{_blocks(content, ids)}</ol>"
        case "listItem":
            return f"<li>{_blocks(content, ids)}</li>"
        case "blockquote":
            return f"<blockquote>{_blocks(content, ids)}</blockquote>"
        case "codeBlock":
            return _code_macro(attrs.get("language", ""), content, ids)
        case "rule":
            return "<hr />"
    return str(attrs["storage"])


def _blocks(content: Iterable[Node], ids: Mapping[tuple[str, str], list[str]]) -> str:
    return "".join(_block(node, ids) for node in content)


def _code_macro(
    language: str, content: Sequence[Node], ids: Mapping[tuple[str, str], list[str]]
) -> str:
    value = "".join(str(node["text"]) for node in content)
    known = ids.get((language, value), [])
    macro_id = f' ac:macro-id="{escape(known.pop(0))}"' if known else ""
    cdata = value.replace("]]>", "]]]]><![CDATA[>")
    parameter = (
        f'<ac:parameter ac:name="language">{escape(language)}</ac:parameter>' if language else ""
    )
    return (
        f'<ac:structured-macro ac:name="code" ac:schema-version="1"{macro_id}>{parameter}'
        f"<ac:plain-text-body><![CDATA[{cdata}]]></ac:plain-text-body></ac:structured-macro>"
    )


def _inline(content: Iterable[Node]) -> str:
    """A line; marks that go on over several texts are one element."""
    parts: list[str] = []
    around: list[Node] = []
    for node in content:
        marks = sorted(node.get("marks", ()), key=lambda mark: MARKS.index(mark["type"]))
        same = shared(around, marks)
        parts += [f"</{_tag(mark)}>" for mark in reversed(around[same:])]
        parts += [_opening(mark) for mark in marks[same:]]
        around = marks
        parts.append(_atom(node))
    return "".join([*parts, *(f"</{_tag(mark)}>" for mark in reversed(around))])


def _atom(node: Node) -> str:
    if node["type"] == "text":
        return escape(node["text"], quote=False)
    if node["type"] == "hardBreak":
        return "<br />"
    if node["type"] == "mention":
        account = escape(node["attrs"]["id"])
        return f'<ac:link><ri:user ri:account-id="{account}" /></ac:link>'
    return str(node["attrs"]["storage"])


def _tag(mark: Node) -> str:
    return "a" if mark["type"] == "link" else _TAG_OF[mark["type"]]


def _opening(mark: Node) -> str:
    said = mark.get("attrs", {}).items()
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in said)
    return f"<{_tag(mark)}{attributes}>"
