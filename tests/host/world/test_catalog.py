from __future__ import annotations

import pytest

from headway.host.world import catalog
from headway.host.world.catalog import DONE, ISSUE_TYPES, STATUSES, TRANSITIONS, named


def test_the_workflow_leads_everywhere_and_from_nowhere_to_itself() -> None:
    names = {status.name for status in STATUSES}
    for status in names:
        steps = catalog.transitions_from(status)
        assert {step.target for step in steps} == names - {status}
    assert {step.target for step in TRANSITIONS} == names
    assert {"Done"} == DONE
    assert catalog.transitions_from("Nowhere") == []


@pytest.mark.parametrize("rows", ["ISSUE_TYPES", "STATUSES", "PRIORITIES", "RESOLUTIONS"])
def test_ids_and_names_are_each_of_one_row(rows: str) -> None:
    table = getattr(catalog, rows)
    assert len({row.id for row in table}) == len({row.name for row in table}) == len(table)
    for row in table:
        assert named(table, {"id": row.id}) == named(table, {"id": str(row.id)}) == row
        assert named(table, {"name": row.name}) == row
    assert named(table, {"id": "0"}) is None
    assert named(table, {"name": "nothing"}) is None
    assert named(table, {}) is None


def test_levels() -> None:
    assert {kind.name: kind.level for kind in ISSUE_TYPES} == {
        "Task": 0,
        "Bug": 0,
        "Story": 0,
        "Epic": 1,
        "Sub-task": -1,
    }
