"""The header: into the arguments of a call, beside the headers that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Assignment

from headway.scan.fix.arguments import added_argument, added_element
from headway.scan.fix.clients import Request
from headway.scan.fix.edits import Edit
from headway.scan.fix.syntax import Source, Unfixable

__all__ = [
    "Credential",
    "add_header",
    "check_client",
    "check_free",
    "check_headers",
    "check_own",
    "credential",
]

_SET = "an Authorization header is set already"


class Credential(NamedTuple):
    """The value of the header, as code: ``f"JWT {token}"``; *quote* is how it quotes."""

    code: str
    quote: str

    @property
    def name(self) -> str:
        """The header's name, as code."""
        return f"{self.quote}Authorization{self.quote}"

    @property
    def pair(self) -> str:
        """An element of a map."""
        return f"{self.name}: {self.code}"

    @property
    def map(self) -> str:
        """A map with nothing else in it."""
        return f"{{{self.pair}}}"


def credential(source: Source, scheme: str, value: cst.BaseExpression, quote: str) -> Credential:
    """The header's value for *value*, which is the token."""
    code = source.code(value)
    plain = isinstance(value, cst.Name | cst.Attribute | cst.Call | cst.Subscript)
    if plain and not re.search(r"[\"'\\{}#\r\n!]|:=|\blambda\b", code):
        return Credential(f"f{quote}{scheme} {{{code}}}{quote}", quote)
    if not plain or re.search(r"[\r\n]", code):
        code = f"({code})"
    return Credential(f"{quote}{scheme} {quote} + {code}", quote)


def add_header(source: Source, request: Request, value: Credential, near: cst.Arg | None) -> Edit:
    """The edit that gives *value* to the call, after the argument *near* if it can."""
    given = request.headers
    if given is None:
        return added_argument(source, request.call, f"headers={value.map}", near)
    return _beside(source, given, value)


def _beside(source: Source, given: cst.Arg, value: Credential) -> Edit:
    headers = given.value
    check_headers(source, headers)
    if isinstance(headers, cst.Dict):
        return added_element(source, headers, value.pair)
    others = "" if source.code(headers) == "None" else f"**{source.code(headers)}, "
    return Edit(*source.outer(headers), f"{{{others}{value.pair}}}")


def check_headers(source: Source, headers: cst.BaseExpression) -> None:
    """Raises Unfixable where *headers* of a request have that header, or may have it."""
    if isinstance(headers, cst.Dict):
        _check_elements(source, headers)
    elif not isinstance(headers, cst.Name):
        raise Unfixable("what is in the headers of the request can not be seen")
    elif headers.value != "None":
        _check_variable(source, headers)


def check_own(
    source: Source, request: Request, line: cst.SimpleStatementLine, requests: int
) -> None:
    """Raises Unfixable where the headers of the call are no map of its own, made before *line*."""
    given = request.headers
    name = given.value if given is not None else None
    scope = source.scope(name) if name is not None else None
    if not isinstance(name, cst.Name) or scope is None:
        raise Unfixable("what is in the headers of the request can not be seen")
    _check_variable(source, name)
    start = source.span(line)[0]
    for each in scope[name.value]:
        if not isinstance(each, Assignment):
            raise Unfixable(f"what is in {name.value} can not be seen")
        suite = source.parent(source.statement(each.node))
        before = source.span(each.node)[0] < start
        if not before or not any(one is suite for one in source.ancestors(line)):
            raise Unfixable(f"{name.value} is not always made before")
        if source.function(each.node) is not source.function(line):
            raise Unfixable(f"{name.value} is used in another function, too")
        later = [one for one in each.references if source.span(one.node)[0] > start]
        if len(later) != requests:
            raise Unfixable(f"{name.value} is used for other requests, too")


# ---- what is set already ---------------------------------------------------------------------


def check_free(source: Source, request: Request) -> None:
    """Raises Unfixable where the request has credentials, or may have some."""
    for each in request.call.args:
        keyword = each.keyword.value if each.keyword is not None else ""
        if keyword == "auth" and source.code(each.value) != "None":
            raise Unfixable("the request has credentials already (auth=)")
        if each.star:
            raise Unfixable("what else the call is given, by * or **, can not be seen")
    function = request.call.func
    if isinstance(function, cst.Attribute):
        check_client(source, source.code(function.value))


def check_client(source: Source, client: str) -> None:
    """The client itself: ``session.auth = ...``, ``session.headers["Authorization"] = ...``."""
    for assign in source.all(cst.Assign):
        for target in assign.targets:
            code = source.code(target.target)
            if code == f"{client}.auth":
                raise Unfixable(f"the client has credentials already ({client}.auth)")
            if code == client:
                _check_construction(source, assign.value)
            if code.startswith(f"{client}.headers") and _mentions(code + source.code(assign.value)):
                raise Unfixable(_SET)
    adds = (f"{client}.headers.update", f"{client}.headers.setdefault")
    for call in source.all(cst.Call):
        if source.code(call.func) in adds and _mentions(source.code(call)):
            raise Unfixable(_SET)
    for item in source.all(cst.WithItem):
        _check_construction(source, item.item if _is_named(source, item, client) else None)


def _is_named(source: Source, item: cst.WithItem, name: str) -> bool:
    return item.asname is not None and source.code(item.asname.name) == name


def _check_construction(source: Source, value: cst.BaseExpression | None) -> None:
    for each in value.args if isinstance(value, cst.Call) else ():
        keyword = each.keyword.value if each.keyword is not None else ""
        if keyword == "auth":
            raise Unfixable("the client has credentials already (auth=)")
        if keyword == "headers" and _mentions(source.code(each.value)):
            raise Unfixable(_SET)


def _mentions(code: str) -> bool:
    return re.search(r"(?i)[\"']authorization[\"']", code) is not None


def _check_elements(source: Source, headers: cst.Dict) -> None:
    for each in headers.elements:
        if isinstance(each, cst.StarredDictElement):
            if not isinstance(each.value, cst.Name):
                raise Unfixable("what is in the headers of the request can not be seen")
            _check_variable(source, each.value)
        elif isinstance(each, cst.DictElement):
            if _mentions(source.code(each.key)):
                raise Unfixable(_SET)
            if not isinstance(each.key, cst.SimpleString):
                raise Unfixable("a header has a name that can not be seen")


def _check_variable(source: Source, name: cst.Name) -> None:
    """A variable with headers: a map that is written in this file, without that header."""
    scope = source.scope(name)
    bound = [*(scope[name.value] if scope is not None else ())]
    if not bound:
        raise Unfixable(f"what is in {name.value} can not be seen")
    for each in bound:
        value = _value_of(source, each.node) if isinstance(each, Assignment) else None
        if not isinstance(value, cst.Dict):
            raise Unfixable(f"what is in {name.value} can not be seen")
        _check_elements(source, value)
        for access in each.references:
            _check_use(source, access.node)


def _value_of(source: Source, bound: cst.CSTNode) -> cst.BaseExpression | None:
    parent = source.parent(bound)
    if isinstance(parent, cst.AnnAssign):
        return parent.value
    assign = source.parent(parent)
    if isinstance(parent, cst.AssignTarget) and isinstance(assign, cst.Assign):
        return assign.value
    return None


def _check_use(source: Source, node: cst.CSTNode) -> None:
    """What is done with a map of headers: nothing that may put that header into it."""
    parent = source.parent(node)
    if isinstance(parent, cst.Subscript) and parent.value is node:
        if not all(isinstance(each, cst.SimpleString) for each in _keys(parent)):
            raise Unfixable("a header has a name that can not be seen")
        if _mentions(source.code(parent)):
            raise Unfixable(_SET)
    elif isinstance(parent, cst.Attribute) and parent.attr.value in ("update", "setdefault"):
        call = source.parent(parent)
        if not isinstance(call, cst.Call) or not all(
            isinstance(each.value, cst.Dict | cst.SimpleString) for each in call.args[:1]
        ):
            raise Unfixable("what is added to the headers can not be seen")
        if _mentions(source.code(call)):
            raise Unfixable(_SET)
    elif isinstance(parent, cst.Arg) and (
        parent.keyword is None or parent.keyword.value != "headers"
    ):
        raise Unfixable(f"what is in {source.code(node)} can not be seen")


def _keys(subscript: cst.Subscript) -> Iterator[cst.BaseExpression | None]:
    for each in subscript.slice:
        yield each.slice.value if isinstance(each.slice, cst.Index) else None
