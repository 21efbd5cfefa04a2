"""The media host: sends the bytes of one attachment to whoever holds its address.

An address is signed for one attachment and one minute, with a key that lives as
long as the process.  The media host listens under another name than the site,
so that what a user uploaded never speaks for the site, and it refuses a request
that still carries ``Authorization``: a client that does not drop the header on
a redirect hands its token to somebody else.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from headway.host.world.files import Attachment, Files
from headway.ports import Clock

__all__ = ["Media", "file_answer"]

LIFE = 60
"""Seconds for which an address is good."""


class Media:
    """Makes addresses of attachments and answers them.

    *now* is the real time, in seconds since 1970; *media_url* the media host's
    own address, ``scheme://host:port``.
    """

    def __init__(
        self, files: Files, now: Clock = time.time, *, media_url: Callable[[], str]
    ) -> None:
        self._files = files
        self._now = now
        self._media_url = media_url
        self._key = secrets.token_bytes(32)

    def url(self, attachment: Attachment) -> str:
        """An address of *attachment* that needs no other credentials: never log or keep it."""
        expires = str(int(self._now()) + LIFE)
        signature = self._signature(str(attachment.id), attachment.filename, expires)
        path = f"/file/{attachment.id}/{quote(attachment.filename, safe='')}"
        return f"{self._media_url()}{path}?expires={expires}&signature={signature}"

    def routes(self) -> list[BaseRoute]:
        """The media host's one route."""
        return [Route("/file/{id}/{name}", self._answer)]

    async def _answer(self, request: Request) -> Response:
        # (1) no credentials: the address is all there is to it
        if "authorization" in request.headers:
            return _no(400, "Only one kind of credentials is allowed: drop Authorization here.")
        # (2) the address as this process made it
        attachment_id, name = request.path_params["id"], request.path_params["name"]
        expires = request.query_params.get("expires", "")
        signed = self._signature(attachment_id, name, expires)
        sent = request.query_params.get("signature", "")
        if not hmac.compare_digest(signed.encode(), sent.encode()):
            return _no(403, "This address was not made here.")
        # (3) in time
        if self._now() >= int(expires):
            return _no(403, "This address is no longer good; ask the site for another.")
        attachment = self._files.attachment(attachment_id)
        if attachment is None:
            return _no(404, "The file is gone.")
        return file_answer(self._files, attachment)

    def _signature(self, attachment_id: str, name: str, expires: str) -> str:
        message = f"{attachment_id}\n{expires}\n{name}".encode()
        return hmac.new(self._key, message, "sha256").hexdigest()


def file_answer(files: Files, attachment: Attachment) -> Response:
    """The bytes as a download that a browser neither shows nor guesses about; streamed."""
    headers = {
        "Content-Disposition": _disposition(attachment.filename),
        "Content-Length": str(attachment.size),
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }
    parts = files.bytes_of(attachment.id)
    return StreamingResponse(parts, headers=headers, media_type=attachment.media_type)


def _disposition(filename: str) -> str:
    """``Content-Disposition`` with a plain name for old clients and the whole one (RFC 6266)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _no(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status)
