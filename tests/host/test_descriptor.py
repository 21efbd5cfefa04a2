"""What a descriptor may say, and where its URLs may lead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.host.descriptor import expand, read_descriptor, resolve
from host.small_app import document

URL = "http://127.0.0.1:7000/base"


def read(**more: Any) -> Any:
    return read_descriptor(json.dumps(document(URL, **more)).encode())


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
    page = {"key": "panel", "name": {"value": "P"}, "url": "/p", **members}
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
    "a module without a name": (panel(name=None), "$.modules.webPanels[0].name"),
    "a module elsewhere": (panel(url="http://evil.example/p"), "$.modules.webPanels[0].url"),
    "a module beside": (panel(url=URL + "ball/p"), "$.modules.webPanels[0].url"),
    "a module with no scheme": (panel(url="//evil.example/p"), "$.modules.webPanels[0].url"),
    "a module that is a script": (panel(url="javascript:x()"), "$.modules.webPanels[0].url"),
    "a module above": (panel(url="/../p"), "$.modules.webPanels[0].url"),
    "a module with a blank": (panel(url="/a b"), "$.modules.webPanels[0].url"),
    "a module with a token": (panel(url="/p?jwt={jwt}"), "$.modules.webPanels[0].url"),
    "a callback elsewhere": (
        {"lifecycle": {"installed": "http://127.0.0.1:7001/i"}},
        "$.lifecycle.installed",
    ),
    "a webhook elsewhere": (
        {"modules": {"webhooks": [{"event": "e", "url": "http://127.0.0.1:7001/h"}]}},
        "$.modules.webhooks[0].url",
    ),
    "webhooks without READ": ({"scopes": ["NONE"]}, "$.scopes"),
    "a key twice": (
        {"modules": {**panel()["modules"], "generalPages": panel()["modules"]["webPanels"]}},
        "$.modules",
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


@pytest.mark.parametrize(
    ("written", "absolute"),
    [
        ("/p", URL + "/p"),
        ("p", URL + "/p"),
        ("?a=b", URL + "?a=b"),
        ("", URL),
        ("/p#part", URL + "/p"),
        (URL, URL),
        (URL + "/p", URL + "/p"),
        (URL + "?a", URL + "?a"),
        ("/http://evil.example", URL + "/http://evil.example"),
    ],
)
def test_a_url_is_below_the_base_url(written: str, absolute: str) -> None:
    assert resolve(URL, written) == absolute


def test_variables() -> None:
    values = {"issue.key": "A/1 +ü", "x-y_z": "1"}
    assert expand("/{issue.key}/${x-y_z}", values) == "/A%2F1%20%2B%C3%BC/1"
    assert expand("/p?k={issue.key}&n=${none}", values) == "/p?k=A%2F1+%2B%C3%BC&n="
    assert expand("/{not closed/{}/{9}", values) == "/{not closed/{}/{9}"


@given(st.text(max_size=30))
def test_no_value_leaves_its_place(value: str) -> None:
    """Whatever a variable holds, neither the path's segments nor the parameters change."""
    value = value.encode("utf-8", "replace").decode()
    path, _, query = expand("/a/{v}/b?c={v}&d=1", {"v": value}).partition("?")
    assert path.count("/") == 3
    assert query.count("&") == 1
    assert "#" not in path + query
