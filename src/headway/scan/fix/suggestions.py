"""Suggested patches for the other languages: a token out of the address and into a header.

For calls whose form says what they are (``fetch``, ``axios.get``, ``http.NewRequest``) and that
can take a header where they stand.  What comes out is looked at by the scan once more, and parsed:
a suggestion after which either is not content is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from ast_grep_py import SgNode, SgRoot

from headway.scan.code.languages import ARGUMENTS, CALLS, FUNCTIONS, STRINGS, Language
from headway.scan.code.look import look
from headway.scan.code.names import NAME
from headway.scan.code.tree import ancestors, callee, covers, named_children, positional
from headway.scan.fix.addresses import cut_out, whole_text
from headway.scan.fix.edits import Edit, edited, patch_of
from headway.scan.fix.literals import holds_token
from headway.scan.fix.schemes import scheme_of

__all__ = ["suggest"]

SOURCE_MAX = 100_000
"""The longest file for which something is suggested, in characters: each suggestion scans it."""

_SCRIPT = ("javascript", "typescript", "tsx")
_SIMPLE = re.compile(r"[$@\w.]+(?:->\w+|\(\))*(?:\.\w+(?:\(\))?)*")

_ENCODED = re.compile(
    r"(?:encodeURIComponent|(?:raw)?urlencode|url\.(?:Query|Path)Escape|(?:java\.net\.)?URLEncoder\.encode"
    r"|CGI\.escape|ERB::Util\.url_encode|URI\.encode_(?:www_form|uri)_component"
    r"|(?:System\.)?Uri\.EscapeDataString|(?:[\w.]+\.)?(?:WebUtility|HttpUtility)\.UrlEncode)"
    r"\(\s*(?P<token>[^(),\"'`]+(?:\([^()]*\)[^(),\"'`]*)*)\s*(?:,[^()]*(?:\(\))?)?\)"
)
"""A value as an address wants it, percent-encoded: a header wants it as it is."""


def suggest(source: str, language: Language, line: int) -> list[Edit]:
    """The edits for a token that is sent in *line* (from 1) of *source*; none where none is known.

    >>> from headway.scan.code.languages import LANGUAGES
    >>> code = "fetch(`${base}/x?jwt=${token}`)"
    >>> print(edited(code, suggest(code, LANGUAGES["javascript"], 1)))
    fetch(`${base}/x`, { headers: { Authorization: `JWT ${token}` } })
    """
    forms = _FORMS.get(language.name, ())
    if not forms or len(source) > SOURCE_MAX:
        return []
    root = SgRoot(source, language.parser).root()
    for at, name, scheme in _places(source, line):
        node = _node_at(root, at)
        for form in forms:
            edits = form(_Place(source, language.name, node, name, at, scheme))
            if edits and _is_content(source, language, edits):
                return sorted(edits)
    return []


def _places(source: str, line: int) -> Iterator[tuple[int, str, str]]:
    """Where a name with a scheme stands in that line."""
    starts = [0, *(each.end() for each in re.finditer("\n", source))]
    start = starts[line - 1]
    for found in NAME.finditer(source, start, _line_end(source, start)):
        scheme = scheme_of(found[0])
        if scheme is not None:
            yield found.start(), found[0], scheme


def _node_at(root: SgNode, at: int) -> SgNode:
    """The string around a place, else the innermost node."""
    node = root
    while True:
        inner = next(
            (
                child
                for child in node.children()
                if child.range().start.index <= at < child.range().end.index
            ),
            None,
        )
        if inner is None:
            break
        node = inner
    for each in (node, *ancestors(node)):
        if each.kind() in STRINGS and each.kind() not in ("string_content", "string_fragment"):
            return each
        if each.kind() in CALLS:
            break
    return node


def _is_content(source: str, language: Language, edits: list[Edit]) -> bool:
    """Whether the scan finds less, the parser no more faults, and no token is in the patch."""
    after = edited(source, edits)
    if holds_token(patch_of(source, edits)) or _faults(after, language) > _faults(source, language):
        return False
    return _sends(after, language) < _sends(source, language)


@lru_cache(maxsize=4)  # each finding of a file asks for those of the file
def _faults(source: str, language: Language) -> int:
    nodes = _below(SgRoot(source, language.parser).root())
    return sum(each.kind() == "ERROR" for each in nodes)


@lru_cache(maxsize=4)
def _sends(source: str, language: Language) -> int:
    return sum(seen.rule == "sends-token-in-url" for seen in look(source, language))


# ---- what all forms have ---------------------------------------------------------------------


class _Place(NamedTuple):
    """One place: the file, the node that names the parameter, and where the name stands."""

    source: str
    language: str
    node: SgNode
    name: str
    at: int
    scheme: str

    def value(self, code: str) -> str:
        """The header's value: the scheme and the token, as this language joins them."""
        encoded = _ENCODED.fullmatch(code)
        code = encoded["token"].strip() if encoded is not None else code
        simple = _SIMPLE.fullmatch(code) is not None
        if self.language in _SCRIPT:
            return f"`{self.scheme} ${{{code}}}`"
        if self.language == "ruby":
            return f'"{self.scheme} #{{{code}}}"'
        code = code if simple else f"({code})"
        if self.language == "php":
            return f"'{self.scheme} ' . {code}"
        return f'"{self.scheme} "+{code}' if self.language == "go" else f'"{self.scheme} " + {code}'

    def call(self) -> SgNode | None:
        """The innermost call around the place."""
        return next((each for each in ancestors(self.node) if each.kind() in CALLS), None)

    def around(self) -> str:
        """The code that may set that header, too: the function, else the file."""
        function = next((e for e in ancestors(self.node) if e.kind() in FUNCTIONS), None)
        return function.text() if function is not None else self.source

    def is_free(self) -> bool:
        """Whether nothing there sets such a header."""
        return re.search(r"(?i)authorization|\bauth\b\s*[:=]", self.around()) is None


def _line_end(source: str, at: int) -> int:
    end = source.find("\n", at)
    return len(source) if end < 0 else end


def _indent(source: str, at: int) -> str:
    found = re.compile(r"[ \t]*").match(source, source.rfind("\n", 0, at) + 1)
    return found[0] if found is not None else ""


def _newline(source: str) -> str:
    return "\r\n" if "\r\n" in source else "\n"


def _end(node: SgNode) -> int:
    return node.range().end.index


def _start(node: SgNode) -> int:
    return node.range().start.index


# ---- an address in a call, and options beside it ---------------------------------------------


class _Options(NamedTuple):
    """How a call takes headers in a map: which argument, and how an entry is written."""

    callee: re.Pattern[str]
    query: str  # the member that is the query
    argument: int  # of the options; -1: its arguments are them
    entry: str  # an entry of the options, {0} the header's value
    header: str  # an entry of the headers
    imports: str = ""  # what has to stand in the file


_JS_ENTRY = "headers: {{ Authorization: {0} }}"
_JS_HEADER = "Authorization: {0}"
_RB_ENTRY = 'headers: {{ "Authorization" => {0} }}'
_RB_HEADER = '"Authorization" => {0}'
_OPTIONS: Mapping[str, tuple[_Options, ...]] = {
    "javascript": (
        _Options(re.compile(r"(?:\A|\bawait |window\.|globalThis\.)fetch\Z"), "", 1,
                 _JS_ENTRY, _JS_HEADER),
        _Options(re.compile(r"\baxios\.(?:get|delete|head|options)\Z"), "params", 1,
                 _JS_ENTRY, _JS_HEADER),
        _Options(re.compile(r"\baxios\.(?:post|put|patch)\Z"), "params", 2, _JS_ENTRY, _JS_HEADER),
        _Options(re.compile(r"\b(?:got|ky)(?:\.\w+)?\Z"), "searchParams", 1, _JS_ENTRY, _JS_HEADER),
        _Options(re.compile(r"\baxios(?:\.request)?\Z"), "params", 0, _JS_ENTRY, _JS_HEADER),
        _Options(re.compile(r"(?:\$|jQuery)\.ajax\Z"), "data", 0, _JS_ENTRY, _JS_HEADER),
    ),
    "ruby": (
        _Options(re.compile(r"\b(?:HTTParty|Excon)\.\w+\Z"), "query", -1, _RB_ENTRY, _RB_HEADER),
        _Options(re.compile(r"\bTyphoeus\.\w+\Z|(?<![:\w])HTTP\.\w+\Z"), "params", -1,
                 _RB_ENTRY, _RB_HEADER),
        _Options(re.compile(r"\bRestClient\.(?:get|head|delete)\Z"), "params", 1,
                 _RB_HEADER, _RB_HEADER),
    ),
    "php": (
        _Options(re.compile(r"->(?:get|head|delete|post|put|patch)\Z"), "query", 1,
                 "'headers' => ['Authorization' => {0}]", "'Authorization' => {0}", "GuzzleHttp"),
        _Options(re.compile(r"->request\Z"), "query", 2,
                 "'headers' => ['Authorization' => {0}]", "'Authorization' => {0}", "GuzzleHttp"),
    ),
}  # fmt: skip
_ENTRY = frozenset({"pair", "array_element_initializer"})
_MAPS = frozenset({"object", "hash", "array_creation_expression"})


def _options_of(place: _Place, call: SgNode) -> _Options | None:
    family = "javascript" if place.language in _SCRIPT else place.language
    name = callee(call)
    for each in _OPTIONS.get(family, ()):
        if each.callee.search(name):
            return each
    return None


def _in_options(place: _Place) -> list[Edit]:
    """``fetch(url, {...})``, ``HTTParty.get(url, query: {...})``."""
    for call in ancestors(place.node):
        options = _options_of(place, call) if call.kind() in CALLS else None
        if options is not None:
            break
    else:
        return []
    if not place.is_free():
        return []
    pair = _pair_of(place.node)
    if pair is not None:
        return _moved_pair(place, call, options, pair)
    if not _is_address(whole_text(place.node), call, options):
        return []
    if options.imports and options.imports not in place.source:
        return []
    return _cut_and_added(place, whole_text(place.node), call, options)


def _cut_and_added(place: _Place, whole: SgNode, call: SgNode, options: _Options) -> list[Edit]:
    """The parameter out of *whole*, and the header into *call*."""
    cut = cut_out(place.source, whole, place.name, place.at)
    added = _added_header(place, call, options, place.value(cut.value)) if cut is not None else []
    return [*cut.edits, *added] if cut is not None and added else []


def _pair_of(node: SgNode) -> SgNode | None:
    """The pair whose name *node* is; ``{ jwt }`` is one by itself."""
    if node.kind() == "shorthand_property_identifier":
        return node
    parent = node.parent()
    if parent is None or parent.kind() not in _ENTRY:
        return None
    return parent if covers(named_children(parent)[0], node) else None


def _is_address(whole: SgNode, call: SgNode, options: _Options) -> bool:
    """Whether a text is what the call asks: the argument before the options, or ``url: ...``."""
    arguments = positional(call)
    first = options.argument if options.imports else 1  # Guzzle's request() has a method before
    at = max(first - 1, 0)
    if len(arguments) > at and arguments[at].range() == whole.range():
        return True
    parent = whole.parent()
    is_member = parent is not None and parent.kind() in _ENTRY
    return is_member and parent is not None and named_children(parent)[0].text() == "url"


_CONSTANT = re.compile(r"\b(?:const|let)\s+(?P<name>\w+)\s*(?::\s*string\s*)?=\s*\Z")
_TOLD = re.compile(r"\bconsole\.\w+\([^()]*\Z")


def _in_constant(place: _Place) -> list[Edit]:
    """``const url = ...; fetch(url)``: one call, and logs."""
    whole = whole_text(place.node)
    found = _CONSTANT.search(place.source[max(0, _start(whole) - 200) : _start(whole)])
    function = next((e for e in ancestors(place.node) if e.kind() in FUNCTIONS), None)
    if found is None or function is None or not place.is_free():
        return []
    calls = []
    for each in re.finditer(rf"(?<![\w.]){found['name']}(?!\w)", function.text()):
        at = _start(function) + each.start()
        before = place.source[max(0, at - 300) : at]
        if at < _end(whole) or _TOLD.search(before):
            continue
        calls.append(_called_with(place, function, at))
    call = calls[0] if len(calls) == 1 else None
    options = _options_of(place, call) if call is not None else None
    if call is None or options is None:
        return []
    return _cut_and_added(place, whole, call, options)


def _called_with(place: _Place, function: SgNode, at: int) -> SgNode | None:
    """The call whose first argument stands there, in the suite of the constant or below."""
    node = _node_at(function, at)
    call = next((each for each in ancestors(node) if each.kind() in CALLS), None)
    if call is None or not positional(call) or positional(call)[0].range() != node.range():
        return None
    return call


def _moved_pair(place: _Place, call: SgNode, options: _Options, pair: SgNode) -> list[Edit]:
    """``params: { jwt: token }``."""
    query = pair.parent()
    entry = query.parent() if query is not None else None
    if query is None or entry is None or entry.kind() not in _ENTRY or not options.query:
        return []
    if named_children(entry)[0].text().strip("\"':") != options.query:
        return []
    value = place.value(pair.text() if pair is place.node else named_children(pair)[-1].text())
    others = [each for each in named_children(query) if each.kind() != "comment"]
    if len(others) == 1 and _headers_in(call) is None:
        return [Edit(_start(entry), _end(entry), options.entry.format(value))]
    out = entry if len(others) == 1 else pair
    siblings = others if out is pair else _siblings(entry)
    added = _added_header(place, call, options, value)
    return [_without(place.source, siblings, out), *added] if added else []


def _siblings(node: SgNode) -> list[SgNode]:
    parent = node.parent()
    return (
        [e for e in named_children(parent) if e.kind() != "comment"] if parent is not None else []
    )


def _without(source: str, siblings: list[SgNode], node: SgNode) -> Edit:
    """*node* out of *siblings*, with its comma, and with its lines where it has them for itself."""
    start, end = _start(node), _end(node)
    rest = re.compile(r"[ \t]*,?[ \t]*\r?\n").match(source, end)
    if _starts_line(source, start) and rest is not None:
        return Edit(source.rfind("\n", 0, start) + 1, rest.end(), "")
    number = next(at for at, each in enumerate(siblings) if each.range() == node.range())
    if number + 1 < len(siblings):
        return Edit(start, _start(siblings[number + 1]), "")
    return Edit(_end(siblings[number - 1]) if number else start, end, "")


def _starts_line(source: str, at: int) -> bool:
    return not source[source.rfind("\n", 0, at) + 1 : at].strip()


def _headers_in(call: SgNode) -> SgNode | None:
    """The map of headers that the call has."""
    for each in _below(call):
        members = named_children(each) if each.kind() in _ENTRY else []
        if members and members[0].text().strip("\"':") == "headers":
            return members[-1]
    return None


def _below(node: SgNode) -> Iterator[SgNode]:
    left = [node]
    while left:
        at = left.pop()
        yield at
        left += at.children()


def _added_header(place: _Place, call: SgNode, options: _Options, value: str) -> list[Edit]:
    """The header among those that are there, among the options, or as the only one."""
    headers = _headers_in(call)
    if headers is not None:
        text = options.header.format(value)
        return _added_to(place, headers, text) if headers.kind() in _MAPS else []
    entry = options.entry.format(value)
    arguments = positional(call)
    if options.argument < 0:
        return [Edit(_end(arguments[-1]), _end(arguments[-1]), f", {entry}")]
    if len(arguments) > options.argument:
        given = arguments[options.argument]
        return _added_to(place, given, entry) if given.kind() in _MAPS else []
    if len(arguments) != options.argument:
        return []
    new = f"[{entry}]" if place.language == "php" else f"{{ {entry} }}"
    return [Edit(_end(arguments[-1]), _end(arguments[-1]), f", {new}")]


def _added_to(place: _Place, items: SgNode, entry: str) -> list[Edit]:
    """*entry* as the last one of a map, on a line of its own where the others have one."""
    inside = [each for each in named_children(items) if each.kind() != "comment"]
    if any(each.text() == "headers" or each.kind() == "spread_element" for each in inside):
        return []
    if inside:
        start, end = _start(inside[-1]), _end(inside[-1])
        gap = " "
        if _starts_line(place.source, start):
            gap = _newline(place.source) + _indent(place.source, start)
        return [Edit(end, end, f",{gap}{entry}")]
    blank = " " if items.text().startswith("{") else ""
    whole = f"{items.text()[0]}{blank}{entry}{blank}{items.text()[-1]}"
    return [Edit(_start(items), _end(items), whole)]


# ---- a builder of requests -------------------------------------------------------------------

_BUILDERS = re.compile(r"(?:HttpRequest\.newBuilder|\bRequest\.Builder\(\)\.url|\.uri)\Z")
_ADDRESSES = re.compile(r"(?:\A|\b)(?:URI\.create|new URI|URI|URL|new URL)\Z")


def _in_builder(place: _Place) -> list[Edit]:
    """``HttpRequest.newBuilder(URI.create(...))``, ``new Request.Builder().url(...)``."""
    calls = [each for each in ancestors(place.node) if each.kind() in CALLS]
    while calls and _ADDRESSES.search(callee(calls[0])):
        calls = calls[1:]
    if not calls or not _BUILDERS.search(callee(calls[0])) or not place.is_free():
        return []
    cut = cut_out(place.source, whole_text(place.node), place.name, place.at)
    if cut is None:
        return []
    header = f'.header("Authorization", {place.value(cut.value)})'
    return [*cut.edits, Edit(_end(calls[0]), _end(calls[0]), header)]


# ---- a request in a variable -----------------------------------------------------------------


class _Made(NamedTuple):
    """A call that makes a request, put into a variable, and the statement for its header."""

    callee: re.Pattern[str]
    statement: str  # {0} the variable, {1} the value


_MADE: Mapping[str, _Made] = {
    "java": _Made(re.compile(r"\bnew Http(?:Get|Post|Put|Delete|Head|Patch|Options)\Z"),
                  '{0}.setHeader("Authorization", {1});'),
    "kotlin": _Made(re.compile(r"\bHttp(?:Get|Post|Put|Delete|Head|Patch|Options)\Z"),
                    '{0}.setHeader("Authorization", {1})'),
    "csharp": _Made(re.compile(r"\bnew HttpRequestMessage\Z"),
                    '{0}.Headers.TryAddWithoutValidation("Authorization", {1});'),
    "go": _Made(re.compile(r"\bhttp\.NewRequest(?:WithContext)?\Z"),
                '{0}.Header.Set("Authorization", {1})'),
    "php": _Made(re.compile(r"\bcurl_init\Z"),
                 "curl_setopt({0}, CURLOPT_HTTPHEADER, [{1}]);"),
}  # fmt: skip
_DECLARED = re.compile(
    r"(?:\A|[\s(*&])(?P<name>\$?[A-Za-z_]\w*)(?:\s*,\s*(?P<error>\w+))?\s*(?::=|=)\s*\Z"
)


def _in_variable(place: _Place) -> list[Edit]:
    """``req, err := http.NewRequest(...)``, ``var request = new HttpRequestMessage(...)``."""
    made = _MADE.get(place.language)
    call = place.call()
    if made is None or call is None or not made.callee.search(callee(call)) or not place.is_free():
        return []
    if "CURLOPT_HTTPHEADER" in place.around():
        return []
    start = place.source.rfind("\n", 0, _start(call)) + 1
    declared = _DECLARED.search(place.source[start : _start(call)])
    end = _line_end(place.source, _end(call))
    if declared is None or not re.fullmatch(r"[;\s]*", place.source[_end(call) : end]):
        return []
    cut = cut_out(place.source, whole_text(place.node), place.name, place.at)
    if cut is None:
        return []
    if declared["error"] not in (None, "_"):
        end = _behind_error(place.source, end, declared["error"])
    if end < 0:
        return []
    value = place.value(cut.value)
    if place.language == "php":
        value = value.replace("'", "'Authorization: ", 1)
    text = made.statement.format(declared["name"], value)
    return [
        *cut.edits,
        Edit(end, end, f"{_newline(place.source)}{_indent(place.source, _start(call))}{text}"),
    ]


def _behind_error(source: str, at: int, error: str) -> int:
    """Behind ``if err != nil {...}``, which comes next; -1 where it does not."""
    block = r"\{[^{}]*\n(?P=indent)\}(?=\r?\n|\Z)"
    found = re.compile(rf"\r?\n(?P<indent>[ \t]*)if {re.escape(error)} != nil {block}").match(
        source, at
    )
    return found.end() if found is not None else -1


# ---- a call that adds a parameter ------------------------------------------------------------

_ADDING: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    # the method, what has to stand in the file, and what takes its place
    "csharp": (
        ("AddQueryParameter", "RestRequest", "AddHeader"),
        ("SetQueryParam", "Flurl", "WithHeader"),
    ),
    "go": (("SetQueryParam", "resty", "SetHeader"),),
    "java": (("queryString", "Unirest", "header"), ("queryParam", "given()", "header")),
    "kotlin": (("queryString", "Unirest", "header"),),
}


def _by_method(place: _Place) -> list[Edit]:
    """``request.AddQueryParameter("jwt", token)``: the same call for a header."""
    call = place.call()
    if call is None or not place.is_free():
        return []
    arguments = positional(call)
    for method, imports, instead in _ADDING.get(place.language, ()):
        name = callee(call)
        if not name.endswith(f".{method}") or imports not in place.source or len(arguments) != 2:
            continue
        open_at = next(_start(each) for each in call.children() if each.kind() in ARGUMENTS)
        return [
            Edit(open_at - len(method), open_at, instead),
            Edit(_start(arguments[0]), _end(arguments[0]), '"Authorization"'),
            Edit(_start(arguments[1]), _end(arguments[1]), place.value(arguments[1].text())),
        ]
    return []


_GO_QUERY = re.compile(r"\b(?P<query>\w+)\.(?:Set|Add)\Z")


def _in_go_query(place: _Place) -> list[Edit]:
    """``q := req.URL.Query()``, ``q.Set("jwt", token)``."""
    call = place.call()
    found = _GO_QUERY.search(callee(call)) if call is not None else None
    if call is None or found is None or not place.is_free():
        return []
    query = re.escape(found["query"])
    of = re.search(rf"\b{query}\s*:=\s*(\w+)\.URL\.Query\(\)", place.around())
    arguments = positional(call)
    if of is None or len(arguments) != 2:
        return []
    text = f'{of[1]}.Header.Set("Authorization", {place.value(arguments[1].text())})'
    return [Edit(_start(call), _end(call), text)]


_Form = Callable[[_Place], list[Edit]]
_FORMS: Mapping[str, tuple[_Form, ...]] = {
    **dict.fromkeys(_SCRIPT, (_in_options, _in_constant)),
    "ruby": (_in_options,),
    "php": (_in_options, _in_variable),
    "java": (_in_builder, _in_variable, _by_method),
    "kotlin": (_in_builder, _in_variable, _by_method),
    "go": (_in_variable, _in_go_query, _by_method),
    "csharp": (_in_variable, _by_method),
}
