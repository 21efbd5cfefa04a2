"""Names of parameters: in a map, an argument, a subscript, an annotation; and where those go.

From the place where a token's name stands, upwards in the tree: what is it there, and
does that end in the query of a request, or in a body, a header, a cookie?
"""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, TYPES
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    function_around,
    is_dynamic,
    named_children,
    scope_text,
)
from headway.scan.code.uses import QUERY_KEY, Goes, uses_of

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
    r"query\.merge|query|queryParams)\Z"
)
_POSTS = re.compile(
    r"(?i)(?:\.|::|\b)(?:post|put|patch|PostForm|PostAsJsonAsync|PostAsync|Write|execute|write|"
    r"object|shape|schema|logical\(\)\.write|lookup|where|send|emit|commit|permit|require)\Z"
)
_GETS = re.compile(
    r"(?:requests|httpx|session|client|http|HTTP|HTTParty|RestClient|Typhoeus|Excon|Faraday|connection|axios|ky|got|"
    r"\$|jQuery|Http|superagent|request|Unirest|self\.session|this\.http|api)(?:\.|::|->)"
    r"(?:get|getJSON|request|head|delete|list|ajax)\Z"
)
_BODY_NEAR = re.compile(
    r"POSTFIELDS|FormUrlEncodedContent|FormData|FormBody|JSON\.stringify|json\("
)
_FUNCTION_FOR_QUERY = re.compile(r"(?i)quer|params")


_SEQUENCES = frozenset({"tuple", "list", "array", "array_creation_expression", "tuple_expression"})


def in_pair(node: SgNode, source: str) -> bool:
    """``{"jwt": token}``, ``jwt=token``, ``"jwt" => $token``, ``("jwt", token)``, ``jwt`` alone."""
    parent = _seen_through(node)
    if parent is None:
        return False
    kind = parent.kind()
    if node.kind() == "shorthand_property_identifier":
        return where_it_goes(node, source) is Goes.QUERY
    children = named_children(parent)
    if kind in ("pair", "keyword_argument", "array_element_initializer", "keyed_element"):
        if len(children) < 2 or not covers(children[0], node) or not is_dynamic(children[-1]):
            return False
        if kind == "keyword_argument" and not _is_map_call(parent):
            return False
        return where_it_goes(parent, source) is Goes.QUERY
    if kind == "infix_expression" and re.search(
        r"->|\bto\b", parent.text()[len(node.text()) :][:8]
    ):
        return is_dynamic(children[-1]) and where_it_goes(parent, source) is Goes.QUERY
    if kind in _SEQUENCES and len(children) == 2 and covers(children[0], node):
        return is_dynamic(children[1]) and where_it_goes(parent, source) is Goes.QUERY
    if kind in ("anonymous_object_creation_expression",) and node.kind() == "identifier":
        return where_it_goes(parent, source) is Goes.QUERY
    if "assignment" in kind and _in_initializer(parent):
        return where_it_goes(parent, source) is Goes.QUERY
    return False


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
    inner = node
    for each in ancestors(node):
        kind = each.kind()
        if kind in TYPES:
            return Goes.ELSEWHERE
        if kind in ("pair", "keyword_argument", "array_element_initializer", "keyed_element",
                    "named_argument") and not covers(named_children(each)[0], node):  # fmt: skip
            key = named_children(each)[0].text().strip("\"':[]{} ")
            if QUERY_KEY.search(key):
                seen = Goes.QUERY
                return _of_call(each, seen)
            if _OTHER_KEY.search(key):
                return _jquery_data(each) if key == "data" else Goes.ELSEWHERE
        elif kind == "binary_operator" and each.children()[1].text() == "%":
            return Goes.ELSEWHERE
        elif kind in CALLS:
            said = _by_call(each, inner)
            if said is Goes.UNKNOWN and re.search(r"\.(?:update|append|push|add)\Z", callee(each)):
                receiver = callee(each).rpartition(".")[0]
                return uses_of(
                    re.split(r"\.|->", receiver)[-1], scope_text(node), member="." in receiver
                )
            if said is not Goes.UNKNOWN:
                seen = said
                if said is Goes.ELSEWHERE:
                    return said
        elif "assignment" in kind or "declarat" in kind or kind == "property_declaration":
            if seen is Goes.QUERY:
                return seen
            return _by_variable(each, node, source)
        elif kind in ("return_statement", "return") or kind.startswith("function_body"):
            return seen if seen is not Goes.UNKNOWN else _by_function(each, source)
        inner = each
    return seen if seen is not Goes.UNKNOWN else _by_function(node, source)


def _of_call(pair: SgNode, seen: Goes) -> Goes:
    """``params`` of a call that is no request is something else."""
    call = next((each for each in ancestors(pair) if each.kind() in CALLS), None)
    if call is None:
        return seen
    name = callee(call)
    if re.search(r"(?i)\b(?:css|style|theme|render|lookup|describe|it|expect)\Z", name):
        return Goes.ELSEWHERE
    return seen


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


def _by_call(call: SgNode, inner: SgNode) -> Goes:
    name = callee(call)
    bare = re.sub(r"\(.*\)", "()", name.removeprefix("new "))
    if _BODY_NEAR.search(name) or "POSTFIELDS" in call.text()[:200]:
        return Goes.ELSEWHERE
    if re.search(r"(?i)(?:header|cookie|form)s?\w*(?:\.|\b)", bare.rpartition(".")[0]):
        return Goes.ELSEWHERE
    if _ENCODER.search(bare) or _ENCODER.search(bare.split("<")[0].strip()):
        return Goes.QUERY
    if _POSTS.search(bare):
        return Goes.ELSEWHERE
    if _GETS.search(bare):
        return Goes.QUERY
    return Goes.UNKNOWN


def _by_variable(assignment: SgNode, node: SgNode, source: str) -> Goes:
    """By the name of a variable, and by what is done with it afterwards."""
    head = assignment.text()[: max(0, node.range().start.index - assignment.range().start.index)]
    found = re.search(r"([\w.$\[\]>-]+)\s*(?::[^=]*)?(?::=|=|\|=|\+=)\s*[^=]*\Z", head, re.DOTALL)
    if found is None:
        return Goes.UNKNOWN
    variable = found[1].strip("$")
    last = re.split(r"[.\->]+", variable)[-1]
    around = function_around(node)
    return uses_of(
        last,
        around.text() if around is not None else source,
        member="." in variable or "->" in variable,
    )


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
    return Goes.QUERY if _FUNCTION_FOR_QUERY.search(found[1]) else Goes.UNKNOWN
