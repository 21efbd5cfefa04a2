"""A moved token, judged by software that nobody here wrote: npm and PyPI, Express and Flask.

One Node process has npm ``atlassian-jwt`` and an Express server; what the
gateway passes on is sent to it, byte for byte.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import atlassian_jwt
import jwt as pyjwt
import pytest
from flask import Flask, jsonify, request
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.serving import WSGIRequestHandler, make_server

from headway import sign
from headway.errors import Refusal
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Outcome
from headway.gateway.policy_file import read_policy
from headway.gateway.verifiers.connect import ConnectVerifier, KeptInstallations
from headway.model import Installation, Product, Secret
from headway.qsh import Form, canonical_request, query_string_hash

pytestmark = pytest.mark.node

ACE = Path(__file__).resolve().parent / "ace"
SECRET = "a secret of more than sixteen bytes"
BASE = "/wiki"
POLICY = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
dialect = "%s"
%s
"""
APP = Installation(
    app_key="app", client_key="site", base_url="", product=Product.JIRA,
    shared_secret=Secret(SECRET),
)  # fmt: skip


class Express:
    """The Node process: signs over its standard input, checks over HTTP."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            [shutil.which("node") or "node", "upstream.js"],
            cwd=ACE,
            env={"PATH": os.environ["PATH"], "SECRET": SECRET, "BASE": BASE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._http = http.client.HTTPConnection("127.0.0.1", self._line()["port"], timeout=30)

    def _line(self) -> dict[str, Any]:
        assert self._node.stdout is not None
        told: dict[str, Any] = json.loads(self._node.stdout.readline())
        return told

    def sign(self, method: str, target: str, claims: dict[str, Any]) -> dict[str, str]:
        """A token, and its hash, as npm atlassian-jwt makes them."""
        assert self._node.stdin is not None
        question = {"method": method, "target": target, "claims": claims}
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        return self._line()

    def __call__(self, method: str, target: str, headers: Any = ()) -> dict[str, Any]:
        """What Express makes of exactly this request."""
        return asked(self._http, method, target, headers)

    def close(self) -> None:
        self._http.close()
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.close()
        self._node.wait(30)
        self._node.stdout.close()


def asked(
    server: http.client.HTTPConnection, method: str, target: str, headers: Any
) -> dict[str, Any]:
    server.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers:
        server.putheader(name, value)
    server.endheaders()
    answer = server.getresponse()
    body = answer.read()
    assert answer.status == 200, (target, answer.status, body)
    told: dict[str, Any] = json.loads(body)
    return told


@pytest.fixture(scope="module")
def express() -> Iterator[Express]:
    running = Express()
    yield running
    running.close()


# ---- the hash after the move ----------------------------------------------------------------

NAMES = [
    *("a", "b", "A", "a1", "a10", "a-b", "_", "~", "ids", "jw", "JWT", "0", "jwtx", "xjwt"),
    *("%61", "a%20b", "a+b", "%c3%a9", "%F0%9F%98%80", "%EF%BD%81", "a%5B%5D", "a[]", "a.b"),
    *("a;b", "a:b", "%26", "%3D", "%2B", "a%2Fb", "*", "'", "(x)"),
]
VALUES = [
    *("", "1", "2", "10", "x", "%7E", "~", "%20", "+", "a+b", "%2B", "%c3%a9", "%F0%9F%98%80"),
    *("%EF%BD%81", "%2F", "/", "%26", "%3D", "=", "a=b", "?", "*", "'", "!", ";", ":@", "%25"),
]
SEGMENTS = ["a", "b", "rest", "c&d", "caf%C3%A9", "a%2Fb", "...", "a:b", "%20", "x;v=1", "1,2", "-"]

PAIRS = st.builds(
    lambda name, value: name if value is None else f"{name}={value}",
    st.sampled_from(NAMES),
    st.sampled_from([None, *VALUES]),
)
PARTS = st.lists(st.one_of(PAIRS, PAIRS, PAIRS, st.just("")), max_size=6)
PATHS = st.builds(
    lambda segments, slash: BASE + "".join(f"/{each}" for each in segments) + slash,
    st.lists(st.sampled_from(SEGMENTS), max_size=4),
    st.sampled_from(["", "", "/"]),
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PROPFIND"])
PLACES = st.integers(min_value=0, max_value=6)
SPELLED = st.sampled_from(["jwt", "jwt", "jwt", "%6Awt", "j%77t", "%6a%77%74"])


def target_of(path: str, parts: list[str]) -> str:
    """A request target; nothing at all is no query."""
    query = "&".join(parts)
    return f"{path}?{query}" if query else path


def gateway(verifier: Any = None, *, dialect: bytes = b"any", dates: bytes = b"") -> Gateway:
    """A gateway that moves the token, or with *dates* one that does not look at it."""
    policy = read_policy(POLICY % (dialect, dates))
    return Gateway(policy, verifier=verifier, hash_key=bytes(32))


def pypi_hash(method: str, target: str) -> str:
    hashed: str = atlassian_jwt.url_utils.hash_url(method, target.removeprefix(BASE) or "/")
    return hashed


class Request:
    """One request that the input rules accept, and where its token stands."""

    def __init__(self, method: str, path: str, parts: list[str], place: int, name: str) -> None:
        self.method, self.name = method, name
        self.path, self.query = path, "&".join(parts)
        self.plain = target_of(path, parts)
        self._before, self._after = parts[:place], parts[place:]

    def accepted(self) -> bool:
        try:
            canonical_request(self.method, self.path, self.query, BASE)
        except Refusal:
            return False
        return True

    def has_one_form(self) -> bool:
        """Whether all official senders write it in one way (docs/qsh.md, two forms are right)."""
        wanted = (Form.SPEC, Form.DECODED_NAME_ORDER, Form.CODE_POINT_VALUE_ORDER)
        return len({our_hash(self.method, self.plain, form) for form in wanted}) == 1

    def in_a_corner(self) -> bool:
        """Whether it is one that a library reads as another request (docs/qsh.md)."""
        return any(c in self.path for c in ":;") or "[" in self.query or "%5B" in self.query

    def carrying(self, token: str, name: str) -> str:
        return target_of(self.path, [*self._before, f"{name}={token}", *self._after])


REQUESTS = st.builds(Request, METHODS, PATHS, PARTS, PLACES, SPELLED).filter(Request.accepted)


@settings(max_examples=150, deadline=None)
@given(REQUESTS)
def test_no_hash_changes_with_the_move(express: Express, asks: Request) -> None:
    """Each implementation has one hash for the request before and after, and without any token."""
    before = asks.carrying("eyJhbGciOiJIUzI1NiJ9.e30.AA", asks.name)
    decided = gateway().decide(Ask(method=asks.method, target=before))
    if asks.name != "jwt":  # a name that is encoded is a conflict of its own
        assert (decided.outcome, decided.id) == (Outcome.REFUSE, "token-name-encoded")
    assert decided.target == asks.plain
    hashes: list[Callable[[str], str]] = [
        *(lambda target, form=form: our_hash(asks.method, target, form) for form in Form),
        lambda target: pypi_hash(asks.method, target),
        lambda target: express.sign(asks.method, target, {})["qsh"],
    ]
    for hash_of in hashes:
        assert hash_of(before) == hash_of(decided.target)


def our_hash(method: str, target: str, form: Form) -> str:
    path, _, query = target.partition("?")
    return query_string_hash(method, path, query, BASE, form)


Signer = Callable[[Express, Request, dict[str, Any]], str]


def ours(express: Express, asks: Request, claims: dict[str, Any]) -> str:
    return str(
        sign.request_token(
            APP.shared_secret, issuer="app", method=asks.method, raw_path=asks.path,
            raw_query=asks.query, base_path=BASE, now=claims["iat"],
        )
    )  # fmt: skip


def pypi(express: Express, asks: Request, claims: dict[str, Any]) -> str:
    told = {**claims, "qsh": pypi_hash(asks.method, asks.plain)}
    return pyjwt.encode(told, SECRET, algorithm="HS256")


def npm(express: Express, asks: Request, claims: dict[str, Any]) -> str:
    return express.sign(asks.method, asks.plain, claims)["token"]


@pytest.mark.parametrize("signer", [ours, pypi, npm])
def test_what_the_gateway_passes_express_accepts(express: Express, signer: Signer) -> None:
    """A token moved by the gateway, which checked it, is judged by npm's check in Express.

    Express says of the moved request what it says of the request as it came; and
    whatever a library signs that is in none of the corner cases of docs/qsh.md
    is passed by the gateway and accepted by Express.
    """
    apps = KeptInstallations({APP.app_key: APP}.get)
    moving = gateway(ConnectVerifier(apps, base_path=BASE))
    verdicts: Counter[tuple[str, bool]] = Counter()

    @settings(max_examples=100, deadline=None)
    @given(REQUESTS)
    def judged(asks: Request) -> None:
        now = int(time.time())
        token = signer(express, asks, {"iss": "app", "iat": now, "exp": now + 180})
        as_it_came = asks.carrying(token, "jwt")
        decided = moving.decide(Ask(method=asks.method, target=as_it_came))
        direct = express(asks.method, as_it_came)
        assert direct["verdict"] in ("accepted", "another hash")
        moved = express(asks.method, asks.plain, [("Authorization", f"JWT {token}")])
        assert moved["verdict"] == direct["verdict"]
        corner = asks.in_a_corner()
        verdicts[direct["verdict"], corner] += 1
        if not corner:
            assert decided.outcome is Outcome.PASS, asks.plain
        if not corner and (signer is npm or asks.has_one_form()):
            assert direct["verdict"] == "accepted", asks.plain
        if decided.outcome is Outcome.PASS:
            assert decided.target == asks.plain
            assert decided.set_headers == (("authorization", f"JWT {token}"),)

    judged()
    assert verdicts["accepted", False] > 30


# ---- look-alikes ----------------------------------------------------------------------------

TOKEN = "opaque-and-short"
SPELLINGS = [
    *("jwt=", "%6Awt=", "j%77t=", "JWT=", "Jwt=", "%4A%57%54=", "jwt[]=", "jwt[0]=", "jwt[x]="),
    *("jwt%5B%5D=", "[jwt]=", "%5Bjwt%5D=", "[jwt][]=", "[%6Awt]=", "jwt[=", "jwt]=", "+jwt="),
    *("%20jwt=", "jwt+=", "jwt%20=", "%09jwt=", "jwt%00=", "jwt%00x=", ";jwt=", "a=1;jwt="),
    *("%256Awt=", "%u006Awt=", "jwt[][]=", "%00jwt=", "jwt;a="),
]
"""More than 25 ways to write the parameter, of which some software reads each as ``jwt``."""


@pytest.fixture(scope="module")
def flask() -> Iterator[Callable[[str], dict[str, Any]]]:
    """A Flask app that says where a token came from."""
    app = Flask(__name__)

    @app.route("/rest")
    def rest() -> Any:
        named = request.args.getlist("jwt") + request.values.getlist("jwt")
        return jsonify(read=named, url=request.environ["RAW_URI"])

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            """It has nothing to say."""

    server = make_server("127.0.0.1", 0, app, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def ask(target: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        try:
            return asked(connection, "GET", target, ())
        finally:
            connection.close()

    yield ask
    server.shutdown()
    thread.join()
    server.server_close()


def test_t13_what_express_and_flask_read_without_a_gateway(
    express: Express, flask: Callable[[str], dict[str, Any]]
) -> None:
    """The spellings are real: each of these reaches a program as its token."""
    by_express = {s for s in SPELLINGS if reads(express("GET", f"/rest?{s}{TOKEN}"))}
    by_flask = {s for s in SPELLINGS if flask(f"/rest?{s}{TOKEN}")["read"]}
    plain = {"jwt=", "%6Awt=", "j%77t="}
    brackets = {s for s in SPELLINGS if s.startswith(("jwt[", "[jwt]", "jwt%5B", "%5Bjwt", "[%6A"))}
    assert by_express == plain | brackets
    assert by_flask == plain


def reads(told: dict[str, Any]) -> bool:
    """Whether a program on Express has the token by its name, in a list or object or not."""
    return TOKEN in json.dumps(told["read"]["express"].get("jwt"))


@pytest.mark.parametrize("around", ["{}", "a=1&{}&b=2", "{0}&{0}", "jwt=x&{}", "{}&jwt="])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_t13_at_off_express_and_flask_read_no_token(
    express: Express, flask: Callable[[str], dict[str, Any]], spelling: str, around: str
) -> None:
    target = "/rest?" + around.format(spelling + TOKEN)
    ask = Ask(method="GET", target=target)
    # (1) where nothing is known of upstream, no byte of the token arrives
    decided = gateway(dates=b"off = 2022-02-01").decide(ask)
    assert decided.outcome is Outcome.ANONYMOUS
    for upstream in (lambda to: express("GET", to), flask):
        assert TOKEN not in json.dumps(upstream(decided.target))
    assert ("a=1" in decided.target) == ("a=1&" in target)
    # (2) where its dialect is declared, it reads none; other software's names stay
    for dialect, upstream in ((b"express", lambda to: express("GET", to)), (b"plain", flask)):
        decided = gateway(dialect=dialect, dates=b"off = 2022-02-01").decide(ask)
        told = upstream(decided.target)
        assert not (reads(told) if dialect == b"express" else told["read"])


def test_t13_a_preflight_carries_none_either(express: Express) -> None:
    headers = (("origin", "https://a.example"), ("access-control-request-method", "GET"))
    for spelling in SPELLINGS:
        target = f"/rest?a=1&{spelling}{TOKEN}"
        ask = Ask(method="OPTIONS", target=target, headers=headers)
        decided = gateway(dates=b"off = 2022-02-01").decide(ask)
        assert decided.id == "preflight"
        assert TOKEN not in json.dumps(express("OPTIONS", decided.target, headers))
