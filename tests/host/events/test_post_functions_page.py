from __future__ import annotations

import re

from headway.host.world.catalog import TRANSITIONS
from host.person import Person
from host.small_app import SmallApp
from host.small_stage import Stage

FUNCTION = {
    "key": "notify",
    "name": {"value": "<b>Notify</b>"},
    "triggered": {"url": "/triggered"},
}


def test_an_administrator_puts_one_on_and_takes_it_off(stage: Stage, app: SmallApp) -> None:
    person = Person(stage.site)
    person.log_in()
    assert "No installed app has" in person.get("/post-functions").text
    stage.add(app, modules={"jiraWorkflowPostFunctions": [FUNCTION]})
    page = person.get("/post-functions").text
    assert "&lt;b&gt;Notify" in page
    assert "<b>Notify" not in page
    answer = person.post(
        "/post-functions",
        transition=str(TRANSITIONS[0].id),
        function="my-app notify",
        configuration="<script>\r\nx",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/post-functions")
    assert stage.site.post_functions.all()[0].configuration == "<script>\nx"
    page = person.get("/post-functions").text
    assert "&lt;script&gt;" in page
    action = re.search(r'action="(/post-functions/[\w-]+/remove)"', page)
    assert action is not None
    assert person.post(action[1]).status_code == 303
    assert stage.site.post_functions.all() == []
    assert person.post(action[1]).status_code == 404


def test_what_can_not_be_is_said(stage: Stage, app: SmallApp) -> None:
    person = Person(stage.site)
    person.log_in()
    for fields in ({"transition": "x", "function": "my-app notify"}, {}):
        answer = person.post("/post-functions", **fields)
        assert answer.status_code == 400
        assert "there is no such transition" in answer.text
    stage.add(app, modules={"jiraWorkflowPostFunctions": [FUNCTION]})
    answer = person.post("/post-functions", transition=str(TRANSITIONS[0].id), function="x y")
    assert "no installed app has such a function" in answer.text


def test_a_rule_whose_app_or_step_is_gone_is_still_shown(stage: Stage, app: SmallApp) -> None:
    person = Person(stage.site)
    person.log_in()
    stage.add(app, modules={"jiraWorkflowPostFunctions": [FUNCTION]})
    rule = stage.site.post_functions.add(TRANSITIONS[0].id, "my-app", "notify")
    stage.site.post_functions.configure(rule.id, "my-app", "", True)
    stage.site.jira.apps.remove("my-app")
    page = person.get("/post-functions").text
    assert "notify" in page
    assert "disabled" in page


def test_only_administrators(stage: Stage) -> None:
    person = Person(stage.site)
    person.log_in("user")
    assert person.get("/post-functions").status_code == 403
    assert person.post("/post-functions").status_code == 403
