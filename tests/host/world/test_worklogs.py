from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import Issue, World
from headway.host.world.worklogs import duration, seconds_of


def issue(world: World, **values: Any) -> Issue:
    return world.tracker.add_issue("DEMO", "One", **values)


def times(world: World, made: Issue) -> tuple[int | None, int | None]:
    found = world.tracker.issue(made.id)
    assert found is not None
    return found.time_spent, found.remaining_estimate


def test_work_counts_for_its_issue(world: World) -> None:
    made = issue(world, remaining_estimate=7200)
    heard: list[Any] = []
    world.listeners.append(heard.append)
    one = world.worklogs.add(made.id, "u1", 3600, comment="text", started=5.5)
    assert (one.seconds, one.started, one.created, one.author) == (3600, 5.5, 1000, "u1")
    assert times(world, made) == (3600, 3600)
    two = world.worklogs.add(made.id, "u2", 7200)
    assert (two.started, times(world, made)) == (1000, (10_800, 0))
    assert world.worklogs.of(made.id) == [one, two]
    changed = world.worklogs.edit(two.id, "u1", seconds=3600, left=900)
    assert (changed.seconds, changed.update_author, times(world, made)) == (3600, "u1", (7200, 900))
    world.worklogs.delete(one.id, "u1")
    assert times(world, made) == (3600, 4500)
    world.worklogs.delete(two.id, "u1", left=60)
    assert times(world, made) == (None, 60)
    assert world.worklogs.worklog(two.id) is None
    assert [c.event for c in heard if c.event.startswith("worklog")] == [
        *("worklog_created", "worklog_created"),
        *("worklog_updated", "worklog_deleted", "worklog_deleted"),
    ]


def test_a_comment_changes_no_time(world: World) -> None:
    made = issue(world)
    work = world.worklogs.add(made.id, "u1", 60)
    assert times(world, made) == (60, None)
    heard: list[Any] = []
    world.listeners.append(heard.append)
    assert world.worklogs.edit(work.id, "u1", comment="new").comment == "new"
    assert [c.event for c in heard] == ["worklog_updated"]


def test_work_that_is_none(world: World) -> None:
    made = issue(world)
    with pytest.raises(ValueError, match="null"):
        world.worklogs.add(made.id, "u1", 0)
    with pytest.raises(ValueError, match="characters"):
        world.worklogs.add(made.id, "u1", 60, comment="x" * 40_000)
    work = world.worklogs.add(made.id, "u1", 60)
    with pytest.raises(ValueError, match="null"):
        world.worklogs.edit(work.id, "u1", seconds=-1)
    with pytest.raises(LookupError):
        world.worklogs.edit(99, "u1")
    with pytest.raises(LookupError):
        world.worklogs.delete(99, "u1")
    assert world.worklogs.of(made.id) == [work]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60), ("2h", 7200), ("1d", 28_800), ("1w", 144_000), ("1.5h", 5400), (30, 1800)],
)
def test_durations(text: object, seconds: int) -> None:
    assert seconds_of(text) == seconds
    assert seconds_of(duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "h", "1x", "1h2m", "-1h", None, "1 h", "٣h", "9" * 50])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds_of(text)
