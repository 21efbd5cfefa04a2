from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import atlassian_jwt
import jwt
import msgspec
import pytest
from atlassian_jwt.url_utils import hash_url
from hypothesis import given
from hypothesis import strategies as st

from headway import sign
from headway.errors import (
    ConfigurationError,
    IssuerUnknown,
    QshMismatch,
    Refusal,
    SignatureInvalid,
    TokenExpired,
)
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Outcome, Use
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.gateway.verifiers.connect import (
    ConnectVerifier,
    KeptInstallations,
    installations_from,
    kept_in,
)
from headway.model import Installation, Product, RequestFacts, Secret
from headway.ports import NeedKey, OnceOnly, drive
from headway.qsh import Form, query_string_hash

NOW = 1_640_000_000.0
TEXT = "a shared secret, 32 bytes of it!"
SECRET = Secret(TEXT)
APP = Installation(
    app_key="my-app", client_key="site", base_url="", product=Product.JIRA, shared_secret=SECRET
)


def verifier(**more: Any) -> ConnectVerifier:
    return ConnectVerifier(KeptInstallations({"my-app": APP}.get), **more)


def signed(path: str = "/rest", query: str = "a=1", **more: Any) -> str:
    fields = {"issuer": "my-app", "now": NOW, **more}
    return sign.request_token(
        fields.pop("secret", SECRET), method="GET", raw_path=path, raw_query=query, **fields
    )


def proved(token: str, path: str = "/rest", query: str = "a=1", **more: Any) -> str:
    who = verifier(**more)
    facts = RequestFacts(method="GET", raw_path=path, raw_query=f"{query}&jwt={token}")
    return drive(who.proving(token, facts, NOW), who.keys)


def test_an_app_proves_itself() -> None:
    assert proved(signed()) == "my-app"
    assert verifier().claimed(signed(issuer="other")) == "other"
    assert proved(signed(), path="/wiki/rest", base_path="/wiki") == "my-app"


@pytest.mark.parametrize("form", [Form.DECODED_NAME_ORDER, Form.CODE_POINT_VALUE_ORDER])
def test_apps_sign_as_their_library_does(form: Form) -> None:
    query = "a%5B%5D=1&a0=2&b=%F0%9F%98%80&b=%EF%BD%81"  # npm and PyPI each sort it in its own way
    hashed = query_string_hash("GET", "/rest", query, form=form)
    assert hashed != query_string_hash("GET", "/rest", query)
    claims = {"iss": "my-app", "iat": int(NOW), "exp": int(NOW) + 180, "qsh": hashed}
    assert proved(jwt.encode(claims, TEXT, algorithm="HS256"), query=query) == "my-app"


def test_the_hash_knows_no_token_under_whatever_name() -> None:
    """An app that sends it as ``access_token`` signs the request without that."""
    location = RetiredLocation(name="t", parameters=("access_token",), scheme="JWT")
    policy = GatewayPolicy(name="api", locations=(location,))
    gateway = Gateway(policy, verifier=verifier(), clock=lambda: NOW)
    decision = gateway.decide(Ask(method="GET", target=f"/rest?access_token={signed()}&a=1"))
    assert (decision.outcome, decision.target) == (Outcome.PASS, "/rest?a=1")


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (signed(issuer="other"), IssuerUnknown),
        (signed(secret=Secret("another secret of 32 bytes or so")), SignatureInvalid),
        (signed(query="a=2"), QshMismatch),
        (signed(path="/other"), QshMismatch),
        (signed(now=NOW - 10_000), TokenExpired),
    ],
    ids=range(5),
)
def test_what_proves_nothing(token: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        proved(token)


def test_a_secret_that_changed_is_read_again() -> None:
    apps = {"my-app": APP}
    ticks = [0.0]
    kept = KeptInstallations(apps.get, ticks=lambda: ticks[0])
    need = NeedKey(issuer="my-app", symmetric=True)
    assert kept.recall(need) is None
    assert kept.find(need) is not None
    apps.clear()
    assert kept.recall(need) is not None
    ticks[0] = 61.0
    assert kept.find(need) is None
    assert kept.recall(need) == (None,)
    public = NeedKey(issuer="my-app", symmetric=False)
    assert (kept.find(public), kept.recall(public)) == (None, (None,))
    with pytest.raises(TypeError):
        kept.first(OnceOnly(scope="", digest="", issued=0, until=0))


def test_t22_a_flood_of_forged_tokens_delays_a_rotated_secret_by_a_second_at_most() -> None:
    apps, reads, ticks = {"my-app": APP}, [0], [0.0]

    def read(app_key: str) -> Installation | None:
        reads[0] += 1
        return apps.get(app_key)

    location = RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT")
    gateway = Gateway(
        GatewayPolicy(name="api", locations=(location,)),
        verifier=ConnectVerifier(
            KeptInstallations(read, ticks=lambda: ticks[0], clock=lambda: NOW)
        ),
        clock=lambda: NOW,
    )

    def passes(secret: Secret) -> bool:
        target = f"/rest?jwt={signed(query='', secret=secret)}"
        return gateway.decide(Ask(method="GET", target=target)).outcome is Outcome.PASS

    assert passes(SECRET)
    rotated, forged = (
        Secret("the next secret of 32 bytes, new"),
        Secret("a forger's secret, 32 bytes"),
    )
    ticks[0] = 10.0
    assert not passes(forged)  # the flood has begun, and had the old secret read again
    apps["my-app"] = msgspec.structs.replace(APP, shared_secret=rotated)
    before, waited = reads[0], None
    for number in range(3_000):
        ticks[0] = 10.0 + number / 1_000
        assert not passes(forged)
        if number % 50 == 0 and waited is None and passes(rotated):
            waited = ticks[0] - 10.0
    assert waited is not None
    assert waited <= 1.0
    assert reads[0] - before <= 3  # seconds


def test_a_store_is_asked_for_the_app_on_the_site() -> None:
    class Store:
        def get(self, app_key: str, client_key: str) -> Installation | None:
            return APP if (app_key, client_key) == ("my-app", "site") else None

    kept = kept_in(Store(), "site")  # type: ignore[arg-type]
    assert kept.find(NeedKey(issuer="my-app", symmetric=True)) is not None
    assert kept.find(NeedKey(issuer="other", symmetric=True)) is None


# ---- a file ---------------------------------------------------------------------------------

ENTRY = {"key": "my-app", "clientKey": "site", "sharedSecret": TEXT, "baseUrl": "passed over"}


def written(folder: Path, told: Any, mode: int = 0o600) -> Path:
    path = folder / "apps.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    path.chmod(mode)
    return path


def test_a_file_of_installations(tmp_path: Path) -> None:
    other = {**ENTRY, "clientKey": "another-site"}
    found = installations_from(written(tmp_path, [ENTRY, other]), "site")
    assert list(found) == ["my-app"]
    assert found["my-app"].secrets(NOW)[0].reveal() == TEXT.encode()


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("no", "apps.json: "),
        ({}, "Expected `array`"),
        ([{**ENTRY, "sharedSecret": 1}], "Expected `str`"),
        ([{"key": "my-app"}], "missing required field"),
        ([{**ENTRY, "sharedSecret": "short-secret"}], r"\[0\]: a sharedSecret under 16"),
        ([ENTRY, ENTRY], r"\[1\] is an app that stands there before"),
    ],
    ids=range(6),
)
def test_a_file_that_can_not_be_used(tmp_path: Path, told: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        installations_from(written(tmp_path, told), "site")
    assert "short-secret" not in str(refused.value)
    assert TEXT not in str(refused.value)


def test_a_file_that_others_may_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        installations_from(written(tmp_path, [ENTRY], 0o644), "site")
    with pytest.raises(ConfigurationError, match="No such file"):
        installations_from(tmp_path / "none.json", "site")


# ---- the hash stays valid after the move ----------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
SEGMENTS = st.lists(st.text("abcXYZ019-_~", min_size=1, max_size=6), min_size=1, max_size=4)
PAIRS = st.lists(st.tuples(st.text("abcxyz_", min_size=1, max_size=5), TEXTS), max_size=5)


@given(SEGMENTS, PAIRS.filter(lambda pairs: all(name != "jwt" for name, _ in pairs)), st.data())
def test_the_hash_stays_valid_after_the_move(
    segments: list[str], pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    """For tokens of PyPI's atlassian-jwt and of ours, wherever in the query they stand."""
    path, parts = "/" + "/".join(segments), [urlencode([pair]) for pair in pairs]
    query = "&".join(parts)
    url = f"{path}?{query}" if query else path
    try:
        ours = query_string_hash("GET", path, query)
    except Refusal:
        return  # the input rules do not take it, before the move and after
    uses: list[Use] = []
    policy = GatewayPolicy(
        name="api", locations=(RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT"),)
    )
    gateway = Gateway(policy, verifier=verifier(), usage=uses.append, clock=lambda: NOW)
    mine = {"iss": "my-app", "aud": "site", "iat": int(NOW), "exp": int(NOW) + 180}
    theirs = atlassian_jwt.encode_token("GET", url, "site", TEXT, payload_kwargs=mine)
    for token in (theirs, sign.request_token(
        SECRET, issuer="my-app", method="GET", raw_path=path, raw_query=query, now=NOW
    )):  # fmt: skip
        place = data.draw(st.integers(0, len(parts)))
        with_token = [*parts[:place], f"jwt={token}", *parts[place:]]
        decision = gateway.decide(Ask(method="GET", target=f"{path}?{'&'.join(with_token)}"))
        if decision.id == "qsh-mismatch":
            assert token is theirs  # they hash another form of this query, with or without us
            continue
        assert (decision.outcome, decision.target) == (Outcome.PASS, url)
        assert decision.set_headers == (("authorization", f"JWT {token}"),)
        # upstream, with nothing but the moved request, finds the same hash, and so do they
        moved_path, _, moved_query = decision.target.partition("?")
        assert query_string_hash("GET", moved_path, moved_query) == ours
        assert uses[-1].verified
        if token is theirs:
            assert hash_url("GET", decision.target) == hash_url("GET", url)
