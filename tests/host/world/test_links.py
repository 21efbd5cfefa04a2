from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import World


def test_links_between_issues(world: World) -> None:
    heard: list[Any] = []
    one, two = (world.tracker.add_issue("DEMO", name) for name in ("One", "Two"))
    world.listeners.append(heard.append)
    link = world.links.add("Blocks", one.id, two.id, "u1")
    assert world.links.add("Blocks", one.id, two.id, "u1") == link
    assert world.links.of(one.id) == world.links.of(two.id) == [link]
    assert world.links.link(link.id) == link
    with pytest.raises(ValueError, match="itself"):
        world.links.add("Blocks", one.id, one.id)
    world.links.delete(link.id, "u1")
    assert world.links.of(one.id) == []
    with pytest.raises(LookupError):
        world.links.delete(link.id)
    assert [c.event for c in heard] == ["issuelink_created", "issuelink_deleted"]


def test_followers(world: World) -> None:
    one = world.tracker.add_issue("DEMO", "One")
    for _ in range(2):
        world.links.watch(one.id, "u1")
        world.links.vote(one.id, "u2")
    world.links.watch(one.id, "u3")
    assert world.links.watchers(one.id) == ["u1", "u3"]
    assert world.links.votes(one.id) == ["u2"]
    world.links.watch(one.id, "u1", on=False)
    world.links.vote(one.id, "u2", on=False)
    assert (world.links.watchers(one.id), world.links.votes(one.id)) == (["u3"], [])


def test_they_go_with_their_issue(world: World) -> None:
    one, two = (world.tracker.add_issue("DEMO", name) for name in ("One", "Two"))
    link = world.links.add("Blocks", one.id, two.id)
    world.links.watch(two.id, "u1")
    world.tracker.delete_issue(two.id)
    assert world.links.link(link.id) is None
    assert world.links.watchers(two.id) == []
