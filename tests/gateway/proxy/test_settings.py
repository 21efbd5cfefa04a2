from __future__ import annotations

from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.gateway.proxy.settings import Forwarding, Limits, ProxySettings, Timeouts, is_host


@pytest.mark.parametrize(
    ("make", "told", "wrong"),
    [
        (Limits, {"target": 0}, "the limit target: is at least 1"),
        (Timeouts, {"head": 0.0}, "the time-out head: is more than 0 seconds"),
        (Timeouts, {"idle": float("nan")}, "the time-out idle"),
        (Forwarding, {"host": "a b"}, "host: is keep, upstream, or a name"),
        (Forwarding, {"via": "a b"}, "via: 1 to 64 of"),
        (ProxySettings, {"health_path": "health"}, "the health path"),
        (ProxySettings, {"health_path": "/a b"}, "the health path"),
        (ProxySettings, {"health_every": 0.0}, "health: seconds are more than 0"),
        (ProxySettings, {"fails": 0}, "failures at least 1"),
    ],
)
def test_what_can_not_be_is_said_at_the_start(make: Any, told: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        make(**told)


def test_what_stands_in_no_file_is_set() -> None:
    settings = ProxySettings()
    assert settings.forwarding.host == "upstream"
    assert settings.forwarding.believed == ()
    assert settings.limits.target < settings.limits.head
    assert Forwarding(host="api.example:8443", via="").via == ""


@pytest.mark.parametrize("text", ["", "a,b", "a:b", "a:123456", "a/b", "[::1", "a b", "ü", "a\r"])
def test_what_is_no_host(text: str) -> None:
    assert not is_host(text)
