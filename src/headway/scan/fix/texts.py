"""An address as code makes it: literals and what is put between, and a parameter cut out of it.

Joined by ``+``, written side by side, interpolated, formatted by ``%`` and by ``.format``: each is
read as pieces in their order, so that a parameter is found in one way, and goes with the code
that makes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from headway.scan.fix.arguments import Item, taken_out, taken_statement
from headway.scan.fix.edits import Edit
from headway.scan.fix.syntax import Source, Unfixable

__all__ = ["Cut", "Text", "whole_text"]

_HOLE = "\x00"
_PERCENT = re.compile(r"%(?:(?P<plain>%)|\((?P<name>\w+)\)s|(?P<next>[sdr])|(?P<other>))")
_BRACES = re.compile(r"(?P<plain>\{\{|\}\})|\{(?P<name>\w*)\}|(?P<other>[{}])")
_QUOTES = re.compile(r"(?:[^.]*\.)*(?:quote|quote_plus)\Z")


class _Hole(NamedTuple):
    """What is put in: the value, and where it stands in the text; ``at`` is its argument."""

    value: cst.BaseExpression
    start: int
    end: int
    node: cst.CSTNode
    at: Item | None = None


class Cut(NamedTuple):
    """A parameter out of a text.  ``whole``: nothing of it is left; then there are no edits."""

    value: cst.BaseExpression
    edits: tuple[Edit, ...]
    whole: bool


def _is_text(source: Source, node: cst.CSTNode) -> bool:
    """Whether *node* makes a text of pieces."""
    if isinstance(node, cst.SimpleString | cst.FormattedString | cst.ConcatenatedString):
        return True
    return _is_added(node) or _filling(source, node) is not None


def whole_text(source: Source, piece: cst.BaseExpression) -> cst.BaseExpression:
    """The largest text that *piece* is a piece of."""
    at = piece
    while True:
        parent = source.parent(at)
        if isinstance(parent, cst.Attribute | cst.FormattedStringExpression):
            parent = source.parent(parent)
        is_value = isinstance(parent, cst.BinaryOperation) and parent.right is at
        if is_value and not _is_added(parent):
            return at
        if not isinstance(parent, cst.BaseExpression) or not _is_text(source, parent):
            return at
        at = parent


class Text:
    """The pieces of *top*, a text.  Raises Unfixable for a form that is not known."""

    def __init__(self, source: Source, top: cst.BaseExpression) -> None:
        self._source, self._top = source, top
        self._marks: list[int | _Hole] = []  # of each character: where it stands, or what it is
        parts: list[str] = []
        for piece in self._pieces(top):
            if isinstance(piece, _Hole):
                parts.append(_HOLE)
                self._marks.append(piece)
            else:
                start, end = piece
                parts.append(source.text[start:end])
                self._marks += range(start, end)
        self._text = "".join(parts)
        self._gone: set[int] = set()  # characters of the file
        self._gone_holes: set[int] = set()  # starts of holes
        self._changed: list[Edit] = []

    # ---- reading ----

    def _pieces(self, node: cst.BaseExpression) -> Iterator[tuple[int, int] | _Hole]:
        filling = _filling(self._source, node)
        if filling is not None:
            yield from self._filled(node, filling)
        elif isinstance(node, cst.SimpleString):
            yield self._inside(node)
        elif isinstance(node, cst.FormattedString):
            for part in node.parts:
                start, end = self._source.span(part)
                if isinstance(part, cst.FormattedStringExpression):
                    yield _Hole(part.expression, start, end, part)
                else:
                    yield start, end
        elif isinstance(node, cst.ConcatenatedString) or _is_added(node):
            for each in _operands(node):
                yield from self._pieces(each)
        else:
            start, end = self._source.outer(node)
            yield _Hole(node, start, end, node)

    def _inside(self, node: cst.SimpleString) -> tuple[int, int]:
        start, end = self._source.span(node)
        head = len(node.prefix) + len(node.quote)
        return start + head, end - len(node.quote)

    def _filled(
        self, node: cst.BaseExpression, filling: _Percent | _Format
    ) -> Iterator[tuple[int, int] | _Hole]:
        start, end = self._inside(filling.text)
        found = [*filling.pattern.finditer(self._source.text[start:end])]
        if any(each["other"] is not None for each in found):
            raise Unfixable("the format of the text is not a plain one")
        at = start
        for number, each in enumerate(one for one in found if not one["plain"]):
            begin, stop = each.start() + start, each.end() + start
            yield at, begin
            value, holder = filling.of(each["name"], number)
            yield _Hole(value, begin, stop, node, holder)
            at = stop
        yield at, end

    # ---- cutting ----

    def cut(self, name: str, start: int, end: int) -> Cut:
        """Take out the parameter *name* that stands between the characters *start* and *end*."""
        pattern = re.compile(rf"(?P<before>[?&{_HOLE}]|\A)(?P<name>(?i:{re.escape(name)}))={_HOLE}")
        for found in pattern.finditer(self._text):
            mark = self._marks[found.start("name")]
            if isinstance(mark, int) and start <= mark < end:
                return self._cut(found)
        raise Unfixable("how the parameter gets into the text can not be seen")

    def _cut(self, found: re.Match[str]) -> Cut:
        hole = self._hole(found.end() - 1)
        value = self._token(hole)
        self._check_once(hole)
        first = self._separator(found)
        self._drop(first, found.end())
        self._close_up(found.end(), found["before"])
        return self._done(value)

    def _done(self, value: cst.BaseExpression) -> Cut:
        edits: list[Edit] = []
        whole = self._prune(self._top, edits)
        return Cut(value, () if whole else (*edits, *self._changed), whole)

    def cut_hole(self, node: cst.CSTNode) -> Cut | None:
        """Take out what *node* puts in, where it is a whole query; None where it is not."""
        at = next(
            (
                number
                for number, mark in enumerate(self._marks)
                if isinstance(mark, _Hole) and mark.value is node
            ),
            None,
        )
        if at is None or at == 0 or self._text[at - 1] not in "?&":
            return None
        if self._text[at + 1 : at + 2] not in ("", "#", "&"):
            return None
        self._drop(at - 1, at + 1)
        self._close_up(at + 1, self._text[at - 1])
        return self._done(self._hole(at).value)

    def _hole(self, at: int) -> _Hole:
        mark = self._marks[at]
        if not isinstance(mark, _Hole):
            raise Unfixable("how the parameter gets into the text can not be seen")
        return mark

    def _token(self, hole: _Hole) -> cst.BaseExpression:
        if isinstance(hole.node, cst.FormattedStringExpression):
            told = (
                hole.node.conversion not in (None, "s") or hole.node.format_spec or hole.node.equal
            )
            if told:
                raise Unfixable("the token is formatted in a way of its own")
        value = hole.value
        is_quoted = isinstance(value, cst.Call) and _QUOTES.match(self._source.code(value.func))
        if isinstance(value, cst.Call) and is_quoted and value.args:
            value = value.args[0].value  # a header's value is not percent-encoded
        if isinstance(value, cst.BaseString | cst.BinaryOperation):
            raise Unfixable("the value is more than a token")
        return value

    def _check_once(self, hole: _Hole) -> None:
        code = self._source.code(hole.value)
        same = [
            each
            for each in self._marks
            if isinstance(each, _Hole) and self._source.code(each.value) == code
        ]
        if len(same) > 1:
            raise Unfixable("the token is in the same text elsewhere, too")

    def _separator(self, found: re.Match[str]) -> int:
        """Where what is cut out begins: at a mark, or at an expression that chooses one."""
        if found["before"] in ("?", "&"):
            return found.start()
        before = self._marks[found.start()] if found["before"] else None
        if isinstance(before, _Hole) and found.end() == len(self._text):
            chosen = self._bound(before.value)
            if isinstance(chosen, cst.IfExp):
                marks = {self._source.code(each).strip("\"'")
                         for each in (chosen.body, chosen.orelse)}  # fmt: skip
                if marks <= {"?", "&"}:
                    return found.start()
        raise Unfixable("what stands before the parameter in the address can not be seen")

    def _bound(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """What a variable is bound to, where that is one thing in this function; else *node*."""
        scope = self._source.scope(node)
        if not isinstance(node, cst.Name) or scope is None:
            return node
        bound = [*scope[node.value]]
        target = self._source.parent(bound[0].node) if len(bound) == 1 else node  # type: ignore[attr-defined]
        assign = self._source.parent(target)
        line = self._source.parent(assign)
        if not isinstance(target, cst.AssignTarget) or not isinstance(assign, cst.Assign):
            return node
        if self._source.function(assign) is not self._source.function(node):
            return node
        once = len([*bound[0].references]) == 1 and len(assign.targets) == 1
        if (
            once
            and isinstance(assign.value, cst.IfExp)
            and isinstance(line, cst.SimpleStatementLine)
        ):
            self._changed.append(taken_statement(self._source, line))
        return assign.value

    def _drop(self, first: int, end: int) -> None:
        for mark in self._marks[first:end]:
            if isinstance(mark, _Hole):
                self._gone_holes.add(mark.start)
            else:
                self._gone.add(mark)

    def _close_up(self, end: int, before: str) -> None:
        """What follows: the end, a fragment, or the next parameter, which takes the mark over."""
        rest = self._text[end:]
        if rest and rest[0] not in "&#":
            raise Unfixable("what follows the token in the address can not be seen")
        mark = self._marks[end] if rest.startswith("&") and before == "?" else None
        if isinstance(mark, int):
            self._changed.append(Edit(mark, mark + 1, "?"))

    # ---- what is left ----

    def _prune(self, node: cst.BaseExpression, edits: list[Edit]) -> bool:
        """The edits in *node*; True, and none, where nothing of it is left."""
        filling = _filling(self._source, node)
        if filling is not None:
            return self._prune_filled(node, filling, edits)
        if isinstance(node, cst.SimpleString):
            return self._prune_literal(node, edits)
        if isinstance(node, cst.FormattedString):
            return self._prune_interpolated(node, edits)
        if isinstance(node, cst.ConcatenatedString) or _is_added(node):
            return self._prune_several(_operands(node), edits)
        return self._source.outer(node)[0] in self._gone_holes

    def _prune_several(self, nodes: Sequence[cst.BaseExpression], edits: list[Edit]) -> bool:
        kept: list[tuple[cst.BaseExpression, bool]] = []
        inner: list[Edit] = []
        for node in nodes:
            mine: list[Edit] = []
            gone = self._prune(node, mine)
            kept.append((node, not gone))
            inner += mine
        if not any(keeps for _, keeps in kept):
            return True
        edits += inner
        spans = [(*self._source.outer(node), keeps) for node, keeps in kept]
        last_kept: int | None = None
        for number, (start, end, keeps) in enumerate(spans):
            if keeps:
                if last_kept is None and number:
                    edits.append(Edit(spans[0][0], start, ""))
                elif last_kept is not None and last_kept + 1 < number:
                    edits.append(Edit(spans[last_kept][1], spans[number - 1][1], ""))
                last_kept = number
            elif number == len(spans) - 1 and last_kept is not None:
                edits.append(Edit(spans[last_kept][1], end, ""))
        return False

    def _removed(self, start: int, end: int) -> Iterator[Edit]:
        """The characters from *start* to *end* that go, in runs."""
        at = start
        while at < end:
            if at not in self._gone:
                at += 1
                continue
            run = at
            while run < end and run in self._gone:
                run += 1
            yield Edit(at, run, "")
            at = run

    def _prune_literal(self, node: cst.SimpleString, edits: list[Edit]) -> bool:
        start, end = self._inside(node)
        if start < end and all(at in self._gone for at in range(start, end)):
            return True
        edits += self._removed(start, end)
        return False

    def _prune_interpolated(self, node: cst.FormattedString, edits: list[Edit]) -> bool:
        mine: list[Edit] = []
        left = holes = 0
        for part in node.parts:
            start, end = self._source.span(part)
            if isinstance(part, cst.FormattedStringExpression):
                if start in self._gone_holes:
                    mine.append(Edit(start, end, ""))
                else:
                    holes += 1
                    left += 1
            else:
                gone = [*self._removed(start, end)]
                mine += gone
                left += end - start - sum(each.end - each.start for each in gone)
        if not left:
            return True
        edits += _joined(mine)
        if not holes and mine:
            edits += self._without_f(node)
        return False

    def _without_f(self, node: cst.FormattedString) -> Iterator[Edit]:
        """A text into which nothing is put is no formatted one."""
        start = self._source.span(node)[0]
        at = node.start.lower().index("f")
        yield Edit(start + at, start + at + 1, "")
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                yield from self._unescaped(*self._source.span(part), r"\{\{|\}\}")

    def _unescaped(self, start: int, end: int, pattern: str) -> Iterator[Edit]:
        for found in re.finditer(pattern, self._source.text[start:end]):
            if start + found.start() not in self._gone:
                yield Edit(start + found.start(), start + found.start() + 1, "")

    def _prune_filled(
        self, node: cst.BaseExpression, filling: _Percent | _Format, edits: list[Edit]
    ) -> bool:
        start, end = self._inside(filling.text)
        holes = [each for each in self._marks if isinstance(each, _Hole) and each.node is node]
        gone = [each for each in holes if each.start in self._gone_holes]
        mine = _joined([*self._removed(start, end), *(Edit(g.start, g.end, "") for g in gone)])
        if sum(each.end - each.start for each in mine) == end - start:
            return True
        edits += mine
        if gone and len(gone) == len(holes):
            edits.append(filling.none_left(self._source.span(filling.text)[1]))
            edits += self._unescaped(start, end, filling.escaped)
        elif gone and gone[0].at is not None:
            edits.append(filling.without(gone[0].at))
        return False


def _joined(edits: list[Edit]) -> list[Edit]:
    """Edits that follow each other, as one."""
    out: list[Edit] = []
    for each in sorted(edits):
        if out and out[-1].end == each.start:
            out[-1] = Edit(out[-1].start, each.end, out[-1].text + each.text)
        else:
            out.append(each)
    return out


def _is_added(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add)


def _operands(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The operands of ``a + b + c``, one in brackets being one; the strings of ``"a" "b"``."""
    if isinstance(node, cst.ConcatenatedString):
        return [node.left, *_operands(node.right)]
    if isinstance(node, cst.BinaryOperation) and _is_added(node):
        left = [node.left] if node.left.lpar else _operands(node.left)
        return [*left, node.right]
    return [node]


# ---- what is formatted in --------------------------------------------------------------------


def _filling(source: Source, node: cst.CSTNode) -> _Percent | _Format | None:
    """What *node* puts into a text, where it is one of these; None for anything else."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
        if isinstance(node.left, cst.SimpleString):
            return _Percent(source, node.left, node.right)
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        text = node.func.value
        if node.func.attr.value == "format" and isinstance(text, cst.SimpleString):
            return _Format(source, text, node)
    return None


class _Percent:
    """The values of ``text % values``."""

    pattern = _PERCENT
    escaped = "%%"

    def __init__(self, source: Source, text: cst.SimpleString, values: cst.BaseExpression) -> None:
        self._source, self.text, self._values = source, text, values

    def of(self, name: str | None, number: int) -> tuple[cst.BaseExpression, Item | None]:
        values = self._values
        if name is not None and isinstance(values, cst.Dict):
            for each in values.elements:
                if isinstance(each, cst.DictElement) and self._source.code(each.key)[1:-1] == name:
                    return each.value, each
        elif name is None and isinstance(values, cst.Tuple) and number < len(values.elements):
            if isinstance(values.elements[number], cst.Element):
                return values.elements[number].value, values.elements[number]
        elif name is None and number == 0 and not isinstance(values, cst.Dict):
            return values, None
        raise Unfixable("what is put into the text can not be seen")

    def without(self, at: Item) -> Edit:
        values = self._values
        if isinstance(values, cst.Tuple) and len(values.elements) == 2:
            (kept,) = (each for each in values.elements if each is not at)
            start, end = self._source.outer(values)
            return Edit(start, end, f"({self._source.code(kept.value)},)")
        items = values.elements if isinstance(values, cst.Tuple | cst.Dict) else ()
        return taken_out(self._source, items, at)

    def none_left(self, text_end: int) -> Edit:
        return Edit(text_end, self._source.outer(self._values)[1], "")


class _Format:
    """The values of ``text.format(values)``."""

    pattern = _BRACES
    escaped = r"\{\{|\}\}"

    def __init__(self, source: Source, text: cst.SimpleString, call: cst.Call) -> None:
        self._source, self.text, self._call = source, text, call

    def of(self, name: str | None, number: int) -> tuple[cst.BaseExpression, Item | None]:
        numbered = [each for each in self._call.args if each.keyword is None]
        if any(each.star for each in self._call.args):
            raise Unfixable("what is put into the text can not be seen")
        if name and not name.isdigit():
            for each in self._call.args:
                if each.keyword is not None and each.keyword.value == name:
                    return each.value, each
        else:
            at = int(name) if name else number
            if at < len(numbered):
                return numbered[at].value, numbered[at]
        raise Unfixable("what is put into the text can not be seen")

    def without(self, at: Item) -> Edit:
        last = [each for each in self._call.args if each.keyword is None][-1:]
        if last and at is not last[0] and re.search(r"\{\d", self._source.code(self.text)):
            raise Unfixable("the places in the text are numbered")
        return taken_out(self._source, self._call.args, at)

    def none_left(self, text_end: int) -> Edit:
        return Edit(text_end, self._source.span(self._call)[1], "")
