"""``urllib.request``: a request of its own, whose header stays behind at a redirect."""

from __future__ import annotations

import pytest

from scan.fix.cases import fixed, mended, why

FROM = "from urllib.request import"
ADDED = 'add_unredirected_header("Authorization", f"JWT {token}")'


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (['return urllib.request.urlopen(base + "?jwt=" + token).read()'],
         ["request = urllib.request.Request(base)", f"request.{ADDED}",
          "return urllib.request.urlopen(request).read()"]),
        (['with urllib.request.urlopen(base + "?jwt=" + token, None, 3) as answer:', "    pass"],
         ["request = urllib.request.Request(base)", f"request.{ADDED}",
          "with urllib.request.urlopen(request, None, 3) as answer:", "    pass"]),
        (["if key:", '    key = urllib.request.urlopen(url=f"{base}?jwt={token}")'],
         ["if key:", '    request = urllib.request.Request(f"{base}")', f"    request.{ADDED}",
          "    key = urllib.request.urlopen(url=request)"]),
        (['url = f"{base}/x?jwt={token}"', "urllib.request.urlopen(url)"],
         ['url = f"{base}/x"', "request = urllib.request.Request(url)", f"request.{ADDED}",
          "urllib.request.urlopen(request)"]),
        (['asked = urllib.request.Request(base + "?jwt=" + token, headers={"A": "b"})  # one',
          "return urllib.request.urlopen(asked)"],
         ['asked = urllib.request.Request(base, headers={"A": "b"})  # one', f"asked.{ADDED}",
          "return urllib.request.urlopen(asked)"]),
        (['key.asked = urllib.request.Request(base + "?jwt=" + token)'],
         ["key.asked = urllib.request.Request(base)", f"key.asked.{ADDED}"]),
        (['return urllib.request.urlopen(urllib.request.Request(base + "?jwt=" + token))'],
         ["request = urllib.request.Request(base)", f"request.{ADDED}",
          "return urllib.request.urlopen(request)"]),
        (["request = 1", 'urllib.request.urlopen(base + "?jwt=" + token)'],
         ["request = 1", "url_request = urllib.request.Request(base)", f"url_request.{ADDED}",
          "urllib.request.urlopen(url_request)"]),
    ],
)  # fmt: skip
def test_ways(lines: list[str], after: list[str]) -> None:
    assert fixed(*lines) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{FROM} urlopen", f"{FROM} Request, urlopen"),
        (f"{FROM} Request, urlopen", f"{FROM} Request, urlopen"),
        (f"{FROM} (\n    urlopen,\n)", f"{FROM} (\n    Request, urlopen,\n)"),
        ("import urllib.request as web\nurlopen = 1", "import urllib.request as web\nurlopen = 1"),
    ],
)  # fmt: skip
def test_imports(before: str, after: str) -> None:
    call = "web.urlopen" if "as web" in before else "urlopen"
    made = "web.Request" if "as web" in before else "Request"
    code = f'{before}\n\ndef f(base, token):\n    return {call}(base + "?jwt=" + token)\n'
    assert mended(code).text == (
        f"{after}\n\ndef f(base, token):\n    request = {made}(base)\n    request.{ADDED}\n"
        f"    return {call}(request)\n"
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['return lambda: urllib.request.urlopen(base + "?jwt=" + token)'], "may not run it"),
        (['[urllib.request.urlopen(each + "?jwt=" + token) for each in key]'], "may not run it"),
        (['key and urllib.request.urlopen(base + "?jwt=" + token)'], "may not run it"),
        (['if urllib.request.urlopen(base + "?jwt=" + token): pass'], "no place"),
        (["with key, urllib.request.urlopen(base + '?jwt=' + token): pass"], "no place"),
        (['key(); urllib.request.urlopen(base + "?jwt=" + token)'], "several statements"),
        (['key = urllib.request.Request(base + "?jwt=" + token); key()'], "several statements"),
        (['key = base = urllib.request.Request(url + "?jwt=" + token)'], "several things"),
        (['key = urllib.request.Request(base + "?jwt=" + token, headers={"Authorization": url})'],
         "set already"),
        (['asked = urllib.request.Request(base + "?jwt=" + token)',
          'asked.add_header("Authorization", key)'], "set already"),
        (["request = url_request = http_request = 1",
          'urllib.request.urlopen(base + "?jwt=" + token)'], "names for a request"),
    ],
)  # fmt: skip
def test_what_is_left_to_a_person(lines: list[str], reason: str) -> None:
    assert reason in why(*lines)


def test_another_request() -> None:
    head = "from urllib.request import urlopen\nfrom flask import Request\ndef call(base, token):"
    assert "another thing" in why('urlopen(base + "?jwt=" + token)', head=head)


CALL = 'def call(base, token):\n    ask(base + "?jwt=" + token)\n'


def test_urlopen_from_nowhere() -> None:
    assert mended(f"{FROM} *\n{FROM} urlopen as ask\n{CALL}").text.startswith(
        f"{FROM} *\n{FROM} Request, urlopen as ask\n"
    )
    found = mended(f"import urllib.request\nask = urllib.request.urlopen\n{CALL}")
    assert "can not be seen" in found.steps[0].why
