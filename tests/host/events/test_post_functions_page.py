from __future__ import annotations

import re

from headway.host.world.catalog import TRANSITIONS
from host.person import Person
from host.small_app import SmallApp
from host.small_stage import Stage

PATH = "/post-functions"
FUNCTION = {
    "key": "notify",
    "name": {"value": "<b>Notify</b>"},
    "description": {"value": "Tells <i>somebody</i>"},
    "triggered": {"url": "/triggered"},
}
PAGES = {page: {"url": f"/{page}?{{postFunction.config}}"} for page in ("create", "edit", "view")}
CHOICE = {"transition": str(TRANSITIONS[0].id), "function": "my-app notify"}


def admin(stage: Stage) -> Person:
    person = Person(stage.site)
    person.log_in()
    return person


def add(stage: Stage, app: SmallApp, **more: object) -> None:
    stage.add(app, modules={"jiraWorkflowPostFunctions": [{**FUNCTION, **more}]})


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def test_an_administrator_puts_one_on_and_takes_it_off(stage: Stage, app: SmallApp) -> None:
    """A function without a page of its own is set up by a text."""
    person = admin(stage)
    assert "No installed app has" in person.get(PATH).text
    add(stage, app)
    page = person.get(PATH).text
    assert "&lt;b&gt;Notify" in page
    assert "<b>Notify" not in page
    page = person.get(f"{PATH}/new", params=CHOICE).text
    assert "Tells &lt;i&gt;somebody" in page
    assert "iframe" not in page
    answer = person.post(PATH, **CHOICE, configuration="<script>\r\nx")
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert stage.site.post_functions.all()[0].configuration == "<script>\nx"
    page = person.get(PATH).text
    assert "&lt;script&gt;" in page
    action = re.search(r'action="(/post-functions/[\w-]+/remove)"', page)
    assert action is not None
    assert person.post(action[1]).status_code == 303
    assert stage.site.post_functions.all() == []
    assert person.post(action[1]).status_code == 404


def test_the_apps_own_pages_set_it_up(stage: Stage, app: SmallApp) -> None:
    person = admin(stage)
    add(stage, app, **PAGES)
    answer = person.get(f"{PATH}/new", params=CHOICE)
    made = field(answer.text, "id")
    assert f"frame-src {app.descriptor['baseUrl']}" in answer.headers["content-security-policy"]
    assert 'data-page="create"' in answer.text
    assert "textarea" not in answer.text
    assert person.post(PATH, **CHOICE, id=made, configuration="one").status_code == 303
    (rule,) = stage.site.post_functions.all()
    assert (rule.id, rule.configuration) == (made, "one")
    # the same form once more, as after Back
    answer = person.post(PATH, **CHOICE, id=made, configuration="two")
    assert (answer.status_code, len(stage.site.post_functions.all())) == (400, 1)
    assert "is on its transition already" in answer.text
    assert field(answer.text, "configuration") == "two"  # what was sent is not lost
    assert 'data-page="view"' in person.get(PATH).text
    page = person.get(f"{PATH}/{made}").text
    assert 'data-page="edit"' in page
    assert 'data-configuration="one"' in page
    assert person.post(f"{PATH}/{made}", configuration='"&').status_code == 303
    assert stage.site.post_functions.all()[0].configuration == '"&'
    answer = person.post(f"{PATH}/{made}", configuration="x" * 32_768)
    assert answer.status_code == 400
    assert "0 to 32767 characters" in answer.text
    assert person.post(PATH, **CHOICE, id="no id").status_code == 400


def test_what_can_not_be_is_said(stage: Stage, app: SmallApp) -> None:
    person = admin(stage)
    add(stage, app)
    for fields in ({**CHOICE, "transition": "x"}, {}):
        for answer in (person.post(PATH, **fields), person.get(f"{PATH}/new", params=fields)):
            assert answer.status_code == 400
            assert "There is no such transition" in answer.text
    answer = person.post(PATH, **{**CHOICE, "function": "x y"})
    assert "No installed app has such a function" in answer.text
    for path in (f"{PATH}/none", f"{PATH}/none/remove"):
        assert person.post(path).status_code == 404


def test_a_rule_whose_app_or_step_is_gone_is_still_shown(stage: Stage, app: SmallApp) -> None:
    person = admin(stage)
    add(stage, app)
    functions = stage.site.post_functions
    gone = functions.add(TRANSITIONS[0].id, "my-app", "notify")
    rule = functions.add(TRANSITIONS[0].id, "my-app", "notify")
    functions.configure(rule.id, "my-app", "", True)
    functions.remove(gone.id)
    assert "disabled" in person.get(PATH).text
    assert person.get(f"{PATH}/{rule.id}").status_code == 200
    assert person.post(f"{PATH}/{rule.id}", configuration="x").status_code == 303
    assert functions.all()[0].disabled  # as the app has set it
    stage.site.jira.apps.remove("my-app")
    page = person.get(PATH).text
    assert "notify" in page
    assert f'href="{PATH}/{rule.id}"' not in page
    assert person.get(f"{PATH}/{rule.id}").status_code == 404


def test_only_administrators(stage: Stage) -> None:
    person = Person(stage.site)
    person.log_in("user")
    for path in (PATH, f"{PATH}/new", f"{PATH}/x"):
        assert person.get(path).status_code == 403
    for path in (PATH, f"{PATH}/x", f"{PATH}/x/remove"):
        assert person.post(path).status_code == 403
