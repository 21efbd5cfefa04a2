"""A Connect app on Django: one panel, and one call from its script to its own back end."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import include, path

from headway.app.django import Connect, SyncContext

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:3000")
settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "of a project on this machine"),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["headway.app.django"],
    MIDDLEWARE=["headway.app.django.middleware.ConnectMiddleware"],
    HEADWAY_CONNECT=f"{__name__}.connect",
)
connect = Connect(key="hello", name="Hello", base_url=BASE_URL, store="hello-data/hello.db")


@connect.panel("Hello", location="atl.jira.view.issue.right.context")
def hello(request: HttpRequest, context: SyncContext) -> str:
    """The panel: its script asks for a token and sends it in a header."""
    return f"""<!doctype html><p id="who">...</p><script src="{context.client_script}"></script>
        <script>AP.context.getToken(token =>
          fetch("me", {{headers: {{Authorization: "JWT " + token}}}})
            .then(answer => answer.json()).then(me => {{ who.textContent = me.displayName }}))
        </script>"""


@connect.context_route("/me")
def me(request: HttpRequest, context: SyncContext) -> object:
    """What the site says about the app's own user."""
    return context.client.get("/rest/api/3/myself").json()


urlpatterns = [path("", include(connect.urls))]
app, asgi = get_wsgi_application(), get_asgi_application()
