"""An app that takes its time over each event, as ASGI or WSGI; for the test of a server's end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette

from headway.app import asgi as on_asgi
from headway.app import fastapi as on_fastapi
from headway.app import starlette as on_starlette
from headway.app import wsgi as on_wsgi
from headway.app.payloads.jira import IssueUpdated
from headway.app.webhooks import EventContext

SECONDS = 0.5


def note(name: str) -> None:
    with Path(os.environ["HEARD"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")


def declared(connect: Any) -> Any:
    @connect.webhook("jira:issue_updated")
    async def updated(event: IssueUpdated, context: EventContext) -> None:
        await asyncio.sleep(SECONDS)
        await context.client.get(f"/rest/api/3/issue/{event.issue.key}")
        note(event.issue.summary)

    return connect


def connect_of(kind: Any) -> Any:
    base_url = os.environ["BASE_URL"]
    return declared(kind(key="slow", name="Slow", base_url=base_url, store="data/slow.db"))


def asgi() -> Any:
    return connect_of(on_asgi.Connect).asgi()


def starlette() -> Any:
    connect = connect_of(on_starlette.Connect)
    return Starlette(routes=connect.routes, lifespan=connect.lifespan)


def fastapi() -> Any:
    app = FastAPI()
    app.include_router(connect_of(on_fastapi.Connect).router)
    return app


def wsgi() -> Any:
    return connect_of(on_wsgi.Connect).wsgi()
