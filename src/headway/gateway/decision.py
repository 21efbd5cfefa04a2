"""What the gateway is asked, and what it answers: values, and nothing that knows a proxy.

Whoever stands in front of an API (the built-in proxy, an authorization
service behind nginx or Envoy, a middleware) makes an :class:`Ask` of a request
and carries out the :class:`Decision`: send *this* target upstream with *these*
headers, or answer *that*.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from headway.model import Phase
from headway.redact import redact_url

__all__ = [
    "EXCEPTED",
    "FAILED_OPEN",
    "OVERRIDES",
    "UNASKED",
    "Ask",
    "Decision",
    "Headers",
    "Outcome",
    "Use",
    "joined",
]

Headers = tuple[tuple[str, str], ...]

OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
"""Headers by which some software takes a request for one of another method."""

EXCEPTED = "excepted"
"""The outcome of a token that a route lets stand in the URL."""

FAILED_OPEN = "failed-open"
"""The outcome of a request that went on without its token because nothing could be decided."""

UNASKED = "failed-open-unasked"
"""What a proxy's log says of a request that it let on by itself, with nobody there to ask."""

_SAMPLE_MAX = 200
_READ_MAX = 2_000  # of a target, for a sample: a secret that is cut off is one still


class Outcome(StrEnum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - with its credentials, moved into a header where they were not
    ANONYMOUS = "anonymous"  # goes on, and the token that it carried counts for nothing
    REFUSE = "refuse"
    ANSWER = "answer"  # of the gateway itself, at a path of its own


class Ask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request as it came: nothing decoded, nothing merged.

    ``target`` is the request line's path and query as latin-1 text.
    ``headers`` have lower-case names and stand in their order, repeated ones
    too.  ``peer`` is the address that asked; ``subject`` that of a client
    certificate which somebody verified.

    >>> Ask(method="GET", target="/rest?jwt=eyJ")
    <GET /rest>
    """

    method: str
    target: str
    headers: Headers = ()
    peer: str = ""
    subject: str | None = None

    @property
    def raw_path(self) -> str:
        """The path, as it stands on the request line."""
        return self.target.partition("?")[0]

    @property
    def raw_query(self) -> str:
        """The query, without its question mark."""
        return self.target.partition("?")[2]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the header *name* (lower case)."""
        return tuple([value for key, value in self.headers if key == name])

    @property
    def overrides_method(self) -> bool:
        """Whether it asks upstream to take it for another method than it shows.

        >>> Ask(method="GET", target="/", headers=(("x-http-method", "PUT"),)).overrides_method
        True
        """
        return any(key in OVERRIDES for key, _ in self.headers)

    def __repr__(self) -> str:
        return f"<{self.method} {self.raw_path}>"


class Use(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request that used a location on its way out: what usage counts.

    ``location`` is the location's name in the policy file.  ``client`` is who
    it was, *verified* or only claimed.  ``outcome`` is the id of the refusal, or
    the outcome; ``notes`` are ids of what was passed over, as the policy says.
    ``also_header`` says that the same request carried a token in
    the header too.  ``target`` is the request's without any token of a location;
    ``sample`` is what may be shown of it.

    >>> used = Use(location="jwt", phase=Phase.OPEN, client="a", verified=False, outcome="pass",
    ...     method="GET", route="/rest", target="/rest?a=1&password=x")
    >>> used.sample, used
    ('/rest?a=1&password=REDACTED', <use of jwt: pass>)
    """

    location: str
    phase: Phase
    client: str
    verified: bool
    outcome: str
    method: str
    route: str
    agent: str = ""
    also_header: bool = False
    from_browser: bool = False  # it had an Origin: moving to a header makes a preflight
    target: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sample(self) -> str:
        """The target, redacted, and not all of a long one."""
        return redact_url(self.target[:_READ_MAX])[:_SAMPLE_MAX]

    def __repr__(self) -> str:
        return f"<use of {self.location}: {self.outcome}>"


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What to do with a request.

    ``target`` is what goes upstream: every byte as it came, without the tokens.
    ``set_headers`` replace what the request has, ``remove_headers`` (lower
    case) go away, ``answer_headers`` are added to the answer that the client
    gets.  For a refusal, ``status`` and ``body`` are the answer.  ``uses`` are
    counted; ``id`` names the rule that decided, for logs and headers.
    ``allow_header`` is for the answer to a preflight: where upstream allowed the
    origin, the header is added to ``Access-Control-Allow-Headers``.
    """

    outcome: Outcome
    target: str
    set_headers: Headers = ()
    remove_headers: tuple[str, ...] = ()
    answer_headers: Headers = ()
    status: int = 200
    body: bytes = b""
    uses: tuple[Use, ...] = ()
    id: str = ""
    allow_header: str = ""

    def __repr__(self) -> str:
        return f"<{self.outcome} {self.target.partition('?')[0]}>"


_ONCE = {"deprecation", "sunset", "headway-phase", "headway-refusal"}  # one value, no list


def joined(told: Headers) -> Headers:
    """One line for each name: of two locations the first says what is said once.

    >>> joined((("Sunset", "a"), ("Link", "<b>"), ("Sunset", "c"), ("Link", "<d>")))
    (('Sunset', 'a'), ('Link', '<b>, <d>'))
    """
    values: dict[str, list[str]] = {}
    for name, value in told:
        seen = values.setdefault(name, [])
        if value not in seen and not (seen and name.lower() in _ONCE):
            seen.append(value)
    return tuple([(name, ", ".join(seen)) for name, seen in values.items()])
