from __future__ import annotations

import pytest

from headway.host.world.changes import Change


def test_a_change_is_frozen() -> None:
    change = Change(event="jira:issue_created", author="u1", after="a thing")
    assert (change.before, change.after) == (None, "a thing")
    with pytest.raises(AttributeError):
        change.event = "other"  # type: ignore[misc]
