from __future__ import annotations

import asyncio

import pytest

from app.invoking import APP_ID, Invoker
from headway import jwt
from headway.app.context import (
    Content,
    Context,
    Issue,
    Licence,
    ModuleContext,
    NoInstallation,
    NoInvocation,
    Project,
    Space,
    SyncContext,
    installation_of,
)
from headway.app.forge_calls import Invoked, SyncInvoked
from headway.app.forge_tokens import AccessTokenMissing, Acting, ForgeTokens
from headway.app.routes import CALL, PAGE
from headway.errors import ConfigurationError
from headway.model import Direction, Kind, Location, RequestFacts, TokenText, Verified


def facts(query="", token=None, method="GET", path="/panel"):
    return RequestFacts(
        method=method,
        raw_path=path,
        raw_query=query,
        authorization=() if token is None else (f"JWT {token}",),
    )


def test_a_store_without_installations_is_no_store(world):
    verified = Verified(
        kind="request",
        claims=jwt.decode(world.context_token()).unverified_claims,
        direction=Direction.MODULE,
        location=Location.HEADER,
        phase="open",
        digest="",
    )
    with pytest.raises(ConfigurationError):
        installation_of(verified)


@pytest.fixture
def opened(world):
    """A context of a page that was opened at an address with the given query."""
    world.install()

    def opened(query="", kind=Context, **changes):
        token = world.request_token("GET", "/panel", query, **changes)
        verified = asyncio.run(world.connect.check(facts(query, token), PAGE))
        return kind(world.connect, verified, installation_of(verified), query)

    return opened


def test_a_context_shows_nobodys_secret(opened):
    context = opened()
    assert repr(context) == "<context of ada on site-1>"
    assert context.account_id == "ada"
    assert opened(subject=None).account_id is None


def test_a_client_is_made_once_and_shares_the_apps_connections(world, opened):
    context, waiting = opened(), opened(kind=SyncContext)

    assert context.client is context.client
    assert context.client._calls is world.connect.calls
    assert waiting.client is waiting.client
    assert waiting.client._calls is world.connect.calls


def test_a_session_token_is_of_its_own_kind(world, opened):
    token = opened(kind=SyncContext).session_token()
    assert jwt.decode(token).header.typ == "headway-session+jwt"
    called = asyncio.run(world.connect.check(facts(token=token), CALL))
    assert called.claims.sub == "ada"


def test_what_the_signed_address_says_is_typed(opened):
    context = opened("lic=active&loc=de-DE&tz=Europe%2FBerlin")
    assert context.licence is Licence.ACTIVE
    assert (context.locale, context.timezone) == ("de-DE", "Europe/Berlin")
    assert opened("lic=none").licence is Licence.NONE
    for silent in ("", "lic=", "lic=free", "lic=active&lic=none"):
        assert opened(silent).licence is None
    assert opened("loc=").locale is None


def test_a_module_context_is_typed_and_a_mapping():
    claim = {
        "jira": {"issue": {"id": 7, "key": "A-1", "new": True}, "project": {"key": "A"}},
        "other": 1,
    }
    module = ModuleContext(claim)
    assert (module.issue, module.project) == (Issue("7", "A-1"), Project(None, "A"))
    assert (module.space, module.content) == (None, None)
    assert dict(module) == claim
    assert (len(module), module["other"]) == (2, 1)
    wiki = ModuleContext(
        {"confluence": {"space": {"id": "9", "key": "S"}, "content": {"id": "5", "type": "page"}}}
    )
    assert (wiki.space, wiki.content) == (Space("9", "S"), Content("5", "page", None))
    assert repr(wiki) == "<module context of confluence>"


@pytest.mark.parametrize("claim", [None, {}, {"jira": 1}, {"jira": {"issue": "A-1"}}])
def test_a_module_context_may_say_nothing(claim):
    assert ModuleContext(claim).issue is None


def test_a_module_context_takes_no_members_of_another_type():
    assert ModuleContext({"jira": {"issue": {"id": [1], "key": None}}}).issue == Issue()


# ---- an invocation of Forge -----------------------------------------------------------------


@pytest.fixture
def invoked(make_world, rsa):
    """A context as an invocation of Forge gives it."""
    world = make_world(forge=APP_ID)
    invoker = Invoker(rsa, "https://api.atlassian.com")

    def invoked(kind=Context, site=None, tokens=None, **changes):
        claims = jwt.decode(invoker.token(1_700_000_000, **changes)).unverified_claims
        verified = Verified(
            kind=Kind.INVOCATION,
            claims=claims,
            direction=Direction.REMOTE,
            location=Location.HEADER,
            phase="open",
        )
        return kind(world.connect, verified, site, "", tokens)

    invoked.app = invoker.app
    invoked.world = world
    return invoked


@pytest.mark.parametrize("kind", [Context, SyncContext])
def test_an_invocation_gives_a_context_of_the_same_shape(invoked, kind):
    invoked.world.install()
    site = invoked.world.installation
    context = invoked(kind, site)
    assert context.installation is site
    assert context.connected
    assert context.account_id == "655362:ada"
    assert context.module.issue == Issue(id="7", key="DEMO-1")
    assert context.module.space is None
    assert context.licence is context.locale is context.timezone is None
    assert context.invocation.module_key == "panel"
    assert jwt.decode(context.session_token()).unverified_claims.sub == "655362:ada"


def test_a_pure_forge_app_has_no_installation_and_says_so(invoked):
    context = invoked()
    assert not context.connected
    with pytest.raises(NoInstallation, match="connected"):
        _ = context.installation
    with pytest.raises(NoInstallation):
        context.session_token()
    assert repr(context) == "<context of 655362:ada on no Connect site>"


def test_licence_and_locale_of_an_invocation_stand_in_its_token(invoked):
    licensed = invoked.app(license={"active": True})
    assert invoked(app=licensed).licence is Licence.ACTIVE
    assert invoked(app=invoked.app(license={"active": False})).licence is Licence.NONE
    assert invoked(context={"locale": "de-DE"}).locale == "de-DE"
    assert invoked(context={"locale": 7}).locale is None
    assert dict(invoked(context={"extension": "none"}).module) == {}


@pytest.mark.parametrize(("kind", "forge"), [(Context, Invoked), (SyncContext, SyncInvoked)])
def test_what_forge_said_and_may_be_called_ends_with_the_request(invoked, kind, forge):
    context = invoked(kind, tokens=ForgeTokens({Acting.USER: TokenText("a-user-token")}))
    assert isinstance(context.forge, forge)
    assert context.forge.app_id == APP_ID
    assert "user" in repr(context.forge.client("user"))
    if kind is SyncContext:
        with context as entered:
            assert entered is context
    else:
        asyncio.run(entered_and_left(context))
    with pytest.raises(AccessTokenMissing):
        context.forge.client("user")


async def entered_and_left(context):
    async with context as entered:
        assert entered is context


@pytest.mark.parametrize("kind", [Context, SyncContext])
def test_a_context_of_connect_has_no_invocation(opened, kind):
    context = opened(kind=kind)
    assert context.invocation is None
    assert context.connected
    with pytest.raises(NoInvocation):
        _ = context.forge


def test_whether_a_user_administers_is_asked_of_the_host(world, opened):
    class Says:
        async def administers(self, installation, account_id):
            return (installation.client_key, account_id) == ("site-1", "ada")

    world.connect.administrators = Says()
    assert asyncio.run(opened().is_administrator())
    assert opened(kind=SyncContext).is_administrator()
    assert not opened(kind=SyncContext, subject="eve").is_administrator()
