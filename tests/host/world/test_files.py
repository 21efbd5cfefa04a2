from __future__ import annotations

import pytest

from headway.host.world import Change, World
from headway.host.world.files import PART_BYTES


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_an_attachment_comes_back_in_parts(world: World, size: int) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    made = world.files.add_attachment(
        "issue", issue.id, "a b.bin", "application/octet-stream", data, "u1"
    )
    parts = list(world.files.bytes_of(made.id))
    assert b"".join(parts) == data
    assert all(len(part) <= PART_BYTES for part in parts)
    assert world.files.of("issue", issue.id) == [made]
    assert world.files.attachment(str(made.id)) == made
    assert made.size == size


def test_no_connection_is_held_between_two_parts(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    made = world.files.add_attachment(
        "issue", issue.id, "a", "text/plain", b"x" * 2 * PART_BYTES, "u1"
    )
    parts = world.files.bytes_of(made.id)
    next(parts)
    world.tracker.add_comment(issue.id, "u1", "in between")  # in memory there is one connection
    assert len(next(parts)) == PART_BYTES


def test_a_new_one_is_told(world: World) -> None:
    told: list[Change] = []
    world.listeners.append(told.append)
    made = world.files.add_attachment("issue", 1, "a", "text/plain", b"x", "u1")
    assert told == [Change(event="attachment_created", author="u1", after=made)]
    assert world.files.of("issue", 2) == world.files.of("page", 1) == []


def test_a_part_of_the_bytes(world: World) -> None:
    data = bytes(range(256)) * 1024
    made = world.files.add_attachment("issue", 1, "a", "text/plain", data, "u1")
    ends = (0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, len(data))
    for start in ends:
        for stop in (*ends, None):
            got = b"".join(world.files.bytes_of(made.id, start, stop))
            assert got == data[start:stop], (start, stop)


def test_one_that_is_taken_away(world: World) -> None:
    made = world.files.add_attachment("issue", 1, "a", "text/plain", b"x", "u1")
    told: list[Change] = []
    world.listeners.append(told.append)
    world.files.remove_attachment(made.id, "u2")
    world.files.remove_attachment(made.id, "u2")
    assert told == [Change(event="attachment_deleted", author="u2", before=made)]
    assert list(world.files.bytes_of(made.id)) == []


def test_some_are_kept_and_dropped_without_a_word(world: World) -> None:
    told: list[Change] = []
    world.listeners.append(told.append)
    made = world.files.keep("content", 1, "a", "text/plain", b"x", "u1")
    assert world.files.of("content", 1) == [made]
    world.files.drop([made.id])
    assert world.files.of("content", 1) == []
    assert told == []
