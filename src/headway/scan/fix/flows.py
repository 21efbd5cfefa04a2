"""Where an address or its parameters go: to the requests that send them, and nowhere else.

From an expression upwards to the call that takes it, or through a variable of the same function
to all that is done with it.  Whatever else may see the value (a hash over it, a caller, another
function) is a reason to leave the code to a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Assignment, ImportAssignment

from headway.scan.fix.clients import Request, callee_of, request_of
from headway.scan.fix.syntax import Source, Unfixable
from headway.scan.fix.texts import whole_text

__all__ = ["Flow", "Sink", "from_expression", "from_target"]

_STEPS_MAX = 6  # calls and variables on the way

_REASONS = (
    (r"(?i)websocket|ws_connect|create_connection", "a WebSocket may not take a header"),
    (r"(?i)redirect", "a browser is sent there: it sends no header of yours"),
    (r"webbrowser", "a browser opens it: it sends no header of yours"),
    (r"subprocess|os\.(?:system|popen|exec|spawn)", "another program sends it"),
    (
        r"(?i)qsh|hash|hmac|canonical|sign|digest|encode_token",
        "a hash or a signature is computed over it",
    ),
)
_LOGS = re.compile(
    r"(?:\A|\.)(?:print|(?:logging|log|logger|_log|_logger|LOG|LOGGER)\."
    r"(?:debug|info|warning|warn|error|critical|exception|log))\Z"
)
_WRAPPERS = frozenset({"urllib.parse.urljoin", "httpx.URL", "yarl.URL", "builtins.str"})
_ENCODERS = frozenset({"urllib.parse.urlencode"})
_READS = frozenset({"get", "pop", "update", "setdefault", "append", "extend"})


class Sink(NamedTuple):
    """A request, the argument by which it gets the value, and that value where it is given."""

    request: Request
    argument: cst.Arg


class Flow(NamedTuple):
    """All requests that get a value.  ``variables``: names that hold it on the way."""

    sinks: tuple[Sink, ...]
    variables: tuple[str, ...] = ()
    encoded: cst.Call | None = None  # parameters became a text by this call
    grown: bool = False  # something else is put into the same map
    told: bool = False  # a log or an error has it, too


def from_expression(source: Source, node: cst.BaseExpression, role: str, steps: int = 0) -> Flow:
    """Where *node* goes; *role* says what it is: ``url``, ``params``, or a ``query`` as a text."""
    if steps > _STEPS_MAX:
        raise Unfixable("it goes too far to be followed")
    parent = source.parent(node)
    if isinstance(parent, cst.Arg):
        return _argument(source, parent, role, steps)
    if role == "query" and whole_text(source, node) is not node:
        return from_expression(source, whole_text(source, node), "url", steps + 1)
    if role == "params" and _merges(parent):
        return from_expression(source, parent, "params", steps + 1)  # type: ignore[arg-type]
    if role == "params" and isinstance(parent, cst.StarredDictElement):
        merged = source.parent(parent)
        if isinstance(merged, cst.Dict):
            return from_expression(source, merged, "params", steps + 1)
    if isinstance(parent, cst.AssignTarget):
        raise Unfixable("it is assigned in a way of its own")
    if isinstance(parent, cst.Assign | cst.AnnAssign):
        return _assigned(source, parent, role, steps)
    if isinstance(parent, cst.AugAssign):
        return from_target(source, parent.target, parent, role, steps)
    raise Unfixable(_why_not(source, parent))


def _merges(node: cst.CSTNode) -> bool:
    """``params | {"jwt": token}``."""
    return isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr)


def _why_not(source: Source, parent: cst.CSTNode) -> str:
    if isinstance(parent, cst.Return | cst.Yield):
        return "it is returned: who calls this sends it"
    for each in (parent, *source.ancestors(parent)):
        if isinstance(each, cst.Call):
            why = _reason(callee_of(source, each))
            if why:
                return why
    if isinstance(parent, cst.IfExp):
        return "it is sent under a condition"
    if isinstance(parent, cst.DictElement):
        key = source.code(parent.key).strip("\"'").lower()
        return "a browser is sent there: it sends no header of yours" if key == "location" else (
            "it is put into a map"
        )  # fmt: skip
    return "where it goes can not be seen here"


def _reason(name: str) -> str:
    """Why what is given to a call of this name is for a person; "" where nothing is known of it."""
    return next((why for pattern, why in _REASONS if re.search(pattern, name)), "")


def _argument(source: Source, argument: cst.Arg, role: str, steps: int) -> Flow:
    call = source.parent(argument)
    if not isinstance(call, cst.Call):
        raise Unfixable("where it goes can not be seen here")
    name = callee_of(source, call)
    if role == "params" and name in _ENCODERS:
        flow = from_expression(source, call, "query", steps + 1)
        return flow._replace(encoded=call)
    if role == "url" and name in _WRAPPERS:
        return from_expression(source, call, "url", steps + 1)
    if _reason(name):
        raise Unfixable(_reason(name))
    request = request_of(source, call)
    if request is None:
        short = re.sub(r"\s+", " ", name)[:60]
        raise Unfixable(f"what {short}() does with it can not be seen here")
    if request.role_of(argument) != role:
        raise Unfixable("it is no address of the request" if role == "url"
                        else "it is no query of the request")  # fmt: skip
    return Flow((Sink(request, argument),))


# ---- variables -------------------------------------------------------------------------------


def _assigned(source: Source, assign: cst.Assign | cst.AnnAssign, role: str, steps: int) -> Flow:
    if isinstance(assign, cst.AnnAssign):
        return from_target(source, assign.target, assign, role, steps)
    if len(assign.targets) != 1:
        raise Unfixable("several things are assigned at once")
    return from_target(source, assign.targets[0].target, assign, role, steps)


def from_target(
    source: Source, target: cst.BaseExpression, statement: cst.CSTNode, role: str, steps: int = 0
) -> Flow:
    """Where the variable *target* goes, from *statement* on, which puts the token into it."""
    if not isinstance(target, cst.Name):
        raise Unfixable(f"{source.code(target)[:60]} may be used elsewhere")
    flow = Flow((), (target.value,))
    for use in _uses(source, target, statement):
        flow = _merged(flow, _use(source, use, role, steps))
    if not flow.sinks:
        raise Unfixable(f"no request with {target.value} can be seen in this function")
    return flow


def _merged(one: Flow, other: Flow) -> Flow:
    if one.encoded is not None and other.encoded is not None:
        raise Unfixable("it is encoded twice")
    return Flow(
        one.sinks + other.sinks,
        one.variables + other.variables,
        one.encoded or other.encoded,
        one.grown or other.grown,
        one.told or other.told,
    )


def _uses(source: Source, target: cst.Name, statement: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What reads the variable after *statement*, in the order of the text."""
    start, end = source.span(statement)
    function = source.function(statement)
    _check_own(source, target, function)
    scope = source.scope(target)
    bound = [*(scope[target.value] if scope is not None else ())]
    uses: dict[int, cst.CSTNode] = {}
    for each in bound:
        if not isinstance(each, Assignment) or isinstance(each, ImportAssignment):
            raise Unfixable(f"{target.value} is imported")
        place = source.span(each.node)[0]
        if place > end:
            raise Unfixable(f"{target.value} is bound again later")
        for access in each.references:
            uses[source.span(access.node)[0]] = access.node
    first = min((source.span(each.node)[0] for each in bound), default=start)
    for place, node in sorted(uses.items()):
        if start <= place < end:
            continue
        if source.function(node) is not function:
            raise Unfixable(f"{target.value} is used in another function, too")
        if place < start:
            _check_no_loop(source, node, statement, target.value, first)
            continue
        yield node


def _check_own(source: Source, target: cst.Name, function: cst.FunctionDef | cst.Module) -> None:
    """No other function, and no other module, has a say in the variable *target*."""
    if isinstance(function, cst.Module):
        if target.value.isupper() or _is_listed(source, target.value):
            raise Unfixable(f"another module may import {target.value}")
        return
    for each in source.walk(function):
        if isinstance(each, cst.Global | cst.Nonlocal) and any(
            item.name.value == target.value for item in each.names
        ):
            raise Unfixable(f"{target.value} is used in another function, too")


def _is_listed(source: Source, name: str) -> bool:
    """Whether ``__all__`` has it."""
    return any(
        source.code(each.targets[0].target) == "__all__"
        and any(quoted in source.code(each.value) for quoted in (f'"{name}"', f"'{name}'"))
        for each in source.all(cst.Assign)
    )


def _check_no_loop(
    source: Source, use: cst.CSTNode, statement: cst.CSTNode, name: str, first: int
) -> None:
    """A use before the statement comes after it, too, where a loop has both, not the variable."""
    around = [*source.ancestors(statement)]
    for each in source.ancestors(use):
        is_loop = isinstance(each, cst.For | cst.While) and each in around
        if is_loop and source.span(each)[0] > first:
            raise Unfixable(f"{name} is used again by the loop around it")


def _use(source: Source, node: cst.CSTNode, role: str, steps: int) -> Flow:
    if _is_told(source, node):
        return Flow((), told=True)
    parent = source.parent(node)
    if role == "params":
        if isinstance(parent, cst.Subscript) and parent.value is node:
            return Flow((), grown=True)
        if isinstance(parent, cst.Attribute) and parent.attr.value in _READS:
            return Flow((), grown=True)
    if role == "url" and not isinstance(parent, cst.Arg):
        raise Unfixable("the address is used in another way, too")
    if not isinstance(node, cst.BaseExpression):
        raise Unfixable("where it goes can not be seen here")
    return from_expression(source, node, role, steps + 1)


def _is_told(source: Source, node: cst.CSTNode) -> bool:
    """Whether something is only written down: in a log, in an error."""
    for each in source.ancestors(node):
        if isinstance(each, cst.Raise):
            return True
        if isinstance(each, cst.Call):
            if isinstance(source.parent(each), cst.Raise):
                return True
            return _LOGS.search(callee_of(source, each)) is not None
        if isinstance(each, cst.BaseStatement):
            return False
    return False
