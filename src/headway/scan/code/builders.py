"""Calls, subscripts, annotations that add one parameter: ``builder.queryParam("jwt", token)``."""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS
from headway.scan.code.maps import where_it_goes
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    is_dynamic,
    literal,
    named_children,
    positional,
    scope_text,
)
from headway.scan.code.uses import is_query, uses_of

__all__ = ["in_argument", "in_declaration", "in_subscript"]

_SURE = re.compile(
    r"(?:queryParam|addQueryParameter|addEncodedQueryParameter|setQueryParameter|"
    r"appendQueryParameter|addQueryParam|queryString|copy_add_param|copy_set_param|withQueryValue|"
    r"add_query_arg|AddQueryString|AddQueryParameter|[sS]etQueryParam|replaceQueryParam|[wW]ithQueryParam|"
    r"withQueryParameter|addQueryStringParameters?|queryParamIfPresent|AddQueryParam|append_query_param|"
    r"setQueryVariable|SetSearchParam|QueryString\.Create|QueryString\.Empty\.Add|add_query_param|"
    r"searchParams\.(?:append|set)|query_params\.(?:add|set)|parameters\.append)\Z"
)
_ADDS_PARAMETER = re.compile(
    r"(?i)(?:add|append|set|with|put|update|replace)_?(?:url_?)?(?:query|search)_?(?:string)?_?"
    r"(?:param(?:eter)?s?|arg|value|var(?:iable)?)\Z"
)
_UNSURE = re.compile(
    r"(?:addParameter|setParameter|append|set|add|put|Set|Add|parameter|query|setdefault|AddParameter)\Z"
)
_QUERY_RECEIVER = re.compile(
    r"(?i)(?:URIBuilder|UriBuilder|URLSearchParams|HttpParams|QueryBuilder|ParseQueryString|"
    r"searchParams|\.Query\(\)|getQuery\(\)|url\.Values|QueryCollection|HttpUrl\b)"
)
_QUERY_NAMED = re.compile(
    r"(?i)(?:\b|_)(?:q|qs|query|params|search_?params|uri|url|builder|args)\Z"
)


def in_argument(node: SgNode, source: str) -> bool:
    """``builder.queryParam("jwt", token)``, by what is called."""
    call = next((each for each in [*ancestors(node)][:5] if each.kind() in CALLS), None)
    if call is None:
        return False
    name = callee(call)
    if name == "compact":  # PHP: a map of variables, by their names
        return is_query(where_it_goes(call, source), node.text())
    values = positional(call)
    at = next((n for n, value in enumerate(values) if _is_argument(value, node)), None)
    if at is None or at + 1 >= len(values) or not is_dynamic(values[at + 1]):
        return False
    if name.endswith("Map.of"):
        return is_query(where_it_goes(call, source), node.text())
    if _SURE.search(name) or _ADDS_PARAMETER.search(name):
        return True
    if re.search(r"NameValuePair\Z", name):
        return not re.search(r"(?i)form", scope_text(node)) or "URLEncodedUtils" in source
    return _UNSURE.search(name) is not None and _adds_to_query(name, call, node, source)


def _adds_to_query(name: str, call: SgNode, node: SgNode, source: str) -> bool:
    """Whether *call*, an ``add`` or the like, adds to a query."""
    bare = re.sub(r"\([^()]*\)", "()", name)
    if "ParameterType.QueryString" in call.text() or _rests_get(name, call):
        return True
    receiver = name.rpartition(".")[0].strip()
    if _NO_RECEIVER.search(bare):
        goes = uses_of(receiver, scope_text(node))
        return name.endswith(".put") and is_query(goes, node.text())
    if name == "parameter":
        near = scope_text(call) + source[:2_000]
        return re.search(r"\.(?:get|request|url)\b|\burl\b", near) is not None
    return _builds_query(receiver, node, source)


_NO_RECEIVER = re.compile(
    r"(?i)header|cookie|form|cache|session|context|map\b|model|storage|prefer"
)


def _rests_get(name: str, call: SgNode) -> bool:
    """RestSharp's ``AddParameter``: a query where the request is a GET."""
    if not name.endswith(".AddParameter") or "ParameterType" in call.text():
        return False
    return re.search(r"RestRequest\([^;]*Method\.(?:GET|Get)\b", scope_text(call)) is not None


def _is_argument(value: SgNode, node: SgNode) -> bool:
    """Whether *value* is *node*: itself, a string of it, or what has it as its last part."""
    if value.range() == node.range():
        return True
    names_it = re.search(r"access|attribute|member|selector|navigation|scope", value.kind())
    return covers(value, node) and (literal(value) is not None or names_it is not None)


def _builds_query(receiver: str, node: SgNode, source: str) -> bool:
    """Whether what has this receiver is a query, by its name and by where it comes from."""
    if _QUERY_RECEIVER.search(receiver):
        return True
    last = re.split(r"\.|->", receiver)[-1].strip("$ ")
    scope = scope_text(node)
    made = re.search(
        rf"\b{re.escape(last)}\b\s*(?:,\s*\w+\s*)?(?::\s*[\w<>, ]+)?\s*(?::=|=)\s*([^\n;]+)", scope
    )
    typed = re.search(
        rf"([\w.<>, ]+)\s+\*?{re.escape(last)}\s*[,)=]"
        rf"|\b{re.escape(last)}\s*:?\s+\*?([\w.]+)\s*[,)]",
        scope,
    )
    origin = (made[1] if made else "") + " " + (typed[0] if typed else "")
    if re.search(r"(?i)map\b|dict|cache|session|cursor|formdata|headers", origin) and not re.search(
        r"Query|Values", origin
    ):
        return bool(last) and is_query(uses_of(last, scope), node.text())
    if _QUERY_RECEIVER.search(origin):
        used_as_body = re.search(
            rf"NewReader\(\s*{re.escape(last)}\.Encode|body[:=]\s*{re.escape(last)}\b", scope
        )
        return not used_as_body
    if re.search(r"(?i)form|body", last):
        return False
    return (
        bool(_QUERY_NAMED.search(last))
        and is_query(uses_of(last, scope), node.text())
        and not re.search(r"executeUpdate|createQuery|getSingleResult|getResultList", scope)
    )


# ---- subscripts and members -----------------------------------------------------------------


_TARGET = re.compile(
    r"subscript|element_reference|element_access|member_expression|index_expression|indexing"
)


def in_subscript(node: SgNode, source: str) -> bool:
    """``params["jwt"] = token``, ``params.jwt = token``."""
    target = next((each for each in [*ancestors(node)][:4] if _TARGET.search(each.kind())), None)
    if target is None or not _is_assigned(target, node):
        return False
    # (1) what has the member, and its last name
    at = node.range().start.index - target.range().start.index
    receiver = target.text()[:at].partition("[")[0].rstrip(".:'\"$ ?")
    last = re.split(r"\.|->", receiver)[-1].strip("$@ ")
    # (2) something that is no query, whatever is done with it
    scope = scope_text(node)
    if "refresh" in node.text().lower() and "grant_type" in scope:
        return False  # an authorization server's form
    goes = uses_of(last, scope)
    if _NO_QUERY.search(last) or (_BODY_OF_POST.search(scope) and not is_query(goes, node.text())):
        return False
    # (3) a query by where it comes from, by its name, or by what is done with it
    named = "." in receiver and re.search(r"(?:params|query|args|searchParams)\Z", receiver)
    return bool(_QUERY_RECEIVER.search(_origin(last, node)) or named) or is_query(goes, node.text())


def _is_assigned(target: SgNode, node: SgNode) -> bool:
    """Whether something dynamic is put into *target*, of which *node* is the member."""
    parent = target.parent()
    while parent is not None and parent.kind() in _ASSIGNABLE:
        parent = parent.parent()
    if parent is None or "assignment" not in parent.kind():
        return False
    children = named_children(parent)
    is_member = node.range().start.index > target.range().start.index
    return is_member and covers(children[0], node) and is_dynamic(children[-1])


_ASSIGNABLE = frozenset({"directly_assignable_expression", "expression_list"})
_NO_QUERY = re.compile(
    r"(?i)header|cookie|session|cache|storage|env|meta|tokens?\Z|state|store|locals"
)
_BODY_OF_POST = re.compile(r"\.post\(|\.Post\w*\(|method:\s*[\"']POST")


def _origin(variable: str, node: SgNode) -> str:
    made = (
        re.search(rf"\b{re.escape(variable)}\b\s*(?::=|=)\s*([^\n;]+)", scope_text(node))
        if variable
        else None
    )
    return made[1] if made else ""


# ---- declarations ---------------------------------------------------------------------------


def in_declaration(node: SgNode) -> bool:
    """Annotations and tags that make a query parameter: Retrofit, Refit, Go's ``url:"..."``."""
    for each in [*ancestors(node)][:8]:
        kind = each.kind()
        if kind in ("annotation", "marker_annotation", "attribute", "single_annotation"):
            text = each.text()
            if re.match(r"@Query\(", text) and re.search(
                r"@(?:GET|POST|PUT|DELETE)\(", scope_text(each) + _outer(each)
            ):
                return True
            if text.startswith("AliasAs("):
                return _is_refits_query(each, node)
            if re.match(r"@(?:\w+\.)*(?:RequestParam|QueryParam|Query)\(", text):
                return _CLIENT.search(_outer(each, 10)) is not None
    return False


_CLIENT = re.compile(
    r"@(?:FeignClient|RegisterRestClient|HttpExchange|(?:Get|Post|Put|Delete)Exchange)\b"
)
_REFIT = re.compile(r"\[(?:Get|Post|Put|Delete|Patch|Head)\(\s*\"(?P<path>[^\"]*)\"")


def _is_refits_query(attribute: SgNode, node: SgNode) -> bool:
    """Whether Refit sends it in the query: it is no part of the path, no header, no body."""
    parameter = next((p for p in ancestors(attribute) if p.kind() == "parameter"), attribute)
    text, outer = parameter.text(), _outer(attribute, 6)
    if "[Query]" in text or "[Query]" in _outer(attribute):
        return True
    if re.search(r"\[(?:Body|Header|Authorize|Property)", text):
        return False
    request = _REFIT.search(outer)
    return request is not None and f"{{{literal(node)}}}" not in request["path"]


def _outer(node: SgNode, levels: int = 4) -> str:
    at = node
    for each in [*ancestors(node)][:levels]:
        at = each
    return at.text()[:600]
