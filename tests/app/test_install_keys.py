from __future__ import annotations

import asyncio
import socket
import time

import pytest

from headway.app.install_keys import SOURCES, InstallKeys, key_source
from headway.errors import (
    ConfigurationError,
    KeyNotFound,
    KeySourceFailed,
    KeyUnusable,
    KidInvalid,
)
from headway.http import key_fetch
from headway.http.key_fetch import FETCHES_MAX, KEY_LIFE
from headway.keys import PEM_BYTES_MAX, RsaPrivateKey
from headway.ports import NeedKey


def need(key_id, **more):
    return NeedKey(issuer="site-1", symmetric=False, key_id=key_id, **more)


class Ticks:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def source(keys, ticks):
    return InstallKeys(keys.address, ticks=ticks)


def find(source, key_id, **more):
    return asyncio.run(source.find(need(key_id, **more)))


def test_a_key_is_found_and_kept(source, keys, rsa):
    for fresh in (False, True):  # a kid names one key for ever: a fresh look finds no other
        answer = find(source, "key-1", fresh=fresh)
        assert answer.keys[0].to_pem() == rsa.public_pem()
        assert not answer.cached
    assert keys.asked == ["/key-1"]


def test_a_key_dies_within_a_day(source, keys, ticks):
    find(source, "key-1")
    keys.page("/key-1", 404, b"")
    ticks.now += KEY_LIFE
    with pytest.raises(KeyNotFound):
        find(source, "key-1")
    assert KEY_LIFE <= 24 * 3600


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_absent_key_is_not_found_and_not_asked_for_again(source, keys, ticks, status):
    keys.page("/scan", status, b"<html>Forbidden</html>")
    for _ in range(3):
        with pytest.raises(KeyNotFound):
            find(source, "scan")
    assert keys.asked == ["/scan"]
    ticks.now += 60
    with pytest.raises(KeyNotFound):
        find(source, "scan")
    assert keys.asked == ["/scan", "/scan"]


@pytest.mark.parametrize(
    "body",
    [b"<html>hello</html>", b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"],
)
def test_an_answer_that_is_no_key_is_a_503(source, keys, body):
    keys.page("/junk", 200, body)
    with pytest.raises(KeyUnusable) as caught:
        find(source, "junk")
    assert caught.value.status == 503


def test_a_private_key_is_no_public_key(source, keys):
    keys.page("/private", 200, RsaPrivateKey.generate().to_pem())
    with pytest.raises(KeyUnusable):
        find(source, "private")


def test_a_huge_answer_is_cut_off(source, keys):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(10_000):
                handler.wfile.write(b"x" * 65_536)
        except OSError:
            keys.asked.append("cut off")

    keys.pages["/huge"] = endless
    with pytest.raises(KeyUnusable, match=str(PEM_BYTES_MAX)):
        find(source, "huge")
    deadline = time.monotonic() + 5
    while "cut off" not in keys.asked:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_slow_answer_is_given_up(source, keys, monkeypatch):
    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(50):
                handler.wfile.write(b"-")
                handler.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    keys.pages["/slow"] = drip
    monkeypatch.setattr(key_fetch, "FETCH_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(KeySourceFailed) as caught:
        find(source, "slow")
    assert time.monotonic() - began < 1.5
    assert caught.value.status == 503


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(source, keys, status):
    keys.page("/moved", status, b"", Location=f"{keys.address}/key-1")
    with pytest.raises(KeySourceFailed, match=str(status)):
        find(source, "moved")
    assert keys.asked == ["/moved"]


@pytest.mark.parametrize("status", [201, 204, 400, 401, 429, 500, 503])
def test_any_other_status_is_a_503(source, keys, status):
    keys.page("/odd", status, b"")
    with pytest.raises(KeySourceFailed):
        find(source, "odd")


def test_a_source_that_is_not_there_is_a_503(ticks):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        source = InstallKeys(f"http://127.0.0.1:{taken.getsockname()[1]}", ticks=ticks)
        with pytest.raises(KeySourceFailed) as caught:
            find(source, "key-1")
        assert caught.value.found == "ConnectError"


@pytest.mark.parametrize("key_id", ["..", ".", "a/b", "", None, "a%2fb", "x" * 129, "a?b", "ä"])
def test_an_unsafe_kid_asks_nobody(source, keys, key_id):
    with pytest.raises(KidInvalid):
        find(source, key_id)
    assert keys.asked == []


def test_a_symmetric_key_is_never_found_here(source):
    with pytest.raises(KidInvalid):
        asyncio.run(source.find(NeedKey(issuer="x", symmetric=True, key_id="key-1")))


def test_many_who_want_one_key_cause_one_fetch(source, keys):
    async def many():
        return await asyncio.gather(*(source.find(need("key-1")) for _ in range(50)))

    answers = asyncio.run(many())
    assert len(answers) == 50
    assert keys.asked == ["/key-1"]


def test_who_goes_away_takes_nobody_along(source, keys):
    async def two():
        first = asyncio.ensure_future(source.find(need("key-1")))
        second = asyncio.ensure_future(source.find(need("key-1")))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(two()).keys
    assert keys.asked == ["/key-1"]


def test_a_fetch_that_is_cancelled_leaves_nothing_behind(source, keys):
    keys.pages["/slow"] = lambda handler: time.sleep(0.5)

    async def leave():
        task = asyncio.ensure_future(source.find(need("slow")))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(leave())  # the loop's end cancels the fetch itself
    assert source._fetches._running == {}


def test_ten_thousand_bad_kids_cost_a_bounded_number_of_fetches(source, keys, ticks):
    async def flood():
        await source.find(need("key-1"))
        outcomes = {KeyNotFound: 0, KeySourceFailed: 0}
        for number in range(10_000):
            try:
                await source.find(need(f"bad-{number}"))
            except (KeyNotFound, KeySourceFailed) as refusal:
                outcomes[type(refusal)] += 1
        assert (await source.find(need("key-1"))).keys  # what is known still passes
        return outcomes

    outcomes = asyncio.run(flood())
    assert len(keys.asked) == FETCHES_MAX
    assert outcomes == {KeyNotFound: FETCHES_MAX - 1, KeySourceFailed: 10_000 - FETCHES_MAX + 1}
    ticks.now += 30
    for number in range(20):
        with pytest.raises((KeyNotFound, KeySourceFailed)):
            find(source, f"later-{number}")
    assert len(keys.asked) == FETCHES_MAX + 10


def test_what_is_kept_is_bounded(source, keys, rsa, monkeypatch):
    monkeypatch.setattr(key_fetch, "KEYS_MAX", 2)
    monkeypatch.setattr(key_fetch, "MISSES_MAX", 2)
    for number in range(4):
        keys.page(f"/good-{number}", 200, rsa.public_pem())
        find(source, f"good-{number}")
        with pytest.raises(KeyNotFound):
            find(source, f"bad-{number}")
    assert list(source._memory._keys) == ["good-2", "good-3"]
    assert list(source._memory._misses) == ["bad-2", "bad-3"]


# ---- where keys may come from ---------------------------------------------------------------


def test_the_table_is_https_and_production_is_meant_by_default():
    assert all(address.startswith("https://") for address in SOURCES.values())
    assert key_source("production", development=False).endswith(".atlassian.com")
    assert key_source("fedramp", development=False) == SOURCES["fedramp"]


@pytest.mark.parametrize(
    "name",
    [
        "https://keys.example",
        "http://127.0.0.1:9",
        "https://connect-install-keys.atlassian.com",
        "",
    ],
)
def test_an_address_stops_the_start_outside_of_development(name):
    with pytest.raises(ConfigurationError, match="development"):
        key_source(name, development=False)


@pytest.mark.parametrize("name", ["http://keys.example", "http://10.0.0.1", "ftp://127.0.0.1", "x"])
def test_http_beyond_this_machine_stops_the_start_in_development_too(name):
    with pytest.raises(ConfigurationError):
        key_source(name, development=True)


def test_an_address_is_taken_in_development():
    assert key_source("http://127.0.0.1:9/keys/", development=True) == "http://127.0.0.1:9/keys"
    assert key_source("https://keys.example", development=True) == "https://keys.example"


def test_no_proxy_of_the_environment_is_asked(source, keys, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    assert find(source, "key-1").keys
