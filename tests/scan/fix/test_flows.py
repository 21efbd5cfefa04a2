"""Where it goes: to requests of the same function, and nowhere else."""

from __future__ import annotations

import pytest

from scan.fix.cases import IMPORTS, fixed, mended, why

HEADER = 'headers={"Authorization": f"JWT {token}"}'


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (['url = f"{base}/x?jwt={token}"', "return requests.get(url)"],
         ['url = f"{base}/x"', f"return requests.get(url, {HEADER})"]),
        (['url: str = base + "?jwt=" + token', "requests.get(url)", "requests.post(url)"],
         ["url: str = base", f"requests.get(url, {HEADER})", f"requests.post(url, {HEADER})"]),
        (['url = f"{base}/x?jwt={token}"', 'print("asking", url)', "requests.get(url)"],
         ['url = f"{base}/x"', 'print("asking", url)', f"requests.get(url, {HEADER})"]),
        (['url = f"{base}/x?jwt={token}"', "if requests.get(url).ok:", "    return",
          "raise ValueError(url)"],
         ['url = f"{base}/x"', f"if requests.get(url, {HEADER}).ok:", "    return",
          "raise ValueError(url)"]),
        (['requests.get(urljoin(base, f"/rest/x?jwt={token}"))'],
         [f'requests.get(urljoin(base, "/rest/x"), {HEADER})']),
        (['httpx.get(httpx.URL(base + "?jwt=" + token))'],
         [f"httpx.get(httpx.URL(base), {HEADER})"]),
        (['url += "?jwt=" + token', "requests.get(url)"], [f"requests.get(url, {HEADER})"]),
        (['url += f"?jwt={token}&a=1"', "requests.get(url)"],
         ['url += "?a=1"', f"requests.get(url, {HEADER})"]),
        (['query = {"jwt": token}', "requests.get(base, params=query)"],
         [f"requests.get(base, {HEADER})"]),
        (['query = {"jwt": token}', 'query["a"] = 1', "requests.get(base, params=query)"],
         ["query = {}", 'query["a"] = 1', f"requests.get(base, params=query, {HEADER})"]),
        (['query = {"jwt": token}', "print(query)", "requests.get(base, params=query)"],
         ["query = {}", "print(query)", f"requests.get(base, params=query, {HEADER})"]),
        (['query = {"a": 1, "jwt": token}', "requests.get(base, params={**query, 'b': 2})"],
         ['query = {"a": 1}', f"requests.get(base, params={{**query, 'b': 2}}, {HEADER})"]),
        (['requests.get(base, params={**params, "jwt": token})'],
         [f"requests.get(base, params={{**params}}, {HEADER})"]),
        (['requests.get(base, params=params | {"jwt": token})'],
         [f"requests.get(base, params=params, {HEADER})"]),
        (['requests.get(base, params={"jwt": token} | params)'],
         [f"requests.get(base, params=params, {HEADER})"]),
        (['requests.get(base + "?" + urlencode({"jwt": token, "a": 1}))'],
         [f'requests.get(base + "?" + urlencode({{"a": 1}}), {HEADER})']),
        (['query = urlencode({"jwt": token, "a": 1})', 'requests.get(f"{base}?{query}")'],
         ['query = urlencode({"a": 1})', f'requests.get(f"{{base}}?{{query}}", {HEADER})']),
        (['query = urlencode({"jwt": token})', 'requests.get(f"{base}?{query}")'],
         [f'requests.get(f"{{base}}", {HEADER})']),
        (['query = {"jwt": token}', 'requests.get(base + "?" + urlencode(query))'],
         [f'requests.get(base, {HEADER})']),
        (["for each in key:", '    url = f"{base}/{each}?jwt={token}"', "    requests.get(url)"],
         ["for each in key:", '    url = f"{base}/{each}"', f"    requests.get(url, {HEADER})"]),
        (['params["a"] = key(params)', 'params["jwt"] = token',
          "requests.get(base, params=params)"],
         ['params["a"] = key(params)', f"requests.get(base, params=params, {HEADER})"]),
    ],
)  # fmt: skip
def test_ways(lines: list[str], after: list[str]) -> None:
    assert fixed(*lines) == after


def test_a_hash_without_the_token_is_computed_before_it_is_there() -> None:
    """How a token of Connect is made: its qsh never covers the parameter ``jwt``."""
    lines = ["token = sign('GET', base, params)", 'params["jwt"] = token']
    assert fixed(*lines, "requests.get(base, params=params)", head="def f(base, params):") == [
        lines[0], f"requests.get(base, params=params, {HEADER})",
    ]  # fmt: skip


BROWSER = "a browser is sent there"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        # what sends no header, or belongs to somebody else
        (['return redirect(base + "?jwt=" + token)'], BROWSER),
        (['return RedirectResponse(f"{base}?jwt={token}")'], BROWSER),
        (['return Answer(status=302, headers={"Location": base + "?jwt=" + token})'], BROWSER),
        (['websockets.connect(f"{base}?jwt={token}")'], "WebSocket"),
        (['key.ws_connect(base, params={"jwt": token})'], "WebSocket"),
        (['requests.get(f"wss://{base}?jwt={token}")'], "WebSocket"),
        (['return f"<img src=\'{base}/x.png?jwt={token}\'>"'], "<img>"),
        (['return f"window.location = \'{base}?jwt={token}\'"'], "window.location"),
        (['webbrowser.open(base + "?jwt=" + token)'], "a browser opens it"),
        (['subprocess.run(["curl", base + "?jwt=" + token])'], "another program"),
        (["os.system('curl ' + base + '?jwt=' + token)"], "another program"),
        # a hash over the old address
        (['url = f"{base}?jwt={token}"', "qsh = query_hash('GET', url)", "requests.get(url)"],
         "a hash or a signature"),
        (['query = {"a": 1, "jwt": token}', "key = create_qsh(query)",
          "requests.get(base, params=query)"], "a hash or a signature"),
        # where it goes can not be seen
        (['return base + "?jwt=" + token'], "who calls this sends it"),
        (['self.url = base + "?jwt=" + token', "requests.get(self.url)"], "elsewhere"),
        (['url = f"{base}?jwt={token}"', "requests.get(url)", "key(url)"], "key() does with it"),
        (['url = f"{base}?jwt={token}"', "requests.get(url)", "return url"], "in another way"),
        (['url = f"{base}?jwt={token}"', 'requests.get(url + "&a=1")'], "in another way"),
        (['url = f"{base}?jwt={token}"', "requests.get(url)", 'url = "other"'], "bound again"),
        (['url = f"{base}?jwt={token}"', "def inner():", "    return requests.get(url)"],
         "another function"),
        (['url = f"{base}?jwt={token}"', "return None"], "no request"),
        (['url = other = f"{base}?jwt={token}"', "requests.get(url)"], "several things"),
        (['requests.get(base + "?jwt=" + token if key else base)'], "under a condition"),
        (["if key:", '    url += "?jwt=" + token', "requests.get(url)"], "under a condition"),
        (["requests.get(base, params={'a': 1, 'jwt': token} if key else {})"], "condition"),
        (["for each in key:", "    requests.get(each, params=params)",
          '    params["jwt"] = token', "    requests.post(each, params=params)"], "by the loop"),
        (['requests.post(base, key, base + "?jwt=" + token)'], "no address of the request"),
        (['query = {"jwt": token}', "requests.get(base, params=query, data=query)"],
         "no query of the request"),
        (['query = {"jwt": token}', "requests.get(base, params=query)", "for each in query: pass"],
         "can not be seen"),
        (['query = {"jwt": token}', "requests.get(base, params=query)", "query.items()"],
         "can not be seen"),
        (["import params", 'params["jwt"] = token', "requests.get(base, params=params)"],
         "imported"),
        (['key(a={"url": base + "?jwt=" + token})'], "put into a map"),
        (['query = {"jwt": token}', 'requests.get(base + "?" + urlencode(query))',
          'requests.get(base + "?" + urlencode(query))'], "encoded twice"),
        (['requests.get(f"{base + f\'?jwt={token}\'}{key}")'], "can not be seen"),
        (['url = base + "?jwt=" + token', "requests.get(url)", "key.x = url"], "in another way"),
        (['params["jwt"] = token', "requests.get(base, params=params)", "key[params] = 1"],
         "can not be seen"),
        (['url = base + "?jwt=" + token', "requests.get(url)", "class A(url): pass"], "can not"),
        (['(url := base + "?jwt=" + token)', "requests.get(url)"], "can not be seen"),
    ],
)  # fmt: skip
def test_what_is_left_to_a_person(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


def test_too_far() -> None:
    wrapped = 'f"{base}?jwt={token}"'
    for _ in range(8):
        wrapped = f"urljoin(base, {wrapped})"
    assert "too far" in why(f"requests.get({wrapped})")


def test_outside_of_a_function() -> None:
    code = IMPORTS + 'base, token = made()\nurl = base + "?jwt=" + token\nrequests.get(url)\n'
    assert mended(code).text.endswith(f"url = base\nrequests.get(url, {HEADER})\n")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('PARAMS = {"jwt": token}\nrequests.get(base, params=PARAMS)\n', "import PARAMS"),
        ('__all__ = ["url"]\nurl = base + "?jwt=" + token\nrequests.get(url)\n', "import url"),
        ('def f():\n    global url\n    url = base + "?jwt=" + token\n    requests.get(url)\n',
         "in another function"),
    ],
)  # fmt: skip
def test_a_variable_that_others_see_is_left_alone(code: str, reason: str) -> None:
    done = mended(IMPORTS + code)
    assert done.text == IMPORTS + code
    assert reason in done.steps[0].why
