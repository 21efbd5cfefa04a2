"""The page of installed apps: every button with a real app behind it, and for whom they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from headway.host.apps import Licence
from headway.host.install import ACTIONS
from headway.host.settings import Settings
from headway.host.site import Site
from host.person import Person
from host.small_app import SmallApp, running

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person()
    person.log_in()
    yield person
    asyncio.run(person.site.close())


@pytest.fixture
def app() -> Iterator[SmallApp]:
    with running() as app:
        yield app


def installed(person: Person, app: SmallApp, product: str = "jira") -> None:
    answer = person.post("/apps", url=f" {app.descriptor_url} ", product=product)
    assert (answer.status_code, answer.headers["location"]) == (303, "/apps")


@pytest.mark.parametrize(("product", "number"), [("jira", 0), ("confluence", 1)])
def test_an_app_goes_into_the_chosen_product(
    person: Person, app: SmallApp, product: str, number: int
) -> None:
    installed(person, app, product)
    here, there = person.site.tenants[number], person.site.tenants[1 - number]
    assert [a.key for a in here.apps.all()] == ["my-app"]
    assert there.apps.all() == []
    assert app.last("/installed").json["productType"] == product
    text = person.get("/apps").text
    assert f'action="/apps/{product}/my-app/uninstall"' in text
    assert here.apps.client_key in text
    assert person.site.keys.current.kid in text
    assert "signed with" in text


def test_without_a_product_it_is_jira(person: Person, app: SmallApp) -> None:
    assert person.post("/apps", url=app.descriptor_url).status_code == 303
    assert person.site.jira.apps.get("my-app") is not None


def test_an_install_that_fails_says_why_and_keeps_what_was_typed(
    person: Person, app: SmallApp
) -> None:
    app.raw_descriptor = b'{"key": 1}'
    answer = person.post("/apps", url=app.descriptor_url, product="confluence")
    assert answer.status_code == 400
    assert app.descriptor_url in answer.text
    assert "$.key" in answer.text
    assert '<option value="confluence" selected>' in answer.text
    answer = person.post("/apps", url=EVIL)
    assert answer.status_code == 400
    assert EVIL not in answer.text


def test_each_button_does_what_it_says(person: Person, app: SmallApp) -> None:
    installed(person, app)
    apps = person.site.jira.apps

    def press(action: str, **fields: str) -> None:
        answer = person.post(f"/apps/jira/my-app/{action}", **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/apps"), action

    secret = apps.secret("my-app")
    press("upgrade")
    assert app.callbacks() == ["installed", "enabled"]
    app.descriptor["name"] = EVIL
    press("upgrade")
    assert apps.all()[0].revision == 2
    text = person.get("/apps").text
    assert EVIL not in text
    assert "revision 2" in text
    press("rotate-secret")
    assert apps.secret("my-app") != secret
    press("licence", licence="active")
    assert apps.all()[0].licence is Licence.ACTIVE
    assert '<option value="active" selected>' in person.get("/apps").text
    press("disable")
    assert not apps.all()[0].enabled
    text = person.get("/apps").text
    assert "/my-app/enable" in text
    assert "/my-app/disable" not in text
    press("enable")
    assert apps.all()[0].enabled
    press("uninstall")
    assert apps.all() == []
    assert app.callbacks()[-3:] == ["enabled", "disabled", "uninstalled"]


@pytest.mark.parametrize("action", ["upgrade", "rotate-secret"])
def test_an_app_that_declines_is_named(person: Person, app: SmallApp, action: str) -> None:
    installed(person, app)
    app.descriptor["name"], app.status["installed"] = "Newer", 500
    answer = person.post(f"/apps/jira/my-app/{action}")
    assert answer.status_code == 400
    assert "my-app: The app host returned HTTP response code 500" in answer.text


def test_an_import_gives_another_name_and_says_who_did_not_hear(
    person: Person, app: SmallApp
) -> None:
    installed(person, app)
    apps = person.site.jira.apps
    before = apps.client_key
    assert person.post("/apps/jira/import").status_code == 303
    after = apps.client_key
    assert app.last("/installed").json["clientKey"] == after != before
    app.status["installed"] = 503
    answer = person.post("/apps/jira/import")
    assert answer.status_code == 400
    assert "HTTP response code 503" in answer.text
    assert "has not heard of the import" in answer.text
    assert apps.all()[0].client_key == after


def test_the_key_is_rotated(person: Person) -> None:
    kid = person.site.keys.current.kid
    assert person.post("/apps/keys/rotate").status_code == 303
    assert person.site.keys.current.kid != kid
    assert person.get(f"/install-keys/{kid}").status_code == 200


def test_what_is_not_there(person: Person, app: SmallApp) -> None:
    installed(person, app)
    for path in ("jira/none/upgrade", "none/my-app/upgrade", "jira/my-app/explode", "none/import"):
        assert person.post(f"/apps/{path}").status_code == 404, path
    assert person.post("/apps", url=app.descriptor_url, product="none").status_code == 404
    assert person.post("/apps/jira/my-app/licence", licence="forged").status_code == 400
    assert person.post("/apps/jira/my-app/licence").status_code == 400
    assert person.site.jira.apps.all()[0].licence is Licence.NONE


FORMS = [
    "/apps",
    "/apps/keys/rotate",
    "/apps/jira/import",
    "/apps/jira/my-app/licence",
    *(f"/apps/jira/my-app/{action}" for action in ACTIONS),
]


@pytest.mark.parametrize("path", FORMS)
def test_only_an_administrator_with_the_pages_token(
    person: Person, app: SmallApp, path: str
) -> None:
    installed(person, app)
    site, before = person.site, state(person.site)
    fields = {"url": app.descriptor_url, "licence": "active"}
    csrf, cookie = person.csrf, person.cookie
    person.csrf = "another"
    assert person.post(path, **fields).status_code == 403
    person.csrf = csrf
    foreign = person.ask("POST", path, data={**fields, "csrf": csrf}, headers={"Origin": "null"})
    assert foreign.status_code == 403
    through = {"AP-Client-Key": "my-app"}
    assert (
        person.ask("POST", path, data={**fields, "csrf": csrf}, headers=through).status_code == 403
    )
    person.log_in("user")
    assert person.post(path, **fields).status_code == 403
    person.cookie = ""
    assert person.post(path, **fields).status_code == 401
    assert state(site) == before
    assert cookie


def state(site: Site) -> tuple[object, ...]:
    apps = site.jira.apps
    return apps.all(), apps.client_key, site.keys.current.kid, apps.secret("my-app").reveal()


def test_every_form_carries_the_pages_token(person: Person, app: SmallApp) -> None:
    installed(person, app)
    text = person.get("/apps").text
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.DOTALL)
    assert len(forms) > 9
    assert all(f'value="{person.csrf}"' in form for form in forms)


def test_legacy_installs_are_said_loudly() -> None:
    person = Person(Site(Settings(unsigned_installs=True)))
    person.log_in()
    assert "This site installs without tokens" in person.get("/apps").text
    asyncio.run(person.site.close())
