"""Keys: RSA, key sets, certificates, encryption at rest.  The only importer of ``cryptography``.

The one place of the root with randomness: new secrets, new keys, the nonces of
sealed values.  Nothing here shows key material in ``repr``, and nothing that
holds some can be pickled.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headway.errors import ConfigurationError, KeyUnusable

__all__ = [
    "CERTIFICATE_SECONDS",
    "CERTIFICATE_SLACK",
    "RsaPrivateKey",
    "RsaPublicKey",
    "Sealer",
    "ServerIdentity",
    "new_sealing_key",
    "new_secret",
    "new_server_identities",
    "new_server_identity",
    "parse_key_set",
    "public_key_pin",
]

RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192
RSA_EXPONENT = 65537
PEM_BYTES_MAX = 16_384
KEY_SET_BYTES_MAX = 131_072
KEY_SET_KEYS_MAX = 64
NONCE_BYTES = 12  # 96 random bits: at most 2**32 sealed values per key (NIST SP 800-38D 8.3)
SEALING_KEY_BYTES = 32
CERTIFICATE_SECONDS = 7 * 86_400
"""How long a server's certificate and its authority are good."""

CERTIFICATE_SLACK = 300
"""How many of these lie before now: clocks differ."""

# RFC 7518 sections 6.3.2 and 6.4.1
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_BEGIN = b"-----BEGIN PUBLIC KEY-----"
_PADDING = padding.PKCS1v15()
_SHA256 = hashes.SHA256()


def new_secret() -> str:
    """A shared secret for a new installation: 32 random bytes as base64url text.

    >>> len(new_secret())
    43
    """
    return secrets.token_urlsafe(32)


class RsaPublicKey:
    """A public key for RS256: 2048 to 8192 bits, exponent 65537."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        if not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
            raise KeyUnusable(
                expected=f"{RSA_BITS_MIN} to {RSA_BITS_MAX} bits", found=f"{key.key_size} bits"
            )
        if key.public_numbers().e != RSA_EXPONENT:
            raise KeyUnusable(expected=f"exponent {RSA_EXPONENT}", found="another exponent")
        self._key = key

    @classmethod
    def from_pem(cls, pem: bytes) -> RsaPublicKey:
        """Read exactly one ``PUBLIC KEY`` block (RFC 7468 section 13).

        Raises :class:`~headway.errors.KeyUnusable`.

        >>> RsaPublicKey.from_pem(RsaPrivateKey.generate().public_pem())
        <RSA public key, 2048 bits>
        """
        text = pem.strip()
        if len(pem) > PEM_BYTES_MAX or not text.startswith(_BEGIN) or text.count(b"BEGIN") != 1:
            raise KeyUnusable(expected="one PEM block 'PUBLIC KEY'", found="something else")
        try:
            key = serialization.load_pem_public_key(text)
        except ValueError:
            raise KeyUnusable(expected="a PEM public key", found="a broken PEM block") from None
        if not isinstance(key, rsa.RSAPublicKey):
            raise KeyUnusable(expected="an RSA key", found="another kind of key")
        return cls(key)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether *signature* is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3)."""
        try:
            self._key.verify(signature, message, _PADDING, _SHA256)
        except InvalidSignature:
            return False
        return True

    def to_pem(self) -> bytes:
        """The key as one ``PUBLIC KEY`` block."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def __repr__(self) -> str:
        return f"<RSA public key, {self._key.key_size} bits>"


class RsaPrivateKey:
    """A private key for RS256; a host signs its lifecycle events with one."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        RsaPublicKey(key.public_key())  # the same bounds
        self._key = key

    @classmethod
    def generate(cls) -> RsaPrivateKey:
        """A new key of 2048 bits.

        >>> RsaPrivateKey.generate()
        <RSA private key>
        """
        return cls(rsa.generate_private_key(RSA_EXPONENT, RSA_BITS_MIN))

    @classmethod
    def from_pem(cls, pem: bytes) -> RsaPrivateKey:
        """Read an unencrypted PKCS #8 block; raises :class:`~headway.errors.KeyUnusable`."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise KeyUnusable(expected="a PEM private key", found="something else") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise KeyUnusable(expected="an RSA key", found="another kind of key")
        return cls(key)

    def to_pem(self) -> bytes:
        """The key as an unencrypted PKCS #8 block: for a file that only its owner can read."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def public(self) -> RsaPublicKey:
        """The public half."""
        return RsaPublicKey(self._key.public_key())

    def public_pem(self) -> bytes:
        """The public half as one ``PUBLIC KEY`` block."""
        return self.public().to_pem()

    def sign(self, message: bytes) -> bytes:
        """The RSASSA-PKCS1-v1_5 signature with SHA-256 over *message*."""
        return self._key.sign(message, _PADDING, _SHA256)

    def __repr__(self) -> str:
        return "<RSA private key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled")


def parse_key_set(data: bytes) -> dict[str, RsaPublicKey]:
    """The RSA signing keys of a JSON Web Key Set, by key id (RFC 7517 section 5).

    A set is refused whole where it could confuse (``oct``, private members, a
    ``kid`` that occurs twice, an RSA signing key that is too weak or broken).
    A key that is merely for something else is left out: another ``kty``,
    ``use``, ``alg`` or ``key_ops``.  Raises :class:`~headway.errors.KeyUnusable`.

    >>> parse_key_set(b'{"keys": []}')
    {}
    """
    if len(data) > KEY_SET_BYTES_MAX:
        raise KeyUnusable(expected=f"at most {KEY_SET_BYTES_MAX} bytes", found=f"{len(data)}")
    try:
        entries = json.loads(data)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeyUnusable(expected="a JSON Web Key Set", found="something else") from None
    if not isinstance(entries, list) or len(entries) > KEY_SET_KEYS_MAX:
        raise KeyUnusable(expected=f"a list of at most {KEY_SET_KEYS_MAX} keys")
    keys: dict[str, RsaPublicKey] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise KeyUnusable(expected="a JSON Web Key", found=type(entry).__name__)
        if entry.get("kty") == "oct" or _SECRET_MEMBERS & entry.keys():
            raise KeyUnusable(expected="public keys", found="a key set with secret members")
        key_id = entry.get("kid")
        if _signs_rs256(entry) and isinstance(key_id, str):
            if key_id in keys:
                raise KeyUnusable(expected="each kid once", found="a repeated kid")
            keys[key_id] = _rsa_from_jwk(entry)
    return keys


def _signs_rs256(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _rsa_from_jwk(entry: Mapping[str, Any]) -> RsaPublicKey:
    try:
        n, e = (_number(entry[name]) for name in "ne")
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except (KeyError, TypeError, ValueError):
        raise KeyUnusable(expected="an RSA key with n and e", found="a broken entry") from None
    return RsaPublicKey(key)


def _number(text: str) -> int:
    """An integer as RFC 7518 section 2 writes it: base64url without padding."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("no base64url")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


# ---- certificates ---------------------------------------------------------------------------


class ServerIdentity:
    """How a server on this machine proves itself; all of it PEM.

    *authority* is what clients trust; *chain* and *key* are the server's own.
    """

    __slots__ = ("authority", "chain", "key")

    def __init__(self, authority: bytes, chain: bytes, key: bytes) -> None:
        self.authority = authority
        self.chain = chain
        self.key = key

    def __repr__(self) -> str:
        return "<server identity>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a server identity holds a key and is not pickled")


def new_server_identity(name: str, now: float) -> ServerIdentity:
    """A certificate for *name*, a host name or an address, and the authority that it is of.

    As :func:`new_server_identities`, for one name.

    >>> new_server_identity("localhost", 1_700_000_000).authority[:27]
    b'-----BEGIN CERTIFICATE-----'
    """
    return new_server_identities([name], now)[name]


def new_server_identities(names: Sequence[str], now: float) -> dict[str, ServerIdentity]:
    """A certificate for each of *names*, host names or addresses, all of one authority.

    Whoever trusts the authority trusts it for *names* for seven days at most and
    for nothing else, addresses least of all: its name constraints say so,
    critically (RFC 5280 section 4.2.1.10).  Its key signs these certificates
    and is gone with this call.

    >>> sorted(new_server_identities(["a.example", "127.0.0.1"], 1_700_000_000))
    ['127.0.0.1', 'a.example']
    """
    signer = ec.generate_private_key(ec.SECP256R1())
    issuer = f"Headway authority for {', '.join(names)}"
    constraints = _authority_for(*names)
    authority = _certificate(issuer, signer.public_key(), issuer, signer, now, constraints)
    identities = {}
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = f"Headway site at {name}"  # spaces: no verifier takes it for a host name
        leaf = _certificate(subject, key.public_key(), issuer, signer, now, _server_for(name))
        written = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        identities[name] = ServerIdentity(authority, leaf + authority, written)
    return identities


def public_key_pin(chain: bytes) -> str:
    """The hash by which a browser is told to take the first certificate of a PEM chain.

    Base64 of SHA-256 over its SubjectPublicKeyInfo (RFC 7469 section 2.4);
    raises ValueError for what is no certificate.

    >>> len(public_key_pin(new_server_identity("localhost", 0.0).chain))
    44
    """
    public = x509.load_pem_x509_certificates(chain)[0].public_key()
    written = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(written).digest()).decode()


def _certificate(
    subject: str,
    public: ec.EllipticCurvePublicKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    now: float,
    extensions: Mapping[x509.ExtensionType, bool],
) -> bytes:
    begin = int(now) - CERTIFICATE_SLACK
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_common_name(subject))
        .issuer_name(_common_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(begin, UTC))
        .not_valid_after(datetime.fromtimestamp(begin + CERTIFICATE_SECONDS, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    for extension, critical in extensions.items():
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, _SHA256).public_bytes(serialization.Encoding.PEM)


def _authority_for(*names: str) -> dict[x509.ExtensionType, bool]:
    """One level, these names: a kind of name that is not permitted at all is excluded whole.

    A permitted host name permits what is below it, too (RFC 5280 section
    4.2.1.10); that is excluded again, in the form with a dot before it.
    """
    permitted = [_general_name(name, network=True) for name in names]
    everything: tuple[x509.GeneralName, ...] = (
        x509.DNSName(""),
        x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
        x509.IPAddress(ipaddress.ip_network("::/0")),
    )
    excluded = [e for e in everything if not any(_same_kind(e, each) for each in permitted)]
    hosts = [str(each.value) for each in permitted if isinstance(each, x509.DNSName)]
    excluded += [
        x509.DNSName(f".{host}")
        for host in hosts
        if not any(other.endswith(f".{host}") for other in hosts)
    ]
    return {
        x509.BasicConstraints(ca=True, path_length=0): True,
        _key_usage(signs_certificates=True): True,
        x509.NameConstraints(permitted, excluded): True,
    }


def _server_for(name: str) -> dict[x509.ExtensionType, bool]:
    return {
        x509.BasicConstraints(ca=False, path_length=None): True,
        _key_usage(signs_certificates=False): True,
        x509.SubjectAlternativeName([_general_name(name)]): False,
    }


def _general_name(name: str, *, network: bool = False) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(ipaddress.ip_network(address) if network else address)


def _same_kind(one: x509.GeneralName, other: x509.GeneralName) -> bool:
    versions = [getattr(each.value, "version", None) for each in (one, other)]
    return type(one) is type(other) and versions[0] == versions[1]


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _common_name(text: str) -> x509.Name:
    """A name for people, in the length that RFC 5280 appendix A.1 allows."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


# ---- encryption at rest ---------------------------------------------------------------------


def new_sealing_key() -> bytes:
    """A key for :class:`Sealer`: 32 random bytes, not a passphrase.

    >>> len(new_sealing_key())
    32
    """
    return secrets.token_bytes(SEALING_KEY_BYTES)


class Sealer:
    """Encryption at rest: AES-256-GCM, bound to the place where a value is kept.

    *keys* maps key ids to 32-byte keys; *current* names the one that seals.
    The others still open, so that keys rotate while the app runs.

    >>> sealer = Sealer({"k1": bytes(32)}, "k1")
    >>> sealer.open(sealer.seal(b"plain", ["table", "row"]), ["table", "row"])
    b'plain'
    """

    __slots__ = ("_ciphers", "current")

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        for key_id, key in keys.items():
            if len(key) != SEALING_KEY_BYTES:
                raise ConfigurationError(
                    f"the sealing key {key_id!r} must have {SEALING_KEY_BYTES} bytes; "
                    f"it has {len(key)}"
                )
            if not key_id.isascii() or not 1 <= len(key_id) <= 64:
                raise ConfigurationError("a sealing key's id has 1 to 64 ASCII characters")
        if current not in keys:
            raise ConfigurationError(f"there is no sealing key {current!r}")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.current = current

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> Sealer:
        """A sealer that seals with the first of *keys* and opens with all of them.

        A key's id is made of the key, so that no two mean different ones by it.

        >>> Sealer.of([bytes(32)]).current
        '97e02555f93ac673'
        """
        if not keys:
            raise ConfigurationError("there is no sealing key")
        named = {_key_id(key): key for key in keys}
        return cls(named | {_UNNAMED: keys[-1]}, _key_id(keys[0]))

    def is_current(self, sealed: bytes) -> bool:
        """Whether *sealed* was sealed with the key that seals now."""
        head = bytes([len(self.current)]) + self.current.encode()
        return sealed.startswith(head)

    @staticmethod
    def key_id(sealed: bytes) -> str:
        """The id of the key that *sealed* says it was sealed with; not proved."""
        return sealed[1 : 1 + sealed[0]].decode("ascii", "replace") if sealed else ""

    def seal(self, plain: bytes, context: Sequence[str]) -> bytes:
        """Encrypt *plain*; it opens only with the same *context* (names of its place)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = bytes([len(self.current)]) + self.current.encode()
        sealed = self._ciphers[self.current].encrypt(nonce, plain, _bound(self.current, context))
        return head + nonce + sealed

    def open(self, sealed: bytes, context: Sequence[str]) -> bytes:
        """Decrypt; raises ConfigurationError where key, place or bytes are not right."""
        end = 1 + sealed[0] if sealed else 1
        key_id = self.key_id(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise ConfigurationError("a stored value is sealed with a key that is not configured")
        nonce, data = sealed[end : end + NONCE_BYTES], sealed[end + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, data, _bound(key_id, context))
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                "a stored value does not open: it was changed, moved, or sealed with another key"
            ) from None

    def __repr__(self) -> str:
        return f"<sealer, {len(self._ciphers)} keys>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealer holds keys and is not pickled")


_UNNAMED = "store"
"""What was sealed before keys had ids of their own is sealed under this one."""


def _key_id(key: bytes) -> str:
    """64 bits of a hash over a random key of 256 bits: they tell keys apart and nothing else."""
    return hashlib.sha256(b"headway sealing key id" + key).hexdigest()[:16]


def _bound(key_id: str, context: Sequence[str]) -> bytes:
    """The associated data: each part with its length before it, so that none can slide."""
    parts = [b"headway sealed v1", key_id.encode(), *(part.encode() for part in context)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
