"""The tree of refusals: every way in which Headway says no.

    HeadwayError
    ├── ConfigurationError            what the operator wrote can not work; found before any request
    ├── ForeignOrigin                 our own caller would send a token to another origin
    └── Refusal                       a request is refused: id, status, fault, hint
        ├── NoCredentials             no token counts here: the request is anonymous
        │   ├── TokenMissing               token-missing
        │   └── TokenInQuery               token-in-query
        ├── LocationRefused           a token stands where it may not, or twice
        │   ├── LocationNotAllowed         location-not-allowed
        │   ├── TokenInBoth                token-in-both
        │   ├── TokensDiffer               tokens-differ
        │   ├── TokenRepeated              token-repeated
        │   ├── TokenNameEncoded           token-name-encoded
        │   ├── TokenBesideAuthorization   token-beside-authorization
        │   ├── TokenEmpty                 token-empty
        │   ├── AuthorizationRepeated      authorization-repeated
        │   └── AuthorizationMalformed     authorization-malformed
        ├── MalformedToken            the text is not one token
        │   ├── TokenTooLarge              token-too-large
        │   ├── TokenMalformed             token-malformed
        │   ├── TokenNotCanonical          token-not-canonical
        │   ├── DuplicateMember            duplicate-member
        │   ├── TokenTooDeep               token-too-deep
        │   ├── ClaimInvalid               claim-invalid
        │   └── CriticalHeader             critical-header
        ├── MalformedRequest          the request can not be hashed unambiguously
        │   ├── MethodNotNormal            method-not-normal
        │   ├── PathNotNormal              path-not-normal
        │   ├── PathCharacter              path-character
        │   ├── PathEscape                 path-escape
        │   ├── PathOutsideBase            path-outside-base
        │   ├── QueryCharacter             query-character
        │   ├── QueryEscape                query-escape
        │   ├── QueryEmptyName             query-empty-name
        │   ├── QueryTooMany               query-too-many
        │   └── QueryJwtBracket            query-jwt-bracket
        ├── Unproven                  the token does not prove what it claims
        │   ├── AlgorithmMismatch          algorithm-mismatch
        │   ├── KindRefused                kind-refused
        │   ├── IssuerUnknown              issuer-unknown
        │   ├── SignatureInvalid           signature-invalid
        │   ├── ClaimMissing               claim-missing
        │   ├── TokenExpired               token-expired
        │   ├── TokenNotYetValid           token-not-yet-valid
        │   ├── TokenLifetime              token-lifetime
        │   ├── QshMissing                 qsh-missing
        │   ├── QshMismatch                qsh-mismatch
        │   ├── AudienceMismatch           audience-mismatch
        │   ├── IssuerMismatch             issuer-mismatch
        │   ├── TokenReplayed              token-replayed
        │   ├── ClockBehind                clock-behind
        │   └── ReplayCacheFull            replay-cache-full
        ├── StateUnavailable          what this side keeps can not be asked: an outage, never a pass
        │   ├── StoreUnavailable           store-unavailable
        │   └── ReplayCacheUnavailable     replay-cache-unavailable
        ├── KeyRefused                the key that a token names can not be had
        │   ├── KidInvalid                 kid-invalid
        │   ├── KeyNotFound                key-not-found
        │   ├── KeyUnusable                key-unusable
        │   └── KeySourceFailed            key-source-failed
        ├── LifecycleRefused          a lifecycle event may not change an installation
        │   ├── BodyTooLarge               body-too-large
        │   ├── BodyMalformed              body-malformed
        │   ├── ClientKeyMismatch          client-key-mismatch
        │   ├── AppKeyMismatch             app-key-mismatch
        │   ├── BaseUrlRefused             base-url-refused
        │   ├── SecretTooShort             secret-too-short
        │   ├── InstallStale               install-stale
        │   ├── InstallationIdTaken        installation-id-taken
        │   └── NotInstalled               not-installed
        ├── EventRefused              a webhook is not taken
        │   ├── EventMalformed             event-malformed
        │   ├── EventPending               event-pending
        │   ├── QueueFull                  queue-full
        │   └── QueueUnavailable           queue-unavailable
        ├── TicketRefused             a ticket in a URL opens nothing
        │   ├── TicketUnknown              ticket-unknown
        │   ├── TicketExpired              ticket-expired
        │   ├── TicketMismatch             ticket-mismatch
        │   └── TicketTargetRefused        ticket-target-refused
        ├── InvocationRefused         a Forge invocation speaks for nobody whom this app may serve
        │   ├── ApiBaseUrlRefused          api-base-url-refused
        │   ├── InstallationMismatch       installation-mismatch
        │   ├── InstallationUnmapped       installation-unmapped
        │   └── AccessTokenMalformed       access-token-malformed
        ├── GatewayRefused            a request that a gateway stops
        │   ├── AskedTooOften              asked-too-often
        │   ├── DecisionFailed             decision-failed
        │   ├── TokenLookalike             token-lookalike
        │   └── TokensInManyPlaces         tokens-in-many-places
        └── PermissionRefused         a user who is known may not do this on their site
            ├── AdministratorRequired      administrator-required
            └── AdministratorUnknown       administrator-unknown

The last five families stand in :mod:`headway.refusals`: no token is at fault there.

A leaf's ``id`` is stable: it is the error code, the metric label, the policy
row, the docs anchor and the name of the bad example, as its ``faces`` say.
``tests/contracts`` holds each declared face to its place.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import ClassVar, ParamSpec, TypeVar

__all__ = ["ConfigurationError", "Face", "Fault", "ForeignOrigin", "HeadwayError", "Refusal"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SHOWN = 120  # characters of an outside value that a message repeats


class Fault(StrEnum):
    """Whose mistake a refusal is."""

    CALLER = "caller"  # whoever sent the request
    OPERATOR = "operator"  # whoever runs this side
    PEER = "peer"  # a system that this side asked


class Face(StrEnum):
    """A place where an id must appear."""

    DOCS = "docs"  # a section of docs/refusals.md
    POLICY = "policy"  # a row or a conflict rule of policy.py
    VECTOR = "vector"  # at least one bad example in vectors/


class HeadwayError(Exception):
    """The root of everything that Headway raises on purpose.

    >>> issubclass(Refusal, HeadwayError)
    True
    """


class ConfigurationError(HeadwayError):
    """What the operator wrote can not work; raised before any request is served.

    >>> raise ConfigurationError("off: is before warned")
    Traceback (most recent call last):
    headway.errors.ConfigurationError: off: is before warned
    """


class ForeignOrigin(HeadwayError):
    """A signed call was asked to leave the origin that its token is for; nothing was sent."""


def shown(value: object) -> str:
    """Bound *value* for a message: one line, no control characters, at most 120 characters."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


class Refusal(HeadwayError):
    """A reason to say no to a request.

    ``expected`` and ``found`` are shown to people.  They never hold a token, a
    signature, a secret or a key: whoever raises passes names, dates and ids.

    >>> error = TokenExpired(expected="exp after 12:00:00", found="exp 11:00:00")
    >>> error.id, error.status
    ('token-expired', 401)
    """

    id: ClassVar[str] = ""
    status: ClassVar[int] = 401
    fault: ClassVar[Fault] = Fault.CALLER
    title: ClassVar[str] = "the request is refused"
    hint: ClassVar[str] = ""
    faces: ClassVar[frozenset[Face]] = frozenset({Face.DOCS})
    outside: ClassVar[str] = ""
    """The id told to outsiders where it differs: an oracle is not to be offered."""

    def __init__(self, *, expected: object = "", found: object = "") -> None:
        self.expected = shown(expected)
        self.found = shown(found)
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [f"{self.id}: {self.title}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.found:
            parts.append(f"found {self.found}")
        return "; ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.expected, self.found)

    @property
    def public(self) -> type[Refusal]:
        """The refusal as an outsider may see it: another one where ``outside`` names it."""
        return registry()[self.outside] if self.outside else type(self)


def _restore(leaf: type[Refusal], expected: str, found: str) -> Refusal:
    return leaf(expected=expected, found=found)


def frameless(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let refusals leave *function* without the frames whose locals held pieces of a token.

    A report that shows local variables then has nothing to show.

    >>> frameless(len)("four")
    4
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except Refusal as refusal:
            del args, kwargs
            refusal.__context__ = None
            raise refusal.with_traceback(None) from None

    return call


def registry() -> dict[str, type[Refusal]]:
    """Every id with its class, in the order of the tree.

    >>> registry()["qsh-mismatch"].__name__
    'QshMismatch'
    """
    found: dict[str, type[Refusal]] = {}
    families = list(Refusal.__subclasses__())
    while families:
        family = families.pop(0)
        if family.id and found.setdefault(family.id, family) is not family:
            raise ConfigurationError(f"two refusals share the id {family.id}")
        families[:0] = family.__subclasses__()
    return found


_DOCS_VECTOR = frozenset({Face.DOCS, Face.VECTOR})
_DOCS_POLICY = frozenset({Face.DOCS, Face.POLICY})


# ---- no token counts here -------------------------------------------------------------------


class NoCredentials(Refusal):
    """The request carries nothing that counts: it is anonymous."""


class TokenMissing(NoCredentials):
    """No token in any location that is looked at."""

    id = "token-missing"
    title = "no token was sent"
    hint = "Send the token as 'Authorization: JWT <token>'; Forge sends 'Bearer <token>'."


class TokenInQuery(NoCredentials):
    """A token in the query string, where it is no longer inspected."""

    id = "token-in-query"
    title = "the token in the URL is not inspected"
    hint = "Move the token to the header 'Authorization: JWT <token>'; see docs/refusals.md."
    faces = _DOCS_POLICY


# ---- a token stands where it may not, or twice ----------------------------------------------


class LocationRefused(Refusal):
    """A token stands where it may not, or more than once."""

    faces = _DOCS_POLICY


class LocationNotAllowed(LocationRefused):
    """A location that this direction never uses."""

    id = "location-not-allowed"
    title = "a token may not travel there in this direction"
    hint = "Send the token as 'Authorization: JWT <token>'."


class TokenInBoth(LocationRefused):
    """The same token in the header and in the query."""

    id = "token-in-both"
    title = "the same token is in the header and in the URL"
    hint = "Drop the token from the URL; the header is enough."


class TokensDiffer(LocationRefused):
    """Two different tokens in one request."""

    id = "tokens-differ"
    title = "two different tokens in one request"
    hint = "Send exactly one token, in the header."


class TokenRepeated(LocationRefused):
    """The token's parameter occurs more than once."""

    id = "token-repeated"
    title = "the token's parameter occurs more than once"
    hint = "Send the parameter once, or better the header."


class TokenNameEncoded(LocationRefused):
    """The token's parameter name is percent-encoded."""

    id = "token-name-encoded"
    title = "the name of the token's parameter is percent-encoded"
    hint = "Write the parameter's name plainly, or better send the header."


class TokenBesideAuthorization(LocationRefused):
    """A token in the URL beside credentials of another scheme."""

    id = "token-beside-authorization"
    title = "a token in the URL stands beside an Authorization header of another scheme"
    hint = "Send one kind of credentials."


class TokenEmpty(LocationRefused):
    """The token's parameter is there, but empty."""

    id = "token-empty"
    title = "the token's parameter is empty"
    hint = "Leave the parameter out, or put the token in the header."


class AuthorizationRepeated(LocationRefused):
    """More than one Authorization header."""

    id = "authorization-repeated"
    status = 400
    title = "more than one Authorization header"
    hint = "Send one Authorization header."


class AuthorizationMalformed(LocationRefused):
    """An Authorization header of scheme JWT that holds no token."""

    id = "authorization-malformed"
    status = 400
    title = "the Authorization header is not 'JWT <token>'"
    hint = "The value is the word JWT, one space, the token; nothing else."


# ---- the text is not one token --------------------------------------------------------------


class MalformedToken(Refusal):
    """The text is not one well-formed token."""

    status = 400
    faces = _DOCS_VECTOR


class TokenTooLarge(MalformedToken):
    """More bytes than a token may have."""

    id = "token-too-large"
    title = "the token is too large"
    hint = "Keep the claims small: a token may have 8192 bytes."


class TokenMalformed(MalformedToken):
    """Not three base64url segments of JSON objects."""

    id = "token-malformed"
    title = "the text is not a signed token"
    hint = "A token is three base64url parts joined by dots; the first two are JSON objects."


class TokenNotCanonical(MalformedToken):
    """A second spelling of a token: padding, a foreign character or stray bits."""

    id = "token-not-canonical"
    title = "the token is not in its one canonical spelling"
    hint = "Use base64url without padding, and zero for the unused bits."


class DuplicateMember(MalformedToken):
    """A JSON object names a member twice."""

    id = "duplicate-member"
    title = "a JSON object names a member twice"
    hint = "Name each member once: parsers disagree on which one counts."


class TokenTooDeep(MalformedToken):
    """JSON nested deeper than a token needs."""

    id = "token-too-deep"
    title = "the token's JSON is nested too deeply"
    hint = "Nest at most 8 levels."


class ClaimInvalid(MalformedToken):
    """A claim or header member of the wrong type, range or size."""

    id = "claim-invalid"
    title = "a claim is not of its type"
    hint = "Dates are integers (seconds since 1970), names are strings of at most 512 characters."


class CriticalHeader(MalformedToken):
    """A header member that changes how a token is read."""

    id = "critical-header"
    title = "the token's header asks for an extension"
    hint = "Send no crit, b64 or zip."


# ---- the request can not be hashed unambiguously --------------------------------------------


class MalformedRequest(Refusal):
    """The request line has readings that differ: nothing is hashed, nothing is trusted."""

    status = 400
    faces = _DOCS_VECTOR


class MethodNotNormal(MalformedRequest):
    """A method that is not plain upper-case letters."""

    id = "method-not-normal"
    title = "the method is not upper-case letters"
    hint = "Write the method in upper case."


class PathNotNormal(MalformedRequest):
    """A path with empty, dot or doubled segments."""

    id = "path-not-normal"
    title = "the path is not in its normal form"
    hint = "Send a path that starts with one '/', without '//', '.' or '..'."


class PathCharacter(MalformedRequest):
    """A raw character that can not stand in a path."""

    id = "path-character"
    title = "the path holds a character that must be percent-encoded"
    hint = "Percent-encode spaces, quotes, braces and everything outside ASCII."


class PathEscape(MalformedRequest):
    """A percent escape that is broken, not UTF-8, or hides a separator."""

    id = "path-escape"
    title = "the path holds a percent escape that software reads differently"
    hint = "Escape whole UTF-8 characters, and never a NUL or a backslash."


class PathOutsideBase(MalformedRequest):
    """A path that does not lie under the base path."""

    id = "path-outside-base"
    title = "the path lies outside the base path"
    hint = "Check the baseUrl of the descriptor and the proxy's prefix."


class QueryCharacter(MalformedRequest):
    """A raw character that can not stand in a query."""

    id = "query-character"
    title = "the query holds a character that must be percent-encoded"
    hint = "Percent-encode spaces, control characters and everything outside ASCII."


class QueryEscape(MalformedRequest):
    """A percent escape that is broken or not UTF-8."""

    id = "query-escape"
    title = "the query holds a percent escape that software reads differently"
    hint = "Escape whole UTF-8 characters, as %XX."


class QueryEmptyName(MalformedRequest):
    """A parameter without a name."""

    id = "query-empty-name"
    title = "the query holds a parameter without a name"
    hint = "Name every parameter."


class QueryTooMany(MalformedRequest):
    """More segments than every implementation reads."""

    id = "query-too-many"
    title = "the query has more than 1000 segments"
    hint = "Send long lists in the body."


class QueryJwtBracket(MalformedRequest):
    """A parameter that some parsers take for the token."""

    id = "query-jwt-bracket"
    title = "the query holds a parameter that some parsers read as the token"
    hint = "Do not name a parameter jwt[...]."


# ---- the token does not prove what it claims ------------------------------------------------


class Unproven(Refusal):
    """The token is well formed and proves nothing here."""


class AlgorithmMismatch(Unproven):
    """The token's algorithm is not the one that this route and key use."""

    id = "algorithm-mismatch"
    title = "the token is signed with another algorithm than this route accepts"
    hint = "Lifecycle events use RS256, everything else HS256."
    outside = "signature-invalid"


class KindRefused(Unproven):
    """A token of a kind that this route does not accept."""

    id = "kind-refused"
    title = "this route does not accept this kind of token"
    hint = "Send the kind that the route names; a context token is not a request token."


class IssuerUnknown(Unproven):
    """No installation is known for the token's issuer."""

    id = "issuer-unknown"
    title = "no installation is known for this issuer"
    hint = "Install the app again, or check which site the token came from."
    outside = "signature-invalid"


class SignatureInvalid(Unproven):
    """The signature does not verify with the issuer's key."""

    id = "signature-invalid"
    title = "the token's issuer or signature is not accepted"
    hint = "Check that both sides hold the same shared secret, and that the app is installed."


class ClaimMissing(Unproven):
    """A claim that this kind of token must have is absent."""

    id = "claim-missing"
    title = "a required claim is missing"
    hint = "Every token needs iss, iat and exp; each kind adds its own."


class TokenExpired(Unproven):
    """The token's time is over."""

    id = "token-expired"
    title = "the token has expired"
    hint = "Make a fresh token for each request, and check the clock."


class TokenNotYetValid(Unproven):
    """The token's time has not begun."""

    id = "token-not-yet-valid"
    title = "the token is not valid yet"
    hint = "Check the clock of the machine that made the token."


class TokenLifetime(Unproven):
    """The token lives longer than its kind may."""

    id = "token-lifetime"
    title = "the token's life is longer than its kind may have"
    hint = "Make short-lived tokens: 180 seconds are usual for a request."


class QshMissing(Unproven):
    """A request token that is bound to no request."""

    id = "qsh-missing"
    title = "the token is not bound to a request"
    hint = "Add the qsh claim: the hash of the canonical request."


class QshMismatch(Unproven):
    """The token was made for another request."""

    id = "qsh-mismatch"
    title = "the token was made for another request"
    hint = "Compare the canonical requests with 'headway token qsh'; proxies often change the path."


class AudienceMismatch(Unproven):
    """The token is meant for somebody else, or for nobody where somebody must be named."""

    id = "audience-mismatch"
    title = "the token is meant for another audience"
    hint = "Check the app's base URL: it must equal the one in the descriptor."


class IssuerMismatch(Unproven):
    """The issuer is not the one that this kind of token comes from."""

    id = "issuer-mismatch"
    title = "the token comes from another issuer than this route accepts"
    hint = "An app signs with its key as issuer, a host with its clientKey."


class TokenReplayed(Unproven):
    """A token that may be used once was used again."""

    id = "token-replayed"
    title = "the token was used before"
    hint = "Make a fresh token; this kind counts once."


class ClockBehind(Unproven):
    """The clock stands behind the time already recorded, so 'once' can not be promised."""

    id = "clock-behind"
    status = 503
    fault = Fault.OPERATOR
    title = "this machine's clock stands behind the last time it recorded"
    hint = "Set the clock; once-only tokens are refused until it has caught up."


class ReplayCacheFull(Unproven):
    """No room to remember another once-only token, so none is accepted."""

    id = "replay-cache-full"
    status = 503
    fault = Fault.OPERATOR
    title = "there is no room to remember another once-only token"
    hint = "Try again when older tokens have expired, or give the cache more room."


# ---- what this side keeps can not be asked --------------------------------------------------


class StateUnavailable(Refusal):
    """A database or cache of this side does not answer, so nothing that needs it is accepted."""


class StoreUnavailable(StateUnavailable):
    """The database of installations does not answer, or not in time."""

    id = "store-unavailable"
    status = 503
    fault = Fault.OPERATOR
    title = "the store of installations can not be asked now"
    hint = "Try again; check that the database runs, can be reached and has room."


class ReplayCacheUnavailable(StateUnavailable):
    """The memory of used tokens does not answer, or was lost after the token was issued."""

    id = "replay-cache-unavailable"
    status = 503
    fault = Fault.OPERATOR
    title = "the memory of used tokens can not be asked now"
    hint = "Try again with a fresh token; check that the cache runs and can be reached."


# ---- the key that a token names can not be had ----------------------------------------------


class KeyRefused(Refusal):
    """The public key that a token names can not be had or used."""


class KidInvalid(KeyRefused):
    """A key id that is not one safe path segment."""

    id = "kid-invalid"
    status = 400
    title = "the token's key id is not acceptable"
    hint = "Of an install key: 1 to 128 characters of A-Z a-z 0-9 . _ - and no dot first."


class KeyNotFound(KeyRefused):
    """The key source knows no such key."""

    id = "key-not-found"
    title = "the key source knows no such key"
    hint = "Check that the token comes from the host's own environment."
    outside = "signature-invalid"


class KeyUnusable(KeyRefused):
    """A key that is not an RSA public key of accepted strength."""

    id = "key-unusable"
    status = 503
    fault = Fault.PEER
    title = "the key source answered with something that is not a usable key"
    hint = "Check the key source's address: it must answer with one PEM public key."


class KeySourceFailed(KeyRefused):
    """The key source did not answer, answered badly, or redirected."""

    id = "key-source-failed"
    status = 503
    fault = Fault.PEER
    title = "the key source can not be asked"
    hint = "Try again; check the network and the key source's address."


# ---- a lifecycle event may not change an installation ---------------------------------------


class LifecycleRefused(Refusal):
    """A lifecycle event that may not change an installation."""


class BodyTooLarge(LifecycleRefused):
    """A body beyond the bound."""

    id = "body-too-large"
    status = 413
    title = "the body is too large"
    hint = "A lifecycle event has at most 65536 bytes, a webhook 4194304."


class BodyMalformed(LifecycleRefused):
    """A body that is not the event it should be."""

    id = "body-malformed"
    status = 400
    title = "the body is not a lifecycle event"
    hint = "Send the JSON object that the host documents, each member once."


class ClientKeyMismatch(LifecycleRefused):
    """The token speaks for one site, the body for another."""

    id = "client-key-mismatch"
    status = 403
    title = "the token's issuer is not the body's clientKey"
    hint = "The site that signs must be the site that is installed."


class AppKeyMismatch(LifecycleRefused):
    """The event is about another app."""

    id = "app-key-mismatch"
    status = 403
    title = "the event is about another app"
    hint = "Check the app's key in its descriptor."


class BaseUrlRefused(LifecycleRefused):
    """The site's address is not one that this app serves."""

    id = "base-url-refused"
    status = 403
    title = "the site's address is not accepted"
    hint = "The site must be https on an allowed host; http only on loopback in development."


class SecretTooShort(LifecycleRefused):
    """A shared secret that could be guessed."""

    id = "secret-too-short"
    status = 400
    title = "the shared secret is too short"
    hint = "A shared secret has at least 16 bytes."


class InstallStale(LifecycleRefused):
    """An event older than the last one accepted."""

    id = "install-stale"
    status = 409
    title = "a newer event was accepted before"
    hint = "Send the event again with a fresh token."


class InstallationIdTaken(LifecycleRefused):
    """Another installation has this Forge ``installationId``: it can not speak for two."""

    id = "installation-id-taken"
    status = 409
    title = "another installation has this installationId"
    hint = "Uninstall the other site first, or remove its record: one installationId names one."


class NotInstalled(LifecycleRefused):
    """An event for an installation that does not exist."""

    id = "not-installed"
    status = 404
    title = "this site has not installed the app"
    hint = "Install the app first."
