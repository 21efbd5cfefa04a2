from __future__ import annotations

import hmac
from typing import Any

import pytest
from asking import request

from headway.errors import ConfigurationError
from headway.gateway.dashboard import access
from headway.gateway.dashboard.access import (
    COOKIE,
    Access,
    TooManyAttempts,
    is_at_the_machine,
    new_password,
)
from uses import Hands

PASSWORD = "a long enough password"


def made(**options: Any) -> tuple[Access, Hands]:
    ticks = Hands(0.0)
    return Access(PASSWORD, ticks=ticks, **options), ticks


def with_cookie(value: str | None, **scope: Any) -> Any:
    return request("GET", "/", {"Cookie": f"{COOKIE}={value}"}, **scope)


# ---- who is at the machine ------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_at_the_machine(address: str) -> None:
    assert is_at_the_machine(request("GET", "/", client=(address, 1)))


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "203.0.113.9", "a-socket", ""])
def test_everybody_else_is_not(address: str) -> None:
    assert not is_at_the_machine(request("GET", "/", client=(address, 1)))
    assert not is_at_the_machine(request("GET", "/", client=None))


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded", "Forwarded", "Via",
     "X-Real-IP", "X-Original-URI", "CF-Connecting-IP", "Max-Forwards", "x-forwarded-anything",
     "X-Amzn-Trace-Id", "X-Envoy-External-Address"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["127.0.0.1", "", "for=127.0.0.1"])
def test_what_a_proxy_forwards_is_not_at_the_machine_t11(header: str, value: str) -> None:
    assert not is_at_the_machine(request("GET", "/", {header: value}))
    guarded, _ = made()
    assert not guarded.may_look(request("GET", "/", {header: value}))
    assert guarded.may_look(request("GET", "/"))


def test_a_proxy_that_says_nothing_speaks_an_old_http_t11() -> None:
    assert not is_at_the_machine(request("GET", "/", http_version="1.0"))


def test_everybody_logs_in_where_that_is_asked_for() -> None:
    guarded, _ = made(everybody_logs_in=True)
    assert not guarded.may_look(request("GET", "/"))
    value = guarded.log_in("127.0.0.1", PASSWORD)
    assert guarded.may_look(with_cookie(value))
    assert guarded.may_look(with_cookie(value, client=("203.0.113.9", 1)))


# ---- the password ---------------------------------------------------------------------------


def test_a_password_is_long_and_a_made_one_is_random() -> None:
    for word in ("", "short", "x" * 11, "x" * 201):
        with pytest.raises(ConfigurationError, match="12 to 200"):
            Access(word)
    assert new_password() != new_password()
    Access(new_password())


@pytest.mark.parametrize(
    "word",
    ["", PASSWORD[:-1], f"{PASSWORD} ", PASSWORD.upper(), PASSWORD + "x" * 300, "\udcff", "é"],
)
def test_another_password_opens_nothing(word: str) -> None:
    guarded, _ = made()
    assert guarded.log_in("127.0.0.1", word) is None


def test_a_password_of_the_greatest_length_is_whole() -> None:
    guarded = Access("x" * 200)
    assert guarded.log_in("a", "x" * 201) is None
    assert guarded.log_in("a", "x" * 200)


def test_it_is_compared_in_constant_time_t11(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        seen.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    guarded, _ = made()
    guarded.log_in("a", "x")
    guarded.log_in("a", PASSWORD)
    assert seen == [(32, 32), (32, 32)]


def test_the_password_is_in_no_repr() -> None:
    guarded, _ = made()
    told = repr(vars(guarded))
    assert PASSWORD not in told
    value = guarded.log_in("a", PASSWORD)
    assert repr(guarded.session(with_cookie(value))) == "<session>"


def test_guessing_is_rate_limited_t11() -> None:
    """Five at once, then one in ten seconds; and the right one is not looked at meanwhile."""
    guarded, ticks = made()
    assert [guarded.log_in("a", "a guess") for _ in range(5)] == [None] * 5
    with pytest.raises(TooManyAttempts) as wait:
        guarded.log_in("a", PASSWORD)
    assert wait.value.args == (10.0,)
    assert guarded.log_in("another address", PASSWORD)
    ticks.at = 9.9
    with pytest.raises(TooManyAttempts):
        guarded.log_in("a", PASSWORD)
    ticks.at = 10
    assert guarded.log_in("a", PASSWORD)


def test_guesses_from_many_addresses_are_limited_together_t11() -> None:
    guarded, ticks = made()
    addresses = [f"2001:db8::{n:x}" for n in range(31)]
    assert {guarded.log_in(address, "a guess") for address in addresses[:30]} == {None}
    with pytest.raises(TooManyAttempts):
        guarded.log_in(addresses[30], PASSWORD)
    ticks.at = 1
    assert guarded.log_in("one more", "a guess") is None
    with pytest.raises(TooManyAttempts):
        guarded.log_in("and another", PASSWORD)


def test_addresses_that_tried_are_bounded() -> None:
    guarded, ticks = made()
    for n in range(1500):
        ticks.at += 1
        guarded.log_in(f"10.0.{n // 256}.{n % 256}", "a guess")
    assert len(guarded._of_peer) == access.PEERS_MAX


# ---- sessions -------------------------------------------------------------------------------


def test_a_session_runs_for_an_hour_of_real_time() -> None:
    guarded, ticks = made()
    value = guarded.log_in("a", PASSWORD)
    assert value
    ticks.at = 3599
    assert guarded.session(with_cookie(value))
    ticks.at = 3600
    assert guarded.session(with_cookie(value)) is None


def test_a_cookie_of_nobody() -> None:
    guarded, _ = made()
    for value in (None, "", "x" * 43):
        assert guarded.session(with_cookie(value)) is None
    assert guarded.session(request("GET", "/")) is None


def test_two_cookies_are_nobody_t11() -> None:
    """Another port of localhost may have set one."""
    guarded, _ = made()
    value = guarded.log_in("a", PASSWORD)
    pair = f"{COOKIE}={value}"
    assert guarded.session(request("GET", "/", {"Cookie": f"{pair}; {pair}"})) is None


def test_logging_out_ends_it_and_only_it() -> None:
    guarded, _ = made()
    one, other = (guarded.log_in("a", PASSWORD) for _ in range(2))
    guarded.log_out(with_cookie(one))
    guarded.log_out(request("GET", "/"))
    assert guarded.session(with_cookie(one)) is None
    assert guarded.session(with_cookie(other))


def test_sessions_are_bounded_the_oldest_goes() -> None:
    guarded, _ = made()
    values = [guarded.log_in("a", PASSWORD) for _ in range(access.SESSIONS_MAX + 1)]
    assert guarded.session(with_cookie(values[0])) is None
    assert guarded.session(with_cookie(values[1]))


def test_the_cookie_is_for_this_host_alone() -> None:
    guarded, _ = made()
    assert guarded.set_cookie("v") == (
        f"{COOKIE}=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"
    )
    assert "Max-Age=0" in guarded.set_cookie()
