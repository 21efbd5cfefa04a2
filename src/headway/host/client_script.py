"""The client script of apps, ``all.js``, and the styles that it loads: the same for everybody.

Apps load it from the site, or from its public address where a browser is told
to find that name here (:func:`asgi`, docs/bridge.md).
"""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["FOLDERS", "NAME", "asgi", "routes", "script"]

NAME = "connect-cdn.atl-paas.net"
"""Under which the script is public."""

FOLDERS = ("/atlassian-connect", f"/{NAME}")
"""Where the site has it: client scripts read their ``data-options`` under these two alone."""

PARTS = ("vendor/iframe.js", "client-shim.js")
MISSING = "The iframe bridge is missing: run 'make setup'.\n"

_PUBLISHED = 'var CDN_URL = "https://" + CDN_DOMAIN;'
_HERE = """/* Changed by Headway: styles come from where this script came from. */
  var CDN_URL = (document.currentScript && document.currentScript.src ||
    "https://" + CDN_DOMAIN + "/").replace(/\\/[^\\/]*$/, "");"""

HEADERS = {"Cache-Control": "max-age=600", "Access-Control-Allow-Origin": "*"}


@cache
def script() -> bytes:
    """The published script with one line changed, then what apps expect beyond it.

    Raises FileNotFoundError where it was not copied from npm, ValueError where
    another version of it has no such line.
    """
    published, own = (_file(name).decode() for name in PARTS)
    if _PUBLISHED not in published:
        raise ValueError("this client script does not say where its styles are")
    return f"{published.replace(_PUBLISHED, _HERE)}\n{own}".encode()


def _file(name: str) -> bytes:
    return (files("headway.host") / "static" / name).read_bytes()


def routes(folder: str = "") -> list[BaseRoute]:
    """The script and its styles below *folder*."""
    return [
        Route(f"{folder}/all.js", _answer(lambda _: script())),
        Route(f"{folder}/surfaces.css", _answer(_style)),
        Route(f"{folder}/legacy-text-colors.css", _answer(_style)),
        Route(f"{folder}/themes/{{name}}", _answer(_style)),
    ]


def _style(request: Request) -> bytes:
    """A style by the last part of its address, which is a name and nothing else."""
    path = PurePosixPath(request.url.path)
    if path.suffix != ".css" or path.name != path.name.replace("\\", ""):
        raise FileNotFoundError
    return _file(f"vendor/styles/{path.name}")


def _answer(read: Callable[[Request], bytes]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            body = read(request)
        except FileNotFoundError:
            missing = request.url.path.endswith("/all.js")
            return PlainTextResponse(
                MISSING if missing else "No such file.\n", 503 if missing else 404
            )
        kind, _ = mimetypes.guess_type(request.url.path)
        return Response(body, media_type=kind, headers=HEADERS)

    return answer


def asgi() -> ASGIApp:
    """The script at its public address, and nothing else; for a browser that is told so."""
    app = Starlette(routes=routes())

    async def only_here(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            if [host.partition(b":")[0] for host in hosts] != [NAME.encode()]:
                refusal = PlainTextResponse("This is another address.\n", 421)
                await refusal(scope, receive, send)
                return
        await app(scope, receive, send)

    return only_here
