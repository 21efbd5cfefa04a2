"""Every endpoint of Confluence's REST API that this site has."""

from __future__ import annotations

from headway.host.rest.call import Endpoint
from headway.host.rest.wiki import content, files, marks, people, search, spaces, v2

__all__ = ["ENDPOINTS"]

ENDPOINTS: tuple[Endpoint, ...] = (
    *content.ENDPOINTS,
    *files.ENDPOINTS,
    *marks.ENDPOINTS,
    *people.ENDPOINTS,
    *search.ENDPOINTS,
    *spaces.ENDPOINTS,
    *v2.ENDPOINTS,
)
