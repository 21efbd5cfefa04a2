"""The services that make tokens, the site's key, the client script."""

from __future__ import annotations

import json
from typing import Any

import oracle
import pytest
from asking import Answer
from starlette.applications import Starlette

from headway.host import svc
from headway.host.apps import Apps
from headway.host.events.post_functions import PostFunctions
from headway.host.guard import SiteGuard
from headway.host.outgoing import Outgoing
from headway.host.settings import Settings
from headway.host.site_keys import SiteKeys
from headway.host.world.catalog import TRANSITIONS
from headway.keys import RsaPublicKey
from host.small_app import SmallHost
from host.small_site import BASE, SmallSite


class Site(SmallSite):
    """A site with an installed app, and a user who is logged in."""

    def __init__(self) -> None:
        super().__init__()
        self.jira.apps = apps = Apps(self.database, self.clock.now)
        self.keys = SiteKeys(self.database)
        self.jira.outgoing = Outgoing(
            settings=Settings(),
            apps=apps,
            clock=self.clock,
            traffic=self.traffic,
            policy=lambda: self.policy,
            base_url=lambda: self.base_url,
        )
        self.post_functions = PostFunctions(self.database, apps, self.outbox, self.telling)
        app, self.secret = SmallHost().add()
        apps.save(app, self.secret)
        self.app = SiteGuard(Starlette(routes=svc.routes(self)), origin=lambda: self.base_url)
        cookie, session = self.log_in()
        self.account_id = session.account_id
        self.headers = {"Cookie": cookie, "Origin": BASE, "X-Headway-CSRF": session.csrf}

    def service(
        self, name: str, context: Any = None, module: str = "panel", **headers: str
    ) -> Answer:
        question = {"appKey": "my-app", "moduleKey": module, "context": context or {}}
        return self.ask("POST", f"/svc/{name}", {**self.headers, **headers}, question)


@pytest.fixture
def site() -> Site:
    return Site()


SERVICES = ("module-url", "context-token")
ISSUE = {"issue.key": "DEMO-1"}


def test_a_modules_address(site: Site) -> None:
    answer = site.service("module-url", ISSUE)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    options = answer.json["options"]
    assert (options["isFullPage"], options["title"]) == (False, "Panel")
    assert options["context"].keys() == {"issue.key", "issue.id", "project.key", "project.id"}
    target = answer.json["url"].removeprefix("http://127.0.0.1:7000")
    path, _, query = target.partition("?")
    token = query.rpartition("&jwt=")[2]
    claims = oracle.verified_claims(token, "HS256", site.secret.reveal())
    assert claims["sub"] == site.account_id
    assert claims["qsh"] == oracle.qsh("GET", path, query, "")
    assert path == "/panel/DEMO-1"


def test_a_pages_address(site: Site) -> None:
    answer = site.service("module-url", module="page")
    assert answer.json["options"] == {"isFullPage": True, "title": "Page", "context": {}}
    assert "jwt=" not in answer.json["url"]


def other(site: Site, context: Any = None, page: str = "", **modules: Any) -> Answer:
    """The address of the module "m", of an app that has nothing else."""
    app, site.secret = SmallHost().add(modules=modules)
    site.jira.apps.save(app, site.secret)
    question = {"appKey": "my-app", "moduleKey": "m", "context": context or {}, "page": page}
    return site.ask("POST", "/svc/module-url", site.headers, question)


def test_a_token_stands_where_the_address_says(site: Site) -> None:
    page = {"key": "m", "name": {"value": "M"}, "url": "/p?jwt={jwt}&a={issue.key}"}
    url = other(site, ISSUE, generalPages=[page]).json["url"]
    assert url.count("jwt=") == 1
    path, _, query = url.removeprefix("http://127.0.0.1:7000").partition("?")
    assert query.startswith("a=DEMO-1&xdm_e=")
    claims = oracle.verified_claims(query.rpartition("jwt=")[2], "HS256", site.secret.reveal())
    assert claims["qsh"] == oracle.qsh("GET", path, query, "")


def test_conditions_may_stand_in_an_address(site: Site) -> None:
    url = "/p?a={condition.user_is_admin}&b={condition.user_is_logged_in}"
    page = {"key": "m", "name": {"value": "M"}, "url": url}
    assert "/p?a=false&b=true&" in other(site, generalPages=[page]).json["url"]


def test_a_modules_conditions_hold_or_it_is_not_there(site: Site) -> None:
    page = {"key": "m", "name": {"value": "M"}, "url": "/p"}
    admin = {**page, "conditions": [{"condition": "user_is_admin"}]}
    answer = other(site, generalPages=[admin])
    assert (answer.status, answer.json["detail"]) == (
        404,
        "the conditions of this module do not hold here",
    )
    foreign = {**page, "editor": {"url": "/e"}}
    assert other(site, dynamicContentMacros=[foreign]).status == 404  # of the other product


def test_what_opens_nothing_has_no_address(site: Site) -> None:
    function = {"key": "m", "name": {"value": "M"}, "triggered": {"url": "/t"}}
    link = {"key": "m", "name": {"value": "M"}, "url": "/x", "location": "l"}
    link["context"] = "product"
    for modules in ({"jiraWorkflowPostFunctions": [function]}, {"webItems": [link]}):
        answer = other(site, **modules)
        assert (answer.status, answer.json["detail"]) == (404, "this module opens no page")


def test_another_page_of_a_module(site: Site) -> None:
    macro = {"key": "m", "name": {"value": "M"}, "url": "/m", "editor": {"url": "/editor"}}
    assert other(site, page="editor", dynamicContentMacros=[macro]).status == 404  # of the wiki
    page = {"key": "m", "name": {"value": "M"}, "url": "/p"}
    assert other(site, page="editor", generalPages=[page]).status == 404


def test_a_post_function_is_set_up_by_administrators(site: Site) -> None:
    pages = {
        "create": {"url": "/create?id={postFunction.id}&c={postFunction.config}"},
        "edit": {"url": "/edit?id={postFunction.id}&c={postFunction.config}"},
        "triggered": {"url": "/t"},
    }
    modules = {"jiraWorkflowPostFunctions": [{"key": "m", "name": {"value": "M"}, **pages}]}
    context = {"postFunction.id": "f1", "postFunction.config": "told by a page"}
    assert other(site, context, "create", **modules).status == 403
    site.world.people.set_member("site-admins", site.account_id, True)
    assert "/create?id=f1&c=&xdm_e" in other(site, context, "create", **modules).json["url"]
    assert other(site, context, "edit", **modules).status == 404
    assert other(site, context, "view", **modules).status == 404
    made = site.post_functions.add(TRANSITIONS[0].id, "my-app", "m", "a & b")
    answer = other(site, {**context, "postFunction.id": made.id}, "edit", **modules)
    assert f"/edit?id={made.id}&c=a+%26+b&xdm_e" in answer.json["url"]


def test_a_dialogs_looks(site: Site) -> None:
    options = {"size": "large", "chrome": True, "evil": 1}
    answer = other(site, dialogs=[{"key": "m", "url": "/d", "options": options}])
    assert answer.json["options"] == {
        "size": "large",
        "chrome": True,
        "isFullPage": False,
        "title": "m",
        "context": {},
    }


def test_a_macro_has_its_parameters_in_its_address(site: Site) -> None:
    space = site.world.spaces.spaces()[0]
    macro = {
        "key": "m",
        "name": {"value": "M"},
        "url": "/m?c={colour}&o={other}&p={page.id}&h={macro.hash}",
        "parameters": [{"identifier": "colour"}],
    }
    app, secret = SmallHost().add(modules={"dynamicContentMacros": [macro]})
    site.jira.apps.save(app, secret)
    site.confluence.apps, site.confluence.outgoing = site.jira.apps, site.jira.outgoing
    context = {"page.id": str(space.homepage_id), "colour": "red", "other": "x", "macro.hash": "h"}
    question = {"appKey": "my-app", "moduleKey": "m", "context": context, "product": "confluence"}
    answer = site.ask("POST", "/svc/module-url", site.headers, question)
    assert f"/m?c=red&o=&p={space.homepage_id}&h=h&" in answer.json["url"]


def test_what_a_page_says_of_a_macro_is_looked_up(site: Site) -> None:
    space = site.world.spaces.spaces()[0]
    macro = {"key": "m", "name": {"value": "M"}, "url": "/m?t={tone}&b={macro.body}&h={macro.id}"}
    app, secret = SmallHost().add(modules={"dynamicContentMacros": [macro]})
    site.jira.apps.save(app, secret)
    site.confluence.apps, site.confluence.outgoing = site.jira.apps, site.jira.outgoing
    body = (
        '<ac:structured-macro ac:name="m" ac:macro-id="m1"><ac:parameter ac:name="tone">calm'
        "</ac:parameter><ac:plain-text-body>text</ac:plain-text-body></ac:structured-macro>"
    )
    page = site.world.wiki.add_page(space.id, "Macro", body, "u1")
    context = {"content.id": str(page.id), "macro.id": "m1", "macro.body": "another"}
    question = {"appKey": "my-app", "moduleKey": "m", "context": context, "product": "confluence"}
    answer = site.ask("POST", "/svc/module-url", site.headers, question)
    assert "/m?t=calm&b=text&h=m1&" in answer.json["url"]


def context_of(answer: Answer, site: Site) -> Any:
    claims = oracle.verified_claims(answer.json["token"], "HS256", site.secret.reveal())
    assert claims["qsh"] == "context-qsh"
    assert claims["sub"] == site.account_id
    return claims["context"]["jira"]


def test_the_context_is_the_sites_own(site: Site) -> None:
    """A page may name an issue and nothing else about it."""
    issue = site.world.tracker.issue("DEMO-1")
    project = site.world.tracker.project("DEMO")
    assert issue is not None
    assert project is not None
    lies = {
        "issue.key": "DEMO-1",
        "issue.id": "777",
        "project.key": "PUB",
        "project.id": "777",
        "user.admin": "yes",
    }
    truth = {
        "issue": {"key": "DEMO-1", "id": str(issue.id)},
        "project": {"key": "DEMO", "id": str(project.id)},
    }
    assert context_of(site.service("context-token", lies), site) == truth
    by_id = {"issue.id": str(issue.id)}
    assert context_of(site.service("context-token", by_id), site) == truth
    of_project = context_of(site.service("context-token", {"project.key": "DEMO"}), site)
    assert of_project == {"project": truth["project"]}
    assert context_of(site.service("context-token"), site) == {}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_not_there_has_no_context(site: Site, service: str) -> None:
    for context in ({"issue.key": "DEMO-999"}, {"issue.id": "99"}, {"project.key": "NONE"}):
        assert site.service(service, context).status == 404, context


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_user_may_not_see_has_no_context(
    site: Site, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_by = []

    def may(actor: Any, permission: str, project: Any) -> bool:
        seen_by.append(actor.account_id)
        return False

    monkeypatch.setattr(site.rights, "may", may)
    assert site.service(service, ISSUE).status == 404
    assert seen_by == [site.account_id]


def test_a_stranger_gets_a_token_of_nobody(site: Site) -> None:
    """Where everybody may look: the page was made for nobody, so it has no token of a session."""
    nobody = {"Cookie": "", "X-Headway-CSRF": ""}
    public = {"issue.key": "PUB-1"}
    answer = site.service("module-url", public, **nobody)
    assert answer.status == 200
    token = answer.json["url"].rpartition("&jwt=")[2]
    claims = oracle.verified_claims(token, "HS256", site.secret.reveal())
    assert "sub" not in claims
    token = site.service("context-token", public, **nobody).json["token"]
    claims = oracle.verified_claims(token, "HS256", site.secret.reveal())
    assert "sub" not in claims
    assert claims["context"]["jira"]["issue"]["key"] == "PUB-1"
    for service in SERVICES:
        assert site.service(service, ISSUE, **nobody).status == 404
        assert site.service(service, public, **nobody, Origin="http://127.0.0.1:1").status == 403


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_sites_own_pages_may_ask(site: Site, service: str) -> None:
    assert site.service(service, Cookie="").status == 401
    assert site.service(service, **{"X-Headway-CSRF": "wrong"}).status == 403
    assert site.service(service, **{"X-Headway-CSRF": ""}).status == 403
    assert site.service(service, Origin="http://127.0.0.1:7000").status == 403
    assert site.service(service, Origin="null").status == 403
    assert site.service(service, **{"AP-Client-Key": "my-app"}).status == 403
    del site.headers["Origin"]
    answer = site.service(service)
    assert (answer.status, answer.json["detail"]) == (403, "only the site's own pages may ask")
    assert site.ask("GET", f"/svc/{service}", site.headers).status == 405
    assert site.traffic.all() == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_module_that_is_not_there(site: Site, service: str) -> None:
    assert site.service(service, module="none").status == 404
    question = {"appKey": "none", "moduleKey": "panel"}
    answer = site.ask("POST", f"/svc/{service}", site.headers, question)
    assert answer.json["detail"] == "no installed app has this module"


BODIES = [b"", b"[]", b"{}", b"\xff", b"[" * 10_000, b'{"appKey": 1, "moduleKey": "x"}']


@pytest.mark.parametrize("service", SERVICES)
def test_a_question_that_is_none(site: Site, service: str) -> None:
    for body in (*BODIES, b" " * 20_000):
        assert site.ask("POST", f"/svc/{service}", site.headers, body).status == 400, body[:20]


def test_an_address_that_breaks_without_its_variable(site: Site) -> None:
    page = {"key": "p", "name": {"value": "P"}, "url": "/{issue.key}/x"}
    app, secret = SmallHost().add(modules={"generalPages": [page]})
    site.jira.apps.save(app, secret)
    answer = site.service("module-url", module="p")
    assert (answer.status, answer.json["detail"]) == (
        409,
        "the module's address: the path is not in its normal form",
    )


# ---- for apps -------------------------------------------------------------------------------


def test_the_sites_key_is_public(site: Site) -> None:
    kid, private = site.keys.current
    for path in (f"/install-keys/{kid}", f"/{kid}"):
        answer = site.ask("GET", path)
        assert answer.status == 200
        key = RsaPublicKey.from_pem(answer.body)
        assert key.verifies(private.sign(b"message"), b"message")
        assert b"PRIVATE" not in answer.body
    assert site.ask("GET", "/install-keys/another").status == 404
    assert site.ask("GET", "/install-keys/..").status == 404


def test_an_answer_holds_json_alone(site: Site) -> None:
    """What the page gets is data: no address of the site echoes what it was sent."""
    answer = site.service("module-url", {"issue.key": "<script>"})
    assert json.loads(answer.body)["status"] == 404
    assert b"<script>" not in answer.body
