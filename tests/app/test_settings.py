from __future__ import annotations

import inspect

import httpx
import pytest

from headway.app.caller import CallSettings
from headway.app.calls import Retries
from headway.app.connect import Connect
from headway.app.descriptor import Descriptor
from headway.app.forge import Forge
from headway.app.forwarded import Forwarded
from headway.app.queue import MemoryQueue
from headway.app.receipts import MemoryReceipts
from headway.app.settings import SETTINGS
from headway.errors import ConfigurationError

ARGUMENTS = set(inspect.signature(Connect).parameters)
APP_ID = "406d303d-0393-4ec4-ad7c-1435be94583a"
GIVEN = {"key": "my-app", "name": "My app", "base_url": "https://app.example", "store": ":memory:"}
NEEDED = {*GIVEN, "description", "scopes", "hosts", "audience", "policy", "sealed_pages", "clock"}
NEEDED |= {"instruments", "acpt"}


class Nothing:
    """What no setting is."""


WRONG = [3, b"a-secret", [4], Nothing(), {"a": 1}]


def test_each_argument_has_its_row():
    assert set(SETTINGS) == ARGUMENTS


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
@pytest.mark.parametrize(
    "wrong", [3, b"a-secret", [4], Nothing(), {"a": 1}], ids=lambda v: type(v).__name__
)
def test_a_setting_of_another_type_is_said_at_start_without_its_value(name, wrong):
    with pytest.raises(ConfigurationError) as caught:
        Connect(**{**GIVEN, name: wrong})
    said = str(caught.value)
    assert said.startswith(f"{name}: is ")
    assert f"; {type(wrong).__name__}" in said
    assert "secret" not in said


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_none_is_no_value_of_what_an_app_needs(name):
    with pytest.raises(ConfigurationError, match=f"^{name}: is .*None was given"):
        Connect(**{**GIVEN, name: None})


@pytest.mark.parametrize("name", sorted(ARGUMENTS - NEEDED))
def test_none_leaves_a_setting_out(name):
    connect = Connect(**{**GIVEN, name: None})
    connect.store._engine.dispose()


@pytest.mark.parametrize("name", ["scopes", "hosts", "audience", "instruments"])
def test_a_text_is_no_list_of_its_letters(name):
    with pytest.raises(ConfigurationError, match=f"^{name}: is a list .*str was given"):
        Connect(**{**GIVEN, name: "READ"})


def test_a_yes_in_words_is_none():
    for name in ("development", "sealed_pages", "acpt"):
        with pytest.raises(ConfigurationError, match=f"^{name}: is True or False"):
            Connect(**{**GIVEN, name: "no"})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Forge(3), "forge app_id: is text"),
        (lambda: Forge(APP_ID, environment=3), "forge environment: "),
        (lambda: Forge(APP_ID, token_life="3600"), "forge token_life: is seconds"),
        (lambda: CallSettings(timeout="5"), "calls: timeout: is seconds"),
        (lambda: CallSettings(retries=3), "calls: retries: is Retries"),
        (lambda: CallSettings(timeout=0), "calls: timeout: is seconds, more than 0"),
        (lambda: CallSettings(timeout=float("nan")), "calls: timeout: is seconds, more than 0"),
        (lambda: CallSettings(answer_max=-1), "calls: answer_max: is a number of bytes, more"),
        (lambda: CallSettings(media_hosts="x.example"), "calls: media_hosts: is a list"),
        (lambda: CallSettings(proxy=3), "calls: proxy: is an address, or None"),
        (lambda: Retries(attempts="4"), "retries: attempts: is a number"),
        (lambda: Forwarded("10.0.0.1"), "forwarded: peers: is a list .*str was given"),
        (lambda: Forwarded(["10.0.0.1"], None), "forwarded: header: "),
        (lambda: Descriptor(key=3, name="x"), "descriptor: key: is text"),
        (lambda: Descriptor(key="x", name="x", scopes="READ"), "descriptor: scopes: "),
        (lambda: Descriptor(key="x", name="x", modules=[{}]), "descriptor: modules: .*of dict"),
        (lambda: MemoryQueue(workers="4"), "queue: workers: is a number"),
        (lambda: MemoryReceipts(capacity=None), "receipts: capacity: is a number"),
    ],
)
def test_settings_within_settings_alike(make, said):
    with pytest.raises(ConfigurationError, match=f"^{said}"):
        make()


def test_seconds_may_be_a_timeout_of_httpx():
    assert CallSettings(timeout=httpx.Timeout(3)).timeout == httpx.Timeout(3)
