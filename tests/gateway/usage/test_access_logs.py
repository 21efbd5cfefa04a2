"""Old logs become uses: what a gateway would have counted then."""

from __future__ import annotations

from typing import Any

import pytest

from headway import sign
from headway.errors import ConfigurationError, StoreUnavailable
from headway.gateway.decision import Use
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.access_logs import (
    LINE_MAX,
    Conversion,
    Converter,
    Line,
    names_of,
)
from headway.gateway.verifiers.connect import ConnectVerifier, KeptInstallations
from headway.model import Installation, Product, Secret
from uses import NOW

SECRET = Secret("0123456789abcdef0123")
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
    "line",
    [
        Line(NOW, "get", "/"), Line(NOW, "", "/"), Line(NOW, "GET", "*"), Line(NOW, "GET", ""),
        Line(NOW, "GET", "http://[x"), Line(NOW, "GET", f"/{'x' * LINE_MAX}"),
        Line(-1.0, "GET", "/"), Line(2.0**40, "GET", "/"), Line(NOW, "GET", "ftp://h/x"),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_can_have_been_no_request(line: Line) -> None:
    converter = Converter(read_policy(CONNECT), lambda use, at: None, hash_key=bytes(32))
    assert not converter.take(line)
    assert converter.told == Conversion()


def test_an_address_is_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    uses: list[Use] = []
    policy = read_policy(CONNECT)
    converter = Converter(policy, lambda use, at: uses.append(use), hash_key=bytes(32))
    assert converter.take(Line(NOW, "GET", f"https://h.example:443/rest/1?jwt={token('acme')}"))
    assert [(use.client, use.route) for use in uses] == [("acme", "/rest/*")]


def test_what_a_line_has_to_hold() -> None:
    assert names_of(read_policy(CONNECT)) == ("jwt",)


def test_conversions_add_up() -> None:
    told = Conversion(lines=1, days={"2022-02-01"})
    told.add(Conversion(lines=2, unread=1, first_unread=2, refused=3, uses=4, days={"2022-02-02"}))
    told.add(Conversion(unread=1, first_unread=7))
    assert told == Conversion(
        lines=3, unread=2, first_unread=2, refused=3, uses=4, days={"2022-02-01", "2022-02-02"}
    )


# ---- uses -----------------------------------------------------------------------------------


def token(issuer: str, secret: Secret = SECRET) -> str:
    return sign.request_token(
        secret, issuer=issuer, method="GET", raw_path="/rest/1", raw_query="a=1", now=int(NOW)
    )


def logged(query: str, status: int = 200) -> Line:
    return Line(NOW, "GET", f"/rest/1{query}", "192.0.2.1", "okhttp/4", "", status)


def counted(
    lines: list[Line], policy: bytes = CONNECT, **more: Any
) -> tuple[list[Use], Conversion]:
    uses: list[Use] = []

    def count(use: Use, at: float) -> None:
        assert at == NOW
        uses.append(use)

    converter = Converter(read_policy(policy), count, hash_key=bytes(32), **more)
    assert all(converter.take(line) for line in lines)
    return uses, converter.told


def test_a_client_is_who_its_token_says_and_proves_nothing() -> None:
    text = token("acme")
    uses, told = counted([logged(f"?a=1&jwt={text}"), logged("?a=1"), logged("")])
    assert [(use.client, use.verified, use.outcome) for use in uses] == [("acme", False, "pass")]
    assert (uses[0].route, uses[0].agent, uses[0].method) == ("/rest/*", "okhttp", "GET")
    assert text not in repr(uses)
    assert (told.uses, told.refused) == (1, 0)


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
