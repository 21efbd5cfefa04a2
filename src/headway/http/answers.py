"""What an answer says: refusals as problem bodies, phases as headers, pages that keep tokens in.

Status and body of a host's own answers stay the host's; what Headway adds
stands in headers whose names begin with ``Headway-``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import urlsplit

from headway.errors import Refusal
from headway.model import Phase

__all__ = [
    "hint_headers",
    "origin_of",
    "page_headers",
    "problem",
    "refusal_headers",
    "retirement_headers",
]


def problem(refusal: Refusal) -> bytes:
    """A refusal as ``application/problem+json`` (RFC 9457), as an outsider may see it.

    >>> from headway.errors import TokenExpired
    >>> json.loads(problem(TokenExpired(found="expired 90 s ago")))["id"]
    'token-expired'
    """
    public = refusal.public
    told = {
        "type": "about:blank",
        "title": public.title,
        "status": public.status,
        "id": public.id,
        "hint": public.hint,
    }
    if public is type(refusal):
        told["detail"] = str(refusal)
    return json.dumps(told).encode()


def refusal_headers(refusal: Refusal, realm: str, scheme: str = "JWT") -> dict[str, str]:
    """Headers of an answer that refuses: never cached; a 401 names its scheme (RFC 9110 11.6.1)."""
    headers = {"Cache-Control": "no-store", **hint_headers(refusal)}
    if refusal.public.status == 401:
        safe = "".join(c for c in realm if c.isascii() and c.isprintable() and c not in '"\\')
        headers["WWW-Authenticate"] = f'{scheme} realm="{safe}"'
    return headers


def hint_headers(refusal: Refusal) -> dict[str, str]:
    """What Headway adds to an answer whose status and body belong to somebody else.

    >>> from headway.errors import TokenInQuery
    >>> hint_headers(TokenInQuery())["Headway-Refusal"]
    'token-in-query'
    """
    public = refusal.public
    return {"Headway-Refusal": public.id, "Headway-Hint": public.hint}


def retirement_headers(
    phase: Phase, *, announced: float | None, off: float | None, link: str | None = None
) -> dict[str, str]:
    """Headers for an answer to a request that used a location on its way out.

    *announced* and *off* are seconds since 1970.  Sources: ``Deprecation`` is
    RFC 9745 section 2.1, ``Sunset`` RFC 8594 section 3, ``Link`` RFC 8288.

    >>> retirement_headers(Phase.ANNOUNCED, announced=1609459200, off=1643673600)["Sunset"]
    'Tue, 01 Feb 2022 00:00:00 GMT'
    """
    if phase is Phase.OPEN:
        return {}
    headers = {"Headway-Phase": phase.value}
    if announced is not None:
        headers["Deprecation"] = f"@{int(announced)}"
    if off is not None:
        headers["Sunset"] = formatdate(off, usegmt=True)
    if link:
        headers["Link"] = f'<{link}>; rel="deprecation"'
    return headers


@lru_cache(maxsize=1024)  # each page names the same few
def origin_of(url: str) -> str:
    """The origin of *url*, ``scheme://host[:port]``, from parsed parts only (RFC 6454).

    Raises ValueError for anything but plain http and https.

    >>> origin_of("https://Example.com:443/x?y")
    'https://example.com'
    """
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise ValueError("an origin is http or https with a host and no user")
    if not all(c.isascii() and (c.isalnum() or c in ".-:") for c in host):
        raise ValueError("a host name has letters, digits, dots and hyphens")
    name = f"[{host}]" if ":" in host else host
    standard = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{name}" + ("" if port in (None, standard) else f":{port}")


def page_headers(frame_ancestors: Iterable[str]) -> dict[str, str]:
    """Headers of a page that was reached by a token in its URL.

    Nothing of the URL leaves by ``Referer``, nothing is kept in a cache, and
    only *frame_ancestors* (URLs, of which the origin counts) may frame it.

    >>> page_headers(["https://x.example/wiki"])["Content-Security-Policy"]
    'frame-ancestors https://x.example'
    """
    origins = sorted({origin_of(url) for url in frame_ancestors}) or ["'none'"]
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "frame-ancestors " + " ".join(origins),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
