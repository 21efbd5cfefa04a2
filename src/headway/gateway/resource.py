"""A protected resource by its address, and where its metadata stand (RFC 9728 section 3)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from headway.errors import ConfigurationError
from headway.http.answers import origin_of

__all__ = ["WELL_KNOWN", "ProtectedResource"]

WELL_KNOWN = "/.well-known/oauth-protected-resource"
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")  # RFC 3986 section 3.3
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ProtectedResource(msgspec.Struct, frozen=True):
    """The API that *address* names: https, without query and fragment (http on this machine).

    Raises ConfigurationError for anything else.

    >>> ProtectedResource("https://api.example/v2").metadata_address
    'https://api.example/.well-known/oauth-protected-resource/v2'
    """

    address: str

    def __post_init__(self) -> None:
        try:
            origin_of(self.address)
        except ValueError as error:
            raise ConfigurationError(f"resource: {error}") from None
        parts = urlsplit(self.address)
        if "?" in self.address or "#" in self.address:
            raise ConfigurationError("resource: has neither query nor fragment here")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigurationError("resource: http is for this machine; write https://")
        if not _PATH.fullmatch(parts.path):
            raise ConfigurationError("resource: its path has a character that no path has")

    @property
    def path(self) -> str:
        """Its path; empty where the whole host is meant."""
        path = urlsplit(self.address).path
        return "" if path == "/" else path

    @property
    def metadata_path(self) -> str:
        """Where its metadata stand on its host: the well-known path, then its own.

        >>> ProtectedResource("https://api.example/").metadata_path
        '/.well-known/oauth-protected-resource'
        """
        return WELL_KNOWN + self.path

    @property
    def metadata_address(self) -> str:
        """The whole address of its metadata."""
        return origin_of(self.address) + self.metadata_path

    def covers(self, raw_path: str) -> bool:
        """Whether a request for *raw_path* is one to this resource.

        >>> ProtectedResource("https://api.example/v2").covers("/v20")
        False
        """
        return f"{raw_path}/".startswith(f"{self.path.rstrip('/')}/")
