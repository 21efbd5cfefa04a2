"""The incoming path: what each step lets through, and by which id it refuses the rest."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec
import oracle
import pytest

from headway import jwt, sign
from headway.errors import (
    ConfigurationError,
    KeyNotFound,
    NoCredentials,
    Refusal,
    StoreUnavailable,
)
from headway.keys import RsaPrivateKey
from headway.model import (
    Direction,
    Installation,
    Kind,
    Location,
    Phase,
    Product,
    RequestFacts,
    Secret,
    TokenText,
    Verified,
)
from headway.policy import (
    ATLASSIAN_2022,
    REHEARSAL,
    Brownout,
    Extension,
    Policy,
    Schedule,
)
from headway.ports import Credentials, NeedKey, OnceOnly, drive
from headway.qsh import Form
from headway.verify import LEEWAY, RULES, Accept, Expected, Family, prove, verify

NOW = 1_700_000_000
SECRET = Secret("the-shared-secret-of-this-site-0")
OTHER = Secret("the-shared-secret-of-another-one")
RSA = RsaPrivateKey.generate()
BASE = "https://app.example"
SITE = Installation(
    app_key="my-app",
    client_key="site",
    base_url="https://x.example",
    product=Product.JIRA,
    shared_secret=SECRET,
)
FORGE_APP = "ari:cloud:ecosystem::app/1"

PAGE = Accept(Direction.MODULE, {Kind.REQUEST})
CALL = Accept(Direction.BROWSER_TO_APP, {Kind.CONTEXT, Kind.SESSION})
ANY_CALL = Accept(Direction.BROWSER_TO_APP, {Kind.REQUEST, Kind.CONTEXT, Kind.SESSION})
EVENT = Accept(Direction.EVENT, {Kind.REQUEST})
LIFECYCLE = Accept(Direction.LIFECYCLE, {Kind.LIFECYCLE})
API = Accept(Direction.APP_TO_HOST, {Kind.REQUEST})
GRANT = Accept(Direction.AUTHORIZATION, {Kind.ASSERTION})
FORGE = Accept(Direction.REMOTE, {Kind.INVOCATION})

US = Expected(app_key="my-app", audience=(BASE,))


@dataclass
class Keys:
    """A key source that remembers what it was asked."""

    installation: Installation | None = SITE
    secrets: tuple[Any, ...] = (SECRET,)
    fresh: tuple[Any, ...] | None = None
    asked: list[NeedKey] = field(default_factory=list)

    def find(self, need: NeedKey) -> Credentials | None:
        self.asked.append(need)
        if not need.symmetric:
            keys: tuple[Any, ...] = (RSA.public(),) if need.key_id == "k1" else ()
            return Credentials(keys=keys) if keys else None
        known = need.issuer in ("site", "my-app", "urn:atlassian:connect:clientid:c")
        if not known:
            return None
        secrets = self.fresh if need.fresh and self.fresh else self.secrets
        return Credentials(
            keys=secrets, installation=self.installation, cached=self.fresh is not None
        )


class Once:
    """A memory of tokens."""

    def __init__(self) -> None:
        self.seen: list[OnceOnly] = []

    def first(self, once: OnceOnly) -> bool:
        new = once.digest not in [other.digest for other in self.seen]
        self.seen.append(once)
        return new


def check(
    request: RequestFacts,
    accept: Accept,
    *,
    expected: Expected = US,
    now: float = NOW,
    policy: Policy = ATLASSIAN_2022,
    at: float | None = None,
    keys: Keys | None = None,
    once: Once | None = None,
) -> Verified:
    steps = verify(request, accept=accept, expected=expected, now=now, policy=policy, at=at)
    return drive(steps, keys or Keys(), once or Once())


def refused(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        check(*args, **kwargs)
    return refusal.value.id


def by_header(token: str, path: str = "/panel", query: str = "x=1", **more: Any) -> RequestFacts:
    facts = {"method": "GET", "raw_path": path, "raw_query": query}
    return RequestFacts(**{**facts, "authorization": (f"JWT {token}",), **more})


def by_query(token: str, path: str = "/panel", query: str = "x=1", **more: Any) -> RequestFacts:
    facts = {"method": "GET", "raw_path": path, "raw_query": f"{query}&jwt={token}"}
    return RequestFacts(**{**facts, **more})


def page_token(**changes: Any) -> str:
    """A module page's token, with claims changed, added, or (None) taken out."""
    claims: dict[str, Any] = {
        "iss": "site",
        "iat": NOW,
        "exp": NOW + 180,
        "qsh": oracle.qsh("GET", "/panel", "x=1", ""),
    }
    secret = changes.pop("secret", SECRET)
    claims.update(changes)
    return jwt.encode({"typ": "JWT"}, {k: v for k, v in claims.items() if v is not None}, secret)


def install_token(key: Any = RSA, header: dict[str, str] | None = None, **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": "site",
        "iat": NOW,
        "exp": NOW + 180,
        "aud": [BASE],
        "qsh": oracle.qsh("POST", "/installed", "", ""),
    }
    claims.update(changes)
    head = {"kid": "k1"} if header is None else header
    return jwt.encode(head, {k: v for k, v in claims.items() if v is not None}, key)


def install(token: str, **more: Any) -> RequestFacts:
    return by_header(token, "/installed", "", **{"method": "POST", **more})


# ---- what is accepted, kind by kind ---------------------------------------------------------


def test_a_module_page_by_query_and_by_header() -> None:
    for request, location in (
        (by_query(page_token()), Location.QUERY),
        (by_header(page_token()), Location.HEADER),
    ):
        verified = check(request, PAGE)
        assert (verified.kind, verified.location) == (Kind.REQUEST, location)
        assert verified.installation is SITE
        assert verified.claims.iss == "site"
        assert verified.phase is Phase.OPEN


def test_the_digest_names_a_token_that_counts_once() -> None:
    token = install_token()
    digest = check(install(token), LIFECYCLE).digest
    assert digest == hashlib.sha256(token.encode()).hexdigest()
    assert check(by_query(page_token()), PAGE).digest is None


def test_a_webhook() -> None:
    token = page_token(qsh=oracle.qsh("POST", "/hook", "a=b", ""))
    request = by_header(token, "/hook", "a=b", method="POST")
    assert check(request, EVENT).direction is Direction.EVENT


def test_a_signed_install() -> None:
    once = Once()
    verified = check(install(install_token()), LIFECYCLE, once=once)
    assert verified.kind is Kind.LIFECYCLE
    assert verified.installation is None
    assert once.seen == [
        OnceOnly(scope="site", digest=verified.digest, issued=NOW, until=NOW + 180 + LEEWAY)
    ]


def test_a_context_call() -> None:
    token = sign.context_token(SECRET, issuer="site", subject="u1", context={"a": 1}, now=NOW)
    verified = check(by_header(token, "/api/anything", "y=2"), CALL)
    assert (verified.kind, verified.claims.context) == (Kind.CONTEXT, {"a": 1})


def test_an_apps_own_session() -> None:
    token = sign.session_token(SECRET, app_key="my-app", client_key="site", subject="u", now=NOW)
    keys = Keys()
    verified = check(by_header(token), CALL, keys=keys)
    assert verified.kind is Kind.SESSION
    assert keys.asked == [NeedKey(issuer="site", symmetric=True)]


def test_a_call_to_the_host() -> None:
    for audience in ((), ("site",)):
        token = sign.request_token(
            SECRET,
            issuer="my-app",
            method="GET",
            raw_path="/rest/x",
            now=NOW,
            audience=audience,
        )
        verified = check(by_header(token, "/rest/x", ""), API, expected=Expected())
        assert verified.claims.iss == "my-app"


def test_an_impersonation_assertion() -> None:
    token = sign.assertion_token(
        SECRET, client_id="c", account_id="u", base_url=SITE.base_url, audience=BASE, now=NOW
    )
    request = RequestFacts(method="POST", raw_path="/oauth2/token", form=f"assertion={token}")
    assert check(request, GRANT).claims.tnt == SITE.base_url


def forge_token(kid: str | None = "k1", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": "forge/invocation-token",
        "aud": FORGE_APP,
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 100,
        "jti": "1",
        "app": {"id": FORGE_APP},
    }
    claims.update(changes)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({} if kid is None else {"kid": kid}, kept, RSA)


BEARER = msgspec.structs.replace(ATLASSIAN_2022, scheme="Bearer")


def forge(token: str) -> RequestFacts:
    return RequestFacts(method="POST", raw_path="/remote", authorization=(f"Bearer {token}",))


def test_a_forge_invocation() -> None:
    expected = Expected(audience=(FORGE_APP,))
    verified = check(forge(forge_token()), FORGE, expected=expected, policy=BEARER)
    assert verified.claims.app == {"id": FORGE_APP}


def test_a_key_of_forges_set_is_named_as_forge_likes() -> None:
    expected = Expected(audience=(FORGE_APP,))
    for kid in ("forge/invocation-token/1", "..", "x" * 256):
        request = forge(forge_token(kid))  # it is asked for, and nobody here has it
        assert refused(request, FORGE, expected=expected, policy=BEARER) == "issuer-unknown"
    for kid in (None, "", "a b", "x" * 257):
        request = forge(forge_token(kid))
        assert refused(request, FORGE, expected=expected, policy=BEARER) == "kid-invalid"


@pytest.mark.parametrize(
    ("changes", "ident"),
    [
        ({"iss": "site"}, "kind-refused"),
        ({"jti": None}, "claim-missing"),
        ({"nbf": None}, "claim-missing"),
        ({"app": None}, "claim-missing"),
        ({"nbf": NOW + 31}, "token-not-yet-valid"),
        ({"aud": None}, "audience-mismatch"),
        ({"aud": "ari:cloud:ecosystem::app/2"}, "audience-mismatch"),
    ],
)
def test_a_forge_invocation_is_checked(changes: dict[str, Any], ident: str) -> None:
    expected = Expected(audience=(FORGE_APP,))
    request = forge(forge_token(**changes))
    assert refused(request, FORGE, expected=expected, policy=BEARER) == ident


# ---- (1) location ---------------------------------------------------------------------------

OLD = datetime(2022, 1, 31, 12, tzinfo=UTC).timestamp()
OFF = datetime(2022, 2, 1, tzinfo=UTC).timestamp()


def api_token(path: str = "/rest/x", query: str = "") -> str:
    return sign.request_token(
        SECRET, issuer="my-app", method="GET", raw_path=path, raw_query=query, now=NOW
    )


def test_the_date_decides_whether_the_url_counts() -> None:
    request = by_query(api_token(query="a=1"), "/rest/x", "a=1")
    assert check(request, API, at=OLD).location is Location.QUERY
    assert refused(request, API, at=OFF) == "token-in-query"
    assert refused(request, API) == "token-in-query"  # now is later than that


def test_the_policys_date_is_not_the_tokens() -> None:
    """A moved date changes the policy alone: an expired token stays expired."""
    expired = page_token(iat=NOW - 1000, exp=NOW - 900)
    assert refused(by_query(expired), PAGE, at=NOW - 950) == "token-expired"


def test_off_means_anonymous_and_nothing_is_parsed() -> None:
    keys = Keys()
    for rubbish in ("rubbish", "", "a.b.c"):
        with pytest.raises(NoCredentials) as refusal:
            check(by_query(rubbish, "/rest/x"), API, at=OFF, keys=keys)
        assert refusal.value.id == "token-in-query"
    assert keys.asked == []


def test_no_token_at_all() -> None:
    request = RequestFacts(method="GET", raw_path="/panel")
    assert refused(request, PAGE) == "token-missing"


def test_what_is_not_inspected_is_not_hashed_and_the_header_counts() -> None:
    token = api_token(query="a=1")
    for stray in ("jwt=rubbish", "jwt=x&jwt=y", "%6Awt=x", "jwt"):
        request = by_header(token, "/rest/x", f"a=1&{stray}")
        verified = check(request, API, at=OFF)
        assert verified.location is Location.HEADER
        assert verified.notes == ("token-in-query",)


def test_a_token_may_not_travel_by_query_to_a_webhook_or_lifecycle_route() -> None:
    assert refused(by_query(page_token()), EVENT) == "location-not-allowed"
    request = by_query(install_token(), "/installed", "a=1", method="POST")
    assert refused(request, LIFECYCLE) == "location-not-allowed"


def with_schedule(**parts: Any) -> Policy:
    schedule = Schedule(
        announced=datetime(2021, 1, 1, tzinfo=UTC), off=datetime(2022, 2, 1, tzinfo=UTC), **parts
    )
    return ATLASSIAN_2022.with_schedule(Direction.APP_TO_HOST, Location.QUERY, schedule)


def test_more_time_is_for_the_client_that_proves_who_it_is() -> None:
    later = datetime(2023, 1, 1, tzinfo=UTC)
    policy = with_schedule(
        extensions=(Extension(client="my-app", until=later, owner="o", reason="r"),)
    )
    request = by_query(api_token(query="a=1"), "/rest/x", "a=1")
    verified = check(request, API, at=OFF, policy=policy)
    assert verified.phase is Phase.WARNED
    # a forged, expired or foreign token earns nothing: the query was not inspected
    forged = sign.request_token(OTHER, issuer="my-app", method="GET", raw_path="/rest/x", now=NOW)
    late = by_query(api_token(query="a=1"), "/rest/x", "a=1")
    assert refused(by_query(forged, "/rest/x", "a=1"), API, at=OFF, policy=policy) == (
        "token-in-query"
    )
    assert refused(late, API, at=OFF, policy=policy, now=NOW + 900) == "token-in-query"
    assert refused(request, API, at=later.timestamp(), policy=policy) == "token-in-query"


def test_a_source_that_is_out_proves_nothing_and_takes_nothing_away() -> None:
    later = datetime(2023, 1, 1, tzinfo=UTC)
    policy = with_schedule(
        extensions=(Extension(client="my-app", until=later, owner="o", reason="r"),)
    )
    request = by_query(api_token(query="a=1"), "/rest/x", "a=1")

    @dataclass
    class Says(Keys):
        says: Refusal = field(default_factory=StoreUnavailable)

        def find(self, need: NeedKey) -> Credentials | None:
            raise self.says

    for says, told in (
        (StoreUnavailable(), "store-unavailable"),
        (KeyNotFound(), "token-in-query"),
    ):
        assert refused(request, API, at=OFF, policy=policy, keys=Says(says=says)) == told


def test_a_brownout_is_anonymous_for_its_cohort() -> None:
    start, end = datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 1, 2, tzinfo=UTC)
    moment = start.timestamp() + 60
    request = by_query(api_token(query="a=1"), "/rest/x", "a=1")
    everybody = with_schedule(brownouts=(Brownout(start, end),))
    assert refused(request, API, at=moment, policy=everybody) == "token-in-query"
    nobody = with_schedule(brownouts=(Brownout(start, end, share=0.0),), salt="s")
    assert check(request, API, at=moment, policy=nobody).phase is Phase.ANNOUNCED


def test_the_rehearsal_warns() -> None:
    request = by_query(api_token(query="a=1"), "/rest/x", "a=1")
    schedule = REHEARSAL.row(Direction.APP_TO_HOST, Location.QUERY).schedule
    assert schedule is not None
    assert schedule.warned is not None
    moment = schedule.warned.timestamp()
    assert check(request, API, at=moment, policy=REHEARSAL).phase is Phase.WARNED


# ---- (2) to (4): codec, key, signature ------------------------------------------------------


def raw(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (header, claims)
    ]
    mac = hmac.new(key, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


PAGE_CLAIMS = {
    "iss": "site",
    "iat": NOW,
    "exp": NOW + 180,
    "qsh": oracle.qsh("GET", "/panel", "x=1", ""),
}
INSTALL_CLAIMS = {
    **PAGE_CLAIMS,
    "aud": [BASE],
    "qsh": oracle.qsh("POST", "/installed", "", ""),
}


def test_alg_none_is_refused_everywhere() -> None:
    for alg in ("none", "None", "nOnE"):
        page = raw({"alg": alg}, PAGE_CLAIMS, b"")
        assert refused(by_query(page), PAGE) == "algorithm-mismatch"
        lifecycle = raw({"alg": alg, "kid": "k1"}, INSTALL_CLAIMS, b"")
        assert refused(install(lifecycle), LIFECYCLE) == "algorithm-mismatch"
        unsigned = page.rpartition(".")[0] + "."
        assert refused(by_query(unsigned), PAGE) == "token-malformed"


def test_a_public_key_does_not_serve_as_a_secret() -> None:
    for key in (RSA.public_pem(), RSA.public_pem().strip()):
        forged = raw({"alg": "HS256", "kid": "k1"}, INSTALL_CLAIMS, key)
        assert refused(install(forged), LIFECYCLE) == "algorithm-mismatch"
        relabelled = raw({"alg": "RS256", "kid": "k1"}, INSTALL_CLAIMS, key)
        assert refused(install(relabelled), LIFECYCLE) == "signature-invalid"


def test_rs256_does_not_open_a_page() -> None:
    forged = jwt.encode({"kid": "k1"}, PAGE_CLAIMS, RSA)
    assert refused(by_query(forged), PAGE) == "algorithm-mismatch"


def test_another_installations_secret() -> None:
    assert refused(by_query(page_token(secret=OTHER)), PAGE) == "signature-invalid"


def test_an_unknown_issuer_looks_like_a_bad_signature_outside() -> None:
    request = by_query(page_token(iss="nobody"))
    with pytest.raises(Refusal) as refusal:
        check(request, PAGE)
    assert refusal.value.id == "issuer-unknown"
    assert refusal.value.public.id == "signature-invalid"


@pytest.mark.parametrize("kid", ["", ".", "..", "a/b", "../a", ".hidden", "a" * 129, "a%2Fb", "ä"])
def test_a_kid_is_one_safe_path_segment(kid: str) -> None:
    keys = Keys()
    assert refused(install(install_token(header={"kid": kid})), LIFECYCLE, keys=keys) == (
        "kid-invalid"
    )
    assert keys.asked == []


def test_a_kid_is_required_and_must_be_known() -> None:
    assert refused(install(install_token(header={})), LIFECYCLE) == "kid-invalid"
    assert refused(install(install_token(header={"kid": "k2"})), LIFECYCLE) == "issuer-unknown"


def test_a_cached_secret_that_fails_is_asked_for_once_more() -> None:
    keys = Keys(secrets=(OTHER,), fresh=(SECRET,))
    assert check(by_query(page_token()), PAGE, keys=keys).installation is SITE
    assert [need.fresh for need in keys.asked] == [False, True]
    keys = Keys(secrets=(OTHER,), fresh=(OTHER,))
    assert refused(by_query(page_token()), PAGE, keys=keys) == "signature-invalid"
    assert len(keys.asked) == 2
    keys = Keys(secrets=(OTHER,))
    assert refused(by_query(page_token()), PAGE, keys=keys) == "signature-invalid"
    assert len(keys.asked) == 1


def test_the_previous_secret_verifies_during_the_overlap() -> None:
    keys = Keys(secrets=(OTHER, SECRET))
    assert check(by_query(page_token()), PAGE, keys=keys).kind is Kind.REQUEST
    token = sign.session_token(SECRET, app_key="my-app", client_key="site", subject="u", now=NOW)
    assert check(by_header(token), CALL, keys=keys).kind is Kind.SESSION


# ---- kinds ----------------------------------------------------------------------------------


def test_a_context_token_opens_no_module_and_no_lifecycle_route() -> None:
    token = sign.context_token(SECRET, issuer="site", subject="u1", context={}, now=NOW)
    assert refused(by_query(token), PAGE) == "kind-refused"
    assert refused(install(token), LIFECYCLE) == "kind-refused"
    assert refused(by_header(token, method="POST"), EVENT) == "kind-refused"


def test_a_request_token_is_no_context_token() -> None:
    assert refused(by_header(page_token()), CALL) == "kind-refused"


def test_the_refusal_says_which_kind_was_seen_and_which_is_wanted() -> None:
    with pytest.raises(Refusal) as refusal:
        check(by_header(page_token()), CALL)
    assert (refusal.value.expected, refusal.value.found) == ("context or session", "request")


def test_the_apps_own_calls_never_pass_as_its_sessions() -> None:
    """What an app sends to a host is what leaks; replayed at the app it is worth nothing."""
    logged = api_token("/panel", "x=1")
    assert refused(by_header(logged), CALL) == "kind-refused"
    assert refused(by_header(logged), ANY_CALL) in ("issuer-mismatch", "issuer-unknown")


def test_a_session_token_with_a_hash_is_none() -> None:
    token = jwt.encode({"typ": "headway-session+jwt"}, {**PAGE_CLAIMS, "aud": "site"}, SECRET)
    assert refused(by_header(token), ANY_CALL) == "kind-refused"


def test_a_session_token_signed_with_the_shared_secret_itself() -> None:
    claims = {"iss": "my-app", "aud": ["site"], "iat": NOW, "exp": NOW + 60}
    token = jwt.encode({"typ": "headway-session+jwt"}, claims, SECRET)
    assert refused(by_header(token), CALL) == "signature-invalid"


@pytest.mark.parametrize(
    ("changes", "ident"),
    [
        ({"app_key": "their-app"}, "issuer-mismatch"),
        ({"client_key": "elsewhere"}, "issuer-unknown"),
        ({"life": 901}, "token-lifetime"),
    ],
)
def test_a_session_of_another_app_site_or_length(changes: dict[str, Any], ident: str) -> None:
    values = {"app_key": "my-app", "client_key": "site", "subject": "u", "now": NOW}
    token = sign.session_token(SECRET, **{**values, **changes})
    assert refused(by_header(token), CALL) == ident


def test_a_session_names_one_site() -> None:
    claims = {"iss": "my-app", "aud": ["site", "other"], "iat": NOW, "exp": NOW + 60}
    token = jwt.encode({"typ": "headway-session+jwt"}, claims, SECRET)
    assert refused(by_header(token), CALL) == "audience-mismatch"


def test_a_set_that_mixes_key_families_is_an_error_where_it_is_defined() -> None:
    for kinds in ({Kind.REQUEST, Kind.LIFECYCLE}, {Kind.SESSION, Kind.ASSERTION}, set()):
        with pytest.raises(ConfigurationError, match="one key family"):
            Accept(Direction.MODULE, kinds)
    assert ANY_CALL.family is Family.TENANT


# ---- (5) times ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "ident"),
    [
        ({"exp": None}, "claim-missing"),
        ({"iat": None}, "claim-missing"),
        ({"iat": NOW - 300, "exp": NOW - LEEWAY}, "token-expired"),
        ({"iat": NOW + LEEWAY + 1, "exp": NOW + 100}, "token-not-yet-valid"),
        ({"nbf": NOW + LEEWAY + 1}, "token-not-yet-valid"),
        ({"exp": NOW + 3601}, "token-lifetime"),
        ({"iat": NOW + 10, "exp": NOW + 10}, "token-lifetime"),
        ({"iat": NOW + 20, "exp": NOW + 10}, "token-lifetime"),
    ],
)
def test_times_are_required_and_checked(changes: dict[str, Any], ident: str) -> None:
    assert refused(by_query(page_token(**changes)), PAGE) == ident


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": NOW - 300, "exp": NOW - LEEWAY + 1},
        {"iat": NOW + LEEWAY, "exp": NOW + 100},
        {"nbf": NOW + LEEWAY},
        {"exp": NOW + 3600},
    ],
)
def test_the_leeway_is_thirty_seconds_both_ways(changes: dict[str, Any]) -> None:
    assert check(by_query(page_token(**changes)), PAGE).kind is Kind.REQUEST


def test_a_life_can_be_set() -> None:
    day = Expected(lives={Kind.REQUEST: 86_400})
    request = by_query(page_token(exp=NOW + 86_400))
    assert check(request, PAGE, expected=day).kind is Kind.REQUEST
    assert refused(request, PAGE) == "token-lifetime"


# ---- (6) binding ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"raw_path": "/panel2"},
        {"raw_path": "/Panel"},
        {"raw_query": "x=2"},
        {"raw_query": "x=1&y=2"},
        {"raw_query": ""},
        {"base_path": "/panel"},
    ],
    ids=str,
)
def test_a_changed_request_is_another_request(change: dict[str, str]) -> None:
    request = msgspec.structs.replace(by_header(page_token()), **change)
    assert refused(request, PAGE) == "qsh-mismatch"


def test_a_request_token_is_bound() -> None:
    assert refused(by_query(page_token(qsh=None)), PAGE) == "qsh-missing"
    assert refused(by_query(page_token(qsh="")), PAGE) == "qsh-mismatch"


def test_a_request_with_two_readings_is_refused_even_with_its_hash() -> None:
    token = page_token(qsh=hashlib.sha256(b"GET&//panel&x=1").hexdigest())
    assert refused(by_header(token, "//panel"), PAGE) == "path-not-normal"


def test_other_forms_only_where_the_receiver_says_so() -> None:
    query = "a%5B%5D=1&a0=2"
    npm = hashlib.sha256(b"GET&/rest/x&a0=2&a%5B%5D=1").hexdigest()
    claims = {"iss": "my-app", "iat": NOW, "exp": NOW + 60, "qsh": npm}
    request = by_header(jwt.encode({}, claims, SECRET), "/rest/x", query)
    assert refused(request, API) == "qsh-mismatch"
    both = Expected(forms=(Form.SPEC, Form.DECODED_NAME_ORDER))
    assert check(request, API, expected=both).kind is Kind.REQUEST


# ---- (7) audience and issuer ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("audience", "ident"),
    [
        (None, "audience-mismatch"),
        ([], "audience-mismatch"),
        ("https://other.example", "audience-mismatch"),
        ([BASE, "https://other.example"], "audience-mismatch"),
        ("https://app.example.evil", "audience-mismatch"),
        ("https://app.example/installed", "audience-mismatch"),
        (BASE.upper(), "audience-mismatch"),
    ],
)
def test_a_lifecycle_event_names_this_app_alone(audience: object, ident: str) -> None:
    assert refused(install(install_token(aud=audience)), LIFECYCLE) == ident


@pytest.mark.parametrize("audience", [BASE, [BASE], f"{BASE}/"])
def test_a_text_a_list_and_a_last_slash_name_the_same(audience: object) -> None:
    assert check(install(install_token(aud=audience)), LIFECYCLE).kind is Kind.LIFECYCLE


def test_where_an_audience_is_not_required_a_foreign_one_is_still_refused() -> None:
    assert refused(by_query(page_token(aud="another-app")), PAGE) == "audience-mismatch"
    assert check(by_query(page_token(aud=["another-app", "my-app"])), PAGE).kind is Kind.REQUEST


def test_the_issuer_is_the_other_side() -> None:
    """A host's token does not pass at the host, nor an app's at the app."""
    request = by_header(page_token(), "/panel", "x=1")
    assert refused(request, API) == "issuer-mismatch"
    swapped = page_token(iss="my-app")
    assert refused(by_query(swapped), PAGE) == "issuer-mismatch"


def test_an_assertion_names_user_and_site() -> None:
    claims = {"iss": "urn:atlassian:connect:clientid:c", "aud": BASE, "iat": NOW, "exp": NOW + 60}
    for more, ident in (
        ({"sub": "urn:u"}, "claim-missing"),
        ({"tnt": SITE.base_url}, "claim-missing"),
        ({"sub": "urn:u", "tnt": SITE.base_url, "exp": NOW + 121}, "token-lifetime"),
        ({"sub": "urn:u", "tnt": SITE.base_url, "aud": "elsewhere"}, "audience-mismatch"),
    ):
        token = jwt.encode({}, {**claims, **more}, SECRET)
        request = RequestFacts(method="POST", raw_path="/t", form=f"assertion={token}")
        assert refused(request, GRANT) == ident


# ---- (8) once -------------------------------------------------------------------------------


def test_a_lifecycle_token_counts_once() -> None:
    once, request = Once(), install(install_token())
    check(request, LIFECYCLE, once=once)
    assert refused(request, LIFECYCLE, once=once) == "token-replayed"


def test_a_module_page_may_be_reloaded() -> None:
    once, request = Once(), by_query(page_token())
    assert check(request, PAGE, once=once) == check(request, PAGE, once=once)
    assert once.seen == []


def test_a_refused_token_is_not_remembered() -> None:
    once = Once()
    assert refused(install(install_token(aud="x")), LIFECYCLE, once=once) == "audience-mismatch"
    assert once.seen == []


# ---- the whole ------------------------------------------------------------------------------


def test_every_kind_has_its_rule() -> None:
    assert set(RULES) == set(Kind)
    for rule in RULES.values():
        assert (rule.algorithm == "RS256") is (rule.family in (Family.INSTALL, Family.FORGE))


COMBINED = list(
    product(
        ["site", "nobody"],
        [0, -100, 29, 31, None],  # iat, from now; None: left out
        [100, 0, -29, -31, 5000, None],  # exp
        ["/panel", "/other", None],  # what the hash is of
        [SECRET, OTHER],
    )
)


def test_the_oracle_agrees() -> None:
    """Our verdict is that of a second, naive writing, whatever is wrong with the token."""
    verdicts = [agreed(*combined) for combined in COMBINED]
    assert (len(verdicts), sum(verdicts)) == (360, 5)


def agreed(iss: str, iat: int | None, exp: int | None, path: str | None, secret: Secret) -> bool:
    """What both say of one token."""
    claims: dict[str, Any] = {"iss": iss}
    claims |= {} if iat is None else {"iat": NOW + iat}
    claims |= {} if exp is None else {"exp": NOW + exp}
    claims |= {} if path is None else {"qsh": oracle.qsh("GET", path, "x=1", "")}
    token = jwt.encode({}, claims, secret)
    seen = oracle.verified_claims(str(token), "HS256", SECRET.reveal()) or {}
    theirs = (
        seen.get("iss") == "site"
        and seen.get("exp", 0) + LEEWAY > NOW
        and "iat" in seen
        and seen["iat"] - LEEWAY <= NOW
        and 0 < seen["exp"] - seen["iat"] <= 3600
        and seen.get("qsh") == oracle.qsh("GET", "/panel", "x=1", "")
    )
    try:
        check(by_query(token), PAGE)
        ours = True
    except Refusal:
        ours = False
    assert ours is theirs
    return ours


# ---- wherever it stands ---------------------------------------------------------------------


def test_a_token_proves_itself_where_somebody_else_decided_about_its_place() -> None:
    token = TokenText(api_token(query="a=1"))

    def proved(query: str, now: float = NOW, keys: Keys | None = None) -> str:
        request = RequestFacts(method="GET", raw_path="/rest/x", raw_query=query)
        return drive(prove(token, request, accept=API, expected=US, now=now), keys or Keys()).iss

    assert proved("a=1") == "my-app"  # no policy is asked, and no header was there
    for query, now, keys, told in (
        ("a=2", NOW, None, "qsh-mismatch"),
        ("a=1", NOW + 900, None, "token-expired"),
        ("a=1", NOW, Keys(secrets=(OTHER,)), "signature-invalid"),
    ):
        with pytest.raises(Refusal) as caught:
            proved(query, now, keys)
        assert caught.value.id == told
