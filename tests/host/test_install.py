"""Installing, installing again, uninstalling: with a real app on a real socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oracle
import pytest

from headway.host.install import InstallFailed
from headway.model import Secret
from headway.ports import NeedKey
from host.small_app import SmallApp, SmallHost, document, running

DECLINED = "The app host returned HTTP response code {} when we tried to contact it"


@pytest.fixture
def app() -> Iterator[SmallApp]:
    with running() as app:
        yield app


@pytest.fixture
def host() -> SmallHost:
    return SmallHost()


def install(host: SmallHost, app: SmallApp) -> Any:
    return asyncio.run(host.installer.install(app.descriptor_url))


def fails(host: SmallHost, url: str) -> str:
    """The one line that says why."""
    with pytest.raises(InstallFailed) as caught:
        asyncio.run(host.installer.install(url))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- installing -----------------------------------------------------------------------------


def test_an_app_is_installed_and_then_enabled(host: SmallHost, app: SmallApp) -> None:
    installed = install(host, app)
    assert app.callbacks() == ["installed", "enabled"]
    assert host.apps.all() == [installed]
    assert installed.enabled
    secret = Secret(app.last("installed").json["sharedSecret"])
    assert len(secret.reveal()) == 43
    assert host.apps.secret("my-app") == secret
    # what the app will do with it: check "enabled"
    enabled = app.last("enabled")
    claims = oracle.verified_claims(enabled.token, "HS256", secret.reveal())
    assert claims["qsh"] == oracle.qsh("POST", "/enabled", "", "")
    assert claims["iss"] == enabled.json["clientKey"] == installed.client_key
    assert [c.status for c in host.traffic.all()] == [204, 204]


@pytest.mark.parametrize("status", [200, 201, 204])
def test_what_an_app_may_answer(host: SmallHost, app: SmallApp, status: int) -> None:
    app.status["installed"] = status
    assert install(host, app).key == "my-app"


def test_enabled_comes_only_where_it_is_declared(host: SmallHost, app: SmallApp) -> None:
    app.descriptor["lifecycle"] = {"installed": "/installed"}
    install(host, app)
    asyncio.run(host.installer.uninstall("my-app"))
    assert app.callbacks() == ["installed"]
    assert host.apps.all() == []


def test_enabled_may_fail(host: SmallHost, app: SmallApp) -> None:
    app.status["enabled"] = 500
    assert install(host, app) in host.apps.all()
    with running() as other:
        other.descriptor["lifecycle"]["enabled"] = "/never"
        other.descriptor["key"] = "other"
        other.silent.add("never")
        quick = SmallHost(callback_seconds=0.2)
        assert install(quick, other) in quick.apps.all()


@pytest.mark.parametrize("status", [202, 301, 302, 401, 404, 500, 503])
def test_an_app_that_declines_is_not_installed(host: SmallHost, app: SmallApp, status: int) -> None:
    app.status["installed"] = status
    app.headers = {"Location": f"{app.url}/elsewhere"}
    reason = fails(host, app.descriptor_url)
    assert reason.startswith(f"my-app: {DECLINED.format(status)}")
    assert app.callbacks() == ["installed"]
    nothing_left(host, app)


def nothing_left(host: SmallHost, app: SmallApp) -> None:
    """Neither here nor in the database, and the secret that was offered proves nothing."""
    assert host.apps.all() == []
    assert host.apps.find(NeedKey(issuer="my-app", symmetric=True)) is None
    again = SmallHost.__new__(SmallHost)
    again.apps = type(host.apps)(host.database)
    assert again.apps.all() == []
    for got in app.got:
        if b"sharedSecret" in got.body:
            assert got.json["sharedSecret"] not in repr(host.traffic.all())


def test_an_app_that_never_answers_is_not_installed(app: SmallApp) -> None:
    host = SmallHost(callback_seconds=0.3)
    app.silent.add("installed")
    began = time.monotonic()
    assert "within 0.3 seconds" in fails(host, app.descriptor_url)
    assert time.monotonic() - began < 3
    nothing_left(host, app)


def test_an_app_that_answers_too_much_is_not_installed(host: SmallHost, app: SmallApp) -> None:
    app.status["installed"], app.body = 200, b"x" * 5_000_000
    assert "answered more than 65536 bytes" in fails(host, app.descriptor_url)
    nothing_left(host, app)


# ---- the descriptor -------------------------------------------------------------------------


def test_a_descriptor_that_can_not_be_reached(host: SmallHost, app: SmallApp) -> None:
    assert "/nothing: answered 404, not 200" in fails(host, f"{app.url}/nothing")
    app.descriptor_status, app.headers = 302, {"Location": f"{app.url}/elsewhere"}
    assert "answered 302" in fails(host, app.descriptor_url)
    with running() as gone:
        url = gone.descriptor_url
    assert "can not be reached (ConnectError)" in fails(host, url)


def test_a_descriptor_that_is_none(host: SmallHost, app: SmallApp) -> None:
    app.raw_descriptor = b"<html>"
    assert fails(host, app.descriptor_url) == f"{app.descriptor_url}: is not JSON"
    app.raw_descriptor = b'{"key": 1}'
    assert "Expected `str`, got `int` - at `$.key`" in fails(host, app.descriptor_url)
    app.raw_descriptor = b"[" + b"0," * 300_000
    assert "answered more than 524288 bytes" in fails(host, app.descriptor_url)
    assert app.callbacks() == []


def test_a_descriptor_speaks_for_its_own_origin(host: SmallHost, app: SmallApp) -> None:
    with running() as other:
        app.descriptor = document(other.url)
        reason = fails(host, app.descriptor_url)
        assert reason == f"my-app: the descriptor is at {app.url}, its baseUrl elsewhere"
        assert other.got == []


def test_an_app_is_not_on_the_sites_own_name(host: SmallHost, app: SmallApp) -> None:
    """Cookies ignore ports: the site's session would be sent to the app."""
    url = app.url.replace("127.0.0.1", "localhost")
    app.descriptor = document(url)
    assert "cookies ignore ports" in fails(host, f"{url}/atlassian-connect.json")
    assert app.callbacks() == []


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1/x", "http://me:pw@127.0.0.1/x", "file:///etc/passwd", "http://[/"]
)
def test_an_address_that_is_none(host: SmallHost, url: str) -> None:
    assert fails(host, url) == "the descriptor's address is no plain http or https one"


def test_a_reason_holds_no_query(host: SmallHost, app: SmallApp) -> None:
    assert "key-of-somebody" not in fails(host, f"{app.url}/nothing?key=key-of-somebody")


def test_a_private_address_is_not_asked(host: SmallHost) -> None:
    assert "private addresses need an option" in fails(host, "http://10.0.0.1/d.json")


# ---- again ----------------------------------------------------------------------------------


def test_installing_again_changes_the_secret(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    old = host.apps.secret("my-app")
    app.descriptor["name"] = "Newer"
    second = install(host, app)
    assert app.callbacks() == ["installed", "enabled"] * 2
    assert host.apps.secret("my-app") != old
    assert (second.name, second.account_id) == ("Newer", first.account_id)
    got = app.last("installed")
    pem = host.apps.public_pem(host.apps.site_key.kid) or b""
    assert oracle.verified_claims(got.token, "RS256", pem)["iss"] == got.json["clientKey"]
    assert Secret(got.json["sharedSecret"]) == host.apps.secret("my-app")


def test_a_second_installation_that_fails_changes_nothing(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    old = host.apps.secret("my-app")
    app.status["installed"], app.descriptor["name"] = 500, "Newer"
    fails(host, app.descriptor_url)
    assert host.apps.all() == [first]
    assert host.apps.secret("my-app") == old


def test_one_callback_at_a_time(host: SmallHost, app: SmallApp) -> None:
    running_now: list[str] = []
    most = 0

    def meanwhile(name: str) -> None:
        nonlocal most
        running_now.append(name)
        most = max(most, len(running_now))
        time.sleep(0.03)
        running_now.remove(name)

    app.meanwhile = meanwhile

    async def many() -> None:
        await asyncio.gather(*(host.installer.install(app.descriptor_url) for _ in range(3)))

    asyncio.run(many())
    assert most == 1
    assert app.callbacks() == ["installed", "enabled"] * 3
    assert Secret(app.last("installed").json["sharedSecret"]) == host.apps.secret("my-app")


# ---- uninstalling ---------------------------------------------------------------------------


def test_uninstalling(host: SmallHost, app: SmallApp) -> None:
    install(host, app)
    known: dict[str, bool] = {}

    def meanwhile(name: str) -> None:
        known[name] = host.apps.find(NeedKey(issuer="my-app", symmetric=True)) is not None

    app.meanwhile = meanwhile
    asyncio.run(host.installer.uninstall("my-app"))
    assert app.callbacks() == ["installed", "enabled", "disabled", "uninstalled"]
    assert known == {"disabled": True, "uninstalled": True}
    assert host.apps.all() == []
    got = app.last("uninstalled")
    pem = host.apps.public_pem(host.apps.site_key.kid) or b""
    assert oracle.verified_claims(got.token, "RS256", pem)["aud"] == [app.url]
    assert "sharedSecret" not in got.json


@pytest.mark.parametrize("status", [401, 500])
def test_an_app_can_not_refuse_to_be_uninstalled(
    host: SmallHost, app: SmallApp, status: int
) -> None:
    install(host, app)
    app.status |= {"disabled": status, "uninstalled": status}
    asyncio.run(host.installer.uninstall("my-app"))
    assert host.apps.all() == []
    assert [c.status for c in host.traffic.all()] == [204, 204, status, status]


def test_an_app_that_is_gone_can_be_uninstalled(host: SmallHost) -> None:
    with running() as app:
        install(host, app)
    asyncio.run(host.installer.uninstall("my-app"))
    assert host.apps.all() == []
    assert "can not be reached" in (host.traffic.all()[-1].hint or "")


def test_what_is_not_installed_can_not_be_uninstalled(host: SmallHost) -> None:
    with pytest.raises(InstallFailed, match=r"^my-app: is not installed$"):
        asyncio.run(host.installer.uninstall("my-app"))


def test_uninstalled_and_installed_again(app: SmallApp) -> None:
    """In real time: the second install is newer than the uninstall, to the second."""
    host = SmallHost(real=time.time)

    async def both() -> None:
        await host.installer.install(app.descriptor_url)
        await host.installer.uninstall("my-app")
        await host.installer.install(app.descriptor_url)

    asyncio.run(both())
    times = []
    for got in app.got:
        if got.target in ("/installed", "/uninstalled"):
            pem = host.apps.public_pem(host.apps.site_key.kid) or b""
            times.append(oracle.verified_claims(got.token, "RS256", pem)["iat"])
    assert times == sorted(set(times))
    assert len(times) == 3


# ---- a restart ------------------------------------------------------------------------------


def test_apps_survive_a_restart(app: SmallApp, tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = SmallHost(data)
    installed = install(host, app)
    secret = app.last("installed").json["sharedSecret"]
    on_disk = b"".join(path.read_bytes() for path in data.iterdir())
    assert b"my-app" in on_disk
    assert secret.encode() not in on_disk
    assert json.dumps(secret).encode() not in on_disk
    host.database.close()
    again = SmallHost(data)
    assert again.apps.all() == [installed]
    assert again.apps.secret("my-app") == Secret(secret)
    again.database.close()
