"""By which way a request comes in, and to which site that leads: the whole of who is let through.

==============  ===========================================  =============================
door            a request there                              has to say the same
==============  ===========================================  =============================
the proxy       ``GET https://site.example/path``            address and ``Host``
the proxy       ``CONNECT site.example:443``                 target and ``Host``
in a tunnel     ``GET /path``                                ``CONNECT``, SNI and ``Host``
a base URL      ``GET /path`` on a port of its own           ``Host`` is that port
==============  ===========================================  =============================

Everything that is not one of the sites that were named is refused.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Collection
from typing import NamedTuple

from headway.errors import ConfigurationError
from headway.gateway.decision import Ask
from headway.gateway.relay.refusals import Turned
from headway.gateway.relay.sites import PORTS, Site, authority, is_address

__all__ = ["BaseUrl", "Inside", "Place", "Proxy"]

_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)(/[^#]*|\?[^#]*|)", re.IGNORECASE)
_PATH = re.compile(r"/[^#]*")
_ECHOING = ("TRACE", "TRACK")  # RFC 9110 section 9.3.8: no client sends credentials with it
_OWN = ("none", "same-origin")


class Place(NamedTuple):
    """Where a request goes: *target* is path and query, as they came."""

    site: Site
    target: str


class Proxy:
    """The port that is named as a proxy; *password* is asked for where there is one.

    Raises ConfigurationError where *sites* contradict one another.

    >>> proxy = Proxy([Site("https", "site.example", 443)])
    >>> proxy.place(Ask(method="GET", target="https://site.example/a?b",
    ...                 headers=(("host", "site.example"),)))
    Place(site=Site(scheme='https', host='site.example', port=443), target='/a?b')
    """

    def __init__(self, sites: Collection[Site], password: str = "") -> None:
        self.sites = {(site.host, site.port): site for site in sites}
        if len(self.sites) < len(set(sites)):
            raise ConfigurationError("two sites have one name and port, in TLS and in plain")
        self._password = password.encode()

    def admit(self, ask: Ask) -> None:
        """Raise Turned where a password is wanted and not sent (RFC 7617)."""
        if not self._password:
            return
        told = ask.all("proxy-authorization")
        scheme, _, value = (told[0] if len(told) == 1 else "").partition(" ")
        try:
            sent = base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except ValueError:
            sent = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(sent, self._password):
            raise Turned("password-required")

    def place(self, ask: Ask) -> Place:
        """Where a whole address leads; raises Turned."""
        _check_method(ask)
        found = _ABSOLUTE.fullmatch(ask.target)
        if found is None:
            raise Turned("target-malformed" if "://" in ask.target else "form-unknown")
        scheme, named, rest = found[1].lower(), authority(found[2]), found[3]
        if named is None:
            raise Turned("target-malformed")
        host, port = named[0], named[1] or PORTS[scheme]
        site = self.sites.get((host, port))
        if site is None or site.scheme != scheme:
            raise Turned("site-not-named", f"{scheme}://{host[:100]}:{port}")
        _check_host(ask, site)
        _check_page(ask, {str(site)})
        return Place(site, rest if rest.startswith("/") else f"/{rest}")

    def connect(self, ask: Ask) -> tuple[str, int]:
        """The name and port that a ``CONNECT`` asks for (RFC 9110 section 9.3.6); raises Turned."""
        named = authority(ask.target)
        if named is None or named[1] is None:
            raise Turned("target-malformed")
        hosts = ask.all("host")
        if hosts and (len(hosts) > 1 or not _is(hosts[0], named[0], named[1], PORTS["https"])):
            raise Turned("name-mismatch")
        _check_page(ask, set())
        return named[0], named[1]


class Inside(NamedTuple):
    """Within a tunnel to *site*, of which the relay is the end.

    *name* is what the handshake said (SNI), or None: it says full names alone (RFC
    6066 section 3), and neither addresses nor, in Java, ``localhost``; and there
    is none in plain http.
    """

    site: Site
    name: str | None

    def place(self, ask: Ask) -> Place:
        """The site of the tunnel; raises Turned, for another name as well."""
        _check_method(ask)
        full = "." in self.site.host and not is_address(self.site.host)
        nameless = self.site.scheme == "http" or not full
        if self.name != self.site.host and not (nameless and self.name is None):
            raise Turned("name-mismatch")
        target = ask.target
        found = _ABSOLUTE.fullmatch(target)
        if found is not None:
            if found[1].lower() != self.site.scheme or not _names(found[2], self.site):
                raise Turned("name-mismatch")
            target = found[3] if found[3].startswith("/") else f"/{found[3]}"
        if not _PATH.fullmatch(target):
            raise Turned("target-malformed")
        _check_host(ask, self.site)
        _check_page(ask, {str(self.site)})
        return Place(self.site, target)


class BaseUrl(NamedTuple):
    """A port of its own that stands for *site*: programs have ``http://127.0.0.1:PORT`` for it."""

    site: Site
    port: int
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """What programs are told."""
        return f"http://{self.address}:{self.port}"

    def place(self, ask: Ask) -> Place:
        """The site of the port; raises Turned for pages, and names that were pointed here."""
        _check_method(ask)
        if not _PATH.fullmatch(ask.target):
            raise Turned("target-malformed" if "://" in ask.target else "form-unknown")
        hosts = ask.all("host")
        here = (f"127.0.0.1:{self.port}", f"localhost:{self.port}", f"[::1]:{self.port}")
        if len(hosts) != 1 or hosts[0].lower() not in here:
            raise Turned("name-mismatch")
        _check_page(ask, set())
        return Place(self.site, ask.target)


def _check_method(ask: Ask) -> None:
    if ask.method.upper() in _ECHOING:
        raise Turned("method-refused")


def _check_host(ask: Ask, site: Site) -> None:
    hosts = ask.all("host")
    if len(hosts) != 1 or not _names(hosts[0], site):
        raise Turned("name-mismatch")


def _names(text: str, site: Site) -> bool:
    return _is(text, site.host, site.port, PORTS[site.scheme])


def _is(text: str, host: str, port: int, usual: int) -> bool:
    named = authority(text)
    return named is not None and (named[0], named[1] or usual) == (host, port)


def _check_page(ask: Ask, own: Collection[str]) -> None:
    """Browsers say whose page asks (WHATWG Fetch: Origin; Fetch Metadata): no other site's may."""
    origins, sites = ask.all("origin"), ask.all("sec-fetch-site")
    if any(each not in own for each in origins) or any(each not in _OWN for each in sites):
        raise Turned("page-refused")
