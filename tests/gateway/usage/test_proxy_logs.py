"""What the proxies' own logs say of failing open; the real ones' lines are tried in config/."""

from __future__ import annotations

import json

import pytest

from headway.gateway.usage.proxy_logs import LetOn, let_on, open_days

CADDY = {
    "ts": 5.5,
    "request": {"method": "GET", "uri": "/a", "remote_ip": "192.0.2.1"},
    "user_id": "failed-open-unasked",
    "status": 200,
}
AT = "2022-02-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (f'192.0.2.1 [{AT}] "GET /a" 200 5 "pass" "failed-open-unasked"', 1643673600.0),
        ('<5>Feb 1 h x: 192.0.2.1 [01/Feb/2022:00:00:00 +0000] "GET /a" 200 5 failed-open-unasked',
         1643673600.0),
        ('::1 [2022-02-01T00:00:00.500Z] "GET -" 200 /a failed-open=true',
         1643673600.5),
        (json.dumps(CADDY), 5.5),
    ],
    ids=["nginx", "haproxy", "envoy", "caddy"],
)  # fmt: skip
def test_a_request_that_was_let_on(line: str, at: float) -> None:
    assert let_on(line) == LetOn(at, "GET", 200)


@pytest.mark.parametrize(
    "line",
    [
        "", "failed-open", f'192.0.2.1 [{AT}] "GET /a" 503 5 "refuse" ""',
        f'192.0.2.1 [{AT}] "GET /a" 200 5 "pass" "failed-open"',  # by the service, which counts it
        f'192.0.2.1 [{AT}] "GET /failed-open" 200 5 "pass" "-"',
        f'192.0.2.1 [{AT}] "GET /a?failed-open" 200 5 -',
        f'192.0.2.1 [{AT}] "GET -" 403 /a failed-open=-',
        '192.0.2.1 [2022-02-01T00:00:00] "GET /a" 200 5 "pass" "failed-open-unasked"',
        '192.0.2.1 [yesterday] "GET /a" 200 5 "pass" "failed-open-unasked"',
        "{failed-open", '["failed-open"]',
        '{"user_id": "failed-open-unasked"}',
        '{"user_id": ["failed-open-unasked"]',
        json.dumps({**CADDY, "user_id": "", "status": 200, "x": "failed-open"}),
        json.dumps({**CADDY, "ts": "failed-open"}), json.dumps({**CADDY, "ts": -1}),
        json.dumps({**CADDY, "request": "x"}), json.dumps({**CADDY, "status": None}),
    ],
)  # fmt: skip
def test_every_other_line_is_none(line: str) -> None:
    assert let_on(line) is None


def test_by_days() -> None:
    found = [LetOn(86400.0, "GET", 200), LetOn(10.0, "GET", 200), LetOn(4.0, "PUT", 500)]
    first, second = open_days(found)
    assert (first.day, first.requests, first.first, first.last) == ("1970-01-01", 2, 4.0, 10.0)
    assert (second.day, second.requests) == ("1970-01-02", 1)
    assert list(open_days([])) == []
