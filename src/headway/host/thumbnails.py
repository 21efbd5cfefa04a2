"""Small pictures of attached images, really scaled.

An image is somebody else's: only four formats are opened at all, and how many
pixels it has is looked at before any is decoded.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

__all__ = ["FORMATS", "HEIGHT", "WIDTH", "can_scale", "thumbnail"]

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
"""What is opened, by media type.  Others need programs of their own (EPS: Ghostscript)."""

WIDTH, HEIGHT = 200, 200  # pixels, where the caller asks for none
SIZE_MAX = 2000  # pixels that a caller may ask for
PIXELS_MAX = 25_000_000  # of the image itself: 100 MB once decoded
BYTES_MAX = 32 * 1024 * 1024


def can_scale(media_type: str, size: int) -> bool:
    """Whether a file may be an image that :func:`thumbnail` opens."""
    return media_type in FORMATS and size <= BYTES_MAX


def thumbnail(data: bytes, media_type: str, width: int, height: int) -> bytes | None:
    """The image as a PNG that fits into *width* x *height* pixels; None where it is none.

    The bytes must be of the format that *media_type* says.  A small image stays
    as small as it is.

    >>> thumbnail(b"%!PS-Adobe-3.0 EPSF-3.0", "image/png", 10, 10) is None
    True
    """
    wanted = FORMATS.get(media_type)
    if wanted is None or len(data) > BYTES_MAX:
        return None
    box = (_within(width), _within(height))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[wanted]) as image:
                if image.width * image.height > PIXELS_MAX:
                    return None
                image.draft("RGB", box)  # a JPEG is decoded at a fraction of its size
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail(box)
                written = io.BytesIO()
                upright.convert("RGBA").save(written, "PNG")
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ):
        return None
    return written.getvalue()


def _within(pixels: int) -> int:
    return max(1, min(pixels, SIZE_MAX))
