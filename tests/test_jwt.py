"""The codec: exactly one text per token, and no proof without a named algorithm."""

import base64
import hashlib
import hmac
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joserfc.jwk
import joserfc.jwt
import jwt as pyjwt
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headway import jwt
from headway.errors import (
    AlgorithmMismatch,
    ClaimMissing,
    Refusal,
    SignatureInvalid,
    TokenNotCanonical,
)
from headway.keys import RsaPrivateKey
from headway.model import Claims, Secret

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/jwt/codec.json").read_text(encoding="utf-8")
)
SECRET = Secret("0123456789abcdef0123456789abcdef")
RSA = RsaPrivateKey.generate()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def raw(header: str, payload: str, secret: bytes = b"") -> str:
    parts = [base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in (header, payload)]
    mac = hmac.new(secret or SECRET.reveal(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vectors(vector: dict[str, str]) -> None:
    if vector["expect"] == "accept":
        token = jwt.decode(vector["text"])
        assert jwt.check_signature(token, "HS256", [Secret(vector["secret"])]) == 0
    else:
        with pytest.raises(Refusal) as refusal:
            jwt.decode(vector["text"])
        assert refusal.value.id == vector["refusal"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), st.integers(0, 2**31))
def test_other_libraries_read_what_we_write(context: dict[str, Any], exp: int) -> None:
    claims = {"iss": "x", "exp": exp, "context": context}
    text = jwt.encode({"typ": "JWT"}, claims, SECRET)
    options = {"verify_exp": False}
    assert pyjwt.decode(str(text), SECRET.reveal(), ["HS256"], options=options) == claims
    key = joserfc.jwk.OctKey.import_key(SECRET.reveal())
    assert joserfc.jwt.decode(str(text), key, algorithms=["HS256"]).claims == claims


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_we_read_what_other_libraries_write(context: dict[str, Any]) -> None:
    text = pyjwt.encode({"iss": "x", "context": context}, SECRET.reveal(), "HS256")
    token = jwt.decode(text)
    assert token.unverified_claims.context == context
    assert jwt.check_signature(token, "HS256", [SECRET]) == 0


@given(st.data())
def test_no_second_text_for_a_token(data: st.DataObject) -> None:
    """Whatever one changes in, takes from or adds to a token's text, it is another token."""
    text = str(jwt.encode({"typ": "JWT"}, {"iss": "x", "exp": 1}, SECRET))
    at = data.draw(st.integers(0, len(text)))
    new = data.draw(st.sampled_from([*ALPHABET, "", ".", "=", "+", "/", " ", "\n", "é", "\0"]))
    keep = data.draw(st.integers(0, 1))
    other = text[:at] + new + text[at + 1 - keep :]
    if other == text:
        return
    with pytest.raises(Refusal):
        jwt.check_signature(jwt.decode(other), "HS256", [SECRET])


@pytest.mark.parametrize("length", range(1, 9))
@pytest.mark.parametrize("foreign", ["+", "/", "=", " ", "\n", "\0", "\x7f"])
def test_only_the_url_alphabet_makes_a_segment(foreign: str, length: int) -> None:
    for place in range(length):
        segment = "A" * place + foreign + "A" * (length - place - 1)
        with pytest.raises(TokenNotCanonical):
            jwt._segment(segment)


@given(st.binary(min_size=1, max_size=40))
def test_a_segment_is_what_the_standard_library_writes(data: bytes) -> None:
    assert jwt._segment(base64.urlsafe_b64encode(data).decode().rstrip("=")) == data


def test_rs256_round_trip_with_another_library() -> None:
    text = jwt.encode({"kid": "k1"}, {"iss": "x"}, RSA)
    assert pyjwt.decode(str(text), RSA.public_pem(), ["RS256"]) == {"iss": "x"}
    theirs = pyjwt.encode({"iss": "x"}, RSA.to_pem(), "RS256", headers={"kid": "k1"})
    token = jwt.decode(theirs)
    assert token.header.kid == "k1"
    assert jwt.check_signature(token, "RS256", [RSA.public()]) == 0


def test_the_first_key_that_signed_is_named() -> None:
    token = jwt.decode(jwt.encode({}, {"iss": "x"}, SECRET))
    assert jwt.check_signature(token, "HS256", [Secret("x" * 16), SECRET]) == 1
    with pytest.raises(SignatureInvalid):
        jwt.check_signature(token, "HS256", [Secret("x" * 16)])
    with pytest.raises(SignatureInvalid):
        jwt.check_signature(token, "HS256", [])


@pytest.mark.parametrize("alg", ["none", "None", "HS384", "HS512", "RS256", "", "hs256"])
def test_the_algorithm_is_the_callers(alg: str) -> None:
    token = jwt.decode(raw(json.dumps({"alg": alg}), '{"iss":"x"}'))
    with pytest.raises(AlgorithmMismatch):
        jwt.check_signature(token, "HS256", [SECRET])


def test_a_public_key_is_never_an_hmac_secret() -> None:
    forged = jwt.decode(raw('{"alg":"HS256"}', '{"iss":"x"}', RSA.public_pem()))
    with pytest.raises(AlgorithmMismatch):
        jwt.check_signature(forged, "RS256", [RSA.public()])
    with pytest.raises(TypeError):
        jwt.check_signature(forged, "HS256", [RSA.public()])
    genuine = jwt.decode(jwt.encode({}, {"iss": "x"}, RSA))
    with pytest.raises(TypeError):
        jwt.check_signature(genuine, "RS256", [SECRET])


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"])
def test_a_header_brings_no_key_along(name: str) -> None:
    """Where a token says that its key is to be found, nobody looks (RFC 8725 section 3.10)."""
    header = json.dumps({"alg": "HS256", name: ["https://evil.example/key"]})
    own = raw(header, '{"iss":"a"}', b"a key of the sender's own")
    token = jwt.decode(own)
    assert msgspec.structs.asdict(token.header) == {"alg": "HS256", "typ": None, "kid": None}
    with pytest.raises(SignatureInvalid):
        jwt.check_signature(token, "HS256", [SECRET])


members = st.tuples(
    st.sampled_from(["alg", "typ", "kid", "crit", "b64", "zip", "x", "iss"]),
    st.sampled_from(["HS256", "x", "", "a b", "\u00e9", '"', "alg", "\u007f", "{", "}"]),
)


@given(st.lists(members, max_size=4), st.sampled_from([",", " , ", "\n,"]), st.booleans())
def test_a_quick_look_at_a_header_sees_what_a_slow_one_does(
    pairs: list[tuple[str, str]], comma: str, escaped: bool
) -> None:
    written = [f"{json.dumps(n)}:{json.dumps(v, ensure_ascii=escaped)}" for n, v in pairs]
    names, header = [name for name, _ in pairs], dict(pairs)
    expected = ""
    if len(header) < len(names):
        expected = "duplicate-member"
    elif header.keys() & {"crit", "b64", "zip"}:
        expected = "critical-header"
    elif "alg" not in header or "\u007f" in [header.get(n) for n in ("alg", "typ", "kid")]:
        expected = "claim-invalid"
    text = raw("{" + comma.join(written) + "}", '{"iss":"x"}')
    try:
        assert jwt.decode(text).header.alg == header["alg"]
        found = ""
    except Refusal as refusal:
        found = refusal.id
    assert found == expected


def members_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON objects as text; names may repeat, spaces stand where they may."""
    names = st.sampled_from(
        ["iss", "sub", "aud", "iat", "exp", "qsh", "context", "app", "a:b", "x"]
    )
    pair = st.tuples(names, st.sampled_from([":", ": ", " :"]), values)
    pairs = st.lists(pair.map(lambda p: f'"{p[0]}"{p[1]}{p[2]}'), max_size=5)
    return st.tuples(pairs, st.sampled_from([",", ", ", ",\n"])).map(
        lambda written: "{" + written[1].join(written[0]) + "}"
    )


json_texts = st.recursive(
    st.sampled_from(
        (
            '"x" "a:b" "{[" "\\u0041" "\\n" "é" "\x7f" "\x01" "" null true NaN 01'
            " 0 -0 1 -1 1.5 1e6 1E-2 1e999 253402300800 " + "2" * 30
        ).split(" ")
    ),
    lambda inner: members_of(inner) | st.lists(inner, max_size=3).map(lambda i: f"[{','.join(i)}]"),
    max_leaves=12,
)


def outcome(read: Callable[[bytes], Claims], data: bytes) -> Claims | str:
    try:
        return read(data)
    except Refusal as refusal:
        return refusal.id


@given(members_of(json_texts), st.integers(0, 9))
@settings(deadline=None)
@example('{"iss":"x","exp":1,"exp":100000000000}', 0)
@example('{"iss":"x","context":{"a":1e6,"b":1,"b":2}}', 0)  # written again it is as long
@example('{"iss":"x","context":{"a":"\x7f"}}', 0)
def test_a_quick_look_at_claims_sees_what_a_slow_one_does(text: str, levels: int) -> None:
    nested = '{"a":' * levels + "1" + "}" * levels
    for written in (text, f'{{"iss":"x","context":{nested}}}', f'{{"iss":"x",{text[1:]}'):
        data = written.encode()
        assert outcome(jwt._claims, data) == outcome(jwt._claims_slowly, data)


def test_what_everybody_sends_needs_no_slow_look(monkeypatch: pytest.MonkeyPatch) -> None:
    text = raw(
        '{"typ":"JWT","alg":"HS256"}',
        '{"sub":"u","qsh":"context-qsh","iss":"i","context":{"jira":{"issue":{"id":"1"}}},"exp":2}',
    )
    monkeypatch.setattr(jwt, "_members", None)
    jwt.forget_kept()
    assert jwt.decode(text).unverified_claims.context == {"jira": {"issue": {"id": "1"}}}


@pytest.mark.parametrize(
    "header",
    ['{"alg":"HS256",}', '{,"alg":"HS256"}', '{"alg":"HS256""typ":"JWT"}', '{"alg":"HS256"', "{"],
)
def test_a_header_that_is_nearly_json_is_malformed(header: str) -> None:
    with pytest.raises(Refusal) as refusal:
        jwt.decode(raw(header, '{"iss":"x"}'))
    assert refusal.value.id == "token-malformed"


@pytest.mark.parametrize("same", ["x", "sub", "iss"])
def test_a_value_may_repeat_a_name_or_a_value(same: str) -> None:
    claims = {"iss": same, "sub": same, "context": {"sub": "x", "iss": {"sub": "x"}}}
    token = jwt.decode(jwt.encode({"typ": "HS256"}, claims, SECRET))
    assert token.unverified_claims.context == claims["context"]
    assert token.unverified_claims.sub == same


def test_what_is_kept_can_be_forgotten() -> None:
    jwt.decode(jwt.encode({"typ": "JWT"}, {"iss": "x"}, SECRET))
    assert jwt._header.cache_info().currsize
    jwt.forget_kept()
    assert jwt._header.cache_info().currsize == 0


def test_an_issuer_is_required() -> None:
    with pytest.raises(ClaimMissing):
        jwt.decode(raw('{"alg":"HS256"}', '{"sub":"x"}'))


def test_the_issuer_can_be_peeked_at_without_trust() -> None:
    assert jwt.unverified_issuer(raw('{"alg":"none"}', '{"iss":"x"}')) == "x"
    assert jwt.unverified_issuer("no token") is None


@pytest.mark.parametrize("name", ["jti", "tnt", "principal"])
def test_rarer_claims_are_bounded_too(name: str) -> None:
    with pytest.raises(Refusal):
        jwt.decode(raw('{"alg":"HS256"}', json.dumps({"iss": "x", name: "a" * 513})))


def test_unprintable_but_harmless_characters_pass() -> None:
    text = raw('{"alg":"HS256"}', json.dumps({"iss": "zero\u200bwidth"}, ensure_ascii=False))
    assert jwt.decode(text).unverified_claims.iss == "zero\u200bwidth"


@pytest.mark.parametrize(
    "payload", ['{"iss":"x","iss":"y"}', '{"iss":1}', "[", '{"iss":"x","a":NaN}']
)
def test_no_piece_of_the_token_is_in_a_report_with_locals(payload: str) -> None:
    text = raw('{"alg":"HS256"}', payload)
    with pytest.raises(Refusal) as refusal:
        jwt.decode(text)
    assert refusal.value.__context__ is None
    report = traceback.TracebackException.from_exception(refusal.value, capture_locals=True)
    ours = [frame for frame in report.stack if "headway" in frame.filename]
    assert [frame.name for frame in ours] == ["call"]
    shown = "".join(str(frame.locals) for frame in ours)
    assert all(part not in shown for part in text.split("."))
