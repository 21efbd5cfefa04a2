"""Visits: who may open a page, how forms are read, what every page carries."""

from __future__ import annotations

import html
import re

import pytest

from headway.descriptor import read_descriptor
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.visit import Who
from headway.model import Secret
from headway.sign import request_token
from host.person import Person
from host.placed import install, visit


@pytest.fixture
def person() -> Person:
    return Person()


def test_rights_are_in_order() -> None:
    assert sorted(Who) == [min(Who), *sorted(Who)[1:-1], max(Who)]
    assert Who.ADMIN is max(Who)


def test_every_page_keeps_to_itself(person: Person) -> None:
    headers = person.get("/").headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_every_page_says_which_date_it_lives_on(person: Person) -> None:
    assert "real date" in person.get("/").text
    person.site.clock.set(1643673600.0)
    text = person.get("/").text
    assert "2022-02-01" in text
    assert "real date" not in text


def test_a_form_that_is_too_large_or_no_form_is_refused(person: Person) -> None:
    person.log_in()
    answer = person.post("/browse/DEMO-1/comment", body="x" * 2_000_000)
    assert answer.status_code in (400, 413)
    answer = person.ask(
        "POST",
        "/browse/DEMO-1/comment",
        content=b"\xff\xfe",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 403, 415)


def test_the_menu_is_what_the_visitor_may_open(person: Person) -> None:
    assert "/inspector" not in person.get("/").text
    person.log_in("admin")
    assert 'href="/inspector"' in person.get("/").text


def test_a_client_is_not_sent_to_log_in(person: Person) -> None:
    answer = person.get("/browse/DEMO-1", headers={"Accept": "application/json"})
    assert answer.status_code in (303, 401)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"name=a", "application/json", 415),
        (b"name=a", "multipart/form-data; boundary=x", 415),
        (b"name=\xff", "application/x-www-form-urlencoded", 400),
        (b"name=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 21), "application/x-www-form-urlencoded", 400),
        (b"name=" + b"a" * 524_288, "application/x-www-form-urlencoded", 413),
    ],
)
def test_forms_are_read_strictly(person: Person, body: bytes, kind: str, status: int) -> None:
    answer = person.ask("POST", "/login", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status


def test_an_apps_token_opens_no_page_but_is_seen(person: Person) -> None:
    descriptor = b"""{"key": "my-app", "baseUrl": "http://127.0.0.1:9999",
        "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"}}"""
    app, secret = person.site.jira.apps.prepare(read_descriptor(descriptor)), Secret("s" * 32)
    person.site.jira.apps.save(app, secret)
    now = person.site.clock.now()
    token = request_token(secret, issuer=app.key, method="GET", raw_path="/browse/DEMO-1", now=now)
    answer = person.get("/browse/DEMO-1", headers={"Authorization": f"JWT {token}"})
    assert answer.status_code == 403
    assert "Pages are for people" in answer.text
    assert [seen.status for seen in person.site.traffic.all()] == [403]


def test_every_page_says_policy_phase_and_disclaimer(person: Person) -> None:
    assert "atlassian-2022: ?jwt= off" in person.get("/").text
    person.site.set_policy("rehearsal")
    person.site.clock.set(1641902400.0)  # 2022-01-11T12:00
    for path in ("/", "/login", "/nowhere"):
        text = html.unescape(person.get(path).text)
        assert "rehearsal: ?jwt= brownout" in text
        assert person.site.policy.disclaimer in text


def test_a_user_who_is_gone_is_nobody(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.log_in()
    monkeypatch.setattr(person.site.world.people, "user", lambda name: None)
    assert person.get("/apps").status_code == 303


def test_a_page_holds_no_script_or_style_of_its_own(person: Person) -> None:
    for path in ("/", "/login", "/browse/PUB-1"):
        text = person.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text


def test_people_have_a_page_for_users_and_apps_have_none() -> None:
    site = Site(Settings())
    user = site.world.people.user("user")
    assert user is not None
    app = install(site.jira, {})
    for name, path in (("user", f"/people/{user.account_id}"), (None, "")):
        person = visit(site, name)[0].people()
        assert person(user.account_id) == ("Uma User", path)
        assert person(app.account_id) == ("My app", "")
        assert person("nobody-known") == ("Former app", "")


def test_a_form_with_files_is_read_for_users_only(person: Person) -> None:
    path, files = "/browse/DEMO-2/attachments", {"file": ("a.txt", b"x" * 2048)}
    assert person.ask("POST", path, files=files).status_code == 401
    person.log_in("user")
    assert person.ask("POST", path, files=files).status_code == 403
    sent = {"csrf": person.csrf}
    assert person.ask("POST", path, data=sent, files=files).status_code == 303
    assert person.ask("POST", path, data=sent).status_code == 400
    text = person.get("/browse/DEMO-2").text
    for size in ("128 bytes", "2.0 KiB", "10.0 MiB"):
        assert size in text


def test_the_menu_says_where_one_is(person: Person) -> None:
    person.log_in("admin")
    for path, current in (
        ("/", "/"),
        ("/browse/DEMO-1", "/"),
        ("/projects/DEMO", "/"),
        ("/apps", "/admin"),
        ("/admin/users", "/admin"),
        ("/inspector", "/inspector"),
        ("/wiki/spaces/DEMO", "/wiki/spaces"),
    ):
        text = person.get(path).text.partition("</nav>")[0]
        assert re.findall(r'href="([^"]+)" aria-current', text) == [current], path
    assert "Post functions" in person.get("/outbox").text
    person.log_in("user")
    assert 'class="hw-tabs"' not in person.get("/").text
