"""The pytest plugin: a site for each test, in no time, because one is set back.

It imports nothing until a test asks for a site: whoever has Headway installed
and tests something else pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from headway.host.testing import Site

__all__ = ["confluence_site", "headway_settings", "headway_site", "jira_site"]


@pytest.fixture(scope="session")
def headway_settings() -> dict[str, Any]:
    """The arguments of the site; a test suite gives its own by a fixture of this name.

    ``return {"sockets": True, "policy": "rehearsal"}``
    """
    return {}


@pytest.fixture(scope="session")
def headway_site(headway_settings: dict[str, Any]) -> Iterator[Site]:
    """The one site of this process; each worker of pytest-xdist has its own."""
    from headway.host.testing import Site

    with Site(**headway_settings) as site:
        yield site


@pytest.fixture
def jira_site(headway_site: Site) -> Iterator[Site]:
    """A fresh Jira for this test: no apps, no traffic, the content of the start."""
    yield from _fresh(headway_site, "jira")


@pytest.fixture
def confluence_site(headway_site: Site) -> Iterator[Site]:
    """The same site as a Confluence: apps are installed into that."""
    yield from _fresh(headway_site, "confluence")


def _fresh(site: Site, product: str) -> Iterator[Site]:
    from headway.model import Product

    before = site.product
    site.product = Product(product)
    yield site
    site.product, site.author = before, "admin"
    site.reset()
