"""Which addresses an app serves, asks and may be framed by: parsed, never matched as text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from headway.errors import BaseUrlRefused, ConfigurationError, Refusal
from headway.http.answers import origin_of
from headway.model import Installation
from headway.qsh import canonical_request

__all__ = [
    "HOST_SUFFIXES",
    "address_of",
    "framers",
    "host_suffixes",
    "is_loopback",
    "own_address",
    "shell_framers",
    "site_address",
    "source_address",
]

HOST_SUFFIXES = (".atlassian.net", ".jira.com")
"""The names under which production sites are served."""

_LOOPBACK_FRAMERS = ("http://localhost:*", "http://127.0.0.1:*")
_SUFFIX = re.compile(r"(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_LENGTH_MAX = 200  # characters of a base URL, as the descriptor's schema has it


@lru_cache(maxsize=64)
def is_loopback(host: str | None) -> bool:
    """Whether *host* is this machine: ``localhost`` or a loopback address, unresolved.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost.example")
    (True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def address_of(url: str) -> str:
    """*url* as an origin with a plain path and no ``/`` at its end.

    Raises ValueError for anything that has a user, a query, a fragment or a
    path that is not in its normal form.

    >>> address_of("https://Site.atlassian.net/wiki/")
    'https://site.atlassian.net/wiki'
    """
    parts = urlsplit(url)
    if len(url) > _LENGTH_MAX or not url.isprintable() or "?" in url or "#" in url:
        raise ValueError("an address is an origin and a path, and nothing else")
    origin = origin_of(url)
    path = parts.path.rstrip("/") if parts.path != "//" else parts.path
    canonical_request("GET", path or "/")  # raises where a path has more than one reading
    return origin + path


def source_address(what: str, sources: Mapping[str, str], name: str, *, development: bool) -> str:
    """The address for *name*: an environment of the table *sources*, or in development a URL.

    *what* begins the message.  Raises ConfigurationError for anything else, and
    for http beyond this machine.

    >>> source_address("keys", {"production": "https://k.example"}, "production", development=False)
    'https://k.example'
    """
    if name in sources:
        return sources[name]
    if not development:
        raise ConfigurationError(
            f"{what}: {', '.join(sources)} are known; an address needs development mode"
        )
    try:
        address = address_of(name)
    except (ValueError, Refusal) as error:
        raise ConfigurationError(f"{what}: {error}") from None
    if address.startswith("http://") and not is_loopback(urlsplit(address).hostname):
        raise ConfigurationError(f"{what}: http only on localhost or 127.0.0.1")
    return address


def own_address(url: str, *, development: bool) -> str:
    """The app's own base URL; raises ConfigurationError where it can not work.

    It is https.  In development mode it is on this machine and may be http:
    the mode opens doors that must not be reached from elsewhere.
    """
    try:
        address = address_of(url)
    except (ValueError, Refusal) as error:
        raise ConfigurationError(f"base_url: {error}") from None
    local = is_loopback(urlsplit(address).hostname)
    if development and not local:
        raise ConfigurationError("development mode needs a base_url on localhost or 127.0.0.1")
    if not development and not address.startswith("https://"):
        raise ConfigurationError("base_url: must be https, except in development mode")
    return address


def host_suffixes(names: Sequence[str], *, some: bool = False) -> tuple[str, ...]:
    """The suffixes of sites that may install an app; raises ConfigurationError for what is none.

    Each begins with a dot: ``com`` would let in ``evilcom``, and the letters of
    one text would let in nearly everybody.  *some* wants one at least.

    >>> host_suffixes([".atlassian.net"])
    ('.atlassian.net',)
    """
    if isinstance(names, str):
        raise ConfigurationError("hosts: is a list of suffixes, such as ['.atlassian.net']")
    if some and not names:
        raise ConfigurationError("hosts: is empty, so that no site could install the app")
    for name in names:
        if not _SUFFIX.fullmatch(name):
            raise ConfigurationError(
                f"hosts: {name!r} is no suffix in lower case, such as .atlassian.net"
            )
    return tuple(names)


def site_address(url: str, *, suffixes: Sequence[str], development: bool) -> str:
    """The base URL of a site that wants to install the app.

    Raises :class:`~headway.errors.BaseUrlRefused` unless it is https, on the
    standard port and under one of *suffixes*, or in development on loopback.

    >>> site_address("https://x.atlassian.net/wiki", suffixes=HOST_SUFFIXES, development=False)
    'https://x.atlassian.net/wiki'
    """
    try:
        address = address_of(url)
    except (ValueError, Refusal):
        raise BaseUrlRefused(expected="an address", found="something else") from None
    parts = urlsplit(address)
    host = parts.hostname or ""
    if development and is_loopback(host):
        return address
    named = any(host.endswith(suffix) for suffix in suffixes) and all(host.split("."))
    if parts.scheme != "https" or parts.port is not None or not named:
        raise BaseUrlRefused(expected="https on " + " or ".join(suffixes), found=address)
    return address


def framers(installation: Installation, own: str) -> list[str]:
    """Who may frame a page of *installation*: its site under both names, and the app itself."""
    return _origins([installation.base_url, installation.display_url or "", own])


def shell_framers(suffixes: Sequence[str], *, development: bool) -> list[str]:
    """Who may frame a page that knows no installation: any site that could install the app."""
    sites = [f"https://*{suffix}" for suffix in suffixes]
    return sites + list(_LOOPBACK_FRAMERS) if development else sites


def _origins(urls: Iterable[str]) -> list[str]:
    found = []
    for url in urls:
        try:
            found.append(origin_of(url))
        except ValueError:
            continue  # a display URL is what an unsigned body said: data, and perhaps rubbish
    return found
