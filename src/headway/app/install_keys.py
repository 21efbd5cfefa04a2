"""The host's install keys: which RSA key signed a lifecycle token, by its ``kid``.

A ``kid`` comes from a token that nobody has verified, so whoever sends tokens
chooses what is fetched.  Therefore one address, fixed by setting; one fetch at
a time for each ``kid``; misses are remembered; and all fetches together have a
budget, beyond which only keys already known pass.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from headway.app.addresses import address_of, is_loopback
from headway.app.client import tls_settings
from headway.errors import (
    ConfigurationError,
    KeyNotFound,
    KeySourceFailed,
    KeyUnusable,
    KidInvalid,
    Refusal,
)
from headway.keys import PEM_BYTES_MAX, RsaPublicKey
from headway.ports import Clock, Credentials, NeedKey
from headway.verify import KEY_ID

__all__ = ["SOURCES", "InstallKeys", "key_source"]

_T = TypeVar("_T")

SOURCES: Mapping[str, str] = {
    "production": "https://connect-install-keys.atlassian.com",
    "staging": "https://cs-migrations--cdn.us-east-1.staging.public.atl-paas.net",
    "fedramp": "https://cs-migrations--fedrampcdn.us-east-1.prod.cdn.atlassian-us-gov-mod.com",
}
"""The key source of each of the host's environments."""

KEY_LIFE = 86_400  # seconds: a withdrawn key dies within a day
KEYS_MAX = 64
MISS_LIFE = 60  # seconds
MISSES_MAX = 256
FETCHES_MAX = 20  # at once
FETCH_EVERY = 3.0  # seconds until one more is allowed
FETCH_SECONDS = 5.0  # for a whole answer
_ABSENT = frozenset({403, 404, 410})  # the real source answers 403 for a kid that it does not know


def key_source(name: str, *, development: bool) -> str:
    """The address for *name*: an environment of the table, or in development a URL.

    Raises ConfigurationError for anything else, and for http beyond this machine.

    >>> key_source("production", development=False)
    'https://connect-install-keys.atlassian.com'
    """
    if name in SOURCES:
        return SOURCES[name]
    if not development:
        raise ConfigurationError(
            f"install keys: {', '.join(SOURCES)} are known; an address needs development mode"
        )
    try:
        address = address_of(name)
    except (ValueError, Refusal) as error:
        raise ConfigurationError(f"install keys: {error}") from None
    if address.startswith("http://") and not is_loopback(urlsplit(address).hostname):
        raise ConfigurationError("install keys: http only on localhost or 127.0.0.1")
    return address


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
    ) -> None:
        self._source = source
        self._transport = transport
        self._ticks = ticks
        self._keys: OrderedDict[str, tuple[float, RsaPublicKey]] = OrderedDict()
        self._misses: OrderedDict[str, float] = OrderedDict()
        self._running: dict[str, asyncio.Task[RsaPublicKey]] = {}
        self._budget = float(FETCHES_MAX)
        self._counted_at = ticks()

    async def find(self, need: NeedKey) -> Credentials | None:
        """The key that ``need.key_id`` names.

        A ``kid`` names one key for ever, so that ``need.fresh`` changes nothing.
        Raises a leaf of :class:`~headway.errors.KeyRefused`.
        """
        key_id = need.key_id or ""
        if need.symmetric or not KEY_ID.fullmatch(key_id):
            raise KidInvalid(expected="one safe path segment", found="another text or none")
        # (1) what is known: a key, or that there is none
        now = self._ticks()
        known = self._keys.get(key_id)
        if known is not None and now < known[0]:
            return Credentials(keys=(known[1],))
        if now < self._misses.get(key_id, now):
            raise KeyNotFound(found="a key id that was asked for just now")
        # (2) one fetch for all who wait for this kid; it goes on when one of them goes away
        task = self._running.get(key_id)
        if task is None:
            self._spend(now)
            task = asyncio.ensure_future(self._learn(key_id))
            self._running[key_id] = task
            task.add_done_callback(lambda done: self._done(key_id, done))
        return Credentials(keys=(await asyncio.shield(task),))

    def _spend(self, now: float) -> None:
        earned = (now - self._counted_at) / FETCH_EVERY
        self._budget = min(float(FETCHES_MAX), self._budget + earned)
        self._counted_at = now
        if self._budget < 1:
            raise KeySourceFailed(expected="few unknown key ids", found="too many at once")
        self._budget -= 1

    def _done(self, key_id: str, task: asyncio.Task[RsaPublicKey]) -> None:
        del self._running[key_id]
        if not task.cancelled():
            task.exception()  # looked at, also where nobody waits any more

    async def _learn(self, key_id: str) -> RsaPublicKey:
        try:
            pem = await _fetch(f"{self._source}/{key_id}", self._transport)
        except KeyNotFound:
            _keep(self._misses, key_id, self._ticks() + MISS_LIFE, MISSES_MAX)
            raise
        key = RsaPublicKey.from_pem(pem)
        _keep(self._keys, key_id, (self._ticks() + KEY_LIFE, key), KEYS_MAX)
        return key


def _keep(room: OrderedDict[str, _T], key_id: str, value: _T, size: int) -> None:
    room[key_id] = value
    room.move_to_end(key_id)
    if len(room) > size:
        room.popitem(last=False)


async def _fetch(url: str, transport: httpx.AsyncBaseTransport | None = None) -> bytes:
    """What stands at *url*: at most a PEM's bytes, within the time, from there and nowhere else."""
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx.AsyncClient(verify=tls_settings(), trust_env=False, transport=transport) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code in _ABSENT:
                raise KeyNotFound(found=f"status {answer.status_code}")
            if answer.status_code != httpx.codes.OK:
                raise KeySourceFailed(expected="status 200", found=f"status {answer.status_code}")
            data = b""
            async for chunk in answer.aiter_raw():
                data += chunk
                if len(data) > PEM_BYTES_MAX:
                    raise KeyUnusable(expected=f"at most {PEM_BYTES_MAX} bytes", found="more")
            return data
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise KeySourceFailed(found=type(error).__name__) from None
