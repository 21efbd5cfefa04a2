"""The plugin manager: the dance of a development mode, and who may not dance."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from headway.host import plugins as module
from headway.host.settings import Settings
from headway.host.site import Site
from host.person import BASE
from host.small_app import SmallApp, running

TYPE = {"Content-Type": "application/vnd.atl.plugins.remote.install+json"}
ROOTS = ("/rest/plugins/1.0", "/wiki/rest/plugins/1.0")
EVERY = [
    ("GET", "/settings"),
    ("GET", "/"),
    ("GET", ""),
    ("POST", "/"),
    ("GET", "/pending/1"),
    ("GET", "/my-app-key"),
    ("DELETE", "/my-app-key"),
]


class Client:
    """A framework in development mode: Basic with every request, no cookies, no redirects."""

    def __init__(self, site: Site, name: str = "admin", password: str | None = None) -> None:
        self.site = site
        password = site.identity.first_passwords.get(name, "") if password is None else password
        self.basic = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": self.basic, **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        transport = httpx.ASGITransport(app=self.site.asgi())
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, headers=headers, **options)

    async def install(self, url: Any, root: str = ROOTS[0], **options: Any) -> httpx.Response:
        token = (await self.ask("GET", f"{root}/")).headers["upm-token"]
        asked = {"params": {"token": token}, "headers": TYPE, "json": {"pluginUri": url}}
        return await self.ask("POST", f"{root}/", **{**asked, **options})

    async def installed(self, url: str, root: str = ROOTS[0]) -> httpx.Response:
        """The last answer of the pending task."""
        begun = await self.install(url, root)
        assert begun.status_code == 202
        await self.site.settled()
        return await self.ask("GET", begun.json()["links"]["self"])


def made(**settings: Any) -> Site:
    site = Site(Settings(**{"callback_seconds": 5.0, **settings}))
    site.bind_addresses(BASE, "http://127.0.0.1:2991")
    return site


@pytest.fixture
def site() -> Iterator[Site]:
    site = made()
    yield site
    asyncio.run(site.close())


@pytest.fixture
def app() -> Iterator[SmallApp]:
    with running() as app:
        yield app


def ask(site: Site, method: str, path: str, **options: Any) -> httpx.Response:
    return asyncio.run(Client(site).ask(method, path, **options))


# ---- the dance ------------------------------------------------------------------------------


@pytest.mark.parametrize(("root", "number"), [(ROOTS[0], 0), (ROOTS[1], 1)])
def test_an_app_installs_itself(site: Site, app: SmallApp, root: str, number: int) -> None:
    tenant, other = site.tenants[number], site.tenants[1 - number]

    async def dance() -> None:
        client = Client(site)
        settings = (await client.ask("GET", f"{root}/settings")).json()["settings"]
        assert {"key": "connectDeveloperListingsEnabled", "value": True} in settings
        listed = await client.ask("GET", f"{root}/")
        assert listed.json() == {"plugins": []}
        # a held callback shows that the answer comes before the install is done
        app.silent.add("installed")
        begun = await client.install(app.descriptor_url, root)
        told = begun.json()
        pending = told["links"]["self"]
        assert (begun.status_code, told["status"]["done"]) == (202, False)
        assert pending.startswith(f"{root}/pending/")
        assert begun.headers["location"] == pending
        waits = await client.ask("GET", pending)
        assert (waits.status_code, waits.json()["status"]["done"]) == (200, False)
        assert waits.json()["pingAfter"] == 100
        assert "key" not in waits.json()
        app.leave.set()
        await site.settled()
        done = await client.ask("GET", pending)
        assert (done.status_code, done.headers["location"]) == (303, f"{root}/my-app-key")
        plugin = (await client.ask("GET", done.headers["location"])).json()
        assert (plugin["key"], plugin["enabled"]) == ("my-app", True)
        assert "status" not in plugin
        assert (await client.ask("GET", f"{root}/")).json()["plugins"] == [plugin]
        gone = await client.ask("DELETE", f"{root}/my-app-key")
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await client.ask("DELETE", f"{root}/my-app-key")).status_code == 404
        assert (await client.ask("GET", f"{root}/my-app-key")).status_code == 404

    asyncio.run(dance())
    assert app.callbacks() == ["installed", "enabled", "disabled", "uninstalled"]
    assert app.last("/installed").json["clientKey"] == tenant.apps.client_key
    assert app.last("/installed").json["baseUrl"] == tenant.base_url
    assert tenant.apps.all() == other.apps.all() == []


def test_the_end_may_be_the_app_itself(app: SmallApp) -> None:
    site = made(plugin_manager_tells=True)
    done = asyncio.run(Client(site).installed(app.descriptor_url))
    assert (done.status_code, done.json()["key"], done.json()["enabled"]) == (200, "my-app", True)
    site.jira.apps.change("my-app", enabled=False)
    assert ask(site, "GET", f"{ROOTS[0]}/my-app-key").json()["enabled"] is False


def test_an_install_that_fails_says_so_in_the_hosts_words(site: Site, app: SmallApp) -> None:
    app.status["installed"] = 401
    failed = asyncio.run(Client(site).installed(app.descriptor_url))
    assert failed.status_code == 200
    status = failed.json()["status"]
    assert status["done"] is True
    assert "The app host returned HTTP response code 401" in status["errorMessage"]
    assert "key" not in failed.json()
    assert site.jira.apps.all() == []


def test_what_breaks_is_not_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(_: str) -> None:
        raise ZeroDivisionError("an inner thing")

    monkeypatch.setattr(site.jira.installer, "install", breaks)
    failed = asyncio.run(Client(site).installed("http://127.0.0.1:1/d.json"))
    assert failed.json()["status"]["errorMessage"] == "The install did not end well."


def test_a_site_that_ends_gives_up_what_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def held(_: str) -> None:
        await asyncio.Event().wait()

    async def leave() -> httpx.Response:
        client = Client(site)
        begun = await client.install("http://127.0.0.1:1/")
        for plugins in site.plugins:
            await plugins.close()
        return await client.ask("GET", begun.json()["links"]["self"])

    monkeypatch.setattr(site.jira.installer, "install", held)
    assert asyncio.run(leave()).json()["status"]["done"] is True


def test_tasks_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TASKS_MAX", 2)
    hold = asyncio.Event()

    async def held(_: str) -> None:
        await hold.wait()

    async def many() -> None:
        client = Client(site)
        monkeypatch.setattr(site.jira.installer, "install", held)
        begun = [await client.install("http://127.0.0.1:1/") for _ in range(3)]
        assert [answer.status_code for answer in begun] == [202, 202, 503]
        hold.set()
        await asyncio.sleep(0.01)
        again = await client.install("http://127.0.0.1:1/")
        assert again.status_code == 202
        first = await client.ask("GET", begun[0].json()["links"]["self"])
        assert first.status_code == 404  # forgotten for the newest

    asyncio.run(many())


# ---- who may ask ----------------------------------------------------------------------------


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(("method", "path"), EVERY)
def test_only_administrators_with_their_password(
    site: Site, root: str, method: str, path: str
) -> None:
    def status(client: Client, **headers: str | None) -> tuple[int, str | None]:
        answer = asyncio.run(client.ask(method, root + path, headers=headers))
        return answer.status_code, answer.headers.get("www-authenticate")

    challenge = 'JWT realm="headway"'  # never Basic: browsers would ask, and remember
    assert status(Client(site, "admin", "guess")) == (401, challenge)
    assert status(Client(site, "nobody", "")) == (401, challenge)
    assert status(Client(site), Authorization=None) == (401, challenge)
    assert status(Client(site, "user")) == (403, None)
    assert status(Client(site), **{"AP-Client-Key": "my-app"}) == (403, None)


def test_a_session_does_not_count(site: Site) -> None:
    value = site.identity.log_in("admin", site.identity.first_passwords["admin"])
    cookie = f"{site.identity.cookie_name}={value}"
    headers = {"Authorization": None, "Cookie": cookie}
    assert ask(site, "GET", f"{ROOTS[0]}/", headers=headers).status_code == 401


def test_a_deactivated_administrator_is_nobody(site: Site) -> None:
    client = Client(site)
    admin = site.world.people.user("admin")
    assert admin is not None
    site.world.people.set_active(admin.account_id, active=False)
    assert asyncio.run(client.ask("GET", f"{ROOTS[0]}/")).status_code == 401


FOREIGN = [
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.example", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_foreign_page_may_not_whatever_it_sends_along(
    site: Site, headers: dict[str, str], method: str
) -> None:
    path = f"{ROOTS[0]}/" if method == "POST" else f"{ROOTS[0]}/my-app-key"
    assert ask(site, method, path, headers=headers).status_code == 403


def test_basic_counts_nowhere_else(site: Site) -> None:
    paths = ("/rest/api/3/myself", "/wiki/rest/api/user/current", "/apps", "/inspector/log")
    for path in (*paths, "/rest/api/3/issue/DEMO-1", "/svc/module-url"):
        nobody = {"Authorization": None}
        with_it, without = ask(site, "GET", path), ask(site, "GET", path, headers=nobody)
        assert (with_it.status_code, with_it.text) == (without.status_code, without.text), path
    assert ask(site, "GET", "/rest/api/3/myself").status_code == 401
    assert ask(site, "GET", "/apps", headers={"Accept": "text/html"}).status_code == 303


# ---- the token, the body --------------------------------------------------------------------


def test_a_token_is_good_once_for_whom_it_was_made_and_for_a_while(
    site: Site, app: SmallApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def statuses() -> list[int]:
        client = Client(site)
        token = (await client.ask("GET", f"{ROOTS[0]}/")).headers["upm-token"]
        used = {"params": {"token": token}}
        seen = [
            (await client.install("http://127.0.0.1:1/", **sent)).status_code
            for sent in ({"params": {}}, {"params": {"token": "guess"}}, used, used)
        ]
        token = (await client.ask("GET", f"{ROOTS[0]}/")).headers["upm-token"]
        other = site.plugins[0]
        assert not other._spend_token(token, "another account")
        token = (await client.ask("GET", f"{ROOTS[0]}/")).headers["upm-token"]
        elsewhere = await client.install("http://x/", ROOTS[1], params={"token": token})
        monkeypatch.setattr(module, "TOKEN_SECONDS", 0.0)
        late = await client.install("http://127.0.0.1:1/")
        return [*seen, elsewhere.status_code, late.status_code]

    assert asyncio.run(statuses()) == [403, 403, 202, 403, 403, 403]


def test_tokens_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOKENS_MAX", 2)
    plugins = site.plugins[0]
    first, *_, last = [plugins._new_token("me") for _ in range(3)]
    assert not plugins._spend_token(first, "me")
    assert plugins._spend_token(last, "me")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"headers": {"Content-Type": "application/json"}}, 415),
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"json": {}}, 400),
        ({"json": {"pluginUri": 1}}, 400),
        ({"json": None, "content": b"\xff"}, 400),
        ({"json": {"pluginUri": "x" * 20_000}}, 400),
    ],
)
def test_a_body_that_is_none(site: Site, options: dict[str, Any], status: int) -> None:
    answer = asyncio.run(Client(site).install("http://127.0.0.1:1/", **options))
    assert answer.status_code == status
    assert "errorMessage" in answer.json()


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !", "Basic YQ==", "Basic /w==", "Bearer YTpi", "Basic " + "A" * 2000],
)
def test_credentials_that_are_none(site: Site, header: str) -> None:
    assert module._basic([header]) is None
    assert ask(site, "GET", f"{ROOTS[0]}/", headers={"Authorization": header}).status_code == 401


def test_two_credentials_are_none() -> None:
    assert module._basic(["Basic YTpi", "Basic YTpi"]) is None
    assert module._basic([]) is None
    assert module._basic(["basic YTpi"]) == ("a", "b")
