"""Names of parameters: in a map, an argument, a subscript, an annotation; and where those go.

From the place where a token's name stands, upwards in the tree: what is it there, and
does that end in the query of a request, or in a body, a header, a cookie?
"""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, STRINGS, TYPES
from headway.scan.code.names import MAILED, ONCE, WORDS, is_other_token
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    function_around,
    is_dynamic,
    named_children,
    near_text,
    scope_text,
)
from headway.scan.code.uses import QUERY_KEY, Goes, is_query, uses_of

__all__ = ["in_pair", "where_it_goes"]


_OTHER_KEY = re.compile(
    r"(?i)(?:json|data|body|headers?|cookies?|form|form_params|payload|variables|variable_values|"
    r"multipart|files|locals|props|context|fields|value)\Z"
)
_ENCODER = re.compile(
    r"(?:urlencode|http_build_query|URLSearchParams|stringify|encode_www_form|to_query|url\.Values|"
    r"Uri\.Query|AddQueryString|update_query|with_query|extend_query|SetQueryParams?|withQueryParameters|QueryParams|"
    r"copy_merge_params|copy_with_params|add_query_arg|URLEncodedUtils\.format|httpGet|"
    r"addQueryStringParameters|withQuery|default_params|HttpParams|prepare_url|params\.merge|"
    r"query\.merge|query|queryParams|\}\.Encode)\Z"
)
_POSTS = re.compile(
    r"(?i)(?:\.|::|\b)(?:post|post(?:method|json|form|data|request)\w*|http_?post|put|patch|PostForm|PostAsJsonAsync|PostAsync|Write|execute|write|"
    r"object|shape|schema|logical\(\)\.write|lookup|where|send|emit|commit|permit|require)\Z"
)
_GETS = re.compile(
    r"(?i:(?:\A|[\s.@$>:_(!]|\b)(?:\w*(?:requests?|httpx?|https|client|session|conn|connection|faraday|axios|ky|got|jquery|"
    r"superagent|unirest|typhoeus|excon|httparty|api|rest|agent|fetcher)|\$|self|this\.http))(?:\(\))?"
    r"(?:(?:\.|->|::)\w+\(\))*(?:\.|->|::)(?:get|getJSON|request|head|delete|list|ajax)\Z"
)
_BODY_NEAR = re.compile(
    r"POSTFIELDS|FormUrlEncodedContent|FormData|FormBody|JSON\.stringify|json\("
)
_FUNCTION_FOR_QUERY = re.compile(r"(?i)quer|params")


_MEMBERS = frozenset(
    {"pair", "keyword_argument", "array_element_initializer", "keyed_element", "named_argument"}
)
_SEQUENCES = frozenset({"tuple", "list", "array", "array_creation_expression", "tuple_expression",
                        "expression_list"})  # fmt: skip
_PASSWORD_GRANT = re.compile(r"\bgrant_type\b|\bgrantType\b")


def in_pair(node: SgNode, source: str) -> bool:
    """``{"jwt": token}``, ``jwt=token``, ``"jwt" => $token``, ``("jwt", token)``, ``jwt`` alone."""
    pair = _seen_through(node)
    if pair is None or not _is_pair(pair, node):
        return False
    value = named_children(pair)[-1] if pair.kind() in _VALUED else None
    if value is not None and not _is_secret(node, value):
        return False
    around = pair.parent()
    if around is not None and _PASSWORD_GRANT.search(around.text()[:600]):
        return False  # an authorization server's form
    alone = node.kind() == "shorthand_property_identifier"
    return is_query(where_it_goes(node if alone else pair, source), node.text())


def _is_secret(node: SgNode, value: SgNode) -> bool:
    """Whether *value* may be what *node*, its name, says: no constant, and no page's token."""
    if not is_dynamic(value) or _CONSTANT_LIST.fullmatch(value.text()[:200]):
        return False
    is_word = node.text().strip("\"'`:").lower() in WORDS
    return not is_word or not (
        is_other_token(value.text()) or _AN_ADDRESS.search(value.text()[:200])
    )


_CONSTANT_LIST = re.compile(r"(?s)(?:\[\]string)?\s*[\[{]\s*[\"'][^\"'{$]*[\"']\s*[\]}]")
_AN_ADDRESS = re.compile(r"[\"'`/][\w/:.-]*/\w*token|https?:|(?i:ur[li]\b|endpoint)")


_VALUED = _MEMBERS | _SEQUENCES | {"infix_expression"}


def _is_pair(pair: SgNode, node: SgNode) -> bool:
    """Whether *node* is the name in *pair*, which has a value too."""
    kind = pair.kind()
    if node.kind() == "shorthand_property_identifier":
        return True
    if kind == "anonymous_object_creation_expression":
        return node.kind() == "identifier"
    if "assignment" in kind:
        return _in_initializer(pair)
    children = named_children(pair)
    if kind not in _VALUED or len(children) < 2 or not covers(children[0], node):
        return False
    if kind == "keyed_element":
        return not _is_field(node, pair)
    if kind == "infix_expression":
        return re.search(r"->|\bto\b", pair.text()[len(node.text()) :][:8]) is not None
    if kind in _SEQUENCES:
        return len(children) == 2
    return kind != "keyword_argument" or _is_map_call(pair)


def _is_field(node: SgNode, pair: SgNode) -> bool:
    """Whether *node* is a field of one of Go's structs, and no text in a map."""
    named = node.kind() in ("identifier", "field_identifier") and re.match(r"[A-Z]", node.text())
    return bool(named) and "Values" not in pair.text()


def _seen_through(node: SgNode) -> SgNode | None:
    """The parent of *node*, without the wrappers that some grammars have."""
    at = node.parent()
    while at is not None and at.kind() in (
        "literal_element", "computed_property_name", "argument", "bracketed_argument_list",
        "implicit_element_access", "element_binding_expression", "string", "encapsed_string",
        "class_constant_access_expression", "scope_resolution", "field_access", "attribute",
        "member_expression", "selector_expression", "member_access_expression",
    ):  # fmt: skip
        at = at.parent()
    return at


def _is_map_call(pair: SgNode) -> bool:
    call = next((each for each in ancestors(pair) if each.kind() in CALLS), None)
    return call is not None and bool(
        re.search(r"(?:\bdict|update|update_query|with_query|urlencode|encode_www_form|merge|"
                  r"default_params|extend_query)\Z", callee(call))
    )  # fmt: skip


def _in_initializer(node: SgNode) -> bool:
    return any(each.kind() in ("initializer_expression",) for each in [*ancestors(node)][:2])


def where_it_goes(node: SgNode, source: str) -> Goes:
    """Where the map around *node* goes: by the members, calls and variables on its way out."""
    seen = Goes.UNKNOWN
    for each in ancestors(node):
        seen, done = _said_by(each, node, source, seen)
        if done:
            return seen
    return seen if seen is not Goes.UNKNOWN else _by_function(node, source)


def _said_by(each: SgNode, node: SgNode, source: str, seen: Goes) -> tuple[Goes, bool]:
    """What *each*, which *node* stands in, says; and whether that is the last word."""
    kind = each.kind()
    if kind in TYPES:
        return Goes.ELSEWHERE, True
    if kind == "binary_operator" and each.children()[1].text() == "%":
        return _by_remainder(each.children()[0], node, source), True
    if kind in _MEMBERS:
        return _by_member(each, node, seen)
    if kind in CALLS:
        said = _by_receiver(each, node) or _by_call(each)
        done = said is Goes.ELSEWHERE or _grows(each)
        return (said, done) if said is not Goes.UNKNOWN or done else (seen, False)
    if re.search(r"assignment|declarat", kind):
        said = _by_variable(each, node, source)
        return (seen if seen is not Goes.UNKNOWN and said not in _CERTAIN else said), True
    if kind in _GIVES or kind.startswith("function_body"):
        return (seen if seen is not Goes.UNKNOWN else _by_function(each, source)), True
    return seen, False


_CERTAIN = (Goes.QUERY, Goes.ELSEWHERE)
_GIVES = frozenset({"return_statement", "return", "yield", "yield_statement"})


def _by_remainder(left: SgNode, node: SgNode, source: str) -> Goes:
    """A format's values, or the query that yarl gives an address."""
    formats = left.kind() in STRINGS or covers(left, node) or _is_format(left, source)
    return Goes.ELSEWHERE if formats else Goes.QUERY


def _is_format(name: SgNode, source: str) -> bool:
    """Whether *name* is a text's with places for a map's values."""
    text = re.escape(name.text()[:80])
    return name.kind() == "identifier" and re.search(rf"\b{text}\s*=.*%\(", source) is not None


def _by_member(each: SgNode, node: SgNode, seen: Goes) -> tuple[Goes, bool]:
    """By the name of the member whose value has *node* in it."""
    name = named_children(each)[0]
    if covers(name, node):
        return seen, False
    key = name.text().strip("\"':[]{} ")
    if QUERY_KEY.search(key):
        return _of_call(each, Goes.QUERY), True
    if key == "fields" and _is_get(each):
        return Goes.QUERY, True
    if _OTHER_KEY.search(key):
        return (_jquery_data(each) if key == "data" else Goes.ELSEWHERE), True
    return seen, False


def _is_get(pair: SgNode) -> bool:
    """Whether the call around *pair* names GET as its method: urllib3's fields are a query then."""
    call = next((each for each in ancestors(pair) if each.kind() in CALLS), None)
    return call is not None and re.search(r"\(\s*[\"']GET[\"']", call.text()[:200]) is not None


def _grows(call: SgNode) -> bool:
    """Whether *call* adds to a map or a list that is there already."""
    return re.search(r"\.(?:update|append|push|add)\Z", callee(call)) is not None


def _by_receiver(call: SgNode, node: SgNode) -> Goes | None:
    """Where that map or list goes; None for another call."""
    if not _grows(call) or _by_call(call) is not Goes.UNKNOWN:
        return None
    receiver = callee(call).rpartition(".")[0]
    last = re.split(r"\.|->", receiver)[-1]
    return uses_of(last, scope_text(node), member="." in receiver)


_NO_REQUEST = re.compile(
    r"(?i)(?:\b|_)(?:css|style|theme|render|lookup|describe|it|expect|stringify|dumps|send|emit|notify|"
    r"publish|json_encode|push|navigate|sendMessage|postMessage)\Z"
)


def _of_call(pair: SgNode, seen: Goes) -> Goes:
    """``params`` of a call that is no request is something else."""
    call = next((each for each in ancestors(pair) if each.kind() in CALLS), None)
    if call is None:
        return seen
    name = callee(call)
    beside = pair.parent()
    if beside is not None and re.search(r"\bjsonrpc\b", beside.text()[:600]):
        return Goes.ELSEWHERE
    return Goes.ELSEWHERE if _NO_REQUEST.search(name) else seen


def _jquery_data(pair: SgNode) -> Goes:
    """``data`` of ``$.ajax`` is a query where the request is a GET."""
    around = next((each for each in ancestors(pair) if each.kind() in CALLS), None)
    if around is None or not re.search(r"(?:\$|jQuery)\.ajax\Z", callee(around)):
        return Goes.ELSEWHERE
    return (
        Goes.QUERY
        if re.search(r"(?:type|method)\s*:\s*[\"']GET", around.text())
        else Goes.ELSEWHERE
    )


def _by_call(call: SgNode) -> Goes:
    name = callee(call)
    bare = re.sub(r"\(.*\)", "()", name.removeprefix("new "))
    no_query = _BODY_NEAR.search(name) or "POSTFIELDS" in call.text()[:200]
    if no_query or _NO_RECEIVER.search(bare.rpartition(".")[0]):
        return Goes.ELSEWHERE
    encodes = (
        _MAKES_ADDRESS.search(bare)
        or _ENCODER.search(bare)
        or _ENCODER.search(bare.split("<")[0].strip())
    )
    if bare == "url.Values":
        return Goes.NAMED  # Go's, for forms as well
    if encodes or _helps_rails(bare, call):
        return Goes.QUERY
    if _POSTS.search(bare):
        return Goes.ELSEWHERE
    return Goes.QUERY if _GETS.search(bare) else Goes.UNKNOWN


_NO_RECEIVER = re.compile(r"(?i)(?:header|cookie|form)s?\w*(?:\.|\b)")


_MAKES_ADDRESS = re.compile(
    r"(?i)(?:\b|_|\.)(?:build|make|create|with|add|append|format|join|compose|construct|prepare)_?\w*"
    r"(?:url|uri|link|query|query_?string|params)(?:_?with\w*)?\Z"
)


def _helps_rails(name: str, call: SgNode) -> bool:
    """Route helpers put what is no part of the path into the query; mails have links for once."""
    if not re.search(r"(?:\A|\.)(?!new\b)[a-z]\w*_url\Z", name):
        return False
    around = near_text(call)
    return not (ONCE.search(name + around[:160]) or MAILED.search(around))


def _by_variable(assignment: SgNode, node: SgNode, source: str) -> Goes:
    """By the name of a variable, and by what is done with it afterwards."""
    head = assignment.text()[: max(0, node.range().start.index - assignment.range().start.index)]
    found = re.search(r"([\w.$\[\]>-]+)\s*(?::[^=]*)?(?::=|=|\|=|\+=)\s*[^=]*\Z", head, re.DOTALL)
    if found is None:
        return Goes.UNKNOWN
    if _OPAQUE.search(head[found.end(1) :]) and not _BODY_NAMED.search(found[1]):
        return Goes.UNKNOWN  # what a call gives is another thing
    variable = found[1].strip("$")
    last = re.split(r"[.\->]+", variable)[-1]
    around = function_around(node)
    return uses_of(
        last,
        around.text() if around is not None else source,
        member="." in variable or "->" in variable,
    )


_OPAQUE = re.compile(
    r"(?i)(?<![\w.])(?!\w*(?:dict|list|tuple|array|map|pairs|freeze|object|merge|extend|assign|mixin|"
    r"compact|filter|entries|(?:to|build|make|create|with)_?query|query_?string|ur[li]|param|encode|stringify|http_build|hash|omit|pick|clean|link))"
    r"[a-z_]\w*\((?![^()]*\))"
)
_BODY_NAMED = re.compile(r"(?i)(?:body|data|form|payload)\Z")


def _by_function(node: SgNode, source: str) -> Goes:
    """What a function returns goes where its callers put it; its name says so, or they do."""
    around = function_around(node)
    if around is None:
        return Goes.UNKNOWN
    found = re.search(r"(?:def|function|fun|func)\s+(?:\([^)]*\)\s*)?([\w]+)", around.text()[:300])
    if found is None:
        found = re.search(r"\b(\w+)\s*\(", around.text()[:200])
    if found is None:
        return Goes.UNKNOWN
    if _FUNCTION_FOR_QUERY.search(found[1]):
        return Goes.QUERY
    return uses_of(found[1], source, called=True)
