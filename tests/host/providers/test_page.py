"""Providers for people: an issue's list, linking a design, making a branch, trying an action."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oracle
import pytest

from headway.host.providers.provided import Entity
from host.person import Person
from host.small_app import SmallApp
from host.small_stage import Stage

DESIGN = {"id": "d1", "displayName": "A <b>frame</b>", "url": "https://design.example/d1"}
ACTIONS = ("getEntityByUrl", "onEntityAssociated", "onEntityDisassociated")


def designs(*names: str) -> dict[str, Any]:
    actions = {name: {"templateUrl": f"/{name}"} for name in names}
    module = {"key": "designs", "name": {"value": "Designs"}, "actions": actions}
    return {"jiraDesignInfoProvider": module}


@pytest.fixture
def person(stage: Stage) -> Person:
    made = Person(stage.site)
    made.log_in("user")
    return made


def known(stage: Stage, **data: Any) -> None:
    entity = Entity(
        app_key="my-app", kind="builds", key=["p", 1], sequence=1, data=data, properties={}
    )
    stage.site.provided.put(entity, [stage.issue.id])


# ---- on the page of an issue ----------------------------------------------------------------


def test_what_is_known_of_an_issue(stage: Stage, person: Person) -> None:
    assert 'id="known"' not in person.get("/browse/DEMO-1").text
    known(stage, displayName="<i>Build</i>", url="https://ci.example/1", state="successful")
    page = person.get("/browse/DEMO-1").text
    assert "Build: " in page
    assert '<a href="https://ci.example/1" rel="noreferrer noopener">&lt;i&gt;Build' in page
    assert "successful" in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "http://[", 7])
def test_only_web_addresses_become_links(stage: Stage, person: Person, url: Any) -> None:
    known(stage, url=url)
    page = person.get("/browse/DEMO-1").text
    assert 'rel="noreferrer noopener"' not in page
    assert "javascript:" not in page


def test_a_design_is_linked_and_unlinked(stage: Stage, app: SmallApp, person: Person) -> None:
    stage.add(app, modules=designs(*ACTIONS))
    app.status["getEntityByUrl"], app.body = 200, json.dumps(DESIGN).encode()
    form = {"module": "my-app designs", "url": "https://design.example/d1"}
    answer = person.post("/browse/DEMO-1/designs", **form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/browse/DEMO-1#known")
    asked, told = app.got
    uma = stage.site.world.people.user("user")
    assert uma is not None
    assert asked.json == {"entity": {"url": form["url"]}, "user": {"id": uma.account_id}}
    assert told.target == "/onEntityAssociated"
    assert told.json["associatedWith"]["id"] == str(stage.issue.id)
    assert told.json["entity"]["id"] == "d1"
    assert "A &lt;b&gt;frame" in person.get("/browse/DEMO-1").text
    person.post("/browse/DEMO-1/designs/remove", app="my-app", id="d1")
    assert app.got[-1].target == "/onEntityDisassociated"
    assert app.got[-1].json["disassociatedFrom"]["id"] == str(stage.issue.id)
    assert "A &lt;b&gt;frame" not in person.get("/browse/DEMO-1").text
    assert person.post("/browse/DEMO-1/designs/remove", app="my-app", id="x").status_code == 404


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b""), (200, b"no json"), (200, b"[]"), (200, b'{"id": 1}'), (200, b'{"id": ""}')],
)
def test_what_is_no_design_is_not_linked(
    stage: Stage, app: SmallApp, person: Person, status: int, body: bytes
) -> None:
    stage.add(app, modules=designs("getEntityByUrl"))
    app.status["getEntityByUrl"], app.body = status, body
    answer = person.post("/browse/DEMO-1/designs", module="my-app designs", url="https://x")
    assert answer.status_code == 502
    assert f"it said {status}" in answer.text
    assert stage.site.provided.of("my-app", "designs") == []


def test_a_provider_that_does_not_want_to_know_is_not_told(
    stage: Stage, app: SmallApp, person: Person
) -> None:
    stage.add(app, modules=designs("getEntityByUrl"))
    app.status["getEntityByUrl"] = 200
    app.body = json.dumps({**DESIGN, "updateSequenceNumber": 5}).encode()
    person.post("/browse/DEMO-1/designs", module="my-app designs", url="https://x")
    person.post("/browse/DEMO-1/designs/remove", app="my-app", id="d1")
    assert [got.target for got in app.got] == ["/getEntityByUrl"]
    assert stage.site.provided.of("my-app", "designs")[0].sequence == 5


def test_a_provider_that_fails_to_be_told_changes_nothing(
    stage: Stage, app: SmallApp, person: Person
) -> None:
    stage.add(app, modules=designs(*ACTIONS))
    app.status["getEntityByUrl"], app.body = 200, json.dumps(DESIGN).encode()
    modules = designs(*ACTIONS)
    modules["jiraDesignInfoProvider"]["actions"]["onEntityAssociated"]["templateUrl"] = "/{x}/y"
    stage.add(app, modules=modules)
    answer = person.post("/browse/DEMO-1/designs", module="my-app designs", url="https://x")
    assert answer.status_code == 303
    assert "A &lt;b&gt;frame" in person.get("/browse/DEMO-1").text


def test_a_provider_that_is_not_there_is_said(stage: Stage, app: SmallApp, person: Person) -> None:
    stage.add(app, modules=designs("getEntityByUrl"), baseUrl="http://127.0.0.1:1")
    answer = person.post("/browse/DEMO-1/designs", module="my-app designs", url="https://x")
    assert answer.status_code == 502
    assert "can not be reached" in answer.text
    assert person.post("/browse/DEMO-1/designs", module="x y").status_code == 404
    assert person.post("/browse/NONE-1/designs", module="my-app designs").status_code == 404


def test_a_branch_is_made_at_the_provider(stage: Stage, app: SmallApp, person: Person) -> None:
    template = "/branch?key={issue.key}&summary={issue.summary}&jwt={jwt}"
    actions = {"createBranch": {"templateUrl": template}}
    tool = {"key": "tool", "name": {"value": "Tool"}, "actions": actions}
    stage.add(app, modules={"jiraDevelopmentTool": tool})
    assert "Create branch in My app" in person.get("/browse/DEMO-1").text
    answer = person.get("/browse/DEMO-1/open/my-app/tool/createBranch")
    assert answer.status_code == 303
    url = urlsplit(answer.headers["location"])
    query, _, token = url.query.rpartition("&jwt=")
    assert parse_qs(query)["summary"] == [stage.issue.summary]
    claims = oracle.verified_claims(token, "HS256", stage.site.jira.apps.secret("my-app").reveal())
    assert claims is not None
    assert claims["qsh"] == oracle.qsh("GET", url.path, query, "")
    assert token not in repr(stage.site.traffic.all())
    assert person.get("/browse/DEMO-1/open/my-app/none/createBranch").status_code == 404
    actions["createBranch"]["templateUrl"] = "/branch"
    stage.add(app, modules={"jiraDevelopmentTool": tool})
    assert person.get("/browse/DEMO-1/open/my-app/tool/createBranch").headers["location"] == (
        f"{app.url}/branch"
    )
    del actions["createBranch"]
    stage.add(app, modules={"jiraDevelopmentTool": tool})
    assert person.get("/browse/DEMO-1/open/my-app/tool/createBranch").status_code == 404


def test_other_pages_of_providers(stage: Stage, app: SmallApp, person: Person) -> None:
    """Flags and deployments: links to wherever the provider is, without a token there."""
    where = "https://flags.example/new?key={issue.key}&about={issue.summary}&on={issue.flags}"
    flags = {"key": "flags", "name": {"value": "F"}, "actions": {
        "createFlag": {"templateUrl": where}, "linkFlag": {"templateUrl": "/link?jwt={jwt}"},
        "listFlags": {"templateUrl": "/list"},
    }}  # fmt: skip
    deployments = {
        "key": "deploys",
        "name": {"value": "D"},
        "actions": {"listDeployments": {"templateUrl": "/deployments?issueKey={issue.key}"}},
    }
    modules = {"jiraFeatureFlagInfoProvider": flags, "jiraDeploymentInfoProvider": deployments}
    stage.add(app, modules=modules)
    page = person.get("/browse/DEMO-1").text
    for says in ("Create feature flag", "Link feature flag", "List feature flags",
                 "List deployments"):  # fmt: skip
        assert f"{says} in My app" in page

    def leads(module: str, action: str) -> str:
        answer = person.get(f"/browse/DEMO-1/open/my-app/{module}/{action}")
        assert answer.status_code == 303
        return str(answer.headers["location"])

    assert leads("flags", "createFlag") == (
        "https://flags.example/new?key=DEMO-1&about=Watch+a+token+travel&on="
    )
    assert "jwt=eyJ" in leads("flags", "linkFlag")
    assert leads("flags", "listFlags") == f"{app.url}/list"
    assert leads("deploys", "listDeployments") == f"{app.url}/deployments?issueKey=DEMO-1"
    for unknown in ("deploys/createFlag", "flags/other", "none/createFlag"):
        assert person.get(f"/browse/DEMO-1/open/my-app/{unknown}").status_code == 404


# ---- trying an action -----------------------------------------------------------------------


def test_an_administrator_tries_an_action(stage: Stage, app: SmallApp) -> None:
    person = Person(stage.site)
    person.log_in()
    assert "No installed app declares any" in person.get("/providers").text
    module = {
        "key": "sec",
        "name": {"value": "Security"},
        "actions": {"fetchContainers": {"templateUrl": "/containers"}},
    }
    stage.add(app, modules={"jiraSecurityInfoProvider": module})
    page = person.get("/providers").text
    assert 'action="/providers/my-app/sec/fetchContainers"' in page
    app.status["containers"], app.body = 200, b'{"containers": ["<b>"], "token": "hunter2hunter2"}'
    answer = person.post("/providers/my-app/sec/fetchContainers", ids="a,b")
    assert app.got[0].json == {"ids": ["a", "b"]}
    assert "200 {&#34;containers&#34;: [&#34;&lt;b&gt;&#34;]" in answer.text
    assert "hunter2" not in answer.text
    for path in ("/providers/my-app/sec/none", "/providers/x/sec/y", "/providers/my-app/x/y"):
        assert person.post(path).status_code == 404
    stage.add(app, modules={"jiraSecurityInfoProvider": module}, baseUrl="http://127.0.0.1:1")
    answer = person.post("/providers/my-app/sec/fetchContainers", ids="a")
    assert answer.status_code == 502
    assert "can not be reached" in answer.text


def test_only_administrators_try(person: Person) -> None:
    assert person.get("/providers").status_code == 403
    assert person.post("/providers/my-app/sec/fetchContainers").status_code == 403
