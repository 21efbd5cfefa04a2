from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from headway.host import thumbnails
from headway.host.thumbnails import can_scale, thumbnail


def image(width: int, height: int, form: str = "PNG", **options: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(written, form, **options)
    return written.getvalue()


def size(data: bytes | None) -> tuple[int, int]:
    assert data is not None
    with Image.open(io.BytesIO(data)) as made:
        assert made.format == "PNG"
        return made.size


@pytest.mark.parametrize("kind", thumbnails.FORMATS)
def test_four_formats_are_scaled_in_proportion(kind: str) -> None:
    data = image(400, 100, thumbnails.FORMATS[kind])
    assert can_scale(kind, len(data))
    assert size(thumbnail(data, kind, 200, 200)) == (200, 50)
    assert size(thumbnail(data, kind, 1000, 10)) == (40, 10)


def test_a_small_image_stays_small_and_a_huge_box_is_bounded() -> None:
    assert size(thumbnail(image(3, 2), "image/png", 10**9, 10**9)) == (3, 2)
    assert size(thumbnail(image(3000, 30), "image/png", 10**9, 10**9)) == (2000, 20)
    assert size(thumbnail(image(30, 30), "image/png", 0, 0)) == (1, 1)


def test_a_turned_photograph_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    data = image(40, 20, "JPEG", exif=exif)
    assert size(thumbnail(data, "image/jpeg", 100, 100)) == (20, 40)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(x) run\n"
HOSTILE = {
    "50,000 pixels square": (png_of(50_000, 50_000), "image/png"),
    "just over the bound": (png_of(5001, 5000), "image/png"),
    "an EPS called a PNG": (EPS, "image/png"),
    "an EPS": (EPS, "application/postscript"),
    "a PNG called a JPEG": (image(4, 4), "image/jpeg"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    "cut off": (image(400, 400)[:60], "image/png"),
    "nothing": (b"", "image/gif"),
    "a header alone": (png_of(10, 10), "image/png"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_image_gets_no_picture(what: str) -> None:
    data, kind = HOSTILE[what]
    assert thumbnail(data, kind, 100, 100) is None


def test_too_many_bytes_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    data = image(4, 4)
    monkeypatch.setattr(thumbnails, "BYTES_MAX", len(data) - 1)
    assert not can_scale("image/png", len(data))
    assert thumbnail(data, "image/png", 10, 10) is None
