from __future__ import annotations

from headway.gateway.decision import Ask, Decision, Outcome, Use, joined
from headway.model import Phase

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln"


def test_a_request_as_it_came() -> None:
    ask = Ask(
        method="GET",
        target=f"/a%2Fb?x=1?2&jwt={TOKEN}",
        headers=(("accept", "*/*"), ("cookie", "a=1"), ("cookie", "b=2")),
    )
    assert (ask.raw_path, ask.raw_query) == ("/a%2Fb", f"x=1?2&jwt={TOKEN}")
    assert ask.all("cookie") == ("a=1", "b=2")
    assert ask.all("host") == ()
    assert repr(ask) == "<GET /a%2Fb>"
    assert Ask(method="GET", target="/a").raw_query == ""


def test_nothing_shows_a_token() -> None:
    target = f"/a?jwt={TOKEN}"
    decision = Decision(
        outcome=Outcome.PASS, target=target, set_headers=(("authorization", f"JWT {TOKEN}"),)
    )
    assert repr(decision) == "<pass /a>"


def test_two_locations_say_what_is_said_once_in_one_line() -> None:
    told = (("Sunset", "a"), ("Link", "<b>"), ("Sunset", "c"), ("Link", "<d>"), ("Link", "<d>"))
    assert joined(told) == (("Sunset", "a"), ("Link", "<b>, <d>"))


def test_a_method_that_a_header_overrides() -> None:
    assert Ask(method="GET", target="/", headers=(("x-http-method", "PUT"),)).overrides_method
    assert not Ask(method="GET", target="/", headers=(("x-http", "PUT"),)).overrides_method


def test_a_sample_has_no_token_and_is_short() -> None:
    def used(target: str) -> Use:
        return Use(
            location="jwt",
            phase=Phase.OPEN,
            client="a",
            verified=False,
            outcome="pass",
            method="GET",
            route="/rest",
            target=target,
        )

    told = used("/rest?a=1&password=hunter2&token=opaque")
    assert told.sample == "/rest?a=1&password=REDACTED&token=REDACTED"
    assert "hunter2" not in repr(told)
    cut = "/rest?" + "a=%20&" * 40 + "token=" + "x" * 100_000
    assert len(used(cut).sample) == len(used("/" + "x" * 500).sample) == 200
