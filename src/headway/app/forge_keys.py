"""Forge's key set: which RSA key signed an invocation token, by its ``kid``.

All keys of an environment stand at one address as a JSON Web Key Set (RFC 7517
section 5).  Which environment is asked is a setting: the peers read it from a
claim of the token that is still to be verified, so that the token chooses who
vouches for it.  How it is read and kept: :mod:`headway.http.key_set`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import msgspec

from headway.app.addresses import address_of, is_loopback
from headway.errors import ConfigurationError, Refusal
from headway.http.key_fetch import Fetches, Told
from headway.http.key_set import KeySet, key_name_of
from headway.keys import KEY_SET_BYTES_MAX, parse_key_set
from headway.ports import Clock, Credentials, NeedKey

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
        fetches: Fetches[None] = Fetches(ticks=ticks, told=told)
        self._set = KeySet(
            address,
            parse_key_set,
            size=KEY_SET_BYTES_MAX,
            fetches=fetches,
            ticks=ticks,
            transport=transport,
        )

    async def find(self, need: NeedKey) -> Credentials | None:
        """The key that ``need.key_id`` names.

        Raises a leaf of :class:`~headway.errors.KeyRefused`.
        """
        return Credentials(keys=(await self._set.get(key_name_of(need)),))

    def __repr__(self) -> str:
        return repr(self._set)
