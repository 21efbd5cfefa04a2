"""Keys: what is accepted as one, and values that open only where they were sealed."""

import base64
import hashlib
import json
import pickle
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from headway import keys
from headway.errors import ConfigurationError, KeyUnusable
from headway.keys import (
    RsaPrivateKey,
    RsaPublicKey,
    Sealer,
    new_sealing_key,
    new_secret,
    new_server_identities,
    new_server_identity,
    parse_key_set,
    public_key_pin,
)

RSA = RsaPrivateKey.generate()
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def pem_of(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, SPKI)


def test_secrets_are_random_and_long_enough() -> None:
    assert len({new_secret() for _ in range(50)}) == 50
    assert len(base64.urlsafe_b64decode(new_secret() + "=")) == 32


def test_rsa_round_trip() -> None:
    again = RsaPrivateKey.from_pem(RSA.to_pem())
    public = RsaPublicKey.from_pem(again.public_pem())
    assert public.verifies(RSA.sign(b"message"), b"message")
    assert not public.verifies(RSA.sign(b"message"), b"another")
    assert not public.verifies(b"", b"message")
    assert repr(RSA) == "<RSA private key>"
    assert repr(public) == "<RSA public key, 2048 bits>"
    with pytest.raises(TypeError):
        pickle.dumps(RSA)


WEAK = pem_of(rsa.generate_private_key(65537, 1024))  # noqa: S505
THREE = pem_of(rsa.generate_private_key(3, 2048))
CURVE = pem_of(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"<html>Forbidden</html>",
        RSA.to_pem(),
        RSA.public_pem() * 2,
        b"junk\n" + RSA.public_pem(),
        RSA.public_pem().replace(b"A", b"!", 30),
        RSA.public_pem() + b"\n" * 20_000,
        WEAK,
        THREE,
        CURVE,
    ],
    ids=["empty", "html", "private", "two", "junk", "broken", "large", "weak", "e3", "curve"],
)
def test_what_is_no_public_key_is_refused(pem: bytes) -> None:
    with pytest.raises(KeyUnusable):
        RsaPublicKey.from_pem(pem)


@pytest.mark.parametrize("name", ["rubbish", "public", "curve"])
def test_what_is_no_private_key_is_refused(name: str) -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(KeyUnusable):
        RsaPrivateKey.from_pem({"rubbish": b"x", "public": RSA.public_pem(), "curve": curve}[name])


def number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def entry(**changes: Any) -> dict[str, Any]:
    key = serialization.load_pem_public_key(RSA.public_pem())
    assert isinstance(key, rsa.RSAPublicKey)
    numbers = key.public_numbers()
    base = {"kty": "RSA", "kid": "k1", "n": number(numbers.n), "e": number(numbers.e)}
    return {**base, **changes}


def key_set(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


def test_a_key_set_gives_its_signing_keys() -> None:
    others = [
        entry(kid="k2", use="enc"),
        entry(kid="k3", alg="PS256"),
        {"kty": "EC", "kid": "k4"},
        entry(kid="k5", key_ops=["sign"]),
        entry(kid="k6", key_ops="verify"),
        {k: v for k, v in entry().items() if k != "kid"},
    ]
    mine = entry(use="sig", alg="RS256", key_ops=["verify"])
    keys = parse_key_set(key_set(mine, *others))
    assert list(keys) == ["k1"]
    assert keys["k1"].verifies(RSA.sign(b"message"), b"message")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"keys": 1}',
        key_set(*[entry(kid=str(n)) for n in range(65)]),
        key_set("text"),
        key_set({"kty": "oct", "k": "c2VjcmV0"}),
        key_set(entry(d="AQAB")),
        key_set(entry(), entry()),
        key_set(entry(n=1)),
        key_set(entry(e="AA")),
        key_set(entry(n="AQAB")),
        key_set(entry(e="AQAB==")),
        key_set(entry(e="")),
        key_set(entry(n="*" * 300)),
        key_set(entry(p="AQAB")),
        key_set({"kty": "EC", "kid": "k2", "d": "AQAB"}),
        b"[" * 100_000,
        b" " * 131_072 + key_set(entry()),
    ],
)
def test_a_key_set_that_could_confuse_is_refused(data: bytes) -> None:
    with pytest.raises(KeyUnusable):
        parse_key_set(data)


PLACE = ["installation", "shared_secret", "my-app", "site"]


def test_a_sealed_value_opens_only_in_its_place() -> None:
    sealer = Sealer({"k1": new_sealing_key()}, "k1")
    sealed = sealer.seal(b"plain text", PLACE)
    assert b"plain" not in sealed
    assert sealer.open(sealed, PLACE) == b"plain text"
    for place in ([*PLACE[:3], "other"], PLACE[:3], ["installationshared_secret", *PLACE[2:]]):
        with pytest.raises(ConfigurationError):
            sealer.open(sealed, place)


def test_a_changed_value_does_not_open() -> None:
    sealer = Sealer({"k1": new_sealing_key()}, "k1")
    sealed = sealer.seal(b"plain text", PLACE)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(ConfigurationError):
            sealer.open(changed, PLACE)
    for cut in (0, 1, 5, 20):
        with pytest.raises(ConfigurationError):
            sealer.open(sealed[:cut], PLACE)


def test_a_sealer_of_keys_seals_with_the_first_and_opens_with_all() -> None:
    old, new = new_sealing_key(), new_sealing_key()
    before, both, after = Sealer.of([old]), Sealer.of([new, old]), Sealer.of([new])
    sealed = before.seal(b"plain", PLACE)
    assert both.open(sealed, PLACE) == b"plain"
    assert [s.is_current(sealed) for s in (before, both, after)] == [True, False, False]
    again = both.seal(b"plain", PLACE)
    assert after.is_current(again)
    assert after.open(again, PLACE) == b"plain"
    unnamed = Sealer({"store": old}, "store").seal(b"plain", PLACE)
    assert both.open(unnamed, PLACE) == b"plain"
    assert not before.is_current(unnamed)
    for sealer in (both, after):
        assert old.hex()[:8] not in f"{sealer.current}{sealer!r}"
    with pytest.raises(ConfigurationError, match="no sealing key"):
        Sealer.of([])


def test_keys_rotate() -> None:
    old, new = new_sealing_key(), new_sealing_key()
    sealed = Sealer({"k1": old}, "k1").seal(b"plain", PLACE)
    both = Sealer({"k1": old, "k2": new}, "k2")
    assert both.open(sealed, PLACE) == b"plain"
    again = both.seal(b"plain", PLACE)
    assert Sealer({"k2": new}, "k2").open(again, PLACE) == b"plain"
    with pytest.raises(ConfigurationError, match="not configured"):
        Sealer({"k2": new}, "k2").open(sealed, PLACE)


def test_nonces_differ() -> None:
    sealer = Sealer({"k1": new_sealing_key()}, "k1")
    assert len({sealer.seal(b"x", PLACE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("known", "current", "says"),
    [
        ({"k1": b"short"}, "k1", "32 bytes"),
        ({"k1": bytes(32)}, "k2", "no sealing key"),
        ({"": bytes(32)}, "", "1 to 64"),
        ({"ä": bytes(32)}, "ä", "1 to 64"),
    ],
)
def test_a_sealer_says_what_is_wrong_with_its_keys(
    known: dict[str, bytes], current: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Sealer(known, current)


def test_a_sealer_keeps_its_keys_to_itself() -> None:
    sealer = Sealer({"k1": bytes(32)}, "k1")
    assert repr(sealer) == "<sealer, 1 keys>"
    with pytest.raises(TypeError):
        pickle.dumps(sealer)


# ---- certificates ---------------------------------------------------------------------------

NOW = time.time()


class Judge:
    """OpenSSL, with one authority that it trusts."""

    def __init__(self, folder: Path, authority: bytes) -> None:
        self.folder, self.trusted = folder, folder / "authority.pem"
        self.trusted.write_bytes(authority)

    def verify(self, chain: bytes, *options: str, at: float = NOW) -> str:
        """``""`` where the server's certificate is good, else what OpenSSL says of it."""
        leaf = self.folder / "leaf.pem"
        leaf.write_bytes(chain)
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-untrusted", leaf,
             "-CAfile", self.trusted, "-attime", str(int(at)), *options, leaf],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        return "" if done.returncode == 0 else done.stderr


def host(name: str) -> tuple[str, str]:
    return ("-verify_ip" if ":" in name or name[0].isdigit() else "-verify_hostname"), name


@pytest.mark.parametrize("name", ["localhost", "site.test", "127.0.0.1", "::1"])
def test_openssl_takes_the_server_for_its_name_alone(tmp_path: Path, name: str) -> None:
    identity = new_server_identity(name, NOW)
    judge = Judge(tmp_path, identity.authority)
    assert judge.verify(identity.chain, *host(name)) == ""
    other = "127.0.0.2" if name == "127.0.0.1" else "127.0.0.1"
    assert "mismatch" in judge.verify(identity.chain, *host(other))
    assert "mismatch" in judge.verify(identity.chain, *host("evil.example"))
    key = serialization.load_pem_private_key(identity.key, password=None)
    leaf = x509.load_pem_x509_certificates(identity.chain)[0]
    assert key.public_key() == leaf.public_key()


def test_a_pin_is_of_the_servers_own_key() -> None:
    identity = new_server_identity("localhost", NOW)
    leaf = x509.load_pem_x509_certificates(identity.chain)[0]
    der = leaf.public_key().public_bytes(serialization.Encoding.DER, SPKI)
    assert base64.b64decode(public_key_pin(identity.chain)) == hashlib.sha256(der).digest()
    assert public_key_pin(identity.authority) != public_key_pin(identity.chain)
    with pytest.raises(ValueError, match="PEM"):
        public_key_pin(b"nothing")


FOREIGN = {
    "localhost": [
        *("evil.example", "localhost.evil.example", "notlocalhost", "below.localhost"),
        *("127.0.0.1", "::1"),
    ],
    "127.0.0.1": ["localhost", "evil.example", "127.0.0.2", "10.0.0.1", "::1"],
    "::1": ["localhost", "127.0.0.1", "::2"],
}


@pytest.mark.parametrize(("name", "other"), [(n, o) for n in FOREIGN for o in FOREIGN[n]])
def test_what_else_the_authority_might_sign_is_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    """As if its key had been kept: the trust that somebody installed ends at the name."""
    made: list[ec.EllipticCurvePrivateKey] = []
    generate = ec.generate_private_key

    def kept(curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
        made.append(generate(curve))
        return made[-1]

    monkeypatch.setattr(keys.ec, "generate_private_key", kept)
    authority = new_server_identity(name, NOW).authority
    issuer = f"Headway authority for {name}"
    signer, key = made[0], generate(ec.SECP256R1())

    def leaf(other: str) -> bytes:
        extensions = keys._server_for(other)
        return keys._certificate("x y", key.public_key(), issuer, signer, NOW, extensions)

    judge = Judge(tmp_path, authority)
    assert judge.verify(leaf(name)) == ""
    assert "subtree violation" in judge.verify(leaf(other))
    # nor can it make another authority
    below = keys._certificate(
        "below", key.public_key(), issuer, signer, NOW, keys._authority_for(name)
    )
    signed = keys._certificate(
        "x y", generate(ec.SECP256R1()).public_key(), "below", key, NOW, keys._server_for(name)
    )
    assert "path length" in judge.verify(signed + below)


NAMED = ["site.example", "api.site.example", "127.0.0.1"]
OTHERS = ["evil.example", "below.api.site.example", "127.0.0.2", "::1"]


def test_one_authority_for_several_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T16: each name by its own certificate, and nothing else by the authority's key."""
    made: list[ec.EllipticCurvePrivateKey] = []
    generate = ec.generate_private_key

    def kept(curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
        made.append(generate(curve))
        return made[-1]

    monkeypatch.setattr(keys.ec, "generate_private_key", kept)
    identities = new_server_identities(NAMED, NOW)
    assert len({each.authority for each in identities.values()}) == 1
    assert len({each.key for each in identities.values()}) == len(NAMED)
    judge = Judge(tmp_path, identities["127.0.0.1"].authority)
    for name in NAMED:
        assert judge.verify(identities[name].chain, *host(name)) == ""
        for other in [*NAMED, *OTHERS]:
            if other != name:
                assert "mismatch" in judge.verify(identities[name].chain, *host(other))
    issuer = f"Headway authority for {', '.join(NAMED)}"
    for other in OTHERS:
        key, extensions = generate(ec.SECP256R1()), keys._server_for(other)
        leaf = keys._certificate("x y", key.public_key(), issuer, made[0], NOW, extensions)
        assert "subtree violation" in judge.verify(leaf)


def test_a_certificate_lives_for_seven_days(tmp_path: Path) -> None:
    identity = new_server_identity("localhost", NOW)
    judge = Judge(tmp_path, identity.authority)
    assert judge.verify(identity.chain, at=NOW + 7 * 86_400 - 400) == ""
    assert "expired" in judge.verify(identity.chain, at=NOW + 7 * 86_400)
    assert "not yet valid" in judge.verify(identity.chain, at=NOW - 400)


def test_two_authorities_differ_and_keep_no_key() -> None:
    first, second = (new_server_identity("localhost", NOW) for _ in range(2))
    assert first.authority != second.authority
    assert b"PRIVATE" not in first.authority + first.chain
    assert first.key.count(b"PRIVATE KEY-----") == 2  # the server's, once
    assert repr(first) == "<server identity>"
    with pytest.raises(TypeError):
        pickle.dumps(first)
