"""YAML and JSON as trees with places, so that a value can be replaced where it stands.

Safe by what it is: nothing is constructed but these nodes, and an alias is the node that
it names, not a copy (T39).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from headway.scan.proxy.edits import Edit, Source
from headway.scan.proxy.files import Unclear

__all__ = ["NODES_MAX", "Tree", "read_trees"]

NODES_MAX = 200_000
_MERGES_MAX = 10
_NESTED_MAX = 100
_NOTHING = ("", "null", "~")  # a document of comments alone
_BRACKETS = re.compile(r"[\[\]{}]")


class Tree:
    """A mapping, a list or a scalar, from *start* to *end* of its source."""

    def __init__(self, source: Source, node: Any, key: Tree | None = None) -> None:
        self.source, self._node, self.key = source, node, key
        self.start: int = node.start_mark.index
        self.end: int = node.end_mark.index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and other._node is self._node

    def __hash__(self) -> int:
        return id(self._node)

    @property
    def is_map(self) -> bool:
        """Whether it has names."""
        return str(self._node.id) == "mapping"

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return str(self._node.id) == "sequence"

    @property
    def text(self) -> str:
        """The text of a scalar; "" for anything else."""
        return "" if self.is_map or self.is_list else str(self._node.value)

    @property
    def flow(self) -> bool:
        """Whether it is written with brackets, as in JSON."""
        return bool(self._node.flow_style)

    @property
    def style(self) -> str:
        """How a scalar is quoted: a quote, ``|``, ``>`` or ""."""
        return str(getattr(self._node, "style", None) or "")

    @property
    def column(self) -> int:
        """Where it starts in its line, from 0."""
        return int(self._node.start_mark.column)

    def items(self) -> Iterator[tuple[str, Tree]]:
        """Names and values of a mapping, with those that it merges (``<<``)."""
        waiting, merged = [self], 0
        while waiting:
            each = waiting.pop()
            for key, value in each._node.value if each.is_map else ():
                name = str(key.value)
                tree = Tree(self.source, value, Tree(self.source, key))
                if name == "<<" and merged < _MERGES_MAX:
                    merged += 1
                    waiting += tree.elements() if tree.is_list else [tree]
                else:
                    yield name, tree

    def elements(self) -> list[Tree]:
        """What is in a list."""
        return [Tree(self.source, each) for each in self._node.value] if self.is_list else []

    def get(self, *names: str) -> Tree | None:
        """What stands under *names*, one below the other, in any case; None where nothing does."""
        at: Tree | None = self
        for name in names:
            if at is None:
                return None
            wanted = name.lower()
            at = next((value for key, value in at.items() if key.lower() == wanted), None)
        return at

    def texts(self, *names: str) -> list[str]:
        """The scalars of the list under *names*, or the one that stands there."""
        found = self.get(*names)
        if found is None:
            return []
        return [each.text for each in found.elements()] if found.is_list else [found.text]

    def below(self) -> Iterator[Tree]:
        """This and all that is in it, each once."""
        seen: set[Tree] = set()
        waiting = [self]
        while waiting and len(seen) < NODES_MAX:
            each = waiting.pop()
            if each in seen:
                continue
            seen.add(each)
            yield each
            waiting += each.elements()[::-1] or [value for _, value in each.items()][::-1]

    def prepended(self, yaml: str, json: str) -> Edit:
        """What adds a first member to this mapping: lines of *yaml*, or *json* between brackets."""
        if self.flow or not self._node.value:
            last = "," if self._node.value else ""
            at = self.start + 1
            return Edit(self.source, at, at, f"{json}{last} " if last else json)
        first = Tree(self.source, self._node.value[0][0])
        indent = f"\n{' ' * first.column}"
        text = "".join(f"{line}{indent}" for line in yaml.splitlines())
        return Edit(self.source, first.start, first.start, text)


def read_trees(source: Source) -> list[Tree]:
    """The documents in *source*.  Raises Unclear where it is neither YAML nor JSON, or no names."""
    text = source.text.replace("\t", " ") if source.text.lstrip()[:1] == "{" else source.text
    depth = 0
    for mark in _BRACKETS.finditer(text):
        depth += 1 if mark[0] in "[{" else -1
        if depth > _NESTED_MAX:
            raise Unclear("is nested too deeply", source.position(mark.start())[0])
    try:
        documents = list(YAML(typ="safe", pure=True).compose_all(StringIO(text)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(str(error.problem or "is no YAML").split())[:100]
        raise Unclear(why, mark.line + 1 if mark else None) from None
    except (YAMLError, ValueError, AssertionError) as error:
        raise Unclear(f"is no YAML ({type(error).__name__})") from None
    trees = [Tree(source, each) for each in documents if each is not None]
    for tree in trees:
        if not (tree.is_map or tree.is_list or tree.text in _NOTHING):
            raise Unclear("has no names with values", source.position(tree.start)[0])
    return trees
