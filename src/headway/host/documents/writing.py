"""From document to text, so that the text reads back as the document, whatever that holds.

Each piece is written, read again, and compared.  What does not come back as it
was is named instead, as ``{{table 1}}``, and kept beside the text: nothing that
the text can not show is lost by editing the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from headway.host.documents import nodes
from headway.host.documents.nodes import MARKS, Node, content_of, normal, paragraph, shared
from headway.host.documents.reading import ACCOUNT, EMPTY, read, read_plain

__all__ = ["Written", "write", "write_plain"]

DEPTH_MAX = 10
"""Levels of lists and quotes that are written; what is deeper is kept as a whole."""

EXCERPT_MAX = 30  # characters of what is kept, to tell one from another

_SPECIAL = re.compile(r"([\\`*_\[\]<>&~{}#|!])")
_NUMBER = re.compile(r"^([ \t]*[0-9]{1,9})([.)])")
_SIGN = re.compile(r"^([ \t]*)([-+=])")
_DELIMITERS = {"strike": "~~", "strong": "**", "em": "*"}
_NO_BRACES = str.maketrans("{}", "()")


class Written(NamedTuple):
    """A text, and the nodes that it names by their number, from 1 on."""

    text: str
    kept: tuple[Node, ...] = ()


def write(document: Node) -> Written:
    """*document* as text; what is no document at all is kept as a whole.

    >>> write(read("- **one**"))
    Written(text='- **one**', kept=())
    """
    writer = _Writer()
    try:
        written = Written("\n".join(writer.blocks(content_of(document), 0)), tuple(writer.kept))
        if _same(read(written.text, written.kept)["content"], content_of(document)):
            return written
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        pass  # nobody could have made it by writing one
    return Written("{{document 1}}", (document,))


def write_plain(value: str) -> Written:
    r"""Plain text, so that :func:`read_plain` gives it back.

    >>> write_plain("2 * 3 * 4").text, write_plain("- a").text
    ('2 * 3 * 4', '\\- a')
    """
    lines = value.split("\n")
    escaped = [_careful(_escaped(line)) for line in lines]
    needed = [
        line if read_plain(line) == line else safe
        for line, safe in zip(lines, escaped, strict=True)
    ]
    for candidate in (value, "\n".join(needed), "\n".join(escaped)):
        if read_plain(candidate) == value:
            return Written(candidate)
    return Written("{{text 1}}", (paragraph([nodes.text(value)]),))


def _same(one: Iterable[Node], other: Iterable[Node]) -> bool:
    return [normal(node) for node in one] == [normal(node) for node in other]


class _Writer:
    """Writes blocks as lines; keeps what can not be written."""

    def __init__(self) -> None:
        self.kept: list[Node] = []

    def blocks(self, content: Sequence[Node], depth: int) -> list[str]:
        """The lines of blocks that follow one another."""
        lines: list[str] = []
        mark = ""
        for node in content:
            if lines:
                lines.append("")
            # Two lists beside one another are told apart by the sign that they count with.
            signs = {"bulletList": "-*", "orderedList": ".)"}.get(str(node.get("type")), "")
            mark = signs and signs[mark == signs[0]]
            lines += self._block(node, mark, depth)
        return lines

    def _block(self, node: Node, mark: str, depth: int) -> list[str]:
        count = len(self.kept)
        lines = self._tried(node, mark, depth) if depth <= DEPTH_MAX else None
        if lines is None or not self._reads_back(lines, node):
            del self.kept[count:]
            return [self._keep(node)]
        return lines

    def _reads_back(self, lines: list[str], node: Node) -> bool:
        return _same(read("\n".join(lines), self.kept)["content"], [node])

    def _tried(self, node: Node, mark: str, depth: int) -> list[str] | None:
        """The lines of a block, if it is of a kind that the text form has."""
        content, attrs = content_of(node), node.get("attrs", {})
        match node.get("type"):
            case "paragraph":
                return self._paragraph(node, "")
            case "heading":
                return self._paragraph(node, "#" * attrs["level"] + " ")
            case "bulletList":
                return self._list(content, [mark] * len(content), depth)
            case "orderedList":
                first = attrs.get("order", 1)
                return self._list(
                    content, [f"{first + at}{mark}" for at in range(len(content))], depth
                )
            case "blockquote":
                return [f"> {line}".rstrip() for line in self.blocks(content, depth + 1)]
            case "codeBlock":
                return _fenced(str(attrs.get("language", "")), content)
            case "rule":
                return ["---"]
        return None

    def _list(self, items: Sequence[Node], marks: Sequence[str], depth: int) -> list[str]:
        lines: list[str] = []
        for item, mark in zip(items, marks, strict=True):
            first, *more = self.blocks(content_of(item), depth + 1) or [""]
            lines.append(f"{mark} {first}".rstrip(" "))
            lines += [" " * (len(mark) + 1) + line if line else "" for line in more]
        return lines

    def _paragraph(self, node: Node, lead: str) -> list[str] | None:
        """A line of text: as it stands if that reads back, else with every sign escaped."""
        count = len(self.kept)
        for is_careful in (False, True):
            del self.kept[count:]
            line = self._line(content_of(node), is_careful)
            lines = (lead + (line or ("" if lead else EMPTY))).split("\n")
            if self._reads_back(lines, node):
                return lines
        return None

    # ---- in a line --------------------------------------------------------------------------

    def _line(self, content: Sequence[Node], is_careful: bool) -> str:
        parts: list[str] = []
        around: list[Node] = []
        for node in normal(paragraph(content))["content"]:
            marks = [m for m in node.get("marks", ()) if m["type"] != "code"] * _is_known(node)
            same = shared(around, marks)
            parts += [_closing(mark) for mark in reversed(around[same:])]
            parts += [_opening(mark) for mark in marks[same:]]
            around = marks
            parts.append(self._inline(node, is_careful))
        parts += [_closing(mark) for mark in reversed(around)]
        line = "".join(parts)
        return "\n".join(map(_careful, line.split("\n"))) if is_careful else line

    def _inline(self, node: Node, is_careful: bool) -> str:
        if not _is_known(node):
            return self._keep(node)
        if node["type"] == "hardBreak":
            return "\\\n" if is_careful else "\n"
        if node["type"] == "mention":
            name, account = node["attrs"]["text"], node["attrs"]["id"]
            leads = _closing({"type": "link", "attrs": {"href": f"{ACCOUNT}{account}"}})
            return f"[{_escaped(name) if is_careful else name}{leads}"
        if any(mark["type"] == "code" for mark in node.get("marks", ())):
            return _code_span(node["text"])
        return _escaped(node["text"]) if is_careful else str(node["text"])

    def _keep(self, node: Node) -> str:
        """The name of a node that is kept, with a little of what it says."""
        self.kept.append(node)
        name = re.sub(r"[^A-Za-z-]", "", _kind(node)).lstrip("-")[:40] or "node"
        words = " ".join(" ".join(_words(node, 0)).translate(_NO_BRACES).split())
        told = words if len(words) <= EXCERPT_MAX else f"{words[:EXCERPT_MAX].rstrip()}…"
        return f"{{{{{name} {len(self.kept)}{': ' if told else ''}{told}}}}}"


def _is_known(node: Node) -> bool:
    """Whether the text form has this node of a line, with all that it says."""
    match node.get("type"):
        case "text":
            return node.keys() <= {"type", "text", "marks"} and all(
                map(_is_mark, node.get("marks", ()))
            )
        case "mention":
            return node.keys() == {"type", "attrs"} and node["attrs"].keys() == {"id", "text"}
        case "hardBreak":
            return node.keys() == {"type"}
    return False


def _is_mark(mark: Node) -> bool:
    attrs = mark.get("attrs", {}).keys() if mark.get("type") == "link" else {"type"} & mark.keys()
    return mark.get("type") in MARKS and (
        {"href"} <= attrs <= {"href", "title"} or mark.keys() == {"type"}
    )


def _opening(mark: Node) -> str:
    return "[" if mark["type"] == "link" else _DELIMITERS[mark["type"]]


def _closing(mark: Node) -> str:
    if mark["type"] != "link":
        return _DELIMITERS[mark["type"]]
    href, title = mark["attrs"]["href"], mark["attrs"].get("title", "")
    plain = href and not re.search(r"[\s<>()\\]", href)
    bracketed = re.sub(r"([<>\\])", r"\\\1", href)
    target = href if plain else f"<{bracketed}>"
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    return f']({target} "{quoted}")' if title else f"]({target})"


def _code_span(value: str) -> str:
    longest = max(map(len, re.findall("`+", value)), default=0)
    ticks = "`" * (longest + 1)
    room = " " * (value[:1] in ("`", " ") or value[-1:] in ("`", " "))
    return f"{ticks}{room}{value}{room}{ticks}"


def _fenced(language: str, content: Sequence[Node]) -> list[str]:
    value = "".join(str(node.get("text", "")) for node in content)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", value)), default=0))
    return [fence + language, *(value.split("\n") if value else []), fence]


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", value)


def _careful(line: str) -> str:
    """A line that begins no list and no rule, with the spaces at its ends."""
    line = _SIGN.sub(r"\1\\\2", _NUMBER.sub(r"\1\\\2", line))
    core = line.strip(" \t")
    at = line.find(core) if core else len(line)
    return _spelled(line[:at]) + core + _spelled(line[at + len(core) :])


def _spelled(spaces: str) -> str:
    return spaces.replace(" ", "&#32;").replace("\t", "&#9;")


def _kind(node: Mapping[str, Any]) -> str:
    """What a node is, for people: a text by the mark that the text form has not."""
    if "storage" in node.get("attrs", {}):
        return str(node["attrs"]["title"])
    marks = [str(m["type"]) for m in node.get("marks", ()) if m.get("type") not in MARKS]
    return marks[0] if marks else str(node.get("type"))


def _words(node: Mapping[str, Any], depth: int) -> Iterable[str]:
    """What a node says, as far as that can be told in a line."""
    attrs = node.get("attrs", {})
    names = ("text",) if "storage" in attrs else ("text", "title", "url")
    for value in (node.get("text"), *(attrs.get(name) for name in names)):
        if isinstance(value, str):
            yield value
    if depth < DEPTH_MAX:
        for inner in content_of(node):
            yield from _words(inner, depth + 1)
