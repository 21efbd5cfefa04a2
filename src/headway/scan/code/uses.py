"""Where parameters go: by what a piece of code does with the variable that holds them."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache

__all__ = ["QUERY_KEY", "Goes", "uses_of"]


class Goes(Enum):
    """Where a map of names and values goes."""

    QUERY = auto()
    ELSEWHERE = auto()
    UNKNOWN = auto()


QUERY_KEY = re.compile(
    r"(?i)\A(?:query|params|qs|search_?params|query_?params|query_?parameters|default_params|"
    r"query_values|args|RequestOptions::QUERY|query_string)\Z"
)
"""A member or a variable of this name is the query of a request."""

_BODY_KEY = re.compile(r"(?i)\A(?:body|data|content|form|payload)\Z")

_AS_BODY = r"""(?x)
    (?:json|data|body|headers|cookies|form_params|variables|content|payload|entity|formParameters)
        ["']?\s*(?:=>|[:=])\s*(?:new\s+\w+\()?\(?VALUE
    |JSON\.(?:generate|stringify|dump)\(\s*VALUE|\b(?:json|json_encode|dumps|to_json|toJson)\(\s*VALUE
    |(?:\.|->|::|\b)(?:execute|post|put|patch|Post|PostForm|PostAsync|PostAsJsonAsync|PutAsync|Write|post_form)
        \([^;\n)]*?VALUE
    |(?:NewReader|NewBufferString|StringContent|FormUrlEncodedContent|StringEntity|UrlEncodedFormEntity|ofString
        |toRequestBody|RequestBody\.create|\.body|\.setBody|\.send|\.write|\.form|setEntity|submitForm
        |BodyInserters\.\w+|bodyValue|set_form_data|sendForm|JsonContent\.Create)\(\s*(?:[\w"'/.-]+,\s*)?VALUE
    |\b(?:find\w*|where|aggregate|update(?:One|Many)|delete(?:One|Many)|insert\w*|exists|findOneAndUpdate)
        \(\s*(?:\w+,\s*)?VALUE
    |POSTFIELDS\s*(?:,|=>)\s*VALUE|urlopen\([^;\n)]*,\s*VALUE|VALUE\.encode\(
"""
_AS_QUERY = r"""(?x)
    (?:params|query|qs|searchParams|query_params|search|query_string|query_values|queryParams|RawQuery|Query)
        ["']?\s*(?:=>|[:=])\s*(?:\w+[(.])*VALUE
    |(?:params|query|urlencode|dict)\s*[(=:][^;\n]*\bin\s+VALUE
    |\{\s*params\s*\}|\bparams\b\s*[,}}]
    |(?:urlencode|stringify|URLSearchParams|Object\.entries|Object\.fromEntries|to_query|encode_www_form
        |http_build_query|URLEncodedUtils\.format|[qQ]ueryParams|query_params|update_query|with_query|WithQuery
        |withQuery|extend_query|[sS]etQueryParams|AddQueryString|AddQueryParams|\.query|QueryCollection|mergeQuery
        |copy_merge_params|add_query_arg|QueryString\.Create|FormDataContent|build_query|buildQuery|querystring
        |add_query_params|append_query|encodeQueryData|toQueryString|prepare_url|new\ QueryBuilder)
        \((?:[^();\n]*,\s*)?(?:\w+[(.])*VALUE
    |(?:\b(?:get|head|request|getJSON)|\.Get|->get|::get)\([^;\n]*?,\s*VALUE
    |request\(\s*["']GET["'][^;]*?fields\s*=\s*(?:dict\()?VALUE
    |VALUE\.(?:Encode|ToString|toString|to_query|mkString)\b|\?["'`]?\s*[+.]\s*VALUE|\?\$?\{VALUE
"""


@lru_cache(maxsize=256)
def _patterns(name: str, *, called: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    name = re.escape(name)
    value = rf"(?:\*\*|\.\.\.|&)?\$?(?:self\.|this\.|this->|self::|@)?\b{name}"
    value += r"\s*\(" if called else r"\b(?!\s*\()"
    return re.compile(_AS_BODY.replace("VALUE", value)), re.compile(
        _AS_QUERY.replace("VALUE", value)
    )


def uses_of(variable: str, text: str, *, member: bool = False, called: bool = False) -> Goes:
    """Where a variable with parameters goes, by what *text* does with it; or what a call gives."""
    if member and QUERY_KEY.search(variable):
        return Goes.QUERY
    if member and _BODY_KEY.search(variable):
        return Goes.ELSEWHERE
    if not variable or variable not in text:
        return Goes.QUERY if QUERY_KEY.search(variable) else Goes.UNKNOWN
    body, query = _patterns(variable, called=called)
    named = re.search(rf"params\s*[:=]\s*\$?{re.escape(variable)}\b", text)
    if not named and (body.search(text) or _is_member_of_body(variable, text)):
        return Goes.ELSEWHERE
    if query.search(text):
        return Goes.QUERY
    return Goes.QUERY if not called and QUERY_KEY.search(variable) else Goes.UNKNOWN


def _is_member_of_body(variable: str, text: str) -> bool:
    """``{ method: "POST", body }``: the variable has the member's name."""
    if variable not in ("body", "data", "headers", "json", "form"):
        return False
    return re.search(rf"[{{,]\s*{variable}\s*[,}}]", text) is not None
