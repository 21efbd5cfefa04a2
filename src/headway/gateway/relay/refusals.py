"""What the relay answers by itself: one table of ids, and a problem body for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

__all__ = ["TURNED", "Turned", "turned_away"]


class _Row(NamedTuple):
    status: int
    title: str
    hint: str


TURNED: Mapping[str, _Row] = {
    # ---- who asks, and for what
    "request-ambiguous": _Row(
        400, "the request is no HTTP/1.1, or could be read in two ways", "Send plain HTTP/1.1."
    ),
    "form-unknown": _Row(
        400,
        "the request does not say where it goes",
        "Use this port as a proxy: a whole address, or CONNECT; --base-url-for has other ports.",
    ),
    "target-malformed": _Row(
        400, "the address is none", "Send scheme, name and path; no user name, no fragment."
    ),
    "password-required": _Row(
        407, "the relay wants its password", "Send it as Proxy-Authorization: Basic."
    ),
    "site-not-named": _Row(
        403, "the relay does not go there", "Name the site where the relay is started."
    ),
    "address-refused": _Row(
        403, "the name is at an address that is not asked", "Tunnels lead to public addresses."
    ),
    "page-refused": _Row(
        403, "the page of another site asks", "The relay is for programs; it serves no pages."
    ),
    "method-refused": _Row(405, "the method sends credentials back", "Use another method."),
    "name-mismatch": _Row(
        421,
        "the names differ: of CONNECT or the address, of the handshake, and Host",
        "Send one name in all of them.",
    ),
    "request-slow": _Row(408, "the rest of the request did not come", "Send it again."),
    # ---- what the site does
    "upstream-unreachable": _Row(502, "the site can not be reached", "Look at its name and port."),
    "upstream-certificate": _Row(
        502,
        "the site's certificate is not good for its name",
        "Where it is of an authority of your own, name that by --upstream-ca.",
    ),
    "upstream-gone": _Row(502, "the site ended the connection without an answer", "Try again."),
    "upstream-malformed": _Row(502, "the site's answer is no HTTP/1.1", "Ask who runs the site."),
    "upstream-slow": _Row(504, "the site did not answer in time", "Try again."),
    "loop": _Row(508, "the request has been here before", "Name another site than the relay."),
    # ---- what goes wrong in here
    "decision-failed": _Row(500, "nothing could be decided", "Look at the relay's log."),
}
"""By id: status (RFC 9110 section 15, RFC 5842), title and what to do."""


class Turned(Exception):
    """A request that the relay answers by itself; *args[0]* is a key of :data:`TURNED`.

    *words* may say more: a name, never what else was sent.
    """

    def __init__(self, id: str, words: str = "") -> None:  # noqa: A002 - what it is called
        super().__init__(id, words)
        self.id, self.words = id, words


def turned_away(turned: Turned) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body (RFC 9457) of the answer.

    >>> turned_away(Turned("site-not-named", "evil.example"))[0]
    403
    """
    row = TURNED[turned.id]
    told = {
        "type": "about:blank",
        "title": row.title,
        "status": row.status,
        "id": turned.id,
        "do": row.hint,
    }
    if turned.words:
        told["detail"] = turned.words
    headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    if row.status == 407:
        headers.append(("Proxy-Authenticate", 'Basic realm="headway relay"'))
    return row.status, headers, msgspec.json.encode(told)
