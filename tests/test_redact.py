"""Redaction: the table by its own examples, escapes by generated tokens, logs by their writers."""

from __future__ import annotations

import html
import io
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import MappingProxyType
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, urlencode

import httpx
import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey
from uvicorn.logging import AccessFormatter, DefaultFormatter

import headway.redact
from headway.redact import (
    MARKER,
    RedactingFilter,
    contains_secret,
    guard_handlers,
    redact,
    redact_bytes,
    redact_url,
    redact_values,
)
from headway.secret_shapes import SHAPES, Shape

silent = headway.redact._silent
KEY = "a secret of thirty-two bytes or so"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLAIMS = {"iss": "a-client-key", "iat": 1700000000, "exp": 1700000180, "qsh": "0a" * 32}
TOKEN = jwt.encode(CLAIMS, KEY, "HS256")
JWE = jwe.encrypt_compact({"alg": "dir", "enc": "A128GCM"}, b"claims", OctKey.generate_key(128))
SECRET = "0penSesame-and-so-on"

# ---- more than the table's own examples ----------------------------------------------------

T = TOKEN
MORE = {
    "nginx combined": f'"GET /x?jwt=«{T}» HTTP/1.1" 200 1 "https://h/p?x=1&jwt=«{T}»" "UA"',
    "query column": f"GET\t/x\t200\tjwt=«{T}»\t-",
    "markdown": f"[a](https://h/?jwt=«{T}»)",
    "csv": f"a,https://h/?jwt=«{T}»,b",
    "path segment": f"/a/«{T}»/b",
    "matrix": f"/a;jwt=«{T}»?b=1",
    "upper case": f"?JWT=«{T}»&b",
    "wrong right boundary": f"«{T}»=",
    "left neighbour": f"x%3D«{T}»%26b",
    "junk before": f"monkeyJar_«{T}»",
    "header only": "GET /x?next=«eyJhbGciOiJIUzI1NiIsInR5»",
    "cut in the payload": f"x «{T[:60]}»\n",
    "jwe": f"t «{JWE}» t",
    "html field": '<input name="x" value="{&quot;password&quot;:&quot;«x y»&quot;}">',
    "html reference": "?a=1&amp;token&#61;«x»&amp;b&#x3d;2",
    "html control character": "&#1;token&#61;«x»",
    "json in json": r'{"body":"{\"clientSecret\":\"«a\\\"b»\",\"a\":\"b\"}"}',
    "json unicode": r'"https:\/\/h\/?access_token=«x»\u0026state=1"',
    "percent json": "body=%7B%22password%22%3A%22«a%26b»%22%7D",
    "nginx bytes": r"\x22password\x22: \x22«x»\x22",
    "cut field": '{"key": "k", "sharedSecret": "«abc',
    "list of strings": "<QueryDict: {'password': ['«a', 'b»'], 'a': ['b']}>",
    "pair": "(('password', \"«it's»\"), ('a', 'b'))",
    "har": '{"name":"refresh_token","value":"«x»"},{"name":"a","value":"b"}',
    "environ": "{'HTTP_AUTHORIZATION': 'JWT «x»', 'HTTP_HOST': 'h'}",
    "own scheme": "Authorization: JWT token=«x»",
    "unknown scheme": "Authorization: «Custom a b»\r\nHost: h",
    "php array": "user[password]=«x»&user[name]=a",
    "percent twice": "next=%252Fx%253Fpassword%253D«x%252526y»%2526b%253D1",
    "form encoded pem": "k=«-----BEGIN+PRIVATE+KEY-----%0AAA%2B%3D-----END+PRIVATE+KEY-----»&a=b",
    "encrypted pem": "«-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128\n\nA\n"
    "-----END RSA PRIVATE KEY-----».",
    "signed url": "https://s3/k?X-Amz-Credential=«AKIAAAAAAAAAAAAAAAAA%2F20260101»"
    "&X-Amz-Security-Token=«x»&X-Amz-Date=1",
    "azure": "?se=2026&sig=«YWJjZGVmZ2hpamtsbW5vcA%3D%3D»",
    "matrix password": "user=a;password=«b;c»;d=e",
}


@pytest.mark.parametrize("marked", MORE.values(), ids=MORE)
def test_more_texts(marked: str) -> None:
    once = redact(re.sub("[«»]", "", marked))
    assert once == re.sub("«[^»]*»?", MARKER, marked)
    assert redact(once) == once


PLAIN = {
    "prose": "the token starts with eyJ, the password is wrong",
    "uuid": "cloudId=6f1e9c1e-3a44-4ee4-8b37-2f0c2b6d6c3a",
    "hash": "qsh: " + "0a" * 32,
    "base64 state": "state=eyJwYWdlIjoxMiwidmlldyI6ImJvYXJkIn0&x=1",
    "our own repr": "Facts(token=<token>, secret=<secret>)",
    "csrf opt-out": "X-Atlassian-Token: no-check",
    "java": "options.eyJsonValue.eyeColor",
    "windows path": r"C:\new\table\x2e",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_no_secret_no_change(text: str) -> None:
    assert redact(text) is text


# ---- tokens in every spelling and every place -----------------------------------------------

claims = st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers(), max_size=4)
tokens = st.one_of(
    claims.map(lambda body: jwt.encode({"iss": "a", **body}, KEY, "HS256")),
    st.sampled_from([{"kid": "a-b_c"}, {"typ": None}]).map(
        lambda header: jwt.encode(CLAIMS, RSA, "RS256", headers=header)
    ),
)


def each(spell: str, only: str = r".", text: str = "") -> str:
    """*text* with every character that *only* matches spelled anew."""
    return re.sub(only, lambda m: spell.format(ord(m[0])), text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": partial(each, "%{:02X}", r"[._-]"),
    "percent, all of it": partial(each, "%{:02x}", r"."),
    "percent twice": partial(each, "%25{:02X}", r"[._-]"),
    "percent twice, all of it": partial(each, "%25{:02x}", r"."),
    "json": partial(each, r"\u{:04x}", r"[.]"),
    "json, all of it": partial(each, r"\u{:04X}", r"."),
    "json in json": partial(each, r"\\u{:04x}", r"[.]"),
    "javascript": partial(each, r"\x{:02x}", r"[._]"),
    "html": partial(each, "&#{};", r"[._-]"),
    "html hexadecimal": partial(each, "&#x{:x};", r"."),
    "html name": lambda text: text.replace(".", "&period;").replace("_", "&lowbar;"),
}

PLACES: dict[str, Callable[[str], str]] = {
    "alone": str,
    "parameter": "GET /x?a=1&jwt={}&b=2 HTTP/1.1".format,
    "referer": "Referer: https://h/p?xdm_e=x&jwt={}\r\nHost: h".format,
    "redirect": lambda t: f"/login?next={quote(f'https://h/x?jwt={t}&b=1', safe='')}&c=1",
    "html": lambda t: f'<a href="{html.escape(f"/x?jwt={t}&b=1")}">',
    "json": lambda t: json.dumps({"url": f"https://h/x?jwt={t}&b=1", "a": "é"}),
    "escaped json": lambda t: (
        json.dumps({"url": f"/x?jwt={t}&b=1"}).replace("/", r"\/").replace("&", r"\u0026")
    ),
    "dict": lambda t: repr({"Authorization": f"JWT {t}", "Host": "h"}),
    "tuples": lambda t: repr([(b"authorization", f"Bearer {t}".encode()), (b"host", b"h")]),
    "curl": "curl -H 'Authorization: JWT {}' https://h".format,
    "form": lambda t: urlencode({"a": "b", "url": f"https://h/#id_token={t}&b=1"}),
}

fragments = st.text() | st.sampled_from(
    ["GET /x HTTP/1.1", '{"a": "b"}', "%E2%82%AC", r"\u00e9", "&nbsp;", "monkeyJar", "a=b&c=d"]
)
outside = fragments.filter(lambda text: not contains_secret(text))
after = st.tuples(st.sampled_from(' ",;&)<>\n'), outside).map("".join) | st.just("")


@given(
    tokens,
    st.sampled_from(sorted(SPELLINGS)),
    st.sampled_from(sorted(PLACES)),
    outside,
    after,
)
def test_no_token_survives_and_nothing_else_changes(
    token: str, spelling: str, place: str, before: str, behind: str
) -> None:
    spelled = SPELLINGS[spelling](token)
    text = f"{before} {PLACES[place](spelled)}{behind}"
    clean = redact(text)
    expected = f"{before} {PLACES[place](MARKER)}{behind}"
    assume(not contains_secret(expected))  # before and behind may be one together
    assert clean == expected
    assert redact(clean) == clean
    raw = text.encode("utf-8", "surrogatepass")
    assert redact_bytes(raw) == clean.encode("utf-8", "surrogatepass")


def test_every_spelling_in_every_place() -> None:
    for spell in SPELLINGS.values():
        for place in PLACES.values():
            assert redact(place(spell(TOKEN))) == place(MARKER)


@given(tokens, st.data())
def test_a_token_that_is_cut_off_does_not_survive(token: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(12, len(token) - 1))
    clean = redact(f"GET /x?a={token[:cut]}")
    assert clean.removesuffix(".") == f"GET /x?a={MARKER}"  # a header, and the end of a sentence


@given(st.text() | st.text("eyJhbGciOi._-%25&;\"'=: \\u0/@<passwordtk[],()", max_size=60))
@example('password="Cookie: a=b')
def test_twice_is_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.binary(), st.binary())
def test_bytes_of_no_encoding(before: bytes, behind: bytes) -> None:
    raw = b"\xff\xfe" + before + b"\n?token=" + TOKEN.encode() + b"\n" + behind + b"\xc3"
    clean = redact_bytes(raw)
    assert TOKEN.encode() not in clean
    if redact_bytes(before) == before and redact_bytes(behind) == behind:
        assert clean == raw.replace(TOKEN.encode(), MARKER.encode())


# ---- the look first -------------------------------------------------------------------------

NEEDLES = sorted({needle for shape in SHAPES for needle in shape.needles})
ESCAPES = ("%41", r"\u0041", r"\x41", r"\n", r"\/", "&amp;", "&period;", "&#65;", "&#x41;", "&lt;")


@pytest.mark.parametrize("text", [*NEEDLES, *ESCAPES])
def test_what_matters_is_seen_with_any_character_escaped(text: str) -> None:
    for place, char in enumerate(text):
        for spelled in (f"%{ord(char):02x}", f"%{ord(char.swapcase()):02X}", f"%25{ord(char):02x}"):
            assert not silent(text[:place] + spelled + text[place + 1 :])


def test_the_look_first_changes_no_example() -> None:
    """Each example of the table, with each of its characters escaped in turn."""
    marked = [example for shape in SHAPES for example in shape.examples]
    for text in [re.sub("[«»]", "", each) for each in marked]:
        for place, char in enumerate(text):
            for escape in (f"%{ord(char):02X}", f"%25{ord(char):02x}"):
                spelled = text[:place] + escape + text[place + 1 :]
                assert outcomes(spelled) == slowly(spelled)


def outcomes(text: str) -> tuple[object, ...]:
    return redact(text), redact_url(text), redact_url(f"/x?{text}"), contains_secret(text)


def slowly(text: str) -> tuple[object, ...]:
    with patch.object(headway.redact, "_silent", lambda _: False):
        return outcomes(text)


quiet = st.sampled_from(
    ["/x?a=1", "&b=", "%20", "%3D", "é", "\u212aey", "sig", "code", "%22", ":", "%"]
)
loud = st.sampled_from(
    [*NEEDLES, *ESCAPES, "?si%67=0123456789abcdef", "?next=%3Fcode%3D0123456789abcdef", "%26", "=x"]
)


@settings(max_examples=400)
@given(st.lists(quiet | loud | st.text(max_size=3), max_size=6).map("".join))
@example("/x?a=%3Fpassword%253Dx&b")
@example("x&quot%3B")
@example("jwt%5Cx3dabc")
def test_the_look_first_changes_nothing(text: str) -> None:
    assert outcomes(text) == slowly(text)


def test_an_ordinary_address_is_looked_at_once() -> None:
    """What most requests are costs no search for any shape."""
    url = "/rest/api/2/search?jql=project%20%3D%20A&fields=assignee,key&returnUrl=https%3A%2F%2Fh"
    with patch.object(Shape, "find", side_effect=AssertionError):
        assert redact_url(url) is url


# ---- hostile texts --------------------------------------------------------------------------

HOSTILE = {
    "heads and dots": "eyJ.",
    "heads": "eyJ",
    "longer heads": "eyJaaaaa",
    "almost tokens": "eyJhbGci.",
    "nested escapes": "%2525",
    "references": "&#x2e;",
    "backslashes": "\\",
    "names": "token=",
    "fields": '"password":"',
    "pairs": "('token','",
    "lists": '"token":["a","b",',
    "har": '"name":"token","value":',
    "user info": "://a:",
    "headers": "authorization: ",
    "digest": 'authorization: ="',
    "cookies": "Cookie: a=b;",
    "separators": "password=a;",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "statements": "[SQL: token [parameters: ",
    "schemes": "bearer ",
    "parameters": "?a?code=",
}


def cost(text: str) -> float:
    """Seconds of this process, the better of two: the machine does other things too."""
    spent = []
    for _ in range(2):
        start = time.process_time()
        redact(text)
        redact_url(text)
        spent.append(time.process_time() - start)
    return min(spent)


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """Ten times the text: a quadratic expression takes a hundred times as long."""
    size = 4_000
    short, long = cost(piece * (size // len(piece))), cost(piece * (10 * size // len(piece)))
    assert long < 40 * short + 0.1


def test_a_million_heads() -> None:
    start = time.process_time()
    assert not contains_secret("eyJ.eyJ." * 10**6)
    assert time.process_time() - start < 5


# ---- URLs -----------------------------------------------------------------------------------

URLS = {
    "https://app:pw@h:8443/x": "https://REDACTED@h:8443/x",
    "//ghp@h/x": "//REDACTED@h/x",
    "https://h/@x?a=b@c": "https://h/@x?a=b@c",
    "/x?code=1&sig=2&state=3": "/x?code=REDACTED&sig=REDACTED&state=3",
    "/x?%6A%77%74=true&a=": "/x?%6A%77%74=REDACTED&a=",
    "/x?%256Awt=1": "/x?%256Awt=REDACTED",
    "/x?jwt=&a=1": "/x?jwt=&a=1",
    "/x#access_token=1&a=2": "/x#access_token=REDACTED&a=2",
    "/#/x?jwt=1": "/#/x?jwt=REDACTED",
    "/x?clientSecret=1;2&a=3": "/x?clientSecret=REDACTED&a=3",
    "/x?tokens=1&jwt_id=2&qsh=3": "/x?tokens=1&jwt_id=2&qsh=3",
    f"/{TOKEN}?next=%2Fx%3Fjwt%3D{TOKEN}": "/REDACTED?next=%2Fx%3Fjwt%3DREDACTED",
}


@pytest.mark.parametrize(("url", "clean"), URLS.items())
def test_a_url(url: str, clean: str) -> None:
    assert redact_url(url) == clean
    assert redact_url(clean) == clean


# ---- logs -----------------------------------------------------------------------------------

logs = pytest.mark.logs_tokens


def record(msg: object, *args: object, **more: Any) -> logging.LogRecord:
    """A record as a logger makes it."""
    made = logging.LogRecord("x", logging.INFO, "x.py", 1, msg, args, more.pop("exc_info", None))
    made.__dict__.update(more)
    return made


def filtered(msg: object, *args: object, **more: Any) -> logging.LogRecord:
    made = record(msg, *args, **more)
    assert RedactingFilter().filter(made) is True
    return made


class Shown:
    """Something whose ``str`` and ``repr`` say different things."""

    def __init__(self, text: str, representation: str = "<shown>") -> None:
        self.text, self.representation = text, representation

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.representation


class Broken:
    """Something that can not be shown."""

    def __str__(self) -> str:
        raise RuntimeError(TOKEN)

    __repr__ = __str__


def test_arguments_keep_their_places() -> None:
    made = filtered("%s %s %d %.1f", f"/x?jwt={TOKEN}", "a", 3, 0.5)
    assert made.args == (f"/x?jwt={MARKER}", "a", 3, 0.5)
    assert made.msg == "%s %s %d %.1f"


def test_an_argument_that_shows_a_secret_becomes_text() -> None:
    harmless = Shown("a")
    made = filtered("%s %s %r", harmless, Shown(TOKEN), Shown("a", f"Shown({TOKEN})"))
    assert made.args == (harmless, MARKER, f"Shown({MARKER})")
    assert filtered("%s", {"password": SECRET, "a": 1}).getMessage() == str(
        {"password": MARKER, "a": 1}
    )


def test_a_secret_between_message_and_argument() -> None:
    made = filtered("GET /x?access_token=%s&a=%d", SECRET, 1)
    assert made.getMessage() == f"GET /x?access_token={MARKER}&a=1"
    assert made.args == ()


def test_a_message_that_no_longer_takes_its_arguments() -> None:
    made = filtered("password=%s-suffix", SECRET)
    assert made.getMessage() == f"password={MARKER}"


def test_a_message_that_is_no_text() -> None:
    assert filtered(Shown(f"a {TOKEN}")).getMessage() == f"a {MARKER}"
    assert filtered({"a": 1}).msg == {"a": 1}


@pytest.mark.parametrize("args", [(SECRET,), (SECRET, 1, 2), (Broken(), 1)])
def test_arguments_that_do_not_fit(args: tuple[object, ...]) -> None:
    made = filtered(f"jwt={TOKEN} password=%s %d", *args)
    assert made.getMessage().startswith(f"jwt={MARKER} password=%s %d (arguments withheld")
    assert made.args == ()


def test_what_can_not_be_shown_is_withheld() -> None:
    made = filtered(Broken(), token=TOKEN, stack_info=TOKEN)
    assert made.getMessage() == "a log message was withheld: it could not be redacted"
    assert "token" not in made.__dict__
    assert TOKEN not in repr(made.__dict__)
    assert filtered("a", more=Broken()).__dict__["more"] == MARKER


def test_extras() -> None:
    made = filtered(
        "a", url=f"/x?jwt={TOKEN}", db_password=SECRET, sizes=[1], body={"secret": SECRET}, code="1"
    )
    assert made.__dict__["url"] == f"/x?jwt={MARKER}"
    assert made.__dict__["db_password"] == MARKER
    assert made.__dict__["sizes"] == [1]
    assert made.__dict__["body"] == str({"secret": MARKER})
    assert made.__dict__["code"] == "1"


def test_the_traceback_and_the_stack() -> None:
    try:
        raise ValueError(f"bad url /x?jwt={TOKEN}")
    except ValueError:
        made = filtered("failed", exc_info=sys.exc_info(), stack_info=f"Stack: {TOKEN}")
    assert made.exc_info is None
    shown = logging.Formatter().format(made)
    assert f"ValueError: bad url /x?jwt={MARKER}" in shown
    assert f"Stack: {MARKER}" in shown
    assert TOKEN not in shown


def test_a_traceback_that_was_formatted_before() -> None:
    assert filtered("a", exc_text=f"x {TOKEN}").exc_text == f"x {MARKER}"


@logs
@pytest.mark.parametrize("path", [f"/x?jwt={TOKEN}&a=1", "/authorization:", "/x?password="])
def test_uvicorn_access(path: str) -> None:
    made = logging.LogRecord(
        "uvicorn.access",
        logging.INFO,
        "x.py",
        1,
        '%s - "%s %s HTTP/%s" %d',
        ("127.0.0.1:1", "GET", path, "1.1", 200),
        None,
    )
    RedactingFilter().filter(made)
    line = AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False)
    clean = path.replace(TOKEN, MARKER)
    assert line.format(made) == f"127.0.0.1:1 GET {clean} HTTP/1.1 200 OK"


def test_uvicorn_colours() -> None:
    made = filtered("at %s", f"/x?jwt={TOKEN}", color_message=f"at \x1b[1m%s {TOKEN}")
    shown = DefaultFormatter("%(message)s", use_colors=True).format(made)
    assert shown == f"at \x1b[1m/x?jwt={MARKER} {MARKER}"


class Atoms(dict[str, Any]):
    """As gunicorn's: a name that it does not hold is a dash, and it is made from a mapping."""

    def __init__(self, atoms: dict[str, Any]) -> None:
        super().__init__()
        self.update(atoms)

    def __missing__(self, name: str) -> str:
        return "-"


def test_gunicorn_access() -> None:
    atoms = Atoms(
        {
            "h": "127.0.0.1",
            "r": f"GET /x?jwt={TOKEN} HTTP/1.1",
            "s": 200,
            "f": f"https://h/?jwt={TOKEN}",
            "{authorization}i": "Custom opaque",
            "{http_cookie}e": "sid=1",
            "{x-request-id}i": "1",
        }
    )
    line = (
        '%(h)s "%(r)s" %(s)s "%(f)s" %({authorization}i)s %({http_cookie}e)s'
        " %({x-request-id}i)s %({none}i)s"
    )
    made = filtered(line, atoms)
    assert made.getMessage() == (
        f'127.0.0.1 "GET /x?jwt={MARKER} HTTP/1.1" 200 "https://h/?jwt={MARKER}"'
        f" {MARKER} {MARKER} 1 -"
    )
    assert TOKEN in atoms["r"]
    assert type(made.args) is Atoms


def test_arguments_of_other_kinds() -> None:
    made = filtered("%(token)s %(a)s", MappingProxyType({"token": "x", "a": "b", "n": None}))
    assert made.args == {"token": MARKER, "a": "b", "n": None}
    alone = logging.makeLogRecord({"msg": "a", "args": None})
    RedactingFilter().filter(alone)
    assert alone.args is None


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A handler on the root, guarded, that writes everything."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    guard_handlers()
    guard_handlers()
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    for other in [*root.handlers, logging.lastResort]:
        assert other
        for present in [f for f in other.filters if isinstance(f, RedactingFilter)]:
            other.removeFilter(present)


@logs
def test_an_http_client(log: io.StringIO) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        client.get("http://127.0.0.1/x", params={"jwt": TOKEN, "access_token": SECRET, "a": "b"})
    assert f"GET http://127.0.0.1/x?jwt={MARKER}&access_token={MARKER}&a=b " in log.getvalue()


@logs
@pytest.mark.parametrize("statement", ["named", "positional"])
def test_a_database_error(log: io.StringIO, statement: str) -> None:
    engine = sa.create_engine("sqlite://", paramstyle="named" if statement == "named" else "qmark")
    insert = sa.text(
        "INSERT INTO t (client_key, shared_secret) VALUES (:client_key, :shared_secret)"
    )
    bound = {"client_key": "k", "shared_secret": SECRET}
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (client_key TEXT UNIQUE, shared_secret TEXT)"))
        connection.execute(insert, bound)
        with pytest.raises(sa.exc.IntegrityError) as caught:
            connection.execute(insert, bound)
    engine.dispose()
    assert SECRET in str(caught.value)
    assert SECRET not in redact(str(caught.value))
    logging.getLogger("a.child").error("failed", exc_info=caught.value)
    assert "UNIQUE constraint failed" in log.getvalue()
    assert SECRET not in log.getvalue()


@logs
def test_nothing_is_said_about_a_broken_call(
    log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """The standard library would print the message and its arguments to standard error."""
    logging.getLogger("a.child").warning("access_token=%s %s", SECRET)
    assert "arguments withheld" in log.getvalue()
    assert SECRET not in log.getvalue() + capsys.readouterr().err


def test_guarding(log: io.StringIO) -> None:
    assert logging.lastResort
    for handler in [*logging.getLogger().handlers, logging.lastResort]:
        assert len([f for f in handler.filters if isinstance(f, RedactingFilter)]) == 1
    own = logging.getLogger("test_redact.own")
    own.addHandler(logging.NullHandler())
    guard_handlers(own)
    assert isinstance(own.handlers[0].filters[0], RedactingFilter)


def test_guarding_without_a_last_resort(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "lastResort", None)
    guard_handlers()
    monkeypatch.undo()


# ---- what came out of JSON ------------------------------------------------------------------


def test_values_keep_their_structure_and_lose_their_secrets():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl"
    value = {
        "a": ["/x?jwt=xyzzy", (token, 1, 2.5, None, True)],
        token: {"sharedSecret": "xyzzy", "password": 1, "accessToken": ""},
        "text": '"Authorization: JWT ", and more',
    }
    assert redact_values(value) == {
        "a": ["/x?jwt=REDACTED", ["REDACTED", 1, 2.5, None, True]],
        "REDACTED": {"sharedSecret": "REDACTED", "password": 1, "accessToken": ""},
        "text": redact('"Authorization: JWT ", and more'),
    }


TEXTS = st.lists(
    st.sampled_from(
        [
            *'"\\{}[],:=&\n ',
            "password",
            "jwt",
            "token=",
            "Cookie: a=",
            "JWT ",
            "%22",
            "https://u:p@x/",
        ]
    ),
    max_size=8,
).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def texts_of(value):
    """Every text in *value*, at any depth; a member's name is one too."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    return [value] if isinstance(value, str) else []


@given(VALUES)
def test_values_of_any_shape_are_redacted_once(value):
    once = redact_values(value)
    assert redact_values(once) == once
    assert json.loads(json.dumps(once)) == once
    for text in texts_of(once):
        assert not contains_secret(text)
