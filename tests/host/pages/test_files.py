"""The files of an issue: by a form, by the page's script, and taken away."""

from __future__ import annotations

import pytest

from headway.host.world import Attachment, Issue
from host.person import Person


def issue(person: Person) -> Issue:
    found = person.site.world.tracker.issue("DEMO-1")
    assert found is not None
    return found


def files(person: Person) -> list[Attachment]:
    return person.site.world.files.of("issue", issue(person).id)


def send(person: Person, *names: str, accept: str = "text/html", csrf: str | None = None) -> int:
    parts = [("file", (name, b"some bytes", "text/plain")) for name in names]
    sent = {"csrf": person.csrf if csrf is None else csrf}
    answer = person.ask(
        "POST",
        "/browse/DEMO-1/attachments",
        data=sent,
        files=parts or [("file", ("", b""))],
        headers={"Accept": accept},
    )
    return answer.status_code


def test_a_form_sends_files(person: Person) -> None:
    person.log_in("user")
    assert send(person, "a.txt", "../b.txt") == 303
    assert [(file.filename, file.size) for file in files(person)] == [("a.txt", 10), ("b.txt", 10)]
    assert "a.txt" in person.get("/browse/DEMO-1").text


def test_the_pages_script_gets_a_plain_answer(person: Person) -> None:
    person.log_in("user")
    assert send(person, "a.txt", accept="application/json") == 204
    assert len(files(person)) == 1


def test_a_form_without_a_file_says_so(person: Person) -> None:
    person.log_in("user")
    assert send(person) == 400
    assert files(person) == []


def test_nothing_is_read_from_a_stranger_or_kept_without_the_pages_token(person: Person) -> None:
    assert send(person, "a.txt") == 401
    person.log_in("user")
    assert send(person, "a.txt", csrf="another") == 403
    assert send(person, "a.txt", csrf="") == 403
    assert files(person) == []


def test_what_is_too_much_is_refused(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.log_in("user")
    from msgspec.structs import replace

    person.site.settings = replace(person.site.settings, upload_limit=5)
    assert send(person, "a.txt") == 413
    assert files(person) == []


def test_whoever_may_not_attach_does_not(person: Person) -> None:
    people = person.site.world.people
    user = people.user("user")
    assert user is not None
    people.set_member("jira-software-users", user.account_id, False)
    person.log_in("user")
    assert send(person, "a.txt") == 404


def test_a_file_is_taken_away_by_whose_it_is(person: Person) -> None:
    person.log_in("user")
    send(person, "mine.txt")
    mine = files(person)[0]
    theirs = person.site.world.files.add_attachment(
        "issue", issue(person).id, "theirs.txt", "text/plain", b"x", "an-app"
    )
    path = "/browse/DEMO-1/attachments/{}/delete"
    text = person.get("/browse/DEMO-1").text
    assert path.format(mine.id) in text
    assert path.format(theirs.id) not in text
    assert person.post(path.format(theirs.id)).status_code == 403
    assert person.post(path.format(mine.id)).status_code == 303
    assert person.post(path.format(mine.id)).status_code == 404
    assert person.post(f"/browse/PUB-1/attachments/{theirs.id}/delete").status_code == 404
    person.log_in("admin")
    assert person.post(path.format(theirs.id)).status_code == 303
