"""Payloads: typed where an event is known, a mapping where it is not, refused where it is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.app.payloads import (
    EVENTS,
    LEVELS_MAX,
    Event,
    check_name,
    confluence,
    event_named,
    jira,
    read_event,
    types_of,
)
from headway.errors import ConfigurationError
from headway.model import Product
from headway.refusals import EventMalformed

ISSUE = {"id": "10000", "key": "A-1", "fields": {"summary": "One"}}


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


def test_a_known_event_has_a_type_and_its_whole_body() -> None:
    told = body(timestamp=1, webhookEvent="jira:issue_created", issue=ISSUE, other={"x": [1]})
    event = read_event("jira:issue_created", Product.JIRA, told)
    assert isinstance(event, jira.IssueCreated)
    assert (event.name, event.timestamp, event.issue.key) == ("jira:issue_created", 1, "A-1")
    assert event["other"] == {"x": [1]}
    with pytest.raises(KeyError):
        event["missing"]


def test_the_product_decides_what_a_shared_name_means() -> None:
    one = read_event("comment_created", Product.JIRA, body(comment={"id": "1"}))
    other = read_event("comment_created", Product.CONFLUENCE, body(comment={"id": 1}))
    assert (type(one), type(other)) == (jira.CommentCreated, confluence.CommentCreated)
    assert types_of("comment_created") == {jira.CommentCreated, confluence.CommentCreated}


def test_an_unknown_event_is_a_checked_mapping() -> None:
    event = read_event("sprint_started", Product.JIRA, body(sprint={"id": 1}, timestamp=2))
    assert type(event) is Event
    assert (event.name, event["sprint"], event.timestamp) == ("sprint_started", {"id": 1}, 2)
    assert types_of("sprint_started") == {Event}


def test_a_webhook_without_a_body_has_no_members() -> None:
    event = read_event("jira:issue_created", Product.JIRA, b"")
    assert type(event) is Event
    assert (event.name, dict(event.body)) == ("jira:issue_created", {})


def test_a_body_can_not_name_the_event_or_stand_for_itself() -> None:
    told = body(**{"headway name": "x", "headway body": {"y": 1}, "name": "z"})
    event = read_event("sprint_started", Product.JIRA, told)
    assert (event.name, event["name"], event["headway name"]) == ("sprint_started", "z", "x")


def test_what_is_registered_by_a_call_says_which_registrations_matched() -> None:
    told = body(issue=ISSUE, matchedWebhookIds=[1, 2])
    assert read_event("jira:issue_created", Product.JIRA, told).matched_webhook_ids == (1, 2)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (b"[]", "JSON object"),
        (b"\xff", "JSON object"),
        (b"{", "JSON object"),
        (b'{"a":' * 100_000, "JSON object"),
        (b'{"a":' * LEVELS_MAX + b"{}" + b"}" * LEVELS_MAX, "levels"),
        (body(issue={"id": "1", "key": 5}), "$.issue.key"),
        (body(issue={"id": "1", "key": "K" * 256}), "$.issue.key"),
        (body(), "issue"),
        (body(issue=ISSUE, webhookEvent="jira:issue_deleted"), "webhookEvent"),
    ],
    ids=["list", "bytes", "cut", "deep", "too deep", "type", "long", "nothing", "another event"],
)
def test_a_wrong_payload_is_refused_with_its_place(told: bytes, why: str) -> None:
    with pytest.raises(EventMalformed, match="event-malformed") as refused:
        read_event("jira:issue_created", Product.JIRA, told)
    assert why in str(refused.value)
    assert refused.value.status == 400


def test_nesting_up_to_the_bound_is_read() -> None:
    told = b'{"a":' * (LEVELS_MAX - 1) + b"[1, 2]" + b"}" * (LEVELS_MAX - 1)
    assert read_event("sprint_started", Product.JIRA, told).body["a"]


def test_a_payload_shows_nothing_of_itself() -> None:
    event = read_event("jira:issue_created", Product.JIRA, body(issue=ISSUE))
    assert repr(event) == "<event jira:issue_created>"


def test_which_event_a_body_is_of() -> None:
    assert event_named(body(webhookEvent="jira:issue_created")) == "jira:issue_created"
    assert [event_named(told) for told in (b"", body(), body(webhookEvent=5))] == ["", "", ""]


@pytest.mark.parametrize("name", ["", "Jira:x", "a b", "a:b:c", "x" * 65, "../x"])
def test_what_can_be_no_event_is_refused_at_start(name: str) -> None:
    with pytest.raises(ConfigurationError):
        check_name(name)


@pytest.mark.parametrize("product_name", EVENTS, ids=lambda key: f"{key[0]}-{key[1]}")
def test_every_event_is_declarable_and_named_after_its_type(
    product_name: tuple[Product, str],
) -> None:
    name = check_name(product_name[1])
    short = name.removeprefix("jira:").replace("issuelink", "issue_link")
    assert EVENTS[product_name].__name__ == short.title().replace("_", "")
    assert name in (EVENTS[product_name].__doc__ or "")


# ---- whatever is sent -----------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
MEMBERS = st.sampled_from(
    [
        *("issue", "user", "changelog", "comment", "page", "attachments", "space", "label"),
        *("timestamp", "matchedWebhookIds", "webhookEvent", "id", "key", "fields", "items"),
    ]
)
BODIES = st.dictionaries(MEMBERS | st.text(), JSON | st.dictionaries(MEMBERS, JSON), max_size=6)


@given(st.sampled_from(sorted(EVENTS)), BODIES.map(json.dumps) | st.text() | st.binary())
@settings(max_examples=300)
def test_whatever_is_sent_is_an_event_or_refused(
    which: tuple[Product, str], told: str | bytes
) -> None:
    product, name = which
    sent = told.encode("utf-8", "surrogatepass") if isinstance(told, str) else told
    with suppress(EventMalformed):  # anything else is a failure
        assert read_event(name, product, sent).name == name
        assert isinstance(event_named(sent), str)
