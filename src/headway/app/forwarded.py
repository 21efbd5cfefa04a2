"""Who really asked an app, behind proxies: the setting, held to its types."""

from __future__ import annotations

from collections.abc import Sequence

from headway.app.wanted import Wanted, a, each, hold
from headway.http import forwarded
from headway.http.forwarded import HEADERS

__all__ = ["HEADERS", "Forwarded"]

_SETTINGS = {
    "peers": Wanted("a list of addresses or networks, such as ['10.0.0.0/8']", each(str)),
    "header": Wanted("the name of a header", a(str)),
}


class Forwarded(forwarded.Forwarded):
    """As :class:`headway.http.forwarded.Forwarded`; a setting of the wrong type is named.

    >>> Forwarded(["10.0.0.0/8"]).client("10.0.0.1", {"x-forwarded-for": "203.0.113.9"}.get)
    '203.0.113.9'
    """

    def __init__(self, peers: Sequence[str], header: str = HEADERS[0]) -> None:
        hold(_SETTINGS, {"peers": peers, "header": header}, "forwarded: ")
        super().__init__(peers, header)
