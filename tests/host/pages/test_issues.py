"""The list of issues, and the form for a new one."""

from __future__ import annotations

import re
from html import unescape

import pytest

from headway.host.pages.issues import PAGE
from host.person import Person


def keys(text: str) -> list[str]:
    return re.findall(r'class="hw-key">([A-Z]+-\d+)<', text)


def test_a_stranger_sees_what_is_public(person: Person) -> None:
    text = person.get("/").text
    assert keys(text) == ["PUB-2", "PUB-1"]
    assert "DEMO" not in text.replace("project = DEMO AND", "")
    assert "/create" not in text
    assert "Assigned to me" not in text


def test_a_query_finds(person: Person) -> None:
    person.log_in("user")
    text = person.get("/", params={"jql": "assignee = currentUser() ORDER BY key"}).text
    assert keys(text) == ["DEMO-1", "DEMO-3"]
    assert "1 to 2 of 2" in text
    nothing = person.get("/", params={"jql": "summary ~ nowhere"}).text
    assert "There is no such issue" in nothing


def test_a_query_that_is_none_says_where(person: Person) -> None:
    answer = person.get("/", params={"jql": 'summary ~ "<script>" AND ('})
    assert answer.status_code == 400
    assert "Error in the JQL Query" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("jql", ["nothing = 1", "project = NONE", "a ~ '" + "x" * 10_001 + "'"])
def test_what_can_not_be_looked_for_is_an_error_on_the_page(person: Person, jql: str) -> None:
    answer = person.get("/", params={"jql": jql})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_pages_follow_each_other(person: Person) -> None:
    for number in range(2 * PAGE):
        person.site.world.tracker.add_issue("PUB", f"Number {number}")
    seen: list[str] = []
    path = "/?jql=summary+~+Number"
    while True:
        text = unescape(person.get(path).text)
        seen += keys(text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if following is None:
            break
        path = following[1]
    assert len(seen) == len(set(seen)) == 2 * PAGE
    assert f"{PAGE + 1} to {2 * PAGE} of {2 * PAGE}" in text
    back = re.search(r'rel="prev" href="([^"]+)"', text)
    assert back is not None
    assert keys(person.get(back[1]).text) == seen[:PAGE]


@pytest.mark.parametrize("start", ["x", "-1", "99999999", "9999999"])
def test_a_start_that_is_none_is_the_first_or_beyond(person: Person, start: str) -> None:
    answer = person.get(f"/?start={start}")
    assert answer.status_code == 200


def test_a_site_without_projects(person: Person) -> None:
    for project in person.site.world.tracker.projects():
        person.site.world.tracker.delete_project(project.id)
    assert "no project that you may see" in person.get("/").text
    person.log_in("user")
    assert person.get("/create").status_code == 403


def test_an_issue_is_created(person: Person) -> None:
    person.log_in("user")
    assert "/create" in person.get("/").text
    form = person.get("/create?project=PUB").text
    assert '<option value="PUB" selected>' in form
    answer = person.post(
        "/create",
        project="DEMO",
        summary="<b>New</b>",
        description="two\r\nlines",
        issue_type="Bug",
        priority="High",
        assignee="",
        labels="one two",
        due_date="2022-02-01",
    )
    assert answer.headers["location"] == "/browse/DEMO-7"
    issue = person.site.world.tracker.issue("DEMO-7")
    user = person.site.world.people.user("user")
    assert issue is not None
    assert user is not None
    assert (issue.summary, issue.description) == ("<b>New</b>", "two\nlines")
    assert (issue.issue_type, issue.priority, issue.labels) == ("Bug", "High", ["one", "two"])
    assert (issue.reporter, issue.due_date) == (user.account_id, "2022-02-01")


def test_an_issue_without_a_summary_comes_back_with_what_was_written(person: Person) -> None:
    person.log_in("user")
    answer = person.post("/create", project="PUB", summary=" ", description="kept text")
    assert answer.status_code == 400
    assert "kept text" in answer.text
    assert '<option value="PUB" selected>' in answer.text


def test_an_issue_goes_into_no_project_that_is_not_there(person: Person) -> None:
    person.log_in("user")
    assert person.post("/create", project="NONE", summary="x").status_code == 403
