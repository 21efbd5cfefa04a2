"""Which calls are requests, by what their names mean."""

from __future__ import annotations

import pytest

from scan.fix.cases import IMPORTS, fixed, mended, why

HEADER = 'headers={"Authorization": f"JWT {token}"}'


@pytest.mark.parametrize(
    ("client", "call"),
    [
        ("session = requests.Session()", 'session.get(base, params={"jwt": token})'),
        ("session = requests.Session()", 'session.request("GET", base, params={"jwt": token})'),
        ("session: requests.Session = made()", 'session.post(base, params={"jwt": token})'),
        ("client = httpx.Client()", 'client.get(base, params={"jwt": token})'),
        ("client = httpx.AsyncClient()", 'client.stream("GET", base, params={"jwt": token})'),
        ("client = httpx.Client()", 'client.build_request("GET", base, params={"jwt": token})'),
        ("client = aiohttp.ClientSession()", 'client.get(base, params={"jwt": token})'),
        ("pass", 'requests.Session().get(base, params={"jwt": token})'),
        ("pass", 'requests.head(base, params={"jwt": token})'),
        ("pass", 'requests.Request("GET", base, params={"jwt": token})'),
        ("pass", 'httpx.get(base, params={"jwt": token})'),
        ("pass", 'httpx.stream("GET", base, params={"jwt": token})'),
        ("pass", 'httpx.Request("GET", base, params={"jwt": token})'),
        ("pass", 'httpx.Client(base_url=base, params={"jwt": token})'),
        ("pass", 'aiohttp.request("GET", base, params={"jwt": token})'),
    ],
)
def test_requests(client: str, call: str) -> None:
    assert fixed(client, call) == [client, call.replace('params={"jwt": token}', HEADER)]


def test_addresses_of_clients_without_parameters() -> None:
    assert (
        fixed(
            "import http.client",
            "connection = http.client.HTTPSConnection(base)",
            'connection.request("GET", "/rest/api/2/myself?jwt=" + token, None)',
        )[-1]
        == f'connection.request("GET", "/rest/api/2/myself", None, {HEADER})'
    )
    assert (
        fixed(
            "import urllib3",
            "pool = urllib3.PoolManager()",
            'pool.request("GET", base + "?jwt=" + token)',
        )[-1]
        == f'pool.request("GET", base, {HEADER})'
    )


def test_names_of_imports() -> None:
    code = (
        "from requests import get as fetch\nfrom httpx import AsyncClient as Web\n"
        'def a(u, token): return fetch(u, params={"jwt": token})\n'
        "async def b(u, token):\n    async with Web() as web:\n"
        '        return await web.get(u, params={"jwt": token})\n'
    )
    assert mended(code).text.count(HEADER) == 2


CLASS = (
    IMPORTS
    + """
class Api:
    other: httpx.Client

    def __init__(self, session=None, made: "httpx.Client | None" = None):
        self.session = session or requests.Session()
        self.client = httpx.Client()
        self.both = requests.Session()
        self.both = httpx.Client()
        self.made = made
        self.typed: httpx.AsyncClient = made

    def get(self, base, token):
        return {}.get(base, params={{"jwt": token}})
"""
)


@pytest.mark.parametrize("member", ["self.session", "self.client", "self.typed", "self.other"])
def test_members(member: str) -> None:
    assert HEADER in mended(CLASS.format(member)).text


@pytest.mark.parametrize("member", ["self.both", "self.unknown", "self.a.b", "self.made[0]"])
def test_members_that_can_not_be_seen(member: str) -> None:
    (step,) = mended(CLASS.format(member)).steps
    assert step.why


@pytest.mark.parametrize(
    ("annotation", "known"),
    [
        (": httpx.AsyncClient", True),
        (": 'httpx.AsyncClient'", True),
        (": httpx.Client | None = None", True),
        (": requests.Session | httpx.Client", False),
        (": object", False),
        ("", False),
        ("=requests.Session()", False),
    ],
)
def test_annotations(annotation: str, known: bool) -> None:
    head = f"def call(base, token, client{annotation}):"
    call = 'return client.get(base, params={"jwt": token})'
    if known:
        assert HEADER in fixed(call, head=head)[0]
    else:
        assert "can not be seen here" in why(call, head=head)


def test_a_client_of_ones_own() -> None:
    code = IMPORTS + (
        "class Mine(requests.Session):\n    def me(self, base, token):\n"
        '        return self.get(base, params={"jwt": token})\n'
    )
    assert HEADER in mended(code).text
    assert mended(code.replace("requests.Session", "object")).text.count("jwt") == 1


@pytest.mark.parametrize(
    "lines",
    [
        ["for client in params: pass", 'client.get(base, params={"jwt": token})'],
        ["with open(base) as (client, other): pass", 'client.get(base, params={"jwt": token})'],
        ["client = params", 'client.get(base, params={"jwt": token})'],
        ["client, other = params", 'client.get(base, params={"jwt": token})'],
        ["import client", 'client.get(base, params={"jwt": token})'],
        ['session.get(base, params={"jwt": token})'],
        ['requests.get(base).get(base, params={"jwt": token})'],
        ["session = key or requests.Session()", 'session.get(base, params={"jwt": token})'],
        ['params["client"].get(base, params={"jwt": token})'],
    ],
)
def test_what_may_be_anything(lines: list[str]) -> None:
    assert "can not be seen" in why(*lines)


def test_an_awaited_client() -> None:
    head = "async def call(base, token):"
    lines = ["client = await httpx.AsyncClient().__aenter__()",
             'await client.get(base, params={"jwt": token})']  # fmt: skip
    assert why(*lines, head=head)
    lines[0] = "client = await aiohttp.ClientSession()"
    assert HEADER in fixed(*lines, head=head)[1]
