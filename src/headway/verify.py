"""The incoming path: a request -> what its token proves, in numbered steps.

``verify`` is a generator.  Where it needs a key or a memory it yields the
question and is sent the answer (``ports.py``), so that one writing of the
rules serves every framework, sync and async, and the tests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

import msgspec

from headway import jwt
from headway.errors import (
    AudienceMismatch,
    ClaimMissing,
    ConfigurationError,
    IssuerMismatch,
    IssuerUnknown,
    KidInvalid,
    KindRefused,
    QshMismatch,
    QshMissing,
    Refusal,
    SignatureInvalid,
    TokenExpired,
    TokenInQuery,
    TokenLifetime,
    TokenMissing,
    TokenNotYetValid,
    TokenReplayed,
)
from headway.model import (
    CONTEXT_QSH,
    SESSION_TYP,
    Claims,
    Direction,
    Installation,
    Kind,
    RequestFacts,
    Secret,
    TokenText,
    Unverified,
    Verified,
    session_secret,
)
from headway.policy import Policy
from headway.ports import Credentials, NeedKey, OnceOnly, Steps
from headway.qsh import Form, matching_form, without_token

__all__ = ["RULES", "Accept", "Binding", "Expected", "Family", "Rule", "prove", "verify"]


class Family(StrEnum):
    """Whose keys sign a kind.  One route accepts one family."""

    TENANT = "tenant"  # the shared secret of an installation, or a key derived from it
    INSTALL = "install"  # the host's install keys, by kid
    GRANT = "grant"  # the shared secret, at an authorization server
    FORGE = "forge"  # Forge's key set, by kid


class Binding(StrEnum):
    """What ties a token to its request."""

    HASH = "hash"  # qsh is the hash of this request
    CONTEXT = "context"  # qsh is the word "context-qsh"
    NONE = "none"


class Rule(msgspec.Struct, frozen=True):
    """What one kind of token must be.  ``life`` is the most that exp - iat may be, in seconds."""

    family: Family
    algorithm: jwt.Algorithm
    binding: Binding
    life: int
    requires: tuple[str, ...] = ()
    audience_required: bool = False
    once: bool = False


RULES: Mapping[Kind, Rule] = {
    Kind.REQUEST: Rule(Family.TENANT, "HS256", Binding.HASH, 3600),
    Kind.CONTEXT: Rule(Family.TENANT, "HS256", Binding.CONTEXT, 86_400),
    Kind.SESSION: Rule(Family.TENANT, "HS256", Binding.NONE, 900, audience_required=True),
    Kind.LIFECYCLE: Rule(
        Family.INSTALL, "RS256", Binding.HASH, 3600, audience_required=True, once=True
    ),
    Kind.ASSERTION: Rule(
        Family.GRANT, "HS256", Binding.NONE, 120, ("sub", "tnt"), audience_required=True
    ),
    Kind.INVOCATION: Rule(
        Family.FORGE, "RS256", Binding.NONE, 3600, ("nbf", "jti", "app"), audience_required=True
    ),
}

# Members on every token's path: looking one up costs as much as a call.
_REQUEST, _CONTEXT, _SESSION = Kind.REQUEST, Kind.CONTEXT, Kind.SESSION
_LIFECYCLE, _ASSERTION, _INVOCATION = Kind.LIFECYCLE, Kind.ASSERTION, Kind.INVOCATION
_INSTALL, _HASH, _APP_TO_HOST = Family.INSTALL, Binding.HASH, Direction.APP_TO_HOST

FORGE_ISSUER = "forge/invocation-token"
CLIENT_ID_PREFIX = "urn:atlassian:connect:clientid:"
LEEWAY = 30  # seconds, on exp, iat and nbf alike
KEY_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")  # one path segment, never . or ..
KEY_NAME = re.compile(r"[!-~]{1,256}")  # a name within a key set, and never part of an address


class Accept(msgspec.Struct, frozen=True):
    """What a route accepts: tokens of these kinds, coming from this direction.

    Raises ConfigurationError for a set that is empty or mixes key families.

    >>> Accept(Direction.MODULE, {Kind.REQUEST}).family
    <Family.TENANT: 'tenant'>
    """

    direction: Direction
    kinds: frozenset[Kind] | set[Kind]
    family: Family = Family.TENANT
    """Whose keys verify; it follows from the kinds."""

    def __post_init__(self) -> None:
        """Find the one family of keys that serves the whole set."""
        families = sorted({RULES[kind].family for kind in self.kinds})
        if len(families) != 1:
            raise ConfigurationError(
                f"a route accepts kinds of one key family; {sorted(self.kinds)} have {families}"
            )
        msgspec.structs.force_setattr(self, "family", families[0])


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Who this side is, and how strict it is.

    ``audience`` holds the names by which this side is addressed (for an app
    its base URL).  ``forms`` are the canonical forms that are accepted beside
    the specified one.  ``lives`` overrides a kind's longest life, in seconds.

    >>> Expected(app_key="my-app", audience=("https://app.example",)).forms
    (<Form.SPEC: 'spec'>,)
    """

    app_key: str | None = None
    audience: tuple[str, ...] = ()
    forms: tuple[Form, ...] = (Form.SPEC,)
    lives: Mapping[Kind, int] = {}


def verify(
    request: RequestFacts,
    *,
    accept: Accept,
    expected: Expected,
    now: float,
    policy: Policy,
    at: float | None = None,
) -> Steps[Verified]:
    """Check an incoming token.  Steps 1 and 2 touch no key.

    *now* is the real time, for the token's dates; *at* is the date that the
    policy goes by, where a rehearsal moves it (both in seconds since 1970).
    Returns :class:`~headway.model.Verified`; raises a
    :class:`~headway.errors.Refusal`, a ``NoCredentials`` one where the request
    counts as anonymous.

    >>> from headway import ports, sign, policy as policies
    >>> secret = Secret("0123456789abcdef")
    >>> token = sign.request_token(secret, issuer="site", method="GET", raw_path="/panel", now=100)
    >>> class Keys:
    ...     def find(self, need): return Credentials(keys=(secret,))
    >>> ports.drive(verify(
    ...     RequestFacts(method="GET", raw_path="/panel", authorization=(f"JWT {token}",)),
    ...     accept=Accept(Direction.MODULE, {Kind.REQUEST}), expected=Expected(app_key="my-app"),
    ...     now=100, policy=policies.ATLASSIAN_2022), Keys())
    <verified request token of site>
    """
    # (1) may a token travel in this location, in this direction, at this date?
    admission = policy.admit(
        request, accept.direction, now if at is None else at, jwt.unverified_issuer
    )
    text, location = admission.token, admission.location
    if text is None or location is None:
        raise TokenInQuery(found=admission.phase) if admission.ignored else TokenMissing()
    if admission.ignored:  # not inspected is not hashed either
        query = without_token(request.raw_query)
        request = msgspec.structs.replace(request, raw_query=query)
    try:
        kind, claims, installation, digest = yield from _prove(text, request, accept, expected, now)
    except Refusal as refusal:
        # leniency is for the client that proves who it is; a source that is out proves nothing
        if admission.provisional and refusal.public.status < 500:
            raise TokenInQuery(found=admission.phase) from None
        raise
    return Verified(
        kind=kind,
        claims=claims,
        direction=accept.direction,
        location=location,
        phase=admission.phase,
        digest=digest,
        installation=installation,
        notes=admission.notes,
    )


def prove(
    text: TokenText, request: RequestFacts, *, accept: Accept, expected: Expected, now: float
) -> Steps[Claims]:
    """Whose token *text* is, wherever it stands: steps 2 to 8 of :func:`verify`, and no policy.

    For a gateway, which has decided about the location by a policy of its own.
    *request* is hashed as it is, so its query is one without the token.

    >>> from headway import ports, sign
    >>> secret = Secret("0123456789abcdef")
    >>> token = sign.request_token(secret, issuer="app", method="GET", raw_path="/rest", now=100)
    >>> class Keys:
    ...     def find(self, need): return Credentials(keys=(secret,))
    >>> ports.drive(prove(
    ...     token, RequestFacts(method="GET", raw_path="/rest"), now=100, expected=Expected(),
    ...     accept=Accept(Direction.APP_TO_HOST, {Kind.REQUEST})), Keys()).iss
    'app'
    """
    _, claims, _, _ = yield from _prove(text, request, accept, expected, now)
    return claims


def _prove(
    text: TokenText, request: RequestFacts, accept: Accept, expected: Expected, now: float
) -> Steps[tuple[Kind, Claims, Installation | None, str | None]]:
    # (2) strict decode: one text per token, bounded size
    token = jwt.decode(text)
    claims = token.unverified_claims
    kind = _kind(token, accept)
    rule = RULES[kind]
    # (3) which installation does it claim?
    need = _need(token, kind, rule, expected)
    credentials = yield need
    # (4) signature; the algorithm comes from the kind, never from the header
    try:
        installation = _check_signature(token, kind, rule, credentials, expected)
    except SignatureInvalid:
        if credentials is None or not credentials.cached:
            raise
        credentials = yield msgspec.structs.replace(need, fresh=True)
        installation = _check_signature(token, kind, rule, credentials, expected)
    # (5) times, with the leeway
    _check_times(claims, expected.lives.get(kind, rule.life), now)
    # (6) binding: the hash of *this* request, or exactly "context-qsh"
    _check_binding(claims, rule.binding, request, expected.forms)
    # (7) audience and issuer
    _check_parties(claims, kind, rule, installation, accept.direction, expected)
    # (8) once only, where the kind asks for it
    digest = None
    if rule.once:
        digest = hashlib.sha256(text.encode()).hexdigest()
        if not (yield _once(claims, digest)):
            raise TokenReplayed()
    return kind, claims, installation, digest


def _kind(token: Unverified, accept: Accept) -> Kind:
    """The kind that the token is, by ``typ``, ``qsh`` and ``iss``; it must be accepted."""
    claims = token.unverified_claims
    if token.header.typ == SESSION_TYP:
        seen = _SESSION
    elif claims.qsh == CONTEXT_QSH:
        seen = _CONTEXT
    elif claims.iss == FORGE_ISSUER:
        seen = _INVOCATION
    elif claims.iss.startswith(CLIENT_ID_PREFIX):
        seen = _ASSERTION
    else:
        seen = _LIFECYCLE if accept.family is _INSTALL else _REQUEST
    if seen not in accept.kinds:
        raise KindRefused(expected=" or ".join(sorted(accept.kinds)), found=seen)
    if seen is _SESSION and claims.qsh is not None:
        raise KindRefused(expected="a session token has no qsh", found="a qsh")
    return seen


def _need(token: Unverified, kind: Kind, rule: Rule, expected: Expected) -> NeedKey:
    claims = token.unverified_claims
    if rule.algorithm == "RS256":
        return NeedKey(issuer=claims.iss, symmetric=False, key_id=_key_id(token, rule.family))
    if kind is not _SESSION:
        return NeedKey(issuer=claims.iss, symmetric=True)
    if claims.iss != expected.app_key:
        raise IssuerMismatch(expected=expected.app_key, found=claims.iss)
    if len(claims.aud) != 1:
        raise AudienceMismatch(expected="one clientKey", found=f"{len(claims.aud)} names")
    return NeedKey(issuer=claims.aud[0], symmetric=True)


def _key_id(token: Unverified, family: Family) -> str:
    key_id = token.header.kid or ""
    if family is _INSTALL and not KEY_ID.fullmatch(key_id):
        raise KidInvalid(expected="one safe path segment", found="another text or none")
    if not KEY_NAME.fullmatch(key_id):
        raise KidInvalid(expected="a name of a key", found="another text or none")
    return key_id


def _check_signature(
    token: Unverified,
    kind: Kind,
    rule: Rule,
    credentials: Credentials | None,
    expected: Expected,
) -> Installation | None:
    """Whose signature it is, where the keys belong to an installation."""
    if credentials is None:
        raise IssuerUnknown(found=token.unverified_claims.iss)
    keys = credentials.keys
    if kind is _SESSION:
        keys = tuple(
            session_secret(key, expected.app_key or "") for key in keys if isinstance(key, Secret)
        )
    jwt.check_signature(token, rule.algorithm, keys)
    return credentials.installation


def _check_times(claims: Claims, life: int, now: float) -> None:
    issued, expires, begins = claims.iat, claims.exp, claims.nbf
    if expires is None or issued is None:
        raise ClaimMissing(expected="exp and iat")
    if now >= expires + LEEWAY:
        raise TokenExpired(found=f"expired {int(now - expires)} s ago")
    if now < issued - LEEWAY:
        raise TokenNotYetValid(found=f"issued {int(issued - now)} s ahead")
    if begins is not None and now < begins - LEEWAY:
        raise TokenNotYetValid(found=f"not before {int(begins - now)} s from now")
    if not 0 < expires - issued <= life:
        raise TokenLifetime(expected=f"1 to {life} s", found=f"{expires - issued} s")


def _once(claims: Claims, digest: str) -> OnceOnly:
    until = (claims.exp or 0) + LEEWAY
    return OnceOnly(scope=claims.iss, digest=digest, issued=claims.iat or 0, until=until)


def _check_binding(
    claims: Claims, binding: Binding, request: RequestFacts, forms: Sequence[Form]
) -> None:
    if binding is not _HASH:
        return  # "context-qsh" is what made it a context token, in _kind
    if claims.qsh is None:
        raise QshMissing()
    matching = matching_form(
        claims.qsh,
        request.method,
        request.raw_path,
        request.raw_query,
        request.base_path,
        forms,
    )
    if matching is None:
        raise QshMismatch(expected="the hash of this request", found="another hash")


def _check_parties(
    claims: Claims,
    kind: Kind,
    rule: Rule,
    installation: Installation | None,
    direction: Direction,
    expected: Expected,
) -> None:
    for name in rule.requires:
        if not getattr(claims, name):
            raise ClaimMissing(expected=name)
    reader = None
    if installation is not None and kind is not _ASSERTION:
        signer, reader = installation.client_key, installation.app_key
        if kind is _SESSION or direction is _APP_TO_HOST:  # the app signed it
            signer, reader = reader, signer
        if claims.iss != signer:
            raise IssuerMismatch(expected=signer, found=claims.iss)
    if claims.aud or rule.audience_required:
        ours = expected.audience if reader is None else (*expected.audience, reader)
        _check_audience(claims.aud, ours, required=rule.audience_required)


def _check_audience(audience: Sequence[str], ours: Collection[str], *, required: bool) -> None:
    """Required: every name must be ours.  Else one must be (RFC 7519 section 4.1.3)."""
    given, known = _bare(audience), _bare(ours)
    if not given & known or (required and given - known):
        raise AudienceMismatch(
            expected=" or ".join(sorted({*ours})), found=", ".join(audience) or "none"
        )


def _bare(names: Collection[str]) -> set[str]:
    """The *names* without a last slash: one app, one name."""
    return {name.removesuffix("/") for name in names}
