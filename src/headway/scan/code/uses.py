"""Where parameters go: by what a piece of code does with the variable that holds them."""

from __future__ import annotations

import re
from enum import Enum, auto

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


def uses_of(variable: str, text: str, *, member: bool = False) -> Goes:
    """Where a variable with parameters goes, by what *text* does with it."""
    name = re.escape(variable)
    if member and QUERY_KEY.search(variable):
        return Goes.QUERY
    body = rf"""(?x)
        (?:json|data|body|headers|cookies|form_params|variables)\s*(?:=>|[:=])\s*\(?\$?{name}\b
        |JSON\.(?:generate|stringify|dump)\(\s*\$?{name}\b|\bjson\(\s*\$?{name}\b
        |\.(?:execute|post|put|patch|Write)\([^)]*\$?\b{name}\b"""
    query = rf"""(?x)
        (?:params|query|qs|searchParams|query_params)["']?\s*(?:=>|[:=])\s*\$?\b{name}\b
        |\{{\s*params\s*\}}|\bparams\b\s*[,}}]
        |urlencode\([^)]*\b{name}\b|http_build_query\(\s*\${name}\b
        |encode_www_form\(\s*{name}\b|(?:get|head|request)\([^;\n]*?,\s*\$?{name}\b
        |{name}\.(?:Encode|ToString)\(|\?["'`]?\s*[+.]\s*\$?{name}\b|\?\$\{{{name}\}}
        |URLEncodedUtils\.format\(\s*{name}\b"""
    if re.search(body, text) and not re.search(rf"params\s*[:=]\s*\$?{name}\b", text):
        return Goes.ELSEWHERE
    if re.search(query, text):
        return Goes.QUERY
    return Goes.QUERY if QUERY_KEY.search(variable) else Goes.UNKNOWN
