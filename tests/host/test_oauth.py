"""Impersonation: the real grant, its checks, and what an access token then allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from asking import Answer, ask

from headway import jwt, sign
from headway.host.access import LIFE
from headway.host.apps import App
from headway.host.oauth import GRANT_TYPE, OFFICIAL
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.tenant import Tenant
from headway.model import Secret
from host.small_app import SmallHost
from host.small_site import BASE, MEDIA

FORM = "application/x-www-form-urlencoded"
MYSELF = "/rest/api/3/myself"
SCOPES = ["READ", "WRITE", "ACT_AS_USER"]


class Scene:
    """A site with an app that may act as users."""

    def __init__(self) -> None:
        self.site = Site(Settings())
        self.site.bind_addresses(BASE, MEDIA)
        self.asgi = self.site.asgi()
        self.app, self.secret = self.install(self.site.jira, scopes=SCOPES)
        self.user = self.account("user")

    def install(self, tenant: Tenant, **descriptor: Any) -> tuple[App, Secret]:
        _, secret = SmallHost().add(**descriptor)
        app = tenant.apps.prepare(SmallHost().add(**descriptor)[0].descriptor)
        tenant.apps.save(app, secret)
        return app, secret

    def account(self, name: str) -> str:
        found = self.site.world.people.user(name)
        assert found is not None
        return found.account_id

    def assertion(self, **changes: Any) -> str:
        values: dict[str, Any] = {
            "client_id": self.app.oauth_client_id,
            "account_id": self.user,
            "base_url": BASE,
            "audience": OFFICIAL,
            "now": self.site.clock.now(),
            **changes,
        }
        return sign.assertion_token(values.pop("secret", self.secret), **values)

    def post(self, form: Any = None, kind: str = FORM, **fields: str) -> Answer:
        if form is None:
            form = {"grant_type": GRANT_TYPE, "assertion": self.assertion(), **fields}
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        headers = [("Host", "localhost:2990"), ("Content-Type", kind)]
        return ask(self.asgi, "POST", "/oauth2/token", headers, body)

    def token(self, **fields: str) -> str:
        answer = self.post(**fields)
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    def call(
        self, token: str, method: str = "GET", path: str = "/rest/api/3/myself", body: Any = b""
    ) -> Answer:
        headers = [("Host", "localhost:2990"), ("Authorization", f"Bearer {token}")]
        return ask(self.asgi, method, path, headers, body)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    asyncio.run(made.site.close())


def test_an_app_acts_as_a_user(scene: Scene) -> None:
    answer = scene.post()
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json
    assert (told["expires_in"], told["token_type"]) == (LIFE, "Bearer")
    assert told["scope"] == "READ WRITE"
    me = scene.call(told["access_token"])
    assert (me.status, me.json["accountId"]) == (200, scene.user)
    edit = {"fields": {"summary": "As Uma"}}
    path = "/rest/api/3/issue/DEMO-1"
    assert scene.call(told["access_token"], "PUT", path, edit).status == 204
    issue = scene.site.world.tracker.issue("DEMO-1")
    assert issue is not None
    assert issue.summary == "As Uma"


def test_an_assertion_may_be_made_out_to_this_site(scene: Scene) -> None:
    for audience in (BASE, f"{OFFICIAL}/oauth2/token"):
        form = {"grant_type": GRANT_TYPE, "assertion": scene.assertion(audience=audience)}
        assert scene.post(form).status == 200


def test_scopes_are_asked_for_and_never_grow(scene: Scene) -> None:
    reading = scene.token(scope="read")
    edit = {"fields": {"summary": "x"}}
    path = "/rest/api/3/issue/DEMO-1"
    refused = scene.call(reading, "PUT", path, edit)
    assert (refused.status, refused.message) == (403, "Request not in an authorized API scope")
    for scope in ("ADMIN", "READ ADMIN", "ACT_AS_USER", "rubbish"):
        answer = scene.post(scope=scope)
        assert (answer.status, answer.json["error"]) == (400, "invalid_scope"), scope


def test_a_users_rights_are_the_bound(scene: Scene) -> None:
    answer = scene.call(scene.token(), "DELETE", "/rest/api/3/issue/DEMO-1")
    assert answer.status == 403


def test_a_token_is_for_its_product(scene: Scene) -> None:
    app, secret = scene.install(scene.site.confluence, scopes=SCOPES)
    assertion = scene.assertion(
        secret=secret, client_id=app.oauth_client_id, base_url=f"{BASE}/wiki"
    )
    answer = scene.post({"grant_type": GRANT_TYPE, "assertion": assertion})
    assert answer.status == 200
    token = answer.json["access_token"]
    assert scene.call(token, path="/wiki/rest/api/user/current").status != 401
    assert scene.call(token).status == 401


def test_a_bad_access_token(scene: Scene) -> None:
    for token in ("rubbish", "", "a b"):
        answer = scene.call(token)
        assert answer.status == 401
    assert scene.call("rubbish").headers["www-authenticate"] == 'Bearer error="invalid_token"'
    good = scene.token()
    headers = [("Host", "localhost:2990"), ("Authorization", f"Bearer {good}")] * 2
    assert ask(scene.asgi, "GET", "/rest/api/3/myself", headers[1:]).status in (400, 401, 421)


def test_a_page_says_it_too(scene: Scene) -> None:
    headers = [
        ("Host", "localhost:2990"),
        ("Authorization", "Bearer rubbish"),
        ("Accept", "text/html"),
    ]
    answer = ask(scene.asgi, "GET", "/", headers)
    assert (answer.status, b"access token" in answer.body) == (401, True)


def test_it_dies_with_what_it_stands_on(scene: Scene) -> None:
    token = scene.token()
    scene.site.world.people.set_active(scene.user, active=False)
    assert scene.call(token).status == 401
    scene.site.world.people.set_active(scene.user, active=True)
    assert scene.call(token).status == 200
    scene.install(scene.site.jira, scopes=["READ"])
    assert scene.call(token).status == 401
    scene.install(scene.site.jira, scopes=SCOPES)
    assert scene.call(token).status == 200
    scene.site.jira.apps.remove(scene.app.key)
    assert scene.call(token).status == 401


def test_it_dies_in_time(scene: Scene) -> None:
    token, clock = scene.token(), scene.site.clock
    real = clock.now()
    clock.set(0)  # the site's date moves no token
    assert scene.call(token).status == 200
    clock._real = lambda: real + LIFE
    assert scene.call(token).status == 401


def test_the_inspector_sees_both_and_neither_token(scene: Scene) -> None:
    token = scene.token()
    scene.call(token)
    scene.call("rubbish")
    seen = [(c.kind, c.verdict, c.status) for c in scene.site.traffic.all()]
    assert seen[-2:] == [("access", "accepted", 200), ("access", "refused", 401)]
    assert token not in repr(scene.site.traffic.all())


# ---- the grant ------------------------------------------------------------------------------


def error(answer: Answer) -> tuple[int, str]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status, answer.json["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": Secret("another secret of some length")},
        {"client_id": "nobody"},
        {"account_id": "nobody"},
        {"base_url": f"{BASE}/wiki"},
        {"base_url": "https://x.atlassian.net"},
        {"audience": "https://evil.example"},
        {"life": 121},
        {"now": 1000},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_bad_assertion(scene: Scene, changes: dict[str, Any]) -> None:
    form = {"grant_type": GRANT_TYPE, "assertion": scene.assertion(**changes)}
    assert error(scene.post(form)) == (400, "invalid_grant")


def test_a_login_name_is_no_account(scene: Scene) -> None:
    form = {"grant_type": GRANT_TYPE, "assertion": scene.assertion(account_id="user")}
    assert error(scene.post(form)) == (400, "invalid_grant")


def test_another_kind_of_token_is_no_assertion(scene: Scene) -> None:
    token = sign.request_token(
        scene.secret,
        issuer="my-app",
        method="POST",
        raw_path="/oauth2/token",
        now=scene.site.clock.now(),
    )
    answer = scene.post({"grant_type": GRANT_TYPE, "assertion": token})
    assert error(answer) == (400, "invalid_grant")
    assert answer.headers["headway-refusal"] == "kind-refused"


def test_alg_none_is_no_assertion(scene: Scene) -> None:
    head, body, _ = scene.assertion().split(".")
    none = jwt.encode({"typ": "JWT"}, {}, Secret("0123456789abcdef")).split(".")[0]
    for text in (f"{none}.{body}.", f"{head}.{body}.", "rubbish", ""):
        assert scene.post({"grant_type": GRANT_TYPE, "assertion": text}).status == 400


def test_a_deactivated_user_or_a_disabled_app(scene: Scene) -> None:
    scene.site.world.people.set_active(scene.user, active=False)
    assert error(scene.post()) == (400, "invalid_grant")
    scene.site.world.people.set_active(scene.user, active=True)
    scene.install(scene.site.jira, scopes=["READ", "WRITE"])
    app = scene.site.jira.apps.get(scene.app.key)
    assert app is not None
    scene.app, secret = app, scene.site.jira.apps.secret(app.key)
    form = {"grant_type": GRANT_TYPE, "assertion": scene.assertion(secret=secret)}
    assert error(scene.post(form)) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    ("form", "kind", "code"),
    [
        ({"grant_type": "password"}, FORM, "unsupported_grant_type"),
        ({}, FORM, "unsupported_grant_type"),
        ({"grant_type": GRANT_TYPE}, FORM, "invalid_grant"),
        ({"grant_type": GRANT_TYPE}, "application/json", "invalid_request"),
        (b"x=" + b"y" * 20_000, FORM, "invalid_request"),
        (b"grant_type=a&grant_type=b", FORM, "invalid_request"),
        (b"\xff", FORM, "invalid_request"),
        (b"&".join([b"a=b"] * 50), FORM, "invalid_request"),
    ],
)
def test_a_request_that_is_none(scene: Scene, form: Any, kind: str, code: str) -> None:
    assert error(scene.post(form, kind)) == (400, code)


def test_a_foreign_page_may_not_ask(scene: Scene) -> None:
    headers = [
        ("Host", "localhost:2990"),
        ("Content-Type", FORM),
        ("Origin", "http://evil.example"),
    ]
    assert ask(scene.asgi, "POST", "/oauth2/token", headers, b"").status == 403


def test_the_site_is_named_as_the_app_knows_it(scene: Scene) -> None:
    """One that installed itself over https; where it asks for the token does not matter."""
    secure = "https://localhost:8443"
    scene.site.bind_addresses(BASE, MEDIA, secure)
    apps = scene.site.jira.apps
    apps.save(msgspec.structs.replace(scene.app, over_tls=True), scene.secret)
    assert scene.post(assertion=scene.assertion(base_url=secure)).status == 200
    refused = scene.post(assertion=scene.assertion())
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
