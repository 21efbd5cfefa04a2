"""Settings: what a site is without being told anything."""

import pytest

from headway.host.settings import POLICIES, Settings


def test_the_defaults_keep_site_and_apps_apart() -> None:
    settings = Settings()
    assert settings.name != settings.app_name
    assert settings.data is None
    assert not settings.allow_private
    assert settings.policy in POLICIES


def test_only_the_rehearsal_carries_a_disclaimer() -> None:
    assert {name for name, policy in POLICIES.items() if policy.disclaimer} == {"rehearsal"}


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
