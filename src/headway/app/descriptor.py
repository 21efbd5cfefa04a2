"""The descriptor: what an app tells a host about itself (``atlassian-connect.json``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from headway.errors import ConfigurationError

__all__ = ["LIFECYCLE_PATHS", "Descriptor", "Module", "Scope", "key_of"]

LIFECYCLE_PATHS: Mapping[str, str] = {
    event: f"/{event}" for event in ("installed", "enabled", "disabled", "uninstalled")
}
"""Where the host tells of each event, relative to the base URL."""

_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MIGRATIONS = {"gdpr": True, "signed-install": True, "context-qsh": True}


class Scope(StrEnum):
    """What an app may ask for ("Scopes for Connect apps")."""

    NONE = "NONE"
    READ = "READ"
    WRITE = "WRITE"
    DELETE = "DELETE"
    PROJECT_ADMIN = "PROJECT_ADMIN"
    SPACE_ADMIN = "SPACE_ADMIN"
    ADMIN = "ADMIN"
    ACT_AS_USER = "ACT_AS_USER"
    ACCESS_EMAIL_ADDRESSES = "ACCESS_EMAIL_ADDRESSES"


class Module(msgspec.Struct, frozen=True):
    """One module: its type (``webPanels``) and its members as the host names them."""

    type: str
    members: Mapping[str, Any]


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """A typed descriptor.  Raises ConfigurationError for a key or scope that no host takes.

    >>> Descriptor(key="hello", name="Hello", base_url="https://app.example").to_json()["apiVersion"]
    1
    """

    key: str
    name: str
    base_url: str
    description: str = ""
    scopes: tuple[str, ...] = (Scope.READ,)
    modules: tuple[Module, ...] = ()

    def __post_init__(self) -> None:
        key_of(self.key, "key")
        for scope in self.scopes:
            if scope not in Scope.__members__:
                raise ConfigurationError(f"scopes: there is no scope {scope!r}")

    def to_json(self) -> dict[str, Any]:
        """The object that is served as JSON."""
        modules: dict[str, list[Mapping[str, Any]]] = {}
        for module in self.modules:
            modules.setdefault(module.type, []).append(module.members)
        told: dict[str, Any] = {
            "key": self.key,
            "name": self.name,
            "baseUrl": self.base_url,
            "authentication": {"type": "jwt"},
            "apiVersion": 1,
            "apiMigrations": dict(_MIGRATIONS),
            "lifecycle": dict(LIFECYCLE_PATHS),
            "scopes": [str(scope) for scope in self.scopes],
            "modules": modules,
            "links": {"self": f"{self.base_url}/atlassian-connect.json"},
        }
        if self.description:
            told["description"] = self.description
        return told


def key_of(text: str, field: str) -> str:
    """*text*, where it is a key that hosts take; raises ConfigurationError naming *field*.

    >>> key_of("my.app-1", "key")
    'my.app-1'
    """
    if not _KEY.fullmatch(text):
        raise ConfigurationError(f"{field}: 1 to 64 characters of A-Z a-z 0-9 . _ -")
    return text
