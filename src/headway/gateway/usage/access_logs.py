"""Old access logs, read into uses: what a gateway would have counted, had it been there.

Each line becomes a question with the line's own time, and the same gateway
answers it.  What a token claims is taken for its client's name and is proof of
nothing; with the policy's own verifiers, an old token is checked as of its day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from headway.errors import ConfigurationError, Refusal, TokenMalformed
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Use
from headway.gateway.rules import GatewayPolicy, Mode
from headway.gateway.usage.record import day_of
from headway.gateway.verifiers.connect import ConnectVerifier, KeptInstallations
from headway.gateway.verifiers.jwks import JwksVerifier
from headway.gateway.verifiers.settings import Verification
from headway.gateway.verifying import Verifier
from headway.model import Installation, RequestFacts, TokenText
from headway.ports import KeySource, ReplayCache, Steps

__all__ = [
    "FIELDS",
    "Conversion",
    "Line",
    "combined",
    "convert",
    "fields_of",
    "from_json",
]

LINE_MAX = 65_536
_REFUSED = frozenset({401, 403})

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMBINED = re.compile(
    rf"(\S+) \S+ [^\[]*\[([^\]]+)\] {_QUOTED} (\d{{3}}) \S+(?: {_QUOTED} {_QUOTED})?"
)
_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')
_METHOD = re.compile(r"[A-Z]{1,20}")

FIELDS: Mapping[str, str] = {
    "time": "ts",
    "method": "request.method",
    "target": "request.uri",
    "peer": "request.remote_ip",
    "agent": "request.headers.User-Agent",
    "origin": "request.headers.Origin",
    "status": "status",
}
"""Where a JSON log has what is needed: Caddy's names."""


class Line(NamedTuple):
    """One request of a log; *at* is in seconds since 1970, *status* 0 where it is not known."""

    at: float
    method: str
    target: str
    peer: str = ""
    agent: str = ""
    origin: str = ""
    status: int = 0


# ---- lines ----------------------------------------------------------------------------------


def combined(text: str) -> Line | None:
    r"""A line of Apache's and nginx's "common" and "combined"; None for what is none.

    >>> combined('192.0.2.1 - - [01/Feb/2022:00:00:00 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "x/1"')
    Line(at=1643673600.0, method='GET', target='/a?b', peer='192.0.2.1', agent='x/1', ...
    """
    match = _COMBINED.match(text)
    if match is None:
        return None
    peer, time, request, status, _, agent = match.groups()
    try:
        at = datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        return None
    words = _unescaped(request).split(" ")
    if len(words) != 3:
        return None
    agent = _unescaped(agent or "")
    told = Line(at, words[0], words[1], peer, "" if agent == "-" else agent, "", int(status))
    return _checked(told)


def _unescaped(text: str) -> str:
    """Without the escapes of nginx (a hexadecimal byte) and Apache (a backslash)."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)


def fields_of(told: str) -> Mapping[str, str]:
    """``time=ts,target=uri`` over the names of Caddy; raises ConfigurationError.

    >>> fields_of("target=uri")["target"]
    'uri'
    """
    found = dict(FIELDS)
    for pair in filter(None, told.split(",")):
        name, equals, place = pair.partition("=")
        if name not in FIELDS or not equals:
            raise ConfigurationError(f"fields: {name!r} is none of {', '.join(FIELDS)}")
        found[name] = place
    return found


def from_json(text: str, fields: Mapping[str, str] = FIELDS) -> Line | None:
    """A line of JSON; *fields* says where each is, with dots into objects.

    >>> from_json('{"ts": 5, "request": {"method": "GET", "uri": "/a?b"}}').target
    '/a?b'
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    values = {name: _found(told, place) for name, place in fields.items()}
    at = _moment(values["time"])
    if at is None or not all(isinstance(values[name], str) for name in ("method", "target")):
        return None
    told = Line(
        at,
        values["method"],
        values["target"],
        peer=_text(values["peer"]),
        agent=_text(values["agent"]),
        origin=_text(values["origin"]),
        status=_number(values["status"]),
    )
    return _checked(told)


def _found(told: Any, place: str) -> Any:
    for name in place.split(".") if place else ():
        told = told.get(name) if isinstance(told, dict) else None
    return told[0] if isinstance(told, list) and told else told


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else 0


def _moment(value: Any) -> float | None:
    """Seconds, or a date-time with its offset."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _checked(line: Line) -> Line | None:
    """*line* with the target in origin form; None where it can have been no request of ours."""
    target = line.target
    if not target.startswith("/"):
        try:
            parts = urlsplit(target)
        except ValueError:
            return None
        if parts.scheme not in ("http", "https"):
            return None
        target = f"/{target.partition('://')[2].partition('/')[2]}"
    sane = 0 <= line.at < 2**33 and len(target) <= LINE_MAX
    return line._replace(target=target) if _METHOD.fullmatch(line.method) and sane else None


# ---- who it was -----------------------------------------------------------------------------


class _AsOfThen:
    """Who a token's client is: proved by *verifier* where that still can, else as it claims.

    A secret that has changed since proves nothing of a token that was good.
    """

    def __init__(self, verifier: Verifier, *, tries: bool) -> None:
        self._verifier, self._tries = verifier, tries
        self.keys: KeySource = verifier.keys
        self.replay: ReplayCache | None = None
        self.proved = False
        """Whether the last one was proved."""

    def claimed(self, token: str) -> str | None:
        return self._verifier.claimed(token)

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        self.proved = False
        if self._tries:
            try:
                name = yield from self._verifier.proving(token, request, now)
            except Refusal as refusal:
                if refusal.public.status >= 500:  # it is not known what the token proved
                    raise ConfigurationError(f"verify: {refusal.public.title}") from None
            else:
                self.proved = True
                return name
        claimed = self.claimed(token)
        if claimed is None:
            raise TokenMalformed(expected="a token that names its client", found="another")
        return claimed

    def close(self) -> None:
        self._verifier.close()


def _believing(policy: GatewayPolicy) -> Iterator[tuple[str, Verifier]]:
    """For each location that verifies, what reads the names in its tokens."""
    for location in policy.locations:
        verify = policy.verification(location)
        if verify.by is Verification.CONNECT:
            nobody: dict[str, Installation] = {}
            yield location.name, ConnectVerifier(KeptInstallations(nobody.get))
        elif verify.by is Verification.JWKS:
            yield location.name, JwksVerifier(verify.issuers)


# ---- all of a log ---------------------------------------------------------------------------


class Conversion(msgspec.Struct):
    """How far a conversion came: *lines*, those that could not be read, and the first of them.

    *refused* had been answered with 401 or 403, so that nobody would miss them;
    *uses* are counted.  *days* are those of which there is a line.
    """

    lines: int = 0
    unread: int = 0
    first_unread: int = 0
    refused: int = 0
    uses: int = 0
    days: set[str] = msgspec.field(default_factory=set)


class _Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def convert(
    lines: Iterable[str],
    read: Callable[[str], Line | None],
    policy: GatewayPolicy,
    count: Callable[[Use, float], None],
    *,
    hash_key: bytes,
    verifiers: Mapping[str, Verifier] | None = None,
) -> Iterator[Conversion]:
    """Hand each use in *lines* to *count*, with its time; how far it is, after each line.

    *verifiers* (whose keys come at once) prove who was who; without them every
    client is one that only claims who it is.

    >>> from headway.gateway.rules import RetiredLocation
    >>> policy = GatewayPolicy(name="a", locations=(RetiredLocation(name="t", parameters=("t",)),))
    >>> log = ['{"ts": 5, "request": {"method": "GET", "uri": "/a?t=secret"}}']
    >>> told = convert(log, from_json, policy, lambda use, at: None, hash_key=bytes(32))
    >>> [each.uses for each in told]
    [1]
    """
    tried = dict(_believing(policy)) if verifiers is None else verifiers
    named = {each: _AsOfThen(tried[each], tries=verifiers is not None) for each in tried}
    clock, found = _Clock(), list[Use]()
    gateway = Gateway(
        msgspec.structs.replace(policy, mode=Mode.ENFORCE),
        verifier=dict(named),
        usage=found.append,
        clock=clock,
        hash_key=hash_key,
    )
    told = Conversion()
    for text in lines:
        told.lines += 1
        line = read(text)
        if line is None:
            told.unread += 1
            told.first_unread = told.first_unread or told.lines
            yield told
            continue
        told.days.add(day_of(line.at))
        if line.status in _REFUSED:
            told.refused += gateway.may_hold(line.target.partition("?")[2])
            yield told
            continue
        clock.at = line.at
        gateway.decide(_ask(line))
        for use in found:
            told.uses += 1
            proved = use.verified and named[use.location].proved
            count(msgspec.structs.replace(use, verified=proved), line.at)
        found.clear()
        yield told


def _ask(line: Line) -> Ask:
    headers = (("user-agent", line.agent), ("origin", line.origin))
    sent = tuple((name, value) for name, value in headers if value)
    return Ask(method=line.method, target=line.target, headers=sent, peer=line.peer)
