"""The bodies of Confluence's events, from changes that the wiki itself tells of."""

from __future__ import annotations

from typing import Any

import pytest

from headway.host.events.payloads import Occasion, Telling
from headway.host.events.wiki_payloads import CONFLUENCE
from headway.host.world import Change
from headway.host.world.wiki import ContentKind
from headway.model import Product
from host.small_app import SmallApp
from host.small_stage import Stage

WIKI = "http://localhost:2990/wiki"


class Wiki:
    """A wiki that somebody works in, and what was told of it."""

    def __init__(self, stage: Stage) -> None:
        self.world = stage.site.world
        self.telling = Telling(self.world, stage.site.shapes(), WIKI)
        self.changes: list[Change] = []
        self.world.listeners.append(self.changes.append)
        user = self.world.people.user("user")
        assert user is not None
        self.uma = user.account_id
        self.space = self.world.spaces.add_space("NEW", "New", self.uma, public=False)

    def told(self) -> dict[str, Occasion]:
        return {
            change.event: CONFLUENCE[change.event](self.telling, change)
            for change in self.changes
            if change.product is Product.CONFLUENCE
        }

    def page(self, title: str = "Page", **more: Any) -> Any:
        return self.world.wiki.add_page(self.space.id, title, "<p>x</p>", self.uma, **more)


@pytest.fixture
def wiki(stage: Stage) -> Wiki:
    return Wiki(stage)


def test_a_page_and_its_life(wiki: Wiki) -> None:
    page = wiki.page()
    wiki.world.wiki.edit(page, wiki.uma, title="Other")
    wiki.world.wiki.trash(page, wiki.uma)
    wiki.world.wiki.restore(page, wiki.uma)
    wiki.world.wiki.trash(page, wiki.uma)
    wiki.world.wiki.remove(page, wiki.uma)
    told = wiki.told()
    assert [event for event in told if event.startswith("page_")] == [
        "page_created",
        "page_updated",
        "page_trashed",
        "page_restored",
        "page_removed",
    ]
    body = told["page_created"].body
    assert body == {
        "userAccountId": wiki.uma,
        "accountType": "atlassian",
        "page": {
            "id": page.id,
            "idAsString": str(page.id),
            "title": "Page",
            "contentType": "page",
            "spaceKey": "NEW",
            "version": 1,
            "creatorAccountId": wiki.uma,
            "lastModifierAccountId": wiki.uma,
            "creationDate": page.created * 1000,
            "modificationDate": page.updated * 1000,
            "self": f"{WIKI}/spaces/NEW/pages/{page.id}",
        },
    }
    assert told["page_updated"].body["page"]["version"] == 2
    assert told["page_updated"].body["updateTrigger"] == "edit_page"
    assert told["page_removed"].body["page"]["id"] == page.id
    assert told["page_created"].variables == {
        "content.id": str(page.id),
        "content.type": "page",
        "content.version": "1",
        "space.key": "NEW",
        "page.id": str(page.id),
    }


def test_a_blog_post(wiki: Wiki) -> None:
    wiki.page(kind=ContentKind.BLOG_POST)
    assert wiki.told()["blog_created"].body["blog"]["contentType"] == "blogpost"


def test_a_comment_and_an_answer_to_it(wiki: Wiki) -> None:
    page = wiki.page()
    first = wiki.world.wiki.add_comment(page, "<p>one</p>", wiki.uma)
    assert wiki.told()["comment_created"].body["comment"]["parent"]["id"] == page.id
    wiki.world.wiki.add_comment(page, "<p>two</p>", wiki.uma, parent=first)
    assert wiki.told()["comment_created"].body["comment"]["inReplyTo"] == {"id": first.id}


def test_a_file(wiki: Wiki) -> None:
    page = wiki.page()
    wiki.world.wiki.add_file(page, "a.txt", "text/plain", b"abc", wiki.uma)
    told = wiki.told()["attachment_created"]
    (file,) = told.body["attachments"]
    assert (file["fileName"], file["fileSize"], file["version"]) == ("a.txt", 3, 1)
    assert told.body["attachedTo"]["id"] == page.id
    assert told.variables["content.id"] == str(page.id)


def test_a_label(wiki: Wiki) -> None:
    page = wiki.page()
    wiki.world.marks.add_label(page.id, "red", wiki.uma)
    told = wiki.told()["label_added"]
    assert told.body["label"] == {"name": "red", "title": "red", "self": f"{WIKI}/label/red"}
    assert told.body["labeled"]["labels"] == [{"name": "red"}]
    wiki.world.marks.remove_label(page.id, "red", wiki.uma)
    wiki.world.wiki.remove(page, wiki.uma)
    gone = wiki.told()["label_removed"]
    assert "labeled" not in gone.body


def test_a_space(wiki: Wiki) -> None:
    wiki.world.spaces.edit_space(wiki.space.id, wiki.uma, name="Newer")
    wiki.world.spaces.remove_space(wiki.space, wiki.uma)
    told = wiki.told()
    assert told["space_created"].body["space"]["key"] == "NEW"
    assert told["space_created"].variables == {"space.key": "NEW"}
    assert told["space_updated"].body["space"]["title"] == "Newer"
    assert told["space_removed"].body["space"]["self"] == f"{WIKI}/spaces/NEW"


def test_somebody_came_was_deactivated_and_went(wiki: Wiki) -> None:
    bo = wiki.world.people.add_user("bo", "Bo", "bo@example.com")
    wiki.world.people.set_active(bo.account_id, False)
    wiki.world.people.set_active(bo.account_id, True)
    wiki.world.people.delete_user(bo.account_id)
    told = wiki.told()
    for event in ("user_created", "user_deactivated", "user_reactivated", "user_removed"):
        assert told[event].body == {"userProfile": {"accountId": bo.account_id, "fullName": "Bo"}}


def test_content_that_lost_what_it_was_in(wiki: Wiki) -> None:
    page = wiki.page()
    file = wiki.world.wiki.add_file(page, "a.txt", "text/plain", b"abc", wiki.uma)
    wiki.world.spaces.remove_space(wiki.space, wiki.uma)
    change = Change(event="attachment_removed", product=Product.CONFLUENCE, before=file)
    told = CONFLUENCE["attachment_removed"](wiki.telling, change)
    assert "attachedTo" not in told.body
    assert told.body["attachments"][0]["fileSize"] in (0, 3)
    assert told.variables["space.key"] == ""


def test_an_app_in_confluence_is_told_without_retries(stage: Stage, app: SmallApp) -> None:
    hook = {"event": "page_created", "url": "/hook?page=${page.id}&space={space.key}"}
    stage.add(app, Product.CONFLUENCE, modules={"webhooks": [hook]})
    wiki = Wiki(stage)
    app.status[f"hook?page={wiki.page().id}&space=NEW"] = 503
    stage.settle()
    stage.later(86_400)
    assert stage.told() == [("failed", [503])]
    (got,) = app.got
    assert "webhookEvent" not in got.json
    assert got.json["page"]["title"] == "Page"
    assert got.json["timestamp"] > 1_700_000_000_000
