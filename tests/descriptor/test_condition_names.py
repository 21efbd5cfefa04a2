"""The names of conditions: those that the vendor's pages list."""

from __future__ import annotations

import re

from headway.descriptor.condition_names import CONDITION_NAMES


def test_names_are_as_hosts_write_them() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in CONDITION_NAMES)


def test_both_products_are_there() -> None:
    assert {"user_is_logged_in", "is_issue_editable", "viewing_content"} <= CONDITION_NAMES
    assert sum("_property_" in name for name in CONDITION_NAMES) == 4 * 7
