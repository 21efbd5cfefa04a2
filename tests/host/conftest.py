from __future__ import annotations

from collections.abc import Iterator

import pytest

from host.small_app import SmallApp, SmallHost, running


@pytest.fixture
def app() -> Iterator[SmallApp]:
    """An app that listens, below a base path."""
    with running(base_path="/base") as app:
        yield app


@pytest.fixture
def host(app: SmallApp) -> SmallHost:
    """The site's outgoing half, with that app installed."""
    host = SmallHost()
    host.add(**app.descriptor)
    return host
