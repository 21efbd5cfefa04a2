"""One node of an app that runs on several: ``node_app.py``, told by its environment.

STORE is the address of the database, BASE_URL the app's, REDIS where its
tickets are (else in the database).  A line on standard output says the port;
the end of standard input stops it.  The two times that a promise is about are
seconds here and not minutes: OVERLAP and CACHE_LIFE.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from headway.app.context import SyncContext
from headway.app.starlette import Connect, Context
from headway.http.server import listen
from headway.store.installations import Installations
from headway.store.redis import RedisOnce


async def me(request: Request, context: Context) -> object:
    site = context.installation
    return {"base_url": site.base_url, "description": site.description, "cloud_id": site.cloud_id}


async def file(request: Request, context: Context) -> str:
    return "the file"


def link(request: Request, context: SyncContext) -> object:  # in a thread: it waits for a store
    return {"link": str(context.token_url("/file"))}


def node() -> Connect:
    """The app, as the environment says."""
    redis_url = os.environ.get("REDIS")
    connect = Connect(
        key="nodes",
        name="Nodes",
        base_url=os.environ["BASE_URL"],
        store=os.environ["STORE"],
        once=RedisOnce(redis_url) if redis_url else None,
    )
    assert isinstance(connect.store, Installations)
    connect.store._overlap = int(os.environ.get("OVERLAP", "300"))
    connect.store._cache._life = float(os.environ.get("CACHE_LIFE", "60"))
    connect.context_route("/me")(me)
    connect.ticket_route("/file")(file)
    connect.context_route("/link")(link)
    return connect


async def main() -> None:
    connect = node()
    sockets = listen(0, ("127.0.0.1",))
    config = uvicorn.Config(
        Starlette(routes=connect.routes),
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets))
    print(sockets[0].getsockname()[1], flush=True)  # noqa: T201 - for whoever started it
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main())
