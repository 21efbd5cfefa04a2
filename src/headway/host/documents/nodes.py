"""The nodes of a document, and when two documents say the same.

The nodes are those of the Atlassian Document Format ("Document structure").
What a document says does not depend on how its texts are cut into pieces, nor
on whether the space beside a bold word is bold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

__all__ = [
    "DOCUMENT",
    "INLINE",
    "MARKS",
    "Node",
    "content_of",
    "normal",
    "paragraph",
    "shared",
    "text",
]

Node: TypeAlias = dict[str, Any]

MARKS = ("link", "strike", "strong", "em", "code")
"""The marks that the text form has, the outermost first."""

INLINE = frozenset(
    {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "placeholder"}
    | {"inlineExtension", "mediaInline"}
)
"""What stands in a line of text; anything else is a block of its own."""

_SPREADING = frozenset({"strike", "strong", "em"})
"""The marks that a space beside them may as well not have."""


def DOCUMENT(content: Sequence[Node]) -> Node:  # noqa: N802 - as the node is called
    """A whole document."""
    return {"version": 1, "type": "doc", "content": list(content)}


def text(value: str, marks: Iterable[Node] = ()) -> Node:
    """A piece of text."""
    found = list(marks)
    return {"type": "text", "text": value, **({"marks": found} if found else {})}


def paragraph(content: Iterable[Node] = ()) -> Node:
    """A paragraph."""
    return {"type": "paragraph", "content": list(content)}


def content_of(node: Mapping[str, Any]) -> list[Node]:
    """The nodes inside of one; raises ValueError where they are none."""
    content = node.get("content") or []
    if not isinstance(content, list) or not all(isinstance(inner, dict) for inner in content):
        raise ValueError("a document's content is a list of nodes")
    return content


def normal(node: Node) -> Node:
    """*node* in the one form that all that say the same have.

    >>> pieces = paragraph([text("a"), text("b ", [{"type": "strong"}]), text("c")])
    >>> [piece["text"] for piece in normal(pieces)["content"]]
    ['a', 'b', ' c']
    """
    made = {name: value for name, value in node.items() if name not in ("content", "marks")}
    marks = _marks(node)
    if marks:
        made["marks"] = sorted(marks, key=_rank)
    content = [normal(inner) for inner in content_of(node)]
    if node.get("type") in ("paragraph", "heading") or content:
        around = [{}, *content, {}]
        made["content"] = _joined(
            piece
            for before, inner, after in zip(around, content, around[2:], strict=False)
            for piece in _trimmed(inner, before, after)
        )
    return made


def _marks(node: Mapping[str, Any]) -> list[Node]:
    marks = node.get("marks") or []
    return marks if isinstance(marks, list) else [{"type": "?", "attrs": marks}]


def _rank(mark: Any) -> tuple[int, bytes]:
    kind = mark.get("type") if isinstance(mark, dict) else None
    place = MARKS.index(kind) if kind in MARKS else len(MARKS)
    return place, msgspec.json.encode(mark, order="sorted")


def _trimmed(node: Node, before: Node, after: Node) -> Iterable[Node]:
    """A text, whose outer spaces have no mark that shows nothing on them.

    A space between two words of the same mark has it too.
    """
    marks, value = node.get("marks", []), node.get("text")
    if node.get("type") != "text" or not isinstance(value, str):
        yield node
        return
    core = value.strip(" ")
    at = value.find(core) if core else len(value)
    for part, beside in ((value[:at], before), (core, node), (value[at + len(core) :], after)):
        its = [m for m in marks if m.get("type") not in _SPREADING or m in _marks(beside)]
        if part:
            yield {**text(part, its), **_others(node)}


def _others(node: Node) -> Node:
    return {name: value for name, value in node.items() if name not in ("type", "text", "marks")}


def _joined(nodes: Iterable[Node]) -> list[Node]:
    """Texts that follow one another with the same marks are one."""
    joined: list[Node] = []
    for node in nodes:
        last = joined[-1] if joined else None
        if last and _plain(last) and _plain(node) and last.get("marks") == node.get("marks"):
            joined[-1] = {**last, "text": last["text"] + node["text"]}
        elif not (_plain(node) and not node["text"]):
            joined.append(node)
    return joined


def _plain(node: Node) -> bool:
    return (
        node.get("type") == "text"
        and node.keys() <= {"type", "text", "marks"}
        and isinstance(node.get("text"), str)
    )


def shared(one: Sequence[Node], other: Sequence[Node]) -> int:
    """How many of the outer marks of two texts are the same."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
