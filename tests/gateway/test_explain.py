from __future__ import annotations

from datetime import UTC, datetime

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
