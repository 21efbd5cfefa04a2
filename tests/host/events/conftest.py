from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from host.small_app import SmallApp, running
from host.small_stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    asyncio.run(made.site.close())


@pytest.fixture
def app() -> Iterator[SmallApp]:
    with running() as made:
        yield made
