"""The installed apps: what is kept, how it is kept, and who is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.keys import RsaPublicKey
from headway.model import Secret
from headway.ports import NeedKey
from host.small_app import SmallHost

SECRET = "the shared secret of one app, to be found nowhere"


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_an_app_is_known_by_its_key() -> None:
    host = SmallHost()
    app, secret = host.add(key="my-app")
    found = host.apps.find(NeedKey(issuer="my-app", symmetric=True))
    assert found is not None
    assert found.keys == (secret,)
    assert found.installation is not None
    assert found.installation.client_key == app.client_key == host.apps.client_key
    assert host.apps.find(NeedKey(issuer=app.client_key, symmetric=True)) is None
    assert host.apps.find(NeedKey(issuer="MY-APP", symmetric=True)) is None


def test_modules_are_found_by_key() -> None:
    app, _ = SmallHost().add()
    panel = app.module("panel")
    assert panel is not None
    assert panel.name == "Panel"
    assert app.module("none") is None
    assert (app.name, app.base_url) == ("My app", "http://127.0.0.1:7000")
    assert app.scopes == {"READ", "WRITE"}


def test_apps_are_listed_and_forgotten() -> None:
    host = SmallHost()
    for key in ("b", "a"):
        host.add(key=key)
    assert [app.key for app in host.apps.all()] == ["a", "b"]
    host.apps.remove("a")
    host.apps.remove("never there")
    assert [app.key for app in host.apps.all()] == ["b"]
    assert host.apps.get("a") is None
    with pytest.raises(KeyError):
        host.apps.secret("a")


def test_a_second_installation_keeps_the_account_and_changes_the_secret() -> None:
    host = SmallHost()
    first, old = host.add()
    second, new = host.add(name="New name")
    assert first.account_id == second.account_id
    assert old != new
    assert host.apps.secret("my-app") == new
    assert [app.name for app in host.apps.all()] == ["New name"]


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = SmallHost(data)
    app, secret = host.add()
    kid, key = host.apps.site_key
    public = key.public_pem()
    host.database.close()
    again = SmallHost(data)
    assert again.apps.all() == [app]
    assert again.apps.secret("my-app") == secret
    assert again.apps.client_key == app.client_key
    assert again.apps.public_pem(kid) == public
    assert again.apps.site_key.private.public_pem() == public
    again.apps.remove("my-app")
    again.database.close()
    third = SmallHost(data)
    assert third.apps.all() == []
    third.database.close()


def test_nothing_on_the_disk_holds_a_secret(tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = SmallHost(data)
    app, _ = host.add()
    host.apps.save(app, Secret(SECRET))
    pem = host.apps.site_key.private.to_pem()
    for moment in ("open", "closed"):
        found = everything_in(data)
        assert app.client_key.encode() in found, moment
        assert SECRET.encode() not in found, moment
        assert b"PRIVATE KEY" not in found, moment
        assert pem.splitlines()[3] not in found, moment
        if moment == "open":
            host.database.close()
    assert all(path.stat().st_mode & 0o077 == 0 for path in data.rglob("*"))


def test_the_sites_key() -> None:
    apps = SmallHost().apps
    kid, private = apps.site_key
    assert apps.site_key.kid == kid
    pem = apps.public_pem(kid)
    assert pem is not None
    assert RsaPublicKey.from_pem(pem).verifies(private.sign(b"message"), b"message")
    assert apps.public_pem("another") is None


def test_two_sites_differ() -> None:
    first, second = SmallHost().apps, SmallHost().apps
    assert first.client_key != second.client_key
    assert first.site_key.kid != second.site_key.kid
