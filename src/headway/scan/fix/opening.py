"""``urllib.request``: a ``Request`` of its own, with a header that no redirect takes along.

``urlopen`` takes no headers, and what is in ``Request(headers=...)`` is sent on to wherever the
request is redirected, another host too: a download from Jira ends at such a host.
``Request.add_unredirected_header`` is for one request alone.
"""

from __future__ import annotations

import re

import libcst as cst

from headway.scan.fix.clients import Request
from headway.scan.fix.edits import Edit, edited
from headway.scan.fix.headers import Credential, check_free, check_headers
from headway.scan.fix.syntax import Source, Unfixable

__all__ = ["hoisted"]

_NAMES = ("request", "url_request", "http_request")
_APART = (cst.Lambda, cst.BaseComp, cst.IfExp, cst.BooleanOperation)


def hoisted(source: Source, request: Request, made: Credential, edits: list[Edit]) -> list[Edit]:
    """*edits*, and the header on a request object, which gets lines of its own if it has none."""
    check_free(source, request)
    if request.headers is not None:
        check_headers(source, request.headers.value)
    own = _variable_of(source, request)
    if own is not None:
        _check_added(source, own[0], request.call)
        return [*edits, _after(source, own[1], _set(own[0], made))]
    # (1) the expression for the request, with what *edits* change in it
    call = request.call
    taken = call if request.shape.way == "object" else _address(request)
    start, end = source.outer(taken)
    inside = [each for each in edits if start <= each.start and each.end <= end]
    code = edited(
        source.text[start:end],
        [Edit(each.start - start, each.end - start, each.text) for each in inside],
    )
    outside = [each for each in edits if each not in inside]
    if request.shape.way == "urlopen":
        name, more = _request_class(source, call)
        code, outside = f"{name}({code})", [*outside, *more]
    # (2) two lines before the statement
    statement = _statement(source, call)
    variable = _free(source)
    at = source.line_start(source.span(statement)[0])
    indent, newline = source.indent_at(at), source.newline
    before = f"{indent}{variable} = {code}{newline}{indent}{_set(variable, made)}{newline}"
    return [*outside, Edit(at, at, before), Edit(start, end, variable)]


def _check_added(source: Source, variable: str, call: cst.Call) -> None:
    """``request.add_header("Authorization", ...)``."""
    adds = (f"{variable}.add_header", f"{variable}.add_unredirected_header")
    for each in source.walk(source.function(call)):
        is_one = isinstance(each, cst.Call) and source.code(each.func) in adds
        if is_one and re.search(r"(?i)[\"']authorization", source.code(each)):
            raise Unfixable("an Authorization header is set already")


def _set(variable: str, made: Credential) -> str:
    return f"{variable}.add_unredirected_header({made.name}, {made.code})"


def _variable_of(source: Source, request: Request) -> tuple[str, cst.SimpleStatementLine] | None:
    """``request = Request(...)``: the variable, and the line."""
    assign = source.parent(request.call)
    if request.shape.way != "object" or not isinstance(assign, cst.Assign):
        return None
    line = source.parent(assign)
    target = assign.targets[0].target
    if len(assign.targets) != 1 or not isinstance(target, cst.Name | cst.Attribute):
        raise Unfixable("several things are assigned at once")
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        raise Unfixable("several statements stand on one line")
    return source.code(target), line


def _after(source: Source, line: cst.SimpleStatementLine, text: str) -> Edit:
    start, end = source.span(line)
    stop = re.compile(r"[^\r\n]*").match(source.text, end)
    at = stop.end() if stop is not None else end
    return Edit(at, at, f"{source.newline}{source.indent_at(start)}{text}")


def _address(request: Request) -> cst.BaseExpression:
    given = request.argument("url", request.shape.url)
    if given is None:
        raise Unfixable("the call has no address")
    return given.value


def _statement(source: Source, call: cst.Call) -> cst.BaseStatement:
    """The statement before which the request can be made: one that runs the call first and once."""
    for each in source.ancestors(call):
        if isinstance(each, _APART):
            raise Unfixable("the call is a part of an expression that may not run it")
        if isinstance(each, cst.SimpleStatementLine):
            if len(each.body) != 1:
                raise Unfixable("several statements stand on one line")
            return each
        if isinstance(each, cst.With):
            first = each.items[0]
            if any(one is first for one in source.ancestors(call)):
                return each
        if isinstance(each, cst.BaseStatement):
            break
    raise Unfixable("there is no place for a request of its own before the call")


def _free(source: Source) -> str:
    names = source.names()
    for name in _NAMES:
        if name not in names:
            return name
    raise Unfixable("the names for a request of its own are taken")


def _request_class(source: Source, call: cst.Call) -> tuple[str, list[Edit]]:
    """What ``Request`` is called beside this ``urlopen``, and its import where it has none."""
    if isinstance(call.func, cst.Attribute):
        return f"{source.code(call.func.value)}.Request", []
    scope = source.scope(call)
    known = [*(scope["Request"] if scope is not None else ())]
    if known:
        names = {name.name for each in known for name in each.get_qualified_names_for("Request")}
        if names == {"urllib.request.Request"}:
            return "Request", []
        raise Unfixable("Request is another thing in this file")
    for alias in source.all(cst.ImportAlias):
        if source.code(alias.name) == "urlopen":
            at = source.span(alias)[0]
            return "Request", [Edit(at, at, "Request, ")]
    raise Unfixable("where urlopen comes from can not be seen")
