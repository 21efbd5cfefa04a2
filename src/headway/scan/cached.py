"""Bodies in a browser's cache that are compressed as they were sent, unpacked as far as is bounded.

Sources: Firefox, ``netwerk/cache2`` (an entry is the body, then what is known of it); Chromium,
``net/disk_cache/simple`` (a header, the key, the body).  Brotli has no mark to be known by.
"""

from __future__ import annotations

import struct
import zlib

from headway.scan.readers import compression_of, zstd

__all__ = ["UNPACKED_MAX", "body_of"]

UNPACKED_MAX = 16 * 2**20
"""What is unpacked of one entry, in bytes: a bomb gets no further."""

_SIMPLE = struct.pack("<Q", 0xFCFB6D1BA7725C30)
_SIMPLE_HEADER = 24
_WINDOW_LOG = 27


def body_of(entry: bytes) -> bytes:
    """The body in *entry* (a file of a cache), unpacked; empty where it is not compressed.

    >>> import gzip
    >>> body_of(gzip.compress(b"a body") + b"what is known of it")
    b'a body'
    """
    start = 0
    if entry.startswith(_SIMPLE) and len(entry) > _SIMPLE_HEADER:
        start = _SIMPLE_HEADER + int(struct.unpack_from("<I", entry, 12)[0])
    compression = compression_of(entry[start : start + 6])
    packed = memoryview(entry)[start:]  # what stands behind the body is no part of it
    try:
        if compression is not None and compression.name == "gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, UNPACKED_MAX)
        if compression is not None and compression.name == "zstd":
            options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
            return zstd.ZstdDecompressor(options=options).decompress(packed, UNPACKED_MAX)
    except (zlib.error, zstd.ZstdError):
        pass  # it only looked like it
    return b""
