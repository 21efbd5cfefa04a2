from __future__ import annotations

import re

from host.person import Person
from host.small_app import SmallApp
from host.small_stage import Stage

HOOK = {"event": "jira:issue_updated", "url": "/hook/${issue.key}"}


def test_each_delivery_with_its_tries(stage: Stage, app: SmallApp) -> None:
    person = Person(stage.site)
    person.log_in()
    assert "Nothing was sent yet" in person.get("/outbox").text
    stage.listen(app, {**HOOK, "excludeBody": True}, name="<script>alert(1)</script>")
    app.status["DEMO-1"], app.body = 503, b"<img src=x onerror=alert(1)>"
    stage.edit()
    assert "none yet" in person.get("/outbox").text  # and asking for it settles it
    page = person.get("/outbox").text
    assert "jira:issue_updated" in page
    assert f"{app.url}/hook/DEMO-1" in page
    assert "<strong>503</strong>" in page
    assert "next try" in page
    assert "without a body" in page
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert app.got[0].token not in page
    stage.site.jira.apps.remove("my-app")
    assert "Former app" in person.get("/outbox").text


def test_a_button_sends_it_again(stage: Stage, app: SmallApp) -> None:
    person = Person(stage.site)
    person.log_in()
    stage.listen(app, HOOK)
    app.status["DEMO-1"] = 400
    stage.edit()
    stage.settle()
    action = re.search(r'action="(/outbox/\d+/again)"', person.get("/outbox").text)
    assert action is not None
    del app.status["DEMO-1"]
    assert person.ask("POST", action[1], data={"csrf": "wrong"}).status_code == 403
    assert len(app.got) == 1
    answer = person.post(action[1])
    assert (answer.status_code, answer.headers["location"]) == (303, "/outbox")
    assert stage.told() == [("delivered", [400, 204])]
    assert person.post("/outbox/99/again").status_code == 404


def test_only_administrators_look(stage: Stage) -> None:
    person = Person(stage.site)
    assert person.get("/outbox").status_code == 303
    person.log_in("user")
    assert person.get("/outbox").status_code == 403
    assert person.post("/outbox/1/again").status_code == 403
    assert "/outbox" not in person.get("/").text
