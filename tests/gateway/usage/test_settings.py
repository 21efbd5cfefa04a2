from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.gateway.usage.settings import UsageSettings


@pytest.mark.parametrize("store", ["postgresql://me:secret@db/u", "POSTGRESQL+psycopg://a:b@h/u"])
def test_a_password_does_not_stand_in_a_policy_file(store: str) -> None:
    with pytest.raises(ConfigurationError, match="HEADWAY_USAGE") as caught:
        UsageSettings(store=store)
    assert "secret" not in str(caught.value)
    assert UsageSettings(store="postgresql://me@db/u").store


@pytest.mark.parametrize("path", ["usage", "/a?b", "/a b", "/%2e", "//" + "a" * 300])
def test_an_own_path_is_plain(path: str) -> None:
    with pytest.raises(ConfigurationError, match="own_path"):
        UsageSettings(own_path=path)
