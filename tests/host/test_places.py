"""Where each type of module is shown, in which order, and where its link leads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headway.descriptor import MODULE_TYPES, Shown
from headway.host.conditions import Remote
from headway.host.places import PLACES, Entry, find, homeless, modules_for
from headway.host.scene import scene_of
from headway.host.settings import Settings
from headway.host.site import Site
from headway.model import Product
from host.placed import APP, install, module, visit, who


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


def at(site: Site, place: str, name: str | None = "user", **names: str) -> list[Entry]:
    visitor, _ = visit(site, name)
    product = PLACES[place].product
    tenant = site.jira if product is Product.JIRA else site.confluence
    wanted = {key.replace("_", ".", 1): value for key, value in names.items()}
    scene = scene_of(site, product, wanted, *who(site, name))
    return asyncio.run(modules_for(site, tenant, place, scene, visitor))


def keys(entries: list[Entry]) -> list[str]:
    return [entry.module.key for entry in entries]


def test_every_type_that_is_shown_has_a_place() -> None:
    """A macro is where somebody wrote it; a dialog opens from anywhere; two pages have one link."""
    placed = {name for place in PLACES.values() for name in place.types}
    located = {"webPanels", "webItems", "webSections"}
    elsewhere = {"dialogs", "configurePage", "postInstallPage"}
    for name, row in MODULE_TYPES.items():
        if row.shown not in (Shown.CALL, Shown.MACRO):
            assert name in placed | located | elsewhere


def test_places_are_of_the_products_of_their_types() -> None:
    for place in PLACES.values():
        for name in place.types:
            assert place.product in MODULE_TYPES[name].products


def test_a_panel_is_where_it_says(site: Site) -> None:
    right = module("right", location="atl.jira.view.issue.right.context")
    other = module("other", location="atl.jira.somewhere")
    app = install(site.jira, {"webPanels": [right, other]})
    (entry,) = at(site, "issue.panels", issue_key="DEMO-1")
    assert (entry.module.key, entry.href, entry.opens) == ("right", "", "")
    issue = site.world.tracker.issue("DEMO-1")
    assert issue is not None
    assert entry.context["issue.id"] == str(issue.id)
    assert "issue.summary" not in entry.context
    assert [found.key for found in homeless(app, Product.JIRA)] == ["other"]


def test_modules_have_an_order(site: Site) -> None:
    pages = [module("b", weight=5), module("c"), module("a", weight=5)]
    install(site.jira, {"generalPages": pages})
    assert keys(at(site, "header")) == ["a", "b", "c"]


def test_the_other_products_modules_are_not_shown(site: Site) -> None:
    install(site.confluence, {"jiraProfileTabPanels": [module("tab")], "spacePages": [module("p")]})
    assert keys(at(site, "space.pages")) == ["p"]
    install(site.jira, {"generalPages": [module("page")], "spacePages": [module("q")]})
    assert keys(at(site, "header")) == ["page"]
    assert keys(at(site, "space.pages")) == ["p"]


def test_a_disabled_app_is_nowhere(site: Site) -> None:
    app = install(site.jira, {"generalPages": [module("page")]})
    site.jira.apps.change(app.key, enabled=False)
    assert at(site, "header") == []
    assert find(site.jira, "my-app", "page") is None


def test_conditions_decide(site: Site) -> None:
    conditions = [{"condition": "user_is_admin"}]
    install(site.jira, {"generalPages": [module("page", conditions=conditions)]})
    assert keys(at(site, "header")) == []
    assert keys(at(site, "header", "admin")) == ["page"]


def test_modules_that_were_added_are_shown_too(site: Site) -> None:
    app = install(site.jira, {"generalPages": [module("page")]})
    added = '{"generalPages": [{"key": "new", "name": {"value": "New"}, "url": "/new"}]}'
    site.jira.apps.change(app.key, added=added)
    assert keys(at(site, "header")) == ["new", "page"]


def test_a_section_brings_its_links_along(site: Site) -> None:
    section = {"key": "s", "name": {"value": "Section"}, "location": "system.top.navigation.bar"}
    items = [
        module("full", location="my-app__s"),
        module("short", location="s"),
        module("lost", location="other__s"),
    ]
    app = install(site.jira, {"webSections": [section], "webItems": items})
    assert [(e.module.key, e.section) for e in at(site, "header")] == [
        ("full", "Section"),
        ("short", "Section"),
    ]
    assert [found.key for found in homeless(app, Product.JIRA)] == ["lost"]


BAR = "operations-top-level"


@pytest.mark.parametrize(
    ("more", "href", "opens"),
    [
        ({}, "/plugins/servlet/ac/my-app/item?issue.key=DEMO-1&", ""),
        (
            {"url": "/browse/{issue.key}?a={issue.key}", "context": "product"},
            "/browse/DEMO-1?a=",
            "",
        ),
        ({"url": "//x", "context": "product"}, None, ""),
        ({"url": "?a={issue.key}", "context": "page"}, "?a=DEMO-1", ""),
        ({"url": "https://example.com/{issue.key}"}, "https://example.com/DEMO-1", ""),
        ({"target": {"type": "dialog"}}, "", "item"),
        ({"target": {"type": "inlineDialog"}}, "", "item"),
        ({"target": {"type": "dialogModule", "options": {"key": "d"}}, "url": None}, "", "d"),
    ],
)
def test_where_a_link_leads(site: Site, more: dict[str, Any], href: str | None, opens: str) -> None:
    item = {k: v for k, v in module("item", location=BAR, **more).items() if v is not None}
    if href is None:
        with pytest.raises(ValueError, match="at `"):
            install(site.jira, {"webItems": [item]})
        return
    install(site.jira, {"webItems": [item]})
    (entry,) = at(site, "issue.actions", issue_key="DEMO-1")
    assert entry.href.startswith(href)
    assert (bool(entry.href), entry.opens) == (bool(href), opens)


def test_a_link_within_confluence_stays_there(site: Site) -> None:
    item = module("item", location="system.header/left", url="/x", context="product")
    page = module("page")
    install(site.confluence, {"webItems": [item], "generalPages": [page]})
    assert [entry.href for entry in at(site, "wiki.header")] == [
        "/wiki/x",
        "/wiki/plugins/servlet/ac/my-app/page",
    ]


def test_a_page_is_reached_by_its_link(site: Site) -> None:
    install(site.jira, {"jiraProjectPages": [module("p/".replace("/", ""))]})
    (entry,) = at(site, "project.pages", project_key="DEMO")
    project = site.world.tracker.project("DEMO")
    assert project is not None
    assert entry.href == (f"/plugins/servlet/ac/my-app/p?project.key=DEMO&project.id={project.id}")


def test_an_icon_is_the_apps_own(site: Site) -> None:
    def icon(url: str) -> str:
        pages = [module("p", iconUrl=url)]
        install(site.jira, {"jiraProjectPages": pages})
        return at(site, "project.pages", project_key="DEMO")[0].icon

    assert icon("/i.svg") == f"{APP}/i.svg"
    assert icon(f"{APP}/i.svg") == f"{APP}/i.svg"
    assert icon("https://example.com/i.svg") == ""
    install(site.jira, {"jiraProjectPages": [module("p")]})
    assert at(site, "project.pages", project_key="DEMO")[0].icon == ""


def test_finding_by_the_keys_that_an_app_uses(site: Site) -> None:
    install(site.jira, {"dialogs": [{"key": "d", "url": "/d"}]})
    for key in ("d", "my-app__d"):
        found = find(site.jira, "my-app", key)
        assert found is not None
        assert found[1].key == "d"
    assert find(site.jira, "my-app", "none") is None
    assert find(site.jira, "none", "d") is None
    assert find(site.confluence, "my-app", "d") is None
