"""Whether a user administers the site: asked of the host, and remembered for a minute.

A token says who a user is and never what they may do.  What the host answers is
kept for a short while, bounded, for each site and account; what it does not
answer is kept for nobody.

| product | asked | sources |
|---|---|---|
| Jira | ``POST /rest/api/3/permissions/check``, ``globalPermissions: ["ADMINISTER"]`` | Jira's REST API, "Get bulk permissions" |
| Confluence | ``GET /rest/api/user?expand=operations``, ``administer`` of ``application`` | Confluence's REST API, "Get user" |
"""  # noqa: E501 - a table

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import httpx

from headway.app.client import HostClient
from headway.errors import HeadwayError
from headway.model import Installation, Product
from headway.ports import Clock
from headway.refusals import AdministratorUnknown

__all__ = ["KNOWN_MAX", "KNOWN_SECONDS", "Administrators"]

KNOWN_SECONDS = 60.0
"""How long an answer counts: so long may somebody who was one go on."""
KNOWN_MAX = 10_000


class Administrators:
    """Answers of the hosts of one app.

    *client_of* makes a client for an installation; *ticks* is a clock that
    never goes back, in seconds.  Safe to share between threads and loops.
    """

    def __init__(
        self, client_of: Callable[[Installation], HostClient], *, ticks: Clock = time.monotonic
    ) -> None:
        self._client_of = client_of
        self._ticks = ticks
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()

    async def administers(self, installation: Installation, account_id: str | None) -> bool:
        """Whether *account_id* administers the site of *installation*; nobody does not.

        Raises :class:`~headway.refusals.AdministratorUnknown` where the host
        can not be asked or gives no answer that says so.
        """
        if account_id is None:
            return False
        key = installation.client_key, account_id
        with self._lock:
            until, known = self._known.get(key, (0.0, False))
        if self._ticks() < until:
            return known
        asked = self._ticks()
        found = await self._ask(installation, account_id)
        with self._lock:
            self._known[key] = asked + KNOWN_SECONDS, found
            self._known.move_to_end(key)
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        return found

    async def _ask(self, installation: Installation, account_id: str) -> bool:
        ask = _of_jira if installation.product is Product.JIRA else _of_confluence
        try:
            async with self._client_of(installation) as client:
                return await ask(client, account_id)
        except (HeadwayError, httpx.HTTPError, ValueError, TypeError, KeyError) as error:
            raise AdministratorUnknown(found=type(error).__name__) from None


async def _of_jira(client: HostClient, account_id: str) -> bool:
    asked = {"accountId": account_id, "globalPermissions": ["ADMINISTER"]}
    answer = await client.post("/rest/api/3/permissions/check", json=asked)
    return "ADMINISTER" in list(_told(answer)["globalPermissions"])


async def _of_confluence(client: HostClient, account_id: str) -> bool:
    asked = {"accountId": account_id, "expand": "operations"}
    answer = await client.get("/rest/api/user", params=asked)
    return any(
        (one["operation"], one["targetType"]) == ("administer", "application")
        for one in _told(answer)["operations"]
    )


def _told(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code != httpx.codes.OK:
        raise AdministratorUnknown(expected="status 200", found=f"status {answer.status_code}")
    told: dict[str, Any] = answer.json()
    return told
