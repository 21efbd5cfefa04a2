"""Confluence's payloads, with members as the host's source shows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headway.app.payloads import confluence, read_event
from headway.app.payloads.event import Event
from headway.model import Product

PAGE = {
    "id": 65_537,
    "idAsString": "65537",
    "title": "A page",
    "contentType": "page",
    "spaceKey": "DOC",
    "version": 2,
    "creatorAccountId": "ann",
    "lastModifierAccountId": "bob",
    "creationDate": 1_700_000_000_000,
    "modificationDate": 1_700_000_001_000,
    "self": "https://h/wiki/spaces/DOC/pages/65537",
}


def read(name: str, **members: Any) -> Event:
    told = {"timestamp": 1, "userAccountId": "ann", "accountType": "atlassian", **members}
    return read_event(name, Product.CONFLUENCE, json.dumps(told).encode())


def test_a_page_that_changed() -> None:
    event = read("page_updated", page=PAGE, updateTrigger="edit_page")
    assert isinstance(event, confluence.PageUpdated)
    assert (event.user_account_id, event.update_trigger) == ("ann", "edit_page")
    assert (event.page.space_key, event.page.version, event.page.address) == (
        "DOC",
        2,
        PAGE["self"],
    )


def test_a_comment_knows_what_it_is_on_and_what_it_answers() -> None:
    event = read("comment_created", comment={"id": 1, "parent": PAGE, "inReplyTo": {"id": 2}})
    assert isinstance(event, confluence.CommentCreated)
    assert event.comment.parent is not None
    assert event.comment.in_reply_to is not None
    assert (event.comment.parent.title, event.comment.in_reply_to.id) == ("A page", 2)


@pytest.mark.parametrize(
    ("name", "members", "path"),
    [
        ("blog_created", {"blog": PAGE}, "blog.title"),
        ("attachment_created", {"attachments": [{"id": 1, "fileName": "a"}]}, "attachments"),
        ("label_added", {"label": {"name": "l"}, "labeled": PAGE}, "label.name"),
        ("space_removed", {"space": {"key": "DOC"}}, "space.key"),
        ("user_removed", {"userProfile": {"accountId": "ann"}}, "user_profile.account_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_other_kind_reads_what_it_is_of(name: str, members: dict[str, Any], path: str) -> None:
    found: Any = read(name, **members)
    for step in path.split("."):
        found = getattr(found, step)
    assert found
