"""A Connect app on Flask: one panel, and one call from its script to its own back end."""

import os

from flask import Flask

from headway.app.flask import Connect, SyncContext

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")
connect = Connect(key="hello", name="Hello", base_url=BASE_URL, store="hello-data/hello.db")


@connect.panel("Hello", location="atl.jira.view.issue.right.context")
def hello(context: SyncContext) -> str:
    """The panel: its script asks for a token and sends it in a header."""
    return f"""<!doctype html><p id="who">...</p><script src="{context.client_script}"></script>
        <script>AP.context.getToken(token =>
          fetch("me", {{headers: {{Authorization: "JWT " + token}}}})
            .then(answer => answer.json()).then(me => {{ who.textContent = me.displayName }}))
        </script>"""


@connect.context_route("/me")
def me(context: SyncContext) -> object:
    """What the site says about the app's own user."""
    return context.client.get("/rest/api/3/myself").json()


app = Flask(__name__)
connect.init_app(app)
