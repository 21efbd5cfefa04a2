"""Maps of parameters, and where they go."""

from __future__ import annotations

import pytest

from scan.code.samples import check, check_pairs, seen_in


def test_the_corpus() -> None:
    check("parameter map", "encoder")


def test_the_pairs() -> None:
    check_pairs(
        "what a call gives",
        "pairs",
        "yarl",
        "second argument",
        "map of a builder",
        "map of a database",
        "word",
    )


@pytest.mark.parametrize(
    ("language", "code", "sends"),
    [
        ("python", 'requests.get(u, params={"jwt": t})', True),
        ("python", 'requests.get(u, params={"jwt": "x"})', False),
        ("python", 'requests.get(u, params={"jwt": None})', False),
        ("python", 'requests.get(u, json={"jwt": t})', False),
        ("python", 'render(u, params={"jwt": t})', False),
        ("python", 'requests.post(u, {"jwt": t})', False),
        ("python", 'f(u, {"jwt": t})', False),
        ("python", 'x = {"jwt": t}\nrequests.get(u, params=x)', True),
        ("python", 'x = {"jwt": t}\nrequests.post(u, json=x)', False),
        ("python", 'x = {"jwt": t}', False),
        ("python", 'query = {"jwt": t}', True),
        ("python", "def query(t):\n    return {'jwt': t}", True),
        ("python", "def headers(t):\n    return {'jwt': t}", False),
        ("python", "lambda t: {'jwt': t}", False),
        ("python", "f = Session(jwt=t)", False),
        ("python", "x.update(jwt=t)", False),
        ("python", "'%(jwt)s' % {'jwt': t}", False),
        ("python", 'pairs = [("jwt", "x")]\nurlencode(pairs)', False),
        ("javascript", "axios.get(u, { params: { jwt } })", True),
        ("javascript", "f({ jwt })", False),
        ("javascript", "$.ajax({ url: u, type: 'POST', data: { jwt: t } })", False),
        ("javascript", "$.ajax({ url: u, method: 'GET', data: { jwt: t } })", True),
        ("javascript", "f({ data: { jwt: t } })", False),
        ("javascript", "const f = () => ({ jwt: t })", False),
        ("typescript", "let q: { params: { jwt: string } };", False),
        ("scala", 'val q = Map("jwt" -> "x")', False),
        ("python", "http.request('GET', u, fields={'jwt': t})", True),
        ("python", "http.request('POST', u, fields={'jwt': t})", False),
        ("python", "store(u, fields={'jwt': t})", False),
        ("python", "FORMAT = '%(jwt)s'\nf(FORMAT % {'jwt': t})", False),
        ("python", "f(base % {'jwt': t})", True),
        ("python", "requests.get(u, params={'token': page_token})", False),
        ("python", "urlencode({'grant_type': 'x', 'refresh_token': t})", False),
        ("javascript", "x.stringify({ params: { jwt: t } })", False),
        ("javascript", "f({ jsonrpc: '2.0', params: { jwt: t } })", False),
        ("javascript", "g = { params: { jwt: t } }", True),
        ("ruby", "redirect_to desk_url(jwt: t)", True),
        ("ruby", "redirect_to reset_password_url(jwt: t)", False),
    ],
)  # fmt: skip
def test_one_map(language: str, code: str, sends: bool) -> None:
    assert bool(seen_in(language, code)) is sends
