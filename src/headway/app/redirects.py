"""Where a download may go: which redirects are followed, and to which addresses.

A host answers a download with a redirect to the media host.  Whoever could
choose its target would have the app ask machines that only the app can reach,
so two things are checked: the address as it is written (``next_hop``), and the
addresses that its name resolves to, which are then the ones connected to
(``GuardedBackend``).  A name that changes its mind in between gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

import httpcore
import httpx

from headway.app.addresses import is_loopback
from headway.app.asks import Opened
from headway.app.failures import DownloadFailed
from headway.app.host_auth import origin_and_target
from headway.app.streams import connect, connect_sync
from headway.errors import ConfigurationError, ForeignOrigin

__all__ = [
    "HOPS_MAX",
    "MEDIA_HOSTS",
    "Address",
    "AddressRefused",
    "GuardedBackend",
    "Resolve",
    "SyncGuardedBackend",
    "is_public",
    "media_hosts",
    "next_hop",
]

HOPS_MAX = 3  # redirects of one download

MEDIA_HOSTS = ("api.media.atlassian.com",)
"""Where the hosts' files lie: names as seen in practice, which no document of the vendor states."""

Resolve: TypeAlias = Callable[[str, int], Iterable[str]]
"""The addresses of a name, for a port; raises OSError."""

_Options: TypeAlias = Iterable[Any] | None
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(httpcore.ConnectError):
    """A name that leads to an address that is not public; nothing was connected to."""


def media_hosts(names: Sequence[str]) -> tuple[str, ...]:
    """*names*, each a host's or, with a dot before it, a suffix of hosts'.

    Raises ConfigurationError for anything else, and for a suffix of one label.

    >>> media_hosts(["api.media.atlassian.com", ".files.example"])
    ('api.media.atlassian.com', '.files.example')
    """
    for name in names:
        labels = name.removeprefix(".").split(".")
        plain = all(
            label.isascii() and label.replace("-", "x").isalnum() and label == label.lower()
            for label in labels
        )
        if not plain or len(labels) < 2 or labels[-1].isdigit():
            raise ConfigurationError(
                f"media_hosts: {name!r} is no name of a host, and no suffix like .files.example"
            )
    return tuple(names)


class Address:
    """An address that opens something for whoever has it: reports that show locals see none.

    >>> Address(httpx.URL("https://api.media.atlassian.com/f?signature=x"))
    <an address>
    """

    __slots__ = ("url",)

    def __init__(self, url: httpx.URL) -> None:
        self.url = url

    def __repr__(self) -> str:
        return "<an address>"


def next_hop(
    at: Address, answer: Opened, *, site: str, media: Sequence[str], development: bool
) -> Address:
    """The address that the redirect *answer*, from *at*, leads to.

    It is https on the standard port of a host in *media*, or on the origin of
    the *site*; in development also anywhere on this machine.  Raises
    :class:`~headway.app.failures.DownloadFailed`, which never says the address.

    >>> answer = Opened(httpx.Response(303, headers={"Location": "//evilatlassian.net/f"}), None)
    >>> next_hop(Address(httpx.URL("https://x.atlassian.net/a")), answer, site="https://x.atlassian.net",
    ...          media=[".atlassian.net"], development=False)
    Traceback (most recent call last):
    headway.app.failures.DownloadFailed: ... its host is not among the media hosts
    """
    found = _next(at.url, answer.headers.get_list("location"), site, media, development)
    if isinstance(found, str):
        raise DownloadFailed(f"the download was redirected to where it does not go: {found}")
    return Address(found)


def _next(
    at: httpx.URL, locations: Sequence[str], site: str, media: Sequence[str], development: bool
) -> httpx.URL | str:
    """The address, or why it is none; nothing is raised here, where locals show it."""
    # (1) one address, of which there is one reading
    location = locations[0] if len(locations) == 1 else ""
    if not location or not all("!" <= character <= "~" for character in location):
        return "there is no address that all software reads alike"
    if "\\" in location:
        return "the address has a backslash"
    try:
        url = at.join(location).copy_with(fragment=None)
        origin, _ = origin_and_target(url)
    except (httpx.InvalidURL, ForeignOrigin, ValueError):
        return _NOT_PLAIN
    # (2) the site itself, or this machine while developing
    if development and is_loopback(url.host):
        return url
    if url.scheme != "https":
        return _NOT_PLAIN
    if origin == site:
        return url
    # (3) a host that is known for it
    known = any(
        url.host.endswith(name) if name.startswith(".") else url.host == name for name in media
    )
    if not known or url.port is not None or not all(url.host.split(".")):
        return "its host is not among the media hosts"
    return url


_NOT_PLAIN = "the address is not https, or names a user"


# ---- what a name resolves to ----------------------------------------------------------------


def is_public(address: str, *, development: bool = False) -> bool:
    """Whether *address* is one of the public internet; in *development* also loopback.

    Addresses that carry an IPv4 address in them count as that one.

    >>> is_public("169.254.169.254"), is_public("::ffff:10.0.0.1"), is_public("8.8.8.8")
    (False, False, True)
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if found.teredo is not None:
            return False
        if inner is not None:
            return is_public(str(inner), development=development)
    if development and found.is_loopback:
        return True
    return found.is_global and not found.is_multicast and not found.is_reserved


def _admitted(addresses: Iterable[str], development: bool) -> list[str]:
    """*addresses*, if all of them are public: one that is not says what the name is for."""
    found = list(dict.fromkeys(addresses))
    if not found or not all(is_public(each, development=development) for each in found):
        raise AddressRefused("the name does not lead to public addresses alone")
    return found


def _resolved(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects a pool of httpcore to public addresses only; TLS still names the host.

    *resolve* is for tests.
    """

    def __init__(self, *, development: bool = False, resolve: Resolve = _resolved) -> None:
        self._development = development
        self._resolve = resolve
        self._connect: Callable[..., Awaitable[httpcore.AsyncNetworkStream]] = connect

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, and connect to what was judged."""
        try:
            async with asyncio.timeout(timeout):
                found = await asyncio.to_thread(self._resolve, host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        except OSError:
            raise httpcore.ConnectError("the name does not resolve") from None
        failure: Exception | None = None
        for address in _admitted(found, self._development):
            try:
                return await self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("nobody is there")

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        await asyncio.sleep(seconds)


class SyncGuardedBackend(httpcore.NetworkBackend):
    """The same for a pool that is used by threads."""

    def __init__(self, *, development: bool = False, resolve: Resolve = _resolved) -> None:
        self._development = development
        self._resolve = resolve
        self._connect: Callable[..., httpcore.NetworkStream] = connect_sync

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.NetworkStream:
        """Resolve, judge, and connect to what was judged."""
        try:
            found = self._resolve(host, port)
        except OSError:
            raise httpcore.ConnectError("the name does not resolve") from None
        failure: Exception | None = None
        for address in _admitted(found, self._development):
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("nobody is there")
