from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import World
from headway.host.world.fields import KINDS

PREFIX = next(iter(KINDS)).rpartition(":")[0]


def test_a_field_is_made_found_and_forgotten(world: World) -> None:
    made = world.fields.add("Points", f"{PREFIX}:float", "How large it is.")
    assert world.fields.get(made.key) == made
    assert world.fields.all() == [made]
    for key in ("customfield_1", "customfield_x", "10001", "summary", "customfield_"):
        assert world.fields.get(key) is None
    assert world.fields.delete(made.key)
    assert not world.fields.delete(made.key)
    again = world.fields.add("Points", f"{PREFIX}:float")
    assert again.key != made.key


@pytest.mark.parametrize(
    ("name", "kind"), [("", "float"), ("x" * 256, "float"), ("Name", "nothing")]
)
def test_a_field_that_can_not_be(world: World, name: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"characters|type"):
        world.fields.add(name, f"{PREFIX}:{kind}")


VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "textfield": (["", "x" * 255], ["x" * 256, 1]),
    "textarea": (["x" * 256], ["x" * 32_768, 1]),
    "url": (["https://example.com"], [1]),
    "float": ([1, 1.5, -1], [True, "1"]),
    "datepicker": (["2022-02-01"], ["2022-2-1", 1, "2022-02-01T00:00"]),
    "datetime": (["2022-02-01T00:00:00.000+0000"], ["2022-02-01", 1]),
    "labels": ([[], ["a", "b"]], ["a", ["a b"], [1]]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    good, bad = VALUES[name]
    accepts = KINDS[f"{PREFIX}:{name}"].accepts
    assert all(map(accepts, good))
    assert not any(map(accepts, bad))


def test_every_kind_is_tested() -> None:
    assert {key.rpartition(":")[2] for key in KINDS} == set(VALUES)
