"""Authorities and certificates of a moment, for tests that speak TLS."""

from __future__ import annotations

import datetime as dt
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Pair(NamedTuple):
    """A certificate and its key, in files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; its own is in *certificate*."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        extension = x509.BasicConstraints(ca=True, path_length=0)
        signed = self._builder(self._name, self._key.public_key()).add_extension(
            extension, critical=True
        )
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = signed.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.certificate = folder / f"{name.replace(' ', '-')}.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    def pair(
        self, name: str = "localhost", *, organization: str = "", dns: str = "localhost"
    ) -> Pair:
        """A certificate for *name*, and for *dns* and loopback; without *dns*, for *name* alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organization:
            parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        signed = self._builder(x509.Name(parts), key.public_key())
        if dns:
            names = [x509.DNSName(dns), x509.IPAddress(ip_address("127.0.0.1"))]
            signed = signed.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = signed.sign(self._key, hashes.SHA256())
        here = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        here.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        here.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return here

    def trusting(self, shown: Pair | None = None) -> ssl.SSLContext:
        """A client's context that trusts this authority, and shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        return context
