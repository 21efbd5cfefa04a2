from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, ask

from headway.errors import ConfigurationError
from headway.host.clock import parse_date
from headway.host.settings import POLICIES, Settings
from headway.host.site import Site
from host.small_app import SmallHost, running
from host.small_site import BASE, MEDIA

HOST = ("Host", "localhost:2990")


def make(**settings: object) -> Site:
    site = Site(Settings(**settings))  # type: ignore[arg-type]
    site.bind_addresses(BASE, MEDIA)
    return site


@pytest.fixture
def site() -> Iterator[Site]:
    made = make()
    yield made
    asyncio.run(made.close())


def get(site: Site, target: str, *headers: tuple[str, str]) -> Answer:
    return ask(site.asgi(), "GET", target, [HOST, *headers])


def test_the_parts_make_one_site(site: Site) -> None:
    info = get(site, "/rest/api/3/serverInfo")
    assert (info.status, info.json["baseUrl"]) == (200, BASE)
    assert get(site, "/status").json == {"state": "RUNNING"}
    assert get(site, "/rest/api/2/issue/PUB-1").status == 200
    assert get(site, "/rest/api/2/issue/DEMO-1").status == 401
    assert get(site, "/nothing-here").status == 404


def test_all_of_it_is_guarded(site: Site) -> None:
    for application in (site.asgi(), site.media_asgi()):
        assert ask(application, "GET", "/status", [("Host", "evil.example")]).status == 421
    assert get(site, "/status", ("Origin", "http://evil.example")).status == 403


def test_each_token_is_in_the_traffic(site: Site) -> None:
    get(site, "/rest/api/3/myself", ("Authorization", "JWT not-a-token"))
    assert [(c.verdict, c.status) for c in site.traffic.all()] == [("refused", 400)]


def test_the_media_host_sends_what_the_site_points_to(site: Site) -> None:
    issue = site.world.tracker.issue("DEMO-2")
    assert issue is not None
    attachment = site.world.files.of("issue", issue.id)[0]
    target = site.media.url(attachment).removeprefix(MEDIA)
    media = [("Host", "127.0.0.1:2991")]
    answer = ask(site.media_asgi(), "GET", target, media)
    assert (answer.status, len(answer.body)) == (200, attachment.size)
    with_token = [*media, ("Authorization", "JWT a.b.c")]
    assert ask(site.media_asgi(), "GET", target, with_token).status == 400


def test_the_policy_can_be_changed(site: Site) -> None:
    assert site.policy is POLICIES["atlassian-2022"]
    assert "headway-disclaimer" not in get(site, "/status").headers
    site.set_policy("rehearsal")
    assert site.policy is POLICIES["rehearsal"]
    media = ask(site.media_asgi(), "GET", "/", [("Host", "127.0.0.1:2991")])
    for answer in (get(site, "/status"), media):
        assert answer.headers["headway-disclaimer"] == site.policy.disclaimer
    with pytest.raises(ConfigurationError, match="'none' is not one of"):
        site.set_policy("none")


def test_settings_that_can_not_work() -> None:
    with pytest.raises(ConfigurationError, match="policy"):
        make(policy="none")


def test_a_session_that_expired_stays_so_when_the_date_moves(site: Site) -> None:
    clock = site.clock
    value = site.identity.log_in("user", site.identity.first_passwords["user"])
    cookie = ("Cookie", f"{site.identity.cookie_name}={value}")
    assert get(site, "/rest/api/3/myself", cookie).status == 200
    real = clock.now()
    clock._real = lambda: real + 9 * 3600
    assert get(site, "/rest/api/3/myself", cookie).status == 401
    clock.set(parse_date("2021-12-01"))
    assert get(site, "/rest/api/3/myself", cookie).status == 401


def test_the_date_is_a_setting() -> None:
    made = make(at=parse_date("2021-12-01"))
    assert int(made.clock.at()) // 60 == int(parse_date("2021-12-01")) // 60
    asyncio.run(made.close())


@pytest.mark.parametrize(
    ("name", "cookie"),
    [
        ("localhost", "__Host-headway"),
        ("jira.localhost", "__Host-headway"),
        ("127.0.0.1", "headway"),
        ("jira.example", "headway"),
        ("notlocalhost", "headway"),
    ],
)
def test_the_cookie_is_one_that_browsers_take(name: str, cookie: str) -> None:
    made = make(name=name)
    assert made.identity.cookie_name == cookie
    asyncio.run(made.close())


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    first = make(data=tmp_path / "site")
    passwords = first.identity.first_passwords
    issue = first.world.tracker.issue("DEMO-1")
    assert issue is not None
    first.world.tracker.edit_issue(issue.id, summary="Kept")
    asyncio.run(first.close())
    second = make(data=tmp_path / "site")
    kept = second.world.tracker.issue("DEMO-1")
    assert kept is not None
    assert kept.summary == "Kept"
    assert second.identity.first_passwords == passwords
    asyncio.run(second.close())


def test_somebody_elses_server_starts_the_outbox(site: Site) -> None:
    messages: list[str] = []
    incoming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> dict[str, str]:
        if len(incoming) == 1:
            assert site.outbox._task is not None
        return incoming.pop()

    async def send(message: dict[str, str]) -> None:
        messages.append(message["type"])

    asyncio.run(site.asgi()({"type": "lifespan", "state": {}}, receive, send))
    assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


# ---- two addresses --------------------------------------------------------------------------


def test_the_site_is_where_it_was_asked(site: Site) -> None:
    site.bind_addresses(BASE, MEDIA, "https://localhost:8443")

    def asked(scheme: str, *headers: tuple[str, str]) -> Answer:
        async def by_door(scope: Any, receive: Any, send: Any) -> None:
            await site.asgi()({**scope, "scheme": scheme}, receive, send)

        return ask(by_door, "GET", "/rest/api/3/serverInfo", headers)

    secure = ("Host", "localhost:8443")
    assert asked("http", HOST).json["baseUrl"] == BASE
    assert asked("https", secure).json["baseUrl"] == "https://localhost:8443"
    assert asked("http", secure).status == asked("https", HOST).status == 421
    forwarded = (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "localhost:8443"))
    assert asked("http", HOST, *forwarded).json["baseUrl"] == BASE
    assert site.base_url == BASE
    assert (site.url_over(tls=True), site.url_over(tls=False)) == ("https://localhost:8443", BASE)
    site.bind_addresses(BASE, MEDIA)
    assert site.url_over(tls=True) == BASE


def test_an_app_comes_works_and_goes(site: Site) -> None:
    """All parts at once: installed in both products, told of a change, gone, and nothing left."""

    async def life() -> None:
        for tenant in site.tenants:
            await tenant.installer.install(app.descriptor_url)
        issue = site.world.tracker.issue("DEMO-1")
        user = site.world.people.user("user")
        assert issue is not None
        assert user is not None
        site.world.tracker.edit_issue(issue.id, summary="Changed", author=user.account_id)
        await site.settled()
        for tenant in site.tenants:
            await tenant.installer.uninstall("my-app")
        await site.settled()

    with running() as app:
        asyncio.run(life())
    assert [name for name in app.callbacks() if name in ("installed", "uninstalled")] == [
        *["installed"] * 2,
        *["uninstalled"] * 2,
    ]
    assert any("/hook/DEMO-1" in got.target for got in app.got)
    assert [tenant.apps.all() for tenant in site.tenants] == [[], []]


def test_a_site_begins_with_a_snapshot(site: Site) -> None:
    issue = site.world.tracker.issue("DEMO-1")
    assert issue is not None
    site.world.tracker.edit_issue(issue.id, summary="Kept")
    other = Site(Settings(), snapshot=site.database.snapshot())
    kept = other.world.tracker.issue("DEMO-1")
    assert kept is not None
    assert kept.summary == "Kept"
    asyncio.run(other.close())


def test_an_apps_own_user_is_known_by_its_scopes(site: Site) -> None:
    app, secret = SmallHost().add()
    site.confluence.apps.save(app, secret)
    assert site._app_scopes(app.account_id) == app.scopes
    assert site._app_scopes("nobody") is None


def test_a_filter_finds_an_issue_that_is_there_and_one_that_is_gone(site: Site) -> None:
    issue = site.world.tracker.issue("DEMO-1")
    assert issue is not None
    for _ in range(2):
        assert site._finds("project = DEMO", issue)
        assert not site._finds("project = PUB", issue)
        if site.world.tracker.issue("DEMO-1"):
            site.world.tracker.delete_issue(issue.id)
