"""A file of Python as LibCST reads it: what stands where, what is in what, what a name is.

LibCST gives each node its place; edits are made of places, so that what is not edited stays byte by
byte.  Nothing is imported or run.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import TypeVar, cast

import libcst as cst
from libcst.metadata import (
    CodeRange,
    MetadataWrapper,
    PositionProvider,
    Scope,
    ScopeProvider,
)

__all__ = ["Source", "Unfixable", "check_source"]

SOURCE_MAX = 300_000
"""The longest file that is mended, in characters."""

DEPTH_MAX = 90
"""How deep a tree may be: LibCST walks it by functions that call themselves."""


Places = Mapping[cst.CSTNode, CodeRange]
Node = TypeVar("Node", bound=cst.CSTNode)


class Unfixable(Exception):
    """A person has to mend it; the text says why."""


class Source:
    """One file.  Raises Unfixable for what is no Python, or too long or deep a file of it."""

    def __init__(self, text: str) -> None:
        check_source(text)
        try:
            module = cst.parse_module(text)
            wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
            found = wrapper.resolve_many([PositionProvider, ScopeProvider])
        except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError):
            raise Unfixable("LibCST can not read this file") from None
        self.text = text
        self.module = module
        self._positions = cast("Places", found[PositionProvider])
        self._scopes = cast("Mapping[cst.CSTNode, Scope | None]", found[ScopeProvider])
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self._by_kind: dict[type[cst.CSTNode], list[cst.CSTNode]] = {}
        for node in self.walk(module):
            self._by_kind.setdefault(type(node), []).append(node)
            for child in node.children:
                self._parents[child] = node
        self._starts = [0, *(each.end() for each in re.finditer(r"\r\n?|\n", text))]
        self._by_start: dict[int, list[cst.CSTNode]] = {}
        for kind in (cst.SimpleString, cst.FormattedString, cst.Name):
            for node in self.all(kind):
                self._by_start.setdefault(self.span(node)[0], []).append(node)

    def offset(self, line: int, column: int) -> int:
        """The character at *line* (from 1) and *column* (from 0)."""
        return self._starts[line - 1] + column

    def line(self, at: int) -> int:
        """The line (from 1) of the character *at*."""
        return bisect_right(self._starts, at)

    def all(self, kind: type[Node]) -> list[Node]:
        """All nodes of a kind, in the order of the text."""
        return cast("list[Node]", self._by_kind.get(kind, []))

    def at(self, start: int) -> cst.CSTNode | None:
        """The string or name that starts there."""
        found = self._by_start.get(start, [])
        return found[0] if found else None

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """From where to where it stands, without brackets around it."""
        return self._characters(self._positions[node])

    def outer(self, node: cst.CSTNode) -> tuple[int, int]:
        """The same of an expression, with the brackets around it."""
        start, end = self.span(node)
        if isinstance(node, cst.BaseExpression) and node.lpar:
            return self.span(node.lpar[0])[0], self.span(node.rpar[-1])[1]
        return start, end

    def _characters(self, found: CodeRange) -> tuple[int, int]:
        start, end = found.start, found.end
        return self.offset(start.line, start.column), self.offset(end.line, end.column)

    def code(self, node: cst.CSTNode) -> str:
        """An expression as it is written, with the brackets around it."""
        start, end = self.outer(node)
        return self.text[start:end]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        """What *node* stands in; the module stands in itself."""
        return self._parents.get(node, self.module)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Its parent, that one's, and so on, up to the module."""
        at = node
        while at is not self.module:
            at = self.parent(at)
            yield at

    def statement(self, node: cst.CSTNode) -> cst.BaseStatement:
        """The statement that *node* is in: a line, or what has a suite of its own."""
        for each in (node, *self.ancestors(node)):
            if isinstance(each, cst.BaseStatement):
                return each
        raise Unfixable("it is in no statement")

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | cst.Module:
        """The function that *node* is in, else the module."""
        for each in self.ancestors(node):
            if isinstance(each, cst.FunctionDef):
                return each
        return self.module

    def owner(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The class that *node* is in."""
        return next((each for each in self.ancestors(node) if isinstance(each, cst.ClassDef)), None)

    def scope(self, node: cst.CSTNode) -> Scope | None:
        """Where names that stand there mean something."""
        for each in (node, *self.ancestors(node)):
            found = self._scopes.get(each)
            if found is not None:
                return found
        return None

    def qualified(self, node: cst.CSTNode) -> str:
        """``requests.get`` for what is called or named; "" where it has no one name."""
        scope = self.scope(node)
        if scope is None:
            return ""
        found = {each.name for each in scope.get_qualified_names_for(node)}
        return found.pop() if len(found) == 1 else ""

    def names(self) -> set[str]:
        """All names that mean something in this file; members of others are none."""
        return {each.value for each in self.all(cst.Name) if not self._is_member(each)}

    def _is_member(self, name: cst.Name) -> bool:
        parent = self.parent(name)
        return isinstance(parent, cst.Attribute) and parent.attr is name

    def walk(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """*node* and all that is in it, in the order of the text."""
        left = [node]
        while left:
            at = left.pop()
            yield at
            left.extend(reversed(at.children))

    def indent_of(self, node: cst.CSTNode) -> str:
        """White space before the line on which the statement around *node* starts."""
        start = self.span(self.statement(node))[0]
        return self.indent_at(start)

    def indent_at(self, at: int) -> str:
        """White space with which the line of the character *at* starts."""
        line = self.text[self._starts[self.line(at) - 1] :]
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    def line_start(self, at: int) -> int:
        """Where the line of the character *at* starts."""
        return self._starts[self.line(at) - 1]

    @property
    def newline(self) -> str:
        """What ends a line of this file."""
        found = re.search(r"\r\n?|\n", self.text)
        return found[0] if found else "\n"


def check_source(text: str) -> None:
    """Raises Unfixable where Python does not read *text*, or LibCST could not walk its tree."""
    if len(text) > SOURCE_MAX:
        raise Unfixable(f"the file has more than {SOURCE_MAX} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Unfixable("this Python can not read the file") from None
    left: list[tuple[ast.AST, int]] = [(tree, 0)]
    while left:
        node, depth = left.pop()
        if isinstance(node, ast.BoolOp):
            depth += len(node.values)
        if depth > DEPTH_MAX:
            raise Unfixable("the file is nested too deeply")
        left.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
