"""What is logged: addresses with a token, followed from where the token is put in.

An address is followed by names: the variable, the builder or the function that has it, what is
made of it, and what is handed to a logger after that.  What a request answers is another thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, FUNCTIONS
from headway.scan.code.tree import ancestors, callee, function_around, named_children

__all__ = ["logged_addresses", "logged_requests", "logger_around"]

# ---- loggers ----------------------------------------------------------------------------------

_VERBS = (
    r"(?:debug|info|notice|warn(?:ing)?|error|err|critical|fatal|exception|trace|verbose|log\w*|"
    r"print\w*|write_?line|information|[deviw]|wtf|with|add|fields?|captureMessage|msgf?|send)"
)
_LOGGER = re.compile(
    r"(?i)(?:\b_?(?:log(?:ger|ging|rus|uru)?|console|[A-Za-z]*logger|\$log|slog|zap|sugar|timber|serilog|"
    r"structlog|winston|pino|bunyan|debug|trace|syslog|sentry\w*|napier|kermit|glog|klog)"
    rf"(?:\(\))?(?:\.|->|::)(?:(?:at|with)\w*\([^()]*\)\.)?{_VERBS}(?:w|f|ln|Context|Async|Ctx)?!?\Z)"
    r"|(?:\A|[\s=(;])@?(?:print|println|puts|pp?|warn|error_log|printf|debug|syslog|logger|log|say|"
    r"trigger_error|NSLog|info)\Z"
    r"|\bSystem\.(?:out|err)\.print\w*\Z|\bfmt\.F?[Pp]rint\w*\Z|\bConsole\.(?:Error\.)?Write(?:Line)?\Z"
    r"|\bstd(?:out|err)\.(?:write|puts)\Z|\b(?:set_attribute|setAttribute|SetTag|set_tag|addBreadcrumb|"
    r"add_breadcrumb|captureMessage|capture_message)\Z"
)
_STARTS = re.compile(
    r"(?i)log|console|print|puts|\bpp?\b|\bwarn|debug|trace|timber|sentry|slog|stderr|stdout|"
    r"set_?attribute|set_?tag|breadcrumb|capture_?message|zap|sugar|winston|pino|write"
)
_NO_LOG = re.compile(
    r"fmt\.(?:Sprint|Fprint\w*\(\s*(?:w|rw|res\w*)\b)|\bcatalog|dialog|(?i:login|logout)\Z"
)


_LOGS = CALLS - {"attribute"}  # a member's name in Python; C#'s attributes log nothing


def logger_around(node: SgNode) -> SgNode | None:
    """The call of a logger that is given *node*."""
    for each in ancestors(node):
        if each.kind() in FUNCTIONS and each.kind() not in ("block", "do_block", "lambda_literal"):
            return None
        if each.kind() in _LOGS and _is_logger(each):
            return each
    return None


def _is_logger(call: SgNode) -> bool:
    name = callee(call)
    if _LOGGER.search(name) is None or _NO_LOG.search(name):
        return False
    return not re.match(r"fmt\.Fprint\w*\(\s*(?:w|rw|res\w*)\b", call.text()[:60])


# ---- what has an address ----------------------------------------------------------------------


class _Carrier(NamedTuple):
    """A name that stands for an address from *since* on, between *start* and *end*."""

    name: str
    start: int
    end: int
    since: int
    is_call: bool = False
    is_map: bool = False


_ASSIGNMENT = re.compile(
    r"(?m)(?P<target>[@$\w][\w.$@>-]*(?:\[[^\]\n]*\])?)(?:[ \t]*,[ \t]*(?:err\w*|_|ok|e))*"
    r"(?:[ \t]*:[ \t]*[\w<>?.\[\], |]{1,60})?[ \t]*(?::=|\+=|\.=|(?<![=!<>])=)(?![=>~])\s*"
    r"(?P<value>[^\n;]*(?:\n\s*[.+?&:)\]}][^\n;]*)*)"
)
_RETURN = re.compile(r"\breturn\s+(?P<value>[^;\n]*(?:\n\s*[.+?&:][^;\n]*)*)")
_LAST = re.compile(r"\n\s*(?P<value>[^\n]+)\n\s*(?:end|\})\s*\Z")
_ANSWERED = re.compile(
    r"\bawait\b|\byield from\b|(?i:\b(?:fetch|urlopen|open|exec|execute|send|post|put|request|"
    r"exchange|retrieve|getForObject|getForEntity|do|curl_exec|file_get_contents|wp_remote_get|read|load|json|connect|"
    r"dial|create_connection|recv|\w*WebSocket|EventSource|getbody|body|bodyAsText|invoke|newCall|RestClient|HTTParty)\s*[({])|\bGet\w*Async\b|"
    r"(?:requests|httpx|http|client|session|axios|got|ky|api|conn\w*|Faraday|self|this|HTTP|rest\w*|\$http|web)"
    r"(?:\(\))?(?:\.|->|::)(?:get|Get|head|list|ajax|patch|delete|stream)\w*\s*[({<]|\bget\s*\("
)
"""What a request answers is no address."""

_ENCODES = re.compile(r"(?i)encode|query|stringify|url|uri|\?|format|join")
_MAP_NAME = re.compile(
    r"(?i)(?:\A|_)(?:q|qs|query|params?|values|args|arguments|form|data|map|dict|body|headers|options|config|"
    r"opts|fields|parameters|\w*params|payload|search)\Z"
)
_MAP_VALUE = re.compile(
    r"\A\s*(?:\{|\[|array\(|dict\(|new\s+\w*Map|mapOf|\w*[Mm]ap\.of|Map\(|new\s+Dictionary|url\.Values|map\[|new\s+\{)"
)
_QUERY_MEMBER = re.compile(
    r"(?i)\A(?:query|raw_?query|search|query_?string|encoded_?query|uri|url|href)\Z"
)
_ASSIGNS = re.compile(
    r"assignment|declarator|variable_declaration|property_declaration|va[lr]_definition|var_"
)
_OWN = ("self", "this", "@")


def _scope(node: SgNode, source: str) -> tuple[int, int]:
    around = function_around(node)
    while around is not None and around.kind() in ("lambda_literal", "do_block", "block_argument"):
        around = function_around(around)
    if around is None:
        return 0, len(source)
    span = around.range()
    return span.start.index, span.end.index


def _target(text: str) -> tuple[str, bool]:
    """The name that an assignment to *text* gives a value, and whether it is an object's own."""
    parts = re.split(r"\.|->|::", text.partition("[")[0].lstrip("$"))
    if text.startswith("@"):
        return parts[0].lstrip("@"), True
    own = len(parts) > 1 and parts[0].lstrip("$") in _OWN
    if own:
        parts = parts[1:]
    if len(parts) > 1 and not _QUERY_MEMBER.match(parts[-1]):
        return "", own
    return parts[0], own


def _carriers_of(node: SgNode, source: str) -> Iterator[_Carrier]:
    """What has the address that *node* puts a token into."""
    at = node.range().start.index
    for each in ancestors(node):
        kind = each.kind()
        if kind in CALLS and re.search(r"\.\w+\s*\Z", callee(each)):
            root = re.match(r"[$@]?([A-Za-z_]\w*)", callee(each))
            if root and root[1] not in _OWN and not re.match(r"[A-Z]", root[1]):
                yield _Carrier(
                    root[1], *_scope(each, source), at, is_map=bool(_MAP_NAME.search(root[1]))
                )
        if _ASSIGNS.search(kind) and kind not in FUNCTIONS:
            yield from _assigned(each, at, source)
        if kind in ("return_statement", "return") or (
            kind in FUNCTIONS and _is_expression(each, at)
        ):
            yield from _returned(each, at, source)
        if kind in FUNCTIONS and kind not in ("lambda_literal", "do_block", "block"):
            return


def _assigned(each: SgNode, at: int, source: str) -> Iterator[_Carrier]:
    start = each.range().start.index
    found = _ASSIGNMENT.search(source, start, min(each.range().end.index, start + 4_000))
    if found is None or not found.start("value") <= at:
        return
    before = source[found.start("value") : at]
    name, own = _target(found["target"])
    if not name or _ANSWERED.search(before):
        return
    is_map = bool(_MAP_VALUE.match(found["value"]) or _MAP_NAME.search(name))
    start, end = (0, len(source)) if own else _scope(each, source)
    yield _Carrier(name, start, end, 0 if own else at, is_map=is_map)


def _is_expression(function: SgNode, at: int) -> bool:
    """Whether *function* is no more than the expression at *at*, or that is its last one."""
    text = function.text()
    before = text[: at - function.range().start.index]
    if re.search(r"(?:=>|\)\s*(?::\s*\w+\s*)?=)\s*[^{};\n]*\Z", before):
        return True
    after = text[at - function.range().start.index :]
    return re.match(r"[^\n]*\n\s*(?:end|\})\s*\Z", after) is not None


def _returned(each: SgNode, at: int, source: str) -> Iterator[_Carrier]:
    around = each if each.kind() in FUNCTIONS else function_around(each)
    before = source[each.range().start.index : at][-300:]
    name = _name_of(around) if around is not None else ""
    if name and not _ANSWERED.search(before):
        yield _Carrier(name, 0, len(source), 0, is_call=True)


def _name_of(function: SgNode) -> str:
    """What *function* is called; "" where it has no name."""
    found = re.match(
        r"(?s)(?:[^(]*?\b(?:def|function|fun|func|fn)\s+(?:\([^)]*\)\s*)?(?:self\.)?(?P<a>\w+)"
        r"|[^({=]*?\b(?P<b>\w+)\s*\()",
        function.text()[:300],
    )
    if found and (found["a"] or found["b"]) not in ("async", "function", "constructor", "__init__"):
        return found["a"] or found["b"]
    parent = function.parent()
    if parent is not None and re.search(r"declarator|pair|assignment", parent.kind()):
        return named_children(parent)[0].text()
    return ""


# ---- what is made of it -----------------------------------------------------------------------


def _mention(carrier: _Carrier) -> re.Pattern[str]:
    name = re.escape(carrier.name)
    if carrier.is_call:
        return re.compile(rf"(?<![\w-]){name}\s*[(<]|(?:self|this|@)\.?{name}\b(?!\s*[:=])")
    return re.compile(
        rf"(?<![\w\"'-])(?<![^.]\.){name}\b(?!\s*[:=(](?![:=]))|(?:self|this|@|->)\.?{name}\b|\$\{{?{name}\b"
    )


_DROPS = re.compile(
    r"(?:\(\))?\s*(?:\?\.|!!?\.|\.|->|::)\s*(?:split|path\w*|Path|host\w*|Host\w*|origin|scheme|protocol|port|netloc|"
    r"getPath|getHost|partition|length|size|len|status\w*|AbsolutePath|authority|replace\w*|sub|gsub|"
    r"substring\w*|substr|slice|name|id|method|getAuthority|LocalPath|Segments|include|startswith|"
    r"readyState|code|ok|Length|Count|text|json|body|data|headers)\b"
)
_CLEANED = re.compile(
    r"(?i)(?:redact|mask|sanit|strip|clean|hide|scrub|censor|without|safe|remove|shorten|"
    r"\b(?:len|sha\w*|hash|digest|md5)\b)\w*\s*[(.][^()]*\Z"
)


def _mentioned(carrier: _Carrier, text: str) -> bool:
    """Whether *text* has the address of *carrier*, whole."""
    for found in _mention(carrier).finditer(text):
        if not _DROPS.match(text, found.end()) and not _CLEANED.search(text[: found.start()][-80:]):
            return True
    return False


def _followed(source: str, first: list[_Carrier], at: Callable[[int], SgNode]) -> list[_Carrier]:
    """*first*, and what is made of them: by assignments, and by what functions return."""
    known = {(each.name, each.start, each.is_call): each for each in first}
    waiting = list(first)
    while waiting and len(known) < _CARRIERS_MAX:
        carrier = waiting.pop()
        for made in _made_of(carrier, source, at):
            key = (made.name, made.start, made.is_call)
            if key not in known or (known[key].is_map and not made.is_map):
                known[key] = made
                waiting.append(made)
    return [*known.values()]


_CARRIERS_MAX = 200


def _made_of(carrier: _Carrier, source: str, at: Callable[[int], SgNode]) -> Iterator[_Carrier]:
    scope = source[carrier.start : carrier.end]
    if carrier.name not in scope:
        return
    for found in _ASSIGNMENT.finditer(scope):
        begin = carrier.start + found.start()
        if begin < carrier.since or not _made(carrier, found["value"]):
            continue
        name, own = _target(found["target"])
        if name and (name, own) != (carrier.name, False):
            start, end = (0, len(source)) if own else _scope(at(begin), source)
            yield _Carrier(name, start, end, 0 if own else begin)
    for pattern in (_RETURN, _LAST):
        for found in pattern.finditer(scope):
            if carrier.start + found.start() < carrier.since or not _made(carrier, found["value"]):
                continue
            around = function_around(at(carrier.start + found.start("value")))
            name = _name_of(around) if around is not None else ""
            if name:
                yield _Carrier(name, 0, len(source), 0, is_call=True)


def _made(carrier: _Carrier, value: str) -> bool:
    if not _mentioned(carrier, value) or _ANSWERED.search(value):
        return False
    return not carrier.is_map or _ENCODES.search(value.replace(carrier.name, "")) is not None


# ---- what is handed to a logger ---------------------------------------------------------------


def logged_addresses(
    source: str, sent: list[SgNode], at: Callable[[int], SgNode]
) -> Iterator[SgNode]:
    """Calls of loggers in *source* that are given an address into which one of *sent* puts a token.

    *at* is the node at a place.
    """
    if _MADE_BY_A_MACHINE.search(source):
        return
    first = [each for node in sent for each in _carriers_of(node, source)]
    carriers = [each for each in _followed(source, first, at) if not each.is_map] if first else []
    if not carriers:
        return
    names = re.compile("|".join({re.escape(each.name) for each in carriers}))
    for begin, call in _loggers(source, at, names):
        given = call.text()
        for each in carriers:
            inside = each.start <= begin < each.end and begin >= each.since
            if inside and _mentioned(each, given):
                yield call
                break


_MADE_BY_A_MACHINE = re.compile(r"(?m)^(?!//#)[^\n]{4000}")
_NEAR = 600  # characters after a logger's name in which it is given something


def _loggers(
    source: str, at: Callable[[int], SgNode], given: re.Pattern[str]
) -> Iterator[tuple[int, SgNode]]:
    """The calls of loggers that may have *given*, with where they start."""
    seen: set[int] = set()
    for found in _STARTS.finditer(source):
        if not given.search(source, found.end(), found.end() + _NEAR):
            continue
        node = at(found.start())
        for each in [*ancestors(node)][:6]:
            begin = each.range().start.index
            if each.kind() not in _LOGS or begin in seen or not _is_logger(each):
                continue
            if found.start() <= begin + len(callee(each)):
                seen.add(begin)
                yield begin, each
                break


_REQUESTED = re.compile(
    r"(?x)\b(?:request|req|ctx|self\.request|c\.req|r|\$request|context|Request|httpContext)(?:\.|->)(?:raw\.|Request\.)?"
    r"(?:url|original_?[uU]rl|full_?path|get_full_path|href|build_absolute_uri|RequestURI|URL\b(?!\.Path)"
    r"|uri\b(?!\.path)|getRequestURL|getRequestUri|getQueryString|fullUrl|getUri|QueryString|GetDisplayUrl"
    r"|GetEncodedUrl|query_string|Url\b|RequestUri|getURI)\b|REQUEST_URI|QUERY_STRING"
)
_ACCESS_LOG = re.compile(r":url\b|\bmorgan\(\s*[\"'](?:combined|common|dev|short|tiny)")


def logged_requests(source: str, at: Callable[[int], SgNode]) -> Iterator[SgNode]:
    """Calls of loggers in *source* that are given the whole address of the request at hand."""
    if _MADE_BY_A_MACHINE.search(source):
        return
    for _, call in _loggers(source, at, _REQUESTED):
        given = call.text()
        for found in _REQUESTED.finditer(given):
            if not _DROPS.match(given, found.end()) and not _CLEANED.search(
                given[: found.start()][-80:]
            ):
                yield call
                break
    for found in _ACCESS_LOG.finditer(source):
        node = at(found.start())
        logger = next((each for each in ancestors(node) if each.kind() in _LOGS
                     and re.search(r"\bmorgan\Z", callee(each))), None)  # fmt: skip
        if logger is not None or found[0].startswith("morgan"):
            yield logger or node
