"""The installed apps: what is kept, how it is kept, and who is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.host.apps import Apps, Licence
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
    host.database.close()
    again = SmallHost(data)
    assert again.apps.all() == [app]
    assert again.apps.secret("my-app") == secret
    assert again.apps.client_key == app.client_key
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
    pem = host.keys.current.private.to_pem()
    for moment in ("open", "closed"):
        found = everything_in(data)
        assert app.client_key.encode() in found, moment
        assert SECRET.encode() not in found, moment
        assert b"PRIVATE KEY" not in found, moment
        assert pem.splitlines()[3] not in found, moment
        if moment == "open":
            host.database.close()
    assert all(path.stat().st_mode & 0o077 == 0 for path in data.rglob("*"))


def test_two_sites_differ() -> None:
    first, second = SmallHost().apps, SmallHost().apps
    assert first.client_key != second.client_key


# ---- what the site alone decides ------------------------------------------------------------


def test_a_disabled_app_proves_nothing_and_stays_disabled_when_it_is_installed_again() -> None:
    host = SmallHost()
    host.add()
    need = NeedKey(issuer="my-app", symmetric=True)
    host.apps.change("my-app", enabled=False)
    assert host.apps.find(need) is None
    host.add(name="New name")
    assert host.apps.find(need) is None
    assert host.apps.change("my-app", enabled=True).enabled
    assert host.apps.find(need) is not None


def test_a_licence_brings_an_entitlement_that_stays() -> None:
    host = SmallHost()
    app, secret = host.add()
    assert (app.licence, app.entitlement_id) == (Licence.NONE, "")
    assert host.apps.change("my-app", licence=Licence.NONE).entitlement_id == ""
    paid = host.apps.change("my-app", licence=Licence.ACTIVE)
    expired = host.apps.change("my-app", licence=Licence.EXPIRED)
    assert len(paid.entitlement_id) == 36
    assert expired.entitlement_id == paid.entitlement_id
    assert host.add()[0].licence is Licence.EXPIRED
    assert host.apps.secret("my-app") != secret  # by the second installation
    with pytest.raises(KeyError):
        host.apps.change("none", enabled=True)


def test_what_was_changed_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = SmallHost(data)
    host.add()
    host.apps.change("my-app", enabled=False, licence=Licence.ACTIVE)
    changed = host.apps.get("my-app")
    host.database.close()
    again = SmallHost(data)
    assert again.apps.all() == [changed]
    again.database.close()


def test_new_contents_are_counted() -> None:
    host = SmallHost()
    app, secret = host.add()
    seen, source = [], "http://127.0.0.1:1/"
    for fingerprint in ("a", "a", "b"):
        app = host.apps.prepare(app.descriptor, source=source, fingerprint=fingerprint)
        host.apps.save(app, secret)
        seen.append((app.revision, app.source))
    assert seen == [(2, source), (2, source), (3, source)]


def test_another_name_for_the_site_is_for_apps_to_come(tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = SmallHost(data)
    app, _ = host.add()
    new = host.apps.new_client_key()
    assert host.apps.get("my-app") == app
    assert host.apps.prepare(app.descriptor).client_key == new != app.client_key
    found = host.apps.find(NeedKey(issuer="my-app", symmetric=True))
    assert found is not None
    assert found.installation is not None
    assert found.installation.client_key == app.client_key
    host.database.close()
    again = SmallHost(data)
    assert again.apps.client_key == new
    assert again.apps.all() == [app]
    again.database.close()


def test_who_impersonates_is_found_by_its_client_id() -> None:
    host = SmallHost()
    app, _ = host.add()
    assert host.apps.by_oauth_client_id(app.oauth_client_id) == app
    assert host.add(name="Again")[0].oauth_client_id == app.oauth_client_id
    assert host.apps.by_oauth_client_id("another") is None


def test_a_secret_outlives_its_app_only_where_it_is_asked_to(tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = SmallHost(data)
    _, secret = host.add()
    host.apps.remove("my-app")
    assert host.apps.former_secret("my-app") is None
    app, secret = host.add()
    host.apps.remove("my-app", keep_secret=True)
    host.apps.remove("never there", keep_secret=True)
    host.database.close()
    assert secret.reveal() not in everything_in(data)
    again = SmallHost(data)
    assert again.apps.former_secret("my-app") == secret
    assert again.apps.find(NeedKey(issuer="my-app", symmetric=True)) is None
    again.apps.save(app, Secret(SECRET))
    assert again.apps.former_secret("my-app") is None
    again.database.close()


def test_modules_that_an_app_added_stay_until_it_declares_the_same(tmp_path: Path) -> None:
    host = SmallHost(tmp_path / "data")
    app, _ = host.add()
    added = '{"dialogs": [{"key": "new", "url": "/d"}]}'
    with pytest.raises(ValueError, match=r"at `\$.dialogs`"):
        host.apps.change(app.key, added='{"dialogs": [{"key": "panel", "url": "/d"}]}')
    host.apps.change(app.key, added=added)
    host.database.close()
    again = SmallHost(tmp_path / "data")
    (found,) = again.apps.all()
    assert (found.added, [module.key for module in found.added_modules]) == (added, ["new"])
    assert found.module("new") is not None
    upgraded, _ = again.add(name="New name")
    assert upgraded.module("new") is not None
    declares, _ = again.add(modules={"dialogs": [{"key": "new", "url": "/other"}]})
    assert (declares.added, len(declares.modules)) == ("{}", 1)


def test_an_app_is_found_by_the_account_that_it_acts_as() -> None:
    host = SmallHost()
    app, _ = host.add()
    assert host.apps.by_account(app.account_id) == app
    assert host.apps.by_account("nobody") is None
    again = Apps(host.database, host.clock.now)
    assert again.by_account(app.account_id) == app
    host.apps.remove(app.key)
    assert host.apps.by_account(app.account_id) is None
