from __future__ import annotations

from headway.host.shapes import Shapes
from headway.host.world import World
from headway.host.world.catalog import LINK_TYPES, STATUSES, SYSTEM_FIELDS, TRANSITIONS
from headway.host.world.fields import KINDS
from host.shapes.conftest import Write

PREFIX = next(iter(KINDS)).rpartition(":")[0]


def test_fields_of_the_host_and_of_the_site(world: World, write: Write) -> None:
    made = world.fields.add("Points", f"{PREFIX}:float")
    labels = world.fields.add("Tags", f"{PREFIX}:labels")
    shapes = write()
    custom = shapes.field(made)
    assert (custom["id"], custom["custom"], custom["clauseNames"]) == (
        made.key,
        True,
        [f"cf[{made.key[12:]}]", "Points"],
    )
    assert custom["schema"] == {
        "type": "number",
        "custom": f"{PREFIX}:float",
        "customId": int(made.key[12:]),
    }
    assert shapes.schema(labels)["items"] == "string"
    found = {one.id: shapes.field(one) for one in SYSTEM_FIELDS}
    assert found["labels"]["schema"] == {"type": "array", "items": "string", "system": "labels"}
    assert (found["timetracking"]["searchable"], found["summary"]["searchable"]) == (False, True)
    assert all(isinstance(one["clauseNames"], list) for one in found.values())


def test_what_a_field_takes(world: World, write: Write) -> None:
    project = world.tracker.projects()[0]
    world.components.add_component(project.id, "Back end")
    world.components.add_version(project.id, "1.0")
    custom = world.fields.add("Points", f"{PREFIX}:float")
    shapes: Shapes = write()
    meta = {
        one.id: shapes.field_meta(one, project, ("summary",)) for one in SYSTEM_FIELDS if one.verbs
    }
    assert [meta[name]["required"] for name in ("summary", "labels")] == [True, False]
    allowed = {
        n: [v["name"] for v in m["allowedValues"]] for n, m in meta.items() if "allowedValues" in m
    }
    assert (allowed["components"], allowed["versions"]) == (["Back end"], ["1.0"])
    assert allowed["fixVersions"] == ["1.0"]
    assert "Bug" in allowed["issuetype"]
    assert "High" in allowed["priority"]
    assert "allowedValues" not in meta["summary"]
    assert shapes.field_meta(custom, project)["operations"] == ["set"]
    resolution = next(one for one in SYSTEM_FIELDS if one.id == "resolution")
    assert shapes.field_meta(resolution, project)["allowedValues"]


def test_rows_of_the_catalog(write: Write) -> None:
    shapes = write()
    done = next(row for row in STATUSES if row.name == "Done")
    assert shapes.status(done)["statusCategory"]["key"] == "done"
    link = shapes.link_type(LINK_TYPES[0])
    assert (link["name"], link["inward"], link["outward"]) == (
        *("Blocks", "is blocked by"),
        "blocks",
    )
    step = shapes.transition(TRANSITIONS[-1])
    assert (step["name"], step["to"]["name"]) == ("Done", "Done")
