"""Comments, work and links: adding, changing, taking away, and whose they are."""

from __future__ import annotations

import pytest

from headway.host.world import Issue
from host.person import Person


def issue(person: Person, key: str = "DEMO-1") -> Issue:
    found = person.site.world.tracker.issue(key)
    assert found is not None
    return found


def bodies(person: Person) -> list[str]:
    return [one.body for one in person.site.world.tracker.comments(issue(person).id)]


def test_a_comment_is_added_changed_and_deleted(person: Person) -> None:
    person.log_in("user")
    answer = person.post("/browse/DEMO-1/comment", body=" Hello\r\nthere ")
    assert answer.headers["location"] == "/browse/DEMO-1#comments"
    comment = person.site.world.tracker.comments(issue(person).id)[-1]
    assert comment.body == "Hello\nthere"
    path = f"/browse/DEMO-1/comment/{comment.id}"
    assert path in person.get("/browse/DEMO-1").text
    assert person.post(path, body="Goodbye").status_code == 303
    assert bodies(person)[-1] == "Goodbye"
    assert person.post(path, body="Goodbye").status_code == 303
    assert person.post(f"{path}/delete").status_code == 303
    assert "Goodbye" not in bodies(person)


def test_an_empty_comment_is_refused(person: Person) -> None:
    person.log_in("user")
    answer = person.post("/browse/DEMO-1/comment", body=" ")
    assert answer.status_code == 400
    assert 'id="error-comment"' in answer.text
    person.post("/browse/DEMO-1/comment", body="mine")
    comment = person.site.world.tracker.comments(issue(person).id)[-1]
    answer = person.post(f"/browse/DEMO-1/comment/{comment.id}", body="")
    assert answer.status_code == 400
    assert f'id="error-comment-{comment.id}"' in answer.text


def test_a_comment_with_marks(person: Person) -> None:
    person.log_in("user")
    person.post("/browse/DEMO-1/comment", body="**bold** <b>")
    comment = person.site.world.tracker.comments(issue(person).id)[-1]
    assert comment.body == "bold <b>"
    page = person.get("/browse/DEMO-1").text
    assert "<p><strong>bold</strong> &lt;b&gt;</p>" in page
    assert "**bold** &lt;b&gt;</textarea>" in page
    path = f"/browse/DEMO-1/comment/{comment.id}"
    assert person.post(path, body="*x*", body_seal="another").status_code == 409
    assert person.post(path, body="**bold** more").status_code == 303
    changed = person.site.world.tracker.comment(comment.id)
    assert changed is not None
    assert changed.document is not None
    assert changed.document["content"][0]["content"][0]["marks"] == [{"type": "strong"}]


def test_a_comment_of_somebody_else_is_theirs(person: Person) -> None:
    comment = person.site.world.tracker.comments(issue(person).id)[0]
    path = f"/browse/DEMO-1/comment/{comment.id}"
    person.log_in("user")
    assert f"{path}/delete" not in person.get("/browse/DEMO-1").text
    assert person.post(path, body="changed").status_code == 403
    assert person.post(f"{path}/delete").status_code == 403
    assert person.post(f"/browse/DEMO-2/comment/{comment.id}", body="x").status_code == 404
    assert person.post("/browse/DEMO-1/comment/99999/delete").status_code == 404
    person.log_in("admin")
    assert person.post(path, body="changed").status_code == 303
    assert bodies(person)[0] == "changed"


def test_a_comment_that_is_not_seen_is_not_changed(person: Person) -> None:
    tracker = person.site.world.tracker
    hidden = tracker.add_comment(
        issue(person).id, "an-app", "x", visibility={"type": "group", "value": "nobodys"}
    )
    person.log_in("admin")
    assert person.post(f"/browse/DEMO-1/comment/{hidden.id}", body="y").status_code == 404


def test_a_stranger_says_nothing(person: Person) -> None:
    assert person.post("/browse/PUB-1/comment", body="x").status_code == 401


def test_work_is_logged_and_taken_back(person: Person) -> None:
    person.log_in("user")
    form = {"spent": "1h 30m", "note": "Thinking"}
    assert person.post("/browse/DEMO-1/worklog", **form).status_code == 303
    work = person.site.world.worklogs.of(issue(person).id)
    assert [(one.seconds, one.comment) for one in work] == [(5400, "Thinking")]
    assert issue(person).time_spent == 5400
    path = f"/browse/DEMO-1/worklog/{work[0].id}/delete"
    assert path in person.get("/browse/DEMO-1").text
    assert person.post(path).status_code == 303
    assert person.post(path).status_code == 404
    assert person.site.world.worklogs.of(issue(person).id) == []


@pytest.mark.parametrize("spent", ["", "soon", "0", "9" * 50])
def test_work_of_no_time_is_refused(person: Person, spent: str) -> None:
    person.log_in("user")
    answer = person.post("/browse/DEMO-1/worklog", spent=spent)
    assert answer.status_code == 400
    assert 'id="error-worklog"' in answer.text


def test_work_of_somebody_else_is_theirs(person: Person) -> None:
    work = person.site.world.worklogs.add(issue(person).id, "an-app", 60)
    person.log_in("user")
    path = f"worklog/{work.id}/delete"
    assert person.post(f"/browse/DEMO-1/{path}").status_code == 403
    assert person.post(f"/browse/DEMO-2/{path}").status_code == 404


def test_issues_are_linked_either_way(person: Person) -> None:
    person.log_in("user")
    links = person.site.world.links
    one, two = issue(person).id, issue(person, "PUB-1").id
    for kind, ends in (("10000:out", (one, two)), ("10000:in", (two, one))):
        assert person.post("/browse/DEMO-1/link", kind=kind, to=" pub-1 ").status_code == 303
        link = links.of(one)[-1]
        assert (link.type, link.source, link.target) == ("Blocks", *ends)
        assert person.post(f"/browse/DEMO-2/link/{link.id}/delete").status_code == 404
        assert person.post(f"/browse/DEMO-1/link/{link.id}/delete").status_code == 303
    assert links.of(one) == []


@pytest.mark.parametrize(
    ("kind", "to", "says"),
    [
        ("1:out", "PUB-1", "Choose how"),
        ("10000:up", "PUB-1", "Choose how"),
        ("10000:out", "NONE-1", "There is no issue"),
        ("10000:out", "DEMO-1", "to itself"),
    ],
)
def test_a_link_that_can_not_be_says_why(person: Person, kind: str, to: str, says: str) -> None:
    person.log_in("user")
    answer = person.post("/browse/DEMO-1/link", kind=kind, to=to)
    assert answer.status_code == 400
    assert says in answer.text
