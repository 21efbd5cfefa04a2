from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asking import scope_of
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from headway.errors import BodyTooLarge
from headway.host.uploads import (
    FILES_MAX,
    FRAMING,
    Upload,
    filename_of,
    media_type_of,
    read_uploads,
)

BOUNDARY = "b0undary"
LIMIT = 1000


def part(name: str, data: bytes, filename: str | None = "a.txt", kind: str = "text/plain") -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'
    return (head + f"Content-Type: {kind}\r\n\r\n").encode() + data + b"\r\n"


def read(*parts: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> list[Upload]:
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    pieces = [body[i : i + 100] for i in range(0, len(body), 100)]

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    request = Request(scope_of("POST", "/", [("Content-Type", kind)]), receive)
    return asyncio.run(read_uploads(request, LIMIT))


def test_files_come_out_as_they_were_sent() -> None:
    two = read(
        part("file", b"one\r\n--two", "Übersicht.txt"),
        part("comment", b"ignored", None),
        part("other", b"ignored"),
        part("file", b"", "b.png", "application/octet-stream"),
    )
    assert two == [
        Upload("Übersicht.txt", "text/plain", b"one\r\n--two"),
        Upload("b.png", "image/png", b""),
    ]


def test_a_file_is_bounded_and_so_is_the_body() -> None:
    assert len(read(part("file", b"x" * LIMIT))[0].data) == LIMIT
    with pytest.raises(BodyTooLarge, match="a file"):
        read(part("file", b"x" * (LIMIT + 1)))
    with pytest.raises(BodyTooLarge):
        read(part("file", b"x"), part("other", b"x" * (LIMIT + FRAMING)))


@pytest.mark.parametrize(
    ("parts", "kind", "why"),
    [
        ([part("file", b"x")], "application/json", "is not multipart/form-data"),
        ([part("file", b"x")], "multipart/form-data", "boundary"),
        (
            [part("other", b"x")],
            f"multipart/form-data; boundary={BOUNDARY}",
            "no file in the field",
        ),
        ([part("file", b"x", None)], f"multipart/form-data; boundary={BOUNDARY}", "no file"),
        ([b"rubbish"], f"multipart/form-data; boundary={BOUNDARY}", "can not be read"),
        (
            [part("file", b"")] * (FILES_MAX + 1),
            f"multipart/form-data; boundary={BOUNDARY}",
            "can not be read",
        ),
    ],
)
def test_a_body_that_is_none(parts: list[bytes], kind: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(*parts, kind=kind)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a.txt", "a.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("\u202etxt.exe", "txt.exe"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("x" * 300 + ".txt", "x" * 251 + ".txt"),
        ("." + "x" * 300, "x" * 255),
        ("e\u0301.txt", "é.txt"),
    ],
)
def test_names(sent: str, kept: str) -> None:
    assert filename_of(sent) == kept


@given(st.text(max_size=400))
def test_any_text_becomes_a_name(text: str) -> None:
    name = filename_of(text)
    assert name
    assert len(name.encode()) <= 255
    assert not set(name) & set("/\\\r\n\0")
    assert name not in (".", "..")


@pytest.mark.parametrize(
    ("claimed", "filename", "kind"),
    [
        ("Text/Plain; charset=x", "a", "text/plain"),
        ("text/html\r\nX: y", "a.png", "image/png"),
        ("rubbish", "a", "application/octet-stream"),
        ("", "a.html", "text/html"),
        ("application/octet-stream", "a.pdf", "application/pdf"),
    ],
)
def test_media_types(claimed: str, filename: str, kind: str) -> None:
    assert media_type_of(claimed, filename) == kind
