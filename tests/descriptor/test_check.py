"""What is found wrong with a descriptor: all of it, with its place and what to do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.descriptor import problems_of, read_descriptor
from headway.descriptor.check import BYTES_MAX, HINTS, Finding, Level, check
from headway.descriptor.module_types import MODULE_TYPES
from headway.descriptor.typed import TYPED, members_of

WHOLE: dict[str, Any] = {
    "key": "my-app",
    "name": "My app",
    "baseUrl": "https://app.example/base",
    "authentication": {"type": "jwt"},
    "lifecycle": {"installed": "/installed", "uninstalled": "/uninstalled"},
    "apiMigrations": {"signed-install": True, "gdpr": True, "context-qsh": True},
    "scopes": ["READ"],
    "modules": {},
}


def found(modules: Any = None, **more: Any) -> tuple[Finding, ...]:
    document = {**WHOLE, **more}
    if modules is not None:
        document["modules"] = modules
    return check(json.dumps({k: v for k, v in document.items() if v is not None}).encode())


def one(modules: Any = None, **more: Any) -> Finding:
    (only,) = found(modules, **more)
    return only


def panel(**members: Any) -> dict[str, Any]:
    return {"key": "p", "name": {"value": "P"}, "url": "/p", "location": "l", **members}


def test_nothing_is_wrong_with_a_good_one() -> None:
    assert found() == ()
    assert found({"webPanels": [panel()], "webhooks": [{"event": "e", "url": "/h"}]}) == ()


# ---- errors ---------------------------------------------------------------------------------


def test_every_error_is_found_at_once() -> None:
    errors = found(
        key=7,
        scopes=["READ", "ROOT"],
        lifecycle={"installed": "//evil.example", "uninstalled": "/u"},
        modules={
            "webPanels": [panel(), panel(url="http://evil.example"), panel(key="b", name="B")],
            "generalPages": {"key": "g"},
            "adminPages": [{"key": "a"}, panel(key="fine", location="l"), panel()],
            "webhooks": [{"event": "e", "url": "/h?jwt={jwt}"}, {"event": "e", "url": "../x"}],
        },
    )
    assert [error.place for error in errors] == [
        "$.key",
        "$.lifecycle.installed",
        "$.scopes[1]",
        "$.modules.webPanels[1].url",
        "$.modules.webPanels[2].name",
        "$.modules.generalPages",
        "$.modules.adminPages[0]",
        "$.modules.adminPages[2].key",
        "$.modules.webhooks[0].url",
        "$.modules.webhooks[1].url",
    ]
    assert {error.level for error in errors} == {Level.ERROR}
    assert all(error.hint and error.hint != "See docs/descriptor.md." for error in errors)


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no key": ({"key": None}, "$", "required field `key`"),
    "a key with a blank": ({"key": "a b"}, "$.key", "regex"),
    "no base URL": ({"baseUrl": None}, "$", "baseUrl"),
    "a base URL that is none": ({"baseUrl": "javascript:x"}, "$.baseUrl", "http or https"),
    "another spelling": ({"baseUrl": "https://APP.example"}, "$.baseUrl", "write it as"),
    "http": ({"baseUrl": "http://app.example"}, "$.baseUrl", "is not https"),
    "a base URL too long": ({"baseUrl": "https://a.example/" + "a" * 200}, "$.baseUrl", "length"),
    "no authentication": ({"authentication": {"type": "none"}}, "$.authentication.type", "enum"),
    "no lifecycle": ({"lifecycle": None}, "$", "required field `lifecycle`"),
    "no installed": ({"lifecycle": {"uninstalled": "/u"}}, "$.lifecycle", "`installed`"),
    "webhooks that may read nothing": (
        {"scopes": [], "modules": {"webhooks": [{"event": "e", "url": "/h"}]}},
        "$.scopes",
        "need the scope READ",
    ),
    "webhooks that are none": ({"modules": {"webhooks": 7}}, "$.modules.webhooks", "array"),
    "modules that are none": ({"modules": []}, "$.modules", "object"),
    "too many": (
        {"modules": {"webPanels": [panel(key=f"p{n}") for n in range(101)]}},
        "$.modules.webPanels",
        "at most 100",
    ),
    "a condition of nothing": (
        {"modules": {"webPanels": [panel(conditions=[{}])]}},
        "$.modules.webPanels[0].conditions",
        "name or parts",
    ),
    "a cacheable page with a token": (
        {"modules": {"webPanels": [panel(cacheable=True, url="/p?jwt={jwt}")]}},
        "$.modules.webPanels[0].url",
        "cacheable",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_an_error(what: str) -> None:
    more, place, problem = BAD[what]
    error = one(**more)
    assert (error.level, error.place) == (Level.ERROR, place)
    assert problem in error.problem
    assert error.hint != "See docs/descriptor.md."


@pytest.mark.parametrize(
    "data", [b"", b"{", b"<html>", b'{"key": "\xff"}', b'{"a":' * 100_000], ids=range(5)
)
def test_what_is_not_json(data: bytes) -> None:
    (error,) = check(data)
    assert (error.place, error.problem) == ("$", "is not JSON")


@pytest.mark.parametrize("data", [b"[]", b"7", b"null", b'"x"', b"[" * 100_000], ids=range(5))
def test_what_is_no_object(data: bytes) -> None:
    (error,) = check(data)
    assert (error.place, error.level) == ("$", Level.ERROR)
    assert error.problem.startswith("Expected `object`")


def test_a_descriptor_speaks_for_its_own_origin() -> None:
    data = json.dumps(WHOLE).encode()
    assert check(data, "https://app.example") == ()
    (error,) = check(data, "https://other.example")
    assert (error.level, error.place) == (Level.ERROR, "$.baseUrl")
    assert "https://app.example" in error.hint


def test_size_is_bounded() -> None:
    (error,) = check(b" " * (BYTES_MAX + 1))
    assert f"over {BYTES_MAX} bytes" in error.problem


def test_a_type_whose_name_is_none() -> None:
    error, warning = found({"a b": []})
    assert (error.level, error.place) == (Level.ERROR, "$.modules")
    assert (warning.level, warning.place) == (Level.WARNING, "$.modules.a b")


def test_a_descriptor_without_findings_of_the_reader_is_one_that_a_site_reads() -> None:
    assert problems_of(json.dumps(WHOLE).encode()) == ()


def test_every_hint_can_be_reached() -> None:
    """A row behind one that fits everything it fits would be dead."""
    for number, (part, _) in enumerate(HINTS):
        assert not [before for before, _ in HINTS[:number] if before in part], part


# ---- warnings -------------------------------------------------------------------------------

ODD: dict[str, tuple[dict[str, Any], str, str]] = {
    "a member that is misspelt": ({"lifecylce": {}}, "$.lifecylce", "Did you mean lifecycle?"),
    "a member that is new": ({"quantum": True}, "$.quantum", "If it is new"),
    "a key over 64": ({"key": "k" * 65}, "$.key", "shorter"),
    "no name": ({"name": None}, "$.name", "people"),
    "no uninstalled": (
        {"lifecycle": {"installed": "/i"}},
        "$.lifecycle.uninstalled",
        "keeps the secret",
    ),
    "a switch that is gone": (
        {"apiMigrations": {"signed-install": False}},
        "$.apiMigrations.signed-install",
        "Write true",
    ),
    "a type that is misspelt": (
        {"modules": {"webPanel": [panel()]}},
        "$.modules.webPanel",
        "Did you mean webPanels?",
    ),
    "a type that the site has not": (
        {"modules": {"jiraIssueFields": [{}]}},
        "$.modules.jiraIssueFields",
        "real site",
    ),
    "a module's member that is misspelt": (
        {"modules": {"webPanels": [panel(wieght=3)]}},
        "$.modules.webPanels[0].wieght",
        "Did you mean weight?",
    ),
    "a single module's member": (
        {"modules": {"configurePage": {"key": "c", "name": {"value": "C"}, "url": "/c", "x": 1}}},
        "$.modules.configurePage.x",
        "If it is new",
    ),
    "a module's key with a dot": (
        {"modules": {"webPanels": [panel(key="a.b")]}},
        "$.modules.webPanels[0].key",
        "letters, digits and dashes",
    ),
    "a condition that is misspelt": (
        {"modules": {"webPanels": [panel(conditions=[{"condition": "user_is_loged_in"}])]}},
        "$.modules.webPanels[0].conditions[0].condition",
        "Did you mean user_is_logged_in?",
    ),
    "a condition inside others": (
        {
            "modules": {
                "webPanels": [
                    panel(
                        conditions=[
                            {"condition": "user_is_admin"},
                            {"or": [{"condition": "/asked"}, {"and": [{"condition": "wat"}]}]},
                        ]
                    )
                ]
            }
        },
        "$.modules.webPanels[0].conditions[1].or[1].and[0].condition",
        "If it is new",
    ),
    "a dialog that is not there": (
        {
            "modules": {
                "dialogs": [{"key": "d", "url": "/d"}],
                "webItems": [
                    {
                        "key": "w",
                        "name": {"value": "W"},
                        "location": "l",
                        "target": {"type": "dialogmodule", "options": {"key": "e"}},
                    }
                ],
            }
        },
        "$.modules.webItems[0].target.options.key",
        "one of theirs",
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_what_is_a_warning(what: str) -> None:
    more, place, hint = ODD[what]
    warning = one(**more)
    assert (warning.level, warning.place) == (Level.WARNING, place)
    assert hint in warning.hint


def test_errors_come_first() -> None:
    levels = [each.level for each in found({"webPanels": [7, panel(x=1)]}, quantum=1)]
    assert levels == [Level.ERROR, Level.WARNING, Level.WARNING]


@pytest.mark.parametrize("value", [7, "x", None, [], [7], {"a": 7}])
@pytest.mark.parametrize("member", ["modules", "lifecycle", "apiMigrations", "baseUrl", "key"])
def test_whatever_a_member_is_it_is_only_found_wrong(member: str, value: Any) -> None:
    data = json.dumps({**WHOLE, member: value}).encode()
    assert all(isinstance(each, Finding) for each in check(data))


@pytest.mark.parametrize("depth", [100, 400, 700, 950, 1500, 5000])
@pytest.mark.parametrize("what", ["objects", "lists", "conditions"])
def test_depth_ends_in_no_traceback(what: str, depth: int) -> None:
    opening, closing = {
        "objects": ('{"a":', "}"),
        "lists": ("[", "]"),
        "conditions": ('[{"or":', "}]"),
    }[what]
    deep = f"{opening * depth}[]{closing * depth}"
    text = json.dumps({**WHOLE, "modules": {"webPanels": [panel(conditions="DEEP")]}})
    found_all = check(text.replace('"DEEP"', deep).encode())
    assert found_all
    assert all(isinstance(each, Finding) for each in found_all)


def test_a_member_that_is_written_twice() -> None:
    text = json.dumps({**WHOLE, "modules": {"webPanels": [panel()]}})
    text = text.replace('"scopes"', '"key": "my-app", "scopes"').replace(
        '"url": "/p"', '"url": "/other", "url": "/p"'
    )
    twice = check(text.encode())
    assert [each.place for each in twice] == ["$.key", "$.modules.webPanels[0].url"]
    assert {each.level for each in twice} == {Level.WARNING}


# ---- the table of members -------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULE_TYPES)
def test_every_member_of_a_type_is_known(name: str) -> None:
    """Else what the typed classes write would be warned about here."""
    kind = TYPED[name]
    module = dict.fromkeys(members_of(kind))
    warnings = [e for e in found({name: module}) if e.level is Level.WARNING]
    assert warnings == []


# ---- whatever is written --------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
MODULES = st.dictionaries(
    st.sampled_from([*TYPED, "quantumPages"]),
    JSON
    | st.lists(
        st.dictionaries(st.sampled_from(["key", "url", "name", "target", "conditions"]), JSON),
        max_size=3,
    ),
    max_size=3,
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(WHOLE)), JSON, MODULES)
def test_a_site_takes_exactly_what_has_no_error(member: str, value: Any, modules: Any) -> None:
    document = {**WHOLE, "modules": modules, member: value}
    data = json.dumps(document).encode()
    errors = [each for each in check(data) if each.level is Level.ERROR]
    if not errors:
        read_descriptor(data)
        return
    with pytest.raises(ValueError, match=re.escape(errors[0].problem)):
        read_descriptor(data)
