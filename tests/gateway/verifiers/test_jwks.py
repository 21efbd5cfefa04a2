from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from headway.errors import (
    AlgorithmMismatch,
    AudienceMismatch,
    ClaimMissing,
    IssuerUnknown,
    KeyNotFound,
    KeySourceFailed,
    KeyUnusable,
    KidInvalid,
    Refusal,
    SignatureInvalid,
    TokenExpired,
    TokenNotYetValid,
)
from headway.gateway.verifiers.jwks import JwksVerifier, KeptKeys, parse_keys, read_sets
from headway.gateway.verifiers.settings import TrustedIssuer
from headway.http.key_fetch import FETCHES_MAX, KEY_LIFE
from headway.model import RequestFacts, TokenText
from headway.ports import NeedKey, adrive, drive

NOW = 1_640_000_000
ISSUER = "https://id.example"
FACTS = RequestFacts(method="GET", raw_path="/")
RSA = rsa.generate_private_key(65537, 2048)
EC, ED = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
PRIVATE: dict[str, Any] = {"RS256": RSA, "ES256": EC, "EdDSA": ED}
PUBLIC = {
    "RS256": RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True),
    "ES256": ECAlgorithm.to_jwk(EC.public_key(), as_dict=True),
    "EdDSA": OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True),
}


def entry(algorithm: str, key_id: str = "", **more: Any) -> dict[str, Any]:
    told = {k: v for k, v in PUBLIC[algorithm].items() if k != "key_ops"}
    return {**told, "kid": key_id or algorithm, **more}


def key_set(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(entries)}).encode()


WHOLE = key_set(*map(entry, PUBLIC))


class World:
    """Two issuers, what their key sets answer, and a clock."""

    def __init__(self, body: bytes = WHOLE, *, several: bool = True) -> None:
        self.body, self.status, self.now = body, 200, 1000.0
        self.asked: list[str] = []
        names = ("id", "other") if several else ("id",)
        self.verifier = JwksVerifier(
            [
                TrustedIssuer(
                    issuer=f"https://{name}.example",
                    keys=f"https://{name}.example/jwks",
                    audience=("api", "api2"),
                )
                for name in names
            ],
            ticks=lambda: self.now,
            transport=httpx.MockTransport(self._answer),
        )

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        await asyncio.sleep(0)
        return httpx.Response(self.status, stream=httpx.ByteStream(self.body))

    async def prove(self, token: str) -> str:
        steps = self.verifier.proving(TokenText(token), FACTS, NOW)
        return await adrive(steps, self.verifier.keys)

    async def ask(self, key_id: str, issuer: str = ISSUER) -> Any:
        need = NeedKey(issuer=issuer, symmetric=False, key_id=key_id)
        return await self.verifier.find(need)


def token(algorithm: str = "ES256", *, kid: str | None = "", key: Any = None, **change: Any) -> str:
    claims = {"iss": ISSUER, "aud": "api", "exp": NOW + 60, "client_id": "app-1", **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    head = {} if kid is None else {"kid": kid or algorithm}
    return pyjwt.encode(claims, key or PRIVATE[algorithm], algorithm=algorithm, headers=head)


def run(told: str, **world: Any) -> str:
    return asyncio.run(World(**world).prove(told))


@pytest.mark.parametrize("algorithm", list(PRIVATE))
def test_three_algorithms(algorithm: str) -> None:
    assert run(token(algorithm), several=False) == "app-1"
    assert run(token(algorithm)) == f"app-1 of {ISSUER}"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"client_id": None, "azp": "app-2"}, "app-2"),
        ({"client_id": None, "sub": "user"}, "user"),
        ({"client_id": None}, ISSUER),
        ({"client_id": "x" * 500}, "x" * 120),
        ({"client_id": 7, "aud": ["other", "api2"]}, ISSUER),
    ],
    ids=range(5),
)
def test_whose_token_it_is(change: dict[str, Any], name: str) -> None:
    assert run(token(**change), several=False) == name
    claimed = World(several=False).verifier.claimed(token(**change))
    assert claimed == name


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        (token(iss="https://evil.example"), IssuerUnknown),
        (token(kid=None), KidInvalid),
        (token(kid="none"), KeyNotFound),
        (token(kid="RS256"), AlgorithmMismatch),
        (token(key=ec.generate_private_key(ec.SECP256R1())), SignatureInvalid),
        (token(exp=None), ClaimMissing),
        (token(exp=NOW - 3600), TokenExpired),
        (token(nbf=NOW + 3600, exp=NOW + 7200), TokenNotYetValid),
        (token(iat=NOW + 3600, exp=NOW + 7200), TokenNotYetValid),
        (token(aud=None), AudienceMismatch),
        (token(aud="another"), AudienceMismatch),
    ],
    ids=range(11),
)
def test_what_proves_nothing(told: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        run(told)


def test_a_public_key_is_no_secret() -> None:
    """HS256 with the bytes of a public key, and no algorithm at all."""
    claims = {"iss": ISSUER, "aud": "api", "exp": NOW + 60}
    forged = pyjwt.encode(claims, PUBLIC["RS256"]["n"], algorithm="HS256", headers={"kid": "RS256"})
    with pytest.raises(AlgorithmMismatch):
        run(forged)
    world = World()
    secret = NeedKey(issuer=ISSUER, symmetric=True)
    assert asyncio.run(world.verifier.find(secret)) is None
    assert "public key" in repr(asyncio.run(world.ask("RS256")).keys[0])


def test_an_issuer_has_its_own_keys() -> None:
    async def both(world: World) -> None:
        await world.ask("RS256")
        await world.ask("RS256", "https://other.example")

    world = World()
    asyncio.run(both(world))
    assert world.asked == ["https://id.example/jwks", "https://other.example/jwks"]


# ---- how often is fetched -------------------------------------------------------------------


def test_one_fetch_for_all_who_wait() -> None:
    async def many(world: World) -> None:
        await asyncio.gather(*(world.ask(name) for name in list(PUBLIC) * 5))

    world = World()
    asyncio.run(many(world))
    assert len(world.asked) == 1


def test_t22_ten_thousand_random_key_ids() -> None:
    """They delay a new key by seconds, cost few fetches, and known keys pass."""

    async def flood(world: World) -> None:
        await world.ask("RS256")
        for number in range(10_000):
            world.now += 0.01
            with pytest.raises((KeyNotFound, KeySourceFailed)):
                await world.ask(f"random-{number}")
        assert await world.ask("RS256")

    world = World()
    asyncio.run(flood(world))
    assert len(world.asked) <= FETCHES_MAX


def test_a_key_that_is_withdrawn_dies_and_a_new_one_lives() -> None:
    async def rotate(world: World) -> None:
        await world.ask("RS256")
        world.body = key_set(entry("ES256", "new"))
        world.now += 11
        assert await world.ask("new")
        with pytest.raises(KeyNotFound):
            await world.ask("RS256")

    asyncio.run(rotate(World()))


def test_a_source_that_is_down_lets_known_keys_pass_for_a_day() -> None:
    async def down(world: World) -> None:
        await world.ask("RS256")
        world.status = 503
        for _ in range(3):
            world.now += 3601
            assert await world.ask("RS256")
            assert await world.ask("RS256")
            await asyncio.sleep(0.05)
        world.verifier._sets[ISSUER]._fetches._budget = 0
        world.verifier._sets[ISSUER]._fetches._counted_at = world.now = world.now + 3601
        assert await world.ask("RS256")
        world.now += KEY_LIFE
        with pytest.raises(KeySourceFailed):
            await world.ask("RS256")

    world = World()
    asyncio.run(down(world))
    assert len(world.asked) == 5


# ---- key sets -------------------------------------------------------------------------------


def test_a_key_for_something_else_is_left_out() -> None:
    left = [
        entry("RS256", "enc", use="enc"),
        entry("RS256", "alg", alg="RS512"),
        entry("RS256", "ops", key_ops=["encrypt"]),
        entry("RS256", "odd", kty=["RSA"]),
        {**entry("RS256"), "kid": None},
        {"kty": "EC", "crv": "P-521", "kid": "p521"},
        {"kty": "other", "crv": 7, "kid": "other"},
    ]
    assert list(parse_keys(key_set(*left, entry("ES256", "good", use="sig", alg="ES256")))) == [
        "good"
    ]


BROKEN = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
WEAK = RSAAlgorithm.to_jwk(BROKEN.public_key(), as_dict=True)


@pytest.mark.parametrize(
    "data",
    [
        b"no",
        b"[]",
        b'{"keys": 1}',
        b'{"keys": [1]}',
        key_set({"kty": "oct", "k": "AAAA", "kid": "a"}),
        key_set(entry("RS256", d="AQAB")),
        key_set(entry("RS256"), entry("RS256")),
        key_set(entry("RS256", n="!")),
        key_set({"kty": "EC", "crv": "P-256", "kid": "a", "x": "AA", "y": "AA"}),
        key_set({**WEAK, "kid": "weak", "key_ops": ["verify"]}),
        key_set(*[entry("RS256", str(n)) for n in range(65)]),
    ],
    ids=range(11),
)
def test_a_set_that_can_not_be_used(data: bytes) -> None:
    with pytest.raises(KeyUnusable):
        parse_keys(data)


def test_an_empty_set_is_no_set() -> None:
    with pytest.raises(KeyUnusable):
        run(token(), body=key_set())


def test_sets_that_were_kept_answer_at_once() -> None:
    issuer = TrustedIssuer(issuer=ISSUER, keys="https://id.example/jwks", audience=("api",))

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(WHOLE))

    sets = asyncio.run(read_sets([issuer], transport=httpx.MockTransport(answer)))
    verifier = JwksVerifier([issuer], keys=KeptKeys(sets))

    def prove(told: str) -> str:
        return drive(verifier.proving(TokenText(told), FACTS, NOW), verifier.keys)

    assert prove(token()) == "app-1"
    with pytest.raises(KeyNotFound):
        prove(token(kid="another"))
    with pytest.raises(IssuerUnknown):
        prove(token(iss="https://other.example"))
    assert KeptKeys(sets).find(NeedKey(issuer=ISSUER, symmetric=True)) is None
    assert KeptKeys(sets).find(NeedKey(issuer="other", symmetric=False, key_id="RS256")) is None
