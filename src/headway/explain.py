"""Why a token does not fit a request: both canonical requests side by side.

A token holds only the hash of what its sender signed.  What that was is found
by trying: the request as it arrived is changed in the ways in which senders,
proxies and libraries are known to change one, until a hash fits.  At most
:data:`CANDIDATES_MAX` candidates with :data:`CHARACTERS_MAX` characters in all
are hashed, so the work is bounded.

For people and logs.  Nothing here decides whether a token is good.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import chain, combinations, islice, product
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from headway.errors import Refusal
from headway.jwt import decode
from headway.model import CONTEXT_QSH, RequestFacts
from headway.qsh import Form, canonical_request
from headway.redact import redact

__all__ = ["CANDIDATES_MAX", "CHARACTERS_MAX", "Cause", "Explanation", "explain"]

CANDIDATES_MAX: Final = 2000
"""How many canonical requests one explanation hashes at most."""

CHARACTERS_MAX: Final = 4_000_000
"""How many characters they have at most, all together."""

_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
_PREFIXES = ("/wiki", "/jira", "/confluence", "/app", "/addon", "/connect", "/api")
_SEGMENTS_DROPPED = 4  # leading path segments that somebody else may count as the base
_NAMES_DROPPED = 30  # parameters that are left out alone and in pairs


class Cause(StrEnum):
    """The likely reason; :attr:`Explanation.advice` says what to do."""

    MATCH = "match"
    TOKEN_UNREADABLE = "token-unreadable"  # noqa: S105 - not a password
    TOKEN_UNBOUND = "token-unbound"  # noqa: S105
    TOKEN_CONTEXT = "token-context"  # noqa: S105
    REQUEST_REFUSED = "request-refused"
    METHOD = "method"
    BASE_PATH = "base-path"
    PROXY_REWRITE = "proxy-rewrite"
    PATH_ENCODING = "path-encoding"
    NAME_ORDER = "name-order"
    QUERY_ENCODING = "query-encoding"
    PARAMETER_ADDED = "parameter-added"
    UNKNOWN = "unknown"


_ADVICE: Final = {
    Cause.MATCH: "The token was made for this request.",
    Cause.TOKEN_UNREADABLE: "The text is not a token.",
    Cause.TOKEN_UNBOUND: "The token has no qsh: it is bound to no request, as a session token is.",
    Cause.TOKEN_CONTEXT: (
        "A context token fits every request and proves none: send it only to routes that accept it."
    ),
    Cause.REQUEST_REFUSED: "This request has no hash.",
    Cause.METHOD: "The sender signed another method: check redirects and the method it signs.",
    Cause.BASE_PATH: (
        "The two sides take another base path off: it is the path of the receiver's base URL."
    ),
    Cause.PROXY_REWRITE: (
        "A proxy changed the path on the way: pass the path on as it came, or set the base path."
    ),
    Cause.PATH_ENCODING: (
        "The path is percent-encoded differently: sign the very bytes that are sent, "
        "and let no proxy encode them again."
    ),
    Cause.NAME_ORDER: (
        "The sender's library sorts parameters in another order: accept that form, "
        "or sort by the encoded name."
    ),
    Cause.QUERY_ENCODING: (
        "The sender encodes parameters differently: decode them, then percent-encode "
        "all but letters, digits and '-._~'."
    ),
    Cause.PARAMETER_ADDED: (
        "Parameters came to the query after it was signed: sign the whole query, "
        "and let nobody add to it."
    ),
    Cause.UNKNOWN: (
        "No known difference explains the hash: log the canonical request where the token is made."
    ),
}


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Both canonical requests, redacted, and the likely cause of the difference.

    ``ours`` is None where the request is refused before hashing, ``theirs``
    where no candidate has the token's hash.
    """

    ours: str | None
    theirs: str | None
    cause: Cause
    advice: str


class _Change(NamedTuple):
    """One part of a canonical request as somebody else may have written it."""

    text: str
    cause: Cause


def explain(request: RequestFacts, token: str) -> Explanation:
    """Compare *request* with the one that *token* was made for.

    Raises nothing for a token or a request that is malformed: that is a cause
    too.  The token's signature is not checked.

    >>> from headway.jwt import encode
    >>> from headway.model import Secret
    >>> from headway.qsh import query_string_hash
    >>> claims = {"iss": "app", "qsh": query_string_hash("GET", "/panel", "a=1")}
    >>> token = encode({"typ": "JWT"}, claims, Secret("0123456789abcdef"))
    >>> request = RequestFacts(method="GET", raw_path="/panel", raw_query="a=1&utm_source=mail")
    >>> found = explain(request, token)
    >>> found.cause, found.ours, found.theirs
    (<Cause.PARAMETER_ADDED: 'parameter-added'>, 'GET&/panel&a=1&utm_source=mail', 'GET&/panel&a=1')
    """
    # (1) ours
    facts = (request.method, request.raw_path, request.raw_query, request.base_path)
    try:
        ours = canonical_request(*facts)
    except Refusal as refusal:
        return _told(None, None, Cause.REQUEST_REFUSED, f"{refusal}. {refusal.hint}")
    # (2) the hash of theirs
    try:
        claimed = decode(token).unverified_claims.qsh
    except Refusal as refusal:
        return _told(ours, None, Cause.TOKEN_UNREADABLE, f"{refusal}. {refusal.hint}")
    if claimed is None:
        return _told(ours, None, Cause.TOKEN_UNBOUND)
    if claimed == CONTEXT_QSH:
        return _told(ours, None, Cause.TOKEN_CONTEXT)
    # (3) theirs
    wanted = claimed.encode(errors="replace")
    limit = min(CANDIDATES_MAX, 1 + CHARACTERS_MAX // len(ours))
    for causes, candidate in islice(_candidates(request, ours, limit), limit):
        found = hashlib.sha256(candidate.encode()).hexdigest()
        if hmac.compare_digest(found.encode(), wanted):
            more = " ".join(_ADVICE[cause] for cause in causes[1:])
            return _told(ours, candidate, causes[0], more)
    return _told(ours, None, Cause.UNKNOWN)


def _told(ours: str | None, theirs: str | None, cause: Cause, more: str = "") -> Explanation:
    return Explanation(
        ours=None if ours is None else redact(ours),
        theirs=None if theirs is None else redact(theirs),
        cause=cause,
        advice=redact(f"{_ADVICE[cause]} {more}".rstrip()),
    )


def _candidates(request: RequestFacts, ours: str, limit: int) -> Iterator[tuple[list[Cause], str]]:
    """Ours, then one change, then a change of two parts at once."""
    same = [_Change(part, Cause.MATCH) for part in ours.split("&", 2)]
    parts = [
        [_Change(method, Cause.METHOD) for method in _METHODS],
        list(_paths(request, same[1].text)),
        list(islice(_queries(request, same[2].text), limit)),
    ]
    ones = ({place: change} for place in (1, 2, 0) for change in parts[place])
    twos = (
        {first: one, second: two}
        for first, second in ((0, 1), (1, 2), (0, 2))
        for one, two in product(parts[first], parts[second])
    )
    yield [Cause.MATCH], ours
    for changes in chain(ones, twos):
        written = [changes.get(place, same[place]).text for place in range(3)]
        yield [change.cause for change in changes.values()], "&".join(written)


def _paths(request: RequestFacts, path: str) -> Iterator[_Change]:
    # (1) a base that one side takes off and the other does not
    base = request.base_path.rstrip("/")
    inside = "" if path == "/" else path
    if base:
        yield _Change(base + inside, Cause.BASE_PATH)
    segments = path.split("/")[1:]
    for count in range(1, min(len(segments), _SEGMENTS_DROPPED) + 1):
        yield _Change("/" + "/".join(segments[count:]), Cause.BASE_PATH)
    # (2) what proxies do
    for prefix in _PREFIXES:
        yield _Change(prefix + inside, Cause.PROXY_REWRITE)
    yield _Change(path + "/", Cause.PROXY_REWRITE)
    # (3) other spellings of the same path
    plain = unquote(path)
    safe = "/!$'()*+,;=:@-._~"
    spellings = (
        plain.replace("&", "%26"),  # the host product of 2016
        quote(plain, safe=safe),
        quote(plain, safe="/"),
        quote(plain, safe="/").replace("%20", "+"),
        quote(plain.replace("+", " "), safe=safe),
        quote(path, safe=safe),  # encoded twice
        path.replace("%26", "&"),  # some Ruby and older Java libraries
        _escapes(path, str.lower),
        _escapes(path, str.upper),
    )
    for text in spellings:
        yield _Change(text, Cause.PATH_ENCODING)


def _queries(request: RequestFacts, query: str) -> Iterator[_Change]:
    # (1) the forms of other libraries
    facts = (request.method, request.raw_path, request.raw_query, request.base_path)
    for form in (Form.DECODED_NAME_ORDER, Form.CODE_POINT_VALUE_ORDER):
        yield _Change(canonical_request(*facts, form).split("&", 2)[2], Cause.NAME_ORDER)
    parameters = [parameter.partition("=")[::2] for parameter in query.split("&") if query]
    encoded = [f"{name}={','.join(sorted(values.split(',')))}" for name, values in parameters]
    yield _Change("&".join(encoded), Cause.NAME_ORDER)
    # (2) other spellings of the same parameters
    nulled = [f"{name}={values or 'null'}" for name, values in parameters]
    spellings = (
        query.replace("%20", "+"),
        query.replace("%20", "+").replace("~", "%7E").replace("%2A", "*"),  # as forms are encoded
        query.replace("%20", "%2B"),  # '+' read as itself
        query.replace("%", "%25"),  # encoded twice
        query.replace("%5B%5D=", "="),  # 'a[]' read as 'a'
        "&".join(nulled),  # a name without '=', as Express apps sign it
        unquote(query),
        _escapes(query, str.lower),
    )
    for text in spellings:
        yield _Change(text, Cause.QUERY_ENCODING)
    # (3) parameters that came later
    for text in _fewer(parameters):
        yield _Change(text, Cause.PARAMETER_ADDED)


def _fewer(parameters: Sequence[tuple[str, str]]) -> Iterator[str]:
    names = [name for name, _ in parameters]
    tracking = {name for name in names if name.startswith("utm_")}
    few = names[:_NAMES_DROPPED]
    late = chain([tuple(tracking), tuple(names)], combinations(few, 1), combinations(few, 2))
    for dropped in late:
        kept = [f"{name}={values}" for name, values in parameters if name not in dropped]
        yield "&".join(kept)


def _escapes(text: str, case: Callable[[str], str]) -> str:
    first, *rest = text.split("%")
    return "%".join([first, *(case(part[:2]) + part[2:] for part in rest)])
