"""What the proxy answers by itself: one table of ids, and a problem body for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import NamedTuple

from headway.gateway.decision import Headers

__all__ = ["ANSWERS", "Unserved", "answer_of"]


class _Row(NamedTuple):
    status: int
    title: str


ANSWERS: Mapping[str, _Row] = {
    # ---- what is no request, or one that somebody else may read in another way
    "request-malformed": _Row(400, "the request is no HTTP/1.1 request"),
    "line-end-malformed": _Row(400, "a line does not end in CR LF"),
    "header-folded": _Row(400, "a header goes on in the next line"),
    "control-character": _Row(400, "there is a control character in the request's head"),
    "length-repeated": _Row(400, "there are two lengths of the body"),
    "length-and-chunked": _Row(400, "the body has a length and is chunked too"),
    "chunked-in-old-version": _Row(400, "an HTTP/1.0 request has no transfer coding"),
    "coding-unknown": _Row(501, "the body has another transfer coding than chunked"),
    "body-malformed": _Row(400, "the chunks of the body are malformed"),
    "host-missing": _Row(400, "there is no Host"),
    "host-repeated": _Row(400, "there are two Hosts"),
    "host-malformed": _Row(400, "Host is no name with or without a port"),
    "host-differs": _Row(400, "Host and the target name two hosts"),
    "target-malformed": _Row(400, "the target is no path with or without a query"),
    "header-repeated": _Row(400, "a header that stands once is there twice"),
    "header-look-alike": _Row(400, "a header's name is read as another's by some software"),
    "connection-nominates": _Row(400, "Connection names a header that has to arrive"),
    "upgrade-malformed": _Row(400, "the request for a WebSocket is malformed"),
    "version-unsupported": _Row(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"),
    "method-refused": _Row(405, "the method is not passed on"),
    "expectation-unknown": _Row(417, "nothing but 100-continue can be expected"),
    # ---- what is too large, or too slow
    "target-too-long": _Row(414, "the target is too long"),
    "head-too-large": _Row(431, "the headers are too large, or too many"),
    "body-too-large": _Row(413, "the body is too large"),
    "request-slow": _Row(408, "the request did not arrive in time"),
    "connections-full": _Row(503, "too many connections are open"),
    # ---- what upstream does
    "upstream-unreachable": _Row(502, "no upstream takes a connection"),
    "upstream-broken": _Row(502, "upstream ended the connection instead of answering"),
    "upstream-malformed": _Row(502, "upstream's answer is no HTTP/1.1 answer"),
    "upstream-loop": _Row(508, "the request has been here before"),
    "upstream-slow": _Row(504, "upstream did not answer in time"),
    "upstream-unavailable": _Row(503, "every upstream is down"),
    "upstream-busy": _Row(503, "every upstream has as many requests as it may have"),
    # ---- what goes wrong in here
    "decision-failed": _Row(503, "nothing could be decided"),
}
"""By id: status (RFC 9110 section 15, RFC 6585, RFC 5842) and title."""


class Unserved(Exception):
    """A request that the proxy answers by itself; *args[0]* is a key of :data:`ANSWERS`.

    >>> Unserved("target-too-long").status
    414
    """

    @property
    def id(self) -> str:
        """The key of the table."""
        return str(self.args[0])

    @property
    def status(self) -> int:
        """Of the answer."""
        return ANSWERS[self.id].status


def answer_of(unserved: Unserved) -> tuple[int, Headers, bytes]:
    """Status, headers and body (RFC 9457); nothing of the request stands in it.

    >>> answer_of(Unserved("host-repeated"))[2]
    b'{"type": "about:blank", "title": "there are two Hosts", "status": 400, "id": "host-repeated"}'
    """
    status, title = ANSWERS[unserved.id]
    body = {"type": "about:blank", "title": title, "status": status, "id": unserved.id}
    headers = [
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", "application/problem+json"),
        ("Cache-Control", "no-store"),
    ]
    if status == 405:
        headers.append(("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    if status == 503:
        headers.append(("Retry-After", "5"))
    return status, tuple(headers), json.dumps(body).encode()
