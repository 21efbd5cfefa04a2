"""A Connect app on plain WSGI: one panel, and one call from its script to its own back end."""

import os
from wsgiref.simple_server import make_server

from headway.app.raw_target import RawTargetHandler
from headway.app.wsgi import Connect, Request, SyncContext

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")
connect = Connect(key="hello", name="Hello", base_url=BASE_URL, store="hello-data/hello.db")


@connect.panel("Hello", location="atl.jira.view.issue.right.context")
def hello(request: Request, context: SyncContext) -> str:
    """The panel: its script asks for a token and sends it in a header."""
    return f"""<!doctype html><p id="who">...</p><script src="{context.client_script}"></script>
        <script>AP.context.getToken(token =>
          fetch("me", {{headers: {{Authorization: "JWT " + token}}}})
            .then(answer => answer.json()).then(me => {{ who.textContent = me.displayName }}))
        </script>"""


@connect.context_route("/me")
def me(request: Request, context: SyncContext) -> object:
    """What the site says about the app's own user."""
    return context.client.get("/rest/api/3/myself").json()


app = connect.wsgi()
if __name__ == "__main__":  # for development; gunicorn serves the app as it is
    port = int(os.environ.get("PORT", "3000"))
    make_server("127.0.0.1", port, app, handler_class=RawTargetHandler).serve_forever()
