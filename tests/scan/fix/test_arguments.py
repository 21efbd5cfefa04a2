"""Arguments and elements in the form that their neighbours have."""

from __future__ import annotations

import re

import pytest

from scan.fix.cases import fixed, why


def test_on_a_line_of_its_own() -> None:
    assert fixed(
        "requests.get(",
        "    base,",
        '    params={"a": 1, "jwt": token},  # and a comment',
        "    timeout=3,",
        ")",
    ) == [
        "requests.get(",
        "    base,",
        '    params={"a": 1},  # and a comment',
        '    headers={"Authorization": f"JWT {token}"},',
        "    timeout=3,",
        ")",
    ]


def test_the_last_one_without_a_comma() -> None:
    assert fixed(
        "requests.get(",
        "    base,",
        '    params={"a": 1, "jwt": token}',
        ")",
    ) == [
        "requests.get(",
        "    base,",
        '    params={"a": 1},',
        '    headers={"Authorization": f"JWT {token}"}',
        ")",
    ]


def test_elements_on_lines_of_their_own() -> None:
    assert fixed(
        "query = {",
        '    "a": 1,  # first',
        '    "jwt": token,',
        '    "b": 2,',
        "}",
        "requests.get(base, params=query, headers={",
        '    "Accept": "x",  # wanted',
        "})",
    ) == [
        "query = {",
        '    "a": 1,  # first',
        '    "b": 2,',
        "}",
        "requests.get(base, params=query, headers={",
        '    "Accept": "x",  # wanted',
        '    "Authorization": f"JWT {token}",',
        "})",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"jwt": token, "a": 1}', '{"a": 1}'),
        ('{"a": 1, "jwt": token}', '{"a": 1}'),
        ('{"a": 1, "jwt": token,}', '{"a": 1,}'),
        ('{"a": 1, "jwt": token, "b": 2}', '{"a": 1, "b": 2}'),
        ("dict(jwt=token, a=1)", "dict(a=1)"),
        ('[("jwt", token), ("a", 1)]', '[("a", 1)]'),
    ],
)
def test_out_of_a_line(before: str, after: str) -> None:
    assert fixed(f"requests.get(base, params={before})") == [
        f'requests.get(base, params={after}, headers={{"Authorization": f"JWT {{token}}"}})'
    ]


def test_the_only_one_with_a_comma() -> None:
    assert fixed(
        'query = {"jwt": token,}', 'query["a"] = 1', "requests.get(base, params=query)"
    ) == [
        "query = {}",
        'query["a"] = 1',
        'requests.get(base, params=query, headers={"Authorization": f"JWT {token}"})',
    ]


def test_a_comment_on_the_line_of_an_item_goes_with_it() -> None:
    assert fixed(
        "requests.get(base, params={", '    "a": 1,  # one', '    "jwt": token,  # the token', "})"
    ) == [
        "requests.get(base, params={", '    "a": 1,  # one',
        '}, headers={"Authorization": f"JWT {token}"})',
    ]  # fmt: skip


def test_into_an_empty_map_and_after_what_has_no_name() -> None:
    assert fixed('requests.get(base, {"a": 1, "jwt": token}, headers={})') == [
        'requests.get(base, {"a": 1}, headers={"Authorization": f"JWT {token}"})'
    ]
    assert fixed('requests.get(base, {"a": 1, "jwt": token})') == [
        'requests.get(base, {"a": 1}, headers={"Authorization": f"JWT {token}"})'
    ]
    assert fixed('requests.request("GET", f"{base}?jwt={token}", timeout=1)') == [
        'requests.request("GET", f"{base}", headers={"Authorization": f"JWT {token}"}, timeout=1)'
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['requests.get(base + "?jwt=" + token, **params)'], r"by \* or \*\*"),
        (['requests.get(base + "?jwt=" + token, *params)'], "can not be seen"),
        (["requests.get(base, params={", '    "a": 1, "jwt": token, # why',
          '    "b": 2})'], "a comment stands"),
        (["requests.get(base, params={", '    "a": 1, # why', '    "jwt": token}, timeout=1)'],
         "a comment stands"),
        (['params["a"] = 1; params["jwt"] = token', "requests.get(base, params=params)"],
         "several statements"),
        (['params["jwt"] = token  # why', "requests.get(base, params=params)"],
         "a comment stands"),
    ],
)  # fmt: skip
def test_what_is_left_to_a_person(lines: list[str], reason: str) -> None:
    assert re.search(reason, why(*lines))


def test_a_suite_is_never_empty() -> None:
    assert fixed('url += "?jwt=" + token', "return requests.get(url)") == [
        'return requests.get(url, headers={"Authorization": f"JWT {token}"})'
    ]
