"""Forge's key set: which RSA key signed an invocation token, by its ``kid``.

All keys of an environment stand at one address as a JSON Web Key Set (RFC 7517
section 5).  Which environment is asked is a setting: the peers read it from a
claim of the token that is still to be verified, so that the token chooses who
vouches for it.  How often anything is fetched: :mod:`headway.http.key_fetch`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import msgspec

from headway.app.addresses import address_of, is_loopback
from headway.errors import (
    ConfigurationError,
    KeyNotFound,
    KeyRefused,
    KeyUnusable,
    KidInvalid,
    Refusal,
)
from headway.http.key_fetch import Fetches, KeyMemory, Told, fetch
from headway.keys import KEY_SET_BYTES_MAX, RsaPublicKey, parse_key_set
from headway.ports import Clock, Credentials, NeedKey
from headway.verify import KEY_NAME

__all__ = ["ENVIRONMENTS", "Environment", "ForgeKeys", "environment_of"]


class Environment(msgspec.Struct, frozen=True):
    """Where one of Forge's environments keeps its keys, and its API.

    ``keys`` is the address of the key set, ``api`` the origin under which
    ``/ex/jira/<cloudId>`` stands.  Raises ConfigurationError for anything but
    https addresses; http only on this machine.

    >>> Environment(keys="https://keys.example/jwks.json", api="https://api.example").api
    'https://api.example'
    """

    keys: str
    api: str

    def __post_init__(self) -> None:
        """Refuse what is no address, and http beyond this machine."""
        for name, url in (("keys", self.keys), ("api", self.api)):
            try:
                address = address_of(url)
            except (ValueError, Refusal) as error:
                raise ConfigurationError(f"forge {name}: {error}") from None
            if address.startswith("http://") and not is_loopback(urlsplit(address).hostname):
                raise ConfigurationError(f"forge {name}: http only on localhost or 127.0.0.1")
            msgspec.structs.force_setattr(self, name, address)


ENVIRONMENTS: Mapping[str, Environment] = {
    "production": Environment(
        keys="https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json",
        api="https://api.atlassian.com",
    ),
    "staging": Environment(
        keys="https://forge.cdn.stg.atlassian-dev.net/.well-known/jwks.json",
        api="https://api.stg.atlassian.com",
    ),
}
"""Forge's environments ("Forge Remote essentials"; staging as in the vendor's own framework)."""

SET_YOUNG = 10.0
"""Seconds for which a set that was just read answers for every ``kid``, so that no single miss
has to be remembered: so long can tokens with random key ids delay a key that is new."""

SET_LIFE = 3600.0
"""Seconds after which the set is read again, and a key that it no longer names is withdrawn."""

RETRY_EVERY = 60.0  # seconds between two such readings that fail; the keys pass meanwhile

_SET = "set"  # there is one thing to fetch


def environment_of(setting: str | Environment, *, development: bool) -> Environment:
    """The environment that *setting* names, or is.

    An address of one's own is written in code; http needs development mode.
    Raises ConfigurationError.

    >>> environment_of("staging", development=False).api
    'https://api.stg.atlassian.com'
    """
    if isinstance(setting, str):
        if setting not in ENVIRONMENTS:
            raise ConfigurationError(f"forge environment: {' and '.join(ENVIRONMENTS)} are known")
        return ENVIRONMENTS[setting]
    if not development and any(url.startswith("http:") for url in (setting.keys, setting.api)):
        raise ConfigurationError("forge environment: http needs development mode")
    return setting


class ForgeKeys:
    """Finds the key of an invocation token; one for each app and event loop.

    Keys pass for a day at most, also where the set can not be read; an unknown
    ``kid`` is then a 503.  *ticks* is a clock that never goes back, in seconds;
    *transport* is httpx's, for tests.
    """

    def __init__(
        self,
        address: str,
        *,
        ticks: Clock = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
        told: Told = lambda outcome, seconds: None,
    ) -> None:
        self._address = address
        self._transport = transport
        self._ticks = ticks
        self._memory: KeyMemory[RsaPublicKey] = KeyMemory(ticks=ticks)
        self._fetches: Fetches[None] = Fetches(ticks=ticks, told=told)
        self._read_at = float("-inf")
        self._again_at = float("-inf")

    async def find(self, need: NeedKey) -> Credentials | None:
        """The key that ``need.key_id`` names.

        Raises a leaf of :class:`~headway.errors.KeyRefused`.
        """
        key_id = need.key_id or ""
        if need.symmetric or not KEY_NAME.fullmatch(key_id):
            raise KidInvalid(expected="a name of a key", found="another text or none")
        # (1) what is known: a key, or that there is none
        key = self._memory.get(key_id)
        if key is not None:
            self._read_again()
            return Credentials(keys=(key,))
        if self._ticks() < self._read_at + SET_YOUNG:
            raise KeyNotFound(found="a key id that the set, read just now, does not have")
        # (2) one fetch for all who wait, whichever key they want
        await self._fetches.one(_SET, self._learn)
        key = self._memory.get(key_id)
        if key is None:
            raise KeyNotFound(found="a key id that the set does not have")
        return Credentials(keys=(key,))

    def _read_again(self) -> None:
        """Begin to read the set where it is old; nobody waits for that."""
        now = self._ticks()
        if now < self._read_at + SET_LIFE or now < self._again_at:
            return
        self._again_at = now + RETRY_EVERY
        try:
            self._fetches.begin(_SET, self._learn)
        except KeyRefused:
            return  # no budget: what is known goes on to pass

    async def _learn(self) -> None:
        data = await fetch(self._address, size=KEY_SET_BYTES_MAX, transport=self._transport)
        keys = parse_key_set(data)
        if not keys:
            raise KeyUnusable(expected="a set with at least one signing key", found="none")
        self._memory.replace(keys)
        self._read_at = self._ticks()
