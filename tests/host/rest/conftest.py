from __future__ import annotations

import pytest

from headway.host.clock import parse_date
from host.small_site import SmallSite


@pytest.fixture
def site() -> SmallSite:
    """A site of March 2022 with three apps of different scopes."""
    made = SmallSite(at=parse_date("2022-03-01"))
    made.add_app("my-app", "WRITE")
    made.add_app("reader", "READ")
    made.add_app("nothing", "NONE")
    return made
