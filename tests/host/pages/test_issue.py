"""The page of an issue: who sees it, what changes it, what is escaped."""

from __future__ import annotations

import re

import pytest

from headway.host.documents.nodes import DOCUMENT, paragraph, text
from headway.host.world import Issue
from host.person import Person
from host.placed import install, module

EVIL = "<script>alert(1)</script>"


def issue(person: Person, key: str = "DEMO-1") -> Issue:
    found = person.site.world.tracker.issue(key)
    assert found is not None
    return found


def account(person: Person, name: str = "user") -> str:
    found = person.site.world.people.user(name)
    assert found is not None
    return found.account_id


def test_what_is_not_public_asks_to_log_in_whether_it_exists_or_not(person: Person) -> None:
    assert person.get("/browse/PUB-1").status_code == 200
    for key in ("DEMO-1", "DEMO-999", "PUB-999"):
        answer = person.get(f"/browse/{key}?a=b&jwt=eyJ.eyJ.sig")
        location = f"/login?next=%2Fbrowse%2F{key}%3Fa%3Db"
        assert (answer.status_code, answer.headers["location"]) == (303, location)


def test_what_is_not_there(person: Person) -> None:
    person.log_in()
    assert person.get("/browse/DEMO-999").status_code == 404
    assert person.post("/browse/DEMO-999/edit", summary="x").status_code == 404


def test_what_people_write_is_text(person: Person) -> None:
    person.log_in("user")
    tracker, me = person.site.world.tracker, account(person)
    fields = {"summary": EVIL, "description": EVIL, "labels": [EVIL, 'a"b\\c']}
    tracker.edit_issue(issue(person).id, author=me, **fields)
    tracker.add_comment(issue(person).id, me, EVIL)
    person.site.world.worklogs.add(issue(person).id, me, 60, comment=EVIL)
    person.site.world.files.add_attachment(
        "issue", issue(person).id, EVIL.replace("/", "_"), EVIL, b"x", me
    )
    person.site.world.people.rename(me, EVIL)
    text = person.get("/browse/DEMO-1").text
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") > 6
    assert "jql=labels+%3D+%22a%5C%22b%5C%5Cc%22" in text


def test_an_edit_is_told(person: Person) -> None:
    told: list[tuple[str, str]] = []
    person.site.world.listeners.append(
        lambda change: told.append((change.event, change.author or ""))
    )
    person.log_in("user")
    form = {"summary": "New", "description": "two\r\nlines", "assignee": ""}
    assert person.post("/browse/DEMO-1/edit", **form).status_code == 303
    assert told == [("jira:issue_updated", account(person))]
    found = issue(person)
    assert (found.summary, found.description, found.assignee) == ("New", "two\nlines", None)
    person.post("/browse/DEMO-1/edit", **form)
    assert len(told) == 1, "nothing changed, so nobody is told"


def test_an_empty_summary_comes_back_with_what_was_written(person: Person) -> None:
    person.log_in("user")
    answer = person.post("/browse/DEMO-1/edit", summary=" ", description="kept text")
    assert answer.status_code == 400
    assert "kept text" in answer.text
    assert 'aria-describedby="error-edit"' in answer.text


def test_an_issue_moves_on(person: Person) -> None:
    person.log_in("user")
    text = person.get("/browse/DEMO-1").text
    assert re.findall(r'name="transition" value="(\d+)"', text) == ["11", "31"]
    assert person.post("/browse/DEMO-1/transition", transition="31").status_code == 303
    assert (issue(person).status, issue(person).resolution) == ("Done", "Done")
    again = person.post("/browse/DEMO-1/transition", transition="31")
    assert again.status_code == 409
    assert "is Done by now" in again.text


def test_an_issue_is_taken_on_and_put_down(person: Person) -> None:
    person.log_in("admin")
    assert "Assign to me" in person.get("/browse/DEMO-1").text
    assert person.post("/browse/DEMO-1/assign", to="me").status_code == 303
    assert issue(person).assignee == account(person, "admin")
    assert "Assign to me" not in person.get("/browse/DEMO-1").text
    person.post("/browse/DEMO-1/assign", to="nobody")
    assert issue(person).assignee is None


def test_an_issue_is_watched(person: Person) -> None:
    person.log_in("user")
    person.post("/browse/DEMO-1/watch", watch="yes")
    assert person.site.world.links.watchers(issue(person).id) == [account(person)]
    assert "Stop watching" in person.get("/browse/DEMO-1").text
    person.post("/browse/DEMO-1/watch", watch="no")
    assert person.site.world.links.watchers(issue(person).id) == []


def test_an_issue_is_deleted_by_whoever_may(person: Person) -> None:
    person.log_in("user")
    assert "/delete" not in person.get("/browse/DEMO-1").text.partition("Attachments")[0]
    assert person.post("/browse/DEMO-1/delete").status_code == 403
    person.log_in("admin")
    assert person.post("/browse/DEMO-1/delete").status_code == 303
    assert person.site.world.tracker.issue("DEMO-1") is None


def test_a_project_administrator_may_more_than_a_user(person: Person) -> None:
    project = person.site.world.tracker.project("DEMO")
    assert project is not None
    person.site.world.roles.set(project.id, 10002, "user", account(person))
    person.log_in("user")
    assert person.post("/browse/DEMO-1/delete").status_code == 303


def test_a_user_without_a_role_sees_nothing(person: Person) -> None:
    person.site.world.people.set_member("jira-software-users", account(person), False)
    person.log_in("user")
    assert person.get("/browse/DEMO-1").status_code == 404
    assert person.post("/browse/DEMO-1/watch", watch="yes").status_code == 404
    text = person.get("/browse/PUB-1").text
    assert "Save" not in text
    assert person.post("/browse/PUB-1/edit", summary="x").status_code == 403


def test_whoever_can_not_be_assigned_can_not_take_it_on(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.log_in("user")
    rights = person.site.rights
    theirs = frozenset({"BROWSE_PROJECTS", "ASSIGN_ISSUES"})
    monkeypatch.setattr(rights, "in_project", lambda *_: theirs)
    assert person.post("/browse/DEMO-1/assign", to="me").status_code == 403


def test_everything_around_an_issue_is_shown(person: Person) -> None:
    world, me = person.site.world, account(person)
    project = world.tracker.project("DEMO")
    assert project is not None
    component = world.components.add_component(project.id, "Kitchen")
    version = world.components.add_version(project.id, "1.0")
    below = world.tracker.add_issue(
        "DEMO", "Part", issue_type="Sub-task", parent_id=issue(person).id
    )
    world.tracker.edit_issue(
        issue(person).id,
        author=me,
        components=[component.id],
        fix_versions=[version.id],
        due_date="2022-02-01",
        remaining_estimate=3600,
        reporter=me,
    )
    world.worklogs.add(issue(person).id, me, 5400)
    world.links.add("Blocks", issue(person).id, issue(person, "PUB-1").id)
    world.links.add("Blocks", issue(person, "DEMO-2").id, issue(person).id)
    person.log_in("user")
    text = person.get("/browse/DEMO-1").text
    for part in ("Kitchen", "1.0", "2022-02-01", "1h 30m", below.key, "blocks", "is blocked by"):
        assert part in text
    assert "changed <strong>duedate</strong>" in text
    assert ">DEMO-1</a></li><li aria-current" in person.get(f"/browse/{below.key}").text


def test_what_is_for_some_only_is_shown_to_them_only(person: Person) -> None:
    world = person.site.world
    for_admins = {"type": "role", "value": "Administrators"}
    world.tracker.add_comment(
        issue(person).id, account(person, "admin"), "between us", visibility=for_admins
    )
    world.links.add("Relates", issue(person, "PUB-1").id, issue(person).id)
    assert "DEMO-1" not in person.get("/browse/PUB-1").text
    person.log_in("user")
    assert "between us" not in person.get("/browse/DEMO-1").text
    assert "DEMO-1" in person.get("/browse/PUB-1").text
    project = world.tracker.project("DEMO")
    assert project is not None
    world.roles.set(project.id, 10002, "user", account(person))
    text = person.get("/browse/DEMO-1").text
    assert "between us" in text
    assert "only for Administrators" in text


def test_a_picture_is_one_and_other_files_are_none(person: Person) -> None:
    person.log_in("user")
    answer = person.get("/browse/DEMO-3")
    assert '<img src="/secure/thumbnail/' in answer.text
    assert "img-src 'self' http://127.0.0.1:2991" in answer.headers["content-security-policy"]
    assert "/secure/thumbnail/" not in person.get("/browse/DEMO-2").text
    assert "issueAttachments/DEMO-2.zip" in person.get("/browse/DEMO-2").text


def test_panels_are_places_for_the_bridge(person: Person) -> None:
    """For strangers, too, where the project is public and the conditions hold for them."""
    panel = module("panel", location="atl.jira.view.issue.right.context")
    known = {**panel, "key": "known", "conditions": [{"condition": "user_is_logged_in"}]}
    install(person.site.jira, {"webPanels": [panel, known]})
    stranger = person.get("/browse/PUB-1").text
    assert 'data-module-key="panel"' in stranger
    assert 'data-module-key="known"' not in stranger
    assert "bridge/main.js" in stranger
    assert person.get("/browse/DEMO-1").status_code == 303
    login = person.get("/login")
    assert "frame-src 'none'" in login.headers["content-security-policy"]
    person.log_in()
    assert 'data-module-key="known"' in person.get("/browse/DEMO-1").text
    answer = person.get("/browse/DEMO-1")
    assert 'data-app-key="my-app"' in answer.text
    assert "frame-src http://127.0.0.1:9999" in answer.headers["content-security-policy"]
    assert "eyJ" not in answer.text


def test_a_description_with_marks_keeps_them(person: Person) -> None:
    """It came as a document by the API; the page changes its words and loses nothing."""
    table = {"type": "table", "content": [{"type": "tableRow", "content": []}]}
    bold = text("bold", [{"type": "strong"}])
    document = DOCUMENT([paragraph([text("a "), bold]), table])
    tracker = person.site.world.tracker
    found = tracker.issue("DEMO-1")
    assert found is not None
    tracker.edit_issue(found.id, description="a bold", description_document=document)
    person.log_in("user")
    page = person.get("/browse/DEMO-1").text
    assert "<p>a <strong>bold</strong></p><table>" in page
    assert "a **bold**\n\n{{table 1}}</textarea>" in page
    path = "/browse/DEMO-1/edit"
    # (1) another field: the description is as it was
    person.post(path, summary="New", description="a **bold**\r\n\r\n{{table 1}}")
    found = tracker.issue("DEMO-1")
    assert found is not None
    assert (found.summary, found.description_document) == ("New", document)
    # (2) its words
    person.post(path, description="a *b* **bold**\r\n\r\n{{table 1}}")
    found = tracker.issue("DEMO-1")
    assert found is not None
    assert found.description == "a b bold"
    assert found.description_document is not None
    assert found.description_document["content"][1] == table
    # (3) what would be lost is not, unless it is meant
    answer = person.post(path, description="gone")
    assert (answer.status_code, "would be lost" in answer.text) == (400, True)
    assert person.post(path, description="gone", description_seal="another").status_code == 409
    assert person.post(path, description="gone", description_drop="yes").status_code == 303
