"""What a descriptor may say, and where its URLs may lead."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from headway.descriptor import problems_of, read_added, read_descriptor

URL = "http://127.0.0.1:7000/base"
LIFECYCLE = ("installed", "uninstalled", "enabled", "disabled")


def document(**more: Any) -> dict[str, Any]:
    """A descriptor with something of each kind."""
    panel = {
        "key": "panel",
        "name": {"value": "Panel"},
        "url": "/panel/{issue.key}?id={issue.id}&title={issue.summary}",
        "location": "atl.jira.view.issue.right.context",
    }
    page = {"key": "page", "name": {"value": "Page"}, "url": "/page", "cacheable": True}
    return {
        "key": "my-app",
        "name": "My app",
        "baseUrl": URL,
        "authentication": {"type": "jwt"},
        "apiMigrations": {"signed-install": True, "gdpr": True},
        "lifecycle": {event: f"/{event}" for event in LIFECYCLE},
        "scopes": ["read", "WRITE"],
        "modules": {
            "webPanels": [panel],
            "generalPages": [page],
            "webhooks": [{"event": "jira:issue_updated", "url": "/hook/${issue.key}"}],
            "somethingNew": [{"unknown": "and left alone"}],
        },
        **more,
    }


def read(**more: Any) -> Any:
    return read_descriptor(json.dumps(document(**more)).encode())


def test_what_is_read() -> None:
    app = read()
    assert (app.key, app.name, app.base_url) == ("my-app", "My app", URL)
    assert app.scopes == {"READ", "WRITE"}  # in any case
    assert [(m.type, m.key, m.cacheable) for m in app.modules] == [
        ("webPanels", "panel", False),
        ("generalPages", "page", True),
    ]
    assert app.modules[0].location == "atl.jira.view.issue.right.context"
    assert app.lifecycle["disabled"] == "/disabled"
    assert app.webhooks[0].event == "jira:issue_updated"


def test_the_least_that_is_read() -> None:
    least = {
        "key": "a",
        "baseUrl": "https://app.example/",
        "authentication": {"type": "JWT"},
        "lifecycle": {"installed": "/i"},
    }
    app = read_descriptor(json.dumps(least).encode())
    assert (app.name, app.base_url, dict(app.lifecycle)) == (
        "a",
        "https://app.example",
        {"installed": "/i"},
    )


def panel(**members: Any) -> dict[str, Any]:
    page = {"key": "panel", "name": {"value": "P"}, "url": "/p", "location": "l", **members}
    return {"modules": {"webPanels": [page]}}


INVALID = {
    "no key": ({"key": None}, "$.key"),
    "a key with a slash": ({"key": "a/b"}, "$.key"),
    "a key with a line end": ({"key": "a\n"}, "$.key"),
    "no authentication": ({"authentication": {"type": "none"}}, "$.authentication.type"),
    "no installed": ({"lifecycle": {"enabled": "/e"}}, "$.lifecycle"),
    "no base URL": ({"baseUrl": 7}, "$.baseUrl"),
    "a script": ({"baseUrl": "javascript:alert(1)"}, "$.baseUrl"),
    "a user": ({"baseUrl": "http://me@127.0.0.1/"}, "$.baseUrl"),
    "a query": ({"baseUrl": "http://127.0.0.1/?a"}, "$.baseUrl"),
    "another spelling": ({"baseUrl": "HTTP://127.0.0.1:80/x"}, "$.baseUrl"),
    "dots": ({"baseUrl": "http://127.0.0.1/a/../b"}, "$.baseUrl"),
    "a name that is text": (panel(name="P"), "$.modules.webPanels[0].name"),
    "a type that is no list": ({"modules": {"webPanels": {"key": "p"}}}, "$.modules.webPanels"),
    "a module elsewhere": (panel(url="http://evil.example/p"), "$.modules.webPanels[0].url"),
    "a module beside": (panel(url=URL + "ball/p"), "$.modules.webPanels[0].url"),
    "a module with no scheme": (panel(url="//evil.example/p"), "$.modules.webPanels[0].url"),
    "a module that is a script": (panel(url="javascript:x()"), "$.modules.webPanels[0].url"),
    "a module above": (panel(url="/../p"), "$.modules.webPanels[0].url"),
    "a module with a blank": (panel(url="/a b"), "$.modules.webPanels[0].url"),
    "a module with a token": (panel(url="/p?jwt=x"), "$.modules.webPanels[0].url"),
    **{
        f"a link that becomes a script, {context}": (
            {
                "modules": {
                    "webItems": [
                        {
                            "key": "w",
                            "name": {"value": "W"},
                            "location": "l",
                            "context": context,
                            "url": "java{x.y}script:alert(1)",
                        }
                    ]
                }
            },
            "$.modules.webItems[0].url",
        )
        for context in ("page", "product")
    },
    "an icon that becomes a script": (
        panel(icon={"url": "{x}javascript:alert(1)"}),
        "$.modules.webPanels[0].icon",
    ),
    "a callback elsewhere": (
        {"lifecycle": {"installed": "http://127.0.0.1:7001/i"}},
        "$.lifecycle.installed",
    ),
    "a webhook elsewhere": (
        {"modules": {"webhooks": [{"event": "e", "url": "http://127.0.0.1:7001/h"}]}},
        "$.modules.webhooks[0].url",
    ),
    "a webhook with a token": (
        {"modules": {"webhooks": [{"event": "e", "url": "/h?jwt={jwt}"}]}},
        "$.modules.webhooks[0].url",
    ),
    "a webhook without an event": (
        {"modules": {"webhooks": [{"url": "/h"}]}},
        "$.modules.webhooks[0]",
    ),
    "webhooks that are no list": ({"modules": {"webhooks": {}}}, "$.modules.webhooks"),
    "a scope that is none": ({"scopes": ["READ", "write:jira-work"]}, "$.scopes[1]"),
    "webhooks without READ": ({"scopes": ["NONE"]}, "$.scopes"),
    "a key twice": (
        {"modules": {**panel()["modules"], "generalPages": panel()["modules"]["webPanels"]}},
        "$.modules.generalPages[0].key",
    ),
}


@pytest.mark.parametrize("what", INVALID)
def test_what_is_refused(what: str) -> None:
    more, place = INVALID[what]
    with pytest.raises(ValueError, match="at `") as caught:
        read(**more)
    assert f"`{place}`" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"\xff", b"[" * 100_000, b'"x"'])
def test_what_is_no_descriptor(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expected"):
        read_descriptor(data)


@pytest.mark.parametrize("what", INVALID)
def test_what_is_refused_is_what_is_found(what: str) -> None:
    """The strict reader's one error is the first of all of them."""
    data = json.dumps(document(**INVALID[what][0])).encode()
    with pytest.raises(ValueError, match="at `") as caught:
        read_descriptor(data)
    assert problems_of(data)[0] == str(caught.value)


def test_all_that_is_wrong_is_found() -> None:
    bad = document(key=1, baseUrl="x", scopes=["A", "B"], **panel(url="/a b"))
    assert len(problems_of(json.dumps(bad).encode())) == 5
    assert problems_of(json.dumps(document()).encode()) == ()
    assert problems_of(b"{") == ("is not JSON",)
    assert len(problems_of(b"{}")) == 4


def test_an_address_of_the_app_with_values() -> None:
    assert read().url("/p?k={issue.key}", {"issue.key": "A-1"}) == f"{URL}/p?k=A-1"


def test_types_that_this_site_does_not_have_are_named_and_left_alone() -> None:
    assert read().unknown == ("somethingNew",)


def added(document: Any) -> Any:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_added(data, read())


def test_modules_can_be_added_later() -> None:
    (dialog,) = added({"dialogs": [{"key": "new", "url": "/d", "options": {"size": "large"}}]})
    assert added({"somethingNew": [], "jiraIssueFields": [{}]}) == ()
    assert (dialog.type, dialog.key, dialog.options["size"]) == ("dialogs", "new", "large")


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"dialogs": [{"key": "d", "url": "http://evil.example/"}]}, "$.dialogs[0].url"),
        ({"dialogs": [{"key": "panel", "url": "/d"}]}, "$.dialogs"),
        ({"webhooks": [{"event": "e", "url": "/h"}]}, "$.webhooks"),
        ({"a/b": []}, "key"),
        ([], "Expected"),
        (b"{", "JSON"),
    ],
)
def test_what_can_not_be_added(document: Any, place: str) -> None:
    with pytest.raises(ValueError, match=re.escape(place)):
        added(document)
