from __future__ import annotations

import pytest

from headway.app.descriptor import Descriptor, Module, key_of
from headway.errors import ConfigurationError


def test_everything_a_host_wants_to_know():
    descriptor = Descriptor(
        key="com.example.app",
        name="Example",
        base_url="https://app.example/base",
        description="An example",
        scopes=("READ", "ACT_AS_USER"),
        modules=(
            Module("webPanels", {"key": "a"}),
            Module("webhooks", {"event": "e"}),
            Module("webPanels", {"key": "b"}),
        ),
    )
    assert descriptor.to_json() == {
        "key": "com.example.app",
        "name": "Example",
        "description": "An example",
        "baseUrl": "https://app.example/base",
        "authentication": {"type": "jwt"},
        "apiVersion": 1,
        "apiMigrations": {"gdpr": True, "signed-install": True, "context-qsh": True},
        "lifecycle": {
            "installed": "/installed",
            "enabled": "/enabled",
            "disabled": "/disabled",
            "uninstalled": "/uninstalled",
        },
        "scopes": ["READ", "ACT_AS_USER"],
        "modules": {"webPanels": [{"key": "a"}, {"key": "b"}], "webhooks": [{"event": "e"}]},
        "links": {"self": "https://app.example/base/atlassian-connect.json"},
    }


def test_no_description_is_left_out():
    told = Descriptor(key="a", name="A", base_url="https://app.example").to_json()
    assert "description" not in told


@pytest.mark.parametrize("key", ["", "a b", "a/b", "ä", "a" * 65, "a\n"])
def test_a_key_that_no_host_takes(key):
    with pytest.raises(ConfigurationError, match="field"):
        key_of(key, "field")
    with pytest.raises(ConfigurationError):
        Descriptor(key=key, name="A", base_url="https://app.example")


def test_a_scope_that_is_not_there():
    with pytest.raises(ConfigurationError, match="'ROOT'"):
        Descriptor(key="a", name="A", base_url="https://app.example", scopes=("ROOT",))
