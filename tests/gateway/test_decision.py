from __future__ import annotations

from headway.gateway.decision import Ask, Decision, Outcome, joined

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
