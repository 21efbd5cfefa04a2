"""The sites that a relay goes to: named one by one, and compared whole.

A site is scheme, name and port.  There is no pattern: what is not named is
refused.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from headway.errors import ConfigurationError

__all__ = ["PORTS", "Site", "authority", "is_address", "read_site"]

PORTS = {"http": 80, "https": 443}
_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*"
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?P<port>[0-9]{1,5}))?")


class Site(NamedTuple):
    """Where requests may go: *host* in lower case, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Name and port as ``Host`` has them.

        >>> Site("https", "site.example", 443).authority
        'site.example'
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def read_site(url: str) -> Site:
    """The site of *url*, which has nothing behind the name; raises ConfigurationError.

    Plain http is for this machine alone: a token goes over no other wire in plain.

    >>> read_site("https://Site.example")
    Site(scheme='https', host='site.example', port=443)
    """
    scheme, _, rest = url.partition("://")
    found = authority(rest.removesuffix("/"))
    if found is None or scheme not in PORTS:
        raise ConfigurationError(f"{url}: is no site; write https://site.example, with no path")
    host, port = found
    if not is_address(host) and not _NAME.fullmatch(host):
        raise ConfigurationError(f"{url}: {host!r} is no name of a host; write it in ASCII")
    site = Site(scheme, host, port or PORTS[scheme])
    if site.scheme == "http" and not _is_here(host):
        raise ConfigurationError(f"{url}: a token goes over plain http on this machine only")
    return site


def authority(text: str) -> tuple[str, int | None] | None:
    """Host (lower case) and port of *text*; None where it is something else, user names too.

    >>> authority("[::1]:8443"), authority("user@site.example")
    (('::1', 8443), None)
    """
    found = _AUTHORITY.fullmatch(text)
    if found is None or (found["port"] and not 0 < int(found["port"]) < 65536):
        return None
    host = found["host"].strip("[]").lower()
    if host != found["host"].lower() and not is_address(host):
        return None
    return host, int(found["port"]) if found["port"] else None


def is_address(host: str) -> bool:
    """Whether *host* is an address and no name.

    >>> is_address("127.0.0.1"), is_address("localhost")
    (True, False)
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    if is_address(host):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")
