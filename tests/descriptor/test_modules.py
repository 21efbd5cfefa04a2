"""Modules of each type, as they are read; and what is wrong with them, by its place."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headway.descriptor.module_types import MODULE_TYPES, Form, Shown
from headway.descriptor.modules import Condition, Module, read_modules

BASE = "http://127.0.0.1:7000/base"
FIELDS: dict[str, Any] = {
    "name": {"value": "Name"},
    "url": "/p/{issue.key}",
    "location": "somewhere",
    "icon": {"url": "/icon.svg", "width": 16, "height": 16},
    "tooltip": {"value": "Tip"},
    "description": {"value": "Description"},
    "thumbnailUrl": "/thumbnail.png",
    "content": {"type": "label", "label": {"value": "Label"}},
    "target": {"type": "web_panel", "url": "/panel"},
    "triggered": {"url": "/triggered"},
}


def written(name: str, /, **more: Any) -> Any:
    """A module of a type, with what it needs and no more, as a descriptor has it."""
    row = MODULE_TYPES[name]
    module = {"key": "m", **{field: FIELDS[field] for field in row.required}, **more}
    if row.shown is Shown.LINK:
        module.setdefault("url", "/p")
    module = {key: value for key, value in module.items() if value is not None}
    return [module] if row.form is Form.LIST else module


def read(name: str, /, **more: Any) -> Module:
    raw = msgspec.Raw(json.dumps(written(name, **more)).encode())
    (module,), unknown = read_modules({name: raw}, BASE)
    assert unknown == ()
    return module


def refused(document: dict[str, Any]) -> str:
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in document.items()}
    with pytest.raises(ValueError, match=" - at `") as caught:
        read_modules(raw, BASE)
    return str(caught.value)


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_the_least_of_each_type(name: str) -> None:
    module = read(name)
    assert (module.type, module.key) == (name, "m")
    assert module.framed == (module.row.shown not in (Shown.SECTION, Shown.CALL))
    assert module.fills_page == (module.row.shown is Shown.PAGE or name == "webItems")


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name, row in MODULE_TYPES.items() for field in row.required],
)
def test_each_required_field_is_missed_by_its_place(name: str, field: str) -> None:
    place = f"$.modules.{name}" + ("[0]" if MODULE_TYPES[name].form is Form.LIST else "")
    error = refused(
        {name: written(name, **{field: None, **({"url": None} if field == "url" else {})})}
    )
    assert error == f"Object missing required field `{field}` - at `{place}`"


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_the_form_of_each_type(name: str) -> None:
    form, module = MODULE_TYPES[name].form, written(name)
    if form is Form.LIST:
        assert refused({name: module[0]}).endswith(f"at `$.modules.{name}`")
        many = [{**module[0], "key": f"m{n}"} for n in range(101)]
        assert refused({name: many}) == f"Expected at most 100 modules - at `$.modules.{name}`"
    elif form is Form.ONE:
        assert refused({name: [module]}).endswith(f"at `$.modules.{name}`")
    else:
        raw = msgspec.Raw(json.dumps([module]).encode())
        assert read_modules({name: raw}, BASE)[0] == (read(name),)


def test_what_a_panel_of_an_issue_is() -> None:
    module = read("jiraIssueContents")
    assert (module.url, module.icon, module.tooltip) == ("/panel", "/icon.svg", "Tip")
    glance = read("jiraIssueGlances")
    assert glance.options["content"]["label"] == {"value": "Label"}
    assert read("jiraDashboardItems").icon == "/thumbnail.png"


def test_what_a_link_opens() -> None:
    assert (read("webItems").target, read("webItems").framed) == ("page", True)
    options = {"width": "400px"}
    dialog = read("webItems", target={"type": "dialog", "options": options})
    assert (dialog.target, dialog.options["width"], dialog.framed) == ("dialog", "400px", True)
    assert read("webItems", target={"type": "inlineDialog"}).target == "inlinedialog"
    named = read("webItems", url=None, target={"type": "dialogModule", "options": {"key": "d"}})
    assert not named.framed
    assert not read("webItems", url="/x", context="product").framed
    assert (named.target, named.url, named.options["key"]) == ("dialogmodule", "", "d")
    assert read("contentBylineItems").target == "inlinedialog"
    assert read("contentBylineItems", target={"type": "dialog"}).target == "dialog"


def test_where_a_link_leads() -> None:
    assert read("webItems").context == "addon"
    assert read("webItems", url=f"{BASE}/p").context == "addon"
    assert read("webItems", url="/browse/X-1", context="Product").context == "product"
    assert read("webItems", url="https://example.com/?k={issue.key}").context == "web"


def test_a_macro_and_its_editor() -> None:
    macro = read(
        "dynamicContentMacros",
        bodyType="rich-text",
        parameters=[{"identifier": "colour"}],
        editor={"url": "/edit?jwt={jwt}"},
        width=200,
    )
    assert macro.options["body_type"] == "rich-text"
    assert macro.options["parameters"] == [{"identifier": "colour"}]
    assert macro.pages == {"editor": "/edit?jwt={jwt}"}


def test_what_the_sites_server_calls() -> None:
    function = read("jiraWorkflowPostFunctions", create={"url": "/create"}, view={"url": "/view"})
    assert function.actions == {"triggered": "/triggered"}
    assert function.pages == {"create": "/create", "view": "/view"}
    actions = {"getEntityByUrl": {"templateUrl": "/entity?url={url}"}, "other": {"url": "/o"}}
    provider = read("jiraDesignInfoProvider", actions=actions)
    assert provider.actions == {"getEntityByUrl": "/entity?url={url}", "other": "/o"}


def test_conditions_in_their_three_forms() -> None:
    conditions = [
        {"condition": "user_is_admin", "invert": True},
        {"or": [{"condition": "a"}, {"and": [{"condition": "b"}, {"condition": "/asked"}]}]},
        {"type": "OR", "conditions": [{"condition": "c", "params": {"x": "1", "y": [2]}}]},
        {"conditions": [{"condition": "d"}]},
    ]
    first, second, third, fourth = read("webPanels", conditions=conditions).conditions
    assert first == Condition(name="user_is_admin", invert=True)
    assert second.any
    assert second.parts[1].parts[1].remote
    assert not second.parts[1].any
    assert third.any
    assert third.parts[0].params == {"x": "1", "y": "[2]"}
    assert not fourth.any


def test_parameters_of_a_module_are_text() -> None:
    assert read("webPanels", params={"a": "b", "c": True}).params == {"a": "b", "c": "true"}


nested: dict[str, Any] = {"condition": "a"}
for _ in range(12):
    nested = {"or": [nested]}

INVALID: dict[str, tuple[str, dict[str, Any], str]] = {
    "a key with a slash": ("webPanels", {"key": "a/b"}, "[0].key"),
    "a weight in words": ("webPanels", {"weight": "heavy"}, "[0].weight"),
    "a panel elsewhere": ("webPanels", {"url": "http://evil.example"}, "[0].url"),
    "a script to click": ("webItems", {"url": "javascript:alert(1)"}, "[0].url"),
    "data to click": ("webItems", {"url": "data:text/html,x"}, "[0].url"),
    "no scheme": ("webItems", {"url": "//evil.example"}, "[0].url"),
    "a script, of the product": (
        "webItems",
        {"url": "javascript:x", "context": "product"},
        "[0].url",
    ),
    "a script in capitals": ("webItems", {"url": "JAVASCRIPT:x"}, "[0].url"),
    "a dialog elsewhere": (
        "webItems",
        {"url": "https://evil.example", "target": {"type": "dialog"}},
        "[0].url",
    ),
    "a script as icon": ("jiraIssueContents", {"icon": {"url": "javascript:x"}}, "[0].icon"),
    "no context": ("webItems", {"context": "everything"}, "[0].context"),
    "no target": ("webItems", {"target": {"type": "window"}}, "[0].target.type"),
    "a link to nothing": ("webItems", {"url": None, "target": {"type": "dialog"}}, "[0]"),
    "a target without an address": (
        "jiraIssueContents",
        {"target": {"type": "web_panel"}},
        "[0].target",
    ),
    "a target elsewhere": (
        "jiraIssueContents",
        {"target": {"type": "web_panel", "url": "//evil.example"}},
        "[0].target.url",
    ),
    "a token of a cacheable page": (
        "generalPages",
        {"url": "/p?jwt={jwt}", "cacheable": True},
        "[0].url",
    ),
    "an editor elsewhere": (
        "dynamicContentMacros",
        {"editor": {"url": "http://evil.example"}},
        "[0].editor.url",
    ),
    "a call elsewhere": (
        "jiraWorkflowPostFunctions",
        {"triggered": {"url": "http://169.254.169.254/"}},
        "[0].triggered.url",
    ),
    "a call with a token": (
        "jiraWorkflowPostFunctions",
        {"triggered": {"url": "/t?jwt={jwt}"}},
        "[0].triggered.url",
    ),
    "an action elsewhere": (
        "jiraDesignInfoProvider",
        {"actions": {"a": {"templateUrl": "//evil.example"}}},
        ".actions.a",
    ),
    "an action that is text": ("jiraDesignInfoProvider", {"actions": {"a": "/a"}}, ".actions.a"),
    "a question elsewhere": (
        "webPanels",
        {"conditions": [{"condition": "http://evil.example/"}]},
        "[0].conditions",
    ),
    "a question with a token": (
        "webPanels",
        {"conditions": [{"or": [{"condition": "/c?jwt={jwt}"}]}]},
        "[0].conditions",
    ),
    "a condition without a name": ("webPanels", {"conditions": [{}]}, "[0].conditions"),
    "a condition with both": (
        "webPanels",
        {"conditions": [{"condition": "a", "or": [{"condition": "b"}]}]},
        "[0].conditions",
    ),
    "conditions without an end": ("webPanels", {"conditions": [nested]}, "[0].conditions"),
}


@pytest.mark.parametrize("what", INVALID)
def test_what_is_refused_by_its_place(what: str) -> None:
    name, more, place = INVALID[what]
    error = refused({name: written(name, **more)})
    assert error.endswith(f"at `$.modules.{name}{place}`")
    assert "\n" not in error


def test_a_key_names_one_module() -> None:
    document = {"webPanels": written("webPanels"), "dialogs": written("dialogs")}
    assert refused(document) == "this key occurs twice - at `$.modules.dialogs[0].key`"


def test_types_that_are_not_known_are_named() -> None:
    raw = msgspec.Raw(b'{"anything": 1}')
    modules, unknown = read_modules({"jiraNewThings": raw, "webhooks": raw}, BASE)
    assert (modules, unknown) == ((), ("jiraNewThings",))


def test_actions_of_a_provider_of_links_are_a_list() -> None:
    action = {
        "actionId": "link",
        "actionLabel": {"value": "Link"},
        "templateUrl": "/link?i={issue.key}",
    }
    module = read("jiraRemoteLinkInfoProvider", actions=[action])
    assert module.actions == {"link": "/link?i={issue.key}"}
    name = "jiraRemoteLinkInfoProvider"
    error = refused({name: written(name, actions=[{**action, "templateUrl": 7}])})
    assert f"`$.modules.{name}.actions[0].templateUrl`" in error
    error = refused({name: written(name, actions=[{**action, "templateUrl": "//evil.example"}])})
    assert f"`$.modules.{name}.actions.link`" in error
