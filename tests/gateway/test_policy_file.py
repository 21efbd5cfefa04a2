from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.errors import ConfigurationError, TokensDiffer
from headway.gateway import policy_file
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask
from headway.gateway.policy_file import FILE_BYTES_MAX, load_policy, read_policy
from headway.gateway.rules import Identity, LookAlikes, Mode, OffMeans
from headway.gateway.usage.settings import Bounds, UsageSettings
from headway.model import Phase
from headway.policy import CONFLICTS, Outcome

WHOLE = """\
name = "api"
mode = "observe"
documentation = "https://docs.example/auth"
rehearsal = "14d"

[identity]
by = "header"
header = "X-Client-Id"

[[location]]
name = "jwt"
parameters = ["jwt", "access_token"]
scheme = "JWT"
announced = 2021-09-01
warned = 2021-11-01T12:00:00+01:00
off = 2022-02-01T00:00:00Z
off_means = "refuse"
look_alikes = "count"
dialect = "php"
link = "https://docs.example/jwt"
warning = true
salt = "cohorts"

[location.conflicts]
tokens-differ = "header"

[[location.brownout]]
start = 2022-01-11T12:00:00Z
end = 2022-01-12T00:00:00Z
share = 0.5

[[location.brownout]]
first = 2022-01-18T00:00:00Z
every = "3d"
lasts = ["12h", "24h"]
days = ["tue", "wed", "thu", "fri"]
hours = "8-18"
zone = "Europe/Berlin"

[[location.extension]]
client = "slow-app"
until = 2022-03-01
owner = "ann"
reason = "their release is in February"
phase = "announced"

[location.paused]
since = 2022-01-20T00:00:00Z
who = "bob"
why = "an incident"

[[location]]
name = "api-key"
parameters = ["api_key"]
header = "X-Api-Key"
scheme = ""

[[route]]
path = "/embed/*"
methods = ["GET"]
reason = "frames can send no header"
location = "jwt"

[[client]]
client = "fast-app"
phase = "off"
reason = "they asked for it"
"""


def test_everything_that_may_stand_in_it() -> None:
    policy = read_policy(WHOLE.encode(), source="gateway.toml")
    assert (policy.name, policy.mode, policy.rehearsal) == ("api", Mode.OBSERVE, timedelta(days=14))
    assert (policy.identity, policy.identity_header) == (Identity.HEADER, "x-client-id")
    assert policy.documentation == "https://docs.example/auth"
    first, second = policy.locations
    assert first.parameters == ("jwt", "access_token")
    assert (first.off_means, first.look_alikes) == (OffMeans.REFUSE, LookAlikes.COUNT)
    assert first.conflicts == {TokensDiffer: Outcome.HEADER}
    schedule = first.schedule
    assert schedule.announced == datetime(2021, 9, 1, tzinfo=UTC)
    assert schedule.warned == datetime(2021, 11, 1, 11, tzinfo=UTC)
    assert schedule.off == datetime(2022, 2, 1, tzinfo=UTC)
    assert [(w.start.isoformat(), w.share) for w in schedule.brownouts] == [
        ("2022-01-11T12:00:00+00:00", 0.5),
        ("2022-01-18T07:00:00+00:00", 1.0),
        ("2022-01-21T07:00:00+00:00", 1.0),
    ]
    assert schedule.extensions[0].phase is Phase.ANNOUNCED
    assert schedule.paused is not None
    assert schedule.paused.who == "bob"
    assert (second.header, second.scheme, second.line) == ("x-api-key", "", 52)
    assert (policy.routes[0].path, policy.routes[0].line) == ("/embed/*", 58)
    assert (policy.clients[0].client, policy.clients[0].line) == ("fast-app", 64)


def test_the_least_that_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('name = "a"\n[[location]]\nname = "t"\nparameters = ["token"]\n')
    policy = load_policy(file)
    assert (policy.mode, policy.source) == (Mode.ENFORCE, str(file))
    assert policy.locations[0].in_header("T") == ("authorization", "Bearer T")


TWICE = '[[client]]\nclient = "fast-app"\nphase = "off"\nreason = "r"\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "api"', "name = 1", "p:1: name: is a whole number and has to be a text"),
        ('mode = "observe"', 'mode = "watch"', "p:2: mode: is one of observe, enforce"),
        ('rehearsal = "14d"', 'rehearsal = "soon"', "p:4: rehearsal: 'soon' is no duration"),
        (
            "off = 2022-02-01T00:00:00Z",
            "offf = 2022-02-01",
            "p:16: location[0].offf: there is no",
        ),
        ("off = 2022-02-01T00:00:00Z", 'off = "2022-02-01"', "p:16: location[0].off: is no date"),
        (
            "off = 2022-02-01T00:00:00Z",
            "off = 2022-02-01T00:00:00",
            "p:16: location[0].off: has no",
        ),
        ("off = 2022-02-01T00:00:00Z", "off = 9022-02-01", "location[0].off: is not between the"),
        ("off = 2022-02-01T00:00:00Z", "off = 2021-02-01", "p:16: location[0].off: is before"),
        ('dialect = "php"', 'dialect = "cobol"', "p:19: location[0].dialect: is one of"),
        ('link = "https://docs.example/jwt"', 'link = "javascript:1"', "location[0].link: is no"),
        ('link = "https://docs.example/jwt"', 'link = "https://x/\\r\\nA: b"', "link: is no http"),
        ('tokens-differ = "header"', 'tokens = "header"', "location[0].conflicts: there is no"),
        ('tokens-differ = "header"', 'tokens-differ = "accept"', "tokens-differ can not be accept"),
        ("share = 0.5", "share = 5", "p:30: location[0].brownout[0].share: 5.0 is not"),
        ("end = 2022-01-12T00:00:00Z\n", "", "p:27: location[0].brownout[0]: end: is missing"),
        ('lasts = ["12h", "24h"]', "", "location[0].brownout[1].first: goes with lasts"),
        (
            'zone = "Europe/Berlin"',
            'zone = "Mars"',
            "p:38: location[0].brownout[1].zone: there",
        ),
        ('phase = "announced"', 'phase = "off"', "location[0].extension[0].phase: off gives"),
        ('client = "slow-app"\n', "", "location[0].extension[0].client: is missing"),
        ('header = "X-Api-Key"', 'header = "X Key"', "p:55: location[1].header: is no name"),
        ('name = "api-key"', 'name = "a key"', "name: 1 to 64"),
        ('name = "api-key"', 'name = "jwt"', "p:1: location: two have the same name"),
        ('["api_key"]', '["jwt"]', "a parameter belongs to two"),
        ('reason = "frames can send no header"', 'reason = " "', "p:61: route[0].reason: is empty"),
        ('location = "jwt"\n\n[[cl', 'location = "jvt"\n\n[[cl', "there is no location 'jvt'"),
        ('phase = "off"\nreason', 'phase = "open"\nreason', "client[0].phase: is warned"),
        ('header = "X-Client-Id"', "", "identity.header: says which header"),
        ('["api_key"]', '["api key"]', "location[1].parameters: 'api key' is no word"),
        ("share = 0.5", 'every = "1d"', "location[0].brownout[0].every: goes with first"),
        ("share = 0.5", 'zone = "UTC"', "location[0].brownout[0].zone: goes with days"),
        ('owner = "ann"', 'owner = " "', "location[0].extension[0].owner: is empty"),
        ("[[client]]", TWICE + "[[client]]", "client: one has two rules for a location"),
        ('header = "X-Client-Id"', 'header = "Cookie"', "p:8: identity.header: holds a secret"),
        ('header = "X-Client-Id"', 'header = "X-Api-Key"', "identity.header: holds a secret"),
        ('header = "X-Client-Id"', 'header = "a b"', "p:8: identity.header: is no name"),
    ],
)
def test_a_message_names_line_and_field(old: str, new: str, said: str) -> None:
    assert old in WHOLE
    with pytest.raises(ConfigurationError) as caught:
        read_policy(WHOLE.replace(old, new, 1).encode(), source="p")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"name = ", "is not TOML"),
        (b"a = 1\nb = \xff", "policy:2: is not UTF-8"),
        (b'name = "a"', "location: is missing"),
        (b'name = "a"\nlocation = []', "location: there is none"),
        (b"#" * (FILE_BYTES_MAX + 1), "is larger than"),
        (b"a = " + b"[" * 5000, "is not TOML"),
    ],
)
def test_what_is_no_policy(data: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_policy(data)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_policy(tmp_path / "x.toml")


VERIFY = """\
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
[verify]
by = "jwks"
[[verify.issuer]]
issuer = "https://id.example"
keys = "https://id.example/jwks"
audience = ["api"]
"""


def test_who_proves_whose_a_token_is() -> None:
    policy = read_policy(VERIFY.encode())
    assert (policy.verifies, policy.verify.line) == (True, 5)
    assert policy.verify.issuers[0].audience == ("api",)
    connect = VERIFY.partition("[verify]")[0] + (
        '[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "site"\nbase_path = "/wiki"\n'
    )
    assert read_policy(connect.encode()).verify.base_path == "/wiki"
    assert not read_policy(VERIFY.partition("[verify]")[0].encode()).verifies


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["api"]', "[]", r"policy:8: verify.issuer\[0\].issuer: needs a name"),
        (
            '["api"]',
            '"api"',
            r"policy:10: verify.issuer\[0\].audience: is a text and has",
        ),
        (
            "audience",
            "audiences",
            r"policy:10: verify.issuer\[0\].audiences: there is",
        ),
        ('"jwks"', '"none"', r"policy:5: verify: issuer: goes with"),
        ('"jwks"', '"rsa"', r"policy:6: verify.by: is one of none, connect, jwks"),
    ],
)
def test_a_verification_that_can_not_work(old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_policy(VERIFY.replace(old, new).encode())


def test_a_location_has_a_verifier_of_its_own() -> None:
    own = """\
[[location]]
name = "key"
parameters = ["key"]
[location.verify]
by = "jwks"
[[location.verify.issuer]]
issuer = "a"
keys = "https://a.example/k"
audience = ["api"]
[[location.verify.issuer]]
issuer = "b"
keys = "https://b.example/k"
audience = ["api"]
"""
    connect = '[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "site"\n'
    first = VERIFY.partition("[verify]")[0] + own
    policy = read_policy((first + connect).encode())
    assert [each.by.value for each in policy.verifications] == ["connect", "jwks"]
    assert [each.waits for each in policy.verifications] == [False, True]
    assert (policy.verifications[1].line, policy.verify.line) == (8, 18)
    alone = read_policy(first.encode())
    assert (alone.verifies, alone.verify.by.value) == (True, "none")
    broken = own.replace("https://b.example/k", "http://b.example/k")
    with pytest.raises(ConfigurationError, match=r"p:16: location\[1\]\.verify\.issuer\[1\]\.keys"):
        read_policy((VERIFY.partition("[verify]")[0] + broken).encode(), source="p")


USAGE = """\
name = "api"
documentation = "https://docs.example"
[usage]
store = "usage.db"
keep_days = 90
batch_seconds = 0.5
own_path = "/usage"
own_per_minute = 7
[usage.limits]
verified = 10
claimed = 20
per_client = 30
[metadata]
resource = ["https://api.example/v2", "https://api.example"]
"""


def test_where_uses_are_counted_and_what_is_told() -> None:
    policy = read_policy((USAGE + VERIFY.removeprefix('name = "api"\n')).encode())
    assert policy.usage == UsageSettings(
        store="usage.db",
        keep_days=90,
        batch_seconds=0.5,
        bounds=Bounds(verified=10, claimed=20, per_client=30),
        own_path="/usage",
        own_per_minute=7,
    )
    assert [each.path for each in policy.resources] == ["/v2", ""]
    one = read_policy(VERIFY.encode() + b'[metadata]\nresource = "https://api.example/v2"\n')
    assert [each.address for each in one.resources] == ["https://api.example/v2"]
    assert read_policy(VERIFY.encode()).usage == UsageSettings()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("keep_days = 90", "keep_days = 0", "p:5: usage.keep_days: has to be a whole number >= 1"),
        ("keep_days = 90", "keep_days = 1.5", "p:5: usage.keep_days: is a number and has to"),
        (
            "batch_seconds = 0.5",
            "batch_seconds = 0",
            "p:6: usage.batch_seconds: has to be a num",
        ),
        ("claimed = 20", 'claimed = "many"', "p:11: usage.limits.claimed: is a text"),
        ("claimed = 20", "claims = 20", "p:11: usage.limits.claims: there is no"),
        ("keep_days", "days", "p:5: usage.days: there is no such field"),
        ('"usage.db"', '"postgresql://a:b@h/u"', "p:4: usage.store: a password does not"),
        ('"/usage"', '"usage"', "p:7: usage.own_path: is a plain path"),
        ('by = "jwks"', 'by = "none"', "verify: issuer: goes with"),
        ('"https://api.example"]', '"https://b.example/v2"]', "p:14: metadata.resource: at least"),
        ('"https://api.example"]', '"http://api.example"]', "p:14: metadata.resource: resource: h"),
        ('["https://api.example/v2", "https://api.example"]', "[]", "p:14: metadata.resource: at"),
        ('"https://docs.example"', '"javascript:1"', "p:2: documentation: is no http or https"),
    ],
)
def test_a_message_about_usage_names_line_and_field(old: str, new: str, says: str) -> None:
    text = USAGE + VERIFY.removeprefix('name = "api"\n')
    assert old in text
    with pytest.raises(ConfigurationError) as caught:
        read_policy(text.replace(old, new, 1).encode(), source="p")
    assert says in str(caught.value)


@pytest.mark.parametrize(("base", "fits"), [("", True), ("/usage", False), ("/wiki", False)])
def test_a_token_has_to_reach_the_own_path(base: str, fits: bool) -> None:
    """The hash covers the path below the site's base: what is outside can not be signed for."""
    text = USAGE + VERIFY.removeprefix('name = "api"\n').partition("[verify]")[0]
    text += f'[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "k"\nbase_path = "{base}"\n'
    if fits:
        assert read_policy(text.encode()).usage.own_path == "/usage"
        return
    with pytest.raises(ConfigurationError, match=rf"p:7: usage\.own_path: is not below {base}"):
        read_policy(text.encode(), source="p")
    assert read_policy(text.replace('"/usage"\nown', f'"{base}/mine"\nown').encode())


def test_who_verifies_nobody_has_no_record_for_him() -> None:
    text = USAGE + VERIFY.removeprefix('name = "api"\n').partition("[verify]")[0]
    with pytest.raises(ConfigurationError, match=r"p:7: usage\.own_path: a client proves"):
        read_policy(text.encode(), source="p")


# ---- the reference in docs/gateway.md ---------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_reference_is_a_policy() -> None:
    policy = read_policy(EXAMPLES[0].encode())
    assert policy.locations[0].schedule.paused is not None
    connect = EXAMPLES[0].partition("[verify]")
    more = EXAMPLES[1] + "[[location]]" + connect[2].partition("[[location]]")[2]
    jwks = read_policy(f'{connect[0]}[verify]\nby = "jwks"\n{more}'.encode())
    assert jwks.verify.issuers[0].audience == ("https://api.example",)


@pytest.mark.parametrize(
    "table", [t for t in vars(policy_file).values() if getattr(t, "__name__", "").endswith("Table")]
)
def test_the_reference_names_every_field(table: Any) -> None:
    for field in table.__struct_fields__:
        assert re.search(rf"^(# )?\[*[\w.]*\b{field}\b\]*( =|\s|$)", PAGE, re.MULTILINE), field


def test_the_reference_names_every_conflict() -> None:
    for refusal, outcomes in CONFLICTS.items():
        (row,) = [line for line in PAGE.splitlines() if f"`{refusal.id}`" in line and "|" in line]
        assert all(f"`{outcome}`" in row for outcome in outcomes)


# ---- rubbish ----------------------------------------------------------------------------------

FOLDER = Path(__file__).parents[2] / "examples" / "policies"
FILES = [EXAMPLES[0], *(file.read_text() for file in sorted(FOLDER.glob("*.toml")))]
RUBBISH = [
    *('""', '"x"', '"\\U0001F600"', '"9999w"', '"9999d"', '"0h"', '"\\u001b[2J"', '"a\\nb"'),
    *("0", "-1", "1", "1e400", "nan", "inf", "-0.0", "0.5", "99999999999999999999", "true"),
    *("[]", '[""]', '["jwt", "jwt"]', "[[]]", "{}", "{ a = 1 }", '["12h"]', '["0"]', '["mon"]'),
    *("0001-01-01", "9999-12-31", "2022-02-01T00:00:00", "2022-02-01T00:00:00Z", "12:00:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2022-02-01T00:00:00+23:59"),
    *('"off"', '"open"', '"paused"', '"Authorization"', '"Cookie"', '"a b"', '"\\r\\nX: y"', '"*"'),
    *('"0-24"', '"24-24"', '"Europe/Berlin"', '"../../etc/passwd"', '"/etc/localtime"', '"."'),
    *('"none"', '"connect"', '"jwks"', '"header"', '"/%2e%2e/*"', '"/*"', '"https://h/\\u00e9"'),
]
Lines = list[str]
Change = Callable[[Lines, int, int, str], Lines]
CHANGES: list[Change] = [
    lambda lines, a, b, value: [*lines[:a], *lines[a + 1 :]],
    lambda lines, a, b, value: [*lines[:a], lines[b], *lines[a:]],
    lambda lines, a, b, value: [*lines[:a], f"{lines[a].split('=')[0]}= {value}", *lines[a + 1 :]],
    lambda lines, a, b, value: [*lines[:a], f"{lines[a].split('=')[0]}= {value}", *lines[a + 1 :]],
    lambda lines, a, b, value: [*lines[:a], f"x = {value}", *lines[a:]],
    lambda lines, a, b, value: [*lines[:a], lines[a][: b % 40], *lines[a + 1 :]],
    lambda lines, a, b, value: lines[: max(a, 1)],
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(FILES),
    st.lists(
        st.tuples(
            st.sampled_from(CHANGES),
            st.integers(0, 200),
            st.integers(0, 200),
            st.sampled_from(RUBBISH),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_rubbish_is_an_error_with_line_and_field(
    text: str, changes: list[tuple[Change, int, int, str]]
) -> None:
    """Whatever an operator does to a file: a policy, or one line that says where it is wrong."""
    lines = text.splitlines()
    for change, a, b, value in changes:
        lines = change(lines, a % len(lines), b % len(lines), value) or [""]
    told = "\n".join(lines)
    try:
        policy = read_policy(told.encode(), source="gw.toml")
    except ConfigurationError as error:
        said = str(error)
    else:
        said = ""
        for at in (0.0, 1_643_673_600.0, 4e9):
            ask = Ask(method="GET", target="/rest?jwt=x&access_token=y")
            Gateway(policy, clock=lambda at=at: at).decide(ask)  # type: ignore[misc]
    assert re.match(r"gw\.toml:\d+: ([\w.\[\]-]+|is not TOML): .|\Z", said), said
    assert said.isprintable()


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for around in (data, FILES[0].encode()[:700] + data, data.join([b'name = "', b'"\n'])):
        with contextlib.suppress(ConfigurationError):
            read_policy(around)


@pytest.mark.parametrize(
    ("value", "says"),
    [('"\\u0000\\u001b[2J"', "is read in more than one way"), (f'"{"x" * 5_000}"', "…")],
    ids=["control", "long"],
)
def test_what_a_message_quotes_is_one_line_and_bounded(value: str, says: str) -> None:
    told = WHOLE.replace('path = "/embed/*"', f"path = {value}")
    assert told != WHOLE
    with pytest.raises(ConfigurationError, match=r"p:\d+: route\[0\]\.path: ") as caught:
        read_policy(told.encode(), source="p")
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 500
    assert says in message
