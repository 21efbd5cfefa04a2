"""From text to document: CommonMark, as far as it says what a document can, and a few more marks.

A line in the source is a line in the document.  ``[@Name](account:id)`` is a
mention, ``{{table 1}}`` is what the text can not show, kept as it is.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from headway.host.documents.nodes import DOCUMENT, INLINE, Node, paragraph, text

__all__ = ["ACCOUNT", "EMPTY", "LEVELS_MAX", "named", "read", "read_plain"]

ACCOUNT = "account:"
"""How the target of a mention begins."""

EMPTY = "\\"
"""What stands alone where a paragraph is empty."""

LEVELS_MAX = 20
"""Levels of lists and quotes in one another."""

BRACKETS_MAX = 2_000
"""Opening brackets of one text: the parser looks from each for the one that closes it."""

_KEPT = re.compile(r"\{\{([A-Za-z][A-Za-z-]{0,39} (\d{1,4}))(?:: [^{}\n]*)?\}\}", re.ASCII)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ENTITY = re.compile(r"&(?:#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_MARKS = {"strong": "strong", "em": "em", "s": "strike"}


def _keep(state: StateInline, silent: bool) -> bool:
    """The rule for ``{{name 1}}``."""
    found = _KEPT.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        token = state.push("kept", "", 0)
        token.content, token.markup = found[2], f"{{{{{found[1]}}}}}"
    state.pos = found.end()
    return True


def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"maxNesting": 2 * LEVELS_MAX + 20})
    # HTML, pictures and definitions are text here; what is set in is not code.
    off = ["code", "html_block", "html_inline", "reference", "image", "lheading", "autolink"]
    made.disable(off)
    made.enable("strikethrough")
    made.inline.ruler.before("emphasis", "kept", _keep)
    # An address is kept as it was written; what is shown of it is cleaned there.
    made.normalizeLink = lambda url: url  # type: ignore[method-assign]
    made.validateLink = lambda url: True  # type: ignore[method-assign]
    return made


_PARSER = _parser()
logging.getLogger("markdown_it").setLevel(logging.WARNING)  # a line for each rule of each line


def read(source: str, kept: Sequence[Node] = ()) -> Node:
    """The document that *source* says; *kept* are the nodes that it names by their number.

    Raises ValueError for a number that there is not, and for what is nested too
    deeply.

    >>> read("**bold** word")["content"][0]["content"][0]
    {'type': 'text', 'text': 'bold', 'marks': [{'type': 'strong'}]}
    """
    if source.count("[") > BRACKETS_MAX:
        raise ValueError(f"The text has more than {BRACKETS_MAX} opening brackets.")
    tokens = _PARSER.parse(source)
    if any(token.level > 2 * LEVELS_MAX for token in tokens):
        raise ValueError(f"The text is nested more than {LEVELS_MAX} levels deep.")
    return DOCUMENT(_Reader(kept).blocks(tokens))


def read_plain(source: str) -> str | None:
    r"""The plain text that *source* is, if it has no marks at all, else None.

    >>> read_plain("one\n\ntwo"), read_plain("*one*")
    ('one\n\ntwo', None)
    """
    if source.count("[") > BRACKETS_MAX:
        return None
    for token in _PARSER.parse(source):
        if token.type not in ("paragraph_open", "inline", "paragraph_close"):
            return None
        children = token.children or []
        if any(child.type not in ("text", "softbreak") for child in children):
            return None
        if token.type == "inline" and token.content == EMPTY:
            return None
    return _unescaped(source)


def named(source: str) -> list[str]:
    """The names of what is kept, as they stand in *source*, without what is said of each.

    >>> named("{{table 1: a b}} and `{{emoji 2}}`")
    ['{{table 1}}']
    """
    tokens = _PARSER.parse(source) if source.count("[") <= BRACKETS_MAX else []
    every = [child for token in tokens for child in token.children or ()]
    return [token.markup for token in every if token.type == "kept"]


def _unescaped(source: str) -> str:
    out, at = [], 0
    for found in re.finditer(f"{_ESCAPE.pattern}|{_ENTITY.pattern}", source, re.IGNORECASE):
        out.append(source[at : found.start()])
        out.append(found[1] or html.unescape(found[0]))
        at = found.end()
    return "".join(out) + source[at:]


class _Reader:
    """Makes nodes of a parser's tokens."""

    def __init__(self, kept: Sequence[Node]) -> None:
        self._kept = kept

    def blocks(self, tokens: Sequence[Token]) -> list[Node]:
        """The blocks of a document."""
        root: Node = {"content": []}
        open_nodes = [root]
        for token in tokens:
            if token.nesting < 0:
                open_nodes.pop()
                continue
            made = self._block(token)
            open_nodes[-1]["content"].extend(made)
            if token.nesting > 0:
                open_nodes.append(made[0])
        return [_lifted(node) for node in root["content"]]

    def _block(self, token: Token) -> list[Node]:
        match token.type:
            case "inline":
                return [] if token.content == EMPTY else self._line(token.children or [])
            case "paragraph_open":
                return [paragraph()]
            case "heading_open":
                return [_node("heading", {"level": int(token.tag[1:])})]
            case "bullet_list_open":
                return [_node("bulletList")]
            case "ordered_list_open":
                start = token.attrs.get("start")
                return [_node("orderedList", {"order": int(start)} if start is not None else {})]
            case "list_item_open":
                return [_node("listItem")]
            case "blockquote_open":
                return [_node("blockquote")]
            case "fence":
                return [_code(token)]
            case _:  # a thematic break
                return [{"type": "rule"}]

    def _line(self, tokens: Sequence[Token]) -> list[Node]:
        """What stands in one paragraph or heading."""
        nodes: list[Node] = []
        marks: list[Node] = []
        for token in tokens:
            if token.nesting > 0:
                marks.append(_mark(token))
            elif token.nesting < 0:
                marks.pop()
            elif token.type == "kept":
                nodes.append(self._named(int(token.content)))
            elif token.type in ("softbreak", "hardbreak"):
                nodes.append({"type": "hardBreak"})
            elif token.content:
                code = [{"type": "code"}] * (token.type == "code_inline")
                nodes.append(_said(token.content, [*marks, *code]))
        return nodes

    def _named(self, number: int) -> Node:
        if not 1 <= number <= len(self._kept):
            raise ValueError(
                f"Nothing is kept here with the number {number}; write \\{{{{ for the sign itself."
            )
        return self._kept[number - 1]


def _node(kind: str, attrs: dict[str, Any] | None = None) -> Node:
    return {"type": kind, **({"attrs": attrs} if attrs else {}), "content": []}


def _code(token: Token) -> Node:
    """A block of code; the first word beside the fence is its language."""
    language = token.info.strip()
    value = token.content.removesuffix("\n")
    made = _node("codeBlock", {"language": language} if language else {})
    made["content"] = [text(value)] if value else []
    return made


def _mark(token: Token) -> Node:
    if token.type != "link_open":
        return {"type": _MARKS[token.tag]}
    attrs = {"href": str(token.attrs.get("href", ""))}
    if title := token.attrs.get("title"):
        attrs["title"] = str(title)
    return {"type": "link", "attrs": attrs}


def _said(value: str, marks: list[Node]) -> Node:
    """A text; one that leads to an account is a mention."""
    for mark in marks:
        href = mark.get("attrs", {}).get("href", "")
        if mark["type"] == "link" and href.startswith(ACCOUNT) and len(marks) == 1:
            attrs = {"id": href.removeprefix(ACCOUNT), "text": value}
            return {"type": "mention", "attrs": attrs}
    # A mark inside itself is one.
    return text(value, {mark["type"]: mark for mark in marks}.values())


def _lifted(node: Node) -> Node:
    """*node*, in which a paragraph that is nothing but a kept block is that block."""
    content = node.get("content")
    if content is None:
        return node
    if node.get("type") == "paragraph":
        only = content[0] if len(content) == 1 else None
        return only if only is not None and only.get("type") not in INLINE else node
    if node.get("type") in ("bulletList", "orderedList", "listItem", "blockquote"):
        return {**node, "content": [_lifted(inner) for inner in content]}
    return node
