from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from asking import ask, request
from starlette.requests import Request

from headway import jwt
from headway.errors import HeadwayError, IssuerUnknown, Refusal
from headway.host.access import AccessTokenInvalid, Grant
from headway.host.clock import parse_date
from headway.host.gate import NOTE, Actor, Forbidden, Gate, Recorder
from headway.host.settings import POLICIES
from headway.host.traffic import Traffic
from headway.keys import RsaPrivateKey
from headway.model import Direction, Location, Secret
from headway.policy import Pause
from headway.qsh import query_string_hash
from headway.sign import context_token, request_token
from host.small_site import BASE, CLIENT_KEY, SmallSite

PATH = "/rest/api/3/myself"
KEY = RsaPrivateKey.generate()


@pytest.fixture
def site() -> SmallSite:
    made = SmallSite(at=parse_date("2022-03-01"))
    made.add_app("my-app", "WRITE")
    made.add_app("other-app", "READ")
    return made


def actor(site: SmallSite, request: Request, csrf: str | None = None) -> Actor:
    return asyncio.run(site.jira.gate.actor(request, csrf))


def signed(token: str, method: str = "GET", target: str = PATH, **headers: str) -> Request:
    return request(method, target, {"Authorization": f"JWT {token}", **headers})


def refused(site: SmallSite, sent: Request) -> str:
    with pytest.raises(Refusal) as caught:
        actor(site, sent)
    return caught.value.id


def made_by_hand(
    header: dict[str, Any], claims: dict[str, Any], mac: Callable[[bytes], bytes]
) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    text = ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)
    return f"{text}.{base64.urlsafe_b64encode(mac(text.encode())).decode().rstrip('=')}"


def claims(site: SmallSite, **changes: Any) -> dict[str, Any]:
    now = int(site.time)
    made = {
        "iss": "my-app",
        "iat": now,
        "exp": now + 180,
        "qsh": query_string_hash("GET", PATH),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def hs256(site: SmallSite, **changes: Any) -> str:
    """A token of my-app with other claims."""
    return jwt.encode(
        {"typ": "JWT"}, claims(site, **changes), site.jira.apps.known["my-app"].secret
    )


# ---- who is it ------------------------------------------------------------------------------


def test_an_app_is_known_by_its_token(site: SmallSite) -> None:
    found = actor(site, signed(site.token("GET", PATH)))
    assert (found.kind, found.account_id, found.app_key) == ("app", "account-my-app", "my-app")
    assert found.verified is not None
    assert found.scopes == {"WRITE"}
    assert found.headers == {}


@pytest.mark.parametrize("audience", [CLIENT_KEY, BASE, BASE + "/"])
def test_an_app_may_name_the_site(site: SmallSite, audience: str) -> None:
    assert actor(site, signed(hs256(site, aud=[audience]))).kind == "app"


@pytest.mark.parametrize(("query", "written"), [("a[]=1&a0=2", "a0=2&a%5B%5D=1")])
def test_the_forms_of_official_libraries_count(site: SmallSite, query: str, written: str) -> None:
    theirs = hashlib.sha256(f"GET&{PATH}&{written}".encode()).hexdigest()
    sent = signed(hs256(site, qsh=theirs), target=f"{PATH}?{query}")
    assert actor(site, sent).kind == "app"


def test_scopes_include_lesser_ones() -> None:
    def holds(*scopes: str) -> list[bool]:
        held = Actor(kind="app", scopes=frozenset(scopes))
        return [held.holds(scope) for scope in ("NONE", "READ", "WRITE", "DELETE", "ADMIN")]

    assert holds() == [True, False, False, False, False]
    assert holds("READ") == [True, True, False, False, False]
    assert holds("WRITE") == [True, True, True, False, False]
    assert holds("DELETE") == holds("PROJECT_ADMIN") == [True, True, True, True, False]
    assert holds("SPACE_ADMIN") == [True, True, True, True, False]
    assert holds("ADMIN") == [True, True, True, True, True]
    assert holds("ACT_AS_USER") == [True, False, False, False, False]
    assert Actor(kind="user").holds("ADMIN")


def test_a_session_is_a_user_and_nothing_is_nobody(site: SmallSite) -> None:
    cookie, session = site.log_in()
    found = actor(site, request("GET", PATH, {"Cookie": cookie}))
    assert (found.kind, found.account_id, found.scopes) == ("user", session.account_id, None)
    nobody = actor(site, request("GET", PATH))
    assert (nobody.kind, nobody.account_id, nobody.headers) == ("anonymous", None, {})
    assert nobody.refusal is not None
    assert nobody.refusal.id == "token-missing"


def test_a_token_counts_more_than_a_session(site: SmallSite) -> None:
    cookie, _ = site.log_in()
    assert actor(site, signed(site.token("GET", PATH), Cookie=cookie)).kind == "app"
    assert refused(site, signed("not-a-token", Cookie=cookie)) == "token-malformed"


def test_credentials_of_another_scheme_are_nobodys(site: SmallSite) -> None:
    assert actor(site, request("GET", PATH, {"Authorization": "Basic YTpi"})).kind == "anonymous"


def test_a_change_needs_more_than_a_cookie(site: SmallSite) -> None:
    cookie, session = site.log_in()
    for sent in ({}, {"X-Headway-CSRF": ""}, {"X-Headway-CSRF": "guess"}):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            with pytest.raises(Forbidden):
                actor(site, request(method, PATH, {"Cookie": cookie, **sent}))
    with_header = request("POST", PATH, {"Cookie": cookie, "X-Headway-CSRF": session.csrf})
    assert actor(site, with_header).kind == "user"
    assert actor(site, request("POST", PATH, {"Cookie": cookie}), session.csrf).kind == "user"
    with pytest.raises(Forbidden):
        actor(site, request("POST", PATH, {"Cookie": cookie}), "guess")


def test_a_page_of_an_app_acts_for_the_user_within_its_scopes(site: SmallSite) -> None:
    cookie, session = site.log_in()
    found = actor(site, request("GET", PATH, {"Cookie": cookie, "AP-Client-Key": "other-app"}))
    assert (found.kind, found.account_id) == ("user", session.account_id)
    assert (found.app_key, found.scopes) == ("other-app", {"READ"})
    nobody = actor(site, request("GET", PATH, {"AP-Client-Key": "other-app"}))
    assert (nobody.kind, nobody.account_id, nobody.scopes) == ("anonymous", None, {"READ"})
    with pytest.raises(Forbidden, match="not installed"):
        actor(site, request("GET", PATH, {"Cookie": cookie, "AP-Client-Key": "none"}))
    site.apps.known["other-app"].enabled = False
    with pytest.raises(Forbidden, match="not installed"):
        actor(site, request("GET", PATH, {"Cookie": cookie, "AP-Client-Key": "other-app"}))


def test_the_bridges_header_and_the_token_name_one_app(site: SmallSite) -> None:
    token = site.token("GET", PATH)
    assert actor(site, signed(token, **{"AP-Client-Key": "my-app"})).kind == "app"
    with pytest.raises(Forbidden, match="two apps"):
        actor(site, signed(token, **{"AP-Client-Key": "other-app"}))


def test_an_app_that_is_removed_meanwhile_is_unknown(site: SmallSite) -> None:
    sent = signed(site.token("GET", PATH))
    site.jira.apps.get = lambda key: None  # type: ignore[method-assign]
    with pytest.raises(IssuerUnknown):
        actor(site, sent)


# ---- what is refused ------------------------------------------------------------------------


def test_alg_none(site: SmallSite) -> None:
    header = {"typ": "JWT", "alg": "none"}
    unsigned = made_by_hand(header, claims(site), lambda _: b"")
    assert refused(site, signed(unsigned)) == "token-malformed"
    filled = made_by_hand(header, claims(site), lambda _: b"x" * 32)
    assert refused(site, signed(filled)) == "algorithm-mismatch"
    secret = site.jira.apps.known["my-app"].secret
    with_mac = made_by_hand(header, claims(site), secret.mac)
    assert refused(site, signed(with_mac)) == "algorithm-mismatch"


@pytest.mark.parametrize("spelling", ["None", "NONE", "nOnE", "HS512", "hs256", ""])
def test_other_algorithms(site: SmallSite, spelling: str) -> None:
    secret = site.jira.apps.known["my-app"].secret
    token = made_by_hand({"alg": spelling}, claims(site), secret.mac)
    assert refused(site, signed(token)) == "algorithm-mismatch"


def test_rs256_where_hs256_belongs(site: SmallSite) -> None:
    token = jwt.encode({"typ": "JWT", "kid": "k"}, claims(site), KEY)
    assert refused(site, signed(token)) == "algorithm-mismatch"


def test_a_public_key_as_the_secret(site: SmallSite) -> None:
    pem = KEY.public_pem()
    as_hs256 = made_by_hand({"alg": "HS256"}, claims(site), lambda m: hmac.digest(pem, m, "sha256"))
    assert refused(site, signed(as_hs256)) == "signature-invalid"
    as_rs256 = made_by_hand({"alg": "RS256"}, claims(site), lambda m: hmac.digest(pem, m, "sha256"))
    assert refused(site, signed(as_rs256)) == "algorithm-mismatch"


def test_another_installations_secret(site: SmallSite) -> None:
    other = site.jira.apps.known["other-app"].secret
    assert refused(site, signed(site.token("GET", PATH, secret=other))) == "signature-invalid"


def test_another_site_installed_the_same_app(site: SmallSite) -> None:
    elsewhere = Secret("the secret of the same app on another site")
    assert refused(site, signed(site.token("GET", PATH, secret=elsewhere))) == "signature-invalid"


def test_an_issuer_that_nobody_knows(site: SmallSite) -> None:
    assert refused(site, signed(hs256(site, iss="nobody"))) == "issuer-unknown"
    assert refused(site, signed(hs256(site, iss=CLIENT_KEY))) == "issuer-unknown"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iat": 1_699_999_000, "exp": 1_699_999_900}, "token-expired"),
        ({"exp": None}, "claim-missing"),
        ({"iat": None}, "claim-missing"),
        ({"iat": 1_700_000_100, "exp": 1_700_000_200}, "token-not-yet-valid"),
        ({"exp": 1_700_090_000}, "token-lifetime"),
        ({"qsh": None}, "qsh-missing"),
        ({"qsh": "context-qsh"}, "kind-refused"),
        ({"aud": ["another-site"]}, "audience-mismatch"),
        ({"exp": "soon"}, "claim-invalid"),
    ],
)
def test_claims_that_prove_nothing(site: SmallSite, changes: dict[str, Any], refusal: str) -> None:
    assert refused(site, signed(hs256(site, **changes))) == refusal


def test_a_context_token_is_no_request(site: SmallSite) -> None:
    secret = site.jira.apps.known["my-app"].secret
    token = context_token(secret, issuer="my-app", subject="u1", context={}, now=site.time)
    assert refused(site, signed(token)) == "kind-refused"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", PATH),
        ("GET", "/rest/api/2/myself"),
        ("GET", PATH + "?expand=groups"),
        ("GET", PATH + "/"),
    ],
)
def test_another_request_than_the_signed_one(site: SmallSite, method: str, target: str) -> None:
    sent = signed(site.token("GET", PATH), method, target)
    if target == PATH + "/":  # a last slash does not count
        assert actor(site, sent).kind == "app"
        return
    assert refused(site, sent) == "qsh-mismatch"
    note = sent.scope["headway.note"].crossing
    assert note.explain["ours"].startswith(f"{method}&")
    assert note.explain["cause"]
    assert note.claims["iss"] == "my-app"


def test_a_path_with_two_readings(site: SmallSite) -> None:
    sent = signed(site.token("GET", PATH), target="/rest/../rest/api/3/myself")
    assert refused(site, sent) == "path-not-normal"


@pytest.mark.parametrize(
    ("headers", "query", "refusal"),
    [
        ({"Authorization": "JWT"}, "", "authorization-malformed"),
        ({"Authorization": "JWT a b"}, "", "authorization-malformed"),
        ({"Authorization": "JWT not-a-token"}, "", "token-malformed"),
        ({"Authorization": "JWT " + "a" * 9000}, "", "token-too-large"),
    ],
)
def test_what_is_no_token(
    site: SmallSite, headers: dict[str, str], query: str, refusal: str
) -> None:
    sent = request("GET", PATH + query, headers)
    assert refused(site, sent) == refusal
    crossing = sent.scope["headway.note"].crossing
    assert (crossing.verdict, crossing.refusal, crossing.claims) == ("refused", refusal, {})


def test_moving_the_sites_date_revives_no_token(site: SmallSite) -> None:
    token = site.token("GET", PATH)
    site.time += 1000
    site.clock.set(1_700_000_000.0)
    assert refused(site, signed(token)) == "token-expired"
    fresh = site.token("GET", PATH)
    site.clock.set(parse_date("2042-01-01"))
    assert actor(site, signed(fresh)).kind == "app"


@pytest.mark.parametrize(
    "name", ["Date", "X-Headway-Now", "Headway-At", "X-Date", "If-Modified-Since", "Age"]
)
def test_no_header_sets_the_clock(site: SmallSite, name: str) -> None:
    token = site.token("GET", PATH)
    site.time += 1000
    for value in ("Tue, 14 Nov 2023 22:13:20 GMT", "1700000000", "2021-12-01"):
        assert refused(site, signed(token, **{name: value})) == "token-expired"
        old = request("GET", f"{PATH}?jwt={site.token('GET', PATH)}", {name: value})
        assert actor(site, old).kind == "anonymous"


# ---- the phases -----------------------------------------------------------------------------

PHASES = [
    # policy, the site's date, phase, counts, verdict, has a date of its end
    ("atlassian-2022", "2021-12-01", "open", True, "accepted", False),
    ("rehearsal", "2021-09-30", "open", True, "accepted", False),
    ("rehearsal", "2021-10-01", "announced", True, "accepted", True),
    ("rehearsal", "2021-11-01", "warned", True, "warned", True),
    ("rehearsal", "2022-01-11T12:00", "brownout", False, "not inspected", True),
    ("rehearsal", "2022-01-12", "warned", True, "warned", True),
    ("rehearsal", "2022-02-01", "off", False, "not inspected", True),
    ("atlassian-2022", "2022-01-31T23:59", "open", True, "accepted", False),
    ("atlassian-2022", "2022-02-01", "off", False, "not inspected", True),
]


@pytest.mark.parametrize(("policy", "date", "phase", "counts", "verdict", "sunset"), PHASES)
def test_a_token_in_the_query(
    policy: str, date: str, phase: str, counts: bool, verdict: str, sunset: bool
) -> None:
    site = SmallSite(policy, at=parse_date(date))
    site.add_app("my-app", "READ")
    sent = request("GET", f"{PATH}?a=1&jwt={site.token('GET', PATH + '?a=1')}")
    found = actor(site, sent)
    crossing = sent.scope["headway.note"].crossing
    assert found.kind == ("app" if counts else "anonymous")
    assert (crossing.phase, crossing.verdict) == (phase, verdict)
    assert (crossing.location, crossing.verified) == ("query", counts)
    assert bool(crossing.claims) is counts  # not inspected is not read
    assert "eyJ" not in crossing.path
    assert found.headers.get("Headway-Phase") == (None if phase == "open" else phase)
    assert ("Sunset" in found.headers) is sunset
    assert found.headers.get("Headway-Refusal") == (None if counts else "token-in-query")
    assert (found.refusal is None) is counts
    if sunset:
        assert found.headers["Sunset"] == "Tue, 01 Feb 2022 00:00:00 GMT"
        assert 'rel="deprecation"' in found.headers["Link"]


def test_a_paused_retirement_warns_and_names_no_end(site: SmallSite) -> None:
    policy = POLICIES["rehearsal"]
    schedule = policy.row(Direction.APP_TO_HOST, Location.QUERY).schedule
    pause = Pause(since=datetime(2022, 1, 1, tzinfo=UTC), who="Ada", why="practice")
    paused = msgspec.structs.replace(schedule, paused=pause)
    site.policy = policy.with_schedule(Direction.APP_TO_HOST, Location.QUERY, paused)
    sent = request("GET", f"{PATH}?jwt={site.token('GET', PATH)}")
    found = actor(site, sent)
    assert (found.kind, sent.scope["headway.note"].crossing.verdict) == ("app", "warned")
    assert found.headers["Headway-Phase"] == "paused"
    assert "Deprecation" in found.headers
    assert "Sunset" not in found.headers


def test_off_is_not_inspected_whatever_it_holds(site: SmallSite) -> None:
    cookie, _ = site.log_in()
    for text in (site.token("GET", PATH), "garbage", "", "a.b.c&jwt=twice"):
        assert actor(site, request("GET", f"{PATH}?jwt={text}")).kind == "anonymous"
        as_user = request("GET", f"{PATH}?jwt={text}", {"Cookie": cookie})
        assert actor(site, as_user).kind == "user"


def test_a_header_beside_a_query_that_is_off(site: SmallSite) -> None:
    """Not inspected is also not hashed."""
    sent = signed(site.token("GET", PATH), target=f"{PATH}?jwt=garbage")
    found = actor(site, sent)
    assert found.kind == "app"
    assert found.headers["Headway-Refusal"] == "token-in-query"
    assert sent.scope["headway.note"].crossing.notes == ("token-in-query",)


def test_two_tokens_while_both_are_read(site: SmallSite) -> None:
    site.clock.set(parse_date("2021-12-01"))
    sent = signed(site.token("GET", PATH), target=f"{PATH}?jwt=a.b.c")
    assert refused(site, sent) == "tokens-differ"
    crossing = sent.scope["headway.note"].crossing
    assert (crossing.verdict, crossing.location, crossing.claims) == ("refused", None, {})


# ---- what is recorded -----------------------------------------------------------------------


def test_each_token_is_recorded_once_with_the_status(site: SmallSite) -> None:
    site.ask("GET", PATH)
    assert site.traffic.all() == []
    site.ask_signed("GET", PATH)
    site.ask("GET", f"{PATH}?jwt={site.token('GET', PATH)}")
    site.ask("GET", PATH, {"Authorization": "JWT not-a-token"})
    seen = [(c.verdict, c.status, c.refusal) for c in site.traffic.all()]
    assert seen == [
        ("accepted", 200, None),
        ("not inspected", 401, "token-in-query"),
        ("refused", 400, "token-malformed"),
    ]
    first = site.traffic.all()[0]
    assert (first.kind, first.direction, first.method) == ("request", "app->host", "GET")
    assert (first.time, first.at) == (site.time, site.clock.at())


def test_nothing_recorded_holds_a_token(site: SmallSite) -> None:
    token = site.token("GET", PATH)
    inside = hs256(site, context={"text": [str(token), 1, {str(token): None}]})
    for target, sent in (
        (f"{PATH}?jwt={token}", {}),
        (PATH, {"Authorization": f"JWT {token}"}),
        (PATH, {"Authorization": f"JWT {inside}"}),
        (f"{PATH}?x={token}", {"Authorization": f"JWT {token}"}),
    ):
        site.ask("GET", target, sent)
    written = msgspec.json.encode(site.traffic.all()).decode()
    assert len(site.traffic.all()) == 4
    assert token not in written
    assert token.rsplit(".")[-1] not in written


def test_headers_of_the_gate_reach_the_answer(site: SmallSite) -> None:
    answer = site.ask("GET", f"{PATH}?jwt={site.token('GET', PATH)}")
    assert (answer.status, answer.headers["headway-refusal"]) == (401, "token-in-query")
    assert answer.headers["sunset"] == "Tue, 01 Feb 2022 00:00:00 GMT"
    refusal = site.ask("GET", PATH, {"Authorization": "JWT not-a-token"})
    assert refusal.headers["headway-refusal"] == "token-malformed"
    assert refusal.headers["headway-hint"]


def test_unknown_issuer_and_bad_signature_look_alike(site: SmallSite) -> None:
    """And the inspector, for the developer, tells them apart."""
    unknown = site.ask("GET", PATH, {"Authorization": f"JWT {hs256(site, iss='nobody')}"})
    other = site.jira.apps.known["other-app"].secret
    forged = site.ask(
        "GET", PATH, {"Authorization": f"JWT {site.token('GET', PATH, secret=other)}"}
    )
    for answer in (unknown, forged):
        assert answer.headers.pop("x-arequestid")  # of each request, whatever becomes of it
    assert unknown == forged
    ids = [c.refusal for c in site.traffic.all()]
    assert ids == ["issuer-unknown", "signature-invalid"]


def test_what_the_gate_did_not_see_is_not_recorded() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    traffic = Traffic()
    assert ask(Recorder(app, traffic), "GET", "/", {}).status == 200
    assert traffic.all() == []


def test_forbidden_is_not_a_refusal() -> None:
    assert issubclass(Forbidden, HeadwayError)
    assert not issubclass(Forbidden, Refusal)


def test_a_life_of_a_token_is_bounded(site: SmallSite) -> None:
    token = request_token(
        site.jira.apps.known["my-app"].secret,
        issuer="my-app",
        method="GET",
        raw_path=PATH,
        now=site.time,
        life=3601,
    )
    assert refused(site, signed(token)) == "token-lifetime"


# ---- access tokens --------------------------------------------------------------------------


def bearing(grants: Any, *headers: str, scopes: tuple[str, ...] = ("READ", "ACT_AS_USER")) -> Any:
    """Who the gate sees, and what it noted, where these access tokens are out."""
    site = SmallSite()
    site.add_app("my-app", *scopes)
    gate = Gate(
        apps=site.apps,  # type: ignore[arg-type]
        identity=site.identity,
        clock=site.clock,
        policy=lambda: site.policy,
        base_url=lambda: BASE,
        grants=grants.get,
    )
    asked = request("GET", "/rest/api/3/myself?a=1")
    asked.scope["headers"] += [(b"authorization", header.encode()) for header in headers]
    try:
        return asyncio.run(gate.actor(asked)), asked.scope[NOTE].crossing
    except AccessTokenInvalid:
        return None, asked.scope[NOTE].crossing


GRANT = Grant(app_key="my-app", account_id="u1", scopes=frozenset({"READ"}))


def test_an_access_token_stands_for_a_user_within_its_scopes() -> None:
    actor, crossing = bearing({"good": GRANT}, "bearer  good")
    assert (actor.kind, actor.account_id, actor.app_key) == ("user", "u1", "my-app")
    assert actor.scopes == {"READ"}
    assert (crossing.kind, crossing.verdict, crossing.location) == ("access", "accepted", "header")
    assert "good" not in repr(crossing)


def test_an_access_token_that_is_not_good() -> None:
    for grants, scopes in (
        ({}, ("ACT_AS_USER",)),
        ({"good": GRANT}, ("READ",)),
        ({"good": Grant(app_key="gone", account_id="u1", scopes=frozenset())}, ("ACT_AS_USER",)),
    ):
        actor, crossing = bearing(grants, "Bearer good", scopes=scopes)
        assert (actor, crossing.verdict, crossing.verified) == (None, "refused", False)
