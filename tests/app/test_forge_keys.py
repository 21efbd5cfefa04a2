from __future__ import annotations

import asyncio
import time

import pytest

from app.invoking import key_set
from headway.app.forge_keys import ENVIRONMENTS, Environment, ForgeKeys, environment_of
from headway.errors import (
    ConfigurationError,
    KeyNotFound,
    KeySourceFailed,
    KeyUnusable,
    KidInvalid,
)
from headway.http import key_fetch
from headway.http.key_fetch import FETCHES_MAX, KEY_LIFE
from headway.http.key_set import RETRY_EVERY, SET_LIFE, SET_YOUNG
from headway.keys import KEY_SET_BYTES_MAX, RsaPrivateKey
from headway.ports import NeedKey

PATH = "/.well-known/jwks.json"
FIRST, SECOND = RsaPrivateKey.generate(), RsaPrivateKey.generate()


class Ticks:
    def __init__(self):
        self.now = 100_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def source(keys, ticks):
    keys.page(PATH, 200, key_set(first=FIRST))
    return ForgeKeys(keys.address + PATH, ticks=ticks)


def need(key_id):
    return NeedKey(issuer="forge/invocation-token", symmetric=False, key_id=key_id)


def find(source, key_id):
    """The key, once what goes on behind it is done too."""

    async def ask():
        try:
            return await source.find(need(key_id))
        finally:
            running = set(source._set._fetches._running.values())
            if running:
                await asyncio.wait(running)

    return asyncio.run(ask()).keys[0].to_pem()


def test_a_key_is_found_and_kept(source, keys):
    for _ in range(3):
        assert find(source, "first") == FIRST.public_pem()
    assert keys.asked == [PATH]


def test_a_new_key_is_found_with_one_fetch(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 200, key_set(first=FIRST, second=SECOND))
    ticks.now += SET_YOUNG
    assert find(source, "second") == SECOND.public_pem()
    assert find(source, "first") == FIRST.public_pem()
    assert keys.asked == [PATH] * 2


def test_a_withdrawn_key_dies_with_the_next_reading(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 200, key_set(second=SECOND))
    ticks.now += SET_LIFE
    assert find(source, "first") == FIRST.public_pem()  # this one does not wait for the reading
    with pytest.raises(KeyNotFound):
        find(source, "first")
    assert len(keys.asked) == 2


def test_an_outage_is_a_503_for_unknown_kids_while_known_ones_pass(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 500, b"")
    ticks.now += SET_LIFE
    for _ in range(3):
        assert find(source, "first") == FIRST.public_pem()
    assert len(keys.asked) == 2  # a reading that failed is tried again in a minute
    with pytest.raises(KeySourceFailed) as caught:
        find(source, "second")
    assert caught.value.status == 503
    ticks.now += RETRY_EVERY
    assert find(source, "first") == FIRST.public_pem()
    assert len(keys.asked) == 4
    keys.page(PATH, 200, key_set(first=FIRST, second=SECOND))
    assert find(source, "second") == SECOND.public_pem()


def test_no_key_outlives_a_day_without_its_set(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 500, b"")
    ticks.now += KEY_LIFE - 1
    assert find(source, "first") == FIRST.public_pem()
    ticks.now += 1
    with pytest.raises(KeySourceFailed):
        find(source, "first")
    assert KEY_LIFE <= 24 * 3600


def redirect(keys):
    keys.page("/elsewhere", 200, key_set(second=SECOND))
    keys.page(PATH, 302, b"", Location=f"{keys.address}/elsewhere")


@pytest.mark.parametrize(
    ("break_it", "refusal"),
    [
        (lambda keys: keys.page(PATH, 403, b"<html>Forbidden</html>"), KeySourceFailed),
        (lambda keys: keys.page(PATH, 404, b""), KeySourceFailed),
        (redirect, KeySourceFailed),
        (lambda keys: keys.page(PATH, 200, b"<html>hello</html>"), KeyUnusable),
        (lambda keys: keys.page(PATH, 200, b'{"keys": []}'), KeyUnusable),
        (lambda keys: keys.page(PATH, 200, b" " * (KEY_SET_BYTES_MAX + 1)), KeyUnusable),
        (
            lambda keys: keys.page(PATH, 200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
            KeyUnusable,
        ),
    ],
    ids=["403 html", "404", "redirect", "html", "empty", "large", "secret"],
)
def test_a_source_that_answers_badly_is_a_503_and_changes_nothing(
    source, keys, ticks, break_it, refusal
):
    find(source, "first")
    break_it(keys)
    ticks.now += SET_YOUNG
    with pytest.raises(refusal) as caught:
        find(source, "second")
    assert caught.value.status == 503
    assert find(source, "first") == FIRST.public_pem()
    assert "/elsewhere" not in keys.asked


def test_a_slow_source_is_given_up(source, keys, monkeypatch):
    keys.pages[PATH] = lambda handler: time.sleep(0.6)
    monkeypatch.setattr(key_fetch, "FETCH_SECONDS", 0.1)
    with pytest.raises(KeySourceFailed):
        find(source, "first")


def test_another_key_under_a_known_name_counts_from_the_next_reading(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 200, key_set(first=SECOND))
    ticks.now += SET_LIFE
    find(source, "first")
    assert find(source, "first") == SECOND.public_pem()


def test_ten_thousand_random_kids_cost_one_fetch(source, keys, ticks):
    async def flood():
        await source.find(need("first"))
        for number in range(10_000):
            with pytest.raises(KeyNotFound):
                await source.find(need(f"bad-{number}"))
        assert (await source.find(need("first"))).keys

    asyncio.run(flood())
    assert keys.asked == [PATH]


def test_random_kids_delay_a_new_key_by_the_stated_time_at_most(source, keys, ticks):
    """T22: a forged flood during rotation."""
    find(source, "first")
    keys.page(PATH, 200, key_set(first=FIRST, second=SECOND))
    found_after = None
    for second in range(60):
        ticks.now += 1
        for number in range(20):
            with pytest.raises(KeyNotFound):
                find(source, f"bad-{second}-{number}")
        try:
            find(source, "second")
        except KeyNotFound:
            continue
        found_after = second + 1
        break
    assert found_after is not None
    assert found_after <= SET_YOUNG


def test_ten_thousand_random_kids_in_an_outage_cost_the_budget_and_no_more(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 500, b"")
    ticks.now += SET_YOUNG

    async def flood():
        for number in range(10_000):
            with pytest.raises(KeySourceFailed):
                await source.find(need(f"bad-{number}"))
        assert (await source.find(need("first"))).keys

    asyncio.run(flood())
    assert len(keys.asked) == FETCHES_MAX + 1


def test_a_spent_budget_stops_no_known_key(source, keys, ticks):
    find(source, "first")
    keys.page(PATH, 500, b"")
    ticks.now += SET_LIFE

    async def flood():
        for number in range(FETCHES_MAX + 1):
            with pytest.raises(KeySourceFailed):
                await source.find(need(f"bad-{number}"))

    asyncio.run(flood())
    assert find(source, "first") == FIRST.public_pem()


def test_many_who_want_any_key_cause_one_fetch(source, keys):
    async def many():
        wanted = ["first", "second", "third"] * 20
        return await asyncio.gather(
            *(source.find(need(key_id)) for key_id in wanted), return_exceptions=True
        )

    answers = asyncio.run(many())
    assert sum(isinstance(answer, KeyNotFound) for answer in answers) == 40
    assert keys.asked == [PATH]


@pytest.mark.parametrize("key_id", ["", None, "a b", "ä", "a\n", "x" * 257])
def test_what_is_no_name_of_a_key_asks_nobody(source, keys, key_id):
    with pytest.raises(KidInvalid):
        find(source, key_id)
    assert keys.asked == []


def test_a_secret_is_not_asked_for_here(source):
    with pytest.raises(KidInvalid):
        asyncio.run(source.find(NeedKey(issuer="x", symmetric=True, key_id="first")))


@pytest.mark.parametrize(
    "key_id", ["..", "../../x", "forge/invocation-token/1", "https://e.example/"]
)
def test_a_kid_is_a_name_in_the_set_and_never_part_of_an_address(source, keys, key_id):
    with pytest.raises(KeyNotFound):
        find(source, key_id)
    keys.page(PATH, 200, key_set(**{key_id: SECOND}))
    again = ForgeKeys(keys.address + PATH)
    assert find(again, key_id) == SECOND.public_pem()
    assert keys.asked == [PATH] * 2


# ---- environments ---------------------------------------------------------------------------


def test_the_table_is_https():
    for environment in ENVIRONMENTS.values():
        assert environment.keys.startswith("https://")
        assert environment.api.startswith("https://api.")


def test_an_environment_is_named_or_written_in_code():
    assert environment_of("production", development=False) is ENVIRONMENTS["production"]
    own = Environment(keys="https://keys.isolated.example/jwks.json/", api="https://API.example/")
    assert environment_of(own, development=False).api == "https://api.example"
    with pytest.raises(ConfigurationError, match="production and staging"):
        environment_of("https://keys.example", development=True)


def test_http_needs_development_and_this_machine():
    here = Environment(keys="http://127.0.0.1:9/jwks.json", api="https://api.example")
    with pytest.raises(ConfigurationError, match="development"):
        environment_of(here, development=False)
    assert environment_of(here, development=True) is here


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": "http://keys.example"},
        {"api": "http://10.0.0.1"},
        {"keys": "https://user@keys.example"},
        {"keys": "https://keys.example/?x=1"},
        {"api": "api.example"},
        {"api": "https://api.example/../x"},
    ],
)
def test_an_environment_is_made_of_addresses(changes):
    with pytest.raises(ConfigurationError, match="forge"):
        Environment(**{"keys": "https://keys.example", "api": "https://api.example", **changes})
