"""What a page is about, as the site itself knows it."""

from __future__ import annotations

from typing import Any

import pytest

from headway.host.scene import Scene, Unseen, scene_of
from headway.host.settings import Settings
from headway.host.site import Site
from headway.model import Product
from host.placed import who


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(Settings())


def scene(
    site: Site, name: str | None = "user", product: Any = Product.JIRA, **names: str
) -> Scene:
    wanted = {key.replace("_", ".", 1): value for key, value in names.items()}
    return scene_of(site, product, wanted, *who(site, name))


def test_an_issue_brings_its_project_whatever_else_is_said(site: Site) -> None:
    found = scene(site, issue_key="DEMO-1", project_key="PUB", issue_id="7", user_accountId="x")
    project = site.world.tracker.project("DEMO")
    assert project is not None
    assert found.project == project
    assert found.values["issue.summary"] == "Watch a token travel"
    assert found.values["project.id"] == str(project.id)
    user = site.world.people.user("user")
    assert user is not None
    assert found.values["user.accountId"] == user.account_id


def test_what_is_signed_are_names(site: Site) -> None:
    found = scene(site, issue_key="DEMO-1", ac_x="1")
    assert set(found.claims) == {"issue.key", "issue.id", "project.key", "project.id"}
    assert found.variables["ac.x"] == "1"


def test_by_another_name(site: Site) -> None:
    issue = scene(site, issue_key="DEMO-2").issue
    assert issue is not None
    assert scene(site, issue_id=str(issue.id)).issue == issue
    project = scene(site, project_key="DEMO").project
    assert project is not None
    assert scene(site, project_id=str(project.id)).project == project
    assert scene(site).values.keys() == {"user.accountId", "user.id"}


@pytest.mark.parametrize(
    "names", [{"issue_key": "DEMO-999"}, {"project_key": "NONE"}, {"profileUser_accountId": "none"}]
)
def test_what_is_not_there_in_jira(site: Site, names: dict[str, str]) -> None:
    with pytest.raises(Unseen):
        scene(site, **names)


def test_what_nobody_may_see(site: Site) -> None:
    assert scene(site, None, issue_key="PUB-1").values["issue.key"] == "PUB-1"
    for names in ({"issue_key": "DEMO-1"}, {"project_key": "DEMO"}):
        with pytest.raises(Unseen):
            scene(site, None, **names)
    account_id = who(site, "admin")[0].account_id or ""
    with pytest.raises(Unseen):
        scene(site, None, profileUser_accountId=account_id)
    seen = scene(site, profileUser_accountId=account_id)
    assert seen.values["profileUser.accountId"] == account_id


def test_a_page_brings_its_space(site: Site) -> None:
    space = site.world.spaces.spaces()[0]
    content = site.world.wiki.content(space.homepage_id or 0)
    assert content is not None
    for name in ("content_id", "page_id"):
        found = scene(site, product=Product.CONFLUENCE, **{name: str(content.id), "space_key": "X"})
        assert (found.content, found.space) == (content, space)
        assert found.values["content.type"] == "page"
        assert found.values["page.title"] == content.title
        assert found.values["space.key"] == space.key
    for names in ({"space_key": space.key}, {"space_id": str(space.id)}):
        assert scene(site, product=Product.CONFLUENCE, **names).space == space
    assert scene(site, product=Product.CONFLUENCE).space is None


@pytest.mark.parametrize("names", [{"content_id": "99"}, {"space_key": "NONE"}, {"space_id": "9"}])
def test_what_is_not_there_in_confluence(site: Site, names: dict[str, str]) -> None:
    with pytest.raises(Unseen):
        scene(site, product=Product.CONFLUENCE, **names)


def test_a_private_space_is_nobodys(site: Site) -> None:
    space = next(space for space in site.world.spaces.spaces() if not space.public)
    for names in ({"space_key": space.key}, {"content_id": str(space.homepage_id)}):
        with pytest.raises(Unseen):
            scene(site, None, Product.CONFLUENCE, **names)


def test_what_an_app_adds_is_bounded(site: Site) -> None:
    for names in ({"ac_x": "y" * 1001}, {f"ac_{n}": "1" for n in range(21)}):
        with pytest.raises(Unseen):
            scene(site, **names)
