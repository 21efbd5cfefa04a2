from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import World


def project_id(world: World) -> int:
    found = world.tracker.project("DEMO")
    assert found is not None
    return found.id


def test_components(world: World) -> None:
    kept, demo = world.components, project_id(world)
    made = kept.add_component(demo, "Back end", "text", lead="u1")
    with pytest.raises(ValueError, match="already exists"):
        kept.add_component(demo, "Back end")
    with pytest.raises(ValueError, match="characters"):
        kept.add_component(demo, "")
    assert kept.components(demo) == [made]
    assert kept.component(str(made.id)) == made
    assert kept.edit_component(made.id, name="Front end").name == "Front end"
    assert kept.edit_component(made.id).name == "Front end"
    with pytest.raises(ValueError, match="characters"):
        kept.edit_component(made.id, name="")
    kept.delete_component(made.id)
    assert kept.components(demo) == []
    with pytest.raises(LookupError):
        kept.edit_component(made.id, name="x")


def test_versions(world: World) -> None:
    kept, demo = world.components, project_id(world)
    heard: list[Any] = []
    world.listeners.append(heard.append)
    made = kept.add_version(demo, "1.0", release_date="2022-02-01", author="u1")
    assert (made.released, made.archived, made.release_date) == (False, False, "2022-02-01")
    with pytest.raises(ValueError, match="already exists"):
        kept.add_version(demo, "1.0")
    assert kept.versions(demo) == [made]
    assert kept.version(made.id) == made
    assert kept.edit_version(made.id, released=True).released
    assert not kept.edit_version(made.id, released=False, name="1.1").released
    assert kept.edit_version(made.id).name == "1.1"
    with pytest.raises(ValueError, match="characters"):
        kept.edit_version(made.id, name="")
    kept.delete_version(made.id)
    for gone in (lambda: kept.edit_version(made.id), lambda: kept.delete_version(made.id)):
        with pytest.raises(LookupError):
            gone()
    assert [c.event.removeprefix("jira:version_") for c in heard] == [
        *("created", "updated", "released", "updated", "unreleased", "updated", "deleted"),
    ]
