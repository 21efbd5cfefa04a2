from __future__ import annotations

import pytest

from app.invoking import APP_ID, CLOUD, INSTALLED, JWKS, KID, UUID, Invoker, key_set
from headway import jwt
from headway.app.asgi import Connect
from headway.app.context import NoInstallation
from headway.app.forge import (
    INVOCATION,
    Forge,
    SpeaksFor,
    bearer,
    mapped,
    once_only,
    read_invocation,
)
from headway.app.forge_keys import ENVIRONMENTS, Environment
from headway.errors import (
    AudienceMismatch,
    ClaimInvalid,
    ConfigurationError,
    LocationNotAllowed,
    StoreUnavailable,
)
from headway.keys import RsaPrivateKey
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    Product,
    RequestFacts,
    Secret,
)
from headway.policy import ATLASSIAN_2022
from headway.refusals import ApiBaseUrlRefused, InstallationMismatch

NOW = 1_700_000_000
OTHER_CLOUD = "99999999-510f-48b9-b8d2-8419d0932949"
JIRA = f"https://api.atlassian.com/ex/jira/{CLOUD}"
WIKI = f"https://api.atlassian.com/ex/confluence/{CLOUD}"
FORGE = Forge(APP_ID)


def app(**changes):
    told = {
        "id": APP_ID,
        "version": "16",
        "appVersion": "2.0.0",
        "installationId": INSTALLED,
        "apiBaseUrl": JIRA,
        "environment": {"type": "PRODUCTION", "id": "ari:cloud:ecosystem::environment/e"},
        "module": {"type": "jira:issuePanel", "key": "panel"},
        "installation": {"id": INSTALLED, "contexts": [{"name": "Jira", "apiBaseUrl": JIRA}]},
        "license": {"active": True},
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def claims(context=None, **changes):
    return Claims(
        iss="forge/invocation-token",
        aud=(APP_ID,),
        iat=1000,
        nbf=1000,
        exp=1025,
        jti="d8a4",
        app=app(**changes),
        principal="655362:user",
        context={"cloudId": CLOUD, "siteUrl": "https://x.atlassian.net"}
        if context is None
        else context,
    )


def read(context=None, forge=FORGE, development=False, **changes):
    return read_invocation(claims(context, **changes), forge, development=development)


# ---- settings -------------------------------------------------------------------------------


def test_an_app_id_is_that_of_the_manifest():
    assert Forge(UUID) == Forge(APP_ID)
    assert FORGE.expected().audience == (APP_ID,)


@pytest.mark.parametrize(
    "app_id", ["", "my-app", UUID.upper(), f"{APP_ID}/x", f"ari:cloud:ecosystem::app/{APP_ID}"]
)
def test_another_text_is_no_app_id(app_id):
    with pytest.raises(ConfigurationError, match="app_id"):
        Forge(app_id)


def test_a_life_is_a_setting():
    assert FORGE.expected().lives == {Kind.INVOCATION: 3600}
    assert Forge(APP_ID, token_life=30).expected().lives == {Kind.INVOCATION: 30}
    for life in (0, 86_401):
        with pytest.raises(ConfigurationError, match="token_life"):
            Forge(APP_ID, token_life=life)


def test_a_token_that_lives_longer_than_the_setting_is_refused(forge):
    forge.connect.forge = Forge(APP_ID, forge.connect.forge.environment, token_life=25)
    forge.connect.forge_route("/strict")(lambda request, context: {})
    forge.app = forge.connect.asgi()
    assert forge.invoke("/strict").status == 200
    assert forge.invoke("/strict", exp=NOW + 26).id == "token-lifetime"


def test_an_unknown_environment_stops_the_start():
    with pytest.raises(ConfigurationError, match="environment"):
        Forge(APP_ID, environment="https://keys.example")


def test_a_forge_route_accepts_invocations_in_the_header_alone():
    assert INVOCATION.kinds == {Kind.INVOCATION}
    policy = bearer(ATLASSIAN_2022)
    facts = RequestFacts(method="POST", raw_path="/api", raw_query="jwt=a.b.c")
    with pytest.raises(LocationNotAllowed):
        policy.admit(facts, INVOCATION.direction, 2_000_000_000)
    facts = RequestFacts(method="POST", raw_path="/api", authorization=("Bearer a.b.c",))
    assert policy.admit(facts, INVOCATION.direction, 2_000_000_000).token == "a.b.c"
    facts = RequestFacts(method="POST", raw_path="/api", authorization=("JWT a.b.c",))
    assert policy.admit(facts, INVOCATION.direction, 2_000_000_000).token is None
    assert policy.row(Direction.REMOTE, Location.HEADER).schedule is not None


# ---- what the token says --------------------------------------------------------------------


def test_an_invocation_is_typed():
    told = read()
    assert (told.app_id, told.installation_id, told.cloud_id) == (APP_ID, INSTALLED, CLOUD)
    assert (told.product, told.api_base_url) == (Product.JIRA, JIRA)
    assert (told.environment, told.environment_id) == (
        "PRODUCTION",
        "ari:cloud:ecosystem::environment/e",
    )
    assert (told.module_type, told.module_key) == ("jira:issuePanel", "panel")
    assert (told.account_id, told.licensed, told.app_version) == ("655362:user", True, "2.0.0")
    assert told.site_url == "https://x.atlassian.net"
    assert told.context["cloudId"] == CLOUD
    assert repr(told) == f"<invocation of {APP_ID} for {INSTALLED}>"


def test_what_is_null_is_left_out():
    null = dict.fromkeys(("environment", "module", "installation", "license", "appVersion"))
    told = read_invocation(
        Claims(
            iss="f",
            app={"id": APP_ID, "installationId": INSTALLED, "apiBaseUrl": JIRA, **null},
            context={"cloudId": None, "extension": None},
        ),
        FORGE,
    )
    assert (told.installation_id, told.module_key, told.licensed) == (INSTALLED, None, None)
    assert read(installation={"id": INSTALLED, "contexts": None}).api_base_urls == {
        Product.JIRA: JIRA
    }


def test_what_may_be_left_out_may_be_left_out():
    told = read_invocation(
        Claims(iss="f", app={"id": APP_ID, "installationId": INSTALLED, "apiBaseUrl": WIKI}), FORGE
    )
    assert (told.product, told.cloud_id) == (Product.CONFLUENCE, CLOUD)
    assert told.account_id is told.licensed is told.module_key is told.environment is None
    assert told.context == {}


@pytest.mark.parametrize(
    ("licence", "licensed"),
    [
        (None, None),
        ({}, None),
        ({"active": False}, False),
        ({"isActive": True}, True),
        ({"active": False, "isActive": True}, False),
        ({"active": True, "type": "COMMERCIAL", "trialEndDate": "1989949707000"}, True),
    ],
)
def test_the_licence_is_active_or_not_or_unsaid(licence, licensed):
    assert read(license=licence).licensed is licensed


def test_an_older_token_names_the_installation_elsewhere():
    assert read(installationId=None).installation_id == INSTALLED


@pytest.mark.parametrize(
    "changes",
    [
        {"installationId": None, "installation": None},
        {"installationId": ""},
        {"installationId": 7},
        {"installationId": "x" * 513},
        {"apiBaseUrl": None},
        {"id": None},
        {"module": "panel"},
        {"license": {"active": "yes"}},
        {"installation": {"id": INSTALLED, "contexts": {"name": "Jira"}}},
    ],
    ids=["none", "empty", "number", "long", "no api", "no id", "module", "licence", "contexts"],
)
def test_a_claim_that_is_not_of_its_type_is_refused(changes):
    with pytest.raises(ClaimInvalid):
        read(**changes)


def test_a_context_that_is_not_of_its_type_is_refused():
    with pytest.raises(ClaimInvalid):
        read(context={"cloudId": ["x"]})


def test_another_apps_claim_is_refused():
    with pytest.raises(AudienceMismatch):
        read(id="ari:cloud:ecosystem::app/00000000-0393-4ec4-ad7c-1435be94583a")


# ---- T14: apiBaseUrl is on a fixed list -----------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        f"https://api.stg.atlassian.com/ex/jira/{CLOUD}",
        f"http://api.atlassian.com/ex/jira/{CLOUD}",
        f"https://api.atlassian.com.evil.example/ex/jira/{CLOUD}",
        f"https://evilapi.atlassian.com/ex/jira/{CLOUD}",
        f"https://user@api.atlassian.com/ex/jira/{CLOUD}",
        f"https://api.atlassian.com@evil.example/ex/jira/{CLOUD}",
        f"https://api.atlassian.com./ex/jira/{CLOUD}",
        f"https://api.atlassian.com\\@evil.example/ex/jira/{CLOUD}",
        f"https://api.atlassian.com:443/ex/jira/{CLOUD}",
        f"https://api.atlassian.com/ex/jira/{CLOUD}/..",
        f"https://api.atlassian.com/ex/jira/{CLOUD}?x=1",
        f"https://api.atlassian.com/ex/jira/{CLOUD}#x",
        f"https://api.atlassian.com/ex/jira/{CLOUD}\n",
        f"https://api.atlassian.com/ex/bitbucket/{CLOUD}",
        "https://api.atlassian.com/ex/jira/",
        "https://api.atlassian.com",
        f"/ex/jira/{CLOUD}",
        "http://169.254.169.254/ex/jira/x",
        "https://[::1]/ex/jira/x",
    ],
)
def test_an_api_base_url_outside_the_list_is_refused(url):
    with pytest.raises(ApiBaseUrlRefused) as caught:
        read(context={}, apiBaseUrl=url)
    assert caught.value.status == 403


def test_the_environment_is_a_setting_and_no_claim():
    staging = f"{ENVIRONMENTS['staging'].api}/ex/jira/{CLOUD}"
    told = read(forge=Forge(APP_ID, "staging"), apiBaseUrl=staging)
    assert told.api_base_url == staging
    with pytest.raises(ApiBaseUrlRefused):
        read(forge=Forge(APP_ID, "staging"))


def test_an_environment_on_this_machine_needs_development():
    here = Forge(APP_ID, Environment(keys="http://127.0.0.1:9/jwks", api="http://127.0.0.1:9"))
    url = f"http://127.0.0.1:9/ex/jira/{CLOUD}"
    assert read(forge=here, development=True, apiBaseUrl=url).api_base_url == url
    with pytest.raises(ConfigurationError):
        read(forge=here, apiBaseUrl=url)


def test_one_installation_may_have_the_addresses_of_both_products():
    contexts = [
        {"name": "Jira", "apiBaseUrl": "https://api.atlassian.com/ex/jira/another"},
        {"name": "Confluence", "apiBaseUrl": WIKI},
        {"name": "elsewhere", "apiBaseUrl": "https://evil.example/ex/confluence/x"},
        {"name": "nowhere"},
    ]
    told = read(installation={"id": INSTALLED, "contexts": contexts})
    assert told.api_base_urls == {Product.JIRA: JIRA, Product.CONFLUENCE: WIKI}


# ---- T36: the map ---------------------------------------------------------------------------


class Records:
    def __init__(self, *records):
        self._records = records

    def by_installation_id(self, installation_id):
        return next((r for r in self._records if r.installation_id == installation_id), None)


def record(**changes):
    told = {
        "app_key": "my-app",
        "client_key": "site-1",
        "base_url": "https://x.atlassian.net",
        "product": Product.JIRA,
        "shared_secret": Secret("0123456789abcdef"),
        "cloud_id": CLOUD,
        "installation_id": INSTALLED,
        **changes,
    }
    return Installation(**told)


def test_an_invocation_is_mapped_by_its_installation_id():
    site = record()
    assert mapped(Records(record(installation_id=None), site), "my-app", read()) is site


def test_an_installation_that_no_site_told_is_none():
    assert mapped(Records(record(installation_id="another")), "my-app", read()) is None


def test_a_record_of_another_app_is_refused():
    with pytest.raises(InstallationMismatch, match="app"):
        mapped(Records(record(app_key="other-app")), "my-app", read())


def test_a_record_of_another_site_is_refused():
    with pytest.raises(InstallationMismatch, match="cloudId") as caught:
        mapped(Records(record(cloud_id=OTHER_CLOUD)), "my-app", read())
    assert caught.value.status == 403


def test_a_record_that_never_heard_of_a_cloud_id_is_mapped_by_its_installation_id_alone():
    assert mapped(Records(record(cloud_id=None)), "my-app", read()) is not None


def test_a_token_that_names_two_sites_is_refused():
    with pytest.raises(InstallationMismatch):
        read(context={"cloudId": OTHER_CLOUD})


# ---- once -----------------------------------------------------------------------------------


def test_a_jti_is_asked_for_once_within_its_app():
    first, other_app = once_only(claims()), once_only(Claims(iss="f", aud=("x",), jti="d8a4"))
    assert (first.issued, first.until) == (1000, 1055)
    assert first.digest == other_app.digest
    assert first.scope != other_app.scope
    assert "d8a4" not in first.digest
    assert once_only(Claims(iss="f")).until == 30


# ---- a route, as a whole --------------------------------------------------------------------


@pytest.fixture
def forge(make_world, keys, rsa):
    """An app that Forge invokes, and Forge."""
    invoker = Invoker(rsa, keys.address)
    keys.page(JWKS, 200, key_set(**{KID: rsa}))
    world = make_world(
        framework=Connect,
        forge=Forge(APP_ID, Environment(keys=keys.address + JWKS, api=keys.address)),
    )
    world.invoker, world.got = invoker, []

    @world.connect.forge_route("/forge", methods=["GET", "POST"])
    async def invoked(request, context):
        world.got.append((request, context))
        return {"user": context.account_id}

    @world.connect.forge_route("/forge/plain")
    def plain(request, context):
        world.got.append((request, context))
        return {"user": context.account_id}

    @world.connect.forge_route("/forge/pure", connected=False)
    async def pure(request, context):
        world.got.append((request, context))
        return {"connected": context.connected}

    @world.connect.forge_route("/forge/once", once=True)
    async def once(request, context):
        return {"done": True}

    @world.connect.context_route("/api")
    async def api(request, context):
        world.got.append((request, context))
        return {"user": context.account_id}

    world.app = world.connect.asgi()

    def invoke(path="/forge", token=None, method="POST", headers=None, **changes):
        token = token or invoker.token(world.now[0], **changes)
        given = {"authorization": f"Bearer {token}", **(headers or {})}
        return world.call(method, path, headers=given)

    world.invoke = invoke
    assert world.event(installationId=INSTALLED, cloudId=CLOUD).status == 204
    return world


def test_an_invocation_reaches_its_handler_with_the_connect_installation(forge):
    for path in ("/forge", "/forge/plain"):
        answer = forge.invoke(path)
        assert (answer.status, answer.body) == (200, b'{"user":"655362:ada"}')
        context = forge.got.pop()[1]
        assert context.installation.client_key == "site-1"
        assert context.connected
        assert context.module.issue.key == "DEMO-1"
        assert context.module["jira"]["issue"] == {"key": "DEMO-1", "id": 7}
        assert context.invocation.module_key == "panel"
        assert context.invocation.environment == "PRODUCTION"
        assert context.invocation.context["moduleKey"] == "panel"
        assert repr(context) == "<context of 655362:ada on site-1>"
    assert forge.seen[-1].kind == "invocation"
    assert forge.seen[-1].verified


def test_licence_and_locale_are_where_a_connect_route_has_them(forge):
    def context_of(**changes):
        assert forge.invoke(**changes).status == 200
        return forge.got.pop()[1]

    assert context_of().licence is None
    licensed = forge.invoker.app(license={"active": True})
    assert context_of(app=licensed).licence == "active"
    expired = forge.invoker.app(license={"isActive": False})
    assert context_of(app=expired).licence == "none"
    told = {"cloudId": CLOUD, "locale": "de-DE"}
    assert context_of(context=told).locale == "de-DE"
    assert context_of(context={"cloudId": CLOUD}).locale is None
    assert context_of(context=...).module.issue is None


def test_a_connect_route_has_no_invocation(forge):
    assert forge.call("GET", "/api", forge.context_token()).status == 200
    context = forge.got.pop()[1]
    assert context.invocation is None
    assert context.account_id == "ada"


def test_an_invocation_without_a_user_has_none(forge):
    assert forge.invoke(principal=..., context=...).status == 200
    assert forge.got.pop()[1].account_id is None


OTHER_KEY = RsaPrivateKey.generate()


@pytest.mark.parametrize(
    ("changes", "ident"),
    [
        ({"iss": "forge/other"}, "kind-refused"),
        ({"iss": "site-1"}, "kind-refused"),
        ({"aud": "ari:cloud:ecosystem::app/1"}, "audience-mismatch"),
        ({"aud": [APP_ID, "another"]}, "audience-mismatch"),
        ({"aud": ...}, "audience-mismatch"),
        ({"iat": ...}, "claim-missing"),
        ({"exp": ...}, "claim-missing"),
        ({"nbf": ...}, "claim-missing"),
        ({"jti": ...}, "claim-missing"),
        ({"app": ...}, "claim-missing"),
        ({"exp": NOW - 100, "iat": NOW - 125}, "token-expired"),
        ({"nbf": NOW + 100}, "token-not-yet-valid"),
        ({"exp": NOW + 7200}, "token-lifetime"),
        ({"qsh": "context-qsh"}, "kind-refused"),
        ({"header": {"typ": "headway-session+jwt"}}, "kind-refused"),
        ({"header": {"kid": "a b"}}, "kid-invalid"),
        ({"header": {"kid": ""}}, "kid-invalid"),
        ({"header": {"kid": "../x"}}, "signature-invalid"),
        ({"header": {"kid": "unknown"}}, "signature-invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_token_that_forge_would_not_send_is_refused(forge, changes, ident):
    answer = forge.invoke(**changes)
    assert answer.id == ident
    assert answer.status == (400 if ident == "kid-invalid" else 401)
    assert forge.got == []
    assert not forge.seen[-1].verified


def test_another_key_does_not_sign_for_forge(forge):
    forge.invoker.private = OTHER_KEY
    answer = forge.invoke()
    assert (answer.status, answer.id) == (401, "signature-invalid")
    assert answer.header("www-authenticate") == 'Bearer realm="my-app"'


def test_no_secret_of_a_tenant_signs_for_forge(forge):
    claims = {"iss": "forge/invocation-token", "aud": APP_ID, "iat": NOW, "exp": NOW + 25}
    claims |= {"nbf": NOW, "jti": "1", "app": forge.invoker.app()}
    for header in ({}, {"kid": KID}):
        answer = forge.invoke(token=jwt.encode(header, claims, forge.secret))
        assert answer.id in ("kid-invalid", "signature-invalid")
        assert answer.status in (400, 401)


def test_schemes_are_never_tried_one_after_the_other(forge):
    invocation = forge.invoker.token(NOW)
    for method, path, scheme, token, ident in (
        ("POST", "/forge", "JWT", invocation, "token-missing"),
        ("POST", "/forge", "Bearer", forge.context_token(), "kind-refused"),
        ("POST", "/forge", "Bearer", forge.request_token("POST", "/forge"), "kind-refused"),
        ("GET", "/api", "JWT", invocation, "kind-refused"),
        ("GET", "/api", "Bearer", invocation, "token-missing"),
        ("GET", "/api", "Bearer", forge.context_token(), "token-missing"),
    ):
        answer = forge.call(method, path, headers={"authorization": f"{scheme} {token}"})
        assert (answer.status, answer.id) == (401, ident)
    answer = forge.call("POST", f"/forge?jwt={invocation}")
    assert answer.id == "location-not-allowed"
    assert forge.got == []


def test_a_lifecycle_route_takes_no_invocation(forge):
    token = forge.invoker.token(NOW)
    for headers in ({"authorization": f"JWT {token}"}, {"authorization": f"Bearer {token}"}):
        answer = forge.call("POST", "/installed", headers=headers, body=forge.body())
        assert answer.status == 401


def test_an_outage_of_the_key_source_is_a_503(forge, keys):
    keys.page(JWKS, 500, b"")
    answer = forge.invoke()
    assert (answer.status, answer.id) == (503, "key-source-failed")
    keys.page(JWKS, 200, key_set(**{KID: forge.invoker.private}))
    assert forge.invoke().status == 200
    keys.page(JWKS, 500, b"")
    assert forge.invoke().status == 200


def test_an_outage_of_the_store_is_a_503(forge, monkeypatch):
    def down(*_):
        raise StoreUnavailable

    monkeypatch.setattr(forge.connect.store, "by_installation_id", down)
    answer = forge.invoke()
    assert (answer.status, answer.id) == (503, "store-unavailable")
    monkeypatch.undo()
    monkeypatch.setattr(forge.connect.once, "first", down)
    assert forge.invoke("/forge/once").id == "store-unavailable"
    assert forge.invoke().status == 200


def test_a_clock_that_is_ten_minutes_off_refuses_everything(forge):
    token = forge.invoker.token(NOW)
    for off, ident in ((600, "token-expired"), (-600, "token-not-yet-valid")):
        forge.now[0] = NOW + off
        answer = forge.invoke(token=token)
        assert (answer.status, answer.id) == (401, ident)
    forge.now[0] = NOW + 30
    assert forge.invoke(token=token).status == 200


# ---- T36, through a route -------------------------------------------------------------------


def test_an_invocation_that_no_site_told_of_is_unmapped(forge):
    app = forge.invoker.app(installationId="ari:cloud:ecosystem::installation/none")
    answer = forge.invoke(app=app)
    assert (answer.status, answer.id) == (404, "installation-unmapped")
    answer = forge.invoke("/forge/pure", app=app)
    assert (answer.status, answer.body) == (200, b'{"connected":false}')
    context = forge.got.pop()[1]
    with pytest.raises(NoInstallation):
        _ = context.installation
    assert repr(context) == "<context of 655362:ada on no Connect site>"
    assert forge.invoke("/forge/pure").body == b'{"connected":true}'


def test_an_uninstalled_site_is_unmapped_at_once(forge):
    forge.now[0] += 1
    assert forge.event("uninstalled").status == 204
    assert forge.invoke().id == "installation-unmapped"


def test_a_site_that_claims_anothers_installation_id_changes_nothing(forge):
    forge.now[0] += 1
    thief = forge.lifecycle_token(issuer="site-2")
    answer = forge.event(token=thief, clientKey="site-2", installationId=INSTALLED, cloudId="x")
    assert (answer.status, answer.id) == (409, "installation-id-taken")
    assert forge.connect.store.get("my-app", "site-2") is None
    assert forge.invoke().status == 200
    assert forge.got.pop()[1].installation.client_key == "site-1"


def test_a_record_and_a_token_of_two_sites_do_not_meet(forge):
    forge.now[0] += 1
    told = {"installationId": INSTALLED, "cloudId": OTHER_CLOUD}
    assert forge.event(**told).status == 204
    answer = forge.invoke()
    assert (answer.status, answer.id) == (403, "installation-mismatch")
    assert forge.seen[-1].refusal == "installation-mismatch"
    assert forge.seen[-1].verified


def test_an_api_base_url_outside_the_list_stops_the_request(forge):
    app = forge.invoker.app(apiBaseUrl=f"https://evil.example/ex/jira/{CLOUD}")
    assert forge.invoke(app=app).id == "api-base-url-refused"
    assert forge.got == []


# ---- once -----------------------------------------------------------------------------------


def test_a_jti_counts_for_one_write_where_the_route_says_so(forge):
    token = forge.invoker.token(NOW)
    assert forge.invoke("/forge/once", token).status == 200
    answer = forge.invoke("/forge/once", token)
    assert (answer.status, answer.id) == (401, "token-replayed")
    again = forge.invoker.token(NOW, jti="the same", principal="655362:eve")
    assert forge.invoke("/forge/once", jti="the same").status == 200
    assert forge.invoke("/forge/once", again).id == "token-replayed"
    assert [forge.invoke("/forge", token).status for _ in range(2)] == [200, 200]


def test_once_is_for_writes_and_needs_a_memory(forge, make_world):
    with pytest.raises(ConfigurationError, match="once"):
        forge.connect.forge_route("/x", methods=["GET", "POST"], once=True)
    other = make_world(framework=Connect, forge=APP_ID, store=forge.connect.store)
    with pytest.raises(ConfigurationError, match="once"):
        other.connect.forge_route("/x", once=True)


# ---- settings of an app ---------------------------------------------------------------------


def test_an_app_that_is_none_of_forges_has_no_such_route(world):
    with pytest.raises(ConfigurationError, match="forge="):
        world.connect.forge_route("/x")
    with pytest.raises(ConfigurationError, match="app_id"):
        SpeaksFor()(world.connect, None)


def test_an_app_id_alone_means_production(make_world):
    connect = make_world(framework=Connect, forge=UUID).connect
    assert connect.forge == Forge(APP_ID, "production")
    assert repr(connect.keys.forge) == f"<key set of {ENVIRONMENTS['production'].keys}>"


def test_an_environment_over_http_stops_the_start_outside_of_development(make_world):
    here = Environment(keys="http://127.0.0.1:9/jwks.json", api="http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="development"):
        make_world(
            framework=Connect,
            forge=Forge(APP_ID, here),
            development=False,
            base_url="https://app.example",
            install_keys="production",
        )


# ---- access tokens --------------------------------------------------------------------------


TOKENS = {"x-forge-oauth-system": "system-token", "x-forge-oauth-user": "user-token"}


@pytest.mark.parametrize("path", ["/forge", "/forge/plain"])
def test_no_handler_sees_a_token_in_its_headers(forge, path):
    assert forge.invoke(path, headers=TOKENS).status == 200
    request, context = forge.got.pop()
    assert "authorization" not in request.headers
    assert not set(TOKENS) & set(request.headers)
    assert "system-token" not in repr(request.scope) + repr(vars(context))


def test_access_tokens_prove_nothing(forge):
    answer = forge.call("POST", "/forge", headers=TOKENS)
    assert (answer.status, answer.id) == (401, "token-missing")
    assert forge.call("GET", "/api", forge.context_token(), headers=TOKENS).status == 200
    assert not set(TOKENS) & set(forge.got.pop()[0].headers)


def test_an_access_token_that_is_none_stops_the_request(forge):
    answer = forge.invoke(headers={"x-forge-oauth-user": "one, two"})
    assert (answer.status, answer.id) == (400, "access-token-malformed")
    assert forge.seen[-1].refusal == "access-token-malformed"
    assert forge.got == []
