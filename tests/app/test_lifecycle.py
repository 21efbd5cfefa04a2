from __future__ import annotations

import json

import pytest

from headway import jwt
from headway.app.lifecycle import BODY_BYTES_MAX, Event, read_event
from headway.errors import BodyMalformed, BodyTooLarge
from headway.keys import RsaPrivateKey
from headway.model import Product, Secret

OTHER = "another shared secret of 32 bytes"


def test_a_signed_install_is_recorded(world):
    assert world.event(displayUrl="https://issues.example", cloudId="c1").status == 204
    site = world.installation
    assert site.shared_secret == world.secret
    assert (site.base_url, site.product, site.cloud_id) == (
        "http://localhost:2990",
        Product.JIRA,
        "c1",
    )
    assert site.display_url == "https://issues.example"


def test_an_unsigned_install_is_refused_always(world):
    for _ in range(2):
        answer = world.call("POST", "/installed", body=world.body())
        assert (answer.status, answer.id) == (401, "token-missing")
        assert answer.header("www-authenticate") == 'JWT realm="my-app"'
    assert world.installation is None
    world.install()
    assert world.call("POST", "/installed", body=world.body(sharedSecret=OTHER)).status == 401
    assert world.installation.shared_secret == world.secret


def test_the_same_body_in_a_fresh_token_changes_nothing(world):
    world.install()
    before = world.installation
    world.now[0] += 5
    world.install()
    assert world.installation == before


def test_a_new_secret_replaces_the_old_one_which_verifies_for_a_while(world):
    world.install()
    world.now[0] += 5
    assert world.event(sharedSecret=OTHER).status == 204
    site = world.installation
    assert site.shared_secret == Secret(OTHER)
    assert site.previous_secret == world.secret
    token = world.request_token("POST", "/enabled")
    assert world.event("enabled", token).status == 204
    world.now[0] += 301
    token = world.request_token("POST", "/enabled")
    assert world.event("enabled", token).id == "signature-invalid"


# ---- replay ---------------------------------------------------------------------------------


def test_a_replayed_install_is_refused(world):
    token = world.lifecycle_token()
    assert world.event(token=token).status == 204
    answer = world.event(token=token, sharedSecret=OTHER)
    assert (answer.status, answer.id) == (401, "token-replayed")
    assert world.installation.shared_secret == world.secret


def test_an_older_install_is_refused(world):
    older = world.lifecycle_token(now=world.now[0] - 10)
    world.install()
    answer = world.event(token=older, sharedSecret=OTHER)
    assert (answer.status, answer.id) == (409, "install-stale")
    assert world.installation.shared_secret == world.secret


@pytest.mark.parametrize("second", ["restart", "worker"])
def test_a_replay_is_refused_elsewhere_too(make_world, tmp_path, second):
    path = tmp_path / "data" / "app.db"
    first = make_world(store=path)
    token = first.lifecycle_token()
    assert first.event(token=token).status == 204
    if second == "restart":
        first.connect.store._engine.dispose()
    other = make_world(store=path)
    answer = other.event(token=token, sharedSecret=OTHER)
    assert (answer.status, answer.id) == (401, "token-replayed")
    assert other.installation.shared_secret == first.secret


@pytest.mark.parametrize("gone", ["forget", "uninstall"])
def test_a_replay_after_the_end_is_refused(world, gone):
    token = world.lifecycle_token()
    assert world.event(token=token).status == 204
    if gone == "forget":
        assert world.connect.store.forget("my-app", "site-1")
    else:
        assert world.event("uninstalled").status == 204
    answer = world.event(token=token, sharedSecret=OTHER)
    assert answer.id in {"token-replayed", "install-stale"}
    assert world.installation is None


# ---- whom the token is for ------------------------------------------------------------------


@pytest.mark.parametrize(
    "audience",
    ["https://other.example", "http://127.0.0.1:3000.evil", "http://127.0.0.1:30001", ""],
)
def test_a_wrong_audience_is_refused(world, audience):
    answer = world.event(token=world.lifecycle_token(audience=audience))
    assert (answer.status, answer.id) == (401, "audience-mismatch")
    assert world.installation is None


@pytest.mark.parametrize("audience", [None, ["http://127.0.0.1:3000", "https://other.example"], []])
def test_a_missing_or_foreign_audience_is_refused(world, audience):
    claims = claims_of(world)
    if audience is None:
        del claims["aud"]
    else:
        claims["aud"] = audience
    token = jwt.encode({"typ": "JWT", "kid": "key-1"}, claims, world.rsa)
    assert world.event(token=token).id == "audience-mismatch"
    assert world.installation is None


def claims_of(world):
    token = jwt.decode(world.lifecycle_token()).unverified_claims
    return {
        "iss": token.iss,
        "iat": token.iat,
        "exp": token.exp,
        "qsh": token.qsh,
        "aud": list(token.aud),
    }


def test_an_app_that_moved_may_be_known_by_several_base_urls(make_world):
    world = make_world(audience=["http://localhost:3001"])
    assert world.event(token=world.lifecycle_token(audience="http://localhost:3001")).status == 204
    world.now[0] += 5
    world.install()  # by its own, too
    world.now[0] += 5
    token = world.lifecycle_token(audience="http://localhost:3002")
    assert world.event(token=token).id == "audience-mismatch"


def test_an_audience_that_is_one_text_or_has_a_slash_is_ours(world):
    claims = {**claims_of(world), "aud": "http://127.0.0.1:3000/"}
    token = jwt.encode({"typ": "JWT", "kid": "key-1"}, claims, world.rsa)
    assert world.event(token=token).status == 204


@pytest.mark.parametrize("missing", ["exp", "iat"])
def test_a_token_without_times_is_refused(world, missing):
    claims = claims_of(world)
    del claims[missing]
    token = jwt.encode({"typ": "JWT", "kid": "key-1"}, claims, world.rsa)
    assert world.event(token=token).id == "claim-missing"


def test_an_issuer_that_is_not_the_client_key_is_refused(world):
    answer = world.event(token=world.lifecycle_token(issuer="site-2"))
    assert (answer.status, answer.id) == (403, "client-key-mismatch")
    assert world.installation is None


# ---- what the body says ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "refusal"),
    [
        ({"key": "other-app"}, 403, "app-key-mismatch"),
        ({"eventType": "enabled"}, 400, "body-malformed"),
        ({"productType": "bamboo"}, 400, "body-malformed"),
        ({"clientKey": "site-1\n"}, 400, "body-malformed"),
        ({"description": "x" * 513}, 400, "body-malformed"),
        ({"clientKey": 5}, 400, "body-malformed"),
        ({"clientKey": ...}, 400, "body-malformed"),
        ({"baseUrl": "http://site.atlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": "https://evilatlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": "https://atlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": "https://.atlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": "https://x.atlassian.net."}, 403, "base-url-refused"),
        ({"baseUrl": "https://u@x.atlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": "https://evil.example\\.atlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": "https://x.atlassian.net:8443"}, 403, "base-url-refused"),
        ({"baseUrl": "https://x.atlassian.net/wiki/../x"}, 403, "base-url-refused"),
        ({"baseUrl": "https://x.atlassian.net/?a"}, 403, "base-url-refused"),
        ({"baseUrl": "http://169.254.169.254"}, 403, "base-url-refused"),
        ({"baseUrl": "//x.atlassian.net"}, 403, "base-url-refused"),
        ({"baseUrl": ...}, 403, "base-url-refused"),
        ({"sharedSecret": ""}, 400, "secret-too-short"),
        ({"sharedSecret": None}, 400, "secret-too-short"),
        ({"sharedSecret": ...}, 400, "secret-too-short"),
        ({"sharedSecret": "x"}, 400, "secret-too-short"),
        ({"sharedSecret": "x" * 15}, 400, "secret-too-short"),
    ],
)
def test_a_body_is_held_to_what_it_must_be(world, changes, status, refusal):
    answer = world.event(**changes)
    assert (answer.status, answer.id) == (status, refusal)
    assert world.installation is None
    assert SECRET_BYTES not in answer.body


SECRET_BYTES = b"the first shared secret"


def test_a_site_of_the_cloud_is_taken_under_its_own_address(world):
    assert (
        world.event(baseUrl="https://X.atlassian.net/wiki/", productType="confluence").status == 204
    )
    assert world.installation.base_url == "https://x.atlassian.net/wiki"


def test_a_site_on_loopback_is_refused_outside_of_development(make_world, monkeypatch):
    world = make_world()
    world.connect.site = type(world.connect.site)(app_key="my-app", suffixes=(".example",))
    assert world.event().id == "base-url-refused"
    assert world.event(baseUrl="https://x.atlassian.net").id == "base-url-refused"


def test_a_large_body_is_refused(world):
    body = world.body(filler="x" * BODY_BYTES_MAX)
    answer = world.call("POST", "/installed", world.lifecycle_token(), body=body)
    assert (answer.status, answer.id) == (413, "body-too-large")
    with pytest.raises(BodyTooLarge):
        read_event(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"key":"my-app","clientKey":"site-1","clientKey":"site-2","eventType":"installed"}',
        b'{"key":"a","clientKey":"b","eventType":"c","x":{"y":1,"\\u0079":2}}',
        b'{"key":"a","clientKey":"b","eventType":"c","x":NaN}',
        b"[" * 60_000,
        b"[]",
        b"null",
        b"",
        b"\xff\xfe{}",
        b'{"key":"\\ud800","clientKey":"b","eventType":"c"}',
    ],
)
def test_a_body_that_parsers_read_differently_is_refused(world, body):
    with pytest.raises(BodyMalformed) as caught:
        read_event(body)
    assert "site-2" not in str(caught.value)
    answer = world.call("POST", "/installed", world.lifecycle_token(), body=body)
    assert (answer.status, answer.id) == (400, "body-malformed")


def test_an_event_does_not_show_its_secret():
    event = Event(key="a", client_key="b", event_type="installed", shared_secret="hidden-secret")
    assert repr(event) == "<installed event of b>"


# ---- which token counts ---------------------------------------------------------------------


def test_alg_none_is_refused(world):
    signed = world.lifecycle_token()
    head = json.dumps({"alg": "none", "typ": "JWT", "kid": "key-1"}).encode()
    token = f"{jwt._base64url(head).decode()}.{signed.split('.')[1]}.{signed.split('.')[2]}"
    answer = world.event(token=token)
    assert (answer.status, answer.id) == (401, "signature-invalid")
    assert world.installation is None


@pytest.mark.parametrize("secret", ["the secret", "the public key"])
def test_hs256_on_an_install_is_refused(world, secret):
    key = Secret(world.rsa.public_pem()) if secret == "the public key" else world.secret
    token = jwt.encode({"typ": "JWT", "kid": "key-1"}, claims_of(world), key)
    answer = world.event(token=token)
    assert (answer.status, answer.id) == (401, "signature-invalid")
    assert world.installation is None


def test_another_rsa_key_is_refused(world):
    token = world.lifecycle_token(signer=RsaPrivateKey.generate())
    assert world.event(token=token).id == "signature-invalid"


def test_an_expired_install_is_refused(world):
    token = world.lifecycle_token(now=world.now[0] - 300)
    assert world.event(token=token).id == "token-expired"


def test_a_context_token_on_a_lifecycle_route_is_refused(world):
    world.install()
    for event in ("installed", "uninstalled", "enabled", "disabled"):
        answer = world.event(event, world.context_token())
        assert (answer.status, answer.id) == (401, "kind-refused")


def test_an_install_token_in_the_address_is_refused(world):
    token = world.lifecycle_token()
    answer = world.call("POST", f"/installed?jwt={token}", body=world.body())
    assert answer.id == "location-not-allowed"


def test_a_token_for_another_event_is_refused(world):
    token = world.lifecycle_token("uninstalled")
    assert world.event("installed", token).id == "qsh-mismatch"
    token = world.lifecycle_token(raw_query="user_key=x")
    assert world.event("installed", token).id == "qsh-mismatch"
    assert world.call("GET", "/installed", world.lifecycle_token()).status == 405


@pytest.mark.parametrize("kid", ["../rest", ".", "..", "a/b", "", ".key", "a b"])
def test_a_kid_that_is_no_path_segment_is_refused(world, kid):
    answer = world.event(token=world.lifecycle_token(key_id=kid))
    assert (answer.status, answer.id) == (400, "kid-invalid")
    assert world.keys.asked == []


def test_a_redirecting_key_server_is_a_503(world):
    world.keys.page("/moved", 302, b"", Location=f"{world.keys.address}/key-1")
    answer = world.event(token=world.lifecycle_token(key_id="moved"))
    assert (answer.status, answer.id) == (503, "key-source-failed")
    assert world.keys.asked == ["/moved"]


def test_an_unknown_kid_is_a_401_that_looks_like_any_other(world):
    world.keys.page("/scan", 403, b"<html>Forbidden</html>")
    answer = world.event(token=world.lifecycle_token(key_id="scan"))
    assert (answer.status, answer.id) == (401, "signature-invalid")


# ---- enabled, disabled, uninstalled ---------------------------------------------------------


def test_enabled_and_disabled_are_recorded(world):
    world.install()
    assert world.event("enabled", world.request_token("POST", "/enabled")).status == 204
    assert world.installation.enabled
    assert world.event("disabled", world.request_token("POST", "/disabled")).status == 204
    assert not world.installation.enabled


def test_enabled_of_another_site_is_refused(world):
    world.install()
    token = world.request_token("POST", "/enabled")
    assert world.event("enabled", token, clientKey="site-2").id == "client-key-mismatch"
    other = world.request_token("POST", "/enabled", secret=Secret(OTHER))
    assert world.event("enabled", other).id == "signature-invalid"
    assert not world.installation.enabled


def test_an_install_signed_as_enabled_is_refused(world):
    world.install()
    token = world.request_token("POST", "/installed")
    assert world.event("installed", token).status in (400, 401)


def test_uninstalled_removes_and_may_be_told_twice(world):
    world.install()
    assert world.event("uninstalled").status == 204
    assert world.installation is None
    world.now[0] += 1
    assert world.event("uninstalled").status == 204


def test_an_unsigned_disabled_after_the_end_changes_nothing(world):
    world.install()
    world.event("uninstalled")
    answer = world.call("POST", "/disabled", body=world.body("disabled"))
    assert (answer.status, answer.id) == (401, "token-missing")
    assert world.installation is None
    answer = world.event("disabled", world.request_token("POST", "/disabled"))
    assert (answer.status, answer.id) == (401, "signature-invalid")


def test_a_site_that_goes_between_check_and_record_is_not_installed(world, monkeypatch):
    world.install()
    monkeypatch.setattr(world.connect.store, "enable", lambda *_: False)
    answer = world.event("enabled", world.request_token("POST", "/enabled"))
    assert (answer.status, answer.id) == (404, "not-installed")


# ---- races and ends: each outcome is stated in docs/app.md ----------------------------------


def verifies(world, secret=None, client_key="site-1"):
    """Whether a token that *secret* signed counts as that site's."""
    token = world.request_token(
        "POST", "/enabled", issuer=client_key, **({"secret": Secret(secret)} if secret else {})
    )
    return world.event("enabled", token, clientKey=client_key).status == 204


def test_enabled_before_installed_has_committed_records_nothing(world):
    answer = world.event("enabled", world.request_token("POST", "/enabled"))
    assert (answer.status, answer.id) == (401, "signature-invalid")
    assert world.seen[-1].refusal == "issuer-unknown"
    assert world.installation is None
    world.install()
    assert not world.installation.enabled
    assert world.event("enabled", world.request_token("POST", "/enabled")).status == 204
    assert world.installation.enabled


@pytest.mark.parametrize("end", ["uninstalled", "forget"])
def test_an_install_after_the_end_is_a_new_one(world, end):
    world.install()
    world.event("enabled", world.request_token("POST", "/enabled"))
    if end == "uninstalled":
        assert world.event("uninstalled").status == 204
    else:
        assert world.connect.store.forget("my-app", "site-1")
    assert not verifies(world)
    same_second = world.event(token=world.lifecycle_token(subject="ada"), sharedSecret=OTHER)
    assert (same_second.status, same_second.id) == (409, "install-stale")
    world.now[0] += 1
    assert world.event(sharedSecret=OTHER).status == 204
    site = world.installation
    assert (site.previous_secret, site.enabled) == (None, False)
    assert not verifies(world)  # no overlap with a secret from before the end
    assert verifies(world, OTHER)


def test_a_site_import_leaves_the_old_record_until_its_own_uninstall(world):
    """A body is unsigned: its ``baseUrl`` gives nobody a say over another site's record."""
    world.install()
    token = world.lifecycle_token(issuer="site-2")
    assert world.event(token=token, clientKey="site-2", sharedSecret=OTHER).status == 204
    assert [site.client_key for site in world.connect.store.list()] == ["site-1", "site-2"]
    assert verifies(world)
    assert verifies(world, OTHER, "site-2")
    assert not verifies(world, OTHER)
    gone = world.lifecycle_token("uninstalled", issuer="site-1")
    assert world.event("uninstalled", gone).status == 204
    assert [site.client_key for site in world.connect.store.list()] == ["site-2"]
    assert not verifies(world)
    assert verifies(world, OTHER, "site-2")


def test_t1_an_eviction_from_memory_readmits_no_token(world):
    """What counts is in the database: no cache has room for it, and none can lose it."""
    world.connect.store._cache._size = 2
    token = world.lifecycle_token()
    assert world.event(token=token).status == 204
    for number in range(5):
        other = world.lifecycle_token(issuer=f"other-{number}")
        assert world.event(token=other, clientKey=f"other-{number}").status == 204
        assert verifies(world, client_key=f"other-{number}")
    answer = world.event(token=token, sharedSecret=OTHER)
    assert (answer.status, answer.id) == (401, "token-replayed")
    assert world.installation.shared_secret == world.secret


@pytest.mark.parametrize(
    ("minutes", "refusal"),
    [(10, "token-expired"), (-10, "token-not-yet-valid")],
    ids=["ahead", "behind"],
)
def test_a_clock_ten_minutes_off_takes_no_token_and_spoils_nothing(
    make_world, tmp_path, minutes, refusal
):
    right, wrong = (make_world(store=tmp_path / "data" / "app.db") for _ in range(2))
    right.install()
    wrong.now[0] += 60 * minutes
    for event, token in (
        ("installed", right.lifecycle_token()),
        ("uninstalled", right.lifecycle_token("uninstalled")),
        ("enabled", right.request_token("POST", "/enabled")),
    ):
        answer = wrong.event(event, token)
        assert (answer.status, answer.id) == (401, refusal)
    # the node whose clock is right goes on, on the same database
    assert verifies(right)
    right.now[0] += 1
    assert right.event(sharedSecret=OTHER).status == 204
    assert right.installation.shared_secret == Secret(OTHER)


def test_a_clock_behind_the_database_refuses_events_that_it_would_take(make_world, tmp_path):
    """The host's clock is as wrong as ours: the tokens fit, the order of events does not."""
    right, wrong = (make_world(store=tmp_path / "data" / "app.db") for _ in range(2))
    right.install()
    wrong.now[0] -= 600
    for event, token in (
        ("installed", wrong.lifecycle_token()),
        ("uninstalled", wrong.lifecycle_token("uninstalled")),
        ("enabled", wrong.request_token("POST", "/enabled")),
    ):
        answer = wrong.event(
            event, token, **({"sharedSecret": OTHER} if event == "installed" else {})
        )
        assert (answer.status, answer.id) == (503, "clock-behind")
    assert right.installation.shared_secret == right.secret
