"""Which calls send a request, and where each has its address, its parameters and its headers.

A call is known by what its name means in the file: an import, a variable that holds a client, an
annotation, a base class.  A call that is not known is left to a person: what looks like
``client.get`` may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Assignment

from headway.scan.fix.syntax import Source

__all__ = ["Request", "Shape", "callee_of", "client_kind", "request_of"]


class Shape(NamedTuple):
    """Positions of a call's arguments; None for one that is only given by its name.

    ``query``: the name of the argument with parameters, "" for none.  ``way``: how a header is
    given: ``headers`` is an argument; of ``object`` a line after it; ``urlopen`` takes none.
    """

    url: int | None = 0
    params: int | None = None
    headers: int | None = None
    query: str = "params"
    way: str = "headers"


_VERBS = ("get", "options", "head", "post", "put", "patch", "delete")
_BY_URL = Shape()
_BY_METHOD = Shape(url=1)


def _verbs(prefix: str, **changed: Shape) -> dict[str, Shape]:
    return {f"{prefix}.{verb}": changed.get(verb, _BY_URL) for verb in _VERBS}


_FUNCTIONS: Mapping[str, Shape] = {
    **_verbs("requests", get=Shape(params=1)),
    **_verbs("requests.api", get=Shape(params=1)),
    "requests.request": _BY_METHOD,
    "requests.api.request": _BY_METHOD,
    "requests.Request": Shape(url=1, params=5, headers=2),
    "requests.models.Request": Shape(url=1, params=5, headers=2),
    **_verbs("httpx"),
    "httpx.request": _BY_METHOD,
    "httpx.stream": _BY_METHOD,
    "httpx.Request": _BY_METHOD,
    "aiohttp.request": _BY_METHOD,
    "urllib.request.Request": Shape(headers=2, query="", way="object"),
    "urllib.request.urlopen": Shape(query="", way="urlopen"),
    "urllib3.request": Shape(url=1, query=""),
    # clients that are made with parameters of every request
    "httpx.Client": Shape(url=None),
    "httpx.AsyncClient": Shape(url=None),
}
_METHODS: Mapping[str, Mapping[str, Shape]] = {
    "requests": {
        **_verbs("", get=_BY_URL),
        ".request": Shape(url=1, params=2, headers=4),
    },
    "httpx": {
        **_verbs(""),
        ".request": _BY_METHOD,
        ".stream": _BY_METHOD,
        ".build_request": _BY_METHOD,
    },
    "aiohttp": {**_verbs(""), ".request": _BY_METHOD},
    "http.client": {".request": Shape(url=1, headers=3, query="")},
    "urllib3": {".request": Shape(url=1, query="")},
}
_CLIENTS: Mapping[str, str] = {
    "requests.Session": "requests",
    "requests.session": "requests",
    "requests.sessions.Session": "requests",
    "httpx.Client": "httpx",
    "httpx.AsyncClient": "httpx",
    "aiohttp.ClientSession": "aiohttp",
    "aiohttp.client.ClientSession": "aiohttp",
    "http.client.HTTPConnection": "http.client",
    "http.client.HTTPSConnection": "http.client",
    "urllib3.PoolManager": "urllib3",
}


class Request(NamedTuple):
    """A call that sends a request, or makes one, or a client for some."""

    call: cst.Call
    shape: Shape
    name: str

    def argument(self, keyword: str, position: int | None) -> cst.Arg | None:
        """What is given by that name, or at that position."""
        for number, each in enumerate(self.call.args):
            if each.keyword is not None:
                if each.keyword.value == keyword:
                    return each
            elif number == position and not each.star:
                return each
        return None

    @property
    def headers(self) -> cst.Arg | None:
        """The argument with headers."""
        return self.argument("headers", self.shape.headers)

    def role_of(self, argument: cst.Arg) -> str:
        """What *argument* of the call is: ``url``, ``params``, or its own name."""
        if argument is self.argument("url", self.shape.url):
            return "url"
        if self.shape.query and argument is self.argument(self.shape.query, self.shape.params):
            return "params"
        return argument.keyword.value if argument.keyword is not None else ""


def request_of(source: Source, call: cst.Call) -> Request | None:
    """The request that *call* sends; None for another call."""
    name = source.qualified(call.func)
    if name in _FUNCTIONS:
        return Request(call, _FUNCTIONS[name], name)
    if not isinstance(call.func, cst.Attribute):
        return None
    kind = client_kind(source, call.func.value)
    shape = _METHODS.get(kind, {}).get(f".{call.func.attr.value}")
    return Request(call, shape, f"{kind}.{call.func.attr.value}") if shape is not None else None


def callee_of(source: Source, call: cst.Call) -> str:
    """What *call* calls, by its full name where that is known, else as it is written."""
    return source.qualified(call.func) or source.code(call.func)


# ---- what is a client ------------------------------------------------------------------------


def client_kind(source: Source, node: cst.BaseExpression) -> str:
    """Of which library the client is that *node* stands for; "" where that can not be seen."""
    if isinstance(node, cst.Call):
        return _CLIENTS.get(source.qualified(node.func), "")
    if isinstance(node, cst.Await):
        return client_kind(source, node.expression)
    if isinstance(node, cst.Name):
        kinds = {_kind_of_binding(source, each) for each in _bindings(source, node)}
        if not kinds and node.value == "self":
            kinds = {_kind_of_class(source, node)}
        return kinds.pop() if len(kinds) == 1 else ""
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        kinds = {*_kinds_of_member(source, node)}
        return kinds.pop() if len(kinds) == 1 else ""
    return ""


def _bindings(source: Source, name: cst.Name) -> Iterator[cst.CSTNode]:
    scope = source.scope(name)
    for each in scope[name.value] if scope is not None else ():
        if isinstance(each, Assignment):
            is_self = isinstance(each.node, cst.Param) and name.value == "self"
            if not is_self:
                yield each.node


def _kind_of_binding(source: Source, bound: cst.CSTNode) -> str:
    """What a name is bound to: a call that makes a client, or what an annotation says."""
    if isinstance(bound, cst.Param):
        return _kind_by_annotation(source, bound.annotation)
    parent = source.parent(bound)
    if isinstance(parent, cst.AnnAssign):
        return _kind_by_annotation(source, parent.annotation)
    if isinstance(parent, cst.AsName):
        item = source.parent(parent)
        return _kind_by_value(source, item.item) if isinstance(item, cst.WithItem) else ""
    if isinstance(parent, cst.AssignTarget):
        assign = source.parent(parent)
        return _kind_by_value(source, assign.value) if isinstance(assign, cst.Assign) else ""
    return ""


def _kind_by_value(source: Source, value: cst.BaseExpression) -> str:
    return client_kind(source, value) if isinstance(value, cst.Call | cst.Await) else ""


_WORD = re.compile(r"[A-Za-z_][\w.]*")


def _kind_by_annotation(source: Source, annotation: cst.Annotation | None) -> str:
    """``httpx.Client``, ``"httpx.Client"``, ``httpx.Client | None``, ``Optional[httpx.Client]``."""
    if annotation is None:
        return ""
    kinds = {
        _CLIENTS.get(source.qualified(each), "")
        for each in source.walk(annotation.annotation)
        if isinstance(each, cst.Name | cst.Attribute)
    }
    if isinstance(annotation.annotation, cst.SimpleString):
        words = _WORD.findall(str(annotation.annotation.raw_value))
        kinds |= {_CLIENTS.get(each, "") for each in words}
    kinds.discard("")
    return kinds.pop() if len(kinds) == 1 else ""


def _kinds_of_member(source: Source, member: cst.Attribute) -> Iterator[str]:
    """What is put into ``self.session`` anywhere in its class."""
    owner = source.owner(member)
    if owner is None:
        return
    wanted = source.code(member)
    for each in source.walk(owner):
        if isinstance(each, cst.Assign):
            if any(source.code(target.target) == wanted for target in each.targets):
                yield _kind_of_value_or_name(source, each.value)
        elif isinstance(each, cst.AnnAssign) and (
            source.code(each.target) == wanted
            or (wanted.startswith("self.") and source.code(each.target) == wanted[5:])
        ):
            yield _kind_by_annotation(source, each.annotation)


def _kind_of_value_or_name(source: Source, value: cst.BaseExpression) -> str:
    """``self.session = session or requests.Session()``: one of them says it."""
    if isinstance(value, cst.BooleanOperation):
        kinds = {_kind_of_value_or_name(source, each) for each in (value.left, value.right)}
        kinds.discard("")
        return kinds.pop() if len(kinds) == 1 else ""
    return client_kind(source, value)


def _kind_of_class(source: Source, node: cst.CSTNode) -> str:
    """``self`` in a class of one's own that is a client."""
    owner = source.owner(node)
    bases = owner.bases if owner is not None else ()
    kinds = {_CLIENTS.get(source.qualified(each.value), "") for each in bases}
    kinds.discard("")
    return kinds.pop() if len(kinds) == 1 else ""
