"""Names of parameters: in a map, an argument, a subscript, an annotation; and where those go.

From the place where a token's name stands, upwards in the tree: what is it there, and
does that end in the query of a request, or in a body, a header, a cookie?
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, TYPES
from headway.scan.code.names import is_host_target
from headway.scan.code.texts import Sent
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    function_around,
    is_dynamic,
    literal,
    named_children,
    positional,
    statement_of,
)

__all__ = ["Goes", "sent_by_name"]


class Goes(Enum):
    """Where a map of names and values goes."""

    QUERY = auto()
    ELSEWHERE = auto()
    UNKNOWN = auto()


# ---- names: maps, arguments, members --------------------------------------------------------

_QUERY_KEY = re.compile(
    r"(?i)\A(?:query|params|qs|search_?params|query_?params|query_?parameters|default_params|"
    r"query_values|args|RequestOptions::QUERY|query_string)\Z"
)
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


def sent_by_name(node: SgNode, constants: Mapping[str, str], source: str) -> Iterator[Sent]:
    """The map, call or member that *node*, a token's name, stands in, where it sends one."""
    found = (
        _in_pair(node, source)
        or _in_argument(node, source)
        or _in_subscript(node, source)
        or _in_declaration(node)
    )
    if found:
        name = literal(node) or constants.get(node.text().strip("$[]"), node.text())
        yield Sent(node, name, is_host_target(_scope_text(node)))


def _scope_text(node: SgNode) -> str:
    around = function_around(node)
    return around.text()[:1_500] if around is not None else statement_of(node).text()[:600]


def _in_pair(node: SgNode, source: str) -> bool:
    """``{"jwt": token}``, ``jwt=token``, ``"jwt" => $token``, ``("jwt", token)``, ``jwt`` alone."""
    parent = _seen_through(node)
    if parent is None:
        return False
    kind = parent.kind()
    if node.kind() == "shorthand_property_identifier":
        return _goes(node, source) is Goes.QUERY
    children = named_children(parent)
    if kind in ("pair", "keyword_argument", "array_element_initializer", "keyed_element"):
        if len(children) < 2 or not covers(children[0], node) or not is_dynamic(children[-1]):
            return False
        if kind == "keyword_argument" and not _is_map_call(parent):
            return False
        return _goes(parent, source) is Goes.QUERY
    if kind == "infix_expression" and re.search(
        r"->|\bto\b", parent.text()[len(node.text()) :][:8]
    ):
        return is_dynamic(children[-1]) and _goes(parent, source) is Goes.QUERY
    if kind in ("tuple", "list", "array", "array_creation_expression", "tuple_expression"):
        if len(children) == 2 and covers(children[0], node) and is_dynamic(children[1]):
            return _goes(parent, source) is Goes.QUERY
    if kind in ("anonymous_object_creation_expression",) and node.kind() == "identifier":
        return _goes(parent, source) is Goes.QUERY
    if "assignment" in kind and _in_initializer(parent):
        return _goes(parent, source) is Goes.QUERY
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


def _goes(node: SgNode, source: str) -> Goes:
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
            if _QUERY_KEY.search(key):
                seen = Goes.QUERY
                if kind != "pair" or not _in_call(each):
                    return seen
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
                    re.split(r"\.|->", receiver)[-1], _scope_text(node), member="." in receiver
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


def _in_call(node: SgNode) -> bool:
    return any(each.kind() in CALLS for each in [*ancestors(node)][:4])


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


def uses_of(variable: str, text: str, *, member: bool = False) -> Goes:
    """Where a variable with parameters goes, by what *text* does with it."""
    name = re.escape(variable)
    if member and _QUERY_KEY.search(variable):
        return Goes.QUERY
    body = rf"""(?x)(?:json|data|body|headers|cookies|form_params|variables)\s*(?:=>|[:=])\s*\(?\$?{name}\b
        |JSON\.(?:generate|stringify|dump)\(\s*\$?{name}\b|\bjson\(\s*\$?{name}\b
        |\.(?:execute|post|put|patch|Write)\([^)]*\$?\b{name}\b"""
    query = rf"""(?x)(?:params|query|qs|searchParams|query_params)["']?\s*(?:=>|[:=])\s*\$?\b{name}\b
        |\{{\s*params\s*\}}|\bparams\b\s*[,}}]|urlencode\([^)]*\b{name}\b|http_build_query\(\s*\${name}\b
        |encode_www_form\(\s*{name}\b|(?:get|head|request)\([^;\n]*?,\s*\$?{name}\b
        |{name}\.(?:Encode|ToString)\(|\?["'`]?\s*[+.]\s*\$?{name}\b|\?\$\{{{name}\}}
        |URLEncodedUtils\.format\(\s*{name}\b|return\s+{name}\b"""
    if re.search(body, text) and not re.search(rf"params\s*[:=]\s*\$?{name}\b", text):
        return Goes.ELSEWHERE
    if re.search(query, text):
        return Goes.QUERY
    return Goes.QUERY if _QUERY_KEY.search(variable) else Goes.UNKNOWN


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


# ---- arguments of calls ---------------------------------------------------------------------

_SURE = re.compile(
    r"(?:queryParam|addQueryParameter|addEncodedQueryParameter|setQueryParameter|"
    r"appendQueryParameter|addQueryParam|queryString|copy_add_param|copy_set_param|withQueryValue|"
    r"add_query_arg|AddQueryString|AddQueryParameter|SetQueryParam|replaceQueryParam|"
    r"searchParams\.(?:append|set)|query_params\.(?:add|set)|parameters\.append)\Z"
)
_UNSURE = re.compile(
    r"(?:addParameter|setParameter|append|set|add|put|Set|Add|parameter|query|setdefault|AddParameter)\Z"
)
_QUERY_RECEIVER = re.compile(
    r"(?i)(?:URIBuilder|UriBuilder|URLSearchParams|HttpParams|QueryBuilder|ParseQueryString|"
    r"searchParams|\.Query\(\)|url\.Values)"
)
_QUERY_NAMED = re.compile(
    r"(?i)(?:\b|_)(?:q|qs|query|params|search_?params|uri|url|builder|args)\Z"
)


def _in_argument(node: SgNode, source: str) -> bool:
    """``builder.queryParam("jwt", token)``, by what is called."""
    call = next((each for each in [*ancestors(node)][:5] if each.kind() in CALLS), None)
    if call is None:
        return False
    values = positional(call)
    at = next((n for n, value in enumerate(values) if value.range() == node.range()
               or (covers(value, node) and (literal(value) is not None or re.search(
                   r"access|attribute|member|selector|navigation|scope", value.kind())))), None)  # fmt: skip
    if at is None or at + 1 >= len(values) or not is_dynamic(values[at + 1]):
        return _pair_class(call, values, at)
    name = callee(call)
    bare = re.sub(r"\([^()]*\)", "()", name)
    if name.endswith("Map.of"):
        return _goes(call, source) is Goes.QUERY
    if _SURE.search(name):
        return True
    if re.search(r"NameValuePair\Z", name):
        return not re.search(r"(?i)form", _scope_text(node)) or "URLEncodedUtils" in source
    if not _UNSURE.search(name):
        return False
    if "ParameterType.QueryString" in call.text():
        return True
    receiver = name.rpartition(".")[0].strip()
    if re.search(r"(?i)header|cookie|form|cache|session|context|map\b|model|storage|prefer", bare):
        return name.endswith(".put") and uses_of(receiver, _scope_text(node)) is Goes.QUERY
    if name == "parameter":
        return bool(
            re.search(r"\.(?:get|request|url)\b|\burl\b", _scope_text(call) + source[:2_000])
        )
    return _builds_query(receiver, node, source)


def _pair_class(call: SgNode, values: list[SgNode], at: int | None) -> bool:
    """A pair that is made by a class or a function of two: ``BasicNameValuePair("jwt", token)``."""
    return False


def _builds_query(receiver: str, node: SgNode, source: str) -> bool:
    """Whether what has this receiver is a query, by its name and by where it comes from."""
    if _QUERY_RECEIVER.search(receiver):
        return True
    last = re.split(r"\.|->", receiver)[-1].strip("$ ")
    scope = _scope_text(node)
    made = re.search(
        rf"\b{re.escape(last)}\b\s*(?:,\s*\w+\s*)?(?::\s*[\w<>, ]+)?\s*(?::=|=)\s*([^\n;]+)", scope
    )
    typed = re.search(
        rf"([\w.<>, ]+)\s+\*?{re.escape(last)}\s*[,)=]|\b{re.escape(last)}\s*:?\s+\*?([\w.]+)\s*[,)]",
        scope,
    )
    origin = (made[1] if made else "") + " " + (typed[0] if typed else "")
    if re.search(r"(?i)map\b|dict|cache|session|cursor|formdata|headers", origin) and not re.search(
        r"Query|Values", origin
    ):
        return bool(last) and uses_of(last, scope) is Goes.QUERY
    if _QUERY_RECEIVER.search(origin):
        used_as_body = re.search(
            rf"NewReader\(\s*{re.escape(last)}\.Encode|body[:=]\s*{re.escape(last)}\b", scope
        )
        return not used_as_body
    if re.search(r"(?i)form|body", last):
        return False
    return (
        bool(_QUERY_NAMED.search(last))
        and uses_of(last, scope) is Goes.QUERY
        and not re.search(r"executeUpdate|createQuery|getSingleResult|getResultList", scope)
    )


# ---- subscripts and members -----------------------------------------------------------------


def _in_subscript(node: SgNode, source: str) -> bool:
    """``params["jwt"] = token``, ``params.jwt = token``."""
    target = next((each for each in [*ancestors(node)][:4]
                   if re.search(r"subscript|element_reference|element_access|member_expression|index_expression|indexing",
                                each.kind())), None)  # fmt: skip
    if target is None:
        return False
    parent = target.parent()
    while parent is not None and parent.kind() in (
        "directly_assignable_expression",
        "expression_list",
    ):
        parent = parent.parent()
    if parent is None or "assignment" not in parent.kind():
        return False
    children = named_children(parent)
    if len(children) < 2 or not covers(children[0], node) or not is_dynamic(children[-1]):
        return False
    held = target.text()
    receiver = held[: max(0, node.range().start.index - target.range().start.index)]
    receiver = receiver.partition("[")[0].rstrip(".:'\"$ ?")
    last = re.split(r"\.|->", receiver)[-1].strip("$@ ")
    if re.search(
        r"(?i)header|cookie|session|cache|storage|env|meta|tokens?\Z|state|store|locals", last
    ):
        return False
    if (
        _BODY_OF_POST.search(_scope_text(node))
        and uses_of(last, _scope_text(node)) is not Goes.QUERY
    ):
        return False
    if _QUERY_RECEIVER.search(_origin(last, node)):
        return True
    if "." in receiver and re.search(r"(?:params|query|args|searchParams)\Z", receiver):
        return True
    return uses_of(last, _scope_text(node)) is Goes.QUERY


_BODY_OF_POST = re.compile(r"\.post\(|\.Post\w*\(|method:\s*[\"']POST")


def _origin(variable: str, node: SgNode) -> str:
    made = (
        re.search(rf"\b{re.escape(variable)}\b\s*(?::=|=)\s*([^\n;]+)", _scope_text(node))
        if variable
        else None
    )
    return made[1] if made else ""


# ---- declarations ---------------------------------------------------------------------------


def _in_declaration(node: SgNode) -> bool:
    """Annotations and tags that make a query parameter: Retrofit, Refit, Go's ``url:"..."``."""
    for each in [*ancestors(node)][:8]:
        kind = each.kind()
        if kind in ("annotation", "marker_annotation", "attribute", "single_annotation"):
            text = each.text()
            if re.match(r"@Query\(", text) and re.search(
                r"@(?:GET|POST|PUT|DELETE)\(", _scope_text(each) + _outer(each)
            ):
                return True
            if text.startswith("AliasAs("):
                return "[Query]" in _outer(each)
    return False


def _outer(node: SgNode) -> str:
    at = node
    for each in [*ancestors(node)][:4]:
        at = each
    return at.text()[:600]
