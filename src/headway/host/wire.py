"""How the site asks a server of somebody else's: an app's, or one that says it is an app's.

Nothing here follows a redirect, waits without a limit, reads without a bound,
or connects to an address that was not looked at first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx

from headway.errors import HeadwayError
from headway.host.settings import Settings

__all__ = ["Answer", "NoAnswer", "Request", "Wire"]


class NoAnswer(HeadwayError):
    """An app could not be asked, or did not answer properly; the text is for people."""


class Request(NamedTuple):
    """What an app is asked; *limit* is how many bytes it may answer.

    What is beyond is not read: with *cut* it is left away, else there was no answer.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    limit: int
    body: bytes = b""
    cut: bool = False


class Answer(NamedTuple):
    """What an app answered."""

    status: int
    body: bytes


class Wire:
    """One client, whose every call looks at the address anew.

    >>> asyncio.run(Wire(Settings()).exchange(Request("GET", "http://169.254.0.1/", {}, 1)))
    Traceback (most recent call last):
    headway.host.wire.NoAnswer: 169.254.0.1 is at 169.254.0.1: no app lives there
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: httpx.AsyncClient | None = None
        self.inside: Mapping[str, httpx.AsyncBaseTransport] = {}
        """Apps that run in this process, by origin: asked without a connection."""

    @property
    def _client(self) -> httpx.AsyncClient:
        """Opened when it is first needed; many a site never calls an app."""
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                follow_redirects=False,
                limits=httpx.Limits(max_keepalive_connections=0),
                timeout=httpx.Timeout(None),  # each call has one limit over all of it
                trust_env=False,
                verify=_authorities(),
            )
        return self._opened

    async def close(self) -> None:
        """Close what is open."""
        if self._opened is not None:
            await self._opened.aclose()

    async def exchange(self, request: Request) -> Answer:
        """Ask, and read the whole answer; raises NoAnswer."""
        parts = urlsplit(request.url)
        if any(name == "jwt" for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise NoAnswer("a call to a server has its token in the header, never in the address")
        try:
            async with asyncio.timeout(self._settings.callback_seconds):
                # (0) an app in this process has no address
                inside = self.inside.get(f"{parts.scheme}://{parts.netloc}".lower())
                if inside is not None:
                    return await self._ask(request, parts.hostname or "", inside)
                # (1) where does the name lead?  Only there is connected to
                addresses = await self._addresses(parts.hostname or "", parts.port, parts.scheme)
                # (2) ask each until one is there
                for address in addresses[:-1]:
                    with contextlib.suppress(httpx.ConnectError):
                        return await self._ask(request, address)
                return await self._ask(request, addresses[-1])
        except TimeoutError:
            seconds = f"{self._settings.callback_seconds:g}"
            raise NoAnswer(f"no answer from {parts.netloc} within {seconds} seconds") from None
        except httpx.HTTPError as error:
            reason = type(error).__name__  # its text may repeat what was sent
            raise NoAnswer(f"{parts.netloc} can not be reached ({reason})") from None

    async def _addresses(self, host: str, port: int | None, scheme: str) -> list[str]:
        """The addresses of *host*, all of them such that the site may connect."""
        try:
            addresses = [str(ipaddress.ip_address(host))]  # nothing to ask, and no thread for it
        except ValueError:
            addresses = await self._resolved(host, port)
        for address in addresses:
            if reason := self._objection(address, scheme):
                raise NoAnswer(f"{host} is at {address}: {reason}")
        return addresses

    async def _resolved(self, host: str, port: int | None) -> list[str]:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NoAnswer(f"{host} is a name without an address") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _objection(self, address: str, scheme: str) -> str:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_loopback:
            return ""
        if ip.is_link_local or ip.is_unspecified or ip.is_multicast:
            return "no app lives there"
        if ip.is_global:
            return "" if scheme == "https" else "secrets go over http on this machine only"
        return "" if self._settings.allow_private else "private addresses need an option"

    async def _ask(
        self, request: Request, address: str, inside: httpx.AsyncBaseTransport | None = None
    ) -> Answer:
        """Ask one address; the name stays in ``Host``, and TLS is held to it.

        The target is sent as it was signed: the client would encode some of it anew.
        """
        name, parts = httpx.URL(request.url), urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = self._client.build_request(
            request.method,
            name.copy_with(host=address),
            headers={
                **request.headers,
                "Accept-Encoding": "identity",
                "Host": name.netloc.decode("ascii"),
                "User-Agent": "headway",
            },
            content=request.body,
            extensions={"sni_hostname": name.host, "target": target.encode("ascii")},
        )
        if inside is not None:
            answer = await inside.handle_async_request(sent)
        else:
            answer = await self._client.send(sent, stream=True)
        try:
            read = bytearray()
            async for part in answer.aiter_raw():
                read += part
                if len(read) > request.limit and request.cut:
                    return Answer(answer.status_code, bytes(read[: request.limit]))
                if len(read) > request.limit:
                    raise NoAnswer(f"{parts.netloc} answered more than {request.limit} bytes")
            return Answer(answer.status_code, bytes(read))
        finally:
            await answer.aclose()


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """The TLS settings, read once: reading the authorities takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)
