"""An app's descriptor, as the host reads it: typed, bounded, and every URL below the base URL.

Whoever reads a descriptor reads it here: the local site what apps send it, an app its own.
The document is somebody else's.  Members that this site does not know are left
alone, what it uses is checked to the last character, and a URL that leads
anywhere but to the app's own origin is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from headway.descriptor.addresses import check_address, check_base, expand, resolve
from headway.descriptor.module_types import MODULE_TYPES, ModuleType, Shown
from headway.descriptor.modules import Condition, Key, Module, Text, Url, read_modules

__all__ = [
    "MODULE_TYPES",
    "SCOPES",
    "Condition",
    "Descriptor",
    "Module",
    "ModuleType",
    "Shown",
    "Webhook",
    "expand",
    "read_added",
    "read_descriptor",
    "resolve",
]

SCOPES = frozenset(
    {
        *("NONE", "READ", "WRITE", "DELETE", "PROJECT_ADMIN", "SPACE_ADMIN", "ADMIN"),
        *("ACT_AS_USER", "ACCESS_EMAIL_ADDRESSES"),
    }
)
"""What an app can ask for ("Scopes for Connect apps"); any case will do."""

_GRANTED = frozenset({"READ", "WRITE", "DELETE", "PROJECT_ADMIN", "SPACE_ADMIN", "ADMIN"})
"""The scopes of which each lets an app read ("Scopes for Connect apps")."""


class Webhook(msgspec.Struct, frozen=True, rename="camel"):
    """An event that the app wants to be told of; *url* may hold ``${variables}``.

    ``filter`` is a query (JQL), ``property_keys`` are the entity properties to send along.
    """

    event: Text
    url: Url
    exclude_body: bool = False
    filter: Text = ""
    property_keys: tuple[Text, ...] = ()


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What of a descriptor this site uses; URLs are as they were written.

    ``unknown`` are the types of modules that this site does not have.

    >>> app = read_descriptor(b'''{"key": "my-app", "baseUrl": "http://127.0.0.1:7000/base",
    ...     "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"}}''')
    >>> app.url("/panel")
    'http://127.0.0.1:7000/base/panel'
    """

    key: str
    name: str
    base_url: str
    lifecycle: Mapping[str, str]
    scopes: frozenset[str]
    modules: tuple[Module, ...]
    webhooks: tuple[Webhook, ...]
    unknown: tuple[str, ...] = ()
    description: str = ""
    licensing: bool = False

    def url(self, written: str, values: Mapping[str, str] | None = None) -> str:
        """One of its URLs, absolute, with *values* for the variables."""
        return expand(resolve(self.base_url, written), values or {})


# ---- reading --------------------------------------------------------------------------------


class _Authentication(msgspec.Struct, frozen=True):
    type: Literal["jwt", "JWT"]


class _Lifecycle(msgspec.Struct, frozen=True):
    installed: Url
    uninstalled: Url | None = None
    enabled: Url | None = None
    disabled: Url | None = None


class _Vendor(msgspec.Struct, frozen=True):
    name: Text = ""
    url: Url = ""


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    key: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,80}\Z")]
    base_url: Annotated[str, msgspec.Meta(max_length=200)]
    authentication: _Authentication
    lifecycle: _Lifecycle
    name: Text = ""
    description: Text = ""
    vendor: _Vendor = _Vendor()
    links: dict[str, Url] = {}
    api_version: int = 1
    api_migrations: dict[str, bool] = {}
    enable_licensing: bool = False
    scopes: Annotated[list[Text], msgspec.Meta(max_length=50)] = []
    modules: dict[Key, msgspec.Raw] = {}


def read_descriptor(data: bytes) -> Descriptor:
    """Read a descriptor; raises ValueError with one line that names the place in the document.

    >>> read_descriptor(b'{"key": 1}')
    Traceback (most recent call last):
    ValueError: Expected `str`, got `int` - at `$.key`
    """
    # (1) what every app has
    try:
        document = msgspec.json.decode(data, type=_Document)
    except msgspec.ValidationError as error:
        text = str(error)
        raise ValueError(text if " - at `" in text else f"{text} - at `$`") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("is not JSON") from None
    check_base(document.base_url)
    base_url = document.base_url.rstrip("/")
    lifecycle = {
        event: url
        for event, url in msgspec.structs.asdict(document.lifecycle).items()
        if url is not None
    }
    for event, url in lifecycle.items():
        check_address(base_url, url, f"$.lifecycle.{event}")
    for number, scope in enumerate(document.scopes):
        if scope.upper() not in SCOPES:
            raise ValueError(f"is no scope of Connect - at `$.scopes[{number}]`")
    # (2) where it is shown, and what it is told
    scopes = frozenset(scope.upper() for scope in document.scopes)
    modules, unknown = read_modules(document.modules, base_url)
    return Descriptor(
        key=document.key,
        name=document.name or document.key,
        base_url=base_url,
        lifecycle=lifecycle,
        scopes=scopes,
        modules=modules,
        webhooks=_webhooks(document.modules.get("webhooks"), base_url, scopes),
        unknown=unknown,
        description=document.description,
        licensing=document.enable_licensing,
    )


def read_added(data: bytes, descriptor: Descriptor) -> tuple[Module, ...]:
    """Modules that an installed app adds later ("Dynamic modules"), checked like declared ones.

    *data* is JSON: an object of lists by type, as in a descriptor.  Types that
    this site does not know are left alone, as they are there.  Raises
    ValueError with one line that names the place, counted from ``$``.

    >>> app = read_descriptor(b'''{"key": "my-app", "baseUrl": "http://127.0.0.1:7000",
    ...     "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"}}''')
    >>> read_added(b'{"dialogs": [{"key": "d", "url": "/d"}]}', app)[0].type
    'dialogs'
    """
    try:
        document = msgspec.json.decode(data, type=dict[Key, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("is not JSON") from None
    if "webhooks" in document:
        raise ValueError("webhooks are added by an API of their own - at `$.webhooks`")
    modules, _ = read_modules(document, descriptor.base_url, "$")
    declared = {module.key for module in descriptor.modules}
    for module in modules:
        if module.key in declared:
            raise ValueError(f"the descriptor has this key too - at `$.{module.type}`")
    return modules


def _webhooks(
    raw: msgspec.Raw | None, base_url: str, scopes: frozenset[str]
) -> tuple[Webhook, ...]:
    if raw is None:
        return ()
    place = "$.modules.webhooks"
    try:
        kind = Annotated[list[Webhook], msgspec.Meta(max_length=100)]
        webhooks = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        raise ValueError(f"{text} - at `{place}{path or '`'}") from None
    for number, webhook in enumerate(webhooks):
        check_address(base_url, webhook.url, f"{place}[{number}].url")
    if webhooks and not scopes & _GRANTED:
        raise ValueError("webhooks need the scope READ - at `$.scopes`")
    return tuple(webhooks)
