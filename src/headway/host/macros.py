"""Macros of installed apps in a page: a frame, or HTML that the app is asked for.

A ``dynamicContentMacros`` module is shown in a frame of the app; for a
``staticContentMacros`` one the site asks the app, with the token in the header,
and cleans what it gets (Connect: "Dynamic content macro", "Static content
macro").  A macro's name is the key of its module.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from headway.errors import HeadwayError
from headway.host.body_view import Links, sanitised, view
from headway.host.storage_format import Macro, macros, parse
from headway.host.world import Content, Space, User, World

if TYPE_CHECKING:
    from headway.descriptor import Module
    from headway.host.apps import App
    from headway.host.tenant import Tenant

__all__ = [
    "DYNAMIC",
    "STATIC",
    "Offer",
    "body_html",
    "find",
    "frames",
    "macro_context",
    "macro_hash",
    "offer",
    "rendering",
    "used",
    "values_of",
]

DYNAMIC, STATIC = "dynamicContentMacros", "staticContentMacros"
ASKED_MAX = 20
"""Static macros of one page whose apps are asked; more are refused."""

ANSWER_MAX = 262_144  # bytes of a static macro's HTML
BODY_IN_URL = 128
"""Characters of a macro's body that a URL carries ("Context parameters")."""


class Offer(NamedTuple):
    """A macro as the editor of a page offers it; *parameters* have their declared values."""

    name: str
    app_key: str
    title: str
    has_editor: bool
    body_type: str
    parameters: dict[str, str]


def offer(app: App, module: Module) -> Offer:
    """What the editor has to know of a macro of *app*'s ("Dynamic content macro")."""
    declared = [one for one in module.options["parameters"] if one.get("identifier")]
    return Offer(
        name=module.key,
        app_key=app.key,
        title=module.name,
        has_editor="editor" in module.pages,
        body_type=module.options["body_type"],
        parameters={str(one["identifier"]): _default(one) for one in declared},
    )


def _default(parameter: Mapping[str, object]) -> str:
    value = parameter.get("defaultValue", "")
    return value if isinstance(value, str) else json.dumps(value)


def find(tenant: Tenant, name: str) -> tuple[App, Module] | None:
    """The enabled app's module that renders macros of this name."""
    for app in tenant.apps.all():
        for module in app.modules if app.enabled else ():
            if module.key == name and module.type in (DYNAMIC, STATIC):
                return app, module
    return None


def frames(tenant: Tenant, body: str) -> list[App]:
    """The apps whose frames a body shows: what a page's policy has to allow."""
    found = (find(tenant, macro.name) for macro in macros(parse(body)))
    return [place[0] for place in found if place and place[1].type == DYNAMIC]


def macro_hash(macro: Macro) -> str:
    """A macro's body in short, as ``macro.hash`` names it.

    >>> len(macro_hash(Macro(id="", name="x", parameters={}, body="text")))
    32
    """
    return hashlib.sha256(macro.body.encode()).hexdigest()[:32]


def macro_context(content: Content, space: Space | None, macro: Macro) -> dict[str, str]:
    """What the address of a macro's module may name.

    A parameter of the macro is a variable of its own; it takes no other's place.
    """
    return {
        **macro.parameters,
        "macro.id": macro.id,
        "macro.hash": macro_hash(macro),
        "macro.body": macro.body[:BODY_IN_URL],
        "macro.truncated": str(len(macro.body) > BODY_IN_URL).lower(),
        "page.id": str(content.id),
        "page.title": content.title,
        "page.type": content.kind,
        "page.version": str(content.version),
        "content.id": str(content.id),
        "content.type": content.kind,
        "content.version": str(content.version),
        **({"space.id": str(space.id), "space.key": space.key} if space else {}),
    }


def used(content: Content | None, name: str, macro_id: str) -> Macro | None:
    """The use of the macro *name* that a page names by its id; None for another macro's."""
    if content is None or not macro_id:
        return None
    found = macros(parse(content.body))
    return next((one for one in found if (one.id, one.name) == (macro_id, name)), None)


def values_of(content: Content | None, space: Space | None, macro: Macro | None) -> dict[str, str]:
    """What the site knows of the use of a macro."""
    return macro_context(content, space, macro) if content and macro else {}


async def body_html(
    tenant: Tenant, world: World, content: Content, links: Links, account_id: str | None
) -> str:
    """The body of content as HTML for whoever looks at it."""
    space = world.spaces.space_by_id(content.space_id)
    user = world.people.user(account_id) if account_id else None
    return view(content.body, links, await rendering(tenant, content, space, user))


async def rendering(
    tenant: Tenant, content: Content, space: Space | None, user: User | None
) -> Callable[[Macro], str | None]:
    """How the macros of one body are rendered; the apps of static ones are asked now, at once."""
    asked: dict[str, str] = {}
    wanted: list[tuple[Macro, App, Module]] = []
    for macro in macros(parse(content.body)):
        place = find(tenant, macro.name)
        if place is not None and place[1].type == STATIC:
            wanted.append((macro, *place))

    async def ask(macro: Macro, app: App, module: Module) -> None:
        context = macro_context(content, space, macro)
        asked[macro.id] = await _asked(tenant, app, module, context, user)

    await asyncio.gather(*(ask(*each) for each in wanted[:ASKED_MAX]))

    def render(macro: Macro) -> str | None:
        place = find(tenant, macro.name)
        if place is None:
            return None
        app, module = place
        if module.type == STATIC:
            return asked.get(macro.id, _problem("There are too many of them on this page.", app))
        return _frame(app, module, macro_context(content, space, macro))

    return render


async def _asked(
    tenant: Tenant, app: App, module: Module, context: Mapping[str, str], user: User | None
) -> str:
    """The app's HTML, cleaned; asked for by the site itself, with the token in the header."""
    url = app.descriptor.url(module.url, context)
    try:
        body = await tenant.outgoing.ask("static macro", app, url, user, ANSWER_MAX)
    except HeadwayError as error:
        return _problem(f"{error}.", app)
    return sanitised(body.decode("utf-8", "replace"))


def _problem(text: str, app: App) -> str:
    shown = f"A macro of {app.name} can not be shown: {text}"
    return f'<p class="hw-notice" data-tone="warn">{escape(shown)}</p>'


def _frame(app: App, module: Module, context: Mapping[str, str]) -> str:
    """Where the bridge mounts the module; the site looks up anew what the context says."""
    attributes = {
        "data-product": "confluence",
        "data-app-key": app.key,
        "data-module-key": module.key,
        "data-title": module.name,
        "data-context": json.dumps({name: context[name] for name in ("content.id", "macro.id")}),
    }
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f'<div class="hw-module"{written}></div>'
