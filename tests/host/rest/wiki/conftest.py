from __future__ import annotations

import pytest

from host.rest.wiki.caller import Caller


@pytest.fixture
def app() -> Caller:
    """An app that may change and delete, in a site of March 2022."""
    return Caller()
