"""The authorization server: an app's assertion about a user -> an access token.

``POST /oauth2/token`` with the grant of RFC 7523.  The real one lives elsewhere
than the site, under a name that libraries carry in them; here the site itself
answers, and takes an assertion that is made out to either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from headway.errors import BodyTooLarge, Refusal, shown
from headway.host.access import LIFE, Grant
from headway.host.apps import App
from headway.host.gate import Actor
from headway.host.tenant import Tenant
from headway.host.world import User
from headway.http.answers import hint_headers
from headway.http.asgi import facts_from_scope, read_bounded
from headway.model import Direction, Kind, RequestFacts
from headway.ports import Credentials, NeedKey, adrive
from headway.verify import CLIENT_ID_PREFIX, Accept, Expected, verify

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["GRANT_TYPE", "OFFICIAL", "PATH", "routes"]

PATH = "/oauth2/token"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OFFICIAL = "https://oauth-2-authorization-server.services.atlassian.com"
"""The address of the real server, for which libraries make out their assertions."""

ACT_AS_USER = "ACT_AS_USER"
ACCOUNT_PREFIX = "urn:atlassian:connect:useraccountid:"
FORM_TYPE = "application/x-www-form-urlencoded"
BODY_MAX = 16_384  # bytes
FIELDS_MAX = 10
_ACCEPT = Accept(Direction.AUTHORIZATION, {Kind.ASSERTION})


class Denied(Exception):
    """Ends a request with an error of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, refusal: Refusal | None = None) -> None:
        super().__init__(error)
        status = 401 if error == "invalid_client" else 400
        body = {"error": error, "error_description": description}
        headers = {"Cache-Control": "no-store", **(hint_headers(refusal) if refusal else {})}
        self.answer = JSONResponse(body, status, headers)


def routes(site: Site) -> list[BaseRoute]:
    """The token endpoint."""

    async def token(request: Request) -> Response:
        try:
            return await _token(site, request)
        except Denied as denied:
            return denied.answer

    return [Route(PATH, token, methods=["POST"])]


async def _token(site: Site, request: Request) -> Response:
    # (1) the request is one for this grant
    form, facts = await _form(request)
    if form.get("grant_type") != GRANT_TYPE:
        raise Denied("unsupported_grant_type", f"grant_type is {GRANT_TYPE}")
    # (2) the assertion is an installed app's, for this site and nobody else's
    tenant, app, user = await _asserted(site, facts)
    # (3) the app may act as users at all
    if ACT_AS_USER not in app.scopes:
        raise Denied("unauthorized_client", f"the app has not the scope {ACT_AS_USER}")
    # (4) within what it was granted
    scopes = _scopes(app, form.get("scope"))
    grant = Grant(app_key=app.key, account_id=user.account_id, scopes=scopes)
    answer = {
        "access_token": site.tokens.issue(tenant.product, grant),
        "expires_in": LIFE,
        "token_type": "Bearer",
        "scope": " ".join(sorted(scopes)),
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


async def _form(request: Request) -> tuple[Mapping[str, str], RequestFacts]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise Denied("invalid_request", f"the body is a form: {FORM_TYPE}")
    try:
        body = await read_bounded(request.receive, BODY_MAX)
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except (BodyTooLarge, ValueError):
        raise Denied("invalid_request", "the form can not be read") from None
    if len(dict(pairs)) < len(pairs):  # RFC 6749 section 3.2
        raise Denied("invalid_request", "a parameter stands in the form twice")
    return dict(pairs), facts_from_scope(request.scope, body=body)


async def _asserted(site: Site, facts: RequestFacts) -> tuple[Tenant, App, User]:
    clients = _Clients(site)
    steps = verify(
        facts,
        accept=_ACCEPT,
        expected=Expected(audience=(OFFICIAL, f"{OFFICIAL}{PATH}", site.base_url)),
        now=site.clock.now(),
        policy=site.policy,
    )
    try:
        claims = (await adrive(steps, clients)).claims
    except Refusal as refusal:
        raise Denied("invalid_grant", str(refusal.public), refusal) from None
    tenant, app = clients.found[claims.iss]
    if claims.tnt != tenant.addresses(app).base_url:
        raise Denied("invalid_grant", "tnt is not the baseUrl of this installation")
    user = site.world.people.user((claims.sub or "").removeprefix(ACCOUNT_PREFIX))
    if user is None or not user.active or claims.sub != ACCOUNT_PREFIX + user.account_id:
        raise Denied("invalid_grant", "sub names no active user of this site")
    return tenant, app, user


class _Clients:
    """The installed apps by their ``oauthClientId``, in either product; a source of keys."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.found: dict[str, tuple[Tenant, App]] = {}

    def find(self, need: NeedKey) -> Credentials | None:
        client_id = need.issuer.removeprefix(CLIENT_ID_PREFIX)
        for tenant in self._site.tenants:
            app = tenant.apps.by_oauth_client_id(client_id)
            if app is not None and app.enabled:
                self.found[need.issuer] = tenant, app
                return Credentials(keys=(tenant.apps.secret(app.key),))
        return None


def _scopes(app: App, asked: str | None) -> frozenset[str]:
    """What the token allows: what was asked for, or all that the app has but impersonation."""
    held = app.scopes - {ACT_AS_USER}
    if not asked:
        return held
    scopes = frozenset(asked.upper().split())
    actor = Actor(kind="app", scopes=held)
    beyond = sorted(scope for scope in scopes if not actor.holds(scope))
    if beyond:
        raise Denied("invalid_scope", f"the app was not granted {shown(', '.join(beyond))}")
    return scopes
