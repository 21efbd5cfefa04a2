"""The header, beside what is there; and what is there already."""

from __future__ import annotations

import pytest

from scan.fix.cases import IMPORTS, fixed, mended, why

PAIR = '"Authorization": f"JWT {token}"'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("None", f"{{{PAIR}}}"),
        ("{}", f"{{{PAIR}}}"),
        ('{"Accept": "x"}', f'{{"Accept": "x", {PAIR}}}'),
        ('{"Accept": "x",}', f'{{"Accept": "x", {PAIR},}}'),
    ],
)
def test_headers_that_are_there(before: str, after: str) -> None:
    assert fixed(f'requests.get(base + "?jwt=" + token, headers={before})') == [
        f"requests.get(base, headers={after})"
    ]


@pytest.mark.parametrize(
    "made",
    [
        ['headers = {"Accept": "x"}'],
        ['headers: dict[str, str] = {"Accept": "x"}'],
        ["headers = {}", 'headers["Accept"] = "x"', 'headers.update({"X-A": "b"})'],
        ["headers = {}", 'headers.setdefault("Accept", "x")', "print(headers.get('Accept'))"],
    ],
)
def test_headers_in_a_variable(made: list[str]) -> None:
    assert fixed(*made, "requests.get(base, params={'a': 1, 'jwt': token}, headers=headers)") == [
        *made,
        "requests.get(base, params={'a': 1}, headers={**headers, 'Authorization': f'JWT {token}'})",
    ]


def test_headers_of_the_module() -> None:
    code = (
        IMPORTS
        + 'HEADERS = {"Accept": "x"}\n\ndef call(base, token):\n'
        + ('    requests.get(base, params={"jwt": token}, headers={**HEADERS, "X-A": "b"})\n')
    )
    assert mended(code).text.endswith(
        f'requests.get(base, headers={{**HEADERS, "X-A": "b", {PAIR}}})\n'
    )


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("token", 'f"JWT {token}"'),
        ("self.token", 'f"JWT {self.token}"'),
        ("make(key)", 'f"JWT {make(key)}"'),
        ("keys[0]", 'f"JWT {keys[0]}"'),
        ("user['token']", "\"JWT \" + user['token']"),
        ('user["token"]', '"JWT " + user["token"]'),
        ("await made()", '"JWT " + (await made())'),
        ("made(lambda: 1)", '"JWT " + made(lambda: 1)'),
        ("made({1})", '"JWT " + made({1})'),
        ("(token)", 'f"JWT {(token)}"'),
    ],
)
def test_values(token: str, code: str) -> None:
    line = f'await httpx.AsyncClient().get(base, params={{"jwt": {token}}})'
    assert fixed(line, head="async def call(base, token, keys, user, self):") == [
        f'await httpx.AsyncClient().get(base, headers={{"Authorization": {code}}})'
    ]


def test_a_value_over_lines() -> None:
    assert fixed('requests.get(base, params={"jwt": made(', "    key,", ")})") == [
        'requests.get(base, headers={"Authorization": "JWT " + (made(', "    key,", "))})",
    ]  # fmt: skip


SET = "an Authorization header is set already"
UNSEEN = "can not be seen"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['requests.get(base + "?jwt=" + token, headers={"Authorization": key})'], SET),
        (['requests.get(base + "?jwt=" + token, headers={"authorization": key})'], SET),
        (['requests.get(base + "?jwt=" + token, headers={key: key})'], "a name that can not"),
        (['requests.get(base + "?jwt=" + token, headers={**key})'], UNSEEN),
        (['requests.get(base + "?jwt=" + token, headers={**key()})'], UNSEEN),
        (['requests.get(base + "?jwt=" + token, headers=key())'], UNSEEN),
        (['requests.get(base + "?jwt=" + token, headers=key)'], UNSEEN),
        (['requests.get(base + "?jwt=" + token, headers=nowhere)'], UNSEEN),
        (['requests.get(base + "?jwt=" + token, auth=key)'], "credentials already"),
        (["headers, other = key", 'requests.get(base + "?jwt=" + token, headers=headers)'], UNSEEN),
        (["headers = {}", 'headers["Authorization"] = key',
          'requests.get(base + "?jwt=" + token, headers=headers)'], SET),
        (["headers = {}", "headers[key] = key",
          'requests.get(base + "?jwt=" + token, headers=headers)'], "a name that can not"),
        (["headers = {}", "headers[key:key] = key",
          'requests.get(base + "?jwt=" + token, headers=headers)'], "a name that can not"),
        (["headers = {}", "headers.update(key)",
          'requests.get(base + "?jwt=" + token, headers=headers)'], UNSEEN),
        (["headers = {}", "key = headers.update",
          'requests.get(base + "?jwt=" + token, headers=headers)'], UNSEEN),
        (["headers = {}", 'headers.update({"AUTHORIZATION": key})',
          'requests.get(base + "?jwt=" + token, headers=headers)'], SET),
        (["headers = {}", "key(headers)",
          'requests.get(base + "?jwt=" + token, headers=headers)'], UNSEEN),
        (["s = requests.Session()", "s.auth = key", 's.get(base + "?jwt=" + token)'],
         "the client has credentials"),
        (["s = requests.Session()", 's.headers["Authorization"] = key',
          's.get(base + "?jwt=" + token)'], SET),
        (["s = requests.Session()", 's.headers = {"Authorization": key}',
          's.get(base + "?jwt=" + token)'], SET),
        (["s = requests.Session()", 's.headers.update({"Authorization": key})',
          's.get(base + "?jwt=" + token)'], SET),
        (["c = httpx.Client(auth=key)", 'c.get(base + "?jwt=" + token)'],
         "the client has credentials"),
        (['c = httpx.Client(headers={"Authorization": key})', 'c.get(base + "?jwt=" + token)'],
         SET),
        (["with httpx.Client(auth=key) as c:", '    c.get(base + "?jwt=" + token)'],
         "the client has credentials"),
    ],
)  # fmt: skip
def test_what_is_set_already(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


def test_what_is_set_elsewhere() -> None:
    lines = [
        "s = requests.Session()",
        's.headers["Accept"] = "x"',
        's.headers.update({"Accept": "x"})',
        "s.verify = False",
        "other = httpx.Client(auth=key)",
        "with httpx.Client(auth=key) as another, httpx.Client():",
        '    s.get(base + "?jwt=" + token, auth=None)',
    ]
    assert fixed(*lines)[-1] == f"    s.get(base, headers={{{PAIR}}}, auth=None)"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["if key:", "    headers = {}", "if key:", '    params["jwt"] = token',
          "requests.get(base, params=params, headers=headers)"], "not always made before"),
        (["if key:", '    params["jwt"] = token', "headers = {}",
          "requests.get(base, params=params, headers=headers)"], "not always made before"),
        (["headers = {}", "if key:", '    params["jwt"] = token',
          "requests.get(base, headers=headers)",
          "requests.get(base, params=params, headers=headers)"], "for other requests"),
        (["if key:", '    params["jwt"] = token',
          "requests.get(base, params=params, headers=key)"], "can not be seen"),
    ],
)  # fmt: skip
def test_headers_under_a_condition(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


def test_headers_of_the_module_under_a_condition() -> None:
    head = f"{IMPORTS}HEADERS = {{}}\n\ndef call(base, token, params):\n"
    body = ["if token:", '    params["jwt"] = token',
            "requests.get(base, params=params, headers=HEADERS)"]  # fmt: skip
    (step,) = mended(head + "".join(f"    {line}\n" for line in body)).steps
    assert step.why
