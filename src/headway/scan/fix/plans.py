"""From a place that sends a token to the edits that move it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst
from libcst.metadata import Assignment

from headway.scan.fix.arguments import added_argument, taken_out, taken_statement
from headway.scan.fix.clients import Request, client_kind
from headway.scan.fix.edits import Edit
from headway.scan.fix.flows import Flow, Sink, from_expression, from_target
from headway.scan.fix.headers import (
    Credential,
    add_header,
    check_client,
    check_free,
    check_own,
    credential,
)
from headway.scan.fix.opening import hoisted
from headway.scan.fix.pairs import Grown, Pair, in_map, put_into
from headway.scan.fix.schemes import scheme_of
from headway.scan.fix.syntax import Source, Unfixable
from headway.scan.fix.texts import Text, whole_text

__all__ = ["Plan", "plan"]

_NAMES_MAX = 20  # variables of one sort in a file
_BEARER = re.compile(r"(?i)\A(?:b|f|rb?|u)?[\"'](?:bearer|jwt)\b")


class Plan(NamedTuple):
    """The edits for one token, and what else may not be done at once: calls, clients, names."""

    edits: list[Edit]
    touches: set[str]


def plan(source: Source, node: cst.CSTNode, name: str) -> Plan:
    """The edits that move the parameter *name*, which *node* says, into a header.

    Raises Unfixable, with the reason, for what a person has to mend.
    """
    scheme = scheme_of(name)
    if scheme is None:
        raise Unfixable(
            f"which header takes the place of {name} is not known: ask who runs the API"
        )
    if isinstance(node, cst.SimpleString) and "b" in node.prefix.lower():
        raise Unfixable("it is made of bytes")
    moving = _Moving(source, node, name, scheme)
    grown = put_into(source, node)
    if grown is not None:
        return Plan(moving.grown(grown), moving.touches)
    pair = in_map(source, node)
    if pair is not None:
        return Plan(moving.pair(pair), moving.touches)
    if isinstance(node, cst.SimpleString | cst.FormattedString):
        return Plan(moving.text(node), moving.touches)
    raise Unfixable("how the parameter gets into the address can not be seen")


class _Moving:
    """One token on its way."""

    def __init__(self, source: Source, node: cst.CSTNode, name: str, scheme: str) -> None:
        self._source, self._node, self._name, self._scheme = source, node, name, scheme
        self.touches: set[str] = set()

    # ---- a text ----

    def text(self, node: cst.BaseExpression) -> list[Edit]:
        """``base + "?jwt=" + token``, and what else makes a text."""
        source = self._source
        top = whole_text(source, node)
        _check_no_page(source.code(top))
        cut = Text(source, top).cut(self._name, *source.span(node))
        parent = source.parent(top)
        flow = from_expression(source, top, "url")
        statement = source.statement(top)
        edits = [*cut.edits]
        if cut.whole and isinstance(parent, cst.AugAssign):
            line = source.parent(parent)
            if not isinstance(line, cst.SimpleStatementLine):
                raise Unfixable("several statements stand on one line")
            edits = [taken_statement(source, line)]
        elif cut.whole:
            edits = [Edit(*source.outer(top), self._quote * 2)]
        return self._to_header(cut.value, flow, statement, edits, removed=None)

    # ---- a map ----

    def pair(self, pair: Pair) -> list[Edit]:
        """``params={"jwt": token}``."""
        source = self._source
        _check_value(source, pair.value)
        client = self._client_params(pair)
        if client is not None:
            return client
        flow = from_expression(source, pair.holder, "params")
        if not pair.alone or flow.grown:
            edits = [pair.edit]
            return self._to_header(pair.value, flow, source.statement(pair.holder), edits, None)
        return self._alone(pair, flow)

    def _alone(self, pair: Pair, flow: Flow) -> list[Edit]:
        """A map that has nothing else in it goes as a whole."""
        source = self._source
        statement = source.statement(pair.holder)
        parent = source.parent(pair.holder)
        if isinstance(parent, cst.Arg) and flow.encoded is None:
            return self._to_header(pair.value, flow, statement, [], removed=parent)
        if flow.encoded is not None:
            edits = self._unencoded(pair, flow, flow.encoded) or [pair.edit]
            return self._to_header(pair.value, flow, statement, edits, None)
        if isinstance(parent, cst.BinaryOperation):
            other = parent.left if parent.right is pair.holder else parent.right
            edits = [Edit(*source.outer(parent), source.code(other))]
            return self._to_header(pair.value, flow, statement, edits, None)
        if isinstance(parent, cst.Assign | cst.AnnAssign) and _are_params(source, flow):
            line = source.parent(parent)
            once = len(flow.variables) == 1 and not flow.told
            if isinstance(line, cst.SimpleStatementLine) and once:
                edits = [taken_statement(source, line)]
                return self._to_header(pair.value, flow, statement, edits, removed=None, every=True)
        return self._to_header(pair.value, flow, statement, [pair.edit], None)

    def _unencoded(self, pair: Pair, flow: Flow, encoded: cst.Call) -> list[Edit]:
        """The map, the call that encodes it, and the mark before it in the address."""
        source = self._source
        out = self._without_query(encoded)
        if source.parent(source.parent(pair.holder)) is encoded or not out:
            return out
        assign = source.parent(pair.holder)
        line = source.parent(assign)
        once = len(flow.variables) == 1 and not flow.told and len(flow.sinks) == 1
        if not once or not isinstance(line, cst.SimpleStatementLine):
            return []
        return [taken_statement(source, line), *out]

    def _without_query(self, encoded: cst.Call) -> list[Edit]:
        """``"?" + urlencode({})`` out of the text that it is in, or of the variable's."""
        source = self._source
        assign = source.parent(encoded)
        if isinstance(assign, cst.Assign):
            return self._without_variable(assign)
        return _cut_hole(source, encoded)

    def _without_variable(self, assign: cst.Assign) -> list[Edit]:
        """``query = urlencode({})``, where one text has it."""
        source = self._source
        target, line = assign.targets[0].target, source.parent(assign)
        scope = source.scope(target)
        bound = [*scope[target.value]] if isinstance(target, cst.Name) and scope is not None else []
        uses = {access.node for each in bound for access in each.references}
        if len(bound) != 1 or len(uses) != 1 or not isinstance(line, cst.SimpleStatementLine):
            return []
        edits = _cut_hole(source, uses.pop())
        return [taken_statement(source, line), *edits] if edits else []

    def _client_params(self, pair: Pair) -> list[Edit] | None:
        """``session.params = {"jwt": token}``: then the client's headers have it."""
        source = self._source
        target = source.parent(pair.holder)
        if not isinstance(target, cst.Assign) or len(target.targets) != 1:
            return None
        member = target.targets[0].target
        if not isinstance(member, cst.Attribute) or member.attr.value != "params":
            return None
        line = source.parent(target)
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            return None
        set_header = self._client_header(member.value, pair.value)
        if pair.alone:
            return [Edit(*source.span(target), set_header)]
        return [pair.edit, _line_after(source, line, set_header)]

    def _client_header(self, client: cst.BaseExpression, value: cst.BaseExpression) -> str:
        source = self._source
        if client_kind(source, client) not in ("requests", "httpx"):
            raise Unfixable(f"what {source.code(client)[:60]} is can not be seen here")
        check_client(source, source.code(client))
        self.touches.add(source.code(client))
        made = self._credential(value)
        return f"{source.code(client)}.headers[{made.name}] = {made.code}"

    # ---- a statement ----

    def grown(self, grown: Grown) -> list[Edit]:
        """``params["jwt"] = token``."""
        source = self._source
        _check_value(source, grown.value)
        target = grown.target
        if isinstance(target, cst.Attribute) and target.attr.value == "params":
            text = self._client_header(target.value, grown.value)
            if grown.edit is not None:
                return [grown.edit, _line_after(source, grown.line, text)]
            if grown.line.trailing_whitespace.comment is None and len(grown.line.body) == 1:
                return [Edit(*source.span(grown.line.body[0]), text)]
            raise Unfixable("several things stand on its line")
        flow = from_target(source, target, grown.line.body[0], "params")
        edits = [grown.edit] if grown.edit is not None else []
        return self._to_header(
            grown.value, flow, grown.line, edits, None,
            instead=grown.line if grown.edit is None else None,
        )  # fmt: skip

    # ---- to the header ----

    def _to_header(
        self,
        value: cst.BaseExpression,
        flow: Flow,
        statement: cst.BaseStatement,
        edits: Sequence[Edit],
        removed: cst.Arg | None,
        *,
        every: bool = False,
        instead: cst.SimpleStatementLine | None = None,
    ) -> list[Edit]:
        """*edits*, and the header in each request; *every*: without the argument that it had.

        *instead* is the statement in whose place the token is kept, or nothing.
        """
        source = self._source
        made = self._credential(value)
        out = [*edits]
        if flow.variables:
            _check_not_again(source, self._node, self._name, flow.variables)
            if instead is not None and not _follow(source, statement, flow):
                return self._under_condition(instead, flow, made)
            for sink in flow.sinks:
                _check_follows(source, statement, sink.request.call)
            kept = _is_stable(source, value, statement) and not (
                isinstance(value, cst.Attribute) and _may_change(source, statement, flow)
            )
            if not kept:
                name = _free_name(source, statement, "authorization")
                text = f"{name} = {made.code}"
                self.touches.add(name)
                made = Credential(name, made.quote)
                out += _kept_in(source, statement, text, instead, out)
                instead = None
        if instead is not None:
            out.append(taken_statement(source, instead))
        for sink in flow.sinks:
            check_free(source, sink.request)
            gone = sink.argument if every else removed
            out = self._in_request(sink, made, gone, out)
        return out

    def _under_condition(
        self, line: cst.SimpleStatementLine, flow: Flow, made: Credential
    ) -> list[Edit]:
        """``if token: params["jwt"] = token``: the same for a map of headers, made before."""
        source = self._source
        requests = [sink.request for sink in flow.sinks]
        given = {_headers_name(each) for each in requests}
        odd = len(line.body) != 1 or any(each.shape.way != "headers" for each in requests)
        if odd or len(given) != 1 or _repeats(source, line, requests):
            raise Unfixable("it is sent under a condition")
        for each in requests:
            check_free(source, each)
            self.touches.add(f"call at {source.span(each.call)[0]}")
        name = given.pop()
        if name:
            edits: list[Edit] = []
            for each in requests:
                check_own(source, each, line, len(requests))
        else:
            name, edits = self._new_map(line, flow)
        return [*edits, Edit(*source.span(line.body[0]), f"{name}[{made.name}] = {made.code}")]

    def _new_map(self, line: cst.SimpleStatementLine, flow: Flow) -> tuple[str, list[Edit]]:
        """A map of headers for requests that have none: its name, and the edits that make it."""
        source = self._source
        calls = [sink.request.call for sink in flow.sinks]
        if any(sink.request.headers is not None for sink in flow.sinks):
            raise Unfixable("it is sent under a condition")
        name = _free_name(source, line, "headers")
        self.touches.add(name)
        at = source.line_start(source.span(_outer_statement(source, line, calls))[0])
        first = Edit(at, at, f"{source.indent_at(at)}{name} = {{}}{source.newline}")
        text = f"headers={name}"
        added = [added_argument(source, s.request.call, text, s.argument) for s in flow.sinks]
        return name, [first, *added]

    def _in_request(
        self, sink: Sink, made: Credential, gone: cst.Arg | None, edits: list[Edit]
    ) -> list[Edit]:
        source, request = self._source, sink.request
        self.touches.add(f"call at {source.span(request.call)[0]}")
        if request.shape.way != "headers":
            return hoisted(source, request, made, edits)
        if gone is None:
            return [*edits, add_header(source, request, made, sink.argument)]
        if request.headers is None:
            if gone.keyword is None and _positional_after(request.call, gone):
                raise Unfixable("arguments stand after the parameters")
            return [*edits, Edit(*source.span(gone), f"headers={made.map}")]
        if gone.keyword is None and _positional_after(request.call, gone):
            raise Unfixable("arguments stand after the parameters")
        return [
            *edits,
            taken_out(source, request.call.args, gone),
            add_header(source, request, made, None),
        ]

    @property
    def _quote(self) -> str:
        """How strings are quoted here."""
        start, end = self._source.span(self._node)
        found = re.search(r"[\"']", self._source.text[start:end])
        if found is not None:
            return found[0]
        text = self._source.text
        return '"' if text.count('"') >= text.count("'") else "'"

    def _credential(self, value: cst.BaseExpression) -> Credential:
        return credential(self._source, self._scheme, value, self._quote)


# ---- what is so ------------------------------------------------------------------------------


def _cut_hole(source: Source, node: cst.CSTNode) -> list[Edit]:
    """What *node* puts into a text, out, with its mark; no edits where it is not a whole query."""
    whole = whole_text(source, node) if isinstance(node, cst.BaseExpression) else node
    if whole is node or not isinstance(whole, cst.BaseExpression):
        return []
    cut = Text(source, whole).cut_hole(node)
    return [*cut.edits] if cut is not None and not cut.whole else []


def _are_params(source: Source, flow: Flow) -> bool:
    return all(
        sink.request.role_of(sink.argument) == "params"
        and isinstance(sink.argument.value, cst.Name)
        for sink in flow.sinks
    )


def _positional_after(call: cst.Call, gone: cst.Arg) -> bool:
    at = next(number for number, each in enumerate(call.args) if each is gone)
    return any(each.keyword is None for each in call.args[at + 1 :])


def _check_no_page(code: str) -> None:
    """Texts that a browser gets."""
    if re.search(r"<\s*[A-Za-z/!]", code):
        raise Unfixable("it is a part of a page: an <img>, a link or a script sends no header")
    if re.search(r"(?i)\bwss?://", code):
        raise Unfixable("a WebSocket may not take a header")
    if re.search(r"window\.|document\.|location\s*=", code):
        raise Unfixable("it is a script of a page: window.location sends no header")


def _check_value(source: Source, value: cst.BaseExpression) -> None:
    code = source.code(value)
    if _BEARER.match(code) or isinstance(value, cst.BaseString):
        raise Unfixable("the value is more than a token")
    if isinstance(value, cst.IfExp | cst.BooleanOperation | cst.List | cst.Tuple):
        raise Unfixable("whether there is a token is decided where it is sent")


def _follow(source: Source, statement: cst.CSTNode, flow: Flow) -> bool:
    """Whether each request comes after *statement* whenever it comes."""
    suite = source.parent(statement)
    return all(
        any(each is suite for each in source.ancestors(sink.request.call)) for sink in flow.sinks
    )


def _repeats(source: Source, line: cst.CSTNode, requests: Sequence[Request]) -> bool:
    """Whether a loop has both: then what one turn puts in is there in the next."""
    loops = [each for each in source.ancestors(line) if isinstance(each, cst.For | cst.While)]
    return any(loop in source.ancestors(each.call) for loop in loops for each in requests)


def _headers_name(request: Request) -> str:
    """The variable with the headers of *request*; "" for anything else."""
    given = request.headers
    return given.value.value if given is not None and isinstance(given.value, cst.Name) else ""


def _outer_statement(
    source: Source, line: cst.BaseStatement, calls: Sequence[cst.Call]
) -> cst.BaseStatement:
    """The statement around *line* whose suite has all *calls* in it, too."""
    for each in (line, *source.ancestors(line)):
        suite = source.parent(each)
        inside = all(any(one is suite for one in source.ancestors(call)) for call in calls)
        if isinstance(each, cst.BaseStatement) and inside:
            return each
    raise Unfixable("it is sent under a condition")


def _check_follows(source: Source, statement: cst.CSTNode, call: cst.Call) -> None:
    """The request comes after *statement* whenever it comes: it is in the same suite, or deeper."""
    suite = source.parent(statement)
    if not any(each is suite for each in source.ancestors(call)):
        raise Unfixable("it is sent under a condition")


def _check_not_again(
    source: Source, node: cst.CSTNode, name: str, variables: Sequence[str]
) -> None:
    """Nothing else in the function reads or writes that parameter: ``params["jwt"]``."""
    for each in source.walk(source.function(node)):
        if each is node or not isinstance(each, cst.SimpleString):
            continue
        if str(each.evaluated_value).lower() != name.lower():
            continue
        for outer in source.ancestors(each):
            of = source.code(outer) if isinstance(outer, cst.Subscript | cst.Call) else ""
            if re.match(rf"(?:{'|'.join(map(re.escape, variables))})\s*[.\[]", of):
                raise Unfixable("the parameter is used elsewhere, too")


def _is_stable(source: Source, value: cst.BaseExpression, statement: cst.CSTNode) -> bool:
    """Whether *value* is the same later in the function: a name that is bound once, before."""
    if isinstance(value, cst.Attribute):
        return _is_stable(source, value.value, statement) and not _is_set(source, value)
    if not isinstance(value, cst.Name):
        return False
    scope = source.scope(value)
    bound = [*(scope[value.value] if scope is not None else ())]
    if len(bound) != 1 or not isinstance(bound[0], Assignment):
        return False
    return source.span(bound[0].node)[0] < source.span(statement)[0]


def _may_change(source: Source, statement: cst.BaseStatement, flow: Flow) -> bool:
    """Whether something is called, or waited for, between *statement* and one of the requests.

    That may set a member.  In a loop what comes after the request comes before it, too.
    """
    end = source.span(statement)[1]
    around = [*source.ancestors(statement)]
    calls = [sink.request.call for sink in flow.sinks]
    last = max(source.span(each)[0] for each in calls)
    for call in calls:
        loops = (e for e in source.ancestors(call) if isinstance(e, cst.For | cst.While))
        if any(each not in around for each in loops):
            return True
    return any(
        isinstance(each, cst.Call | cst.Await | cst.Yield)
        and each not in calls
        and end <= source.span(each)[0] < last
        and not any(call in (each, *source.walk(each)) for call in calls)
        for each in source.walk(source.function(statement))
    )


def _is_set(source: Source, member: cst.Attribute) -> bool:
    wanted = source.code(member)
    function = source.function(member)
    return any(
        isinstance(each, cst.AssignTarget) and source.code(each.target) == wanted
        for each in source.walk(function)
    )


def _free_name(source: Source, statement: cst.CSTNode, wanted: str) -> str:
    """A name that nothing has in this file."""
    names = source.names()
    numbered = (f"{wanted}_{number}" for number in range(2, _NAMES_MAX))
    for name in (wanted, f"{wanted}_header", f"token_{wanted}", *numbered):
        if name not in names:
            return name
    raise Unfixable(f"the names {wanted} and {wanted}_header are taken")


def _kept_in(
    source: Source,
    statement: cst.BaseStatement,
    text: str,
    instead: cst.SimpleStatementLine | None,
    edits: Sequence[Edit],
) -> Iterator[Edit]:
    """A statement that keeps the value: in the place of *instead*, or before *statement*."""
    if instead is not None:
        if len(instead.body) != 1:
            raise Unfixable("several statements stand on one line")
        yield Edit(*source.span(instead.body[0]), text)
        return
    start = source.span(statement)[0]
    at = source.line_start(start)
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        raise Unfixable("several statements stand on one line")
    if any(each.start == at for each in edits):
        raise Unfixable("what makes the token would be lost with its statement")
    yield Edit(at, at, f"{source.indent_at(start)}{text}{source.newline}")


def _line_after(source: Source, line: cst.SimpleStatementLine, text: str) -> Edit:
    start, end = source.span(line)
    stop = re.compile(r"[^\r\n]*").match(source.text, end)
    at = stop.end() if stop is not None else end
    return Edit(at, at, f"{source.newline}{source.indent_at(start)}{text}")
