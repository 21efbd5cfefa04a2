"""An app's descriptor, as the host reads it: typed, bounded, and every URL below the base URL.

The document is somebody else's.  Members that this site does not know are left
alone, what it uses is checked to the last character, and a URL that leads
anywhere but to the app's own origin is refused before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote, quote_plus, urlsplit

import msgspec

from headway.errors import LocationRefused, MalformedRequest, Refusal
from headway.http.answers import origin_of
from headway.qsh import canonical_request

__all__ = ["Descriptor", "Module", "Webhook", "expand", "read_descriptor", "resolve"]

URL_MAX = 2000  # characters
_VARIABLE = re.compile(r"\$?\{([A-Za-z][\w.-]{0,99})\}", re.ASCII)
_GRANTED = frozenset({"READ", "WRITE", "DELETE", "PROJECT_ADMIN", "SPACE_ADMIN", "ADMIN"})
"""The scopes of which each lets an app read ("Scopes for Connect apps")."""

_Key = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,80}\Z")]
_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Url = Annotated[str, msgspec.Meta(max_length=URL_MAX)]


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the site shows a page of the app; *url* may hold ``{variables}``."""

    type: Literal["webPanels", "generalPages"]
    key: str
    name: str
    url: str
    location: str
    cacheable: bool


class Webhook(msgspec.Struct, frozen=True, rename="camel"):
    """An event that the app wants to be told of; *url* may hold ``${variables}``."""

    event: _Text
    url: _Url
    exclude_body: bool = False


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What of a descriptor this site uses; URLs are as they were written.

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

    def url(self, written: str, values: Mapping[str, str] | None = None) -> str:
        """One of its URLs, absolute, with *values* for the variables."""
        return expand(resolve(self.base_url, written), values or {})


def expand(url: str, values: Mapping[str, str]) -> str:
    """*url* with its variables replaced; one without a value becomes empty.

    In a path a value is percent-encoded, in a query form-encoded (Connect:
    "Context parameters").

    >>> expand("http://h/{a}?b={a}&c=${a}", {"a": "1 + 1"})
    'http://h/1%20%2B%201?b=1+%2B+1&c=1+%2B+1'
    """
    path, mark, query = url.partition("?")
    path = _VARIABLE.sub(lambda found: quote(values.get(found[1], ""), safe=""), path)
    query = _VARIABLE.sub(lambda found: quote_plus(values.get(found[1], "")), query)
    return path + mark + query


def resolve(base_url: str, url: str) -> str:
    """*url* of an app's descriptor as an absolute one; raises ValueError unless it is below.

    A path is relative to the base URL and not to its origin; an absolute URL
    starts with the whole base URL.

    >>> resolve("http://127.0.0.1:7000/base", "/panel")
    'http://127.0.0.1:7000/base/panel'
    """
    base, url = base_url.rstrip("/"), url.partition("#")[0]
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url) or url.startswith("//"):
        if not url.startswith((f"{base}/", f"{base}?")) and url != base:
            raise ValueError(f"is not below baseUrl {base_url}")
        return url
    return base + ("" if url.startswith(("/", "?")) or not url else "/") + url


# ---- reading --------------------------------------------------------------------------------


class _Name(msgspec.Struct, frozen=True):
    value: _Text


class _Page(msgspec.Struct, frozen=True):
    key: _Key
    url: _Url
    name: _Name
    location: _Text = ""
    cacheable: bool = False


class _Modules(msgspec.Struct, frozen=True, rename="camel"):
    web_panels: Annotated[list[_Page], msgspec.Meta(max_length=100)] = []
    general_pages: Annotated[list[_Page], msgspec.Meta(max_length=100)] = []
    webhooks: Annotated[list[Webhook], msgspec.Meta(max_length=100)] = []


class _Authentication(msgspec.Struct, frozen=True):
    type: Literal["jwt", "JWT"]


class _Lifecycle(msgspec.Struct, frozen=True):
    installed: _Url
    uninstalled: _Url | None = None
    enabled: _Url | None = None
    disabled: _Url | None = None


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    key: _Key
    base_url: Annotated[str, msgspec.Meta(max_length=200)]
    authentication: _Authentication
    lifecycle: _Lifecycle
    name: _Text = ""
    scopes: Annotated[list[_Text], msgspec.Meta(max_length=50)] = []
    modules: _Modules = _Modules()


def read_descriptor(data: bytes) -> Descriptor:
    """Read a descriptor; raises ValueError with one line that names the place in the document.

    >>> read_descriptor(b'{"key": 1}')
    Traceback (most recent call last):
    ValueError: Expected `str`, got `int` - at `$.key`
    """
    try:
        document = msgspec.json.decode(data, type=_Document)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("is not JSON") from None
    _check_base(document.base_url)
    lifecycle = {
        event: url
        for event, url in msgspec.structs.asdict(document.lifecycle).items()
        if url is not None
    }
    descriptor = Descriptor(
        key=document.key,
        name=document.name or document.key,
        base_url=document.base_url.rstrip("/"),
        lifecycle=lifecycle,
        scopes=frozenset(scope.upper() for scope in document.scopes),
        modules=(
            *(_module("webPanels", page) for page in document.modules.web_panels),
            *(_module("generalPages", page) for page in document.modules.general_pages),
        ),
        webhooks=tuple(document.modules.webhooks),
    )
    _check(descriptor)
    return descriptor


def _module(kind: Literal["webPanels", "generalPages"], page: _Page) -> Module:
    return Module(
        type=kind,
        key=page.key,
        name=page.name.value,
        url=page.url,
        location=page.location,
        cacheable=page.cacheable,
    )


def _check_base(base_url: str) -> None:
    try:
        origin, path = origin_of(base_url), urlsplit(base_url).path
        canonical_request("GET", path.rstrip("/") or "/")
    except (ValueError, Refusal):
        raise ValueError("is not a plain http or https address - at `$.baseUrl`") from None
    if base_url != origin + path:  # another spelling, or a query: what is below it is not plain
        raise ValueError(f"write it as {origin}{path} - at `$.baseUrl`")


def _check(descriptor: Descriptor) -> None:
    # (1) each URL leads to the app, and has one hash
    for event, url in descriptor.lifecycle.items():
        _check_url(descriptor, url, f"$.lifecycle.{event}")
    for kind in ("webPanels", "generalPages"):
        modules = [module for module in descriptor.modules if module.type == kind]
        for number, module in enumerate(modules):
            _check_url(descriptor, module.url, f"$.modules.{kind}[{number}].url")
    for number, webhook in enumerate(descriptor.webhooks):
        _check_url(descriptor, webhook.url, f"$.modules.webhooks[{number}].url")
    # (2) each key names one module
    keys = [module.key for module in descriptor.modules]
    if len(set(keys)) < len(keys):
        raise ValueError("a module's key occurs twice - at `$.modules`")
    # (3) whoever is told of changes may read
    if descriptor.webhooks and not descriptor.scopes & _GRANTED:
        raise ValueError("webhooks need the scope READ - at `$.scopes`")


def _check_url(descriptor: Descriptor, written: str, place: str) -> None:
    """Try the URL with a value for each variable: whoever signs it later must not fail."""
    values = dict.fromkeys(_VARIABLE.findall(written), "x")
    try:
        parts = urlsplit(descriptor.url(written, values))
        base_path = urlsplit(descriptor.base_url).path
        canonical_request("GET", parts.path or "/", f"{parts.query}&jwt=x", base_path)
    except MalformedRequest as refusal:
        raise ValueError(f"{refusal.title} - at `{place}`") from None
    except LocationRefused:
        raise ValueError(f"the parameter jwt is the site's to add - at `{place}`") from None
    except ValueError as error:
        raise ValueError(f"{error} - at `{place}`") from None
