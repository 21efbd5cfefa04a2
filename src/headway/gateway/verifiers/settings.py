"""The ``[verify]`` table of a policy file as values: how clients prove who they are."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from headway.errors import ConfigurationError
from headway.http.answers import origin_of

__all__ = ["TrustedIssuer", "Verification", "Verify"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Verification(StrEnum):
    """Who proves whose a token is."""

    NONE = "none"  # only the location is policed
    CONNECT = "connect"  # the shared secret of an installation, and the hash of the request
    JWKS = "jwks"  # a key of the issuer's key set


class TrustedIssuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One issuer, the one address of its key set, and the audiences by which the API is named.

    Raises ConfigurationError for a key set that is not at https (http on this
    machine), and for an audience that is missing: without one a token for
    another API would count here.

    >>> TrustedIssuer(issuer="https://id.example", keys="https://id.example/jwks",
    ...               audience=("api",)).keys
    'https://id.example/jwks'
    """

    issuer: str
    keys: str
    audience: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience or "" in self.audience:
            raise ConfigurationError("issuer: needs a name and at least one audience")
        try:
            origin_of(self.keys)
        except ValueError as error:
            raise ConfigurationError(f"keys: {error}") from None
        parts = urlsplit(self.keys)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigurationError("keys: http is for this machine; write https://")
        if parts.query or parts.fragment or not self.keys.isprintable():
            raise ConfigurationError("keys: is an address without query and fragment")


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """How clients prove who they are.

    For ``connect``: the installations are in *store* (a SQLite file or
    ``postgresql://``) or in *installations*, a private JSON file; *client_key*
    is the site's, and *base_path* the path under which it stands.  For
    ``jwks``: the *issuers*.

    >>> Verify().by.value
    'none'
    """

    by: Verification = Verification.NONE
    store: str = ""
    installations: str = ""
    client_key: str = ""
    base_path: str = ""
    issuers: tuple[TrustedIssuer, ...] = ()
    line: int = 0

    @property
    def waits(self) -> bool:
        """Whether keys come from another machine, and have to be awaited."""
        return self.by is Verification.JWKS or "://" in self.store

    def __post_init__(self) -> None:
        sources = [field for field in ("store", "installations") if getattr(self, field)]
        if self.by is Verification.CONNECT:
            if len(sources) != 1:
                raise ConfigurationError("by connect: needs store or installations, one of them")
            if not self.client_key:
                raise ConfigurationError("by connect: needs client_key, the site's name")
        elif sources or self.client_key or self.base_path:
            raise ConfigurationError(f"by {self.by}: there are no installations to ask for")
        if (self.by is Verification.JWKS) != bool(self.issuers):
            raise ConfigurationError('issuer: goes with by = "jwks", which needs at least one')
        names = [each.issuer for each in self.issuers]
        addresses = [each.keys for each in self.issuers]
        if len(set(names)) < len(names) or len(set(addresses)) < len(addresses):
            raise ConfigurationError("issuer: two share a name or a key set")
