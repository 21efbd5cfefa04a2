"""What the site's pages ask the site, and what apps get from it without logging in.

The two services under ``/svc/`` make tokens.  They answer the site's own pages
alone, and what a page says about the issue that it shows is looked up anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from headway.descriptor import Condition, Module
from headway.descriptor.addresses import variables
from headway.errors import BodyTooLarge, MalformedRequest
from headway.host import client_script
from headway.host.apps import App
from headway.host.conditions import Asked, hold
from headway.host.events.post_functions import TYPE as POST_FUNCTION
from headway.host.gate import Actor
from headway.host.identity import CSRF_HEADER, csrf_matches
from headway.host.macros import used, values_of
from headway.host.places import find, shown
from headway.host.scene import Scene, Unseen, scene_of
from headway.host.storage_format import Macro
from headway.host.world import User
from headway.http.asgi import read_bounded
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site
    from headway.host.tenant import Tenant

__all__ = ["routes"]

CONDITION = "condition."
LOOKS = (
    "width",
    "height",
    "size",
    "chrome",
    "header",
    "submitText",
    "cancelText",
    "hint",
    "onHover",
)
"""What a module may say about its frame or dialog."""
QUESTION_MAX = 16_384  # bytes


class Question(msgspec.Struct, frozen=True, rename="camel"):
    """What a page asks for: one module of one app, in its place.

    ``page`` names another page of the module's, such as a macro's ``editor``.
    """

    app_key: str
    module_key: str
    product: Product = Product.JIRA
    context: dict[str, str] = {}
    page: str = ""


class Place(NamedTuple):
    """A module as a user sees it, in a scene that the site itself knows."""

    tenant: Tenant
    app: App
    module: Module
    scene: Scene
    page: str
    values: dict[str, str]
    macro: Macro | None = None


class Denied(Exception):
    """Ends a question with an answer that says no."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.answer = JSONResponse({"status": status, "detail": detail}, status)


def routes(site: Site) -> list[BaseRoute]:
    """The services, the site's public key, the client script."""

    async def module_url(request: Request) -> Response:
        try:
            place = await _place(site, request)
            url = place.tenant.outgoing.module_url(
                place.app, place.module, place.values, place.scene.user, place.page
            )
        except Denied as denied:
            return denied.answer
        except MalformedRequest as refusal:
            return Denied(409, f"the module's address: {refusal.title}").answer
        return _told({"url": url, "options": _options(place)})

    async def context_token(request: Request) -> Response:
        try:
            place = await _place(site, request)
        except Denied as denied:
            return denied.answer
        outgoing, scene = place.tenant.outgoing, place.scene
        token = outgoing.context_token(place.app, place.module, scene.claims, scene.user)
        return _told({"token": token})

    async def install_key(request: Request) -> Response:
        pem = site.keys.public_pem(str(request.path_params["kid"]))
        if pem is None:
            return PlainTextResponse("There is no such key.\n", 404)
        return Response(pem, media_type="application/x-pem-file")

    return [
        Route("/svc/module-url", module_url, methods=["POST"]),
        Route("/svc/context-token", context_token, methods=["POST"]),
        Route("/install-keys/{kid}", install_key),
        Route("/{kid:uuid}", install_key),  # some apps drop the path of a key server's address
        *(route for folder in client_script.FOLDERS for route in client_script.routes(folder)),
    ]


def _told(answer: dict[str, Any]) -> Response:
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _options(place: Place) -> dict[str, Any]:
    """What the page is told of the module: its looks, and the context for display."""
    module = place.module
    wished = {name: module.options[name] for name in LOOKS if name in module.options}
    macro = place.macro
    if macro is not None:  # for AP.confluence.getMacroData and getMacroBody
        kept = {"id": macro.id, "parameters": macro.parameters, "body": macro.body}
        wished["macro"] = kept
    return {
        **wished,
        "isFullPage": module.fills_page,
        "title": module.name,
        "context": place.scene.claims,
    }


async def _place(site: Site, request: Request) -> Place:
    # (1) one of the site's own pages, with a user before it or with nobody
    user = _user(site, request)
    # (2) a module that there is, and that opens something
    question = await _question(request)
    tenant = site.confluence if question.product is Product.CONFLUENCE else site.jira
    found = find(tenant, question.app_key, question.module_key)
    if found is None:
        raise Denied(404, "no installed app has this module")
    app, module = found
    opened = module.pages.get(question.page) if question.page else module.framed
    if not opened:
        raise Denied(404, "this module opens no page")
    # (3) in a place that the user may see, where its conditions hold
    actor = Actor(kind="user", account_id=user.account_id) if user else Actor(kind="anonymous")
    try:
        scene = scene_of(site, tenant.product, question.context, actor, user)
    except Unseen as unseen:
        raise Denied(404, str(unseen)) from None
    asked = Asked(site, tenant, app, scene, actor)
    if not await shown(asked, module):
        raise Denied(404, "the conditions of this module do not hold here")
    own = _parameters(module, question.context)
    set_up = _set_up(site, user, app, module, question)
    # What the site knows of a macro comes before what its page says; a parameter takes no place.
    macro = used(scene.content, module.key, question.context.get("macro.id", ""))
    known = values_of(scene.content, scene.space, macro)
    own |= known
    use = {name: value for name, value in known.items() if name.startswith("macro.")}
    values = {**own, **scene.variables, **use, **set_up, **await _conditions(asked, module)}
    return Place(tenant, app, module, scene, question.page, values, macro)


def _parameters(module: Module, context: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a macro, which its address may name like what the page is about."""
    declared = {str(one.get("identifier", "")) for one in module.options.get("parameters", ())}
    return {name: context[name] for name in declared & context.keys()}


def _set_up(
    site: Site, user: User | None, app: App, module: Module, question: Question
) -> dict[str, str]:
    """What a post function is set to, for the app's own page on which an administrator does so.

    A function that is not there yet has an id alone ("Workflow post function").
    """
    if module.type != POST_FUNCTION:
        return {}
    if user is None or not user.admin:
        raise Denied(403, "post functions are set up by administrators")
    rule = site.post_functions.rule(question.context.get("postFunction.id", ""), app.key)
    if rule is not None and rule.module_key == module.key:
        return {"postFunction.config": rule.configuration}
    if question.page != "create":
        raise Denied(404, "there is no such post function")
    return {"postFunction.config": ""}


async def _conditions(asked: Asked, module: Module) -> dict[str, str]:
    """Conditions that an address names: ``{condition.user_is_admin}`` is ``true`` or ``false``."""
    named = [name for name in variables(module.url) if name.startswith(CONDITION)]
    return {
        name: str(await hold([Condition(name=name.removeprefix(CONDITION))], asked)).lower()
        for name in named
    }


def _user(site: Site, request: Request) -> User | None:
    """Who looks at the page that asks; None for a page that was made for nobody in particular."""
    session = site.identity.session(request)
    sent = request.headers.get(CSRF_HEADER)
    if request.headers.getlist("origin") != [site.base_url]:
        raise Denied(403, "only the site's own pages may ask")
    if session is None:
        if sent:  # made for somebody whose session is over
            raise Denied(401, "log in first")
        return None
    user = site.world.people.user(session.account_id)
    if user is None or not csrf_matches(session, sent):
        raise Denied(403, "only the site's own pages may ask")
    return user


async def _question(request: Request) -> Question:
    try:
        body = await read_bounded(request.receive, QUESTION_MAX)
        return msgspec.json.decode(body, type=Question)
    except (msgspec.MsgspecError, BodyTooLarge, UnicodeDecodeError, RecursionError):
        raise Denied(400, "not a question for a module") from None
