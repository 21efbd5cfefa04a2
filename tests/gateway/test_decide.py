from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

import msgspec
import pytest
from proxied import PATHS

from headway import sign
from headway.errors import (
    IssuerUnknown,
    KeyNotFound,
    KeySourceFailed,
    KidInvalid,
    Refusal,
    StoreUnavailable,
    TokenNameEncoded,
    TokensDiffer,
)
from headway.gateway.decide import OWN_HEADERS, Gateway, is_preflight
from headway.gateway.decision import EXCEPTED, FAILED_OPEN, Ask, Decision, Outcome, Use
from headway.gateway.policy_file import read_policy
from headway.gateway.resource import ProtectedResource
from headway.gateway.rules import (
    ClientRule,
    GatewayPolicy,
    Identity,
    LookAlikes,
    Mode,
    OffMeans,
    RetiredLocation,
    RouteRule,
)
from headway.jwt import unverified_issuer
from headway.model import Phase, Secret, TokenText
from headway.policy import Brownout, Extension, Schedule
from headway.policy import Outcome as Settled
from headway.ports import Credentials, NeedKey, Steps

OFF = datetime(2022, 2, 1, tzinfo=UTC)
WARNED, ANNOUNCED = datetime(2021, 12, 1, tzinfo=UTC), datetime(2021, 9, 1, tzinfo=UTC)
BROWNOUT = Brownout(datetime(2022, 1, 10, tzinfo=UTC), datetime(2022, 1, 11, tzinfo=UTC))
SCHEDULE = Schedule(announced=ANNOUNCED, warned=WARNED, off=OFF, brownouts=(BROWNOUT,))
TOKEN = "opaque.token"
KEY = bytes(32)


def day(text: str) -> float:
    return datetime.fromisoformat(f"{text}T12:00:00+00:00").timestamp()


BEFORE, SAID, WARNS, DARK, AFTER = map(
    day, ("2021-01-01", "2021-10-01", "2022-01-01", "2022-01-10", "2022-06-01")
)


class Asked:
    """A gateway with a clock that is set, and what it counted."""

    def __init__(self, now: float, *, verifier: Any = None, policy: Any = None, **location: Any):
        fields = {
            "name": "jwt", "parameters": ("jwt",), "scheme": "JWT", "schedule": SCHEDULE,
            "link": "https://docs.example/jwt", **location,
        }  # fmt: skip
        self.uses: list[Use] = []
        self.gateway = Gateway(
            GatewayPolicy(
                **{"name": "api", "locations": (RetiredLocation(**fields),), **(policy or {})}
            ),
            verifier=verifier,
            usage=self.uses.append,
            clock=lambda: now,
            hash_key=KEY,
        )

    def __call__(self, target: str, method: str = "GET", **headers: str) -> Decision:
        ask = Ask(
            method=method,
            target=target,
            headers=tuple((n.replace("_", "-"), v) for n, v in headers.items()),
            peer="192.0.2.7",
            subject=None,
        )
        found = self.gateway.decide(ask)
        again = len(self.uses)
        assert asyncio.run(self.gateway.adecide(ask)) == found
        del self.uses[again:]
        return found


def told(decision: Decision, name: str) -> str | None:
    return {key.lower(): value for key, value in decision.answer_headers}.get(name)


# ---- nothing to do --------------------------------------------------------------------------


def test_a_request_without_a_token_in_its_url_is_left_alone() -> None:
    asked = Asked(AFTER)
    decision = asked("/rest?a=%2F&&b", authorization="JWT x", headway_phase="forged")
    assert decision == Decision(
        outcome=Outcome.PASS, target="/rest?a=%2F&&b", remove_headers=("headway-phase",)
    )
    assert asked.uses == []
    assert set(OWN_HEADERS) >= {"headway-phase", "headway-refusal"}


@pytest.mark.parametrize("target", ["/rest", f"/rest?jwt={TOKEN}"])
@pytest.mark.parametrize("name", ["headway-phase", "headway_phase", "headway_refusal"])
def test_t24_what_cgi_reads_as_the_gateways_own_header_goes_away(target: str, name: str) -> None:
    ask = Ask(method="GET", target=target, headers=((name, "forged"), ("head-way", "x")))
    decision = Asked(WARNS).gateway.decide(ask)
    assert decision.remove_headers == (name,)


# ---- the phases -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "phase", "deprecation"),
    [(BEFORE, None, None), (SAID, "announced", "@1630454400"), (WARNS, "warned", "@1630454400")],
)
def test_a_token_that_counts_is_moved(now: float, phase: str | None, deprecation: str) -> None:
    asked = Asked(now)
    decision = asked(f"/rest/1?a=1&jwt={TOKEN}&b=%2F", user_agent="curl/8 (x)")
    assert (decision.outcome, decision.target) == (Outcome.PASS, "/rest/1?a=1&b=%2F")
    assert decision.set_headers == (("authorization", f"JWT {TOKEN}"),)
    assert told(decision, "headway-phase") == phase
    assert told(decision, "deprecation") == deprecation
    assert told(decision, "vary") == "Authorization"
    assert told(decision, "cache-control") == "private"
    (use,) = asked.uses
    assert (use.location, use.outcome, use.verified) == ("jwt", "pass", False)
    assert (use.route, use.agent) == ("/rest/*", "curl")
    assert use.client.startswith("token:")
    assert TOKEN not in repr(msgspec.to_builtins(use))


def test_what_a_warning_says() -> None:
    decision = Asked(WARNS, warning=True)(f"/?jwt={TOKEN}")
    assert decision.target == "/"
    assert told(decision, "sunset") == "Tue, 01 Feb 2022 00:00:00 GMT"
    assert told(decision, "link") == '<https://docs.example/jwt>; rel="deprecation"'
    assert told(decision, "headway-hint") == "Send 'Authorization: JWT <token>'."
    assert told(decision, "warning") == "299 - \"Send 'Authorization: JWT <token>'.\""


@pytest.mark.parametrize(("now", "phase"), [(DARK, Phase.BROWNOUT), (AFTER, Phase.OFF)])
def test_an_off_location_is_not_inspected(now: float, phase: Phase) -> None:
    asked = Asked(now)
    for query in (f"jwt={TOKEN}", "jwt=%zz", "jwt", "jwt=a&jwt=b", "%6Awt=x"):
        decision = asked(f"/rest?{query}&a=1")
        assert (decision.outcome, decision.target) == (Outcome.ANONYMOUS, "/rest?a=1")
        assert decision.set_headers == ()
        assert told(decision, "headway-refusal") == "token-in-query"
        assert told(decision, "headway-phase") == phase
    assert {use.outcome for use in asked.uses} == {"anonymous"}


def test_off_may_mean_refuse() -> None:
    decision = Asked(AFTER, off_means=OffMeans.REFUSE)(f"/rest?jwt={TOKEN}")
    assert (decision.outcome, decision.status) == (Outcome.REFUSE, 401)
    assert told(decision, "www-authenticate") == 'JWT realm="jwt"'
    assert json.loads(decision.body) == {
        "type": "about:blank", "title": "the URL's token is no longer inspected", "status": 401,
        "id": "token-in-query", "phase": "off", "send": "Send 'Authorization: JWT <token>'.",
        "off_at": "2022-02-01T00:00:00+00:00", "link": "https://docs.example/jwt",
    } | {"title": json.loads(decision.body)["title"]}  # fmt: skip
    dark = json.loads(Asked(DARK, off_means=OffMeans.REFUSE)(f"/?jwt={TOKEN}").body)
    assert dark["until"] == "2022-01-11T00:00:00+00:00"


def test_the_header_speaks_where_the_url_does_not() -> None:
    asked = Asked(AFTER, off_means=OffMeans.REFUSE)
    decision = asked(f"/rest?jwt={TOKEN}", authorization="JWT other")
    assert (decision.outcome, decision.target) == (Outcome.PASS, "/rest")
    assert asked.uses[0].also_header


# ---- conflicts ------------------------------------------------------------------------------


def test_the_same_token_in_both_places() -> None:
    asked = Asked(WARNS)
    decision = asked(f"/?a&jwt={TOKEN}", authorization=f"JWT {TOKEN}")
    assert (decision.outcome, decision.target, decision.set_headers) == (Outcome.PASS, "/?a", ())
    assert (asked.uses[0].also_header, asked.uses[0].outcome) == (True, "pass")


@pytest.mark.parametrize(
    ("query", "header", "refusal"),
    [
        (f"jwt={TOKEN}", "JWT other", "tokens-differ"),
        ("jwt=a&jwt=b", None, "token-repeated"),
        ("%6Awt=a", None, "token-name-encoded"),
        (f"jwt={TOKEN}", "Basic x", "token-beside-authorization"),
        ("jwt=", None, "token-empty"),
    ],
)
def test_what_contradicts_itself_is_refused(query: str, header: str | None, refusal: str) -> None:
    asked = Asked(WARNS)
    decision = asked(f"/?{query}", **({"authorization": header} if header else {}))
    assert (decision.outcome, decision.id, decision.status) == (Outcome.REFUSE, refusal, 401)
    assert json.loads(decision.body)["id"] == refusal
    assert asked.uses[0].outcome == refusal


def test_a_policy_may_settle_a_conflict() -> None:
    conflicts = {TokensDiffer: Settled.HEADER, TokenNameEncoded: Settled.ACCEPT}
    asked = Asked(WARNS, conflicts=conflicts)
    lost = asked(f"/?jwt={TOKEN}&a", authorization="JWT other")
    assert (lost.outcome, lost.target, lost.set_headers) == (Outcome.PASS, "/?a", ())
    moved = asked(f"/?%6Awt={TOKEN}")
    assert (moved.target, moved.set_headers) == ("/", (("authorization", f"JWT {TOKEN}"),))


def test_two_parameters_of_one_location_are_one_too_many() -> None:
    asked = Asked(WARNS, parameters=("jwt", "token"))
    assert asked(f"/?jwt={TOKEN}&token={TOKEN}").id == "token-repeated"
    off = Asked(AFTER, parameters=("jwt", "token"))
    assert off("/?jwt=a&x&token=b").target == "/?x"


def test_two_locations_can_not_fill_one_header() -> None:
    locations = tuple(
        RetiredLocation(name=name, parameters=(name,), schedule=SCHEDULE) for name in ("a", "b")
    )
    asked = Asked(WARNS, policy={"locations": locations})
    assert asked("/?a=1&b=2").id == "tokens-in-many-places"
    assert asked("/?a=1").set_headers == (("authorization", "Bearer 1"),)


def test_t24_what_wsgi_reads_as_the_header_that_is_set_goes_away() -> None:
    asked = Asked(BEFORE, header="x-api-key", scheme="")
    headers = (("x_api_key", "forged"), ("x-api_key", "forged"), ("x_other", "stays"))
    decision = asked.gateway.decide(Ask(method="GET", target="/?jwt=k1", headers=headers))
    assert decision.set_headers == (("x-api-key", "k1"),)
    assert decision.remove_headers == ("x_api_key", "x-api_key")


def test_a_bare_value_in_a_header_of_its_own() -> None:
    asked = Asked(WARNS, parameters=("api_key",), header="x-api-key", scheme="")
    moved = asked("/?api_key=K")
    assert moved.set_headers == (("x-api-key", "K"),)
    assert told(moved, "vary") == "X-Api-Key"
    assert told(asked("/?api_key=K"), "headway-hint") == "Send 'X-Api-Key: <token>'."
    assert asked("/?api_key=K", x_api_key="K").set_headers == ()
    assert asked("/?api_key=K", x_api_key="L").id == "tokens-differ"


@pytest.mark.parametrize("value", ["a%0D%0AX-Admin:%201", "a%20b", "a+b", "%00", "%C3%A9", "a%7F"])
def test_what_no_header_can_hold_is_not_moved(value: str) -> None:
    decision = Asked(WARNS)(f"/?jwt={value}")
    assert (decision.outcome, decision.id, decision.status) == (
        Outcome.REFUSE, "token-malformed", 401,
    )  # fmt: skip
    assert decision.set_headers == ()
    assert Asked(AFTER)(f"/?jwt={value}").outcome is Outcome.ANONYMOUS


def test_no_record_holds_a_value_of_any_location() -> None:
    locations = tuple(
        RetiredLocation(name=name, parameters=(name,), header=f"x-{name}", schedule=SCHEDULE)
        for name in ("ka", "kb")
    )
    rule = RouteRule(path="/embed", reason="frames")
    asked = Asked(WARNS, policy={"locations": locations, "routes": (rule,)})
    asked("/rest?ka=hidden1&kb=hidden2&x=1&KA=hidden3")
    asked("/embed?ka=hidden1&kb=hidden2&x=1")
    assert {use.sample for use in asked.uses} == {"/rest?x=1", "/embed?x=1"}


# ---- look-alikes ----------------------------------------------------------------------------


def test_t13_look_alikes_do_not_survive_off() -> None:
    off = Asked(AFTER)
    decision = off("/?JWT=a&jwt[]=b&;jwt=c&x=1")
    assert (decision.outcome, decision.target) == (Outcome.ANONYMOUS, "/?x=1")
    assert [use.outcome for use in off.uses] == ["token-lookalike"]
    beside = off("/?JWT=a", authorization="JWT own")
    assert (beside.outcome, beside.target) == (Outcome.PASS, "/")  # the header speaks
    refuse = Asked(AFTER, look_alikes=LookAlikes.REFUSE)
    assert refuse("/?JWT=a").id == "token-lookalike"
    count = Asked(AFTER, look_alikes=LookAlikes.COUNT)
    assert count("/?JWT=a").target == "/?JWT=a"
    before = Asked(WARNS)
    assert before("/?JWT=a").target == "/?JWT=a"
    assert before.uses[0].outcome == "token-lookalike"


# ---- routes and clients ---------------------------------------------------------------------


def test_a_route_where_the_token_stays() -> None:
    rule = RouteRule(path="/embed/*", reason="frames")
    asked = Asked(AFTER, policy={"routes": (rule,)})
    kept = asked(f"/embed/1?jwt={TOKEN}")
    assert (kept.outcome, kept.target) == (Outcome.PASS, f"/embed/1?jwt={TOKEN}")
    assert asked.uses[0].outcome == EXCEPTED
    for other in ("/embed/../api", "/embed/%2e%2e/api", "/embed//x", "/embed/x;y"):
        assert asked(f"{other}?jwt={TOKEN}").target == other


@pytest.mark.parametrize(
    "path", [*PATHS, "/pub/a", "/pub/a/../../b", "/pub/%2E%2E%2Fb", "/pub/;/b"]
)
def test_t7_an_exception_is_for_the_path_as_everybody_reads_it(path: str) -> None:
    route = RouteRule(path="/pub/*", reason="pictures in mails")
    decision = Asked(AFTER, policy={"routes": (route,)})(f"{path}?jwt={TOKEN}")
    stays = path == "/pub/a"
    assert (TOKEN in decision.target) is stays
    assert decision.target.partition("?")[0] == path


def test_an_exception_for_a_method_is_for_no_other() -> None:
    route = RouteRule(path="/pub/*", reason="pictures", methods=frozenset({"GET"}))
    asked = Asked(AFTER, policy={"routes": (route,)})
    assert TOKEN in asked(f"/pub/a?jwt={TOKEN}").target
    for more in ({"x_http_method_override": "DELETE"}, {"x_http_method": "PUT"}):
        assert asked(f"/pub/a?jwt={TOKEN}", **more).target == "/pub/a"
    anything = Asked(AFTER, policy={"routes": (RouteRule(path="/pub/*", reason="pictures"),)})
    assert TOKEN in anything(f"/pub/a?jwt={TOKEN}", x_http_method="PUT").target


def test_a_route_may_be_further_than_the_others() -> None:
    rule = RouteRule(path="/admin", reason="first", phase=Phase.OFF)
    asked = Asked(BEFORE, policy={"routes": (rule,)})
    assert asked(f"/admin?jwt={TOKEN}").outcome is Outcome.ANONYMOUS
    assert asked(f"/rest?jwt={TOKEN}").outcome is Outcome.PASS


def test_a_client_may_be_further_than_the_others() -> None:
    asked = Asked(BEFORE)
    asked(f"/?jwt={TOKEN}")
    rule = ClientRule(client=asked.uses[0].client, phase=Phase.OFF, reason="asked for it")
    further = Asked(BEFORE, policy={"clients": (rule,)})
    assert further(f"/?jwt={TOKEN}").outcome is Outcome.ANONYMOUS
    assert further("/?jwt=other").outcome is Outcome.PASS


@pytest.mark.parametrize(("now", "outcome"), [(SAID, "warned"), (DARK, None), (AFTER, None)])
def test_t32_a_rule_that_names_a_client_gives_nobody_time_back(
    now: float, outcome: str | None
) -> None:
    """It is ahead of the dates; past them, whoever writes its name into a header gets nothing."""
    rule = ClientRule(client="app-1", phase=Phase.WARNED, reason="asked for it")
    named = {"identity": Identity.HEADER, "identity_header": "x-client-id", "clients": (rule,)}
    decision = Asked(now, policy=named)(f"/?jwt={TOKEN}", x_client_id="app-1")
    moved = outcome is not None
    assert bool(decision.set_headers) is moved
    assert decision.outcome is (Outcome.PASS if moved else Outcome.ANONYMOUS)
    assert told(decision, "headway-phase") == (outcome or ("brownout" if now == DARK else "off"))


@pytest.mark.parametrize(
    ("identity", "client"),
    [(Identity.HEADER, "app-1"), (Identity.PEER, "peer:192.0.2.7"), (Identity.SUBJECT, "token:")],
)
def test_who_the_client_is(identity: Identity, client: str) -> None:
    policy = {"identity": identity, "identity_header": "x-client"}
    asked = Asked(WARNS, policy=policy)
    asked(f"/?jwt={TOKEN}", x_client="app-1")
    assert asked.uses[0].client.startswith(client)
    asked(f"/?jwt={TOKEN}")
    assert TOKEN not in asked.uses[1].client


def test_t25_a_token_stands_in_records_as_a_hash_that_nobody_else_can_make() -> None:
    clients = set()
    for key in (bytes(32), bytes(31) + b"1"):
        uses: list[Use] = []
        policy = GatewayPolicy(
            name="api", locations=(RetiredLocation(name="jwt", parameters=("jwt",)),)
        )
        Gateway(policy, usage=uses.append, hash_key=key).decide(
            Ask(method="GET", target=f"/?jwt={TOKEN}")
        )
        clients.add(uses[0].client)
        assert hashlib.sha256(TOKEN.encode()).hexdigest()[:24] not in uses[0].client
    assert len(clients) == 2


def test_t28_what_a_client_calls_itself_is_plain_and_short() -> None:
    named = {"identity": Identity.HEADER, "identity_header": "x-client-id"}
    for text in ("a\x1b[2J\r\nb", "x" * 1_000_000):
        asked = Asked(WARNS, policy=named)
        asked(f"/?jwt={TOKEN}", x_client_id=text, user_agent=text)
        (use,) = asked.uses
        assert use.client.isprintable()
        assert len(use.client) <= 120
        assert use.agent.isprintable()
        assert len(use.agent) <= 40


@pytest.mark.parametrize(
    "piece", ["a=1&", "%&", "jwt=x&", "%6Awt=x&", "jwt[]=&", ";jwt", "eyJ.eyJ."]
)
@pytest.mark.parametrize("now", [WARNS, AFTER])
def test_a_megabyte_of_a_query_is_decided_in_seconds(now: float, piece: str) -> None:
    """Whatever it is made of, and whatever the phase; a proxy lets no such thing through."""
    query = (piece * 1_000_000)[:1_000_000]
    asked = Asked(now)
    begun = process_time()
    asked.gateway.decide(Ask(method="GET", target=f"/rest?jwt={TOKEN}&{query}"))
    assert process_time() - begun < 10
    assert len(asked.uses[0].sample) <= 200


def test_header_bombs() -> None:
    asked = Asked(AFTER)
    bombs = tuple((f"x-{number}", "a" * 100) for number in range(20_000))
    ask = Ask(method="GET", target=f"/rest?jwt={TOKEN}", headers=bombs)
    begun = process_time()
    assert asked.gateway.decide(ask).target == "/rest"
    lines = (("authorization", "JWT x"),) * 999
    many = Ask(method="GET", target=f"/rest?jwt={TOKEN}", headers=lines)
    assert asked.gateway.decide(many).id == "authorization-repeated"
    long = Ask(
        method="GET", target=f"/rest?jwt={TOKEN}", headers=(("authorization", "J" * 1_000_000),)
    )
    assert asked.gateway.decide(long).outcome is Outcome.ANONYMOUS
    assert process_time() - begun < 1
    assert len(repr(asked.uses)) < 3_000


def test_a_clock_that_jumps_back_is_an_earlier_day_and_nothing_else() -> None:
    """The phase is a function of the clock: what was off counts again, and off again after."""
    moments = iter([WARNS, AFTER, WARNS, DARK, BEFORE, AFTER])
    policy = GatewayPolicy(
        name="api",
        locations=(RetiredLocation(name="jwt", parameters=("jwt",), schedule=SCHEDULE),),
    )
    gateway = Gateway(policy, clock=lambda: next(moments))
    moved = [
        bool(gateway.decide(Ask(method="GET", target="/?jwt=T")).set_headers) for _ in range(6)
    ]
    assert moved == [True, False, True, False, True, False]


def test_a_certificate_names_its_owner() -> None:
    asked = Asked(WARNS, policy={"identity": Identity.SUBJECT})
    asked.gateway.decide(Ask(method="GET", target="/?jwt=a", subject="CN=app\r\nx"))
    assert (
        asked.uses[0].client == "subject:CN=app\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}x"
    )


def test_t32_nobody_gets_more_time_by_a_header_that_anybody_can_send() -> None:
    schedule = msgspec.structs.replace(
        SCHEDULE,
        extensions=(
            Extension(client="app-1", until=OFF + timedelta(days=365), owner="o", reason="r"),
        ),
    )
    policy = {"identity": Identity.HEADER, "identity_header": "x-client"}
    asked = Asked(AFTER, policy=policy, schedule=schedule)
    assert asked(f"/?jwt={TOKEN}", x_client="app-1").outcome is Outcome.ANONYMOUS


def test_a_cohort_stays_a_cohort() -> None:
    half = msgspec.structs.replace(BROWNOUT, share=0.5)
    schedule = msgspec.structs.replace(SCHEDULE, brownouts=(half,), salt="s")
    asked = Asked(DARK, schedule=schedule)
    outcomes = [asked(f"/?jwt=token-{n}").outcome for n in range(60)]
    assert outcomes == [asked(f"/?jwt=token-{n}").outcome for n in range(60)]
    assert 15 < outcomes.count(Outcome.PASS) < 45


# ---- verification ---------------------------------------------------------------------------

SECRET = Secret("a shared secret of an app")


class Apps:
    """Knows one app by its secret."""

    def __init__(self) -> None:
        self.keys, self.replay = self, None

    def find(self, need: NeedKey) -> Credentials | None:
        return Credentials(keys=(SECRET,)) if need.issuer == "known" else None

    def claimed(self, token: str) -> str | None:
        return unverified_issuer(token)

    def proving(self, token: TokenText, request: Any, now: float) -> Any:
        issuer = unverified_issuer(token) or ""
        if (yield NeedKey(issuer=issuer, symmetric=True)) is None:
            raise IssuerUnknown(found=issuer)
        return issuer


def signed(issuer: str) -> str:
    return sign.request_token(SECRET, issuer=issuer, method="GET", raw_path="/", now=0)


def test_a_client_that_proves_itself_is_counted_as_proved() -> None:
    asked = Asked(WARNS, verifier=Apps())
    assert asked(f"/?jwt={signed('known')}").outcome is Outcome.PASS
    assert (asked.uses[0].client, asked.uses[0].verified) == ("known", True)
    refused = asked(f"/?jwt={signed('forged')}")
    assert (refused.outcome, refused.id) == (Outcome.REFUSE, "signature-invalid")
    assert not asked.uses[1].verified
    assert asked.uses[1].client.startswith("token:")


def test_more_time_is_for_whoever_proves_who_it_is() -> None:
    extensions = tuple(
        Extension(client=name, until=OFF + timedelta(days=365), owner="o", reason="r")
        for name in ("known", "unknown")
    )
    schedule = msgspec.structs.replace(SCHEDULE, extensions=extensions)
    asked = Asked(AFTER, verifier=Apps(), schedule=schedule)
    assert asked(f"/?jwt={signed('known')}").set_headers
    claimed = asked(f"/?jwt={signed('unknown')}")
    assert (claimed.outcome, claimed.set_headers) == (Outcome.ANONYMOUS, ())
    assert asked("/?jwt=rubbish").outcome is Outcome.ANONYMOUS
    strict = Asked(AFTER, verifier=Apps(), schedule=schedule, off_means=OffMeans.REFUSE)
    refused = strict(f"/?jwt={signed('unknown')}")
    assert (refused.outcome, json.loads(refused.body)["phase"]) == (Outcome.REFUSE, "off")
    assert strict.uses[0].phase is Phase.OFF


class Keys:
    """Knows what a token says, by a source of its own."""

    def __init__(self, name: str, found: list[str]) -> None:
        self.keys, self.replay = self, None
        self._name, self._found, self.closed = name, found, 0

    def find(self, need: NeedKey) -> Credentials | None:
        self._found.append(f"{self._name} {need.issuer}")
        return None

    def claimed(self, token: str) -> str | None:
        return token

    def proving(self, token: TokenText, request: Any, now: float) -> Any:
        yield NeedKey(issuer=token, symmetric=True)
        return f"{token} by {self._name}"

    def close(self) -> None:
        self.closed += 1


def test_each_location_has_its_own_verifier() -> None:
    found: list[str] = []
    verifiers = {"jwt": Keys("one", found), "key": Keys("two", found)}
    names = {"jwt": "authorization", "key": "x-api-key", "bare": "x-bare"}
    locations = tuple(
        RetiredLocation(name=name, parameters=(name,), header=header)
        for name, header in names.items()
    )
    uses: list[Use] = []
    policy = GatewayPolicy(name="api", locations=locations)
    gateway = Gateway(policy, verifier=verifiers, usage=uses.append, clock=lambda: BEFORE)
    gateway.decide(Ask(method="GET", target="/?jwt=a&key=b&bare=c"))
    assert found == ["one a", "two b"]
    assert [(use.client, use.verified) for use in uses[:2]] == [
        ("a by one", True),
        ("b by two", True),
    ]
    assert not uses[2].verified


def test_closing_closes_each_verifier_once() -> None:
    one = Keys("one", [])
    location = RetiredLocation(name="jwt", parameters=("jwt",))
    other = RetiredLocation(name="key", parameters=("key",), header="x-key")
    policy = GatewayPolicy(name="api", locations=(location, other))
    Gateway(policy, verifier=one).close()
    assert one.closed == 1
    Gateway(policy).close()


def test_a_challenge_says_where_the_metadata_stand() -> None:
    resources = (ProtectedResource("https://api.example/v2"),)
    asked = Asked(AFTER, off_means=OffMeans.REFUSE, policy={"resources": resources})
    assert told(asked("/v2/rest?jwt=T"), "www-authenticate") == (
        'JWT realm="jwt", resource_metadata='
        '"https://api.example/.well-known/oauth-protected-resource/v2"'
    )
    assert told(asked("/rest?jwt=T"), "www-authenticate") == 'JWT realm="jwt"'


# ---- modes ----------------------------------------------------------------------------------


def test_observing_changes_nothing_and_counts() -> None:
    asked = Asked(AFTER, policy={"mode": Mode.OBSERVE}, off_means=OffMeans.REFUSE)
    decision = asked(f"/?jwt={TOKEN}&a", headway_phase="x")
    assert (decision.outcome, decision.target) == (Outcome.PASS, f"/?jwt={TOKEN}&a")
    assert (decision.answer_headers, decision.remove_headers) == ((), ())
    assert asked.uses[0].outcome == "token-in-query"
    assert asked("/").remove_headers == ()


def test_a_sandbox_is_ahead() -> None:
    asked = Asked(WARNS, policy={"rehearsal": timedelta(days=60)})
    assert asked(f"/?jwt={TOKEN}").outcome is Outcome.ANONYMOUS


# ---- browsers -------------------------------------------------------------------------------

PREFLIGHT = {"origin": "https://a.example", "access_control_request_method": "GET"}


def test_t32_a_preflight_passes_and_allows_the_header() -> None:
    asked = Asked(AFTER, off_means=OffMeans.REFUSE)
    decision = asked(f"/?jwt={TOKEN}&a", "OPTIONS", **PREFLIGHT)
    assert (decision.outcome, decision.target) == (Outcome.PASS, "/?a")
    assert decision.allow_header == "authorization"
    assert asked("/", "OPTIONS", **PREFLIGHT).allow_header == "authorization"
    assert asked.uses == []
    watched = Asked(AFTER, policy={"mode": Mode.OBSERVE})
    assert watched(f"/?jwt={TOKEN}", "OPTIONS", **PREFLIGHT).target == f"/?jwt={TOKEN}"
    assert watched("/", "OPTIONS", **PREFLIGHT).allow_header == ""


@pytest.mark.parametrize(
    ("now", "look_alikes", "target"),
    [
        (AFTER, LookAlikes.STRIP, "/?a"),
        (AFTER, LookAlikes.REFUSE, "/?a"),
        (AFTER, LookAlikes.COUNT, f"/?JWT={TOKEN}&a"),
        (WARNS, LookAlikes.STRIP, f"/?JWT={TOKEN}&a"),
    ],
)
def test_t13_a_preflight_has_no_look_alike_at_off(
    now: float, look_alikes: LookAlikes, target: str
) -> None:
    asked = Asked(now, look_alikes=look_alikes)
    decision = asked(f"/?JWT={TOKEN}&a", "OPTIONS", **PREFLIGHT)
    assert (decision.target, decision.id) == (target, "preflight")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://a.example"},
        {"access_control_request_method": "GET"},
        {**PREFLIGHT, "x_http_method_override": "GET"},
        {**PREFLIGHT, "x_method_override": "GET"},
    ],
)
def test_t32_what_is_no_preflight(headers: dict[str, str]) -> None:
    asked = Asked(AFTER)
    assert asked(f"/?jwt={TOKEN}", "OPTIONS", **headers).outcome is Outcome.ANONYMOUS
    named = tuple((n.replace("_", "-"), v) for n, v in PREFLIGHT.items())
    assert not is_preflight(Ask(method="GET", target="/", headers=named))


def test_a_browser_is_counted_as_one() -> None:
    asked = Asked(WARNS)
    asked(f"/?jwt={TOKEN}", origin="https://a.example")
    assert asked.uses[0].from_browser


# ---- failing --------------------------------------------------------------------------------


class Out:
    """A verifier whose keys can not be had now."""

    keys: Any = None
    replay = None

    def claimed(self, token: str) -> str | None:
        return None

    def proving(self, token: str, request: Any, now: float) -> Steps[str]:
        yield from ()
        raise StoreUnavailable

    def close(self) -> None:
        """It opened nothing."""


FAILING = b'name = "api"\n%s[[location]]\nname = "jwt"\nparameters = ["jwt"]\noff = 2022-02-01\n'


@pytest.mark.parametrize("query", ["jwt=x", "jwt=%78"])
def test_an_outage_refuses_unless_the_policy_fails_open(query: str) -> None:
    uses: list[Use] = []
    ask = Ask(method="GET", target=f"/rest?a&{query}&b", peer="192.0.2.1")
    closed = Gateway(read_policy(FAILING % b""), verifier=Out(), clock=lambda: 1.0)
    refused = closed.decide(ask)
    assert (refused.outcome, refused.status) == (Outcome.REFUSE, 503)
    assert closed.failed(ask) is None
    opened = read_policy(FAILING % b'failing = "open"\n')
    gateway = Gateway(opened, verifier=Out(), clock=lambda: 1.0, usage=uses.append)
    told = gateway.decide(ask)
    assert (told.outcome, told.target, told.set_headers) == (Outcome.ANONYMOUS, "/rest?a&b", ())
    assert (told.id, uses[0].outcome, uses[0].verified) == (FAILED_OPEN, FAILED_OPEN, False)
    assert ("Headway-Refusal", StoreUnavailable.id) in told.answer_headers
    refuses = Gateway(opened, verifier=Out(), clock=lambda: 2e9)  # it is off: nobody is asked
    assert refuses.decide(ask).id == "token-in-query"


def test_what_failed_and_holds_nothing_passes_as_it_is() -> None:
    gateway = Gateway(read_policy(FAILING % b'failing = "open"\n'))
    told = gateway.failed(Ask(method="GET", target="/rest?a"))
    assert told is not None
    assert (told.outcome, told.target, told.id) == (Outcome.PASS, "/rest?a", FAILED_OPEN)
    watching = Gateway(read_policy(FAILING % b'failing = "open"\nmode = "observe"\n'))
    told = watching.failed(Ask(method="GET", target="/rest?jwt=x"))
    assert told is not None
    assert told.target == "/rest?jwt=x"


class Source(Out):
    """A verifier whose source of keys says no, at once or later; for anybody but a few."""

    def __init__(self, says: Refusal, *, later: bool = False) -> None:
        self.keys, self.says, self.later = self, says, later

    def find(self, need: NeedKey) -> Any:
        if not self.later:
            raise self.says
        return self._later()

    async def _later(self) -> Any:
        await asyncio.sleep(0)
        raise self.says

    def claimed(self, token: str) -> str | None:
        return "slow"

    def proving(self, token: str, request: Any, now: float) -> Steps[str]:
        yield NeedKey(issuer="slow", symmetric=False, key_id="k")
        raise AssertionError("there was no key")


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("failing", [b"", b'failing = "open"\n'], ids=["closed", "open"])
@pytest.mark.parametrize("says", [KeyNotFound(), KidInvalid()], ids=["not-found", "invalid"])
def test_a_token_whose_key_nobody_has_is_refused_and_is_no_outage(
    says: Refusal, failing: bytes, later: bool
) -> None:
    uses: list[Use] = []
    source = Source(says, later=later)
    gateway = Gateway(
        read_policy(FAILING % failing), verifier=source, clock=lambda: 1.0, usage=uses.append
    )
    ask = Ask(method="GET", target=f"/rest?a&jwt={TOKEN}", peer="192.0.2.1")
    begun = gateway.begin(ask)
    for told in (
        asyncio.run(gateway.adecide(ask)),
        asyncio.run(begun) if asyncio.iscoroutine(begun) else begun,
    ):
        assert isinstance(told, Decision)
        assert (told.outcome, told.status, told.id) == (Outcome.REFUSE, 401, says.public.id)
    assert [(use.outcome, use.verified) for use in uses] == [(says.public.id, False)] * 2


SLOW = b"""[[location.extension]]
client = "slow"
until = 2023-01-01
owner = "ann"
reason = "a release"
"""


def test_more_time_that_nobody_can_prove_now_is_neither_given_nor_gone() -> None:
    """It is off for others; whether this client has more time can not be asked."""
    ask = Ask(method="GET", target=f"/rest?a&jwt={TOKEN}")
    policy = read_policy(FAILING % b"" + SLOW)
    off = datetime(2022, 6, 1, tzinfo=UTC).timestamp()
    out = Gateway(policy, verifier=Source(KeySourceFailed()), clock=lambda: off).decide(ask)
    assert (out.outcome, out.status, out.id) == (Outcome.REFUSE, 503, "key-source-failed")
    none = Gateway(policy, verifier=Source(KeyNotFound()), clock=lambda: off).decide(ask)
    assert (none.outcome, none.target, none.id) == (Outcome.ANONYMOUS, "/rest?a", "token-in-query")
