"""A Connect app on FastAPI: one panel, and one call from its script to its own back end."""

import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI

from headway.app.fastapi import Connect, Context

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")
connect = Connect(key="hello", name="Hello", base_url=BASE_URL, store="hello-data/hello.db")
Here = Annotated[Context, Depends(connect.context)]


@connect.panel("Hello", location="atl.jira.view.issue.right.context")
async def hello(context: Here) -> str:
    """The panel: its script asks for a token and sends it in a header."""
    return f"""<!doctype html><p id="who">...</p><script src="{context.client_script}"></script>
        <script>AP.context.getToken(token =>
          fetch("me", {{headers: {{Authorization: "JWT " + token}}}})
            .then(answer => answer.json()).then(me => {{ who.textContent = me.displayName }}))
        </script>"""


@connect.context_route("/me")
async def me(context: Here) -> dict[str, Any]:
    """What the site says about the app's own user."""
    return (await context.client.get("/rest/api/3/myself")).json()


app = FastAPI()
app.include_router(connect.router)
