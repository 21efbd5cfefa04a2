"""Old access logs, read into uses: what a gateway would have counted, had it been there.

Each line becomes a question with the line's own time, and the same gateway
answers it.  What a token claims is taken for its client's name and is proof of
nothing; with the policy's own verifiers, an old token is checked as of its day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from headway.errors import ConfigurationError, Refusal, TokenMalformed
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Use
from headway.gateway.parameters import parts_of
from headway.gateway.rules import GatewayPolicy, Mode
from headway.gateway.verifiers.connect import ConnectVerifier, KeptInstallations
from headway.gateway.verifiers.jwks import JwksVerifier
from headway.gateway.verifiers.settings import Verification
from headway.gateway.verifying import Verifier
from headway.model import Installation, RequestFacts, TokenText
from headway.ports import KeySource, ReplayCache, Steps

__all__ = ["Conversion", "Converter", "Line", "names_of"]

LINE_MAX = 65_536
_REFUSED = frozenset({401, 403})

_METHOD = re.compile(r"[A-Z]{1,20}")


class Line(NamedTuple):
    """One request of a log; *at* is in seconds since 1970, *status* 0 where it is not known."""

    at: float
    method: str
    target: str
    peer: str = ""
    agent: str = ""
    origin: str = ""
    status: int = 0


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

    def add(self, other: Conversion) -> None:
        """Add what came after it."""
        self.lines += other.lines
        self.unread += other.unread
        self.first_unread = self.first_unread or other.first_unread
        self.refused += other.refused
        self.uses += other.uses
        self.days |= other.days


class _Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def names_of(policy: GatewayPolicy) -> tuple[str, ...]:
    """What a line has to hold, case and escapes apart, that is to hold a token of a location.

    >>> from headway.gateway.rules import RetiredLocation
    >>> names_of(GatewayPolicy(name="a", locations=(RetiredLocation(name="t", parameters=("t",)),)))
    ('t',)
    """
    return parts_of({name for each in policy.locations for name in each.names})


class Converter:
    """Hands each use in the lines that it takes to *count*, with its time.

    *verifiers* (whose keys come at once) prove who was who; without them every
    client is one that only claims who it is.

    >>> from headway.gateway.rules import RetiredLocation
    >>> policy = GatewayPolicy(name="a", locations=(RetiredLocation(name="t", parameters=("t",)),))
    >>> converter = Converter(policy, lambda use, at: None, hash_key=bytes(32))
    >>> converter.take(Line(5.0, "GET", "/a?t=secret")), converter.told.uses
    (True, 1)
    """

    def __init__(
        self,
        policy: GatewayPolicy,
        count: Callable[[Use, float], None],
        *,
        hash_key: bytes,
        verifiers: Mapping[str, Verifier] | None = None,
    ) -> None:
        self.told = Conversion()
        tried = dict(_believing(policy)) if verifiers is None else verifiers
        self._named = {each: _AsOfThen(tried[each], tries=verifiers is not None) for each in tried}
        self._clock, self._found, self._count = _Clock(), list[Use](), count
        self._gateway = Gateway(
            msgspec.structs.replace(policy, mode=Mode.ENFORCE),
            verifier=dict(self._named),
            usage=self._found.append,
            clock=self._clock,
            hash_key=hash_key,
        )

    def take(self, line: Line) -> bool:
        """Count what *line* uses; whether it can have been a request."""
        checked = _checked(line)
        if checked is None:
            return False
        if not self._gateway.may_hold(checked.target.partition("?")[2]):
            return True
        if checked.status in _REFUSED:
            self.told.refused += 1
            return True
        self._clock.at = checked.at
        self._gateway.decide(_ask(checked))
        for use in self._found:
            self.told.uses += 1
            if use.verified and not self._named[use.location].proved:
                use = msgspec.structs.replace(use, verified=False)
            self._count(use, checked.at)
        self._found.clear()
        return True


def _ask(line: Line) -> Ask:
    headers = (("user-agent", line.agent), ("origin", line.origin))
    sent = tuple((name, value) for name, value in headers if value)
    return Ask(method=line.method, target=line.target, headers=sent, peer=line.peer)
