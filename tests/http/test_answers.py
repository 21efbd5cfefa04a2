"""Answers: problem bodies, hints, retirement headers, headers of pages."""

import json

import pytest

from headway.errors import IssuerUnknown, KeySourceFailed, TokenExpired
from headway.http.answers import (
    origin_of,
    page_headers,
    problem,
    refusal_headers,
    retirement_headers,
)
from headway.model import Phase


def test_a_problem_says_what_and_what_to_do() -> None:
    told = json.loads(problem(TokenExpired(found="expired 90 s ago")))
    assert told["status"] == 401
    assert told["id"] == "token-expired"
    assert "90 s" in told["detail"]
    assert told["hint"]


def test_outsiders_are_not_told_which_half_was_wrong() -> None:
    told = json.loads(problem(IssuerUnknown(found="site-42")))
    assert told["id"] == "signature-invalid"
    assert "site-42" not in json.dumps(told)
    assert refusal_headers(IssuerUnknown(), "app")["Headway-Refusal"] == "signature-invalid"


def test_a_401_names_its_scheme_and_a_503_does_not() -> None:
    assert refusal_headers(TokenExpired(), 'my "app"\r\n')["WWW-Authenticate"] == (
        'JWT realm="my app"'
    )
    assert "WWW-Authenticate" not in refusal_headers(KeySourceFailed(), "app")
    assert refusal_headers(KeySourceFailed(), "app")["Cache-Control"] == "no-store"


def test_a_retirement_is_announced_in_standard_headers() -> None:
    headers = retirement_headers(
        Phase.WARNED, announced=1609459200, off=1643673600, link="https://docs.example/x"
    )
    assert headers == {
        "Headway-Phase": "warned",
        "Deprecation": "@1609459200",
        "Sunset": "Tue, 01 Feb 2022 00:00:00 GMT",
        "Link": '<https://docs.example/x>; rel="deprecation"',
    }
    assert retirement_headers(Phase.OPEN, announced=1, off=2) == {}
    assert retirement_headers(Phase.PAUSED, announced=None, off=None) == {"Headway-Phase": "paused"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:2990/x", "http://localhost:2990"),
        ("https://EXAMPLE.com", "https://example.com"),
        ("http://example.com:80/", "http://example.com"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_parsed(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "*",
        "javascript:alert(1)",
        "https://",
        "https://user@x.example",
        "https://x; script-src *",
        "https://x.example\r\nX: y",
        "https://x.example:99999",
        "https://é.example",
        "//x.example",
        "https://x.example' 'unsafe-inline",
    ],
)
def test_what_is_no_plain_origin_never_reaches_a_policy(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        origin_of(url)


def test_a_page_is_framed_by_those_named_only() -> None:
    headers = page_headers(["https://b.example/wiki", "https://a.example"])
    assert headers["Content-Security-Policy"] == (
        "frame-ancestors https://a.example https://b.example"
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert page_headers([])["Content-Security-Policy"] == "frame-ancestors 'none'"
