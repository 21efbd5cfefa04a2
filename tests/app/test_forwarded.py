from __future__ import annotations

from typing import Any

import pytest

from headway.app.forwarded import Forwarded
from headway.errors import ConfigurationError


@pytest.mark.parametrize(
    ("peers", "header"), [("10.0.0.0/8", "forwarded"), ([10], "forwarded"), (["10.0.0.0/8"], 1)]
)
def test_a_setting_of_the_wrong_type_is_named(peers: Any, header: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^forwarded: "):
        Forwarded(peers, header)


def test_it_is_the_one_of_the_edge() -> None:
    proxies = Forwarded(["10.0.0.0/8"])
    assert proxies.client("10.0.0.1", lambda name: "203.0.113.9") == "203.0.113.9"
