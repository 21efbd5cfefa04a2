"""What the site sends to apps: every token is judged by software that is not the signer's."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt as pyjwt
import oracle
import pytest

from headway.errors import MalformedRequest
from headway.host.apps import Licence
from headway.host.outgoing import ANSWER_MAX, CALLS
from headway.host.wire import NoAnswer
from headway.host.world import User
from headway.model import Location, Secret
from host.small_app import BASE, SmallApp, SmallHost

CONTEXT = {"issue.key": "DEMO-1", "issue.id": "10001", "project.key": "DEMO", "project.id": "1"}
USER = User(account_id="5b10a", name="user", display_name="Uma", admin=False, email="u@example.com")
ISSUE = {"id": "10001", "key": "DEMO-1", "fields": {"project": {"id": "1", "key": "DEMO"}}}


def claims_of(token: str, secret: Secret) -> dict[str, Any]:
    """Two judges: the oracle, and PyJWT."""
    claims = oracle.verified_claims(token, "HS256", secret.reveal())
    assert claims is not None
    options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    assert pyjwt.decode(token, secret.reveal(), algorithms=["HS256"], options=options) == claims
    return dict(claims)


def qsh_of(method: str, target: str, base: str = "/base") -> str:
    path, _, query = target.partition("?")
    return str(oracle.qsh(method, path, query, base))


def test_a_token_is_in_the_address_of_a_page_and_of_nothing_else() -> None:
    """The wire sends no address with a token; see its own test."""
    in_query = [name for name, call in CALLS.items() if call.location is Location.QUERY]
    assert in_query == ["module"]
    for name, call in CALLS.items():
        assert (call.location is Location.HEADER) == (name not in ("module", "context")), name


# ---- module pages ---------------------------------------------------------------------------


def test_a_modules_address(host: SmallHost) -> None:
    app = host.app
    context = {**CONTEXT, "issue.key": "A/1 ü", "issue.summary": "a & b + c=d"}
    url = urlsplit(host.outgoing.module_url(app, app.modules[0], context, USER))
    assert f"{url.scheme}://{url.netloc}" == app.base_url.removesuffix("/base")
    assert url.path == "/base/panel/A%2F1%20%C3%BC"
    assert "title=a+%26+b+%2B+c%3Dd&" in url.query
    pairs = parse_qsl(url.query, keep_blank_values=True)
    assert pairs[:-1] == [
        ("id", "10001"),
        ("title", "a & b + c=d"),
        ("xdm_e", BASE),
        ("xdm_c", "channel-my-app__panel"),
        ("cp", ""),
        ("xdm_deprecated_addon_key_do_not_use", "my-app"),
        ("lic", "none"),
        ("cv", "1001.0.0-SNAPSHOT"),
    ]
    name, token = pairs[-1]
    assert name == "jwt"
    claims = claims_of(token, host.apps.secret("my-app"))
    assert claims == {
        "iss": app.client_key,
        "sub": "5b10a",
        "iat": claims["iat"],
        "exp": claims["iat"] + 180,
        "qsh": qsh_of("GET", f"{url.path}?{url.query}"),
        "context": {},
    }
    assert pyjwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_the_address_says_whether_the_app_is_paid_for(host: SmallHost) -> None:
    said = {}
    for licence in Licence:
        app = host.apps.change("my-app", licence=licence)
        url = host.outgoing.module_url(app, app.modules[0], CONTEXT, USER)
        said[str(licence)] = dict(parse_qsl(urlsplit(url).query))["lic"]
    assert said == {"none": "none", "active": "active", "expired": "none"}


def test_nobodys_page_has_no_subject(host: SmallHost) -> None:
    app = host.app
    url = host.outgoing.module_url(app, app.modules[0], CONTEXT, None)
    assert "sub" not in claims_of(url.rpartition("=")[2], host.apps.secret("my-app"))


def test_a_cacheable_module_gets_no_token(host: SmallHost) -> None:
    app = host.app
    url = host.outgoing.module_url(app, app.modules[1], {}, USER)
    assert url.startswith(f"{app.base_url}/page?xdm_e=http%3A%2F%2Flocalhost%3A2990&xdm_c=")
    assert "jwt" not in url
    assert host.traffic.all() == []


@pytest.mark.parametrize(("written", "joined"), [("/p?", "/p?xdm_e"), ("/p?a=b", "/p?a=b&xdm_e")])
def test_parameters_are_joined(written: str, joined: str) -> None:
    host = SmallHost()
    page = {"key": "p", "name": {"value": "P"}, "url": written}
    app, _ = host.add(modules={"generalPages": [page]})
    assert f"{app.base_url}{joined}=" in host.outgoing.module_url(app, app.modules[0], {}, None)


def test_a_variable_without_a_value_can_break_an_address(host: SmallHost) -> None:
    page = {"key": "p", "name": {"value": "P"}, "url": "/{project.key}/x"}
    app, _ = host.add(modules={"generalPages": [page]})
    with pytest.raises(MalformedRequest):
        host.outgoing.module_url(app, app.modules[0], {}, None)


def test_a_context_token(host: SmallHost) -> None:
    app = host.app
    token = host.outgoing.context_token(app, app.modules[0], CONTEXT, USER)
    claims = claims_of(token, host.apps.secret("my-app"))
    assert claims == {
        "iss": app.client_key,
        "sub": "5b10a",
        "iat": claims["iat"],
        "exp": claims["iat"] + 900,
        "qsh": "context-qsh",
        "context": {
            "jira": {
                "issue": {"key": "DEMO-1", "id": "10001"},
                "project": {"key": "DEMO", "id": "1"},
            }
        },
    }
    (crossing,) = host.traffic.all()
    assert (crossing.direction, crossing.kind, crossing.location) == (
        "browser->app",
        "context",
        None,
    )


# ---- events ---------------------------------------------------------------------------------


def tell(host: SmallHost, path: str = "/hook/DEMO-1?p=DEMO", body: bytes = b"{}") -> int:
    app = host.app
    url = f"{app.base_url}{path}"
    headers = {"X-Atlassian-Webhook-Identifier": "one"}
    return int(asyncio.run(host.outgoing.tell(app, "webhook", url, body, headers)).status)


def test_an_app_is_told(host: SmallHost, app: SmallApp) -> None:
    assert tell(host, body=json.dumps(ISSUE).encode()) == 204
    (got,) = app.got
    assert (got.method, got.target) == ("POST", "/base/hook/DEMO-1?p=DEMO")
    assert got.json == ISSUE
    claims = claims_of(got.token, host.apps.secret("my-app"))
    assert claims == {
        "iss": host.apps.client_key,
        "iat": claims["iat"],
        "exp": claims["iat"] + 180,
        "qsh": qsh_of("POST", got.target),
        "context": {},
    }
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-atlassian-webhook-identifier"] == "one"
    (crossing,) = host.traffic.all()
    assert (crossing.verdict, crossing.status, crossing.kind) == ("sent", 204, "request")
    assert crossing.direction == "host->app event"


def test_of_a_huge_answer_the_status_counts(host: SmallHost, app: SmallApp) -> None:
    app.status["DEMO-1?p=DEMO"], app.body = 200, b"x" * (ANSWER_MAX + 1)
    assert tell(host) == 200


def test_who_can_not_be_told_is_noted(host: SmallHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    host.add(key="a-dead-app", url=f"http://127.0.0.1:{port}")
    with pytest.raises(NoAnswer, match="can not be reached"):
        tell(host)
    (crossing,) = host.traffic.all()
    assert crossing.status is None
    assert "can not be reached" in str(crossing.hint)


def test_an_address_that_breaks_is_noted(host: SmallHost, app: SmallApp) -> None:
    with pytest.raises(MalformedRequest):
        tell(host, "//hook")
    assert app.got == []
    (crossing,) = host.traffic.all()
    assert crossing.hint == "not sent: the path is not in its normal form"
    assert crossing.claims == {}


# ---- what is noted --------------------------------------------------------------------------


def test_the_traffic_holds_no_token_and_no_secret(host: SmallHost, app: SmallApp) -> None:
    known = host.app
    url = host.outgoing.module_url(known, known.modules[0], CONTEXT, USER)
    asyncio.run(host.lifecycle.tell(known, "installed", Secret("secret " * 5)))
    tell(host, body=json.dumps(ISSUE).encode())
    tokens = [url.rpartition("jwt=")[2], *(got.token for got in app.got)]
    text = repr(host.traffic.all())
    for token in tokens:
        assert token not in text
        assert token.rpartition(".")[2] not in text
    assert "secret" not in text
    module, installed, hook = host.traffic.all()
    assert (module.location, installed.location, hook.location) == ("query", "header", "header")
    assert (module.kind, installed.kind) == ("request", "lifecycle")
    assert module.claims["sub"] == "5b10a"
    assert module.path.startswith(f"{app.base_url}/panel/DEMO-1?id=10001")


def test_no_log_holds_a_token(
    host: SmallHost, app: SmallApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tell(host, body=json.dumps(ISSUE).encode())
    assert "HTTP Request: POST" in caplog.text
    assert app.got[0].token not in caplog.text
    assert json.dumps(ISSUE) not in caplog.text


# ---- questions ------------------------------------------------------------------------------


def test_an_app_is_asked_with_a_token_in_the_header(host: SmallHost, app: SmallApp) -> None:
    url = app.descriptor_url
    body = asyncio.run(host.outgoing.ask("condition", host.app, url, USER))
    assert json.loads(body)["key"] == "my-app"
    (got,) = app.got
    assert "jwt" not in got.target
    assert "&cp=&" in got.target
    claims = claims_of(got.token, host.apps.secret("my-app"))
    assert (claims["sub"], claims["qsh"]) == (USER.account_id, qsh_of("GET", got.target))
    (row,) = host.traffic.all()
    assert (row.location, row.status, row.method) == (Location.HEADER, 200, "GET")


def test_an_answer_that_is_no_success_is_none(host: SmallHost, app: SmallApp) -> None:
    app.descriptor_status = 404
    with pytest.raises(NoAnswer, match="my-app answered 404"):
        asyncio.run(host.outgoing.ask("condition", host.app, app.descriptor_url, None))
    with pytest.raises(NoAnswer, match="reached"):
        asyncio.run(host.outgoing.ask("condition", host.app, "http://127.0.0.1:9/base/", None))
    assert [row.status for row in host.traffic.all()] == [404, None]


def test_a_question_whose_address_breaks_is_noted(host: SmallHost, app: SmallApp) -> None:
    with pytest.raises(MalformedRequest):
        asyncio.run(host.outgoing.ask("condition", host.app, f"{app.url}//x", None))
    assert app.got == []
    (crossing,) = host.traffic.all()
    assert crossing.hint == "not sent: the path is not in its normal form"


def test_an_answer_has_at_most_so_many_bytes(host: SmallHost, app: SmallApp) -> None:
    asked = ("static macro", host.app, app.descriptor_url, None)
    with pytest.raises(NoAnswer, match="answered more than"):
        asyncio.run(host.outgoing.ask(*asked, 10))
    assert len(asyncio.run(host.outgoing.ask(*asked))) > 10


def test_an_action_that_a_browser_opens(host: SmallHost) -> None:
    app = host.app
    plain = host.outgoing.action_url(app, "/do?a={a}", {"a": "x"}, USER)
    assert plain.endswith("/do?a=x")
    assert host.traffic.all() == []
    for written, joint in (("/do?jwt={jwt}", "?"), ("/do?a={a}&jwt={jwt}", "&")):
        before, _, token = host.outgoing.action_url(app, written, {}, USER).partition("jwt=")
        assert before[-1] == joint
        assert claims_of(token, host.apps.secret("my-app"))["sub"] == USER.account_id
        assert host.traffic.all()[-1].location == Location.QUERY


def test_another_page_of_a_module(host: SmallHost, app: SmallApp) -> None:
    macro = {"key": "m", "name": {"value": "M"}, "url": "/m", "editor": {"url": "/e?jwt={jwt}"}}
    made, _ = host.add(**{**app.descriptor, "modules": {"dynamicContentMacros": [macro]}})
    url = host.outgoing.module_url(made, made.modules[0], {}, USER, "editor")
    assert url.startswith(f"{app.base_url}/e?xdm_e=")
    assert url.count("jwt=") == 1
    with pytest.raises(KeyError):
        host.outgoing.module_url(made, made.modules[0], {}, USER, "view")
