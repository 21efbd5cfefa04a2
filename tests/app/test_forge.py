from __future__ import annotations

import pytest

from headway.app.forge import (
    INVOCATION,
    Forge,
    bearer,
    mapped,
    once_only,
    read_invocation,
)
from headway.app.forge_keys import ENVIRONMENTS, Environment
from headway.app.forge_tokens import AccessTokens, Acting
from headway.errors import (
    AudienceMismatch,
    ClaimInvalid,
    ConfigurationError,
    LocationNotAllowed,
)
from headway.model import (
    Claims,
    Direction,
    Installation,
    Kind,
    Location,
    Product,
    RequestFacts,
    Secret,
    TokenText,
)
from headway.policy import ATLASSIAN_2022
from headway.refusals import ApiBaseUrlRefused, InstallationMismatch

UUID = "406d303d-0393-4ec4-ad7c-1435be94583a"
APP_ID = f"ari:cloud:ecosystem::app/{UUID}"
INSTALLED = "ari:cloud:ecosystem::installation/0a3a7799-53ae-4a5b-9e7e-03338980abb5"
CLOUD = "4c822e2f-510f-48b9-b8d2-8419d0932949"
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


def test_what_may_be_left_out_may_be_left_out():
    told = read_invocation(
        Claims(iss="f", app={"id": APP_ID, "installationId": INSTALLED, "apiBaseUrl": WIKI}), FORGE
    )
    assert (told.product, told.cloud_id) == (Product.CONFLUENCE, CLOUD)
    assert told.account_id is told.licensed is told.module_key is told.environment is None
    assert told.context == {}
    assert Acting.SYSTEM not in told.tokens


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


def test_tokens_come_along():
    tokens = AccessTokens({Acting.USER: TokenText("eyJ")})
    assert read_invocation(claims(), FORGE, tokens=tokens).tokens is tokens
