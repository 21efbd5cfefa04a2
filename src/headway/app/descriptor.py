"""The descriptor: what an app tells a host about itself (``atlassian-connect.json``)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from headway.app.wanted import Wanted, a, each, hold, or_none
from headway.descriptor import read_modules, read_webhooks
from headway.descriptor.check import BYTES_MAX, Finding, Level, check
from headway.descriptor.typed import TYPED, Declared, modules_json
from headway.errors import ConfigurationError

__all__ = ["LIFECYCLE_PATHS", "Descriptor", "Module", "Scope", "Vendor", "key_of", "module_of"]

log = logging.getLogger(__name__)

LIFECYCLE_PATHS: Mapping[str, str] = MappingProxyType(
    {event: f"/{event}" for event in ("installed", "enabled", "disabled", "uninstalled")}
)
"""Where the host tells of each event, relative to the base URL."""

_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MIGRATIONS = {"gdpr": True, "signed-install": True, "context-qsh": True}
SHOWN = 5  # errors of a file in one message


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


class Vendor(msgspec.Struct, frozen=True):
    """Who offers the app."""

    name: str
    url: str


_MEMBERS = {
    **dict.fromkeys(("key", "name", "base_url", "description"), Wanted("text", a(str))),
    "scopes": Wanted("a tuple of texts", each(str)),
    "modules": Wanted("a tuple of modules", each(Module | Declared)),
    "vendor": or_none("Vendor(...)", a(Vendor)),
    "licensing": Wanted("True or False", a(bool)),
    **dict.fromkeys(("lifecycle", "more", "unknown"), Wanted("a mapping", a(Mapping))),
}


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """A typed descriptor.  Raises ConfigurationError for a key or scope that no host takes.

    ``licensing`` says that the app is sold; ``lifecycle`` are the paths at
    which the app hears of events; ``more`` are further members as the host
    names them (``translations``, ``regionBaseUrls``), and ``unknown`` modules
    of types that Headway does not know.

    >>> Descriptor(key="hello", name="Hello", base_url="https://app.example").to_json()["apiVersion"]
    1
    """

    key: str
    name: str
    base_url: str = ""
    description: str = ""
    scopes: tuple[str, ...] = (Scope.READ,)
    modules: tuple[Module | Declared, ...] = ()
    vendor: Vendor | None = None
    licensing: bool = False
    lifecycle: Mapping[str, str] = LIFECYCLE_PATHS
    more: Mapping[str, Any] = {}
    unknown: Mapping[str, Any] = {}

    def __post_init__(self) -> None:
        hold(_MEMBERS, {name: getattr(self, name) for name in _MEMBERS}, "descriptor: ")
        key_of(self.key, "key")
        for scope in self.scopes:
            if scope not in Scope.__members__:
                raise ConfigurationError(f"scopes: there is no scope {scope!r}")
        for event, path in self.lifecycle.items():
            if event not in LIFECYCLE_PATHS:
                raise ConfigurationError(f"lifecycle: there is no event {event!r}")
            if not path.startswith("/") or "?" in path or path.startswith("//"):
                raise ConfigurationError(f"lifecycle.{event}: write a path of the app, as /{event}")

    @classmethod
    def read(cls, path: str | Path, base_url: str) -> Descriptor:
        """The descriptor in a file of JSON, for the app at *base_url*.

        The file's own ``baseUrl`` counts for nothing: it may be absent, or a
        template's.  An event of the lifecycle that it leaves out has Headway's
        path, because an app that does not hear of an ``uninstalled`` keeps a
        secret.  Raises ConfigurationError with all that is wrong with it, each
        with its place; what a site would only pass over is logged.
        """
        document = _document(Path(path))
        document["baseUrl"] = base_url
        lifecycle = document.get("lifecycle")
        if isinstance(lifecycle, dict) or lifecycle is None:
            document["lifecycle"] = {**LIFECYCLE_PATHS, **(lifecycle or {})}
        document.setdefault("authentication", {"type": "jwt"})
        _hold_up(check(msgspec.json.encode(document)), str(path))
        vendor = document.get("vendor")
        return cls(
            key=document["key"],
            name=document.get("name") or document["key"],
            base_url=base_url,
            description=document.get("description", ""),
            scopes=tuple(scope.upper() for scope in document.get("scopes", ())),
            modules=_modules(document.get("modules", {})),
            vendor=Vendor(vendor.get("name", ""), vendor.get("url", "")) if vendor else None,
            licensing=document.get("enableLicensing", False),
            lifecycle={event: document["lifecycle"][event] for event in LIFECYCLE_PATHS},
            more=_more(document),
            unknown={
                kind: value
                for kind, value in document.get("modules", {}).items()
                if kind not in TYPED
            },
        )

    def to_json(self) -> dict[str, Any]:
        """The object that is served as JSON."""
        links = {"self": f"{self.base_url}/atlassian-connect.json"}
        told: dict[str, Any] = {
            **self.more,
            "key": self.key,
            "name": self.name,
            "baseUrl": self.base_url,
            "authentication": {"type": "jwt"},
            "apiVersion": self.more.get("apiVersion", 1),
            "apiMigrations": {**self.more.get("apiMigrations", {}), **_MIGRATIONS},
            "lifecycle": {**self.more.get("lifecycle", {}), **self.lifecycle},
            "scopes": [str(scope) for scope in self.scopes],
            "modules": {
                **self.unknown,
                **modules_json((module.type, module.members) for module in self.modules),
            },
            "links": {**self.more.get("links", {}), **links},
        }
        if self.description:
            told["description"] = self.description
        if self.vendor:
            told["vendor"] = msgspec.structs.asdict(self.vendor)
        if self.licensing:
            told["enableLicensing"] = True
        return told


_OWN = frozenset(
    {
        *("key", "name", "baseUrl", "description", "scopes", "modules", "vendor"),
        *("enableLicensing", "lifecycle", "authentication"),
    }
)
"""The members that have a field of their own."""


def key_of(text: str, field: str) -> str:
    """*text*, where it is a key that hosts take; raises ConfigurationError naming *field*.

    >>> key_of("my.app-1", "key")
    'my.app-1'
    """
    if not _KEY.fullmatch(text):
        raise ConfigurationError(f"{field}: 1 to 64 characters of A-Z a-z 0-9 . _ -")
    return text


def module_of(declared: Module | Declared, about: Descriptor) -> Module | Declared:
    """The module that shall join those of *about*, checked as a site checks it.

    Raises ConfigurationError with its place there.  Of a type that Headway does
    not know nothing is checked.
    """
    kind, members = declared.type, declared.members
    if kind in about.unknown:
        raise ConfigurationError(f"$.modules.{kind}: stands in the file, add to it there")
    try:
        raw = msgspec.Raw(msgspec.json.encode(modules_json([(kind, members)])[kind]))
    except TypeError as error:
        raise ConfigurationError(f"$.modules.{kind}: is no JSON: {error}") from None
    before = [module for module in about.modules if module.type == kind]
    try:
        if kind == "webhooks":
            read_webhooks(raw, about.base_url, frozenset(about.scopes))
        else:
            read_modules({kind: raw}, about.base_url)
        modules_json((kind, module.members) for module in (*before, declared))
    except ValueError as error:
        place = f"$.modules.{kind}[0]"  # it was looked at alone
        raise ConfigurationError(str(error).replace(place, f"{place[:-2]}{len(before)}]")) from None
    key = members.get("key")
    if key is not None and key in {module.members.get("key") for module in about.modules}:
        raise ConfigurationError(f"this key occurs twice: {key} - at `$.modules.{kind}`")
    return declared


# ---- files ----------------------------------------------------------------------------------


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if len(data) > BYTES_MAX or not isinstance(document, dict):
        raise ConfigurationError(f"{path}: is no object of JSON of at most {BYTES_MAX} bytes")
    return document


def _hold_up(found: Iterable[Finding], name: str) -> None:
    """Raise ConfigurationError where a site would refuse the document; log the rest."""
    errors = []
    for finding in found:
        if finding.level is Level.ERROR:
            errors.append(f"{finding.place}: {finding.problem}")
        else:
            log.warning("%s: %s: %s. %s", name, finding.place, finding.problem, finding.hint)
    if errors:
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise ConfigurationError(f"{name}: {'; '.join(errors[:SHOWN])}{more}")


def _more(document: Mapping[str, Any]) -> dict[str, Any]:
    """What has no field of its own, events included that the app's other code serves."""
    more = {name: value for name, value in document.items() if name not in _OWN}
    events = {e: u for e, u in document["lifecycle"].items() if e not in LIFECYCLE_PATHS}
    return {**more, "lifecycle": events} if events else more


def _modules(written: Mapping[str, Any]) -> tuple[Module, ...]:
    return tuple(
        Module(kind, members)
        for kind, several in written.items()
        if kind in TYPED
        for members in (several if isinstance(several, list) else [several])
    )
