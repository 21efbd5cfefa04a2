"""Each condition of the table, and the questions that an app is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import oracle
import pytest

from headway.descriptor import Condition
from headway.descriptor.condition_names import CONDITION_NAMES
from headway.host.apps import Licence
from headway.host.conditions import CONDITIONS, Asked, Remote, hold
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.wire import NoAnswer
from headway.model import Product
from host.placed import asked, install, who

ISSUE = {"issue_key": "DEMO-1"}


@pytest.fixture(scope="module")
def one_site() -> Site:
    return Site(Settings())


@pytest.fixture
def site(one_site: Site) -> Site:
    """The site with no app in it."""
    for tenant in one_site.tenants:
        for app in tenant.apps.all():
            tenant.apps.remove(app.key)
        tenant.remote = Remote()
    return one_site


def holds(about: Asked, name: str, **params: str) -> bool:
    return asyncio.run(hold([Condition(name=name, params=params)], about))


# name, parameters, the scene, who it holds for, who it does not
JIRA: list[tuple[str, dict[str, str], dict[str, str], list[str | None], list[str | None]]] = [
    ("user_is_logged_in", {}, {}, ["user", "admin"], [None]),
    ("user_is_admin", {}, {}, ["admin"], ["user", None]),
    ("user_is_sysadmin", {}, {}, ["admin"], ["user", None]),
    ("feature_flag", {}, {}, [], ["admin"]),
    ("has_project_permission", {"permission": "BROWSE"}, {"project_key": "DEMO"}, ["user"], []),
    ("has_project_permission", {"permission": "BROWSE_PROJECTS"}, {}, [], ["admin"]),
    (
        "has_permission",
        {"permission": "PROJECT_ADMIN"},
        {"project_key": "DEMO"},
        ["admin"],
        ["user"],
    ),
    ("has_issue_permission", {"permission": "EDIT_ISSUE"}, ISSUE, ["user"], []),
    ("has_issue_permission", {"permission": "EDIT_ISSUES"}, {"project_key": "DEMO"}, [], ["admin"]),
    ("has_issue_permission", {"permission": "EDIT_ISSUE"}, {"issue_key": "PUB-1"}, [], [None]),
    ("has_global_permission", {"permission": "ADMINISTER"}, {}, ["admin"], ["user"]),
    ("has_selected_project", {}, {"project_key": "DEMO"}, ["user"], []),
    ("has_selected_project", {}, {}, [], ["user"]),
    ("user_is_project_admin", {}, {"project_key": "DEMO"}, ["admin"], ["user"]),
    ("user_has_issue_history", {}, {}, ["user"], [None]),
    ("is_admin_mode", {}, {}, [], ["admin"]),
    ("can_use_application", {"applicationKey": "jira-software"}, {}, ["user"], []),
    ("can_use_application", {"applicationKey": "other"}, {}, [], ["user"]),
    ("can_attach_file_to_issue", {}, ISSUE, ["user"], []),
    ("can_manage_attachments", {}, ISSUE, ["admin"], ["user"]),
    ("is_issue_editable", {}, ISSUE, ["user"], []),
    ("is_issue_editable", {}, {}, [], ["user"]),
    ("is_issue_assigned_to_current_user", {}, ISSUE, ["user"], ["admin"]),
    ("is_issue_reported_by_current_user", {}, {"issue_key": "PUB-1"}, [], [None]),
    ("is_issue_unresolved", {}, ISSUE, ["user"], []),
    ("is_sub_task", {}, ISSUE, [], ["user"]),
    ("has_sub_tasks_available", {}, ISSUE, ["user"], []),
    ("has_voted_for_issue", {}, ISSUE, [], ["user"]),
    ("voting_enabled", {}, {}, [], ["user"]),
    ("linking_enabled", {}, {}, ["user"], []),
    ("sub_tasks_enabled", {}, {}, ["user"], []),
    ("time_tracking_enabled", {}, {}, ["user"], []),
    ("watching_enabled", {}, {}, ["user"], []),
]


@pytest.mark.parametrize(("name", "params", "scene", "yes", "no"), JIRA)
def test_jira(site: Site, name: str, params: Any, scene: Any, yes: Any, no: Any) -> None:
    app = install(site.jira, {})
    assert all(holds(asked(site, app, who_, **scene), name, **params) for who_ in yes)
    assert not any(holds(asked(site, app, who_, **scene), name, **params) for who_ in no)


WIKI: list[tuple[str, dict[str, str], str, list[str | None], list[str | None]]] = [
    ("has_space", {}, "space", ["user"], []),
    ("has_space", {}, "", [], ["user"]),
    ("has_page", {}, "page", ["user"], []),
    ("has_page", {}, "space", [], ["user"]),
    ("has_blog_post", {}, "page", [], ["user"]),
    ("has_attachment", {}, "page", [], ["user"]),
    ("viewing_content", {}, "page", ["user"], []),
    ("create_content", {"content": "page"}, "space", ["user"], []),
    ("create_content", {"content": "page"}, "", [], ["user"]),
    ("space_function_permission", {"permission": "VIEWSPACE"}, "space", ["user"], []),
    (
        "space_function_permission",
        {"permission": "SETSPACEPERMISSIONS"},
        "space",
        ["admin"],
        ["user"],
    ),
    ("space_function_permission", {"permission": "EDITSPACE"}, "space", ["user"], []),
    ("space_function_permission", {"permission": "CREATEATTACHMENT"}, "space", ["user"], []),
    ("space_function_permission", {"permission": "REMOVEPAGE"}, "space", ["user"], []),
    ("user_can_use_confluence", {}, "", ["user"], [None]),
    ("user_is_confluence_administrator", {}, "", ["admin"], ["user"]),
    ("user_logged_in_editable", {}, "", ["user"], [None]),
    ("latest_version", {}, "page", ["user"], []),
    ("not_personal_space", {}, "space", ["user"], []),
    ("threaded_comments", {}, "page", ["user"], []),
    ("has_template", {}, "", [], ["user"]),
    ("showing_page_attachments", {}, "page", [], ["user"]),
    ("printable_version", {}, "page", [], ["user"]),
    ("tiny_url_supported", {}, "page", [], ["user"]),
]


@pytest.mark.parametrize(("name", "params", "thing", "yes", "no"), WIKI)
def test_confluence(site: Site, name: str, params: Any, thing: str, yes: Any, no: Any) -> None:
    app = install(site.confluence, {})
    space = site.world.spaces.spaces()[0]
    scene = {"space": {"space_key": space.key}, "page": {"page_id": str(space.homepage_id)}}
    names = scene.get(thing, {})

    def about(name: str | None) -> Asked:
        return asked(site, app, name, Product.CONFLUENCE, **names)

    assert all(holds(about(one), name, **params) for one in yes)
    assert not any(holds(about(one), name, **params) for one in no)


def test_ones_own_profile(site: Site) -> None:
    app = install(site.jira, {})
    me = who(site, "user")[0].account_id or ""
    for product, name in (
        (Product.JIRA, "user_is_the_logged_in_user"),
        (Product.CONFLUENCE, "viewing_own_profile"),
    ):
        assert holds(asked(site, app, "user", product, profileUser_accountId=me), name)
        assert not holds(asked(site, app, "admin", product, profileUser_accountId=me), name)
        assert not holds(asked(site, app, "user", product), name)


def test_a_licence(site: Site) -> None:
    app = install(site.jira, {})
    assert not holds(asked(site, app), "addon_is_licensed")
    app = site.jira.apps.change(app.key, licence=Licence.ACTIVE)
    assert holds(asked(site, app), "addon_is_licensed")


def test_every_condition_has_a_test() -> None:
    tested = {row[0] for row in JIRA} | {row[0] for row in WIKI}
    elsewhere = {"user_is_the_logged_in_user", "viewing_own_profile", "addon_is_licensed"}
    properties = {name for table in CONDITIONS.values() for name in table if "property" in name}
    for table in CONDITIONS.values():
        assert set(table) <= tested | elsewhere | properties


# ---- properties -----------------------------------------------------------------------------


def equal(about: Asked, entity: str, value: str, path: str = "") -> bool:
    params = {"entity": entity, "propertyKey": "k", "value": value, "objectName": path}
    return holds(about, "entity_property_equal_to", **params)


def test_properties_of_everything_in_jira(site: Site) -> None:
    app = install(site.jira, {})
    about = asked(site, app, **ISSUE)
    assert about.scene.issue
    assert about.scene.project
    ids = {
        "issue": str(about.scene.issue.id),
        "project": str(about.scene.project.id),
        "user": about.actor.account_id or "",
        "addon": app.key,
    }
    for entity, holder_id in ids.items():
        assert not equal(about, entity, "true")
        kept = "app" if entity == "addon" else entity
        site.world.properties.put(kept, holder_id, "k", {"a": {"b": True}})
        assert equal(about, entity, "true", "a.b")
        assert not equal(about, entity, "false", "a.b")
        assert not equal(about, entity, "true", "a.b.c")
        assert equal(about, entity, '{"b": true}', "a")
    assert not equal(asked(site, app), "issue", "true", "a.b")
    assert not equal(about, "nothing", "true")


def test_properties_of_pages_and_spaces(site: Site) -> None:
    app = install(site.confluence, {})
    space = site.world.spaces.spaces()[0]
    about = asked(site, app, product=Product.CONFLUENCE, page_id=str(space.homepage_id))
    assert not equal(about, "content", "x")
    site.world.marks.add_property("k", "x", content_id=space.homepage_id)
    site.world.marks.add_property("k", 5, space_id=space.id)
    assert equal(about, "content", "x")
    assert equal(about, "space", "5")
    assert not equal(asked(site, app, product=Product.CONFLUENCE), "content", "x")


def test_other_questions_about_properties(site: Site) -> None:
    app = install(site.jira, {})
    about = asked(site, app)
    site.world.properties.put("app", app.key, "k", ["a", "b"])
    site.world.properties.put("app", app.key, "n", None)
    params = {"entity": "addon", "propertyKey": "k"}
    assert holds(about, "entity_property_exists", **params)
    assert not holds(about, "entity_property_exists", **{**params, "propertyKey": "n"})
    for value, any_, all_ in (
        ('["a", "c"]', True, False),
        ('["a", "b"]', True, True),
        ("a", True, True),
        ("c", False, False),
    ):
        assert holds(about, "entity_property_contains_any", value=value, **params) is any_
        assert holds(about, "entity_property_contains_all", value=value, **params) is all_
    none = {**params, "propertyKey": "none", "value": "a"}
    assert not holds(about, "entity_property_contains_any", **none)


# ---- together -------------------------------------------------------------------------------

YES, NO = Condition(name="linking_enabled"), Condition(name="voting_enabled")
UNKNOWN = Condition(name="jira_expression")


def all_of(*parts: Condition, invert: bool = False) -> Condition:
    return Condition(parts=parts, invert=invert)


def any_of(*parts: Condition, invert: bool = False) -> Condition:
    return Condition(parts=parts, any=True, invert=invert)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (all_of(YES, YES), True),
        (all_of(YES, NO), False),
        (any_of(YES, NO), True),
        (any_of(NO, NO), False),
        (Condition(name="voting_enabled", invert=True), True),
        (all_of(YES, invert=True), False),
        (any_of(NO, NO, invert=True), True),
        (UNKNOWN, False),
        (Condition(name="jira_expression", invert=True), False),
        (all_of(YES, UNKNOWN), False),
        (all_of(YES, UNKNOWN, invert=True), False),
        (all_of(NO, UNKNOWN, invert=True), True),
        (any_of(YES, UNKNOWN), True),
        (any_of(NO, UNKNOWN), False),
        (any_of(NO, UNKNOWN, invert=True), False),
        (Condition(name="has_page"), False),  # a condition of the other product
    ],
)
def test_conditions_together(site: Site, condition: Condition, answer: bool) -> None:
    assert asyncio.run(hold([condition], asked(site, install(site.jira, {})))) is answer


# ---- apps are asked -------------------------------------------------------------------------


class Wire:
    """Answers what it is told, and notes what it was asked."""

    def __init__(self, status: int = 200, body: bytes = b'{"shouldDisplay": true}') -> None:
        self.asked: list[Any] = []
        self.status, self.body = status, body
        self.problem: Exception | None = None

    async def exchange(self, request: Any) -> Any:
        self.asked.append(request)
        if self.problem is not None:
            raise self.problem
        return type("Answer", (), {"status": self.status, "body": self.body})


REMOTE = Condition(name="/shown?issue={issue.key}", params={"x": "y"})


@pytest.fixture
def wire(site: Site, monkeypatch: pytest.MonkeyPatch) -> Wire:
    found = Wire()
    monkeypatch.setattr(site.jira.outgoing, "wire", found)
    return found


def ask(site: Site, condition: Condition = REMOTE, **names: str) -> bool:
    app = site.jira.apps.get("my-app") or install(site.jira, {})
    return asyncio.run(hold([condition], asked(site, app, **{**ISSUE, **names})))


def test_an_app_is_asked_with_a_header(site: Site, wire: Wire) -> None:
    assert ask(site)
    (request,) = wire.asked
    assert request.method == "GET"
    assert "jwt=" not in request.url
    path, _, query = request.url.removeprefix("http://127.0.0.1:9999").partition("?")
    assert (path, query.split("&")[0]) == ("/shown", "issue=DEMO-1")
    assert "lic=none" in query
    token = request.headers["Authorization"].removeprefix("JWT ")
    claims = oracle.verified_claims(token, "HS256", b"0123456789abcdef0123456789abcdef")
    assert claims["qsh"] == oracle.qsh("GET", path, query, "")
    assert claims["sub"] == who(site, "user")[0].account_id


def test_an_answer_is_kept_for_a_moment_and_for_one_user(
    site: Site, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr(site.clock, "now", lambda: now)
    assert [ask(site) for _ in range(3)] == [True] * 3
    assert len(wire.asked) == 1
    ask(site, name="admin")
    ask(site, issue_key="DEMO-2")
    assert len(wire.asked) == 3
    now += 11
    ask(site)
    assert len(wire.asked) == 4


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"shouldDisplay": false}'),
        (200, b'{"shouldDisplay": "true"}'),
        (200, b"{}"),
        (200, b"<html>"),
        (200, b"\xff"),
        (500, b'{"shouldDisplay": true}'),
        (302, b'{"shouldDisplay": true}'),
    ],
)
def test_any_other_answer_shows_nothing(site: Site, wire: Wire, status: int, body: bytes) -> None:
    wire.status, wire.body = status, body
    assert not ask(site)


def test_an_app_that_does_not_answer_shows_nothing(
    site: Site, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.problem = NoAnswer("not there")
    inverted = Condition(name="/other", invert=True)
    assert not ask(site)
    assert not ask(site, inverted)

    async def never(_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("headway.host.conditions.REMOTE_SECONDS", 0.01)
    monkeypatch.setattr(wire, "exchange", never)
    assert not ask(site, Condition(name="/silent"))


def test_what_was_answered_is_not_kept_without_end(
    site: Site, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.host.conditions.CACHE_MAX", 2)
    for name in ("/a", "/b", "/c", "/a"):
        assert ask(site, Condition(name=name))
    assert len(wire.asked) == 4


def test_a_checked_descriptor_is_warned_of_no_condition_that_this_site_answers() -> None:
    assert {name for table in CONDITIONS.values() for name in table} <= CONDITION_NAMES
