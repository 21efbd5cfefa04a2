from __future__ import annotations

import threading
from urllib.parse import parse_qs

import httpx
import pytest

from app.sites import NOW, Hours, installation, wiki
from headway import jwt
from headway.app import authorization
from headway.app.authorization import (
    SERVERS,
    AccessTokens,
    authorization_server,
    default_server,
    user_access,
)
from headway.app.drivers import Connections, SyncDriver
from headway.app.failures import ImpersonationFailed
from headway.errors import ConfigurationError

PRODUCTION = SERVERS["production"]


def access(site=None, account_id="557058:ada", scopes=(), server=PRODUCTION):
    return user_access(site or installation(), account_id, scopes, server)


class Server:
    """An authorization server; *answers* are given one after the other."""

    def __init__(self, *answers, size=100):
        self.asked = []
        self.hours = Hours()
        self.tokens = AccessTokens(size)
        self._answers = list(answers)
        self.connections = Connections(transport=httpx.MockTransport(self._answer))

    def _answer(self, request):
        self.asked.append(request)
        if not self._answers:
            return granted(f"token-{len(self.asked)}")
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def token(self, wanted=None, site=None):
        site = site or installation()
        steps = self.tokens.token(wanted or access(site), site, self.hours.timing)
        with SyncDriver(self.connections) as driver:
            return driver.run(steps)


def granted(text="token-1", **more):
    told = {"access_token": text, "token_type": "Bearer", "expires_in": 900, **more}
    return httpx.Response(200, json={k: v for k, v in told.items() if v is not None})


def denied(status=400, **told):
    return httpx.Response(status, json=told)


def test_the_assertion_is_what_the_server_expects():
    server = Server()
    assert server.token(access(scopes=("read", "WRITE"))) == "token-1"
    (request,) = server.asked
    assert str(request.url) == f"{PRODUCTION}/oauth2/token"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    form = parse_qs(request.content.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert form["scope"] == ["READ WRITE"]
    told = jwt.decode(form["assertion"][0])
    assert told.header.alg == "HS256"
    claims = told.unverified_claims
    assert claims.iss == "urn:atlassian:connect:clientid:client-1"
    assert claims.sub == "urn:atlassian:connect:useraccountid:557058:ada"
    assert (claims.tnt, claims.aud) == ("https://x.atlassian.net", (PRODUCTION,))
    assert claims.exp - claims.iat == 60
    assert claims.qsh is None


def test_a_token_is_kept_until_it_is_nearly_over():
    server = Server()
    assert [server.token() for _ in range(3)] == ["token-1"] * 3
    server.hours.now += 839
    assert server.token() == "token-1"
    server.hours.now += 2  # 60 s before its end
    assert server.token() == "token-2"


def test_one_user_has_nothing_of_another():
    server = Server()
    site, other = installation(), wiki(client_key="site-2")
    wanted = [
        (access(site), site),
        (access(site, "557058:bob"), site),
        (access(site, scopes=["READ"]), site),
        (access(other), other),
        (access(site, server=SERVERS["staging"]), site),
    ]
    found = [server.token(*each) for each in wanted]
    assert len(set(found)) == 5
    assert [server.token(*each) for each in wanted] == found


def test_what_is_kept_is_bounded():
    server = Server(size=2)
    for name in ("a", "b", "a", "c", "a"):
        server.token(access(account_id=name))
    assert len(server.asked) == 3
    assert len(server.tokens) == 2
    server.token(access(account_id="b"))
    assert len(server.asked) == 4


def test_a_token_that_was_refused_is_forgotten():
    server = Server()
    first = server.token()
    server.tokens.forget(access(), "another one")
    assert server.token() == first
    server.tokens.forget(access(), first)
    assert server.token() == "token-2"
    server.tokens.forget(access(account_id="nobody"), "x")


def test_many_who_ask_at_once_make_one_request():
    server, found = Server(), []
    together = threading.Barrier(4)

    def ask():
        together.wait()
        found.append(server.token())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {"token-1"}
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code", "message"),
    [
        (
            denied(error="invalid_grant", error_description="no user"),
            400,
            "invalid_grant",
            "no user",
        ),
        (denied(401, error="invalid_client"), 401, "invalid_client", "status 401"),
        (httpx.Response(403, content=b"<html>"), 403, None, "status 403"),
        (httpx.Response(400, json={"error": 7}), 400, None, "status 400"),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), 302, None, "302"),
        (httpx.Response(200, content=b"<html>"), 200, None, "no bearer token"),
        (granted(None), 200, None, "no bearer token"),
        (granted(""), 200, None, "no bearer token"),
        (granted("a\r\nb"), 200, None, "no bearer token"),
        (granted(expires_in=0), 200, None, "no bearer token"),
        (granted(expires_in=10**9), 200, None, "no bearer token"),
        (granted(token_type="mac"), 200, None, "no bearer token"),
        (granted("x" * 9000), 200, None, "no bearer token"),
    ],
)
def test_what_is_no_token(answer, status, code, message):
    server = Server(answer)
    with pytest.raises(ImpersonationFailed, match=message) as caught:
        server.token()
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(server.tokens) == 0
    assert server.token() == "token-2"


def test_a_server_that_is_away_is_asked_again(monkeypatch):
    monkeypatch.setattr("headway.app.drivers.time.sleep", lambda _: None)
    server = Server(httpx.ConnectError("no"), denied(503), granted("late"))
    assert server.token() == "late"
    gone = Server(*[httpx.ConnectError("no")] * 9)
    with pytest.raises(
        ImpersonationFailed, match="authorization server: no whole answer"
    ) as caught:
        gone.token()
    assert caught.value.status is None
    assert caught.value.__suppress_context__


def test_no_error_and_no_text_shows_a_token():
    server = Server(denied(error="e", error_description="assertion=eyJhbGciOi.eyJpc3M.c2ln"))
    with pytest.raises(ImpersonationFailed) as caught:
        server.token()
    assert "eyJ" not in str(caught.value)
    assert repr(server.token()) == "<token>"
    assert "token-1" not in repr(authorization._Granted("token-1", "Bearer", 900))


def test_a_token_shorter_than_the_margin_is_used_once():
    server = Server(granted("short", expires_in=30), granted("next"))
    assert server.token() == "short"
    assert server.token() == "next"


@pytest.mark.parametrize("account", ["", "a b", "a\n", "../x", "a'", "x" * 129, "a;b"])
def test_account_ids_that_are_none(account):
    with pytest.raises(ValueError, match="account id"):
        access(account_id=account)


def test_scopes_and_sites_that_can_not_act_as_users():
    assert access(scopes=["write", "READ", "read"]).scopes == ("READ", "WRITE")
    with pytest.raises(ValueError, match="scope"):
        access(scopes=["READ WRITE"])
    with pytest.raises(ImpersonationFailed, match="ACT_AS_USER"):
        access(installation(oauth_client_id=None))


def test_which_server():
    assert authorization_server("staging", development=False) == SERVERS["staging"]
    assert (
        authorization_server("http://localhost:2990", development=True) == "http://localhost:2990"
    )
    for name, development in (
        ("https://auth.example", False),
        ("http://auth.example", True),
        ("rubbish", True),
    ):
        with pytest.raises(ConfigurationError, match="authorization_server"):
            authorization_server(name, development=development)
    assert default_server("https://x.atlassian.net/wiki", development=True) == PRODUCTION
    local = "http://localhost:2990"
    assert default_server(f"{local}/wiki", development=True) == local
    assert default_server(f"{local}/wiki", development=False) == PRODUCTION
    assert NOW
