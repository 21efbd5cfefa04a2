"""The media host: sends the bytes of one attachment to whoever holds its address.

An address is signed for one attachment and one minute, with a key that lives as
long as the process.  The media host listens under another name than the site,
so that what a user uploaded never speaks for the site, and it refuses a request
that still carries ``Authorization``: a client that does not drop the header on
a redirect hands its token to somebody else.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from headway.host.thumbnails import HEIGHT, WIDTH, can_scale, thumbnail
from headway.host.world.files import Attachment, Files
from headway.ports import Clock

__all__ = ["Box", "Media", "byte_range", "disposition", "file_answer", "picture_answer"]

LIFE = 60
"""Seconds for which an address is good."""

WHOLE = "file"  # where another address has the size of a picture
_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,15})-(?P<last>[0-9]{0,15})", re.ASCII)


class Box(NamedTuple):
    """A size in pixels."""

    width: int = WIDTH
    height: int = HEIGHT


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

    def url(self, attachment: Attachment, box: Box | None = None) -> str:
        """An address of *attachment*, or of a picture of it that fits into *box*.

        It needs no other credentials: never log or keep it.
        """
        expires = str(int(self._now()) + LIFE)
        shape = f"{box.width}x{box.height}" if box else WHOLE
        signature = self._signature(str(attachment.id), shape, attachment.filename, expires)
        path = f"/{shape}/{attachment.id}/{quote(attachment.filename, safe='')}"
        return f"{self._media_url()}{path}?expires={expires}&signature={signature}"

    def routes(self) -> list[BaseRoute]:
        """The media host's one route."""
        return [Route("/{shape}/{id}/{name}", self._answer)]

    async def _answer(self, request: Request) -> Response:
        # (1) no credentials: the address is all there is to it
        if "authorization" in request.headers:
            return _no(400, "Only one kind of credentials is allowed: drop Authorization here.")
        # (2) the address as this process made it
        shape, attachment_id, name = (request.path_params[part] for part in ("shape", "id", "name"))
        expires = request.query_params.get("expires", "")
        signed = self._signature(attachment_id, shape, name, expires)
        sent = request.query_params.get("signature", "")
        if not hmac.compare_digest(signed.encode(), sent.encode()):
            return _no(403, "This address was not made here.")
        # (3) in time
        if self._now() >= int(expires):
            return _no(403, "This address is no longer good; ask the site for another.")
        attachment = self._files.attachment(attachment_id)
        if attachment is None:
            return _no(404, "The file is gone.")
        if shape == WHOLE:
            return file_answer(self._files, attachment, request.headers)
        width, _, height = shape.partition("x")
        return await picture_answer(self._files, attachment, Box(int(width), int(height)))

    def _signature(self, attachment_id: str, shape: str, name: str, expires: str) -> str:
        message = f"{attachment_id}\n{shape}\n{expires}\n{name}".encode()
        return hmac.new(self._key, message, "sha256").hexdigest()


def file_answer(
    files: Files, attachment: Attachment, asked: Mapping[str, str] | None = None
) -> Response:
    """The bytes as a download that a browser neither shows nor guesses about; streamed.

    *asked* are the request's headers: one ``Range`` is answered with that part
    (RFC 9110 section 14).
    """
    entity = f'"{attachment.id}"'  # an attachment never changes
    headers = {**_download(attachment.filename), "Accept-Ranges": "bytes", "ETag": entity}
    asked = asked or {}
    wanted = asked.get("range", "") if asked.get("if-range", entity) == entity else ""
    part = byte_range(wanted, attachment.size)
    if part is None:
        headers["Content-Length"] = str(attachment.size)
        body = files.bytes_of(attachment.id)
        return StreamingResponse(body, headers=headers, media_type=attachment.media_type)
    start, stop = part
    if start >= stop:
        headers["Content-Range"] = f"bytes */{attachment.size}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{attachment.size}"
    headers["Content-Length"] = str(stop - start)
    body = files.bytes_of(attachment.id, start, stop)
    return StreamingResponse(body, 206, headers=headers, media_type=attachment.media_type)


def byte_range(text: str, size: int) -> tuple[int, int] | None:
    """The first byte of one range and the one after its last; None: send everything.

    Equal ends mean that the range lies outside.  Several ranges are one answer
    with everything, which RFC 9110 section 14.2 allows.

    >>> byte_range("bytes=0-4", 100), byte_range("bytes=-10", 100), byte_range("bytes=100-", 100)
    ((0, 5), (90, 100), (100, 100))
    """
    match = _RANGE.fullmatch(text)
    if match is None or match["first"] == match["last"] == "":
        return None
    if match["first"] == "":
        length = int(match["last"])
        return (max(0, size - length), size) if length else (size, size)
    first = int(match["first"])
    last = int(match["last"]) if match["last"] else size - 1
    if match["last"] and last < first:
        return None  # no range at all: RFC 9110 section 14.1.1
    return (first, min(last + 1, size)) if first < size else (size, size)


async def picture_answer(files: Files, attachment: Attachment, box: Box) -> Response:
    """A small picture of an attached image as a PNG, or 404 where it is none."""
    data = await run_in_threadpool(_picture, files, attachment, box)
    if data is None:
        return _no(404, "There is no picture of this file.")
    return Response(data, headers=_download("thumbnail.png"), media_type="image/png")


def _picture(files: Files, attachment: Attachment, box: Box) -> bytes | None:
    if not can_scale(attachment.media_type, attachment.size):
        return None
    data = b"".join(files.bytes_of(attachment.id))
    return thumbnail(data, attachment.media_type, box.width, box.height)


def _download(filename: str) -> dict[str, str]:
    return {
        "Content-Disposition": disposition(filename),
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }


def disposition(filename: str) -> str:
    """``Content-Disposition`` with a plain name for old clients and the whole one (RFC 6266).

    >>> print(disposition("Übersicht.png"))
    attachment; filename="_bersicht.png"; filename*=UTF-8''%C3%9Cbersicht.png
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _no(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status)
