"""The name in a TLS handshake that goes by unread: OpenSSL reads it, and nothing else of it."""

from __future__ import annotations

import ssl

from anyio.abc import ByteStream

__all__ = ["NotTls", "read_hello"]

HELLO_MAX = 32_768


class NotTls(Exception):
    """What a client sent begins no TLS handshake."""


async def read_hello(stream: ByteStream) -> tuple[str | None, bytes]:
    """The server name that a client asks for (RFC 6066 section 3), and all that it sent so far.

    None is no name.  Raises :class:`NotTls`, and what *stream* raises.
    """
    names: list[str | None] = []

    def seen(tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int:
        names.append(name)
        return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR  # enough was read

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = seen
    came = ssl.MemoryBIO()
    handshake = context.wrap_bio(came, ssl.MemoryBIO(), server_side=True)
    read = b""
    while len(read) < HELLO_MAX:
        data = await stream.receive()
        read += data
        came.write(data)
        try:
            handshake.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError:
            if names:
                return names[0] and names[0].lower(), read
            break
    raise NotTls
