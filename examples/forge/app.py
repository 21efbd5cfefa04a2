"""One app on Connect and on Forge: both write the same note about an issue."""

import html
import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from headway.app.forge import Forge
from headway.app.forge_keys import Environment
from headway.app.starlette import Connect, Context

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")
APP_ID = os.environ.get("FORGE_APP_ID", "406d303d-0393-4ec4-ad7c-1435be94583a")
environment: Environment | str = "production"
if "FORGE_KEYS" in os.environ:  # a Forge on this machine; http needs development mode
    environment = Environment(keys=os.environ["FORGE_KEYS"], api=os.environ["FORGE_API"])

connect = Connect(
    key="notes",
    name="Notes",
    base_url=BASE_URL,
    store="notes-data/notes.db",
    forge=Forge(APP_ID, environment),
)
notes: dict[tuple[str, str], str] = {}  # what a site says about an issue, by clientKey and key


@connect.panel("Note", location="atl.jira.view.issue.right.context", url="/panel?issue={issue.key}")
async def panel(request: Request, context: Context) -> str:
    """What stays: a Connect panel, with the Connect token in its address."""
    note = notes.get((context.installation.client_key, request.query_params["issue"]))
    return f"<!doctype html><p>{html.escape(note or 'No note yet.')}</p>"


@connect.forge_route("/note")
async def write_note(request: Request, context: Context) -> object:
    """What is new: Forge's own front end writes by ``invokeRemote``, for the same site."""
    user, shown = context.forge.client("user"), context.module.issue
    if shown is None:
        return {"saved": False}
    # The token proves the site and the user, not what the user looks at: ask as the user.
    issue = (await user.get(f"/rest/api/3/issue/{shown.key}")).json()
    me = (await user.get("/rest/api/3/myself")).json()
    text = str((await request.json())["text"])[:200]
    notes[context.installation.client_key, issue["key"]] = f"{text} ({me['displayName']})"
    return {"saved": True}


app = Starlette(routes=connect.routes)
if __name__ == "__main__":  # a log of addresses would hold the tokens of pages
    uvicorn.run(app, port=3000, access_log=False, proxy_headers=False)
