"""Who is calling?  An app by its token, a user by their session, or nobody.

Every token that comes by is noted with what was decided about it; the
:class:`Recorder` adds the answer's status and puts the note into the traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway import jwt
from headway.errors import (
    HeadwayError,
    IssuerUnknown,
    LocationRefused,
    MalformedToken,
    NoCredentials,
    QshMismatch,
    Refusal,
    TokenInQuery,
    TokenMissing,
)
from headway.explain import explain
from headway.host.access import AccessTokenInvalid, Grant
from headway.host.clock import SiteClock
from headway.host.identity import CSRF_HEADER, Identity, csrf_matches
from headway.host.traffic import Crossing, Traffic
from headway.http.answers import hint_headers, retirement_headers
from headway.http.asgi import facts_from_scope
from headway.model import Direction, Kind, Location, Phase, RequestFacts, Verified
from headway.policy import Admission, Policy
from headway.ports import adrive
from headway.qsh import Form
from headway.redact import redact_url, redact_values
from headway.verify import Accept, Expected, verify

if TYPE_CHECKING:
    from headway.host.apps import App, Apps

__all__ = ["Actor", "Forbidden", "Gate", "Recorder"]

FORMS = (Form.SPEC, Form.DECODED_NAME_ORDER, Form.CODE_POINT_VALUE_ORDER)
"""What official libraries send; each lists the same parameters."""

ANNOUNCEMENT = "https://community.developer.atlassian.com/t/50540"

READS = frozenset({"GET", "HEAD", "OPTIONS"})
WARNING = frozenset({Phase.WARNED, Phase.PAUSED})
_CONTENT = ("DELETE", "WRITE", "READ")
INCLUDED = {
    "WRITE": ("READ",),
    "DELETE": ("WRITE", "READ"),
    "PROJECT_ADMIN": _CONTENT,
    "SPACE_ADMIN": _CONTENT,
    "ADMIN": ("PROJECT_ADMIN", "SPACE_ADMIN", *_CONTENT),
}
"""What a scope brings along (Connect: "Scopes for Connect apps"); NONE comes with each."""

IMPERSONATES = "ACT_AS_USER"
ACCESS = "access"  # the kind of a token that is not signed but looked up

NOTE = "headway.note"  # where the gate leaves its note for the recorder, in the ASGI scope


class Forbidden(HeadwayError):
    """Whoever calls is known and may not; the text is the answer's."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever sent a request.

    ``app_key`` names the app, or the app through whose page a user calls;
    ``scopes`` are what it was granted, None where nothing restricts.
    ``refusal`` says why a token did not count.  ``headers`` go on the answer;
    the :class:`Recorder` puts them there.
    """

    kind: Literal["app", "user", "anonymous"]
    account_id: str | None = None
    app_key: str | None = None
    verified: Verified | None = None
    scopes: frozenset[str] | None = None
    refusal: NoCredentials | None = None
    headers: Mapping[str, str] = {}

    def holds(self, scope: str) -> bool:
        """Whether *scope* is granted, by itself or with a greater one.

        >>> Actor(kind="app", scopes=frozenset({"WRITE"})).holds("READ")
        True
        """
        if self.scopes is None:
            return True
        if scope == "NONE":
            return True
        return any(scope == held or scope in INCLUDED.get(held, ()) for held in self.scopes)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate leaves for the recorder."""

    crossing: Crossing
    headers: Mapping[str, str]


class Gate:
    """Tells who is calling the site's API, by the policy in force.

    The time in tokens and sessions is real, the policy goes by the site's
    date; nothing in a request sets either.
    """

    def __init__(
        self,
        *,
        apps: Apps,
        identity: Identity,
        clock: SiteClock,
        policy: Callable[[], Policy],
        base_url: Callable[[], str],
        grants: Callable[[str], Grant | None] = lambda text: None,
    ) -> None:
        self._apps = apps
        self._grants = grants
        self._identity = identity
        self._clock = clock
        self._policy = policy
        self._base_url = base_url
        self._accept = Accept(Direction.APP_TO_HOST, {Kind.REQUEST})

    async def actor(self, request: Request, csrf: str | None = None) -> Actor:
        """Who sent *request*; *csrf* is a form's field, where there is no header.

        Raises:
            Refusal: a token was inspected and refused.
            Forbidden: a change by cookie alone, or by an app that is not installed.
            AccessTokenInvalid: an access token that is not good.
        """
        facts = facts_from_scope(request.scope, base_path=urlsplit(self._base_url()).path)
        try:
            # (1) a token, where the policy looks at it
            verified = await self._verify(facts)
        except NoCredentials as refusal:
            # (2) an access token, a session, or nobody
            headers = self._note(request, facts, refusal=refusal)
            if bearer := _bearer(facts):
                return self._impersonating(request, bearer)
            return self._without_token(request, refusal, headers, csrf)
        except Refusal as refusal:
            self._note(request, facts, refusal=refusal)
            raise
        headers = self._note(request, facts, verified=verified)
        return self._app_actor(request, verified, headers)

    async def _verify(self, facts: RequestFacts) -> Verified:
        steps = verify(
            facts,
            accept=self._accept,
            expected=Expected(audience=(self._base_url(),), forms=FORMS),
            now=self._clock.now(),
            at=self._clock.at(),
            policy=self._policy(),
        )
        return await adrive(steps, self._apps)

    def _app_actor(self, request: Request, verified: Verified, headers: Mapping[str, str]) -> Actor:
        app = self._apps.get(verified.claims.iss)
        if app is None:
            raise IssuerUnknown(found=verified.claims.iss)
        through = self._through(request)
        if through is not None and through.key != app.key:
            raise Forbidden("The token and AP-Client-Key name two apps.")
        return Actor(
            kind="app",
            account_id=app.account_id,
            app_key=app.key,
            verified=verified,
            scopes=app.scopes,
            headers=headers,
        )

    def _impersonating(self, request: Request, text: str) -> Actor:
        """An app that acts as a user: the user's rights within the scopes of the grant."""
        grant = self._grants(text)
        app = self._apps.get(grant.app_key) if grant else None
        good = app is not None and app.enabled and IMPERSONATES in app.scopes
        self._note_access(request, good=good)
        if grant is None or app is None or not good:
            raise AccessTokenInvalid("The access token is unknown, has expired or was withdrawn.")
        return Actor(kind="user", account_id=grant.account_id, app_key=app.key, scopes=grant.scopes)

    def _without_token(
        self,
        request: Request,
        refusal: NoCredentials,
        headers: Mapping[str, str],
        csrf: str | None,
    ) -> Actor:
        app = self._through(request)
        app_key, scopes = (app.key, app.scopes) if app else (None, None)
        session = self._identity.session(request)
        sent = csrf or request.headers.get(CSRF_HEADER)
        if session and request.method not in READS and not csrf_matches(session, sent):
            raise Forbidden("A change needs the page's own token beside the cookie.")
        return Actor(
            kind="user" if session else "anonymous",
            account_id=session.account_id if session else None,
            app_key=app_key,
            scopes=scopes,
            refusal=refusal,
            headers=headers,
        )

    def _through(self, request: Request) -> App | None:
        """The app through whose page a user calls: the header restricts and proves nothing."""
        key = request.headers.get("ap-client-key")
        if key is None:
            return None
        app = self._apps.get(key)
        if app is None or not app.enabled:
            raise Forbidden("AP-Client-Key names an app that is not installed, or is disabled.")
        return app

    # ---- what was seen ----------------------------------------------------------------------

    def _note(
        self,
        request: Request,
        facts: RequestFacts,
        *,
        verified: Verified | None = None,
        refusal: Refusal | None = None,
    ) -> Mapping[str, str]:
        """Leave a note where a token came by; the headers that the answer gets."""
        if isinstance(refusal, TokenMissing):
            return {}
        policy, at = self._policy(), self._clock.at()
        try:
            admission = policy.admit(facts, Direction.APP_TO_HOST, at, jwt.unverified_issuer)
        except LocationRefused:
            admission = Admission()
        unread = isinstance(refusal, NoCredentials)
        query = f"?{facts.raw_query}" if facts.raw_query else ""
        crossing = Crossing(
            time=self._clock.now(),
            at=at,
            policy=policy.name,
            disclaimer=policy.disclaimer,
            direction=Direction.APP_TO_HOST,
            method=facts.method,
            path=redact_url(facts.raw_path + query),
            verdict=_verdict(admission, refusal),
            location=Location.QUERY if unread else admission.location,
            kind=verified.kind if verified else None,
            phase=admission.phase,
            claims={} if unread else _claims(admission),
            verified=verified is not None,
            refusal=refusal.id if refusal else None,
            hint=refusal.hint if refusal else None,
            notes=admission.notes,
            explain=_explained(facts, admission, refusal),
        )
        headers = self._headers(policy, admission, refusal)
        request.scope[NOTE] = Note(crossing=crossing, headers=headers)
        return headers

    def _note_access(self, request: Request, *, good: bool) -> None:
        """Leave a note of an access token, of which there is nothing to tell but its fate."""
        policy = self._policy()
        raw_path = request.scope["raw_path"].decode("latin-1")
        raw_query = request.scope["query_string"].decode("latin-1")
        crossing = Crossing(
            time=self._clock.now(),
            at=self._clock.at(),
            policy=policy.name,
            disclaimer=policy.disclaimer,
            direction=Direction.APP_TO_HOST,
            method=request.method,
            path=redact_url(f"{raw_path}?{raw_query}" if raw_query else raw_path),
            verdict="accepted" if good else "refused",
            location=Location.HEADER,
            kind=ACCESS,
            verified=good,
        )
        request.scope[NOTE] = Note(crossing=crossing, headers={})

    def _headers(
        self, policy: Policy, admission: Admission, refusal: Refusal | None
    ) -> dict[str, str]:
        headers: dict[str, str] = {}
        if refusal is not None:
            headers |= hint_headers(refusal)
        elif admission.ignored:
            headers |= hint_headers(TokenInQuery())
        schedule = policy.row(Direction.APP_TO_HOST, Location.QUERY).schedule
        if schedule and (admission.ignored or admission.location is Location.QUERY):
            paused = admission.phase is Phase.PAUSED
            headers |= retirement_headers(
                admission.phase,
                announced=schedule.announced.timestamp() if schedule.announced else None,
                off=schedule.off.timestamp() if schedule.off and not paused else None,
                link=ANNOUNCEMENT,
            )
        return headers


class Recorder:
    """Middleware that completes the gate's note with the status, and keeps it in the traffic."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; when the answer starts, record what the gate noted."""

        async def record(message: Message) -> None:
            note: Note | None = scope.get(NOTE)
            if note is not None and message["type"] == "http.response.start":
                status = message["status"]
                self._traffic.add(msgspec.structs.replace(note.crossing, status=status))
                headers = MutableHeaders(scope=message)
                for name, value in note.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, record)


def _bearer(facts: RequestFacts) -> str:
    """The access token of the one Authorization header, where that is what it holds (RFC 6750)."""
    if len(facts.authorization) != 1:
        return ""
    scheme, _, text = facts.authorization[0].partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _verdict(admission: Admission, refusal: Refusal | None) -> str:
    if refusal is not None:
        return "not inspected" if isinstance(refusal, NoCredentials) else "refused"
    warned = admission.location is Location.QUERY and admission.phase in WARNING
    return "warned" if warned else "accepted"


def _claims(admission: Admission) -> dict[str, Any]:
    """What the token claims, for people; nothing where it can not be read."""
    try:
        claims = jwt.decode(admission.token or "").unverified_claims
    except MalformedToken:
        return {}
    shown: dict[str, Any] = redact_values(msgspec.to_builtins(claims))
    return shown


def _explained(
    facts: RequestFacts, admission: Admission, refusal: Refusal | None
) -> dict[str, Any] | None:
    if not isinstance(refusal, QshMismatch):
        return None
    explained: dict[str, Any] = msgspec.to_builtins(explain(facts, admission.token or ""))
    return explained
