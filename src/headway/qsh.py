"""The query string hash: a request as one text, and that text's SHA-256.

A request token is bound to its request by the claim ``qsh``, the hash of

    METHOD & path & query

with the base path taken off, the query decoded, encoded anew and sorted, and
the parameter ``jwt`` left out (Connect: "Understanding JWT", "Creating a query
string hash").  Software disagrees about requests that are not in a normal form.
Those are refused before anything is hashed, so that two requests which an
app can tell apart never share a hash; ``docs/qsh.md`` lists each rule.

One expression checks a whole path or query, and one more respells a whole query
before it is split.  Short requests come again and again, so their hashes are
kept, bounded; never a verdict, and never a query that may hold a token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, unquote_plus

from headway.errors import (
    MethodNotNormal,
    PathCharacter,
    PathEscape,
    PathNotNormal,
    PathOutsideBase,
    QueryCharacter,
    QueryEmptyName,
    QueryEscape,
    QueryJwtBracket,
    QueryTooMany,
    TokenEmpty,
    TokenRepeated,
)

__all__ = [
    "SEGMENTS_MAX",
    "TOKEN_PARAMETER",
    "Form",
    "canonical_request",
    "forget_kept",
    "matching_form",
    "query_string_hash",
    "without_token",
]

TOKEN_PARAMETER: Final = "jwt"  # noqa: S105 - a name, not a password
"""The query parameter that carries a token, and is never hashed."""

SEGMENTS_MAX: Final = 1000
"""Node's parsers read no further, so the rest would not be signed there."""

KEPT_CHARACTERS: Final = 512
KEPT_ENTRIES: Final = 1024


class Form(StrEnum):
    """The ways in which official senders write one request.

    Each form lists the same parameters, so accepting several gives no two
    requests one hash.
    """

    SPEC = "spec"  # names in the order of their encoding, values in UTF-16 order
    DECODED_NAME_ORDER = "decoded-name-order"  # names in UTF-16 order: npm atlassian-jwt
    CODE_POINT_VALUE_ORDER = "code-point-value-order"  # PyPI atlassian-jwt
    DECODED_PATH = "decoded-path"  # the host product of 2016; SPEC where decoding is ambiguous


# ---- what may stand in a path and in a query ------------------------------------------------

_TAIL = "%[89AB][0-9A-F]"
_WIDE = (  # a character beyond ASCII, percent-encoded in capitals: RFC 3629 section 4
    f"%(?:C[2-9A-F]|D[0-9A-F]){_TAIL}"
    f"|%E(?:0%[AB][0-9A-F]|D%[89][0-9A-F]|[1-9A-CEF]{_TAIL}){_TAIL}"
    f"|%F(?:0%[9AB][0-9A-F]|4%8[0-9A-F]|[1-3]{_TAIL}){_TAIL}{_TAIL}"
)
_UNRESERVED = r"A-Za-z0-9\-._~"
_PATH_RAW = rf"{_UNRESERVED}!$&'()*+,;=:@\[\]"
_PATH_ESCAPE = f"(?i:%(?!00|5C)[0-7][0-9A-F]|{_WIDE})"
_QUERY_RAW = r"!-\"$&-~"  # what is printable, but no '#' and no '%'
_QUERY_ESCAPE = f"(?i:%[0-7][0-9A-F]|{_WIDE})"
# RFC 3986 section 6.2.2: %2E is a dot; Java servers cut ';...' off before they look for dots.
_DOTS = r"(?:\.|%2[Ee]){1,2}(?![^/;])"

# Where a match ends before the text does, the character there tells what is wrong.
_METHOD = re.compile("[A-Z]+")
_PATH = re.compile(rf"(?:/(?!/|{_DOTS})(?:[{_PATH_RAW}]++|{_PATH_ESCAPE})*+)*+")
_QUERY = re.compile(rf"(?:[{_QUERY_RAW}]++|{_QUERY_ESCAPE})*+")

# An escape that can be decoded without becoming something that may stand raw in a path.
_PATH_DECODABLE = re.compile(r"(?i:[^%]++|%(?:20|22|3[CE]|5E|60|7[B-D]|[89A-F].))*+")

_NAME_ESCAPED = re.compile(r"(?:^|&)[^&=%+]*+[%+]")

# ---- one spelling for each character --------------------------------------------------------

# Also a well-formed query: what it matches needs neither the grammar nor respelling.
_ESCAPE_KEPT = r"%(?:[01][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[BCDF])"
_SPELT = re.compile(rf"(?:[{_UNRESERVED}&=]++|{_ESCAPE_KEPT}|{_WIDE})*+")
_RESPELLED = re.compile(rf"[^{_UNRESERVED}&=](?:(?<=%)..)?")
_ALONE = set(re.findall(f"[{_UNRESERVED}]", "".join(map(chr, range(0x80)))))
_HEX = "0123456789ABCDEFabcdef"
_SPELLING: Final[dict[str, str]] = {
    **{chr(code): f"%{code:02X}" for code in range(0x21, 0x7F)},
    **{
        f"%{high}{low}": char if char in _ALONE else f"%{ord(char):02X}"
        for high in _HEX
        for low in _HEX
        for char in [chr(int(high + low, 16))]
    },
    "+": "%20",
}


def canonical_request(
    method: str,
    raw_path: str,
    raw_query: str = "",
    base_path: str = "",
    form: Form = Form.SPEC,
) -> str:
    """The one text that stands for a request.

    ``raw_path`` and ``raw_query`` are taken from the request line, undecoded
    and without fragment; ``base_path`` is the path of the receiver's base URL.
    The parameter ``jwt`` is left out.  Where the query's token is not looked
    at, pass the query through :func:`without_token` first.

    Raises a leaf of :class:`~headway.errors.MalformedRequest` for a request
    that software reads in different ways, and
    :class:`~headway.errors.TokenRepeated` or
    :class:`~headway.errors.TokenEmpty` where ``jwt`` is not one token.
    Source: Connect, "Creating a query string hash".

    >>> canonical_request("GET", "/app/panel/", "b=2&a=1+1&b=10&jwt=eyJ", base_path="/app")
    'GET&/panel&a=1%201&b=10,2'
    """
    if not _METHOD.fullmatch(method):
        raise MethodNotNormal(expected="letters A to Z", found=method)
    path = _canonical_path(raw_path, base_path, form)
    return f"{method}&{path}&{_canonical_query(raw_query, form)}"


def query_string_hash(
    method: str,
    raw_path: str,
    raw_query: str = "",
    base_path: str = "",
    form: Form = Form.SPEC,
) -> str:
    """The SHA-256 of the canonical request, in lower-case hex: the claim ``qsh``.

    Takes and raises what :func:`canonical_request` does.

    >>> query_string_hash("GET", "/")
    'c88caad15a1c1a900b8ac08aa9686f4e8184539bea1deda36e2f649430df3239'
    """
    request = (method, raw_path, raw_query, base_path, form)
    digest = _kept.get(request)
    if digest is None:
        digest = hashlib.sha256(canonical_request(*request).encode()).hexdigest()
        if _may_be_kept(method, raw_path, raw_query):
            if len(_kept) >= KEPT_ENTRIES:
                _kept.clear()
            _kept[request] = digest
    return digest


_kept: dict[tuple[str, str, str, str, Form], str] = {}


def _may_be_kept(method: str, raw_path: str, raw_query: str) -> bool:
    """Whether a request is short and shows no token, under whatever name."""
    longest = max(len(method), len(raw_path), len(raw_query))
    return longest <= KEPT_CHARACTERS and "jwt" not in raw_query and "eyJ" not in raw_query


def forget_kept() -> None:
    """Drop every kept hash: for measuring what a request costs that nobody sent before.

    >>> forget_kept()
    """
    _kept.clear()


def matching_form(
    claimed: str,
    method: str,
    raw_path: str,
    raw_query: str = "",
    base_path: str = "",
    forms: Sequence[Form] = (Form.SPEC,),
) -> Form | None:
    """The first of *forms* under which the request has the hash *claimed*, or None.

    Takes and raises what :func:`canonical_request` does.

    >>> npm = query_string_hash("GET", "/p", "a[]=1&a0=2", form=Form.DECODED_NAME_ORDER)
    >>> matching_form(npm, "GET", "/p", "a[]=1&a0=2") is None
    True
    >>> matching_form(npm, "GET", "/p", "a[]=1&a0=2", forms=tuple(Form))
    <Form.DECODED_NAME_ORDER: 'decoded-name-order'>
    """
    for form in forms:
        ours = query_string_hash(method, raw_path, raw_query, base_path, form)
        if claimed.isascii() and hmac.compare_digest(ours, claimed):
            return form
    return None


def without_token(raw_query: str, name: str = TOKEN_PARAMETER) -> str:
    """The query without every parameter called *name*, in whatever percent spelling.

    No other byte changes, and nothing is refused: for a token that is not to
    be looked at, and for a proxy that moves it elsewhere.

    >>> without_token("a=%7e&jwt=eyJ&&%6Awt=eyJ&b")
    'a=%7e&&b'
    """
    if name not in raw_query and not _NAME_ESCAPED.search(raw_query):
        return raw_query  # no name is spelled in any other way than it stands there
    return "&".join(
        segment
        for segment in raw_query.split("&")
        if unquote_plus(segment.partition("=")[0]) != name
    )


def _canonical_path(raw_path: str, base_path: str, form: Form) -> str:
    # (1) one reading only
    path = raw_path or "/"
    if not _PATH.fullmatch(path):
        raise _path_refusal(path)
    # (2) relative to the base, on a segment boundary
    if base := base_path.rstrip("/"):
        path = _relative(path, base)
    # (3) one spelling: '&' is the separator, and a last '/' does not count
    if form is Form.DECODED_PATH and _PATH_DECODABLE.fullmatch(path):
        path = unquote(path)
    return path[:1] + path[1:].removesuffix("/").replace("&", "%26")


def _relative(path: str, base: str) -> str:
    if path != base and not path.startswith(f"{base}/"):
        raise PathOutsideBase(expected=f"a path under {base}")
    return path[len(base) :] or "/"


def _path_refusal(path: str) -> PathNotNormal | PathEscape | PathCharacter:
    place = _stop(_PATH, path)
    found = f"{path[place]!r} at position {place}"
    if path[place] == "/" or place == 0:
        return PathNotNormal(expected="segments that are not empty, '.' or '..'", found=found)
    if path[place] == "%":
        return PathEscape(expected="whole UTF-8 characters, no NUL and no backslash", found=found)
    return PathCharacter(expected="a percent escape", found=found)


def _canonical_query(raw_query: str, form: Form) -> str:
    # (1) one reading only
    if raw_query.count("&") >= SEGMENTS_MAX:
        raise QueryTooMany(expected=f"at most {SEGMENTS_MAX} segments")
    # (2) one spelling for each character, without taking parameters apart
    query = raw_query.replace("+", "%20")
    if not _SPELT.fullmatch(query):
        if not _QUERY.fullmatch(raw_query):
            raise _query_refusal(raw_query)
        query = _RESPELLED.sub(_respell, raw_query)
    # (3) each name with its value, or with all its values
    single, several = _parameters(query)
    # (4) the token is not part of what it signs
    if TOKEN_PARAMETER in query:
        _check_token(query, single, several)
        single.pop(TOKEN_PARAMETER, None)
    # (5) the values of each name in order, then the names
    for name, values in several.items():
        single[name] = ",".join(_ordered(values, form))
    by_name = _utf16 if form is Form.DECODED_NAME_ORDER else None
    return "&".join([f"{name}={single[name]}" for name in sorted(single, key=by_name)])


def _parameters(query: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    single: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    for segment in query.split("&"):
        name, equals, value = segment.partition("=")
        if "=" in value:
            value = value.replace("=", "%3D")
        if name in single:
            several.setdefault(name, [single[name]]).append(value)
        elif name:
            single[name] = value
        elif equals:
            raise QueryEmptyName(expected="a name before each '='")
    return single, several


def _query_refusal(query: str) -> QueryEscape | QueryCharacter:
    place = _stop(_QUERY, query)
    found = f"{query[place]!r} at position {place}"
    if query[place] == "%":
        return QueryEscape(expected="two hex digits, and whole UTF-8 characters", found=found)
    return QueryCharacter(expected="a percent escape", found=found)


def _stop(grammar: re.Pattern[str], text: str) -> int:
    match = grammar.match(text)
    return match.end() if match else 0


def _respell(match: re.Match[str]) -> str:
    return _SPELLING[match[0]]


def _check_token(query: str, single: dict[str, str], several: dict[str, list[str]]) -> None:
    if f"&{TOKEN_PARAMETER}%5B" in f"&{query}":
        raise QueryJwtBracket(expected="no parameter that starts with 'jwt['")
    if TOKEN_PARAMETER in several:
        raise TokenRepeated(expected="one token", found=len(several[TOKEN_PARAMETER]))
    if single.get(TOKEN_PARAMETER) == "":
        raise TokenEmpty(expected="a token", found="'jwt' without a value")


def _ordered(values: list[str], form: Form) -> list[str]:
    # By the decoded value, against the letter of the rule: every official library does.
    if "%" not in "".join(values):
        return sorted(values)
    return sorted(values, key=unquote if form is Form.CODE_POINT_VALUE_ORDER else _utf16)


def _utf16(encoded: str) -> bytes:
    return unquote(encoded).encode("utf-16-be")
