"""The query string hash, judged by vectors, by the oracle, and by another package."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import jwt
import oracle
import pytest
from atlassian_jwt.url_utils import hash_url
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from headway import errors, qsh
from headway.errors import MalformedRequest, Refusal
from headway.qsh import (
    SEGMENTS_MAX,
    Form,
    canonical_request,
    matching_form,
    query_string_hash,
    without_token,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "qsh"

Request = tuple[str, str, str, str]


def vectors(file: str) -> list[dict[str, Any]]:
    """One file of vectors."""
    found: list[dict[str, Any]] = json.loads((VECTORS / file).read_text())
    return found


def params(file: str) -> list[Any]:
    """The vectors of one file, each named by its id."""
    return [pytest.param(v, id=v["id"]) for v in vectors(file)]


def request_of(vector: dict[str, Any]) -> Request:
    """What a vector's request line says."""
    return vector["method"], vector["raw_path"], vector["raw_query"], vector["base_path"]


def answer(request: Request) -> str | None:
    """Our canonical request, or None where the request is refused."""
    try:
        return canonical_request(*request)
    except Refusal:
        return None


# ---- vectors --------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", params("official.json") + params("accepted.json"))
def test_accepted(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    assert canonical_request(*request) == vector["canonical"] == oracle.canonical(*request)
    assert query_string_hash(*request) == vector["qsh"] == oracle.qsh(*request)
    assert hashlib.sha256(vector["canonical"].encode()).hexdigest() == vector["qsh"]


@pytest.mark.parametrize("vector", params("official.json"))
@pytest.mark.parametrize("name", ["jwt", "%6Awt", "j%77t"])
def test_the_token_never_counts(vector: dict[str, Any], name: str) -> None:
    method, path, query, base = request_of(vector)
    token = f"{name}=eyJhbGciOiJIUzI1NiJ9.e30.AA"
    assert query_string_hash(method, path, f"{query}&{token}", base) == vector["qsh"]
    assert query_string_hash(method, path, f"{token}&{query}", base) == vector["qsh"]


@pytest.mark.parametrize("vector", params("refused.json"))
def test_refused(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    for form in Form:
        with pytest.raises(Refusal) as refusal:
            canonical_request(*request, form)
        assert refusal.value.id == vector["refusal"]
    with pytest.raises(oracle.Refused, match=f"^{vector['refusal']}$"):
        oracle.canonical(*request)
    if "never" in vector:
        with pytest.raises(Refusal):
            matching_form(vector["never"], *request, tuple(Form))


def test_every_malformed_request_has_a_vector() -> None:
    shown = {vector["refusal"] for vector in vectors("refused.json")}
    leaves = {leaf.id for leaf in errors.registry().values() if issubclass(leaf, MalformedRequest)}
    assert leaves <= shown


@pytest.mark.parametrize("vector", params("forms.json"))
def test_forms(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    for form, wanted in vector["forms"].items():
        assert canonical_request(*request, Form(form)) == wanted["canonical"]
        assert query_string_hash(*request, Form(form)) == wanted["qsh"]
        assert matching_form(wanted["qsh"], *request, [Form(form)]) is Form(form)
    spec = vector["forms"]["spec"]["qsh"]
    for wanted in vector["forms"].values():
        only_spec = matching_form(wanted["qsh"], *request)
        assert only_spec == (Form.SPEC if wanted["qsh"] == spec else None)


# ---- requests that nobody thought of --------------------------------------------------------

_WORDS = ["a", "a", "b", "A", "a1", "a10", "_", "-", "~", "..", "ids", "jw", "jwt", "JWT", "0"]
_FINE = ["%20", "%2B", "%7E", "%7e", "%c3%a9", "%F0%9F%98%80", "%EF%BD%81", "%2F", "%41", "%5B"]
_FINE += ["%26", "%3D", "%25", "+", "*", ",", ";", ":", "@", "!", "'", "$", "[", "]", "%6Awt"]
_BAD = ["%", "%zz", "%FF", "%C0%AF", "%ED%A0%80", "%E5%AE", "%F4%90%80%80", "\xe9", " ", "\t"]
_BAD += ["%00", "%5C", "%5c", "\\", "<", "`", "{", "#", "\x7f", "\x00", "jwt[", "&=", "&jwt", "?"]
_SEGMENTS = ["a", "b", "x;v=1", "c&d", "caf%C3%A9", "a%2Fb", "...", ".a", "a:b", "%20", "q", ""]
_SEGMENTS_BAD = [
    ".",
    "..",
    "",
    "%2e",
    "%2E.",
    ".;a",
    "a b",
    "%",
    "a%5Cb",
    "%FF",
    "a|b",
    "%2",
    "%2e%2e",
]
_BASES = ["", "", "", "/a", "/a/", "/", "/a/b"]
_METHODS = ["GET", "GET", "POST", "PUT", "DELETE", "PROPFIND"]


def generated(seed: int, count: int) -> Iterator[Request]:
    """Requests full of corner cases; more than one in two breaks a rule."""
    dice = random.Random(seed)
    fine = [*_parameters(dice, _WORDS * 3 + _FINE * 2), "", "a", "a=1", "jwt=eyJ.e30.AA"]
    bad = fine + _parameters(dice, _WORDS + _FINE + _BAD)
    for _ in range(count):
        path = dice.choices(_SEGMENTS, k=dice.randrange(5))
        if dice.random() < 0.1:
            path.insert(dice.randrange(len(path) + 1), dice.choice(_SEGMENTS_BAD))
        query = dice.choices(fine if dice.random() < 0.9 else bad, k=dice.randrange(6))
        method = dice.choice(_METHODS) if dice.random() < 0.99 else dice.choice(["get", "", "G T"])
        lead = "/" if dice.random() < 0.98 else ""
        yield method, lead + "/".join(path), "&".join(query), dice.choice(_BASES)


def _parameters(dice: random.Random, pieces: list[str]) -> list[str]:
    return [
        "".join(dice.choices(pieces, k=dice.randrange(1, 3)))
        + dice.choice(["", "=", "=", "=", "=="])
        + "".join(dice.choices(pieces, k=dice.randrange(4)))
        for _ in range(5_000)
    ]


def test_the_oracle_agrees() -> None:
    assert min(agreed(20261123, 100_000)) > 25_000


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_oracle_agrees_at_length() -> None:
    """The same with other requests, twenty times as many."""
    assert min(agreed(20261124, 2_000_000)) > 500_000


def agreed(seed: int, count: int) -> tuple[int, int]:
    """How many generated requests both accept, and how many both refuse; they never differ."""
    accepted = refused = 0
    for request in generated(seed, count):
        ours = answer(request)
        try:
            theirs = oracle.canonical(*request)
        except oracle.Refused:
            theirs = None
        assert ours == theirs, request
        if ours is None:
            refused += 1
        else:
            accepted += 1
    return accepted, refused


def meaning(request: Request) -> object:
    """What an app sees of a request, but for what the hash is bound to treat alike."""
    method, path, query, base = request
    path = path[len(base.rstrip("/")) :] or "/"
    if path != "/" and path.endswith("/"):
        path = path[:-1]
    pairs = [
        (unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
        for name, _, value in (part.partition("=") for part in query.split("&") if part)
    ]
    seen = sorted((name, value) for name, value in pairs if name != "jwt")
    return method, path.replace("&", "%26"), tuple(seen)


def test_two_requests_never_share_a_hash() -> None:
    """In whatever forms: but for the equivalences that every implementation has."""
    dice = random.Random(7)
    atoms = [
        "a",
        "a",
        "b",
        "=",
        "=",
        "&",
        "&",
        "%41",
        "A",
        "%2C",
        ",",
        "%26",
        "%F0%9F%98%80",
        "%EF%BD%81",
        "+",
    ]
    paths = ["/", "a", "b", "%20", "%2F", "/", "%C3%A9", "&", "%26", "%3C", "%25", "20", ";"]
    meanings: dict[str, object] = {}
    forms = shared = 0
    for _ in range(12_000):
        path = "/" + "".join(dice.choices(paths, k=dice.randrange(4)))
        query = "".join(dice.choices(atoms, k=dice.randrange(8)))
        request = ("GET", path, query, dice.choice(["", "", "/a"]))
        if answer(request) is None:
            continue
        for form in Form:
            canonical = canonical_request(*request, form)
            shared += canonical in meanings
            forms += 1
            assert meanings.setdefault(canonical, meaning(request)) == meaning(request), request
    assert forms > 10_000
    assert shared > 3_000


def test_the_python_package_agrees() -> None:
    """But where it is known to differ: docs/qsh.md lists each case."""
    compared = 0
    for method, path, query, _ in generated(3, 6_000):
        request = (method, path, query, "")
        known = ":" in path.split("/")[1] if path.startswith("/") else True
        known = known or ";" in path
        if known or answer(request) is None:
            continue
        theirs = hash_url(method, f"{path}?{query}")
        assert matching_form(theirs, *request, (Form.CODE_POINT_VALUE_ORDER,)), request
        compared += 1
    assert compared > 1_500


# ---- without_token --------------------------------------------------------------------------


def test_without_token_keeps_the_canonical_request() -> None:
    compared = 0
    for request in generated(11, 5_000):
        method, path, query, base = request
        bare = without_token(query)
        ours = answer(request)
        if ours is not None:
            assert canonical_request(method, path, bare, base) == ours
            compared += bare != query
    assert compared > 80


@given(
    st.lists(st.sampled_from(["jwt=T", "%6Awt=T", "j%77t", "jwt=", "jwt==%zz", "%6a%77%74=%FF"]))
)
def test_a_token_that_is_not_looked_at_refuses_nothing(tokens: list[str]) -> None:
    query = "&".join(["a=%7e", *tokens, "", "b=+"])
    assert without_token(query) == "a=%7e&&b=+"
    assert canonical_request("GET", "/p", without_token(query)) == "GET&/p&a=~&b=%20"


@pytest.mark.parametrize(
    "query",
    ["", "JWT=T", "+jwt=T", "jwt+=T", "jwt%00=T", "jwt.x=T", "%256Awt=T", "x=1;jwt=T", "x=jwt",
     "jwt%3D=T", "%EF%BD%8Awt=T", "%C1%AAwt=T", "&&a=%", "=jwt"],
)  # fmt: skip
def test_without_token_keeps_every_other_byte(query: str) -> None:
    assert without_token(query) == query
    assert without_token(f"jwt=T&{query}") == query


def test_without_token_of_another_name() -> None:
    assert without_token("acpt=T&jwt=T&%61cpt=T", "acpt") == "jwt=T"


# ---- bounds and messages --------------------------------------------------------------------


def test_segments_are_counted_with_empty_ones() -> None:
    assert canonical_request("GET", "/p", "&" * (SEGMENTS_MAX - 1)) == "GET&/p&"
    with pytest.raises(errors.QueryTooMany):
        canonical_request("GET", "/p", "&" * SEGMENTS_MAX)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/p", "jwt=SECRET%zz"),
        ("/p", "jwt=SECRET&jwt=SECRET"),
        ("/p", "jwt=SECRET&jwt[=SECRET"),
        ("/p", "=SECRET"),
        ("/SECRET//SECRET", ""),
        ("/SECRET%zzSECRET", "jwt=SECRET"),
        ("/SECRET SECRET", "jwt=SECRET"),
        ("SECRET", "jwt=SECRET"),
    ],
)
def test_a_refusal_repeats_nothing_of_a_value(path: str, query: str) -> None:
    with pytest.raises(Refusal) as refusal:
        canonical_request("GET", path, query)
    assert "SECRET" not in str(refusal.value)


def test_a_path_outside_the_base_is_not_repeated() -> None:
    with pytest.raises(errors.PathOutsideBase) as refusal:
        canonical_request("GET", "/SECRET", base_path="/base/")
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize("claimed", ["", "context-qsh", "\udcff", "é" * 64, "C88CAAD1" * 8])
def test_a_claim_that_is_no_hash_matches_nothing(claimed: str) -> None:
    assert matching_form(claimed, "GET", "/", forms=tuple(Form)) is None
    assert matching_form(query_string_hash("GET", "/").upper(), "GET", "/") is None


def test_no_form_matches_where_none_is_allowed() -> None:
    assert matching_form(query_string_hash("GET", "/"), "GET", "/", forms=()) is None


# ---- the oracle's own signature check -------------------------------------------------------


def test_the_oracle_checks_signatures() -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = bytes(range(32))
    claims = {"iss": "site", "iat": 1}
    symmetric = jwt.encode(claims, secret, "HS256")
    lifecycle = jwt.encode(claims, rsa_key, "RS256")
    assert oracle.verified_claims(symmetric, "HS256", secret) == claims
    assert oracle.verified_claims(lifecycle, "RS256", public) == claims
    assert oracle.verified_claims(symmetric, "HS256", secret[::-1]) is None
    assert oracle.verified_claims(symmetric, "RS256", public) is None
    assert oracle.verified_claims(lifecycle, "HS256", public) is None
    other = jwt.encode({**claims, "iat": 2}, rsa_key, "RS256").rpartition(".")[2]
    assert (
        oracle.verified_claims(f"{lifecycle.rpartition('.')[0]}.{other}", "RS256", public) is None
    )


# ---- what is kept ---------------------------------------------------------------------------


def test_no_query_with_a_token_is_kept() -> None:
    qsh.forget_kept()
    for query in ("jwt=x", "a=1&jwt=x", "acpt=eyJhbGciOi", "%6Awt=eyJhbGciOi", "a=" + "b" * 512):
        query_string_hash("GET", "/p", query)
    query_string_hash("GET", "/" + "p" * 512)
    query_string_hash("G" * 513, "/")
    assert not qsh._kept
    query_string_hash("GET", "/p", "a=1")
    assert list(qsh._kept) == [("GET", "/p", "a=1", "", Form.SPEC)]


def test_what_is_kept_is_bounded_and_stays_true() -> None:
    for number in range(2 * qsh.KEPT_ENTRIES + 2):
        fresh = query_string_hash("GET", "/p", f"a={number}")
        assert 0 < len(qsh._kept) <= qsh.KEPT_ENTRIES
        wanted = hashlib.sha256(f"GET&/p&a={number}".encode()).hexdigest()
        assert query_string_hash("GET", "/p", f"a={number}") == fresh == wanted


def test_a_refusal_is_never_kept() -> None:
    for _ in range(2):
        with pytest.raises(Refusal):
            query_string_hash("GET", "//", "a=%zz")


def test_what_is_kept_can_be_forgotten() -> None:
    query_string_hash("GET", "/p", "a=1")
    qsh.forget_kept()
    assert not qsh._kept
