"""One file of code: every place where a token's name stands, and what the rules say of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from ast_grep_py import SgNode, SgRoot

from headway.scan.code.builders import in_argument, in_declaration, in_subscript
from headway.scan.code.constants import constants_in
from headway.scan.code.languages import HOLES, LANGUAGES, STRINGS, Language
from headway.scan.code.logged import logged_addresses, logged_requests, logger_around
from headway.scan.code.maps import in_pair
from headway.scan.code.markup import attributes_that_send, bound_expressions, php_and_page, scripts
from headway.scan.code.names import NAME, WORDS, is_host_target, is_name
from headway.scan.code.openapi import is_openapi, takes_token_in_query
from headway.scan.code.reading import reads_token
from headway.scan.code.texts import Sent, sent_by_format, sent_by_text
from headway.scan.code.tree import ancestors, literal, near_text, scope_text

__all__ = ["Seen", "look"]

SENDS, LOGS, READS = "sends-token-in-url", "logs-token-in-url", "reads-token-from-url"
TAKES = "takes-token-in-query"

_COMMENTS = frozenset({"comment", "line_comment", "block_comment", "multiline_comment"})
_OWNERS_MAX = 4_000  # characters of a node above which a name is no part of its text


class Seen(NamedTuple):
    """What was seen in a file: the rule, where (from 1), the parameter, whether a host gets it."""

    rule: str
    line: int
    column: int
    end_line: int
    end_column: int
    name: str
    to_host: bool
    text: str  # the line as it stands


def look(source: str, language: Language, imported: Mapping[str, str] | None = None) -> list[Seen]:
    """What *source* does with tokens and URLs; *imported* are constants of other files.

    >>> from headway.scan.code.languages import LANGUAGES
    >>> [s.rule for s in look('get(base + "?jwt=" + token)', LANGUAGES["python"])]
    ['sends-token-in-url']
    """
    if language.name == "openapi":
        return [*_openapi(source)]
    if language.name in ("html", "vue"):
        return sorted(_page(source, language), key=lambda seen: (seen.line, seen.rule))
    if language.name == "php" and not _ALL_PHP.match(source):
        code, page = php_and_page(source)
        seen = {(each.rule, each.line): each for each in _page(page, LANGUAGES["html"])}
        seen |= {(each.rule, each.line): each for each in _code(code, language, imported or {})}
        return sorted(seen.values(), key=lambda each: (each.line, each.rule))
    return _code(source, language, imported or {})


_ALL_PHP = re.compile(r"(?s)\A\s*<\?php\b(?!.*\?>\s*\S)")


def _openapi(source: str) -> Iterator[Seen]:
    if is_openapi(source):
        lines = source.split("\n")
        for line, name in takes_token_in_query(source):
            text = lines[line - 1]
            column = len(text) - len(text.lstrip()) + 1
            yield Seen(
                TAKES, line, column, line, len(text) + 1, name, to_host=False, text=text.strip()
            )


def _page(source: str, language: Language) -> Iterator[Seen]:
    """A page: its attributes, and its scripts as what they are written in."""
    lines = source.split("\n")
    for at, name, to_host in attributes_that_send(source):
        line, column = _line_of(source, at)
        text = lines[line - 1].strip()
        yield Seen(SENDS, line, column, line, column + len(name), name, to_host, text)
    cuts = [*scripts(source)]
    if language.name == "vue":
        cuts += bound_expressions(source)
    for cut in cuts:
        before, _ = _line_of(source, cut.start)
        inner = LANGUAGES[
            "typescript" if cut.typescript or language.name == "vue" else "javascript"
        ]
        for seen in _code(cut.text, inner, {}):
            at = before + seen.line - 1
            yield seen._replace(
                line=at, end_line=before + seen.end_line - 1, text=lines[at - 1].strip()
            )


def _line_of(source: str, at: int) -> tuple[int, int]:
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)


def _code(source: str, language: Language, imported: Mapping[str, str]) -> list[Seen]:
    constants = {**imported, **constants_in(source)}
    root = SgRoot(source, language.parser).root()
    tree = _Tree(root)
    found: dict[tuple[str, int], Seen] = {}
    lines = source.split("\n")
    addresses: list[SgNode] = []
    is_read = False
    for place in _places(source, constants):
        node = tree.at(place)
        owner = _owner(node, constants)
        if owner is None:
            continue
        for sent in _sent(owner, node, constants, source):
            rule = LOGS if logger_around(sent.node) is not None else SENDS
            _keep(found, rule, sent, lines)
            if rule == SENDS:
                addresses.append(sent.node)
        read = reads_token(owner, source, language.name, constants)
        is_read = is_read or read is not None
        if read:
            _keep(found, READS, Sent(owner, owner.text().strip("\"'`:"), to_host=False), lines)
    logged = [*logged_addresses(source, addresses, tree.at)] if addresses else []
    logged += logged_requests(source, tree.at) if is_read else ()
    for node in logged:
        _keep(found, LOGS, Sent(node, "", to_host=False), lines)
    return sorted(found.values(), key=lambda seen: (seen.line, seen.rule))


class _Branch:
    """A node, and its children once they were asked for.

    Where a node stands takes the engine as long as its line is, so few are asked.
    """

    __slots__ = ("_below", "_span", "node")

    def __init__(self, node: SgNode) -> None:
        self.node = node
        self._below: list[_Branch] | None = None
        self._span: tuple[int, int] | None = None

    @property
    def span(self) -> tuple[int, int]:
        """Its start and its end."""
        if self._span is None:
            span = self.node.range()
            self._span = (span.start.index, span.end.index)
        return self._span

    def below(self, index: int) -> _Branch | None:
        """The child that covers *index*."""
        if self._below is None:
            self._below = [_Branch(child) for child in self.node.children()]
        at = bisect_right(self._below, index, key=lambda branch: branch.span[0])
        for branch in islice(reversed(self._below), len(self._below) - at, None):
            start, end = branch.span
            if index < end:
                return branch
            if start < end:
                return None
        return None


class _Tree:
    """Finds the node at a place."""

    def __init__(self, root: SgNode) -> None:
        self._root = _Branch(root)

    def at(self, index: int) -> SgNode:
        """The innermost node that covers *index*."""
        branch = self._root
        while (below := branch.below(index)) is not None:
            branch = below
        return branch.node


def _places(source: str, constants: Mapping[str, str]) -> Iterator[int]:
    """Where names stand, and names for names."""
    for found in NAME.finditer(source):
        yield found.start()
    if constants:
        words = "|".join(sorted(map(re.escape, constants), key=len, reverse=True))
        for found in re.finditer(rf"(?<![A-Za-z0-9_])(?:{words})(?![A-Za-z0-9_])", source):
            if not NAME.match(source, found.start()):
                yield found.start()


def _owner(node: SgNode, constants: Mapping[str, str]) -> SgNode | None:
    """The string that *node* is a part of, else *node*; None in a comment."""
    for each in (node, *ancestors(node)):
        kind = each.kind()
        if kind in _COMMENTS:
            return None
        if kind in HOLES and node.text().strip("$") not in constants:
            return node
        if kind in STRINGS and kind not in ("string_content", "raw_text", "text"):
            return each
        if len(each.text()) > _OWNERS_MAX:
            break
    return node


def _sent(owner: SgNode, node: SgNode, constants: Mapping[str, str], source: str) -> Iterator[Sent]:
    if owner.kind() in STRINGS:
        text = literal(owner)
        if text is None or not is_name(text):
            yield from sent_by_text(owner, constants)
            return
        by_name = [*_sent_by_name(owner, constants, source)]
        yield from by_name or sent_by_format(owner, constants)
    elif is_name(node.text().strip("$:")) or node.text() in constants:
        by_name = [*_sent_by_name(node, constants, source)]
        if by_name or node.text() not in constants:
            yield from by_name
        else:
            by_text = [*sent_by_text(node, constants)]
            yield from by_text or sent_by_format(node, constants)


def _sent_by_name(node: SgNode, constants: Mapping[str, str], source: str) -> Iterator[Sent]:
    """The map, call or member that *node*, a token's name, stands in, where it sends one."""
    found = (
        in_pair(node, source)
        or in_argument(node, source)
        or in_subscript(node, source)
        or in_declaration(node)
    )
    if found and not _is_word_of_something_else(node, source) and not _is_packed(node, source):
        name = literal(node) or constants.get(node.text().strip("$[]"), node.text())
        yield Sent(node, name, is_host_target(near_text(node)))


def _is_packed(node: SgNode, source: str) -> bool:
    """Whether *node* is a word in a line that a machine has packed: nothing has a name there."""
    if node.text().strip("\"'`:$").lower() not in WORDS:
        return False
    at = node.range().start.index
    return "\n" not in source[max(0, at - _PACKED) : at + _PACKED] and len(source) > _PACKED


_PACKED = 2_000  # characters
_REQUESTS = re.compile(
    r"(?i)\bur[li]|http|fetch|request|href|endpoint|\bapi\b|socket|client|redirect|curl|urlencode|_ur[li]\b|"
    r"[a-z]Ur[li]\b|axios|feed|session\.get|query_string|getJSON"
)


def _is_word_of_something_else(node: SgNode, source: str) -> bool:
    """Whether *node* is ``token`` where nothing asks another server anything: a lexer's, say."""
    if node.text().strip("\"'`:$").lower() not in WORDS:
        return False
    return not _REQUESTS.search(scope_text(node)) and not _ASKS.search(source)


_ASKS = re.compile(
    r"(?i)https?://|\bfetch\(|axios|requests\.|httpx|\bcurl_|urlopen|HttpClient|RestTemplate|"
    r"WebClient|Guzzle|Faraday|Net::HTTP|okhttp|retrofit|\bhttp\.(?:get|new)|RestClient|\$http\b|"
    r"jQuery\.|\$\.(?:get|ajax)"
)


def _keep(found: dict[tuple[str, int], Seen], rule: str, sent: Sent, lines: list[str]) -> None:
    span = sent.node.range()
    line = span.start.line + 1
    text = lines[line - 1] if line <= len(lines) else ""
    seen = Seen(
        rule, line, span.start.column + 1, span.end.line + 1, span.end.column + 1,
        sent.name, sent.to_host, text.strip(),
    )  # fmt: skip
    found.setdefault((rule, line), seen)
