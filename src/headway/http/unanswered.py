"""An address that gave no answer, or not the one that was wanted: what happened, and what to do.

For a person who named the address at a terminal.  Of what the other side said
only the host of a redirect is repeated, and what OpenSSL says of a certificate.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urljoin

import httpx

from headway.http.answers import origin_of

__all__ = ["Unanswered", "no_answer", "no_descriptor", "other_status"]


class Unanswered(NamedTuple):
    """What happened and what to do; ``final`` where asking again in a moment would not help."""

    what: str
    do: str
    final: bool = False

    def __str__(self) -> str:
        return f"{self.what}; {self.do}"


_HTTP_HERE = "ask by http:// where it is on this machine"
_WEB_SERVER = "look whether it is a web server, and whether it wants https://"

_CAUSES: tuple[tuple[type[BaseException], Unanswered], ...] = (
    (socket.gaierror, Unanswered("the name is not known", "check how it is written", final=True)),
    (ssl.SSLError, Unanswered("it does not speak TLS as one should", _HTTP_HERE, final=True)),
    (
        ConnectionRefusedError,
        Unanswered("nothing listens there", "start the app, or check the port"),
    ),
    (
        httpx.TimeoutException,
        Unanswered("it did not answer in time", "look whether it is busy, or another one's port"),
    ),
    (ConnectionError, Unanswered("the connection was closed without an answer", _WEB_SERVER)),
    (httpx.RemoteProtocolError, Unanswered("it does not answer in HTTP", _WEB_SERVER)),
)
"""What an error means, from the most particular to the least: the first that fits tells."""


def no_answer(error: Exception) -> Unanswered:
    """Why there is *error*, of httpx, in place of an answer.

    >>> str(no_answer(httpx.ReadTimeout("")))
    "it did not answer in time; look whether it is busy, or another one's port"
    """
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            said = f"its certificate is not trusted: {each.verify_message}"
            return Unanswered(said, f"let it have one that is, or {_HTTP_HERE}", final=True)
    for kind, told in _CAUSES:
        if any(isinstance(each, kind) for each in chain):
            return told
    return Unanswered(f"it can not be reached ({type(error).__name__})", "check the address")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


_FOR_ALL = "a site asks without credentials: let everybody read it"
_PATH = "check the path: a descriptor usually lies at /atlassian-connect.json"
_STATUS = {401: _FOR_ALL, 403: _FOR_ALL, 404: _PATH, 410: _PATH}


def other_status(answer: httpx.Response) -> Unanswered:
    """What an answer that is not 200 means for whoever wanted a descriptor.

    >>> str(other_status(httpx.Response(404)))
    'answers 404; check the path: a descriptor usually lies at /atlassian-connect.json'
    """
    status = answer.status_code
    if answer.has_redirect_location:
        said = f"answers {status}, a redirect to {_origin_of_next(answer)}"
        return Unanswered(said, "sites follow none: give the address where it leads", final=True)
    usual = "look into the app's log" if status >= 500 else "check the address"
    return Unanswered(f"answers {status}", _STATUS.get(status, usual))


def _origin_of_next(answer: httpx.Response) -> str:
    """The origin alone: the rest of an address may be secret, or move a terminal."""
    try:
        return origin_of(urljoin(str(answer.request.url), answer.headers["Location"]))
    except ValueError:
        return "no address"


def no_descriptor(content_type: str, body: bytes) -> Unanswered:
    """What an answer is that is no JSON.

    >>> str(no_descriptor("text/html; charset=utf-8", b"<html>"))
    'answers a page of HTML and no JSON; look whether it is the app that answers there'
    """
    said = "what is no JSON" if body.strip() else "nothing, with an empty body"
    if "html" in content_type.lower():
        said = "a page of HTML and no JSON"
    return Unanswered(
        f"answers {said}", "look whether it is the app that answers there", final=True
    )
