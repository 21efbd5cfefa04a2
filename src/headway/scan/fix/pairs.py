"""A parameter in a map, a list of pairs, a call or a subscript: its value, and it out of there."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from headway.scan.fix.arguments import taken_out
from headway.scan.fix.edits import Edit
from headway.scan.fix.syntax import Source, Unfixable

__all__ = ["Grown", "Pair", "in_map", "put_into"]


_SEQUENCE = (cst.Tuple, cst.List)


class Pair(NamedTuple):
    """A name and a value in *holder*, an expression; ``alone``: nothing else is in it."""

    value: cst.BaseExpression
    holder: cst.BaseExpression
    edit: Edit
    alone: bool


class Grown(NamedTuple):
    """A name and a value that a statement puts into *target*, which was made before.

    ``edit`` takes them out where the statement puts in others, too; else it is None.
    """

    value: cst.BaseExpression
    target: cst.BaseExpression
    line: cst.SimpleStatementLine
    edit: Edit | None


def in_map(source: Source, name: cst.CSTNode) -> Pair | None:
    """The pair that *name*, a key, is in; None where it is in no map or list of pairs."""
    parent = source.parent(name)
    if isinstance(parent, cst.Attribute):
        name, parent = parent, source.parent(parent)
    of = source.parent(parent)
    if isinstance(parent, cst.DictElement) and isinstance(of, cst.Dict) and parent.key is name:
        edit = taken_out(source, of.elements, parent)
        return Pair(parent.value, of, edit, len(of.elements) == 1)
    is_keyword = isinstance(parent, cst.Arg) and parent.keyword is name
    if is_keyword and isinstance(of, cst.Call) and source.qualified(of.func) == "builtins.dict":
        value = next(each for each in of.args if each is parent)
        return Pair(value.value, of, taken_out(source, of.args, value), len(of.args) == 1)
    if isinstance(parent, cst.Element):
        return _in_pairs(source, parent)
    return None


def _in_pairs(source: Source, first: cst.Element) -> Pair | None:
    """``[("jwt", token)]``."""
    pair = source.parent(first)
    element = source.parent(pair)
    items = source.parent(element)
    if not isinstance(pair, _SEQUENCE) or not isinstance(items, _SEQUENCE):
        return None
    is_pair = len(pair.elements) == 2 and pair.elements[0] is first
    if not is_pair or not isinstance(element, cst.Element):
        return None
    edit = taken_out(source, items.elements, element)
    if isinstance(items, cst.Tuple) and len(items.elements) == 2:
        raise Unfixable("the pairs are in a tuple")
    return Pair(pair.elements[1].value, items, edit, len(items.elements) == 1)


def put_into(source: Source, name: cst.CSTNode) -> Grown | None:
    """What a statement puts in: ``m["jwt"] = t``, ``m.update(jwt=t)``, ``m.append(("jwt", t))``."""
    return _by_subscript(source, name) or _by_call(source, name)


def _by_subscript(source: Source, name: cst.CSTNode) -> Grown | None:
    if isinstance(source.parent(name), cst.Attribute):
        name = source.parent(name)
    index = source.parent(name)
    element = source.parent(index)
    subscript = source.parent(element)
    if not isinstance(index, cst.Index) or not isinstance(subscript, cst.Subscript):
        return None
    target = source.parent(subscript)
    assign = source.parent(target)
    if not isinstance(target, cst.AssignTarget) or not isinstance(assign, cst.Assign):
        return None
    line = _line_of(source, assign)
    if len(assign.targets) != 1 or line is None:
        raise Unfixable("several things are assigned at once")
    return Grown(assign.value, subscript.value, line, None)


def _by_call(source: Source, name: cst.CSTNode) -> Grown | None:
    pair = in_map(source, name)
    if pair is not None:  # .update({"jwt": token})
        edit = None if pair.alone else pair.edit
        return _given(source, source.parent(pair.holder), pair.value, edit)
    argument = source.parent(name)
    if isinstance(argument, cst.Element):  # .append(("jwt", token))
        two = source.parent(argument)
        if isinstance(two, _SEQUENCE) and len(two.elements) == 2:
            return _given(source, source.parent(two), two.elements[1].value, None)
        return None
    call = source.parent(argument)
    line = _line_of(source, call)
    if not isinstance(argument, cst.Arg) or not isinstance(call, cst.Call) or line is None:
        return None
    verb = _verb(call)
    if verb is None:
        return None
    if verb.attr.value == "update" and argument.keyword is name:  # .update(jwt=token)
        edit = None if len(call.args) == 1 else taken_out(source, call.args, argument)
        return Grown(argument.value, verb.value, line, edit)
    if verb.attr.value == "setdefault" and len(call.args) == 2:
        return Grown(call.args[1].value, verb.value, line, None)
    return None


def _given(
    source: Source, argument: cst.CSTNode, value: cst.BaseExpression, edit: Edit | None
) -> Grown | None:
    """What a map or a list is given, in a statement that is one call."""
    call = source.parent(argument)
    line = _line_of(source, call)
    if not isinstance(call, cst.Call) or line is None or len(call.args) != 1:
        return None
    verb = _verb(call)
    if verb is None or verb.attr.value not in ("update", "append", "extend"):
        return None
    return Grown(value, verb.value, line, edit)


def _verb(call: cst.Call) -> cst.Attribute | None:
    return call.func if isinstance(call.func, cst.Attribute) else None


def _line_of(source: Source, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """The line of which *node* is the one statement."""
    parent = source.parent(node)
    if isinstance(parent, cst.Expr):
        parent = source.parent(parent)
    return parent if isinstance(parent, cst.SimpleStatementLine) else None
