"""The control API: who may call it, what it does, what it says when it can not."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.host import control as module
from headway.host.control import PATH, TOKEN_VARIABLE, Control, control_key
from headway.host.options import settings as read
from headway.host.running import Running
from headway.host.settings import Settings
from headway.host.testing.transports import InProcess
from host.small_site import BASE, MEDIA
from host.testing.little_app import URL, LittleApp

KEY = control_key(Settings(control=True), {})
assert KEY is not None
TOKEN = KEY.token.reveal().decode()


class Api:
    """Calls the API as a program would."""

    def __init__(self) -> None:
        self.running = Running(Settings(control=True))
        self.running.bind_addresses(BASE, MEDIA)
        assert KEY is not None
        self.control = Control(self.running, KEY)
        self.app = LittleApp()
        self.running.inside[URL] = InProcess(self.app.asgi)
        self._asgi = self.control.asgi(self.running.asgi())

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {TOKEN}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None:
            sent.setdefault("content-type", "application/json")

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._asgi)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                whole = path if path.startswith("/rest") else PATH + path
                answer = await client.request(
                    method, whole, content=content if body is not None else None, headers=sent
                )
            await self.running.site.settled()
            return answer

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def shared() -> Iterator[Api]:
    made = Api()
    yield made
    asyncio.run(made.running.close())


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    yield shared
    shared("POST", "/reset")
    shared.app.got.clear()


# ---- who may call ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    ["", "Bearer", "Bearer ", "bearer {}", "Bearer {}x", "JWT {}", "{}"],
)
def test_without_the_token_nothing(api: Api, sent: str) -> None:
    sent = sent.format(TOKEN)  # never in the name of a test
    for method, path in api.control.endpoints:
        answer = api(method, path, Authorization=sent)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text


def test_the_token_does_not_count_in_an_address(api: Api) -> None:
    assert api("GET", f"?token={TOKEN}&access_token={TOKEN}", Authorization="").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": BASE}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403),
        ({"AP_Client_Key": "my-app"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:2990"}, 421),
    ],
)
def test_no_browser_from_anywhere(api: Api, headers: dict[str, str], status: int) -> None:
    """Not even with the token: a page must not find out whether it guessed one."""
    for method, path in api.control.endpoints:
        assert api(method, path, **headers).status_code == status


def test_it_is_off_unless_asked_for() -> None:
    running = Running(Settings())
    running.bind_addresses(BASE, MEDIA)

    async def ask() -> int:
        transport = httpx.ASGITransport(running.asgi())
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            return (await client.get(PATH, headers=headers)).status_code

    assert asyncio.run(ask()) == 404
    assert control_key(Settings(), {TOKEN_VARIABLE: "x" * 40}) is None
    asyncio.run(running.close())


def test_where_the_token_comes_from(tmp_path: Path) -> None:
    on = Settings(control=True)
    first, second = control_key(on, {}), control_key(on, {})
    assert first is not None
    assert second is not None
    assert first.made_up
    assert first.token != second.token
    given = control_key(on, {TOKEN_VARIABLE: "a token of 20 letters"})
    assert given is not None
    assert (given.token.reveal(), given.made_up) == (b"a token of 20 letters", False)
    file = tmp_path / "token"
    file.write_text("a token from the file\n")
    file.chmod(0o600)
    of_file = control_key(read({"control": True, "control_token_file": file}), {TOKEN_VARIABLE: ""})
    assert of_file is not None
    assert of_file.token.reveal() == b"a token from the file"
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may use it"):
        control_key(read({"control": True, "control_token_file": file}), {})
    with pytest.raises(ConfigurationError, match="No such file"):
        control_key(read({"control": True, "control_token_file": tmp_path / "none"}), {})
    for short in ("", "short", "\N{SNOWMAN}" * 20):
        with pytest.raises(ConfigurationError, match=f"{TOKEN_VARIABLE}: a token has 16"):
            control_key(on, {TOKEN_VARIABLE: short})
    assert "token" in repr(first)
    assert first.token.reveal().decode() not in repr(first)


# ---- what it does ---------------------------------------------------------------------------


def test_what_runs(api: Api) -> None:
    told = api("GET", "").json()
    assert (told["site"], told["media"], told["policy"]) == (BASE, MEDIA, "atlassian-2022")
    assert told["users"] == ["admin", "gone", "project-admin", "space-admin", "user"]
    assert told["apps"] == {"jira": [], "confluence": []}


@pytest.mark.parametrize(("product", "base"), [("jira", BASE), ("confluence", f"{BASE}/wiki")])
def test_an_app_comes_and_goes(api: Api, product: str, base: str) -> None:
    body = {"url": f"{URL}/atlassian-connect.json", "product": product}
    made = api("POST", "/apps", body)
    assert (made.status_code, made.json()["key"], made.json()["baseUrl"]) == (200, "my-app", base)
    assert api("GET", "").json()["apps"][product] == ["my-app"]
    assert api("DELETE", f"/apps/my-app?product={product}").status_code == 204
    assert api.app.posts()[-1] == "/uninstalled"
    gone = api("DELETE", "/apps/my-app")
    assert (gone.status_code, gone.json()["error"]) == (400, "my-app: is not installed")


@pytest.mark.parametrize(("product", "number"), [("jira", 0), ("confluence", 1)])
def test_what_becomes_of_an_app(api: Api, product: str, number: int) -> None:
    tenant, where = api.running.site.tenants[number], {"product": product}
    api("POST", "/apps", {"url": f"{URL}/atlassian-connect.json", **where})
    secret, kid = tenant.apps.secret("my-app"), api.running.site.keys.current.kid
    for action in ("upgrade", "disable", "rotate-secret"):
        assert api("POST", f"/apps/my-app/{action}", where).status_code == 204
    paid = api("PUT", "/apps/my-app/licence", {"licence": "active", **where})
    assert paid.status_code == 204
    (app,) = tenant.apps.all()
    assert (app.enabled, app.licence, app.revision) == (False, "active", 1)
    assert tenant.apps.secret("my-app") != secret
    new = api("POST", "/keys", {}).json()["kid"]
    assert api.running.site.keys.current.kid == new != kid
    imported = api("POST", "/imports", where).json()
    assert imported == {"clientKey": tenant.apps.client_key, "declined": {}}
    assert tenant.apps.all()[0].client_key == imported["clientKey"] != app.client_key
    unknown = api("POST", "/apps/my-app/explode", where)
    assert unknown.status_code == 404
    assert "upgrade, rotate-secret" in unknown.json()["error"]
    assert api("POST", "/apps/my-app/uninstall", where).status_code == 204
    assert tenant.apps.all() == []


def test_a_session(api: Api) -> None:
    made = api("POST", "/sessions", {"user": "user"}).json()
    cookie = f"{made['cookie']['name']}={made['cookie']['value']}"
    asked = api("GET", "/rest/api/3/myself", Authorization="", Cookie=cookie)
    assert asked.json()["accountId"] == made["accountId"]
    assert len(made["csrf"]) == 64


def test_the_clock_and_the_policy(api: Api) -> None:
    assert api("PUT", "/clock", {"date": "2022-02-01"}).status_code == 204
    assert int(api("GET", "").json()["at"]) // 86_400 == 1643673600 // 86_400
    assert api("DELETE", "/clock").status_code == 204
    assert api.running.site.clock.moved == 0
    assert api("PUT", "/policy", {"policy": "rehearsal"}).status_code == 204
    assert api("GET", "").json()["policy"] == "rehearsal"


def test_faults(api: Api) -> None:
    fault = {"path": "/rest/api/3/myself", "status": 503, "times": 2}
    assert api("POST", "/faults", fault).status_code == 204
    assert api("GET", "/rest/api/3/myself", Authorization="").status_code == 503
    (waiting,) = api("GET", "/faults").json()["faults"]
    assert (waiting["status"], waiting["times"]) == (503, 1)
    assert api("DELETE", "/faults").status_code == 204
    assert api("GET", "/rest/api/3/myself", Authorization="").status_code == 401


def test_traffic(api: Api) -> None:
    api("GET", "/rest/api/3/myself?jwt=no-token", Authorization="")
    api("GET", "/rest/api/3/myself", Authorization="JWT no-token")
    assert len(api("GET", "/traffic").json()["crossings"]) == 2
    (seen,) = api("GET", "/traffic?location=query&direction=app->host").json()["crossings"]
    assert seen["verdict"] == "not inspected"
    assert api("GET", "/traffic?status=400").json()["crossings"][0]["location"] == "header"
    unknown = api("GET", "/traffic?colour=red")
    assert (unknown.status_code, unknown.json()) == (
        400,
        {"error": "colour is no field of a crossing"},
    )
    assert api("DELETE", "/traffic").status_code == 204
    assert api("GET", "/traffic").json() == {"crossings": []}


def test_things(api: Api) -> None:
    api("POST", "/apps", {"url": f"{URL}/atlassian-connect.json"})
    changed = api("PATCH", "/things/issue/DEMO-1", {"fields": {"summary": "By a program"}})
    assert changed.json()["summary"] == "By a program"
    assert api.app.posts()[-1] == "/hook/DEMO-1?p=DEMO", "the app has heard of it by then"
    assert api("GET", "/things/issue/DEMO-1").json()["summary"] == "By a program"
    assert api("GET", "/things/issue/NONE-1").status_code == 404
    assert api("GET", "/things/colour/red").status_code == 404


def test_state(api: Api) -> None:
    kept = api("POST", "/snapshots").json()["id"]
    api("PATCH", "/things/issue/DEMO-1", {"fields": {"summary": "Later"}, "author": "user"})
    assert api("POST", f"/snapshots/{kept}/restore").status_code == 204
    before = api("GET", "/things/issue/DEMO-1").json()["summary"]
    assert before == "Watch a token travel"
    api("PATCH", "/things/issue/DEMO-1", {"fields": {"summary": "Later"}})
    assert api("POST", "/reset").status_code == 204
    assert api("GET", "/things/issue/DEMO-1").json()["summary"] == before
    assert api("POST", "/snapshots/none/restore").status_code == 404


def test_snapshots_are_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SNAPSHOTS_MAX", 2)
    first, second, third = (api("POST", "/snapshots").json()["id"] for _ in range(3))
    assert api("POST", f"/snapshots/{first}/restore").status_code == 404
    assert api("POST", f"/snapshots/{second}/restore").status_code == 204
    assert api("POST", f"/snapshots/{third}/restore").status_code == 204


# ---- what can not be ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/apps", {"url": "rubbish"}, 400, "no plain http or https"),
        ("POST", "/apps", {}, 400, "missing required field `url`"),
        ("POST", "/apps", {"url": 1}, 400, "Expected `str`, got `int` - at `$.url`"),
        ("POST", "/apps", {"url": "x", "colour": "red"}, 400, "unknown field `colour`"),
        ("POST", "/apps", b"{", 400, "truncated"),
        ("POST", "/apps", b"x" * 300_000, 413, "262144 bytes at most"),
        ("POST", "/sessions", {"user": "nobody"}, 404, "the site has no user nobody"),
        ("POST", "/sessions", {"user": "gone"}, 400, "gone is deactivated, and can not log in"),
        ("PUT", "/clock", {"date": "tomorrow"}, 400, "A date is written as"),
        ("PUT", "/policy", {"policy": "none"}, 400, "policy: 'none' is not one of"),
        ("POST", "/faults", {"path": "/x"}, 400, "a fault says what goes wrong"),
        ("PATCH", "/things/issue/DEMO-1", {"fields": {}}, 400, "length >= 1"),
        ("PATCH", "/things/issue/DEMO-1", {"fields": {"summary": ""}}, 400, "summary"),
        ("PATCH", "/things/issue/DEMO-1", {"fields": {"colour": 1}}, 400, "has no colour"),
        ("GET", "/nothing", None, 404, "Not Found"),
        ("GET", "/reset", None, 405, "Method Not Allowed"),
    ],
)
def test_what_can_not_be_is_one_sentence(
    api: Api, method: str, path: str, body: Any, status: int, says: str
) -> None:
    answer = api(method, path, body)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text


def test_a_form_is_no_body(api: Api) -> None:
    answer = api("POST", "/reset", b"a=b", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 204  # it takes no body
    answer = api("PUT", "/clock", b"a=b", content_type="text/plain")
    assert answer.status_code == 415


def test_nothing_of_it_is_in_the_environment_of_tests() -> None:
    assert TOKEN_VARIABLE not in os.environ


@pytest.mark.parametrize("levels", [201, 900, 990, 1100, 60_000])
def test_what_is_nested_too_deeply_is_a_bad_request(api: Api, levels: int) -> None:
    deep = b"[" * levels + b"]" * levels
    for body in (deep, b'{"fields": {"summary": %s}}' % deep):
        answer = api("PATCH", "/things/issue/DEMO-1", body)
        assert (answer.status_code, "too deeply" in answer.text) == (400, True)


def test_another_product_is_not_taken_for_jira(api: Api) -> None:
    answer = api("DELETE", "/apps/my-app?product=bitbucket")
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "product is one of jira, confluence"},
    )
