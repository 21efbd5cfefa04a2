"""The edits for one place: what goes, what is kept, and what is done with the token meanwhile."""

from __future__ import annotations

import libcst as cst
import pytest

from headway.scan.fix.plans import plan
from headway.scan.fix.syntax import Source, Unfixable
from scan.fix.cases import IMPORTS, fixed, mended, why

HEADER = 'headers={"Authorization": f"JWT {token}"}'
KEPT = 'headers={"Authorization": authorization}'


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        # the token is made once, where it was made before
        (['url = f"{base}/x?jwt={made()}"', "requests.get(url)"],
         ['authorization = f"JWT {made()}"', 'url = f"{base}/x"', f"requests.get(url, {KEPT})"]),
        (['params["jwt"] = made()', "requests.get(base, params=params)"],
         ['authorization = f"JWT {made()}"', f"requests.get(base, params=params, {KEPT})"]),
        (['query = {"a": 1, "jwt": made()}', "requests.get(base, params=query)"],
         ['authorization = f"JWT {made()}"', 'query = {"a": 1}',
          f"requests.get(base, params=query, {KEPT})"]),
        (["authorization = 1", 'params["jwt"] = made()', "requests.get(base, params=params)"],
         ["authorization = 1", 'authorization_header = f"JWT {made()}"',
          f"requests.get(base, params=params, {KEPT.replace('n}', 'n_header}')})"]),
        # a name that is bound again is another token
        (['url = f"{base}/x?jwt={token}"', "token = None", "requests.get(url)"],
         ['authorization = f"JWT {token}"', 'url = f"{base}/x"', "token = None",
          f"requests.get(url, {KEPT})"]),
        (['url = f"{base}/x?jwt={key.token}"', "key.token = None", "requests.get(url)"],
         ['authorization = f"JWT {key.token}"', 'url = f"{base}/x"', "key.token = None",
          f"requests.get(url, {KEPT})"]),
        (['url = f"{base}/x?jwt={key.token}"', "requests.get(url)"],
         ['url = f"{base}/x"', f"requests.get(url, {HEADER.replace('token}', 'key.token}')})"]),
        (['url = f"{base}/x?jwt={key.token}"', "key.close()", "requests.get(url)"],
         ['authorization = f"JWT {key.token}"', 'url = f"{base}/x"', "key.close()",
          f"requests.get(url, {KEPT})"]),
        (['url = f"{base}/x?jwt={key.token}"', "while base:", "    requests.get(url)"],
         ['authorization = f"JWT {key.token}"', 'url = f"{base}/x"', "while base:",
          f"    requests.get(url, {KEPT})"]),
        # beside other headers
        (['requests.get(base, params={"jwt": token}, headers={"A": "b"})'],
         ['requests.get(base, headers={"A": "b", "Authorization": f"JWT {token}"})']),
        (['requests.get(base, headers={"A": "b"}, params={"jwt": token})'],
         ['requests.get(base, headers={"A": "b", "Authorization": f"JWT {token}"})']),
        (['requests.get(base, {"jwt": token})'], [f"requests.get(base, {HEADER})"]),
        (["requests.get(base, params={'jwt': token})"],
         ["requests.get(base, headers={'Authorization': f'JWT {token}'})"]),
        (["requests.get(base, params=dict(jwt=token))"], [f"requests.get(base, {HEADER})"]),
        # clients
        (["s = requests.Session()", 's.params = {"jwt": token}'],
         ["s = requests.Session()", 's.headers["Authorization"] = f"JWT {token}"']),
        (["s = requests.Session()", 's.params = {"a": 1, "jwt": token}  # why'],
         ["s = requests.Session()", 's.params = {"a": 1}  # why',
          's.headers["Authorization"] = f"JWT {token}"']),
        (["s = httpx.Client()", 's.params["access_token"] = made()'],
         ["s = httpx.Client()", 's.headers["Authorization"] = f"Bearer {made()}"']),
        (["s = requests.Session()", 's.params.update({"jwt": token})'],
         ["s = requests.Session()", 's.headers["Authorization"] = f"JWT {token}"']),
        (["s = requests.Session()", 's.params.update({"a": 1, "jwt": token})'],
         ["s = requests.Session()", 's.params.update({"a": 1})',
          's.headers["Authorization"] = f"JWT {token}"']),
        # queries as texts
        (['query = urlencode({"jwt": token})', 'requests.get(base + "?" + query)'],
         [f"requests.get(base, {HEADER})"]),
        (['query = urlencode({"jwt": token})', 'requests.get(base + "?" + query)',
          'requests.get(base + "?a=1&" + query)'],
         ["query = urlencode({})", f'requests.get(base + "?" + query, {HEADER})',
          f'requests.get(base + "?a=1&" + query, {HEADER})']),
        (['query = {"jwt": token}', "print(query)", 'requests.get(base + "?" + urlencode(query))'],
         ["query = {}", "print(query)", f'requests.get(base + "?" + urlencode(query), {HEADER})']),
        (['requests.get(f"{base}{urlencode({1: 2, **{}})}", params={"jwt": token})'],
         [f'requests.get(f"{{base}}{{urlencode({{1: 2, **{{}}}})}}", {HEADER})']),
    ],
)  # fmt: skip
def test_ways(lines: list[str], after: list[str]) -> None:
    assert fixed(*lines) == after


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['requests.get(base, params={"api_key": token})'], "ask who runs the API"),
        (['requests.get(f"{base}?token={token}")'], "ask who runs the API"),
        (['requests.get(b"https://h/?jwt=" + token)'], "bytes"),
        (["s = key", 's.params = {"jwt": token}'], "what s is"),
        (["s = requests.Session()", "s.auth = key", 's.params = {"jwt": token}'], "credentials"),
        (["s = requests.Session()", 's.params["jwt"] = token; key()'], "several things"),
        (["s = requests.Session()", 's.params = {"jwt": token}; key()'], "elsewhere"),
        (['requests.get(base, {"jwt": token}, *key)'], "can not be seen"),
        (['url += "?jwt=" + token; key()', "requests.get(url)"], "several statements"),
        (["authorization = authorization_header = token_authorization = 1",
          *(f"authorization_{n} = 1" for n in range(2, 20)),
          'params["jwt"] = made()', "requests.get(base, params=params)"], "are taken"),
        (['url = f"{base}/x?jwt={made()}"; requests.get(url)'], "several statements"),
        (['params["jwt"] = made(); requests.get(base, params=params)'], "several statements"),
        (["session = requests.Session()", 'session.request("GET", base, {"jwt": token}, key)'],
         "arguments stand after"),
        (["session = requests.Session()",
          'session.request("GET", base, {"jwt": token}, key, headers={"A": "b"})'],
         "arguments stand after"),
        (["global P", 'P = {"jwt": token}', "requests.get(base, params=P)"], "another function"),
        (["with made(url := base + '?jwt=' + token): requests.get(url)"], "can not be seen"),
    ],
)  # fmt: skip
def test_what_is_left_to_a_person(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


def test_a_name_that_is_no_text() -> None:
    source = Source("f(jwt=token)\n")
    name = source.at(2)
    assert name is not None
    with pytest.raises(Unfixable, match="can not be seen"):
        plan(source, name, "jwt")


def test_in_a_class() -> None:
    code = IMPORTS + (
        "class Api:\n    def get(self, path):\n"
        '        url = f"{self.base}{path}?jwt={self.token}"\n'
        "        return requests.get(url)\n"
    )
    assert mended(code).text.endswith(
        '        url = f"{self.base}{path}"\n'
        '        return requests.get(url, headers={"Authorization": f"JWT {self.token}"})\n'
    )
    assert cst.parse_module(mended(code).text)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['if key: url += "?jwt=" + token', "requests.get(url)"], "several statements"),
        (['key = f"<a href={base}?jwt={token}>"'], "<img>"),
        (['key(f"document.location = {base}?jwt={token}")'], "window.location"),
        (['key(f"wss://{base}?jwt={token}")'], "WebSocket"),
        (['requests.get(base, params={"jwt": "Bearer " + token})'], "more than a token"),
        (['requests.get(base, params={"jwt": token if key else base})'], "is decided"),
        (["for each in key:", "    if each:", '        params["jwt"] = token',
          "    requests.get(each, params=params)"], "under a condition"),
        (["if key:", '    params["jwt"] = token; key()', "requests.get(base, params=params)"],
         "under a condition"),
        (["if key:", '    params["jwt"] = token',
          'requests.get(base, params=params, headers={"A": "b"})'], "under a condition"),
        (["headers = {}", "if key:", '    params["jwt"] = token',
          "requests.get(base, params=params, headers=headers)",
          "requests.get(base, params=params)"], "under a condition"),
        (["if key:", '    params["jwt"] = token',
          'urllib.request.urlopen(base + "?" + urlencode(params))'], "under a condition"),
        (['params["jwt"] = token', 'key(params["JWT"])', "requests.get(base, params=params)"],
         "used elsewhere"),
    ],
)  # fmt: skip
def test_more_that_is_left_to_a_person(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


def test_more_ways() -> None:
    assert fixed('requests.get("?jwt=" + token)') == [f'requests.get("", {HEADER})']
    assert fixed('requests.get("{}?jwt={}".format(base, token))') == [
        f'requests.get("{{}}".format(base), {HEADER})'
    ]
    assert fixed('requests.get(base, params=params | {"jwt": token})') == [
        f"requests.get(base, params=params, {HEADER})"
    ]
    assert fixed('requests.get(base, params={"jwt": token} | params)') == [
        f"requests.get(base, params=params, {HEADER})"
    ]
    assert fixed('url += "?jwt=" + token', "requests.get(url)") == [f"requests.get(url, {HEADER})"]
    assert fixed('query = {"jwt": token}', "key('jwt')", "requests.get(base, params=query)") == [
        "key('jwt')", f"requests.get(base, {HEADER})",
    ]  # fmt: skip
    assert fixed('requests.get(base + "?" + urlencode({"jwt": token}))') == [
        f"requests.get(base, {HEADER})"
    ]
    assert fixed('query = {"jwt": token}', 'requests.get(base + "?" + urlencode(query))') == [
        f"requests.get(base, {HEADER})"
    ]
    assert fixed('requests.get(urljoin(base, "/rest/x") + "?jwt=" + token)') == [
        f'requests.get(urljoin(base, "/rest/x"), {HEADER})'
    ]
    assert "request.add_unredirected" in fixed('urllib.request.urlopen(base + "?jwt=" + token)')[1]


def test_a_header_under_the_same_condition() -> None:
    assert fixed("if key:", '    params["jwt"] = token', "requests.get(base, params=params)") == [
        "headers = {}",
        "if key:",
        '    headers["Authorization"] = f"JWT {token}"',
        "requests.get(base, params=params, headers=headers)",
    ]
    assert fixed(
        'headers = {"A": "b"}', "if key:", '    params["jwt"] = make()', "    print(key)",
        "requests.get(base, params=params, headers=headers)",
    ) == [
        'headers = {"A": "b"}', "if key:", '    headers["Authorization"] = f"JWT {make()}"',
        "    print(key)", "requests.get(base, params=params, headers=headers)",
    ]  # fmt: skip
