"""An app's descriptor, as the host reads it: typed, bounded, and every URL below the base URL.

Whoever reads a descriptor reads it here: the local site what apps send it, an app its own.
The document is somebody else's.  Members that this site does not know are left
alone, what it uses is checked to the last character, and a URL that leads
anywhere but to the app's own origin is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from headway.descriptor.addresses import check_address, check_base, expand, resolve
from headway.descriptor.module_types import MODULE_TYPES, ModuleType, Shown
from headway.descriptor.modules import (
    Condition,
    Key,
    Module,
    Text,
    Told,
    Url,
    at_once,
    placed,
    read_modules,
)

__all__ = [
    "MEMBERS",
    "MODULE_TYPES",
    "SCOPES",
    "Condition",
    "Descriptor",
    "Module",
    "ModuleType",
    "Shown",
    "Webhook",
    "expand",
    "problems_of",
    "read_added",
    "read_descriptor",
    "read_modules",
    "read_webhooks",
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


MEMBERS = {field.encode_name: field for field in msgspec.structs.fields(_Document)}
"""What a descriptor consists of, by its names there; who reads it leaves others alone."""

_NOWHERE = "https://app.invalid"
"""In place of a base URL that is none, so that the rest can be looked at (RFC 2606)."""


def read_descriptor(data: bytes) -> Descriptor:
    """Read a descriptor; raises ValueError with one line that names the place in the document.

    >>> read_descriptor(b'{"key": 1}')
    Traceback (most recent call last):
    ValueError: Expected `str`, got `int` - at `$.key`
    """
    return _read(data, at_once)


def problems_of(data: bytes) -> tuple[str, ...]:
    """Everything for which a site refuses a descriptor, one line each; at best nothing.

    >>> problems_of(b'{"key": 1, "baseUrl": "https://app.example", "scopes": ["ROOT"]}')[:2]
    ('Expected `str`, got `int` - at `$.key`', 'Object missing required field `authentication`...')
    """
    found: list[str] = []
    try:
        _read(data, found.append)
    except ValueError as error:  # nothing in it can be looked at
        found.append(str(error))
    return tuple(found)


def _read(data: bytes, tell: Told) -> Descriptor:
    # (1) what every app has
    document = _document(data, tell)
    try:
        check_base(document.base_url)
        base_url = document.base_url.rstrip("/")
    except ValueError as error:
        base_url = _NOWHERE
        if document.base_url != _NOWHERE:
            tell(str(error))
    lifecycle = {
        event: url
        for event, url in msgspec.structs.asdict(document.lifecycle).items()
        if url is not None
    }
    for event, url in lifecycle.items():
        _checked(base_url, url, f"$.lifecycle.{event}", tell)
    for number, scope in enumerate(document.scopes):
        if scope.upper() not in SCOPES:
            tell(f"is no scope of Connect - at `$.scopes[{number}]`")
    # (2) where it is shown, and what it is told
    scopes = frozenset(scope.upper() for scope in document.scopes)
    modules, unknown = read_modules(document.modules, base_url, tell=tell)
    return Descriptor(
        key=document.key,
        name=document.name or document.key,
        base_url=base_url,
        lifecycle=lifecycle,
        scopes=scopes,
        modules=modules,
        webhooks=read_webhooks(document.modules.get("webhooks"), base_url, scopes, tell),
        unknown=unknown,
        description=document.description,
        licensing=document.enable_licensing,
    )


def _document(data: bytes, tell: Told) -> _Document:
    """Each member by itself: one that is wrong keeps none of the others from being looked at."""
    try:
        written = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise ValueError(placed(str(error), "$")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("is not JSON") from None
    read: dict[str, Any] = {
        "key": "",
        "base_url": _NOWHERE,
        "authentication": None,
        "lifecycle": _Lifecycle(installed=""),
    }
    for name, field in MEMBERS.items():
        if name not in written:
            if field.required:
                tell(f"Object missing required field `{name}` - at `$`")
            continue
        try:
            read[field.name] = msgspec.json.decode(written[name], type=field.type)
        except msgspec.ValidationError as error:
            tell(placed(str(error), f"$.{name}"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ValueError("is not JSON") from None
    return _Document(**read)


def _checked(base_url: str, url: str, place: str, tell: Told) -> None:
    try:
        check_address(base_url, url, place)
    except ValueError as error:
        tell(str(error))


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


def read_webhooks(
    raw: msgspec.Raw | None, base_url: str, scopes: frozenset[str], tell: Told = at_once
) -> tuple[Webhook, ...]:
    """The webhooks of an app with *scopes*; *tell* is told of each problem, as by ``read_modules``.

    >>> hook = msgspec.Raw(b'[{"event": "jira:issue_updated", "url": "/hook"}]')
    >>> read_webhooks(hook, "https://app.example", frozenset({"READ"}))[0].url
    '/hook'
    """
    if raw is None:
        return ()
    place = "$.modules.webhooks"
    try:
        kind = Annotated[list[Webhook], msgspec.Meta(max_length=100)]
        webhooks = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        tell(placed(str(error), place))
        return ()
    for number, webhook in enumerate(webhooks):
        _checked(base_url, webhook.url, f"{place}[{number}].url", tell)
    if webhooks and not scopes & _GRANTED:
        tell("webhooks need the scope READ - at `$.scopes`")
    return tuple(webhooks)
