from __future__ import annotations

import httpx
import pytest

from app.sites import NOW, SITE, installation, wiki
from headway.app.caller import Caller, CallSettings, Credentials, HostCalls, calls_of
from headway.app.drivers import SyncDriver
from headway.app.failures import Unauthorized
from headway.errors import (
    ConfigurationError,
    ForeignOrigin,
    LocationNotAllowed,
    MalformedRequest,
)


class Stage:
    """A site and its authorization server; *refused* are access tokens that it takes no more."""

    def __init__(self, site=None, refused=(), **more):
        self.asked, self.granted = [], 0
        self.refused = set(refused)
        shared = HostCalls(clock=lambda: NOW, transport=httpx.MockTransport(self._answer), **more)
        self.caller = Caller(site or installation(), shared)

    def _answer(self, request):
        if request.url.path == "/oauth2/token":
            self.granted += 1
            told = {"access_token": f"t{self.granted}", "token_type": "bearer", "expires_in": 900}
            return httpx.Response(200, json=told)
        self.asked.append(request)
        credentials = request.headers["authorization"]
        return httpx.Response(401 if credentials.removeprefix("Bearer ") in self.refused else 200)

    def call(self, caller=None, path="/rest/api/3/myself", method="GET", **options):
        caller = caller or self.caller
        with SyncDriver(caller.shared.connections) as driver:
            return driver.run(caller.call(caller.outgoing(method, path, options)))

    @property
    def credentials(self):
        return [request.headers["authorization"] for request in self.asked]


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/x",
        "/\\evil",
        "/a/../b",
        "/a/./b",
        "/%2e%2e/b",
        "/a/%2E%2E",
        "/a//b",
        "/a%5cb",
    ],
)
def test_the_client_refuses_a_path_with_two_readings_t35(path):
    stage = Stage()
    with pytest.raises(MalformedRequest):
        stage.call(path=path)
    assert stage.asked == []


@pytest.mark.parametrize("path", ["https://evil.example/x", "rest", "", "?x", "@evil.example/"])
def test_only_a_path_is_taken(path):
    stage = Stage()
    with pytest.raises(ForeignOrigin):
        stage.call(path=path)
    assert stage.asked == []


@pytest.mark.parametrize("who", ["app", "user"])
@pytest.mark.parametrize(
    ("path", "options"),
    [("/rest?jwt=eyJ.eyJ.sig", {}), ("/rest", {"params": {"jwt": "eyJ.eyJ.sig"}})],
)
def test_a_token_in_the_address_is_refused(who, path, options):
    stage = Stage()
    caller = stage.caller if who == "app" else stage.caller.as_user("ada", ())
    with pytest.raises(LocationNotAllowed):
        stage.call(caller, path, **options)
    assert stage.asked == []


def test_as_the_app_and_as_a_user():
    stage = Stage(wiki())
    user = stage.caller.as_user("ada", ["READ"])
    stage.call(path="/rest/api/content")
    stage.call(user, "/rest/api/content")
    stage.call(user, "/rest/api/content")
    assert stage.credentials[0].startswith("JWT eyJ")
    assert stage.credentials[1:] == ["Bearer t1", "Bearer t1"]
    assert str(stage.asked[0].url) == f"{SITE}/wiki/rest/api/content"
    assert stage.asked[0].headers["user-agent"] == "headway (my-app)"
    assert repr(stage.caller) == f"<calls {SITE} as the app>"
    assert repr(user) == f"<calls {SITE} as user ada>"


def test_an_access_token_that_the_host_does_not_take_is_renewed_once():
    stage = Stage(refused={"t1"})
    user = stage.caller.as_user("ada", ())
    assert stage.call(user).status_code == 200
    assert stage.credentials == ["Bearer t1", "Bearer t2"]
    stage.refused |= {"t2", "t3"}
    with pytest.raises(Unauthorized):
        stage.call(user)
    assert stage.granted == 3
    with pytest.raises(Unauthorized):
        stage.call(user, method="POST", content=iter([b"x"]))  # what is gone can not be sent again


def test_the_app_is_not_asked_twice():
    stage = Stage()
    stage._answer = lambda request: stage.asked.append(request) or httpx.Response(401)
    stage.caller = Caller(
        installation(), HostCalls(transport=httpx.MockTransport(lambda r: stage._answer(r)))
    )
    with pytest.raises(Unauthorized):
        stage.call()
    assert len(stage.asked) == 1
    assert repr(Credentials(stage.caller)) == "<credentials>"


def test_an_access_token_leaves_for_its_site_alone():
    stage = Stage()
    user = stage.caller.as_user("ada", ())
    out = user.outgoing("GET", "/rest", {})
    away = type(out)(method="GET", url=httpx.URL("https://evil.example/rest"))
    with SyncDriver(user.shared.connections) as driver, pytest.raises(ForeignOrigin):
        driver.run(user.call(away))
    assert stage.granted == 0


def test_which_authorization_server():
    assert HostCalls().server(SITE).endswith(".services.atlassian.com")
    named = HostCalls(CallSettings(authorization_server="fedramp"))
    assert named.server(SITE).endswith(".atlassian-us-gov-mod.com")
    local = HostCalls(development=True)
    assert local.server("http://localhost:2990/wiki") == "http://localhost:2990"
    environ = {"HEADWAY_AUTHORIZATION_SERVER": "staging"}
    assert (
        calls_of(CallSettings(authorization_server="fedramp"), environ).authorization_server
        == "fedramp"
    )
    assert calls_of(None, {}).authorization_server is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"authorization_server": "https://auth.example"}, "authorization_server"),
        ({"media_hosts": ("*.example",)}, "media_hosts"),
        ({"proxy": "proxy.example"}, "proxy"),
        ({"proxy": "ftp://proxy.example"}, "proxy"),
    ],
)
def test_settings_that_can_not_work(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        HostCalls(CallSettings(**settings))


def test_settings_are_used():
    stage = Stage(settings=CallSettings(timeout=7.0, proxy="http://user:pw@proxy.example"))
    stage.call()
    stage.call(timeout=9)
    waits = [request.extensions["timeout"]["read"] for request in stage.asked]
    assert waits == [7.0, 9]
    assert "pw" not in repr(stage.caller.shared.settings)
