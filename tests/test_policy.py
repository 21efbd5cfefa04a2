"""Which token counts: the table, the schedule, the conflicts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway import errors
from headway.errors import ConfigurationError, Face, LocationRefused
from headway.model import Direction, Location, Phase, RequestFacts
from headway.policy import (
    ALWAYS,
    ATLASSIAN_2022,
    CONFLICTS,
    NEVER,
    NOT_INSPECTED,
    REHEARSAL,
    Admission,
    Brownout,
    Extension,
    Outcome,
    Pause,
    Policy,
    Row,
    Schedule,
    atlassian_2022,
)

patient = settings(deadline=None)  # a busy machine is no failure

API, BROWSER = Direction.APP_TO_HOST, Direction.BROWSER_TO_APP
HEADER, QUERY, FORM = Location.HEADER, Location.QUERY, Location.FORM
DAY = 86400.0
OFF = datetime(2022, 2, 1, tzinfo=UTC)
OPEN_AT, OFF_AT = OFF.timestamp() - DAY, OFF.timestamp()
IDS = {name for name, leaf in errors.registry().items() if Face.POLICY in leaf.faces}


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def seconds(*parts: int) -> float:
    return moment(*parts).timestamp()


def facts(query: str = "", *authorization: str, form: str | None = None) -> RequestFacts:
    return RequestFacts(
        method="GET", raw_path="/x", raw_query=query, authorization=authorization, form=form
    )


def admit(request: RequestFacts, direction: Direction = API, at: float = OPEN_AT) -> Admission:
    return ATLASSIAN_2022.admit(request, direction, at)


def extension(client: str = "c", *until: int, phase: Phase = Phase.WARNED) -> Extension:
    until = until or (2022, 6, 1)
    return Extension(client=client, until=moment(*until), owner="o", reason="r", phase=phase)


# ---- the table ------------------------------------------------------------------------------

COUNTS = {
    (API, HEADER),
    (Direction.MODULE, HEADER),
    (Direction.MODULE, QUERY),
    (Direction.EVENT, HEADER),
    (Direction.LIFECYCLE, HEADER),
    (Direction.REMOTE, HEADER),
    (BROWSER, HEADER),
    (BROWSER, QUERY),
    (BROWSER, FORM),
    (Direction.AUTHORIZATION, FORM),
}


def in_location(location: Location, name: str) -> RequestFacts:
    return {
        HEADER: facts("", "JWT a.b.c"),
        QUERY: facts(f"x=1&{name}=a.b.c"),
        FORM: facts(form=f"x=1&{name}=a.b.c"),
    }[location]


@pytest.mark.parametrize("location", Location)
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("at", [0.0, OPEN_AT, OFF_AT, 2e9])
def test_table(direction, location, at):
    name = "assertion" if direction is Direction.AUTHORIZATION else "jwt"
    request = in_location(location, name)
    if (direction, location) == (API, QUERY):
        admission = admit(request, direction, at)
        assert (admission.token is None) == admission.ignored == (at >= OFF_AT)
    elif (direction, location) in COUNTS:
        admission = admit(request, direction, at)
        assert admission == Admission(token=admission.token, location=location)
        assert admission.token == "a.b.c"
    else:
        with pytest.raises(errors.LocationNotAllowed) as refused:
            admit(request, direction, at)
        assert "a.b.c" not in str(refused.value)


def test_every_cell_of_the_table_is_written_down():
    for policy in (ATLASSIAN_2022, REHEARSAL):
        assert set(policy.rows) == {(d, place) for d in Direction for place in Location}


def test_the_ids_of_rows_and_conflicts_are_the_registered_ones():
    rows = {row.id for row in REHEARSAL.rows.values()} - {""}
    assert rows | {refusal.id for refusal in CONFLICTS} == IDS


def test_table_for_pages():
    at_off = {(d, place): phase for d, place, phase in ATLASSIAN_2022.table(OFF_AT)}
    assert at_off[API, QUERY] is Phase.OFF
    assert at_off[API, HEADER] is Phase.OPEN
    assert at_off[Direction.EVENT, QUERY] is None


def test_no_token_is_no_token():
    assert admit(facts("a=1&b")) == Admission()
    assert admit(facts("", "Bearer abc")) == Admission()


@pytest.mark.parametrize(
    "name",
    ["JWT", "+jwt", "jwt+", "jwt%00", "jwt.x", "%256Awt", "x=1;jwt", "xjwt", "jwt[]", "%6wt"],
)
def test_what_only_looks_like_the_parameter_is_none_of_ours(name):
    assert admit(facts(f"a=jwt&{name}=T"), Direction.EVENT) == Admission()


@pytest.mark.parametrize("query", ["jwt=T", "a&jwt=T", "jwt=T&a=1", "&&jwt=T&&", "a=jwt&jwt=%54"])
def test_where_in_the_query_a_token_stands_does_not_matter(query):
    assert admit(facts(query)).token == "T"


def test_a_value_is_decoded_once_and_split_at_ampersands_only():
    assert admit(facts("jwt=a%2Bb+c;d=%2541")).token == "a+b c;d=%41"


def test_a_row_that_is_not_named_is_never():
    bare = Policy(name="bare", rows={(API, HEADER): Row(ALWAYS)})
    assert bare.admit(facts("", "JWT T"), API, 0).token == "T"
    with pytest.raises(errors.LocationNotAllowed):
        bare.admit(facts("jwt=T"), API, 0)


def test_another_parameter_and_scheme():
    rows = {(API, HEADER): Row(ALWAYS), (API, QUERY): Row(ALWAYS, "access_token")}
    policy = Policy(name="mine", rows=rows, scheme="Bearer")
    assert policy.admit(facts("jwt=x&access_token=T"), API, 0).token == "T"
    assert policy.admit(facts("", "bearer T"), API, 0).location is HEADER
    assert policy.admit(facts("", "JWT T"), API, 0).token is None


def test_a_form_is_allowed_by_one_setting():
    mine = ATLASSIAN_2022.with_schedule(Direction.MODULE, FORM, ALWAYS)
    assert mine.admit(facts(form="jwt=T"), Direction.MODULE, 0).location is FORM
    kept = mine.with_schedule(Direction.AUTHORIZATION, QUERY, ALWAYS)
    assert kept.row(Direction.AUTHORIZATION, QUERY).name == "assertion"


def test_a_policy_is_a_copy_that_nobody_changes():
    rows = {(API, HEADER): Row(ALWAYS)}
    policy = Policy(name="mine", rows=rows)
    rows.clear()
    assert policy.row(API, HEADER).schedule is ALWAYS
    with pytest.raises(TypeError):
        policy.rows[API, QUERY] = Row(ALWAYS)


# ---- the header -----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["JWT", "jwt", "Jwt"])
def test_the_scheme_has_no_case(scheme):
    assert admit(facts("", f"{scheme} a.b.c")).token == "a.b.c"


@pytest.mark.parametrize(
    "value",
    ["JWT", "JWT ", "JWT  T", "JWT T ", "JWT a b", "JWT\tT", "JWT T, JWT T", "JWT=T", "JWT T\n"],
)
def test_a_malformed_header(value):
    with pytest.raises(errors.AuthorizationMalformed):
        admit(facts("", value))


@pytest.mark.parametrize("value", ["", "Basic YTpi", "Bearer T", "JWTX T", "JWT-2 T", "T"])
def test_another_scheme_is_not_ours(value):
    assert admit(facts("", value)) == Admission()


@pytest.mark.parametrize("second", ["JWT T", "JWT U", "Basic YTpi"])
def test_two_headers(second):
    with pytest.raises(errors.AuthorizationRepeated, match="2"):
        admit(facts("", "JWT T", second))


# ---- the conflicts --------------------------------------------------------------------------

CASES = [  # where the rule does not refuse, T counts
    (facts("jwt=T", "JWT T"), errors.TokenInBoth),
    (facts("jwt=U", "JWT T"), errors.TokensDiffer),
    (facts("jwt=T&jwt=T"), errors.TokenRepeated),
    (facts("jwt=T&a=1&j%77t=U"), errors.TokenRepeated),
    (facts("jwt&jwt", "JWT T"), errors.TokenRepeated),
    (facts("%6Awt=T"), errors.TokenNameEncoded),
    (facts("%6a%77%74=T"), errors.TokenNameEncoded),
    (facts("jwt=T", "Basic YTpi"), errors.TokenBesideAuthorization),
    (facts("jwt="), errors.TokenEmpty),
    (facts("a=1&jwt"), errors.TokenEmpty),
    (facts("jwt=", "JWT T"), errors.TokenEmpty),
]


def with_outcome(refusal: type[LocationRefused], outcome: Outcome) -> Policy:
    conflicts = {refusal: outcome}
    for other, (_, *more) in CONFLICTS.items():  # a repeated name may also be encoded or empty
        if other is not refusal and Outcome.HEADER in CONFLICTS[other]:
            conflicts[other] = Outcome.ACCEPT if Outcome.ACCEPT in more else Outcome.HEADER
    return msgspec.structs.replace(ATLASSIAN_2022, conflicts=conflicts)


@pytest.mark.parametrize(("request_", "refusal"), CASES)
def test_conflicts_follow_their_rule(request_, refusal):
    header = request_.authorization == ("JWT T",)
    for outcome in CONFLICTS[refusal]:
        policy = with_outcome(refusal, outcome)
        if outcome is Outcome.REFUSE or (outcome is Outcome.HEADER and not header):
            with pytest.raises(refusal):
                policy.admit(request_, API, OPEN_AT)
        else:
            admission = policy.admit(request_, API, OPEN_AT)
            assert admission.token == "T"
            assert admission.location is (HEADER if header else QUERY)
            assert refusal.id in admission.notes


def test_an_encoded_name_can_give_way_to_the_header():
    policy = msgspec.structs.replace(
        ATLASSIAN_2022, conflicts={errors.TokenNameEncoded: Outcome.HEADER}
    )
    admission = policy.admit(facts("%6Awt=U", "JWT T"), API, OPEN_AT)
    assert (admission.token, admission.notes) == ("T", ("token-name-encoded",))


@pytest.mark.parametrize(
    ("request_", "notes"),
    [
        (facts("jwt=T", "JWT T"), ("token-in-both",)),
        (facts("jwt=", "JWT T"), ("token-empty",)),
        (facts("jwt", "JWT T"), ("token-empty",)),
    ],
)
def test_the_default_lets_the_header_win_where_nothing_contradicts_it(request_, notes):
    admission = admit(request_)
    assert (admission.token, admission.location, admission.notes) == ("T", HEADER, notes)


@pytest.mark.parametrize("query", ["jwt=T", "jwt=U"])
def test_form_and_query_do_not_settle_who_wins(query):
    refusal = errors.TokenInBoth if query == "jwt=T" else errors.TokensDiffer
    with pytest.raises(refusal):
        admit(facts(query, form="jwt=T"), BROWSER)


def test_client_credentials_may_stand_beside_an_assertion():
    admission = admit(facts("", "Basic YTpi", form="assertion=T"), Direction.AUTHORIZATION)
    assert (admission.token, admission.location) == ("T", FORM)


# ---- not inspected --------------------------------------------------------------------------


@pytest.mark.parametrize("header", [(), ("JWT H",), ("Basic YTpi",)])
@pytest.mark.parametrize("query", ["jwt=T", "jwt=T&jwt=U", "jwt", "%6Awt=T", "jwt=H", "jwt=%FF"])
def test_an_off_location_is_not_inspected(query, header):
    admission = admit(facts(query, *header), API, OFF_AT)
    assert admission.token == ("H" if header == ("JWT H",) else None)
    assert admission.location is (HEADER if admission.token else None)
    assert admission.notes == ("token-in-query",)
    assert admission.ignored
    assert admission.phase is Phase.OFF


def test_a_brownout_is_off_for_its_time():
    start, end = seconds(2022, 1, 18), seconds(2022, 1, 19)
    for at, phase in [
        (start - 1, Phase.WARNED),
        (start, Phase.BROWNOUT),
        (end - 1, Phase.BROWNOUT),
        (end, Phase.WARNED),
    ]:
        admission = REHEARSAL.admit(facts("jwt=T"), API, at)
        assert admission.phase is phase
        assert admission.ignored is (phase is Phase.BROWNOUT)
        assert (admission.token is None) is (phase is Phase.BROWNOUT)


segments = st.lists(
    st.sampled_from(["jwt=T", "jwt", "jwt=", "%6Awt=U", "a=1", "", "jwt[]=x", "%", "=", "jwt=%zz"])
    | st.text(st.characters(max_codepoint=255), max_size=8),
    max_size=6,
)
headers = st.sampled_from([(), ("JWT T",), ("Basic YTpi",)])


@patient
@given(segments, headers)
def test_off_never_raises_whatever_the_query(parts, header):
    admission = admit(facts("&".join(parts), *header), API, OFF_AT)
    assert admission.token == ("T" if header == ("JWT T",) else None)
    assert set(admission.notes) <= {"token-in-query"}


@patient
@given(segments, headers, st.sampled_from(Direction), st.floats(0, 4e9))
def test_notes_and_refusals_are_registered(parts, header, direction, at):
    try:
        admission = REHEARSAL.admit(facts("&".join(parts), *header), direction, at, lambda _: "c")
        told = set(admission.notes)
        assert (admission.token is None) is (admission.location is None)
    except LocationRefused as refusal:
        told = {refusal.id}
    assert told <= IDS


@patient
@given(st.lists(st.booleans(), min_size=3, max_size=3), st.booleans())
def test_every_spelling_of_the_name_is_found(encoded, lower):
    name = "".join(
        (f"%{ord(char):02x}" if lower else f"%{ord(char):02X}") if escape else char
        for char, escape in zip("jwt", encoded, strict=True)
    )
    assert admit(facts(f"a=1&{name}=T"), API, OFF_AT).ignored


@patient
@given(st.text(min_size=1))
def test_a_token_is_what_was_put_in(text):
    assert admit(facts(f"jwt={quote(text, safe='')}")).token == text


# ---- whose phase ----------------------------------------------------------------------------

EXTENDED = ATLASSIAN_2022.with_schedule(
    API, QUERY, Schedule(off=OFF, extensions=(extension("friend"),))
)


def test_nobody_is_asked_where_no_client_has_a_phase_of_its_own():
    def never(text: str) -> str | None:
        raise AssertionError("the token was parsed")

    for policy in (ATLASSIAN_2022, REHEARSAL):
        for at in (0.0, OPEN_AT, seconds(2022, 1, 18), OFF_AT):
            assert policy.admit(facts("jwt=T"), API, at, never).phase
    expired = seconds(2022, 6, 1)
    assert EXTENDED.admit(facts("jwt=T"), API, expired, never).ignored
    assert EXTENDED.admit(facts("jwt=H", "JWT H"), API, OFF_AT, never).ignored
    assert EXTENDED.admit(facts("jwt=T&jwt=T"), API, OFF_AT, never).ignored
    assert EXTENDED.admit(facts("jwt="), API, OFF_AT, never).ignored
    assert EXTENDED.admit(facts("a=1"), API, OFF_AT, never) == Admission()


def test_an_extension_counts_provisionally():
    friend = EXTENDED.admit(facts("jwt=T"), API, OFF_AT, lambda text: "friend")
    assert (friend.token, friend.location, friend.phase) == ("T", QUERY, Phase.WARNED)
    assert friend.provisional
    assert not friend.ignored
    for asked in (lambda text: "stranger", lambda text: None, None):
        other = EXTENDED.admit(facts("jwt=T"), API, OFF_AT, asked)
        assert (other.token, other.provisional, other.ignored) == (None, False, True)


def test_what_counts_for_everybody_is_not_provisional():
    schedule = Schedule(warned=OFF, extensions=(extension("friend", phase=Phase.OPEN),))
    policy = ATLASSIAN_2022.with_schedule(API, QUERY, schedule)
    friend = policy.admit(facts("jwt=T"), API, OFF_AT, lambda text: "friend")
    assert (friend.phase, friend.provisional) == (Phase.OPEN, False)


def test_the_client_is_read_from_the_decoded_token():
    asked = []
    EXTENDED.admit(facts("jwt=%54%2Ex"), API, OFF_AT, asked.append)
    assert asked == ["T.x"]


# ---- the schedule ---------------------------------------------------------------------------

WHOLE = Schedule(
    announced=moment(2021, 1, 1),
    warned=moment(2021, 6, 1),
    brownouts=(
        Brownout(moment(2021, 9, 1), moment(2021, 9, 2), 0.25),
        Brownout(moment(2021, 10, 1), moment(2021, 10, 2)),
    ),
    extensions=(extension("slow"), extension("ended", 2021, 9, 1)),
    off=OFF,
    salt="pepper",
)


@pytest.mark.parametrize(
    ("at", "stranger", "slow"),
    [
        ((2020, 12, 31), Phase.OPEN, Phase.OPEN),
        ((2021, 1, 1), Phase.ANNOUNCED, Phase.ANNOUNCED),
        ((2021, 6, 1), Phase.WARNED, Phase.WARNED),
        ((2021, 9, 1), Phase.BROWNOUT, Phase.WARNED),
        ((2021, 9, 2), Phase.WARNED, Phase.WARNED),
        ((2021, 10, 1), Phase.BROWNOUT, Phase.WARNED),
        ((2022, 2, 1), Phase.OFF, Phase.WARNED),
        ((2022, 6, 1), Phase.OFF, Phase.OFF),
    ],
)
def test_phases(at, stranger, slow):
    assert WHOLE.phase(seconds(*at)) is stranger
    assert WHOLE.phase(seconds(*at), "slow") is slow
    assert WHOLE.personal(seconds(*at)) is (stranger in NOT_INSPECTED and slow is Phase.WARNED)


def test_a_pause_stops_everything_from_its_moment_on():
    pause = Pause(since=moment(2021, 8, 31), who="ops", why="an outage")
    paused = msgspec.structs.replace(WHOLE, paused=pause)
    assert paused.phase(seconds(2021, 8, 30)) is Phase.WARNED
    for at in (seconds(2021, 8, 31), seconds(2021, 10, 1), 4e9):
        assert paused.phase(at) is paused.phase(at, "slow") is Phase.PAUSED
        assert not paused.personal(at)
        assert paused.next_change(at) is None
    assert paused.next_change(seconds(2021, 8, 30)) == seconds(2021, 8, 31)
    policy = ATLASSIAN_2022.with_schedule(API, QUERY, paused)
    assert policy.admit(facts("jwt=T"), API, 4e9).token == "T"


def test_next_change_visits_every_moment():
    at: float | None = 0.0
    seen = []
    while (at := WHOLE.next_change(at)) is not None:
        seen.append(datetime.fromtimestamp(at, UTC))
    assert seen == [
        moment(2021, 1, 1),
        moment(2021, 6, 1),
        moment(2021, 9, 1),
        moment(2021, 9, 2),
        moment(2021, 10, 1),
        moment(2021, 10, 2),
        OFF,
        moment(2022, 6, 1),
    ]
    assert ALWAYS.next_change(0) is None


ORDER = [Phase.OPEN, Phase.ANNOUNCED, Phase.WARNED, Phase.BROWNOUT, Phase.OFF]
moments = st.floats(1.5e9, 1.8e9)
clients = st.none() | st.sampled_from(["slow", "ended", "a", "b"])


@patient
@given(st.lists(moments, min_size=2, max_size=2), clients)
def test_without_brownouts_a_retirement_only_goes_forward(times, client):
    steady = msgspec.structs.replace(WHOLE, brownouts=())
    earlier, later = (ORDER.index(steady.phase(at, client)) for at in sorted(times))
    assert earlier <= later


windows = st.floats(seconds(2021, 8, 31), seconds(2021, 10, 3))


@patient
@given(moments | windows, clients)
def test_an_unknown_client_has_the_strictest_phase(at, client):
    strict, own = WHOLE.phase(at), WHOLE.phase(at, client)
    assert ORDER.index(own) <= ORDER.index(strict)
    assert own is strict or WHOLE.personal(at)


@patient
@given(moments | windows)
def test_an_expired_extension_changes_nothing(at):
    without = msgspec.structs.replace(WHOLE, extensions=WHOLE.extensions[:1])
    later = max(at, seconds(2021, 9, 1))
    assert WHOLE.phase(later, "ended") is without.phase(later, "ended")
    assert WHOLE.personal(later) is without.personal(later)


def test_a_cohort_is_sticky_and_has_its_share():
    names = [f"client-{number}" for number in range(4000)]
    shared = msgspec.structs.replace(WHOLE, extensions=())
    during = seconds(2021, 9, 1)
    hit = {name for name in names if shared.phase(during, name) is Phase.BROWNOUT}
    assert 0.22 < len(hit) / len(names) < 0.28
    assert hit == {name for name in names if shared.phase(during + 3600, name) is Phase.BROWNOUT}
    assert shared.personal(during)
    assert not shared.personal(seconds(2021, 10, 1))
    other = msgspec.structs.replace(shared, salt="salt")
    assert hit != {name for name in names if other.phase(during, name) is Phase.BROWNOUT}


def test_a_bigger_share_keeps_those_that_it_had():
    brownouts = tuple(
        Brownout(moment(2021, 9, day), moment(2021, 9, day + 1), day / 10) for day in (1, 5, 9)
    )
    growing = Schedule(brownouts=brownouts, salt="s")
    hit = [
        {n for n in map(str, range(300)) if growing.phase(w.start.timestamp(), n) is Phase.BROWNOUT}
        for w in brownouts
    ]
    assert hit[0] < hit[1] < hit[2]


@patient
@given(st.text(st.characters()))
def test_any_name_has_a_place_in_the_cohorts(client):
    assert 0 <= WHOLE.cohort(client + "\ud800") < 1


def test_dates_of_any_zone_are_moments():
    east = timezone(timedelta(hours=5))
    assert Schedule(off=datetime(2022, 2, 1, 5, tzinfo=east)).phase(OFF_AT) is Phase.OFF
    assert Schedule(off=datetime(2022, 2, 1, 5, tzinfo=east)).phase(OFF_AT - 1) is Phase.OPEN


def test_a_schedule_can_be_read_from_a_file():
    read = msgspec.convert(
        {
            "announced": "2021-01-01T00:00:00Z",
            "off": OFF,
            "salt": "s",
            "brownouts": [
                {"start": moment(2021, 9, 1), "end": "2021-09-02T00:00:00Z", "share": 0.5}
            ],
            "paused": {"since": OFF, "who": "ops", "why": "an outage"},
        },
        Schedule,
    )
    assert read.brownouts[0].share == 0.5
    assert read.phase(OFF_AT) is Phase.PAUSED


# ---- what can not work ----------------------------------------------------------------------

NAIVE = datetime(2022, 2, 1)  # noqa: DTZ001 -- the mistake itself
WINDOW = Brownout(moment(2021, 9, 1), moment(2021, 9, 2))


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Schedule(announced=NAIVE), "announced"),
        (lambda: Schedule(warned=NAIVE), "warned"),
        (lambda: Schedule(off=NAIVE), "off"),
        (lambda: Schedule(announced=OFF, warned=moment(2021, 1, 1)), "warned"),
        (lambda: Schedule(announced=OFF, off=moment(2021, 1, 1)), "off"),
        (lambda: Schedule(warned=OFF, off=moment(2021, 1, 1)), "off"),
        (lambda: Schedule(announced=OFF, brownouts=(WINDOW,)), "brownouts"),
        (lambda: Schedule(off=moment(2021, 9, 1), brownouts=(WINDOW,)), "brownouts"),
        (lambda: Schedule(extensions=(extension(), extension())), "extensions"),
        (
            lambda: Schedule(brownouts=(msgspec.structs.replace(WINDOW, share=0.5),)),
            "salt",
        ),
        (lambda: Brownout(NAIVE, OFF), "brownout.start"),
        (lambda: Brownout(OFF, NAIVE), "brownout.end"),
        (lambda: Brownout(OFF, OFF), "brownout.end"),
        (lambda: Brownout(OFF, moment(2021, 1, 1)), "brownout.end"),
        (lambda: msgspec.structs.replace(WINDOW, share=1.01), "brownout.share"),
        (lambda: msgspec.structs.replace(WINDOW, share=-0.01), "brownout.share"),
        (lambda: msgspec.structs.replace(WINDOW, share=float("nan")), "brownout.share"),
        (lambda: msgspec.structs.replace(extension(), until=NAIVE), "extension.until"),
        (lambda: extension(phase=Phase.OFF), "extension.phase"),
        (lambda: Pause(since=NAIVE, who="", why=""), "paused.since"),
        (lambda: ATLASSIAN_2022.with_schedule(API, HEADER, Schedule(off=OFF)), "rows"),
        (lambda: ATLASSIAN_2022.with_schedule(API, FORM, Schedule(off=OFF)), "rows"),
        (lambda: Policy(name="x", rows={(API, QUERY): Row(NEVER, "a&b")}), "rows"),
        (lambda: Policy(name="x", rows={(API, QUERY): Row(NEVER, "")}), "rows"),
        (lambda: Policy(name="x", rows={}, scheme="a b"), "scheme"),
        (
            lambda: Policy(
                name="x", rows={}, conflicts={errors.AuthorizationRepeated: Outcome.ACCEPT}
            ),
            "conflicts",
        ),
        (
            lambda: Policy(
                name="x", rows={}, conflicts={errors.LocationNotAllowed: Outcome.ACCEPT}
            ),
            "conflicts",
        ),
        (lambda: atlassian_2022(announced=date(2022, 2, 2)), "off"),
    ],
)
def test_a_mistake_is_told_with_its_field(make, field):
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        make()


# ---- the two that are built in --------------------------------------------------------------


def test_atlassian_2022_holds_only_what_is_sourced():
    assert ATLASSIAN_2022.row(API, QUERY).schedule == Schedule(off=OFF)
    assert ATLASSIAN_2022.disclaimer == ""
    told = atlassian_2022(announced=date(2021, 3, 4)).row(API, QUERY).schedule
    assert told == Schedule(announced=moment(2021, 3, 4), off=OFF)
    assert told.phase(OPEN_AT) is Phase.ANNOUNCED


def test_the_rehearsal_shows_every_phase_and_says_that_it_is_one():
    assert "vendor's" in REHEARSAL.disclaimer
    schedule = REHEARSAL.row(API, QUERY).schedule
    assert schedule.off == OFF
    at, phases = 0.0, [schedule.phase(0)]
    while (after := schedule.next_change(at)) is not None:
        at = after
        phases.append(schedule.phase(at))
    assert phases == [
        Phase.OPEN,
        Phase.ANNOUNCED,
        Phase.WARNED,
        *[Phase.BROWNOUT, Phase.WARNED] * 2,
        Phase.OFF,
    ]


def test_no_token_shows_in_an_admission():
    assert "secret" not in repr(admit(facts("jwt=secret")))
