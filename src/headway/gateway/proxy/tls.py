"""TLS on both sides: certificates of the proxy, of its clients, and of its upstreams."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from headway.errors import ConfigurationError

__all__ = ["client_tls", "server_tls", "subject_of"]

_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "userId": "UID",
}
"""RFC 4514 section 3."""


def server_tls(
    certificate: Path, key: Path, client_ca: Path | None = None, *, required: bool = True
) -> ssl.SSLContext:
    """What the proxy speaks: HTTP/1.1 over TLS 1.2 or newer.

    With *client_ca*, a client shows a certificate of that authority; where not
    *required*, it may also show none.  Raises ConfigurationError, which names the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load(context, certificate, key)
    if client_ca is not None:
        _trust(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Take up *certificate* and *key*, for the handshakes from now on."""
    for file in (certificate, key):
        if not file.is_file():
            raise ConfigurationError(f"{file}: there is no such file")
    try:
        # With a key that has a passphrase nobody is asked: an empty one is tried.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        raise ConfigurationError(
            f"{certificate}, {key}: are no certificate and its key in PEM, without a passphrase"
        ) from None


def client_tls(ca: Path | None = None) -> ssl.SSLContext:
    """How upstreams are checked: by the system's authorities, or by those in *ca* alone."""
    if ca is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, ca)
    return context


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(ca)
    except (OSError, ValueError):
        raise ConfigurationError(f"{ca}: holds no certificates of authorities in PEM") from None


def subject_of(connection: Any) -> str | None:
    r"""Who the client's verified certificate is for, as in RFC 4514; None without one.

    >>> class Connection:
    ...     def getpeercert(self):
    ...         return {"subject": ((("organizationName", "Acme, Inc."),), (("commonName", "a"),))}
    >>> subject_of(Connection())
    'CN=a,O=Acme\\, Inc.'
    """
    certificate = None if connection is None else connection.getpeercert()
    if not certificate:
        return None
    parts = [
        "+".join(f"{_SHORT.get(name, name)}={_escaped(value)}" for name, value in part)
        for part in reversed(certificate.get("subject", ()))
    ]
    return ",".join(parts) or None


def _escaped(value: str) -> str:
    """RFC 4514 section 2.4, so that no value can look like another part."""
    text = "".join(f"\\{c}" if c in '\\,+"<>;=' else c for c in value)
    return f"\\{text}" if text.startswith((" ", "#")) else text
