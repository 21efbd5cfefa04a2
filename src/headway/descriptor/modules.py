"""An app's modules: read from a descriptor or from a call that adds them, and checked by the table.

What a module needs is data (``module_types``); what each field may hold is the
type of a field here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NoReturn

import msgspec

from headway.descriptor.addresses import check_address, check_link, resolve, variables
from headway.descriptor.module_types import MODULE_TYPES, Form, ModuleType, Shown

__all__ = ["Condition", "Key", "Module", "Text", "Told", "Url", "at_once", "placed", "read_modules"]

URL_MAX = 2000  # characters
MODULES_MAX = 100  # of one type
OPENED = frozenset({"createBranch", "createFlag", "linkFlag", "listFlags", "listDeployments"})
"""The actions whose address a browser opens ("Development actions", "Feature flag actions")."""

DEPTH_MAX = 10  # of conditions inside conditions

Key = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{1,100}\Z")]
Text = Annotated[str, msgspec.Meta(max_length=1500)]
Url = Annotated[str, msgspec.Meta(max_length=URL_MAX)]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """When a module is shown: a name of the host's table, an address of the app's, or parts.

    ``any`` says that one of ``parts`` is enough.
    """

    name: str = ""
    invert: bool = False
    params: dict[str, str] = {}
    parts: tuple[Condition, ...] = ()
    any: bool = False

    @property
    def remote(self) -> bool:
        """Whether the app is asked: the name is an address."""
        return self.name.startswith(("/", "http:", "https:"))


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One module; *url* may hold ``{variables}``, and is empty where nothing is opened.

    ``target`` is what a link opens (``page``, ``dialog``, ``inlinedialog``,
    ``dialogmodule``), ``context`` what its address is relative to (``addon``,
    ``product``, ``page``; ``web`` for an absolute one elsewhere).  ``options``
    are those of its dialog or macro, ``pages`` further addresses for browsers
    by their role, ``actions`` those that the site's server calls.
    """

    type: str
    key: str
    name: str
    url: str = ""
    location: str = ""
    cacheable: bool = False
    weight: int = 100
    conditions: tuple[Condition, ...] = ()
    target: str = "page"
    context: str = "addon"
    options: dict[str, Any] = {}
    icon: str = ""
    tooltip: str = ""
    description: str = ""
    params: dict[str, str] = {}
    pages: dict[str, str] = {}
    actions: dict[str, str] = {}

    @property
    def row(self) -> ModuleType:
        """What the table says of its type."""
        return MODULE_TYPES[self.type]

    @property
    def fills_page(self) -> bool:
        """Whether it is a page of its own: what a link leads to is one too."""
        is_link = self.row.shown is Shown.LINK and self.target == "page"
        return self.row.shown is Shown.PAGE or is_link

    @property
    def framed(self) -> bool:
        """Whether its address is opened in a frame of the site, with a token."""
        if self.row.shown is Shown.LINK:
            return self.target != "dialogmodule" and self.context == "addon"
        return bool(self.url) and self.row.shown not in (Shown.CALL, Shown.SECTION)


# ---- reading --------------------------------------------------------------------------------

Told = Callable[[str], object]
"""What is told of each problem: one line that names the place in the document."""


def at_once(problem: str) -> NoReturn:
    """Read strictly: the first problem is a ValueError."""
    raise ValueError(problem)


def placed(error: str, place: str) -> str:
    """A decoder's error, which counts from a part on, with the place in the whole document.

    >>> placed("Expected `str`, got `int` - at `$.value`", "$.name")
    'Expected `str`, got `int` - at `$.name.value`'
    """
    error = error.replace(" - at `key` in `$", " - at `$")  # a name that is none, not a value
    text, found, path = error.partition(" - at `$")
    return f"{text} - at `{place}{path}" if found else f"{text} - at `{place}`"


class _Name(msgspec.Struct, frozen=True):
    value: Text


class _Icon(msgspec.Struct, frozen=True):
    url: Url


class _Address(msgspec.Struct, frozen=True, rename="camel"):
    url: Url = ""
    template_url: Url = ""


class _Target(msgspec.Struct, frozen=True):
    type: Text = "page"
    url: Url = ""
    options: dict[str, Any] = {}


class _Condition(msgspec.Struct, frozen=True):
    condition: Text = ""
    invert: bool = False
    params: dict[str, Any] = {}
    conditions: Annotated[list[_Condition], msgspec.Meta(max_length=50)] = []
    type: Text = "AND"
    and_: Annotated[list[_Condition], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list, name="and"
    )
    or_: Annotated[list[_Condition], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list, name="or"
    )


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    """An action of a provider of links, which has a list of them."""

    action_id: Key
    template_url: Url


class _Module(msgspec.Struct, frozen=True, rename="camel"):
    """Every field that some type has; which of them one must have is the table's affair."""

    key: Key
    name: _Name | None = None
    url: Url | None = None
    location: Text | None = None
    cacheable: bool = False
    weight: int = 100
    conditions: Annotated[list[_Condition], msgspec.Meta(max_length=50)] = []
    target: _Target | None = None
    context: Text = "addon"
    options: dict[str, Any] = {}
    icon: _Icon | None = None
    icon_url: Url | None = None
    thumbnail_url: Url | None = None
    tooltip: _Name | None = None
    description: _Name | None = None
    content: dict[str, Any] | None = None
    params: dict[str, Any] = {}
    triggered: _Address | None = None
    create: _Address | None = None
    edit: _Address | None = None
    view: _Address | None = None
    editor: _Address | None = None
    actions: dict[Key, Any] | Annotated[list[_Named], msgspec.Meta(max_length=50)] = {}
    body_type: Text = "none"
    output_type: Text = "block"
    width: str | int | None = None
    height: str | int | None = None
    parameters: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=50)] = []
    configurable: bool = False


_PYTHON_NAMES = {field.encode_name: field.name for field in msgspec.structs.fields(_Module)}
PAGES = ("create", "edit", "view", "editor")
"""Fields that hold a further address for browsers."""


def read_modules(
    document: Mapping[str, msgspec.Raw],
    base_url: str,
    place: str = "$.modules",
    tell: Told = at_once,
) -> tuple[tuple[Module, ...], tuple[str, ...]]:
    """The modules of a document by type, and the names of the types that this site does not know.

    *tell* is told of each problem, one line that names the place, from *place*
    on; a module that has one is left out.  Unless told otherwise the first is a
    ValueError.  ``webhooks`` are left to whoever reads the document.

    >>> page = b'[{"key": "p", "name": {"value": "Page"}, "url": "/p"}]'
    >>> modules, unknown = read_modules({"generalPages": msgspec.Raw(page)}, "http://127.0.0.1")
    >>> modules[0].location, unknown
    ('system.top.navigation.bar', ())
    """
    modules, unknown = [], []
    seen: set[str] = set()
    for name, raw in document.items():
        row = MODULE_TYPES.get(name)
        if row is None:
            unknown += [name] * (name != "webhooks")
            continue
        for where, one in _listed(raw, row, f"{place}.{name}", tell):
            try:
                module = _module(name, row, _decoded(one, where), where, base_url)
                _check(module, base_url, where)
                if module.key in seen:
                    raise ValueError(f"this key occurs twice - at `{where}.key`")
            except ValueError as error:
                tell(str(error))
                continue
            seen.add(module.key)
            modules.append(module)
    return tuple(modules), tuple(unknown)


def _listed(
    raw: msgspec.Raw, row: ModuleType, place: str, tell: Told
) -> Iterator[tuple[str, msgspec.Raw]]:
    """Each module, unread, with its place in the document."""
    is_list = bytes(raw).lstrip()[:1] == b"["
    if row.form is Form.ONE or (row.form is Form.EITHER and not is_list):
        yield place, raw
        return
    try:
        found = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError as error:
        tell(placed(str(error), place))
        return
    if len(found) > MODULES_MAX:
        tell(f"Expected at most {MODULES_MAX} modules - at `{place}`")
        return
    for number, one in enumerate(found):
        yield f"{place}[{number}]", one


def _decoded(raw: msgspec.Raw, place: str) -> _Module:
    try:
        return msgspec.json.decode(raw, type=_Module)
    except msgspec.ValidationError as error:
        raise ValueError(placed(str(error), place)) from None


def _module(name: str, row: ModuleType, read: _Module, place: str, base_url: str) -> Module:
    target = read.target or _Target()
    url = read.url or target.url
    _require(row, read, url, place)
    return Module(
        type=name,
        key=read.key,
        name=_text(read.name) or read.key,
        url=url,
        location=read.location or row.location,
        cacheable=read.cacheable,
        weight=read.weight,
        conditions=tuple(_condition(part, place) for part in read.conditions),
        target=_opened(name, read.target),
        context=_context(row, url, read.context, base_url),
        options=_options(row, read, target),
        icon=read.icon.url if read.icon else read.icon_url or read.thumbnail_url or "",
        tooltip=_text(read.tooltip),
        description=_text(read.description),
        params={key: _plain(value) for key, value in read.params.items()},
        pages={page: getattr(read, page).url for page in PAGES if getattr(read, page)},
        actions=_actions(read, place),
    )


def _require(row: ModuleType, read: _Module, url: str, place: str) -> None:
    """What its type asks for; and whatever is opened has an address."""
    for field in row.required:
        if getattr(read, _PYTHON_NAMES[field]) is None:
            raise ValueError(f"Object missing required field `{field}` - at `{place}`")
    is_link = row.shown is Shown.LINK
    opens = is_link or read.target is not None
    if opens and not url and _opened("", read.target) != "dialogmodule":
        where = place if is_link else f"{place}.target"
        raise ValueError(f"Object missing required field `url` - at `{where}`")


def _text(name: _Name | None) -> str:
    return name.value if name else ""


def _opened(name: str, target: _Target | None) -> str:
    """What a link opens; a byline's item opens a small dialog unless it says otherwise."""
    if target is None:
        return "inlinedialog" if name == "contentBylineItems" else "page"
    return target.type.lower().replace("_", "")


def _context(row: ModuleType, url: str, written: str, base_url: str) -> str:
    """What an address is relative to; only a link may lead away from the app."""
    if row.shown is not Shown.LINK:
        return "addon"
    try:
        resolve(base_url, url)
    except ValueError:
        return "web"
    return "addon" if "://" in url.partition("?")[0] else written.lower()


def _options(row: ModuleType, read: _Module, target: _Target) -> dict[str, Any]:
    """What a dialog or a macro is told about its looks."""
    if row.shown is Shown.MACRO:
        names = ("body_type", "output_type", "width", "height", "parameters")
        return {name: getattr(read, name) for name in names}
    if row.shown is Shown.PANEL and read.content:
        return {"content": read.content}
    return {**target.options, **read.options, "configurable": read.configurable}


def _actions(read: _Module, place: str) -> dict[str, str]:
    """The addresses that the site's server calls, by what for."""
    if isinstance(read.actions, list):
        return {action.action_id: action.template_url for action in read.actions}
    actions = {}
    for name, written in read.actions.items():
        try:
            action = msgspec.convert(written, type=_Address)
        except msgspec.ValidationError as error:
            raise ValueError(placed(str(error), f"{place}.actions.{name}")) from None
        actions[name] = action.template_url or action.url
    if read.triggered:
        actions["triggered"] = read.triggered.url
    return actions


def _condition(read: _Condition, place: str, depth: int = 1) -> Condition:
    if depth > DEPTH_MAX:
        raise ValueError(f"conditions are nested too deep - at `{place}.conditions`")
    parts = read.and_ or read.or_ or read.conditions
    if bool(parts) == bool(read.condition):
        raise ValueError(f"a condition has a name or parts - at `{place}.conditions`")
    return Condition(
        name=read.condition,
        invert=read.invert,
        params={key: _plain(value) for key, value in read.params.items()},
        parts=tuple(_condition(part, place, depth + 1) for part in parts),
        any=bool(read.or_) or (bool(read.conditions) and read.type.upper() == "OR"),
    )


def _plain(value: Any) -> str:
    """A parameter as text; what is none, as its JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# ---- addresses ------------------------------------------------------------------------------

CONTEXTS = frozenset({"addon", "product", "page", "web"})
TARGETS = frozenset({"page", "dialog", "inlinedialog", "dialogmodule", "webpanel"})


def _check(module: Module, base_url: str, place: str) -> None:
    """Each address leads where it may, and has one hash."""
    if module.context not in CONTEXTS:
        raise ValueError(f"is none of addon, page, product - at `{place}.context`")
    if module.target not in TARGETS:
        raise ValueError(f"is no target of this site - at `{place}.target.type`")
    # (1) what is opened: by a frame of the site, signed, or by a link
    member = "url" if module.target != "webpanel" else "target.url"
    if module.context == "addon" and module.url:
        check_address(base_url, module.url, f"{place}.{member}", framed=module.framed)
    elif module.url:
        if module.target in ("dialog", "inlinedialog"):
            raise ValueError(f"a dialog is a page of the app - at `{place}.{member}`")
        check_link(module.url, f"{place}.{member}", relative=module.context != "web")
    if module.cacheable and "{jwt}" in module.url:
        raise ValueError(f"a cacheable module has no token - at `{place}.{member}`")
    # (2) what else a browser loads
    for name, url in module.pages.items():
        check_address(base_url, url, f"{place}.{name}.url", framed=True)
    if module.icon:
        check_link(module.icon, f"{place}.icon", relative=True)
    # (3) what the site's server calls
    for name, url in module.actions.items():
        where = f"{place}.triggered.url" if name == "triggered" else f"{place}.actions.{name}"
        _check_action(name, url, base_url, where)
    for condition in _flat(module.conditions):
        if condition.remote:
            check_address(base_url, condition.name, f"{place}.conditions")


def _check_action(name: str, url: str, base_url: str, place: str) -> None:
    """An action that a browser opens may be a page of the provider's anywhere, without a token."""
    absolute = "://" in url.partition("?")[0]
    if name in OPENED and absolute and "jwt" not in variables(url):
        check_link(url, place, relative=False)
    else:
        check_address(base_url, url, place, framed=name in OPENED)


def _flat(conditions: tuple[Condition, ...]) -> Iterator[Condition]:
    for condition in conditions:
        yield condition
        yield from _flat(condition.parts)
