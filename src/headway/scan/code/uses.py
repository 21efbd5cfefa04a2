"""Where parameters go: by what a piece of code does with the variable that holds them."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from itertools import islice

from headway.scan.code.names import WORDS

__all__ = ["QUERY_KEY", "Goes", "is_query", "uses_of"]


class Goes(Enum):
    """Where a map of names and values goes."""

    QUERY = auto()
    NAMED = auto()
    """Into a query, by the name of what holds it alone."""
    ELSEWHERE = auto()
    UNKNOWN = auto()


QUERY_KEY = re.compile(
    r"(?i)\A(?:query|params|qs|search_?params|query_?params|query_?parameters|default_params|"
    r"query_values|args|RequestOptions::QUERY|query_string)\Z"
)
"""A member or a variable of this name is the query of a request."""

_BODY_KEY = re.compile(r"(?i)\A(?:body|data|content|form|payload)\Z")
_BODY_DATA = re.compile(r"(?i)\A(?:post|form|request)_?(?:data|body|params|fields)\Z")

_SOME = r"[^();\n]{0,120}?"  # of other arguments
_NAMES = r"""(?:json|data|body|headers|cookies|form_params|variables|content|payload|entity
    |formParameters|params_body)"""
_BEFORE_A_BODY = re.compile(
    rf"""(?x)(?:
    \b{_NAMES}["']?\s*(?:=>|[:=])\s*(?:new\s+\w+\()?\(?
    |JSON\.(?:generate|stringify|dump)\(\s*|\b(?:json|json_encode|dumps|to_json|toJson)\(\s*
    |(?:\.|->|::|\b)(?:execute|post|put|patch|Post|PostForm|PostAsync|PostAsJsonAsync|PutAsync|Write
        |post_form|\w*[pP]ost(?:Method|JSON|Json|Form|Data|Request)?\w{{0,8}}|http_post)
        \({_SOME}(?:\w+[(.:]+)*
    |(?:NewReader|NewBufferString|StringContent|FormUrlEncodedContent|StringEntity
        |UrlEncodedFormEntity|ofString|toRequestBody|RequestBody\.create|\.body|\.setBody|\.send
        |\.write|\.form|setEntity|submitForm|BodyInserters\.\w+|bodyValue|set_form_data|sendForm
        |JsonContent\.Create)\(\s*(?:[\w"'/.-]{{1,40}},\s*)?
    |\b(?:find\w*|where|aggregate|update(?:One|Many)|delete(?:One|Many)|insert\w*|exists)
        \(\s*(?:\w+,\s*)?
    |POSTFIELDS\s*(?:,|=>)\s*|urlopen\({_SOME},\s*
    )\Z"""
)
_BEFORE_A_QUERY = re.compile(
    rf"""(?x)(?:
    \b(?:params|query|qs|searchParams|query_params|search|query_string|query_values|queryParams
        |RawQuery|Query)["']?\s*(?:=>|[:=])\s*(?:\w+[(.])*
    |\b(?:params|query|urlencode|dict)\s*[(=:][^;\n]{{0,120}}\bin\s+
    |(?:urlencode|stringify|URLSearchParams|Object\.entries|Object\.fromEntries|to_query
        |encode_www_form|http_build_query|URLEncodedUtils\.format|[qQ]ueryParams|query_params
        |update_query|with_query|WithQuery|withQuery|extend_query|[sS]etQueryParams|AddQueryString
        |AddQueryParams|\.query|QueryCollection|mergeQuery|copy_merge_params|add_query_arg
        |QueryString\.Create|build_query|buildQuery|querystring|add_query_params|append_query
        |encodeQueryData|toQueryString|prepare_url|new\ QueryBuilder)
        \((?:{_SOME},\s*)?(?:\w+[(.])*
    |(?:\b(?:get|head|request|getJSON)|\.Get|->get|::get)\([^;\n]{{0,200}}?,\s*
    |\brequest\(\s*["']GET["'][^;]{{0,200}}?fields\s*=\s*(?:dict\()?
    |\?["'`]?\s*[+.]\s*|\?\$?\{{
    )\Z"""
)
_FORM = re.compile(r"x-www-form-urlencoded")
_HANDED_ON = re.compile(
    r"\b(?!\w*(?:[pP]ost|[sS]end|[cC]reate))\w*(?:[rR]equest|[fF]etch|_get|[aA]pi|API|[cC]all|[qQ]uery)"
    rf"\({_SOME}[,(=]\s*\Z"
)
"""A function that asks something, by its name, is given what is named like a query."""

_AFTER_A_BODY = re.compile(r"\.encode\(")
_AFTER_A_QUERY = re.compile(r"\.(?:Encode|ToString|toString|to_query|mkString)\b")
_OWNER = re.compile(r"(?:\*\*|\.\.\.|&)?\$?(?:self\.|this\.|this->|self::|@)?\Z")
_NEAR, _PLACES_MAX = 240, 60  # characters, places


@lru_cache(maxsize=256)
def _places_of(name: str, *, called: bool) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}" + (r"\s*\(" if called else r"\b(?!\s*\()"))


def uses_of(variable: str, text: str, *, member: bool = False, called: bool = False) -> Goes:
    """Where a variable with parameters goes, by what *text* does with it; or what a call gives."""
    if member and QUERY_KEY.search(variable):
        return Goes.QUERY
    if member and _BODY_KEY.search(variable):
        return Goes.ELSEWHERE
    if _BODY_DATA.search(variable):
        return Goes.ELSEWHERE
    seen = _by_places(variable, text, called=called) if variable else Goes.UNKNOWN
    if seen is Goes.UNKNOWN and _FORM.search(text[:4_000]):
        return Goes.ELSEWHERE
    if seen is Goes.UNKNOWN and not called and QUERY_KEY.search(variable):
        return Goes.NAMED
    return seen


def is_query(goes: Goes, name: str) -> bool:
    """Whether a parameter *name* gets into a query: a word of other trades, by more than a name.

    >>> is_query(Goes.NAMED, "access_token"), is_query(Goes.NAMED, "token")
    (True, False)
    """
    is_word = name.strip("\"'`:$[]").lower() in WORDS
    return goes is Goes.QUERY or (goes is Goes.NAMED and not is_word)


def _by_places(variable: str, text: str, *, called: bool) -> Goes:
    """By what stands before and after each place where it is used."""
    seen: set[Goes] = set()
    for found in islice(_places_of(variable, called=called).finditer(text), _PLACES_MAX):
        before = text[max(0, found.start() - _NEAR) : found.start()]
        before = before[: _OWNER.search(before).start()]  # type: ignore[union-attr] # may be empty
        if re.search(r"\bparams\s*[:=]\s*\Z", before):
            return Goes.QUERY
        if _BEFORE_A_BODY.search(before) or _AFTER_A_BODY.match(text, found.end()):
            seen.add(Goes.ELSEWHERE)
        elif (
            _BEFORE_A_QUERY.search(before)
            or _AFTER_A_QUERY.match(text, found.end())
            or (QUERY_KEY.search(variable) and _HANDED_ON.search(before))
        ):
            seen.add(Goes.QUERY)
    if Goes.ELSEWHERE in seen or _is_member_of_body(variable, text):
        return Goes.ELSEWHERE
    return Goes.QUERY if seen else Goes.UNKNOWN


def _is_member_of_body(variable: str, text: str) -> bool:
    """``{ method: "POST", body }``: the variable has the member's name."""
    if variable not in ("body", "data", "headers", "json", "form"):
        return False
    return re.search(rf"[{{,]\s*{variable}\s*[,}}]", text) is not None
