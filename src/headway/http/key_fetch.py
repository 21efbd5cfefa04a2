"""How public keys are learned from a source that an unverified token makes us ask.

A ``kid`` comes from a token that nobody has verified, so whoever sends tokens
chooses when something is fetched.  Therefore one address, fixed by setting;
one fetch at a time for each thing that is fetched; misses are remembered; and
all fetches together have a budget, beyond which only keys already known pass.

What is asked, and what an answer means, is said by the sources that stand on
this, in the parts.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar

import httpx

from headway.errors import (
    KeyNotFound,
    KeySourceFailed,
    KeyUnusable,
    KidInvalid,
    Refusal,
)
from headway.ports import Clock, NeedKey
from headway.verify import KEY_ID

__all__ = ["Fetches", "KeyMemory", "Told", "fetch", "key_id_of", "tls_settings"]

_T = TypeVar("_T")
Told: TypeAlias = Callable[[str, float], None]

KEY_LIFE = 86_400  # seconds: a withdrawn key dies within a day
KEYS_MAX = 64
MISS_LIFE = 60  # seconds
MISSES_MAX = 256
FETCHES_MAX = 20  # at once
FETCH_EVERY = 3.0  # seconds until one more is allowed
FETCH_SECONDS = 5.0  # for a whole answer


def key_id_of(need: NeedKey) -> str:
    """The ``kid`` that *need* names: one safe path segment.

    Raises :class:`~headway.errors.KidInvalid`, also where a secret is asked for.

    >>> key_id_of(NeedKey(issuer="site", symmetric=False, key_id="key-1"))
    'key-1'
    """
    key_id = need.key_id or ""
    if need.symmetric or not KEY_ID.fullmatch(key_id):
        raise KidInvalid(expected="one safe path segment", found="another text or none")
    return key_id


class KeyMemory(Generic[_T]):
    """What a source said lately: keys for a day, misses for a minute; both bounded.

    >>> memory = KeyMemory[str](ticks=lambda: 0.0)
    >>> memory.keep("key-1", "the key")
    >>> memory.get("key-1"), memory.get("key-2")
    ('the key', None)
    """

    def __init__(self, *, ticks: Clock = time.monotonic) -> None:
        self._ticks = ticks
        self._keys: OrderedDict[str, tuple[float, _T]] = OrderedDict()
        self._misses: OrderedDict[str, float] = OrderedDict()

    def get(self, key_id: str) -> _T | None:
        """The key, or None where nothing is known.

        Raises :class:`~headway.errors.KeyNotFound` where the source was asked
        lately and has none.
        """
        now = self._ticks()
        known = self._keys.get(key_id)
        if known is not None and now < known[0]:
            return known[1]
        if now < self._misses.get(key_id, now):
            raise KeyNotFound(found="a key id that was asked for just now")
        return None

    def keep(self, key_id: str, key: _T) -> None:
        """Remember *key*."""
        _keep(self._keys, key_id, (self._ticks() + KEY_LIFE, key), KEYS_MAX)

    def miss(self, key_id: str) -> None:
        """Remember that the source has no such key."""
        _keep(self._misses, key_id, self._ticks() + MISS_LIFE, MISSES_MAX)

    def replace(self, keys: Mapping[str, _T]) -> None:
        """Know exactly *keys* from now on: what the source no longer names is withdrawn."""
        self._keys.clear()
        for key_id, key in keys.items():
            self.keep(key_id, key)


def _keep(room: OrderedDict[str, Any], key_id: str, value: Any, size: int) -> None:
    room[key_id] = value
    room.move_to_end(key_id)
    if len(room) > size:
        room.popitem(last=False)


class Fetches(Generic[_T]):
    """One fetch at a time for each name, and a budget for all; one for each event loop.

    *ticks* is a clock that never goes back, in seconds.  *told* hears of each
    fetch that ends: its outcome (``ok``, the id of the refusal, or ``failed``)
    and the seconds that it took.

    >>> async def learn():
    ...     return "learned"
    >>> asyncio.run(Fetches[str](ticks=lambda: 0.0).one("set", learn))
    'learned'
    """

    def __init__(
        self, *, ticks: Clock = time.monotonic, told: Told = lambda outcome, seconds: None
    ) -> None:
        self._ticks = ticks
        self._told = told
        self._running: dict[str, asyncio.Task[_T]] = {}
        self._budget = float(FETCHES_MAX)
        self._counted_at = ticks()

    async def one(self, name: str, learn: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """What *learn* gives, begun once for all who wait for *name*.

        It goes on when one of them goes away.  Raises what *learn* raises, and
        :class:`~headway.errors.KeySourceFailed` where the budget is spent.
        """
        return await asyncio.shield(self.begin(name, learn))

    def begin(self, name: str, learn: Callable[[], Coroutine[Any, Any, _T]]) -> asyncio.Task[_T]:
        """The running fetch of *name*, which begins here where there is none; raises as `one`."""
        task = self._running.get(name)
        if task is None:
            self._spend()
            task = asyncio.ensure_future(self._timed(learn))
            self._running[name] = task
            task.add_done_callback(lambda done: self._done(name, done))
        return task

    async def _timed(self, learn: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        began, outcome = self._ticks(), "failed"
        try:
            learned = await learn()
            outcome = "ok"
            return learned
        except Refusal as refusal:
            outcome = refusal.id
            raise
        finally:
            self._told(outcome, self._ticks() - began)

    def _spend(self) -> None:
        now = self._ticks()
        earned = (now - self._counted_at) / FETCH_EVERY
        self._budget = min(float(FETCHES_MAX), self._budget + earned)
        self._counted_at = now
        if self._budget < 1:
            raise KeySourceFailed(expected="few unknown key ids", found="too many at once")
        self._budget -= 1

    def _done(self, name: str, task: asyncio.Task[_T]) -> None:
        del self._running[name]
        if not task.cancelled():
            task.exception()  # looked at, also where nobody waits any more


@lru_cache(maxsize=1)
def tls_settings() -> ssl.SSLContext:
    """The TLS settings, read once: reading the authorities takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)


async def fetch(
    url: str,
    *,
    size: int,
    absent: frozenset[int] = frozenset(),
    transport: httpx.AsyncBaseTransport | None = None,
) -> bytes:
    """What stands at *url*: at most *size* bytes, within the time, from there and nowhere else.

    No proxy and no credentials of the environment, no redirect, no compressed
    body that grows.  Raises :class:`~headway.errors.KeyNotFound` for a status
    of *absent*, :class:`~headway.errors.KeyUnusable` for too many bytes, and
    :class:`~headway.errors.KeySourceFailed` for every other failure.
    """
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx.AsyncClient(verify=tls_settings(), trust_env=False, transport=transport) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code in absent:
                raise KeyNotFound(found=f"status {answer.status_code}")
            if answer.status_code != httpx.codes.OK:
                raise KeySourceFailed(expected="status 200", found=f"status {answer.status_code}")
            data = b""
            async for chunk in answer.aiter_raw():
                data += chunk
                if len(data) > size:
                    raise KeyUnusable(expected=f"at most {size} bytes", found="more")
            return data
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise KeySourceFailed(found=type(error).__name__) from None
