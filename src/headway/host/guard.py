"""What stands before every request to the site: the edge's guard, and what apps bring along."""

from __future__ import annotations

from typing import ClassVar

from starlette.datastructures import Headers

from headway.http.guard import Guard

__all__ = ["SiteGuard"]

FOR_APPS = ("/rest/", "/secure/attachment", "/wiki/rest/", "/wiki/api/", "/wiki/download/")
"""Where a call of an app's page, made by the bridge with the user's session, may lead at all."""


class SiteGuard(Guard):
    """The guard of a site that apps' pages load a script from and call the API of.

    Chromium sends an Origin along where a page loads the client script.
    """

    scripts: ClassVar[frozenset[str]] = frozenset(
        {"/atlassian-connect/all.js", "/connect-cdn.atl-paas.net/all.js"}
    )

    shown: ClassVar[tuple[str, ...]] = ("/static/",)
    """The same for everybody, whoever looks at it."""

    def objection(self, path: str, headers: Headers) -> str:
        """An app's page reaches the API and nothing else."""
        if "ap-client-key" in headers and not path.startswith(FOR_APPS):
            return "An app may not call this address."
        return ""
