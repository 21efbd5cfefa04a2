"""The one table of what a secret looks like, or what stands beside it.

``SHAPES`` is data for :mod:`headway.redact`, which undoes escapes and maps what
is found back to where it stood: so no shape says anything about escapes.

Every expression is linear: what repeats is possessive, bounded, or stops where
the next match could start.

>>> [shape.name for shape in SHAPES if shape.name.startswith("j")]
['jws', 'jwe']
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["FIELD_NAMES", "SHAPES", "URL_NAMES", "Shape"]


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


FIELD_NAMES: Final = (
    f"(?:(?i:http_))?{_names(*HEADERS)}|{_names(*TOKENS)}"
    rf"|(?:[\w.-]{{0,40}}[_.-])?{_names(*WORDS, *SECRETS)}"
)
"""The name of a field that holds a secret, whatever its value."""

URL_NAMES: Final = f"{FIELD_NAMES}|{_names(*SIGNATURES, *CODES)}"
"""The same for a parameter of an address."""
_SAID = "secret passw passphrase apikey api-key api_key privatekey private-key private_key"
_HEAD = "eyJhbGciOiJIUzI1NiJ9"

# ---- the table ------------------------------------------------------------------------------

# fmt: off
SHAPES: Final = (
    _shape("jws", "eya eyj ew0 ewk ewo",  # RFC 7515 section 3.1, appendix F; cut off anywhere
        _jose(_in_base64('"alg"', '"typ"', '"kid"'),
              r"(?:\.[\w-]++(?:\.[\w-]*+)?|\.\.[\w-]++)?+"),
        (f"GET /«{_HEAD}.eyJpc3MiOiJhIn0.c2lnbmF0dXJl» HTTP/1.1",
         f"(«{_HEAD}..c2lnbmF0dXJl»), «eyJ0eXAiOiJK»",
         "state=«ewogICJhbGciOiAibm9uZSJ9.e30.»"),
        ("monkeyJar.eyJ", "state=eyJ2aWV3IjoiYm9hcmQiLCJwYWdlIjoxMn0", "a token starts with eyJ")),
    _shape("jwe", "eya eyj ew0 ewk ewo",  # RFC 7516 section 3.1
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
    _shape("user-info", "@",  # RFC 3986 section 3.2.1
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
        f"authorization cookie jwt acpt token assertion sessionid ticket {_SAID} forge",
        _field(FIELD_NAMES, _REAL),
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
    _shape("secret", f"{_SAID} token forge",
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
    _shape("signature", "sig= sig' sig\" signature credential",
        rf"(?<![A-Za-z0-9_-])(?:{_names(*SIGNATURES)}={_assigned(_LONG, _VALUE)})"
        rf"|{_field(_names(*SIGNATURES), _LONG)}",
        ("?X-Amz-Signature=«0123456789abcdef»&X-Amz-Date=1",
         "&sig=«0123456789abcdef%3D»",
         '"signature": "«0123456789abcdef»"'),
        ("signature=invalid", '"signature": "def f(x): ..."')),
    _shape("code", "code=",
        rf"[?&#]{_names(*CODES)}={_LONG}({_VALUE})",
        ("/callback?code=«0123456789abcdef»&state=1",),
        ("?code=404", "code=0123456789abcdef")),
    _shape("sql-parameters", "[parameters",  # bound by position: named in the statement
        r"\[SQL: (?=[^\[]*(?i:secret|passw|token))[^\[]*+\[parameters: (?!\[?\{)"
        r"([^\r\n]*[^\r\n\]])",
        ("[SQL: INSERT INTO t (secret) VALUES (?)]\n[parameters: «('x',)»]\n",),
        ("[SQL: SELECT 1 WHERE a = ?]\n[parameters: ('x',)]",)),
)
# fmt: on
