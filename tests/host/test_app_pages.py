"""The pages that hold apps: what stands on them, for whom, and what is escaped."""

from __future__ import annotations

import re
from typing import Any

import pytest

from host.person import Person
from host.placed import APP, install, module

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def person() -> Person:
    return Person()


def test_an_apps_page_is_about_what_its_address_names(person: Person) -> None:
    install(person.site.jira, {"generalPages": [module("page")]})
    person.log_in("user")
    text = person.get("/plugins/servlet/ac/my-app/page?project.key=DEMO&ac.x=1&evil=2").text
    assert "&#34;project.key&#34;: &#34;DEMO&#34;" in text
    assert "&#34;ac.x&#34;: &#34;1&#34;" in text
    assert "evil" not in text
    assert person.get("/plugins/servlet/ac/my-app/page?project.key=NONE").status_code == 404
    assert person.get("/plugins/servlet/ac/my-app/none").status_code == 404


def test_an_apps_page_has_its_product(person: Person) -> None:
    install(person.site.confluence, {"generalPages": [module("page")]})
    person.log_in("user")
    assert person.get("/plugins/servlet/ac/my-app/page").status_code == 404
    text = person.get("/wiki/plugins/servlet/ac/my-app/page").text
    assert 'data-product="confluence"' in text


def test_a_page_is_for_those_for_whom_its_conditions_hold(person: Person) -> None:
    conditions = [{"condition": "user_is_admin"}]
    install(person.site.jira, {"generalPages": [module("page", conditions=conditions)]})
    path = "/plugins/servlet/ac/my-app/page"
    assert person.get(path).status_code == 303
    person.log_in("user")
    assert person.get(path).status_code == 404
    person.log_in("admin")
    assert person.get(path).status_code == 200


def test_what_is_no_page_has_none(person: Person) -> None:
    install(person.site.jira, {"dialogs": [{"key": "d", "url": "/d"}]})
    person.log_in()
    assert person.get("/plugins/servlet/ac/my-app/d").status_code == 404


def test_the_dashboard_numbers_its_items(person: Person) -> None:
    item = module("item", description={"value": "D"}, thumbnailUrl="/t.png", configurable=True)
    install(person.site.jira, {"jiraDashboardItems": [item]})
    assert person.get("/dashboard").status_code == 303
    person.log_in("user")
    text = person.get("/dashboard").text
    numbers = re.findall(r"dashboardItem.id&#34;: &#34;(\d{5,6})&#34;", text)
    assert len(numbers) == 1
    assert "Configure" in text
    assert person.get("/dashboard").text.count(numbers[0]) == 1


def test_administration_has_the_pages_of_both_products(person: Person) -> None:
    install(person.site.jira, {"adminPages": [module("one")]})
    install(person.site.confluence, {"adminPages": [module("two")]}, "other-app")
    person.log_in("user")
    assert person.get("/admin").status_code == 403
    person.log_in("admin")
    text = person.get("/admin").text
    assert 'href="/plugins/servlet/ac/my-app/one"' in text
    assert 'href="/wiki/plugins/servlet/ac/other-app/two"' in text


def test_script_in_a_descriptor_is_text(person: Person) -> None:
    evil: dict[str, Any] = {"name": {"value": EVIL}, "tooltip": {"value": EVIL}}
    bar = "system.top.navigation.bar"
    modules = {
        "generalPages": [module("page", **evil)],
        "webItems": [
            module("a", location=bar, **evil),
            module("b", location=bar, target={"type": "dialog"}, **evil),
            module("c", location=f'{bar}"onload="x', **evil),
        ],
        "webPanels": [module("d", location="atl.jira.view.issue.right.context", **evil)],
        "adminPages": [module("e", **evil)],
        "jiraProjectPages": [module("f", **evil)],
        "jiraIssueGlances": [
            {
                **module("g", **evil),
                "icon": {"url": '/"onerror="x.svg'.replace('"', "%22")},
                "content": {"type": "label", "label": {"value": EVIL}},
                "target": {"type": "web_panel", "url": "/g"},
            }
        ],
    }
    install(person.site.jira, modules)
    person.log_in()
    for path in (
        "/",
        "/browse/DEMO-1",
        "/projects/DEMO",
        "/admin",
        "/apps",
        "/dashboard",
        "/plugins/servlet/ac/my-app/page",
    ):
        answer = person.get(path)
        assert answer.status_code == 200, path
        assert "alert(1)" in answer.text
        assert EVIL not in answer.text
        assert '"onload="' not in answer.text
        assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_a_page_loads_icons_of_its_apps_and_no_others(person: Person) -> None:
    install(person.site.jira, {"jiraProjectPages": [module("p", iconUrl="/i.svg")]})
    person.log_in()
    answer = person.get("/projects/DEMO")
    assert f'src="{APP}/i.svg"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert f"img-src 'self' http://127.0.0.1:2991 {APP};" in policy


def test_a_stranger_sees_the_pages_that_are_for_everybody(person: Person) -> None:
    """What has to do with a private project, or is for users, asks them to log in first."""
    page = module("open", url="/open?p={project.key}")
    closed = {**module("closed"), "conditions": [{"condition": "user_is_logged_in"}]}
    install(person.site.jira, {"generalPages": [page, closed]})
    path = "/plugins/servlet/ac/my-app"
    home = person.get("/").text
    assert f'href="{path}/open"' in home
    assert f'href="{path}/closed"' not in home
    assert 'data-module-key="open"' in person.get(f"{path}/open?project.key=PUB").text
    for private in (f"{path}/open?project.key=DEMO", f"{path}/closed"):
        answer = person.get(private)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=")
    assert person.get(f"{path}/none").status_code == 404
