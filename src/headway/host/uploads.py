"""What people and apps upload: a multipart body -> files with safe names, bounded.

The body is read to its end or to its bound and nothing of it is believed: a
name loses what could steer a header or a path, a media type that is none
becomes ``application/octet-stream``.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message

from headway.errors import BodyTooLarge

__all__ = [
    "FILES_MAX",
    "Upload",
    "filename_of",
    "media_type_of",
    "read_uploads",
    "read_uploads_and_texts",
]

FILES_MAX = 60
"""Files in one request."""

FIELDS_MAX = 20
FRAMING = 16_384
"""Bytes of a body that are no file's: boundaries and headers of the parts."""

NAME_MAX = 255  # characters, of which every file system takes as many bytes
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
UNKNOWN_TYPE = "application/octet-stream"


class Upload(NamedTuple):
    """One file of a request."""

    filename: str
    media_type: str
    data: bytes


async def read_uploads(request: Request, limit: int, field: str = "file") -> list[Upload]:
    """The files of a form; see :func:`read_uploads_and_texts`."""
    return (await read_uploads_and_texts(request, limit, field))[0]


async def read_uploads_and_texts(
    request: Request, limit: int, field: str = "file"
) -> tuple[list[Upload], dict[str, str]]:
    """The files of the multipart field *field*, and the fields that are texts.

    No file is longer than *limit* bytes.  Raises BodyTooLarge, or ValueError
    for a body that is not multipart or holds no such file (RFC 7578).
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise ValueError("the body is not multipart/form-data")
    bounded = _Bounded(request, limit + FRAMING)
    parser = MultiPartParser(
        request.headers,
        Request(request.scope, bounded.receive).stream(),
        max_files=FILES_MAX,
        max_fields=FIELDS_MAX,
        max_part_size=FRAMING,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ValueError(f"the multipart body can not be read: {error.message}") from None
    try:
        parts = [part for part in form.getlist(field) if isinstance(part, UploadFile)]
        # A form in which nobody chose a file sends one without a name (HTML section 4.10.22.4).
        files = [part for part in parts if part.filename or part.size]
        if not files:
            raise ValueError(f"there is no file in the field {field!r}")
        texts = {name: part for name, part in form.items() if isinstance(part, str)}
        return [await _upload(part, limit) for part in files], texts
    finally:
        await form.close()


async def _upload(part: UploadFile, limit: int) -> Upload:
    data = await part.read()
    if len(data) > limit:
        raise BodyTooLarge(expected=f"at most {limit} bytes a file")
    filename = filename_of(part.filename or "")
    return Upload(filename, media_type_of(part.content_type or "", filename), data)


class _Bounded:
    """Counts what comes in, and stops at the limit."""

    def __init__(self, request: Request, limit: int) -> None:
        self._receive = request.receive
        self._limit = limit
        self._size = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise BodyTooLarge(expected=f"at most {self._limit} bytes")
        return message


def filename_of(text: str) -> str:
    r"""*text* as the name of a file: no folder, nothing that can not be seen, not too long.

    >>> filename_of("../../etc/passwd"), filename_of("C:\\temp\\a.txt"), filename_of("")
    ('passwd', 'a.txt', 'unnamed')
    """
    last = text.replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE.sub("", unicodedata.normalize("NFC", last)).strip().strip(".")
    while len(name.encode()) > NAME_MAX:
        stem, dot, ending = name.rpartition(".")
        keep = dot and len(ending) < 20 and stem
        name = f"{stem[:-1]}.{ending}" if keep else name[:-1]
    return name or "unnamed"


def media_type_of(claimed: str, filename: str) -> str:
    """The media type that was *claimed*, if it is one; else by the name's ending.

    >>> media_type_of("text/plain; charset=utf-8", "a"), media_type_of("", "a.png")
    ('text/plain', 'image/png')
    """
    plain = claimed.partition(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(plain) and plain != UNKNOWN_TYPE:
        return plain
    return mimetypes.guess_type(filename, strict=True)[0] or UNKNOWN_TYPE
