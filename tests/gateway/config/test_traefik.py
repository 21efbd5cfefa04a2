from __future__ import annotations

import msgspec
import pytest
from proxied import POLICY

from headway.errors import ConfigurationError
from headway.gateway.config.traefik import traefik
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy

REFUSES = POLICY.replace(b'scheme = ""', b'scheme = ""\noff_means = "refuse"')
GOOD = Values(
    policy=read_policy(REFUSES),
    listen="127.0.0.1:1",
    upstream="127.0.0.1:2",
    service="127.0.0.1:3",
)


def test_it_says_that_it_was_not_run_and_what_it_can_not_do() -> None:
    text = traefik(GOOD)
    assert "NOT RUN" in text
    assert "take anything out of the URL" in text
    assert 'address: "http://127.0.0.1:3/traefik"' in text
    assert 'authResponseHeaders: ["Authorization", "X-Api-Key"]' in text


def test_where_off_takes_a_token_away_there_is_no_file() -> None:
    with pytest.raises(ConfigurationError, match="location key: "):
        traefik(msgspec.structs.replace(GOOD, policy=read_policy(POLICY)))


@pytest.mark.parametrize("name", ["a {{ env }}", "a `b`", "a\nb", 'a"'])
def test_t33_a_value_that_traefik_would_look_into_is_refused(name: str) -> None:
    policy = msgspec.structs.replace(GOOD.policy, name=name)
    with pytest.raises(ConfigurationError, match="name: "):
        traefik(msgspec.structs.replace(GOOD, policy=policy))
