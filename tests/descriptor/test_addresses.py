"""Where the addresses of a descriptor may lead, and what fills their variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.descriptor.addresses import (
    check_address,
    check_base,
    check_link,
    expand,
    resolve,
    variables,
)

URL = "http://127.0.0.1:7000/base"


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


def test_the_names_of_variables() -> None:
    assert variables("/{issue.key}?a=${project.id}&b={jwt}") == ["issue.key", "project.id", "jwt"]


@pytest.mark.parametrize(
    "written", ["/p", "/p?jwt={jwt}", "/p?a={x}&jwt={jwt}", "p?x=1", "/p?myjwt=1"]
)
def test_what_a_frame_may_open(written: str) -> None:
    check_address(URL, written, "$.url", framed=True)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("/p/{jwt}", "only stand in the query"),
        ("/p?token={jwt}", "only stand in the query"),
        ("/p?jwt={jwt}&jwt={jwt}", "only stand in the query"),
        ("/p?jwt=x{jwt}", "only stand in the query"),
        ("/p?jwt=x", "is the site's to add"),
        ("/p?jwt={jwt}&j%77t=x", "is the site's to add"),
        ("//evil.example", "is not below"),
        ("javascript:alert(1)", "is not below"),
        ("/a/../b", "normal form"),
    ],
)
def test_what_a_frame_may_not_open(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"{problem}.* - at `\\$.url`"):
        check_address(URL, written, "$.url", framed=True)


def test_a_call_to_a_server_has_no_token_in_its_address() -> None:
    with pytest.raises(ValueError, match=r"in the header - at `\$.url`"):
        check_address(URL, "/p?jwt={jwt}", "$.url")


@pytest.mark.parametrize("base", ["javascript:x", "http://me@h/", "HTTP://h/", "http://h/?a", ""])
def test_what_is_no_base(base: str) -> None:
    with pytest.raises(ValueError, match=r"at `\$.baseUrl`"):
        check_base(base)


def test_a_link_may_lead_anywhere_on_the_web() -> None:
    check_link("https://example.com/a?b={issue.key}", "$.url", relative=False)
    check_link("/browse/{issue.key}", "$.url", relative=True)


EVIL = [
    "javascript:alert(1)",
    "JaVaScript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:x",
    "data:text/html,x",
    "//evil.example",
    "/\\evil",
    "http:evil",
    "vbscript:x",
    "/a b",
]


@pytest.mark.parametrize("written", EVIL)
def test_a_link_is_no_script(written: str) -> None:
    with pytest.raises(ValueError, match=r"at `\$.url`"):
        check_link(written, "$.url", relative=True)


def test_a_link_away_is_absolute() -> None:
    with pytest.raises(ValueError, match="not an absolute address"):
        check_link("/p", "$.url", relative=False)
