"""Installing, installing again, uninstalling: with a real app on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oracle
import pytest

from headway.host.apps import Licence
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
    assert "answered 302: redirects are not followed" in fails(host, app.descriptor_url)
    assert [got.target for got in app.got] == ["/nothing", "/atlassian-connect.json"]
    with running() as gone:
        url = gone.descriptor_url
    assert "can not be reached (ConnectError)" in fails(host, url)


def test_a_descriptor_that_is_none(host: SmallHost, app: SmallApp) -> None:
    app.raw_descriptor = b"\n<!doctype html><title>Log in</title>"
    assert fails(host, app.descriptor_url).endswith(": is a web page and no descriptor (JSON)")
    app.raw_descriptor = b"none"
    assert fails(host, app.descriptor_url) == f"{app.descriptor_url}: is not JSON"
    app.raw_descriptor = b'{"key": 1}'
    told = fails(host, app.descriptor_url)
    assert "Expected `str`, got `int` - at `$.key`; `headway descriptor check` names 3 more" in told
    app.raw_descriptor = json.dumps({**app.descriptor, "key": 1}).encode()
    assert fails(host, app.descriptor_url).endswith("got `int` - at `$.key`")
    app.raw_descriptor = b"[" + b"0," * 300_000
    assert "answered more than 524288 bytes" in fails(host, app.descriptor_url)
    assert app.callbacks() == []


@pytest.mark.parametrize(
    "broken", [b'"\\ud800"', b'"\xff"', b"1e999", b"9" * 5000, b"[" * 100_000], ids=len
)
def test_what_this_site_ignores_must_be_json_too(
    host: SmallHost, app: SmallApp, broken: bytes
) -> None:
    text = json.dumps(app.descriptor).encode()
    app.raw_descriptor = text.replace(b'{"unknown"', b'{"x": ' + broken + b', "unknown"')
    assert broken in app.raw_descriptor
    assert ": is not JSON" in fails(host, app.descriptor_url)
    assert app.callbacks() == []


def test_a_descriptor_without_end_is_read_to_its_bound(host: SmallHost) -> None:
    """It says that it has 1 GiB, and begins to send them."""
    sent = 0
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pour() -> None:
            nonlocal sent
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n[")
                while sent < 1_073_741_824:
                    sent += connection.send(b" " * 65_536)

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/d.json"
        assert fails(host, url) == f"{url}: 127.0.0.1:{url[17:-7]} answered more than 524288 bytes"
        thread.join(10)
    assert sent < 50_000_000
    assert host.apps.all() == []


@pytest.mark.parametrize("trickle", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_a_descriptor_that_never_comes(trickle: bytes) -> None:
    host, leave = SmallHost(callback_seconds=0.3), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def stall() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(trickle)
                leave.wait(10)

        thread = threading.Thread(target=stall, daemon=True)
        thread.start()
        began = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/d.json"
        assert "within 0.3 seconds" in fails(host, url)
        assert time.monotonic() - began < 3
        leave.set()
        thread.join(10)
    assert host.apps.all() == []


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


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.0.0.1", "private addresses need an option"),
        ("192.168.0.1", "private addresses need an option"),
        ("[fc00::1]", "private addresses need an option"),
        ("[::ffff:10.0.0.1]", "private addresses need an option"),
        ("169.254.169.254", "no app lives there"),
        ("[fe80::1]", "no app lives there"),
        ("0.0.0.0", "no app lives there"),
        ("192.0.2.8", "private addresses need an option"),
        ("8.8.8.8", "secrets go over http on this machine only"),
    ],
)
def test_a_private_address_is_not_asked(host: SmallHost, address: str, says: str) -> None:
    assert says in fails(host, f"http://{address}/d.json")
    assert host.apps.all() == []


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
    pem = host.keys.public_pem(host.keys.current.kid) or b""
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


def test_a_repeated_installation_may_keep_the_secret(app: SmallApp) -> None:
    host = SmallHost(upgrade_keeps_secret=True)
    install(host, app)
    first = host.apps.secret("my-app")
    install(host, app)
    assert app.last("/installed").json["sharedSecret"].encode() == first.reveal()
    asyncio.run(host.installer.rotate_secret("my-app"))
    assert host.apps.secret("my-app") != first


# ---- upgrades, secrets, imports -------------------------------------------------------------


def test_an_upgrade_is_for_what_is_new(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    assert asyncio.run(host.installer.upgrade("my-app")) == first
    app.raw_descriptor = json.dumps(app.descriptor, indent=4, sort_keys=True).encode()
    assert asyncio.run(host.installer.upgrade("my-app")) == first  # only written differently
    assert app.callbacks() == ["installed", "enabled"]
    app.raw_descriptor = None
    app.descriptor["version"] = "2"  # a member that this site does not use
    upgraded = asyncio.run(host.installer.upgrade("my-app"))
    assert app.callbacks() == ["installed", "enabled"] * 2
    assert (upgraded.revision, first.revision) == (2, 1)
    assert upgraded.account_id == first.account_id
    assert host.apps.get("my-app") == upgraded


def test_an_upgrade_that_fails_changes_nothing(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    secret = host.apps.secret("my-app")

    def upgrade() -> str:
        with pytest.raises(InstallFailed) as caught:
            asyncio.run(host.installer.upgrade("my-app"))
        return str(caught.value)

    app.descriptor["name"] = "Newer"
    app.status["installed"] = 500
    assert DECLINED.format(500) in upgrade()
    app.descriptor["key"] = "another-app"
    assert upgrade() == "my-app: its descriptor is now that of another-app"
    app.descriptor_status = 404
    assert "answered 404" in upgrade()
    assert host.apps.all() == [first]
    assert host.apps.secret("my-app") == secret


def test_a_new_secret_and_nothing_else(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    old = host.apps.secret("my-app")
    app.descriptor["name"] = "Newer"  # not read
    rotated = asyncio.run(host.installer.rotate_secret("my-app"))
    assert app.callbacks() == ["installed", "enabled", "installed"]
    assert Secret(app.last("/installed").json["sharedSecret"]) == host.apps.secret("my-app") != old
    assert (rotated.name, rotated.source) == (first.name, app.descriptor_url)
    new = host.apps.secret("my-app")
    app.status["installed"] = 401
    with pytest.raises(InstallFailed, match="HTTP response code 401"):
        asyncio.run(host.installer.rotate_secret("my-app"))
    assert host.apps.secret("my-app") == new


def test_after_an_import_the_site_is_another_one(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    assert asyncio.run(host.installer.import_site()) == {}
    told = app.last("/installed").json
    (imported,) = host.apps.all()
    assert told["clientKey"] == imported.client_key == host.apps.client_key != first.client_key
    assert Secret(told["sharedSecret"]) == host.apps.secret("my-app")
    pem = host.keys.public_pem(host.keys.current.kid) or b""
    claims = oracle.verified_claims(app.last("/installed").token, "RS256", pem)
    assert claims["iss"] == told["clientKey"]
    assert app.callbacks() == ["installed", "enabled", "installed"]


def test_who_declines_an_import_goes_on_with_the_old_site(host: SmallHost, app: SmallApp) -> None:
    first = install(host, app)
    old = host.apps.secret("my-app")
    with running(key="other") as other:
        install(host, other)
        app.status["installed"] = 500
        reasons = asyncio.run(host.installer.import_site())
    assert list(reasons) == ["my-app"]
    assert DECLINED.format(500) in reasons["my-app"]
    assert host.apps.get("my-app") == first
    assert host.apps.secret("my-app") == old
    moved = host.apps.get("other")
    assert moved is not None
    assert moved.client_key == host.apps.client_key != first.client_key
    app.status.clear()
    assert install(host, app).client_key == host.apps.client_key


# ---- disabled, paid for ---------------------------------------------------------------------


def test_an_app_is_disabled_and_enabled(host: SmallHost, app: SmallApp) -> None:
    install(host, app)
    need = NeedKey(issuer="my-app", symmetric=True)
    known: dict[str, bool] = {}
    app.meanwhile = lambda name: known.setdefault(name, host.apps.find(need) is not None)
    assert not asyncio.run(host.installer.disable("my-app")).enabled
    assert host.apps.find(need) is None
    asyncio.run(host.installer.rotate_secret("my-app"))
    install(host, app)
    assert app.callbacks() == ["installed", "enabled", "disabled", "installed", "installed"]
    assert asyncio.run(host.installer.enable("my-app")).enabled
    assert app.callbacks()[5:] == ["enabled"]
    assert known == {"disabled": True, "installed": False, "enabled": True}


def test_a_disabled_app_is_uninstalled_without_another_word(host: SmallHost, app: SmallApp) -> None:
    install(host, app)
    asyncio.run(host.installer.disable("my-app"))
    asyncio.run(host.installer.uninstall("my-app"))
    assert app.callbacks() == ["installed", "enabled", "disabled", "uninstalled"]


def test_a_licence_is_in_what_the_app_is_told_next(host: SmallHost, app: SmallApp) -> None:
    install(host, app)
    paid = asyncio.run(host.installer.license("my-app", Licence.ACTIVE))
    assert app.callbacks() == ["installed", "enabled"]
    asyncio.run(host.installer.rotate_secret("my-app"))
    assert app.last("/installed").json["entitlementId"] == paid.entitlement_id


@pytest.mark.parametrize(
    "verb", ["upgrade", "rotate_secret", "enable", "disable", "uninstall", "license"]
)
def test_what_is_not_installed(host: SmallHost, verb: str) -> None:
    more = (Licence.NONE,) if verb == "license" else ()
    with pytest.raises(InstallFailed, match=r"^my-app: is not installed$"):
        asyncio.run(getattr(host.installer, verb)("my-app", *more))


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
    pem = host.keys.public_pem(host.keys.current.kid) or b""
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
            pem = host.keys.public_pem(host.keys.current.kid) or b""
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
