"""Modules that an app adds after it was installed (Connect: "Dynamic modules")."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.apps import App
from headway.host.rest.call import Call, Endpoint, Rejected

__all__ = ["ENDPOINTS", "MODULES_MAX"]

MODULES_MAX = 100
"""How many an app may add in one installation ("Restrictions")."""

NO_APP = "The request is not from a Connect app."


def _message(status: int, message: str) -> Rejected:
    return Rejected(JSONResponse({"message": message}, status))


def _app(call: Call) -> App:
    """The app itself: a user in its page may not."""
    app = call.tenant.apps.get(call.actor.app_key or "") if call.actor.kind == "app" else None
    if app is None or call.actor.account_id != app.account_id:
        raise _message(401, NO_APP)
    return app


def _added(app: App) -> dict[str, list[Any]]:
    """What the app added so far, by type, as it sent it."""
    found: dict[str, list[Any]] = json.loads(app.added)
    return found


def _key(module: Any) -> Any:
    """A module's key; those of types that this site does not know are checked by nobody."""
    return module.get("key") if isinstance(module, dict) else None


async def _list(call: Call) -> Response:
    return JSONResponse(_added(_app(call)))


async def _add(call: Call) -> Response:
    app = _app(call)
    given = await call.body()
    added = _added(app)
    for kind, modules in given.items():
        if not isinstance(modules, list):
            raise _message(400, f"The modules of a type are a list - at `$.{kind[:50]}`")
        added.setdefault(kind, []).extend(modules)
    keys = [_key(one) for kind in added.values() for one in kind]
    twice = sorted({key for key in keys if isinstance(key, str) and keys.count(key) > 1})
    if twice:
        named = ", ".join(twice)[:200]
        raise _message(400, f"The app {app.key} has duplicate module keys: [{named}].")
    if len(keys) > MODULES_MAX:
        raise _message(400, f"An app adds at most {MODULES_MAX} modules.")
    try:
        call.tenant.apps.change(app.key, added=json.dumps(added))
    except ValueError as error:
        raise _message(400, str(error)) from None
    return Response(status_code=200)


async def _remove(call: Call) -> Response:
    """Remove those that are named, of which some may not be there; without a name all."""
    app = _app(call)
    keys = set(call.request.query_params.getlist("moduleKey"))
    left = {
        kind: [one for one in modules if keys and _key(one) not in keys]
        for kind, modules in _added(app).items()
    }
    kept = {kind: modules for kind, modules in left.items() if modules}
    call.tenant.apps.change(app.key, added=json.dumps(kept))
    return Response(status_code=204)


ENDPOINTS = tuple(
    Endpoint(method, f"{base}/rest/atlassian-connect/1/app/module/dynamic", answer)
    for base in ("", "/wiki")
    for method, answer in (("GET", _list), ("POST", _add), ("DELETE", _remove))
)
