from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from headway.app.routes import PAGE
from headway.errors import TokenInQuery
from headway.model import Direction, Location, RequestFacts, Secret
from headway.policy import ATLASSIAN_2022, Schedule


def facts(query="", token=None, method="GET", path="/panel"):
    return RequestFacts(
        method=method,
        raw_path=path,
        raw_query=query,
        authorization=() if token is None else (f"JWT {token}",),
    )


def test_an_observer_is_told_of_each_token_without_the_token(world):
    world.install()
    token = world.lifecycle_token(now=world.now[0] - 100)
    world.event(token=token)
    world.event(token="rubbish")
    world.now[0] += 1
    world.call("POST", "/installed", world.lifecycle_token(), headers={}, body=b"{}")
    world.call("POST", f"/installed?jwt={world.lifecycle_token()}&a=1", body=b"{}")
    world.call("POST", "/installed")
    first, stale, rubbish, body, place, none = world.seen
    assert (first.verified, first.kind, first.location) == (True, "lifecycle", "header")
    assert first.claims["iss"] == "site-1"
    assert first.phase == "open"
    assert (stale.verified, stale.refusal) == (True, "install-stale")  # the token is good, too old
    assert (rubbish.refusal, rubbish.claims) == ("token-malformed", {})
    assert rubbish.hint
    assert (body.verified, body.refusal, body.kind) == (True, "body-malformed", "lifecycle")
    assert (place.refusal, place.path) == ("location-not-allowed", "/installed?a=1")
    assert (none.refusal, none.claims, none.phase) == ("token-missing", {}, None)
    assert {(seen.policy, seen.disclaimer) for seen in world.seen} == {("atlassian-2022", "")}
    for observation in world.seen:
        assert b"eyJ" not in msgspec.json.encode(observation)


def test_a_refused_token_is_shown_with_its_unproved_claims(world):
    world.install()
    world.event("enabled", world.request_token("POST", "/enabled", secret=Secret("x" * 32)))
    seen = world.seen[-1]
    assert (seen.verified, seen.refusal, seen.claims["sub"]) == (False, "signature-invalid", "ada")


def test_a_wrong_hash_is_explained_to_the_observer(world):
    world.install()
    world.event("enabled", world.request_token("POST", "/disabled"))
    seen = world.seen[-1]
    assert (seen.verified, seen.refusal) == (False, "qsh-mismatch")
    assert seen.explain["ours"] == "POST&/enabled&"
    assert {"theirs", "cause", "advice"} < set(seen.explain)


def test_what_a_token_claims_is_redacted(world):
    world.install()
    inner = str(world.context_token())
    path = "/panel"
    page = facts(token=world.request_token("GET", path, subject=inner), path=path)
    asyncio.run(world.connect.check(page, PAGE))
    assert world.seen[-1].claims["sub"] == "REDACTED"


def test_a_token_that_nobody_looks_at_is_observed_where_it_stood(world):
    off = Schedule(off=datetime(2001, 1, 1, tzinfo=UTC))
    policy = ATLASSIAN_2022.with_schedule(Direction.MODULE, Location.QUERY, off)
    page = facts("jwt=" + world.request_token("GET", "/panel"))
    with pytest.raises(TokenInQuery):
        asyncio.run(world.connect.check(page, PAGE, policy))
    seen = world.seen[-1]
    assert (seen.location, seen.refusal, seen.claims) == ("query", "token-in-query", {})
