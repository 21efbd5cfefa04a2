"""Connecting: to the addresses that a site may have, and with its certificate checked, always."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import httpx
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from headway.errors import ConfigurationError
from headway.gateway.relay.refusals import Turned
from headway.gateway.relay.sites import Site
from headway.gateway.sockets import connected
from headway.gateway.wire import abandon

__all__ = ["dial", "is_public", "reach", "upstream_tls"]

CONNECT_SECONDS = 10.0  # for all addresses of a name together, and the handshake
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are IPv4


def upstream_tls(extra: Path | None = None) -> ssl.SSLContext:
    """How sites are checked: by the authorities that everybody has, and those in the file *extra*.

    There is no way to check less.  Raises ConfigurationError for a file that has none.

    >>> upstream_tls().check_hostname
    True
    """
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if extra is not None:
        try:
            context.load_verify_locations(extra)
        except (OSError, ssl.SSLError):
            raise ConfigurationError(f"{extra}: holds no certificates (PEM)") from None
    return context


async def dial(site: Site, tls: ssl.SSLContext) -> ByteStream:
    """A connection to *site*: in TLS that proved its name, or in plain on this machine.

    Raises Turned.
    """
    with _limited():
        if site.scheme == "http":
            return await reach(site.host, site.port, _is_loopback)
        stream = await reach(site.host, site.port, _is_one)
        try:
            return await TLSStream.wrap(stream, hostname=site.host, ssl_context=tls)
        except BaseException as error:
            await abandon(stream)
            if isinstance(error, ssl.SSLCertVerificationError):
                raise Turned("upstream-certificate", site.host) from None
            if isinstance(error, (OSError, anyio.BrokenResourceError, anyio.EndOfStream)):
                raise Turned("upstream-unreachable", f"{site.host}: no handshake") from None
            raise


async def reach(host: str, port: int, may: Callable[[Address], bool]) -> ByteStream:
    """A connection to one of the addresses of *host* that *may* be asked; raises Turned.

    The name is looked up once, and what is connected to is an address that was looked at:
    a name that leads elsewhere in the next moment leads nowhere.
    """
    with _limited():
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Turned("upstream-unreachable", f"{host}: has no address") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        good = [each for each in addresses if may(_plain(each))]
        if not good:
            raise Turned("address-refused", host)
        for address in good:
            try:
                return await connected(address, port)
            except OSError:
                continue
        raise Turned("upstream-unreachable", f"{host}: takes no connection")


@contextmanager
def _limited() -> Iterator[None]:
    """A limit of time whose end is an answer."""
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            yield
    except TimeoutError:
        raise Turned("upstream-slow") from None


def _plain(address: str) -> Address:
    """The address that is meant, where one is written inside of another."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found in _TRANSLATED:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    teredo = found.teredo[1] if found.teredo else None
    return found.ipv4_mapped or found.sixtofour or teredo or found


def is_public(address: Address) -> bool:
    """Whether anybody may be asked there: not this machine, its network, or a cloud's metadata.

    >>> is_public(ipaddress.ip_address("169.254.169.254"))
    False
    """
    return address.is_global and not address.is_multicast


def _is_loopback(address: Address) -> bool:
    return address.is_loopback


def _is_one(address: Address) -> bool:
    return not (address.is_unspecified or address.is_multicast)
