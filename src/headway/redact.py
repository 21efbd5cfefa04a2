"""Tokens and secrets out of any text, bytes or URL; everything around them stays as it is.

``SHAPES`` is the one table: what a secret looks like, or what stands beside it.
The engine below knows nothing of tokens.  It reads a text as it stands, and again
with its escapes undone (percent, JSON, HTML, Python), level after level, and maps
what it finds back to where it stood.  So no shape says anything about escapes, and
a value ends where the text's own level ends it: ``next=%3Ftoken%3Dx%26a%3D1``
loses ``x`` alone, ``token=x%26a`` loses ``x%26a``.

Every expression is linear: what repeats is possessive, bounded, or stops where
the next match could start.

>>> redact("GET /panel?lang=en&token=xyzzy HTTP/1.1")
'GET /panel?lang=en&token=REDACTED HTTP/1.1'
"""

from __future__ import annotations

import copy
import logging
import re
from base64 import urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from html import unescape
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

__all__ = [
    "LEVELS",
    "MARKER",
    "SHAPES",
    "RedactingFilter",
    "Shape",
    "contains_secret",
    "guard_handlers",
    "redact",
    "redact_bytes",
    "redact_url",
    "redact_values",
]

MARKER: Final = "REDACTED"
"""What stands in a secret's place: it needs no escape in a URL, JSON, HTML or shell."""

LEVELS: Final = 4
"""How many layers of escapes are undone: percent twice, in JSON, in HTML."""


class Shape(NamedTuple):
    """One row: how a secret is recognised.

    ``needles``: a text that holds none of them, in lower case, does not match.
    ``pattern``, for ASCII: its group that took part, else the whole match, is the secret.
    ``examples``: texts in which exactly what is inside the guillemets is lost.
    ``keeps``: texts that come near and stay as they are.
    """

    name: str
    needles: tuple[str, ...]
    pattern: str
    examples: tuple[str, ...]
    keeps: tuple[str, ...] = ()

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in *text* the secrets stand; a secret is never empty."""
        # ``re`` keeps what it compiled: compiling the table on import would double that time.
        matches = re.finditer(self.pattern, text, re.ASCII)
        return (found.span(found.lastindex or 0) for found in matches)


# ---- names: ``_`` also stands for ``-`` and for nothing (clientSecret) -----------------------

FORGE: Final = ("x_forge_oauth_system", "x_forge_oauth_user")  # with access tokens for the app
HEADERS: Final = ("authorization", "proxy_authorization", "cookie", "set_cookie", *FORGE)

TOKENS: Final = (
    *("jwt", "acpt", "token", "access_token", "id_token", "refresh_token"),
    *("auth_token", "x_auth_token", "oauth_token", "session_token", "x_amz_security_token"),
    *("assertion", "client_assertion", "jsessionid", "sessionid", "headway_ticket"),
)

WORDS: Final = ("secret", "password", "passwd", "passphrase")
"""They occur in prose too, so a colon after one proves nothing."""

SECRETS: Final = (
    *("client_secret", "shared_secret", "secret_key", "secret_access_key"),
    *("api_key", "api_token", "private_key", "private_token"),
)
"""Also at the end of a longer name, as the words: ``db_password``, ``X-Api-Key``."""

SIGNATURES: Final = (
    *("sig", "signature", "x_amz_signature", "x_goog_signature"),
    *("x_amz_credential", "x_goog_credential"),
)
"""Also harmless words: they need a value of 16 characters that could be one."""

CODES: Final = ("code",)
"""An authorization code, in a URL only and from 16 characters: ``code=404`` is none."""


def _names(*names: str) -> str:
    return f"(?i:{'|'.join(names)})".replace("_", "[_-]?")


def _in_base64(*words: str) -> str:
    """Each of *words* as it looks inside base64, at each of its three alignments."""
    return "|".join(
        urlsafe_b64encode(bytes(shift) + word.encode()).decode()[
            (0, 2, 3)[shift] : (shift + len(word)) * 4 // 3
        ]
        for word in words
        for shift in range(3)
    )


# ---- pieces ---------------------------------------------------------------------------------

_SCHEME = r"(?i:jwt|bearer|basic|token|dpop|negotiate)[ \t]++"
_BODY = {quote: rf"(?:[^{quote}\\\r\n]|\\.)++" for quote in "\"'"}
_REAL = (  # a literal or a placeholder is no secret
    r"(?!(?i:true|false|null|none|undefined|\{\w{0,40}\}|%[drs]|%\(\w{1,40}\)s)"
    r"(?:[\s&\"';,<>)}\]]|\Z))"
)
_LONG = r"(?=[\w+/=%.~-]{16})"
_VALUE = r"""[^\s&"'<>\\;,(){}\[\]|#?`]++"""
# A password may hold what usually ends a value, unless something new begins after it.
_WIDE_VALUE = (
    r"""(?:[^\s&"'<>\\;,)}\]]"""
    r"""|[;,)}\]](?![\s;,)}\]]|\Z|[\w.-]{1,40}=)"""
    r"""|\\(?![ux"'nrt/]))++"""
)
# Base64 of an object's brace, then of a quote or of white space.
_OBJECT = r"e(?=(?:y[AJ]|w[0ko])[\w-]{5})[yw]"


def _quoted(guard: str) -> str:
    """A string as JSON or Python writes it, or a list of strings: one loss for the whole list."""
    several = "|".join(
        rf"[\[(]\s{{0,20}}b?{q}{guard}({body}(?:{q}\s{{0,20}},\s{{0,20}}b?{q}{body})*+)"
        for q, body in _BODY.items()
    )
    one = "|".join(rf"b?{q}{guard}(?:{_SCHEME})?({body})" for q, body in _BODY.items())
    return f"(?:{several}|{one})"


def _assigned(guard: str, bare: str) -> str:
    """What follows an equals sign: a string, or the value itself."""
    return f"(?:{_quoted(guard)}|{guard}(?:{_SCHEME})?({bare}))"


def _field(names: str, guard: str) -> str:
    """A named string: ``"n": "v"``, ``('n', b'v')``, ``{"name": "n", "value": "v"}``."""
    name, gap = rf"""["'](?:{names})["']""", r"\s{0,20}"
    string = "|".join(f"{q}{body}{q}" for q, body in _BODY.items())
    return (
        rf"(?:{name}{gap}(?::|=>|=){gap}"
        rf"|[\[(]{gap}b?{name}{gap},{gap}(?=b?(?:{string}){gap}[\])])"
        rf"|[\"']name[\"']{gap}:{gap}{name}{gap},{gap}[\"']value[\"']{gap}:{gap})"
    ) + _quoted(guard)


def _jose(members: str, tail: str) -> str:
    """A header that holds one of *members*, at its start or not, and the segments after it."""
    return rf"{_OBJECT}(?:(?!{_OBJECT})[\w-])*?(?:{members})[\w-]*+{tail}"


def _shape(
    name: str, needles: str, pattern: str, examples: tuple[str, ...], keeps: tuple[str, ...] = ()
) -> Shape:
    return Shape(name, tuple(needles.split()), pattern, examples, keeps)


_FIELDS = (
    f"(?:(?i:http_))?{_names(*HEADERS)}|{_names(*TOKENS)}"
    rf"|(?:[\w.-]{{0,40}}[_.-])?{_names(*WORDS, *SECRETS)}"
)
_HEAD = "eyJhbGciOiJIUzI1NiJ9"

# ---- the table ------------------------------------------------------------------------------

# fmt: off
SHAPES: Final = (
    _shape("jws", "ey ew",  # RFC 7515 section 3.1, appendix F; cut off anywhere
        _jose(_in_base64('"alg"', '"typ"', '"kid"'),
              r"(?:\.[\w-]++(?:\.[\w-]*+)?|\.\.[\w-]++)?+"),
        (f"GET /«{_HEAD}.eyJpc3MiOiJhIn0.c2lnbmF0dXJl» HTTP/1.1",
         f"(«{_HEAD}..c2lnbmF0dXJl»), «eyJ0eXAiOiJK»",
         "state=«ewogICJhbGciOiAibm9uZSJ9.e30.»"),
        ("monkeyJar.eyJ", "state=eyJ2aWV3IjoiYm9hcmQiLCJwYWdlIjoxMn0", "a token starts with eyJ")),
    _shape("jwe", "ey ew",  # RFC 7516 section 3.1
        _jose(_in_base64('"enc"'), r"(?:\.(?=\.?[\w-])[\w-]*+){0,4}+"),
        ("x=«eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y2lwaGVy.dGFn».",)),
    _shape("atlassian-secret", "atatt atco",
        r"AT(?:ATT|CO)[\w+/=-]{16,}",
        ("user «ATATT3xFfGF0aaaaaaaaaaaa-_=0A1B2C3D»", "[«ATCOaaaaaaaaaaaaaaaaaaaa»]"),
        ("ATCO is a prefix",)),
    _shape("private-key", "-----begin",  # RFC 7468 section 10; or cut off
        r"-----BEGIN[A-Z +]{1,30}KEY-----(?<=PRIVATE.KEY-----)"
        r"(?:[^-]*+(?:-(?!-)[^-]*+)*+-----END[A-Z +]{1,30}KEY-----"
        r"|(?:\s*+[A-Za-z0-9+/=]{16,}+)*+(?:[\r\n]++[A-Za-z0-9+/=]++)?)",
        ("«-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----»\n",
         "k=«-----BEGIN RSA PRIVATE KEY-----\\nAAAAAAAAAAAAAAAAAAAAAAAA\\nBBBB»"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",)),
    _shape("user-info", "://",  # RFC 3986 section 3.2.1
        r"""://([^\s/?#@:"'<>\\]*+:[^\s/?#"'<>\\]+)@""",
        ("postgresql://«app:p@ss»@db/app",),
        ("https://h:443/@x", "ssh://git@h/x", "http://[::1]:80/?a=b@c")),
    _shape("authorization", "authorization",  # RFC 9110 section 11.6.2: as a line
        rf"(?i:authorization)[ \t]{{0,8}}+:[ \t]{{0,8}}+(?:{_SCHEME}"
        r"(?:token=)?[\"']?([^\s\"'<>\\,;]++)"
        rf"|(?!{_SCHEME})((?:[^\r\n\"'<>\\]|(?<==)\"[^\"\r\n]*+\")++))",
        ("curl -H 'Authorization: JWT «a.b.c»' h",
         "Proxy-Authorization: Basic «YTpi» 200",
         'authorization: «Digest username="a", response="b"»\nHost: h'),
        ("Authorization: JWT <token>", "Authorization is required")),
    _shape("credentials", "bearer jwt basic",  # the value of such a header alone
        r"(?<![A-Za-z0-9])(?i:bearer|jwt|basic)[ \t]{1,8}"
        r"(?=[A-Za-z._~+/=-]{0,200}[0-9])([\w.~+/=-]{16,}+)",
        ("sent Bearer «mF_9.B5f-4.1JqMabcdef»",),
        ("Basic authentication_scheme", "a JWT 12 hours old")),
    _shape("cookie", "cookie",  # RFC 6265 section 4.2
        r"(?<![\w-])(?i:cookie)[ \t]{0,8}:[ \t]{0,8}"
        r"([\w!#$%&*+.^|~-]++=[^;\s\"'\\]*+(?:;[ ]?[\w!#$%&*+.^|~-]++=[^;\s\"'\\]*+)*+)",
        ("Cookie: «sid=1; other=2» 200",),
        ("Cookie: none",)),
    _shape("set-cookie", "set-cookie",  # RFC 6265 section 4.1: name and attributes stay
        r"(?i:set-cookie)[ \t]{0,8}:[ \t]{0,8}[^=;\s\"'\\]{1,128}=\"?([^;\s\"'\\]++)",
        ("Set-Cookie: sid=«1»; Path=/; HttpOnly",),
        ("Set-Cookie: sid=; Max-Age=0",)),
    _shape("field",
        "authorization cookie jwt acpt token assertion sessionid ticket secret pass key forge",
        _field(_FIELDS, _REAL),
        ('{"sharedSecret": "«a\\"b»", "key": "k"}',
         "[(b'authorization', b'Bearer «x»'), (b'host', b'h')]",
         "{'name': 'jwt', 'value': '«x»'}",
         '"token": ["«a", "b»"]',
         "{'x-forge-oauth-user': '«x»', 'db_password': '«x»'}"),
        ("{'jwt': 'true'}", '{"X-Atlassian-Token": "no-check"}', '["token", "name", "id"]')),
    _shape("parameter", "authorization jwt acpt token assertion sessionid ticket",
        rf"(?<![A-Za-z0-9_-]){_names('authorization', *TOKENS)}\]?={_assigned(_REAL, _VALUE)}",
        ("/x?a=1&jwt=«x»&b=2",
         "path=/x;jsessionid=«0A1B»?a",
         "#access_token=«x»",
         "/file?id=5&headway-ticket=«x»",
         "authorization=Bearer «x»",
         "Facts(token='«x»')"),
        ("?jwt=&a=b", "access_token=%s", "page_token=2", "jwt={jwt}", "qsh=" + "0a" * 32)),
    _shape("secret", "secret passw passphrase key token forge",
        rf"(?<![A-Za-z0-9])(?:{_names(*WORDS, *SECRETS)}"
        rf"(?:\]?={_assigned(_REAL, _WIDE_VALUE)}|[ ]=[ ]{_quoted(_REAL)})"
        rf"|{_names(*SECRETS, *FORGE, 'x_auth_token', 'x_amz_security_token')}"
        rf"[ ]?:[ ]{{0,8}}+{_REAL}({_WIDE_VALUE})"
        rf"|{_names(*WORDS)}[ ]?:[ ]{{0,8}}+(?=[A-Za-z.]{{0,40}}[^A-Za-z.,;:)\s\"'<>])"
        rf"{_REAL}({_WIDE_VALUE}))",
        ("user=a&password=«b,c»&d=e",
         "connect(password=«x», user=a)",
         "X-Api-Key: «x»\r\nX-Forge-OAuth-System: «x»\r\n",
         'password = "«x»"',
         "password: «hunter2»"),
        ("wrong password: again, please", "secret=", "a secret: never")),
    _shape("signature", "sig credential",
        rf"(?<![A-Za-z0-9_-])(?:{_names(*SIGNATURES)}={_assigned(_LONG, _VALUE)})"
        rf"|{_field(_names(*SIGNATURES), _LONG)}",
        ("?X-Amz-Signature=«0123456789abcdef»&X-Amz-Date=1",
         "&sig=«0123456789abcdef%3D»",
         '"signature": "«0123456789abcdef»"'),
        ("signature=invalid", '"signature": "def f(x): ..."')),
    _shape("code", "code",
        rf"[?&#]{_names(*CODES)}={_LONG}({_VALUE})",
        ("/callback?code=«0123456789abcdef»&state=1",),
        ("?code=404", "code=0123456789abcdef")),
    _shape("sql-parameters", "[parameters: ",  # bound by position: named in the statement
        r"\[SQL: (?=[^\[]*(?i:secret|passw|token))[^\[]*+\[parameters: (?!\[?\{)"
        r"([^\r\n]*[^\r\n\]])",
        ("[SQL: INSERT INTO t (secret) VALUES (?)]\n[parameters: «('x',)»]\n",),
        ("[SQL: SELECT 1 WHERE a = ?]\n[parameters: ('x',)]",)),
)
# fmt: on

# ---- escapes --------------------------------------------------------------------------------

_ESCAPE = re.compile(
    r"%(?P<percent>[0-7][0-9A-Fa-f])"
    r"|\\(?:u00|x)(?P<code>[0-7][0-9A-Fa-f])"
    r"|\\(?P<short>[nrt\"'/\\])"
    r"|&(?:amp|apos|colon|equals|gt|lowbar|lt|num|period|quest|quot|sol"
    r"|#[xX]0{0,6}[0-7]?[0-9A-Fa-f]|#0{0,6}[0-9]{1,2}|#0{0,6}1[01][0-9]|#0{0,6}12[0-7]);"
)
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}


def _meaning(escape: re.Match[str]) -> str:
    """The one character that *escape* stands for."""
    if code := escape["percent"] or escape["code"]:
        return chr(int(code, 16))
    if code := escape["short"]:
        return _SHORT.get(code, code)
    return unescape(escape[0]) or " "  # HTML knows no such control character


def _plain(text: str) -> tuple[str, list[int], list[int]]:
    """*text* with one level of escapes undone; where in it, and in *text*, each one ended."""
    parts: list[str] = []
    inner, outer = [0], [0]
    for escape in _ESCAPE.finditer(text):
        parts += text[outer[-1] : escape.start()], _meaning(escape)
        inner.append(inner[-1] + escape.start() - outer[-1] + 1)
        outer.append(escape.end())
    parts.append(text[outer[-1] :])
    return "".join(parts), inner, outer


# ---- text, bytes, URL -----------------------------------------------------------------------


def _spans(text: str, levels: int = LEVELS) -> Iterator[tuple[int, int]]:
    """Where the secrets of *text* stand, on each level; in no order, and they may overlap."""
    lowered = text.lower()
    for shape in SHAPES:
        if any(needle in lowered for needle in shape.needles):
            yield from shape.find(text)
    if not levels or not _ESCAPE.search(text):
        return
    plain, inner, outer = _plain(text)
    for span in _spans(plain, levels - 1):
        before = [bisect_right(inner, place) - 1 for place in span]
        start, stop = (outer[i] + place - inner[i] for i, place in zip(before, span, strict=True))
        yield start, stop


def redact(text: str) -> str:
    r"""*text* with ``REDACTED`` for every secret; doing it again changes nothing.

    >>> print(redact(r'{"next": "https:\/\/h\/x?jwt=xyzzy\u0026a=1"}'))
    {"next": "https:\/\/h\/x?jwt=REDACTED\u0026a=1"}
    """
    kept: list[str] = []
    end = 0
    for start, stop in sorted(_spans(text)):
        if start > end or not kept:
            kept.append(text[end:start])
        end = max(end, stop)
    return MARKER.join([*kept, text[end:]]) if kept else text


def redact_bytes(data: bytes) -> bytes:
    r"""The same for bytes in any encoding that keeps ASCII; invalid ones survive too.

    >>> redact_bytes(b"\xff?token=xyzzy")
    b'\xff?token=REDACTED'
    """
    return redact(data.decode("latin-1")).encode("latin-1")


def contains_secret(text: str) -> bool:
    """Whether :func:`redact` would change *text*.

    >>> contains_secret("token=xyzzy"), contains_secret("token=REDACTED")
    (True, False)
    """
    return redact(text) != text


_USER_INFO = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*+:)?//)[^/?#]+(?=@)")
_PARAMETER = re.compile(r"(?<=[?&#])([^=&#?]+)=([^&#]+)")
_NAME_OF_SECRET = re.compile(_FIELDS, re.ASCII)
_NAME_IN_URL = re.compile(f"{_FIELDS}|{_names(*SIGNATURES, *CODES)}", re.ASCII)


def redact_url(url: str) -> str:
    """*url* without its user info, and without the value of any parameter that the table names.

    The name decides, spelled in any way, whatever the value; then :func:`redact`.

    >>> redact_url("https://me@h/x?code=1&%6Awt=true&a=b")
    'https://REDACTED@h/x?code=REDACTED&%6Awt=REDACTED&a=b'
    """
    url = _USER_INFO.sub(rf"\g<1>{MARKER}", url)
    return redact(_PARAMETER.sub(_without_value, url))


def _without_value(parameter: re.Match[str]) -> str:
    name = parameter[1]
    for _ in range(LEVELS):
        name = unquote_plus(name)
    return f"{parameter[1]}={MARKER}" if _NAME_IN_URL.fullmatch(name) else parameter[0]


def redact_values(value: Any) -> Any:
    """What came out of JSON, with every text and every member's name in it redacted.

    Unlike :func:`redact` over the JSON itself, this keeps the structure whatever
    the texts are; a member whose name says that it is a secret loses its text.

    >>> redact_values({"next": ["/x?jwt=xyzzy"], "sharedSecret": "xyzzy", "n": 1})
    {'next': ['/x?jwt=REDACTED'], 'sharedSecret': 'REDACTED', 'n': 1}
    """
    if isinstance(value, dict):
        return {redact(str(name)): _member(name, each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact_values(each) for each in value]
    return redact(value) if isinstance(value, str) else value


def _member(name: object, value: Any) -> Any:
    return _cleaned_member(name, value) if isinstance(value, str) else redact_values(value)


# ---- logs -----------------------------------------------------------------------------------

_STANDARD = frozenset(vars(logging.makeLogRecord({})))
_PARTS_ONLY = "uvicorn.access"  # its formatter shows the arguments, and fails without them
_HARMLESS = (int, float, complex, type(None))
_WITHHELD = "a log message was withheld: it could not be redacted"
_UNFIT = "(arguments withheld: they do not fit the message)"
_ATOM = re.compile(r"\{(.+)\}[ioe]")  # gunicorn: {authorization}i, {http_cookie}e


def _cleaned(value: object) -> object:
    """*value*, or a redacted text where its ``str`` or its ``repr`` shows a secret."""
    if isinstance(value, _HARMLESS):
        return value
    if isinstance(value, str):
        return redact(value)
    with suppress(Exception):  # either may raise anything
        for shown in (str(value), repr(value)):
            if contains_secret(shown):
                return redact(shown)
        return value
    return MARKER


def _cleaned_member(name: object, value: object) -> object:
    """*value*, where *name* may say that it is a secret."""
    if isinstance(value, str) and value and _NAME_OF_SECRET.fullmatch(_bare(name)):
        return MARKER
    return _cleaned(value)


def _bare(name: object) -> str:
    return _ATOM.sub(r"\1", str(name))


def _cleaned_args(args: object) -> object:
    """The arguments of a record in their own structure: formatters unpack it or look names up."""
    if isinstance(args, tuple):
        return tuple(map(_cleaned, args))
    if isinstance(args, Mapping):
        members = {name: _cleaned_member(name, value) for name, value in args.items()}
        if not isinstance(args, dict):
            return members
        same = copy.copy(args)  # gunicorn's answers "-" for what is missing
        same.update(members)
        return same
    return _cleaned(args)


class RedactingFilter(logging.Filter):
    """Takes tokens and secrets out of every record that passes; it lets all of them pass.

    It belongs on handlers (:func:`guard_handlers`): a filter on a logger is not
    asked for its children's records.  Message and arguments are redacted each in
    its place, so that the access formatters of uvicorn and gunicorn find what
    they unpack.  The traceback becomes text, and ``exc_info`` goes, or a
    formatter would print it anew.  It never raises: what can not be formatted
    can not be judged, and is withheld.

    >>> record = logging.makeLogRecord({"msg": "GET /x?token=%s", "args": ("xyzzy",)})
    >>> RedactingFilter().filter(record), record.getMessage()
    (True, 'GET /x?token=REDACTED')
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact *record* where it stands; always True."""
        done = False
        with suppress(Exception):  # a log call must not fail for what somebody logs
            _redact_record(record)
            done = True
        if not done:
            _withhold(record)
        return True


def _redact_record(record: logging.LogRecord) -> None:
    # (1) the traceback and the stack, as text
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    record.exc_info = None
    record.exc_text = record.exc_text and redact(record.exc_text)
    record.stack_info = record.stack_info and redact(record.stack_info)
    # (2) what a caller added
    for name in record.__dict__.keys() - _STANDARD:
        record.__dict__[name] = _cleaned_member(name, record.__dict__[name])
    # (3) the parts of the message, each in its place
    message = _message(record)
    parts = {"msg": _cleaned(record.msg), "args": _cleaned_args(record.args)}
    # (4) the message whole, where its parts hold no secret but together they do
    if message is None:
        parts = {"msg": f"{redact(str(record.msg))} {_UNFIT}", "args": ()}
    record.__dict__.update(parts)
    if record.name == _PARTS_ONLY:
        return
    shown = _message(record)
    if message is not None and (shown is None or contains_secret(shown)):
        record.msg, record.args = redact(message), ()


def _message(record: logging.LogRecord) -> str | None:
    """The message with its arguments; None where they do not fit."""
    with suppress(Exception):
        return record.getMessage()
    return None


def _withhold(record: logging.LogRecord) -> None:
    """Empty *record* of everything that may hold a secret."""
    record.msg, record.args = _WITHHELD, ()
    record.exc_info = record.exc_text = record.stack_info = None
    for name in record.__dict__.keys() - _STANDARD:
        del record.__dict__[name]


_FILTER = RedactingFilter()  # a handler takes one filter no more than once


def guard_handlers(logger: logging.Logger | None = None) -> None:
    """Put a :class:`RedactingFilter` on each handler of *logger*, by default the root's.

    Once is enough, twice is the same.  Call it after logging is set up, and for
    each logger with handlers of its own, such as ``uvicorn`` and ``uvicorn.access``.
    For the root, the handler of last resort is guarded too.

    >>> quiet = logging.Logger("quiet")
    >>> quiet.addHandler(logging.NullHandler())
    >>> guard_handlers(quiet)
    >>> [type(f).__name__ for f in quiet.handlers[0].filters]
    ['RedactingFilter']
    """
    handlers = list((logger or logging.getLogger()).handlers)
    if logger is None and logging.lastResort:
        handlers.append(logging.lastResort)
    for handler in handlers:
        handler.addFilter(_FILTER)
