"""All public keys of an issuer at one address (RFC 7517 section 5): read, kept, read again.

How often anything is fetched: :mod:`headway.http.key_fetch`.  What the keys are
and what is no key set is the caller's to say, by the function that reads one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import httpx

from headway.errors import KeyNotFound, KeyRefused, KeyUnusable, KidInvalid
from headway.http.key_fetch import Fetches, KeyMemory, fetch
from headway.ports import Clock, NeedKey
from headway.verify import KEY_NAME

__all__ = ["KeySet", "key_name_of"]

_T = TypeVar("_T")

SET_YOUNG = 10.0
"""Seconds for which a set that was just read answers for every ``kid``, so that no single miss
has to be remembered: so long can tokens with random key ids delay a key that is new."""

SET_LIFE = 3600.0
"""Seconds after which the set is read again, and a key that it no longer names is withdrawn."""

RETRY_EVERY = 60.0  # seconds between two such readings that fail; the keys pass meanwhile


def key_name_of(need: NeedKey) -> str:
    """The ``kid`` that *need* names: looked up in a set, and never part of an address.

    Raises :class:`~headway.errors.KidInvalid`, also where a secret is asked for.

    >>> key_name_of(NeedKey(issuer="forge", symmetric=False, key_id="a/b"))
    'a/b'
    """
    key_id = need.key_id or ""
    if need.symmetric or not KEY_NAME.fullmatch(key_id):
        raise KidInvalid(expected="a name of a key", found="another text or none")
    return key_id


class KeySet(Generic[_T]):
    """The keys at *address*, of at most *size* bytes, read by *parse*; one for each event loop.

    Keys pass for a day at most, also where the set can not be read; an unknown
    ``kid`` is then a 503.  Several sets may share one *fetches*, and so one
    budget.  *ticks* is a clock that never goes back, in seconds; *transport*
    is httpx's, for tests.

    >>> KeySet("https://id.example/jwks", dict, size=1000, fetches=Fetches())
    <key set of https://id.example/jwks>
    """

    def __init__(
        self,
        address: str,
        parse: Callable[[bytes], Mapping[str, _T]],
        *,
        size: int,
        fetches: Fetches[None],
        ticks: Clock = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._address, self._parse, self._size = address, parse, size
        self._fetches, self._ticks, self._transport = fetches, ticks, transport
        self._memory: KeyMemory[_T] = KeyMemory(ticks=ticks)
        self._read_at = self._again_at = float("-inf")

    async def get(self, key_id: str) -> _T:
        """The key *key_id*; raises a leaf of :class:`~headway.errors.KeyRefused`."""
        # (1) what is known: a key, or that there is none
        key = self._memory.get(key_id)
        if key is not None:
            self._read_again()
            return key
        if self._ticks() < self._read_at + SET_YOUNG:
            raise KeyNotFound(found="a key id that the set, read just now, does not have")
        # (2) one fetch for all who wait, whichever key they want
        await self._fetches.one(self._address, self._learn)
        key = self._memory.get(key_id)
        if key is None:
            raise KeyNotFound(found="a key id that the set does not have")
        return key

    def _read_again(self) -> None:
        """Begin to read the set where it is old; nobody waits for that."""
        now = self._ticks()
        if now < self._read_at + SET_LIFE or now < self._again_at:
            return
        self._again_at = now + RETRY_EVERY
        try:
            self._fetches.begin(self._address, self._learn)
        except KeyRefused:
            return  # no budget: what is known goes on to pass

    async def _learn(self) -> None:
        data = await fetch(self._address, size=self._size, transport=self._transport)
        keys = self._parse(data)
        if not keys:
            raise KeyUnusable(expected="a set with at least one signing key", found="none")
        self._memory.replace(keys)
        self._read_at = self._ticks()

    def __repr__(self) -> str:
        return f"<key set of {self._address}>"
