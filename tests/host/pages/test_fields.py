"""The fields of a form: what is offered, what is read, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from asking import request

from headway.host.gate import Actor
from headway.host.pages.fields import PEOPLE_MAX, choices, known_people, read_fields
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.visit import Visit
from headway.host.world import Issue, Project, User


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(Settings())


def user(site: Site, name: str = "user") -> User:
    found = site.world.people.user(name)
    assert found is not None
    return found


def demo(site: Site) -> Project:
    found = site.world.tracker.project("DEMO")
    assert found is not None
    return found


def first(site: Site) -> Issue:
    found = site.world.tracker.issue("DEMO-1")
    assert found is not None
    return found


def read(site: Site, issue: Issue | None = None, **form: str) -> dict[str, Any]:
    actor = Actor(kind="user", account_id=user(site).account_id)
    visit = Visit(site, request("POST", "/create"), actor, form=form)
    return read_fields(visit, demo(site), issue)


def test_who_is_active_and_works_in_the_project_can_be_assigned(site: Site) -> None:
    gone = user(site, "gone")
    offered = [one.name for one in choices(site, demo(site)).people]
    assert offered == ["admin", "project-admin", "space-admin", "user"]
    with pytest.raises(ValueError, match="can not be assigned"):
        read(site, assignee=gone.account_id)


def test_a_subtask_stays_one(site: Site) -> None:
    below = site.world.tracker.add_issue(
        "DEMO", "Part", issue_type="Sub-task", parent_id=first(site).id
    )
    assert choices(site, demo(site), below).types == ["Sub-task"]
    assert "Sub-task" not in choices(site, demo(site), first(site)).types
    with pytest.raises(ValueError, match="none of Sub-task"):
        read(site, below, issue_type="Bug")


def test_only_what_differs_is_a_change(site: Site) -> None:
    issue = first(site)
    same = {"summary": issue.summary, "description": issue.description.replace("\n", "\r\n")}
    assert read(site, issue, **same, priority="Medium", labels="", due_date="") == {}
    assert read(site, issue, priority="Low", assignee="") == {"priority": "Low", "assignee": None}


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"priority": "Urgent"}, "'Urgent' is none of Highest"),
        ({"issue_type": "x" * 999}, "is none of Task"),
        ({"due_date": "tomorrow"}, "written as 2022-02-01"),
        ({"labels": "x" * 256}, "At most 50 labels"),
        ({"labels": " ".join(map(str, range(51)))}, "At most 50 labels"),
        ({"assignee": "nobody-known"}, "can not be assigned"),
    ],
)
def test_what_is_not_offered_is_refused(site: Site, form: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(site, **form)


def test_a_label_is_there_once(site: Site) -> None:
    assert read(site, labels=" b a\tb ")["labels"] == ["b", "a"]


def test_whoever_may_not_assign_does_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.rights, "may", lambda *_: False)
    with pytest.raises(ValueError, match="may not assign"):
        read(site, assignee=user(site).account_id)


def test_a_form_offers_so_many_people_and_no_more() -> None:
    site = Site(Settings())
    for number in range(PEOPLE_MAX + 5):
        site.world.people.add_user(f"a{number}", f"A {number}", "")
    assert len(choices(site, demo(site)).people) == PEOPLE_MAX


def test_parts_of_the_project_are_named(site: Site) -> None:
    components = site.world.components
    api = components.add_component(demo(site).id, "Named API")
    one = components.add_version(demo(site).id, "1.0 named")
    read_parts = read(site, components="Named API,, Named API", fix_versions=" 1.0 named ")
    assert read_parts == {"components": [api.id], "fix_versions": [one.id]}
    with pytest.raises(
        ValueError, match=r"'none' is none of the project's; there are: .*Named API"
    ):
        read(site, components="none")
    offered = choices(site, demo(site))
    assert offered.components[api.id] == "Named API"
    assert offered.versions[one.id] == "1.0 named"


def test_a_description_with_marks_is_a_document(site: Site) -> None:
    found = read(site, description="**b**")
    assert found["description"] == "b"
    assert found["description_document"]["type"] == "doc"


def test_whom_a_text_may_mention(site: Site) -> None:
    """Everybody who is active; to a stranger nobody is named."""
    visit = Visit(site, request("GET", "/create"), Actor(kind="anonymous"))
    assert known_people(visit) == []
    names = [one.name for one in known_people(visit._replace(user=user(site)))]
    assert {"admin", "user"} <= set(names)
    assert "gone" not in names
