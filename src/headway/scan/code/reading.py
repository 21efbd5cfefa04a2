"""What reads a token from the URL of a request to an API: its callers have to send it so.

The routes of frames are another thing: the host gives them their token in the URL, and has no
other way.  So the name ``jwt`` says nothing by itself: what is around it has to be an API.
``token`` may be a page's as well, or that of a mail that is sent once; other names are a
credential wherever they are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ast_grep_py import SgNode

from headway.scan.code.languages import STRINGS
from headway.scan.code.names import FRAME_NAMES, HANDSHAKE, NAMES, ONCE, WORDS, is_name
from headway.scan.code.tree import ancestors, function_around, literal, statement_of

__all__ = ["reads_token"]

# ---- what stands before a name that is read -------------------------------------------------
# Texts are brought into one form first: "->", "::", "?." and "!." are ".", blanks are one blank.

_REQUEST = (
    r"(?i:\b(?:\w*request|req|ctx|context|httpcontext|c|r|event|handshake|ws|websocket|socket|call|"
    r"exchange|upgradeReq)\b(?:\(\))?)"
    r"(?:\.(?:request|req|url|URL|rel_url|nextUrl|handshake|upgradeReq|Request)(?:\(\))?)*"
)
_GETTER = (
    r"(?:\.(?:get|Get|getlist|get_all|getAll|getone|getFirst|pop|fetch|dig|TryGetValue|first))?"
)
_GIVEN = rf"{_GETTER}[ ]?[\[(][ ]?\Z"
_IN_QUERY = (
    r"(?:args|GET|query|query_params|query_parameters|queryParams|queryParameters|"
    r"queryStringParameters|Query|QueryString|queryString|searchParams|getQueryParams)(?:\(\))?"
)
_QUOTED = re.compile(
    rf"""(?x)
        {_REQUEST}\.{_IN_QUERY}{_GIVEN}
      | \.(?:URL|Url|url)\.Query\(\){_GIVEN}
      | \.(?:get_query_argument|getQueryParam|getQueryParameter|query_param|queryParam|QueryParam
           |DefaultQuery|GetQuery|QueryArgs\(\)\.Peek|getQueryString|fromUrlQueryParameter
           |getQueryParams\(\)\.getFirst)\([ ]?\Z
      | \b(?:c|ctx|c\.req|req|request|\$request|\$req|this\.request)
          \.(?:Query|query|queryParams)\([ ]?\Z
      | \$_GET\[[ ]?\Z | filter_input\([ ]?INPUT_GET,[ ]?\Z | \bquery\.get\([ ]?\Z
      | (?:FromQuery|APIKeyQuery|\bQuery)\((?:[^()]*,)?[ ]?(?:Name|name|alias)[ ]?[:=][ ]?\Z
      | @(?:\w+\.)*(?:QueryParam|QueryValue|RequestParam|RestQuery|Query)
          \([ ]?(?:(?:value|name)[ ]?=[ ]?)?\Z
      | \b(?:QueryParamDecoderMatcher|OptionalQueryParamDecoderMatcher)\[[^\]]*\]\([ ]?\Z
      | (?:parse_qs|parse_query|ParseQueryString|URLSearchParams)\((?:[^()]|\([^()]*\))*\){_GIVEN}
    """
)
"""The name is a text, or a constant."""

_QUOTED_EITHER = re.compile(
    rf"""(?x)
        \bparams(?:\.fetch\(|\.dig\(|\[)[ ]?\Z
      | {_REQUEST}\.(?:params|values|Params|Form|REQUEST)(?:\(\))?{_GIVEN}
      | \.(?:getParameter|getParam|get_argument|get_param|FormValue)\([ ]?\Z
      | \$_REQUEST\[[ ]?\Z | \$request\.(?:input|get)\([ ]?\Z | \brequest\([ ]?\Z
      | \bcall\.parameters\[[ ]?\Z
    """
)
"""The same, of a query or of a form's body."""

_MEMBER = re.compile(
    rf"{_REQUEST}\.(?:query|queryStringParameters|Query)\.\Z"
    r"|\b(?:url|URL|parseUrl|parse)\((?:[^()]|\([^()]*\))*\)\.query\.\Z"
    r"|\burl\.parse\((?:[^()]|\([^()]*\))*\)\.query\.\Z"
)
_TYPED = re.compile(
    r"(?:@(?:\w+\.)*(?:RequestParam|QueryParam|QueryValue|RestQuery)|\[FromQuery\])"
    r"(?: ?\([^()\"']*\))? (?:final )?(?:[\w.]+(?:<[\w<>., ]*>)?(?:\[\])?\?? )?\Z"
)
"""``@RequestParam String token``: the parameter's own name."""

_DESTRUCTURED = re.compile(r"\{[^{}]*\Z")
_FROM_QUERY = re.compile(
    rf"\A[^{{}};]*\}} ?= ?(?:await )?{_REQUEST}\.(?:query|queryStringParameters)\b"
)
_QUERY_OF = re.compile(r"\bquery ?: ?\{[^{}]*\Z")
_HELD = re.compile(r"(\w+)(?:\.(?:get|Get|getFirst|fetch)\(|\[|\.) ?\Z")
_HOLDS = (
    rf"(?:{_REQUEST}\.{_IN_QUERY}|\.URL\.Query\(\)|"
    r"\bparse_qs\((?! ?(?:res\w*|r|answer|body|content|text)\b)|url\.parse\(|ParseQueryString\(|"
    r"parse_query\(|\.searchParams\b|URLSearchParams\()"
)
_FROM_URL = rf"\{{[^{{}}]*\bsearchParams\b[^{{}}]*\}} ?= ?new URL\( ?{_REQUEST}"
_DEFAULT = re.compile(r"\A ?: ?(?:Annotated\[)?[^,()=]*(?:= ?)?(?:fastapi\.)?Query\(")
_LOOKUP = re.compile(rf"\A[\"'`]query:(?:{NAMES})[\"'`,]")
_WRITTEN = re.compile(r"\A ?\]? ?=[^=>]")
_BUILDS = re.compile(r"\A ?,")
_JAVASCRIPT = ("javascript", "typescript", "tsx")
_PARAMS = re.compile(r"(?<![\w.])params(?:\.get)? ?[\[(] ?\Z")
_PATH = re.compile(r"\.params(?:\.get)? ?[\[(] ?\Z")

# ---- what is around it ----------------------------------------------------------------------

_OF_AN_API = re.compile(
    r"[\"'/]api\b|\bapi/|jsonify|\.json\(|\brender\s+json|JSONResponse|JsonResponse|\.JSON\(|"
    r"json\.NewEncoder|ApiController|RestController|ctx\.body\s*=|response\(\)->json|Grape::API|"
    r"ActionController::API|APIView|APIRouter|wp_send_json|application/json|\bprefix :api"
)
_GUARD = re.compile(
    r"(?i)\b401\b|\b403\b|unauthori[sz]ed|forbidden|permission_?denied|AuthenticationFailed|"
    r"invalid.?(?:api.?key|token)|authenticat"
)
_OF_A_PAGE = re.compile(
    r"\brender(?:_template)?\s*\(|\.render\s*\(|\.html\b|Html\b|\bView\s*\(|\bview\s*\(|\.Execute\("
)
_FRAME = re.compile(r"(?i)\biframe|\bframes?\b|panel|macro|AtlassianJwt|gadget|lti\b")
_HIDES = re.compile(
    r"(?i)\bdel\b|redact|mask|scrub|sanit|\bstrip|\bhide|censor|\bdelete\b|filter_param"
)
_IN_BROWSER = re.compile(r"\blocation\b|\bdocument\.|\buseSearchParams\b|\bbrowser\b")
_CALLBACK = re.compile(
    r"(?i)[\"'/]callback\b|callback_?ur[li]|redirect_uri|authorization_code|oauth_?callback|"
    r"\bdef \w*callback|\bfunction \w*callback"
)
_SERVES = re.compile(
    r"(?i)\bres(?:ponse)?\b|\bnext\b|ctx|reply|abort|40[13]|unauthor|forbid|auth|verif|valid|check|"
    r"claims|decode|json|\bapi|rout|handler|\bapp\.|middleware|require|allowed|known|\bw\b|respond"
)
"""What serves, and is no client that has a query too."""
_CLIENT = re.compile(r"@(?:FeignClient|RegisterRestClient|HttpExchange|\w+Exchange\(|Client\()")
_BODY_ONLY = re.compile(
    r"(?i)\.post\(|\bdoPost\b|PostMapping|HttpPost|\bdef (?:create|update)\b|methods=\[\"POST\"\]|"
    r"introspect|revoke|::post\(|->post\(|r\.Method (?:!=|==) \"?(?:http\.Method)?Post"
)
_BEFORE, _NEAR = 300, 240  # characters before a function, before a name


def reads_token(
    node: SgNode, source: str, language: str = "", constants: Mapping[str, str] | None = None
) -> bool | None:
    """Whether *node*, a token's name, is what an API's route reads from a query.

    None: it is not read there at all.
    """
    text = node.text()
    constants = constants or {}
    # (1) is it read from a query, or from what may be one?
    read = _read_from(node, source, language, constants)
    if read is None:
        return None
    # (2) by whom?
    name = re.sub(r"\A\W*(?:query:)?|\W+\Z", "", constants.get(text, text)).lower()
    return _by_an_api(node, source, name, either=read == "either")


def _read_from(
    node: SgNode, source: str, language: str, constants: Mapping[str, str]
) -> str | None:
    """What *node* is read from: a ``query``, or ``either`` that or a form; None for nothing."""
    span = node.range()
    before = _plain(source[max(0, span.start.index - _NEAR) : span.start.index])
    after = _plain(source[span.end.index : span.end.index + 160])
    if _WRITTEN.match(after.lstrip("\"'`")):
        return None
    text = node.text()
    is_text = node.kind() in STRINGS
    if (is_text and is_name(literal(node) or "")) or text in constants:
        return _quoted_from(before, after, source, node, language)
    if is_text:
        return "query" if _LOOKUP.match(text) else None
    return "query" if _reads_member(before, after, source, node) else None


def _quoted_from(before: str, after: str, source: str, node: SgNode, language: str) -> str | None:
    if _reads_quoted(before, after, source, node):
        # Retrofit's annotation sends
        sends = language in ("java", "kotlin") and before.rstrip().endswith("@Query(")
        return None if sends else "query"
    elsewhere = language != "ruby" and _PARAMS.search(before)
    in_path = language in _JAVASCRIPT and _PATH.search(before)
    either = _QUOTED_EITHER.search(before) and not (elsewhere or in_path)
    return "either" if either else None


def _plain(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?(?:\?\.|!\.|->|::|\.)(?=[\w ]|\Z) ?", ".", text)


def _reads_quoted(before: str, after: str, source: str, node: SgNode) -> bool:
    if _QUOTED.search(before):
        return not (re.search(r"(?:[qQ]ueryParams?|Query)\( ?\Z", before) and _BUILDS.match(after))
    held = _HELD.search(before)
    return held is not None and _holds_query(held[1], node, source)


def _reads_member(before: str, after: str, source: str, node: SgNode) -> bool:
    if _MEMBER.search(before) or _DEFAULT.match(after) or _TYPED.search(before):
        return True
    if _QUERY_OF.search(before) and re.match(r"\A[^{}]*\}[^{}]*\} ?(?:,|\)|= ?\w)", after):
        return True
    if _DESTRUCTURED.search(before) and _FROM_QUERY.match(after):
        return True
    held = _HELD.search(before) if before.endswith(".") else None
    return held is not None and _holds_query(held[1], node, source)


def _holds_query(variable: str, node: SgNode, source: str) -> bool:
    """Whether *variable* is a request's query, by where it comes from."""
    around = function_around(node)
    scope = _plain((around.text() if around is not None else source)[:6_000])
    made = rf"\b{re.escape(variable)}\b(?: ?: ?[\w<>, ]+)? ?:?= ?[^;=]{{0,60}}?{_HOLDS}"
    if re.search(made, scope):
        return True
    return variable == "searchParams" and re.search(_FROM_URL, scope) is not None


def _by_an_api(node: SgNode, source: str, name: str, *, either: bool) -> bool:
    """Whether what is around a reading is an API's, and no frame's route, page or filter."""
    around = function_around(node) or statement_of(node)
    begin = around.range().start.index
    scope = source[max(0, begin - _BEFORE) : around.range().end.index]
    at = node.range().start.index
    line = source[source.rfind("\n", 0, at) + 1 : source.find("\n", at) % (len(source) + 1)]
    heads = _heads(node)
    if _IN_BROWSER.search(scope) or _HIDES.search(line) or _CLIENT.search(scope + heads):
        return False
    if HANDSHAKE.search(scope):
        return True
    of_an_api = _OF_AN_API.search(scope + heads) is not None
    if name in FRAME_NAMES:
        return of_an_api and not (_FRAME.search(scope) or _OF_A_PAGE.search(scope))
    if either and _BODY_ONLY.search(scope):
        return False
    guarded = of_an_api or _GUARD.search(scope) is not None
    if name in WORDS:
        return guarded and not (ONCE.search(scope) or _OF_A_PAGE.search(scope))
    return _takes_credential(scope, guarded=guarded or not either)


def _takes_credential(scope: str, *, guarded: bool) -> bool:
    """Whether *scope* serves somebody who has to show a credential, and is no step of a login."""
    return guarded and _SERVES.search(scope) is not None and _CALLBACK.search(scope) is None


def _heads(node: SgNode) -> str:
    """The first lines of the classes and modules around *node*, with what stands before them."""
    return "\n".join(
        each.text()[:300]
        for each in ancestors(node)
        if re.search(r"class|module|object|interface|program", each.kind())
    )
