"""Old logs become uses: what a gateway would have counted then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headway import sign
from headway.errors import ConfigurationError, StoreUnavailable
from headway.gateway.decision import Use
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.access_logs import (
    LINE_MAX,
    Conversion,
    Line,
    combined,
    convert,
    fields_of,
    from_json,
)
from headway.gateway.verifiers.connect import ConnectVerifier, KeptInstallations
from headway.model import Installation, Product, Secret
from uses import NOW

SECRET = Secret("0123456789abcdef0123")
TIME = "[01/Feb/2022:00:00:00 +0000]"
CONNECT = b"""
name = "api"
[verify]
by = "connect"
installations = "apps.json"
client_key = "site"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
off = 2022-03-01
"""


# ---- lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f'192.0.2.1 - ann {TIME} "GET /a?b=c HTTP/1.1" 200 512 "https://r/" "curl/8 (x)"',
            Line(NOW, "GET", "/a?b=c", "192.0.2.1", "curl/8 (x)", "", 200),
        ),
        (f'h - - {TIME} "POST / HTTP/1.0" 401 -', Line(NOW, "POST", "/", "h", "", "", 401)),
        (
            f'h - - {TIME} "GET /a\\x22b HTTP/1.1" 200 5 "-" "say \\"hi\\""',
            Line(NOW, "GET", '/a"b', "h", 'say "hi"', "", 200),
        ),
        (
            f'h - a b {TIME} "GET http://api.example/x?y HTTP/1.1" 200 5 "-" "-"',
            Line(NOW, "GET", "/x?y", "h", "", "", 200),
        ),
        ('h - - [01/Feb/2022:02:00:00 +0200] "GET / HTTP/1.1" 200 5',
         Line(NOW, "GET", "/", "h", "", "", 200)),
    ],
    ids=range(5),
)  # fmt: skip
def test_common_and_combined(text: str, line: Line) -> None:
    assert combined(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "", "rubbish", f'h - - {TIME} "GET /" 200 5', f'h - - {TIME} "-" 400 0',
        'h - - [yesterday] "GET / HTTP/1.1" 200 5', f'h - - {TIME} "get / HTTP/1.1" 200 5',
        f'h - - {TIME} "GET * HTTP/1.1" 200 5', f'h - - {TIME} "GET http://[x HTTP/1.1" 200 5',
        f'h - - {TIME} "GET /{"x" * LINE_MAX} HTTP/1.1" 200 5',
        f'h - - {TIME} "\\x16\\x03\\x01" 400 0', f"h {'[' * 3000}",
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_line(text: str) -> None:
    assert combined(text) is None


def test_json_of_caddy_and_of_anybody() -> None:
    caddy = {
        "ts": NOW, "status": 200,
        "request": {
            "method": "GET", "uri": "/a?b", "remote_ip": "192.0.2.1",
            "headers": {"User-Agent": ["curl/8"], "Origin": ["https://o.example"]},
        },
    }  # fmt: skip
    told = Line(NOW, "GET", "/a?b", "192.0.2.1", "curl/8", "https://o.example", 200)
    assert from_json(json.dumps(caddy)) == told
    mine = fields_of("time=at,method=m,target=uri,peer=,agent=ua,origin=none.x,status=s")
    other = {"at": "2022-02-01T00:00:00Z", "m": "GET", "uri": "/a", "ua": 5, "s": "200"}
    assert from_json(json.dumps(other), mine) == Line(NOW, "GET", "/a", status=200)
    with pytest.raises(ConfigurationError, match="'when' is none of time, method"):
        fields_of("when=ts")
    with pytest.raises(ConfigurationError, match="'time' is none of"):
        fields_of("time")


@pytest.mark.parametrize(
    "value",
    [
        "rubbish", "[]", "5", "[" * 5000, {"ts": 1}, {"ts": True, "request": {}},
        {"ts": "2022-02-01", "request": {"method": "GET", "uri": "/"}},
        {"ts": "soon", "request": {"method": "GET", "uri": "/"}},
        {"ts": -1, "request": {"method": "GET", "uri": "/"}},
        {"ts": 1, "request": {"method": 5, "uri": "/"}},
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_json_of_a_request(value: Any) -> None:
    assert from_json(value if isinstance(value, str) else json.dumps(value)) is None


# ---- uses -----------------------------------------------------------------------------------


def token(issuer: str, secret: Secret = SECRET) -> str:
    return sign.request_token(
        secret, issuer=issuer, method="GET", raw_path="/rest/1", raw_query="a=1", now=int(NOW)
    )


def logged(query: str, status: int = 200) -> str:
    return f'192.0.2.1 - - {TIME} "GET /rest/1{query} HTTP/1.1" {status} 5 "-" "okhttp/4"'


def counted(lines: list[str], policy: bytes = CONNECT, **more: Any) -> tuple[list[Use], Conversion]:
    uses: list[Use] = []

    def count(use: Use, at: float) -> None:
        assert at == NOW
        uses.append(use)

    last = Conversion()
    steps = convert(lines, combined, read_policy(policy), count, hash_key=bytes(32), **more)
    for last in steps:
        assert last.lines
    return uses, last


def test_a_client_is_who_its_token_says_and_proves_nothing() -> None:
    text = token("acme")
    uses, told = counted([logged(f"?a=1&jwt={text}"), logged("?a=1"), "rubbish"])
    assert [(use.client, use.verified, use.outcome) for use in uses] == [("acme", False, "pass")]
    assert (uses[0].route, uses[0].agent, uses[0].method) == ("/rest/*", "okhttp", "GET")
    assert text not in repr(uses)
    assert (told.lines, told.uses, told.unread, told.first_unread) == (3, 1, 1, 3)
    assert told.days == {"2022-02-01"}


def test_what_had_been_refused_is_not_missed() -> None:
    uses, told = counted([logged(f"?jwt={token('a')}", 401), logged("?b", 403)])
    assert uses == []
    assert told.refused == 1


def test_old_tokens_are_proved_as_of_their_day() -> None:
    app = Installation(
        app_key="known", client_key="site", base_url="", product=Product.JIRA,
        shared_secret=SECRET,
    )  # fmt: skip
    verifiers = {"jwt": ConnectVerifier(KeptInstallations({"known": app}.get))}
    lines = [logged(f"?a=1&jwt={token(name)}") for name in ("known", "unknown")]
    lines.append(logged(f"?a=1&jwt={token('known', Secret('another secret 0123'))}"))
    lines.append(logged("?a=1&jwt=opaque"))
    uses, _ = counted(lines, verifiers=verifiers)
    assert [(use.client, use.verified) for use in uses[:3]] == [
        ("known", True),
        ("unknown", False),
        ("known", False),
    ]
    assert (uses[3].outcome, uses[3].verified) == ("token-malformed", False)


def test_a_store_that_is_out_is_no_token_that_proves_nothing() -> None:
    def out(app_key: str) -> Installation | None:
        raise StoreUnavailable

    verifiers = {"jwt": ConnectVerifier(KeptInstallations(out))}
    with pytest.raises(ConfigurationError, match="verify: the store"):
        counted([logged(f"?a=1&jwt={token('known')}")], verifiers=verifiers)


def test_dates_are_those_of_the_lines() -> None:
    off = CONNECT.replace(b"2022-03-01", b"2022-01-01")
    uses, _ = counted([logged(f"?jwt={token('acme')}")], off)
    assert uses[0].outcome == "anonymous"
    observed, _ = counted([logged(f"?jwt={token('acme')}")], b'mode = "observe"\n' + CONNECT)
    assert observed[0].outcome == "pass"


def test_issuers_and_nobody() -> None:
    jwks = CONNECT.partition(b"[verify]")[0] + (
        b'[verify]\nby = "jwks"\n[[verify.issuer]]\nissuer = "acme"\n'
        b'keys = "https://id.example/k"\naudience = ["api"]\n[[location]]'
        + CONNECT.partition(b"[[location]]")[2]
    )
    uses, _ = counted([logged(f"?jwt={token('acme')}")], jwks)
    assert (uses[0].client, uses[0].verified) == ("acme", False)
    nobody = b'name = "a"\n[[location]]\nname = "t"\nparameters = ["t"]\n'
    uses, _ = counted([logged("?t=opaque"), logged("?t=opaque")], nobody)
    assert uses[0].client.startswith("token:")
    assert uses[0].client == uses[1].client
