"""The same decisions wherever the gateway stands: one table of requests, asked of each place.

A place is a :class:`Place`: it carries a request to an upstream, or answers it.
:func:`differences` says where a place and the function do not agree; whoever
adds a place (a proxy, a middleware) adds a line to ``tests/e2e/test_same.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import product
from typing import NamedTuple, Protocol

from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Headers, Outcome
from headway.gateway.middleware import answered, sent
from headway.gateway.policy_file import read_policy
from headway.gateway.rules import GatewayPolicy

POLICY = """\
name = "api"
mode = "{mode}"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-01-01
warned = 2021-06-01
off = 2022-02-01
off_means = "{off_means}"
link = "https://docs.example/jwt"
warning = true
[location.conflicts]
token-empty = "header"
[[location.brownout]]
start = 2021-12-01
end = 2021-12-02
[[location]]
name = "key"
parameters = ["api_key", "k"]
header = "X-Api-Key"
scheme = ""
off = 2022-02-01
look_alikes = "refuse"
[[route]]
path = "/pub/*"
reason = "pictures in mails"
"""
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
MOMENTS = (1_600_000_000.0, 1_612_000_000.0, 1_625_140_800.0, 1_638_360_000.0, 1_654_041_600.0)
"""Open, announced, warned, in a brownout, off."""

QUERIES = (
    *("", "a=%2f&&b=+", f"jwt={TOKEN}", f"a=1&jwt={TOKEN}&b", f"%6Awt={TOKEN}", "jwt=&a=1"),
    *(f"jwt={TOKEN}&jwt={TOKEN}", "jwt=a%0D%0AX:y", "api_key=k1", "k=k1&api_key=k2", "k=%7E"),
    *(f"jwt={TOKEN}&k=k1", f"JWT={TOKEN}&a=%3D", f"[jwt]={TOKEN}", "API_KEY=k1", ";jwt=x&a"),
)
LINES: tuple[Headers, ...] = (
    (),
    (("authorization", f"JWT {TOKEN}"),),
    (("authorization", "JWT another"),),
    (("authorization", "Basic YTpi"),),
    (("x-api-key", "own"), ("headway-phase", "forged")),
)
PREFLIGHT = (("origin", "https://a.example"), ("access-control-request-method", "GET"))
SAID = ("headway-phase", "headway-refusal", "headway-hint", "deprecation", "sunset", "warning",
        "link", "vary", "cache-control", "www-authenticate")  # fmt: skip
UPSTREAM_SAYS: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "public, max-age=60"),
    ("Headway-Phase", "forged"),
)


class Request(NamedTuple):
    """What a client sends; header names are in lower case."""

    method: str
    target: str
    headers: Headers


class Reached(NamedTuple):
    """What upstream gets: the target, and the headers that the policy is about."""

    target: str
    authorization: str | None
    key: str | None


class Seen(NamedTuple):
    """What became of a request: what upstream got, or None; and what the client was told."""

    reached: Reached | None
    status: int
    said: dict[str, str]
    allows: str


class Place(Protocol):
    """Somewhere that a gateway stands, until its context ends."""

    def __call__(self, request: Request) -> Seen:
        """What becomes of *request*."""


class Opens(Protocol):
    """Makes a place for *policy* with the clock at *now*."""

    def __call__(self, policy: GatewayPolicy, now: float) -> AbstractContextManager[Place]: ...


def requests() -> Iterator[Request]:
    """Every request of the table."""
    for path, query, headers in product(("/rest/1", "/pub/x", "/pub/../x"), QUERIES, LINES):
        yield Request("GET", f"{path}?{query}" if query else path, headers)
    for query, more in product(QUERIES, ((), (("x-http-method-override", "PUT"),))):
        target = f"/rest?{query}" if query else "/rest"
        yield Request("OPTIONS", target, (*PREFLIGHT, *more))


def policies() -> Iterator[GatewayPolicy]:
    """Not inspecting what is off, refusing it, and only observing."""
    for mode, off_means in (
        ("enforce", "not-inspected"),
        ("enforce", "refuse"),
        ("observe", "refuse"),
    ):
        yield read_policy(POLICY.format(mode=mode, off_means=off_means).encode())


def differences(opens: Opens) -> list[str]:
    """Where the place that *opens* makes and the function do not agree."""
    found = []
    for policy, now in product(policies(), MOMENTS):
        with opens(policy, now) as place:
            for request in requests():
                wanted, got = decided(policy, now, request), place(request)
                if wanted != got:
                    found.append(f"{policy.mode} {now:.0f} {request}\n  {wanted}\n  {got}")
    return found


def decided(policy: GatewayPolicy, now: float, request: Request) -> Seen:
    """What the function makes of *request*."""
    ask = Ask(method=request.method, target=request.target, headers=request.headers)
    return seen(Gateway(policy, clock=lambda: now).decide(ask), request)


def seen(decision: Decision, request: Request) -> Seen:
    """What a place does that carries out *decision* to the letter."""
    if decision.outcome is Outcome.REFUSE:
        return Seen(None, decision.status, said(decision.answer_headers), "")
    answer = answered(decision, UPSTREAM_SAYS)
    headers = sent(decision, request.headers)
    return Seen(reached(decision.target, headers), 200, said(answer), allows(answer))


def reached(target: str, headers: Headers) -> Reached:
    """What upstream gets, of all *headers* that it got."""
    known = {name.lower(): value for name, value in headers}
    return Reached(target, known.get("authorization"), known.get("x-api-key"))


def said(headers: Headers) -> dict[str, str]:
    """Of an answer's *headers* those that the gateway has a say in; several lines as one."""
    told: dict[str, str] = {}
    for name, value in headers:
        if (name := name.lower()) in SAID:
            told[name] = f"{told[name]}, {value}" if name in told else value
    return told


def allows(headers: Headers) -> str:
    """What an answer allows a page to send."""
    values = [v for n, v in headers if n.lower() == "access-control-allow-headers"]
    return ", ".join(values).lower()
