"""Pairs in maps and lists, and statements that put one in."""

from __future__ import annotations

import pytest

from headway.scan.fix.pairs import in_map, put_into
from headway.scan.fix.syntax import Source
from scan.fix.cases import IMPORTS, fixed, mended, why

HEADER = 'headers={"Authorization": f"JWT {token}"}'


@pytest.mark.parametrize(
    "query",
    ['{"jwt": token}', "dict(jwt=token)", '[("jwt", token)]', '[["jwt", token]]',
     '(("jwt", token),)'],
)  # fmt: skip
def test_what_has_nothing_else_goes(query: str) -> None:
    assert fixed(f"requests.get(base, params={query}, timeout=1)") == [
        f"requests.get(base, {HEADER.replace(chr(34), chr(34))}, timeout=1)"
    ]


@pytest.mark.parametrize(
    "line",
    [
        'params["jwt"] = token',
        'params.update({"jwt": token})',
        "params.update(jwt=token)",
        'params.update([("jwt", token)])',
        'params.append(("jwt", token))',
        'params.setdefault("jwt", token)',
    ],
)
def test_statements_that_put_it_in_go(line: str) -> None:
    assert fixed(line, "requests.get(base, params=params)") == [
        f"requests.get(base, params=params, {HEADER})"
    ]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ('params.update({"a": 1, "jwt": token})', 'params.update({"a": 1})'),
        ("params.update(a=1, jwt=token)", "params.update(a=1)"),
    ],
)
def test_statements_that_put_in_more_stay(line: str, after: str) -> None:
    assert fixed(line, "requests.get(base, params=params)")[0] == after


def test_names_in_constants() -> None:
    code = IMPORTS + (
        'PARAM = "jwt"\n\n\nclass Api:\n    NAME = "access_token"\n\n'
        "    def get(self, base, token, params):\n"
        "        requests.get(base, params={PARAM: token})\n"
        "        requests.get(base, params={self.NAME: token})\n"
        "        params[PARAM] = token\n"
        "        requests.get(base, params=params)\n"
    )
    after = mended(code).text.splitlines()[-3:]
    assert [line.count('headers={"Authorization": f"') for line in after] == [1, 1, 1]
    assert "Bearer" in after[1]
    code = code.replace("        params[PARAM] = token\n", "        params[self.NAME] = token\n")
    assert "Bearer" in mended(code).text.splitlines()[-1]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['requests.get(base, params=(("jwt", token), ("a", 1)))'], "in a tuple"),
        (['params["jwt"] = other = token', "requests.get(base, params=params)"],
         "several things are assigned"),
        (['params["a"]["jwt"] = token', 'requests.get(base, params=params["a"])'], "elsewhere"),
        (['params["jwt"] = token', "requests.get(base, params=params)", 'print(params["jwt"])',
          'key(params["jwt"])'], "used elsewhere"),
        (['params["jwt"] = token', "requests.get(base, params=params)", 'params.pop("jwt")'],
         "used elsewhere"),
        (["return params.update(jwt=token) or requests.get(base, params=params)"],
         "can not be seen"),
        (['requests.get(base, params={"jwt": (token if key else None)})'], "decided where"),
        (['requests.get(base, params={"jwt": token or key})'], "decided where"),
        (['requests.get(base, params={"jwt": "JWT " + token})'], "more than a token"),
        (['requests.get(base, params={"jwt": f"Bearer {token}"})'], "more than a token"),
    ],
)  # fmt: skip
def test_what_is_left_to_a_person(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


@pytest.mark.parametrize(
    "code",
    [
        'x = [("jwt", t, 1)]',
        'x = [(t, "jwt")]',
        'x = {(1, 2): ("jwt", t)}',
        'x = ["jwt", t]',
        "x = made(jwt=t)",
        'x = {t: "jwt"}',
        'call({"jwt": t}, 1)',
        'x.send({"jwt": t})',
        'x.setdefault("jwt")',
        'x.append(("jwt", t, 1))',
        'if x["jwt"]: pass',
        'del x["jwt"]',
        'x["jwt":t] = t',
        'for x["jwt"] in t: pass',
        'x["jwt"] += t',
    ],
)
def test_what_puts_nothing_into_a_variable(code: str) -> None:
    source = Source(code)
    start = code.index("jwt")
    name = source.at(start - 1) or source.at(start)
    assert name is not None
    assert put_into(source, name) is None
    assert in_map(source, name) is None or code == 'call({"jwt": t}, 1)' or "send" in code


def test_a_list_in_an_update() -> None:
    source = Source('x.extend([("jwt", t), ("a", 1)])')
    name = source.at(11)
    assert name is not None
    grown = put_into(source, name)
    assert grown is not None
    assert source.code(grown.target) == "x"
