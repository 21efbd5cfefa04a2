"""Forge Remote: what an invocation token says, and which installation it speaks for.

Forge calls the app with a token of its own (FIT, RS256) and, where the
manifest asks for them, with access tokens for the app's calls back.  The token
proves who asks and for which installation; it binds neither method nor path
nor body, and with ``requestRemote`` it lies in the user's browser.  Sources:
"Forge Remote essentials" (the table of claims), "Calling Atlassian app APIs".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Protocol

import msgspec

from headway.app.forge_keys import Environment, environment_of
from headway.app.wanted import Wanted, a, hold, number
from headway.errors import (
    AudienceMismatch,
    ClaimInvalid,
    ConfigurationError,
    TokenReplayed,
)
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    Product,
    Verified,
)
from headway.policy import NEVER, Policy
from headway.ports import InstallationStore, OnceOnly
from headway.refusals import ApiBaseUrlRefused, InstallationMismatch, InstallationUnmapped
from headway.store.once import Once
from headway.verify import FORGE_ISSUER, LEEWAY, RULES, Accept, Expected

__all__ = [
    "INVOCATION",
    "Forge",
    "Invocation",
    "SpeaksFor",
    "bearer",
    "mapped",
    "module_of",
    "once_only",
    "read_invocation",
]

INVOCATION = Accept(Direction.REMOTE, frozenset({Kind.INVOCATION}))
"""What a Forge route accepts: invocation tokens, and nothing beside them."""

APP_PREFIX = "ari:cloud:ecosystem::app/"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_API = re.compile(r"/ex/(?P<product>jira|confluence)/(?P<cloud_id>[A-Za-z0-9-]{1,64})")

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
_Told = Annotated[str, msgspec.Meta(max_length=512)] | None


# ---- settings -------------------------------------------------------------------------------


_SETTINGS = {
    "app_id": Wanted(f"text, {APP_PREFIX}<uuid> as in the manifest", a(str)),
    "environment": Wanted("a name, or Environment(...)", a(str, Environment)),
    "token_life": Wanted("seconds", number),
}


class Forge(msgspec.Struct, frozen=True):
    """The app as Forge knows it.

    ``app_id`` is ``app.id`` of the manifest (its UUID alone will do).
    ``environment`` is one of the table ``forge_keys.ENVIRONMENTS`` or one's own
    addresses; no token chooses it.  ``token_life`` is the most that a token may
    live, in seconds (no document says).  Raises ConfigurationError.

    >>> Forge("406d303d-0393-4ec4-ad7c-1435be94583a").app_id
    'ari:cloud:ecosystem::app/406d303d-0393-4ec4-ad7c-1435be94583a'
    """

    app_id: str
    environment: str | Environment = "production"
    token_life: int = RULES[Kind.INVOCATION].life

    def __post_init__(self) -> None:
        """Write the app's id in full; refuse what is none, and an unknown environment."""
        hold(_SETTINGS, msgspec.structs.asdict(self), "forge ")
        number = self.app_id.removeprefix(APP_PREFIX)
        if not _UUID.fullmatch(number):
            raise ConfigurationError(f"forge app_id: is {APP_PREFIX}<uuid>, as in the manifest")
        msgspec.structs.force_setattr(self, "app_id", APP_PREFIX + number)
        environment_of(self.environment, development=True)
        if not 1 <= self.token_life <= 86_400:
            raise ConfigurationError("forge token_life: 1 to 86400 seconds")

    def expected(self) -> Expected:
        """Who the app is to Forge: the only audience of its tokens."""
        return Expected(audience=(self.app_id,), lives={Kind.INVOCATION: self.token_life})


def bearer(policy: Policy) -> Policy:
    """*policy* for invocations: ``Authorization: Bearer`` and no other place.

    >>> from headway.policy import ATLASSIAN_2022
    >>> bearer(ATLASSIAN_2022).scheme
    'Bearer'
    """
    for place in (Location.QUERY, Location.FORM):
        policy = policy.with_schedule(Direction.REMOTE, place, NEVER)
    return msgspec.structs.replace(policy, scheme="Bearer")


# ---- what the token says --------------------------------------------------------------------


class _Typed(msgspec.Struct, frozen=True, rename="camel"):
    type: _Told = None
    id: _Told = None
    key: _Told = None


class _Place(msgspec.Struct, frozen=True, rename="camel"):
    api_base_url: _Told = None


class _Installed(msgspec.Struct, frozen=True, rename="camel"):
    id: _Text | None = None
    contexts: tuple[_Place, ...] | None = None


class _Licence(msgspec.Struct, frozen=True, rename="camel"):
    active: bool | None = None
    is_active: bool | None = None  # its former name


class _App(msgspec.Struct, frozen=True, rename="camel"):
    """The claim ``app``: what is looked at of it; members to come are left alone."""

    id: _Text
    api_base_url: _Text
    installation_id: _Text | None = None
    app_version: _Told = None
    environment: _Typed | None = None
    module: _Typed | None = None
    installation: _Installed | None = None
    license: _Licence | None = None


class _Where(msgspec.Struct, frozen=True, rename="camel"):
    cloud_id: _Text | None = None
    site_url: _Told = None


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified invocation token says, typed.

    ``context`` is the claim of that name: which module, which issue or page.
    Of it Forge itself vouches for ``cloudId``; the rest says what was shown to
    the user, and a user can show something else ("RFC-138").  ``licensed`` is
    None where the token says nothing: free apps, and all environments but
    production.  ``api_base_urls`` are the addresses of the app's calls, by
    product, each on the environment's list.
    """

    app_id: str
    installation_id: str
    cloud_id: str
    product: Product
    api_base_urls: Mapping[Product, str]
    app_version: str | None = None
    environment: str | None = None
    environment_id: str | None = None
    module_type: str | None = None
    module_key: str | None = None
    account_id: str | None = None
    licensed: bool | None = None
    site_url: str | None = None
    context: Mapping[str, Any] = {}

    @property
    def api_base_url(self) -> str:
        """Where the app calls the product that invoked it: ``https://.../ex/jira/<cloudId>``."""
        return self.api_base_urls[self.product]

    def __repr__(self) -> str:
        return f"<invocation of {self.app_id} for {self.installation_id}>"


def read_invocation(claims: Claims, forge: Forge, *, development: bool = False) -> Invocation:
    """What the claims of a verified invocation token say.

    Raises :class:`~headway.errors.ClaimInvalid` where they are not of their
    types, :class:`~headway.errors.AudienceMismatch` for another app's,
    :class:`~headway.errors.ApiBaseUrlRefused` for an address that is not on the
    list, and :class:`~headway.errors.InstallationMismatch` where the token
    itself names two sites.
    """
    environment = environment_of(forge.environment, development=development)
    # (1) typed; the messages of the decoder repeat no value
    try:
        app = msgspec.convert(claims.app, _App)
        where = msgspec.convert(claims.context or {}, _Where)
    except msgspec.ValidationError as error:
        raise ClaimInvalid(found=f"in app or context: {error}") from None
    installed, module = app.installation or _Installed(), app.module or _Typed()
    forged_in = app.environment or _Typed()
    installation_id = app.installation_id or installed.id
    if installation_id is None:
        raise ClaimInvalid(expected="app.installationId", found="none")
    if app.id != forge.app_id:
        raise AudienceMismatch(expected=forge.app_id, found=app.id)
    # (2) where the app's calls go, which also says which site this is
    product, cloud_id = _api_base(app.api_base_url, environment)
    if where.cloud_id is not None and where.cloud_id != cloud_id:
        raise InstallationMismatch(expected=f"cloudId {cloud_id}", found=where.cloud_id)
    return Invocation(
        app_id=app.id,
        installation_id=installation_id,
        cloud_id=cloud_id,
        product=product,
        api_base_urls=_by_product(app.api_base_url, installed.contexts or (), environment),
        app_version=app.app_version,
        environment=forged_in.type,
        environment_id=forged_in.id,
        module_type=module.type,
        module_key=module.key,
        account_id=claims.principal,
        licensed=_licensed(app.license),
        site_url=where.site_url,
        context=claims.context or {},
    )


def _api_base(url: str, environment: Environment) -> tuple[Product, str]:
    """Product and cloudId of an address on the list: the environment's origin, one shape of path.

    Compared as text, whole: what is parsed can be parsed in two ways.
    """
    rest = url.removeprefix(environment.api)
    found = _API.fullmatch(rest) if rest != url else None
    if found is None:
        raise ApiBaseUrlRefused(expected=f"{environment.api}/ex/jira/... or .../ex/confluence/...")
    return Product(found["product"]), found["cloud_id"]


def _by_product(
    first: str, places: Iterable[_Place], environment: Environment
) -> Mapping[Product, str]:
    """The addresses of one site, by product; other contexts of an installation are left out."""
    product, cloud_id = _api_base(first, environment)
    found = {product: first}
    for url in (place.api_base_url or "" for place in places):
        try:
            other, site = _api_base(url, environment)
        except ApiBaseUrlRefused:
            continue
        if site == cloud_id:
            found.setdefault(other, url)
    return found


def _licensed(licence: _Licence | None) -> bool | None:
    if licence is None:
        return None
    return licence.active if licence.active is not None else licence.is_active


# ---- whom it speaks for ---------------------------------------------------------------------


def mapped(store: InstallationStore, app_key: str, invocation: Invocation) -> Installation | None:
    """The Connect installation that *invocation* speaks for; None where no site told this id.

    Raises :class:`~headway.errors.InstallationMismatch` where the record is
    another app's, or has another ``cloudId`` than the token.
    """
    found = store.by_installation_id(invocation.installation_id)
    if found is None:
        return None
    if found.app_key != app_key:
        raise InstallationMismatch(expected=f"app {app_key}", found=f"app {found.app_key}")
    if found.cloud_id is not None and found.cloud_id != invocation.cloud_id:
        raise InstallationMismatch(
            expected=f"cloudId {found.cloud_id}", found=f"cloudId {invocation.cloud_id}"
        )
    return found


class SpeaksFor(msgspec.Struct, frozen=True):
    """Whom a route's invocations speak for; it waits for the store.

    Without *connected* a pure Forge app is served as well, which no Connect
    installation knows.  With *once* a ``jti`` counts once.
    """

    connected: bool = True
    once: bool = False

    def __call__(self, connect: ForgeApp, verified: Verified) -> Installation | None:
        """The installation, or None where there is none and need be none.

        Raises what :func:`read_invocation` and :func:`mapped` raise,
        :class:`~headway.errors.InstallationUnmapped`, and
        :class:`~headway.errors.TokenReplayed`.
        """
        if connect.forge is None:
            raise ConfigurationError("forge: this app has no app_id there")
        invocation = read_invocation(
            verified.claims, connect.forge, development=connect.development
        )
        site = mapped(connect.store, connect.key, invocation)
        if site is None and self.connected:
            raise InstallationUnmapped(found=invocation.installation_id)
        if self.once and (
            connect.once is None or not connect.once.first(once_only(verified.claims))
        ):
            raise TokenReplayed()
        return site


class ForgeApp(Protocol):
    """What is asked of an app here."""

    development: bool
    forge: Forge | None
    once: Once | None

    @property
    def key(self) -> str:
        """The app's key."""

    @property
    def store(self) -> InstallationStore:
        """What keeps its installations."""


def module_of(context: Mapping[str, Any]) -> dict[str, Any]:
    """The claim ``context`` of an invocation in the shape of a Connect context claim.

    >>> module_of({"extension": {"issue": {"key": "A-1"}, "type": "jira:issuePanel"}})
    {'jira': {'issue': {'key': 'A-1'}}}
    """
    shown = context.get("extension")
    if not isinstance(shown, Mapping):
        return {}
    names = {"jira": ("issue", "project"), "confluence": ("space", "content")}
    by_product = {
        product: {name: shown[name] for name in of_product if isinstance(shown.get(name), Mapping)}
        for product, of_product in names.items()
    }
    return {product: things for product, things in by_product.items() if things}


def once_only(claims: Claims) -> OnceOnly:
    """The question whether an invocation is the first with its ``jti`` (RFC 7519 section 4.1.7).

    >>> once_only(Claims(iss=FORGE_ISSUER, aud=("app",), iat=100, exp=125, jti="1")).until
    155
    """
    audience = claims.aud[0] if claims.aud else ""
    return OnceOnly(
        scope=f"{FORGE_ISSUER} {audience}",
        digest=hashlib.sha256((claims.jti or "").encode()).hexdigest(),
        issued=claims.iat or 0,
        until=(claims.exp or 0) + LEEWAY,
    )
