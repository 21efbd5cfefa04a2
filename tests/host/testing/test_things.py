"""Plain attributes: what is set goes the way of every other change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.host.testing import Site
from headway.host.world import Change


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Site:
    shared.reset()
    return shared


def test_setting_is_a_change_by_somebody(site: Site) -> None:
    heard: list[Change] = []
    site.running.site.world.listeners.append(heard.append)
    issue = site.issue("DEMO-1")
    issue.summary = "Seen"
    assert issue.summary == "Seen"
    assert issue.key == "DEMO-1"
    (change,) = heard
    assert change.event == "jira:issue_updated"
    assert change.author == site.user("admin").account_id
    site.author = "user"
    issue.change(summary="Twice", description="at once")
    assert (heard[-1].after.summary, heard[-1].after.description) == ("Twice", "at once")
    assert heard[-1].author == site.user("user").account_id
    site.author = "admin"


def test_each_kind_of_thing(site: Site) -> None:
    site.user("user").display_name = "Una"
    assert site.user("user").display_name == "Una"
    site.user("user").active = False
    assert site.user("user").active is False
    site.space("DEMO").name = "Renamed"
    assert site.space("DEMO").name == "Renamed"
    page = site.page("Demonstration Home")
    page.body = "<p>New</p>"
    by_id = site.page(str(page.id))
    assert (by_id.body, by_id.version) == ("<p>New</p>", 2)
    assert site.project("DEMO").name == "Demonstration"
    assert repr(page) == "<page Demonstration Home>"


def test_what_can_not_be(site: Site) -> None:
    with pytest.raises(LookupError, match="the site has no issue NONE-1"):
        site.issue("NONE-1").summary = "x"
    with pytest.raises(LookupError, match="the site has no page Nowhere"):
        assert site.page("Nowhere").title
    with pytest.raises(AttributeError, match="<issue DEMO-1> has no colour"):
        site.issue("DEMO-1").colour = "red"
    with pytest.raises(AttributeError, match="colour"):
        assert site.issue("DEMO-1").colour
    with pytest.raises(AttributeError, match="<user user>: email can not be set"):
        site.user("user").email = "x@site.example"
    with pytest.raises(ValueError, match="summary"):
        site.issue("DEMO-1").summary = ""
    assert site.issue("DEMO-1").summary == "Watch a token travel"
