"""Post functions for administrators: which app's function is on which transition, and set up how.

The pages on which a function is set up are the app's own (``create``, ``edit``
and ``view`` of its module), in a frame; what such a page gives to the bridge
is kept when the administrator says so ("Workflow post function").
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.descriptor import Module
from headway.host.events.post_functions import CONFIGURATION_MAX, Rule
from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world.catalog import TRANSITIONS, Transition

if TYPE_CHECKING:
    from headway.host.apps import App
    from headway.host.site import Site

__all__ = ["routes"]

PATH = "/post-functions"


def routes(site: Site) -> list[BaseRoute]:
    """The list, and a form for one function: a new one, or one that is there."""
    pages = (
        ("GET", PATH, _list),
        ("POST", PATH, _add),
        ("GET", f"{PATH}/new", _new),
        ("GET", f"{PATH}/{{id}}", _edit),
        ("POST", f"{PATH}/{{id}}", _change),
        ("POST", f"{PATH}/{{id}}/remove", _remove),
    )
    return [
        Route(path, visited(site, Who.ADMIN, page), methods=[verb]) for verb, path, page in pages
    ]


async def _list(visit: Visit) -> Response:
    return _list_page(visit)


def _list_page(visit: Visit, status: int = 200, error: str = "") -> Response:
    functions = visit.site.post_functions
    offered = functions.offered()
    return visit.page(
        "post_functions.html",
        status,
        frames=[app for app, module in offered if "view" in module.pages],
        error=error,
        offered=offered,
        functions={(app.key, module.key): module for app, module in offered},
        rules=functions.all(),
        transitions=TRANSITIONS,
    )


# ---- a new one ------------------------------------------------------------------------------


async def _new(visit: Visit) -> Response:
    """The form in which the app's own page, if it has one, is asked what to keep."""
    query = visit.request.query_params
    try:
        step, app, module = _chosen(visit, query.get("transition", ""), query.get("function", ""))
    except ValueError as error:
        return _list_page(visit, 400, str(error))
    return _form(visit, app, module, step)


def _chosen(visit: Visit, transition: str, function: str) -> tuple[Transition, App, Module]:
    """What a form names; raises ValueError with a text for people."""
    step = next((step for step in TRANSITIONS if str(step.id) == transition), None)
    if step is None:
        raise ValueError("There is no such transition.")
    for app, module in visit.site.post_functions.offered():
        if f"{app.key} {module.key}" == function:
            return step, app, module
    raise ValueError("No installed app has such a function.")


async def _add(visit: Visit) -> Response:
    form = visit.form
    try:
        step, app, module = _chosen(visit, form.get("transition", ""), form.get("function", ""))
    except ValueError as error:
        return _list_page(visit, 400, str(error))
    try:
        visit.site.post_functions.add(
            step.id, app.key, module.key, _configuration(visit), form.get("id", "")
        )
    except ValueError as error:
        return _form(visit, app, module, step, status=400, error=str(error))
    return see_other(PATH)


def _configuration(visit: Visit) -> str:
    return visit.text("configuration") or ""


def _form(
    visit: Visit,
    app: App,
    module: Module,
    step: Transition | None,
    rule: Rule | None = None,
    status: int = 200,
    error: str = "",
) -> Response:
    page = "create" if rule is None else "edit"
    sent = visit.text("configuration")
    kept = rule.configuration if rule else ""
    return visit.page(
        "post_function.html",
        status,
        frames=[app] if page in module.pages else [],
        app=app,
        module=module,
        step=step,
        rule=rule,
        id=rule.id if rule else visit.form.get("id") or str(uuid.uuid4()),
        page=page if page in module.pages else "",
        configuration=kept if sent is None else sent,
        limit=CONFIGURATION_MAX,
        error=error,
    )


# ---- one that is there ----------------------------------------------------------------------


def _there(visit: Visit) -> tuple[Rule, App, Module]:
    """The rule that the address names, whose app still has the function."""
    wanted = visit.request.path_params["id"]
    for rule in visit.site.post_functions.all():
        if rule.id != wanted:
            continue
        for app, module in visit.site.post_functions.offered():
            if (app.key, module.key) == (rule.app_key, rule.module_key):
                return rule, app, module
    raise HTTPException(404, "There is no such function, or no longer.")


async def _edit(visit: Visit) -> Response:
    rule, app, module = _there(visit)
    return _form(visit, app, module, rule.step, rule)


async def _change(visit: Visit) -> Response:
    rule, app, module = _there(visit)
    try:
        visit.site.post_functions.configure(
            rule.id, app.key, _configuration(visit), disabled=rule.disabled
        )
    except ValueError as error:
        return _form(visit, app, module, rule.step, rule, 400, str(error))
    return see_other(PATH)


async def _remove(visit: Visit) -> Response:
    if not visit.site.post_functions.remove(visit.request.path_params["id"]):
        raise HTTPException(404, "There is no such function, or no longer.")
    return see_other(PATH)
