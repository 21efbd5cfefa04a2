"""What each setting of ``Connect(...)`` is: one table, held at start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from headway.app.caller import CallSettings
from headway.app.descriptor import Descriptor
from headway.app.forge import Forge
from headway.app.forwarded import Forwarded
from headway.app.instruments import Instrument
from headway.app.wanted import Wanted, a, does, each, or_none
from headway.policy import Policy
from headway.store.opening import Opened

__all__ = ["SETTINGS"]

_KEEPS = does("find", "first", "get", "install", "uninstall", "enable", "by_installation_id")
_PLACE = a(str, Path, Opened)

_TEXT = Wanted("text", a(str))
_SWITCH = Wanted("True or False", a(bool))

SETTINGS: Mapping[str, Wanted] = MappingProxyType(
    {
        "key": Wanted("text, such as 'my-app'", a(str)),
        "name": _TEXT,
        "base_url": Wanted("text, such as 'https://app.example'", a(str)),
        "store": Wanted(
            "a path, an address, or what keeps installations (headway.app.connect.Store)",
            lambda value: _PLACE(value) or _KEEPS(value),
        ),
        "description": _TEXT,
        "scopes": Wanted("a list of texts, such as ['READ']", each(str)),
        "descriptor": or_none("a Descriptor or the path of one", a(Descriptor, str, Path)),
        "hosts": Wanted("a list of suffixes, such as ['.atlassian.net']", each(str)),
        "development": or_none("True or False", a(bool)),
        "install_keys": or_none("the name of an environment or an address", a(str)),
        "audience": Wanted("a list of base URLs", each(str)),
        "client_script": or_none("an address", a(str)),
        "policy": Wanted("a headway.policy.Policy", a(Policy)),
        "sealed_pages": _SWITCH,
        "observer": or_none("a function that is called with an Observation", callable),
        "instruments": Wanted("a list of Instrument", each(Instrument)),
        "forwarded": or_none("Forwarded([...])", a(Forwarded)),
        "health": or_none("a path, such as '/health'", a(str)),
        "clock": Wanted("a function that gives seconds since 1970", callable),
        "queue": or_none("what keeps events (headway.app.queue.Queue)", does("put")),
        "receipts": or_none(
            "what remembers events (headway.app.receipts.Receipts)",
            does("claim", "confirm", "release"),
        ),
        "once": or_none("what counts once (headway.store.once.Once)", does("put", "take", "first")),
        "transport": or_none("an httpx.AsyncBaseTransport", a(httpx.AsyncBaseTransport)),
        "forge": or_none("the app's id on Forge, or Forge(...)", a(str, Forge)),
        "calls": or_none("CallSettings(...)", a(CallSettings)),
        "acpt": _SWITCH,
    }
)
"""Every argument of :class:`headway.app.connect.Connect`."""
