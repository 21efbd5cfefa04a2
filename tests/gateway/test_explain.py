from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from headway.gateway import explain as module
from headway.gateway.decision import Ask, Outcome, Use
from headway.gateway.explain import Explanation, explain, hidden
from headway.gateway.policy_file import read_policy
from headway.model import Phase, RequestFacts, TokenText
from headway.ports import NeedKey

FILE = """\
name = "api"
{top}
[[location]]
name = "jwt"
parameters = ["jwt", "k"]
scheme = "JWT"
announced = 2021-09-01
warned = 2021-11-01
off = 2022-02-01
salt = "s"

[[location.brownout]]
start = 2022-01-10T00:00:00Z
end = 2022-01-11T00:00:00Z

[[location.brownout]]
start = 2022-01-20T00:00:00Z
end = 2022-01-21T00:00:00Z
share = 0.5

[[location.extension]]
client = "slow"
until = 2022-03-01
owner = "ann"
reason = "their release"

[[route]]
path = "/embed/*"
reason = "frames"

[[route]]
path = "/admin"
reason = "first"
phase = "off"

[[client]]
client = "ahead"
phase = "off"
reason = "asked for it"
"""
VERIFY = """
[verify]
by = "connect"
installations = "apps.json"
client_key = "site"
"""
PAUSED = '[location.paused]\nsince = 2022-01-01\nwho = "ann"\nwhy = "a bug"\n[[route]]'


def explained(
    target: str, day: str, client: str | None = None, *, top: str = "", old: str = "", new: str = ""
) -> Explanation:
    text = FILE.format(top=top).replace(old, new, 1) if old else FILE.format(top=top)
    policy = read_policy(text.encode(), source="gw.toml")
    at = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp()
    return explain(policy, Ask(method="GET", target=target), at, client=client)


@pytest.mark.parametrize(
    ("target", "day", "client", "outcome", "phase", "line", "rule"),
    [
        ("/r?jwt=x", "2021-01-01", None, "pass", "open", 3, "no date has come"),
        ("/r?jwt=x", "2021-10-01", None, "pass", "announced", 7, "announced = 2021-09-01"),
        ("/r?jwt=x", "2021-12-01", None, "pass", "warned", 8, "warned = 2021-11-01"),
        ("/r?jwt=x", "2022-01-10", None, "anonymous", "brownout", 12, "brownout 2022-01-10"),
        ("/r?jwt=x", "2022-01-20", None, "anonymous", "brownout", 16, "50% of the clients"),
        ("/r?jwt=x", "2022-02-02", None, "anonymous", "off", 9, "off = 2022-02-01"),
        ("/r?jwt=x", "2022-02-02", "slow", "pass", "warned", 21, "extension of slow"),
        ("/r?jwt=x", "2022-03-02", "slow", "anonymous", "off", 9, "off = "),
        ("/embed/1?k=x", "2022-02-02", None, "pass", "open", 27, "because frames"),
        ("/admin?k=x", "2021-10-01", None, "anonymous", "off", 31, "/admin: is off"),
        ("/r?jwt=x", "2021-10-01", "ahead", "anonymous", "off", 36, "asked for it"),
        ("/r?JWT=x", "2022-02-02", None, "anonymous", "off", 3, 'look_alikes = "strip"'),
    ],
)
def test_which_line_decides(
    target: str, day: str, client: str | None, outcome: str, phase: str, line: int, rule: str
) -> None:
    found = explained(target, day, client)
    (reason,) = found.reasons
    assert (found.outcome, reason.phase, reason.line) == (outcome, phase, line)
    assert rule in reason.rule
    assert (found.source, found.enforced, found.unproved) == ("gw.toml", True, None)


def test_a_pause_is_named_with_who_and_why() -> None:
    found = explained("/r?jwt=x", "2022-02-02", old="[[route]]", new=PAUSED)
    assert found.reasons[0].phase is Phase.PAUSED
    assert found.reasons[0].rule == "paused by ann: a bug"
    assert found.reasons[0].line == 27


def test_what_goes_upstream_without_a_token() -> None:
    found = explained("/r?a=%2F&k=hunter2&b", "2021-10-01")
    assert (found.target, found.headers) == ("/r?a=%2F&b", ("authorization: JWT <token>",))
    bare = explained("/r?k=hunter2", "2021-10-01", old='scheme = "JWT"', new='scheme = ""')
    assert bare.headers == ("authorization: <token>",)
    stays = explained("/embed/1?k=hunter2&K=hunter3&jwt=hunter4&a=1", "2021-10-01")
    assert stays.target == "/embed/1?k=REDACTED&K=REDACTED&jwt=REDACTED&a=1"
    for each in (found, bare, stays):
        assert b"hunter" not in msgspec.json.encode(each)


def test_more_time_only_for_whoever_proves_who_it_is() -> None:
    found = explained("/r?jwt=x", "2022-02-02", "slow", top="", old="[[route]]", new="[[route]]")
    assert found.unproved is None  # nothing is verified: the token itself is the client
    proving = explained("/r?jwt=x", "2022-02-02", "slow", top=VERIFY)
    assert (proving.outcome, proving.unproved) == (Outcome.PASS, Outcome.ANONYMOUS)
    assert explained("/r?jwt=x", "2021-10-01", top=VERIFY).unproved is Outcome.REFUSE


@pytest.mark.parametrize("by", ["peer", "subject", "header"])
def test_a_client_that_is_told_by_what_it_sends(by: str) -> None:
    identity = f'[identity]\nby = "{by}"\nheader = "X-Client"\n'
    name = {"peer": "peer:192.0.2.1", "subject": "subject:CN=x", "header": "x"}[by]
    ahead = explained(
        "/r?jwt=x", "2021-10-01", name, top=identity, old='client = "ahead"',
        new=f'client = "{name}"',
    )  # fmt: skip
    assert ahead.outcome is Outcome.ANONYMOUS
    slow = explained(
        "/r?jwt=x", "2022-02-02", name, top=identity, old='client = "slow"',
        new=f'client = "{name}"',
    )  # fmt: skip
    earned = by == "subject"  # a certificate proves; an address and a header do not
    assert slow.outcome is (Outcome.PASS if earned else Outcome.ANONYMOUS)


def test_an_observed_policy_says_so() -> None:
    found = explained("/r?jwt=x", "2022-02-02", top='mode = "observe"')
    assert (found.enforced, found.outcome) == (False, Outcome.ANONYMOUS)


def test_a_url_without_a_token() -> None:
    found = explained("/r?a=1", "2022-02-02", "anybody")
    assert (found.reasons, found.outcome, found.target) == ((), Outcome.PASS, "/r?a=1")


def test_hidden_leaves_everything_else() -> None:
    policy = read_policy(FILE.format(top="").encode())
    assert hidden(policy, "/a/b") == "/a/b"
    assert hidden(policy, "/a?x=%2F&&%6Bx=1&%6B=2") == "/a?x=%2F&&%6Bx=1&%6B=REDACTED"


def test_a_supposed_client_needs_no_key() -> None:
    supposed = module._Supposed(None, proves=True)
    assert supposed.find(NeedKey(issuer="x", symmetric=True)) is None
    steps = supposed.proving(TokenText("x"), RequestFacts(method="GET", raw_path="/"), 0)
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value == "somebody"


def test_a_use_of_no_location_is_a_mistake() -> None:
    policy = read_policy(FILE.format(top="").encode())
    use = Use(
        location="other", phase=Phase.OFF, client="", verified=False, outcome="", method="GET",
        route="/",
    )  # fmt: skip
    with pytest.raises(LookupError):
        module._reason(policy, Ask(method="GET", target="/"), use, 0, None)


# ---- the reference in docs/gateway.md: each thing that it says is named by its line -----------

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
REFERENCE = PAGE.partition("```toml\n")[2].partition("```")[0]
RESUMED = re.sub(r"\[location\.paused\].*?\n\n", "\n", REFERENCE, flags=re.DOTALL)
OLD, T = "/rest?jwt=x", "T12:00:00Z"


def lines_of(
    text: str, target: str, at: str, client: str | None = None, **headers: str
) -> tuple[str, list[str]]:
    """The outcome, and the lines of *text* by which it is so."""
    policy = read_policy(text.encode(), source="gateway.toml")
    ask = Ask(method="GET", target=target, headers=tuple(headers.items()))
    told = explain(policy, ask, datetime.fromisoformat(at).timestamp(), client=client)
    numbers = [rule.line for rule in told.settings]
    for reason in told.reasons:
        numbers += [reason.line, *(rule.line for rule in reason.also)]
    return told.outcome, [text.splitlines()[number - 1] for number in numbers]


@pytest.mark.parametrize(
    ("target", "at", "client", "outcome", "said"),
    [
        (OLD, "2021-08-17" + T, None, "pass", "[[location]]"),
        (OLD, "2021-08-19" + T, None, "pass", "announced ="),  # a sandbox is 14 days ahead
        (OLD, "2021-10-19" + T, None, "pass", "warned ="),
        (OLD, "2021-12-28" + T, None, "anonymous", "[[location.brownout]]"),
        (OLD, "2021-12-30T08:00:00Z", None, "anonymous", "[[location.brownout]]"),  # by the rule
        (OLD, "2021-12-30T07:59:00Z", None, "pass", "warned ="),  # before business hours
        (OLD, "2022-01-06T15:59:00Z", None, "anonymous", "[[location.brownout]]"),
        (OLD, "2022-01-06T16:00:00Z", None, "pass", "warned ="),  # after them
        (OLD, "2022-01-19" + T, None, "anonymous", "off ="),
        (OLD, "2022-01-19" + T, "slow-app", "pass", "[[location.extension]]"),
        (OLD, "2022-02-16" + T, "slow-app", "anonymous", "off ="),
        (OLD, "2021-08-19" + T, "new-app", "anonymous", "[[client]]"),
        ("/embed/1?jwt=x", "2022-01-19" + T, None, "pass", "[[route]]"),
        ("/rest?jwt[]=x", "2022-01-19" + T, None, "anonymous", "look_alikes ="),
    ],
)
def test_each_rule_is_named_by_its_line(
    target: str, at: str, client: str | None, outcome: str, said: str
) -> None:
    found, lines = lines_of(RESUMED, target, at, client)
    assert found == outcome
    assert lines[0].startswith('mode = "observe"')
    assert lines[1].startswith('rehearsal = "14d"')
    assert lines[2].startswith(said)


def test_a_pause_is_named_by_its_line() -> None:
    assert lines_of(REFERENCE, OLD, "2022-02-20" + T)[1][2].startswith("[location.paused]")


def test_a_client_that_a_shared_brownout_spares_is_told_of_it() -> None:
    told = {
        client: lines_of(RESUMED, OLD, "2021-12-28" + T, client) for client in ("a", "b", "c", "d")
    }
    spared = [lines for outcome, lines in told.values() if outcome == "pass"]
    hit = [lines for outcome, lines in told.values() if outcome == "anonymous"]
    assert len(spared) + len(hit) == 4
    for lines in spared:
        assert lines[2].startswith("warned =")
        assert lines[3].startswith("[[location.brownout]]")
    for lines in hit:
        assert lines[2].startswith("[[location.brownout]]")
        assert lines[3].startswith("off_means =")
    assert spared
    assert hit


@pytest.mark.parametrize(
    ("target", "header", "outcome", "said"),
    [
        (OLD, "JWT y", "pass", "tokens-differ ="),
        (OLD, "JWT x", "pass", "[location.conflicts]"),  # token-in-both, by default
        (OLD, "Basic x", "refuse", "[location.conflicts]"),
        ("/rest?jwt=x&jwt=y", "", "refuse", "[location.conflicts]"),
        ("/rest?%6Awt=x", "", "refuse", "[location.conflicts]"),
        ("/rest?jwt=", "JWT y", "pass", "[location.conflicts]"),
    ],
)
def test_what_a_conflict_led_to_is_named_by_its_line(
    target: str, header: str, outcome: str, said: str
) -> None:
    headers = {"authorization": header} if header else {}
    found, lines = lines_of(RESUMED, target, "2021-08-17" + T, **headers)
    assert found == outcome
    assert lines[3].startswith(said)


def test_what_off_means_is_named_by_its_line() -> None:
    refusing = RESUMED.replace('off_means = "not-inspected"', 'off_means = "refuse"')
    found, lines = lines_of(refusing, OLD, "2022-01-19" + T)
    assert found == "refuse"
    assert lines[2].startswith("off =")
    assert lines[3].startswith('off_means = "refuse"')


def test_each_location_is_proved_by_its_own() -> None:
    """One by Connect, one by nobody: the first asks for proof, the other believes its identity."""
    extension = (
        '[[location.extension]]\nclient = "{}"\nuntil = 2022-03-01\nowner = "o"\nreason = "r"\n'
    )
    policy = read_policy(
        (
            'name = "api"\n'
            '[[location]]\nname = "jwt"\nparameters = ["jwt"]\noff = 2022-02-01\n'
            f"{extension.format('slow')}"
            '[location.verify]\nby = "connect"\nstore = "s.db"\nclient_key = "k"\n'
            '[[location]]\nname = "key"\nparameters = ["key"]\nheader = "X-Key"\noff = 2022-02-01\n'
            f"{extension.format('slow')}"
        ).encode()
    )
    at = datetime(2022, 2, 2, tzinfo=UTC).timestamp()
    proved = explain(policy, Ask(method="GET", target="/?jwt=x"), at, client="slow")
    assert (proved.outcome, proved.unproved) == (Outcome.PASS, Outcome.ANONYMOUS)
    believed = explain(policy, Ask(method="GET", target="/?key=x"), at, client="slow")
    assert (believed.outcome, believed.unproved) == (Outcome.PASS, None)


def test_failing_open_is_a_line_of_the_file() -> None:
    text = 'name = "api"\nfailing = "open"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    assert lines_of(text, OLD, "2022-01-01" + T) == ("pass", ['failing = "open"', "[[location]]"])


def test_an_extension_is_named_where_it_makes_a_difference() -> None:
    text = (
        'name = "api"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\nwarned = 2021-11-01\n'
        'off = 2022-02-01\n[[location.extension]]\nclient = "slow"\nuntil = 2022-03-01\n'
        'owner = "ann"\nreason = "x"\n[identity]\nby = "subject"\n'
    )
    for at, line in (("2021-12-01", "warned = 2021-11-01"), ("2022-02-02", "[[location.ext")):
        _, (first, *_) = lines_of(text, OLD, at + T, "slow")
        assert first.startswith(line)
