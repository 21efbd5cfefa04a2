"""Modules as code: what is written is what a site reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from headway.descriptor import read_descriptor
from headway.descriptor.check import ELSEWHERE
from headway.descriptor.module_types import MODULE_TYPES, Form
from headway.descriptor.typed import (
    TYPED,
    Action,
    AllOf,
    AnyOf,
    Autoconvert,
    Condition,
    Declared,
    DialogOptions,
    DynamicContentMacro,
    Icon,
    InlineDialogOptions,
    JiraBuildInfoProvider,
    JiraIssueContent,
    JiraRemoteLinkInfoProvider,
    Label,
    Layout,
    LinkAction,
    MacroEditor,
    MacroParameter,
    Page,
    PanelTarget,
    Target,
    Translated,
    WebItem,
    WebPanel,
    members_of,
    modules_json,
    plain,
)

SAMPLES: dict[str, Any] = {
    "name": "Name",
    "url": "/p",
    "location": "somewhere",
    "tooltip": "Tip",
    "description": "Description",
    "icon": Icon("/icon.svg", 16, 16),
    "content": Label("Label"),
    "target": PanelTarget("/panel"),
    "thumbnail_url": "/t.png",
    "triggered": Page("/triggered"),
    "event": "jira:issue_updated",
}


def least(name: str, /, **more: Any) -> Declared:
    """A module of a type with what it needs."""
    kind = TYPED[name]
    needed = {
        field.name: SAMPLES[field.name]
        for field in msgspec.structs.fields(kind)
        if field.required and field.name not in more
    }
    if name == "webItems":
        needed.setdefault("url", "/p")
    return kind(**{"key": "m", **needed, **more})


def read(*modules: Declared) -> Any:
    written = modules_json((module.type, plain(module)) for module in modules)
    document = {
        "key": "my-app",
        "baseUrl": "https://app.example",
        "authentication": {"type": "jwt"},
        "lifecycle": {"installed": "/installed"},
        "scopes": ["READ"],
        "modules": written,
    }
    return read_descriptor(json.dumps(document).encode())


# ---- the classes and the table --------------------------------------------------------------


def test_every_type_of_the_table_has_its_class() -> None:
    assert set(TYPED) == {*MODULE_TYPES, "webhooks"}
    assert len({kind.__name__ for kind in TYPED.values()}) == len(TYPED)


ROOT = Path(__file__).parent.parent.parent
PUBLISHED = json.loads((ROOT / "vectors/descriptor/members.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", PUBLISHED, ids=lambda vector: vector["id"])
def test_members_are_those_that_the_vendor_published(vector: dict[str, Any]) -> None:
    """Neither more nor fewer; what the local site has not is at least known by its name."""
    if vector["id"] in TYPED:
        assert {*members_of(TYPED[vector["id"]])} - {"key"} == set(vector["members"])
    else:
        assert vector["id"] in ELSEWHERE


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_what_the_table_requires_the_class_requires(name: str) -> None:
    names = {field.encode_name: field for field in msgspec.structs.fields(TYPED[name])}
    for required in MODULE_TYPES[name].required:
        assert names[required].required, required
    assert members_of(TYPED[name])["key"] is True


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_the_least_of_each_class_is_read(name: str) -> None:
    app = read(least(name))
    (module,) = app.modules
    assert (module.type, module.key, app.unknown) == (name, "m", ())


@pytest.mark.parametrize("name", TYPED)
def test_what_is_not_said_is_not_written(name: str) -> None:
    written = plain(least(name))
    kind = TYPED[name]
    needed = {field.encode_name for field in msgspec.structs.fields(kind) if field.required}
    assert set(written) == {"key", *needed, *({"url"} if name == "webItems" else ())}


@pytest.mark.parametrize("name", TYPED)
def test_every_class_is_frozen_and_says_what_it_is(name: str) -> None:
    module = least(name)
    with pytest.raises(AttributeError):
        module.key = "other"  # type: ignore[misc]
    assert TYPED[name].__doc__
    assert "\n\n" in TYPED[name].__doc__ or TYPED[name].__doc__.endswith(".")


@pytest.mark.parametrize("name", TYPED)
def test_names_are_those_of_the_descriptor(name: str) -> None:
    for field in msgspec.structs.fields(TYPED[name]):
        head, *rest = field.name.split("_")
        assert field.encode_name == head + "".join(word.capitalize() for word in rest)
        assert get_origin(field.type) is not list or get_args(field.type)


# ---- writing --------------------------------------------------------------------------------


def test_a_panel_as_a_descriptor_has_it() -> None:
    panel = WebPanel(
        key="panel",
        name=Translated(value="Panel", i18n="panel.name"),
        url="/p?issue={issue.key}",
        location="atl.jira.view.issue.right.context",
        conditions=[AnyOf((Condition("user_is_admin"), AllOf((Condition("/may", invert=True),))))],
        weight=3,
        params={"a": "b"},
        more={"brandNew": True},
    )
    assert plain(panel) == {
        "key": "panel",
        "name": {"value": "Panel", "i18n": "panel.name"},
        "url": "/p?issue={issue.key}",
        "location": "atl.jira.view.issue.right.context",
        "conditions": [
            {
                "or": [
                    {"condition": "user_is_admin"},
                    {"and": [{"condition": "/may", "invert": True}]},
                ]
            }
        ],
        "weight": 3,
        "params": {"a": "b"},
        "brandNew": True,
    }
    (module,) = read(panel).modules
    assert module.conditions[0].any
    assert [part.name for part in module.conditions[0].parts] == ["user_is_admin", ""]


def test_links_and_what_they_open() -> None:
    big = Target("dialog", DialogOptions(size="large", header="Title", chrome=False))
    small = Target("inlinedialog", InlineDialogOptions(offset_x="5px", on_hover=True))
    item = WebItem(key="i", name="Item", location="l", url="/d", target=big, tooltip="Tip")
    assert plain(item)["target"] == {
        "type": "dialog",
        "options": {"size": "large", "header": {"value": "Title"}, "chrome": False},
    }
    assert plain(small)["options"] == {"offsetX": "5px", "onHover": True}
    opened = Target("dialogmodule", DialogOptions(key="d"))
    (module,) = read(WebItem(key="i", name="Item", location="l", target=opened)).modules
    assert (module.target, module.options["key"]) == ("dialogmodule", "d")


def test_macros_and_what_belongs_to_them() -> None:
    macro = DynamicContentMacro(
        key="map",
        name="Map",
        url="/map?page={page.id}",
        body_type="rich-text",
        parameters=[MacroParameter(identifier="view", name="View", type="enum", values=["a"])],
        editor=MacroEditor(url="/editor", edit_title="Edit"),
        autoconvert=Autoconvert(url_parameter="url", matchers=[{"pattern": "https://a/{}"}]),
    )
    written = plain(macro)
    assert written["parameters"] == [
        {"identifier": "view", "name": {"value": "View"}, "type": "enum", "values": ["a"]}
    ]
    assert written["editor"] == {"url": "/editor", "editTitle": {"value": "Edit"}}
    assert written["autoconvert"] == {
        "urlParameter": "url",
        "matchers": [{"pattern": "https://a/{}"}],
    }
    assert macro.members == written
    (module,) = read(macro).modules
    assert (module.pages, module.options["body_type"]) == ({"editor": "/editor"}, "rich-text")


def test_a_button_of_an_issue_and_a_provider() -> None:
    button = JiraIssueContent(
        key="b", name="Button", icon=Icon("/i.svg"), tooltip="Tip", target=PanelTarget("/t")
    )
    assert plain(button)["target"] == {"type": "web_panel", "url": "/t"}
    builds = JiraBuildInfoProvider(key="c", name="CI", actions={"list": Action("/x?{issue.key}")})
    assert read(builds).modules[0].actions == {"list": "/x?{issue.key}"}
    link = LinkAction(action_id="a", action_label={"value": "A"}, template_url="/a")
    links = JiraRemoteLinkInfoProvider(key="l", name="Links", actions=[link])
    assert plain(links)["actions"] == [
        {"actionId": "a", "actionLabel": {"value": "A"}, "templateUrl": "/a"}
    ]
    assert read(links).modules[0].actions == {"a": "/a"}


# ---- whole modules --------------------------------------------------------------------------

WHOLE: dict[str, Any] = {
    **SAMPLES,
    "conditions": [AnyOf((Condition("user_is_logged_in"), Condition("/asked")))],
    "content_present_conditions": [Condition("user_is_logged_in")],
    "weight": 1,
    "params": {"a": "b"},
    "layout": Layout(width="100%", height="40px"),
    "options": DialogOptions(size="small", header="Header"),
    "context": "addon",
    "style_classes": ["a"],
    "filter": "project = A",
    "property_keys": ["a"],
    "icon_url": "/icon.svg",
    "create": Page("/create"),
    "edit": Page("/edit"),
    "view": Page("/view"),
    "application": "Application",
    "capabilities": ["branch"],
    "actions": {"listDeployments": Action("/list?issue={issue.key}")},
    "documentation": {"url": "https://app.example/help"},
    "categories": ["visuals"],
    "aliases": ["other"],
    "parameters": [MacroParameter(identifier="p", name="P", type="string", description="D")],
    "editor": MacroEditor(url="/editor", insert_title="Insert", cancel_title="Leave"),
    "autoconvert": Autoconvert(url_parameter="u", matchers=[{"pattern": "https://x/{}"}]),
    "image_placeholder": {"url": "/p.png"},
    "render_modes": {"pdf": {"type": "staticContentMacro", "value": "m"}},
    "content_property_key": "a",
    **dict.fromkeys(("home_url", "documentation_url", "logo_url"), "https://app.example"),
}


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_the_most_of_each_class_is_read(name: str) -> None:
    """Every member that a class has is one that a site takes, in the form that it is written in."""
    own = {"target": Target("page")} if name in ("webItems", "contentBylineItems") else {}
    if name == "jiraRemoteLinkInfoProvider":
        own["actions"] = []
    plainly = {bool: True, str: "x"}
    given = {}
    for field in msgspec.structs.fields(TYPED[name]):
        if field.name not in ("key", "more"):
            some = plainly.get(field.type, "10px")
            given[field.name] = own.get(field.name, WHOLE.get(field.name, some))
    given["cacheable"] = False
    known = {field.name for field in msgspec.structs.fields(TYPED[name])}
    module = TYPED[name](key="m", **{k: v for k, v in given.items() if k in known})
    assert set(plain(module)) >= {"key", *MODULE_TYPES[name].required}
    assert [found.type for found in read(module).modules] == [name]


# ---- the member modules ---------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_each_type_is_written_in_its_form(name: str) -> None:
    written = modules_json([(name, {"key": "m"})])[name]
    assert written == ([{"key": "m"}] if MODULE_TYPES[name].form is Form.LIST else {"key": "m"})


def test_what_an_app_has_one_of_it_has_once() -> None:
    with pytest.raises(ValueError, match="configurePage: an app has one"):
        modules_json([("configurePage", {"key": "a"}), ("configurePage", {"key": "b"})])
    both = modules_json(
        [("jiraDevelopmentTool", {"key": "a"}), ("jiraDevelopmentTool", {"key": "b"})]
    )
    assert both == {"jiraDevelopmentTool": [{"key": "a"}, {"key": "b"}]}


def test_a_type_that_the_table_does_not_know_is_a_list() -> None:
    assert modules_json([("brandNew", {"key": "a"})]) == {"brandNew": [{"key": "a"}]}


# ---- the page about them --------------------------------------------------------------------

PAGE = ROOT / "docs" / "descriptor.md"


@pytest.mark.parametrize("name", TYPED)
def test_the_page_lists_each_type_with_its_members(name: str) -> None:
    row = MODULE_TYPES.get(name)
    both = row is None or len(row.products) == 2
    products = "both" if both else next(iter(row.products)).title()
    members = ", ".join(
        f"**{m}**" if needed else m for m, needed in members_of(TYPED[name]).items()
    )
    form = row.form if row else Form.LIST
    line = f"| `{name}` | `{TYPED[name].__name__}` | {products} | {form} | {members} |"
    assert line in PAGE.read_text(encoding="utf-8").splitlines()
