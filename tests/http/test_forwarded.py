from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.http.forwarded import Forwarded

OURS = Forwarded(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"])
STANDARD = Forwarded(["10.0.0.0/8"], "Forwarded")


def client(peer: str, value: str | None, proxies: Forwarded = OURS) -> str:
    return proxies.client(peer, lambda name: value)


@pytest.mark.parametrize(
    ("peer", "value", "asked"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # no proxy of ours: its word is nothing
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the left end is the client's own
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db9::1]:443", "2001:db9::1"),
        ("2001:db8::7", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9," * 400, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9," + "10.0.0.2," * 40 + "10.0.0.2", "10.0.0.2"),
        ("", "203.0.113.9", ""),
        ("unix:", "203.0.113.9", "unix:"),
    ],
)
def test_who_asked(peer: str, value: str | None, asked: str) -> None:
    assert client(peer, value) == asked


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("for=203.0.113.9;proto=https", "203.0.113.9"),
        ('proto=https; For="[2001:db9::1]:443", for=10.0.0.9', "2001:db9::1"),
        ("by=10.0.0.1", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
    ],
)
def test_the_standard_header(value: str, asked: str) -> None:
    assert client("10.0.0.1", value, STANDARD) == asked


def test_only_the_header_that_is_named_is_looked_at() -> None:
    seen: list[str] = []
    OURS.client("10.0.0.1", lambda name: seen.append(name) or "")
    STANDARD.client("10.0.0.1", lambda name: seen.append(name) or "")
    assert seen == ["x-forwarded-for", "forwarded"]


def test_what_can_not_work_is_said_at_start() -> None:
    with pytest.raises(ConfigurationError, match="does not appear to be"):
        Forwarded(["everybody"])
    with pytest.raises(ConfigurationError, match="host bits"):
        Forwarded(["10.0.0.1/8"])
    with pytest.raises(ConfigurationError, match="x-forwarded-for, forwarded"):
        Forwarded(["10.0.0.0/8"], "X-Real-IP")
