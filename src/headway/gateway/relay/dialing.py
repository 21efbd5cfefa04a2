"""Connecting: to the addresses that a site may have, and with its certificate checked, always."""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

import anyio
import h11
import httpx
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from headway.errors import ConfigurationError
from headway.gateway.relay.refusals import Turned
from headway.gateway.relay.sites import Site, authority
from headway.gateway.sockets import connected
from headway.gateway.wire import Ambiguous, Wire, abandon

__all__ = ["Via", "dial", "is_public", "reach", "read_via", "upstream_tls"]

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


class Via(NamedTuple):
    """A proxy by which sites are reached; *credentials* are ``user:password``, or "".

    >>> Via("proxy.example", 3128, "user:secret")
    <by proxy.example:3128>
    """

    host: str
    port: int
    credentials: str = ""

    def __repr__(self) -> str:
        return f"<by {self.host}:{self.port}>"


def read_via(address: str) -> Via:
    """The proxy of ``http://user:password@name:port``.

    Raises ConfigurationError, which quotes nothing of it.

    >>> read_via("http://proxy.example:3128")
    <by proxy.example:3128>
    """
    scheme, _, rest = address.removesuffix("/").partition("://")
    told, at, named = rest.rpartition("@")
    found = authority(named)
    if scheme != "http" or found is None or found[1] is None or bool(at) != bool(told):
        raise ConfigurationError("the proxy to go by: is written http://name:port")
    return Via(found[0], found[1], unquote(told))


async def dial(site: Site, tls: ssl.SSLContext, via: Via | None = None) -> ByteStream:
    """A connection to *site*: in TLS that proved its name, or in plain on this machine.

    Where there is a proxy to go by (*via*), it passes what is in TLS on, unread: the
    site proves its name all the same.  Raises Turned.
    """
    with _limited():
        if site.scheme == "http":
            return await reach(site.host, site.port, _is_loopback)
        if via is None:
            stream: ByteStream = await reach(site.host, site.port, _is_one)
        else:
            stream = await _through(via, site)
        try:
            return await TLSStream.wrap(stream, hostname=site.host, ssl_context=tls)
        except BaseException as error:
            await abandon(stream)
            if isinstance(error, ssl.SSLCertVerificationError):
                raise Turned("upstream-certificate", site.host) from None
            if isinstance(error, (OSError, anyio.BrokenResourceError, anyio.EndOfStream)):
                raise Turned("upstream-unreachable", f"{site.host}: no handshake") from None
            raise


async def _through(via: Via, site: Site) -> ByteStream:
    """A tunnel by a proxy (RFC 9110 section 9.3.6); raises Turned."""
    host = f"[{site.host}]" if ":" in site.host else site.host
    where = f"{host}:{site.port}"
    headers = [("Host", where)]
    if via.credentials:
        word = base64.b64encode(via.credentials.encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {word}"))
    stream = await reach(via.host, via.port, _is_one)
    wire = Wire(stream, h11.CLIENT, seconds=CONNECT_SECONDS)
    try:
        await wire.send(h11.Request(method="CONNECT", target=where, headers=headers))
        while isinstance(event := await wire.receive(), h11.InformationalResponse):
            pass
        if not isinstance(event, h11.Response) or wire.early:
            raise Turned("upstream-unreachable", f"{site.host}: the proxy to go by is none")
        if not 200 <= event.status_code < 300:
            said = f"{site.host}: the proxy to go by said {event.status_code}"
            raise Turned("upstream-unreachable", said)
    except (Ambiguous, anyio.BrokenResourceError, anyio.ClosedResourceError):
        await abandon(stream)
        raise Turned("upstream-unreachable", f"{site.host}: the proxy to go by is none") from None
    except BaseException:
        await abandon(stream)
        raise
    return stream


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
