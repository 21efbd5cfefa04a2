from __future__ import annotations

from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.gateway.policy_file import read_policy
from headway.gateway.tickets.settings import TicketSettings

FILE = b"""name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
"""


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"store": ""}, "store: is a file or a server"),
        ({"store": ":memory:"}, "which all processes share"),  # T12
        ({"store": "redis://:secret@a/0"}, "a password does not belong in this file"),
        ({"path": "ticket"}, "path: is a plain path"),
        ({"path": "/a?b"}, "path: is a plain path"),
        ({"seconds": 0}, "seconds: is 1 to 900"),
        ({"seconds": 901}, "seconds: is 1 to 900"),
        ({"uses": 65}, "uses: is 1 to 64"),
        ({"capacity": 0}, "capacity: is 1 to"),
        ({"origins": ("a.example",)}, "origins: an origin is http or https"),
        ({"origins": ("https://a.example/",)}, "origins: write https://a.example"),
    ],
)
def test_what_can_not_be(told: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong) as error:
        TicketSettings(**{"store": "tickets.db", **told})
    assert "secret" not in str(error.value)


def test_the_table_of_a_policy_file() -> None:
    assert read_policy(FILE).tickets is None
    more = b'[tickets]\nstore = "t.db"\nuses = 3\norigins = ["https://a.example"]\n'
    tickets = read_policy(FILE + more).tickets
    assert tickets == TicketSettings(store="t.db", uses=3, origins=("https://a.example",))
    with pytest.raises(ConfigurationError, match=r"policy:6: tickets\.uses: is 1 to 64"):
        read_policy(FILE + b'[tickets]\nuses = 99\nstore = "t.db"\n')
    with pytest.raises(ConfigurationError, match="tickets"):
        read_policy(FILE + b'[tickets]\nstore = "t.db"\nfor = 1\n')
