"""What an app is told of its own life: the body, who signs, and in which second."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import jwt as pyjwt
import oracle
import pytest

from headway.host.apps import Licence
from headway.host.database import open_database
from headway.host.lifecycle import Addresses, cloud_id, installation_id, payload
from headway.model import Secret
from host.small_app import BASE, SmallApp, SmallHost

WHERE = Addresses(BASE, "https://localhost:8443")
NEW = Secret("a new secret of 32 bytes, or so it")


def qsh_of(method: str, target: str) -> str:
    path, _, query = target.partition("?")
    return str(oracle.qsh(method, path, query, "/base"))


def claims_of(token: str) -> Any:
    return pyjwt.decode(token, options={"verify_signature": False})


# ---- the body -------------------------------------------------------------------------------


def test_a_free_app_is_told_of_no_entitlement(host: SmallHost) -> None:
    app = host.app
    assert payload(app, "enabled", addresses=WHERE, product="jira", cloud_id="c") == {
        "key": "my-app",
        "clientKey": app.client_key,
        "baseUrl": BASE,
        "displayUrl": "https://localhost:8443",
        "productType": "jira",
        "description": "A local site of Headway",
        "cloudId": "c",
        "accountId": app.account_id,
        "eventType": "enabled",
    }


@pytest.mark.parametrize("licence", [Licence.ACTIVE, Licence.EXPIRED])
def test_a_paid_app_knows_its_entitlement(host: SmallHost, licence: Licence) -> None:
    app = host.apps.change("my-app", licence=licence)
    told = payload(app, "enabled", addresses=WHERE, product="jira", cloud_id="c")
    assert told["entitlementId"] == app.entitlement_id
    number = told["serviceEntitlementNumber"].removeprefix("SEN-")
    assert number.isdigit()
    assert told["entitlementNumber"] == f"E-{number}"


def test_whoever_may_impersonate_knows_its_client_id(host: SmallHost) -> None:
    app, _ = host.add(scopes=["READ", "act_as_user"])
    told = payload(app, "enabled", addresses=WHERE, product="jira", cloud_id="c")
    assert told["oauthClientId"] == app.oauth_client_id
    assert len(app.oauth_client_id) == 32


def test_the_cloud_id_is_the_sites_and_stays() -> None:
    with open_database(None) as database, open_database(None) as other:
        assert cloud_id(database) == cloud_id(database) != cloud_id(other)


def test_connect_on_forge_is_told_an_installation_id(host: SmallHost, app: SmallApp) -> None:
    lifecycle = host.lifecycle
    asyncio.run(lifecycle.tell(host.app, "installed", NEW))
    assert "installationId" not in json.loads(app.last("installed").body)
    lifecycle._on_forge = True
    asyncio.run(lifecycle.tell(host.app, "installed", NEW))
    told = json.loads(app.last("installed").body)["installationId"]
    assert told.startswith("ari:cloud:ecosystem::installation/")
    asyncio.run(lifecycle.tell(host.app, "enabled"))
    assert "installationId" not in json.loads(app.last("enabled").body)
    first = host.app
    upgraded, _ = host.add(revision=2)
    assert installation_id(upgraded, "cloud-1") == told
    host.apps.remove(first.key)
    anew, _ = host.add()
    assert installation_id(anew, "cloud-1") != told


# ---- who signs ------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["installed", "uninstalled"])
def test_the_install_key_signs(host: SmallHost, app: SmallApp, event: str) -> None:
    secret = NEW if event == "installed" else None
    assert asyncio.run(host.lifecycle.tell(host.app, event, secret)) == 204
    got = app.last(event)
    kid = host.keys.current.kid
    pem = host.keys.public_pem(kid)
    assert pem is not None
    claims = oracle.verified_claims(got.token, "RS256", pem)
    assert claims == {
        "iss": host.apps.client_key,
        "aud": [app.base_url],
        "iat": claims["iat"],
        "exp": claims["iat"] + 180,
        "qsh": qsh_of("POST", got.target),
    }
    options = {"verify_exp": False, "verify_iat": False}
    audience = app.base_url
    assert pyjwt.decode(got.token, pem, algorithms=["RS256"], audience=audience, options=options)
    assert pyjwt.get_unverified_header(got.token) == {"alg": "RS256", "typ": "JWT", "kid": kid}
    assert got.json.get("sharedSecret") == (NEW.reveal().decode() if secret else None)
    assert got.json["eventType"] == event
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == app.url.removeprefix("http://")


def test_a_rotated_key_signs_under_its_own_name(host: SmallHost, app: SmallApp) -> None:
    old = host.keys.current.kid
    new = host.keys.rotate().kid
    asyncio.run(host.lifecycle.tell(host.app, "installed", NEW))
    token = app.last("installed").token
    assert pyjwt.get_unverified_header(token)["kid"] == new
    assert oracle.verified_claims(token, "RS256", host.keys.public_pem(new) or b"")
    assert not oracle.verified_claims(token, "RS256", host.keys.public_pem(old) or b"")


@pytest.mark.parametrize("event", ["enabled", "disabled"])
def test_the_shared_secret_signs(host: SmallHost, app: SmallApp, event: str) -> None:
    assert asyncio.run(host.lifecycle.tell(host.app, event)) == 204
    got = app.last(event)
    claims = oracle.verified_claims(got.token, "HS256", host.apps.secret("my-app").reveal())
    assert claims["iss"] == host.apps.client_key
    assert claims["qsh"] == qsh_of("POST", f"/base/{event}")
    assert got.json["eventType"] == event
    assert "sharedSecret" not in got.json


def test_an_event_that_is_not_declared_is_not_sent(host: SmallHost, app: SmallApp) -> None:
    silent, _ = host.add(
        key="silent", lifecycle={"installed": f"{app.base_url}/installed"}, baseUrl=app.base_url
    )
    assert asyncio.run(host.lifecycle.tell(silent, "enabled")) is None
    assert app.got == []


def test_two_lifecycle_tokens_are_a_second_apart(app: SmallApp) -> None:
    """The app refuses one token twice, and an install as old as an uninstall."""
    host = SmallHost(real=time.time)
    host.add(**app.descriptor)

    async def both() -> None:
        for event in ("uninstalled", "installed"):
            await host.lifecycle.tell(host.app, event)

    asyncio.run(both())
    first, second = (claims_of(got.token)["iat"] for got in app.got)
    assert first < second


# ---- as before October 2021 -----------------------------------------------------------------


def legacy() -> SmallHost:
    return SmallHost(unsigned_installs=True)


def test_the_first_legacy_install_has_no_token_and_says_so(app: SmallApp) -> None:
    host = legacy()
    asyncio.run(host.installer.install(app.descriptor_url))
    assert "authorization" not in app.last("installed").headers
    first, enabled = host.traffic.all()
    assert (first.location, first.kind, first.claims) == (None, None, {})
    assert "without a token" in (first.hint or "")
    assert (enabled.location, enabled.hint) == ("header", None)


def test_later_legacy_events_are_signed_with_the_secret_that_the_app_has(app: SmallApp) -> None:
    host = legacy()
    asyncio.run(host.installer.install(app.descriptor_url))
    secrets = [app.last("installed").json["sharedSecret"]]
    asyncio.run(host.installer.rotate_secret("my-app"))
    secrets.append(app.last("/installed").json["sharedSecret"])
    assert oracle.verified_claims(app.last("/installed").token, "HS256", secrets[0].encode())
    asyncio.run(host.installer.uninstall("my-app"))
    assert oracle.verified_claims(app.last("uninstalled").token, "HS256", secrets[1].encode())
    assert host.apps.all() == []
    # the secret from before the uninstall proves the next install
    asyncio.run(host.installer.install(app.descriptor_url))
    again = app.last("/installed")
    assert oracle.verified_claims(again.token, "HS256", secrets[1].encode())
    assert again.json["sharedSecret"] not in secrets


def test_a_legacy_site_that_was_imported_is_a_stranger(app: SmallApp) -> None:
    host = legacy()
    asyncio.run(host.installer.install(app.descriptor_url))
    assert asyncio.run(host.installer.import_site()) == {}
    assert "authorization" not in app.last("/installed").headers
