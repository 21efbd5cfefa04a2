"""The host's install keys: which RSA key signed a lifecycle token, by its ``kid``.

Each key has an address of its own, ``<source>/<kid>``, where a PEM stands.
How often anything is fetched: :mod:`headway.http.key_fetch`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx

from headway.app.addresses import source_address
from headway.errors import KeyNotFound
from headway.http.key_fetch import Fetches, KeyMemory, Told, fetch, key_id_of
from headway.keys import PEM_BYTES_MAX, RsaPublicKey
from headway.ports import Clock, Credentials, NeedKey

__all__ = ["SOURCES", "InstallKeys", "key_source"]

SOURCES: Mapping[str, str] = {
    "production": "https://connect-install-keys.atlassian.com",
    "staging": "https://cs-migrations--cdn.us-east-1.staging.public.atl-paas.net",
    "fedramp": "https://cs-migrations--fedrampcdn.us-east-1.prod.cdn.atlassian-us-gov-mod.com",
}
"""The key source of each of the host's environments."""

_ABSENT = frozenset({403, 404, 410})  # the real source answers 403 for a kid that it does not know


def key_source(name: str, *, development: bool) -> str:
    """The address for *name*: an environment of the table, or in development a URL.

    Raises ConfigurationError for anything else, and for http beyond this machine.

    >>> key_source("production", development=False)
    'https://connect-install-keys.atlassian.com'
    """
    return source_address("install_keys", SOURCES, name, development=development)


class InstallKeys:
    """Finds the key of a lifecycle token; one for each app and event loop.

    *ticks* is a clock that never goes back, in seconds; *transport* is httpx's,
    for tests.
    """

    def __init__(
        self,
        source: str,
        *,
        ticks: Clock = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
        told: Told = lambda outcome, seconds: None,
    ) -> None:
        self._source = source
        self._transport = transport
        self._memory: KeyMemory[RsaPublicKey] = KeyMemory(ticks=ticks)
        self._fetches: Fetches[RsaPublicKey] = Fetches(ticks=ticks, told=told)

    async def find(self, need: NeedKey) -> Credentials | None:
        """The key that ``need.key_id`` names.

        A ``kid`` names one key for ever, so that ``need.fresh`` changes nothing.
        Raises a leaf of :class:`~headway.errors.KeyRefused`.
        """
        key_id = key_id_of(need)
        key = self._memory.get(key_id)
        if key is None:
            key = await self._fetches.one(key_id, lambda: self._learn(key_id))
        return Credentials(keys=(key,))

    async def _learn(self, key_id: str) -> RsaPublicKey:
        try:
            pem = await fetch(
                f"{self._source}/{key_id}",
                size=PEM_BYTES_MAX,
                absent=_ABSENT,
                transport=self._transport,
            )
        except KeyNotFound:
            self._memory.miss(key_id)
            raise
        key = RsaPublicKey.from_pem(pem)
        self._memory.keep(key_id, key)
        return key
