"""The site as an ASGI application for any server, its settings from the environment.

    HEADWAY_HOST_PORT=2990 uvicorn headway.host.asgi:app --port 2990

``app`` is made when it is first asked for; ``create`` makes another.  Site and
media host share the port, under their two names.  The server must listen on
loopback, and must not believe what proxies say (``--no-proxy-headers``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from headway.errors import ConfigurationError
from headway.host.control import Control, control_key
from headway.host.options import environment, settings
from headway.host.running import Running
from headway.host.serve import check_exposure

__all__ = ["create"]


def create(environ: Mapping[str, str] | None = None) -> ASGIApp:
    """The application; ``uvicorn --factory headway.host.asgi:create``.

    Raises ConfigurationError where the settings can not work.
    """
    known = os.environ if environ is None else environ
    given = settings(environment(known))
    check_exposure(given)
    if given.port == 0 or given.media_port not in (0, given.port):
        raise ConfigurationError("port: say where the server listens; the media host has the same")
    if given.name == given.app_name:
        raise ConfigurationError("app_name: the media host needs another name than the site")
    running = Running(given)
    scheme = "http" if given.certificate is None else "https"
    media = f"{given.app_name}:{given.port}"
    running.bind_addresses(f"{scheme}://{given.name}:{given.port}", f"{scheme}://{media}")
    key = control_key(given, known)
    if key is not None and key.made_up:
        raise ConfigurationError("control: needs its token in HEADWAY_CONTROL_TOKEN, or a file")
    site = running.asgi() if key is None else Control(running, key).asgi(running.asgi())
    media_host = running.media_asgi()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(running, receive, send)
            return
        hosts = [value for name, value in scope.get("headers", ()) if name.lower() == b"host"]
        chosen = media_host if hosts == [media.encode()] else site
        await chosen(scope, receive, send)

    return application


async def _live(running: Running, receive: Receive, send: Send) -> None:
    await receive()
    running.site.outbox.attend()  # what an earlier run did not deliver goes out now
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await running.close()
    await send({"type": "lifespan.shutdown.complete"})


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = made = create()
    return made
